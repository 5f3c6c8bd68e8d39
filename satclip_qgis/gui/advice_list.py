"""The places whose labels would help most: thumbnail and question, labelled with a key."""

from __future__ import annotations

import base64

from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QIcon, QKeyEvent, QPixmap
from qgis.PyQt.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import AdvisedPlace

_SIDE_PX = 56
_PLACE = Qt.ItemDataRole.UserRole


class AdviceList(QListWidget):
    """Shows advised places, the most helpful first.

    Signals:
        shown(object): This ``AdvisedPlace`` was chosen.
        labelled(object, int): The place is an example of the class with this key, from 1.
    """

    shown = pyqtSignal(object)
    labelled = pyqtSignal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setIconSize(QSize(_SIDE_PX, _SIDE_PX))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setUniformItemSizes(True)
        self.setAccessibleName(tr("Where a sample would help most"))
        self.setToolTip(tr("Click a place to go there; press the key of its class, 1 to 9, and the next one follows"))
        self.setMinimumHeight(2 * _SIDE_PX)
        self.currentItemChanged.connect(self._current_changed)
        self.itemClicked.connect(lambda item: self.shown.emit(item.data(_PLACE)))

    def show_places(self, places: tuple[AdvisedPlace, ...], names: tuple[str, ...]) -> None:
        """List ``places``; ``names`` are the classes they speak of."""
        self.blockSignals(True)
        self.clear()
        for number, place in enumerate(places, start=1):
            question = tr("{first} or {second}?").format(first=names[place.first], second=names[place.second])
            item = QListWidgetItem(_icon(place), f"{number}. {question}")
            item.setData(_PLACE, place)
            item.setToolTip(tr("The two are {percent} % apart here").format(percent=round(place.margin * 100)))
            self.addItem(item)
        self.blockSignals(False)

    def current_place(self) -> AdvisedPlace | None:
        """Return the place that is looked at."""
        item = self.currentItem()
        return item.data(_PLACE) if item is not None else None

    def start(self) -> None:
        """Look at the first place."""
        self.blockSignals(True)
        self.setCurrentRow(0)
        self.blockSignals(False)
        self.shown.emit(self.current_place())

    def next(self) -> None:
        """The current place is done: go on to the next."""
        row = self.currentRow()
        self.blockSignals(True)
        self.takeItem(row)
        self.blockSignals(False)
        if self.count():
            self.blockSignals(True)
            self.setCurrentRow(min(row, self.count() - 1))
            self.blockSignals(False)
            self.shown.emit(self.current_place())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Label with 1 to 9, skip with Delete."""
        place, key = self.current_place(), event.key()
        if place is not None and Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self.labelled.emit(place, int(key) - int(Qt.Key.Key_0))
        elif place is not None and key == Qt.Key.Key_Delete:
            self.next()
        else:
            super().keyPressEvent(event)

    def _current_changed(self, item: QListWidgetItem | None, _before: QListWidgetItem | None) -> None:
        # A click tells of itself; here the arrow keys are followed.
        if item is not None and self.hasFocus():
            self.shown.emit(item.data(_PLACE))


def _icon(place: AdvisedPlace) -> QIcon:
    picture = QPixmap()
    picture.loadFromData(base64.b64decode(place.thumbnail_png_base64))
    return QIcon(picture)
