"""Tuning finds offsets that help, by exact searches, and scores them on images that did not choose them."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.offsets import decide, fit_offsets, fit_threshold, log_probabilities
from satclip_engine.evaluation.segmentation import confusion_matrix, segmentation_scores
from satclip_engine.evaluation.tuning import PixelSample, cross_validated_offsets


def image(seed: int, n: int = 3000, bias: tuple[float, ...] = (0.0, 2.0, 0.0), noise: float = 1.0) -> PixelSample:
    """Pixels whose logits know the class but favour some classes by ``bias``."""
    rng = np.random.default_rng(seed)
    reference = rng.choice(3, n, p=(0.6, 0.3, 0.1))
    logits = 3 * np.eye(3)[reference] + noise * rng.normal(size=(n, 3)) + bias
    odds = np.exp(logits)
    return PixelSample(f"image {seed}", (odds / odds.sum(1, keepdims=True)).astype(np.float32), reference)


def miou(sample: PixelSample, offsets: np.ndarray, threshold: float = 0.0, background: int | None = None) -> float:
    mapped = decide(log_probabilities(sample.probabilities), offsets, threshold, background)
    return segmentation_scores(confusion_matrix(sample.reference, mapped, 3)).mean_iou


def test_offsets_take_a_bias_back() -> None:
    tuned = cross_validated_offsets([image(seed) for seed in range(8)], 3)
    assert tuned.scores.mean_iou > tuned.untuned.mean_iou + 0.1
    assert tuned.offsets[:, 1].max() < tuned.offsets[:, [0, 2]].min() - 1
    np.testing.assert_allclose(tuned.offsets.mean(1), 0, atol=1e-12)


def test_every_pixel_is_scored_once() -> None:
    samples = [image(seed, n=500 + seed) for seed in range(7)]
    tuned = cross_validated_offsets(samples, 3, folds=3)
    assert tuned.confusion.sum() == sum(len(sample.reference) for sample in samples)
    np.testing.assert_array_equal(tuned.per_image.sum((1, 2)), [len(sample.reference) for sample in samples])
    assert sorted(i for fold in tuned.folds for i in fold) == sorted(sample.image_id for sample in samples)
    np.testing.assert_array_equal(tuned.per_image.sum(0), tuned.confusion)


def test_an_image_never_chooses_its_own_offsets() -> None:
    samples = [image(seed) for seed in range(6)]
    honest = cross_validated_offsets(samples, 3, folds=3)
    held_out = honest.folds[0][0]
    swapped = [
        PixelSample(s.image_id, s.probabilities, 2 - s.reference) if s.image_id == held_out else s for s in samples
    ]
    changed = cross_validated_offsets(swapped, 3, folds=3)
    np.testing.assert_array_equal(changed.offsets[0], honest.offsets[0])
    assert not np.array_equal(changed.offsets[1:], honest.offsets[1:])


def test_tuning_noise_gains_nothing() -> None:
    rng = np.random.default_rng(0)
    samples = [PixelSample(str(i), rng.dirichlet((1, 1, 1), 400), rng.integers(0, 3, 400)) for i in range(10)]
    tuned = cross_validated_offsets(samples, 3)
    assert tuned.scores.mean_iou < tuned.untuned.mean_iou + 0.01


def test_the_fit_is_a_coordinate_maximum() -> None:
    sample = image(11, n=800, noise=2.0)
    offsets = fit_offsets(log_probabilities(sample.probabilities), sample.reference, np.ones(800))
    best = miou(sample, offsets)
    for k in range(3):
        for step in np.arange(-3, 3.05, 0.1):
            moved = offsets.copy()
            moved[k] += step
            assert miou(sample, moved) <= best + 2e-3  # ties at grid points and the last sweep's tolerance


def test_weights_stand_for_pixels() -> None:
    samples = [image(seed, n=300) for seed in range(4)]
    heavy = [PixelSample(s.image_id, s.probabilities, s.reference, weight=10.0) for s in samples]
    tuned, plain = cross_validated_offsets(heavy, 3), cross_validated_offsets(samples, 3)
    np.testing.assert_array_equal(tuned.confusion, 10 * plain.confusion)
    np.testing.assert_array_equal(tuned.offsets, plain.offsets)


def test_a_threshold_sends_doubtful_pixels_to_the_background() -> None:
    rng = np.random.default_rng(2)
    samples = []
    for seed in range(6):
        sample = image(seed)
        odds = np.where((sample.reference == 2)[:, None], (0.5, 0.45, 0.0), 0.98 * np.eye(3)[sample.reference])
        # the background's own words say nothing: only that no other class is sure gives it away
        odds = odds + np.stack([rng.uniform(0, 0.05, 3000)] * 2 + [10 ** rng.uniform(-3, -1.5, 3000)], axis=1)
        samples.append(PixelSample(sample.image_id, odds / odds.sum(1, keepdims=True), sample.reference))
    plain = cross_validated_offsets(samples, 3)
    with_background = cross_validated_offsets(samples, 3, background=2)
    assert with_background.thresholds.min() > 0.4
    assert with_background.scores.iou[2] > 0.5
    assert "least probability" in with_background.sentence()
    assert "least probability" not in plain.sentence()
    assert plain.thresholds.tolist() == [0] * 5


def test_no_threshold_is_chosen_where_none_helps() -> None:
    sample = image(1, bias=(0.0, 0.0, 0.0))
    logits = log_probabilities(sample.probabilities)
    threshold = fit_threshold(logits, sample.reference, np.ones(len(logits)), np.zeros(3), background=1)
    assert threshold < 0.6
    assert miou(sample, np.zeros(3), threshold, 1) >= miou(sample, np.zeros(3))


def test_ignored_pixels_are_dropped_and_few_images_make_few_folds() -> None:
    first, second = image(0, n=200), image(1, n=200)
    reference = first.reference.copy()
    reference[:50] = -1
    samples = [PixelSample("a", first.probabilities.astype(np.float16), reference), second]
    tuned = cross_validated_offsets(samples, 3)
    assert len(tuned.folds) == 2
    assert tuned.confusion.sum() == 350


def test_images_without_a_labelled_pixel_choose_nothing() -> None:
    blank = [PixelSample(f"blank {i}", np.zeros((0, 3)), np.zeros(0, int)) for i in range(3)]
    tuned = cross_validated_offsets([image(0), *blank], 3, folds=4, background=0)
    assert tuned.confusion.sum() == 3000
    assert tuned.offsets[[i for i, fold in enumerate(tuned.folds) if "image 0" in fold]].tolist() == [[0, 0, 0]]


def test_one_image_cannot_be_cross_validated() -> None:
    with pytest.raises(ValueError, match="two images"):
        cross_validated_offsets([image(0)], 3)
    with pytest.raises(ValueError, match="do not fit"):
        cross_validated_offsets([image(0), image(1)], 4)
