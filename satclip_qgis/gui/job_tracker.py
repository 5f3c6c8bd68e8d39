"""All jobs of the engine, kept current by its events; no widget here."""

from __future__ import annotations

import uuid

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.client.transport import Reply
from satclip_qgis.protocol import (
    Event,
    JobSpec,
    JobState,
    JobView,
    Problem,
    ProtocolError,
    SegmentRequest,
    from_json,
    to_json,
)
from satclip_qgis.provision.connection import READY, EngineConnection

SEGMENT = "segment"
TRAIN, KEEP_BEST, ESTIMATE = "train", "keep_best", "estimate_training"
MIX, EXPORT_MODEL = "mix_models", "export_model"
NOT_FOUND = "engine.not_found"


class JobTracker(QObject):
    """Knows every job and which of them were started from this window.

    Signals:
        changed(object): A ``JobView`` is new or has changed.
        removed(str): The job with this id is gone.
        ended(object): A ``JobView`` has just ended while we watched.
        refused(str): The job with this id, started or resumed here, was not taken.
        failed(object): A ``Problem``: a call about a job was refused.
    """

    changed = pyqtSignal(object)
    removed = pyqtSignal(str)
    ended = pyqtSignal(object)
    refused = pyqtSignal(str)
    failed = pyqtSignal(object)

    def __init__(self, connection: EngineConnection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._connection = connection
        self._own: set[str] = set()
        # Started here and not yet seen to end. The list of all jobs may be older than the start of one of these, and
        # the first that is heard of a short one may be its end.
        self._awaited: set[str] = set()
        # Cancelled before the engine has said that it knows them: the two calls may overtake each other.
        self._unwanted: set[str] = set()
        self.jobs: dict[str, JobView] = {}
        connection.state_changed.connect(self._engine_changed)
        connection.event_received.connect(self._take_event)

    def is_own(self, job_id: str) -> bool:
        """Whether the job was started from this window."""
        return job_id in self._own

    def active_count(self) -> int:
        """Return how many jobs are waiting or running."""
        return sum(not job.state.is_final and job.state is not JobState.INTERRUPTED for job in self.jobs.values())

    def start_segment(self, request: SegmentRequest, title: str) -> str:
        """Put a job that makes a map and return its id."""
        return self.start(SEGMENT, request, title)

    def start(self, kind: str, request: object, title: str) -> str:
        """Put a job of ``kind`` and return its id, made here so that a repeat is harmless."""
        job_id = str(uuid.uuid4())
        spec = JobSpec(kind=kind, request=to_json(request), title=title)
        client = self._connection.client
        if client is not None:
            self._await(job_id, client.put_job(job_id, spec))
        return job_id

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        if job_id in self._awaited and job_id not in self.jobs:
            self._unwanted.add(job_id)
        elif self._connection.client is not None:
            self._follow(self._connection.client.cancel(job_id))

    def resume(self, job_id: str) -> None:
        """Queue a job again that failed, was cancelled or interrupted."""
        if self._connection.client is not None:
            self._await(job_id, self._connection.client.resume(job_id))

    def remove(self, job_id: str) -> None:
        """Forget a job; its products stay."""
        if self._connection.client is not None:
            reply = self._connection.client.remove(job_id)
            reply.succeeded.connect(lambda _answer: self._forget(job_id))
            reply.failed.connect(lambda problem: self._not_removed(job_id, problem))

    def refresh(self) -> None:
        """Ask for all jobs: those of other windows and of yesterday too."""
        if self._connection.client is not None:
            self._connection.client.jobs().succeeded.connect(self._take_all)

    def _await(self, job_id: str, reply: Reply) -> None:
        self._own.add(job_id)
        self._awaited.add(job_id)
        self._follow(reply)
        reply.failed.connect(lambda _problem: self._not_taken(job_id))

    def _follow(self, reply: Reply) -> None:
        reply.succeeded.connect(self._take)
        reply.failed.connect(self.failed)

    def _not_taken(self, job_id: str) -> None:
        # Its event may have come although the answer to the call was lost.
        if job_id not in self.jobs:
            self._awaited.discard(job_id)
            self._unwanted.discard(job_id)
            self.refused.emit(job_id)

    def _not_removed(self, job_id: str, problem: Problem) -> None:
        if problem.code == NOT_FOUND:
            # Another window was faster.
            self._forget(job_id)
        else:
            self.failed.emit(problem)

    def _engine_changed(self, state: str, _message: str) -> None:
        if state == READY:
            self.refresh()

    def _take_all(self, jobs: tuple[JobView, ...]) -> None:
        for job_id in set(self.jobs) - {job.id for job in jobs} - self._awaited:
            self._forget(job_id)
        for job in jobs:
            self._take(job)

    def _take_event(self, event: Event) -> None:
        if event.type == "job_removed":
            self._forget(str(event.data["id"]))
        if event.type != "job":
            return
        try:
            self._take(from_json(JobView, event.data))
        except ProtocolError:
            # A newer engine may have kinds of jobs that this plugin does not know.
            return

    def _take(self, job: JobView) -> None:
        before = self.jobs.get(job.id)
        if before is not None and (job.updated_s < before.updated_s or job == before):
            return
        self.jobs[job.id] = job
        if job.id in self._unwanted:
            self._unwanted.discard(job.id)
            self.cancel(job.id)
        self.changed.emit(job)
        if not job.state.is_final:
            return
        was_watched = job.id in self._awaited or (before is not None and not before.state.is_final)
        self._awaited.discard(job.id)
        if was_watched:
            self.ended.emit(job)

    def _forget(self, job_id: str) -> None:
        self._awaited.discard(job_id)
        if self.jobs.pop(job_id, None) is not None:
            self.removed.emit(job_id)
