"""The jobs as an item model: title, status with progress, when; newest first."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QDateTime, QLocale, QModelIndex, QObject, Qt

from satclip_qgis.gui import wording
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobState, JobView

TITLE, STATUS, WHEN = range(3)
DONE_ROLE = Qt.ItemDataRole.UserRole + 1
_ROOT = QModelIndex()
_ICONS = {
    JobState.QUEUED: "mIconLoading.gif",
    JobState.STARTING: "mActionStart.svg",
    JobState.RUNNING: "mActionStart.svg",
    JobState.SUCCEEDED: "mIconSuccess.svg",
    JobState.FAILED: "mIconWarning.svg",
    JobState.CANCELLED: "mActionStop.svg",
    JobState.INTERRUPTED: "mActionStop.svg",
}


class JobModel(QAbstractTableModel):
    """Rows of ``JobView``, fed by a ``JobTracker``."""

    def __init__(self, tracker: JobTracker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[JobView] = []
        for job in tracker.jobs.values():
            self._take(job)
        tracker.changed.connect(self._take)
        tracker.removed.connect(self._forget)

    def job(self, row: int) -> JobView | None:
        """Return the job in ``row``, or None outside the table."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def row_of(self, job_id: str) -> int:
        """Return the row of a job, or -1."""
        return next((i for i, job in enumerate(self._rows) if job.id == job_id), -1)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of jobs."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else 3

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view shows."""
        job = self.job(index.row())
        if job is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (_title(job), wording.job_status(job), _when(job))[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(job)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == TITLE:
            return theme_icon(_ICONS[job.state])
        if role == DONE_ROLE and job.state is JobState.RUNNING and job.progress is not None:
            return job.progress.done
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the column titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Job"), tr("Status"), tr("Started"))[section]
        return None

    def _take(self, job: JobView) -> None:
        row = self.row_of(job.id)
        if row >= 0:
            self._rows[row] = job
            self.dataChanged.emit(self.index(row, 0), self.index(row, 2))
            return
        row = sum(other.created_s > job.created_s for other in self._rows)
        self.beginInsertRows(_ROOT, row, row)
        self._rows.insert(row, job)
        self.endInsertRows()

    def _forget(self, job_id: str) -> None:
        row = self.row_of(job_id)
        if row >= 0:
            self.beginRemoveRows(_ROOT, row, row)
            del self._rows[row]
            self.endRemoveRows()


def _title(job: JobView) -> str:
    return job.spec.title or job.spec.kind


def _when(job: JobView) -> str:
    moment = QDateTime.fromSecsSinceEpoch(int(job.created_s))
    is_today = moment.date() == QDateTime.currentDateTime().date()
    locale = QLocale()
    if is_today:
        return locale.toString(moment.time(), QLocale.FormatType.ShortFormat)
    return locale.toString(moment, QLocale.FormatType.ShortFormat)


def _tooltip(job: JobView) -> str:
    lines = [_title(job), wording.job_status(job), str(job.spec.request.get("out_dir", ""))]
    if job.problem is not None and job.problem.remedy:
        lines.insert(2, job.problem.remedy)
    return "\n".join(line for line in lines if line)
