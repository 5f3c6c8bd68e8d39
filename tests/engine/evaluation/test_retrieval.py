"""Recall at k, by hand on three images."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.retrieval import distinct_captions, recall_at


def test_recall_both_ways() -> None:
    owner = np.array([0, 0, 1, 2])
    similarity = np.array([[0.1, 0.9, 0.8, 0.0], [0.5, 0.6, 0.4, 0.3], [0.0, 0.2, 0.3, 0.7]])
    recall = recall_at(similarity, owner, ks=(1, 2, 3))
    assert recall["image_to_text"] == pytest.approx({1: 2 / 3, 2: 2 / 3, 3: 1.0})
    assert recall["text_to_image"] == pytest.approx({1: 0.5, 2: 1.0, 3: 1.0})


def test_a_repeated_caption_counts_once_for_its_first_image() -> None:
    texts, owner = distinct_captions([["a pond .", "a pond ."], ["a road .", "a pond ."]])
    assert texts == ["a pond .", "a road ."]
    assert owner.tolist() == [0, 1]
