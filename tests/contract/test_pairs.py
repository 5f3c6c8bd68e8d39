"""Training sets, facts and findings to JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from satclip_engine.protocol import (
    SPLITS,
    Box,
    BuildCaptionsRequest,
    CheckPairsRequest,
    ClassSet,
    ClassSpec,
    CodedRaster,
    Cover,
    CoverShare,
    ExportPairsRequest,
    Facts,
    Finding,
    ImportPairsRequest,
    Indices,
    Pair,
    PairCheck,
    PairRaster,
    PairSetInfo,
    PhotoPairsRequest,
    ProtocolError,
    SampleFile,
    SplitPairsRequest,
    from_json,
    to_json,
)

CLASSES = ClassSet((ClassSpec("10", ("trees",), "#1F7A3D"),))
TEXTS = st.lists(st.text(), max_size=3).map(tuple)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
BOXES = st.builds(Box, st.tuples(FLOATS, FLOATS, FLOATS, FLOATS), st.text())
PAIRS = st.builds(
    Pair,
    id=st.text(),
    image=st.text(),
    captions=TEXTS,
    window_px=st.none() | st.tuples(*[st.integers(0, 10**6)] * 4),
    long_captions=TEXTS,
    label=st.text(),
    region=st.text(),
    split=st.sampled_from(SPLITS),
    lon=st.none() | FLOATS,
    lat=st.none() | FLOATS,
    gsd_m=st.none() | FLOATS,
    boxes=st.lists(BOXES, max_size=2).map(tuple),
    mask=st.text(),
    photos=TEXTS,
)


def through_json(message: Any) -> Any:
    return from_json(type(message), json.loads(json.dumps(to_json(message))))


@given(PAIRS)
def test_pairs_lose_nothing(pair: Pair) -> None:
    assert through_json(pair) == pair


@pytest.mark.parametrize(
    "message",
    [
        PairSetInfo("set", CLASSES, (PairRaster("/a.tif", "4,3,2", "none", "abc"),), "CC0", ("Cut.", "Split.")),
        PairSetInfo(),
        BuildCaptionsRequest("/a.tif", "/set"),
        BuildCaptionsRequest(
            "/a.tif",
            "/set",
            layers=(SampleFile("/b.gpkg", attribute="use", classes=CLASSES),),
            landcover=CodedRaster("/c.tif", CLASSES),
            regions=SampleFile("/d.gpkg"),
            gsd_m=0.5,
            count=100,
        ),
        Facts((Cover("use", "area", (CoverShare("trees", 0.5),)),), Indices(ndvi=0.5, water=0.0)),
        Facts(),
        Finding("short", "doubtful", "Two.", ("a", "b"), "Write more."),
        CheckPairsRequest("/set", "mini", ("short",), "Two."),
        PairCheck((Finding("few", "bad", "Two."),), (Finding("short", "doubtful", "One.", ("a",), "Wrote more."),)),
        SplitPairsRequest("/set", ("north",), 2000.0, 300.0, 7),
        ExportPairsRequest("/set", "/shards", 500),
        ImportPairsRequest("/data", "/set", "coco", True, "set", "CC0"),
        PhotoPairsRequest("/a.tif", "/photos", "/set", gsd_m=2.0, swap_coordinates=True),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_lose_nothing(message: Any) -> None:
    assert through_json(message) == message


def test_an_older_reader_ignores_what_it_does_not_know() -> None:
    assert from_json(Pair, {"id": "a", "image": "a.png", "clouds": 0.5}) == Pair("a", "a.png")


@pytest.mark.parametrize("split", ["Train", "", "dev"])
def test_a_pair_belongs_to_a_part_that_exists(split: str) -> None:
    with pytest.raises(ValueError, match="train, validation, test, unused"):
        Pair("a", "a.png", split=split)
    with pytest.raises(ProtocolError):
        from_json(Pair, {"id": "a", "image": "a.png", "split": split})


@pytest.mark.parametrize("wrong", [{"window_px": [0, 0, 64]}, {"lon": "9"}, {"captions": "a river"}, {"id": 3}])
def test_wrong_types_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match=f"Pair.{next(iter(wrong))}"):
        from_json(Pair, {"id": "a", "image": "a.png", **wrong})
