"""The list of finished products with their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from satclip_engine.protocol import Artifact

_READ_BYTES = 1024 * 1024
_ROLES = {
    "thematic.tif": "thematic",
    "thematic.tif.aux.xml": "category_names",
    "probabilities.tif": "probabilities",
    "confidence.tif": "confidence",
    "polygons.gpkg": "polygons",
    "preview.png": "preview",
    "run.json": "run_card",
    "head.json": "head",
    "samples.gpkg": "samples",
    "classes.txt": "classes",
}


def list_artifacts(folder: Path) -> tuple[Artifact, ...]:
    """Return every product in ``folder``, sorted by name, with size and SHA-256."""
    return tuple(describe_artifact(path) for path in sorted(folder.iterdir()) if _role(path) and path.is_file())


def describe_artifact(path: Path, role: str = "") -> Artifact:
    """Return the artifact of one product file; without a ``role`` its name tells."""
    with path.open("rb") as file:
        digest = _digest(file)
    return Artifact(role or _role(path), str(path), path.stat().st_size, digest)


def _role(path: Path) -> str:
    return "style" if path.suffix == ".qml" else _ROLES.get(path.name, "")


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(_READ_BYTES):
        digest.update(block)
    return digest.hexdigest()
