"""Recognise a CLIP checkpoint from the shapes of its tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from satclip_engine.errors import ModelError

# Source: every CLIP published with open_clip's native towers has heads of 64 channels, but for ViT-H, g, bigG and e.
_HEAD_WIDTH = {1280: 80, 1408: 88, 1664: 104, 1792: 112}


def recognise_config(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Return open_clip's ``model_cfg`` for a state dict of CLIP's native layout.

    Shapes cannot tell the activation: GELU is assumed; a ``card.json`` beside the file or ``ARCHITECTURE:PATH``
    names another.

    Raises:
        ModelError: ``model.unrecognised`` if the tensors are not those of a CLIP with native towers.
    """
    text_prefix = "text." if "text.positional_embedding" in state else ""
    try:
        vision = _vit(state) if "visual.class_embedding" in state else _resnet(state)
        text = _text(state, text_prefix)
        projection = state[f"{text_prefix}text_projection"]
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise ModelError(
            "The weights are not recognised as a CLIP model from their tensors.",
            remedy="Give an open_clip folder, or name the architecture: ViT-B-16:/path/to/weights.pt.",
            code="model.unrecognised",
        ) from error
    return {"embed_dim": int(projection.shape[1]), "vision_cfg": vision, "text_cfg": text}


def _vit(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    width, _, _, patch_px = state["visual.conv1.weight"].shape
    cells = state["visual.positional_embedding"].shape[0] - 1
    return {
        "width": width,
        "layers": _count(state, "visual.transformer.resblocks."),
        "head_width": _HEAD_WIDTH.get(width, 64),
        "mlp_ratio": state["visual.transformer.resblocks.0.mlp.c_fc.weight"].shape[0] / width,
        "patch_size": patch_px,
        "image_size": math.isqrt(cells) * patch_px,
    }


def _resnet(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    cells = state["visual.attnpool.positional_embedding"].shape[0] - 1
    return {
        "layers": [_count(state, f"visual.layer{stage}.") for stage in (1, 2, 3, 4)],
        "width": state["visual.layer1.0.conv1.weight"].shape[0],
        "image_size": math.isqrt(cells) * 32,
        "patch_size": None,
    }


def _text(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, Any]:
    vocabulary, width = state[f"{prefix}token_embedding.weight"].shape
    return {
        "context_length": state[f"{prefix}positional_embedding"].shape[0],
        "vocab_size": vocabulary,
        "width": width,
        "heads": max(1, width // 64),
        "layers": _count(state, f"{prefix}transformer.resblocks."),
    }


def _count(state: Mapping[str, torch.Tensor], prefix: str) -> int:
    numbers = {int(name[len(prefix) :].split(".")[0]) for name in state if name.startswith(prefix)}
    if not numbers:
        raise KeyError(prefix)
    return max(numbers) + 1
