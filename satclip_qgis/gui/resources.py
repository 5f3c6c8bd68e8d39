"""Where the files that ship with the plugin are."""

from __future__ import annotations

from pathlib import Path


def resources_dir() -> Path:
    """Return ``resources/``: inside the plugin's folder in the zip, beside it in the repository."""
    plugin_dir = Path(__file__).resolve().parents[1]
    inside = plugin_dir / "resources"
    return inside if inside.is_dir() else plugin_dir.parent / "resources"
