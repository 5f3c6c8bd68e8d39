"""Layouts of scene images: one folder per class, on disk or inside zip archives joined with captions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.images import PICTURE_SUFFIXES, PictureFile, RasterFile, ZipArchive, ZipMember
from satclip_engine.harness.datasets.items import CaptionedItem, ImageSource, SceneItem
from satclip_engine.harness.datasets.paths import Files, item_id, name_some


@dataclass(frozen=True)
class ClassFolders:
    """One folder of images per class.

    Attributes:
        images: Which images; the folder of each is its class.
        class_folders: Names of the folders, in the order of the classes.
        bands: Empty reads pictures; otherwise rasters are read as the product does, in these bands.
        scaling: Of rasters.
    """

    images: Files
    class_folders: tuple[str, ...]
    bands: str = ""
    scaling: str = "auto"

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return self.images.missing(folder)

    def items(self, folder: Path) -> tuple[SceneItem, ...]:
        """Return the images with their classes.

        Raises:
            DataSetError: if a folder is none of the classes or a class has no image.
        """
        position = {plain(name): label for label, name in enumerate(self.class_folders)}
        images = [path for path in self.images.find(folder) if path.suffix.lower() in PICTURE_SUFFIXES]
        strange = sorted({path.parent.name for path in images if plain(path.parent.name) not in position})
        if strange:
            raise DataSetError(
                f"{len(strange)} folders are none of the set's classes: {name_some(strange)}.",
                remedy=f"Leave only the folders of the classes: {', '.join(self.class_folders)}.",
                code="dataset.classes",
            )
        return tuple(
            SceneItem(item_id(path, folder), self._source(path), position[plain(path.parent.name)]) for path in images
        )

    def _source(self, path: Path) -> ImageSource:
        return RasterFile(path, self.bands, self.scaling) if self.bands else PictureFile(path)


@dataclass(frozen=True)
class ZippedScenes:
    """Zip archives of ``Class/name`` pictures, joined with the rows of a JSON-lines file.

    Attributes:
        rows: The file; each row has file, shard, cls, split.
        archive: Name of an archive; ``{shard}`` stands for the row's.
        split: Rows of this split are taken; empty takes all.
        class_folders: Names of the classes, in order.
        only: Names of the classes that are taken; empty takes all.
    """

    rows: str
    archive: str
    split: str
    class_folders: tuple[str, ...]
    only: tuple[str, ...] = ()

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return _missing_zip(folder, self.rows, self.archive)

    def items(self, folder: Path) -> tuple[SceneItem, ...]:
        """Return the images with their classes."""
        rows = zipped_rows(folder / self.rows, self.split)
        kept = [row for row in rows if not self.only or row["cls"] in self.only]
        pictures = zipped_pictures(folder, self.archive, kept)
        return tuple(
            SceneItem(name, source, self.class_folders.index(row["cls"]))
            for (name, source), row in zip(pictures, kept, strict=True)
        )


@dataclass(frozen=True)
class ZippedCaptions:
    """The pictures of ``ZippedScenes`` with the captions of the same rows.

    Attributes:
        rows: The file; each row has file, shard, split, captions.
        archive: Name of an archive; ``{shard}`` stands for the row's.
        split: Rows of this split are taken; empty takes all.
    """

    rows: str
    archive: str
    split: str

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return _missing_zip(folder, self.rows, self.archive)

    def items(self, folder: Path) -> tuple[CaptionedItem, ...]:
        """Return the images with their captions."""
        rows = zipped_rows(folder / self.rows, self.split)
        pictures = zipped_pictures(folder, self.archive, rows)
        return tuple(
            CaptionedItem(name, source, tuple(row["captions"]))
            for (name, source), row in zip(pictures, rows, strict=True)
        )


def plain(name: str) -> str:
    """Return ``name`` as it is compared: lower-case letters and digits only."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _missing_zip(folder: Path, rows: str, archive: str) -> str:
    if not (folder / rows).is_file():
        return rows
    return "" if next(folder.glob(archive.format(shard="*")), None) else archive.format(shard="*")


def zipped_rows(path: Path, split: str) -> list[dict[str, Any]]:
    """Return the rows of a split (empty: all) of a JSON-lines file, sorted by their pictures.

    Raises:
        DataSetError: if the file is damaged.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return sorted((row for row in rows if not split or row["split"] == split), key=lambda row: str(row["file"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DataSetError(
            f"{path.name} is damaged ({error!r}).", remedy="Get the set again.", code="dataset.damaged", path=str(path)
        ) from error


def zipped_pictures(folder: Path, archive: str, rows: list[dict[str, Any]]) -> list[tuple[str, ZipMember]]:
    """Return the id and the source of each row's picture."""
    names = [archive.format(shard=row["shard"]) for row in rows]
    archives = {name: ZipArchive(folder / name) for name in sorted(set(names))}
    return [
        (str(Path(row["file"]).with_suffix("")), ZipMember(archives[name], row["file"]))
        for name, row in zip(names, rows, strict=True)
    ]
