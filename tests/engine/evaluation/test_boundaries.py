"""Boundary F1 equals what pairwise distances between outline pixels give."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.boundaries import boundary_counts, boundary_f1, boundary_scores


def outline_points(labels: np.ndarray, k: int) -> np.ndarray:
    points = []
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            neighbours = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            inside = [labels[v, u] for v, u in neighbours if 0 <= v < height and 0 <= u < width]
            if labels[y, x] == k and any(value != k for value in inside):
                points.append((y, x))
    return np.array(points, dtype=float).reshape(-1, 2)


def nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    if not len(points) or not len(others):
        return np.full(len(points), np.inf)
    return np.sqrt(((points[:, None] - others[None]) ** 2).sum(2)).min(1)


def brute_force(reference: np.ndarray, mapped: np.ndarray, n_classes: int, tolerance_px: int) -> np.ndarray:
    ignored = np.argwhere((reference < 0) | (reference >= n_classes)).astype(float)
    counts = []
    for k in range(n_classes):
        true, found = outline_points(reference, k), outline_points(mapped, k)
        true_counted = true[nearest(true, ignored) > tolerance_px + 1]
        found_counted = found[nearest(found, ignored) > tolerance_px + 1]
        counts.append(
            [
                len(true_counted),
                (nearest(true_counted, found) <= tolerance_px).sum(),
                len(found_counted),
                (nearest(found_counted, true) <= tolerance_px).sum(),
            ]
        )
    return np.array(counts)


def blobs(rng: np.random.Generator, height: int, width: int, n_classes: int) -> np.ndarray:
    seeds = rng.random((12, 2)) * (height, width)
    codes = rng.integers(0, n_classes, 12)
    y, x = np.mgrid[:height, :width]
    return codes[((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2).argmin(2)]


@pytest.mark.parametrize("tolerance_px", [0, 1, 3])
def test_counts_equal_pairwise_distances(tolerance_px: int) -> None:
    rng = np.random.default_rng(5)
    reference, mapped = blobs(rng, 40, 33, 3), blobs(rng, 40, 33, 3)
    reference[10:14, 5:9] = -1
    reference[30, 30] = 255
    counts = boundary_counts(reference, mapped, 3, tolerance_px)
    np.testing.assert_array_equal(counts, brute_force(reference, mapped, 3, tolerance_px))


def test_an_image_of_several_strips_counts_as_one() -> None:
    rng = np.random.default_rng(6)
    reference, mapped = blobs(rng, 1030, 7, 2), blobs(rng, 1030, 7, 2)
    # outlines on both sides of the rows where strips meet
    reference[509:512, :4] = 0
    reference[512:515, :4] = 1
    mapped[513:516, 2:] = 0
    mapped[516:518, 2:] = 1
    np.testing.assert_array_equal(boundary_counts(reference, mapped, 2, 3), brute_force(reference, mapped, 2, 3))


def test_a_shift_within_the_tolerance_is_forgiven() -> None:
    reference = np.zeros((30, 30), int)
    reference[10:20, 10:20] = 1
    mapped = np.roll(reference, 1, axis=1)
    assert boundary_f1(reference, mapped, 2, 1).tolist() == [1.0, 1.0]
    assert (boundary_f1(reference, mapped, 2, 0) < 1).all()
    assert boundary_f1(reference, reference, 2, 0).tolist() == [1.0, 1.0]


def test_f1_is_zero_where_an_outline_is_missed_and_unknown_where_there_is_none() -> None:
    reference = np.zeros((12, 12), int)
    reference[4:8, 4:8] = 1
    scores = boundary_f1(reference, np.zeros((12, 12), int), 3, 1)
    assert scores[1] == 0.0
    assert np.isnan(scores[2])
    assert boundary_scores(np.array([[4, 2, 8, 2]])).tolist() == pytest.approx([2 * 0.5 * 0.25 / 0.75])


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="one size"):
        boundary_counts(np.zeros((3, 4), int), np.zeros((4, 3), int), 2, 1)
