"""A scene's dense features on disk: int8 in Zarr, with a ledger of finished chunks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from satclip_engine.features import cache
from satclip_engine.features.layout import CHUNK_CELLS, Chunk, Layout, WindowIndex

FORMAT_VERSION = 1
_LEDGER_NAME = "ledger.txt"
_GLOBALS_CHUNK = 16

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ChunkFeatures:
    """The content of one chunk.

    Attributes:
        tokens: (rows, cols, D) float32: feather-blended unit features. Blending is linear, so their product with
            a unit text vector is the blend of the windows' cosines. 0 where no window had valid pixels.
        colours: (rows, cols, 4) uint8: mean colour of each cell, the guide of the upsampling, and the share of its
            pixels that are valid (255 = all).
    """

    tokens: Float32
    colours: npt.NDArray[np.uint8]


class FeatureMap:
    """The cached features of one scene under one encoder.

    Tokens are int8 with one float16 scale per cell (symmetric, largest magnitude = 127). Finished chunks stand in
    a ledger that is only appended to after the data are on disk, so a killed process loses at most the chunk it
    was writing, and a reader never sees half a chunk.

    Args:
        path: Folder of the map.
        layout: Cells, windows and chunks.
        dim: Length of a feature vector.
    """

    def __init__(self, path: Path, layout: Layout, dim: int) -> None:
        self.path = path
        self.layout = layout
        self.dim = dim
        group = zarr.open_group(path / "map.zarr", mode="a")
        rows, cols, side = layout.rows, layout.cols, CHUNK_CELLS
        grid = (len(layout.window_rows), len(layout.window_cols))
        self._tokens = _array(group, "tokens", (rows, cols, dim), (side, side, dim), "int8")
        self._scales = _array(group, "scales", (rows, cols), (side, side), "float16")
        self._colours = _array(group, "colours", (rows, cols, 4), (side, side, 4), "uint8")
        self._globals = _array(group, "globals", (*grid, dim), (_GLOBALS_CHUNK, _GLOBALS_CHUNK, dim), "float16")
        self._done: set[Chunk] = set()
        self._ledger_read_bytes = 0
        self.reload()

    def reload(self) -> None:
        """Read the ledger's new lines: chunks that another process finished meanwhile."""
        ledger = self.path / _LEDGER_NAME
        if not ledger.exists():
            return
        with ledger.open("rb") as handle:
            handle.seek(self._ledger_read_bytes)
            text = handle.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._ledger_read_bytes += len(complete)
        for line in complete.split():
            row, _, col = line.partition(b",")
            self._done.add(Chunk(int(row), int(col)))

    @property
    def done(self) -> tuple[Chunk, ...]:
        """The finished chunks, row by row."""
        return tuple(sorted(self._done))

    @property
    def done_count(self) -> int:
        """How many chunks are finished."""
        return len(self._done)

    def is_done(self, chunk: Chunk) -> bool:
        """Return whether ``chunk`` is finished."""
        return chunk in self._done

    def missing(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Return those of ``chunks`` that are not finished, in the same order."""
        return [chunk for chunk in chunks if chunk not in self._done]

    def read(self, chunk: Chunk) -> ChunkFeatures:
        """Return the features of a finished chunk."""
        box = self.layout.chunk_box(chunk)
        where = (slice(box.row_start, box.row_stop), slice(box.col_start, box.col_stop))
        quantised, scales = np.asarray(self._tokens[where]), np.asarray(self._scales[where])
        tokens = quantised.astype(np.float32)
        tokens *= scales.astype(np.float32)[..., None]
        return ChunkFeatures(tokens, np.asarray(self._colours[where]))

    def cells_with_data(self, chunk: Chunk, features: ChunkFeatures) -> npt.NDArray[np.bool_]:
        """Return where at least half of what a cell holds of the raster is valid, (rows, cols) bool.

        The last cells may reach past the raster.
        """
        layout, box = self.layout, self.layout.chunk_box(chunk)
        side = layout.cell_px
        rows = np.clip(layout.height_px - np.arange(box.row_start, box.row_stop) * side, 0, side) / side
        cols = np.clip(layout.width_px - np.arange(box.col_start, box.col_stop) * side, 0, side) / side
        return np.asarray(features.colours[..., 3] >= 127.5 * np.outer(rows, cols) - 1)

    def read_globals(self, windows: list[WindowIndex]) -> Float32:
        """Return the unit global features of a block of windows, (len(windows), D) float32; 0 where empty."""
        rows = slice(windows[0].row, windows[-1].row + 1)
        cols = slice(windows[0].col, windows[-1].col + 1)
        return np.asarray(self._globals[rows, cols]).reshape(-1, self.dim).astype(np.float32)

    def write(self, chunk: Chunk, features: ChunkFeatures, window_globals: dict[WindowIndex, Float32]) -> None:
        """Store a finished chunk and the global features of its windows, then enter it into the ledger.

        Args:
            chunk: Which chunk.
            features: Its content.
            window_globals: (D,) float32 unit vectors of the chunk's windows that had valid pixels.
        """
        box = self.layout.chunk_box(chunk)
        where = (slice(box.row_start, box.row_stop), slice(box.col_start, box.col_stop))
        quantised, scales = quantise(features.tokens)
        self._tokens[where] = quantised
        self._scales[where] = scales
        self._colours[where] = features.colours
        self._write_globals(self.layout.chunk_windows(chunk), window_globals)
        with (self.path / _LEDGER_NAME).open("ab") as ledger:
            ledger.write(f"{chunk.row},{chunk.col}\n".encode())
            ledger.flush()
            os.fsync(ledger.fileno())
        self._done.add(chunk)

    def _write_globals(self, windows: list[WindowIndex], vectors: dict[WindowIndex, Float32]) -> None:
        rows = slice(windows[0].row, windows[-1].row + 1)
        cols = slice(windows[0].col, windows[-1].col + 1)
        block = np.zeros((rows.stop - rows.start, cols.stop - cols.start, self.dim), dtype=np.float16)
        for window, vector in vectors.items():
            block[window.row - rows.start, window.col - cols.start] = vector
        self._globals[rows, cols] = block

    def blend_windows(self, chunk: Chunk, values: Float32, encoded: npt.NDArray[np.bool_]) -> Float32:
        """Spread one row of values per window over the chunk's cells with the feather weights.

        Args:
            chunk: Which chunk.
            values: (windows, P) float32 in the order of ``Layout.chunk_windows``.
            encoded: (windows,) which windows had valid pixels.

        Returns:
            (rows, cols, P) float32; 0 where no window had valid pixels.
        """
        box = self.layout.chunk_box(chunk)
        blended = np.zeros((*box.shape, values.shape[1]), dtype=np.float32)
        weights = np.zeros(box.shape, dtype=np.float32)
        for window, value, present in zip(self.layout.chunk_windows(chunk), values, encoded, strict=True):
            if not present:
                continue
            window_box = self.layout.window_box(window)
            common = window_box.overlap(box)
            feather = self.layout.feather[common.slices_in(window_box)]
            inside = common.slices_in(box)
            blended[inside] += feather[..., None] * value
            weights[inside] += feather
        return np.asarray(blended / np.maximum(weights, 1e-6)[..., None], dtype=np.float32)

    def size_bytes(self, chunks: int) -> int:
        """Return the disk space of ``chunks`` chunks."""
        return chunks * CHUNK_CELLS * CHUNK_CELLS * (self.dim + 2 + 4)


def quantise(tokens: Float32) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """Return int8 tokens and the float16 scale of each cell.

    Args:
        tokens: (..., D) float32.
    """
    scales = (np.abs(tokens).max(axis=-1) / 127.0).astype(np.float16)
    divisor = np.where(scales > 0, scales, 1).astype(np.float32)[..., None]
    return np.clip(np.rint(tokens / divisor), -127, 127).astype(np.int8), scales


def open_feature_map(cache_dir: Path, layout: Layout, dim: int, made_from: dict[str, Any]) -> FeatureMap:
    """Open or create the cached map of exactly these facts.

    Args:
        cache_dir: ``Config.cache_dir``.
        layout: Cells, windows and chunks.
        dim: Length of a feature vector.
        made_from: JSON facts that decide the features: scene fingerprint, bands, scaling, encoder identity.

    Returns:
        The map, marked as used now.
    """
    facts = {"format": FORMAT_VERSION, "layout": asdict(layout), "dim": dim, **made_from}
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
    path = cache.features_dir(cache_dir) / key
    path.mkdir(parents=True, exist_ok=True)
    meta = path / cache.META_NAME
    if not meta.exists():
        temporary = meta.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        temporary.replace(meta)
    cache.touch(path)
    return FeatureMap(path, layout, dim)


def _array(group: zarr.Group, name: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: str) -> Any:
    """Open or create one uncompressed array: quantised features are nearly noise, compressing them gains little."""
    if name in group:
        return group[name]
    return group.create_array(name, shape=shape, chunks=chunks, dtype=dtype, compressors=None, fill_value=0)
