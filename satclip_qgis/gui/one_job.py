"""One job at a time from its start to its end, and the engine that it needs."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui import wording
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobState, JobView, Problem, ProgressUpdate
from satclip_qgis.provision.connection import ABSENT, READY, EngineConnection
from satclip_qgis.provision.problems import absent_problem


class OneJob(QObject):
    """Puts jobs, no second one before the first has ended; which ones, and what comes of them, is said by its heirs.

    Args:
        connection: The engine.
        tracker: Puts the jobs; that one failed is said by whoever watches all jobs.
        parent: Qt parent.

    Signals:
        started(): A job is under way.
        ended(): A job is over and what came of it was taken, which may have begun another.
        problem(object): A ``Problem``.
    """

    started = pyqtSignal()
    ended = pyqtSignal()
    problem = pyqtSignal(object)

    def __init__(self, connection: EngineConnection, tracker: JobTracker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._connection = connection
        self._tracker = tracker
        self._job_id = ""
        tracker.changed.connect(self._job_changed)
        tracker.ended.connect(self._job_ended)
        tracker.refused.connect(self._job_refused)

    def is_busy(self) -> bool:
        """Whether a job is under way."""
        return bool(self._job_id)

    def is_engine_ready(self) -> bool:
        """Whether a job can be put now; else the engine is started, or what keeps it from starting is said."""
        missing = wake(self._connection)
        if missing is not None:
            self.problem.emit(missing)
        return missing is None

    def put(self, kind: str, request: object, title: str) -> None:
        """Put a job, unless one is under way or there is no engine."""
        if self._job_id or not self.is_engine_ready():
            return
        self.show_progress(tr("Waiting for the engine…"), None)
        self._job_id = self._tracker.start(kind, request, title)
        self.started.emit()

    def cancel(self) -> None:
        """Ask the job to stop."""
        if self._job_id:
            self._tracker.cancel(self._job_id)

    def show_progress(self, text: str, update: ProgressUpdate | None) -> None:
        """Show how far the job is."""
        raise NotImplementedError

    def show_idle(self) -> None:
        """Show that no job is under way."""
        raise NotImplementedError

    def take(self, job: JobView) -> None:
        """Take what a job has made."""
        raise NotImplementedError

    def _job_changed(self, job: JobView) -> None:
        if job.id == self._job_id and not job.state.is_final:
            self.show_progress(wording.job_status(job), job.progress)

    def _job_refused(self, job_id: str) -> None:
        if job_id == self._job_id:
            self._over()
            self.ended.emit()

    def _job_ended(self, job: JobView) -> None:
        if job.id != self._job_id:
            return
        self._over()
        if job.state is JobState.SUCCEEDED:
            self.take(job)
        self.ended.emit()

    def _over(self) -> None:
        self._job_id = ""
        self.show_idle()


def wake(connection: EngineConnection) -> Problem | None:
    """Start the engine where it is not running; return why it cannot be asked yet, or None."""
    if connection.state != READY:
        connection.start()
    return None if connection.state == READY else why_not_ready(connection)


def why_not_ready(connection: EngineConnection) -> Problem:
    """Return why no engine is there to be asked."""
    if connection.state == ABSENT:
        return absent_problem()
    remedy = tr("Wait until the badge says that it is ready.")
    return connection.problem or Problem("waiting", tr("The engine is not running yet."), remedy)
