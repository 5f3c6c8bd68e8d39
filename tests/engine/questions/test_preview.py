"""The live preview: what is cached is painted, what is not is encoded in pieces, and colours cost nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.protocol import FeatureOptions, PreviewRequest, PreviewResult, SegmentRequest, parse_classes
from satclip_engine.questions.preview import PreviewSession
from satclip_engine.questions.segment import segment

CLASSES = parse_classes("water #0000FF; forest #00AA00; road #777777")
Make = Callable[..., Path]


@pytest.fixture
def session(config: Config) -> PreviewSession:
    return PreviewSession(config)


@pytest.fixture
def request_for(tiny_folder: Path) -> Callable[[Path], PreviewRequest]:
    """Return a request for the whole scene at one pixel per pixel."""

    def make(scene: Path) -> PreviewRequest:
        with rasterio.open(scene) as raster:
            bounds = tuple(raster.bounds)
            size = raster.width, raster.height
        options = FeatureOptions(model=str(tiny_folder), device="cpu", precision="fp32")
        return PreviewRequest(str(scene), CLASSES, bounds, *size, options)

    return make


def picture(result: PreviewResult) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(result.png_base64))))


def encode_all(session: PreviewSession) -> int:
    count = 0
    while session.encode_missing(lambda: False):
        count += 1
    return count


def test_preview_fills_in_and_then_equals_the_map(
    make_raster: Make, session: PreviewSession, request_for: Callable[[Path], PreviewRequest], config: Config
) -> None:
    scene = make_raster(width=1200, height=400, nodata_kind="mask")
    request = request_for(scene)
    before = session.preview(request)
    assert before.known_fraction == 0
    assert not picture(before)[..., 3].any()
    assert session.encode_missing(lambda: False)
    between = session.preview(request)
    assert 0 < between.known_fraction < 1
    encode_all(session)
    after = session.preview(request)
    assert after.known_fraction == 1
    out = scene.parent / "out"
    asked = SegmentRequest(str(scene), CLASSES, str(out), request.features)
    segment(asked, config=config, progress=lambda _: None, check_cancelled=lambda: None, job_id="x")
    with rasterio.open(out / "thematic.tif") as product:
        codes = product.read(1)
    palette = np.array([[0, 0, 0, 0], [0, 0, 255, 255], [0, 170, 0, 255], [119, 119, 119, 255]], np.uint8)
    differing = (picture(after) != palette[codes]).any(axis=-1).mean()
    assert differing < 0.002  # the map decides on rounded bytes
    assert sum(after.counts) == 1200 * 400


def test_a_stop_keeps_the_windows_done_so_far(
    make_raster: Make, session: PreviewSession, request_for: Callable[[Path], PreviewRequest]
) -> None:
    request = request_for(make_raster(width=700, height=700))
    session.preview(request)
    stops = 0
    while not session.encode_missing(lambda: True):
        stops += 1
        session.preview(request)
        assert stops < 500
    assert stops > 3
    whole = picture(session.preview(request))
    assert session.preview(request).known_fraction == 1
    assert whole[..., 3].all()


def test_what_lies_beside_the_view_is_encoded_when_the_view_is_done(
    make_raster: Make, session: PreviewSession, request_for: Callable[[Path], PreviewRequest]
) -> None:
    chunk_m = 64 * 16
    whole = request_for(make_raster(width=4 * chunk_m, height=40))
    left, bottom, _, top = whole.bounds

    def view(start_m: int, stop_m: int) -> PreviewRequest:
        return replace(whole, bounds=(left + start_m, bottom, left + stop_m, top), width_px=50, height_px=10)

    first = view(100, 200)
    session.preview(first)
    encode_all(session)
    assert session.preview(first).known_fraction == 1
    assert session.preview(view(chunk_m + 100, chunk_m + 200)).known_fraction == 0
    session.preview(first)
    count = 0
    while session.encode_around(lambda: False):
        count += 1
    assert count == 1
    assert session.preview(view(chunk_m + 100, chunk_m + 200)).known_fraction == 1
    assert session.preview(view(3 * chunk_m + 100, 3 * chunk_m + 200)).known_fraction == 0


def test_colour_and_visibility_repaint_without_new_scores(
    make_raster: Make, session: PreviewSession, request_for: Callable[[Path], PreviewRequest]
) -> None:
    request = request_for(make_raster(width=200, height=200))
    session.preview(request)
    encode_all(session)
    first = picture(session.preview(request))
    specs = CLASSES.classes
    changed = replace(
        CLASSES, classes=(replace(specs[0], colour="#FF0000"), replace(specs[1], visible=False), specs[2])
    )
    second = picture(session.preview(replace(request, classes=changed)))
    was_water, was_forest = (first[..., 2] == 255), (first[..., 1] == 170)
    assert was_water.any() or was_forest.any()
    assert (second[was_water][:, 0] == 255).all()
    assert not second[was_forest][:, 3].any()


def test_zoomed_out_view_reaches_the_last_row_and_zoomed_in_view_is_sharp(
    make_raster: Make, session: PreviewSession, request_for: Callable[[Path], PreviewRequest]
) -> None:
    request = request_for(make_raster(width=300, height=200))
    session.preview(request)
    encode_all(session)
    small = session.preview(replace(request, width_px=30, height_px=20))
    assert picture(small)[..., 3].all()
    left, bottom, _, _ = request.bounds
    close = session.preview(
        replace(request, bounds=(left, bottom, left + 20, bottom + 10), width_px=400, height_px=200)
    )
    assert picture(close)[..., 3].all()


def test_views_beside_the_layer_and_rotated_layers(
    make_raster: Make, session: PreviewSession, request_for: Callable[[Path], PreviewRequest]
) -> None:
    request = request_for(make_raster(width=100, height=100))
    beside = session.preview(replace(request, bounds=(0.0, 0.0, 10.0, 10.0)))
    assert "does not show" in beside.notes[0]
    rotated = request_for(make_raster("rotated.tif", width=100, height=100, orientation="rotated"))
    with pytest.raises(OptionError, match="rotated"):
        session.preview(rotated)


@pytest.mark.parametrize("orientation", ["south_up", "flipped"])
def test_flipped_layers_are_painted_where_they_lie(
    make_raster: Make, session: PreviewSession, request_for: Callable[[Path], PreviewRequest], orientation: str
) -> None:
    scene = make_raster(width=160, height=120, orientation=orientation, nodata_kind="mask")
    request = request_for(scene)
    left, bottom, right, top = request.bounds
    request = replace(request, bounds=(min(left, right), min(bottom, top), max(left, right), max(bottom, top)))
    session.preview(request)
    encode_all(session)
    shown = picture(session.preview(request))[..., 3] > 0
    with rasterio.open(scene) as raster:
        valid = raster.dataset_mask() > 0
    expected = valid[::-1] if orientation == "south_up" else valid[:, ::-1]
    np.testing.assert_array_equal(shown, expected)
