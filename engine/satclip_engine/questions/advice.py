"""Where the next sample would help most: places the head cannot tell, unlike each other and unlike the samples."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from affine import Affine
from PIL import Image
from rasterio.windows import Window

from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import CellBox, Chunk, Layout
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.examples import Examples
from satclip_engine.protocol import Advice, AdviceRequest, AdvisedPlace
from satclip_engine.questions.scores import ScoreMap
from satclip_engine.questions.taught import TaughtHead

# Two windows apart, no encoder window has seen both places.
_REGION_WINDOWS = 2
# The most doubtful of each window's cells are compared: the others there look like them.
_PER_WINDOW = 4
_MOST_CANDIDATES = 512
_MOST_CHUNKS = 64
_THUMBNAIL_PX = 96
_THUMBNAIL_CELLS = 3
# A cell that is a sample already has distance 0, up to rounding.
_NOTHING_NEW = 1e-6

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Doubts:
    """Cells and how sure the head is of them.

    Attributes:
        rows: int64 (n,) cell rows.
        cols: int64 (n,) cell columns.
        first: int64 (n,) winning class.
        second: int64 (n,) the next.
        margin: float32 (n,) difference of their probabilities.
    """

    rows: Ints
    cols: Ints
    first: Ints
    second: Ints
    margin: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Ints) -> Doubts:
        """Return the cells at the positions ``chosen``."""
        return Doubts(
            self.rows[chosen], self.cols[chosen], self.first[chosen], self.second[chosen], self.margin[chosen]
        )


def advise(
    request: AdviceRequest, taught: TaughtHead, source: FeatureSource, feature_map: FeatureMap, scores: ScoreMap
) -> Advice:
    """Return the places whose labels would help most in the asked part of the scene.

    Args:
        request: Which part, and how many places.
        taught: The head and what it has learnt from.
        source: What the map is made from.
        feature_map: Where the features are.
        scores: The head's class logits on cells.

    Raises:
        SceneError: if the scene can no longer be read.
    """
    layout = source.layout
    to_map = source.grid.map_transform @ Affine.scale(layout.cell_px)
    asked = _cells_in(request, to_map, layout)
    if min(asked.shape) <= 0 or len(taught.request.classes) < 2:
        return Advice((), 0.0)
    chunks = layout.chunks_in(asked)
    done = [chunk for chunk in chunks if feature_map.is_done(chunk)]
    known = sum(_size(layout.chunk_box(chunk).overlap(asked)) for chunk in done) / _size(asked)
    looked_at = [done[place] for place in _evenly(len(done), _MOST_CHUNKS)]
    doubts = _doubts(looked_at, asked, layout, scores, taught.head.temperature)
    shortlist = doubts.take(_shortlisted(doubts, layout))
    vectors = _vectors(shortlist, feature_map)
    region = _REGION_WINDOWS * layout.window_cells
    chosen = most_helpful(shortlist, vectors, taught.examples, count=request.count, region_cells=region)
    places = tuple(_place(shortlist, int(index), to_map, source) for index in chosen)
    return Advice(places, known)


def most_helpful(
    doubts: Doubts, vectors: Floats, examples: Examples, *, count: int, region_cells: int
) -> tuple[int, ...]:
    """Return the positions of the cells to ask about, the most helpful first.

    Taken greedily: the largest product of doubt, 1 - margin, and novelty, the cosine distance to the nearest of the
    samples and of the cells taken before. No two lie in one region.

    Source: farthest-first traversal, Gonzalez (1985), Theoretical Computer Science 38; weighted by the margin,
    Scheffer et al. (2001), Active Hidden Markov Models for Information Extraction.

    Args:
        doubts: n cells.
        vectors: float32 (n, D) their tokens.
        examples: What the head has learnt from.
        count: Most cells to take.
        region_cells: Cells closer than this in both directions share a region.
    """
    unit = _unit(vectors)
    novelty = np.ones(len(doubts), dtype=np.float32)
    if len(examples):
        novelty = 1 - (unit @ _unit(examples.vectors).T).max(axis=1, initial=-1.0)
    doubt = 1 - doubts.margin
    free = np.ones(len(doubts), dtype=bool)
    taken: list[int] = []
    while len(taken) < count and free.any():
        gain = np.where(free, doubt * novelty, -1.0)
        best = int(gain.argmax())
        if gain[best] <= _NOTHING_NEW:
            break
        taken.append(best)
        near = np.abs(doubts.rows - doubts.rows[best]) < region_cells
        free &= ~(near & (np.abs(doubts.cols - doubts.cols[best]) < region_cells))
        novelty = np.minimum(novelty, 1 - unit @ unit[best])
    return tuple(taken)


def _cells_in(request: AdviceRequest, to_map: Affine, layout: Layout) -> CellBox:
    """Return the box of cells around the corners of the asked bounds, cut to the raster."""
    left, bottom, right, top = request.bounds
    corners = [~to_map * (x, y) for x in (left, right) for y in (bottom, top)]
    cols, rows = [corner[0] for corner in corners], [corner[1] for corner in corners]
    box = CellBox(int(np.floor(min(rows))), int(np.ceil(max(rows))), int(np.floor(min(cols))), int(np.ceil(max(cols))))
    return box.overlap(CellBox(0, layout.rows, 0, layout.cols))


def _size(box: CellBox) -> int:
    return box.shape[0] * box.shape[1]


def _evenly(count: int, most: int) -> list[int]:
    return [int(place) for place in np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))] if count else []


def _doubts(chunks: Sequence[Chunk], asked: CellBox, layout: Layout, scores: ScoreMap, temperature: float) -> Doubts:
    parts: list[Doubts] = []
    for chunk in chunks:
        box = layout.chunk_box(chunk).overlap(asked)
        cells = scores.read(box)
        # A sample is drawn on what is seen: the cells' centres must lie on the raster, on valid pixels.
        row, col = np.nonzero((cells.known & cells.valid).numpy())
        top = torch.softmax(cells.logits[:, row, col] * temperature, dim=0).topk(2, dim=0)
        first, second = top.indices.numpy()
        margin = (top.values[0] - top.values[1]).numpy()
        rows, cols = row + box.row_start, col + box.col_start
        inside = (rows + 0.5) * layout.cell_px < layout.height_px
        inside &= (cols + 0.5) * layout.cell_px < layout.width_px
        whole = Doubts(rows, cols, first, second, margin)
        parts.append(whole.take(np.flatnonzero(inside)))
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Doubts(nothing, nothing, nothing, nothing, np.zeros(0, dtype=np.float32))
    return Doubts(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.cols for part in parts]),
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.margin for part in parts]),
    )


def _shortlisted(doubts: Doubts, layout: Layout) -> Ints:
    """Return positions of the most doubtful cells of every window-sized block, the most doubtful first."""
    block = doubts.rows // layout.window_cells * layout.cols + doubts.cols // layout.window_cells
    order = np.lexsort((doubts.margin, block))
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    few = order[rank < _PER_WINDOW]
    return few[np.argsort(doubts.margin[few], kind="stable")][:_MOST_CANDIDATES]


def _vectors(doubts: Doubts, feature_map: FeatureMap) -> Floats:
    vectors = np.empty((len(doubts), feature_map.dim), dtype=np.float32)
    layout = feature_map.layout
    chunks = [
        layout.chunks_in(CellBox(row, row + 1, col, col + 1))[0]
        for row, col in zip(doubts.rows.tolist(), doubts.cols.tolist(), strict=True)
    ]
    for chunk in dict.fromkeys(chunks):
        box = layout.chunk_box(chunk)
        members = np.flatnonzero([other == chunk for other in chunks])
        tokens = feature_map.read(chunk).tokens
        vectors[members] = tokens[doubts.rows[members] - box.row_start, doubts.cols[members] - box.col_start]
    return vectors


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def _place(doubts: Doubts, index: int, to_map: Affine, source: FeatureSource) -> AdvisedPlace:
    row, col = int(doubts.rows[index]), int(doubts.cols[index])
    x, y = to_map * (col + 0.5, row + 0.5)
    corners = [to_map * (col + right, row + down) for right in (0, 1) for down in (0, 1)]
    across, up = [corner[0] for corner in corners], [corner[1] for corner in corners]
    return AdvisedPlace(
        x=x,
        y=y,
        bounds=(min(across), min(up), max(across), max(up)),
        first=int(doubts.first[index]),
        second=int(doubts.second[index]),
        margin=float(doubts.margin[index]),
        thumbnail_png_base64=_thumbnail(row, col, source),
    )


def _thumbnail(row: int, col: int, source: FeatureSource) -> str:
    """Return a picture of the ground around a cell, north up as far as the scene's axes allow."""
    cell_px = source.layout.cell_px
    side = max(_THUMBNAIL_PX, _THUMBNAIL_CELLS * cell_px)
    left, top = (round((start + 0.5) * cell_px - side / 2) for start in (col, row))
    picture = source.scene.read(Window(left, top, side, side), source.grid).picture.transpose(1, 2, 0)
    transform = source.grid.map_transform
    picture = picture[:: -1 if transform.e > 0 else 1, :: -1 if transform.a < 0 else 1]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
