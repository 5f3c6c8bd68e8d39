"""The dense head of CLIP's ResNet towers (RN50 and its larger kin)."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from satclip_engine.models.position import open_clip_positions
from satclip_engine.models.tower import DenseFeatures, check_window

# Source: the stem halves twice (convolution, average pool) and layers 2 to 4 halve once each: 2**5.
TOTAL_STRIDE_PX = 32


class ResNetTower:
    """An open_clip ``ModifiedResNet``: its attention pool's value and output projections at every cell.

    Source: MaskCLIP (arXiv:2112.01071), the two projections as 1x1 convolutions on the last feature map.
    """

    is_convolutional = True
    global_bias = -0.3

    def __init__(self, visual: Any) -> None:
        self.visual = visual
        self.cell_px = TOTAL_STRIDE_PX
        size = visual.image_size
        self.window_px = int(min(size) if isinstance(size, (tuple, list)) else size)
        self.embed_dim = int(visual.attnpool.c_proj.out_features)
        check_window(self.window_px, self.cell_px)

    def __call__(self, images: torch.Tensor) -> DenseFeatures:
        """Encode normalised images (N, 3, H, W); H and W are multiples of 32."""
        features = self.visual.stem(images)
        for layer in (self.visual.layer1, self.visual.layer2, self.visual.layer3, self.visual.layer4):
            features = layer(features)
        pool = self.visual.attnpool
        cells = features.flatten(2).transpose(1, 2)
        tokens = pool.c_proj(pool.v_proj(cells))
        grid = (features.shape[-2], features.shape[-1])
        return DenseFeatures(tokens=tokens.transpose(1, 2).unflatten(2, grid), cls=self._pool(cells, grid))

    def _pool(self, cells: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """Return the attention pool's output for any window: its mean token attends to all."""
        pool = self.visual.attnpool
        side = self.window_px // self.cell_px
        positions = open_clip_positions(pool.positional_embedding, (side, side), grid).to(cells.dtype)
        tokens = torch.cat([cells.mean(dim=1, keepdim=True), cells], dim=1) + positions
        q, k, v = pool.q_proj(tokens[:, :1]), pool.k_proj(tokens), pool.v_proj(tokens)
        heads = (part.unflatten(-1, (pool.num_heads, -1)).transpose(1, 2) for part in (q, k, v))
        mixed = functional.scaled_dot_product_attention(*heads)
        return pool.c_proj(mixed.transpose(1, 2).flatten(2))[:, 0]  # type: ignore[no-any-return]
