"""Segmentation: the figures are those of the maps that ``segment`` makes, pixel by pixel."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError
from satclip_engine.harness.context import EvaluateOptions, TaskContext
from satclip_engine.harness.datasets import load_folder
from satclip_engine.harness.features import features_of
from satclip_engine.harness.run import evaluate
from satclip_engine.harness.segmentation import SAMPLED_PX, sample_pixels
from satclip_engine.protocol import ClassSet, FeatureOptions, ProgressUpdate, SegmentRequest
from satclip_engine.questions.segment import segment

from tests.engine.harness.conftest import draw_labels


def run(dataset: object, options: EvaluateOptions, config: Config, **changes: object) -> object:
    ways = {"progress": lambda _: None, "check_cancelled": lambda: None, **changes}
    return evaluate(dataset, "segmentation", options, config=config, **ways)


def own_confusion(scene: Path, labels: np.ndarray, classes: ClassSet, options: FeatureOptions, out: Path) -> np.ndarray:
    """Count by hand on the product that a user would get."""
    where = Config(*(out / name for name in ("data", "cache", "models", "resources")), 10**9)
    request = SegmentRequest(str(scene), classes, str(out / "map"), options)
    segment(request, config=where, progress=lambda _: None, check_cancelled=lambda: None, job_id="by-hand")
    with rasterio.open(out / "map" / "thematic.tif") as raster:
        codes = raster.read(1)
    counts = np.zeros((len(classes), len(classes) + 1), np.int64)
    for true, code in zip(labels.ravel(), codes.ravel(), strict=True):
        if true < len(classes):
            counts[true, min(int(code) - 1, len(classes))] += 1
    return counts


def test_figures_are_those_of_the_products_own_maps(
    masks_folder: Path, options: EvaluateOptions, config: Config, tmp_path: Path
) -> None:
    dataset = load_folder(masks_folder)
    report = run(dataset, options, config)
    expected = [
        own_confusion(
            masks_folder / "images" / f"part{n}.png",
            draw_labels(n),
            dataset.classes,
            options.features,
            tmp_path / f"{n}",
        )
        for n in range(3)
    ]
    assert len(report.per_image["ids"]) == 3
    for found, counts in zip(report.per_image["confusion"], expected, strict=True):
        np.testing.assert_array_equal(found, counts)
    total = np.sum(expected, axis=0)
    hits = np.diag(total[:, :3])
    iou = hits / (total.sum(1) + total[:, :3].sum(0) - hits)
    assert report.metrics["mean_iou"] == pytest.approx(iou.mean())
    assert report.metrics["iou:water"] == pytest.approx(iou[0])
    assert report.metrics["pixel_accuracy"] == pytest.approx(hits.sum() / total.sum())
    np.testing.assert_array_equal(report.confusion.matrix, total)
    assert not list(config.cache_dir.glob("evaluate-*"))


def test_report_names_what_was_done(masks_folder: Path, options: EvaluateOptions, config: Config) -> None:
    updates: list[ProgressUpdate] = []
    report = run(load_folder(masks_folder), options, config, progress=updates.append)
    assert list(report.metrics)[:2] == ["mean_iou", "tuned_mean_iou"]
    assert {"mean_iou", "tuned_mean_iou", "mean_boundary_f1", "iou:road"} <= set(report.intervals)
    assert [spec.phrases for spec in report.prompts.classes] == [("lake",), ("trees",), ("road",)]
    assert report.prompts.templates == ("{}",)
    assert len(report.model.weights_sha256) == 64
    assert report.dataset.n_items == 3
    assert any("cross-validation" in note for note in report.notes)
    assert [update.done for update in updates] == [0.0, 1 / 3, 2 / 3]
    assert {example.group for example in report.examples} <= {"Where it fails", "Typical", "Best"}
    assert len(report.examples) == 3


def test_example_shows_reference_and_ignored_pixels(
    masks_folder: Path, options: EvaluateOptions, config: Config
) -> None:
    report = run(load_folder(masks_folder), replace(options, limit=1), config)
    pictures = {label: np.asarray(Image.open(io.BytesIO(png))) for label, png in report.examples[0].pictures}
    reference = pictures["reference"]
    factor = reference.shape[1] // 120
    colours = {0: (0, 0, 255), 1: (0, 255, 0), 2: (128, 128, 128), 3: (225, 228, 232)}
    for position, colour in colours.items():
        inside = np.kron(draw_labels(0) == position, np.ones((factor, factor), bool))
        assert (reference[inside] == colour).all()
    wrong = pictures["right and wrong"]
    assert (wrong[np.kron(draw_labels(0) == 3, np.ones((factor, factor), bool))] == (225, 228, 232)).all()


def test_one_image_is_not_tuned_and_says_so(masks_folder: Path, options: EvaluateOptions, config: Config) -> None:
    report = run(load_folder(masks_folder), replace(options, limit=1), config)
    assert "tuned_mean_iou" not in report.metrics
    assert any("at least two images" in note for note in report.notes)
    assert any("Only 1 of 3" in note for note in report.notes)


def test_cancelling_stops_and_leaves_nothing(masks_folder: Path, options: EvaluateOptions, config: Config) -> None:
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) > 3:
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        run(load_folder(masks_folder), options, config, check_cancelled=stop)
    assert not list(config.cache_dir.glob("evaluate-*"))


def test_sample_draws_labelled_pixels_once_with_their_probabilities(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    height, width = 700, 300
    reference = rng.integers(-1, 2, (height, width)).astype(np.int16)
    steps = rng.integers(0, 251, (2, height, width)).astype(np.uint8)
    steps[1] = np.arange(height * width).reshape(height, width) % 251
    path = tmp_path / "probabilities.tif"
    with rasterio.open(path, "w", driver="GTiff", width=width, height=height, count=2, dtype="uint8") as raster:
        raster.write(steps)
    sample = sample_pixels("a", reference, path, seed=0)
    assert sample.probabilities.shape == (SAMPLED_PX, 2)
    assert sample.weight == pytest.approx((reference >= 0).sum() / SAMPLED_PX)
    assert set(np.unique(sample.reference)) == {0, 1}
    pairs = {
        (int(r), *(p.astype(float) * 250).round().astype(int))
        for r, p in zip(reference[reference >= 0], steps[:, reference >= 0].T / 250, strict=True)
    }
    drawn = {
        (int(r), *(p.astype(float) * 250).round().astype(int))
        for r, p in zip(sample.reference, sample.probabilities, strict=True)
    }
    assert drawn <= pairs
    again = sample_pixels("a", reference, path, seed=0)
    np.testing.assert_array_equal(again.probabilities, sample.probabilities)
    other = sample_pixels("b", reference, path, seed=0)
    assert (other.probabilities != sample.probabilities).any()


def test_small_or_unlabelled_images_give_what_they_have(tmp_path: Path) -> None:
    path = tmp_path / "probabilities.tif"
    steps = np.full((2, 10, 12), 125, np.uint8)
    steps[:, 0, 0] = 255
    with rasterio.open(path, "w", driver="GTiff", width=12, height=10, count=2, dtype="uint8") as raster:
        raster.write(steps)
    whole = sample_pixels("a", np.zeros((10, 12), np.int16), path, seed=0)
    assert len(whole.reference) == 120
    assert whole.weight == 1.0
    assert (whole.probabilities[0] == 0).all()
    none = sample_pixels("a", np.full((10, 12), -1, np.int16), path, seed=0)
    assert none.probabilities.shape == (0, 2)


@pytest.mark.parametrize(
    ("wish", "gsd_m", "crs", "expected"),
    [
        (None, None, None, None),
        (2.0, None, None, 2.0),
        (2.0, 0.5, None, 4.0),
        (None, 0.05, None, 2.0),
        (None, 5000.0, None, 0.5),
        (None, 1.0, None, 1.0),
        (None, 0.05, "EPSG:32632", None),
        (3.0, 0.05, "EPSG:32632", 3.0),
    ],
)
def test_images_without_georeference_are_seen_at_the_sampling_that_is_known(
    make_raster: Callable[..., Path],
    context_of: Callable[..., TaskContext],
    masks_folder: Path,
    wish: float | None,
    gsd_m: float | None,
    crs: str | None,
    expected: float | None,
) -> None:
    context = context_of(load_folder(masks_folder))  # the tiny model's card: 0.1 to 1000 m
    features = replace(context.options.features, gsd_m=wish)
    context = replace(context, options=replace(context.options, features=features))
    assert features_of(context, make_raster(crs=crs), gsd_m=gsd_m).gsd_m == expected


def test_bands_of_the_caller_come_before_the_items_and_the_sets(
    make_raster: Callable[..., Path], context_of: Callable[..., TaskContext], masks_folder: Path
) -> None:
    dataset = replace(load_folder(masks_folder), bands="3,2,1", scaling="none")
    context = context_of(dataset)
    image = make_raster()
    assert features_of(context, image).bands == "3,2,1"
    assert features_of(context, image, bands="1,2,3").bands == "1,2,3"
    assert features_of(context, image).scaling == "none"
    asked = replace(context.options, features=replace(context.options.features, bands="2,2,2"))
    assert features_of(replace(context, options=asked), image, bands="1,2,3").bands == "2,2,2"
