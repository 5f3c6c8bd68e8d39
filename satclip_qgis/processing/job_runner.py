"""Puts a job, follows it to its end and passes cancellation on; the job survives an engine that restarts."""

from __future__ import annotations

import uuid
from typing import Callable

from qgis.core import QgsProcessingException, QgsProcessingFeedback
from qgis.PyQt.QtCore import QThread

from satclip_qgis.client.engine_client import BlockingEngineClient
from satclip_qgis.client.problems import TIMEOUT, UNREACHABLE, EngineProblem
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobSpec, JobState, JobView, Problem

POLL_MS = 250
MOST_RECONNECTIONS = 5

Connect = Callable[[Callable[[], bool]], BlockingEngineClient]


class JobRunner:
    """Runs one job in the thread of a Processing algorithm.

    Args:
        connect: Returns a client of a running engine, starting it if needed.
        feedback: Shows progress and says whether the user cancelled.
        cancelled: What is said of a job that was cancelled.
    """

    def __init__(self, connect: Connect, feedback: QgsProcessingFeedback, cancelled: str) -> None:
        self._connect = connect
        self._feedback = feedback
        self._cancelled = cancelled
        self._client: BlockingEngineClient | None = None
        self._reconnections_left = MOST_RECONNECTIONS
        self._said = ""

    def run(self, spec: JobSpec) -> JobView:
        """Run ``spec`` to its end and return the finished job.

        Raises:
            QgsProcessingException: if it fails or is cancelled; the text ends with what to do.
        """
        job_id = str(uuid.uuid4())
        try:
            self._feedback.pushDebugInfo(tr("Job {id}").format(id=job_id))
            return self._follow(self._ask(lambda engine: engine.put_job(job_id, spec)))
        except EngineProblem as error:
            raise as_processing_error(error.problem) from error

    def _follow(self, job: JobView) -> JobView:
        job_id = job.id
        is_cancel_sent = False
        while not job.state.is_final:
            self._show(job)
            if self._feedback.isCanceled() and not is_cancel_sent:
                is_cancel_sent = True
                job = self._ask(lambda engine: engine.cancel(job_id))
                continue
            QThread.msleep(POLL_MS)
            job = self._ask(lambda engine: engine.job(job_id))
        if job.state is JobState.SUCCEEDED:
            self._show(job)
            self._feedback.setProgress(100)
            return job
        if job.state is JobState.CANCELLED:
            raise QgsProcessingException(self._cancelled)
        raise as_processing_error(job.problem or Problem("engine", tr("The job failed."), tr("Open the engine's log.")))

    def _ask(self, call: Callable[[BlockingEngineClient], JobView]) -> JobView:
        """Call the engine; one that went away is started again, and the job continues where it stopped."""
        while True:
            if self._client is None:
                self._client = self._connect(self._feedback.isCanceled)
            try:
                return call(self._client)
            except EngineProblem as error:
                if error.problem.code not in (UNREACHABLE, TIMEOUT) or self._reconnections_left == 0:
                    raise
                self._reconnections_left -= 1
                self._feedback.pushWarning(tr("The engine went away; connecting again …"))
                self._client = None

    def _show(self, job: JobView) -> None:
        progress = job.progress
        if progress is None:
            return
        self._feedback.setProgress(100.0 * progress.done)
        text = " · ".join(part for part in (progress.stage, progress.message, progress.device) if part)
        if text != self._said:
            self._said = text
            self._feedback.setProgressText(text)
            self._feedback.pushInfo(text)


def as_processing_error(problem: Problem) -> QgsProcessingException:
    """Return ``problem`` as Processing shows it: what happened, then what to do."""
    return QgsProcessingException(problem.sentence)
