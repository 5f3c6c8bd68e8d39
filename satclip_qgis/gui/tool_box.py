"""The map tools of the Teach page: one in hand at a time, its keys kept from the window's shortcuts."""

from __future__ import annotations

from qgis.gui import QgsMapCanvas, QgsMapTool
from qgis.PyQt.QtCore import QEvent, QObject, pyqtSignal
from qgis.PyQt.QtGui import QColor

from satclip_qgis.gui.sample_tools import BrushTool, PointTool, PolygonTool, RectangleTool, SampleTool
from satclip_qgis.gui.select_tool import SelectTool
from satclip_qgis.gui.tool_row import BRUSH, POINT, POLYGON, RECTANGLE, SELECT


class ToolBox(QObject):
    """Takes tools in hand and gives the map back its own.

    Args:
        canvas: The map view.
        parent: Qt parent.

    Signals:
        drawn(object): A ``QgsGeometry`` in the view's CRS.
        digit(int): A key from 1 to 9 was pressed on the map.
        undo_wanted(): Ctrl+Z was pressed on the map.
        redo_wanted(): Ctrl+Shift+Z or Ctrl+Y was pressed on the map.
        changed(str): This tool is in hand; empty: none of ours.
    """

    drawn = pyqtSignal(object)
    digit = pyqtSignal(int)
    undo_wanted = pyqtSignal()
    redo_wanted = pyqtSignal()
    changed = pyqtSignal(str)

    def __init__(self, canvas: QgsMapCanvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._before: QgsMapTool | None = None
        self.brush = BrushTool(canvas)
        self.select = SelectTool(canvas)
        self.tools: dict[str, SampleTool] = {
            POINT: PointTool(canvas),
            BRUSH: self.brush,
            RECTANGLE: RectangleTool(canvas),
            POLYGON: PolygonTool(canvas),
            SELECT: self.select,
        }
        for tool in self.tools.values():
            tool.drawn.connect(self.drawn)
            tool.digit.connect(self.digit)
            tool.undo_wanted.connect(self.undo_wanted)
            tool.redo_wanted.connect(self.redo_wanted)
        canvas.mapToolSet.connect(self._tool_set)
        canvas.installEventFilter(self)

    def take(self, name: str) -> None:
        """Take a tool in hand; none: give the map back the tool it had."""
        if not name:
            self._give_back()
            return
        if self.current() is None:
            self._before = self._canvas.mapTool()
        self._canvas.setMapTool(self.tools[name])
        # The keys go where the mouse works.
        self._canvas.setFocus()

    def current(self) -> SampleTool | None:
        """Return the tool in hand, if it is one of ours."""
        tool = self._canvas.mapTool()
        return tool if isinstance(tool, SampleTool) else None

    def set_colour(self, colour: QColor) -> None:
        """Draw in the colour of a class."""
        for tool in self.tools.values():
            tool.set_colour(colour)

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._give_back()
        self._canvas.removeEventFilter(self)
        self._canvas.mapToolSet.disconnect(self._tool_set)
        self._canvas.scene().removeItem(self.select.vertices)
        for tool in self.tools.values():
            tool.close()
            tool.deleteLater()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Keep the keys of the tool in hand from the shortcuts of QGIS's window, such as Ctrl+Z."""
        # The kind first: the last events come while the map view is being taken apart.
        if event.type() != QEvent.Type.ShortcutOverride:
            return False
        tool = self.current()
        is_ours = tool is not None and tool.takes_key(event.key(), event.modifiers())
        if is_ours:
            event.accept()
        return is_ours

    def _tool_set(self, tool: QgsMapTool | None, _before: QgsMapTool | None = None) -> None:
        self.changed.emit(next((name for name, own in self.tools.items() if own is tool), ""))

    def _give_back(self) -> None:
        tool = self.current()
        if tool is None:
            return
        if self._before is not None:
            self._canvas.setMapTool(self._before)
        else:
            self._canvas.unsetMapTool(tool)
        self._before = None
