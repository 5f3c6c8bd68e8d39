"""Removes environments and code copies that are no longer in use.

Usage: ``python remove_folders.py FOLDER NAME_TO_KEEP ...``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_OURS = ("venv-", "code-")


def remove_folders(root: Path, kept: set[str]) -> None:
    """Remove what the plugin made below ``root`` but for the names in ``kept``; files in use stay (Windows)."""
    for folder in root.iterdir():
        if folder.is_dir() and folder.name.startswith(_OURS) and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    remove_folders(Path(sys.argv[1]), set(sys.argv[2:]))
