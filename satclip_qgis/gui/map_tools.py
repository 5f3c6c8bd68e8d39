"""The map tool that draws the rectangle to map, and the outline that stays."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsMapToolExtent, QgsRubberBand
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QPalette


class RectangleDrawer(QObject):
    """Lets the user drag one rectangle, then gives the map tool back.

    Signals:
        drawn(object, str): The ``QgsRectangle`` and its CRS as ``EPSG:n`` or ``WKT:...``.
    """

    drawn = pyqtSignal(object, str)

    def __init__(self, canvas: QgsMapCanvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._before = None
        self.tool = QgsMapToolExtent(canvas)
        self.tool.extentChanged.connect(self._take)
        self._outline = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        colour = canvas.palette().color(QPalette.ColorRole.Highlight)
        self._outline.setStrokeColor(colour)
        self._outline.setFillColor(QColor(0, 0, 0, 0))
        self._outline.setLineStyle(Qt.PenStyle.DashLine)
        self._outline.setWidth(2)

    def start(self) -> None:
        """Take over the mouse until a rectangle is drawn."""
        if self._canvas.mapTool() is not self.tool:
            self._before = self._canvas.mapTool()
        self._canvas.setMapTool(self.tool)

    def show(self, rectangle: tuple[float, ...], crs: str) -> None:
        """Outline ``rectangle`` (in ``crs``) on the map, or nothing where it is empty."""
        self._outline.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        if len(rectangle) != 4:
            return
        geometry = QgsGeometry.fromRect(QgsRectangle(*rectangle))
        source, target = QgsCoordinateReferenceSystem(crs), self._canvas.mapSettings().destinationCrs()
        geometry.transform(QgsCoordinateTransform(source, target, QgsProject.instance().transformContext()))
        self._outline.setToGeometry(geometry, None)

    def close(self) -> None:
        """Leave nothing on the canvas."""
        if self._canvas.mapTool() is self.tool:
            self._give_back()
        self._canvas.scene().removeItem(self._outline)
        self.tool.deleteLater()

    def _take(self, rectangle: QgsRectangle) -> None:
        if rectangle.isEmpty():
            return
        self.tool.clearRubberBand()
        self._give_back()
        crs = self._canvas.mapSettings().destinationCrs()
        self.drawn.emit(rectangle, crs.authid() or f"WKT:{crs.toWkt()}")

    def _give_back(self) -> None:
        if self._before is not None:
            self._canvas.setMapTool(self._before)
        else:
            self._canvas.unsetMapTool(self.tool)
