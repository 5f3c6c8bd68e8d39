"""Messages to JSON and back: nothing is lost, strangers are ignored, wrong types are named."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from satclip_engine.protocol import (
    Advice,
    AdviceRequest,
    AdvisedPlace,
    Aoi,
    Artifact,
    AssessDesignRequest,
    AssessReportRequest,
    CandidateScore,
    CheckModelRequest,
    ClassAccuracy,
    ClassEvidence,
    ClassSet,
    ClassSpec,
    DesignOptions,
    DownloadModelRequest,
    Estimate,
    EstimatedShare,
    Event,
    ExportSamplesRequest,
    FeatureOptions,
    FitHeadRequest,
    FitRequest,
    FitResult,
    HeadCard,
    Hello,
    ImportModelRequest,
    JobSpec,
    JobState,
    JobView,
    MapAccuracy,
    ModelCheck,
    ModelInfo,
    Outputs,
    PlannedClass,
    PolygonOptions,
    PreviewRequest,
    PreviewResult,
    Problem,
    ProgressUpdate,
    ProtocolError,
    Sample,
    SampleDesign,
    SampleFile,
    SampleSizeRequest,
    SavedHead,
    SaveHeadRequest,
    SegmentRequest,
    TextOptions,
    from_json,
    to_json,
)

CLASSES = ClassSet((ClassSpec("water", ("river", "lake"), "#0000FF", 0.3), ClassSpec("other", background=True)))
SEGMENT = SegmentRequest(
    scene="/data/a.tif",
    classes=CLASSES,
    out_dir="/out",
    features=FeatureOptions(model="mini", gsd_m=0.5),
    text=TextOptions(templates=("a {}",), unknown_below=0.4),
    outputs=Outputs(polygons=PolygonOptions(min_area_m2=10.0)),
    aoi=Aoi({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}, "EPSG:4326"),
)
FIT = FitRequest(
    "/data/a.tif",
    CLASSES,
    (
        Sample("7f", 0, {"type": "Point", "coordinates": [1.5, 2.0]}),
        Sample("80", 1, {"type": "LineString", "coordinates": [[0.0, 0.0], [3.0, 4.5]]}),
    ),
)
SHARE = EstimatedShare(0.9, 0.02, 0.0392)
MESSAGES = [
    SEGMENT,
    SegmentRequest("a.tif", CLASSES, "out"),
    PreviewRequest("a.tif", CLASSES, (0.0, 1.0, 2.0, 3.5), 640, 480),
    PreviewResult("iVBO", (0.0, 1.0, 2.0, 3.5), 0.25, (1, 2, 3), ("note",)),
    SegmentRequest("a.tif", CLASSES, "out", head="/heads/mine"),
    PreviewRequest("a.tif", CLASSES, (0.0, 1.0, 2.0, 3.5), 640, 480, head_id="5f"),
    SaveHeadRequest("5f", "/heads/mine", "Mine"),
    SavedHead("/heads/mine", "Mine", "residual"),
    AdviceRequest("5f", (0.0, 1.0, 2.0, 3.5), 4),
    Advice((AdvisedPlace(1.0, 2.0, (0.5, 1.5, 1.5, 2.5), 0, 1, 0.25, "iVBO"),), 0.5),
    Estimate("CPU, 2 cores, bf16", None, 12, 0.5, 1.0),
    Hello("0.1.0", "abc", 1, "CPU", 8, 4, 2, 1),
    ModelInfo("mini", "Mini", "CC0-1.0", True, True, True, 12, 16, 224, 0.1, 10.0, "note"),
    ModelInfo("x", "X", "", False, False, True, unconfirmed=("scale",), gsd_recommended_m=0.5, downloadable=True),
    DownloadModelRequest("remoteclip-vit-b-32", True),
    ImportModelRequest("/data/model.safetensors", "own", "ViT-B-32"),
    CheckModelRequest("own"),
    ModelCheck("own", "gelu", "quickgelu", "", None, ("warning",), ("mean",), {"gap": 0.5}),
    FIT,
    FitResult(
        "head-1",
        "residual",
        (CandidateScore("residual", 0.4, 0.9), CandidateScore("prototype")),
        (ClassEvidence("water", 5, 3, 0.8), ClassEvidence("other", 0, 0)),
        0.25,
        ("few places",),
        ("1 outside",),
    ),
    FitHeadRequest("a.tif", SampleFile("/s.gpkg", "points", "cover", CLASSES), "/heads/mine", title="Mine"),
    ExportSamplesRequest("a.tif", SampleFile("/s.gpkg"), "/chips", 128, "4,3,2", "none"),
    HeadCard(CLASSES, {"id": "mini", "mean": [0.5]}, {"scene": {"path": "a.tif"}}),
    SampleSizeRequest("a.tif", DesignOptions(standard_error=0.02, expected_by_class={"water": 0.9}, total=90)),
    AssessDesignRequest("a.tif", "/out/points.gpkg"),
    AssessReportRequest("a.tif", "/out/points.gpkg", "/out/report"),
    SampleDesign(90, 0.02, (PlannedClass("water", 12.5, 90, None),), "m2", ("note",)),
    MapAccuracy(
        88, 2, SHARE, (ClassAccuracy("water", SHARE, EstimatedShare(None, None, None), SHARE, 5.0),), 5.0, "pixels"
    ),
    Event(7, "job", {"id": "x", "nested": {"a": [1, None]}}),
    JobView(
        "id",
        JobSpec("segment", to_json(SEGMENT), "title"),
        JobState.FAILED,
        1.5,
        2.5,
        2,
        ProgressUpdate("encode", 0.5, 3.0),
        Problem("model.missing", "gone", "fetch it", {"path": "/x"}),
        (Artifact("thematic", "/out/thematic.tif", 3, "ab"),),
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_round_trip_through_text(message: Any) -> None:
    text = json.dumps(to_json(message))
    assert from_json(type(message), json.loads(text)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_unknown_fields_are_ignored(message: Any) -> None:
    assert from_json(type(message), {**to_json(message), "from_the_future": {"x": 1}}) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_missing_fields_are_named_or_have_defaults(message: Any) -> None:
    data = to_json(message)
    for field in dataclasses.fields(message):
        less = {name: value for name, value in data.items() if name != field.name}
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            with pytest.raises(ProtocolError, match=f"{type(message).__name__}.{field.name} is missing"):
                from_json(type(message), less)
        else:
            from_json(type(message), less)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"scene": 3}, "SegmentRequest.scene"),
        ({"scene": None}, "SegmentRequest.scene"),
        ({"classes": []}, "ClassSet"),
        ({"classes": {"classes": "water"}}, "ClassSet.classes"),
        ({"classes": {"classes": [{"name": "a", "threshold": "0.5"}]}}, "ClassSpec.threshold"),
        ({"classes": {"classes": [{"name": "a", "background": 1}]}}, "ClassSpec.background"),
        ({"classes": {"classes": []}}, "ClassSet"),
        ({"features": {"gsd_m": True}}, "FeatureOptions.gsd_m"),
        ({"text": {"templates": ["{}", 3]}}, r"TextOptions.templates\[1\]"),
        ({"outputs": {"polygons": 7}}, "PolygonOptions"),
        ({"aoi": {"geometry": "POLYGON"}}, "Aoi.geometry"),
    ],
)
def test_wrong_types_are_named(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ProtocolError, match=where):
        from_json(SegmentRequest, {**to_json(SEGMENT), **change})


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ({"id": "a", "label": 2, "geometry": {}}, "sample 'a' has class 2 of 2 classes"),
        ({"id": "a", "label": -1, "geometry": {}}, "sample 'a' has class -1"),
        ({"id": "7f", "label": 0, "geometry": {}}, "two samples have the id '7f'"),
        ({"id": "a", "label": 0.5, "geometry": {}}, "Sample.label"),
        ({"id": "a", "label": 0, "geometry": "POINT (0 0)"}, "Sample.geometry"),
    ],
)
def test_samples_that_do_not_fit_are_named(sample: dict[str, Any], said: str) -> None:
    data = to_json(FIT)
    with pytest.raises(ProtocolError, match=said):
        from_json(FitRequest, {**data, "samples": [*data["samples"], sample]})


@pytest.mark.parametrize("data", [None, 3, "text", [], True])
def test_only_objects_are_messages(data: Any) -> None:
    with pytest.raises(ProtocolError, match="expected an object"):
        from_json(Hello, data)


def test_tuples_of_fixed_length_and_enums() -> None:
    good = to_json(MESSAGES[2])
    with pytest.raises(ProtocolError, match="expected 4 items, got 3"):
        from_json(PreviewRequest, {**good, "bounds": [1, 2, 3]})
    assert from_json(PreviewRequest, {**good, "bounds": [1, 2, 3, 4]}).bounds == (1.0, 2.0, 3.0, 4.0)
    view = to_json(MESSAGES[-1])
    with pytest.raises(ProtocolError, match="'paused' is not one of queued"):
        from_json(JobView, {**view, "state": "paused"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted({field.name for message in MESSAGES for field in dataclasses.fields(message)})


@given(st.sampled_from(MESSAGES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_any_json_gives_a_message_or_a_protocol_error(message: Any, change: dict[str, Any]) -> None:
    try:
        result = from_json(type(message), {**to_json(message), **change})
    except ProtocolError:
        return
    assert from_json(type(message), to_json(result)) == result


def test_final_states() -> None:
    assert [state for state in JobState if state.is_final] == [
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.CANCELLED,
    ]
