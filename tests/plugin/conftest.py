"""Fixtures of all plugin tests: a real engine process in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr

from satclip_qgis.provision.engine_file import process_exists
from satclip_qgis.settings import Settings, save_settings

ROOT = Path(__file__).resolve().parents[2]
ENGINE_PYTHON = ROOT / ".venv" / "engine" / "bin" / "python"


@pytest.fixture(scope="session")
def engine_python() -> Path:
    """The interpreter of the engine's environment."""
    if not ENGINE_PYTHON.exists():
        pytest.skip("needs the engine's environment: make engine")
    return ENGINE_PYTHON


@pytest.fixture(scope="session")
def tiny_models(engine_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder that holds ``tiny``: random weights, made by the engine's Python."""
    folder = tmp_path_factory.mktemp("models")
    code = "import sys; from pathlib import Path; from tests.engine.helpers.tiny_model import write_tiny_model as w; "
    code += "w(Path(sys.argv[1]))"
    subprocess.run([str(engine_python), "-c", code, str(folder / "tiny")], check=True, cwd=ROOT, timeout=120)
    return folder


@pytest.fixture
def home(
    tmp_path: Path, engine_python: Path, tiny_models: Path, qgis_app: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A data folder of its own and settings that name the engine's Python; an engine left running there is ended."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SATCLIP_MODELS", str(tiny_models))
    save_settings(Settings(engine_python=str(engine_python), data_dir=str(folder)))
    yield folder
    save_settings(Settings())
    end_engine(folder)


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    """A small georeferenced image: 0.5 m, UTM zone 32, green with a blue lake."""
    image = np.empty((3, 160, 200), np.uint8)
    image[:] = np.array([90, 140, 70], np.uint8)[:, None, None]
    image[:, 40:120, 30:120] = np.array([30, 70, 160], np.uint8)[:, None, None]
    noise = np.random.default_rng(1).integers(-12, 12, image.shape)
    return write_raster(tmp_path / "lake.tif", np.clip(image + noise, 0, 255).astype(np.uint8))


def write_raster(path: Path, image: np.ndarray) -> Path:
    """Write ``image`` (bands, height, width) as a GeoTIFF and return its path."""
    bands, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, gdal.GDT_Byte)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(25832)
    dataset.SetProjection(crs.ExportToWkt())
    dataset.SetGeoTransform((356_000.0, 0.5, 0.0, 5_645_000.0, 0.0, -0.5))
    dataset.WriteArray(image)
    dataset.FlushCache()
    return path


def engine_pid(folder: Path) -> int:
    """Return the process id of the engine that runs in ``folder``."""
    return int(json.loads((folder / "engine.json").read_text(encoding="utf-8"))["pid"])


def end_engine(folder: Path, sig: signal.Signals = signal.SIGTERM) -> None:
    """End the engine of ``folder``, if one runs, and wait for its end."""
    try:
        pid = engine_pid(folder)
        os.kill(pid, sig)
    except (FileNotFoundError, ProcessLookupError):
        return
    deadline_s = time.monotonic() + 20
    while process_exists(pid) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not process_exists(pid)
