"""Chips beside captions: search, part, the table, undo."""

from __future__ import annotations

from dataclasses import replace

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QContextMenuEvent
from qgis.PyQt.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from satclip_qgis import training_words
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.pair_model import PairFilter, PairModel
from satclip_qgis.gui.pair_view import PairView
from satclip_qgis.gui.training_set_store import TrainingSetStore
from satclip_qgis.gui.widgets import tool_button
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import SPLITS, Finding


class PairTable(QWidget):
    """The pairs of a training set, searched and edited.

    Args:
        store: The training set.
        parent: Qt parent.

    Signals:
        place_wanted(object): The place of this ``Pair`` is to be seen on the map.
    """

    place_wanted = pyqtSignal(object)

    def __init__(self, store: TrainingSetStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.model = PairModel(store, self)
        self.view = PairView(self.model)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.setPlaceholderText(tr("Search captions, classes, regions"))
        self.search.setToolTip(tr("Show only pairs with this text in a caption, the class, the region or the id"))
        self.search.setAccessibleName(tr("Search"))
        self.split_combo = QComboBox()
        self.split_combo.setToolTip(tr("Show only the pairs of one part"))
        self.split_combo.setAccessibleName(tr("Part"))
        self.split_combo.addItem(tr("All parts"), "")
        for name in SPLITS:
            self.split_combo.addItem(training_words.split(name), name)
        self.finding_button = QToolButton()
        self.finding_button.setIcon(theme_icon("mIconClearText.svg"))
        self.finding_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.finding_button.setToolTip(tr("Show all pairs again"))
        self.finding_button.hide()
        self.shown = QLabel()
        self.undo_button = tool_button("mActionUndo.svg", tr("Undo the last edit of the training set (Ctrl+Z)"))
        self.redo_button = tool_button("mActionRedo.svg", tr("Redo (Ctrl+Shift+Z)"))
        self._lay_out()
        self._connect()
        self._say()

    def show_finding(self, finding: Finding | None) -> None:
        """Show only the pairs that ``finding`` is about; None shows all."""
        ids = frozenset(finding.pairs) if finding is not None else None
        self.finding_button.setVisible(finding is not None)
        if finding is not None:
            self.finding_button.setText(tr("{count} of a finding").format(count=f"{len(finding.pairs):,}"))
            self.split_combo.setCurrentIndex(0)
            self.search.clear()
        self.model.show_only(replace(self.model.filter, ids=ids))

    def set_locked(self, locked: bool) -> None:
        """Refuse edits while the engine works on the set, or take them again."""
        self.model.is_locked = locked
        self._allow_undo(self._store.undo.canUndo())
        self._allow_redo(self._store.undo.canRedo())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the selected pairs."""
        self.menu().popup(event.globalPos())

    def menu(self) -> QMenu:
        """Return what can be done with the selected pairs."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rows = sorted({index.row() for index in self.view.selectionModel().selectedRows()})
        show = menu.addAction(theme_icon("mActionZoomToLayer.svg"), tr("Show on the &map"))
        show.setEnabled(bool(rows))
        show.triggered.connect(lambda _checked=False: self._want_place(rows[0]))
        parts = menu.addMenu(tr("Move to &part"))
        parts.setEnabled(bool(rows) and not self.model.is_locked)
        for name in SPLITS:
            action = parts.addAction(training_words.split(name))
            action.triggered.connect(lambda _checked=False, name=name: self.model.set_split(rows, name))
        return menu

    def _want_place(self, row: int) -> None:
        self.place_wanted.emit(self.model.pair(row))

    def _connect(self) -> None:
        undo = self._store.undo
        self.view.place_wanted.connect(self._want_place)
        self.search.textChanged.connect(lambda _text: self._filter())
        self.split_combo.currentIndexChanged.connect(lambda _index: self._filter())
        self.finding_button.clicked.connect(lambda _checked: self.show_finding(None))
        self.model.modelReset.connect(self._say)
        self._store.opened.connect(self._forget_filter)
        self.undo_button.clicked.connect(lambda _checked: self._undo())
        self.redo_button.clicked.connect(lambda _checked: self._redo())
        self.view.undo_pressed.connect(self._undo)
        self.view.redo_pressed.connect(self._redo)
        undo.canUndoChanged.connect(self._allow_undo)
        undo.canRedoChanged.connect(self._allow_redo)
        self._allow_undo(undo.canUndo())
        self._allow_redo(undo.canRedo())

    def _undo(self) -> None:
        if not self.model.is_locked:
            self._store.undo.undo()

    def _redo(self) -> None:
        if not self.model.is_locked:
            self._store.undo.redo()

    def _filter(self) -> None:
        wanted = PairFilter(self.search.text().strip(), str(self.split_combo.currentData()), self.model.filter.ids)
        self.model.show_only(wanted)

    def _forget_filter(self) -> None:
        self.finding_button.hide()
        for widget in (self.search, self.split_combo):
            widget.blockSignals(True)
        self.search.clear()
        self.split_combo.setCurrentIndex(0)
        for widget in (self.search, self.split_combo):
            widget.blockSignals(False)

    def _say(self) -> None:
        total = len(self._store.current.pairs) if self._store.current is not None else 0
        shown = self.model.rowCount()
        text = tr("{shown} of {total} shown").format(shown=f"{shown:,}", total=f"{total:,}")
        self.shown.setText(text)
        self.shown.setVisible(shown != total)

    def _allow_undo(self, is_possible: bool) -> None:
        self.undo_button.setEnabled(is_possible and not self.model.is_locked)

    def _allow_redo(self, is_possible: bool) -> None:
        self.redo_button.setEnabled(is_possible and not self.model.is_locked)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.split_combo)
        top.addWidget(self.undo_button)
        top.addWidget(self.redo_button)
        layout.addLayout(top)
        second = QHBoxLayout()
        second.addWidget(self.finding_button)
        second.addWidget(self.shown, 1)
        layout.addLayout(second)
        layout.addWidget(self.view, 1)
