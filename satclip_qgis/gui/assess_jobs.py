"""The jobs of an assessment, one at a time: drawing points, reporting on labels."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.one_job import OneJob
from satclip_qgis.gui.run_bar import RunBar
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    ASSESSMENT_PAGE_ROLE,
    ASSESSMENT_ROLE,
    POINTS_ROLE,
    AssessDesignRequest,
    AssessReportRequest,
    JobView,
    MapAccuracy,
    Problem,
    ProgressUpdate,
    ProtocolError,
    from_json,
)
from satclip_qgis.provision.connection import EngineConnection

DESIGN, REPORT = "assess_design", "assess_report"


class AssessJobs(OneJob):
    """Puts jobs and takes what comes of them.

    Args:
        bar: Shows how a job goes.
        connection: The engine.
        tracker: Puts the jobs; that one failed is said by whoever watches all jobs.
        parent: Qt parent.

    Signals:
        drawn(str, str): The map's path and the new points'.
        assessed(str, object, str): The map's path, its ``MapAccuracy``, the path of the report.
    """

    drawn = pyqtSignal(str, str)
    assessed = pyqtSignal(str, object, str)

    def __init__(
        self, bar: RunBar, connection: EngineConnection, tracker: JobTracker, parent: QObject | None = None
    ) -> None:
        super().__init__(connection, tracker, parent)
        self._bar = bar
        bar.cancel_pressed.connect(self.cancel)

    def draw(self, request: AssessDesignRequest, map_name: str) -> None:
        """Draw points."""
        self.put(DESIGN, request, tr("Sample of {map}").format(map=map_name))

    def report(self, request: AssessReportRequest, map_name: str) -> None:
        """Estimate accuracy and areas."""
        self.put(REPORT, request, tr("Accuracy of {map}").format(map=map_name))

    def cancel(self) -> None:
        """Ask the job to stop, once."""
        self._bar.cancel_button.setEnabled(False)
        super().cancel()

    def show_progress(self, text: str, update: ProgressUpdate | None) -> None:
        """Show how far the job is in the bar."""
        self._bar.show_progress(text, update)

    def show_idle(self) -> None:
        """Show the bar as before."""
        self._bar.show_idle("")

    def take(self, job: JobView) -> None:
        """Take points or a report."""
        map_path = str(job.spec.request["map"])
        if job.spec.kind == DESIGN:
            self.drawn.emit(map_path, _path_of(job, POINTS_ROLE))
        else:
            self._take_report(job, map_path)

    def _take_report(self, job: JobView, map_path: str) -> None:
        try:
            text = Path(_path_of(job, ASSESSMENT_ROLE)).read_text(encoding="utf-8")
            accuracy = from_json(MapAccuracy, json.loads(text))
        except (OSError, ValueError, ProtocolError) as error:
            detail = tr("The report cannot be read: {why}.").format(why=error)
            self.problem.emit(Problem("assess", detail, tr("Assess again.")))
        else:
            self.assessed.emit(map_path, accuracy, _path_of(job, ASSESSMENT_PAGE_ROLE))


def _path_of(job: JobView, role: str) -> str:
    return next((one.path for one in job.artifacts if one.role == role), "")
