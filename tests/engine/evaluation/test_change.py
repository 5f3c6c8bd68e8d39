"""Change scores agree with scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from satclip_engine.evaluation.change import change_confusion, change_scores
from sklearn import metrics


def test_scores_equal_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    reference = (rng.random(500) < 0.2).astype(int)
    mapped = np.where(rng.random(500) < 0.8, reference, 1 - reference)
    scores = change_scores(reference, mapped)
    assert scores.precision == pytest.approx(metrics.precision_score(reference, mapped))
    assert scores.recall == pytest.approx(metrics.recall_score(reference, mapped))
    assert scores.f1 == pytest.approx(metrics.f1_score(reference, mapped))
    assert scores.iou == pytest.approx(metrics.jaccard_score(reference, mapped))


def test_unlabelled_pixels_do_not_count_and_missing_answers_do() -> None:
    reference, mapped = np.array([-1, 1, 1, 0]), np.array([1, 1, -1, 0])
    assert change_confusion(reference, mapped).tolist() == [[1, 0, 0], [0, 1, 1]]
    assert change_scores(reference, mapped).recall == 0.5


def test_nothing_changed_and_nothing_found_is_no_score() -> None:
    scores = change_scores(np.zeros(4, int), np.zeros(4, int))
    assert math.isnan(scores.f1)
    assert math.isnan(scores.iou)
