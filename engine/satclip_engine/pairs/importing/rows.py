"""Rows of tables become pairs."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from satclip_engine.pairs.importing.columns import Columns, split_of
from satclip_engine.pairs.importing.tables import Table
from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.protocol import UNUSED, Pair

_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_LIST = re.compile(rf"\[\s*(?:(?:{_QUOTED.pattern})[\s,]*)+\]")
_SWAPPED = "a latitude beyond 90 degrees, as where longitude and latitude are swapped; these places are left out"
_NO_PLACE = "longitude or latitude cannot be one; these places are left out"


def pairs_of(table: Table, default_split: str) -> tuple[list[Pair], list[Skipped], Counter[str]]:
    """Return the pairs that rows tell of, rows without an image, and notes with the number of rows they hold for.

    Args:
        table: Each of its rows may tell one or several captions.
        default_split: Where a row names no part of the set.
    """
    pairs, skipped, notes = [], list(table.skipped), Counter[str]()
    for number, row in enumerate(table.rows, start=1):
        name = row.get(table.columns.image)
        if isinstance(name, int):
            name = str(name)
        if isinstance(name, str) and name.strip():
            pairs.append(pair_of(name.strip(), row, table.columns, default_split, notes))
        else:
            skipped.append(Skipped(f"row {number}", "it names no image"))
    return pairs, skipped, notes


def pair_of(name: str, row: Mapping[str, Any], columns: Columns, default_split: str, notes: Counter[str]) -> Pair:
    """Return the pair that a row tells of; what was not understood is counted in ``notes``."""
    facts = {what: row.get(column) for what, column in columns.facts.items()}
    captions = [text for column in columns.captions for text in _texts(row.get(column))]
    lon, lat = _place(facts.get("lon"), facts.get("lat"), notes)
    gsd_m = _number(facts.get("gsd_m"))
    return Pair(
        name,
        name,
        tuple(captions),
        long_captions=tuple(text for column in columns.long_captions for text in _texts(row.get(column))),
        label=_word(facts.get("label")),
        region=_word(facts.get("region")),
        split=_split(_word(facts.get("split")), default_split, notes),
        lon=lon,
        lat=lat,
        gsd_m=gsd_m if gsd_m and gsd_m > 0 else None,
    )


def _texts(value: Any) -> list[str]:
    """Return the texts of a cell; a list in brackets, as JSON, Python and NumPy write them, gives each of its texts."""
    if isinstance(value, str):
        return [_unquoted(text) for text in _QUOTED.findall(value)] if _LIST.fullmatch(value.strip()) else [value]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return []


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text[1:-1]}"'))
    except ValueError:
        return text[1:-1].replace("\\'", "'").replace('\\"', '"')


def _word(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, (str, int)) else ""


def _split(word: str, default_split: str, notes: Counter[str]) -> str:
    split = split_of(word) if word else default_split
    if split is None:
        notes[f"the part {word!r} is none of train, validation and test; they are marked unused"] += 1
        return UNUSED
    return split


def _place(lon: Any, lat: Any, notes: Counter[str]) -> tuple[float | None, float | None]:
    if lon in (None, "") or lat in (None, ""):
        return None, None
    x, y = _number(lon), _number(lat)
    if x is not None and y is not None and abs(x) <= 180 and abs(y) <= 90 and (x, y) != (0.0, 0.0):
        return x, y
    notes[_SWAPPED if x is not None and y is not None and abs(x) <= 90 < abs(y) <= 180 else _NO_PLACE] += 1
    return None, None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
