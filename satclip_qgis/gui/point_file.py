"""The drawn points of an assessment on disk: read once, each label written at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osgeo import gdal, ogr

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem

TABLE = "sample_points"
# What the engine leaves out like an empty label; written down, so that the point is not asked for again.
UNSURE = "unsure"
# QGIS stands still while another program holds the file; GDAL's own patience is five seconds.
_PATIENCE_MS = "1000"
# The engine's words for what is none of the classes: an error of the map.
OTHER = "none of these"
_REFERENCE = "reference"
_NEEDED = ("id", "x", "y", "map_code", "map_class", "stratum_pixels", _REFERENCE)


@dataclass(frozen=True)
class SamplePoint:
    """A point to label.

    Attributes:
        fid: Its row in the file.
        number: 1-based, in the order of the draw.
        x: Centre of its pixel, in the map's CRS.
        y: Centre of its pixel, in the map's CRS.
        code: What the map shows there.
        map_class: The name of that class.
        stratum_pixels: Pixels of that class in the whole map.
        label: What is really there; ``unsure``; empty while nobody has looked.
    """

    fid: int
    number: int
    x: float
    y: float
    code: int
    map_class: str
    stratum_pixels: int
    label: str


class PointFileError(Exception):
    """The file cannot be read or written; ``problem`` says why and what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code="assess", detail=detail, remedy=remedy)


def read_points(path: Path) -> tuple[SamplePoint, ...]:
    """Return the points in the order of the draw.

    Raises:
        PointFileError: if the file is missing, damaged, or holds no points of an assessment.
    """
    remedy = tr("Draw new points, or choose another file with Open…")
    if not path.exists():
        raise PointFileError(tr("The points {path} are not there any more.").format(path=path), remedy)
    with _said(tr("{path} cannot be read: {why}."), remedy, path):
        dataset = ogr.Open(str(path))
        layer = None if dataset is None else dataset.GetLayerByName(TABLE)
        if layer is None or any(layer.GetLayerDefn().GetFieldIndex(name) < 0 for name in _NEEDED):
            raise PointFileError(tr("{path} holds no points of an assessment.").format(path=path.name), remedy)
        points = tuple(sorted((_decoded(row) for row in layer), key=lambda point: point.number))
    if not points:
        raise PointFileError(tr("{path} holds no point.").format(path=path.name), remedy)
    return points


def write_label(path: Path, point: SamplePoint) -> None:
    """Write the label of one point; the file is held open no longer than that, so that others may use it.

    Raises:
        PointFileError: if the label could not be written; the file then is as it was.
    """
    remedy = tr("See that no other program has the file open and that it may be written to, then label again.")
    if not path.exists():
        put_back = tr("Put the file back and label again, or draw new points.")
        raise PointFileError(tr("The points {path} are not there any more.").format(path=path), put_back)
    with _said(tr("The label cannot be written to {path}: {why}."), remedy, path):
        dataset = ogr.Open(str(path), update=1)
        layer = None if dataset is None else dataset.GetLayerByName(TABLE)
        if layer is None:
            raise RuntimeError(tr("it is write-protected"))
        row = layer.GetFeature(point.fid)
        if row is None or row.GetField("id") != point.number:
            raise RuntimeError(tr("another program has changed it"))
        row.SetField(_REFERENCE, point.label)
        layer.SetFeature(row)


@contextmanager
def _said(sentence: str, remedy: str, path: Path) -> Iterator[None]:
    """Turn what GDAL refuses into a sentence."""
    used = ogr.GetUseExceptions()
    ogr.UseExceptions()
    # The engine's GDAL writes a newer GeoPackage than QGIS's knows, which it would say at every label.
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    gdal.SetThreadLocalConfigOption("SQLITE_BUSY_TIMEOUT", _PATIENCE_MS)
    try:
        yield
    except RuntimeError as error:
        raise PointFileError(sentence.format(path=path.name, why=str(error).rstrip(".")), remedy) from error
    finally:
        gdal.SetThreadLocalConfigOption("SQLITE_BUSY_TIMEOUT", None)
        gdal.PopErrorHandler()
        if not used:
            ogr.DontUseExceptions()


def _decoded(row: Any) -> SamplePoint:
    return SamplePoint(
        int(row.GetFID()),
        int(row.GetField("id")),
        float(row.GetField("x")),
        float(row.GetField("y")),
        int(row.GetField("map_code")),
        str(row.GetField("map_class")),
        int(row.GetField("stratum_pixels")),
        str(row.GetField(_REFERENCE) or "").strip(),
    )
