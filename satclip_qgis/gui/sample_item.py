"""The samples on the map view: in the colour of their class, haloed in white, only those in sight."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import Qgis, QgsCoordinateTransform, QgsCsException, QgsGeometry, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from satclip_qgis.gui.drawn_sample import DrawnSample
from satclip_qgis.gui.sample_store import SampleStore

_POINT_PX, _HALO_PX, _LINE_PX = 9.0, 2.0, 2.0
_FILL_ALPHA = 70
_MANY = 2000
_NO_CLASS = "#808080"


class SampleItem(QgsMapCanvasItem):
    """Paints the samples of a store on a canvas of any CRS.

    Args:
        canvas: The map view.
        store: The samples.
        to_canvas: Returns the transform from the layer's CRS to the view's.
        colours: Returns the colour of each class.
    """

    def __init__(
        self,
        canvas: QgsMapCanvas,
        store: SampleStore,
        to_canvas: Callable[[], QgsCoordinateTransform],
        colours: Callable[[], dict[str, str]],
    ) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._store = store
        self._to_canvas = to_canvas
        self._colours = colours
        self._selected: frozenset[str] = frozenset()
        self._drawn: list[tuple[QColor, QPolygonF, QPainterPath]] | None = None
        self._marked = QPainterPath()
        self.setZValue(2)

    def select(self, ids: frozenset[str]) -> None:
        """Mark some samples."""
        self._selected = ids
        self.refresh()

    def refresh(self) -> None:
        """The samples, the classes or the view changed."""
        self._drawn = None
        self.update()

    def updatePosition(self) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self.refresh()

    def boundingRect(self) -> QRectF:
        """The canvas and as much again around it: the samples follow the view while it is dragged."""
        rect = QRectF(self._canvas.rect())
        return rect.adjusted(-rect.width(), -rect.height(), rect.width(), rect.height())

    def paint(self, painter: QPainter, _option: object = None, _widget: object = None) -> None:
        """Paint what is in sight; the paths are kept until something changes."""
        if self._drawn is None:
            self._drawn = self._paths()
        painter.save()
        # Round edges of thousands of points take longer than a blink, and nobody sees them.
        seen = sum(len(points) for _, points, _ in self._drawn)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, seen < _MANY)
        for colour, points, shapes in self._drawn:
            _paint_shapes(painter, shapes, colour)
            _paint_points(painter, points, colour)
        if not self._marked.isEmpty():
            pen = QPen(QColor("#FFD400"), _LINE_PX + 1, Qt.PenStyle.DashLine)
            painter.strokePath(self._marked, pen)
        painter.restore()

    def _paths(self) -> list[tuple[QColor, QPolygonF, QPainterPath]]:
        transform, colours = self._to_canvas(), self._colours()
        view = QgsRectangle(self._canvas.extent())
        view.scale(2.0)
        self._marked = QPainterPath()
        try:
            area = transform.transformBoundingBox(view, Qgis.TransformDirection.Reverse)
        except QgsCsException:
            return []
        by_class: dict[str, tuple[QPolygonF, QPainterPath]] = {}
        for sample in self._store.within(area):
            points, shapes = by_class.setdefault(sample.class_name, (QPolygonF(), QPainterPath()))
            # Samples of one class that overlap are one area, no chequerboard.
            shapes.setFillRule(Qt.FillRule.WindingFill)
            self._add(sample, transform, points, shapes)
        return [(QColor(colours.get(name) or _NO_CLASS), *both) for name, both in by_class.items()]

    def _add(
        self, sample: DrawnSample, transform: QgsCoordinateTransform, points: QPolygonF, shapes: QPainterPath
    ) -> None:
        if sample.geometry.wkbType() == QgsWkbTypes.Type.Point and transform.isShortCircuited():
            # By far the most frequent; a copy of each geometry would be felt with thousands.
            place = self._canvas.getCoordinateTransform().transform(sample.geometry.asPoint())
            self._add_points([QPointF(place.x(), place.y())], sample, points)
            return
        geometry = QgsGeometry(sample.geometry)
        try:
            if transform.isValid() and not transform.isShortCircuited():
                geometry.transform(transform)
        except QgsCsException:
            return
        geometry.mapToPixel(self._canvas.getCoordinateTransform())
        if geometry.type() == QgsWkbTypes.GeometryType.PointGeometry:
            self._add_points([QPointF(vertex.x(), vertex.y()) for vertex in geometry.vertices()], sample, points)
            return
        path = geometry.constGet().asQPainterPath()
        shapes.addPath(path)
        if sample.id in self._selected:
            self._marked.addPath(path)

    def _add_points(self, places: list[QPointF], sample: DrawnSample, points: QPolygonF) -> None:
        for place in places:
            points.append(place)
            if sample.id in self._selected:
                self._marked.addEllipse(place, _POINT_PX, _POINT_PX)


def _paint_points(painter: QPainter, points: QPolygonF, colour: QColor) -> None:
    for width_px, ink in ((_POINT_PX + 2 * _HALO_PX, QColor(Qt.GlobalColor.white)), (_POINT_PX, colour)):
        pen = QPen(ink, width_px)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPoints(points)


def _paint_shapes(painter: QPainter, shapes: QPainterPath, colour: QColor) -> None:
    if shapes.isEmpty():
        return
    fill = QColor(colour)
    fill.setAlpha(_FILL_ALPHA)
    painter.fillPath(shapes, fill)
    painter.strokePath(shapes, QPen(QColor(Qt.GlobalColor.white), _LINE_PX + 2 * _HALO_PX))
    painter.strokePath(shapes, QPen(colour, _LINE_PX))
