"""What is in the zip, and what is not."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.plugin.conftest import ROOT


@pytest.fixture(scope="module")
def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return file.namelist()


def test_there_is_one_folder_with_all_that_qgis_and_the_engine_need(names: list[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"satclip_qgis"}
    needed = {
        "__init__.py",
        "metadata.txt",
        "LICENSE",
        "protocol.py",
        "engine/pyproject.toml",
        "engine/satclip_engine/protocol/__init__.py",
        "engine/satclip_engine/worker/main.py",
        "engine/requirements/cpu.lock",
        "engine/requirements/cuda.lock",
        "resources/models/mini/open_clip_config.json",
        "resources/icons/satclip.svg",
    }
    assert {f"satclip_qgis/{name}" for name in needed} - set(names) == set()


def test_nothing_compiled_no_test_and_no_hidden_file_is_in_it(names: list[str]) -> None:
    forbidden = (".pyc", ".so", ".pyd", ".dll", ".dylib", ".exe", ".whl", ".pt", ".pkl")
    assert [name for name in names if name.endswith(forbidden)] == []
    parts = {part for name in names for part in name.split("/")[1:]}
    assert not {"__pycache__", "tests", "build"} & parts
    assert [part for part in parts if part.startswith(".")] == []


def test_the_metadata_has_what_qgis_asks_for(archive: Path, names: list[str]) -> None:
    with zipfile.ZipFile(archive) as file:
        text = file.read("satclip_qgis/metadata.txt").decode("utf-8")
    metadata = configparser.ConfigParser()
    metadata.read_string(text)
    general = metadata["general"]
    for key in ("name", "qgisMinimumVersion", "description", "about", "version", "author", "email", "icon"):
        assert general[key], key
    assert general["hasProcessingProvider"] == "yes"
    assert f"satclip_qgis/{general['icon']}" in names
    assert archive.name == f"satclip_qgis-{general['version']}.zip"


def test_the_same_sources_give_the_same_zip(archive: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "package.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()
