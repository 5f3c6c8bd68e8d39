"""Which metric is which function of what images add up to; the link between reports and the bootstrap.

``per_image`` of a report holds, under ``"ids"``, image ids and, under other names, one entry per image:

- a number: the metric of that name is the mean over images (``"top1"``: 0 or 1);
- a pair [part, whole]: the metric of that name is sum of parts / sum of wholes;
- ``"confusion"`` (K, K + 1), rows = reference: ``mean_iou``, ``mean_f1``, ``pixel_accuracy``, ``iou:0`` … by
  position (``iou:NAME`` only as a pair, above);
- ``"boundary"`` (K, 4) counts of ``boundaries.py``: ``mean_boundary_f1``;
- ``"retrieval"`` (2, 1 + len(ks)) of ``retrieval.py``: ``mean_recall``, ``image_to_text_r1`` …;
- ``"change"`` (2, 3) confusion of ``change.py``: ``change_f1``, ``change_iou`` ….

``tuned_`` before any of these names makes the tuned metric of the tuned statistic (``"tuned_confusion"``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_engine.evaluation.bootstrap import Floats, Statistic, confidence_interval
from satclip_engine.evaluation.boundaries import boundary_scores
from satclip_engine.evaluation.change import scores_of_confusion
from satclip_engine.evaluation.metrics import TUNED_PREFIX
from satclip_engine.evaluation.retrieval import KS, recall_of_counts
from satclip_engine.evaluation.segmentation import segmentation_scores


def statistic_of(metric: str, per_image: Mapping[str, list[Any]]) -> tuple[Floats, Statistic] | None:
    """Return the per-image statistic (n_images, ...) of a metric and the function of its sum, or None.

    None where ``per_image`` does not hold what the metric is computed from.
    """
    prefix = TUNED_PREFIX if metric.startswith(TUNED_PREFIX) else ""
    name = metric.removeprefix(prefix)
    if metric in per_image and metric != "ids":
        values = np.asarray(per_image[metric], dtype=np.float64)
        return (values if values.ndim > 1 else np.stack([values, np.ones_like(values)], axis=1)), _ratio
    source, function = _from_matrix(name)
    if function is None or prefix + source not in per_image:
        return None
    return np.asarray(per_image[prefix + source], dtype=np.float64), function


def intervals_of(
    metrics: Mapping[str, float], per_image: Mapping[str, list[Any]], n: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return the 95 % bootstrap interval over images of every metric that ``per_image`` allows."""
    found = {name: statistic_of(name, per_image) for name in metrics}
    intervals = {name: confidence_interval(*pair, n, seed) for name, pair in found.items() if pair is not None}
    return {name: interval for name, interval in intervals.items() if not np.isnan(interval[0])}


def _from_matrix(name: str) -> tuple[str, Statistic | None]:
    segmentation: dict[str, Statistic] = {
        "mean_iou": lambda total: segmentation_scores(_counts(total)).mean_iou,
        "mean_f1": lambda total: float(np.nanmean(segmentation_scores(_counts(total)).f1)),
        "pixel_accuracy": lambda total: segmentation_scores(_counts(total)).pixel_accuracy,
    }
    if name in segmentation:
        return "confusion", segmentation[name]
    if name.startswith("iou:") and name.removeprefix("iou:").isdigit():
        return "confusion", _class_iou(int(name.removeprefix("iou:")))
    if name == "mean_boundary_f1":
        return "boundary", lambda total: float(np.nanmean(boundary_scores(_counts(total))))
    if name.startswith("change_"):
        return "change", lambda total: scores_of_confusion(_counts(total)).value(name.removeprefix("change_"))
    return "retrieval", _retrieval(name)


def _class_iou(position: int) -> Statistic:
    return lambda total: float(segmentation_scores(_counts(total)).iou[position])


def _retrieval(name: str) -> Statistic | None:
    if name == "mean_recall":
        return lambda total: float(recall_of_counts(total).mean())
    for row, way in enumerate(("image_to_text", "text_to_image")):
        if name == f"{way}_mean":
            return lambda total, row=row: float(recall_of_counts(total)[row].mean())  # type: ignore[misc]
        for column, k in enumerate(KS):
            if name == f"{way}_r{k}":
                return lambda total, row=row, column=column: float(recall_of_counts(total)[row, column])  # type: ignore[misc]
    return None


def _ratio(total: Floats) -> float:
    return float(total[0] / total[1]) if total[1] else float("nan")


def _counts(total: Floats) -> NDArray[np.int64]:
    return np.rint(total).astype(np.int64)
