"""Layers that only QGIS reads: exported at the asked scale, cancelled, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle

from satclip_qgis.export import ExportTask, native_gsd_m, plan_export
from tests.plugin.gui.conftest import fields_and_lake, write_raster


def test_metres_are_ground_metres_in_web_mercator_and_degrees(project: QgsProject, tmp_path: Path) -> None:
    image = fields_and_lake()
    mercator = QgsRasterLayer(str(write_raster(tmp_path / "m.tif", image, 3857, (773_000, 6_606_000), 1.0)), "m")
    degrees = QgsRasterLayer(str(write_raster(tmp_path / "d.tif", image, 4326, (6.94, 50.94), 1e-5)), "d")
    # At 51 degrees north a Mercator metre is cos(51 degrees) of a metre, a degree of longitude 70 km.
    assert native_gsd_m(mercator, project) == pytest.approx(0.631, abs=0.005)
    assert native_gsd_m(degrees, project) == pytest.approx(0.702, abs=0.005)
    plan = plan_export(mercator, mercator.extent(), 1.0, project)
    assert plan.width == pytest.approx(300 * 0.631, abs=2)


def test_an_in_memory_layer_is_exported_with_its_values(project: QgsProject, scene_file: Path, qtbot: object) -> None:
    source = gdal.Open(str(scene_file))
    gdal.GetDriverByName("GTiff").CreateCopy("/vsimem/fields.tif", source)
    layer = QgsRasterLayer("/vsimem/fields.tif", "in memory")
    assert layer.isValid()
    plan = plan_export(layer, layer.extent(), 0.5, project)
    assert (plan.width, plan.height) == pytest.approx((300, 200), abs=1)
    out = scene_file.with_name("export") / "source.tif"
    task = ExportTask(layer, plan, out, project)
    with qtbot.waitSignal(task.exported, timeout=30_000):
        QgsApplication.taskManager().addTask(task)
    written = gdal.Open(str(out))
    assert written.RasterCount == 3
    corner = written.GetGeoTransform()
    assert (corner[0], corner[3]) == (layer.extent().xMinimum(), layer.extent().yMaximum())
    if (plan.width, plan.height) == (300, 200):
        assert (written.ReadAsArray() == source.ReadAsArray()).all()
    gdal.Unlink("/vsimem/fields.tif")


def test_an_export_that_cannot_be_written_says_why(project: QgsProject, scene: QgsRasterLayer, qtbot: object) -> None:
    plan = plan_export(scene, scene.extent(), 0.5, project)
    task = ExportTask(scene, plan, Path("/proc/nowhere/source.tif"), project)
    with qtbot.waitSignal(task.failed, timeout=30_000) as caught:
        QgsApplication.taskManager().addTask(task)
    assert "could not export" in caught.args[0].detail
    assert caught.args[0].remedy


def test_a_cancelled_export_leaves_no_file(
    project: QgsProject, scene: QgsRasterLayer, tmp_path: Path, qtbot: object
) -> None:
    plan = plan_export(scene, scene.extent(), 0.005, project)
    task = ExportTask(scene, plan, tmp_path / "x" / "source.tif", project)
    with qtbot.waitSignal(task.taskTerminated, timeout=60_000):
        QgsApplication.taskManager().addTask(task)
        qtbot.wait(50)
        task.cancel()
    assert not (tmp_path / "x" / "source.tif").exists()


def test_without_a_crs_pixels_are_units(project: QgsProject, scene: QgsRasterLayer) -> None:
    scene.setCrs(QgsCoordinateReferenceSystem())
    plan = plan_export(scene, QgsRectangle(0, 0, 30, 20), 1.0, project)
    assert (plan.width, plan.height) == (30, 20)
