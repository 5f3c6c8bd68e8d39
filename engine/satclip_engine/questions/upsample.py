"""From scores on cells to scores on pixels: joint-bilateral upsampling of the few score channels.

Upsampling is linear in what is upsampled, so K score channels take the place of D feature channels.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

# Colour distance (of 255) at which a neighbouring cell counts exp(-1/2) as much.
COLOUR_SIGMA = 24.0
# Share of the plain spatial kernel that always stays: a pixel unlike all its neighbours is interpolated.
SPATIAL_FLOOR = 1e-2

_STRIP_PIXELS = 64 * 1024


def guided_upsample(scores: Tensor, colours: Tensor, guide: Tensor) -> Tensor:
    """Upsample scores so that they follow the edges of the guide.

    Each fine pixel averages the 3 x 3 cells around it, weighted by a quadratic B-spline in space and a Gaussian in
    the distance between its colour and the cells' mean colours.

    Source: Kopf et al. 2007, Joint Bilateral Upsampling, https://doi.org/10.1145/1276377.1276497.

    Args:
        scores: (K, rows + 2, cols + 2) float32, one cell of margin on each side.
        colours: (3, rows + 2, cols + 2) uint8 mean colours of the same cells.
        guide: (3, rows * f, cols * f) uint8 image of the inner cells.

    Returns:
        (K, rows * f, cols * f) float32.
    """
    channels, rows, cols = scores.shape[0], scores.shape[1] - 2, scores.shape[2] - 2
    factor = guide.shape[1] // rows
    fine = torch.empty(channels, rows * factor, cols * factor)
    # By strips, so that the nine weights of each pixel stay in the processor's cache.
    step = max(_STRIP_PIXELS // (cols * factor * factor), 1)
    for row in range(0, rows, step):
        stop = min(row + step, rows)
        cells, pixels = slice(row, stop + 2), slice(row * factor, stop * factor)
        fine[:, pixels] = _upsample_strip(scores[:, cells], colours[:, cells], guide[:, pixels], factor)
    return fine


def _upsample_strip(scores: Tensor, colours: Tensor, guide: Tensor, factor: int) -> Tensor:
    channels, rows, cols = scores.shape[0], scores.shape[1] - 2, scores.shape[2] - 2
    cells = rows * cols
    pixels = guide.reshape(3, rows, factor, cols, factor).permute(1, 3, 2, 4, 0)
    pixels = pixels.reshape(cells, factor * factor, 3).to(torch.float32)
    near = _neighbours(colours.to(torch.float32)).reshape(cells, 3, 9)

    # One matrix product gives -|pixel - cell|² / (2 σ²): [p, |p|², 1] · [2c, -1, -|c|²] / (2 σ²).
    pixel_terms = torch.cat([pixels, pixels.square().sum(-1, keepdim=True), torch.ones_like(pixels[..., :1])], dim=-1)
    square = near.square().sum(1, keepdim=True)
    cell_terms = torch.cat([2 * near, -torch.ones_like(square), -square], dim=1) / (2 * COLOUR_SIGMA**2)
    weights = torch.bmm(pixel_terms, cell_terms).exp_().add_(SPATIAL_FLOOR)
    weights *= _spatial_kernel(factor).to(weights.device)

    values = _neighbours(scores).reshape(cells, channels, 9).transpose(1, 2)
    values = torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)
    summed = torch.bmm(weights, values)
    fine = summed[..., :channels] / summed[..., channels:]
    fine = fine.reshape(rows, cols, factor, factor, channels).permute(4, 0, 2, 1, 3)
    return fine.reshape(channels, rows * factor, cols * factor)


def bilinear_upsample(scores: Tensor, factor: int) -> Tensor:
    """Upsample scores without a guide.

    Args:
        scores: (K, rows + 2, cols + 2) float32, one cell of margin on each side.
        factor: Fine pixels per cell side.

    Returns:
        (K, rows * factor, cols * factor) float32.
    """
    fine = torch.nn.functional.interpolate(scores[None], scale_factor=factor, mode="bilinear", align_corners=False)[0]
    return fine[:, factor:-factor, factor:-factor]


def resample(values: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
    """Sample a map bilinearly at a grid of positions.

    Args:
        values: (K, h, w) float32.
        rows: (H,) float positions in pixels of ``values``, 0 at the centre of its first row; clamped to the map.
        cols: (W,) likewise.

    Returns:
        (K, H, W) float32.
    """
    # grid_sample is vectorised: ten times faster here than gathering rows and columns.
    y = (rows + 0.5) * 2 / values.shape[1] - 1
    x = (cols + 0.5) * 2 / values.shape[2] - 1
    grid = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], dim=-1).to(values.dtype)
    return torch.nn.functional.grid_sample(
        values[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False
    )[0]


def _neighbours(cells: Tensor) -> Tensor:
    """Return the 3 x 3 neighbourhood of each inner cell: (C, r + 2, c + 2) → (r, c, C, 9)."""
    return cells.unfold(1, 3, 1).unfold(2, 3, 1).permute(1, 2, 0, 3, 4).flatten(3)


@functools.lru_cache(maxsize=16)
def _spatial_kernel(factor: int) -> Tensor:
    """Return the quadratic B-spline weights of the 3 x 3 cells at each fine pixel of a cell, (factor², 9) float32.

    It is smooth and vanishes at the neighbourhood's border, so that no cell border shows.
    """
    offset = (torch.arange(factor, dtype=torch.float32) + 0.5) / factor - 0.5
    taps = torch.stack([0.5 * (0.5 - offset) ** 2, 0.75 - offset**2, 0.5 * (0.5 + offset) ** 2], dim=1)
    return torch.einsum("ia,jb->ijab", taps, taps).reshape(factor * factor, 9)
