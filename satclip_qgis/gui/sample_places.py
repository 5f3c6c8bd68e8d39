"""Where samples lie: on the map, and on disk."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
)

from satclip_qgis.gui.state import SCOPE


def shifted(geometry: QgsGeometry, dx: float, dy: float, transform: QgsCoordinateTransform) -> QgsGeometry:
    """Return ``geometry`` moved by a distance in the view's CRS."""
    moved = QgsGeometry(geometry)
    moved.transform(transform)
    moved.translate(dx, dy)
    moved.transform(transform, Qgis.TransformDirection.Reverse)
    return moved


def crs_text(crs: QgsCoordinateReferenceSystem) -> str:
    """Return ``crs`` as GDAL understands it; empty where there is none."""
    return crs.toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED_GDAL) if crs.isValid() else ""


def remembered_path(layer: QgsRasterLayer) -> Path | None:
    """Return the file that the project names for the samples of ``layer``, or None."""
    text, found = QgsProject.instance().readEntry(SCOPE, f"samples/{layer.id()}")
    return Path(text) if found and text else None


def remember_path(layer: QgsRasterLayer, path: Path) -> None:
    """Let the project name the file for the samples of ``layer``; saved when the project is."""
    QgsProject.instance().writeEntry(SCOPE, f"samples/{layer.id()}", str(path))


def numbered_paths(path: Path) -> Iterator[Path]:
    """Yield ``path``, then the same with the numbers 2, 3, ... behind its name."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}_{number}{path.suffix}")
