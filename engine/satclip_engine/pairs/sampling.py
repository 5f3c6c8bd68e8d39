"""Choosing chips so that places, classes and looks are all there, not mostly the commonest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from satclip_engine.pairs.cut import Advance, Lattice
from satclip_engine.raster.scene import Scene

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Returns the unit global vectors (N, D) of pictures, each uint8 (C, H, W), under some model.
Describe = Callable[[Iterable[Bytes]], Floats]

_LOOKS = 16
_BLOCKS_PER_SIDE = 6


def choose(groupings: Sequence[Ints], count: int, seed: int) -> tuple[int, ...]:
    """Return ``count`` of n things, in their order, so that in every grouping the groups are as even as can be.

    One after the other the thing is taken whose groups have been taken least, counted over all groupings; which of
    several equal ones is left to chance.

    Args:
        groupings: Each (n,) the group of every thing, from 0.
        count: How many.
        seed: Of the chance.
    """
    groups = np.stack(groupings)
    order = np.random.default_rng(seed).permutation(groups.shape[1])
    groups = groups[:, order]
    taken = [np.zeros(int(grouping.max()) + 1) for grouping in groups]
    costs = np.zeros(len(order))
    chosen: list[int] = []
    for _ in range(min(count, len(order))):
        place = int(costs.argmin())
        chosen.append(place)
        for grouping, numbers in zip(groups, taken, strict=True):
            numbers[grouping[place]] += 1
            costs[grouping == grouping[place]] += 1
        costs[place] = np.inf
    return tuple(sorted(order[chosen].tolist()))


def space_groups(lattice: Lattice) -> Ints:
    """Return the block of the scene that each chip lies in, (n,), of six by six blocks."""
    cols = np.array([place.col for place in lattice.places]) * _BLOCKS_PER_SIDE // lattice.grid.width
    rows = np.array([place.row for place in lattice.places]) * _BLOCKS_PER_SIDE // lattice.grid.height
    return np.asarray(rows * _BLOCKS_PER_SIDE + cols, dtype=np.int64)


def name_groups(names: Sequence[str]) -> Ints:
    """Return the number of each name, (n,)."""
    return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int64)


def look_groups(scene: Scene, lattice: Lattice, describe: Describe, seed: int, advance: Advance) -> Ints:
    """Return which chips look alike to a model, (n,): clusters of their global vectors.

    Raises:
        SceneError: if the raster is damaged.
        ModelError: if the model cannot be used.
        BandsError: ``bands.model`` if it sees other bands than the scene shows.
    """

    def chips() -> Iterator[Bytes]:
        for row, place in enumerate(lattice.places):
            advance(row / len(lattice.places))
            yield scene.read(lattice.window(place), lattice.grid).image

    vectors = describe(chips())
    clusters = min(_LOOKS, len(np.unique(vectors.round(4), axis=0)))
    groups = MiniBatchKMeans(clusters, n_init=4, random_state=seed).fit_predict(vectors)
    return np.asarray(groups, dtype=np.int64)
