"""Says before a training what it will cost: a job that takes a few of its steps, forgotten once it has answered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from satclip_qgis import train_words
from satclip_qgis.gui import wording
from satclip_qgis.gui.job_tracker import ESTIMATE, JobTracker
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    TRAIN_ESTIMATE_ROLE,
    JobState,
    JobView,
    ProtocolError,
    TrainEstimate,
    TrainRequest,
    from_json,
)

# An estimate loads the model and takes some seconds: it begins once the hands are off the settings.
DELAY_MS = 1500


class TrainEstimator(QObject):
    """Keeps the line before a training true; an answer holds until the settings change.

    Args:
        tracker: Puts the jobs.
        parent: Qt parent.

    Signals:
        line(str, object): The sentence and a tuple of notes.
    """

    line = pyqtSignal(str, object)

    def __init__(self, tracker: JobTracker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tracker = tracker
        self._request: TrainRequest | None = None
        self._job_id = ""
        self._answers: dict[TrainRequest, tuple[str, tuple[str, ...]]] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._put)
        tracker.ended.connect(self._ended)
        tracker.changed.connect(self._changed)

    def ask(self, request: TrainRequest) -> None:
        """Say soon what ``request`` will cost."""
        if request == self._request and (self._job_id or self._timer.isActive()):
            return
        self.stop()
        self._request = request
        answer = self._answers.get(_costly(request))
        if answer is not None:
            self.line.emit(*answer)
            return
        self.line.emit(tr("Estimating: a few steps are tried…"), ())
        self._timer.start()

    def forget(self) -> None:
        """The training set is another: no answer holds any more."""
        self._answers.clear()

    def stop(self) -> None:
        """Ask nothing more, and end what is being tried."""
        self._timer.stop()
        self._request = None
        if self._job_id:
            self._tracker.cancel(self._job_id)
            self._job_id = ""

    def _put(self) -> None:
        if self._request is not None:
            self._job_id = self._tracker.start(ESTIMATE, self._request, tr("Estimate of a training"))

    def _ended(self, job: JobView) -> None:
        if job.spec.kind != ESTIMATE or not self._tracker.is_own(job.id):
            return
        if job.id == self._job_id and self._request is not None:
            self._job_id = ""
            self._tell(job, self._request)
        self._tracker.remove(job.id)

    def _changed(self, job: JobView) -> None:
        if job.spec.kind == ESTIMATE and job.state.is_final and not self._tracker.is_own(job.id):
            # Left by a window that was closed before its answer came.
            self._tracker.remove(job.id)

    def _tell(self, job: JobView, request: TrainRequest) -> None:
        if job.state is JobState.FAILED and job.problem is not None:
            self.line.emit(job.problem.sentence, ())
            return
        found = _read(job)
        if found is None:
            self.line.emit("", ())
            return
        sizes = (wording.size(found.memory_bytes), wording.size(found.disk_bytes))
        answer = (train_words.cost(found, wording.duration(max(1.0, found.seconds)), *sizes), found.notes)
        self._answers[_costly(request)] = answer
        self.line.emit(*answer)


def _costly(request: TrainRequest) -> TrainRequest:
    """Return the request without what costs nothing."""
    return replace(request, out="", title="")


def _read(job: JobView) -> TrainEstimate | None:
    path = next((one.path for one in job.artifacts if one.role == TRAIN_ESTIMATE_ROLE), "")
    try:
        return from_json(TrainEstimate, json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, ProtocolError):
        # Another estimate took its place meanwhile.
        return None
