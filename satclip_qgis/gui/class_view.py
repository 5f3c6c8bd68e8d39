"""The table view of the classes: keys to remove and reorder, columns that fit a narrow dock."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from satclip_qgis.gui.class_delegates import SwatchDelegate, ThresholdDelegate
from satclip_qgis.gui.class_model import COLOUR, NAME, PHRASES, THRESHOLD, VISIBLE, ClassModel
from satclip_qgis.i18n import tr


class ClassView(QTableView):
    """Shows a ``ClassModel``.

    Signals:
        remove_pressed(): Delete was pressed.
        move_pressed(int): Ctrl+Up (-1) or Ctrl+Down (+1) was pressed.
        colour_pressed(int): Space or Return was pressed on a colour; carries the row.
    """

    remove_pressed = pyqtSignal()
    move_pressed = pyqtSignal(int)
    colour_pressed = pyqtSignal(int)

    def __init__(self, model: ClassModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegateForColumn(COLOUR, SwatchDelegate(self))
        self.setItemDelegateForColumn(THRESHOLD, ThresholdDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAccessibleName(tr("Classes"))
        self.setToolTip(tr("The classes of the map: double-click or start typing to edit, Ctrl+Up/Down to reorder"))
        self._size_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove with Delete, reorder with Ctrl+Up and Ctrl+Down, choose a colour with Space or Return."""
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        key, index = event.key(), self.currentIndex()
        if key == Qt.Key.Key_Delete:
            self.remove_pressed.emit()
        elif control and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_pressed.emit(-1 if key == Qt.Key.Key_Up else 1)
        elif index.column() == COLOUR and key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.colour_pressed.emit(index.row())
        else:
            super().keyPressEvent(event)

    def _size_columns(self) -> None:
        line_px = self.fontMetrics().height() + 10
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(line_px)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(line_px)
        for column, mode in (
            (COLOUR, QHeaderView.ResizeMode.ResizeToContents),
            (NAME, QHeaderView.ResizeMode.Interactive),
            (PHRASES, QHeaderView.ResizeMode.Stretch),
            (THRESHOLD, QHeaderView.ResizeMode.ResizeToContents),
            (VISIBLE, QHeaderView.ResizeMode.ResizeToContents),
        ):
            header.setSectionResizeMode(column, mode)
        header.resizeSection(NAME, self.fontMetrics().horizontalAdvance("bare ground") + 16)
        self.setMinimumHeight(line_px * 6)
