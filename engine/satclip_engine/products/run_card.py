"""The run card: what was asked, with what, and what came out; enough to run it again."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rasterio

import satclip_engine
from satclip_engine.errors import RunCardError
from satclip_engine.products.staging import RUN_CARD
from satclip_engine.protocol import Artifact, ProtocolError, SegmentRequest, from_json, to_json

FORMAT = "satclip-run"
FORMAT_VERSION = 1
_PACKAGES = ("torch", "open_clip_torch", "timm", "numpy", "rasterio", "zarr")


def write_run_card(
    folder: Path, request: SegmentRequest, facts: Mapping[str, Any], products: Sequence[Artifact]
) -> Path:
    """Write ``run.json`` into ``folder`` and return its path.

    Args:
        folder: Of the products.
        request: What was asked; ``load_run_card`` gives it back.
        facts: What was found out: scene fingerprint, scaling, model, device, timings, as plain JSON types.
        products: The finished files, listed by name.
    """
    codes = {str(code): name for code, name in enumerate((*request.classes.names, "unknown"), start=1)}
    card = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "question": "segment",
        "request": to_json(request),
        "codes": {"0": "nodata", **codes},
        "facts": dict(facts),
        "versions": versions(),
        "products": [
            {"name": Path(p.path).name, "role": p.role, "size_bytes": p.size_bytes, "sha256": p.sha256}
            for p in products
        ],
    }
    path = folder / RUN_CARD
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def load_run_card(path: Path) -> SegmentRequest:
    """Return the request of a run card.

    Raises:
        RunCardError: if the file is missing, is not a run card, or was written by a newer version.
    """
    card = _load(path)
    if not isinstance(card, dict) or card.get("format") != FORMAT or "request" not in card:
        raise RunCardError(
            f"{path} is not a run card.",
            remedy="Give the run.json of a finished run.",
            code="run_card.format",
            path=str(path),
        )
    if card.get("format_version") != FORMAT_VERSION or card.get("question") != "segment":
        raise RunCardError(
            f"{path} was written by another version (format {card.get('format_version')!r}).",
            remedy="Update SatCLIP, or start the run anew.",
            code="run_card.version",
            path=str(path),
        )
    try:
        return from_json(SegmentRequest, card["request"])
    except ProtocolError as error:
        raise RunCardError(
            f"The request in {path} cannot be understood ({error}).",
            remedy="Undo changes made to the file by hand, or start the run anew.",
            code="run_card.request",
            path=str(path),
        ) from error


def versions() -> dict[str, str]:
    """Return the versions of the engine and of what decides its numbers; packages that are absent are left out."""
    found = {"satclip_engine": satclip_engine.__version__, "python": platform.python_version(), "os": sys.platform}
    found["gdal"] = rasterio.__gdal_version__
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunCardError(
            f"{path} cannot be read ({error.strerror or error}).",
            remedy="Check the path of the run.json.",
            code="run_card.missing",
            path=str(path),
        ) from error
    except ValueError as error:
        raise RunCardError(
            f"{path} is not valid JSON ({error}).",
            remedy="Give the run.json of a finished run.",
            code="run_card.format",
            path=str(path),
        ) from error
