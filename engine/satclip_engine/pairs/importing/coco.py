"""COCO annotations: captions of images, and boxes of objects."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from satclip_engine.errors import PairsError
from satclip_engine.pairs.importing.columns import split_in_name
from satclip_engine.pairs.importing.files import ImageFinder
from satclip_engine.pairs.importing.gather import gather
from satclip_engine.pairs.importing.json_files import find_json
from satclip_engine.pairs.importing.listing import Listing
from satclip_engine.pairs.importing.tables import read_any_text
from satclip_engine.protocol import TRAIN, Box, Pair, PairSetInfo

_SIGNS = ('"file_name"', '"image_id"')


def is_coco(source: Path) -> bool:
    """Return whether ``source`` is a file of COCO annotations, or a folder with some (or with ``annotations/``)."""
    return bool(find_json(source, *_SIGNS))


def list_coco(source: Path) -> Listing:
    """Return the images with their captions and objects; a file's name tells the part, as ``captions_val.json`` does.

    Raises:
        PairsError: ``pairs.coco`` if a file has another structure.
    """
    files = find_json(source, *_SIGNS)
    pairs = [pair for path in files for pair in _read(path)]
    root = files[0].parent.parent if files[0].parent.name == "annotations" else files[0].parent
    entries, skipped = gather(pairs, ImageFinder(root))
    origin = f"Imported from {', '.join(path.name for path in files)}."
    return Listing(PairSetInfo(title=root.name, origin=(origin,)), entries, skipped)


def _read(path: Path) -> list[Pair]:
    try:
        document = json.loads(read_any_text(path))
        categories = {row["id"]: str(row["name"]) for row in document.get("categories", [])}
        captions: dict[Any, list[str]] = defaultdict(list)
        boxes: dict[Any, list[Box]] = defaultdict(list)
        for row in document["annotations"]:
            if "caption" in row:
                captions[row["image_id"]].append(str(row["caption"]))
            elif "bbox" in row:
                left, top, width, height = map(float, row["bbox"])
                box = Box((left, top, left + width, top + height), categories[row["category_id"]])
                boxes[row["image_id"]].append(box)
        split = split_in_name(path.stem) or TRAIN
        return [
            Pair(name, name, tuple(captions[number]), split=split, boxes=tuple(boxes[number]))
            for number, name in ((row["id"], str(row["file_name"])) for row in document["images"])
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PairsError(
            f"{path.name} is no file of COCO annotations ({error!r}).",
            remedy='It should read {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}.',
            code="pairs.coco",
            path=str(path),
        ) from error
