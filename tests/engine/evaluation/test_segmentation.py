"""Segmentation metrics agree with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.segmentation import confusion_matrix, image_mean_iou, segmentation_scores
from sklearn import metrics


@pytest.fixture
def maps() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    reference = rng.integers(0, 4, (40, 50))
    mapped = np.where(rng.random((40, 50)) < 0.7, reference, rng.integers(0, 4, (40, 50)))
    return reference, mapped


def test_rows_are_the_reference() -> None:
    confusion = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 1]), 2)
    assert confusion.tolist() == [[0, 2, 0], [0, 1, 0]]


def test_scores_equal_scikit_learn(maps: tuple[np.ndarray, np.ndarray]) -> None:
    reference, mapped = maps
    scores = segmentation_scores(confusion_matrix(reference, mapped, 4))
    flat = reference.ravel(), mapped.ravel()
    np.testing.assert_allclose(scores.iou, metrics.jaccard_score(*flat, average=None))
    np.testing.assert_allclose(scores.f1, metrics.f1_score(*flat, average=None))
    assert scores.pixel_accuracy == pytest.approx(metrics.accuracy_score(*flat))
    assert scores.mean_iou == pytest.approx(metrics.jaccard_score(*flat, average="macro"))


def test_ignored_pixels_do_not_count_and_unmapped_ones_do() -> None:
    reference = np.array([0, 0, 1, -1, 255])
    mapped = np.array([0, 7, 1, 1, 0])
    scores = segmentation_scores(confusion_matrix(reference, mapped, 2))
    assert scores.iou.tolist() == [0.5, 1.0]
    assert scores.pixel_accuracy == pytest.approx(2 / 3)


def test_a_class_that_never_occurs_is_left_out_of_the_mean() -> None:
    scores = segmentation_scores(confusion_matrix(np.array([0, 0]), np.array([0, 0]), 3))
    assert np.isnan(scores.iou[1:]).all()
    assert scores.mean_iou == 1.0


def test_an_images_own_score_counts_the_classes_of_its_reference() -> None:
    confusion = confusion_matrix(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 2]), 3)
    assert image_mean_iou(confusion) == 0.75
    assert segmentation_scores(confusion).mean_iou == 0.375
    assert np.isnan(image_mean_iou(np.zeros((3, 4), np.int64)))
