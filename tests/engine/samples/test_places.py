"""Places: examples close together are never divided, and far ones are independent."""

from __future__ import annotations

import numpy as np
from satclip_engine.features.layout import Layout
from satclip_engine.samples.places import places_of

# Windows of 14 cells that overlap by 4.
LAYOUT = Layout(16 * 400, 16 * 400, 16, 14, 10)


def places(cells: list[tuple[int, int]], objects: list[int] | None = None) -> list[int]:
    rows, cols = np.array(cells).T
    ids = np.arange(len(cells)) if objects is None else np.array(objects)
    return places_of(ids, rows, cols, LAYOUT).tolist()


def test_one_window_is_one_place_and_far_ones_are_others() -> None:
    found = places([(2, 2), (11, 11), (2, 40), (100, 2), (105, 9)])
    assert found[0] == found[1]
    assert found[3] == found[4]
    assert len(set(found)) == 3


def test_neighbours_across_a_block_share_a_place() -> None:
    assert len(set(places([(13, 13), (14, 14)]))) == 1
    assert len(set(places([(5, 13), (5, 16), (5, 30)]))) == 2


def test_an_object_is_never_divided() -> None:
    """A river through many blocks, and two points beside its ends."""
    river = [(row, 50) for row in range(0, 400, 5)]
    found = places([*river, (1, 51), (399, 51)], [0] * len(river) + [1, 2])
    assert len(set(found[: len(river)])) == 1


def test_samples_all_over_are_still_many_places() -> None:
    """Else a scene full of points could not be validated."""
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 400, (20_000, 2))
    found = np.array(places([tuple(cell) for cell in cells]))
    assert len(set(found.tolist())) == len({tuple(cell // 14) for cell in cells})
    assert np.bincount(found).max() < 100


def test_close_pairs_never_part_unless_the_chain_is_long() -> None:
    rng = np.random.default_rng(3)
    cells = rng.integers(0, 400, (60, 2))
    found = np.array(places([tuple(cell) for cell in cells]))
    distances = np.abs(cells[:, None] - cells[None]).max(axis=2)
    assert ((distances <= 4) <= (found[:, None] == found[None])).all()
    assert len(set(found.tolist())) > 30


def test_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert len(places_of(none, none, none, LAYOUT)) == 0
