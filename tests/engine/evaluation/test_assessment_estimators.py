"""Accuracy and area estimates: the paper's worked example, exact cases, and coverage on simulated maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from satclip_engine.evaluation.assessment.estimators import Z_95, Accuracy, estimate_accuracy

# Source: Olofsson et al. (2014), section 5: deforestation, forest gain, stable forest, stable non-forest.
PAPER_COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
PAPER_PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
PAPER_WEIGHTS = PAPER_PIXELS / PAPER_PIXELS.sum()
HA_PER_PIXEL = 0.09


@pytest.fixture(scope="module")
def paper() -> Accuracy:
    return estimate_accuracy(PAPER_COUNTS, PAPER_WEIGHTS, PAPER_PIXELS)


def test_paper_accuracies(paper: Accuracy) -> None:
    assert paper.overall.values.round(2) == pytest.approx([0.95])
    assert paper.overall.half_widths.round(2) == pytest.approx([0.02])
    assert paper.users.values.round(2) == pytest.approx([0.88, 0.73, 0.93, 0.96])
    assert paper.users.half_widths.round(2) == pytest.approx([0.07, 0.10, 0.04, 0.02])
    assert paper.producers.values.round(2) == pytest.approx([0.75, 0.85, 0.93, 0.96])
    # Of these half widths the paper's table gives ± 0.21 and ± 0.03 for the first and third class. For the second
    # and fourth eq. 7 gives 0.254 and 0.018; the test of the delta method below confirms the equation.
    assert paper.producers.half_widths == pytest.approx([0.2133, 0.2544, 0.0343, 0.0184], abs=5e-5)


def test_paper_areas(paper: Accuracy) -> None:
    pixels = paper.shares.values * PAPER_PIXELS.sum()
    assert round(pixels[0]) == 235_086
    assert round(pixels[0] * HA_PER_PIXEL) == 21_158
    assert round(paper.shares.half_widths[0] * PAPER_PIXELS.sum() * HA_PER_PIXEL) == 6_158
    assert paper.shares.standard_errors[0] == pytest.approx(0.0035, abs=5e-5)
    assert pixels.sum() == pytest.approx(PAPER_PIXELS.sum())


def test_paper_proportions(paper: Accuracy) -> None:
    expected = [
        [0.0176, 0.0000, 0.0013, 0.0011],
        [0.0000, 0.0110, 0.0016, 0.0024],
        [0.0019, 0.0000, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]
    assert paper.proportions.round(4) == pytest.approx(np.array(expected))


def test_producers_variance_is_that_of_the_delta_method(paper: Accuracy) -> None:
    """Linearise P_j = p_jj / p_.j by numerical derivatives in the rates; covariances within a row included."""
    points = PAPER_COUNTS.sum(axis=1)
    rates = PAPER_COUNTS / points[:, None]
    for j in range(4):

        def producer(changed: np.ndarray, j: int = j) -> float:
            return float(PAPER_WEIGHTS[j] * changed[j, j] / (PAPER_WEIGHTS @ changed[:, j]))

        variance = 0.0
        for i in range(4):
            step = np.zeros((4, 4))
            step[i, j] = 1e-6
            slope = (producer(rates + step) - producer(rates - step)) / 2e-6
            variance += slope**2 * rates[i, j] * (1 - rates[i, j]) / (points[i] - 1)
        assert paper.producers.standard_errors[j] == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_a_class_without_points_leaves_what_needs_it_undefined_and_the_rest_known() -> None:
    accuracy = estimate_accuracy(np.array([[9, 1, 0], [2, 8, 0], [0, 0, 0]]), np.array([0.5, 0.3, 0.2]))
    assert np.isnan(accuracy.overall.values).all()
    assert np.isnan(accuracy.shares.values).all()
    assert accuracy.users.values[:2] == pytest.approx([0.9, 0.8])
    assert np.isnan(accuracy.users.values[2])


def test_a_single_point_gives_a_value_but_no_interval() -> None:
    accuracy = estimate_accuracy(np.array([[9, 1], [0, 1]]), np.array([0.5, 0.5]))
    assert accuracy.users.values == pytest.approx([0.9, 1.0])
    assert np.isnan(accuracy.users.standard_errors[1])
    assert accuracy.users.standard_errors[0] == pytest.approx(0.1)
    assert accuracy.overall.values == pytest.approx([0.95])
    assert np.isnan(accuracy.overall.standard_errors).all()
    assert np.isnan(accuracy.shares.standard_errors).all()


def test_a_class_labelled_completely_has_no_sampling_error() -> None:
    counts, weights = np.array([[1, 0], [3, 47]]), np.array([0.001, 0.999])
    accuracy = estimate_accuracy(counts, weights, np.array([1, 999]))
    assert accuracy.users.standard_errors[0] == 0
    assert accuracy.overall.standard_errors == pytest.approx(0.999 * np.sqrt(0.94 * 0.06 / 49))


def test_a_class_that_the_map_never_shows_is_found_missing() -> None:
    accuracy = estimate_accuracy(np.array([[8, 0, 2], [0, 10, 0], [0, 0, 0]]), np.array([0.5, 0.5, 0.0]))
    assert accuracy.shares.values == pytest.approx([0.4, 0.5, 0.1])
    assert accuracy.producers.values[2] == 0
    assert np.isnan(accuracy.users.values[2])
    assert accuracy.overall.values == pytest.approx([0.9])


def test_a_class_absent_from_the_reference_has_no_producers_accuracy() -> None:
    accuracy = estimate_accuracy(np.array([[0, 5], [0, 10]]), np.array([0.2, 0.8]))
    assert np.isnan(accuracy.producers.values[0])
    assert accuracy.users.values[0] == 0


@pytest.mark.parametrize(
    ("counts", "weights"),
    [(np.ones((2, 3)), [0.5, 0.5]), (np.ones((2, 2)), [0.5, 0.6]), (np.ones((2, 2)), [1.0, 0.0])],
)
def test_nonsense_is_refused(counts: np.ndarray, weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"matrix|sum to 1|without area"):
        estimate_accuracy(counts.astype(np.int64), np.array(weights))


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 6))
    row = st.lists(st.integers(0, 60), min_size=n, max_size=n)
    counts = np.array(draw(st.lists(row, min_size=n, max_size=n)))
    counts[:, 0] += 2
    areas = np.array(draw(st.lists(st.floats(0.01, 1e6), min_size=n, max_size=n)))
    return counts, areas / areas.sum()


@given(samples())
@settings(max_examples=60)
def test_shares_add_up_and_agree_with_each_other(sample: tuple[np.ndarray, np.ndarray]) -> None:
    counts, weights = sample
    accuracy = estimate_accuracy(counts, weights)
    assert accuracy.proportions.sum(axis=1) == pytest.approx(weights)
    assert accuracy.shares.values.sum() == pytest.approx(1)
    found = accuracy.shares.values > 0
    assert (accuracy.producers.values * accuracy.shares.values)[found] == pytest.approx(
        (accuracy.users.values * weights)[found]
    )
    assert accuracy.overall.values[0] == pytest.approx(weights @ accuracy.users.values)
    assert (accuracy.overall.standard_errors >= 0).all()
    low, high = accuracy.users.intervals(1.0)
    assert ((low >= 0) & (high <= 1) & (low <= high)).all()


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """A simulated map whose truth is known, sampled 2,000 times with 100 to 400 points per class."""
    rng = np.random.default_rng(20140505)
    weights = np.array([0.05, 0.25, 0.7])
    truth = np.array([[0.80, 0.15, 0.05], [0.04, 0.86, 0.10], [0.02, 0.08, 0.90]])
    points, n_runs = (100, 150, 400), 2_000
    proportions = weights[:, None] * truth
    totals = proportions.sum(axis=0)
    targets = {"overall": [np.trace(proportions)], "users": np.diag(truth), "shares": totals}
    targets["producers"] = np.diag(proportions) / totals
    hits = {name: np.zeros(len(values)) for name, values in targets.items()}
    for _ in range(n_runs):
        counts = np.stack([rng.multinomial(n, rates) for n, rates in zip(points, truth, strict=True)])
        accuracy = estimate_accuracy(counts, weights)
        for name, target in targets.items():
            found = getattr(accuracy, name)
            hits[name] += np.abs(found.values - target) <= Z_95 * found.standard_errors
    for name, count in hits.items():
        # Wald intervals of rates cover a little less than they say at these sizes; the simulation's own error is 0.5 %.
        assert ((count / n_runs > 0.92) & (count / n_runs < 0.97)).all(), f"{name}: {count / n_runs}"
