"""The classes as an item model: colour, name, phrases, threshold, visible."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFont

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSet, ClassSpec, ClassSyntaxError

COLOUR, NAME, PHRASES, THRESHOLD, VISIBLE = range(5)
_ROOT = QModelIndex()


class ClassModel(QAbstractTableModel):
    """Rows of ``ClassSpec`` that may be unfinished while a person types.

    ``dataChanged``, ``rowsInserted``, ``rowsRemoved``, ``rowsMoved`` and ``modelReset`` tell of every edit.

    Signals:
        taken_out(int, object): The ``ClassSpec`` of this row was removed.
        renamed(str, str): A class has another name: the old one and the new one.
    """

    taken_out = pyqtSignal(int, object)
    renamed = pyqtSignal(str, str)

    def __init__(self, parent: Any | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ClassSpec] = []

    # What the page asks for

    def classes(self) -> tuple[ClassSpec, ...]:
        """Return the rows as they are, finished or not."""
        return tuple(self._rows)

    def class_set(self) -> ClassSet:
        """Return the finished rows; rows without name and phrases are still being typed and left out.

        Raises:
            ClassSyntaxError: if a row is wrong (a name twice, ...) or none is finished.
        """
        return ClassSet(tuple(row for row in self._rows if row.name or row.phrases))

    def row_of(self, name: str) -> int:
        """Return the row of the class ``name``, or -1."""
        return next((i for i, row in enumerate(self._rows) if row.name == name), -1)

    def background_row(self) -> int | None:
        """Return the row of the background class, or None."""
        return next((i for i, row in enumerate(self._rows) if row.background), None)

    # Edits

    def set_classes(self, classes: tuple[ClassSpec, ...]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = list(classes)
        self.endResetModel()

    def add(self, spec: ClassSpec) -> int:
        """Append ``spec`` (before the background class, which stays last) and return its row."""
        background = self.background_row()
        row = len(self._rows) if background is None or spec.background else background
        self.insert(row, spec)
        return row

    def insert(self, row: int, spec: ClassSpec) -> None:
        """Put ``spec`` in so that it becomes ``row``."""
        row = min(row, len(self._rows))
        self.beginInsertRows(_ROOT, row, row)
        self._rows.insert(row, spec)
        self.endInsertRows()
        if spec.name and not spec.colour:
            self._give_colour(row)

    def remove(self, row: int) -> None:
        """Remove ``row``."""
        self.beginRemoveRows(_ROOT, row, row)
        spec = self._rows.pop(row)
        self.endRemoveRows()
        self.taken_out.emit(row, spec)

    def move(self, row: int, target: int) -> bool:
        """Move ``row`` so that it becomes ``target``; False where that is outside the table."""
        if not (0 <= target < len(self._rows)) or row == target:
            return False
        # Qt counts the target before the row is taken out.
        self.beginMoveRows(_ROOT, row, row, _ROOT, target + 1 if target > row else target)
        self._rows.insert(target, self._rows.pop(row))
        self.endMoveRows()
        return True

    # QAbstractTableModel

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of classes."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else 5

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Everything can be edited; visibility is a tick."""
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == VISIBLE:
            return base | Qt.ItemFlag.ItemIsUserCheckable
        return base if index.column() == COLOUR else base | Qt.ItemFlag.ItemIsEditable

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view shows or edits."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(row, column, role)
        if role == Qt.ItemDataRole.DecorationRole and column == COLOUR:
            return QColor(row.colour or "#808080")
        if role == Qt.ItemDataRole.CheckStateRole and column == VISIBLE:
            return Qt.CheckState.Checked if row.visible else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.FontRole and column == NAME and row.background:
            font = QFont()
            font.setItalic(True)
            return font
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._tooltip(row, column)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take an edit of one cell."""
        if not index.isValid():
            return False
        old = self._rows[index.row()]
        new = _edited(old, index.column(), value, role)
        if new is None or new == old:
            return False
        self._rows[index.row()] = new
        self.dataChanged.emit(index, index)
        if new.name and not new.colour:
            self._give_colour(index.row())
        if new.name != old.name:
            self.renamed.emit(old.name, new.name)
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the column titles and what the columns mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return ("", tr("Class"), tr("Phrases"), tr("Threshold"), tr("Show"))[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                tr("Colour of the class, here and in every layer made from it"),
                tr("Name of the class, shown in the legend"),
                tr("Words the model looks for, separated by commas; without any, the name itself is looked for"),
                tr("Least probability for a pixel to get this class; auto: the most probable class wins"),
                tr("Show this class in the live preview"),
            )[section]
        return None

    # Details

    @staticmethod
    def _text(row: ClassSpec, column: int, role: int) -> Any:
        if column == NAME:
            return row.name
        if column == PHRASES:
            return ", ".join(row.phrases)
        if column == THRESHOLD:
            if role == Qt.ItemDataRole.EditRole:
                return row.threshold
            return tr("auto") if row.threshold is None else f"{row.threshold:.2f}"
        return None

    def _tooltip(self, row: ClassSpec, column: int) -> str:
        if column == COLOUR:
            return tr("Colour of {name}: {colour}").format(name=row.name, colour=row.colour)
        if column == PHRASES:
            return tr("Looks for: {phrases}").format(phrases=", ".join(row.prompts))
        if column == NAME and row.background:
            return tr("Background: pixels below the threshold of their class fall to it")
        return str(self.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole))

    def _give_colour(self, row: int) -> None:
        """Assign the colour the class set would choose, once, so that it stays with the class."""
        named = [(i, spec) for i, spec in enumerate(self._rows) if spec.name]
        try:
            coloured = ClassSet(tuple(spec for _, spec in named)).classes
        except ClassSyntaxError:
            return
        for (i, _), spec in zip(named, coloured):
            if i == row:
                self._rows[row] = replace(self._rows[row], colour=spec.colour)
                index = self.index(row, COLOUR)
                self.dataChanged.emit(index, index)


def _edited(old: ClassSpec, column: int, value: Any, role: int) -> ClassSpec | None:
    """Return ``old`` with one cell changed, or None where the edit is not for that cell."""
    if role == Qt.ItemDataRole.CheckStateRole and column == VISIBLE:
        return replace(old, visible=Qt.CheckState(value) == Qt.CheckState.Checked)
    if role != Qt.ItemDataRole.EditRole:
        return None
    if column == COLOUR:
        return replace(old, colour=QColor(value).name().upper())
    if column == NAME:
        return replace(old, name=" ".join(str(value).split()))
    if column == PHRASES:
        phrases = (" ".join(phrase.split()) for phrase in str(value).split(","))
        return replace(old, phrases=tuple(dict.fromkeys(phrase for phrase in phrases if phrase)))
    if column == THRESHOLD:
        return replace(old, threshold=None if value is None else round(float(value), 2))
    return None
