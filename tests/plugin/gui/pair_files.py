"""Training sets written by hand, for tests that need no engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPLITS = ("train", "train", "validation", "test", "unused")


def write_set(folder: Path, scene: Path, count: int, chip_px: int = 20) -> Path:
    """Write a set of windows of ``scene``: pair ``p000`` is its upper left corner, the next one beside it."""
    per_row = 300 // chip_px
    pairs = [
        {
            "id": f"p{number:03d}",
            "image": str(scene),
            "captions": [f"a field with number {number}", "a field seen from above"],
            "long_captions": ["A long caption of a field."],
            "window_px": [number % per_row * chip_px, number // per_row * chip_px % 200, chip_px, chip_px],
            "label": "lake" if number % 3 == 0 else "field",
            "region": "north" if number % 2 else "south",
            "split": SPLITS[number % len(SPLITS)],
            "lon": 6.94,
            "lat": 50.93,
            "gsd_m": 0.5,
        }
        for number in range(count)
    ]
    return write_pairs(folder, pairs, {"title": "Fields", "rasters": [{"path": str(scene)}]})


def write_pairs(folder: Path, pairs: list[dict[str, Any]], info: dict[str, Any]) -> Path:
    """Write these pairs."""
    folder.mkdir(parents=True)
    (folder / "set.json").write_text(json.dumps(info), encoding="utf-8")
    lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
    (folder / "pairs.jsonl").write_text(lines, encoding="utf-8")
    return folder


def on_disk(folder: Path) -> list[dict[str, Any]]:
    """Return the pairs as they are in the file."""
    return [json.loads(line) for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
