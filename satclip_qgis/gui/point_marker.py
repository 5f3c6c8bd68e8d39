"""The point in question on the map view: its pixel's outline in an open ring, the ground in sight."""

from __future__ import annotations

from qgis.core import QgsGeometry
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QLineF, QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPen

_LEAST_RADIUS_PX, _GAP_PX, _TICK_PX = 18.0, 8.0, 10.0
_LINE = QColor("#FFD400")
_HALO = QColor(0, 0, 0, 170)


class PointMarker(QgsMapCanvasItem):
    """Marks one pixel.

    Args:
        canvas: The map view.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._pixel = QgsGeometry()
        self.setZValue(3)
        self.hide()

    def mark(self, pixel: QgsGeometry) -> None:
        """Mark the pixel whose outline, in the view's CRS, is ``pixel``."""
        self._pixel = pixel
        self.show()
        self.updatePosition()

    def updatePosition(self) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self.update()

    def boundingRect(self) -> QRectF:
        """The canvas and as much again around it: the mark follows the view while it is dragged."""
        rect = QRectF(self._canvas.rect())
        return rect.adjusted(-rect.width(), -rect.height(), rect.width(), rect.height())

    def paint(self, painter: QPainter, _option: object = None, _widget: object = None) -> None:
        """Paint the outline, the ring and four ticks that point at it."""
        if self._pixel.isEmpty():
            return
        to_pixels = self._canvas.getCoordinateTransform()
        corners = [to_pixels.transform(vertex.x(), vertex.y()) for vertex in self._pixel.vertices()]
        outline = QPainterPath(QPointF(corners[0].x(), corners[0].y()))
        for corner in corners[1:]:
            outline.lineTo(corner.x(), corner.y())
        box = outline.boundingRect()
        centre, radius = box.center(), max(_LEAST_RADIUS_PX, max(box.width(), box.height()) / 2 + _GAP_PX)
        ring = QPainterPath()
        ring.addEllipse(centre, radius, radius)
        for angle in (0, 90, 180, 270):
            tick = QLineF.fromPolar(radius + _TICK_PX, angle)
            ring.moveTo(centre + QLineF.fromPolar(radius, angle).p2())
            ring.lineTo(centre + tick.p2())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for path, width_px in ((ring, 2.0), (outline, 1.0)):
            painter.strokePath(path, QPen(_HALO, width_px + 2))
            painter.strokePath(path, QPen(_LINE, width_px))
        painter.restore()
