"""Bootstrap intervals cover what they promise; pairs of models are compared on the same images."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.bootstrap import caution, compare, confidence_interval
from satclip_engine.evaluation.statistics import intervals_of, statistic_of


def share(total: np.ndarray) -> float:
    return float(total[0] / total[1])


def hits(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


def test_the_interval_covers_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(400):
        low, high = confidence_interval(hits((rng.random(80) < 0.6).astype(float)), share, n=300, seed=seed)
        covered += low <= 0.6 <= high
    assert 0.91 <= covered / 400 <= 0.98


def test_the_interval_is_as_wide_as_the_normal_approximation() -> None:
    values = (np.random.default_rng(1).random(1000) < 0.3).astype(float)
    low, high = confidence_interval(hits(values), share)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(1000), rel=0.1)
    assert low < values.mean() < high


def test_images_are_drawn_not_pixels() -> None:
    """Two kinds of image, a thousand pixels each: resampling pixels would claim near certainty."""
    per_image = np.array([[1000.0, 1000.0]] * 5 + [[0.0, 1000.0]] * 5)
    low, high = confidence_interval(per_image, share)
    assert low <= 0.3
    assert high >= 0.7


def test_one_image_gives_no_interval() -> None:
    assert np.isnan(confidence_interval(np.ones((1, 2)), share)).all()
    assert "no interval" in caution(1)
    assert "7 images" in caution(7)
    assert caution(100) == ""


def test_images_that_all_agree_give_no_interval() -> None:
    never = {"ids": list("abcde"), "share_iou_50": [0, 0, 0, 0, 0], "hit_rate": [0, 1, 1, 0, 1]}
    assert set(intervals_of({"share_iou_50": 0.0, "hit_rate": 0.6}, never)) == {"hit_rate"}


def test_seeded_draws_repeat() -> None:
    values = hits(np.arange(30.0) % 3)
    assert confidence_interval(values, share, seed=4) == confidence_interval(values, share, seed=4)
    assert confidence_interval(values, share, n=50, seed=4) != confidence_interval(values, share, n=50, seed=5)


def test_pairs_show_what_separate_images_cannot() -> None:
    rng = np.random.default_rng(2)
    easy = rng.random(60)  # images differ far more than models
    a, b = hits(easy), hits(np.clip(easy + 0.03 + 0.02 * rng.normal(size=60), 0, 1.2))
    ids = [str(i) for i in range(60)]
    paired = compare(ids, a, ids, b, share)
    apart = compare(ids, a, [f"other {i}" for i in ids], b, share)
    assert paired.paired
    assert not apart.paired
    assert paired.decided
    assert not apart.decided
    assert paired.difference == pytest.approx(apart.difference)
    assert paired.high - paired.low < (apart.high - apart.low) / 4
    assert "3." in paired.sentence("mIoU", "old", "new")
    assert "new is" in paired.sentence("mIoU", "old", "new")
    assert "better" in paired.sentence("mIoU", "old", "new")
    assert "no difference that these images can show" in apart.sentence("mIoU", "old", "new")


def test_only_common_images_are_paired_whatever_their_order() -> None:
    a = hits(np.array([1.0, 0.0, 1.0, 1.0]))
    b = hits(np.array([0.0, 1.0, 1.0]))
    found = compare(["w", "x", "y", "z"], a, ["x", "q", "w"], b, share)
    assert (found.n_images, found.a, found.b) == (2, 0.5, 0.5)


def test_a_model_does_not_differ_from_itself() -> None:
    values = hits(np.random.default_rng(3).random(20))
    found = compare(list(map(str, range(20))), values, list(map(str, range(20))), values, share)
    assert (found.low, found.difference, found.high) == (0, 0, 0)
    assert not found.decided


@pytest.mark.parametrize(
    ("metric", "per_image", "expected"),
    [
        ("top1", {"ids": ["a", "b"], "top1": [1, 0]}, 0.5),
        ("hit_rate", {"ids": ["a", "b"], "hit_rate": [[1, 3], [2, 3]]}, 0.5),
        ("mean_iou", {"ids": ["a"], "confusion": [[[3, 1, 0], [0, 4, 0]]]}, (3 / 4 + 4 / 5) / 2),
        ("iou:1", {"ids": ["a"], "confusion": [[[3, 1, 0], [0, 4, 0]]]}, 4 / 5),
        ("tuned_iou:road", {"ids": ["a", "b"], "tuned_iou:road": [[1, 4], [2, 4]]}, 3 / 8),
        ("iou:1", {"ids": ["a"], "iou:1": [[1, 2]], "confusion": [[[3, 1, 0], [0, 4, 0]]]}, 1 / 2),
        ("tuned_pixel_accuracy", {"ids": ["a"], "tuned_confusion": [[[3, 1, 0], [0, 4, 0]]]}, 7 / 8),
        ("mean_f1", {"ids": ["a"], "confusion": [[[3, 1, 0], [0, 4, 0]]]}, (6 / 7 + 8 / 9) / 2),
        ("mean_boundary_f1", {"ids": ["a", "b"], "boundary": [[[4, 2, 0, 0]], [[0, 0, 4, 2]]]}, 0.5),
        ("change_f1", {"ids": ["a"], "change": [[[5, 1, 0], [1, 2, 0]]]}, 4 / 6),
        ("text_to_image_r5", {"ids": ["a"], "retrieval": [[[1, 0, 1, 1], [4, 1, 2, 4]]]}, 0.5),
        ("mean_recall", {"ids": ["a"], "retrieval": [[[1, 0, 1, 1], [4, 1, 2, 4]]]}, (2 / 3 + 7 / 12) / 2),
        ("image_to_text_mean", {"ids": ["a"], "retrieval": [[[1, 0, 1, 1], [4, 1, 2, 4]]]}, 2 / 3),
    ],
)
def test_metrics_are_functions_of_sums_over_images(metric: str, per_image: dict, expected: float) -> None:
    pair = statistic_of(metric, per_image)
    assert pair is not None
    values, statistic = pair
    assert statistic(values.sum(0)) == pytest.approx(expected)


def test_a_metric_without_its_counts_has_no_interval() -> None:
    metrics = {"mean_iou": 0.5, "pixel_accuracy": 0.7, "few_shot": 0.9}
    per_image = {"ids": ["a", "b"], "confusion": [[[3, 1, 0], [0, 4, 0]], [[2, 2, 0], [1, 3, 0]]]}
    assert set(intervals_of(metrics, per_image)) == {"mean_iou", "pixel_accuracy"}
    assert intervals_of(metrics, {"ids": ["a"], "confusion": per_image["confusion"][:1]}) == {}
