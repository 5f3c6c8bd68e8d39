"""Accuracy and area from an error matrix of a stratified random sample whose strata are the map's classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Source: the paper's 95 % confidence intervals, section 5.2.
Z_95 = 1.96


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates with their standard errors, element by element.

    Attributes:
        values: (K,); NaN where there is nothing to estimate from.
        standard_errors: (K,); NaN where the variance is not defined.
    """

    values: Floats
    standard_errors: Floats

    @property
    def half_widths(self) -> Floats:
        """(K,) half the width of the 95 % intervals."""
        return Z_95 * self.standard_errors

    def intervals(self, most: float) -> tuple[Floats, Floats]:
        """Return the (K,) lower and upper ends of the 95 % intervals, cut at 0 and ``most``."""
        return np.clip(self.values - self.half_widths, 0, most), np.clip(self.values + self.half_widths, 0, most)


@dataclass(frozen=True, eq=False)
class Accuracy:
    """What a sample says about a map of K classes; shares of the whole area everywhere.

    Attributes:
        proportions: (K, K) estimated share of the area that is mapped as the row and is the column in truth.
        overall: (1,) overall accuracy.
        users: Of what is mapped as a class, the share that is that class.
        producers: Of what is a class, the share that is mapped as it.
        shares: Of the area that is each class in truth.
    """

    proportions: Floats
    overall: Estimates
    users: Estimates
    producers: Estimates
    shares: Estimates


def estimate_accuracy(counts: Counts, weights: Floats, pixels: Counts | None = None) -> Accuracy:
    """Estimate accuracies and areas from an error matrix.

    A class that covers a part of the map but has no labelled point leaves every estimate that needs it NaN; one with
    a single point leaves the standard errors that need it NaN. A class of which every pixel was labelled is known
    without error.

    Args:
        counts: (K, K) labelled points; rows = map, columns = reference.
        weights: (K,) share of each mapped class in the area; 0 for classes of the reference alone.
        pixels: (K,) of each mapped class; None means far more than points.

    Raises:
        ValueError: if shapes do not fit, weights do not sum to 1, or a class without area has points.

    Source: eq. 4 (proportions), 1-3 (accuracies), 5-7 (their variances), 9-11 (areas).
    """
    n_classes = len(weights)
    if counts.shape != (n_classes, n_classes):
        raise ValueError(f"a matrix of shape {counts.shape} does not fit {n_classes} weights")
    if abs(float(weights.sum()) - 1) > 1e-6 or (weights < 0).any():
        raise ValueError("weights are shares of the area and sum to 1")
    points = counts.sum(axis=1)
    if (points[weights == 0] > 0).any():
        raise ValueError("a class without area cannot have points")
    rates = _rates(counts, points, weights)
    # Variance of a rate q of row i is q (1 - q) * spread[i].
    spread = _spread(points, weights, pixels)
    proportions = weights[:, None] * rates
    rate_variances = rates * (1 - rates) * spread[:, None]
    is_mapped = weights > 0
    users = np.where(is_mapped, np.diag(rates), np.nan)
    user_variances = np.where(is_mapped, np.diag(rate_variances), np.nan)
    return Accuracy(
        proportions=proportions,
        overall=Estimates(np.array([np.trace(proportions)]), np.sqrt(np.array([weights**2 @ np.diag(rate_variances)]))),
        users=Estimates(users, np.sqrt(user_variances)),
        producers=_producers(proportions, weights, rate_variances),
        shares=Estimates(proportions.sum(axis=0), np.sqrt(weights**2 @ rate_variances)),
    )


def _rates(counts: Counts, points: Counts, weights: Floats) -> Floats:
    """(K, K) share of each row's points by reference class; NaN in a row without points, 0 in one without area."""
    rates = counts / np.where(points > 0, points, np.nan)[:, None]
    rates[weights == 0] = 0.0
    return np.asarray(rates)


def _spread(points: Counts, weights: Floats, pixels: Counts | None) -> Floats:
    spread = 1 / np.where(points > 1, points - 1, np.nan)
    is_known = weights == 0
    if pixels is not None:
        is_known |= (points > 0) & (points >= pixels)
    return np.where(is_known, 0.0, spread)


def _producers(proportions: Floats, weights: Floats, rate_variances: Floats) -> Estimates:
    """Producer's accuracies with eq. 7 in shares of the area: its N_i are W_i, its N_.j the estimated shares."""
    totals = proportions.sum(axis=0)
    totals = np.where(totals > 0, totals, np.nan)
    producers = np.diag(proportions) / totals
    terms = weights[:, None] ** 2 * rate_variances
    own = np.diag(terms).copy()
    np.fill_diagonal(terms, 0.0)
    variances = ((1 - producers) ** 2 * own + producers**2 * terms.sum(axis=0)) / totals**2
    return Estimates(producers, np.sqrt(variances))
