"""A layer of photo points as a file for the engine: paths made whole, places in WGS 84."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsFeatureRequest,
    QgsProject,
    QgsProviderRegistry,
    QgsVectorLayer,
)

from satclip_qgis.gui.layer_files import LayerFileError
from satclip_qgis.i18n import tr

PHOTO_FIELD = "photo"
_PATH_FIELDS = ("photo", "path", "filepath", "file", "filename", "image", "picture")
_DIRECTION_FIELDS = ("direction", "azimuth", "heading", "bearing")


def guess_photo_field(layer: QgsVectorLayer) -> str:
    """Return the field that looks like the photos' paths; empty where none does."""
    by_name = {field.name().casefold(): field.name() for field in layer.fields()}
    return next((by_name[name] for name in _PATH_FIELDS if name in by_name), "")


def write_photo_points(layer: QgsVectorLayer, field: str, path: Path) -> None:
    """Write what ``layer`` shows as GeoJSON points with the fields ``photo`` and ``direction``.

    Raises:
        LayerFileError: if the layer names no photo, or the file cannot be written.
    """
    home = _home_of(layer)
    names = {one.name().casefold(): one.name() for one in layer.fields()}
    direction = next((names[name] for name in _DIRECTION_FIELDS if name in names), "")
    request = QgsFeatureRequest()
    request.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance().transformContext())
    features = []
    try:
        for feature in layer.getFeatures(request):
            name = feature[field]
            if name in (None, NULL) or not str(name).strip():
                continue
            shape = feature.geometry()
            point = None if shape.isNull() or shape.isEmpty() else shape.centroid().asPoint()
            features.append(
                {
                    "type": "Feature",
                    "geometry": None if point is None else {"type": "Point", "coordinates": [point.x(), point.y()]},
                    "properties": {
                        PHOTO_FIELD: str(home / str(name).strip()),
                        "direction": _number(feature[direction]) if direction else None,
                    },
                }
            )
        if not features:
            raise LayerFileError(
                tr("No point of {layer} names a photo in {field}.").format(layer=layer.name(), field=field),
                tr("Choose the field with the photos' paths."),
            )
        document = {"type": "FeatureCollection", "features": features}
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    except (OSError, KeyError, QgsCsException) as error:
        raise LayerFileError(
            tr("The photos of {layer} cannot be written to {path}: {why}.").format(
                layer=layer.name(), path=path, why=error
            ),
            tr("Check the layer's CRS and fields, and that you may write to that folder."),
        ) from error


def _home_of(layer: QgsVectorLayer) -> Path:
    """Return where relative paths of photos start: beside the layer's file, else beside the project."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = Path(str(parts.get("path") or ""))
    return path.parent if path.is_file() else Path(QgsProject.instance().homePath())


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
