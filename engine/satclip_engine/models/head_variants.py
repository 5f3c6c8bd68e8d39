"""How the last block of a vision transformer mixes its tokens: the dense head variants.

q, k, v are (N, heads, 1 + cells, d); token 0 is the class token. ``softmax(...) @ v`` is linear in the attention
matrix, so a sum of softmaxes is computed as a sum of fused attentions: no (cells x cells) matrix is stored.

Source: algorithms.md §1 — MaskCLIP (arXiv:2112.01071), SCLIP (2312.01597), ClearCLIP (2407.12442),
NACLIP (2404.08181), SegEarth-OV (2410.01768).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch
from torch.nn.functional import scaled_dot_product_attention as attend

from satclip_engine.errors import OptionError

Grid = tuple[int, int]
Mixer = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Grid], torch.Tensor]

DEFAULT_HEAD_VARIANT = "segearth"

# Source: NACLIP's published setting, in cells.
NACLIP_SIGMA_CELLS = 5.0


@dataclass(frozen=True)
class HeadVariant:
    """One way to run the last block.

    Attributes:
        name: As in requests and identities.
        mix: (q, k, v, grid) to A v, shape of v.
        keeps_residual: Whether the block's skip connection and MLP are kept.
    """

    name: str
    mix: Mixer
    keeps_residual: bool


def vanilla(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, _grid: Grid) -> torch.Tensor:
    """softmax(q kᵀ/√d) v: the block as trained."""
    return attend(q, k, v)


def maskclip(_q: torch.Tensor, _k: torch.Tensor, v: torch.Tensor, _grid: Grid) -> torch.Tensor:
    """Identity attention: every token keeps its own value."""
    return v


def sclip(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, _grid: Grid) -> torch.Tensor:
    """(softmax(q qᵀ/√d) + softmax(k kᵀ/√d)) v."""
    return attend(q, q, v) + attend(k, k, v)


def clearclip(q: torch.Tensor, _k: torch.Tensor, v: torch.Tensor, _grid: Grid) -> torch.Tensor:
    """softmax(q qᵀ/√d) v."""
    return attend(q, q, v)


def segearth(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, _grid: Grid) -> torch.Tensor:
    """(softmax(q qᵀ/√d) + softmax(k kᵀ/√d) + softmax(v vᵀ/√d)) v."""
    return attend(q, q, v) + attend(k, k, v) + attend(v, v, v)


def naclip(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, grid: Grid, *, sigma_cells: float) -> torch.Tensor:
    """softmax(k kᵀ/√d + G) v with a Gaussian preference G for near cells."""
    return attend(k, k, v, attn_mask=neighbourhood(grid, sigma_cells, like=q))


def neighbourhood(grid: Grid, sigma_cells: float, *, like: torch.Tensor) -> torch.Tensor:
    """Return G (1 + cells, 1 + cells): exp(-dist²/(2σ²)) between cells, 0 for the class token's row and column."""
    # In float64 on the CPU: not every GPU has it, and the grid is small.
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).to(torch.float64)
    squared = (places[:, None] - places[None]).square().sum(-1)
    gaussian = torch.exp(squared / (-2.0 * sigma_cells**2))
    return torch.nn.functional.pad(gaussian, (1, 0, 1, 0)).to(like)


HEAD_VARIANTS: Mapping[str, HeadVariant] = MappingProxyType(
    {
        variant.name: variant
        for variant in (
            HeadVariant("vanilla", vanilla, keeps_residual=True),
            HeadVariant("maskclip", maskclip, keeps_residual=True),
            HeadVariant("sclip", sclip, keeps_residual=True),
            HeadVariant("clearclip", clearclip, keeps_residual=False),
            HeadVariant("naclip", partial(naclip, sigma_cells=NACLIP_SIGMA_CELLS), keeps_residual=False),
            HeadVariant("segearth", segearth, keeps_residual=False),
        )
    }
)


def find_head_variant(name: str) -> HeadVariant:
    """Return the variant called ``name``.

    Raises:
        OptionError: ``option.head_variant`` if there is none.
    """
    if name not in HEAD_VARIANTS:
        raise OptionError(
            f"There is no dense head called {name!r}.",
            remedy=f"Use one of: {', '.join(HEAD_VARIANTS)}.",
            code="option.head_variant",
            name=name,
        )
    return HEAD_VARIANTS[name]
