"""Dense features of timm trunks: the trunk's own head, applied to every cell by itself.

A cell's feature is what the whole tower would answer for an image whose last feature map looks like that cell
everywhere. So a norm before the pooling (transformers) acts as it always does, a norm after it (ConvNeXt) acts on the
cell's vector, an attention pool over one token is its value projection, and the projection is the tower's own. Where
all steps after the norm are linear and the pooling is an average, the cells' mean is the global feature.
"""

from __future__ import annotations

from typing import Any

import torch

from satclip_engine.models.atrous import set_output_stride
from satclip_engine.models.bands import input_convolution
from satclip_engine.models.tower import DenseFeatures, check_window, not_dense


class TimmTower:
    """An open_clip ``TimmModel`` (convolutional or transformer trunk) with features per cell.

    Args:
        visual: The tower, in evaluation mode.
        cell_px: Wanted side of a cell, finer than the trunk's stride (then its convolutions are dilated in place);
            None takes the stride.

    Raises:
        ModelError: ``model.not_dense`` if the trunk does not say its stride or its map cannot be laid out in cells;
            ``model.window`` if its window is not a multiple of that stride.
    """

    # A pooled trunk has no class token whose bias would have to be taken away.
    global_bias = 0.0

    def __init__(self, visual: Any, cell_px: int | None = None) -> None:
        info = getattr(visual.trunk, "feature_info", None)
        if not info:
            raise not_dense("its image trunk does not tell the stride of its features")
        self.visual = visual
        self.cell_px = int(info[-1]["reduction"])
        if cell_px is not None and cell_px != self.cell_px:
            self.cell_px = set_output_stride(visual.trunk, cell_px)
        self.window_px = int(min(visual.image_size))
        check_window(self.window_px, self.cell_px)
        with torch.no_grad():
            parameter = next(visual.parameters())
            shape = (1, input_convolution(visual)[1].in_channels, self.window_px, self.window_px)
            probe = torch.zeros(shape, device=parameter.device, dtype=parameter.dtype)
            self.is_convolutional = visual.trunk.forward_features(probe).ndim == 4
            self.embed_dim = int(self(probe).tokens.shape[1])

    def __call__(self, images: torch.Tensor) -> DenseFeatures:
        """Encode normalised images (N, 3, H, W); H and W are multiples of ``cell_px``."""
        trunk, head = self.visual.trunk, self.visual.head
        features = trunk.forward_features(images)
        cls = head(trunk.forward_head(features))
        grid = (images.shape[-2] // self.cell_px, images.shape[-1] // self.cell_px)
        cells = self._cells(features, grid)
        answers = head(self._head_of_each(cells))
        tokens = answers.reshape(images.shape[0], grid[0] * grid[1], -1).transpose(1, 2).unflatten(2, grid)
        return DenseFeatures(tokens=tokens, cls=cls)

    def _cells(self, features: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """Return the last map as (N, cells, C), prefix tokens dropped."""
        count = grid[0] * grid[1]
        if features.ndim == 4 and str(getattr(self.visual.trunk, "output_fmt", "NCHW")).endswith("NHWC"):
            features = features.permute(0, 3, 1, 2)
        if features.ndim == 4 and tuple(features.shape[-2:]) == grid:
            return features.flatten(2).transpose(1, 2)
        if features.ndim == 3 and features.shape[1] >= count:
            return features[:, features.shape[1] - count :]
        raise not_dense("its last features are no map of the window's cells")

    def _head_of_each(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the trunk's pooled output (N * cells, C) for every cell by itself."""
        trunk, vectors = self.visual.trunk, cells.flatten(0, 1)
        if self.is_convolutional:
            is_last = str(getattr(trunk, "output_fmt", "NCHW")).endswith("NHWC")
            lone = vectors[:, None, None, :] if is_last else vectors[:, :, None, None]
            return trunk.forward_head(lone)  # type: ignore[no-any-return]
        if getattr(trunk, "attn_pool", None) is not None:
            vectors = trunk.attn_pool(vectors[:, None, :])
            vectors = vectors[:, 0] if vectors.ndim == 3 else vectors
        if getattr(trunk, "fc_norm", None) is not None:
            vectors = trunk.fc_norm(vectors)
        return trunk.head(vectors)  # type: ignore[no-any-return]
