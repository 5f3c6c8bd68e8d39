"""Which samples are independent of each other: those of different places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from satclip_engine.features.layout import Layout

Ints = npt.NDArray[np.int64]

# A chain of neighbours longer than this many windows is cut along the blocks: samples drawn all over a scene would
# else be one place, and nothing could be validated.
_LONGEST_CHAIN_WINDOWS = 2


def places_of(objects: Ints, rows: Ints, cols: Ints, layout: Layout) -> Ints:
    """Return the place of each example, int64 (N,) from 0: examples of one place never stand on both sides of a split.

    Places are blocks as wide as an encoder window, because what one window sees together went through the same
    attention: two cells of it share more than their class. On top of that, objects closer than the overlap of two
    windows share a place even across a block's border, for their cells were blended from the same windows. An object
    is never divided.

    Args:
        objects: int64 (N,) the object that an example comes from, from 0.
        rows: int64 (N,) its cell row.
        cols: int64 (N,) its cell column.
        layout: Cells and windows.

    Source: blocked cross-validation, Roberts et al. (2017), Ecography 40, 913-929.
    """
    if not len(objects):
        return np.zeros(0, dtype=np.int64)
    _, object_of = np.unique(objects, return_inverse=True)
    chain_of = _chains(object_of, rows, cols, max(layout.window_cells - layout.stride_cells, 1))
    longest = _LONGEST_CHAIN_WINDOWS * layout.window_cells
    extents = np.maximum(_extents(chain_of, rows), _extents(chain_of, cols))
    # A short chain is one unit; the objects of a long one are units of their own.
    is_long = extents[chain_of] > longest
    unit = np.where(is_long, chain_of.max() + 1 + object_of, chain_of)
    _, unit = np.unique(unit, return_inverse=True)
    counts = np.bincount(unit)
    block_rows = np.bincount(unit, weights=rows) // counts // layout.window_cells
    block_cols = np.bincount(unit, weights=cols) // counts // layout.window_cells
    _, block_of = np.unique(block_rows * layout.cols + block_cols, return_inverse=True)
    return np.asarray(block_of[unit], dtype=np.int64)


def _chains(object_of: Ints, rows: Ints, cols: Ints, near_cells: int) -> Ints:
    """Return which examples hang together: (N,), by objects and by bins of ``near_cells`` that touch each other."""
    across = int(cols.max()) // near_cells + 3
    bins, bin_of = np.unique((rows // near_cells + 1) * across + cols // near_cells + 1, return_inverse=True)
    links = [(bin_of, len(bins) + object_of)]
    for step in (1, across - 1, across, across + 1):  # the other four neighbours see this bin as theirs
        place = np.searchsorted(bins, bins + step)
        meets = place < len(bins)
        meets[meets] = bins[place[meets]] == bins[meets] + step
        links.append((np.flatnonzero(meets), place[meets]))
    first = np.concatenate([one for one, _ in links])
    second = np.concatenate([other for _, other in links])
    size = len(bins) + int(object_of.max()) + 1
    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(size, size))
    _, chain = connected_components(graph, directed=False)
    return np.asarray(chain[bin_of], dtype=np.int64)


def _extents(group_of: Ints, values: Ints) -> Ints:
    lowest = np.full(int(group_of.max()) + 1, np.iinfo(np.int64).max)
    highest = np.full_like(lowest, -1)
    np.minimum.at(lowest, group_of, values)
    np.maximum.at(highest, group_of, values)
    return np.where(highest < 0, 0, highest - lowest + 1)
