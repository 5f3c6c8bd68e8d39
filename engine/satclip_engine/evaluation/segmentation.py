"""Metrics of label maps from a confusion matrix with rows = reference and columns = map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(reference: NDArray[np.integer], mapped: NDArray[np.integer], n_classes: int) -> NDArray[np.int64]:
    """Count pixels; reference codes outside 0..n_classes-1 are ignored.

    Args:
        reference: Class codes of the reference, any shape.
        mapped: Class codes of the map, same shape; codes outside the range count in the last, extra column.
        n_classes: Number of classes.

    Returns:
        int64 (n_classes, n_classes + 1): rows = reference, columns = map, last column = mapped to no class.
    """
    known = (reference >= 0) & (reference < n_classes)
    rows = reference[known].astype(np.int64)
    columns = mapped[known].astype(np.int64)
    columns = np.where((columns >= 0) & (columns < n_classes), columns, n_classes)
    counts = np.bincount(rows * (n_classes + 1) + columns, minlength=n_classes * (n_classes + 1))
    return counts.reshape(n_classes, n_classes + 1)


@dataclass(frozen=True)
class SegmentationScores:
    """Scores of one confusion matrix.

    Attributes:
        iou: float64 (K,) intersection over union per class; NaN where a class is in neither reference nor map.
        f1: float64 (K,) likewise.
        pixel_accuracy: Share of right pixels.
    """

    iou: NDArray[np.float64]
    f1: NDArray[np.float64]
    pixel_accuracy: float

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that occur."""
        return float(np.nanmean(self.iou))


def segmentation_scores(confusion: NDArray[np.int64]) -> SegmentationScores:
    """Return the scores of a confusion matrix (rows = reference, columns = map, an extra last column allowed).

    Source: IoU = TP / (TP + FP + FN), F1 = 2 TP / (2 TP + FP + FN).
    """
    n_classes = confusion.shape[0]
    hits = np.diag(confusion[:, :n_classes]).astype(np.float64)
    in_reference = confusion.sum(1).astype(np.float64)
    in_map = confusion[:, :n_classes].sum(0).astype(np.float64)
    union = in_reference + in_map - hits
    both = in_reference + in_map
    iou = np.divide(hits, union, out=np.full(n_classes, np.nan), where=union > 0)
    f1 = np.divide(2 * hits, both, out=np.full(n_classes, np.nan), where=both > 0)
    return SegmentationScores(iou, f1, float(hits.sum() / max(in_reference.sum(), 1)))


def image_mean_iou(confusion: NDArray[np.int64]) -> float:
    """Return the mean IoU over the classes of one image's reference; NaN where it has none.

    A few pixels mapped to a class that a small image lacks would otherwise count as a whole class lost.
    """
    occurs = confusion.sum(1) > 0
    return float(segmentation_scores(confusion).iou[occurs].mean()) if occurs.any() else float("nan")
