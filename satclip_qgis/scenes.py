"""Raster layers as the engine sees them: a path it can open, and coordinates in its own terms."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsCoordinateTransform,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
)

# Formats whose drivers are not in the engine's GDAL, though they may be in QGIS's.
_CLOSED_SUFFIXES = frozenset((".ecw", ".sid", ".mrsid", ".img2000", ".gpkg", ".mbtiles"))
_REMOTE_PREFIXES = ("http://", "https://", "/vsicurl/", "/vsis3/", "/vsigs/", "/vsiaz/", "/vsizip/", "/vsitar/")


def scene_path(layer: QgsRasterLayer) -> str | None:
    """Return the path under which the engine can open ``layer``, or None where QGIS must export it first.

    Web services, databases, in-memory files, subdatasets and closed formats are QGIS's to read.
    """
    if layer.providerType() != "gdal":
        return None
    parts = QgsProviderRegistry.instance().decodeUri("gdal", layer.source())
    path = str(parts.get("path") or "")
    if parts.get("layerName") or parts.get("authcfg") or Path(path).suffix.lower() in _CLOSED_SUFFIXES:
        return None
    if parts.get("vsiPrefix") and not path.startswith("/vsi"):
        path = f"{parts['vsiPrefix']}{path}{parts.get('vsiSuffix') or ''}"
    if path.startswith(_REMOTE_PREFIXES):
        return path
    return str(Path(path).resolve()) if Path(path).is_file() else None


def to_layer(layer: QgsRasterLayer, project: QgsProject) -> QgsCoordinateTransform:
    """Return the transform from the map view's CRS to the layer's (none where either has no CRS)."""
    return QgsCoordinateTransform(project.crs(), layer.crs(), project.transformContext())


def bounds_for_engine(extent: QgsRectangle) -> tuple[float, float, float, float]:
    """Return ``extent`` (layer's CRS) as the engine's ``(left, bottom, right, top)``.

    The engine counts as QGIS does, also for a picture without georeference: y from minus its height up to 0.
    """
    return extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()
