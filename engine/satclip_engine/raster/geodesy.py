"""Metres on the ground for pixels of any coordinate reference system, degrees included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as transform_points

# Source: NIMA TR8350.2, "Department of Defense World Geodetic System 1984", table 3.1.
WGS84_SEMI_MAJOR_M = 6_378_137.0
WGS84_FLATTENING = 1 / 298.257223563

Floats = npt.NDArray[np.float64]


def pixel_jacobians(crs_wkt: str, transform: Affine, cols: Floats, rows: Floats) -> Floats:
    """Return how far one step in column and row moves on the ground.

    Central differences over one pixel, with the ellipsoid's radii of curvature: true metres for projected,
    geographic and web-Mercator coordinates alike.

    Args:
        crs_wkt: WKT of the raster's CRS; empty means pixels (then a pixel is one unit).
        transform: Pixel to CRS coordinates.
        cols: (n,) column positions in pixels.
        rows: (n,) row positions in pixels.

    Returns:
        (n, 2, 2) metres: ``[[d_east/d_col, d_east/d_row], [d_north/d_col, d_north/d_row]]``.

    Source: radii of curvature of the ellipsoid, Snyder (1987), "Map Projections: A Working Manual", eq. 4-18, 4-20.
    """
    identity = np.broadcast_to(np.eye(2), (len(cols), 2, 2)).copy()
    if not crs_wkt:
        return identity
    steps = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    col = (cols[:, None] + steps[:, 0]).ravel()
    row = (rows[:, None] + steps[:, 1]).ravel()
    x, y = apply_affine(transform, col, row)
    lonlat = to_lonlat(crs_wkt, x, y)
    if lonlat is None:
        return _planar(crs_wkt, transform, identity)
    lon, lat = (np.radians(values).reshape(len(cols), 4) for values in lonlat)
    meridian_m, normal_m = _radii_of_curvature(lat.mean(axis=1))
    d_lon = np.stack([_wrapped(lon[:, 0] - lon[:, 1]), _wrapped(lon[:, 2] - lon[:, 3])], axis=1)
    d_lat = np.stack([lat[:, 0] - lat[:, 1], lat[:, 2] - lat[:, 3]], axis=1)
    east = d_lon * (normal_m * np.cos(lat.mean(axis=1)))[:, None]
    north = d_lat * meridian_m[:, None]
    jacobians = np.stack([east, north], axis=1)
    usable = np.isfinite(jacobians).all(axis=(1, 2)) & (np.abs(np.linalg.det(jacobians)) > 0)
    return jacobians if usable.all() else _planar(crs_wkt, transform, identity)


def apply_affine(transform: Affine, cols: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return the coordinates ``(x, y)`` of pixel positions."""
    return (
        transform.a * cols + transform.b * rows + transform.c,
        transform.d * cols + transform.e * rows + transform.f,
    )


def to_lonlat(crs_wkt: str, x: Floats, y: Floats) -> tuple[Floats, Floats] | None:
    """Return longitudes and latitudes (WGS 84, degrees) of map coordinates; None where a CRS has no way to them."""
    return _moved(CRS.from_wkt(crs_wkt), CRS.from_epsg(4326), x, y)


def from_lonlat(crs_wkt: str, lon: Floats, lat: Floats) -> tuple[Floats, Floats] | None:
    """Return map coordinates of longitudes and latitudes; not finite where there are none, None as ``to_lonlat``."""
    return _moved(CRS.from_epsg(4326), CRS.from_wkt(crs_wkt), lon, lat)


def _moved(source: CRS, target: CRS, x: Floats, y: Floats) -> tuple[Floats, Floats] | None:
    try:
        moved_x, moved_y = transform_points(source, target, x.tolist(), y.tolist())
    except RasterioError:  # a local or extraterrestrial CRS has no way to longitude and latitude
        return None
    return np.asarray(moved_x), np.asarray(moved_y)


def _planar(crs_wkt: str, transform: Affine, identity: Floats) -> Floats:
    """Fall back to the CRS's linear unit where no position on the Earth can be found."""
    crs = CRS.from_wkt(crs_wkt)
    factor = crs.linear_units_factor[1] if crs.is_projected else 1.0
    return identity @ (factor * np.array([[transform.a, transform.b], [transform.d, transform.e]]))


def _radii_of_curvature(lat: Floats) -> tuple[Floats, Floats]:
    eccentricity2 = WGS84_FLATTENING * (2 - WGS84_FLATTENING)
    w2 = 1 - eccentricity2 * np.sin(lat) ** 2
    return WGS84_SEMI_MAJOR_M * (1 - eccentricity2) / w2**1.5, WGS84_SEMI_MAJOR_M / np.sqrt(w2)


def _wrapped(angle: Floats) -> Floats:
    """Bring differences of longitude into [-π, π): a raster may cross the date line."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
