"""Class sets on disk: the presets that ship with the plugin and the user's own class files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from satclip_qgis.gui.resources import resources_dir
from satclip_qgis.protocol import ClassSet, ClassSpec, format_classes, parse_classes


@dataclass(frozen=True)
class Preset:
    """A class set that ships with the plugin.

    Attributes:
        title: Its first comment line.
        path: The class file.
    """

    title: str
    path: Path


def list_presets() -> tuple[Preset, ...]:
    """Return the presets of ``resources/prompts`` in the order of their file names."""
    found = []
    for path in sorted((resources_dir() / "prompts").glob("*.txt")):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        found.append(Preset(first.lstrip("# ").strip(), path))
    return tuple(found)


def load_class_file(path: Path) -> tuple[ClassSpec, ...]:
    """Return the classes of a class file.

    Raises:
        ClassSyntaxError: if a line cannot be understood.
        OSError: if the file cannot be read.
        UnicodeDecodeError: if it is not UTF-8.
    """
    return parse_classes(path.read_text(encoding="utf-8")).classes


def save_class_file(path: Path, classes: tuple[ClassSpec, ...]) -> None:
    """Write ``classes`` as a class file.

    Raises:
        ClassSyntaxError: if the classes are unfinished.
        OSError: if the file cannot be written.
    """
    path.write_text(format_classes(ClassSet(classes)), encoding="utf-8")
