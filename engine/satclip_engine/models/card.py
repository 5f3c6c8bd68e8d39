"""The model card: what a person and the product need to know about a model beyond its weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from satclip_engine.errors import ModelError

CARD_FILE_NAME = "card.json"
PICTURE_BANDS = 3

# Two remote-sensing wordings and a plain one: text is what a CPU waits for, so few templates by default.
DEFAULT_TEMPLATES = ("a satellite image of {}", "an aerial view of {}", "a photo of {} from above")

# Source: SegEarth-OV (arXiv:2410.01768), p = softmax(50 · logits).
DEFAULT_TEMPERATURE = 50.0

# CLIP towers of 224 px recognise houses and trees between these, as measured for aerial and satellite sets.
DEFAULT_GSD_MIN_M = 0.1
DEFAULT_GSD_MAX_M = 10.0


@dataclass(frozen=True)
class ModelCard:
    """Facts about a model; every field has a default that suits an unknown CLIP.

    Attributes:
        id: Stable id, used in requests.
        title: For people.
        licence: SPDX id or the publisher's words.
        notes: What it is good at, what is unconfirmed.
        gsd_min_m: Finest recommended working ground sampling distance in metres per pixel.
        gsd_max_m: Coarsest recommended one.
        gsd_recommended_m: The one it does best at, or None.
        templates: Prompt templates, each with one ``{}``.
        temperature: Factor on cosines before the softmax.
        global_bias: λ on the window's global similarity; None takes what suits the architecture.
        unknown_below: Top probability below which "unknown" is a fair answer; None never abstains.
        cell_px: Side of a feature cell, for convolutional trunks that were trained to be read more finely than their
            stride; None takes the stride.
        scene_px: Side to which whole pictures are resized for their global vector, where that is not the window: a
            small tower trained on small pictures knows them at that scale only.
        band_names: What each channel shows, for models that see more than three; the first three are the picture.
        architecture: open_clip architecture; only for checkpoints without an open_clip configuration.
    """

    id: str = ""
    title: str = ""
    licence: str = "unknown"
    notes: str = ""
    gsd_min_m: float = DEFAULT_GSD_MIN_M
    gsd_max_m: float = DEFAULT_GSD_MAX_M
    gsd_recommended_m: float | None = None
    templates: tuple[str, ...] = DEFAULT_TEMPLATES
    temperature: float = DEFAULT_TEMPERATURE
    global_bias: float | None = None
    unknown_below: float | None = None
    cell_px: int | None = None
    scene_px: int | None = None
    band_names: tuple[str, ...] = ()
    architecture: str = ""


def channels_of(card: ModelCard) -> int:
    """Return how many channels a model sees."""
    return len(card.band_names) or PICTURE_BANDS


def read_card(folder: Path, model_id: str) -> ModelCard:
    """Return the card in ``folder``, or a default one; further keys of the file are left to other readers.

    Raises:
        ModelError: ``model.card`` if ``card.json`` is there but cannot be understood.
    """
    path = folder / CARD_FILE_NAME
    if not path.is_file():
        return ModelCard(id=model_id, title=model_id)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise ValueError("it must be an object")
        known = {field.name: raw[field.name] for field in fields(ModelCard) if field.name in raw}
        return ModelCard(**{"id": model_id, "title": model_id, **_checked(known)})
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"The model card {path} cannot be read: {error}.",
            remedy="Repair the file or remove it; the model then works with default settings.",
            code="model.card",
            path=str(path),
        ) from error


def _checked(known: dict[str, Any]) -> dict[str, Any]:
    for name in ("gsd_min_m", "gsd_max_m", "gsd_recommended_m", "temperature", "global_bias", "unknown_below"):
        if known.get(name) is not None:
            known[name] = float(known[name])
    for name in ("gsd_min_m", "gsd_max_m", "temperature"):
        if name in known and not known[name] > 0:
            raise ValueError(f"{name} must be above zero")
    for name in ("cell_px", "scene_px"):
        if known.get(name) is not None:
            known[name] = int(known[name])
    known |= {name: tuple(map(str, known[name])) for name in ("band_names", "templates") if name in known}
    if 0 < len(known.get("band_names", ())) <= PICTURE_BANDS:
        raise ValueError("band_names are for models that see more than three")
    templates = known.get("templates", DEFAULT_TEMPLATES)
    if not templates or any(template.count("{}") != 1 for template in templates):
        raise ValueError("each of templates needs exactly one {}")
    return known
