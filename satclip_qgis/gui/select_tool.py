"""The map tool that selects samples, moves them and asks for their removal."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsRubberBand
from qgis.PyQt.QtCore import QPoint, Qt, pyqtSignal

from satclip_qgis.gui.sample_tools import LEAST_DRAG_PX, SampleTool
from satclip_qgis.gui.sample_vertices import REACH_PX, VertexItem


class SelectTool(SampleTool):
    """Click selects, drag moves what is selected or spans a rectangle, Delete removes, Esc selects nothing.

    Of one selected line or polygon, a drag at a vertex moves that alone, a double click on an edge adds one, and Delete
    removes the marked one.

    Signals:
        pressed(object, bool): The mouse went down: a ``QgsRectangle`` of reach around the place (view's CRS), and
            whether to add to the selection (Shift or Ctrl). Whoever answers sets ``holds``.
        spanned(object, bool): A rectangle was dragged over empty ground: a ``QgsGeometry``, and whether to add.
        moved(float, float): What is selected was dragged by this much, in the view's CRS.
        removal_wanted(): Delete was pressed.
        nothing_wanted(): Esc was pressed.
        vertex_moved(int, object): This vertex was dragged to a ``QgsPointXY`` (view's CRS).
        vertex_added(int, object): A vertex is wanted before this one, at a ``QgsPointXY`` (view's CRS).
        vertex_removal_wanted(int): Delete was pressed while this vertex was marked.

    Attributes:
        holds: Whether the mouse went down on a selected sample; then a drag moves.
        vertices: Those of the one selected sample.
    """

    pressed = pyqtSignal(object, bool)
    spanned = pyqtSignal(object, bool)
    moved = pyqtSignal(float, float)
    removal_wanted = pyqtSignal()
    nothing_wanted = pyqtSignal()
    vertex_moved = pyqtSignal(int, object)
    vertex_added = pyqtSignal(int, object)
    vertex_removal_wanted = pyqtSignal(int)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.holds = False
        self.vertices = VertexItem(canvas)
        self._vertex: int | None = None
        self._start: QPoint | None = None
        self._from: QgsPointXY | None = None
        self._outline: QgsRubberBand | None = None

    def own_keys(self) -> tuple[int, ...]:
        """Return the keys that remove and that select nothing."""
        return (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Escape)

    def take_key(self, key: int) -> None:
        """Remove a vertex or what is selected, or select nothing."""
        active = self.vertices.active()
        if key == Qt.Key.Key_Escape:
            self.nothing_wanted.emit()
        elif active is not None:
            # The next one comes under the key, as with the vertex tool of QGIS.
            self.vertices.mark(None, active)
            self.vertex_removal_wanted.emit(active)
        else:
            self.removal_wanted.emit()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Take the vertex that is here, or select what is."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.close()
        self._start, self._from = event.pos(), event.mapPoint()
        self._vertex = self.vertices.vertex_at(event.pos())
        self.vertices.mark(self._vertex, self._vertex)
        if self._vertex is not None:
            return
        reach = QPoint(REACH_PX, REACH_PX)
        corners = (self.toMapCoordinates(event.pos() - reach), self.toMapCoordinates(event.pos() + reach))
        self.holds = False
        self.pressed.emit(QgsGeometry.fromPolylineXY(list(corners)).boundingBox(), _adds(event))

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Mark the vertex under the mouse; show the way of a move, the new shape, or the rectangle."""
        if self._start is None:
            self.vertices.mark(self.vertices.vertex_at(event.pos()), self.vertices.chosen)
        elif (event.pos() - self._start).manhattanLength() >= LEAST_DRAG_PX:
            self._take_away(self._outline)
            shown = self._dragged(event)
            self._outline = self._band(shown.type())
            self._outline.setToGeometry(shown, None)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Move, or select what is in the rectangle."""
        if event.button() != Qt.MouseButton.LeftButton or self._start is None:
            return
        start, origin, vertex = self._start, self._from, self._vertex
        self.close()
        if (event.pos() - start).manhattanLength() < LEAST_DRAG_PX:
            return
        if vertex is not None:
            self.vertex_moved.emit(vertex, event.mapPoint())
        elif self.holds:
            self.moved.emit(event.mapPoint().x() - origin.x(), event.mapPoint().y() - origin.y())
        else:
            self.spanned.emit(self._rectangle(start, event.pos()), _adds(event))

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:
        """Add a vertex to the edge that is here."""
        edge = self.vertices.edge_at(event.pos())
        if edge is not None and self.vertices.vertex_at(event.pos()) is None:
            self.vertex_added.emit(*edge)

    def deactivate(self) -> None:
        """Drop what is not finished."""
        self.close()
        super().deactivate()

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._take_away(self._outline)
        self._outline, self._start, self._from, self._vertex = None, None, None, None

    def _dragged(self, event: QgsMapMouseEvent) -> QgsGeometry:
        """Return what a drag so far looks like."""
        if self._vertex is not None:
            return self.vertices.shape_with(self._vertex, event.mapPoint())
        if self.holds:
            return QgsGeometry.fromPolylineXY([self._from, event.mapPoint()])
        return self._rectangle(self._start, event.pos())


def _adds(event: QgsMapMouseEvent) -> bool:
    either = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
    return bool(event.modifiers() & either)
