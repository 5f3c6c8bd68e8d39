"""Layout of MGRS-200k: one JSON list of images, each with global captions and boxes of the objects in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.images import PictureFile
from satclip_engine.harness.datasets.items import BoxItem, CaptionedItem
from satclip_engine.harness.datasets.paths import check_partners

# An image has one global caption, or a brief and a detailed one.
_CAPTION_KEYS = ("global_caption", "brief_caption", "detailed_caption")


@dataclass(frozen=True)
class _RegionList:
    """Where the list and its images lie.

    Attributes:
        json_file: The list, below the set's folder.
        images: Folder of the images below it.
    """

    json_file: str
    images: str

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        if not (folder / self.json_file).is_file():
            return self.json_file
        return "" if (folder / self.images).is_dir() else self.images


@dataclass(frozen=True)
class RegionCaptions(_RegionList):
    """The images with their global captions."""

    def items(self, folder: Path) -> tuple[CaptionedItem, ...]:
        """Return the images that have a caption.

        Raises:
            DataSetError: if the file has another structure, or an image is missing.
        """
        entries = _entries(folder / self.json_file, folder / self.images)
        captions = {path: tuple(str(entry[key]) for key in _CAPTION_KEYS if entry.get(key)) for path, entry in entries}
        return tuple(
            CaptionedItem(path.relative_to(folder / self.images).as_posix(), PictureFile(path), captions[path])
            for path in sorted(captions)
            if captions[path]
        )


@dataclass(frozen=True)
class RegionBoxes(_RegionList):
    """The images with the boxes of their objects, one item per image and phrase."""

    def items(self, folder: Path) -> tuple[BoxItem, ...]:
        """Return one item per image and phrase: an object's own caption, or else its category.

        Raises:
            DataSetError: if the file has another structure, or an image is missing.
        """
        items = []
        for path, entry in sorted(_entries(folder / self.json_file, folder / self.images), key=lambda pair: pair[0]):
            boxes: dict[str, list[list[float]]] = {}
            try:
                for segment in entry.get("segment", []):
                    phrase = str(segment.get("cap") or segment["category"])
                    boxes.setdefault(phrase, []).append(region_box(segment["bbox"]))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _broken(folder / self.json_file, error) from error
            name = path.relative_to(folder / self.images).as_posix()
            items += [
                BoxItem(f"{name}:{phrase}", path, phrase, np.array(sides, np.float64))
                for phrase, sides in boxes.items()
            ]
        return tuple(items)


def read_regions(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a list; each has at least its image's path as ``global_filepath``.

    Raises:
        DataSetError: if the file has another structure.
    """
    try:
        rows = [dict(row) for row in json.loads(path.read_text(encoding="utf-8"))]
        return [row | {"global_filepath": str(row["global_filepath"])} for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(path, error) from error


def region_box(value: Any) -> list[float]:
    """Return left, top, right, bottom in pixels: the first four numbers of a mapping or list; the size may follow.

    Raises:
        ValueError: if it is no box; ``TypeError`` if it holds no numbers.
    """
    sides = [float(side) for side in (list(value.values()) if isinstance(value, dict) else list(value))[:4]]
    if len(sides) != 4 or sides[2] <= sides[0] or sides[3] <= sides[1]:
        raise ValueError(f"no box: {sides}")
    return sides


def _entries(path: Path, images: Path) -> list[tuple[Path, dict[str, Any]]]:
    entries = [(images / row["global_filepath"], row) for row in read_regions(path)]
    check_partners(tuple(image for image, _ in entries), "captioned images")
    return entries


def _broken(path: Path, error: Exception) -> DataSetError:
    return DataSetError(
        f"{path.name} is no list of captioned images with boxes ({error!r}).",
        remedy='Each entry should read {"global_filepath": …, "global_caption": …, "segment": [{"bbox": …, '
        '"category": …}]}.',
        code="dataset.captions",
        path=str(path),
    )
