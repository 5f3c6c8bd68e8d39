"""Where pairs lie on the Earth."""

from __future__ import annotations

from pathlib import Path

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
)
from qgis.PyQt.QtGui import QImageReader

from satclip_qgis.gui.pair_rasters import RASTER_SUFFIXES
from satclip_qgis.protocol import Pair

# Of a pair whose centre alone is known.
_UNKNOWN_SIDE_M = 100.0


class PairPlaces:
    """Finds the footprints of pairs in WGS 84; knows each after the first look.

    Args:
        folder: Of the training set.
        context: For transforms.

    Attributes:
        folder: Of the training set.
    """

    def __init__(self, folder: Path, context: QgsCoordinateTransformContext) -> None:
        self.folder = folder
        self._context = context
        self._wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
        self._transforms: dict[str, QgsCoordinateTransform] = {}
        self._rasters: dict[str, _Raster | None] = {}
        self._known: dict[tuple[object, ...], QgsGeometry | None] = {}

    def footprint(self, pair: Pair) -> QgsGeometry | None:
        """Return the ground that ``pair`` shows, or None where no place is known."""
        key = (pair.image, pair.window_px, pair.lon, pair.lat)
        if key not in self._known:
            self._known[key] = self._find(pair)
        shape = self._known[key]
        return QgsGeometry(shape) if shape is not None else None

    def _find(self, pair: Pair) -> QgsGeometry | None:
        exact = self._of_raster(pair)
        if exact is not None:
            return exact
        if pair.lon is None or pair.lat is None:
            return None
        size = QImageReader(str(self.folder / pair.image)).size()
        is_known = pair.gsd_m is not None and size.isValid()
        return self._around(pair.lon, pair.lat, pair.gsd_m * size.width() if is_known else _UNKNOWN_SIDE_M)

    def _of_raster(self, pair: Pair) -> QgsGeometry | None:
        raster = self._raster(pair.image)
        if raster is None:
            return None
        column, row, width, height = pair.window_px or (0, 0, raster.width, raster.height)
        corners = ((0, 0), (1, 0), (1, 1), (0, 1))
        ring = [raster.at(column + across * width, row + down * height) for across, down in corners]
        geometry = QgsGeometry.fromPolygonXY([[*ring, ring[0]]])
        try:
            geometry.transform(self._transform(raster.crs_wkt))
        except QgsCsException:
            return None
        return geometry

    def _raster(self, image: str) -> _Raster | None:
        if image not in self._rasters:
            path = self.folder / image
            self._rasters[image] = _read(path) if path.suffix.lower() in RASTER_SUFFIXES else None
        return self._rasters[image]

    def _transform(self, crs_wkt: str) -> QgsCoordinateTransform:
        if crs_wkt not in self._transforms:
            crs = QgsCoordinateReferenceSystem.fromWkt(crs_wkt)
            self._transforms[crs_wkt] = QgsCoordinateTransform(crs, self._wgs84, self._context)
        return self._transforms[crs_wkt]

    def _around(self, lon: float, lat: float, side_m: float) -> QgsGeometry:
        measure = QgsDistanceArea()
        measure.setSourceCrs(self._wgs84, self._context)
        measure.setEllipsoid("EPSG:7030")
        centre, step = QgsPointXY(lon, lat), 1e-4
        east = measure.measureLine(centre, QgsPointXY(lon + step, lat)) / step
        north = measure.measureLine(centre, QgsPointXY(lon, lat + step)) / step
        half = side_m / 2
        across, up = half / max(east, 1.0), half / north
        ring = [
            QgsPointXY(lon + right * across, lat + above * up)
            for right, above in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        ]
        return QgsGeometry.fromPolygonXY([ring])


class _Raster:
    """Where the pixels of a raster lie."""

    def __init__(self, width: int, height: int, affine: tuple[float, ...], crs_wkt: str) -> None:
        self.width, self.height = width, height
        self.crs_wkt = crs_wkt
        self._affine = affine

    def at(self, column: float, row: float) -> QgsPointXY:
        """Return the place of a corner of a pixel."""
        left, across, skew_x, top, skew_y, down = self._affine
        return QgsPointXY(left + column * across + row * skew_x, top + column * skew_y + row * down)


def _read(path: Path) -> _Raster | None:
    """Return where a raster lies; None where it cannot be read or has no CRS."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        dataset = gdal.OpenEx(str(path), gdal.OF_RASTER)
        if dataset is None or not dataset.GetProjection():
            return None
        return _Raster(dataset.RasterXSize, dataset.RasterYSize, dataset.GetGeoTransform(), dataset.GetProjection())
    except RuntimeError:
        return None
    finally:
        gdal.PopErrorHandler()
