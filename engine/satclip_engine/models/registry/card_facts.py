"""The card of an installed model: what the registry's entry says, kept with the model. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from satclip_engine.models.card import CARD_FILE_NAME
from satclip_engine.models.registry.entries import RegistryEntry

# Facts that go into the card of a model as the entry states them.
_KEPT = (
    "title",
    "family",
    "licence",
    "licence_url",
    "paper",
    "source",
    "bands",
    "good_at",
    "gsd_min_m",
    "gsd_max_m",
    "gsd_recommended_m",
    "gsd_reason",
    "dense",
)


def card_of(entry: RegistryEntry) -> dict[str, Any]:
    """Return the contents of ``card.json`` for a model made from ``entry``."""
    # ``architecture`` in a card would send a loose checkpoint to open_clip's own configuration: another word here.
    facts = {name: getattr(entry, name) for name in _KEPT}
    return {**facts, "architecture_name": entry.architecture, "unconfirmed": list(entry.unconfirmed)}


def read_facts(folder: Path) -> dict[str, Any]:
    """Return everything in a model's ``card.json``; nothing where it is missing or damaged."""
    try:
        facts = json.loads((folder / CARD_FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
