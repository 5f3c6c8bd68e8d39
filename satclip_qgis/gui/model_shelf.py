"""The engine's models kept current, and the jobs about them; no widget here."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    MODEL_CHECK_ROLE,
    CheckModelRequest,
    DownloadModelRequest,
    Event,
    ImportModelRequest,
    JobState,
    JobView,
    ModelCheck,
    ModelInfo,
    ProtocolError,
    from_json,
)
from satclip_qgis.provision.connection import READY, EngineConnection

DOWNLOAD, IMPORT, CHECK = "download_model", "import_model", "check_model"
KINDS = (DOWNLOAD, IMPORT, CHECK)


class ModelShelf(QObject):
    """Knows the models of the engine and what is being done with them.

    Args:
        connection: The engine.
        tracker: Its jobs.
        parent: Qt parent.

    Signals:
        listed(): The list was asked for anew.
        changed(): The list, or a job about a model, has changed.
        removed(str): The model of this id has been removed from here.
        failed(object): A ``Problem``: the list or a removal was refused.
    """

    listed = pyqtSignal()
    changed = pyqtSignal()
    removed = pyqtSignal(str)
    failed = pyqtSignal(object)

    def __init__(self, connection: EngineConnection, tracker: JobTracker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._connection = connection
        self._tracker = tracker
        self.models: tuple[ModelInfo, ...] = ()
        connection.state_changed.connect(self._engine_changed)
        connection.event_received.connect(self._take_event)
        tracker.changed.connect(self._job_changed)
        tracker.removed.connect(lambda _job_id: self.changed.emit())
        tracker.ended.connect(self._job_ended)

    def is_ready(self) -> bool:
        """Whether the engine can be asked."""
        return self._connection.state == READY

    def model(self, model_id: str) -> ModelInfo | None:
        """Return a model, or None if the engine has none of that id."""
        return next((model for model in self.models if model.id == model_id), None)

    def last_job(self, model_id: str) -> JobView | None:
        """Return the newest job about a model, or None."""
        return max(self._jobs_of(model_id), key=lambda job: job.created_s, default=None)

    def active_jobs(self) -> tuple[JobView, ...]:
        """Return the jobs about models that wait or run, the oldest first."""
        jobs = [job for job in self._tracker.jobs.values() if job.spec.kind in KINDS and _is_active(job)]
        return tuple(sorted(jobs, key=lambda job: job.created_s))

    def check_of(self, model_id: str) -> ModelCheck | None:
        """Return what the newest finished check of a model has found, or None."""
        checks = [job for job in self._jobs_of(model_id) if job.spec.kind == CHECK and job.state is JobState.SUCCEEDED]
        return _read_check(max(checks, key=lambda job: job.created_s)) if checks else None

    def refresh(self) -> None:
        """Ask for the list again."""
        client = self._connection.client
        if client is not None:
            reply = client.models()
            reply.succeeded.connect(self._take)
            reply.failed.connect(self.failed)

    def download(self, model: ModelInfo) -> None:
        """Fetch a model whose licence the user has accepted."""
        title = tr("Download {model}").format(model=model.title)
        self._tracker.start(DOWNLOAD, DownloadModelRequest(model.id, accept_licence=True), title)

    def take_in(self, request: ImportModelRequest) -> None:
        """Import weights that lie on this machine."""
        title = tr("Import {model}").format(model=request.model or Path(request.path).name)
        self._tracker.start(IMPORT, request, title)

    def check(self, model: ModelInfo) -> None:
        """Measure whether a model is set up as it was trained."""
        self._tracker.start(CHECK, CheckModelRequest(model.id), tr("Check {model}").format(model=model.title))

    def remove(self, model: ModelInfo) -> None:
        """Remove a model, or what a stopped download of it left, from this machine."""
        client = self._connection.client
        if client is None:
            return
        reply = client.remove_model(model.id)
        # First whoever uses it looks for another; then the list is without it.
        reply.succeeded.connect(lambda _models: self._forget(model.id))
        reply.succeeded.connect(self._take)
        reply.failed.connect(self.failed)

    def cancel(self, job_id: str) -> None:
        """Stop a job; a download can be resumed later."""
        self._tracker.cancel(job_id)

    def resume(self, job_id: str) -> None:
        """Continue a download that was stopped or has failed."""
        self._tracker.resume(job_id)

    def _forget(self, model_id: str) -> None:
        """What was fetched and measured is gone: the jobs about it say nothing any more."""
        for job in self._jobs_of(model_id):
            self._tracker.remove(job.id)
        self.removed.emit(model_id)

    def _jobs_of(self, model_id: str) -> list[JobView]:
        return [
            job
            for job in self._tracker.jobs.values()
            if job.spec.kind in KINDS and job.spec.request.get("model") == model_id
        ]

    def _engine_changed(self, state: str, _message: str) -> None:
        if state == READY:
            self.refresh()
        self.changed.emit()

    def _take_event(self, event: Event) -> None:
        if event.type == "models":
            self.refresh()

    def _take(self, models: tuple[ModelInfo, ...]) -> None:
        self.models = models
        self.listed.emit()
        self.changed.emit()

    def _job_changed(self, job: JobView) -> None:
        if job.spec.kind in KINDS:
            self.changed.emit()

    def _job_ended(self, job: JobView) -> None:
        if job.spec.kind in KINDS and job.state is JobState.SUCCEEDED:
            self.refresh()


def _is_active(job: JobView) -> bool:
    return not job.state.is_final and job.state is not JobState.INTERRUPTED


def _read_check(job: JobView) -> ModelCheck | None:
    path = next((artifact.path for artifact in job.artifacts if artifact.role == MODEL_CHECK_ROLE), "")
    try:
        return from_json(ModelCheck, json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, ProtocolError):
        # Cleared since; the model can be checked again.
        return None
