"""The tools of the Teach page: one is in hand, undo and redo beside them."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QSpinBox, QToolButton, QWidget

from satclip_qgis.gui.undo import QUndoStack
from satclip_qgis.gui.widgets import tool_button
from satclip_qgis.i18n import tr

POINT, BRUSH, RECTANGLE, POLYGON, SELECT = "point", "brush", "rectangle", "polygon", "select"


class ToolRow(QWidget):
    """Buttons of the tools.

    Signals:
        wanted(str): This tool is taken in hand; empty: none.
        removal_wanted(): What is selected should go.
    """

    wanted = pyqtSignal(str)
    removal_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        for name, icon, tip in (
            (POINT, "mActionCapturePoint.svg", tr("Point: click where the class is")),
            (BRUSH, "mActionStreamingDigitize.svg", tr("Brush: drag over the class")),
            (RECTANGLE, "mActionAddBasicRectangle.svg", tr("Rectangle: drag it over the class")),
            (
                POLYGON,
                "mActionCapturePolygon.svg",
                tr("Polygon: click the corners; right click or Enter ends it, Esc drops it, Backspace takes one back"),
            ),
            (
                SELECT,
                "mActionSelectRectangle.svg",
                tr(
                    "Select: click or drag a rectangle; drag what is selected to move it, a key changes its class. "
                    "Drag a vertex to move it, double click an edge to add one, Delete removes the marked one"
                ),
            ),
        ):
            button = tool_button(icon, tip)
            button.setCheckable(True)
            button.clicked.connect(lambda on, name=name: self._clicked(name, on))
            self.buttons[name] = button
            row.addWidget(button)
        self.brush_spin = QSpinBox()
        self.brush_spin.setRange(1, 100)
        self.brush_spin.setValue(8)
        self.brush_spin.setSuffix(tr(" px"))
        self.brush_spin.setToolTip(tr("Radius of the brush on the screen"))
        self.brush_spin.setAccessibleName(self.brush_spin.toolTip())
        self.delete_button = tool_button("mActionDeleteSelected.svg", tr("Remove the selected samples (Delete)"))
        self.undo_button = tool_button("mActionUndo.svg", tr("Undo (Ctrl+Z)"))
        self.redo_button = tool_button("mActionRedo.svg", tr("Redo (Ctrl+Shift+Z)"))
        row.addWidget(self.brush_spin)
        row.addStretch()
        for button in (self.delete_button, self.undo_button, self.redo_button):
            button.setEnabled(False)
            row.addWidget(button)
        self.delete_button.clicked.connect(lambda _checked: self.removal_wanted.emit())

    def follow(self, stack: QUndoStack) -> None:
        """Undo and redo what ``stack`` holds."""
        self.undo_button.clicked.connect(lambda _checked: stack.undo())
        self.redo_button.clicked.connect(lambda _checked: stack.redo())
        stack.canUndoChanged.connect(self.undo_button.setEnabled)
        stack.canRedoChanged.connect(self.redo_button.setEnabled)

    def show_tool(self, name: str) -> None:
        """Show which tool is in hand."""
        for other, button in self.buttons.items():
            button.setChecked(other == name)

    def _clicked(self, name: str, on: bool) -> None:
        self.show_tool(name if on else "")
        self.wanted.emit(name if on else "")
