"""Recall at k, by hand on three images."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.evaluation.retrieval import distinct_captions, recall_at, recall_of_counts, retrieval_scores


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


def test_ranks_equal_sorting() -> None:
    rng = np.random.default_rng(7)
    owner = rng.integers(0, 12, 40)
    similarity = rng.normal(size=(12, 40))
    scores = retrieval_scores(similarity, owner)
    for image in range(12):
        own = [rank for rank, text in enumerate(np.argsort(-similarity[image])) if owner[text] == image]
        # captions of the image itself stand in nobody's way: the best own one is ahead of all own ones
        assert scores.rank_of_image[image] == (own[0] if own else -1)
    for text in range(40):
        assert scores.rank_of_text[text] == np.argsort(-similarity[:, text]).tolist().index(owner[text])


def test_a_model_that_answers_all_alike_or_nothing_gets_no_recall() -> None:
    owner = np.arange(20)
    for similarity in (np.ones((20, 20)), np.full((20, 20), np.nan)):
        assert retrieval_scores(similarity, owner).metrics["mean_recall"] == 0.0


def test_an_image_without_an_own_caption_is_no_query() -> None:
    scores = retrieval_scores(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.7]]), np.array([0, 2]), ks=(1,))
    assert scores.rank_of_image.tolist() == [0, -1, 0]
    assert scores.image_to_text == {1: 1.0}


def test_counts_of_images_add_up_to_the_recalls() -> None:
    rng = np.random.default_rng(8)
    owner = rng.integers(0, 30, 70)
    scores = retrieval_scores(rng.normal(size=(30, 70)) + 2 * (owner == np.arange(30)[:, None]), owner)
    recalls = recall_of_counts(scores.per_image().sum(0).astype(float))
    assert recalls[0].tolist() == pytest.approx(list(scores.image_to_text.values()))
    assert recalls[1].tolist() == pytest.approx(list(scores.text_to_image.values()))
    assert scores.metrics["mean_recall"] == pytest.approx(recalls.mean())
    assert next(iter(scores.metrics)) == "mean_recall"
