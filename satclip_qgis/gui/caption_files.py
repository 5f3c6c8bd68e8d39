"""The word files of captions: templates, and what the codes of well-known maps mean."""

from __future__ import annotations

from satclip_qgis.gui.resources import resources_dir
from satclip_qgis.protocol import ClassSet, parse_classes
from satclip_qgis.settings import load_settings

_FOLDER = "captions"
TEMPLATES_FILE = "templates.txt"


def default_templates() -> str:
    """Return the templates of captions: the user's own file, else the one that comes with SatCLIP."""
    own = load_settings().data_path / _FOLDER / TEMPLATES_FILE
    path = own if own.is_file() else resources_dir() / _FOLDER / TEMPLATES_FILE
    return path.read_text(encoding="utf-8")


def code_lists() -> tuple[str, ...]:
    """Return the names of maps whose codes are known."""
    return tuple(sorted(path.stem for path in (resources_dir() / _FOLDER / "codes").glob("*.txt")))


def code_list(name: str) -> ClassSet:
    """Return what the codes of a well-known map mean."""
    return parse_classes((resources_dir() / _FOLDER / "codes" / f"{name}.txt").read_text(encoding="utf-8"))
