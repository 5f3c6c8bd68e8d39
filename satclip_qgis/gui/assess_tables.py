"""The tables of the Assess page: as high as their rows, the colour of each class before its name."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QIcon, QPixmap
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from satclip_qgis.gui.assess_words import Row
from satclip_qgis.i18n import tr

# More rows than this scroll inside the table.
_MOST_ROWS = 14
_SWATCH_PX = 12
# Classes that have a digit as their key.
_DIGITS = 9


class ClassRows(QTableWidget):
    """One row per class: its name, then cells.

    Args:
        columns: Titles; the first is the class's own.
        parent: Qt parent.
    """

    def __init__(self, columns: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(0, len(columns), parent)
        self.setHorizontalHeaderLabels(list(columns))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._fit()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show the name, colour and cells of each class."""
        self.setRowCount(len(rows))
        for row, (name, colour, cells) in enumerate(rows):
            first = QTableWidgetItem(name)
            first.setToolTip(name)
            if colour:
                first.setIcon(_swatch(QColor(colour)))
            self.setItem(row, 0, first)
            for column, text in enumerate(cells, start=1):
                item = QTableWidgetItem(text)
                item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                self.setItem(row, column, item)
        self._fit()

    def _fit(self) -> None:
        lines = min(max(self.rowCount(), 1), _MOST_ROWS)
        height = lines * self.verticalHeader().defaultSectionSize() + self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(height + 2 * self.frameWidth() + 2)


class KeyedClasses(ClassRows):
    """The classes to label with, their keys beside them; then "none of these" and "cannot tell".

    Signals:
        chosen(int): A row was clicked.
    """

    chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__((tr("Class"), tr("Given"), tr("Key")), parent)
        self.setToolTip(tr("Press the key of the class that is really there, or click it"))
        self.setAccessibleName(tr("Classes to label with"))
        # A click leaves the keys where they are, on the map.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cellClicked.connect(lambda row, _column: self.chosen.emit(row))

    def show_classes(self, classes: Sequence[tuple[str, str, int]], other: int, unsure: int) -> None:
        """Show name, colour and how often each class, none of them, and no answer at all were given."""
        rows = [
            (name, colour, (str(count or ""), str(row) if row <= _DIGITS else ""))
            for row, (name, colour, count) in enumerate(classes, start=1)
        ]
        rows.append((tr("None of these"), "", (str(other or ""), "0")))
        rows.append((tr("Cannot tell"), "", (str(unsure or ""), "U")))
        self.show_rows(rows)


def _swatch(colour: QColor) -> QIcon:
    picture = QPixmap(_SWATCH_PX, _SWATCH_PX)
    picture.fill(colour)
    return QIcon(picture)
