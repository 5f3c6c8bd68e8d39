"""What every image tower looks like to the encoder: normalised images in, dense features out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from satclip_engine.errors import ModelError


@dataclass(frozen=True)
class DenseFeatures:
    """Features of a batch of windows, aligned with text, not normalised.

    Attributes:
        tokens: float32 (N, D, h, w), one vector per cell of the window.
        cls: float32 (N, D), one vector for the whole window.
    """

    tokens: torch.Tensor
    cls: torch.Tensor


class Tower(Protocol):
    """An image tower with a dense head.

    Attributes:
        cell_px: Side of one cell (patch side or total stride).
        window_px: Side of the square window the tower was trained on; a multiple of ``cell_px``.
        embed_dim: Length D of every vector.
        is_convolutional: Whether channels-last memory is the faster layout.
        global_bias: λ that suits the tower's global vector where the model's card says nothing.
    """

    cell_px: int
    window_px: int
    embed_dim: int
    is_convolutional: bool
    global_bias: float

    def __call__(self, images: torch.Tensor) -> DenseFeatures:
        """Encode normalised images (N, 3, H, W) in the tower's dtype; H and W are multiples of ``cell_px``."""
        ...


def check_window(window_px: int, cell_px: int) -> None:
    """Refuse a tower whose window is not covered exactly by its cells.

    Raises:
        ModelError: ``model.window`` if ``window_px`` is not a positive multiple of ``cell_px``.
    """
    if window_px < cell_px or window_px % cell_px:
        raise ModelError(
            f"The model's window of {window_px} px is not a multiple of its cell of {cell_px} px,"
            " so its features cannot be laid on a map.",
            remedy="Use a model whose image size is a multiple of its patch size or stride.",
            code="model.window",
            window_px=window_px,
            cell_px=cell_px,
        )


def not_dense(reason: str) -> ModelError:
    """Return the error for a tower that has no dense features; ``reason`` ends the sentence "because ..."."""
    return ModelError(
        f"This model cannot make maps, because {reason}.",
        remedy="Use a model marked as dense-capable in `satclip models`.",
        code="model.not_dense",
    )
