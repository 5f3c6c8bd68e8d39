"""Which ``engine.json`` is trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from satclip_qgis.protocol import EngineFile, to_json
from satclip_qgis.provision.engine_file import EngineFileProblem, process_exists, read_engine_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


def write(folder: Path, pid: int, mode: int = 0o600) -> None:
    path = folder / "engine.json"
    path.write_text(json.dumps(to_json(EngineFile(4242, "token", pid, 1.0, "i"))), encoding="utf-8")
    path.chmod(mode)


def test_a_private_file_of_a_living_process_is_read(folder: Path) -> None:
    write(folder, os.getpid())
    engine = read_engine_file(folder)
    assert engine is not None
    assert (engine.port, engine.token) == (4242, "token")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_file_that_others_can_read_is_not_trusted(folder: Path, mode: int) -> None:
    write(folder, os.getpid(), mode)
    with pytest.raises(EngineFileProblem) as caught:
        read_engine_file(folder)
    assert caught.value.problem.code == "engine.untrusted"


def test_a_folder_that_others_can_enter_is_not_trusted(folder: Path) -> None:
    write(folder, os.getpid())
    folder.chmod(0o755)
    with pytest.raises(EngineFileProblem):
        read_engine_file(folder)


def test_a_file_of_another_user_is_not_trusted(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    write(folder, os.getpid())
    os.chown(folder / "engine.json", 12345, 12345)
    with pytest.raises(EngineFileProblem):
        read_engine_file(folder)


def test_no_file_a_dead_process_or_half_a_file_mean_no_engine(folder: Path) -> None:
    assert read_engine_file(folder) is None
    assert read_engine_file(folder / "missing") is None
    write(folder, 2**22 + 1)
    assert read_engine_file(folder) is None
    (folder / "engine.json").write_text('{"port": 1', encoding="utf-8")
    assert read_engine_file(folder) is None


def test_process_exists() -> None:
    assert process_exists(os.getpid())
    assert not process_exists(0)
    assert not process_exists(-1)
