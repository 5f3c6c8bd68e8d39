"""A whole run: products on the input's grid, true to their probabilities, the same however often interrupted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError, OutputError, SatclipError
from satclip_engine.protocol import (
    Aoi,
    ClassSet,
    ClassSpec,
    FeatureOptions,
    Outputs,
    PolygonOptions,
    SegmentRequest,
    TextOptions,
    parse_classes,
)
from satclip_engine.questions.estimate import estimate
from satclip_engine.questions.segment import segment

CLASSES = parse_classes("water; forest: woods, trees; building; road")
Make = Callable[..., Path]


@pytest.fixture
def run(tiny_folder: Path, config: Config, tmp_path: Path) -> Callable[..., Path]:
    """Return ``run(scene, **changes) -> folder``."""

    def run_it(scene: Path, out: str = "out", **changes: Any) -> Path:
        options = FeatureOptions(model=str(tiny_folder), device="cpu", precision="fp32")
        request = replace(SegmentRequest(str(scene), CLASSES, str(tmp_path / out), options), **changes)
        segment(request, config=config, progress=lambda _: None, check_cancelled=lambda: None, job_id=out)
        return tmp_path / out

    return run_it


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as raster:
        return raster.read()


@pytest.mark.parametrize("kind", ["none", "value", "alpha", "mask"])
def test_products_lie_on_the_inputs_grid_and_keep_its_nodata(make_raster: Make, run: Any, kind: str) -> None:
    scene = make_raster(width=333, height=257, nodata_kind=kind)
    folder = run(scene)
    with rasterio.open(scene) as source:
        valid = source.dataset_mask() > 0
        for name in ("thematic.tif", "probabilities.tif", "confidence.tif"):
            with rasterio.open(folder / name) as product:
                assert (product.crs, product.transform, product.shape) == (source.crs, source.transform, source.shape)
                np.testing.assert_array_equal(product.read_masks(1) > 0, valid)
    codes = read(folder / "thematic.tif")[0]
    np.testing.assert_array_equal(codes == 0, ~valid)
    with rasterio.open(folder / "probabilities.tif") as product:
        assert product.descriptions == CLASSES.names


def test_probabilities_sum_to_one_and_the_map_is_their_argmax(make_raster: Make, run: Any) -> None:
    folder = run(make_raster(width=700, height=300, nodata_kind="mask"))
    codes = read(folder / "thematic.tif")[0]
    with rasterio.open(folder / "probabilities.tif") as product:
        steps = product.read()
        probabilities = steps * product.scales[0] + product.offsets[0]
    valid = codes > 0
    sums = probabilities.sum(axis=0)[valid]
    assert np.abs(sums - 1).max() <= 0.5 * len(CLASSES) / 250 + 1e-6
    np.testing.assert_array_equal(codes[valid], steps.argmax(axis=0)[valid] + 1)
    confidence = read(folder / "confidence.tif")
    ordered = np.sort(steps, axis=0)
    np.testing.assert_array_equal(confidence[0][valid], ordered[-1][valid])
    np.testing.assert_array_equal(confidence[1][valid], (ordered[-1] - ordered[-2])[valid])


def test_float_probabilities_sum_to_one(make_raster: Make, run: Any) -> None:
    folder = run(make_raster(width=200, height=150), outputs=Outputs(probability_dtype="float32"))
    probabilities = read(folder / "probabilities.tif")
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=0), 1.0, atol=1e-5)
    np.testing.assert_array_equal(read(folder / "thematic.tif")[0], probabilities.argmax(axis=0) + 1)


def test_threshold_background_and_unknown(make_raster: Make, run: Any) -> None:
    scene = make_raster(width=300, height=200)
    specs = [replace(spec, threshold=0.9) for spec in CLASSES.classes]
    unknown = read(run(scene, "a", classes=ClassSet(tuple(specs))) / "thematic.tif")[0]
    steps = read(run(scene, "b") / "probabilities.tif")
    top = steps.max(axis=0)
    assert 0 < (top < 225).mean() <= 1
    np.testing.assert_array_equal(unknown == len(CLASSES) + 1, top < 225)
    with_background = ClassSet((*specs[:3], replace(specs[3], background=True)))
    codes = read(run(scene, "c", classes=with_background) / "thematic.tif")[0]
    np.testing.assert_array_equal(codes[top < 225], 4)
    abstaining = read(run(scene, "d", text=TextOptions(unknown_below=0.9)) / "thematic.tif")[0]
    np.testing.assert_array_equal(abstaining == len(CLASSES) + 1, top < 225)


def test_area_of_interest_gives_that_part_of_the_whole_map(make_raster: Make, run: Any) -> None:
    scene = make_raster(width=400, height=300, gsd=1.0, origin=(600_000.0, 5_200_000.0))
    whole = read(run(scene, "whole") / "thematic.tif")[0]
    left, top = 600_000.0 + 100, 5_200_000.0 - 50
    ring = [[left, top], [left + 120, top], [left + 120, top - 90], [left, top - 90], [left, top]]
    folder = run(scene, "part", aoi=Aoi({"type": "Polygon", "coordinates": [ring]}))
    with rasterio.open(folder / "thematic.tif") as product:
        assert product.shape == (90, 120)
        assert (product.transform.c, product.transform.f) == (left, top)
        part = product.read(1)
    np.testing.assert_array_equal(part, whole[50:140, 100:220])


def test_a_periodic_scene_gives_a_periodic_map_without_seams(make_raster: Make, run: Any) -> None:
    """Windows step by 2 cells of 16 px: a scene of period 32 px looks the same to each of them."""
    period = 32
    tile = np.random.default_rng(5).integers(0, 256, (3, period, period), dtype=np.uint8)
    scene = make_raster(data=np.tile(tile, (1, 40, 40)))
    steps = read(run(scene) / "probabilities.tif").astype(int)
    inner = steps[:, 96:-96, 96:-96]
    assert np.abs(inner[:, period:] - inner[:, :-period]).max() <= 1
    assert np.abs(inner[:, :, period:] - inner[:, :, :-period]).max() <= 1


def test_block_and_chunk_borders_leave_no_trace(make_raster: Make, run: Any) -> None:
    """Blocks are 512 px and chunks 1024 px: the same ground mapped through an area of interest has other blocks."""
    scene = make_raster(width=1200, height=1100)
    whole = read(run(scene, "whole") / "probabilities.tif").astype(int)
    left, top = 600_000.0 + 301, 5_200_000.0 - 257
    ring = [[left, top], [left + 800, top], [left + 800, top - 800], [left, top - 800], [left, top]]
    part = read(run(scene, "part", aoi=Aoi({"type": "Polygon", "coordinates": [ring]})) / "probabilities.tif")
    assert np.abs(part.astype(int) - whole[:, 257:1057, 301:1101]).max() <= 1


def test_second_prompt_set_encodes_nothing(make_raster: Make, run: Any) -> None:
    scene = make_raster(width=500, height=400)
    run(scene, "first")
    import json

    folder = run(scene, "second", classes=parse_classes("snow; sand"))
    facts = json.loads((folder / "run.json").read_text())["facts"]
    assert facts["timings"]["windows"] == 0
    first = json.loads((folder.parent / "first" / "run.json").read_text())["facts"]
    assert first["timings"]["windows"] > 0


def test_same_run_same_bytes(make_raster: Make, run: Any, config: Config) -> None:
    scene = make_raster(width=600, height=500, nodata_kind="alpha")

    def digests(folder: Path) -> dict[str, str]:
        files = [path for path in folder.iterdir() if path.is_file() and path.name != "run.json"]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    first = digests(run(scene, "first"))
    assert {"thematic.tif", "probabilities.tif", "confidence.tif", "preview.png", "thematic.qml"} <= set(first)
    from satclip_engine.features.cache import clear

    clear(config.cache_dir)
    assert digests(run(scene, "second")) == first


def test_cancel_leaves_neither_products_nor_staging(
    make_raster: Make, tiny_folder: Path, config: Config, tmp_path: Path
) -> None:
    scene = make_raster(width=900, height=900)
    request = SegmentRequest(str(scene), CLASSES, str(tmp_path / "out"), FeatureOptions(model=str(tiny_folder)))
    calls = []

    def cancel_soon() -> None:
        calls.append(1)
        if len(calls) > 3:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        segment(request, config=config, progress=lambda _: None, check_cancelled=cancel_soon, job_id="x")
    assert list((tmp_path / "out").iterdir()) == []


def test_errors_of_the_mapping_thread_reach_the_caller(
    make_raster: Make, tiny_folder: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output folder goes away while the run goes on."""
    import shutil

    scene = make_raster(width=1500, height=1500)
    out = tmp_path / "out"
    request = SegmentRequest(str(scene), CLASSES, str(out), FeatureOptions(model=str(tiny_folder)))

    def vanish(update: object) -> None:
        shutil.rmtree(out, ignore_errors=True)

    with pytest.raises((SatclipError, OSError)) as caught:
        segment(request, config=config, progress=vanish, check_cancelled=lambda: None, job_id="x")
    assert isinstance(caught.value, OutputError)


@pytest.mark.parametrize("text", ["only one", "; ".join(f"class {i}" for i in range(200)), "вода; 森林; غابة"])
def test_one_two_hundred_and_foreign_classes(make_raster: Make, run: Any, text: str) -> None:
    classes = parse_classes(text)
    folder = run(make_raster(width=130, height=70), classes=classes)
    assert read(folder / "probabilities.tif").shape[0] == len(classes)
    assert read(folder / "thematic.tif").max() <= len(classes)


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (40, 40)])
def test_tiny_scenes(make_raster: Make, run: Any, shape: tuple[int, int]) -> None:
    codes = read(run(make_raster(height=shape[0], width=shape[1])) / "thematic.tif")[0]
    assert codes.shape == shape
    assert codes.min() >= 1


@pytest.mark.parametrize("orientation", ["south_up", "flipped", "rotated"])
def test_oriented_scenes_keep_their_transform(make_raster: Make, run: Any, orientation: str) -> None:
    scene = make_raster(width=200, height=150, orientation=orientation)
    with rasterio.open(scene) as source, rasterio.open(run(scene) / "thematic.tif") as product:
        assert product.transform == source.transform


def test_coarser_working_scale_still_fills_the_inputs_grid(make_raster: Make, run: Any) -> None:
    scene = make_raster(width=901, height=700, gsd=0.5, nodata_kind="mask")
    options = replace(FeatureOptions(device="cpu", precision="fp32"), gsd_m=1.7)
    from tests.engine.helpers.tiny_model import write_tiny_model

    options = replace(options, model=str(write_tiny_model(scene.parent / "m")))
    codes = read(run(scene, features=options) / "thematic.tif")[0]
    with rasterio.open(scene) as source:
        np.testing.assert_array_equal(codes > 0, source.dataset_mask() > 0)


def test_polygons_are_written_on_request(make_raster: Make, run: Any) -> None:
    import pyogrio

    folder = run(make_raster(width=200, height=200), outputs=Outputs(polygons=PolygonOptions(min_area_m2=50)))
    frame = pyogrio.read_info(folder / "polygons.gpkg")
    assert frame["features"] > 0


def test_estimate_knows_what_is_cached(make_raster: Make, run: Any, tiny_folder: Path, config: Config) -> None:
    scene = make_raster(width=400, height=400)
    options = FeatureOptions(model=str(tiny_folder), device="cpu", precision="fp32")
    request = SegmentRequest(str(scene), CLASSES, "unused", options)
    before = estimate(request, config)
    run(scene)
    after = estimate(request, config)
    assert before.cached_fraction == 0
    assert before.seconds is not None
    assert before.seconds > 0
    assert after.cached_fraction == 1
    assert after.disk_bytes < before.disk_bytes
    run(scene, "cached")
    known = estimate(request, config).seconds
    assert known is not None
    assert known > 0  # nothing to encode, but writing takes time too
    assert after.gsd_m == pytest.approx(1.0, rel=0.01)


def test_class_of_the_wire_is_what_the_card_replays(make_raster: Make, run: Any) -> None:
    from satclip_engine.products.run_card import load_run_card

    classes = ClassSet((ClassSpec("a", ("b", "c"), "#112233", 0.5, True), ClassSpec("d")))
    folder = run(make_raster(width=100, height=100), classes=classes)
    request = load_run_card(folder / "run.json")
    assert request.classes == classes
    assert isinstance(request, SegmentRequest)
