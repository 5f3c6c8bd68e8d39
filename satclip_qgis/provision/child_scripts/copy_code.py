"""Copies ``engine/`` and ``resources/`` out of the plugin's folder, whole or not at all.

A copy of its own per version: QGIS replaces the plugin's folder on an upgrade while an engine runs from it, and the
folder may be read-only. Usage: ``python copy_code.py SOURCE TARGET``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info", "build", "tests")


def copy_code(source: Path, target: Path) -> None:
    """Copy the two folders of ``source`` to ``target``; a finished copy is left as it is."""
    if target.is_dir():
        return
    unfinished = target.with_name(target.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name in ("engine", "resources"):
        shutil.copytree(source / name, unfinished / name, ignore=_SKIPPED)
    unfinished.rename(target)


if __name__ == "__main__":
    copy_code(Path(sys.argv[1]), Path(sys.argv[2]))
