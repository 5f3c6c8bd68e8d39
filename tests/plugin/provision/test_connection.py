"""Finding, starting, losing and restarting a real engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from satclip_qgis.client.problems import EngineProblem
from satclip_qgis.protocol import Event
from satclip_qgis.provision.connection import ABSENT, FAILED, READY, STARTING, STOPPED, EngineConnection
from satclip_qgis.provision.waiting import wait_for_engine
from satclip_qgis.settings import Settings, load_settings, save_settings
from tests.plugin.conftest import end_engine, engine_pid

PATIENCE_MS = 30_000


@pytest.fixture
def connection(qgis_app: object) -> Iterator[EngineConnection]:
    connection = EngineConnection()
    yield connection
    connection.close()


@pytest.fixture
def states(connection: EngineConnection) -> list[str]:
    seen: list[str] = []
    connection.state_changed.connect(lambda state, _message: seen.append(state))
    return seen


def wait_for_state(connection: EngineConnection, state: str, qtbot: object) -> None:
    qtbot.waitUntil(lambda: connection.state == state, timeout=PATIENCE_MS)


def test_without_an_installation_the_engine_is_absent(
    home: Path, connection: EngineConnection, states: list[str]
) -> None:
    save_settings(Settings(data_dir=str(home)))
    connection.start()
    assert states == [ABSENT]
    assert not (home / "logs").exists()
    with pytest.raises(EngineProblem) as caught:
        wait_for_engine(load_settings(), lambda: False)
    assert caught.value.problem.code == "engine.absent"


def test_looking_starts_nothing(home: Path, connection: EngineConnection) -> None:
    connection.refresh()
    assert connection.state == STOPPED
    assert not home.exists()


def test_start_brings_events_and_stop_ends_the_process(
    home: Path, connection: EngineConnection, states: list[str], qtbot: object
) -> None:
    events: list[Event] = []
    connection.event_received.connect(events.append)
    connection.start()
    wait_for_state(connection, READY, qtbot)
    assert states == [STARTING, READY]
    assert connection.client is not None
    assert connection.hello is not None
    pid = engine_pid(home)
    qtbot.waitUntil(lambda: any(event.type == "engine" for event in events), timeout=PATIENCE_MS)
    connection.stop()
    wait_for_state(connection, STOPPED, qtbot)
    assert connection.client is None
    qtbot.waitUntil(lambda: not _runs(pid), timeout=PATIENCE_MS)


def test_a_running_engine_is_found_by_a_second_window(home: Path, connection: EngineConnection, qtbot: object) -> None:
    connection.start()
    wait_for_state(connection, READY, qtbot)
    pid = engine_pid(home)
    second = EngineConnection()
    try:
        second.refresh()
        wait_for_state(second, READY, qtbot)
    finally:
        second.close()
    assert engine_pid(home) == pid
    assert wait_for_engine(load_settings(), lambda: False).hello().instance == connection.hello.instance


def test_closing_a_window_leaves_the_engine_running(home: Path, connection: EngineConnection, qtbot: object) -> None:
    connection.start()
    wait_for_state(connection, READY, qtbot)
    connection.close()
    assert connection.client is None
    assert _runs(engine_pid(home))


def test_a_killed_engine_is_noticed_and_can_be_started_again(
    home: Path, connection: EngineConnection, qtbot: object
) -> None:
    connection.start()
    wait_for_state(connection, READY, qtbot)
    first = connection.hello.instance
    end_engine(home, signal.SIGKILL)
    wait_for_state(connection, STOPPED, qtbot)
    assert connection.client is None
    connection.start()
    wait_for_state(connection, READY, qtbot)
    assert connection.hello.instance != first


def test_restart_gives_another_instance(home: Path, connection: EngineConnection, qtbot: object) -> None:
    connection.start()
    wait_for_state(connection, READY, qtbot)
    first, pid = connection.hello.instance, engine_pid(home)
    connection.restart()
    qtbot.waitUntil(lambda: connection.hello is not None and connection.hello.instance != first, timeout=PATIENCE_MS)
    assert connection.state == READY
    assert not _runs(pid)


def test_an_engine_that_ends_at_once_is_a_failure_with_its_last_lines(
    home: Path, connection: EngineConnection, qtbot: object, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'No module named torch' >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    save_settings(Settings(engine_python=str(program), data_dir=str(home)))
    connection.start()
    wait_for_state(connection, FAILED, qtbot)
    assert connection.problem is not None
    assert connection.problem.code == "engine.start_failed"
    assert "No module named torch" in connection.problem.params["last_lines"]
    assert connection.problem.remedy in connection.message


def test_a_program_that_does_not_exist_is_a_failure(home: Path, connection: EngineConnection) -> None:
    save_settings(Settings(engine_python=str(home / "nothing"), data_dir=str(home)))
    connection.start()
    assert connection.state == FAILED


def test_an_engine_file_that_others_can_read_is_refused(
    home: Path, connection: EngineConnection, qtbot: object
) -> None:
    connection.start()
    wait_for_state(connection, READY, qtbot)
    connection.close()
    (home / "engine.json").chmod(0o644)
    connection.refresh()
    assert connection.state == FAILED
    assert connection.problem.code == "engine.untrusted"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
