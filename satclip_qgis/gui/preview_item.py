"""The live preview on the map view: one picture, painted where it belongs while the view moves."""

from __future__ import annotations

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsPointXY, QgsRectangle
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QPointF, QRectF
from qgis.PyQt.QtGui import QImage, QPainter, QPolygonF, QTransform


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
            QgsPointXY(extent.xMaximum(), extent.yMinimum()),
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

    def is_empty(self) -> bool:
        """Whether nothing is shown."""
        return self._image.isNull() or not self._corners

    def boundingRect(self) -> QRectF:
        """The whole canvas: the picture follows the view, so its own rectangle changes with every pan."""
        return QRectF(self._canvas.rect())

    def updatePosition(self) -> None:
        """Follow the view; the picture's place is computed while painting."""
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QPainter, _option: object = None, _widget: object = None) -> None:
        """Paint the picture, sheared as the canvas's CRS asks."""
        if self.is_empty():
            return
        width, height = self._image.width(), self._image.height()
        pixels = QPolygonF([QPointF(0, 0), QPointF(width, 0), QPointF(width, height), QPointF(0, height)])
        place = QPolygonF([self.toCanvasCoordinates(corner) for corner in self._corners])
        transform = QTransform()
        if not QTransform.quadToQuad(pixels, place, transform):
            return
        painter.save()
        painter.setOpacity(self._opacity)
        painter.setTransform(transform, True)
        painter.drawImage(0, 0, self._image)
        painter.restore()
