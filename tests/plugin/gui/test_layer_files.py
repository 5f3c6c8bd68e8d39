"""Layers that only QGIS can read are written as files: what they show, no more and no less."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRasterLayer, QgsRectangle, QgsVectorLayer

from satclip_qgis.gui.layer_files import LayerFileError, LayerFiles, VectorChoice
from satclip_qgis.gui.photo_points import guess_photo_field, write_photo_points
from tests.plugin.gui.conftest import fields_and_lake, write_raster

Until = Callable[[Callable[[], bool]], None]
CURVE = "CurvePolygon (CircularString (0 0, 10 10, 20 0, 10 -10, 0 0))"


@pytest.fixture
def layer(project: QgsProject) -> QgsVectorLayer:
    """A layer in memory with a field of the name that GeoPackage keeps for itself."""
    layer = QgsVectorLayer("CurvePolygon?crs=EPSG:25832&field=fid:string&field=use:string", "land/use", "memory")
    for use, wkt in (("lake", CURVE), ("wood", "Polygon ((30 0, 40 0, 40 10, 30 0))"), ("none", "")):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        feature.setAttributes(["x", use])
        layer.dataProvider().addFeature(feature)
    project.addMapLayer(layer)
    return layer


def written(files: LayerFiles, until: Until) -> None:
    done: list[bool] = []
    files.ready.connect(lambda: done.append(True))
    files.failed.connect(lambda problem: pytest.fail(problem.sentence))
    files.start()
    until(lambda: bool(done))


def uses(path: str) -> list[str]:
    found = QgsVectorLayer(path, "written")
    assert found.isValid()
    assert [field.name() for field in found.fields()] == ["satclip_row", "use"]
    return [feature["use"] for feature in found.getFeatures()]


def test_vector_layers_are_written_as_they_show(layer: QgsVectorLayer, tmp_path: Path, until: Until) -> None:
    files = LayerFiles(tmp_path / "layers")
    assert layer.startEditing()
    wood = next(feature.id() for feature in layer.getFeatures() if feature["use"] == "wood")
    layer.changeAttributeValue(wood, 1, "forest")
    layer.selectByIds([wood])
    whole = files.vector(VectorChoice(layer, "use"))
    selected = files.vector(VectorChoice(layer, "use", only_selected=True))
    written(files, until)
    assert uses(whole) == ["lake", "forest", "none"]
    assert uses(selected) == ["forest"]
    shape = next(QgsVectorLayer(whole, "written").getFeatures()).geometry()
    assert not shape.constGet().hasCurvedSegments()
    assert shape.area() == pytest.approx(314, rel=0.01)
    assert {Path(path).parent for path in (whole, selected)} == {tmp_path / "layers"}


def test_rasters_of_closed_formats_are_exported_and_open_ones_named(
    project: QgsProject, tmp_path: Path, until: Until
) -> None:
    plain = write_raster(tmp_path / "fields.tif", fields_and_lake(), 25832, (356_000.0, 5_645_000.0), 0.5)
    gdal.Translate(str(tmp_path / "fields.gpkg"), str(plain), format="GPKG", creationOptions=["TILE_FORMAT=PNG"])
    files = LayerFiles(tmp_path / "layers")
    assert files.raster(QgsRasterLayer(str(plain), "fields"), QgsRectangle()) == str(plain)
    closed = QgsRasterLayer(str(tmp_path / "fields.gpkg"), "fields")
    assert closed.isValid()
    path = files.raster(closed, closed.extent())
    written(files, until)
    assert QgsRasterLayer(path, "written").rasterUnitsPerPixelX() == pytest.approx(0.5, rel=0.02)


def test_what_cannot_be_written_is_said(layer: QgsVectorLayer, tmp_path: Path) -> None:
    files = LayerFiles(tmp_path / "layers")
    with pytest.raises(LayerFileError, match="no field crop"):
        files.vector(VectorChoice(layer, "crop"))
    with pytest.raises(LayerFileError, match="Nothing is selected"):
        files.vector(VectorChoice(layer, "use", only_selected=True))
    (tmp_path / "file").write_text("")
    blocked = LayerFiles(tmp_path / "file" / "layers")
    blocked.vector(VectorChoice(layer, "use"))
    with pytest.raises(LayerFileError, match="cannot be made"):
        blocked.start()


def test_relative_photos_start_beside_their_layer(project: QgsProject, tmp_path: Path) -> None:
    (tmp_path / "trip").mkdir()
    source = tmp_path / "trip" / "points.geojson"
    source.write_text(
        '{"type": "FeatureCollection", "features": ['
        '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [7, 51]}, '
        '"properties": {"Path": "a/b.jpg", "azimuth": 90}},'
        '{"type": "Feature", "geometry": null, "properties": {"Path": "/c.jpg", "azimuth": null}},'
        '{"type": "Feature", "geometry": null, "properties": {"Path": null, "azimuth": null}}]}'
    )
    layer = QgsVectorLayer(str(source), "trip")
    assert guess_photo_field(layer) == "Path"
    write_photo_points(layer, "Path", tmp_path / "out.geojson")
    found = {one["photo"]: one for one in QgsVectorLayer(str(tmp_path / "out.geojson"), "out").getFeatures()}
    assert set(found) == {str(tmp_path / "trip" / "a" / "b.jpg"), "/c.jpg"}
    assert found[str(tmp_path / "trip" / "a" / "b.jpg")]["direction"] == 90
    assert found["/c.jpg"].geometry().isNull()
    with pytest.raises(LayerFileError, match="cannot be written"):
        write_photo_points(layer, "Path", tmp_path / "gone" / "out.geojson")
    assert layer.setSubsetString('"Path" is null')
    with pytest.raises(LayerFileError, match="names a photo"):
        write_photo_points(layer, "Path", tmp_path / "out.geojson")
