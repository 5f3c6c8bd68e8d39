"""Where the files that ship with the plugin are."""

from __future__ import annotations

from pathlib import Path

from satclip_qgis.protocol import bundle_root


def resources_dir() -> Path:
    """Return ``resources/``: inside the plugin's folder in the zip, beside it in the repository."""
    return bundle_root() / "resources"
