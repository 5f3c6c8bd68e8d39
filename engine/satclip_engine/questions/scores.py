"""Class scores on the cells of a feature map, computed chunk by chunk when they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import CellBox, Chunk
from satclip_engine.heads.head import Head


@dataclass(frozen=True)
class CellScores:
    """Scores on a box of cells.

    Attributes:
        logits: (K, rows, cols) float32 class logits.
        colours: (3, rows, cols) uint8 mean colours.
        known: (rows, cols) bool: the cell's chunk is finished and a window with valid pixels covers it.
        valid: (rows, cols) bool: most of the cell's pixels are valid.
    """

    logits: Tensor
    colours: Tensor
    known: Tensor
    valid: Tensor


class ScoreMap:
    """The class scores of one feature map under one head, with the last used chunks kept.

    Args:
        feature_map: Where the features are.
        head: What is asked.
        keep_chunks: How many scored chunks to keep.
    """

    def __init__(self, feature_map: FeatureMap, head: Head, keep_chunks: int) -> None:
        self._map = feature_map
        self._head = head
        self._keep = keep_chunks
        self._chunks: OrderedDict[Chunk, CellScores] = OrderedDict()

    def read(self, box: CellBox) -> CellScores:
        """Return the scores of ``box``; cells past the map's border repeat the border's.

        Cells whose chunk is unfinished, or that no valid pixel is near, are not known; known neighbours lend them
        their mean, so that interpolation at their border is not drawn towards nothing.
        """
        inside = box.overlap(CellBox(0, self._map.layout.rows, 0, self._map.layout.cols))
        rows, cols = inside.shape
        logits = torch.zeros(self._head.class_count, rows, cols)
        colours = torch.zeros(3, rows, cols, dtype=torch.uint8)
        known, valid = torch.zeros(2, rows, cols, dtype=torch.bool)
        for chunk in self._map.layout.chunks_in(inside):
            if not self._map.is_done(chunk):
                continue
            scores = self._score(chunk)
            chunk_box = self._map.layout.chunk_box(chunk)
            common = chunk_box.overlap(inside)
            source, target = common.slices_in(chunk_box), common.slices_in(inside)
            logits[(slice(None), *target)] = scores.logits[(slice(None), *source)]
            colours[(slice(None), *target)] = scores.colours[(slice(None), *source)]
            known[target] = scores.known[source]
            valid[target] = scores.valid[source]
        if not bool(known.all()):
            logits = _lend(logits, known)
        return _pad(CellScores(logits, colours, known, valid), box, inside)

    def _score(self, chunk: Chunk) -> CellScores:
        if chunk in self._chunks:
            self._chunks.move_to_end(chunk)
            return self._chunks[chunk]
        features = self._map.read(chunk)
        # Blended unit tokens are not normalised again: the product is then the average of the windows' cosines.
        tokens = torch.from_numpy(features.tokens)
        similarity = tokens @ self._head.vectors.T
        if self._head.global_bias:
            phrases = slice(self._head.phrase_count)
            similarity[..., phrases] += self._head.global_bias * self._window_similarity(chunk)
        scores = CellScores(
            self._head.pool(similarity).permute(2, 0, 1).contiguous(),
            torch.from_numpy(features.colours[..., :3]).permute(2, 0, 1).contiguous(),
            torch.from_numpy(features.tokens.any(axis=-1)),
            torch.from_numpy(self._map.cells_with_data(chunk, features)),
        )
        self._chunks[chunk] = scores
        if len(self._chunks) > self._keep:
            self._chunks.popitem(last=False)
        return scores

    def _window_similarity(self, chunk: Chunk) -> Tensor:
        """Return the blended cosine of the windows' global features and the phrases, (rows, cols, P)."""
        vectors = self._map.read_globals(self._map.layout.chunk_windows(chunk))
        values = vectors @ self._head.vectors[: self._head.phrase_count].numpy().T
        return torch.from_numpy(self._map.blend_windows(chunk, values, np.any(vectors, axis=1)))


def _lend(logits: Tensor, known: Tensor) -> Tensor:
    """Give unknown cells the mean of their known neighbours among the 3 x 3 around them."""
    weights = known.to(logits.dtype)[None, None]
    box = torch.ones(1, 1, 3, 3)
    count = torch.nn.functional.conv2d(weights, box, padding=1)[0]
    summed = torch.nn.functional.conv2d((logits * weights[0])[:, None], box, padding=1)[:, 0]
    return torch.where(known, logits, summed / count.clamp(min=1))


def _pad(scores: CellScores, box: CellBox, inside: CellBox) -> CellScores:
    margins = (
        inside.col_start - box.col_start,
        box.col_stop - inside.col_stop,
        inside.row_start - box.row_start,
        box.row_stop - inside.row_stop,
    )
    if not any(margins):
        return scores
    return CellScores(
        *(_repeat_border(values, margins) for values in (scores.logits, scores.colours)),
        *(_repeat_border(values[None], margins)[0] for values in (scores.known, scores.valid)),
    )


def _repeat_border(values: Tensor, margins: tuple[int, int, int, int]) -> Tensor:
    """Repeat the border of (C, rows, cols) values of any dtype."""
    return torch.nn.functional.pad(values.float(), margins, mode="replicate").to(values.dtype)
