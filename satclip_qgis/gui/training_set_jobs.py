"""The jobs on training sets, one at a time: made, looked through, fixed, divided."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui import wording
from satclip_qgis.gui.assess_jobs import why_not_ready
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.progress_line import ProgressLine
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    FINDINGS_ROLE,
    CheckPairsRequest,
    Finding,
    JobState,
    JobView,
    PairCheck,
    Problem,
    ProtocolError,
    SplitPairsRequest,
    from_json,
)
from satclip_qgis.provision.connection import READY, EngineConnection

BUILD, IMPORT, PHOTOS, CHECK, SPLIT = "build_captions", "import_pairs", "photo_pairs", "check_pairs", "split_pairs"


class TrainingSetJobs(QObject):
    """Puts jobs and takes what comes of them.

    Args:
        line: Shows how a job goes.
        connection: The engine.
        tracker: Puts the jobs; that one failed is said by whoever watches all jobs.
        parent: Qt parent.

    Signals:
        made(object): The ``JobView`` of a new training set, or of one that grew.
        checked(str, object): A set's folder and its ``PairCheck``.
        divided(str): The set in this folder was divided.
        started(): A job is under way.
        ended(): None is any more.
        problem(object): A ``Problem``.
    """

    made = pyqtSignal(object)
    checked = pyqtSignal(str, object)
    divided = pyqtSignal(str)
    started = pyqtSignal()
    ended = pyqtSignal()
    problem = pyqtSignal(object)

    def __init__(
        self, line: ProgressLine, connection: EngineConnection, tracker: JobTracker, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._line = line
        self._connection = connection
        self._tracker = tracker
        self._job_id = ""
        line.cancel_pressed.connect(self._cancel)
        tracker.changed.connect(self._job_changed)
        tracker.ended.connect(self._job_ended)
        tracker.failed.connect(lambda _problem: self._job_refused())

    def make(self, kind: str, request: object, title: str) -> None:
        """Make a training set of layers, a data set or photos."""
        self._put(kind, request, title)

    def check(self, folder: str, title: str, model: str) -> None:
        """Look a set through."""
        self._put(CHECK, CheckPairsRequest(folder, model), tr("Check of {title}").format(title=title))

    def fix(self, folder: str, title: str, model: str, finding: Finding) -> None:
        """Put right what a check has found, and look the set through again."""
        request = CheckPairsRequest(folder, model, (finding.code,), finding.sentence)
        self._put(CHECK, request, tr("Fix of {title}").format(title=title))

    def split(self, request: SplitPairsRequest, title: str) -> None:
        """Divide a set by place."""
        self._put(SPLIT, request, tr("Division of {title}").format(title=title))

    def is_busy(self) -> bool:
        """Whether a job is under way."""
        return bool(self._job_id)

    def is_engine_ready(self) -> bool:
        """Whether a job can be put now; else the engine is started, or what keeps it from starting is said."""
        connection = self._connection
        if connection.state != READY:
            connection.start()
        if connection.state == READY:
            return True
        self.problem.emit(why_not_ready(connection))
        return False

    def _put(self, kind: str, request: object, title: str) -> None:
        if self._job_id or not self.is_engine_ready():
            return
        self._line.show_progress(tr("Waiting for the engine…"), None)
        self._job_id = self._tracker.start(kind, request, title)
        self.started.emit()

    def _cancel(self) -> None:
        if self._job_id:
            self._tracker.cancel(self._job_id)

    def _job_changed(self, job: JobView) -> None:
        if job.id == self._job_id and not job.state.is_final:
            self._line.show_progress(wording.job_status(job), job.progress.done if job.progress else None)

    def _job_refused(self) -> None:
        if self._job_id and self._job_id not in self._tracker.jobs:
            self._over()

    def _job_ended(self, job: JobView) -> None:
        if job.id != self._job_id:
            return
        self._over()
        if job.state is not JobState.SUCCEEDED:
            return
        folder = str(job.spec.request["folder"])
        if job.spec.kind == CHECK:
            self._take_findings(job, folder)
        elif job.spec.kind == SPLIT:
            self.divided.emit(folder)
        else:
            self.made.emit(job)

    def _over(self) -> None:
        self._job_id = ""
        self._line.hide()
        self.ended.emit()

    def _take_findings(self, job: JobView, folder: str) -> None:
        path = next((one.path for one in job.artifacts if one.role == FINDINGS_ROLE), "")
        try:
            found = from_json(PairCheck, json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, ProtocolError) as error:
            detail = tr("What the check found cannot be read: {why}.").format(why=error)
            self.problem.emit(Problem("pairs", detail, tr("Check again.")))
        else:
            self.checked.emit(folder, found)
