"""A saved head's card, ``head.json``: what it tells apart, which features it needs, how it was made.

Here, and not beside the heads, because dock and Processing read it too and may import nothing else of the engine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .classes import ClassSet
from .codec import ProtocolError, from_json
from .segment import FeatureOptions

HEAD_CARD = "head.json"
HEAD_TENSORS = "head.safetensors"
HEAD_FORMAT = 1


class HeadCardError(ValueError):
    """A folder holds no head that can be used.

    Args:
        folder: The folder.
        detail: What is wrong.
        remedy: What to do.
        code: ``head.missing``, ``head.damaged`` or ``head.format``.
    """

    def __init__(self, folder: Path, detail: str, remedy: str, code: str) -> None:
        super().__init__(detail)
        self.folder = folder
        self.detail = detail
        self.remedy = remedy
        self.code = code


@dataclass(frozen=True)
class HeadCard:
    """What a saved head says of itself.

    Attributes:
        classes: Names, colours and words, in the order of the head's classes.
        encoder: ``Encoder.identity()`` of the features it learnt from.
        provenance: JSON facts of how it was made: scene, features, samples, time, scores.
    """

    classes: ClassSet
    encoder: dict[str, Any]
    provenance: dict[str, Any]

    def features_for(self, asked: FeatureOptions) -> FeatureOptions:
        """Return ``asked`` with the head's own dense head, and its model and resolution where these are left open."""
        own = {"model": str(self.encoder.get("id", "")), **dict(self.provenance.get("features", {}))}
        taught = from_json(FeatureOptions, own)
        return replace(
            asked,
            model=asked.model or taught.model,
            gsd_m=taught.gsd_m if asked.gsd_m is None else asked.gsd_m,
            head_variant=taught.head_variant,
        )


def read_head_card(folder: Path) -> HeadCard:
    """Return what a saved head says of itself, without the model it needs.

    Raises:
        HeadCardError: if there is none, or it is damaged or of another format.
    """
    return card_from_facts(folder, read_head_facts(folder))


def read_head_facts(folder: Path) -> dict[str, Any]:
    """Return all that stands in a head's card.

    Raises:
        HeadCardError: if there is none, or it is damaged or of another format.
    """
    path = folder / HEAD_CARD
    if not path.is_file():
        raise HeadCardError(
            folder,
            f"There is no saved head in {folder}.",
            f"Choose a folder that holds {HEAD_CARD} and {HEAD_TENSORS}.",
            "head.missing",
        )
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged_head(folder, f"{HEAD_CARD} cannot be read") from error
    if not isinstance(facts, dict):
        raise damaged_head(folder, f"{HEAD_CARD} is not what was saved")
    if facts.get("format") != HEAD_FORMAT:
        raise HeadCardError(
            folder,
            f"The head in {folder.name} has format {facts.get('format')!r}; this version reads {HEAD_FORMAT}.",
            "Update the plugin and its engine, or teach the head again.",
            "head.format",
        )
    return facts


def card_from_facts(folder: Path, facts: dict[str, Any]) -> HeadCard:
    """Return the part of a head's card that is not about its tensors.

    Raises:
        HeadCardError: ``head.damaged``.
    """
    try:
        card = from_json(HeadCard, facts)
        card.features_for(FeatureOptions())  # a card that does not tell them is damaged too
    except (ProtocolError, TypeError, ValueError) as error:
        raise damaged_head(folder, f"{HEAD_CARD} lacks something") from error
    return card


def damaged_head(folder: Path, why: str) -> HeadCardError:
    """Return the error of a head that is not as it was saved."""
    return HeadCardError(
        folder,
        f"The saved head in {folder.name} is damaged: {why}.",
        "Copy it again from where it came from, or teach it again.",
        "head.damaged",
    )
