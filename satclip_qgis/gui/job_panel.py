"""The job panel: every job with progress; cancel, resume, load, open folder, remove."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QModelIndex, QRect, Qt, pyqtSignal
from qgis.PyQt.QtGui import QPainter, QPalette
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.job_model import DONE_ROLE, STATUS, TITLE, WHEN, JobModel
from satclip_qgis.gui.job_tracker import SEGMENT, JobTracker
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobState, JobView

_RESUMABLE = (JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED)


class ProgressDelegate(QStyledItemDelegate):
    """Underlines the status of a running job with its progress."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint text and bar."""
        super().paint(painter, option, index)
        done = index.data(DONE_ROLE)
        if done is None:
            return
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Highlight
        area = option.rect
        bar = QRect(area.left() + 2, area.bottom() - 3, round((area.width() - 4) * done), 3)
        painter.fillRect(bar, option.palette.color(role))


class JobPanel(QWidget):
    """Lists the jobs of a ``JobTracker``.

    Signals:
        load_wanted(object): Load the results of this ``JobView``.
        folder_wanted(str): Open this folder.
    """

    load_wanted = pyqtSignal(object)
    folder_wanted = pyqtSignal(str)

    def __init__(self, tracker: JobTracker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tracker = tracker
        self.model = JobModel(tracker, self)
        self.view = QTableView()
        self.empty = QLabel(tr("No jobs yet. Press Run on the Map page."))
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.cancel_button = _button("mActionStop.svg", tr("&Cancel"), tr("Stop this job"))
        self.resume_button = _button("mActionStart.svg", tr("R&esume"), tr("Continue this job where it stopped"))
        self.load_button = _button("mActionAddRasterLayer.svg", tr("&Load"), tr("Load the results into the project"))
        self.folder_button = _button("mActionFileOpen.svg", tr("&Folder"), tr("Open the folder of the results"))
        self.remove_button = _button(
            "mActionDeleteSelected.svg", tr("Re&move"), tr("Take this job off the list; its files stay")
        )
        self._set_up_view()
        self._lay_out()
        self._connect()
        self._update()

    def current_job(self) -> JobView | None:
        """Return the selected job."""
        rows = self.view.selectionModel().selectedRows()
        return self.model.job(rows[0].row()) if rows else None

    def select(self, job_id: str) -> None:
        """Select a job."""
        row = self.model.row_of(job_id)
        if row >= 0:
            self.view.selectRow(row)

    def _set_up_view(self) -> None:
        view = self.view
        view.setModel(self.model)
        view.setItemDelegateForColumn(STATUS, ProgressDelegate(view))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setShowGrid(False)
        view.setWordWrap(True)
        view.setTabKeyNavigation(False)
        view.setAccessibleName(tr("Jobs"))
        view.setToolTip(tr("All jobs of the engine, also those of earlier sessions; they go on when QGIS is closed"))
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(2 * view.fontMetrics().lineSpacing() + 10)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(TITLE, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(STATUS, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(WHEN, QHeaderView.ResizeMode.ResizeToContents)

    def _lay_out(self) -> None:
        buttons = QGridLayout()
        for position, button in enumerate(
            (self.load_button, self.folder_button, self.remove_button, self.cancel_button, self.resume_button)
        ):
            buttons.addWidget(button, position // 3, position % 3)
        layout = QVBoxLayout(self)
        layout.addWidget(self.empty)
        layout.addWidget(self.view, 1)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        self.cancel_button.clicked.connect(lambda _checked: self._on_current(lambda job: self._tracker.cancel(job.id)))
        self.resume_button.clicked.connect(lambda _checked: self._on_current(lambda job: self._tracker.resume(job.id)))
        self.remove_button.clicked.connect(lambda _checked: self._on_current(lambda job: self._tracker.remove(job.id)))
        self.load_button.clicked.connect(lambda _checked: self._on_current(self.load_wanted.emit))
        self.folder_button.clicked.connect(
            lambda _checked: self._on_current(lambda job: self.folder_wanted.emit(str(job.spec.request["out_dir"])))
        )
        self.view.doubleClicked.connect(lambda _index: self.load_button.click())
        self.view.selectionModel().selectionChanged.connect(lambda _new, _old: self._update())
        for signal in (self.model.dataChanged, self.model.rowsInserted, self.model.rowsRemoved):
            signal.connect(self._update)

    def _on_current(self, action: Callable[[JobView], object]) -> None:
        job = self.current_job()
        if job is not None:
            action(job)

    def _update(self) -> None:
        if self.model.rowCount() and not self.view.selectionModel().hasSelection():
            self.view.selectRow(0)
        job = self.current_job()
        state = job.state if job is not None else None
        self.empty.setVisible(self.model.rowCount() == 0)
        self.view.setVisible(self.model.rowCount() > 0)
        self.cancel_button.setEnabled(job is not None and not job.state.is_final)
        self.resume_button.setEnabled(state in _RESUMABLE)
        makes_maps = job is not None and job.spec.kind == SEGMENT
        self.load_button.setEnabled(makes_maps and state is JobState.SUCCEEDED)
        self.folder_button.setEnabled(makes_maps and state is JobState.SUCCEEDED)
        self.remove_button.setEnabled(job is not None and (job.state.is_final or state is JobState.INTERRUPTED))


def _button(icon: str, text: str, tooltip: str) -> QPushButton:
    button = QPushButton(theme_icon(icon), text)
    button.setToolTip(tooltip)
    return button
