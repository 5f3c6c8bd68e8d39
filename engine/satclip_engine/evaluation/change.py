"""Scores of a change mask: precision, recall, F1 and IoU of "changed"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from satclip_engine.evaluation.segmentation import confusion_matrix

ChangeMetric = Literal["precision", "recall", "f1", "iou"]


@dataclass(frozen=True)
class ChangeScores:
    """Scores of the class "changed"; NaN where nothing was changed or nothing was called changed."""

    precision: float
    recall: float
    f1: float
    iou: float

    def value(self, metric: str) -> float:
        """Return a score by its name."""
        return float({"precision": self.precision, "recall": self.recall, "f1": self.f1, "iou": self.iou}[metric])


def change_confusion(reference: NDArray[np.integer], mapped: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return int64 (2, 3): rows = reference, columns = map, both unchanged then changed; last column: no answer.

    Args:
        reference: 1 changed, 0 unchanged, anything else ignored; any shape.
        mapped: Same shape; 1 changed, 0 unchanged.
    """
    return confusion_matrix(reference, mapped, 2)


def change_scores(reference: NDArray[np.integer], mapped: NDArray[np.integer]) -> ChangeScores:
    """Score a change mask against a reference, as ``change_confusion`` takes them."""
    return scores_of_confusion(change_confusion(reference, mapped))


def scores_of_confusion(confusion: NDArray[np.int64]) -> ChangeScores:
    """Return the scores of a (2, 3) or (2, 2) confusion matrix; changed pixels without an answer count as missed.

    Source: precision = TP / (TP + FP), recall = TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN),
    IoU = TP / (TP + FP + FN).
    """
    hits = float(confusion[1, 1])
    false_alarms = float(confusion[0, 1])
    missed = float(confusion[1].sum()) - hits
    return ChangeScores(
        precision=_ratio(hits, hits + false_alarms),
        recall=_ratio(hits, hits + missed),
        f1=_ratio(2 * hits, 2 * hits + false_alarms + missed),
        iou=_ratio(hits, hits + false_alarms + missed),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
