"""How many points to label, and how many of them in each class."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from satclip_engine.errors import OptionError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def sample_size(weights: Floats, accuracies: Floats, standard_error: float, n_pixels: int) -> int:
    """Return how many points give the overall accuracy a standard error of at most ``standard_error``.

    Args:
        weights: (K,) share of each mapped class in the area; they sum to 1.
        accuracies: (K,) user's accuracy that is expected of each class, in [0, 1].
        standard_error: Wanted of the overall accuracy, a share such as 0.01.
        n_pixels: In all classes together.

    Raises:
        OptionError: if the standard error or an accuracy is out of its range.

    Source: eq. 13, after W. G. Cochran, "Sampling Techniques" (1977), eq. 5.25, with its correction for a finite map.
    """
    _check_shares(accuracies)
    if not 0 < standard_error < 0.5:
        raise OptionError(
            f"A standard error of {standard_error:g} cannot be aimed at.",
            remedy="Give a share above 0 and below 0.5; 0.01 is one percentage point.",
            code="option.standard_error",
        )
    variances = accuracies * (1 - accuracies)
    spread = float(weights @ np.sqrt(variances))
    return math.ceil(spread**2 / (standard_error**2 + float(weights @ variances) / n_pixels) - 1e-9)


def allocate(total: int, weights: Floats, least: int, pixels: Counts) -> Counts:
    """Return how many of ``total`` points each class gets: rare classes ``least``, the others in proportion to area.

    No class gets more points than it has pixels. The sum is ``total`` unless the least numbers already exceed it or
    there are fewer pixels.

    Args:
        total: Points in all.
        weights: (K,) share of each mapped class in the area, all above 0.
        least: Of each class.
        pixels: (K,) of each class, all above 0.

    Source: section 5.1.2 of the paper: a fixed number for each rare class, the rest allocated proportionally.
    """
    needed = np.minimum(least, pixels)
    points = needed.astype(np.int64)
    is_open = np.ones(len(weights), dtype=bool)
    while is_open.any():
        left = max(total - int(points[~is_open].sum()), 0)
        share = left * weights[is_open] / weights[is_open].sum()
        bounded = np.clip(share, needed[is_open], pixels[is_open])
        # Bounds that take points from the others are settled first, then those that leave some to them.
        settled = bounded > share if bounded.sum() > left else bounded < share
        if not settled.any():
            points[is_open] = _whole(share)
            break
        numbers = np.flatnonzero(is_open)[settled]
        points[numbers] = bounded[settled].astype(np.int64)
        is_open[numbers] = False
    return points


def expected_overall_error(points: Counts, weights: Floats, accuracies: Floats) -> float:
    """Return the standard error of the overall accuracy to expect of (K,) ``points``; NaN where a class has under two.

    Source: eq. 5, at the expected accuracies.
    """
    return float(np.sqrt(np.sum((weights * expected_user_errors(points, accuracies)) ** 2)))


def expected_user_errors(points: Counts, accuracies: Floats) -> Floats:
    """Return the (K,) standard errors of user's accuracies to expect; NaN where a class has under two points.

    Source: eq. 6, at the expected accuracies.
    """
    _check_shares(accuracies)
    freedom = np.where(points > 1, points - 1, np.nan)
    return np.asarray(np.sqrt(accuracies * (1 - accuracies) / freedom))


def _whole(shares: Floats) -> Counts:
    """Round to whole numbers that keep the sum: the largest remainders go up."""
    whole = np.floor(shares + 1e-9).astype(np.int64)
    missing = round(float(shares.sum())) - int(whole.sum())
    whole[np.argsort(whole - shares, kind="stable")[:missing]] += 1
    return whole


def _check_shares(accuracies: Floats) -> None:
    if not ((accuracies >= 0) & (accuracies <= 1)).all():
        raise OptionError(
            f"Expected accuracies lie between 0 and 1, not at {', '.join(f'{a:g}' for a in accuracies)}.",
            remedy="Give shares such as 0.85.",
            code="option.expected_accuracy",
        )
