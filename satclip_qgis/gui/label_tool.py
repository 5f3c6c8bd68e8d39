"""The map tool of labelling: it moves the map as QGIS's hand does, and its keys label the point in question."""

from __future__ import annotations

from qgis.gui import QgsMapCanvas, QgsMapTool, QgsMapToolPan
from qgis.PyQt.QtCore import QEvent, QObject, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QWidget

_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Backspace: -1, Qt.Key.Key_Right: 1}


class LabelTool(QObject):
    """Takes the hand and the keys, and gives the map back its own tool.

    Args:
        canvas: The map view.
        keyed: Another widget on which the keys act while the tool is in hand.
        parent: Qt parent.

    Signals:
        digit(int): A key from 0 to 9 was pressed.
        unsure(): U was pressed.
        step(int): -1: go back; 1: go on.
        changed(bool): The tool was taken in hand, or put away.
    """

    digit = pyqtSignal(int)
    unsure = pyqtSignal()
    step = pyqtSignal(int)
    changed = pyqtSignal(bool)

    def __init__(self, canvas: QgsMapCanvas, keyed: QWidget, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._keyed = keyed
        self._before: QgsMapTool | None = None
        self._was_in_hand = False
        self._tool = QgsMapToolPan(canvas)
        for widget in (canvas, keyed):
            widget.installEventFilter(self)
        canvas.mapToolSet.connect(self._tool_set)

    def is_in_hand(self) -> bool:
        """Whether the tool is in hand."""
        return self._canvas.mapTool() is self._tool

    def take(self) -> None:
        """Take the tool in hand."""
        if not self.is_in_hand():
            self._before = self._canvas.mapTool()
            self._canvas.setMapTool(self._tool)
        self._canvas.setFocus()

    def give_back(self) -> None:
        """Give the map back the tool it had."""
        if not self.is_in_hand():
            return
        if self._before is not None:
            self._canvas.setMapTool(self._before)
        else:
            self._canvas.unsetMapTool(self._tool)
        self._before = None

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self.give_back()
        self._canvas.mapToolSet.disconnect(self._tool_set)
        for widget in (self._canvas, self._keyed):
            widget.removeEventFilter(self)
        self._tool.deleteLater()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Take the keys before the map view, which moves by arrows, and before the shortcuts of QGIS's window."""
        # The kind first: the last events come while the map view is being taken apart.
        if event.type() not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        if not self.is_in_hand() or not _is_ours(event):
            return False
        event.accept()
        # A key that is held down labels one point, not all that follow.
        if event.type() == QEvent.Type.KeyPress and not event.isAutoRepeat():
            self._act(event.key())
        return True

    def _act(self, key: int) -> None:
        if key == Qt.Key.Key_U:
            self.unsure.emit()
        elif key in _STEPS:
            self.step.emit(_STEPS[key])
        else:
            self.digit.emit(int(key) - int(Qt.Key.Key_0))

    def _tool_set(self, _tool: QgsMapTool | None, _before: QgsMapTool | None = None) -> None:
        if self.is_in_hand() != self._was_in_hand:
            self._was_in_hand = self.is_in_hand()
            self.changed.emit(self._was_in_hand)


def _is_ours(event: QKeyEvent) -> bool:
    plain = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
    key = event.key()
    is_known = Qt.Key.Key_0 <= key <= Qt.Key.Key_9 or key == Qt.Key.Key_U or key in _STEPS
    return is_known and event.modifiers() in plain
