"""Fits per-class offsets and a threshold to labelled pixels by exact line searches on mIoU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]
Codes = NDArray[np.int64]
Weights = NDArray[np.float64]

LEAST_PROBABILITY = 1e-3  # below half a step of the bytes that probability rasters hold
MAX_OFFSET = 4.0
STEP = 0.1
MAX_SWEEPS = 12
THRESHOLDS = np.linspace(0.0, 0.95, 20)


def log_probabilities(probabilities: NDArray[np.floating]) -> Logits:
    """Return float32 (n, K) logarithms, floored at ``LEAST_PROBABILITY``."""
    return np.log(np.maximum(probabilities.astype(np.float32), np.float32(LEAST_PROBABILITY)))


def decide(
    logits: Logits, offsets: NDArray[np.float64], threshold: float = 0.0, background: int | None = None
) -> Codes:
    """Return int64 (n,): the class with the best log-probability plus offset.

    Where its probability, after the offsets and a softmax over the classes, is below ``threshold``, the pixel falls
    to ``background``.
    """
    moved = logits + offsets.astype(np.float32)
    codes: Codes = moved.argmax(1).astype(np.int64)
    if background is not None and threshold > 0:
        codes[_top_probability(moved) < threshold] = background
    return codes


def fit_offsets(logits: Logits, reference: Codes, weights: Weights) -> NDArray[np.float64]:
    """Return float64 (K,) offsets, mean zero, that locally maximise mIoU on these pixels.

    Coordinate ascent: one class at a time, every offset of a grid of ``STEP`` within ``MAX_OFFSET``; a pixel takes
    the class once its offset exceeds the lead of the best other class, so one histogram of leads gives mIoU at every
    grid point at once.

    Args:
        logits: float32 (n, K) log-probabilities.
        reference: int64 (n,) in 0..K-1.
        weights: float64 (n,) pixels that each stands for.
    """
    n_classes = logits.shape[1]
    if not len(logits):
        return np.zeros(n_classes)
    grid = np.arange(-MAX_OFFSET, MAX_OFFSET + STEP / 2, STEP)
    offsets = np.zeros(n_classes)
    best = -1.0
    for _ in range(MAX_SWEEPS):
        before = best
        for k in range(n_classes):
            scores = _mean_iou_along(k, grid, logits + offsets.astype(np.float32), logits[:, k], reference, weights)
            winner = _nearest_of_best(scores, grid, offsets[k])
            if scores[winner] > best + 1e-6:
                best, offsets[k] = float(scores[winner]), grid[winner]
        if best <= before + 1e-5:
            break
    centred: NDArray[np.float64] = offsets - offsets.mean()
    return centred


def fit_threshold(
    logits: Logits, reference: Codes, weights: Weights, offsets: NDArray[np.float64], background: int
) -> float:
    """Return the least probability that maximises mIoU on these pixels, 0 where none helps."""
    n_classes = logits.shape[1]
    if not len(logits):
        return 0.0
    plain = decide(logits, offsets)
    top = _top_probability(logits + offsets.astype(np.float32))
    scores = []
    for threshold in THRESHOLDS:
        mapped = np.where(top < threshold, background, plain)
        counts = np.bincount(reference * n_classes + mapped, weights, n_classes * n_classes).astype(np.float64)
        scores.append(float(_mean_iou(counts.reshape(1, n_classes, n_classes))[0]))
    return float(THRESHOLDS[int(np.argmax(scores))])


def _mean_iou_along(
    k: int, grid: NDArray[np.float64], moved: Logits, own: Logits, reference: Codes, weights: Weights
) -> NDArray[np.float64]:
    """Return float64 (G,): mIoU with the offset of class ``k`` at each grid point, the others as in ``moved``."""
    n_classes = moved.shape[1]
    others = moved.copy()
    others[:, k] = -np.inf
    rival = others.argmax(1)
    lead = others[np.arange(len(others)), rival] - own
    bin_of_lead = np.searchsorted(grid, lead, side="right")  # the first grid point above the lead
    shape = (len(grid) + 1, n_classes, n_classes)
    key = (bin_of_lead * n_classes + reference) * n_classes + rival
    counts = np.bincount(key, weights, int(np.prod(shape))).astype(np.float64).reshape(shape)
    taken = counts.cumsum(0)[:-1]
    confusions = counts.sum(0) - taken
    confusions[:, :, k] += taken.sum(2)
    return _mean_iou(confusions)


def _mean_iou(confusions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 (G,) of float64 (G, K, K), the mean over the classes of the reference."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    in_reference = confusions.sum(2)
    union = in_reference + confusions.sum(1) - hits
    occurs = in_reference[0] > 0
    iou = np.divide(hits, union, out=np.zeros_like(hits), where=union > 0)[:, occurs]
    mean: NDArray[np.float64] = iou.mean(1)
    return mean


def _nearest_of_best(scores: NDArray[np.float64], grid: NDArray[np.float64], present: float) -> int:
    """Return the best grid point; of equals the one nearest to the present offset: no move without a gain."""
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    return int(best[np.argmin(np.abs(grid[best] - present))])


def _top_probability(moved: Logits) -> NDArray[np.float32]:
    top = moved.max(1, keepdims=True)
    probability: NDArray[np.float32] = (1 / np.exp(moved - top).sum(1)).astype(np.float32)
    return probability
