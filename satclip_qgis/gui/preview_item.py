"""The live preview on the map view: one picture, painted where it belongs while the view moves."""

from __future__ import annotations

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsPointXY, QgsRectangle
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QRectF
from qgis.PyQt.QtGui import QImage, QPainter, QTransform


class PreviewItem(QgsMapCanvasItem):
    """Paints a picture that is known by its extent in the layer's CRS, on a canvas of any CRS."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._image = QImage()
        self._corners: tuple[QgsPointXY, ...] = ()
        self._opacity = 0.6
        self.setZValue(1)

    def set_picture(self, image: QImage, extent: QgsRectangle, to_canvas: QgsCoordinateTransform) -> None:
        """Show ``image``, which covers ``extent`` in the layer's CRS."""
        corners = (
            QgsPointXY(extent.xMinimum(), extent.yMaximum()),
            QgsPointXY(extent.xMaximum(), extent.yMaximum()),
            QgsPointXY(extent.xMinimum(), extent.yMinimum()),
        )
        try:
            self._corners = tuple(to_canvas.transform(corner) for corner in corners)
        except QgsCsException:
            self._corners = ()
        self._image = image
        self.update()

    def set_opacity(self, opacity: float) -> None:
        """Set how opaque the picture is, in [0, 1]."""
        self._opacity = opacity
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._image = QImage()
        self._corners = ()
        self.update()

    def picture(self) -> QImage:
        """Return the picture shown, or a null image."""
        return self._image

    def is_empty(self) -> bool:
        """Whether nothing is shown."""
        return self._image.isNull() or not self._corners

    def boundingRect(self) -> QRectF:
        """The canvas and as much again around it: the picture follows the view while it is dragged."""
        rect = QRectF(self._canvas.rect())
        return rect.adjusted(-rect.width(), -rect.height(), rect.width(), rect.height())

    def updatePosition(self) -> None:
        """Follow the view; the picture's place is computed while painting."""
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QPainter, _option: object = None, _widget: object = None) -> None:
        """Paint the picture, turned and sheared as the canvas's CRS asks (affine: right within a view)."""
        if self.is_empty():
            return
        top_left, top_right, bottom_left = (self.toCanvasCoordinates(corner) for corner in self._corners)
        right, down = (top_right - top_left) / self._image.width(), (bottom_left - top_left) / self._image.height()
        transform = QTransform(right.x(), right.y(), down.x(), down.y(), top_left.x(), top_left.y())
        painter.save()
        painter.setOpacity(self._opacity)
        painter.setTransform(transform, True)
        painter.drawImage(0, 0, self._image)
        painter.restore()
