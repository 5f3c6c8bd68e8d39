"""What the Models page does: fetch, take in, check, remove, use; each question asked before, each end told."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QDialog, QMessageBox

from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.model_dialogs import DownloadSettingsDialog, ImportDialog, LicenceDialog
from satclip_qgis.gui.model_shelf import CHECK, KINDS, ModelShelf
from satclip_qgis.gui.models_page import ModelsPage
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobState, JobView, ModelInfo, Problem
from satclip_qgis.provision.connection import READY, EngineConnection
from satclip_qgis.settings import load_settings, save_settings


class ModelDesk(QObject):
    """Acts on models.

    Args:
        page: The Models page.
        shelf: The models.
        tracker: Tells when a job has ended.
        connection: The engine; started again when the settings of downloads change.
        messages: Takes what has happened.
        parent: Qt parent.

    Signals:
        use_wanted(str): Make maps with the model of this id.

    Attributes:
        dialog: The question that was asked last, or None.
    """

    use_wanted = pyqtSignal(str)

    def __init__(
        self,
        page: ModelsPage,
        shelf: ModelShelf,
        tracker: JobTracker,
        connection: EngineConnection,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._page = page
        self._shelf = shelf
        self._tracker = tracker
        self._connection = connection
        self._messages = messages
        self.dialog: QDialog | None = None
        page.use_button.clicked.connect(lambda _checked: self._use())
        page.download_button.clicked.connect(lambda _checked: self._download())
        page.check_button.clicked.connect(lambda _checked: self._check())
        page.remove_button.clicked.connect(lambda _checked: self._ask_to_remove())
        page.import_button.clicked.connect(lambda _checked: self._ask_what_to_import())
        page.settings_button.clicked.connect(lambda _checked: self._ask_settings())
        page.cancel_button.clicked.connect(lambda _checked: self._cancel())
        page.view.doubleClicked.connect(lambda _index: page.use_button.click())
        tracker.ended.connect(self._job_ended)
        shelf.failed.connect(messages.problem)

    def _use(self) -> None:
        model = self._page.current_model()
        if model is not None:
            self.use_wanted.emit(model.id)

    def _download(self) -> None:
        model, stopped = self._page.current_model(), self._page.resumable_job()
        if stopped is not None:
            # The licence was accepted when it was started.
            self._shelf.resume(stopped.id)
        elif model is not None:
            dialog = LicenceDialog(model, self._page)
            dialog.accepted.connect(lambda: self._shelf.download(model))
            self._open(dialog)

    def _check(self) -> None:
        model = self._page.current_model()
        if model is not None:
            self._shelf.check(model)

    def _ask_to_remove(self) -> None:
        model = self._page.current_model()
        if model is None:
            return
        box = QMessageBox(self._page)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(tr("Remove a model"))
        question = tr("Delete {model} from this machine?") if model.installed else tr("Delete what came of {model}?")
        box.setText(question.format(model=model.title))
        box.setInformativeText(_how_to_get_back(model))
        box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.button(QMessageBox.StandardButton.Yes).setText(tr("&Delete"))
        box.accepted.connect(lambda: self._shelf.remove(model))
        self._open(box)

    def _ask_what_to_import(self) -> None:
        dialog = ImportDialog(self._page)
        dialog.accepted.connect(lambda: self._shelf.take_in(dialog.request()))
        self._open(dialog)

    def _ask_settings(self) -> None:
        dialog = DownloadSettingsDialog(load_settings(), self._page)
        dialog.accepted.connect(lambda: self._apply(dialog))
        self._open(dialog)

    def _apply(self, dialog: DownloadSettingsDialog) -> None:
        if dialog.settings() == load_settings():
            return
        save_settings(dialog.settings())
        if self._connection.state != READY:
            return
        if self._tracker.active_count():
            self._messages.info(tr("The settings hold from the next start of the engine: jobs are running."), [])
        else:
            self._connection.restart()

    def _cancel(self) -> None:
        job = self._page.shown_job()
        if job is not None:
            self._page.cancel_button.setEnabled(False)
            self._shelf.cancel(job.id)

    def _open(self, dialog: QDialog) -> None:
        """Ask without a nested event loop: jobs, events and the rest of QGIS go on."""
        self.dialog = dialog
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(lambda _result: self._closed(dialog))
        dialog.open()

    def _closed(self, dialog: QDialog) -> None:
        if self.dialog is dialog:
            self.dialog = None

    def _job_ended(self, job: JobView) -> None:
        if job.spec.kind not in KINDS:
            return
        self._page.cancel_button.setEnabled(True)
        if job.state is not JobState.SUCCEEDED or not self._tracker.is_own(job.id):
            return
        if job.spec.kind == CHECK:
            self._tell_check(job)
        else:
            self._tell_arrival(job)

    def _tell_check(self, job: JobView) -> None:
        model_id = str(job.spec.request["model"])
        found = self._shelf.check_of(model_id)
        if found is None:
            return
        if found.warnings:
            detail = tr("{model} is not set up as it was trained: {why}").format(
                model=model_id, why=" ".join(found.warnings)
            )
            remedy = tr("Import it again with the settings that fit, or ask its publisher.")
            self._messages.problem(Problem("model.check", detail, remedy))
        elif found.undecided:
            text = tr("{model} was checked: nothing contradicts its settings, but not all could be told.")
            self._messages.info(text.format(model=model_id), [])
        else:
            self._messages.success(tr("{model} was checked: its settings fit.").format(model=model_id), [])

    def _tell_arrival(self, job: JobView) -> None:
        # The artifact is the configuration inside the model's folder, and the folder is named by the id.
        model_id = Path(job.artifacts[0].path).parent.name if job.artifacts else ""
        self._page.select_when_listed(model_id)
        text = tr("The model is here: {model}").format(model=model_id)
        self._messages.success(text, [(tr("Use for maps"), lambda: self.use_wanted.emit(model_id))])


def _how_to_get_back(model: ModelInfo) -> str:
    if model.downloadable:
        return tr("It can be downloaded again. Maps made with it stay.")
    return tr("It was imported: to have it again you need the file. Maps made with it stay.")
