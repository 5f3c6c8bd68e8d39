"""From cell scores to class probabilities on the pixels of any view of the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from satclip_engine.features.layout import CellBox, Chunk, Layout
from satclip_engine.features.source import FeatureSource
from satclip_engine.questions.scores import ScoreMap
from satclip_engine.questions.upsample import bilinear_upsample, guided_upsample, resample
from satclip_engine.raster.aoi import PixelAoi


@dataclass(frozen=True)
class Axis:
    """Positions of output pixels along one axis.

    Attributes:
        centres: (n,) float64: pixel centres in working pixels from the scene's top left corner.
    """

    centres: npt.NDArray[np.float64]

    @classmethod
    def of_pixels(cls, start_px: int, count_px: int, working_per_px: float) -> Axis:
        """Return the centres of ``count_px`` pixels from ``start_px``, each ``working_per_px`` working pixels long."""
        return cls(np.asarray((np.arange(start_px, start_px + count_px) + 0.5) * working_per_px, dtype=np.float64))

    @property
    def span(self) -> tuple[float, float]:
        """First and last position."""
        return float(self.centres[0]), float(self.centres[-1])

    @property
    def step(self) -> float:
        """Working pixels from one output pixel to the next."""
        first, last = self.span
        return abs(last - first) / max(len(self.centres) - 1, 1)


@dataclass(frozen=True)
class PixelScores:
    """What is known of a block of pixels.

    Attributes:
        probabilities: (K, H, W) float32, sum 1 over K.
        known: (H, W) bool: the pixel's cell has features.
        cell_valid: (H, W) bool: most of the pixel's cell is valid; coarse, for pictures only.
    """

    probabilities: Tensor
    known: Tensor
    cell_valid: Tensor


class PixelMapper:
    """Upsamples the scores of a score map to pixels.

    Scores go to a fine grid of ``factor`` pixels per cell along the guide's edges, become probabilities there, and
    are interpolated to the output's pixels: the exponentials are spent where the detail is.

    Args:
        layout: Of the feature map.
        scores: Class logits on cells.
        temperature: Factor on the logits before the softmax.
        factor: Fine pixels per cell side; divides the cell.
    """

    def __init__(self, layout: Layout, scores: ScoreMap, temperature: float, factor: int) -> None:
        self.layout = layout
        self.factor = factor
        self._scores = scores
        self._temperature = temperature

    def probabilities(self, rows: Axis, cols: Axis, guide: npt.NDArray[np.uint8] | None) -> PixelScores:
        """Return class probabilities at the given pixels.

        Args:
            rows: Positions of the output's rows.
            cols: Positions of the output's columns.
            guide: (3, r * factor, c * factor) uint8 image of the r x c cells of ``inner_cells``; None upsamples
                without a guide.
        """
        outer, inner = cells_under(self.layout, rows, cols), inner_cells(self.layout, rows, cols)
        scores = self._scores.read(outer)
        if guide is None:
            fine = bilinear_upsample(scores.logits, self.factor)
        else:
            fine = guided_upsample(scores.logits, scores.colours, torch.from_numpy(guide))
        fine = torch.softmax(fine * self._temperature, dim=0)
        scale = self.factor / self.layout.cell_px
        row = torch.from_numpy(rows.centres * scale - 0.5 - inner.row_start * self.factor)
        col = torch.from_numpy(cols.centres * scale - 0.5 - inner.col_start * self.factor)
        row_cell = torch.from_numpy(rows.centres // self.layout.cell_px).long() - outer.row_start
        col_cell = torch.from_numpy(cols.centres // self.layout.cell_px).long() - outer.col_start
        return PixelScores(
            probabilities=resample(fine, row, col),
            known=scores.known[row_cell][:, col_cell],
            cell_valid=scores.valid[row_cell][:, col_cell],
        )


def inner_cells(layout: Layout, rows: Axis, cols: Axis) -> CellBox:
    """Return the cells under the given pixels and within half a cell of them, cut to the map."""
    return CellBox(*_cell_range(rows, layout.cell_px, layout.rows), *_cell_range(cols, layout.cell_px, layout.cols))


def cells_under(layout: Layout, rows: Axis, cols: Axis) -> CellBox:
    """Return the cells that decide the given pixels: ``inner_cells`` and one more on each side."""
    box = inner_cells(layout, rows, cols)
    return CellBox(box.row_start - 1, box.row_stop + 1, box.col_start - 1, box.col_stop + 1)


def chunks_of(aoi: PixelAoi, source: FeatureSource) -> list[Chunk]:
    """Return the chunks that decide the pixels of an area of interest, row by row."""
    window = aoi.window
    rows = Axis.of_pixels(int(window.row_off), int(window.height), source.working_per_row)
    cols = Axis.of_pixels(int(window.col_off), int(window.width), source.working_per_col)
    return source.layout.chunks_in(cells_under(source.layout, rows, cols))


def fine_factor(cell_px: int, working_per_px: float) -> int:
    """Return how many fine pixels a cell side gets: about half the output's resolution, a divisor of the cell.

    Half the resolution costs a quarter of the time, and the encoder does not place edges that finely anyway.
    """
    wanted = max(cell_px / max(working_per_px, 1e-9) / 2, 1.0)
    divisors = [factor for factor in range(1, cell_px + 1) if cell_px % factor == 0]
    return max(factor for factor in divisors if factor <= max(wanted, divisors[0]))


def _cell_range(axis: Axis, cell_px: int, count: int) -> tuple[int, int]:
    """Return the cells under an axis and their neighbours within half a cell, cut to the map."""
    first, last = sorted(axis.span)
    start = int(np.floor(first / cell_px - 0.5))
    stop = int(np.floor(last / cell_px + 0.5)) + 1
    return max(start, 0), min(stop, count)
