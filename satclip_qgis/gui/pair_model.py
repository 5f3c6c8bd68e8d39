"""The pairs of a training set as an item model: picture, captions, class, part; only what is in sight is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, QUrl
from qgis.PyQt.QtGui import QIcon

from satclip_qgis import training_words
from satclip_qgis.gui.pair_thumbnails import SIDE_PX, PairThumbnails
from satclip_qgis.gui.training_set_store import TrainingSetStore
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import SPLITS, Pair

CHIP, CAPTIONS, LABEL, SPLIT = range(4)
LONG = "long:"
_MOST_PHOTOS, _PHOTO_PX = 3, 240
_ROOT = QModelIndex()


@dataclass(frozen=True)
class PairFilter:
    """Which pairs are shown.

    Attributes:
        text: In a caption, the class, the region or the id; whatever its case.
        split: The part; empty shows all.
        ids: Those of a finding; None shows all.
    """

    text: str = ""
    split: str = ""
    ids: frozenset[str] | None = None

    def takes(self, pair: Pair) -> bool:
        """Return whether ``pair`` is shown."""
        if (self.split and pair.split != self.split) or (self.ids is not None and pair.id not in self.ids):
            return False
        wanted = self.text.casefold()
        texts = (*pair.captions, *pair.long_captions, pair.label, pair.region, pair.id)
        return not wanted or any(wanted in text.casefold() for text in texts)


def captions_text(pair: Pair) -> str:
    """Return the captions one per line, long ones marked as in templates."""
    return "\n".join((*pair.captions, *(f"{LONG} {caption}" for caption in pair.long_captions)))


def with_captions(pair: Pair, text: str) -> Pair:
    """Return ``pair`` with the captions in ``text``."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    short = tuple(dict.fromkeys(line for line in lines if line and not line.lower().startswith(LONG)))
    told = (line[len(LONG) :].strip() for line in lines if line.lower().startswith(LONG))
    return replace(pair, captions=short, long_captions=tuple(dict.fromkeys(line for line in told if line)))


class PairModel(QAbstractTableModel):
    """Shows the pairs that pass a ``PairFilter``; edits go to the store.

    Args:
        store: The training set.
        parent: Qt parent.

    Attributes:
        filter: Which pairs are shown.
        is_locked: Whether edits are refused, as while the engine works on the set.
    """

    def __init__(self, store: TrainingSetStore, parent: Any | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._thumbnails = PairThumbnails(self)
        self._places: list[int] = []
        self._row_of: dict[str, int] = {}
        self._ids: list[str] = []
        self.filter = PairFilter()
        self.is_locked = False
        self._thumbnails.read.connect(self._thumbnail_read)
        store.opened.connect(self._opened)
        store.edited.connect(self._edited)
        self._refill()

    def show_only(self, wanted: PairFilter) -> None:
        """Show the pairs that pass ``wanted``."""
        self.filter = wanted
        self._refill()

    def pair(self, row: int) -> Pair:
        """Return the pair in a row."""
        return self._store.current.pairs[self._places[row]]

    def row_of(self, pair_id: str) -> int:
        """Return the row of a pair, or -1 where it is not shown."""
        return self._row_of.get(pair_id, -1)

    def set_split(self, rows: list[int], split: str) -> bool:
        """Put the pairs of some rows into another part."""
        changed = {self._places[row]: replace(self.pair(row), split=split) for row in rows}
        return self._store.change(changed, tr("Move to {split}").format(split=training_words.split(split)))

    # QAbstractTableModel

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return how many pairs are shown."""
        return 0 if parent.isValid() else len(self._places)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else 4

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Everything but the picture can be edited."""
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return base if index.column() == CHIP or self.is_locked else base | Qt.ItemFlag.ItemIsEditable

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view shows or edits."""
        if not index.isValid() or index.row() >= len(self._places):
            return None
        pair, column = self.pair(index.row()), index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return _text(pair, column, role)
        if role == Qt.ItemDataRole.DecorationRole and column == CHIP:
            picture = self._thumbnails.get(self._store.current, pair)
            return QIcon(picture) if picture is not None and not picture.isNull() else None
        if role == Qt.ItemDataRole.SizeHintRole and column == CHIP:
            return QSize(SIDE_PX + 8, SIDE_PX + 8)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._tooltip(pair, column)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take an edit of one cell and write it."""
        if not index.isValid() or role != Qt.ItemDataRole.EditRole or self.is_locked:
            return False
        place = self._places[index.row()]
        before = self._store.current.pairs[place]
        after = _edited(before, index.column(), value)
        return after != before and self._store.change({place: after}, tr("Edit {pair}").format(pair=before.id))

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the column titles and what the columns mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr("Chip"), tr("Captions"), tr("Class"), tr("Part"))[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                tr("The image; double-click to see the place on the map"),
                tr("What is said of it, one caption per line; long: begins one for models that read long texts"),
                tr("The class that covers most of it"),
                tr("Learnt from (train), used to choose the best weights (validation) or only to judge (test)"),
            )[section]
        return None

    # Details

    def _opened(self) -> None:
        self._thumbnails.clear()
        self.filter = PairFilter()
        self._refill()

    def _edited(self) -> None:
        """Keep what is shown where only its content changed: a pair must not vanish under the hand that edits it."""
        if [pair.id for pair in self._store.current.pairs] == self._ids:
            if self._places:
                self.dataChanged.emit(self.index(0, CHIP), self.index(len(self._places) - 1, SPLIT))
        else:
            self._refill()

    def _refill(self) -> None:
        self.beginResetModel()
        pairs = self._store.current.pairs if self._store.current is not None else ()
        self._ids = [pair.id for pair in pairs]
        self._places = [place for place, pair in enumerate(pairs) if self.filter.takes(pair)]
        self._row_of = {pairs[place].id: row for row, place in enumerate(self._places)}
        self.endResetModel()

    def _thumbnail_read(self, pair: Pair) -> None:
        row = self.row_of(pair.id)
        if row >= 0:
            index = self.index(row, CHIP)
            self.dataChanged.emit(index, index)

    def _tooltip(self, pair: Pair, column: int) -> str:
        if column != CHIP:
            return str(_text(pair, column, Qt.ItemDataRole.DisplayRole))
        picture = self._thumbnails.get(self._store.current, pair)
        text = " · ".join(part for part in (pair.id, pair.region) if part)
        if picture is not None and picture.isNull():
            return tr("{pair}: the image cannot be read ({path})").format(pair=text, path=pair.image)
        return "<br>".join((escape(text), *map(self._photo_tag, pair.photos[:_MOST_PHOTOS]))) if pair.photos else text

    def _photo_tag(self, name: str) -> str:
        url = QUrl.fromLocalFile(str(self._store.current.path_of(name))).toString()
        return f'<img src="{escape(url)}" width="{_PHOTO_PX}">'


def _text(pair: Pair, column: int, role: int) -> str:
    if column == CAPTIONS:
        return captions_text(pair)
    if column == LABEL:
        return pair.label
    if column == SPLIT:
        return pair.split if role == Qt.ItemDataRole.EditRole else training_words.split(pair.split)
    return ""


def _edited(pair: Pair, column: int, value: Any) -> Pair:
    if column == CAPTIONS:
        return with_captions(pair, str(value))
    if column == LABEL:
        return replace(pair, label=" ".join(str(value).split()))
    if column == SPLIT and value in SPLITS:
        return replace(pair, split=str(value))
    return pair
