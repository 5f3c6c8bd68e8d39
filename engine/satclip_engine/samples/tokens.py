"""The tokens of single cells, read from a feature map once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import CHUNK_CELLS, Chunk, Layout

Float32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_NODATA = -1
_SPARE_ROWS = 4096


def chunk_numbers(keys: Ints, layout: Layout) -> Ints:
    """Return the number of the chunk of each cell, counted row by row; ``keys`` are ``row * layout.cols + column``."""
    rows, cols = keys // layout.cols, keys % layout.cols
    return rows // CHUNK_CELLS * layout.chunk_cols + cols // CHUNK_CELLS


def chunk_of(number: int, layout: Layout) -> Chunk:
    """Return the chunk of a number of ``chunk_numbers``."""
    return Chunk(*divmod(int(number), layout.chunk_cols))


class CellTokens:
    """Tokens of the cells that were asked for so far, and the global features of the windows over them.

    Args:
        feature_map: Where the features are.
    """

    def __init__(self, feature_map: FeatureMap) -> None:
        self._map = feature_map
        self._keys = np.empty(0, dtype=np.int64)
        self._rows = np.empty(0, dtype=np.int64)
        # Token and window vector of a cell stand side by side: (capacity, 2, D).
        self._vectors: Float32 = np.empty((0, 2, feature_map.dim), dtype=np.float32)
        self._used = 0

    def load(self, keys: Ints) -> None:
        """Read those of the cells ``keys`` (sorted, unique) that are not held yet and whose chunk is finished."""
        new = keys[~np.isin(keys, self._keys, assume_unique=True)]
        numbers = chunk_numbers(new, self._map.layout)
        for number in np.unique(numbers):
            chunk = chunk_of(number, self._map.layout)
            if self._map.is_done(chunk):
                self._take(chunk, new[numbers == number])

    def keep(self, keys: Ints) -> None:
        """Forget all cells but ``keys``, once those that nobody asks for any more have become many."""
        if self._used <= 2 * len(keys) + _SPARE_ROWS:
            return
        kept = np.isin(self._keys, keys)
        held = kept & (self._rows != _NODATA)
        vectors = self._vectors[self._rows[held]]
        self._rows[held] = np.arange(len(vectors))
        self._keys, self._rows = self._keys[kept], self._rows[kept]
        self._vectors, self._used = vectors, len(vectors)

    def find(self, keys: Ints) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Return for each of ``keys`` whether its chunk was read, (n,) bool, and its row for ``vectors``.

        The row is -1 where the cell is nodata, or not read.
        """
        place = np.searchsorted(self._keys, keys)
        known = place < len(self._keys)
        known[known] = self._keys[place[known]] == keys[known]
        rows = np.full(len(keys), _NODATA, dtype=np.int64)
        rows[known] = self._rows[place[known]]
        return known, rows

    def vectors(self, rows: Ints) -> Float32:
        """Return the tokens of ``rows`` of ``find`` as they lie in the map, (n, D) float32."""
        return np.asarray(self._vectors[rows, 0])

    def window_vectors(self, rows: Ints) -> Float32:
        """Return the windows' global features over the cells of ``rows``, blended as the map does, (n, D) float32."""
        return np.asarray(self._vectors[rows, 1])

    def _take(self, chunk: Chunk, keys: Ints) -> None:
        layout = self._map.layout
        box = layout.chunk_box(chunk)
        features = self._map.read(chunk)
        where = keys // layout.cols - box.row_start, keys % layout.cols - box.col_start
        tokens = features.tokens[where]
        holds = tokens.any(axis=1) & self._map.cells_with_data(chunk, features)[where]
        rows = np.full(len(keys), _NODATA, dtype=np.int64)
        rows[holds] = self._used + np.arange(int(holds.sum()))
        windows = self._map.read_globals(layout.chunk_windows(chunk))
        over_cells = self._map.blend_windows(chunk, windows, np.asarray(windows.any(axis=1)))[where]
        self._append(np.stack([tokens[holds], over_cells[holds]], axis=1))
        order = np.argsort(np.concatenate([self._keys, keys]), kind="stable")
        self._keys = np.concatenate([self._keys, keys])[order]
        self._rows = np.concatenate([self._rows, rows])[order]

    def _append(self, vectors: Float32) -> None:
        needed = self._used + len(vectors)
        if needed > len(self._vectors):
            grown = np.empty((max(needed, 2 * len(self._vectors)), 2, self._map.dim), dtype=np.float32)
            grown[: self._used] = self._vectors[: self._used]
            self._vectors = grown
        self._vectors[self._used : needed] = vectors
        self._used = needed
