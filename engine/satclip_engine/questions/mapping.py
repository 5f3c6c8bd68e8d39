"""Mapping: blocks of pixels from scores to products, as soon as the features under them are there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import torch
from rasterio.windows import Window

from satclip_engine.features.encode import block_means
from satclip_engine.features.layout import CellBox, Chunk
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.decision import DecisionRule, decide
from satclip_engine.products.rasters import PROBABILITY_STEPS, RasterProducts
from satclip_engine.questions.pixels import Axis, PixelMapper, cells_under, inner_cells
from satclip_engine.raster.aoi import PixelAoi
from satclip_engine.raster.scene import Scene
from satclip_engine.raster.windows import pixel_window

BLOCK_ROWS_PX = 512
_BLOCK_VALUES = 8 * 1024 * 1024  # K * rows * cols of one block: 32 MB in float32


class ChunkGate:
    """Lets the mapping thread wait for chunks that the encoding thread finishes."""

    def __init__(self) -> None:
        self._done: set[Chunk] = set()
        self._closed = False
        self._changed = threading.Condition()

    def finish(self, chunk: Chunk) -> None:
        """Say that ``chunk`` is on disk."""
        with self._changed:
            self._done.add(chunk)
            self._changed.notify_all()

    def close(self) -> None:
        """Say that no further chunk will come: waiting ends with ``GateClosedError``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, chunks: Iterable[Chunk]) -> None:
        """Wait until all ``chunks`` are finished.

        Raises:
            GateClosedError: if the encoding stopped before.
        """
        wanted = set(chunks)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or wanted <= self._done)
            if not wanted <= self._done:
                raise GateClosedError


class GateClosedError(Exception):
    """The encoding stopped; the reason is raised where it happened."""


def map_blocks(
    source: FeatureSource,
    mapper: PixelMapper,
    rule: DecisionRule,
    aoi: PixelAoi,
    products: RasterProducts,
    *,
    guided: bool,
    gate: ChunkGate,
    on_share: Callable[[float], None],
) -> None:
    """Write every block of the area of interest in block-row order.

    Args:
        source: Scene and working grid.
        mapper: Upsamples scores to pixels.
        rule: Turns probabilities into codes.
        aoi: Window and mask on the scene's grid.
        products: Where the blocks go.
        guided: Follow the image's edges.
        gate: Opens as chunks are finished.
        on_share: Receives the written share in [0, 1]; may raise to stop.
    """
    window = aoi.window
    with source.scene.reopen() as scene:
        for row in range(0, int(window.height), BLOCK_ROWS_PX):
            height = min(BLOCK_ROWS_PX, int(window.height) - row)
            rows = Axis.of_pixels(int(window.row_off) + row, height, source.working_per_row)
            for col, width in _columns(int(window.width), height, rule.unknown_code - 1):
                cols = Axis.of_pixels(int(window.col_off) + col, width, source.working_per_col)
                gate.wait(source.layout.chunks_in(cells_under(source.layout, rows, cols)))
                block = Window(window.col_off + col, window.row_off + row, width, height)
                guide, valid = _read_block(scene, source, block, inner_cells(source.layout, rows, cols), mapper.factor)
                valid = valid & aoi.mask(block)
                written = Window(col, row, width, height)
                if valid.any():
                    scores = mapper.probabilities(rows, cols, guide if guided else None)
                    _write_block(rule, products, written, valid, scores.probabilities)
                else:
                    products.write_nodata(written)
            on_share((row + height) / window.height)


def _columns(width: int, height: int, classes: int) -> list[tuple[int, int]]:
    """Split a block row so that K * rows * cols stays small, on multiples of the files' tiles."""
    step = max(_BLOCK_VALUES // (classes * height) // BLOCK_ROWS_PX, 1) * BLOCK_ROWS_PX
    return [(start, min(step, width - start)) for start in range(0, width, step)]


def _write_block(
    rule: DecisionRule,
    products: RasterProducts,
    window: Window,
    valid: npt.NDArray[np.bool_],
    probabilities: torch.Tensor,
) -> None:
    if products.outputs.probability_dtype == "float32":
        stored: npt.NDArray[np.generic] = probabilities.numpy()
        decision = decide(stored, rule)
        confidence = np.stack([_to_steps(decision.top), _to_steps(decision.margin)])
    else:  # decide on the bytes that are stored: the map is exactly their arg-max
        stored = _to_steps(probabilities.numpy())
        decision = decide(stored, rule, one=PROBABILITY_STEPS)
        confidence = np.stack([decision.top, decision.margin])
    products.write(window, stored, decision.codes, confidence if products.outputs.confidence else None, valid)


def _to_steps(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Turn values in [0, 1] into steps of 1 / PROBABILITY_STEPS, rounded; ``values`` is used up."""
    return torch.from_numpy(values).mul_(PROBABILITY_STEPS).add_(0.5).to(torch.uint8).numpy()


def _read_block(
    scene: Scene, source: FeatureSource, block: Window, box: CellBox, factor: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Return the guide of ``box`` at ``factor`` pixels per cell side, and the validity of ``block``'s pixels."""
    cells = pixel_window(box, source.layout.cell_px)
    chip = scene.read(cells, source.grid)
    if source.grid == scene.grid:  # the usual case: one reading serves both
        row, col = int(block.row_off - cells.row_off), int(block.col_off - cells.col_off)
        valid = chip.valid[row : row + int(block.height), col : col + int(block.width)]
    else:
        valid = scene.read_valid(block)
    return block_means(chip.picture, source.layout.cell_px // factor), valid
