"""Sample design: the paper's sample size, and allocations that keep their promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from satclip_engine.errors import OptionError
from satclip_engine.evaluation.assessment.design import (
    allocate,
    expected_overall_error,
    expected_user_errors,
    sample_size,
)

# Source: Olofsson et al. (2014), section 5.1: the example's classes and conjectured user's accuracies.
WEIGHTS = np.array([0.020, 0.015, 0.320, 0.645])
ACCURACIES = np.array([0.70, 0.60, 0.90, 0.95])
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])


def test_paper_sample_size() -> None:
    assert sample_size(WEIGHTS, ACCURACIES, 0.01, 10_000_000) == 641


def test_a_small_map_needs_fewer_points_than_it_has_pixels() -> None:
    assert sample_size(np.array([1.0]), np.array([0.5]), 0.01, 100) < 100
    assert sample_size(np.array([1.0]), np.array([0.5]), 0.01, 10**9) == 2_500


def test_paper_allocation() -> None:
    points = allocate(641, WEIGHTS, 75, PIXELS)
    assert points.tolist() == [75, 75, 163, 328]
    # With a rare class's 75 points at 0.7 its user's accuracy gets a standard error of 0.053.
    assert expected_user_errors(points, ACCURACIES)[0] == pytest.approx(np.sqrt(0.7 * 0.3 / 74))
    assert expected_overall_error(points, WEIGHTS, ACCURACIES) == pytest.approx(0.0109, abs=1e-4)


def test_proportional_allocation_reaches_the_wanted_error() -> None:
    points = allocate(641, WEIGHTS, 2, PIXELS)
    assert points.sum() == 641
    assert expected_overall_error(points, WEIGHTS, ACCURACIES) < 0.011


@st.composite
def designs(draw: st.DrawFn) -> tuple[int, np.ndarray, int, np.ndarray]:
    pixels = np.array(draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=12)))
    return draw(st.integers(0, 5_000)), pixels / pixels.sum(), draw(st.integers(0, 100)), pixels


@given(designs())
@settings(max_examples=200)
def test_allocation_keeps_its_promises(design: tuple[int, np.ndarray, int, np.ndarray]) -> None:
    total, weights, least, pixels = design
    points = allocate(total, weights, least, pixels)
    needed = np.minimum(least, pixels)
    assert (points >= needed).all()
    assert (points <= pixels).all()
    assert points.sum() == min(max(total, needed.sum()), pixels.sum())
    for i in np.flatnonzero((points > needed) & (points < pixels)):
        assert (weights[i] + 1e-12 < weights).sum() >= (points[i] < points - 1).sum()  # more points, more area


def test_one_class_and_no_rest() -> None:
    assert allocate(10, np.array([1.0]), 50, np.array([10**6])).tolist() == [50]
    assert allocate(80, np.array([0.5, 0.5]), 50, np.array([10**6, 3])).tolist() == [77, 3]


@pytest.mark.parametrize("error", [0.0, -0.1, 0.5, float("nan")])
def test_an_impossible_standard_error_is_refused(error: float) -> None:
    with pytest.raises(OptionError, match="aimed at"):
        sample_size(WEIGHTS, ACCURACIES, error, 10**6)


def test_an_accuracy_is_a_share() -> None:
    with pytest.raises(OptionError, match="between 0 and 1"):
        sample_size(WEIGHTS, np.array([70, 60, 90, 95.0]), 0.01, 10**6)
