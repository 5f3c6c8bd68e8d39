"""The map tools that draw samples: point, brush, rectangle, polygon. Each hands over one geometry."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeyEvent

_LINE = QgsWkbTypes.GeometryType.LineGeometry
_POLYGON = QgsWkbTypes.GeometryType.PolygonGeometry
# Corners nearer than this to the straight line are the hand's trembling.
_TREMBLE_PX = 1.0
# A drag shorter than this was meant as a click.
LEAST_DRAG_PX = 3


class SampleTool(QgsMapTool):
    """Draws on the map view.

    Args:
        canvas: The map view.

    Signals:
        drawn(object): A ``QgsGeometry`` in the view's CRS.
        digit(int): A key from 1 to 9 was pressed.
        undo_wanted(): Ctrl+Z was pressed.
        redo_wanted(): Ctrl+Shift+Z or Ctrl+Y was pressed.
    """

    drawn = pyqtSignal(object)
    digit = pyqtSignal(int)
    undo_wanted = pyqtSignal()
    redo_wanted = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.colour = QColor("#808080")
        self.setCursor(Qt.CursorShape.CrossCursor)

    def set_colour(self, colour: QColor) -> None:
        """Draw in the colour of a class."""
        self.colour = colour

    def takes_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Whether this tool does something with a key, so that no shortcut of the window gets it."""
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if control:
            return key in (Qt.Key.Key_Z, Qt.Key.Key_Y)
        return Qt.Key.Key_1 <= key <= Qt.Key.Key_9 or key in self.own_keys()

    def own_keys(self) -> tuple[int, ...]:
        """Return the keys that this tool has beside those of all."""
        return ()

    def take_key(self, key: int) -> None:
        """Do what one of ``own_keys`` asks for."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose a class, undo, redo, or what the tool has of its own."""
        key, modifiers = event.key(), event.modifiers()
        if not self.takes_key(key, modifiers):
            event.ignore()
        elif bool(modifiers & Qt.KeyboardModifier.ControlModifier):
            shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
            (self.redo_wanted if shift or key == Qt.Key.Key_Y else self.undo_wanted).emit()
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self.digit.emit(int(key) - int(Qt.Key.Key_0))
        else:
            self.take_key(key)

    def close(self) -> None:
        """Leave nothing on the canvas."""

    def _band(self, kind: int) -> QgsRubberBand:
        band = QgsRubberBand(self.canvas(), kind)
        fill = QColor(self.colour)
        fill.setAlpha(70)
        band.setFillColor(fill)
        band.setStrokeColor(self.colour)
        band.setSecondaryStrokeColor(QColor(Qt.GlobalColor.white))
        band.setWidth(2)
        return band

    def _take_away(self, band: QgsRubberBand | None) -> None:
        if band is not None:
            self.canvas().scene().removeItem(band)

    def _rectangle(self, start: QPoint, end: QPoint) -> QgsGeometry:
        """Return the rectangle on the screen; of a turned view that is no rectangle of coordinates."""
        corners = (start, QPoint(end.x(), start.y()), end, QPoint(start.x(), end.y()))
        return QgsGeometry.fromPolygonXY([[self.toMapCoordinates(corner) for corner in corners]])


class PointTool(SampleTool):
    """A click is a sample."""

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Hand over the place of the click."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.drawn.emit(QgsGeometry.fromPointXY(event.mapPoint()))


class BrushTool(SampleTool):
    """A stroke is a sample: everything within the brush's radius.

    Attributes:
        radius_px: On the screen, so that the brush is as large as it looks at any scale.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.radius_px = 8
        self._stroke: list[QgsPointXY] = []
        self._trace: QgsRubberBand | None = None

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Put the brush down."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.close()
        self._trace = self._band(_LINE)
        self._trace.setWidth(2 * self.radius_px)
        trace = QColor(self.colour)
        trace.setAlpha(140)
        self._trace.setStrokeColor(trace)
        self._trace.setSecondaryStrokeColor(QColor(0, 0, 0, 0))
        self._extend(event.mapPoint())

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Draw on."""
        if self._stroke:
            self._extend(event.mapPoint())

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Lift the brush and hand over what it covered."""
        if event.button() != Qt.MouseButton.LeftButton or not self._stroke:
            return
        stroke, unit = self._stroke, self.canvas().mapUnitsPerPixel()
        self.close()
        line = QgsGeometry.fromPolylineXY(stroke) if len(stroke) > 1 else QgsGeometry.fromPointXY(stroke[0])
        covered = line.simplify(_TREMBLE_PX * unit).buffer(self.radius_px * unit, 6)
        if not covered.isEmpty():
            self.drawn.emit(covered)

    def deactivate(self) -> None:
        """Drop a stroke that is not finished."""
        self.close()
        super().deactivate()

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._take_away(self._trace)
        self._trace, self._stroke = None, []

    def _extend(self, place: QgsPointXY) -> None:
        if self._stroke and self._stroke[-1] == place:
            return
        self._stroke.append(place)
        self._trace.addPoint(place)


class RectangleTool(SampleTool):
    """A dragged rectangle is a sample."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._start: QPoint | None = None
        self._outline: QgsRubberBand | None = None

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Take the first corner."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.close()
            self._start = event.pos()
            self._outline = self._band(_POLYGON)

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Show the rectangle."""
        if self._start is not None and self._outline is not None:
            self._outline.setToGeometry(self._rectangle(self._start, event.pos()), None)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Hand the rectangle over."""
        if event.button() != Qt.MouseButton.LeftButton or self._start is None:
            return
        size = event.pos() - self._start
        rectangle = self._rectangle(self._start, event.pos())
        self.close()
        if min(abs(size.x()), abs(size.y())) >= LEAST_DRAG_PX:
            self.drawn.emit(rectangle)

    def deactivate(self) -> None:
        """Drop a rectangle that is not finished."""
        self.close()
        super().deactivate()

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._take_away(self._outline)
        self._outline, self._start = None, None


class PolygonTool(SampleTool):
    """Clicked corners are a sample: right click or Enter ends it, Esc drops it, Backspace takes a corner back."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.corners: list[QgsPointXY] = []
        self._outline: QgsRubberBand | None = None

    def own_keys(self) -> tuple[int, ...]:
        """Return the keys that end, drop or shorten the polygon."""
        return (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Backspace)

    def take_key(self, key: int) -> None:
        """End, drop or shorten the polygon."""
        if key == Qt.Key.Key_Escape:
            self.close()
        elif key == Qt.Key.Key_Backspace:
            self.corners = self.corners[:-1]
            self._show(None)
        else:
            self._end()

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Take a corner, or end the polygon."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.corners.append(event.mapPoint())
            self._show(None)
        elif event.button() == Qt.MouseButton.RightButton:
            self._end()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Show where the next corner would be."""
        if self.corners:
            self._show(event.mapPoint())

    def deactivate(self) -> None:
        """Drop a polygon that is not finished."""
        self.close()
        super().deactivate()

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._take_away(self._outline)
        self._outline, self.corners = None, []

    def _end(self) -> None:
        corners = self.corners
        self.close()
        if len(corners) < 3:
            return
        polygon = QgsGeometry.fromPolygonXY([corners])
        # A polygon that crosses itself covers what it encloses.
        valid = polygon if polygon.isGeosValid() else polygon.makeValid()
        if valid.area() > 0:
            self.drawn.emit(valid)

    def _show(self, next_corner: QgsPointXY | None) -> None:
        self._take_away(self._outline)
        self._outline = None
        corners = [*self.corners, next_corner] if next_corner is not None else self.corners
        if not corners:
            return
        self._outline = self._band(_POLYGON if len(corners) > 2 else _LINE)
        for corner in corners:
            self._outline.addPoint(corner)
