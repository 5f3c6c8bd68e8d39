"""A worker's pipes: nothing a library prints gets in between, and no worker outlives its supervisor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from satclip_engine.worker.wire import EXIT_ORPHANED

from tests.engine.helpers.engine_process import wait_until

TOY_WORKER = [sys.executable, str(Path(__file__).parents[1] / "helpers" / "toy_worker.py")]


def start(mode: str, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*TOY_WORKER, mode],
        env={"SATCLIP_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def job(out: Path, **options: object) -> bytes:
    message = {"type": "job", "job_id": "1", "kind": "count", "request": {"out": str(out), **options}}
    return json.dumps(message).encode() + b"\n"


def test_a_worker_ends_when_its_supervisor_does(tmp_path: Path) -> None:
    for mode in ("batch", "interactive"):
        with start(mode, tmp_path) as worker:
            worker.stdin.close()
            assert worker.wait(60) == EXIT_ORPHANED


def test_a_worker_ends_in_the_middle_of_its_job(tmp_path: Path) -> None:
    with start("batch", tmp_path) as worker:
        worker.stdin.write(job(tmp_path / "a", steps=10_000))
        worker.stdin.flush()
        wait_until((tmp_path / "a.part").exists)
        worker.stdin.close()
        assert worker.wait(60) == EXIT_ORPHANED


def test_standard_output_carries_messages_only(tmp_path: Path) -> None:
    with start("batch", tmp_path) as worker:
        worker.stdin.write(job(tmp_path / "a", steps=3, manner="noisy"))
        worker.stdin.flush()
        messages = [json.loads(line) for line in worker.stdout]
        printed = worker.stderr.read()
        assert worker.wait(60) == 0
    assert messages[0]["type"] == "started"
    assert messages[-1]["type"] == "succeeded"
    assert printed.count(b"a library prints") == 3
    assert printed.count(b"and C code prints too") == 3


@pytest.mark.parametrize("cancel_first", [True, False])
def test_a_cancel_while_the_worker_starts_is_not_lost(tmp_path: Path, *, cancel_first: bool) -> None:
    cancel, start_job = b'{"type": "cancel"}\n', job(tmp_path / "a", steps=10_000)
    with start("batch", tmp_path) as worker:
        worker.stdin.write(cancel + start_job if cancel_first else start_job + cancel)
        worker.stdin.flush()
        messages = [json.loads(line)["type"] for line in worker.stdout]
        assert worker.wait(60) == 0
    assert (messages[0], messages[-1]) == ("started", "cancelled")
    assert not (tmp_path / "a").exists()


def test_an_unknown_method_is_a_problem_and_not_the_end(tmp_path: Path) -> None:
    with start("interactive", tmp_path) as worker:
        for number, method in enumerate(("dance", "status")):
            worker.stdin.write(json.dumps({"id": number, "method": method, "params": {}}).encode() + b"\n")
        worker.stdin.flush()
        first, second = json.loads(worker.stdout.readline()), json.loads(worker.stdout.readline())
        worker.stdin.close()
        worker.wait(60)
    assert "dance" in first["problem"]["detail"]
    assert second["result"]["device"] == "toy device"
