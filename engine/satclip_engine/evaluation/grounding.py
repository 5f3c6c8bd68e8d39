"""Scores of grounding: does the phrase's hottest pixel, and its box, lie on a true box?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class GroundingScores:
    """Scores of phrases, each in one image.

    Attributes:
        hits: bool (n,) whether the peak lies in any true box of the phrase (the pointing game).
        ious: float64 (n,) overlap of the predicted box with the true box that it overlaps most.
    """

    hits: NDArray[np.bool_]
    ious: NDArray[np.float64]

    @property
    def hit_rate(self) -> float:
        """Share of hits."""
        return float(self.hits.mean())

    @property
    def mean_iou(self) -> float:
        """Mean overlap."""
        return float(self.ious.mean())

    @property
    def share_iou_50(self) -> float:
        """Share of phrases with an overlap of at least one half."""
        return float((self.ious >= 0.5).mean())


def grounding_scores(
    predicted_boxes: NDArray[np.floating],
    peaks: NDArray[np.floating],
    true_boxes: Sequence[NDArray[np.floating]],
) -> GroundingScores:
    """Score one predicted box and one peak per phrase.

    Args:
        predicted_boxes: (n, 4) x1 y1 x2 y2 in pixels.
        peaks: (n, 2) x y in pixels; edges of a box count as inside.
        true_boxes: n arrays (m, 4), m ≥ 1.

    Raises:
        ValueError: where the lengths differ, there is no phrase, or a phrase has no true box.
    """
    if not len(true_boxes) or len(predicted_boxes) != len(true_boxes) or len(peaks) != len(true_boxes):
        raise ValueError("each phrase needs one predicted box, one peak and its true boxes")
    if any(len(boxes) == 0 for boxes in true_boxes):
        raise ValueError("a phrase without a true box cannot be scored")
    hits = [_inside(peak, boxes) for peak, boxes in zip(peaks, true_boxes, strict=True)]
    ious = [box_iou(box, boxes).max() for box, boxes in zip(predicted_boxes, true_boxes, strict=True)]
    return GroundingScores(np.array(hits, dtype=bool), np.array(ious, dtype=np.float64))


def box_iou(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return float64 (m,): intersection over union of a box (4,) with boxes (m, 4), x1 y1 x2 y2; 0 for empty ones."""
    one, many = np.asarray(box, dtype=np.float64), np.asarray(boxes, dtype=np.float64)
    low, high = np.maximum(one[:2], many[:, :2]), np.minimum(one[2:], many[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = _area(one) + _area(many) - shared
    iou: NDArray[np.float64] = np.divide(shared, union, out=np.zeros(len(many)), where=union > 0)
    return iou


def _inside(peak: NDArray[np.floating], boxes: NDArray[np.floating]) -> bool:
    return bool(((boxes[:, :2] <= peak) & (peak <= boxes[:, 2:])).all(1).any())


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(-1)
    return area
