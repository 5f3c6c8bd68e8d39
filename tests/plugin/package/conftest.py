"""The zip, built once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import ROOT


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's zip as ``make package`` writes it, checks by bandit and detect-secrets included."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(ROOT / "scripts" / "package.py"), "--out", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return next(folder.glob("satclip_qgis-*.zip"))


@pytest.fixture(scope="session")
def qgis_process() -> str:
    """The program ``qgis_process``; Debian's wrapper passes it an option that it refuses."""
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        pytest.skip("needs qgis_process")
    return program
