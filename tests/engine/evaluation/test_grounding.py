"""Grounding scores, by hand and by counting pixels."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.grounding import box_iou, grounding_scores


def test_the_best_true_box_counts_and_any_may_be_hit() -> None:
    true = [np.array([[0, 0, 10, 10], [20, 20, 30, 30]]), np.array([[0, 0, 4, 4]])]
    predicted = np.array([[20, 20, 30, 25], [10, 10, 12, 12]])
    peaks = np.array([[5, 5], [5, 5]])
    scores = grounding_scores(predicted, peaks, true)
    assert scores.hits.tolist() == [True, False]
    assert scores.ious.tolist() == pytest.approx([0.5, 0.0])
    assert (scores.hit_rate, scores.mean_iou, scores.share_iou_50) == pytest.approx((0.5, 0.25, 0.5))


def test_box_overlap_equals_counted_pixels() -> None:
    rng = np.random.default_rng(2)
    corners = np.sort(rng.integers(0, 20, (30, 2, 2)), axis=1)
    boxes = np.concatenate([corners[:, 0], corners[:, 1] + 1], axis=1)

    def mask(box: np.ndarray) -> np.ndarray:
        canvas = np.zeros((24, 24), bool)
        canvas[box[1] : box[3], box[0] : box[2]] = True
        return canvas

    expected = [(mask(boxes[0]) & mask(b)).sum() / (mask(boxes[0]) | mask(b)).sum() for b in boxes]
    np.testing.assert_allclose(box_iou(boxes[0], boxes), expected)


def test_an_empty_box_overlaps_nothing() -> None:
    assert box_iou(np.array([3.0, 3, 3, 3]), np.array([[3.0, 3, 3, 3], [0, 0, 9, 9]])).tolist() == [0.0, 0.0]


def test_a_phrase_needs_a_true_box() -> None:
    with pytest.raises(ValueError, match="true box"):
        grounding_scores(np.zeros((1, 4)), np.zeros((1, 2)), [np.zeros((0, 4))])
    with pytest.raises(ValueError, match="each phrase"):
        grounding_scores(np.zeros((2, 4)), np.zeros((1, 2)), [np.zeros((1, 4))])
