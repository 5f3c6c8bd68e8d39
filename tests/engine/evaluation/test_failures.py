"""What is picked as a failure, by hand on small matrices."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.failures import confused_pairs, missed_classes, scale_sentence, worst_images
from satclip_engine.evaluation.report import Confusion
from sklearn import metrics

CONFUSION = Confusion(("a", "b", "c"), np.array([[70, 20, 4, 6], [0, 1, 9, 0], [0, 0, 0, 0]]))


def test_pairs_are_ranked_by_count_and_small_leaks_left_out() -> None:
    pairs = confused_pairs(CONFUSION)
    assert [(pair.reference, pair.mapped, pair.count) for pair in pairs] == [
        ("a", "b", 20),
        ("b", "c", 9),
        ("a", "no class", 6),
    ]
    assert pairs[1].share == pytest.approx(0.9)


def test_classes_hardly_found_are_named_but_not_absent_ones() -> None:
    assert missed_classes(CONFUSION) == []
    assert missed_classes(CONFUSION, below=0.2) == [("b", pytest.approx(0.1))]


def test_the_weakest_image_comes_first_with_its_commonest_error() -> None:
    good, bad = [[9, 1, 0], [0, 10, 0]], [[2, 8, 0], [1, 9, 0]]
    table = worst_images({"ids": ["good", "bad", "empty"], "confusion": [good, bad, [[0] * 3] * 2]}, ("a", "b"))
    assert table is not None
    assert [row[0] for row in table.rows] == ["bad", "good"]
    assert table.rows[0][1] == pytest.approx((2 / 11 + 9 / 18) / 2)
    assert table.rows[0][3] == "a → b"


def test_an_image_that_is_all_right_has_no_error_to_name() -> None:
    table = worst_images({"ids": ["x", "y"], "confusion": [[[5, 0, 0], [0, 0, 0]]] * 2}, ("a", "b"))
    assert table is not None
    assert table.rows[0][1:] == (1.0, 1.0, "")
    assert worst_images({"ids": ["x", "y"], "top1": [1, 0]}, ("a", "b")) is None


def test_the_dullest_answer_fits_the_headline() -> None:
    scenes = Confusion(("a", "b"), np.array([[3, 0, 0], [1, 0, 0]]), unit="images")
    assert "commonest class, a, would be right for 75.0 %" in scale_sentence(scenes, "top1")
    assert scale_sentence(Confusion(("a",), np.zeros((1, 2), np.int64)), "mean_iou") == ""
    pixels = Confusion(("rest", "road"), np.array([[70, 5], [5, 20]]))
    every = np.ones(100, int)
    road = np.repeat([0, 1], [75, 25])
    assert f"{metrics.jaccard_score(road, every) * 100:.1f} % IoU of road" in scale_sentence(pixels, "iou:road")
    assert f"{metrics.f1_score(road, every) * 100:.1f} % F1" in scale_sentence(pixels, "change_f1")
    assert "37.5 % mIoU and 75.0 % pixel accuracy" in scale_sentence(pixels, "mean_iou")
