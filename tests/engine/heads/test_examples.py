"""Votes, places and thinning of labelled tokens, on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.errors import HeadError
from satclip_engine.heads.examples import Examples

from tests.engine.heads.made_examples import none, rows, unit


def vectors(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 5))


def test_one_object_has_one_vote_and_present_classes_weigh_the_same() -> None:
    # class 0: a polygon of three cells and a point; class 2: one point; class 1 has none
    examples = rows(vectors(5), [0, 0, 0, 0, 2], [7, 7, 7, 8, 9], [0, 0, 0, 1, 2])
    weights = examples.weights(3)
    assert weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(weights / weights[4], [1 / 6, 1 / 6, 1 / 6, 1 / 2, 1])
    assert examples.places_per_class(3).tolist() == [2, 0, 1]
    assert examples.present(3).tolist() == [True, False, True]
    assert examples.object_count == 3


def test_an_object_that_crosses_places_joins_them() -> None:
    examples = rows(vectors(5), [0, 0, 0, 1, 1], [1, 1, 2, 3, 4], [10, 11, 12, 11, 13])
    joined = examples.independent_places()
    assert joined[0] == joined[1] == joined[3]
    assert len({joined[0], joined[2], joined[4]}) == 3
    assert examples.places_per_class(2).tolist() == [2, 2]


def test_no_examples() -> None:
    empty = none(5)
    assert empty.weights(3).shape == (0,)
    assert empty.places_per_class(3).tolist() == [0, 0, 0]
    assert empty.object_count == 0


def test_thinning_keeps_every_object_while_it_can() -> None:
    objects = [0] * 200 + [1] * 200 + list(range(2, 12))
    examples = rows(vectors(410), [0] * 400 + [1] * 10, objects, objects)
    few = examples.thinned(30)
    assert len(few) == 30
    assert set(few.objects) == set(objects)
    assert set(examples.thinned(2).labels) == {0, 1}
    assert examples.thinned(410) is examples


@pytest.mark.parametrize("bad", [np.nan, np.inf, None])
def test_unusable_features_are_refused(bad: float | None) -> None:
    values = unit(vectors(3))
    values[1] = 0 if bad is None else values[1]
    values[1, 2] = 0 if bad is None else bad
    ids = np.zeros(3, dtype=np.int64)
    with pytest.raises(HeadError) as caught:
        Examples(values, ids, ids, ids)
    assert caught.value.code == "head.vectors"
    assert caught.value.params["rows"] == [1]
    assert caught.value.remedy


def test_labels_past_the_last_class_are_refused() -> None:
    with pytest.raises(HeadError) as caught:
        rows(vectors(2), [0, 3], [0, 1], [0, 1]).check_classes(3)
    assert caught.value.code == "head.labels"
