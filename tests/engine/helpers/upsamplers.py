"""Random joint-bilateral upsamplers and features to put through them."""

from __future__ import annotations

import torch
from satclip_engine.models.learned_upsampler import LearnedUpsampler


def random_upsampler(dim: int | None, radius_px: int, seed: int, *, passes: int = 1) -> LearnedUpsampler:
    """Return an upsampler with seeded weights of the usual size (torch's own initial values)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        upsampler = LearnedUpsampler((radius_px,) * passes, dim)
    return upsampler.eval().requires_grad_(requires_grad=False)


def smooth_tokens(dim: int, rows: int, cols: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens (dim, rows, cols) around a common mean, smoothly varying, and a guidance image of 16 x 16 a cell.

    Neighbouring cells have a cosine of about 0.9, as those of trained towers do.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, dim, max(rows // 3, 2), max(cols // 3, 2), generator=generator)
    varying = torch.nn.functional.interpolate(coarse, size=(rows, cols), mode="bicubic", align_corners=False)[0]
    tokens = varying + torch.randn(dim, 1, 1, generator=generator)
    return tokens, torch.rand(3, 16 * rows, 16 * cols, generator=generator) * 4 - 2
