"""Masks of a user's own folder: by colours or by integers, whichever the file fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import ClassesError, DataSetError
from satclip_engine.harness.datasets.items import IGNORED, Codes
from satclip_engine.harness.datasets.references import (
    explained,
    read_colours,
    read_palette,
    read_values,
    translate,
    unknown_values,
)
from satclip_engine.protocol.classes import ClassSet, ClassSyntaxError, parse_classes
from satclip_engine.raster.gdal import open_raster

_IGNORE = "!ignore"


@dataclass(frozen=True)
class ClassFile:
    """What ``classes.txt`` says.

    Attributes:
        classes: The classes in the order of their lines.
        colours: ``0xRRGGBB`` → position of the class, or ``IGNORED``.
        values: Integer → position of the class, or ``IGNORED``; 0 means unlabelled.
    """

    classes: ClassSet
    colours: Mapping[int, int]
    values: Mapping[int, int]


def read_class_file(path: Path) -> ClassFile:
    """Return what a class file says: classes one per line, and lines ``!ignore #RRGGBB`` or ``!ignore 255``.

    Raises:
        ClassesError: if a line cannot be understood.
        DataSetError: if the file is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataSetError(
            f"{path.name} is no UTF-8 text.", remedy="Save it as UTF-8.", code="dataset.classes", path=str(path)
        ) from error
    words = [word for line in lines if line.strip().startswith("!") for word in _ignored(line.strip(), path)]
    try:
        # Blank lines keep the numbers in the parser's messages right.
        classes = parse_classes("\n".join("" if line.strip().startswith("!") else line for line in lines))
    except ClassSyntaxError as error:
        raise ClassesError(f"{path.name}: {error.detail}", remedy=error.remedy, code="classes.syntax") from error
    colours = {int(spec.colour[1:], 16): place for place, spec in enumerate(classes.classes)}
    values = {place + 1: place for place in range(len(classes))}
    values[0] = IGNORED
    for word in words:
        table, key = (colours, int(word[1:], 16)) if word.startswith("#") else (values, int(word))
        table[key] = IGNORED
    return ClassFile(classes, colours, values)


def _ignored(line: str, path: Path) -> list[str]:
    command, *words = line.replace(",", " ").split()
    if command != _IGNORE or not words or not all(_is_colour(word) or word.isdigit() for word in words):
        raise ClassesError(
            f"{path.name}: {line[:60]!r} is not understood.",
            remedy="Write  !ignore #000000  for a colour or  !ignore 255  for a value that is not scored.",
            code="classes.syntax",
        )
    return words


def _is_colour(word: str) -> bool:
    return len(word) == 7 and word[0] == "#" and all(letter in "0123456789abcdefABCDEF" for letter in word[1:])


@dataclass(frozen=True)
class FolderMask:
    """A mask of a user's folder.

    Attributes:
        path: Picture in the classes' colours, or one band of integers in line order from 1.
        class_file: What the colours and integers mean.
    """

    path: Path
    class_file: ClassFile

    def read(self) -> Codes:
        """Return int16 (H, W) codes.

        Raises:
            DataSetError: if the file is damaged, or colours (or integers) belong to no class.
        """
        with explained(self.path), open_raster(self.path) as dataset:
            is_picture = dataset.count > 1
            is_paletted = read_palette(dataset) is not None
        if is_picture:
            return self._by_colour()
        codes, unknown = translate(read_values(self.path), self.class_file.values)
        # A palette's colours, or greys, count where they all belong to classes: integers in line order otherwise.
        if is_paletted or unknown:
            by_colour = self._matching_colours()
            if by_colour is not None:
                return by_colour
        if unknown:
            raise unknown_values(self.path, "value", {str(key): n for key, n in unknown.items()}, codes.size)
        return codes

    def _by_colour(self) -> Codes:
        codes, unknown = translate(read_colours(self.path), self.class_file.colours)
        if unknown:
            raise unknown_values(self.path, "colour", {f"#{key:06X}": n for key, n in unknown.items()}, codes.size)
        return codes

    def _matching_colours(self) -> Codes | None:
        with open_raster(self.path) as dataset:
            if dataset.dtypes[0] != "uint8":
                return None
        codes, unknown = translate(read_colours(self.path), self.class_file.colours)
        return None if unknown else codes
