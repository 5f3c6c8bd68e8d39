"""A scene's identity without its path: what decides whether cached features are still its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from satclip_engine.raster.source import Source


def fingerprint(source: Source, sample: npt.NDArray[Any]) -> str:
    """Return the SHA-256 (hex) of size, modification time, header facts and sampled content.

    Size and time count for the raster and its side files (masks, overviews); remote files have neither, there the
    header and the content decide.
    """
    dataset = source.dataset
    facts = {
        "files": sorted(facts for name in dataset.files if (facts := _file_facts(name))),
        "driver": dataset.driver,
        "size": [source.width, source.height, dataset.count],
        "dtypes": list(dataset.dtypes),
        "nodata": [str(value) for value in dataset.nodatavals],
        "crs": source.grid.crs_wkt,
        "transform": list(source.grid.transform)[:6],
        "descriptions": [text or "" for text in dataset.descriptions],
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(sample).tobytes())
    return digest.hexdigest()


def _file_facts(name: str) -> list[Any]:
    path = Path(name)
    # Viewers write statistics and histograms into .aux.xml while they look: the pixels stay the same.
    if path.name.endswith(".aux.xml") or not path.is_file():
        return []
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
