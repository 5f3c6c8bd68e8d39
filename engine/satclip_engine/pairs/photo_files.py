"""Geotagged photos: where each was taken and in which direction, from its EXIF tags or a layer of points."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from PIL import ExifTags, Image
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS

from satclip_engine.errors import PairsError
from satclip_engine.raster.geodesy import to_lonlat

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif")
_PATH_FIELDS = ("photo", "path", "filepath", "file", "filename", "image", "picture")
_DIRECTION_FIELDS = ("direction", "azimuth", "heading", "bearing")
_GPS = ExifTags.GPS
# What Pillow raises on damaged tags.
_BAD_TAGS = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    SyntaxError,
    ZeroDivisionError,
    struct.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class Photo:
    """A photo and where it was taken.

    Attributes:
        path: The file.
        lon: Longitude in degrees (WGS 84), or None.
        lat: Latitude, or None.
        direction_deg: Clockwise from north, or None.
        problem: Why it has no place; "" where it has one.
    """

    path: Path
    lon: float | None = None
    lat: float | None = None
    direction_deg: float | None = None
    problem: str = ""


def find_photos(source: Path, layer: str, attribute: str, check_cancelled: Callable[[], None]) -> list[Photo]:
    """Return the photos in and below a folder, or those that a layer of points names, in the order of their paths.

    Args:
        source: Folder, or a vector file; the points of the layer tell the places then.
        layer: Name of the layer; empty takes the only one.
        attribute: Field with the paths; relative ones start at the vector file. Empty looks for ``photo``, ``path``, …
        check_cancelled: Raises when the user asked to stop.

    Raises:
        PairsError: ``pairs.photos`` if there are none, ``pairs.photo_layer`` if the layer cannot be used.
    """
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.suffix.lower() in _SUFFIXES)
        photos = []
        for path in files:
            check_cancelled()
            photos.append(read_tags(path))
    else:
        photos = _of_layer(source, layer, attribute)
    if not photos:
        raise PairsError(
            f"There are no photos in {source}.",
            remedy=f"Choose a folder with files such as {', '.join(_SUFFIXES[:3])}.",
            code="pairs.photos",
            path=str(source),
        )
    return photos


def read_tags(path: Path) -> Photo:
    """Return where a photo was taken as its EXIF tags tell."""
    try:
        with Image.open(path) as picture:
            tags = dict(picture.getexif().get_ifd(ExifTags.IFD.GPSInfo))
    except _BAD_TAGS as error:
        return Photo(path, problem=f"it cannot be read: {' '.join(str(error).split()).rstrip('.')}")
    try:
        lon = _degrees(tags, _GPS.GPSLongitude, _GPS.GPSLongitudeRef, "W")
        lat = _degrees(tags, _GPS.GPSLatitude, _GPS.GPSLatitudeRef, "S")
    except _BAD_TAGS:
        return Photo(path, problem="its GPS tags are damaged")
    return _placed(Photo(path, direction_deg=_direction(tags.get(_GPS.GPSImgDirection))), lon, lat)


def _placed(photo: Photo, lon: float | None, lat: float | None) -> Photo:
    if lon is None or lat is None:
        return replace(photo, problem="no GPS position")
    if not (math.isfinite(lon) and math.isfinite(lat)) or abs(lon) > 180 or abs(lat) > 180:
        return replace(photo, problem="its GPS position is no place on Earth")
    if (lon, lat) == (0.0, 0.0):
        return replace(photo, problem="its GPS position is 0, 0: the camera knew none")
    return replace(photo, lon=lon, lat=lat)


def _degrees(tags: Mapping[int, Any], value_tag: int, sign_tag: int, negative: str) -> float | None:
    if value_tag not in tags:
        return None
    degrees, minutes, seconds = (*(float(part) for part in tags[value_tag]), 0.0, 0.0)[:3]
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(tags.get(sign_tag, "")).strip().upper().startswith(negative) else value


def _direction(value: Any) -> float | None:
    try:
        direction_deg = float(value)
    except _BAD_TAGS:
        return None
    return direction_deg % 360 if math.isfinite(direction_deg) else None


def _of_layer(source: Path, layer: str, attribute: str) -> list[Photo]:
    try:
        fields = [str(name) for name in pyogrio.read_info(source, layer=layer or None)["fields"]]
        by_name = {name.casefold(): name for name in fields}
        path_field = attribute or next((by_name[name] for name in _PATH_FIELDS if name in by_name), "")
        if path_field not in fields:
            raise PairsError(
                f"{source.name} has no field {attribute or 'that is called photo or path'}.",
                remedy=f"Name the field with the photos' paths; it has: {', '.join(fields) or 'none'}.",
                code="pairs.photo_layer",
                fields=fields,
            )
        direction_field = next((by_name[name] for name in _DIRECTION_FIELDS if name in by_name), path_field)
        meta, _, geometries, columns = pyogrio.raw.read(
            source, layer=layer or None, columns=list({path_field, direction_field}), force_2d=True
        )
    except (DataSourceError, DataLayerError, ValueError) as error:
        raise PairsError(
            f"{source.name} cannot be read as a layer of photos ({error}).",
            remedy="Choose a folder of photos, or a vector file of points.",
            code="pairs.photo_layer",
            path=str(source),
        ) from error
    column = dict(zip((str(name) for name in meta["fields"]), columns, strict=True))
    photos = []
    for wkb, name, direction in zip(geometries, column[path_field], column[direction_field], strict=True):
        if isinstance(name, str) and name.strip():
            photo = Photo(source.parent / name.strip(), direction_deg=_direction(direction))
            photos.append(_placed(photo, *_point(wkb, meta["crs"])))
    return sorted(photos, key=lambda photo: photo.path)


def _point(wkb: bytes | None, crs: str | None) -> tuple[float | None, float | None]:
    shape = shapely.from_wkb(wkb, on_invalid="ignore") if wkb is not None else None
    if shape is None or shape.is_empty:
        return None, None
    if not crs:
        return shape.centroid.x, shape.centroid.y
    lonlat = to_lonlat(CRS.from_user_input(crs).to_wkt(), np.array([shape.centroid.x]), np.array([shape.centroid.y]))
    return (None, None) if lonlat is None else (float(lonlat[0][0]), float(lonlat[1][0]))
