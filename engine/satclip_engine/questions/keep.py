"""Keeping a taught head in a folder: weights, card, samples, and how it was made."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from satclip_engine.heads.head import Head
from satclip_engine.heads.saved import discard_unfinished, load_head, save_head
from satclip_engine.heads.text_head import TextHead
from satclip_engine.models.encoder import Encoder
from satclip_engine.products.geopackage import write_layer
from satclip_engine.products.run_card import versions
from satclip_engine.products.staging import write_errors_explained
from satclip_engine.protocol import FitRequest, HeadCard, SavedHead, SegmentRequest, to_json
from satclip_engine.questions.taught import TaughtHead, check_classes

SAMPLES = "samples.gpkg"
_LAYER = "samples"
_TEMPORARY = ".samples-"


def keep_head(taught: TaughtHead, folder: Path, title: str) -> SavedHead:
    """Write a taught head, its samples and its provenance into ``folder``; a head that lies there is replaced.

    Raises:
        OutputError: if the folder cannot be written or holds something else.
    """
    title = title or folder.name
    save_head(folder, taught.head, HeadCard(taught.request.classes, taught.encoder, _provenance(taught, title)))
    with write_errors_explained(folder), tempfile.TemporaryDirectory(dir=folder, prefix=_TEMPORARY) as temporary:
        written = Path(temporary) / SAMPLES
        _write_samples(written, taught.request, taught.crs_wkt)
        written.replace(folder / SAMPLES)
    return SavedHead(str(folder), title, taught.result.method)


def discard_unfinished_head(folder: Path) -> None:
    """Remove what a killed ``keep_head`` left; the head that it was about to replace stays."""
    discard_unfinished(folder)
    for temporary in folder.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(temporary, ignore_errors=True)


def head_for(request: SegmentRequest, encoder: Encoder) -> tuple[Head, dict[str, Any]]:
    """Return the head that a request names, and what the run card records of it; the words' head records nothing.

    Raises:
        HeadError: if the saved head is missing or damaged, or belongs to another encoder or to other classes.
        OptionError: if the words' options cannot be used.
    """
    if not request.head:
        return TextHead.from_classes(encoder, request.classes, request.text), {}
    folder = Path(request.head)
    saved = load_head(folder, encoder.identity())
    check_classes(request.classes.names, saved.card.classes.names)
    provenance = saved.card.provenance
    facts = {"folder": request.head, **{name: provenance.get(name) for name in ("title", "method", "made")}}
    return saved.head, {"head": facts}


def _provenance(taught: TaughtHead, title: str) -> dict[str, Any]:
    request = taught.request
    return {
        "title": title,
        "method": taught.result.method,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "scene": {"path": request.scene, **taught.scene},
        "features": to_json(request.features),
        "text": to_json(request.text),
        "samples": len(request.samples),
        "choice": asdict(taught.choice),
        "fit": to_json(taught.result),
        "versions": versions(),
    }


def _write_samples(path: Path, request: FitRequest, crs_wkt: str) -> None:
    """Write the samples as a layer that ``satclip fit`` reads again."""
    shapes = [shapely.from_geojson(json.dumps(sample.geometry)) for sample in request.samples]
    names = request.classes.names
    fields = {"class": np.array([names[sample.label] for sample in request.samples], dtype=object)}
    write_layer(path, _LAYER, "Unknown", np.array(shapes, dtype=object), fields, crs_wkt)
