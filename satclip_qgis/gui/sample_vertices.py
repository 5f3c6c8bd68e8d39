"""The vertices of the one selected sample on the map view: shown, and found under the mouse."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QPoint, QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen, QPolygonF

REACH_PX = 6
_RIM_PX, _INSIDE_PX = 8.0, 5.0


class VertexItem(QgsMapCanvasItem):
    """Paints the vertices of a line or polygon, the marked one in yellow.

    Args:
        canvas: The map view.

    Attributes:
        hovered: The vertex under the mouse, by its number in the geometry, or None.
        chosen: The vertex that was clicked last, or None.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._shape: QgsGeometry | None = None
        self.hovered: int | None = None
        self.chosen: int | None = None
        self.setZValue(3)

    def show_shape(self, shape: QgsGeometry | None) -> None:
        """Show the vertices of ``shape`` (view's CRS); points and circular arcs have none to be moved."""
        has_vertices = (
            shape is not None
            and shape.type() != QgsWkbTypes.GeometryType.PointGeometry
            and not shape.constGet().hasCurvedSegments()
        )
        self._shape = shape if has_vertices else None
        self.mark(None, self.chosen)

    def shape_with(self, number: int, place: QgsPointXY) -> QgsGeometry:
        """Return the shape with one vertex elsewhere."""
        moved = QgsGeometry(self._shape)
        moved.moveVertex(place.x(), place.y(), number)
        return moved

    def active(self) -> int | None:
        """Return the marked vertex: the one under the mouse, or else the one that was clicked last."""
        return self.chosen if self.hovered is None else self.hovered

    def mark(self, hovered: int | None, chosen: int | None) -> None:
        """Mark other vertices; those that the shape does not have (any more) are none."""
        count = self._shape.constGet().nCoordinates() if self._shape is not None else 0
        self.hovered, self.chosen = (one if one is not None and one < count else None for one in (hovered, chosen))
        self.update()

    def vertex_at(self, pixel: QPoint) -> int | None:
        """Return the number of the vertex within reach of ``pixel``."""
        if self._shape is None:
            return None
        _, number, _, _, squared = self._shape.closestVertex(self._place(pixel))
        return number if number >= 0 and squared <= self._reach() ** 2 else None

    def edge_at(self, pixel: QPoint) -> tuple[int, QgsPointXY] | None:
        """Return the place on an edge within reach of ``pixel``, and before which vertex it lies."""
        if self._shape is None:
            return None
        squared, place, after, _ = self._shape.closestSegmentWithContext(self._place(pixel))
        return (after, place) if 0 <= squared <= self._reach() ** 2 else None

    def updatePosition(self) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self.update()

    def boundingRect(self) -> QRectF:
        """The canvas."""
        return QRectF(self._canvas.rect())

    def paint(self, painter: QPainter, _option: object = None, _widget: object = None) -> None:
        """Paint a small square at each vertex."""
        if self._shape is None:
            return
        shape = QgsGeometry(self._shape)
        shape.mapToPixel(self._canvas.getCoordinateTransform())
        for ring in shape.constGet().asQPainterPath().toSubpathPolygons():
            _paint_squares(painter, ring, QColor(Qt.GlobalColor.white))
        active = self.active()
        if active is not None:
            at = shape.vertexAt(active)
            _paint_squares(painter, QPolygonF([QPointF(at.x(), at.y())]), QColor("#FFD400"))

    def _place(self, pixel: QPoint) -> QgsPointXY:
        return self._canvas.getCoordinateTransform().toMapCoordinates(pixel)

    def _reach(self) -> float:
        return REACH_PX * self._canvas.mapUnitsPerPixel()


def _paint_squares(painter: QPainter, places: QPolygonF, colour: QColor) -> None:
    for size_px, ink in ((_RIM_PX, QColor(Qt.GlobalColor.black)), (_INSIDE_PX, colour)):
        pen = QPen(ink, size_px)
        pen.setCapStyle(Qt.PenCapStyle.SquareCap)
        painter.setPen(pen)
        painter.drawPoints(places)
