"""The facts about chips, kept beside the pairs that were made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import OutputError, PairsError
from satclip_engine.protocol import Facts, ProtocolError, from_json, to_json

FACTS_FILE = "facts.jsonl"


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
