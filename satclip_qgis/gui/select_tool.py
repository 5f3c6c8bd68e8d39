"""The map tool that selects samples, moves them and asks for their removal."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsRubberBand
from qgis.PyQt.QtCore import QPoint, Qt, pyqtSignal

from satclip_qgis.gui.sample_tools import LEAST_DRAG_PX, SampleTool

REACH_PX = 6


class SelectTool(SampleTool):
    """Click selects, drag moves what is selected or spans a rectangle, Delete removes, Esc selects nothing.

    Signals:
        pressed(object, bool): The mouse went down: a ``QgsRectangle`` of reach around the place (view's CRS), and
            whether to add to the selection (Shift or Ctrl). Whoever answers sets ``holds``.
        spanned(object, bool): A rectangle was dragged over empty ground: a ``QgsGeometry``, and whether to add.
        moved(float, float): What is selected was dragged by this much, in the view's CRS.
        removal_wanted(): Delete was pressed.
        nothing_wanted(): Esc was pressed.

    Attributes:
        holds: Whether the mouse went down on a selected sample; then a drag moves.
    """

    pressed = pyqtSignal(object, bool)
    spanned = pyqtSignal(object, bool)
    moved = pyqtSignal(float, float)
    removal_wanted = pyqtSignal()
    nothing_wanted = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.holds = False
        self._start: QPoint | None = None
        self._from: QgsPointXY | None = None
        self._outline: QgsRubberBand | None = None

    def own_keys(self) -> tuple[int, ...]:
        """Return the keys that remove and that select nothing."""
        return (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Escape)

    def take_key(self, key: int) -> None:
        """Remove, or select nothing."""
        (self.nothing_wanted if key == Qt.Key.Key_Escape else self.removal_wanted).emit()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Select what is here."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.close()
        self._start, self._from = event.pos(), event.mapPoint()
        reach = QPoint(REACH_PX, REACH_PX)
        corners = (self.toMapCoordinates(event.pos() - reach), self.toMapCoordinates(event.pos() + reach))
        self.holds = False
        self.pressed.emit(QgsGeometry.fromPolylineXY(list(corners)).boundingBox(), _adds(event))

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Show the way of a move, or the rectangle."""
        if self._start is None or (event.pos() - self._start).manhattanLength() < LEAST_DRAG_PX:
            return
        self._take_away(self._outline)
        kind = QgsWkbTypes.GeometryType
        self._outline = self._band(kind.LineGeometry if self.holds else kind.PolygonGeometry)
        way = QgsGeometry.fromPolylineXY([self._from, event.mapPoint()])
        self._outline.setToGeometry(way if self.holds else self._rectangle(self._start, event.pos()), None)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Move, or select what is in the rectangle."""
        if event.button() != Qt.MouseButton.LeftButton or self._start is None:
            return
        start, origin = self._start, self._from
        rectangle = self._rectangle(start, event.pos())
        self.close()
        if (event.pos() - start).manhattanLength() < LEAST_DRAG_PX:
            return
        if self.holds:
            self.moved.emit(event.mapPoint().x() - origin.x(), event.mapPoint().y() - origin.y())
        else:
            self.spanned.emit(rectangle, _adds(event))

    def deactivate(self) -> None:
        """Drop what is not finished."""
        self.close()
        super().deactivate()

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._take_away(self._outline)
        self._outline, self._start, self._from = None, None, None


def _adds(event: QgsMapMouseEvent) -> bool:
    either = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
    return bool(event.modifiers() & either)
