"""JSON files told apart by their first lines: some are too large to be read twice."""

from __future__ import annotations

from pathlib import Path

_HEAD_BYTES = 65_536


def find_json(source: Path, *signs: str) -> list[Path]:
    """Return the JSON files in ``source`` or its ``annotations``, or itself, that begin with one of ``signs``."""
    folders = (source, source / "annotations")
    files = [path for folder in folders for path in sorted(folder.glob("*.json"))] if source.is_dir() else [source]
    return [path for path in files if path.suffix == ".json" and any(sign in _head(path) for sign in signs)]


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES).decode("utf-8", errors="replace")
