"""MGRS-200k and lists like it: brief and detailed captions, boxes with categories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from satclip_engine.harness.datasets.regions import read_regions, region_box
from satclip_engine.pairs.importing.files import ImageFinder
from satclip_engine.pairs.importing.gather import gather
from satclip_engine.pairs.importing.json_files import find_json
from satclip_engine.pairs.importing.listing import Listing
from satclip_engine.protocol import Box, Pair, PairSetInfo
from satclip_engine.samples.notes import counted

_SIGN = '"global_filepath"'
_SHORT, _LONG = ("brief_caption", "global_caption"), ("detailed_caption",)


def is_mgrs(source: Path) -> bool:
    """Return whether ``source`` is such a list, or a folder with one."""
    return bool(find_json(source, _SIGN))


def list_mgrs(source: Path) -> Listing:
    """Return the images with short and long captions and their objects.

    Raises:
        DataSetError: if the file has another structure.
    """
    path = find_json(source, _SIGN)[0]
    broken = 0
    pairs = []
    for row in read_regions(path):
        segments = row.get("segment")
        boxes, without = _boxes(segments if isinstance(segments, list) else [])
        broken += without
        name = row["global_filepath"]
        pairs.append(Pair(name, name, _texts(row, _SHORT), long_captions=_texts(row, _LONG), boxes=boxes))
    entries, skipped = gather(pairs, ImageFinder(path.parent))
    info = PairSetInfo(title=path.parent.name, origin=(f"Imported from {path.name}.",))
    notes = (f"{counted(broken, 'object')}: no box with a width and a height, left out.",) if broken else ()
    return Listing(info, entries, skipped, notes)


def _texts(row: dict[str, Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(row[key] for key in keys if isinstance(row.get(key), str))


def _boxes(segments: list[Any]) -> tuple[tuple[Box, ...], int]:
    boxes, broken = [], 0
    for segment in segments:
        try:
            left, top, right, bottom = region_box(segment["bbox"])
            boxes.append(Box((left, top, right, bottom), str(segment["category"])))
        except (KeyError, TypeError, ValueError, AttributeError):
            broken += 1
    return tuple(boxes), broken
