"""Choosing a head: what is held out, what is taken, calibrated probabilities, and input nothing can be fitted on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from satclip_engine.errors import HeadError
from satclip_engine.heads.calibration import calibrate, losses
from satclip_engine.heads.choice import LINEAR, PROTOTYPES, RESIDUAL, WORDS, Choice, refit
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.fit import candidates, evidence_warnings, fit_head, listed
from satclip_engine.heads.held_out import answer, held_out_logits, scorable_rows, spatial_folds
from satclip_engine.heads.residual import ResidualHead
from satclip_engine.heads.words import WordPrior

from tests.engine.heads.made_examples import World, none, rows

WORLD = World()


def accuracy(head: object, examples: Examples) -> float:
    return float((answer(head, examples).argmax(1) == examples.labels).mean())


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error over ten bins of confidence."""
    probabilities = torch.softmax(torch.from_numpy(logits), dim=1).numpy()
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((sure * 10).astype(int), 9)
    return sum(abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))


@pytest.mark.parametrize("places", [3, 10, 37])
def test_no_place_and_no_object_is_on_both_sides(places: int) -> None:
    examples = WORLD.draw(places, seed=1, cells=3)
    joined = Examples(examples.vectors, examples.labels, examples.objects.copy(), examples.places)
    joined.objects[:2] = joined.objects[-2:] = 10_000  # one line across the first and the last place
    folds = spatial_folds(joined, 4)
    assert folds.max() + 1 == min(places - 1, 10)
    for groups in (joined.places, joined.objects):
        assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))


def test_places_of_a_rare_class_go_to_different_folds() -> None:
    labels = [1 if place in (3, 4, 5) else 0 for place in range(40)]
    examples = rows(np.random.default_rng(0).standard_normal((40, 8)), labels, list(range(40)), list(range(40)))
    folds = spatial_folds(examples, 2)
    assert len(set(folds[3:6])) == 3
    assert np.ptp(np.bincount(folds)) <= 1


def test_held_out_answers_know_nothing_of_the_place() -> None:
    """Labels drawn by lot per place: a head that has seen a place answers it right, held out only by luck."""
    rng = np.random.default_rng(0)
    drawn = World(noise=0.3, mood=3.0).draw(60, seed=1)
    labels = np.repeat(rng.permutation(np.arange(60) % 4), 4)
    examples = Examples(drawn.vectors, labels, drawn.objects, drawn.places)
    words = WordPrior.of(None, 4, WORLD.dim)
    folds = spatial_folds(examples, 4)
    seen = accuracy(refit(examples, None, 4, LINEAR), examples)
    held_out = float((held_out_logits(examples, folds, words, [LINEAR])[0].argmax(1) == labels).mean())
    assert seen > 0.9
    assert held_out < 0.45


def test_classes_of_one_place_are_not_judged() -> None:
    examples = WORLD.draw(5, seed=1)
    examples = examples.take((examples.labels != 2) | (examples.places == 0))
    assert set(examples.labels[scorable_rows(examples, spatial_folds(examples, 4), 4)]) == {0, 1, 3}
    report = fit_head(examples, WORLD.words(), 4, class_names=("a", "b", "c", "d")).report
    assert report.scored_examples == 15
    assert report.warnings == ('"c" has samples in fewer than 3 places: add some elsewhere.',)


def test_without_samples_it_is_the_words() -> None:
    words, test = WORLD.words(), WORLD.draw(20, seed=2)
    fitted = fit_head(none(WORLD.dim), words, 4)
    expected = words.temperature * words.class_logits(torch.from_numpy(test.vectors))
    np.testing.assert_allclose(answer(fitted.head, test), expected, atol=1e-4)
    assert fitted.choice == RESIDUAL
    assert not fitted.report.scores
    assert not fitted.report.warnings


def test_one_sample_each_is_the_preferred_choice_and_says_what_it_lacks() -> None:
    fitted = fit_head(WORLD.draw(1, seed=1), WORLD.words(), 4)
    assert fitted.choice == RESIDUAL
    assert any("not calibrated" in warning for warning in fitted.report.warnings)
    assert sum("fewer than 3 places" in warning for warning in fitted.report.warnings) == 1
    assert fit_head(WORLD.draw(1, seed=1), None, 4).choice == LINEAR


def test_the_report_tells_every_candidate() -> None:
    examples = WORLD.draw(12, seed=1)
    fitted = fit_head(examples, WORLD.words(), 4)
    kinds = [score.choice.kind for score in fitted.report.scores]
    assert kinds[0] == "residual"
    assert {"residual", "tip_adapter", "linear", "prototypes", "words"} == set(kinds)
    assert fitted.report.folds == 10
    assert fitted.report.scored_examples == len(examples)
    assert fitted.report.scores[0].difference == 0
    for score in fitted.report.scores:
        assert 0.25 < score.balanced_accuracy <= 1
        assert 0 < score.log_loss < np.log(4)
        assert score.difference == pytest.approx(score.log_loss - fitted.report.scores[0].log_loss)
    assert fitted.choice in [score.choice for score in fitted.report.scores]


def test_another_candidate_is_taken_where_it_is_clearly_better() -> None:
    world = World(words_off=6.0)
    fitted = fit_head(world.draw(8, seed=1), world.words(), 4)
    first = fitted.report.scores[0]
    taken = next(score for score in fitted.report.scores if score.choice == fitted.choice)
    assert taken is not first
    assert taken.difference < -taken.standard_error
    assert "clearly better" in fitted.report.reason
    test = world.draw(100, seed=2)
    assert accuracy(fitted.head, test) > accuracy(refit(none(world.dim), world.words(), 4, RESIDUAL), test) + 0.2


def test_calibration_finds_the_temperature_that_was_hidden() -> None:
    rng = np.random.default_rng(0)
    true = rng.standard_normal((4000, 5)) * 2
    chances = torch.softmax(torch.from_numpy(true), dim=1).numpy()
    labels = np.array([rng.choice(5, p=row) for row in chances])
    for hidden in (0.2, 1.0, 6.0):
        assert calibrate((true * hidden).astype(np.float32), labels, np.ones(4000)) == pytest.approx(
            1 / hidden, rel=0.1
        )
    assert calibrate(np.zeros((0, 5), np.float32), labels[:0], np.zeros(0)) == 1
    wild = calibrate((true[:1] * 6).astype(np.float32), labels[:1], np.ones(1))
    assert 0.5 < wild < 2  # one example is no reason to leave the head's own


def test_losses_by_hand() -> None:
    found = losses(np.log(np.array([[1, 3], [2, 2]], dtype=np.float32)), np.array([1, 0]), 1.0)
    np.testing.assert_allclose(found, [-np.log(0.75), np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("temperature", [8.0, 200.0])
def test_probabilities_are_truer_after_the_fit(temperature: float) -> None:
    before, after = [], []
    for seed in range(2):
        test = WORLD.draw(300, seed=100 + seed)
        words = WORLD.words(temperature)
        plain = refit(none(WORLD.dim), words, 4, RESIDUAL)
        fitted = fit_head(WORLD.draw(12, seed=seed), words, 4)
        before.append(calibration_error(answer(plain, test), test.labels))
        after.append(calibration_error(answer(fitted.head, test), test.labels))
    assert np.mean(after) < np.mean(before) - 0.03
    assert np.mean(after) < 0.1


@pytest.mark.parametrize("words_off", [0.5, 1.0])
@pytest.mark.parametrize("places", [1, 2])
def test_it_is_as_good_as_words_and_probe(places: int, words_off: float) -> None:
    """Good and middling words: the mean over seeds stays with the better of both."""
    taught, zero_shot, probe = [], [], []
    for seed in range(4):
        world = World(words_off=words_off, seed=seed)
        examples, test = world.draw(places, seed=1), world.draw(60, seed=2)
        taught.append(accuracy(fit_head(examples, world.words(), 4).head, test))
        zero_shot.append(accuracy(refit(none(world.dim), world.words(), 4, RESIDUAL), test))
        probe.append(accuracy(refit(examples, None, 4, LINEAR), test))
    assert np.mean(taught) >= max(np.mean(zero_shot), np.mean(probe)) - 0.02


def test_refit_is_the_fit() -> None:
    examples, test = WORLD.draw(10, seed=1), WORLD.draw(20, seed=2)
    fitted = fit_head(examples, WORLD.words(), 4)
    again = refit(examples, WORLD.words(), 4, fitted.choice, start=fitted.head)
    np.testing.assert_allclose(answer(again, test), answer(fitted.head, test), atol=0.1)
    for kind in (RESIDUAL, LINEAR, PROTOTYPES, WORDS, Choice("tip_adapter", alpha=10.0, beta=2.0)):
        assert answer(refit(examples, WORLD.words(), 4, kind), test).shape == (80, 4)


def test_refit_goes_on_when_a_class_is_added() -> None:
    examples = WORLD.draw(6, seed=1, classes=[0, 1, 2])
    before = fit_head(examples, WORLD.words(classes=[0, 1, 2]), 3).head
    for choice in (LINEAR, PROTOTYPES, RESIDUAL):
        assert isinstance(refit(examples, WORLD.words(), 4, choice, start=before), ResidualHead)


def test_more_classes_than_examples() -> None:
    world = World(classes=30)
    examples = world.draw(1, seed=1, classes=[0, 1])
    fitted = fit_head(examples, world.words(), 30)
    test = world.draw(5, seed=2)
    assert accuracy(fitted.head, test) > accuracy(refit(none(world.dim), world.words(), 30, RESIDUAL), test) - 0.03
    assert not {"linear", "prototypes"} & {
        choice.kind for choice in candidates(examples, WordPrior.of(world.words(), 30, 64))
    }


def test_one_class_with_words_for_the_others() -> None:
    fitted = fit_head(WORLD.draw(4, seed=1, classes=[1]), WORLD.words(), 4)
    test = WORLD.draw(100, seed=2)
    assert len(set(answer(fitted.head, test).argmax(1))) == 4


@pytest.mark.parametrize(
    ("taught", "worded", "code"),
    [
        ([], None, "head.no_examples"),
        ([1], None, "head.one_class"),
        ([1], [1], "head.one_class"),
        ([0, 1], None, "head.unanswerable"),
        ([0, 1], [0, 2], "head.unanswerable"),
        ([0, 1, 3], [0, 1, 2, 3], "head.labels"),
    ],
)
def test_what_cannot_be_fitted_is_said(taught: list[int], worded: list[int] | None, code: str) -> None:
    count = 3 if code == "head.labels" else 4
    examples = WORLD.draw(3, seed=1, classes=taught) if taught else none(WORLD.dim)
    words = None if worded is None else WORLD.words(classes=[k for k in worded if k < count])
    for attempt in (
        lambda: fit_head(examples, words, count, class_names=("sea", "sand", "wood", "town")),
        lambda: refit(examples, words, count, LINEAR),
    ):
        with pytest.raises(HeadError) as caught:
            attempt()
        assert caught.value.code == code
        assert caught.value.remedy


def test_classes_without_enough_evidence_are_named_in_one_sentence_each_way() -> None:
    examples = WORLD.draw(1, seed=1, classes=[0, 1])
    assert evidence_warnings(examples, 4, ("sea", "sand", "wood", "town")) == (
        '"sea" and "sand" have samples in fewer than 3 places: add some elsewhere.',
        '"wood" and "town" have no samples: their words alone answer.',
    )
    assert evidence_warnings(none(WORLD.dim), 4, ()) == ()
    assert listed(["a", "b", "c", "d", "e", "f", "g"]) == "a, b, c, d, e and 2 more classes"
    assert listed(["a"]) == "a"
