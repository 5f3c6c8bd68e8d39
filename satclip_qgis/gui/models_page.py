"""The Models page: what is here, what can be fetched, everything about one. Widgets only; the desk acts."""

from __future__ import annotations

from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTableView,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui import model_words, wording
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.job_panel import ProgressDelegate
from satclip_qgis.gui.model_list import SCALE, SIZE, STATE, TITLE, ModelList
from satclip_qgis.gui.model_shelf import DOWNLOAD, ModelShelf
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobState, JobView, ModelInfo


class ModelsPage(QWidget):
    """Shows a ``ModelShelf``.

    Args:
        shelf: The models.
        parent: Qt parent.
    """

    def __init__(self, shelf: ModelShelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf = shelf
        self._shown = ""
        self._awaited = ""
        self.list = ModelList(shelf, self)
        self.search = QgsFilterLineEdit()
        self.search.setShowSearchIcon(True)
        self.search.setPlaceholderText(tr("Search models"))
        self.search.setToolTip(tr("Show only models with these words in title, licence or description"))
        self.search.setAccessibleName(tr("Search models"))
        self.view = QTableView()
        self.empty = QLabel(tr("The models are listed once the engine runs."))
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.details = QTextBrowser()
        self.details.setOpenExternalLinks(True)
        self.details.setToolTip(tr("Everything known about the selected model"))
        self.details.setAccessibleName(tr("About the selected model"))
        self.use_button = _button("mActionAddRasterLayer.svg", tr("&Use for maps"), tr("Choose it on the Map page"))
        self.download_button = _button("mActionArrowDown.svg", "", tr("Fetch it; licence and size are shown first"))
        self.check_button = _button(
            "mActionIdentify.svg", tr("Chec&k"), tr("Measure whether it is set up as it was trained")
        )
        self.remove_button = _button("mActionDeleteSelected.svg", tr("Re&move…"), tr("Delete it from this machine"))
        self.import_button = _button("mActionFileOpen.svg", tr("&Import…"), tr("Add a model from a file or folder"))
        self.settings_button = _button(
            "mActionOptions.svg", tr("&Settings…"), tr("Mirror and offline mode of model downloads")
        )
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setToolTip(tr("How far the download, import or check is"))
        self.cancel_button = _button("mActionStop.svg", tr("&Cancel"), tr("Stop it; a download can be resumed"))
        self._set_up_view()
        self._lay_out()
        self.view.selectionModel().selectionChanged.connect(lambda _new, _old: self._update())
        self.list.modelReset.connect(self._select_again)
        self.search.textChanged.connect(lambda _text: self._filter())
        shelf.changed.connect(self._update)
        self._update()

    def current_model(self) -> ModelInfo | None:
        """Return the selected model."""
        rows = self.view.selectionModel().selectedRows()
        return self.list.model(rows[0].row()) if rows else None

    def select(self, model_id: str) -> None:
        """Select a model."""
        row = self.list.row_of(model_id)
        if row >= 0:
            self.view.selectRow(row)

    def select_when_listed(self, model_id: str) -> None:
        """Select a model now, or as soon as the list shows it."""
        self._awaited = model_id
        self.search.clear()
        self._select_again()

    def resumable_job(self) -> JobView | None:
        """Return the stopped download of the selected model that can go on, or None."""
        model = self.current_model()
        job = None if model is None or model.installed else self._shelf.last_job(model.id)
        stopped = (JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED)
        return job if job is not None and job.spec.kind == DOWNLOAD and job.state in stopped else None

    def shown_job(self) -> JobView | None:
        """Return the job whose progress is shown: the selected model's, else the oldest, or None."""
        jobs, model = self._shelf.active_jobs(), self.current_model()
        own = [job for job in jobs if model is not None and job.spec.request.get("model") == model.id]
        return next(iter((*own, *jobs)), None)

    def _select_again(self) -> None:
        awaited = self.list.row_of(self._awaited)
        if awaited >= 0:
            self._awaited = ""
        row = awaited if awaited >= 0 else max(0, self.list.row_of(self._shown))
        if self.list.rowCount():
            self.view.selectRow(row)
        self._filter()
        self._update()

    def _filter(self) -> None:
        words = self.search.text().casefold().split()
        for row in range(self.list.rowCount()):
            text = model_words.searched(self.list.model(row))
            self.view.setRowHidden(row, not all(word in text for word in words))

    def _update(self) -> None:
        model = self.current_model()
        self._shown = model.id if model is not None else self._shown
        self.empty.setVisible(self.list.rowCount() == 0)
        for widget in (self.search, self.splitter):
            widget.setVisible(self.list.rowCount() > 0)
        self._show_details(model)
        self._show_progress(self.shown_job())
        ready = self._shelf.is_ready()
        busy = model is not None and any(job.spec.request.get("model") == model.id for job in self._shelf.active_jobs())
        idle = ready and model is not None and not busy
        self.use_button.setEnabled(idle and model.installed and model.dense)
        self.download_button.setEnabled(idle and not model.installed and model.downloadable)
        self.check_button.setEnabled(idle and model.installed)
        resumable = self.resumable_job()
        is_own = idle and model.installed and not model.builtin
        self.remove_button.setEnabled(is_own or (idle and resumable is not None))
        self.import_button.setEnabled(ready)
        again = resumable is not None and resumable.state is JobState.FAILED
        texts = (tr("&Download…"), tr("Resume &download"), tr("Try &download again"))
        self.download_button.setText(texts[2 if again else 1 if resumable is not None else 0])

    def _show_details(self, model: ModelInfo | None) -> None:
        html = ""
        if model is not None:
            job, check = self._shelf.last_job(model.id), self._shelf.check_of(model.id)
            html = model_words.details_html(model, job, check)
        # Setting the same text again would scroll to the top and drop what is marked.
        if self.details.property("html") != html:
            self.details.setProperty("html", html)
            self.details.setHtml(html)

    def _show_progress(self, job: JobView | None) -> None:
        if self.bar.isVisibleTo(self) != (job is not None):
            # The list has less room with the bar than without: the selected row stays in sight.
            QTimer.singleShot(0, self._scroll_to_current)
        for widget in (self.status, self.bar, self.cancel_button):
            widget.setVisible(job is not None)
        if job is None:
            return
        self.status.setText(f"{job.spec.title} · {wording.job_status(job)}")
        share = job.progress.done if job.progress is not None else 0.0
        # Nothing is counted before the first bytes, nor in an import: then the bar only shows that it goes on.
        self.bar.setRange(0, 1000 if share > 0.0 else 0)
        self.bar.setValue(round(share * 1000))

    def _scroll_to_current(self) -> None:
        self.view.scrollTo(self.view.currentIndex())

    def _set_up_view(self) -> None:
        view = self.view
        view.setModel(self.list)
        view.setItemDelegateForColumn(STATE, ProgressDelegate(view))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setShowGrid(False)
        view.setTabKeyNavigation(False)
        view.setAccessibleName(tr("Models"))
        view.setToolTip(tr("The models on this machine, then those that can be downloaded"))
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(view.fontMetrics().lineSpacing() + 10)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(TITLE, QHeaderView.ResizeMode.Stretch)
        for column in (STATE, SIZE, SCALE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def _lay_out(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.view)
        self.splitter.addWidget(self.details)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 4)
        progress = QHBoxLayout()
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel_button)
        buttons = QGridLayout()
        for position, button in enumerate(
            (
                self.use_button,
                self.download_button,
                self.check_button,
                self.remove_button,
                self.import_button,
                self.settings_button,
            )
        ):
            buttons.addWidget(button, position // 3, position % 3)
        layout = QVBoxLayout(self)
        layout.addWidget(self.empty)
        layout.addWidget(self.search)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self.status)
        layout.addLayout(progress)
        layout.addLayout(buttons)


def _button(icon: str, text: str, tooltip: str) -> QPushButton:
    button = QPushButton(theme_icon(icon), text)
    button.setToolTip(tooltip)
    return button
