"""What is known of a chip besides its pixels: what covers it, and its spectral indices. Kept beside the pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from satclip_engine.errors import OutputError, PairsError
from satclip_engine.protocol import ProtocolError, from_json, to_json

FACTS_FILE = "facts.jsonl"

AREA, LENGTH, COUNT = "area", "length", "count"


@dataclass(frozen=True)
class CoverShare:
    """A class on a chip.

    Attributes:
        name: Of the class, in words.
        share: Of the chip's area; of lines and points, of all the chip's length or number. In (0, 1].
    """

    name: str
    share: float


@dataclass(frozen=True)
class Cover:
    """What covers a chip according to one source.

    Attributes:
        source: The field of a vector layer, or ``landcover``.
        measure: ``area``, ``length`` or ``count``.
        shares: Of the classes on the chip, the largest first.
    """

    source: str
    measure: str
    shares: tuple[CoverShare, ...] = ()


@dataclass(frozen=True)
class Indices:
    """Spectral indices of a chip; None where the raster lacks the bands or the chip the land.

    Attributes:
        ndvi: Mean NDVI of what is not open water.
        ndwi: Mean NDWI.
        ndbi: Mean NDBI of what is not open water.
        water: Share of open water in [0, 1].
    """

    ndvi: float | None = None
    ndwi: float | None = None
    ndbi: float | None = None
    water: float | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of a chip.

    Attributes:
        covers: What covers it, by source.
        indices: Spectral indices.
    """

    covers: tuple[Cover, ...] = ()
    indices: Indices = field(default_factory=Indices)


@dataclass(frozen=True)
class _Line:
    id: str
    facts: Facts


def read_facts(folder: Path) -> dict[str, Facts]:
    """Return the facts of a training set by the pairs' ids; empty where it has none.

    Raises:
        PairsError: ``pairs.damaged`` if they cannot be understood.
    """
    path = folder / FACTS_FILE
    if not path.is_file():
        return {}
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {line.id: line.facts for line in (from_json(_Line, json.loads(text)) for text in lines)}
    except (OSError, ValueError, ProtocolError) as error:
        raise PairsError(
            f"{FACTS_FILE} cannot be understood: {error}.",
            remedy="Make the training set again, or delete this file: captions are then not compared with the ground.",
            code="pairs.damaged",
        ) from error


def write_facts(folder: Path, facts: Mapping[str, Facts]) -> None:
    """Write the facts of pairs by their ids.

    Raises:
        OutputError: if the folder cannot be written.
    """
    text = "".join(json.dumps(to_json(_Line(name, of)), ensure_ascii=False) + "\n" for name, of in facts.items())
    partial = folder / f"{FACTS_FILE}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / FACTS_FILE)
    except OSError as error:
        raise OutputError(
            f"The facts about the chips cannot be written to {folder} ({error}).",
            remedy="Choose a folder that you may write to, with enough free space.",
            code="resource.output",
            path=str(folder),
        ) from error
