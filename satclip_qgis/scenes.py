"""Raster layers as the engine sees them: a path it can open, and coordinates in its own terms."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsCoordinateTransform,
    QgsGeometry,
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


def is_pixel_space(layer: QgsRasterLayer) -> bool:
    """Whether ``layer`` has no georeference, so that QGIS counts y upwards from minus its height.

    The engine counts rows downwards from 0 there.
    """
    extent = layer.extent()
    return (
        not layer.crs().isValid()
        and extent.xMinimum() == 0
        and extent.yMaximum() == 0
        and round(extent.width()) == layer.width()
        and round(extent.height()) == layer.height()
    )


def to_layer(layer: QgsRasterLayer, project: QgsProject) -> QgsCoordinateTransform:
    """Return the transform from the map view's CRS to the layer's (none where either has no CRS)."""
    return QgsCoordinateTransform(project.crs(), layer.crs(), project.transformContext())


def bounds_for_engine(layer: QgsRasterLayer, extent: QgsRectangle) -> tuple[float, float, float, float]:
    """Return ``extent`` (layer's CRS) as ``(left, bottom, right, top)`` in the engine's coordinates."""
    if is_pixel_space(layer):
        return extent.xMinimum(), -extent.yMinimum(), extent.xMaximum(), -extent.yMaximum()
    return extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()


def extent_from_engine(layer: QgsRasterLayer, bounds: tuple[float, float, float, float]) -> QgsRectangle:
    """Return the engine's ``(left, bottom, right, top)`` as an extent in the layer's CRS."""
    left, bottom, right, top = bounds
    if is_pixel_space(layer):
        bottom, top = -bottom, -top
    return QgsRectangle(left, min(bottom, top), right, max(bottom, top))


def geometry_for_engine(layer: QgsRasterLayer, geometry: QgsGeometry) -> QgsGeometry:
    """Return ``geometry`` (layer's CRS) in the engine's coordinates."""
    if not is_pixel_space(layer):
        return geometry
    flipped = QgsGeometry(geometry)
    for index, vertex in enumerate(list(flipped.vertices())):
        flipped.moveVertex(vertex.x(), -vertex.y(), index)
    return flipped
