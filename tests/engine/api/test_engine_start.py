"""One engine in one data folder, found at once, and nothing heavy in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from satclip_engine.api.engine_file import EngineLock, prepare_data_dir
from satclip_engine.errors import ConflictError, OutputError

from tests.engine.helpers.engine_process import TOY_ENGINE, EngineProcess, wait_until


def test_the_serving_process_has_loaded_neither_torch_nor_rasterio(engine: EngineProcess) -> None:
    engine.call("GET", "/v1/hello")
    maps = Path(f"/proc/{engine.file.pid}/maps").read_text()
    assert "libtorch" not in maps
    assert "libgdal" not in maps
    assert "numpy" not in maps


def test_a_second_engine_in_the_folder_is_refused_and_the_first_stays(engine: EngineProcess) -> None:
    before = engine.file
    second = subprocess.run(
        TOY_ENGINE, env={"SATCLIP_HOME": str(engine.home)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode != 0
    assert "already running" in second.stderr
    assert engine.file == before
    assert engine.call("GET", "/v1/hello")["instance"] == before.instance


def test_a_file_left_by_a_killed_engine_is_replaced(engine: EngineProcess) -> None:
    old = engine.file
    engine.kill()
    assert engine.file == old
    new = engine.start()
    assert new.instance != old.instance
    assert new.token != old.token
    assert engine.call("GET", "/v1/hello")["instance"] == new.instance


def test_an_engine_whose_folder_was_removed_ends_itself_and_its_workers(engine: EngineProcess) -> None:
    wait_until(lambda: engine.call("GET", "/v1/hello")["device"])
    workers = psutil.Process(engine.file.pid).children()
    assert workers
    shutil.rmtree(engine.home)
    assert engine.process.wait(60) == 0
    assert not any(worker.is_running() for worker in workers)


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    lock = EngineLock(tmp_path)
    with pytest.raises(ConflictError) as caught:
        EngineLock(tmp_path)
    assert caught.value.code == "engine.already_running"
    lock.release()
    EngineLock(tmp_path).release()


def test_a_data_folder_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        prepare_data_dir(tmp_path / "file" / "home")
    assert "SATCLIP_HOME" in caught.value.remedy


def test_sigterm_ends_engine_and_workers(engine: EngineProcess) -> None:
    wait_until(lambda: engine.call("GET", "/v1/hello")["device"])
    engine.process.terminate()
    engine.process.wait(60)
    assert not (engine.home / "engine.json").exists()
    assert "engine stopped" in (engine.home / "logs" / "engine.log").read_text()


def test_a_damaged_list_of_jobs_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"this is no database, " * 100)
    run = subprocess.run(
        [sys.executable, "-m", "satclip_engine", "serve"],
        env={"SATCLIP_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 4
    assert run.stderr.startswith("satclip: The list of jobs cannot be read")
    assert len(run.stderr.splitlines()) == 1
