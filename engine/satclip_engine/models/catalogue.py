"""The list of models: those on this machine, read from their folders without loading weights, and the registry's.

No torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.card import ModelCard, read_card
from satclip_engine.models.folders import embedded_root, find_weights, installed_folders, read_settings
from satclip_engine.models.registry.card_facts import read_facts
from satclip_engine.models.registry.entries import RegistryEntry, read_registry
from satclip_engine.models.registry.installed import FROM_FILE, read_record
from satclip_engine.protocol import ModelInfo

# Total stride of CLIP's ResNet towers.
_RESNET_STRIDE_PX = 32


def list_models(config: Config) -> tuple[ModelInfo, ...]:
    """Return the models of the embedded folder and of ``models_dir``, then the registry's that are not installed.

    A damaged model is listed as not installed, with the reason in its notes.
    """
    entries = {entry.id: entry for entry in read_registry(config)}
    installed = [
        _describe(folder, folder.parent == embedded_root(config), entries.get(folder.name))
        for folder in installed_folders(config)
    ]
    known = {model.id for model in installed}
    return (*installed, *(_offer(entry) for entry in entries.values() if entry.id not in known))


def _describe(folder: Path, builtin: bool, entry: RegistryEntry | None) -> ModelInfo:
    try:
        card = read_card(folder, folder.name)
        settings = read_settings(folder)
        weights = find_weights(folder)
        record = read_record(folder)
    except ModelError as error:
        return ModelInfo(
            id=folder.name,
            title=folder.name,
            licence="unknown",
            builtin=builtin,
            installed=False,
            dense=False,
            notes=str(error),
            downloadable=entry is not None,
        )
    vision = settings["model_cfg"]["vision_cfg"]
    facts = read_facts(folder)
    return ModelInfo(
        id=folder.name,
        title=card.title,
        licence=card.licence,
        builtin=builtin,
        installed=True,
        dense=bool(facts.get("dense", True)) and not vision.get("attentional_pool"),
        size_bytes=weights.stat().st_size,
        cell_px=_cell_px(vision, card),
        window_px=_window_px(vision),
        gsd_min_m=card.gsd_min_m,
        gsd_max_m=card.gsd_max_m,
        notes=card.notes,
        architecture=_text(facts, "architecture_name") or card.architecture,
        licence_url=_text(facts, "licence_url"),
        source=record.source if record is not None else _text(facts, "source"),
        paper=_text(facts, "paper"),
        good_at=_text(facts, "good_at"),
        unconfirmed=_texts(facts, "unconfirmed"),
        gsd_recommended_m=card.gsd_recommended_m,
        gsd_reason=_gsd_reason(facts),
        downloadable=entry is not None,
        imported=record is not None and record.origin == FROM_FILE,
        checked=record.checked if record is not None else "",
    )


def _offer(entry: RegistryEntry) -> ModelInfo:
    """Return an entry that is not installed, as the list shows it."""
    needs = f"Needs the Python package {' and '.join(entry.needs)}, which is not part of the engine."
    bands = "" if entry.bands == "RGB" else f"For {entry.bands}."
    return ModelInfo(
        id=entry.id,
        title=entry.title,
        licence=entry.licence,
        builtin=False,
        installed=False,
        dense=entry.dense,
        size_bytes=entry.bytes,
        window_px=entry.image_size,
        gsd_min_m=entry.gsd_min_m,
        gsd_max_m=entry.gsd_max_m,
        notes=" ".join(text for text in (bands, needs if entry.needs else "") if text),
        architecture=entry.architecture,
        licence_url=entry.licence_url,
        source=entry.source,
        paper=entry.paper,
        good_at=entry.good_at,
        unconfirmed=entry.unconfirmed,
        gsd_recommended_m=entry.gsd_recommended_m,
        gsd_reason=entry.gsd_reason,
        downloadable=True,
    )


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""


def _texts(facts: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = facts.get(name)
    return tuple(str(text) for text in value) if isinstance(value, list) else ()


def _gsd_reason(facts: Mapping[str, Any]) -> str:
    nested = facts.get("gsd_m")
    return _text(facts, "gsd_reason") or (_text(nested, "reason") if isinstance(nested, dict) else "")


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
