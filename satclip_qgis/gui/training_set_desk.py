"""What the training set's part of the Train page does: sets are made, opened, looked through, divided, shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTimer, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QFileDialog

from satclip_qgis import training_words
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.pair_map import PairMap
from satclip_qgis.gui.split_dialog import SplitDialog
from satclip_qgis.gui.state import SCOPE
from satclip_qgis.gui.training_set_jobs import TrainingSetJobs
from satclip_qgis.gui.training_set_maker import TrainingSetMaker
from satclip_qgis.gui.training_set_panel import TrainingSetPanel
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import SKIPPED_ROLE, ExportPairsRequest, Finding, JobView, Pair, PairCheck, Problem
from satclip_qgis.provision.connection import READY, EngineConnection

_ENTRY = "training_set"
_REDRAW_MS = 300
_EXPORT = "export_pairs"


class TrainingSetDesk(QObject):
    """Makes, opens, checks, divides and exports training sets.

    Args:
        panel: Shows the chosen one.
        canvas: The map view.
        connection: The engine.
        tracker: Puts the jobs.
        messages: Takes what has happened.
        model_id: Returns the id of the model to be trained: its tokenizer counts.
        parent: Qt parent.

    Attributes:
        jobs: Puts the jobs on the set.
        maker: Makes new ones.
        map: Draws it.
        dialog: The question that is asked, or None.
    """

    def __init__(
        self,
        panel: TrainingSetPanel,
        canvas: QgsMapCanvas,
        connection: EngineConnection,
        tracker: JobTracker,
        messages: Messages,
        model_id: Callable[[], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel = panel
        self._connection = connection
        self._messages = messages
        self._model_id = model_id
        self.jobs = TrainingSetJobs(panel.progress, connection, tracker, self)
        self.maker = TrainingSetMaker(panel, canvas, self.jobs, self)
        self.map = PairMap(canvas)
        self.dialog: SplitDialog | None = None
        self._then: Callable[[], None] | None = None
        self._redraw_timer = QTimer(self)
        self._redraw_timer.setSingleShot(True)
        self._redraw_timer.setInterval(_REDRAW_MS)
        self._connect()
        self.restore()

    def open(self, folder: Path) -> bool:
        """Choose the set in ``folder``, and let the project remember it."""
        if not self._panel.store.open(folder):
            return False
        QgsProject.instance().writeEntry(SCOPE, _ENTRY, str(folder))
        return True

    def restore(self) -> None:
        """Choose the set that the project remembers."""
        text, found = QgsProject.instance().readEntry(SCOPE, _ENTRY)
        if found and text:
            self._panel.store.open(Path(text))
        elif self._panel.store.current is not None:
            self._panel.store.close()
        self._sync_map_button()

    def check(self) -> None:
        """Look the chosen set through."""
        found = self._panel.store.current
        if found is not None:
            self.jobs.check(self._panel.folder, found.title, self._model_id())

    def export(self, out: Path) -> None:
        """Write the chosen set as shards into the new folder ``out``."""
        found = self._panel.store.current
        if found is not None:
            request = ExportPairsRequest(self._panel.folder, str(out))
            self.jobs.put(_EXPORT, request, tr("Export of {title}").format(title=found.title))

    def look_through(self, then: Callable[[], None]) -> None:
        """Check the chosen set where that was not done as it is now; do ``then`` once that is over, found or not."""
        if self._panel.is_checked:
            then()
            return
        self._then = then
        if not self.jobs.is_busy():
            self.check()

    def close(self) -> None:
        """Let go of the project; what is drawn stays with it."""
        self._redraw_timer.stop()
        QgsProject.instance().readProject.disconnect(self.restore)
        QgsProject.instance().layersRemoved.disconnect(self._sync_map_button)

    def _connect(self) -> None:
        panel, jobs = self._panel, self.jobs
        panel.store.problem.connect(self._messages.problem)
        panel.seen.connect(self._check_unchecked)
        panel.store.edited.connect(self._redraw_timer.start)
        panel.store.opened.connect(self._redraw_timer.start)
        self._redraw_timer.timeout.connect(self._redraw)
        panel.open_button.clicked.connect(lambda _checked: self._ask_folder())
        panel.check_button.clicked.connect(lambda _checked: self.check())
        panel.split_button.clicked.connect(lambda _checked: self.ask_split())
        panel.map_button.clicked.connect(self._show_map)
        panel.export_button.clicked.connect(lambda _checked: self._ask_export())
        panel.findings.fix_wanted.connect(self._fix)
        panel.table.place_wanted.connect(self._go_to)
        jobs.problem.connect(self._messages.problem)
        self.maker.problem.connect(self._messages.problem)
        jobs.started.connect(lambda: panel.set_busy(True))
        jobs.ended.connect(self._job_ended)
        jobs.made.connect(self._made)
        jobs.checked.connect(self._checked)
        jobs.divided.connect(self._divided)
        QgsProject.instance().readProject.connect(self.restore)
        QgsProject.instance().layersRemoved.connect(self._sync_map_button)

    # Questions

    def _ask_folder(self) -> None:
        start = self._panel.folder or QgsProject.instance().homePath()
        folder = QFileDialog.getExistingDirectory(self._panel, tr("Folder of a training set"), start)
        if folder and self.open(Path(folder)):
            self.check()

    def _ask_export(self) -> None:
        parent = QFileDialog.getExistingDirectory(self._panel, tr("Where the folder of shards goes"))
        if parent:
            self.export(Path(parent) / f"{Path(self._panel.folder).name}_shards")

    def ask_split(self) -> None:
        """Ask how the chosen set is to be divided, without a nested event loop."""
        found = self._panel.store.current
        if found is None:
            return
        dialog = SplitDialog(found, self._panel)
        dialog.accepted.connect(lambda: self.jobs.split(dialog.request(), found.title))
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(lambda _result: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.open()

    def _check_unchecked(self) -> None:
        """Look through a set that the project remembers, or that was edited, before anyone trains on it."""
        if self._connection.state == READY and not self.jobs.is_busy() and not self._panel.is_checked:
            self.check()

    def _fix(self, finding: Finding) -> None:
        found = self._panel.store.current
        if found is not None:
            self.jobs.fix(self._panel.folder, found.title, self._model_id(), finding)

    # What comes of the jobs

    def _job_ended(self) -> None:
        self._panel.set_busy(self.jobs.is_busy())
        if self._then is not None and not self.jobs.is_busy():
            then, self._then = self._then, None
            then()

    def _made(self, job: JobView) -> None:
        if job.spec.kind == _EXPORT:
            self._say(tr("Shards are written to {path}.").format(path=job.spec.request["out"]), job)
            return
        folder = Path(str(job.spec.request["folder"]))
        if not self.open(folder):
            return
        found = self._panel.store.current
        self.map.show_photos(found)
        self._show_map(True)
        self._say(" ".join((self._panel.summary() + ".", *found.info.origin[-1:])), job)
        self.check()

    def _say(self, text: str, job: JobView) -> None:
        """Say what a job has made, and offer the list of what was left out."""
        skipped = next((one.path for one in job.artifacts if one.role == SKIPPED_ROLE), "")
        buttons = [(tr("What was left out"), lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(skipped)))]
        self._messages.success(text, buttons if skipped else [])

    def _checked(self, folder: str, check: PairCheck) -> None:
        if folder != self._panel.folder:
            return
        if check.fixed:
            self._panel.store.take_from_disk(training_words.fixed(check.fixed))
        self._panel.show_findings(check.findings)

    def _divided(self, folder: str) -> None:
        if folder == self._panel.folder and self._panel.store.take_from_disk(tr("Divide")):
            self._show_map(True)
            self.check()

    # The map

    def _show_map(self, shown: bool) -> None:
        found = self._panel.store.current
        if not shown or found is None:
            self.map.hide_parts()
        elif not self.map.show_parts(found):
            detail = tr("No place is known of any pair of {title}.").format(title=found.title)
            self._messages.info(detail, [])
        self._sync_map_button()

    def _redraw(self) -> None:
        found = self._panel.store.current
        if self.map.parts_layer() is not None:
            self._show_map(found is not None)

    def _sync_map_button(self, _layer_ids: object = None) -> None:
        self._panel.map_button.setChecked(self.map.parts_layer() is not None)

    def _go_to(self, pair: Pair) -> None:
        found = self._panel.store.current
        if found is not None and not self.map.go_to(found, pair):
            remedy = tr("Its image has no coordinates, or they do not fit the map's CRS.")
            self._messages.problem(Problem("pairs", tr("No place is known of {pair}.").format(pair=pair.id), remedy))
