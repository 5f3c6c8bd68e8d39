"""Positional embeddings for grids other than the native one: open_clip's rule and the reference's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

Grid = tuple[int, int]
PositionRule = Callable[[torch.Tensor, Grid, Grid], torch.Tensor]


def open_clip_positions(embedding: torch.Tensor, native: Grid, grid: Grid) -> torch.Tensor:
    """Resize ``embedding`` as open_clip does when it loads a checkpoint: antialiased bicubic by size.

    One difference: open_clip leaves a grid of as many cells as the native one alone even where its shape differs.

    Args:
        embedding: (1 + native rows * columns, width), class token first.
        native: (rows, columns) the embedding was trained on.
        grid: (rows, columns) wanted.

    Returns:
        (1 + rows * columns, width), same dtype; the class token's row is kept.

    Source: open_clip 3.3.0, ``open_clip/model.py: resize_pos_embed``.
    """
    if grid == native:
        return embedding
    patches = functional.interpolate(
        _as_image(embedding, native), size=grid, mode="bicubic", align_corners=False, antialias=True
    )
    return _as_tokens(embedding, patches)


def reference_positions(embedding: torch.Tensor, native: Grid, grid: Grid) -> torch.Tensor:
    """Resize ``embedding`` as the SegEarth-OV reference does, quirks included.

    The source coordinate is (i + 0.5) * native / (side + 0.1) - 0.5, without antialiasing, and a grid with as many
    cells as the native one keeps the native embedding whatever its shape. Only for comparing with published numbers.

    Args:
        embedding: (1 + native rows * columns, width), class token first.
        native: (rows, columns) the embedding was trained on.
        grid: (rows, columns) wanted.

    Returns:
        (1 + rows * columns, width), same dtype.

    Source: the rule of DINO's ``interpolate_pos_encoding`` as SegEarth-OV uses it, described in algorithms.md §1.
    """
    if grid[0] * grid[1] == native[0] * native[1]:
        return embedding
    scale = ((grid[0] + 0.1) / native[0], (grid[1] + 0.1) / native[1])
    patches = functional.interpolate(
        _as_image(embedding, native), scale_factor=scale, mode="bicubic", align_corners=False
    )
    return _as_tokens(embedding, patches)


def _as_image(embedding: torch.Tensor, native: Grid) -> torch.Tensor:
    # Resampling runs in at least float32: it happens once per size and must not add bf16 steps of its own.
    patches = embedding[1:] if embedding.dtype == torch.float64 else embedding[1:].float()
    return patches.reshape(1, *native, -1).permute(0, 3, 1, 2)


def _as_tokens(embedding: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    tokens = patches.permute(0, 2, 3, 1).flatten(0, 2).to(embedding.dtype)
    return torch.cat([embedding[:1], tokens])
