"""Boundary F1: how well the outlines of a map's classes agree with the reference's, within a tolerance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_STRIP_PX = 512


def boundary_counts(
    reference: NDArray[np.integer], mapped: NDArray[np.integer], n_classes: int, tolerance_px: int
) -> NDArray[np.int64]:
    """Count outline pixels per class; counts of several images, or of disjoint blocks, may be added.

    A pixel of a class is on its outline where one of its four neighbours is of another class. The image's edge is no
    outline. Outline pixels within ``tolerance_px`` + 1 of an ignored pixel are left out on both sides.

    Args:
        reference: (H, W) class positions; codes outside 0..n_classes-1 are ignored.
        mapped: (H, W) class positions; other codes are no class.
        n_classes: K.
        tolerance_px: Euclidean distance up to which outlines match, at least 0.

    Returns:
        int64 (K, 4): outline pixels of the reference, those with the map's outline near, outline pixels of the map,
        those with the reference's outline near.
    """
    if reference.shape != mapped.shape or reference.ndim != 2:
        raise ValueError(f"reference {reference.shape} and map {mapped.shape} must be of one size")
    halo = tolerance_px + 1  # a match looks tolerance_px away, at outlines that look one pixel further
    height = reference.shape[0]
    counts = np.zeros((n_classes, 4), np.int64)
    for top in range(0, height, _STRIP_PX):
        bottom = min(top + _STRIP_PX, height)
        start, stop = max(top - halo, 0), min(bottom + halo, height)
        inner = slice(top - start, bottom - start)
        counts += _strip_counts(reference[start:stop], mapped[start:stop], n_classes, tolerance_px, inner)
    return counts


def boundary_scores(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64 (K,) F1 of outline precision and recall; NaN where neither side has an outline of the class.

    Source: Csurka, Larlus and Perronnin, What is a good evaluation measure for semantic segmentation? (BMVC 2013).
    """
    values = counts.astype(np.float64)
    recall = np.divide(values[:, 1], values[:, 0], out=np.zeros(len(values)), where=values[:, 0] > 0)
    precision = np.divide(values[:, 3], values[:, 2], out=np.zeros(len(values)), where=values[:, 2] > 0)
    total = recall + precision
    f1 = np.divide(2 * recall * precision, total, out=np.zeros(len(values)), where=total > 0)
    return np.where((values[:, 0] > 0) | (values[:, 2] > 0), f1, np.nan)


def boundary_f1(
    reference: NDArray[np.integer], mapped: NDArray[np.integer], n_classes: int, tolerance_px: int
) -> NDArray[np.float64]:
    """Return float64 (K,) boundary F1 of one image; arguments as in ``boundary_counts``."""
    return boundary_scores(boundary_counts(reference, mapped, n_classes, tolerance_px))


def _strip_counts(
    reference: NDArray[np.integer], mapped: NDArray[np.integer], n_classes: int, tolerance_px: int, inner: slice
) -> NDArray[np.int64]:
    ignored = (reference < 0) | (reference >= n_classes)
    counted = ~_near(ignored, tolerance_px + 1) if ignored.any() else np.ones(reference.shape, bool)
    counts = np.zeros((n_classes, 4), np.int64)
    for k in range(n_classes):
        true, found = _outline(reference == k), _outline(mapped == k)
        if not (true.any() or found.any()):
            continue
        true_counted, found_counted = (true & counted)[inner], (found & counted)[inner]
        counts[k] = (
            true_counted.sum(),
            (true_counted & _near(found, tolerance_px)[inner]).sum(),
            found_counted.sum(),
            (found_counted & _near(true, tolerance_px)[inner]).sum(),
        )
    return counts


def _outline(inside: Mask) -> Mask:
    padded = np.pad(inside, 1, mode="edge")
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~surrounded


def _near(mask: Mask, radius_px: int) -> Mask:
    """Return where a pixel of ``mask`` is at most ``radius_px`` away: a dilation by a disk, one row of it at a time."""
    height, width = mask.shape
    result = np.zeros_like(mask)
    running = np.zeros((height, width + 2 * radius_px + 1), np.int32)
    np.cumsum(np.pad(mask, ((0, 0), (radius_px, radius_px))), axis=1, out=running[:, 1:])
    for dy in range(-min(radius_px, height - 1), min(radius_px, height - 1) + 1):
        half = int(np.sqrt(radius_px**2 - dy**2))
        left, right = radius_px - half, radius_px + half + 1
        row_has = running[:, right : right + width] > running[:, left : left + width]
        if dy >= 0:
            result[: height - dy] |= row_has[dy:]
        else:
            result[-dy:] |= row_has[:dy]
    return result
