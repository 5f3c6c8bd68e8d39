"""The table of classes on the Teach page: one is chosen, keys 1-9 choose another."""

from __future__ import annotations

from qgis.PyQt.QtCore import QItemSelectionModel, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from satclip_qgis.gui.class_delegates import SwatchDelegate
from satclip_qgis.gui.class_tally import COLOUR, F1, KEY, NAME, PLACES, SAMPLES, ClassTally
from satclip_qgis.i18n import tr


class TallyView(QTableView):
    """Shows a ``ClassTally``; the selected class is what the tools draw.

    Signals:
        chosen(): Another class was chosen.
        colour_wanted(int): The colour of this row should be changed.
        removal_wanted(): Delete was pressed.
    """

    chosen = pyqtSignal()
    colour_wanted = pyqtSignal(int)
    removal_wanted = pyqtSignal()

    def __init__(self, tally: ClassTally, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tally = tally
        self._name = ""
        self.setModel(tally)
        self.setItemDelegateForColumn(COLOUR, SwatchDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAccessibleName(tr("Classes and their samples"))
        self.setToolTip(tr("The chosen class is what the tools draw: click one or press its key, 1 to 9"))
        self._size_columns()
        tally.rebuilt.connect(self._choose_again)
        tally.dataChanged.connect(lambda _first, _last: self._renamed())
        self.selectionModel().currentRowChanged.connect(lambda _new, _old: self._current_changed())
        self.clicked.connect(lambda index: self.colour_wanted.emit(index.row()) if index.column() == COLOUR else None)
        self._choose_again()

    def current_name(self) -> str:
        """Return the name of the chosen class, or nothing."""
        row = self.currentIndex().row()
        return self._tally.name(row) if 0 <= row < self._tally.rowCount() else ""

    def choose(self, row: int) -> None:
        """Choose the class of ``row``, if there is one."""
        if 0 <= row < self._tally.rowCount():
            index = self._tally.index(row, NAME)
            flags = QItemSelectionModel.SelectionFlag
            self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.scrollTo(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose with 1 to 9, remove with Delete, colour with Space."""
        key, row = event.key(), self.currentIndex().row()
        if Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self.choose(int(key) - int(Qt.Key.Key_1))
        elif key == Qt.Key.Key_Delete:
            self.removal_wanted.emit()
        elif key == Qt.Key.Key_Space and row >= 0:
            self.colour_wanted.emit(row)
        else:
            super().keyPressEvent(event)

    def _current_changed(self) -> None:
        self._name = self.current_name()
        self.chosen.emit()

    def _renamed(self) -> None:
        self._name = self.current_name()
        self.chosen.emit()

    def _choose_again(self) -> None:
        """After a rebuild the same class stays chosen, wherever it is now."""
        names = [self._tally.name(row) for row in range(self._tally.rowCount())]
        if names:
            self.choose(names.index(self._name) if self._name in names else 0)

    def _size_columns(self) -> None:
        line_px = self.fontMetrics().height() + 8
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(line_px)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(line_px)
        for column in (KEY, COLOUR, SAMPLES, PLACES, F1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.setMinimumHeight(line_px * 6)
