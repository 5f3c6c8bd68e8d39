"""Layers as the engine sees them, and places on them: view, rectangle, selection, pixel space."""

from __future__ import annotations

from pathlib import Path

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from satclip_qgis.gui.state import MapState
from satclip_qgis.gui.where import WhereError, area, area_of_interest
from satclip_qgis.scenes import bounds_for_engine, scene_path


def test_a_file_is_opened_by_its_path(scene: QgsRasterLayer, scene_file: Path) -> None:
    assert scene_path(scene) == str(scene_file)


def test_what_only_qgis_can_read_has_no_path(project: QgsProject, tmp_path: Path) -> None:
    tiles = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png&zmax=19&zmin=0", "tiles", "wms")
    memory = QgsRasterLayer("/vsimem/nothing.tif", "memory")
    assert scene_path(tiles) is None
    assert scene_path(memory) is None


def test_a_vsi_path_is_passed_on(scene_file: Path, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(scene_file, "fields.tif")
    layer = QgsRasterLayer(f"/vsizip/{tmp_path}/a.zip/fields.tif", "zipped")
    assert layer.isValid()
    assert scene_path(layer) == f"/vsizip/{tmp_path}/a.zip/fields.tif"


def test_the_whole_layer_is_no_area(scene: QgsRasterLayer, project: QgsProject) -> None:
    assert area(MapState(), scene, project, scene.extent(), None) is None


def test_the_view_is_cut_to_the_layer(scene: QgsRasterLayer, project: QgsProject) -> None:
    extent = scene.extent()
    view = QgsRectangle(extent.xMinimum() - 500, extent.yMinimum(), extent.xMinimum() + 50, extent.yMaximum() + 500)
    found = area(MapState(where="view"), scene, project, view, None)
    assert found.boundingBox().width() == pytest.approx(50)
    assert found.boundingBox().height() == pytest.approx(extent.height())


def test_a_view_in_degrees_is_brought_into_the_layers_crs(scene: QgsRasterLayer, project: QgsProject) -> None:
    from qgis.core import QgsCoordinateTransform

    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    there = QgsCoordinateTransform(scene.crs(), degrees, project)
    inner = scene.extent().buffered(-20)
    project.setCrs(degrees)
    found = area(MapState(where="view"), scene, project, there.transformBoundingBox(inner), None)
    # The box of a turned box is a little larger than the box, by much less than its margin.
    assert found.boundingBox().contains(inner)
    assert found.boundingBox().width() == pytest.approx(inner.width(), abs=10)


def test_a_view_beside_the_layer_is_refused_with_a_remedy(scene: QgsRasterLayer, project: QgsProject) -> None:
    with pytest.raises(WhereError) as caught:
        area(MapState(where="view"), scene, project, QgsRectangle(0, 0, 1, 1), None)
    assert "does not touch" in caught.value.problem.detail
    assert caught.value.problem.remedy


def test_the_drawn_rectangle_is_kept_in_its_crs(scene: QgsRasterLayer, project: QgsProject) -> None:
    extent = scene.extent().buffered(-10)
    corners = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    state = MapState(where="rectangle", rectangle=corners, rectangle_crs="EPSG:25832")
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    found = area(state, scene, project, QgsRectangle(), None)
    assert found.boundingBox().toString(3) == extent.toString(3)
    with pytest.raises(WhereError, match="No rectangle"):
        area(MapState(where="rectangle"), scene, project, QgsRectangle(), None)


def test_only_selected_polygons_count(scene: QgsRasterLayer, project: QgsProject) -> None:
    layer = QgsVectorLayer("Polygon?crs=EPSG:25832", "fields", "memory")
    extent = scene.extent()
    left = QgsRectangle(extent.xMinimum(), extent.yMinimum(), extent.xMinimum() + 30, extent.yMaximum())
    for rectangle in (left, extent):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(rectangle))
        layer.dataProvider().addFeature(feature)
    project.addMapLayer(layer)
    state = MapState(where="selected")
    with pytest.raises(WhereError, match="No polygon"):
        area(state, scene, project, QgsRectangle(), layer)
    layer.selectByIds([next(layer.getFeatures()).id()])
    found = area(state, scene, project, QgsRectangle(), None)
    assert found.boundingBox().toString(3) == left.toString(3)
    aoi = area_of_interest(found)
    assert aoi.crs == ""
    assert aoi.geometry["type"] == "Polygon"


def test_bounds_are_those_of_the_layer(scene: QgsRasterLayer) -> None:
    extent = scene.extent()
    assert QgsRectangle(*bounds_for_engine(extent)) == extent
