"""Classification metrics agree with scikit-learn; probes learn what can be learned and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.classification import classification_scores, draw_shots, linear_probe
from sklearn import metrics

NAMES = tuple("abcdefg")


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 7, 300)
    return rng.normal(size=(300, 7)) + 1.5 * np.eye(7)[truth], truth


def test_scores_equal_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = answers
    found = classification_scores(scores, truth, NAMES)
    predicted = scores.argmax(1)
    assert found.top1 == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found.top5 == pytest.approx(metrics.top_k_accuracy_score(truth, scores, k=5))
    np.testing.assert_allclose(found.recall, metrics.recall_score(truth, predicted, average=None))
    np.testing.assert_allclose(found.precision, metrics.precision_score(truth, predicted, average=None))
    np.testing.assert_array_equal(found.confusion[:, :7], metrics.confusion_matrix(truth, predicted))
    assert found.mean_recall == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert found.top1_hits.mean() == found.top1
    assert found.top5_hits.mean() == found.top5


def test_a_class_without_images_has_no_recall() -> None:
    found = classification_scores(np.eye(3)[[0, 2]], np.array([0, 1]), ("a", "b", "c"))
    assert found.recall[:2].tolist() == [1.0, 0.0]
    assert np.isnan(found.recall[2])
    assert np.isnan(found.precision[1])
    assert found.confusion.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        classification_scores(np.array([[np.nan, 1.0]]), np.array([0]), ("a", "b"))
    with pytest.raises(ValueError, match="fit"):
        classification_scores(np.zeros((2, 3)), np.array([0, 1]), ("a", "b"))


def clusters(n: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(4), n)
    return np.eye(8)[labels] + spread * np.random.default_rng(seed).normal(size=(len(labels), 8)), labels


def test_more_shots_learn_more_and_the_spread_over_seeds_is_told() -> None:
    train, train_labels = clusters(20, 0.45, 0)
    test, test_labels = clusters(50, 0.45, 1)
    one, twenty = linear_probe(train, train_labels, test, test_labels, shots=(1, 20), seeds=(0, 1, 2))
    assert twenty.mean > one.mean + 0.1
    assert one.sd == pytest.approx(np.std(one.accuracies, ddof=1))
    assert len(set(one.accuracies)) > 1
    assert twenty.sd == pytest.approx(0, abs=0.02)  # all seeds draw all images


def test_labels_without_meaning_stay_at_chance() -> None:
    rng = np.random.default_rng(3)
    train, labels = rng.normal(size=(200, 8)), np.repeat(np.arange(4), 50)
    (probe,) = linear_probe(train, labels, rng.normal(size=(400, 8)), np.repeat(np.arange(4), 100), (10,), (0, 1, 2))
    assert 0.18 < probe.mean < 0.32


def test_one_shot_of_many_classes_is_a_probe_like_any() -> None:
    labels = np.repeat(np.arange(30), 2)
    (probe,) = linear_probe(np.eye(30)[labels], labels, np.eye(30), np.arange(30), shots=(1,), seeds=(0,))
    assert probe.mean == 1.0


def test_shots_beyond_the_smallest_class_are_left_out() -> None:
    train, labels = clusters(3, 0.1, 0)
    assert [probe.shots for probe in linear_probe(train, labels, train, labels, shots=(1, 3, 5), seeds=(0,))] == [1, 3]


def test_draws_are_balanced_nested_and_seeded() -> None:
    labels = np.tile(np.arange(3), 10)
    five = draw_shots(labels, 5, seed=1)
    assert np.bincount(labels[five]).tolist() == [5, 5, 5]
    assert len(set(five.tolist())) == 15
    assert set(draw_shots(labels, 2, seed=1)) <= set(five)
    assert set(draw_shots(labels, 5, seed=2)) != set(five)
