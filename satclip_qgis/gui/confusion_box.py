"""Which classes a trained model takes for which: a table, folded away until it is asked for. Widgets only."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis import train_words
from satclip_qgis.gui.widgets import told_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import TrainingResult
from satclip_qgis.train_words import ShownConfusion

# More classes than this scroll inside the table; and the longest name that stands beside a row, in letters.
_MOST_ROWS, _NAME_LETTERS = 12, 18
# Of 255: text stays readable on a cell that all of a class went to.
_MOST_OPAQUE = 110


class ConfusionBox(QgsCollapsibleGroupBoxBasic):
    """Shows in each row where the images or pixels of one class went, before the training or after it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Taken for each other"), parent)
        self.combo = QComboBox()
        self.combo.setToolTip(tr("Images or pixels, before the training or after it"))
        self.combo.setAccessibleName(tr("What is counted"))
        self.line = told_label()
        self.table = QTableWidget()
        self.table.setToolTip(tr("Rows: what is there. Columns: what the model says. Numbers: per cent of the row"))
        self.table.setAccessibleName(tr("Classes taken for each other, in per cent"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        metrics = self.table.fontMetrics()
        rows.setMaximumWidth(metrics.averageCharWidth() * _NAME_LETTERS)
        rows.setTextElideMode(Qt.TextElideMode.ElideRight)
        rows.setDefaultSectionSize(metrics.height() + 6)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setDefaultSectionSize(metrics.horizontalAdvance("1000") + 10)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._shown: tuple[ShownConfusion, ...] = ()
        layout = QVBoxLayout(self)
        for widget in (self.combo, self.line, self.table):
            layout.addWidget(widget)
        self.combo.currentIndexChanged.connect(lambda _index: self._fill())
        self.collapsedStateChanged.connect(lambda _collapsed: self._fill())
        self.setCollapsed(True)

    def show_result(self, found: TrainingResult) -> None:
        """Offer the confusions of a training; without any, as in the cards of older versions, nothing is seen."""
        shown = train_words.confusions(found)
        self.setVisible(bool(shown))
        if shown == self._shown:
            return
        index = self.combo.currentIndex() if len(shown) == len(self._shown) else 0
        self._shown = shown
        self.combo.blockSignals(True)
        self.combo.clear()
        self.combo.addItems([one.title for one in shown])
        self.combo.setCurrentIndex(index)
        self.combo.blockSignals(False)
        self._fill()

    def _fill(self) -> None:
        if self.isCollapsed() or not self._shown:
            return
        one = self._shown[self.combo.currentIndex()]
        names = one.names
        self.line.setText(train_words.most_confused(one))
        self.table.clear()
        self.table.setRowCount(len(names))
        self.table.setColumnCount(len(names))
        for place, name in enumerate(names):
            self.table.setVerticalHeaderItem(place, _told(f"{place + 1} {name}", name))
            self.table.setHorizontalHeaderItem(place, _told(str(place + 1), name))
        for row, truth in enumerate(names):
            for column, taken in enumerate(names):
                if one.share(truth, taken):
                    self.table.setItem(row, column, self._cell(one, truth, taken))
        self._fit()

    def _cell(self, one: ShownConfusion, truth: str, taken: str) -> QTableWidgetItem:
        share = one.share(truth, taken)
        item = _told(f"{share * 100:.0f}", one.sentence(truth, taken))
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        colour = QColor(self.palette().color(QPalette.ColorRole.Highlight))
        colour.setAlpha(round(share * _MOST_OPAQUE))
        item.setBackground(colour)
        if truth == taken:
            font = item.font()
            font.setBold(True)
            item.setFont(font)
        return item

    def _fit(self) -> None:
        lines = min(self.table.rowCount(), _MOST_ROWS)
        height = lines * self.table.verticalHeader().defaultSectionSize()
        height += (
            self.table.horizontalHeader().sizeHint().height() + self.table.horizontalScrollBar().sizeHint().height()
        )
        self.table.setFixedHeight(height + 2 * self.table.frameWidth())


def _told(text: str, tooltip: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(tooltip)
    return item
