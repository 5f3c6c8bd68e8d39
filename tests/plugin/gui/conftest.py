"""Fixtures of the interface's tests: a real window, a real engine process, a raster drawn here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsMessageBarItem
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt
from qgis.PyQt.QtWidgets import QApplication, QLabel

from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.settings import Settings, save_settings
from tests.plugin.conftest import ENGINE_PYTHON, end_engine
from tests.plugin.gui.window import Window

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
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose engine is shared by all tests that do it no harm."""
    folder = tmp_path_factory.mktemp("engine") / "home"
    yield folder
    end_engine(folder)


@pytest.fixture
def own_home(tmp_path: Path) -> Iterator[Path]:
    """A data folder with an engine for one test alone."""
    yield tmp_path / "home"
    end_engine(tmp_path / "home")


@pytest.fixture
def workbench(
    window: Window, engine_home: Path, tiny_models: Path, scene: QgsRasterLayer, qtbot: object
) -> Iterator[Workbench]:
    """The dock with a running engine and the drawn raster in the map view."""
    with running_workbench(window, engine_home, tiny_models, scene, qtbot) as bench:
        yield bench


@pytest.fixture
def own_bench(
    window: Window, own_home: Path, tiny_models: Path, scene: QgsRasterLayer, qtbot: object
) -> Iterator[Workbench]:
    """The same with an engine of its own."""
    with running_workbench(window, own_home, tiny_models, scene, qtbot) as bench:
        yield bench


@pytest.fixture
def training_bench(
    workbench: Workbench, tiny_models: Path, until: Callable[[Callable[[], bool]], None]
) -> Iterator[Workbench]:
    """The dock with the Train page in front; of what a test trains nothing is left to the next."""
    workbench.dock.tabs.setCurrentWidget(workbench.dock.train)
    QCoreApplication.processEvents()
    yield workbench
    tracker = workbench.tracker
    workbench.train.close()
    for job in tracker.jobs.values():
        tracker.cancel(job.id)
    until(lambda: all(job.state.is_final for job in tracker.jobs.values()))
    for job_id in tracker.jobs:
        tracker.remove(job_id)
    until(lambda: not tracker.jobs)
    for folder in tiny_models.iterdir():
        if folder.name != "tiny":
            shutil.rmtree(folder)


@contextmanager
def running_workbench(
    window: Window, home: Path, models: Path, scene: QgsRasterLayer, qtbot: object
) -> Iterator[Workbench]:
    """Open the dock on the engine of ``home`` and wait until it is connected."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SATCLIP_MODELS", str(models))
        save_settings(Settings(engine_python=str(ENGINE_PYTHON), data_dir=str(home)))
        connection = EngineConnection()
        bench = Workbench(window, connection)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, bench.dock)
        use_tiny_model(bench)
        window.mapCanvas().setExtent(scene.extent())
        connection.start()
        qtbot.waitUntil(lambda: connection.state == "ready", timeout=PATIENCE_MS)
        yield bench
        bench.close()
        bench.dock.deleteLater()
        bench.deleteLater()
        connection.close()
        save_settings(Settings())
        _delete_later()


def use_tiny_model(bench: Workbench) -> None:
    """Choose the tiny model on the page; one precision, so that runs can be compared."""
    state = bench.page.state()
    bench.page.set_state(replace(state, features=replace(state.features, model="tiny", precision="fp32")))


@pytest.fixture
def until(qtbot: object) -> Callable[[Callable[[], bool]], None]:
    """Wait, with the window alive, until a condition holds; a failure tells what stood on the screen."""

    def wait(condition: Callable[[], bool]) -> None:
        try:
            qtbot.waitUntil(condition, timeout=PATIENCE_MS)
        except qtbot.TimeoutError:
            windows = QApplication.topLevelWidgets()
            labels = [label for widget in windows for label in widget.findChildren(QLabel)]
            shown = sorted({label.text() for label in labels if label.isVisible() and label.text()})
            told = [item.text() for widget in windows for item in widget.findChildren(QgsMessageBarItem)]
            pytest.fail(f"Waited in vain. On the screen: {' | '.join(shown)}. Said: {' | '.join(told)}.")

    return wait


def _delete_later() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
