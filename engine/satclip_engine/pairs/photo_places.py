"""Where geotagged photos lie on a raster, and which of them are of one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from satclip_engine.pairs.photo_files import Photo
from satclip_engine.raster.geodesy import WGS84_SEMI_MAJOR_M, apply_affine, from_lonlat
from satclip_engine.raster.grid import Grid

OUTSIDE = "outside the imagery"
SWAPPED = "outside the imagery, but on it if longitude and latitude are swapped"


@dataclass(frozen=True)
class PhotoPlace:
    """Photos of one place.

    Attributes:
        photos: At least one.
    """

    photos: tuple[Photo, ...]

    @property
    def lonlat(self) -> tuple[float, float]:
        """Longitude and latitude of their middle, in degrees."""
        lon = [photo.lon for photo in self.photos if photo.lon is not None]
        lat = [photo.lat for photo in self.photos if photo.lat is not None]
        return sum(lon) / len(lon), sum(lat) / len(lat)


def located(photo: Photo, grid: Grid, *, swaps: bool) -> Photo:
    """Return a photo with a problem if it does not lie on a raster.

    Args:
        photo: One with a place.
        grid: Of the raster, with a CRS.
        swaps: Whether a photo that lies on it with longitude and latitude swapped gets them swapped.
    """
    if photo.lon is None or photo.lat is None:
        return photo
    if _lies_on(grid, photo.lon, photo.lat):
        return photo
    if not _lies_on(grid, photo.lat, photo.lon):
        return replace(photo, problem=OUTSIDE)
    return replace(photo, lon=photo.lat, lat=photo.lon) if swaps else replace(photo, problem=SWAPPED)


def pixel_of(grid: Grid, lon: float, lat: float) -> tuple[float, float] | None:
    """Return the (column, row) of a place on the Earth, or None where the raster's CRS does not reach."""
    if abs(lat) > 90:
        return None
    moved = from_lonlat(grid.crs_wkt, np.array([lon]), np.array([lat]))
    if moved is None or not np.isfinite(moved).all():
        return None
    col, row = apply_affine(~grid.map_transform, *moved)
    return float(col[0]), float(row[0])


def group(photos: Sequence[Photo], within_m: float) -> list[PhotoPlace]:
    """Return the places of photos: each photo joins the first place whose first photo is near enough."""
    groups: list[list[Photo]] = []
    for photo in photos:
        near = (photos for photos in groups if _distance_m(photos[0], photo) <= within_m)
        known = next(near, None)
        if known is None:
            groups.append([photo])
        else:
            known.append(photo)
    return [PhotoPlace(tuple(photos)) for photos in groups]


def _lies_on(grid: Grid, lon: float, lat: float) -> bool:
    pixel = pixel_of(grid, lon, lat)
    return pixel is not None and 0 <= pixel[0] < grid.width and 0 <= pixel[1] < grid.height


def _distance_m(one: Photo, other: Photo) -> float:
    """Return the distance of two photos near each other, on a sphere: exact to half a percent."""
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return math.inf
    north = math.radians(other.lat - one.lat)
    east = math.radians((other.lon - one.lon + 180) % 360 - 180) * math.cos(math.radians(one.lat))
    return WGS84_SEMI_MAJOR_M * math.hypot(north, east)
