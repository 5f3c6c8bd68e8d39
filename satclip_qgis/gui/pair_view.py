"""The table view of pairs: chips beside captions that are edited in place."""

from __future__ import annotations

from qgis.PyQt.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QRect, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QPlainTextEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from satclip_qgis import training_words
from satclip_qgis.gui.pair_model import CAPTIONS, CHIP, LABEL, SPLIT, PairModel
from satclip_qgis.gui.pair_thumbnails import SIDE_PX
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import SPLITS

_KEYS = QKeySequence.StandardKey
_MARGIN_PX = 8
_LEAST_ROWS = 5


class PairView(QTableView):
    """Shows a ``PairModel``.

    Signals:
        place_wanted(int): The place of the pair in this row is to be seen on the map.
        undo_pressed(): Ctrl+Z was pressed.
        redo_pressed(): Ctrl+Shift+Z was pressed.
    """

    place_wanted = pyqtSignal(int)
    undo_pressed = pyqtSignal()
    redo_pressed = pyqtSignal()

    def __init__(self, model: PairModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegateForColumn(CAPTIONS, CaptionDelegate(self))
        self.setItemDelegateForColumn(SPLIT, SplitDelegate(self))
        self.setIconSize(QSize(SIDE_PX, SIDE_PX))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        self.setTabKeyNavigation(False)
        self.setWordWrap(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName(tr("Chips and captions"))
        self.setToolTip(tr("Double-click a chip to see its place, a caption to edit it; Ctrl+Z takes an edit back"))
        self.doubleClicked.connect(
            lambda index: self.place_wanted.emit(index.row()) if index.column() == CHIP else None
        )
        self._size()

    def event(self, event: QEvent) -> bool:
        """Keep undo and redo from QGIS, whose own they are elsewhere."""
        is_key = event.type() == QEvent.Type.ShortcutOverride
        if is_key and (event.matches(_KEYS.Undo) or event.matches(_KEYS.Redo)):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Undo and redo; show the place on the map with Return or Space on a picture."""
        index = self.currentIndex()
        if event.matches(_KEYS.Undo):
            self.undo_pressed.emit()
        elif event.matches(_KEYS.Redo):
            self.redo_pressed.emit()
        elif index.column() == CHIP and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.place_wanted.emit(index.row())
        else:
            super().keyPressEvent(event)

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() == CHIP:
            self.place_wanted.emit(index.row())

    def _size(self) -> None:
        line_px = SIDE_PX + _MARGIN_PX
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(line_px)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(CHIP, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(CHIP, line_px)
        header.setSectionResizeMode(CAPTIONS, QHeaderView.ResizeMode.Stretch)
        for column, text in ((LABEL, "residential"), (SPLIT, tr("validation"))):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(column, self.fontMetrics().horizontalAdvance(text) + 16)
        self.setMinimumHeight(_LEAST_ROWS * line_px)


class CaptionDelegate(QStyledItemDelegate):
    """Edits captions one per line: Return keeps them, Shift+Return begins another."""

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, _index: QModelIndex) -> QWidget:
        """Return the editor."""
        editor = QPlainTextEdit(parent)
        editor.setTabChangesFocus(True)
        editor.setToolTip(tr("One caption per line: Shift+Return begins another, Return keeps them, Escape does not"))
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: QModelIndex) -> None:
        """Give the editor the cell, and more below or above it where there is much to read."""
        lines = editor.document().blockCount() + 2
        height = max(option.rect.height(), lines * editor.fontMetrics().lineSpacing() + _MARGIN_PX)
        room = editor.parentWidget().height()
        height = min(height, room)
        top = max(0, min(option.rect.top(), room - height))
        editor.setGeometry(QRect(option.rect.left(), top, option.rect.width(), height))

    def setEditorData(self, editor: QWidget, index: QModelIndex) -> None:
        """Show the captions."""
        editor.setPlainText(index.data(Qt.ItemDataRole.EditRole))
        editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex) -> None:
        """Take what was written."""
        model.setData(index, editor.toPlainText())

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        """Let Return end the editing."""
        is_return = event.type() == QEvent.Type.KeyPress and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_return and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.commitData.emit(editor)
            self.closeEditor.emit(editor)
            return True
        return bool(super().eventFilter(editor, event))


class SplitDelegate(QStyledItemDelegate):
    """Edits the part with a list."""

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, _index: QModelIndex) -> QWidget:
        """Return the list."""
        editor = QComboBox(parent)
        for name in SPLITS:
            editor.addItem(training_words.split(name), name)
        editor.activated.connect(lambda _index: self._chosen(editor))
        return editor

    def setEditorData(self, editor: QWidget, index: QModelIndex) -> None:
        """Show the part."""
        editor.setCurrentIndex(editor.findData(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex) -> None:
        """Take the chosen part."""
        model.setData(index, editor.currentData())

    def _chosen(self, editor: QComboBox) -> None:
        self.commitData.emit(editor)
        self.closeEditor.emit(editor)
