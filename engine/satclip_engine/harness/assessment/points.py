"""The sample points as a GeoPackage: written for labelling, read back with their labels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from satclip_engine.errors import InputError, OutputError
from satclip_engine.products.geopackage import write_layer
from satclip_engine.products.staging import write_errors_explained

LAYER = "sample_points"
REFERENCE = "reference"
_NEEDED = ("id", "x", "y", "map_code", "stratum_pixels", REFERENCE)


@dataclass(frozen=True, eq=False)
class DrawnPoints:
    """A drawn sample; every array has one entry per point.

    Attributes:
        xy: (n, 2) centres of the pixels in map coordinates.
        codes: Map class codes.
        names: Map class names.
        stratum_pixels: Pixels of the point's class in the whole map.
        stratum_areas_m2: Their area; pixels where the map has no CRS.
        stratum_shares: Share of the area of all classes.
        stratum_points: Points drawn from the class.
    """

    xy: npt.NDArray[np.float64]
    codes: npt.NDArray[np.int64]
    names: tuple[str, ...]
    stratum_pixels: npt.NDArray[np.int64]
    stratum_areas_m2: npt.NDArray[np.float64]
    stratum_shares: npt.NDArray[np.float64]
    stratum_points: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelledPoints:
    """Points read back: ``references`` as written, None or "" where there is no label; the rest as drawn."""

    xy: npt.NDArray[np.float64]
    codes: npt.NDArray[np.int64]
    stratum_pixels: npt.NDArray[np.int64]
    references: tuple[str | None, ...]


def write_points(path: Path, points: DrawnPoints, crs_wkt: str) -> None:
    """Write a new GeoPackage with fields id, x, y, map_code, map_class, an empty reference and the stratum's facts.

    Raises:
        OutputError: if the file exists, so that no labels are lost, or cannot be written.
        DiskFullError: if the disk is full.
    """
    refuse_existing(path)
    partial = partial_path(path)
    with write_errors_explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(partial, points, crs_wkt)
            partial.replace(path)
        except DataSourceError as error:  # GDAL's word for a folder that refuses
            raise OSError(None, str(error)) from error
        finally:
            partial.unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """Return where the points that become ``path`` lie while they are written."""
    return path.with_name(f".{path.stem}.partial.gpkg")


def refuse_existing(path: Path) -> None:
    """Refuse a file that exists or is no GeoPackage by name, before any work is done.

    Raises:
        OutputError: if so.
    """
    if path.suffix.lower() != ".gpkg":
        raise OutputError(
            f"{path.name} does not end in .gpkg; sample points are written as a GeoPackage.",
            remedy="Name the file, for example, points.gpkg.",
            code="assess.points_suffix",
            path=str(path),
        )
    if os.path.lexists(path):
        raise OutputError(
            f"{path} exists already and may hold labels.",
            remedy="Choose another name, or delete the file if nothing in it is needed.",
            code="assess.points_exist",
            path=str(path),
        )


def read_points(path: Path) -> LabelledPoints:
    """Read a sample that ``write_points`` wrote and people labelled.

    Raises:
        InputError: if the file is missing, cannot be read, lacks a field, or holds no point.
    """
    try:
        meta, _, _, columns = pyogrio.raw.read(path, read_geometry=False)
    except (DataSourceError, DataLayerError, OSError) as error:
        what = "does not exist" if not path.exists() else f"cannot be read ({error})"
        raise InputError(
            f"The points {path} {what}.",
            remedy="Give the GeoPackage that satclip assess design wrote.",
            code="assess.points_unreadable",
            path=str(path),
        ) from error
    fields = dict(zip(meta["fields"], columns, strict=True))
    missing = [name for name in _NEEDED if name not in fields]
    if missing or not len(fields["id"]):
        raise InputError(
            f"{path.name} is no sample for an accuracy assessment: "
            + (f"it has no field {', '.join(missing)}." if missing else "it holds no point."),
            remedy="Give the GeoPackage that satclip assess design wrote, with its fields.",
            code="assess.points_fields",
            path=str(path),
        )
    return LabelledPoints(
        np.stack([fields["x"], fields["y"]], axis=1).astype(np.float64),
        fields["map_code"].astype(np.int64),
        fields["stratum_pixels"].astype(np.int64),
        tuple(_label(value) for value in fields[REFERENCE]),
    )


def _label(value: Any) -> str | None:
    if value is None or value != value:
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


def _write(path: Path, points: DrawnPoints, crs_wkt: str) -> None:
    n = len(points.codes)
    fields: dict[str, npt.NDArray[Any]] = {
        "id": np.arange(1, n + 1, dtype=np.int64),
        "x": points.xy[:, 0],
        "y": points.xy[:, 1],
        "map_code": points.codes,
        "map_class": np.array(points.names, dtype=object),
        REFERENCE: np.full(n, None, dtype=object),
        "stratum_pixels": points.stratum_pixels,
        "stratum_area_m2": points.stratum_areas_m2,
        "stratum_share": points.stratum_shares,
        "stratum_points": points.stratum_points,
    }
    write_layer(path, LAYER, "Point", shapely.points(points.xy), fields, crs_wkt)
