"""The classes as the Teach page shows them: key, colour, name, samples, places, held-out F1."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor

from satclip_qgis.gui import class_model
from satclip_qgis.gui.class_model import ClassModel
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassEvidence

KEY, COLOUR, NAME, SAMPLES, PLACES, F1 = range(6)
KEYS = 9
_ROOT = QModelIndex()
_NUMBERS = (SAMPLES, PLACES, F1)


class ClassTally(QAbstractTableModel):
    """The rows of a ``ClassModel`` with what is known about their samples; names can be edited.

    Args:
        classes: The classes: the Map page's own.
        parent: Qt parent.

    Signals:
        rebuilt(): Classes came, went or moved: rows may mean others than before.
    """

    rebuilt = pyqtSignal()

    def __init__(self, classes: ClassModel, parent: Any | None = None) -> None:
        super().__init__(parent)
        self._classes = classes
        self._counts: Counter[str] = Counter()
        self._evidence: dict[str, ClassEvidence] = {}
        for signal in (classes.rowsInserted, classes.rowsRemoved, classes.rowsMoved, classes.modelReset):
            signal.connect(self._rebuild)
        classes.dataChanged.connect(lambda first, last: self._changed(first.row(), last.row()))

    def show_counts(self, counts: Counter[str]) -> None:
        """Show how many samples each class has."""
        self._counts = counts
        self._changed(0, self.rowCount() - 1)

    def show_evidence(self, evidence: tuple[ClassEvidence, ...]) -> None:
        """Show what the newest fit found out about each class; nothing takes it away."""
        self._evidence = {one.name: one for one in evidence}
        self._changed(0, self.rowCount() - 1)

    def name(self, row: int) -> str:
        """Return the name of the class in ``row``."""
        return self._classes.classes()[row].name

    # QAbstractTableModel

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of classes."""
        return 0 if parent.isValid() else self._classes.rowCount()

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else 6

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Names can be edited."""
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return base | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else base

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view shows or edits."""
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        row, column = index.row(), index.column()
        spec = self._classes.classes()[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, spec.name, column)
        if role == Qt.ItemDataRole.EditRole and column == NAME:
            return spec.name
        if role == Qt.ItemDataRole.DecorationRole and column == COLOUR:
            return QColor(spec.colour or "#808080")
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (KEY, *_NUMBERS):
            return int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
        if role == Qt.ItemDataRole.FontRole:
            return self._classes.data(self._classes.index(row, class_model.NAME), role)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._tooltip(spec.name, column)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take another name."""
        if not index.isValid() or index.column() != NAME:
            return False
        return self._classes.setData(self._classes.index(index.row(), class_model.NAME), value, role)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the column titles and what the columns mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr("Key"), "", tr("Class"), tr("Samples"), tr("Places"), tr("F1"))[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                tr("Press this key while a tool is in hand to draw samples of the class"),
                tr("Colour of the class"),
                tr("Name of the class; a class may have words, samples, or both"),
                tr("How many samples the class has"),
                tr("How many of them lie in places independent of each other; fewer than three prove little"),
                tr("How well the class is found in places that were kept out of the learning, from 0 to 1"),
            )[section]
        return None

    # Details

    def _text(self, row: int, name: str, column: int) -> str:
        evidence = self._evidence.get(name)
        if column == KEY:
            return str(row + 1) if row < KEYS else ""
        if column == NAME:
            return name
        if column == SAMPLES:
            return str(self._counts[name] or "")
        if column == PLACES:
            return str(evidence.places or "") if evidence is not None else ""
        if column == F1:
            return f"{evidence.f1:.2f}" if evidence is not None and evidence.f1 is not None else ""
        return ""

    def _tooltip(self, name: str, column: int) -> str:
        evidence = self._evidence.get(name)
        if column == F1 and evidence is not None and evidence.f1 is not None:
            return tr("Held-out F1 of {name}: {f1:.2f}, from {count} samples in {places} places").format(
                name=name, f1=evidence.f1, count=evidence.samples, places=evidence.places
            )
        if column == F1 and self._counts[name]:
            return tr("Not known yet: it takes samples in more places to hold some out")
        return str(self.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole))

    def _rebuild(self) -> None:
        self.beginResetModel()
        self.endResetModel()
        self.rebuilt.emit()

    def _changed(self, first: int, last: int) -> None:
        if 0 <= first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, F1))
