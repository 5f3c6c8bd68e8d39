"""Change: the energy of algorithms.md, Otsu's threshold, and pairs through the whole task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from satclip_engine.errors import DataSetError
from satclip_engine.harness.change import change_energy, evaluate_change, otsu
from satclip_engine.harness.context import TaskContext
from satclip_engine.harness.datasets import ChangeItem, load_folder
from satclip_engine.harness.scenes import encoded_scene
from satclip_engine.heads.text_head import TextHead
from satclip_engine.protocol import ClassSet, ClassSpec, SegmentRequest, TextOptions
from satclip_engine.questions.segment import segment
from satclip_engine.raster.gdal import open_raster


@dataclass(frozen=True)
class Truth:
    """A reference held in memory."""

    codes: np.ndarray

    def read(self) -> np.ndarray:
        return self.codes


def test_energy_by_hand() -> None:
    before = np.array([[[0.9, 0.2]]], dtype=np.float32)
    after = np.array([[[0.1, 0.2]]], dtype=np.float32)
    similarity = np.array([[0.75, 0.1]], dtype=np.float32)
    energy = change_energy(before, after, similarity)
    assert energy[0, 0, 0] == pytest.approx(0.9 * 0.8 * 0.25)
    assert energy[0, 0, 1] == 0.0


def test_otsu_is_the_best_cut_of_all() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0.2, 0.05, 3000), rng.normal(0.7, 0.1, 800)])
    found = otsu(values)

    def within(cut: float) -> float:
        low, high = values[values < cut], values[values >= cut]
        return float(len(low) * low.var() + len(high) * high.var())

    best = min(np.linspace(values.min() + 0.01, values.max() - 0.01, 400), key=within)
    assert within(found) == pytest.approx(within(float(best)), rel=0.01)


def pair_of(make_raster: Callable[..., Path], second: dict[str, object]) -> tuple[Path, Path]:
    first = make_raster("before.tif", width=160, height=128, seed=1)
    return first, make_raster("after.tif", **{"width": 160, "height": 128, "seed": 1, **second})


def test_probabilities_are_those_of_segment(
    make_raster: Callable[..., Path], context_of: Callable[..., TaskContext], masks_folder: Path, tmp_path: Path
) -> None:
    context = context_of(load_folder(masks_folder))
    scene = make_raster(width=200, height=150)
    head = TextHead.from_classes(context.encoder, context.dataset.classes, TextOptions())
    with encoded_scene(context, scene) as encoded:
        found = encoded.probabilities(head, guided=True)
    request = SegmentRequest(str(scene), context.dataset.classes, str(tmp_path / "map"), context.options.features)
    segment(
        request,
        config=context.config,
        progress=lambda _: None,
        check_cancelled=lambda: None,
        job_id="map",
        encoder=context.encoder,
    )
    with open_raster(tmp_path / "map" / "probabilities.tif") as raster:
        expected = raster.read() / 250
    assert np.abs(found - expected).max() <= 0.5 / 250 + 1e-3


def test_nothing_changes_between_a_picture_and_itself(
    make_raster: Callable[..., Path], context_of: Callable[..., TaskContext], masks_folder: Path
) -> None:
    before, after = pair_of(make_raster, {})
    reference = np.zeros((128, 160), np.int16)
    reference[:10] = -1
    reference[64:] = 1
    item = ChangeItem("same", before, after, Truth(reference))
    result = evaluate_change(context_of(load_folder(masks_folder)), [item])
    assert result.per_image["change"] == [[[54 * 160, 0, 0], [64 * 160, 0, 0]]]
    assert result.metrics["change_recall"] == 0.0
    assert [label for label, _ in result.examples[0].pictures][:2] == ["before", "after"]


def test_background_classes_are_not_watched(
    make_raster: Callable[..., Path], context_of: Callable[..., TaskContext], masks_folder: Path
) -> None:
    classes = ClassSet((ClassSpec("building"), ClassSpec("other", ("grass", "soil"), background=True)))
    context = context_of(replace(load_folder(masks_folder), classes=classes))
    before, after = pair_of(make_raster, {"seed": 9, "dtype": "uint8"})
    item = ChangeItem("pair", before, after, Truth(np.zeros((128, 160), np.int16)))
    result = evaluate_change(context, [item])
    assert any("Classes watched: building." in note for note in result.notes)
    assert np.array(result.per_image["change"]).sum() == 128 * 160


def test_dates_on_different_pixels_are_refused(
    make_raster: Callable[..., Path], context_of: Callable[..., TaskContext], masks_folder: Path
) -> None:
    before, after = pair_of(make_raster, {"width": 320, "height": 256})

    @dataclass(frozen=True)
    class Unchecked(ChangeItem):
        def read_reference(self) -> np.ndarray:
            return self.reference.read()

    item = Unchecked("pair", before, after, Truth(np.zeros((128, 160), np.int16)))
    with pytest.raises(DataSetError, match="same pixels") as caught:
        evaluate_change(context_of(load_folder(masks_folder)), [item])
    assert caught.value.code == "dataset.pair"
