"""The models as an item model: title, state with progress, size, scale; what is here comes first."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from satclip_qgis.gui import model_words
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.job_model import DONE_ROLE
from satclip_qgis.gui.model_shelf import ModelShelf
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobView, ModelInfo

TITLE, STATE, SIZE, SCALE = range(4)
_ROOT = QModelIndex()


class ModelList(QAbstractTableModel):
    """Rows of ``ModelInfo``, fed by a ``ModelShelf``."""

    def __init__(self, shelf: ModelShelf, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shelf = shelf
        self._rows: tuple[ModelInfo, ...] = ()
        shelf.changed.connect(self._refresh)

    def model(self, row: int) -> ModelInfo | None:
        """Return the model in ``row``, or None outside the table."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def row_of(self, model_id: str) -> int:
        """Return the row of a model, or -1."""
        return next((i for i, model in enumerate(self._rows) if model.id == model_id), -1)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of models."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else 4

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view shows."""
        model = self.model(index.row())
        if model is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                model.title,
                model_words.state(model, self._active_job(model)),
                model_words.size(model),
                model_words.scale(model),
            )[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return model_words.tooltip(model)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == TITLE:
            return theme_icon(_icon(model))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == SIZE:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == DONE_ROLE:
            job = self._active_job(model)
            return job.progress.done if job is not None and job.progress is not None else None
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the column titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Model"), tr("State"), tr("Size"), tr("m/px"))[section]
        return None

    def _active_job(self, model: ModelInfo) -> JobView | None:
        return next((job for job in self._shelf.active_jobs() if job.spec.request.get("model") == model.id), None)

    def _refresh(self) -> None:
        rows = tuple(sorted(self._shelf.models, key=lambda model: (not model.builtin, not model.installed)))
        if [row.id for row in rows] == [row.id for row in self._rows]:
            # The view keeps its selection and place while a download goes on.
            self._rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, SCALE))
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()


def _icon(model: ModelInfo) -> str:
    if model.installed:
        return "mIconSuccess.svg"
    return "mActionArrowDown.svg" if model.downloadable else "mIconWarning.svg"
