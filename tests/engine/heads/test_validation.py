"""The blocked report: counts of objects, never an answer about a place that was learnt from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from satclip_engine.heads.choice import LINEAR, RESIDUAL
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.validation import ValidationReport, validate

from tests.engine.heads.made_examples import World, none

WORLD = World()
NAMES = ("sea", "sand", "wood", "town")


def check_sums(report: ValidationReport) -> None:
    for score in report.classes:
        drawn, given = report.confusion[score.label].sum(), report.confusion[:, score.label].sum()
        right = report.confusion[score.label, score.label]
        assert score.objects == drawn
        if drawn:
            assert score.recall == pytest.approx(right / drawn)
            assert score.f1 == pytest.approx(2 * right / (drawn + given))


def test_every_object_is_judged_once_whatever_its_size() -> None:
    report = validate(WORLD.draw(12, seed=1, cells=5), WORLD.words(), 4, RESIDUAL, class_names=NAMES)
    assert report.confusion.sum(axis=1).tolist() == [12] * 4
    assert [score.places for score in report.classes] == [12] * 4
    assert (report.folds, report.notes) == (10, ())
    assert report.mean_f1 == pytest.approx(np.mean([score.f1 for score in report.classes]))
    check_sums(report)


def test_it_foretells_the_score_on_new_ground() -> None:
    from satclip_engine.heads.choice import refit
    from satclip_engine.heads.held_out import answer

    examples, test = WORLD.draw(60, seed=1), WORLD.draw(300, seed=2)
    recall = np.mean([score.recall for score in validate(examples, WORLD.words(), 4, RESIDUAL).classes])
    head = refit(examples, WORLD.words(), 4, RESIDUAL)
    assert recall == pytest.approx((answer(head, test).argmax(1) == test.labels).mean(), abs=0.06)


def test_it_does_not_learn_by_heart() -> None:
    """Labels by lot: a score on training samples would be perfect."""
    drawn = World(noise=0.3, mood=3.0).draw(60, seed=1)
    labels = np.repeat(np.random.default_rng(0).permutation(np.arange(60) % 4), 4)
    report = validate(Examples(drawn.vectors, labels, drawn.objects, drawn.places), None, 4, LINEAR)
    assert report.mean_f1 < 0.45
    assert all(point.mean_f1 < 0.5 for point in report.curve)


def test_the_learning_curve_rises_to_the_report() -> None:
    report = validate(WORLD.draw(40, seed=1), None, 4, LINEAR)
    assert [point.samples for point in report.curve] == [1, 2, 5, 10, 20, 40]
    assert report.curve[-1].mean_f1 == pytest.approx(report.mean_f1)
    assert report.curve[0].mean_f1 < report.curve[3].mean_f1 - 0.05
    assert {point.objects for point in report.curve} == {160}


def test_classes_with_few_places_are_named() -> None:
    examples = WORLD.draw(8, seed=1, classes=[0, 1, 2])
    examples = examples.take(
        (examples.labels == 0)
        | ((examples.labels == 1) & (examples.places < 2))
        | ((examples.labels == 2) & (examples.places < 1))
    )
    report = validate(examples, WORLD.words(), 4, RESIDUAL, class_names=NAMES)
    few, alone, wordy = report.notes
    assert '"sand", "wood"' in few
    assert '"wood"' in alone
    assert '"town"' in wordy
    assert report.classes[2].objects == 0
    assert math.isnan(report.classes[2].f1)
    check_sums(report)


def test_nothing_to_judge() -> None:
    for examples in (none(WORLD.dim), WORLD.draw(1, seed=1)):
        report = validate(examples, WORLD.words(), 4, RESIDUAL)
        assert math.isnan(report.mean_f1)
        assert report.curve == ()
        assert report.confusion.sum() == 0
        assert report.notes


def test_many_cells_are_thinned_and_it_says_so() -> None:
    report = validate(World(dim=8).draw(10, seed=1, cells=100), None, 4, LINEAR)
    assert report.confusion.sum() == 40
    assert "3000" in report.notes[-1]
