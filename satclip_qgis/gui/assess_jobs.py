"""The jobs of an assessment, one at a time: drawing points, reporting on labels."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui import wording
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.run_bar import RunBar
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    ASSESSMENT_PAGE_ROLE,
    ASSESSMENT_ROLE,
    POINTS_ROLE,
    AssessDesignRequest,
    AssessReportRequest,
    JobState,
    JobView,
    MapAccuracy,
    Problem,
    ProtocolError,
    from_json,
)
from satclip_qgis.provision.connection import ABSENT, READY, EngineConnection
from satclip_qgis.provision.problems import absent_problem

DESIGN, REPORT = "assess_design", "assess_report"


class AssessJobs(QObject):
    """Puts jobs and takes what comes of them.

    Args:
        bar: Shows how a job goes.
        connection: The engine.
        tracker: Puts the jobs; that one failed is said by whoever watches all jobs.
        parent: Qt parent.

    Signals:
        drawn(str, str): The map's path and the new points'.
        assessed(str, object, str): The map's path, its ``MapAccuracy``, the path of the report.
        ended(): No job is under way any more.
        problem(object): A ``Problem``.
    """

    drawn = pyqtSignal(str, str)
    assessed = pyqtSignal(str, object, str)
    ended = pyqtSignal()
    problem = pyqtSignal(object)

    def __init__(
        self, bar: RunBar, connection: EngineConnection, tracker: JobTracker, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bar = bar
        self._connection = connection
        self._tracker = tracker
        self._job_id = ""
        bar.cancel_pressed.connect(self._cancel)
        tracker.changed.connect(self._job_changed)
        tracker.ended.connect(self._job_ended)
        tracker.failed.connect(lambda _problem: self._job_refused())

    def draw(self, request: AssessDesignRequest, map_name: str) -> None:
        """Draw points."""
        self._put(DESIGN, request, tr("Sample of {map}").format(map=map_name))

    def report(self, request: AssessReportRequest, map_name: str) -> None:
        """Estimate accuracy and areas."""
        self._put(REPORT, request, tr("Accuracy of {map}").format(map=map_name))

    def is_busy(self) -> bool:
        """Whether a job is under way."""
        return bool(self._job_id)

    def _put(self, kind: str, request: object, title: str) -> None:
        if self._job_id or not self._is_engine_ready():
            return
        self._bar.show_progress(tr("Waiting for the engine…"), None)
        self._job_id = self._tracker.start(kind, request, title)

    def _is_engine_ready(self) -> bool:
        """Whether a job can be put now; else the engine is started, or what keeps it from starting is said."""
        connection = self._connection
        if connection.state != READY:
            connection.start()
        if connection.state == READY:
            return True
        self.problem.emit(why_not_ready(connection))
        return False

    def _cancel(self) -> None:
        self._bar.cancel_button.setEnabled(False)
        self._tracker.cancel(self._job_id)

    def _job_changed(self, job: JobView) -> None:
        if job.id == self._job_id and not job.state.is_final:
            self._bar.show_progress(wording.job_status(job), job.progress)

    def _job_refused(self) -> None:
        if self._job_id and self._job_id not in self._tracker.jobs:
            self._over()

    def _job_ended(self, job: JobView) -> None:
        if job.id != self._job_id:
            return
        self._over()
        map_path = str(job.spec.request["map"])
        if job.state is JobState.SUCCEEDED and job.spec.kind == DESIGN:
            self.drawn.emit(map_path, _path_of(job, POINTS_ROLE))
        elif job.state is JobState.SUCCEEDED:
            self._take_report(job, map_path)

    def _over(self) -> None:
        self._job_id = ""
        self._bar.show_idle("")
        self.ended.emit()

    def _take_report(self, job: JobView, map_path: str) -> None:
        try:
            text = Path(_path_of(job, ASSESSMENT_ROLE)).read_text(encoding="utf-8")
            accuracy = from_json(MapAccuracy, json.loads(text))
        except (OSError, ValueError, ProtocolError) as error:
            detail = tr("The report cannot be read: {why}.").format(why=error)
            self.problem.emit(Problem("assess", detail, tr("Assess again.")))
        else:
            self.assessed.emit(map_path, accuracy, _path_of(job, ASSESSMENT_PAGE_ROLE))


def why_not_ready(connection: EngineConnection) -> Problem:
    """Return why no engine is there to be asked."""
    if connection.state == ABSENT:
        return absent_problem()
    starting = Problem(
        "assess", tr("The engine is not running yet."), tr("Wait until the badge says that it is ready.")
    )
    return connection.problem or starting


def _path_of(job: JobView, role: str) -> str:
    return next((one.path for one in job.artifacts if one.role == role), "")
