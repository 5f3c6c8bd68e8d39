"""Where the points of an assessment lie: on disk, and on the map they were drawn from."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer

from satclip_qgis.gui.point_file import PointFileError, read_points
from satclip_qgis.gui.sample_places import numbered_paths
from satclip_qgis.gui.sample_store import default_path
from satclip_qgis.gui.state import SCOPE
from satclip_qgis.i18n import tr

# The points come in random order: so many tell one map from another.
_COMPARED = 500


def free_path(layer: QgsRasterLayer, map_path: str, data_path: Path) -> Path:
    """Return a file for new points that is not there yet: beside the map where that is allowed."""
    return next(path for path in numbered_paths(_first_path(layer, map_path, data_path)) if not path.exists())


def known_path(layer: QgsRasterLayer, map_path: str, data_path: Path) -> Path | None:
    """Return the points that the project names for a map, else the last that were drawn from it; None: none were."""
    text, found = QgsProject.instance().readEntry(SCOPE, f"assess/{layer.id()}")
    if found and text:
        return Path(text)
    drawn = takewhile(Path.exists, numbered_paths(_first_path(layer, map_path, data_path)))
    return max(drawn, key=lambda path: path.stat().st_mtime, default=None)


def remember_path(layer: QgsRasterLayer, path: Path) -> None:
    """Let the project name the points of a map; saved when the project is."""
    QgsProject.instance().writeEntry(SCOPE, f"assess/{layer.id()}", str(path))


def check_fit(path: Path, layer: QgsRasterLayer) -> None:
    """Refuse points that were drawn from another map, before anyone labels them.

    Raises:
        PointFileError: if so, or if the file cannot be read.
    """
    map_data = layer.dataProvider()
    for point in read_points(path)[:_COMPARED]:
        value, is_there = map_data.sample(QgsPointXY(point.x, point.y), 1)
        if not is_there or value != point.code:
            raise PointFileError(
                tr("The points in {path} were drawn from another map than {map}: its classes differ there.").format(
                    path=path.name, map=layer.name()
                ),
                tr("Choose the map they were drawn from, or draw new points."),
            )


def _first_path(layer: QgsRasterLayer, map_path: str, data_path: Path) -> Path:
    beside = Path(map_path)
    if beside.is_file() and os.access(beside.parent, os.W_OK):
        return beside.with_name(f"{beside.stem}_points.gpkg")
    return data_path / "assessments" / default_path(layer, data_path).name
