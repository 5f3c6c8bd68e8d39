"""An area of interest as people give it on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from satclip_engine.errors import AoiError
from satclip_engine.protocol import Aoi

# RFC 7946: GeoJSON without another word is in longitude and latitude.
_GEOJSON_CRS = "EPSG:4326"
_POLYGONS = ("Polygon", "MultiPolygon")
_REMEDY = "Give left,bottom,right,top in the scene's CRS, a GeoJSON polygon, or a vector file with polygons."
_EPSG = re.compile(r"EPSG:+(?:[\d.]*:)?(\d+)$", re.IGNORECASE)


def parse_aoi(text: str) -> Aoi:
    """Return the area of interest in ``text``: ``left,bottom,right,top``, GeoJSON, or the path of a vector file.

    Raises:
        AoiError: if it is none of them, or has no polygon.
    """
    stripped = text.strip()
    if stripped.startswith("{"):
        return _from_geojson(stripped)
    numbers = _numbers(stripped)
    if numbers is not None:
        return _from_bounds(*numbers)
    if Path(stripped).exists():
        return _from_file(Path(stripped))
    raise AoiError(f"The area {stripped[:80]!r} is neither bounds nor GeoJSON nor a file.", remedy=_REMEDY)


def _numbers(text: str) -> tuple[float, float, float, float] | None:
    try:
        left, bottom, right, top = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return left, bottom, right, top


def _from_bounds(left: float, bottom: float, right: float, top: float) -> Aoi:
    if not (left < right and bottom < top):
        raise AoiError(
            f"The area's bounds {left:g},{bottom:g},{right:g},{top:g} hold nothing.",
            remedy="Write left,bottom,right,top with left < right and bottom < top.",
            code="aoi.empty",
        )
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return Aoi({"type": "Polygon", "coordinates": [ring]})


def _from_geojson(text: str) -> Aoi:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise AoiError(f"The area's GeoJSON cannot be read: {error}.", remedy=_REMEDY) from error
    geometries = _geometries(data)
    polygons = [part for geometry in geometries for part in _parts(geometry)]
    if not polygons:
        raise AoiError("The area's GeoJSON has no polygon.", remedy=_REMEDY, code="aoi.empty")
    if len(polygons) == 1:
        return Aoi({"type": "Polygon", "coordinates": polygons[0]}, _crs_of(data))
    return Aoi({"type": "MultiPolygon", "coordinates": polygons}, _crs_of(data))


def _geometries(data: dict[str, Any]) -> list[dict[str, Any]]:
    kind = data.get("type")
    if kind == "FeatureCollection":
        return [feature.get("geometry") or {} for feature in data.get("features", [])]
    if kind == "Feature":
        return [data.get("geometry") or {}]
    return [data]


def _parts(geometry: dict[str, Any]) -> list[Any]:
    """Return the coordinates of each polygon in a geometry."""
    if geometry.get("type") not in _POLYGONS:
        return []
    coordinates = geometry.get("coordinates", [])
    return [coordinates] if geometry["type"] == "Polygon" else list(coordinates)


def _crs_of(data: dict[str, Any]) -> str:
    """Return the CRS of GeoJSON; the old ``crs`` member is what GIS programs still write."""
    crs = data.get("crs")
    if not isinstance(crs, dict):
        return _GEOJSON_CRS
    name = str(crs.get("properties", {}).get("name", ""))
    match = _EPSG.search(name)
    return f"EPSG:{match.group(1)}" if match else _GEOJSON_CRS


def _from_file(path: Path) -> Aoi:
    import pyogrio.errors
    import pyogrio.raw
    import shapely

    try:
        meta, _, geometries, _ = pyogrio.raw.read(path, columns=[], force_2d=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise AoiError(f"The area's file {path} cannot be read: {error}.", remedy=_REMEDY, path=str(path)) from error
    shapes = [] if geometries is None else list(shapely.from_wkb(geometries))
    area = shapely.union_all([shape for shape in shapes if shape is not None and shape.geom_type in _POLYGONS])
    if area.is_empty:
        raise AoiError(f"{path} has no polygon.", remedy=_REMEDY, code="aoi.empty", path=str(path))
    return Aoi(json.loads(shapely.to_geojson(area)), meta["crs"] or "")
