"""Layouts of images with captions: JSON lines, and the JSON of the Karpathy splits that RSICD and others use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.images import PictureFile
from satclip_engine.harness.datasets.items import CaptionedItem
from satclip_engine.harness.datasets.paths import check_partners


@dataclass(frozen=True)
class CaptionLines:
    """A JSON-lines file beside images.

    Attributes:
        rows: The file; each row has ``file`` (or ``image``) and ``captions`` (a list) or ``caption`` (a sentence).
        folders: Where the images may lie below the set's folder, tried in order.
    """

    rows: str
    folders: tuple[str, ...]

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return "" if (folder / self.rows).is_file() else self.rows

    def items(self, folder: Path) -> tuple[CaptionedItem, ...]:
        """Return the images with their captions; rows of one image are put together.

        Raises:
            DataSetError: if a row is no JSON object of this kind, or an image is missing.
        """
        captions: dict[str, list[str]] = {}
        lines = read_text(folder / self.rows).splitlines()
        for number, line in enumerate(lines, start=1):
            if line.strip():
                name, sentences = _row(line, f"{self.rows}, line {number}")
                captions.setdefault(name, []).extend(sentences)
        paths = {name: self._place(folder, name) for name in captions}
        check_partners(tuple(paths.values()), "captioned images")
        return tuple(CaptionedItem(name, PictureFile(paths[name]), tuple(captions[name])) for name in sorted(captions))

    def _place(self, folder: Path, name: str) -> Path:
        places = [folder / below / name for below in self.folders]
        return next((place for place in places if place.is_file()), places[0])


@dataclass(frozen=True)
class KarpathyCaptions:
    """One JSON file ``{"images": [{"filename", "split", "sentences": [{"raw"}]}]}`` and a folder of images.

    Attributes:
        json_file: The file below the set's folder.
        images: Folder of the images below it.
        split: Images of this split are taken; empty takes all.
    """

    json_file: str
    images: str
    split: str = ""

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        if not (folder / self.json_file).is_file():
            return self.json_file
        return "" if (folder / self.images).is_dir() else self.images

    def items(self, folder: Path) -> tuple[CaptionedItem, ...]:
        """Return the images with their captions.

        Raises:
            DataSetError: if the file has another structure, or an image is missing.
        """
        entries = read_karpathy(folder / self.json_file)
        captions = {entry.name: entry.captions for entry in entries if not self.split or entry.split == self.split}
        paths = {name: folder / self.images / name for name in captions}
        check_partners(tuple(paths.values()), "captioned images")
        return tuple(
            CaptionedItem(name, PictureFile(paths[name]), captions[name]) for name in sorted(captions) if captions[name]
        )


@dataclass(frozen=True)
class KarpathyEntry:
    """An image as a JSON file of the Karpathy splits lists it.

    Attributes:
        name: Of the image's file.
        captions: Those that are not empty.
        split: As written; empty where it is not.
    """

    name: str
    captions: tuple[str, ...]
    split: str


def read_karpathy(path: Path) -> tuple[KarpathyEntry, ...]:
    """Return all that a JSON file of the Karpathy splits lists.

    Raises:
        DataSetError: if the file has another structure.
    """
    try:
        rows = json.loads(read_text(path))["images"]
        return tuple(KarpathyEntry(str(row["filename"]), _sentences(row), str(row.get("split", ""))) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataSetError(
            f"{path.name} is no captions file of this layout ({error!r}).",
            remedy='It should read {"images": [{"filename": …, "split": …, "sentences": [{"raw": …}]}]}.',
            code="dataset.captions",
            path=str(path),
        ) from error


def _sentences(entry: dict[str, Any]) -> tuple[str, ...]:
    texts = (" ".join(str(sentence["raw"]).split()) for sentence in entry["sentences"])
    return tuple(text for text in texts if text)


def _row(line: str, where: str) -> tuple[str, list[str]]:
    try:
        row = json.loads(line)
        name = row.get("file") or row["image"]
        sentences = row["captions"] if "captions" in row else [row["caption"]]
        if not isinstance(name, str) or isinstance(sentences, str) or not all(isinstance(s, str) for s in sentences):
            raise TypeError("file must be text and captions a list of texts")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataSetError(
            f"{where}: {error}.",
            remedy='Write one image per line:  {"file": "name.png", "captions": ["a river", "…"]}.',
            code="dataset.captions",
        ) from error
    kept = [" ".join(sentence.split()) for sentence in sentences if sentence.strip()]
    if not kept:
        raise DataSetError(
            f"{where}: {name} has no caption.", remedy="Write one, or take the line out.", code="dataset.captions"
        )
    return name, kept


def read_text(path: Path) -> str:
    """Return a text file's content.

    Raises:
        DataSetError: if it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataSetError(
            f"{path.name} is no UTF-8 text.", remedy="Save it as UTF-8.", code="dataset.captions", path=str(path)
        ) from error
