"""The dense head of open_clip's vision transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from satclip_engine.models.head_variants import HeadVariant
from satclip_engine.models.position import Grid, PositionRule, open_clip_positions
from satclip_engine.models.tower import DenseFeatures, check_window, not_dense


class VitTower:
    """An open_clip ``VisionTransformer`` whose last block runs a dense head variant.

    Args:
        visual: The tower, in evaluation mode.
        variant: How the last block mixes its tokens.
        position_rule: How positions are resized for other windows than the native one.

    Raises:
        ModelError: ``model.not_dense`` if its last block or pooling has another form than CLIP's.
    """

    is_convolutional = False
    # Source: SegEarth-OV's global bias alleviation, λ = -0.3.
    global_bias = -0.3

    def __init__(self, visual: Any, variant: HeadVariant, position_rule: PositionRule = open_clip_positions) -> None:
        if visual.attn_pool is not None:
            raise not_dense("it pools its patches by attention before the projection")
        if not isinstance(visual.transformer.resblocks[-1].attn, torch.nn.MultiheadAttention):
            raise not_dense("its last attention block is not CLIP's")
        self.visual = visual
        self.variant = variant
        self.position_rule = position_rule
        self.native_grid: Grid = (int(visual.grid_size[0]), int(visual.grid_size[1]))
        self.cell_px = int(visual.patch_size[0])
        self.window_px = int(min(visual.image_size))
        self.embed_dim = int(visual.proj.shape[1] if visual.proj is not None else visual.ln_post.weight.shape[0])
        self._positions: dict[tuple[Grid, torch.dtype], torch.Tensor] = {}
        self._positions_version = -1
        check_window(self.window_px, self.cell_px)

    def __call__(self, images: torch.Tensor) -> DenseFeatures:
        """Encode normalised images (N, 3, H, W); H and W are multiples of ``cell_px``."""
        grid = (images.shape[-2] // self.cell_px, images.shape[-1] // self.cell_px)
        tokens = self._embed(images, grid)
        blocks = self.visual.transformer.resblocks
        is_checkpointed = self.visual.transformer.grad_checkpointing and torch.is_grad_enabled()
        for block in blocks[:-1]:
            tokens = checkpoint(block, tokens, use_reentrant=False) if is_checkpointed else block(tokens)
        tokens = self.visual.ln_post(last_block(blocks[-1], tokens, self.variant, grid))
        if self.visual.proj is not None:
            tokens = tokens @ self.visual.proj
        patches = tokens[:, 1:].transpose(1, 2).unflatten(2, grid)
        return DenseFeatures(tokens=patches, cls=tokens[:, 0])

    def positions(self, grid: Grid) -> torch.Tensor:
        """Return the positional embedding (1 + rows * columns, width) added on ``grid``."""
        embedding = self.visual.positional_embedding
        if torch.is_grad_enabled():  # a kept result would belong to an earlier training step
            return self.position_rule(embedding, self.native_grid, grid)
        if embedding._version != self._positions_version:  # a training step or other weights came between
            self._positions.clear()
            self._positions_version = embedding._version
        key = (grid, embedding.dtype)
        if key not in self._positions:
            self._positions[key] = self.position_rule(embedding, self.native_grid, grid)
        return self._positions[key]

    def _embed(self, images: torch.Tensor, grid: Grid) -> torch.Tensor:
        patches = self.visual.conv1(images).flatten(2).transpose(1, 2)
        start = self.visual.class_embedding.to(patches.dtype).expand(patches.shape[0], 1, -1)
        tokens = torch.cat([start, patches], dim=1) + self.positions(grid).to(patches.dtype)
        return self.visual.ln_pre(tokens)  # type: ignore[no-any-return]


def last_block(block: Any, tokens: torch.Tensor, variant: HeadVariant, grid: Grid) -> torch.Tensor:
    """Run ``block`` with the variant's attention.

    Args:
        block: open_clip ``ResidualAttentionBlock``.
        tokens: (N, 1 + cells, width), class token first.
        variant: Attention, and whether the skip connection and the MLP are kept.
        grid: (rows, columns) of the cells.

    Returns:
        (N, 1 + cells, width).
    """
    attention = block.attn
    q, k, v = functional.linear(block.ln_1(tokens), attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
    heads = attention.num_heads
    mixed = variant.mix(_split(q, heads), _split(k, heads), _split(v, heads), grid)
    out = block.ls_1(attention.out_proj(mixed.transpose(1, 2).flatten(2)))
    if not variant.keeps_residual:
        return out  # type: ignore[no-any-return]
    tokens = tokens + out
    return tokens + block.ls_2(block.mlp(block.ln_2(tokens)))  # type: ignore[no-any-return]


def _split(part: torch.Tensor, heads: int) -> torch.Tensor:
    count, length, width = part.shape
    return part.reshape(count, length, heads, width // heads).transpose(1, 2)
