"""``satclip:segment`` in a real QGIS with a real engine: run, area, models, cancel, errors."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsPalettedRasterRenderer,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsVectorLayer,
)

from satclip_qgis.protocol import JobState
from satclip_qgis.provision.waiting import wait_for_engine
from satclip_qgis.settings import load_settings
from tests.plugin.conftest import end_engine
from tests.plugin.processing.conftest import start_task

PATIENCE_MS = 180_000


def run(parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    import processing

    result: dict[str, Any] = processing.run("satclip:segment", {**parameters, **changes})
    return result


def array(path: str) -> np.ndarray:
    values: np.ndarray = gdal.Open(path).ReadAsArray()
    return values


def grid(path: str) -> tuple[Any, ...]:
    raster = gdal.Open(path)
    return raster.GetGeoTransform(), raster.RasterXSize, raster.RasterYSize, raster.GetSpatialRef().ExportToWkt()


@pytest.mark.parametrize("name", ["segment", "fit", "apply", "exportsamples", "train"])
def test_every_parameter_has_a_help_text(provider: object, name: str) -> None:
    algorithm = QgsApplication.processingRegistry().algorithmById(f"satclip:{name}")
    assert algorithm is not None
    assert algorithm.shortHelpString()
    assert algorithm.shortDescription()
    assert not algorithm.icon().isNull()
    assert [item.name() for item in algorithm.parameterDefinitions() if not item.help()] == []
    assert "OUTPUT" in {item.name() for item in algorithm.outputDefinitions()}


@pytest.mark.parametrize("name", ["segment", "apply"])
def test_a_models_next_step_may_take_every_product(provider: object, name: str) -> None:
    algorithm = QgsApplication.processingRegistry().algorithmById(f"satclip:{name}")
    assert {"THEMATIC", "PROBABILITIES", "CONFIDENCE", "POLYGONS"} <= {
        item.name() for item in algorithm.outputDefinitions()
    }


def test_a_run_gives_rasters_on_the_inputs_grid_with_a_legend(parameters: dict[str, Any]) -> None:
    results = run(parameters, WRITE_POLYGONS=True)
    assert grid(results["THEMATIC"]) == grid(parameters["INPUT"])
    assert grid(results["PROBABILITIES"]) == grid(parameters["INPUT"])
    assert gdal.Open(results["PROBABILITIES"]).RasterCount == 3
    assert set(np.unique(array(results["THEMATIC"]))) <= {1, 2, 3}
    layer = QgsRasterLayer(results["THEMATIC"], "map")
    assert isinstance(layer.renderer(), QgsPalettedRasterRenderer)
    legend = {item.value: (item.label, item.color.name()) for item in layer.renderer().classes()}
    assert legend[1] == ("water", "#0000ff")
    assert QgsVectorLayer(results["POLYGONS"], "polygons", "ogr").featureCount() > 0
    card = json.loads(Path(results["RUN_CARD"]).read_text(encoding="utf-8"))
    assert card["request"]["scene"] == parameters["INPUT"]
    assert Path(results["PREVIEW"]).stat().st_size > 0


def test_extent_and_polygons_bound_the_map(parameters: dict[str, Any], project: QgsProject, tmp_path: Path) -> None:
    left, top = 356_000.0, 5_645_000.0
    box = QgsRectangle(left + 10, top - 60, left + 70, top - 10)
    crs = QgsCoordinateReferenceSystem("EPSG:25832")
    boxed = run(parameters, EXTENT=QgsReferencedRectangle(box, crs))
    transform, width, height, _ = grid(boxed["THEMATIC"])
    assert (transform[0], transform[3], width, height) == (left + 10, top - 10, 120, 100)

    triangle = QgsVectorLayer("Polygon?crs=EPSG:4326", "triangle", "memory")
    corners = QgsGeometry.fromPolygonXY(
        [[QgsPointXY(left + 10, top - 60), QgsPointXY(left + 70, top - 60), QgsPointXY(left + 10, top - 10)]]
    )
    corners.transform(_transform(crs, triangle.crs(), project))
    feature = QgsFeature()
    feature.setGeometry(corners)
    triangle.dataProvider().addFeature(feature)
    project.addMapLayer(triangle)
    cut = run(parameters, AREA=triangle, OUTPUT=str(tmp_path / "cut"))
    inside = array(cut["THEMATIC"]) > 0
    assert 0.45 < inside.mean() < 0.55


def test_results_are_loaded_with_their_titles(parameters: dict[str, Any], project: QgsProject) -> None:
    import processing

    processing.runAndLoadResults("satclip:segment", parameters)
    names = {layer.name() for layer in project.mapLayers().values()}
    assert {"Map", "Probabilities", "Confidence"} <= names


def test_a_layer_that_only_qgis_can_read_is_exported_first(
    parameters: dict[str, Any], project: QgsProject, tmp_path: Path
) -> None:
    gdal.GetDriverByName("GTiff").CreateCopy("/vsimem/held.tif", gdal.Open(parameters["INPUT"]))
    layer = QgsRasterLayer("/vsimem/held.tif", "held")
    project.addMapLayer(layer)
    results = run(parameters, INPUT=layer)
    assert grid(results["THEMATIC"])[1:3] == (200, 160)
    project.removeMapLayer(layer.id())
    gdal.Unlink("/vsimem/held.tif")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"CLASSES": ""}, "no class"),
        ({"CLASSES": "water; Water"}, "twice"),
        ({"CLASSES": "water: ; forest"}, "colon"),
        ({"CLASSES": "/no/such/file.txt"}, "class file"),
        ({"CLASSES": "water", "BACKGROUND": "other"}, "background class other"),
    ],
)
def test_wrong_classes_are_refused_before_an_engine_is_started(
    parameters: dict[str, Any], home: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(QgsProcessingException, match=words):
        run(parameters, **changes)
    assert not home.exists()


def test_a_class_file_is_read(parameters: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("# mine\nwater: lake\nWälder: trees  #1F7A3D\n", encoding="utf-8")
    results = run(parameters, CLASSES=str(path), BACKGROUND="wälder", WRITE_CONFIDENCE=False)
    assert "CONFIDENCE" not in results
    card = json.loads(Path(results["RUN_CARD"]).read_text(encoding="utf-8"))
    assert [item["name"] for item in card["request"]["classes"]["classes"]] == ["water", "Wälder"]
    assert card["request"]["classes"]["classes"][1]["background"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MODEL": "no-such-model"}, "no-such-model"),
        ({"BANDS": "9,9,9"}, "9"),
        ({"EXTENT": "0,10,0,10 [EPSG:25832]"}, "does not touch"),
    ],
)
def test_errors_reach_the_user_with_a_remedy(parameters: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(QgsProcessingException, match=words):
        run(parameters, **changes)
    assert not list(Path(parameters["OUTPUT"]).glob("*.tif"))


def test_without_an_engine_the_remedy_is_to_set_it_up(parameters: dict[str, Any], home: Path) -> None:
    from satclip_qgis.settings import Settings, save_settings

    save_settings(Settings(data_dir=str(home)))
    with pytest.raises(QgsProcessingException, match="Set up engine"):
        run(parameters)


def test_cancelling_stops_the_job_and_leaves_nothing_half_written(
    parameters: dict[str, Any], big_scene: Path, qtbot: object
) -> None:
    task, feedback, outcome = start_task("satclip:segment", {**parameters, "INPUT": str(big_scene)})
    qtbot.waitUntil(lambda: feedback.progress() > 0, timeout=PATIENCE_MS)
    feedback.cancel()
    qtbot.waitUntil(lambda: bool(outcome), timeout=PATIENCE_MS)
    assert outcome == [False]
    jobs = wait_for_engine(load_settings(), lambda: False).jobs()
    assert [(job.state, job.problem) for job in jobs] == [(JobState.CANCELLED, None)]
    out = Path(parameters["OUTPUT"])
    assert not out.exists() or list(out.iterdir()) == []
    del task


def test_an_engine_killed_in_the_middle_is_started_again_and_the_map_comes(
    parameters: dict[str, Any], big_scene: Path, home: Path, qtbot: object
) -> None:
    task, feedback, outcome = start_task("satclip:segment", {**parameters, "INPUT": str(big_scene)})
    qtbot.waitUntil(lambda: feedback.progress() > 0, timeout=PATIENCE_MS)
    end_engine(home, signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(outcome), timeout=PATIENCE_MS)
    assert outcome == [True], feedback.textLog()
    assert grid(str(Path(parameters["OUTPUT"]) / "thematic.tif")) == grid(str(big_scene))
    jobs = wait_for_engine(load_settings(), lambda: False).jobs()
    assert [job.state for job in jobs] == [JobState.SUCCEEDED]
    del task


def test_the_next_step_of_a_model_takes_the_map(parameters: dict[str, Any]) -> None:
    import processing

    model = QgsProcessingModelAlgorithm("map then count", "tests")
    model.addModelParameter(QgsProcessingParameterRasterLayer("image"), QgsProcessingModelParameter("image"))
    segment = QgsProcessingModelChildAlgorithm("satclip:segment")
    segment.setChildId("segment")
    sources = {key: QgsProcessingModelChildParameterSource.fromStaticValue(value) for key, value in parameters.items()}
    sources["INPUT"] = QgsProcessingModelChildParameterSource.fromModelParameter("image")
    for name, source in sources.items():
        segment.addParameterSources(name, [source])
    count = QgsProcessingModelChildAlgorithm("native:rasterlayeruniquevaluesreport")
    count.setChildId("count")
    count.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromChildOutput("segment", "THEMATIC")])
    count.addParameterSources("BAND", [QgsProcessingModelChildParameterSource.fromStaticValue(1)])
    model.addChildAlgorithm(segment)
    model.addChildAlgorithm(count)
    results = processing.run(model, {"image": parameters["INPUT"]})
    assert results["CHILD_RESULTS"]["count"]["TOTAL_PIXEL_COUNT"] == 200 * 160


def _transform(source: Any, target: Any, project: QgsProject) -> Any:
    from qgis.core import QgsCoordinateTransform

    return QgsCoordinateTransform(source, target, project)
