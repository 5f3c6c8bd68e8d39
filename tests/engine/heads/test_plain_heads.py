"""Nearest mean and probe."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from satclip_engine.errors import HeadError
from satclip_engine.heads.linear import fit_probe
from satclip_engine.heads.prototypes import fit_prototypes
from sklearn.linear_model import LogisticRegression

from tests.engine.heads.made_examples import World, rows

WORLD = World()


def test_prototypes_are_unit_means_of_objects() -> None:
    corner = np.eye(3)
    # class 0: an object of two equal cells and one of one cell: the mean lies in the middle of the objects
    head = fit_prototypes(rows(corner[[0, 0, 1, 2]], [0, 0, 0, 1], [0, 0, 1, 2], [0, 0, 1, 2]), 3)
    half = 0.5**0.5
    torch.testing.assert_close(head.means, torch.tensor([[half, half, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    assert (head.class_count, head.phrase_count, head.global_bias) == (3, 0, 0.0)


def test_the_probe_is_scikit_learns() -> None:
    examples, test = WORLD.draw(20, seed=1), WORLD.draw(20, seed=2)
    head = fit_probe(examples, 4)
    theirs = LogisticRegression(C=31.6, max_iter=1000).fit(examples.vectors, examples.labels)
    ours = torch.softmax(head.pool(torch.from_numpy(test.vectors) @ head.vectors.T), dim=1)
    np.testing.assert_allclose(ours, theirs.predict_proba(test.vectors), atol=0.01)


def test_two_classes_and_one_that_is_absent() -> None:
    examples, test = WORLD.draw(20, seed=1, classes=[0, 2]), WORLD.draw(30, seed=2)
    head = fit_probe(examples, 4)
    logits = head.pool(torch.from_numpy(test.vectors) @ head.vectors.T).numpy()
    assert set(logits.argmax(1)) == {0, 2}
    theirs = LogisticRegression(C=31.6, max_iter=1000).fit(examples.vectors, examples.labels)
    np.testing.assert_allclose(logits[:, 2] - logits[:, 0], theirs.decision_function(test.vectors), atol=0.05)


def test_one_class_cannot_be_told_from_nothing() -> None:
    with pytest.raises(HeadError) as caught:
        fit_probe(WORLD.draw(5, seed=1, classes=[1]), 4)
    assert caught.value.code == "head.one_class"
