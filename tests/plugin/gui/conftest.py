"""Fixtures of the interface's tests: a real window, a real engine process, a raster drawn here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, QEvent

from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.settings import Settings, save_settings
from tests.plugin.gui.window import Window

ROOT = Path(__file__).resolve().parents[3]
ENGINE_PYTHON = ROOT / ".venv" / "engine" / "bin" / "python"
PATIENCE_MS = 120_000


def write_raster(path: Path, image: np.ndarray, epsg: int, origin: tuple[float, float], step: float) -> Path:
    """Write ``image`` (bands, height, width) as a GeoTIFF; ``epsg`` 0 leaves the georeference out."""
    gdal.UseExceptions()
    bands, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, gdal.GDT_Byte)
    if epsg:
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(epsg)
        dataset.SetProjection(crs.ExportToWkt())
        dataset.SetGeoTransform((origin[0], step, 0, origin[1], 0, -step))
    dataset.WriteArray(image)
    dataset = None
    return path


def fields_and_lake(height: int = 200, width: int = 300) -> np.ndarray:
    """Draw green fields with a blue lake and grey roofs, seeded."""
    image = np.empty((3, height, width), np.uint8)
    image[:] = np.array([90, 140, 70], np.uint8)[:, None, None]
    image[:, 40:150, 30:140] = np.array([30, 70, 160], np.uint8)[:, None, None]
    image[:, 20:60, 200:280] = np.array([180, 175, 170], np.uint8)[:, None, None]
    noise = np.random.default_rng(1).integers(-12, 12, image.shape)
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    """A georeferenced raster in metres: 0.5 m, UTM 32."""
    return write_raster(tmp_path / "fields.tif", fields_and_lake(), 25832, (356_000.0, 5_645_000.0), 0.5)


@pytest.fixture
def scene(scene_file: Path, project: QgsProject) -> QgsRasterLayer:
    """The raster as a layer of the project."""
    layer = QgsRasterLayer(str(scene_file), "fields")
    assert layer.isValid()
    project.setCrs(layer.crs())
    project.addMapLayer(layer)
    return layer


@pytest.fixture
def project(qgis_app: object) -> Iterator[QgsProject]:
    """An empty project."""
    QgsProject.instance().clear()
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def window(project: QgsProject) -> Iterator[Window]:
    """A QGIS window."""
    window = Window()
    yield window
    window.close()
    _delete_later()


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a tiny random model named ``mini``, made by the engine's Python."""
    if not ENGINE_PYTHON.exists():
        pytest.skip("needs the engine's environment: make engine")
    folder = tmp_path_factory.mktemp("models")
    code = "import sys; from pathlib import Path; from tests.engine.helpers.tiny_model import write_tiny_model; "
    code += "write_tiny_model(Path(sys.argv[1]))"
    subprocess.run([str(ENGINE_PYTHON), "-c", code, str(folder / "tiny")], check=True, cwd=ROOT, timeout=120)
    return folder


@pytest.fixture
def engine_home(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own, and settings that name the engine's Python."""
    home = tmp_path / "home"
    monkeypatch.setenv("SATCLIP_HOME", str(home))
    monkeypatch.setenv("SATCLIP_MODELS", str(models_dir))
    save_settings(Settings(engine_python=str(ENGINE_PYTHON)))
    yield home
    save_settings(Settings())


@pytest.fixture
def workbench(window: Window, engine_home: Path, scene: QgsRasterLayer, qtbot: object) -> Iterator[Workbench]:
    """The dock with a running engine and the drawn raster in the map view."""
    connection = EngineConnection()
    bench = Workbench(window, connection)
    window.addDockWidget(right_side(), bench.dock)
    bench.page.source.set_features(tiny_features(bench))
    window.mapCanvas().setExtent(scene.extent())
    qtbot.waitUntil(lambda: connection.state == "ready", timeout=PATIENCE_MS)
    yield bench
    stop_engine(connection, qtbot)
    bench.close()
    bench.dock.deleteLater()
    bench.deleteLater()
    connection.close()
    _delete_later()


def tiny_features(bench: Workbench) -> object:
    """Return the page's features with the tiny model."""
    from dataclasses import replace

    return replace(bench.page.state().features, model="tiny", precision="fp32")


def right_side() -> object:
    """Return where docks go."""
    from qgis.PyQt.QtCore import Qt

    return Qt.DockWidgetArea.RightDockWidgetArea


def stop_engine(connection: EngineConnection, qtbot: object) -> None:
    """End the engine and wait until its process is gone."""
    pid = connection.engine_pid() if hasattr(connection, "engine_pid") else None
    connection.stop()
    qtbot.waitUntil(lambda: connection.state in ("stopped", "failed", "absent"), timeout=PATIENCE_MS)
    if pid is not None:
        qtbot.waitUntil(lambda: not _exists(pid), timeout=PATIENCE_MS)


@pytest.fixture
def until(qtbot: object) -> Callable[[Callable[[], bool]], None]:
    """Wait, with the window alive, until a condition holds."""
    return lambda condition: qtbot.waitUntil(condition, timeout=PATIENCE_MS)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _delete_later() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
