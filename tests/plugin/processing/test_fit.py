"""``satclip:fit``, ``apply`` and ``exportsamples`` in a real QGIS with a real engine: layers of all kinds, models."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorLayer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from satclip_qgis.protocol import JobState
from satclip_qgis.provision.waiting import wait_for_engine
from satclip_qgis.settings import load_settings
from tests.plugin.processing.conftest import start_task

LEFT, TOP, PIXEL_M = 356_000.0, 5_645_000.0, 0.5
# Of the scene of ``scene_file``, as (column, row) in pixels.
IN_LAKE = [(40, 50), (75, 60), (110, 110), (60, 100), (90, 80), (45, 112)]
ON_LAND = [(10, 10), (150, 20), (180, 140), (20, 140), (190, 70), (100, 20)]
PATIENCE_MS = 180_000


@pytest.fixture
def fit(parameters: dict[str, Any], tmp_path: Path, project: QgsProject) -> dict[str, Any]:
    """Parameters of a fit with the tiny model."""
    return {"INPUT": parameters["INPUT"], "MODEL": "tiny", "OUTPUT": str(tmp_path / "head")}


@pytest.fixture
def samples(project: QgsProject) -> QgsVectorLayer:
    """Points in and around the lake, in the project only."""
    layer = QgsVectorLayer("Point?crs=EPSG:25832&field=fid:integer&field=cover:string", "plots", "memory")
    add(layer, "water", IN_LAKE)
    add(layer, "land", ON_LAND)
    project.addMapLayer(layer)
    return layer


@pytest.fixture
def real_scene() -> Path:
    """A Sentinel-2 scene with layers of samples."""
    if "SATCLIP_DATA" not in os.environ:
        pytest.skip("needs SATCLIP_DATA: the folder of real imagery")
    return Path(os.environ["SATCLIP_DATA"]) / "s2_fewshot" / "test.tif"


def point(pixel: tuple[int, int]) -> QgsGeometry:
    return QgsGeometry.fromPointXY(QgsPointXY(LEFT + PIXEL_M * pixel[0], TOP - PIXEL_M * pixel[1]))


def add(layer: QgsVectorLayer, name: str | None, pixels: list[tuple[int, int]]) -> None:
    """Add points; in edit mode they stay in the edit buffer."""
    features = []
    for pixel in pixels:
        feature = QgsFeature(layer.fields())
        feature.setAttributes([1, name])  # GeoPackage would refuse a number of rows that repeats
        feature.setGeometry(point(pixel))
        features.append(feature)
    sink = layer if layer.isEditable() else layer.dataProvider()
    assert sink.addFeatures(features)


def run(name: str, parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    import processing

    result: dict[str, Any] = processing.run(f"satclip:{name}", {**parameters, **changes})
    return result


def counts(folder: str) -> dict[str, int]:
    """Samples per class that a head has learnt from."""
    card = json.loads((Path(folder) / "head.json").read_text(encoding="utf-8"))
    return {one["name"]: one["samples"] for one in card["provenance"]["fit"]["classes"]}


def codes(path: str) -> np.ndarray:
    values: np.ndarray = gdal.Open(path).ReadAsArray()
    return values


def static(value: Any) -> list[QgsProcessingModelChildParameterSource]:
    return [QgsProcessingModelChildParameterSource.fromStaticValue(value)]


def of_model(name: str) -> list[QgsProcessingModelChildParameterSource]:
    return [QgsProcessingModelChildParameterSource.fromModelParameter(name)]


def test_real_samples_map_their_scene(fit: dict[str, Any], real_scene: Path, tmp_path: Path) -> None:
    import processing

    feedback = QgsProcessingFeedback()
    asked = {**fit, "INPUT": str(real_scene), "SAMPLES": str(real_scene.with_name("ml.shp"))}
    head = processing.run("satclip:fit", asked, feedback=feedback)["OUTPUT"]
    assert (Path(head) / "samples.gpkg").exists()
    assert "F1 on places not learnt from" in feedback.textLog()
    assert all(f"{name} · samples: {number}, places:" in feedback.textLog() for name, number in counts(head).items())

    mapped = run(
        "apply", {"INPUT": str(real_scene), "HEAD": head, "OUTPUT": str(tmp_path / "map")}, WRITE_POLYGONS=True
    )
    image = gdal.Open(str(real_scene))
    product = gdal.Open(mapped["THEMATIC"])
    assert product.GetGeoTransform() == image.GetGeoTransform()
    assert (product.RasterXSize, product.RasterYSize) == (image.RasterXSize, image.RasterYSize)
    assert set(np.unique(codes(mapped["THEMATIC"]))) <= set(range(len(counts(head)) + 1))
    assert gdal.Open(mapped["PROBABILITIES"]).RasterCount == len(counts(head))
    assert QgsVectorLayer(mapped["POLYGONS"], "polygons", "ogr").featureCount() > 0


def test_samples_that_declare_another_place_are_refused(fit: dict[str, Any], real_scene: Path) -> None:
    with pytest.raises(QgsProcessingException, match=r"ml\.gpkg.* are no degrees"):
        run("fit", fit, INPUT=str(real_scene), SAMPLES=str(real_scene.with_name("ml.gpkg")))
    assert not Path(fit["OUTPUT"]).exists()


def test_what_the_layer_shows_is_learnt(
    fit: dict[str, Any], samples: QgsVectorLayer, parameters: dict[str, Any], tmp_path: Path
) -> None:
    folder = run("fit", fit, SAMPLES=samples)["OUTPUT"]
    assert counts(folder) == {"land": 6, "water": 6}
    mapped = codes(run("apply", {"INPUT": fit["INPUT"], "HEAD": folder, "OUTPUT": str(tmp_path / "map")})["THEMATIC"])
    truth = np.ones(mapped.shape)
    truth[40:120, 30:120] = 2
    assert (mapped == truth).mean() > 0.85

    # Edits that are not saved yet, of these only what is selected, and of these only the classes asked for.
    assert samples.startEditing()
    add(samples, "road", [(5, 80), (150, 150)])
    add(samples, None, [(150, 100)])
    add(samples, "Land", [(195, 100)])
    samples.selectAll()
    samples.deselect([feature.id() for feature in samples.getFeatures() if feature["cover"] == "water"][:2])
    chosen = QgsProcessingFeatureSourceDefinition(samples.id(), selectedFeaturesOnly=True)
    words = "Water: lake  #0000FF\nland"
    assert counts(run("fit", fit, SAMPLES=chosen, FIELD="cover", CLASSES=words)["OUTPUT"]) == {"Water": 4, "land": 7}
    assert samples.rollBack()


def test_a_filter_a_crs_of_the_project_and_another_raster_count(
    fit: dict[str, Any], samples: QgsVectorLayer, project: QgsProject, tmp_path: Path
) -> None:
    import processing

    moved = processing.run(
        "native:reprojectlayer",
        {"INPUT": samples, "TARGET_CRS": "EPSG:4326", "OUTPUT": str(tmp_path / "plots.shp")},
    )["OUTPUT"]
    layer = QgsVectorLayer(moved, "moved", "ogr")
    project.addMapLayer(layer)
    assert layer.setSubsetString("FID > 1")
    gdal.GetDriverByName("GTiff").CreateCopy("/vsimem/held.tif", gdal.Open(fit["INPUT"]))
    raster = QgsRasterLayer("/vsimem/held.tif", "held")
    project.addMapLayer(raster)
    assert counts(run("fit", fit, INPUT=raster, SAMPLES=layer, FIELD="cover")["OUTPUT"]) == {"land": 6, "water": 4}
    project.removeMapLayer(raster.id())
    gdal.Unlink("/vsimem/held.tif")


def test_lines_polygons_and_curves_are_samples_too(fit: dict[str, Any], project: QgsProject) -> None:
    layer = QgsVectorLayer("CurvePolygon?crs=EPSG:25832&field=cover:string", "areas", "memory")
    circles = {"water": ((60, 60), (90, 100), (100, 60)), "land": ((10, 10), (170, 30), (160, 140))}
    for name, centres in circles.items():
        for col, row in centres:
            x, y = LEFT + PIXEL_M * col, TOP - PIXEL_M * row
            feature = QgsFeature(layer.fields())
            feature.setAttributes([name])
            wkt = f"CurvePolygon (CircularString ({x - 4} {y}, {x + 4} {y}, {x - 4} {y}))"
            feature.setGeometry(QgsGeometry.fromWkt(wkt))
            assert layer.dataProvider().addFeatures([feature])[0]
    project.addMapLayer(layer)
    assert counts(run("fit", fit, SAMPLES=layer)["OUTPUT"]) == {"land": 3, "water": 3}


def test_what_cannot_be_learnt_is_said_with_a_remedy(fit: dict[str, Any], samples: QgsVectorLayer) -> None:
    for changes, words in (
        ({"FIELD": "height"}, "height"),
        ({"CLASSES": "water; Water"}, "twice"),
        ({"CLASSES": "snow; ice"}, "of a class asked for"),
    ):
        with pytest.raises(QgsProcessingException, match=words):
            run("fit", fit, SAMPLES=samples, **changes)
        assert not Path(fit["OUTPUT"]).exists()
    folder = Path(fit["OUTPUT"])
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    with pytest.raises(QgsProcessingException, match="is not a saved head"):
        run("fit", fit, SAMPLES=samples)
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_a_head_that_cannot_be_used_is_refused(parameters: dict[str, Any], tmp_path: Path, home: Path) -> None:
    card = tmp_path / "head" / "head.json"
    card.parent.mkdir()
    asked = {"INPUT": parameters["INPUT"], "HEAD": str(card.parent), "OUTPUT": str(tmp_path / "map")}
    with pytest.raises(QgsProcessingException, match=r"no saved head .* head\.json"):
        run("apply", asked)
    card.write_text("{", encoding="utf-8")
    with pytest.raises(QgsProcessingException, match="damaged"):
        run("apply", asked)
    assert not home.exists()  # no engine was needed to know that
    facts = {"classes": {"classes": [{"name": "water"}, {"name": "land"}]}, "encoder": {"id": "other"}}
    card.write_text(json.dumps({"format": 1, **facts, "provenance": {"features": {"model": "tiny"}}}), encoding="utf-8")
    with pytest.raises(QgsProcessingException, match="taught on features of the model 'other', not of 'tiny'"):
        run("apply", asked)
    assert not (tmp_path / "map" / "thematic.tif").exists()


def test_a_model_learns_and_maps_in_one_go(fit: dict[str, Any], samples: QgsVectorLayer, tmp_path: Path) -> None:
    import processing

    model = QgsProcessingModelAlgorithm("learn and map", "tests")
    model.addModelParameter(QgsProcessingParameterRasterLayer("image"), QgsProcessingModelParameter("image"))
    model.addModelParameter(QgsProcessingParameterVectorLayer("plots"), QgsProcessingModelParameter("plots"))
    learn = QgsProcessingModelChildAlgorithm("satclip:fit")
    learn.setChildId("learn")
    learn.addParameterSources("INPUT", of_model("image"))
    learn.addParameterSources("SAMPLES", of_model("plots"))
    learn.addParameterSources("MODEL", static("tiny"))
    apply = QgsProcessingModelChildAlgorithm("satclip:apply")
    apply.setChildId("apply")
    apply.addParameterSources("INPUT", of_model("image"))
    apply.addParameterSources("HEAD", [QgsProcessingModelChildParameterSource.fromChildOutput("learn", "OUTPUT")])
    apply.addParameterSources("OUTPUT", static(str(tmp_path / "map")))
    count = QgsProcessingModelChildAlgorithm("native:rasterlayeruniquevaluesreport")
    count.setChildId("count")
    count.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromChildOutput("apply", "THEMATIC")])
    count.addParameterSources("BAND", static(1))
    for child in (learn, apply, count):
        model.addChildAlgorithm(child)
    assert model.dependsOnChildAlgorithms("apply") == {"learn"}
    results = processing.run(model, {"image": fit["INPUT"], "plots": samples})
    assert results["CHILD_RESULTS"]["count"]["TOTAL_PIXEL_COUNT"] == 200 * 160
    assert results["CHILD_RESULTS"]["count"]["NODATA_PIXEL_COUNT"] == 0


def test_cancelling_a_fit_leaves_nothing(
    fit: dict[str, Any], samples: QgsVectorLayer, big_scene: Path, qtbot: object
) -> None:
    assert samples.startEditing()
    add(samples, "far", [(col, row) for col in range(20, 1600, 80) for row in range(180, 1600, 80)])
    assert samples.commitChanges()
    task, feedback, outcome = start_task("satclip:fit", {**fit, "INPUT": str(big_scene), "SAMPLES": samples})
    qtbot.waitUntil(lambda: feedback.progress() > 0, timeout=PATIENCE_MS)
    feedback.cancel()
    qtbot.waitUntil(lambda: bool(outcome), timeout=PATIENCE_MS)
    assert outcome == [False]
    jobs = wait_for_engine(load_settings(), lambda: False).jobs()
    assert [(job.spec.kind, job.state, job.problem) for job in jobs] == [("fit", JobState.CANCELLED, None)]
    assert not Path(fit["OUTPUT"]).exists()
    del task


def test_chips_and_masks(fit: dict[str, Any], samples: QgsVectorLayer, tmp_path: Path) -> None:
    asked = {"INPUT": fit["INPUT"], "SAMPLES": samples, "OUTPUT": str(tmp_path / "chips"), "CHIP": 64}
    folder = Path(run("exportsamples", asked)["OUTPUT"])
    assert (folder / "classes.txt").read_text(encoding="utf-8").splitlines()[0].startswith("land")
    masks = sorted((folder / "masks").iterdir())
    assert [path.name for path in masks] == [path.name for path in sorted((folder / "images").iterdir())]
    assert sum(int((codes(str(path)) == 2).sum()) for path in masks) == len(IN_LAKE)
    assert gdal.Open(str(folder / "images" / masks[0].name)).RasterCount == 3
