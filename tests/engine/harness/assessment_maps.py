"""Maps made for assessment tests, and labelling of their points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio

NAMES = {1: "water", 2: "forest", 3: "crop", 4: "unknown"}


def no_progress(_update: object) -> None:
    """Draw nothing."""


def never_cancelled() -> None:
    """Go on."""


def blocks_map(height: int = 120, width: int = 160) -> np.ndarray:
    """Codes 0 to 4: a rim of nodata, a strip of water, forest above crop, a corner of unknown."""
    codes = np.full((height, width), 3, dtype=np.uint8)
    codes[: height // 2] = 2
    codes[:, :8] = 1
    codes[-10:, -10:] = 4
    codes[:3] = 0
    return codes


def name_classes(path: Path, names: dict[int, str]) -> Path:
    """Name the codes the way the engine's own maps do."""
    with rasterio.open(path, "r+") as raster:
        raster.update_tags(**{f"CLASS_{code}": name for code, name in names.items()})
    return path


def read_sample(path: Path) -> dict[str, np.ndarray]:
    """The fields of a sample."""
    meta, _, _, columns = pyogrio.raw.read(path, read_geometry=False)
    return dict(zip(meta["fields"], columns, strict=True))


def label(path: Path, labels: Callable[[int, dict[str, Any]], Any] | Sequence[Any]) -> Path:
    """Write labels into a sample, as a person would in QGIS, and return its path."""
    meta, _, shapes, columns = pyogrio.raw.read(path)
    fields = dict(zip(meta["fields"], columns, strict=True))
    rows = [{name: values[i] for name, values in fields.items()} for i in range(len(shapes))]
    given = [labels(i, row) for i, row in enumerate(rows)] if callable(labels) else list(labels)
    fields["reference"] = np.array(given, dtype=object)
    labelled = path.with_name(f"labelled_{path.name}")
    labelled.unlink(missing_ok=True)
    pyogrio.raw.write(
        labelled,
        geometry=shapes,
        field_data=list(fields.values()),
        fields=list(fields),
        layer="sample_points",
        driver="GPKG",
        geometry_type="Point",
        crs=meta["crs"] or "EPSG:32632",
    )
    return labelled
