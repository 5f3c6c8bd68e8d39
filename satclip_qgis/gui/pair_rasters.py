"""The rasters that pairs are windows of, opened once, and what a pair's image looks like."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path

from qgis.core import QgsMultiBandColorRenderer, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QObject, QRect, QSize, Qt
from qgis.PyQt.QtGui import QImage, QImageReader

from satclip_qgis.protocol import Pair
from satclip_qgis.scenes import scene_path
from satclip_qgis.training_sets import TrainingSet

RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2")
_MOST_OPEN = 16
_BAND_NUMBERS = re.compile(r"(\d+),\s*(\d+),\s*(\d+)")


class PairRasters(QObject):
    """Opens rasters for thumbnails; keeps the last few open.

    The layers are its children: Python may let go of them only after QGIS has shut GDAL down, which crashes.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open: OrderedDict[str, QgsRasterLayer] = OrderedDict()

    def clear(self) -> None:
        """Close them all."""
        while self._open:
            self._close_oldest()

    def thumbnail(self, found: TrainingSet, pair: Pair, side_px: int) -> QImage:
        """Return the image of ``pair``, at most ``side_px`` large; a null image if it cannot be read."""
        path = found.path_of(pair.image)
        if _is_picture(path):
            return _picture(path, pair, side_px)
        layer = self._layer(found, pair, path)
        if not layer.isValid() or layer.renderer() is None:
            return QImage()
        window = pair.window_px or (0, 0, layer.width(), layer.height())
        size = QSize(window[2], window[3]).scaled(QSize(side_px, side_px), Qt.AspectRatioMode.KeepAspectRatio)
        block = layer.renderer().block(1, _extent(layer, window), max(1, size.width()), max(1, size.height()))
        return block.image() if block is not None and not block.isEmpty() else QImage()

    def _layer(self, found: TrainingSet, pair: Pair, path: Path) -> QgsRasterLayer:
        key = str(path)
        layer = self._open.pop(key, None)
        if layer is None:
            layer = QgsRasterLayer(key, path.stem)
            layer.setParent(self)
            _show_as(layer, found, pair, path)
        self._open[key] = layer
        while len(self._open) > _MOST_OPEN:
            self._close_oldest()
        return layer

    def _close_oldest(self) -> None:
        self._open.popitem(last=False)[1].deleteLater()


def _is_picture(path: Path) -> bool:
    """Return whether Qt reads a file; GDAL reads the rest, as WebP where Qt came without it."""
    suffix = path.suffix.lower()
    return suffix not in RASTER_SUFFIXES and suffix[1:].encode() in QImageReader.supportedImageFormats()


def _show_as(layer: QgsRasterLayer, found: TrainingSet, pair: Pair, path: Path) -> None:
    """Show a raster as the project shows it, else with the bands that the set names."""
    for other in QgsProject.instance().mapLayers().values():
        is_same = isinstance(other, QgsRasterLayer) and scene_path(other) == str(path)
        if is_same and other.renderer() is not None:
            layer.setRenderer(other.renderer().clone())
            return
    bands = next((raster.bands for raster in found.info.rasters if raster.path == pair.image), "")
    numbers = _BAND_NUMBERS.fullmatch(bands)
    if numbers and layer.isValid() and max(map(int, numbers.groups())) <= layer.bandCount():
        layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), *map(int, numbers.groups())))
        layer.setDefaultContrastEnhancement()


def _extent(layer: QgsRasterLayer, window: tuple[int, int, int, int]) -> QgsRectangle:
    column, row, width, height = window
    across, down = layer.rasterUnitsPerPixelX(), layer.rasterUnitsPerPixelY()
    left, top = layer.extent().xMinimum() + column * across, layer.extent().yMaximum() - row * down
    return QgsRectangle(left, top - height * down, left + width * across, top)


def _picture(path: Path, pair: Pair, side_px: int) -> QImage:
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if pair.window_px is not None:
        reader.setClipRect(QRect(*pair.window_px))
        size = QSize(pair.window_px[2], pair.window_px[3])
    if size.isValid() and max(size.width(), size.height()) > side_px:
        # JPEG decodes to less in a fraction of the time.
        reader.setScaledSize(size.scaled(QSize(side_px, side_px), Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()
