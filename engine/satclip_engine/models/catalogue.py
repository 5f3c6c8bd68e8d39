"""The list of models on this machine, read from their folders without loading weights. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.card import ModelCard, read_card
from satclip_engine.models.folders import embedded_root, find_weights, installed_folders, read_settings
from satclip_engine.protocol import ModelInfo

# Total stride of CLIP's ResNet towers.
_RESNET_STRIDE_PX = 32


def list_models(config: Config) -> tuple[ModelInfo, ...]:
    """Return every model of the embedded folder and of ``models_dir``; a damaged one is listed as not installed."""
    return tuple(_describe(folder, folder.parent == embedded_root(config)) for folder in installed_folders(config))


def _describe(folder: Path, builtin: bool) -> ModelInfo:
    try:
        card = read_card(folder, folder.name)
        settings = read_settings(folder)
        weights = find_weights(folder)
    except ModelError as error:
        return ModelInfo(
            id=folder.name,
            title=folder.name,
            licence="unknown",
            builtin=builtin,
            installed=False,
            dense=False,
            notes=str(error),
        )
    vision = settings["model_cfg"]["vision_cfg"]
    return ModelInfo(
        id=folder.name,
        title=card.title,
        licence=card.licence,
        builtin=builtin,
        installed=True,
        dense=not vision.get("attentional_pool"),
        size_bytes=weights.stat().st_size,
        cell_px=_cell_px(vision, card),
        window_px=_window_px(vision),
        gsd_min_m=card.gsd_min_m,
        gsd_max_m=card.gsd_max_m,
        notes=card.notes,
    )


def _cell_px(vision: dict[str, Any], card: ModelCard) -> int | None:
    if "timm_model_name" in vision:
        return card.cell_px
    if isinstance(vision.get("layers"), list):
        return _RESNET_STRIDE_PX
    patch = vision.get("patch_size", 16)
    return int(patch[0] if isinstance(patch, list) else patch)


def _window_px(vision: dict[str, Any]) -> int:
    size = vision.get("image_size", 224)
    return int(min(size) if isinstance(size, list) else size)
