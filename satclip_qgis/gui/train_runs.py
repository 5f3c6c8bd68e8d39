"""The training that the Train page shows: begun here, in another window or yesterday; paused, continued, kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.curve_file import CurveFile
from satclip_qgis.gui.job_tracker import KEEP_BEST, TRAIN, JobTracker
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    RUN_FOLDER,
    STATE_FILE,
    JobState,
    JobView,
    KeepBestRequest,
    ProtocolError,
    TrainingResult,
    TrainRequest,
    from_json,
)

NOTHING, RUNNING, STOPPING, PAUSED, FAILED, DONE = "nothing", "running", "stopping", "paused", "failed", "done"
_PAUSE, _KEEP, _DISCARD = "pause", "keep", "discard"
_CARD = "card.json"


@dataclass
class ShownTraining:
    """One training and its jobs.

    Attributes:
        out: Folder of its model; empty where no training is shown.
        job: The newest job about it.
        train_job: The job that trains.
        curves: How it goes.
    """

    out: str = ""
    job: JobView | None = None
    train_job: JobView | None = None
    curves: CurveFile = field(default_factory=lambda: CurveFile(""))


class TrainRuns(QObject):
    """Acts on the training shown: of those that wait or run, else of all, the newest.

    Args:
        tracker: Puts the jobs.
        parent: Qt parent.

    Signals:
        changed(): The training shown, or how it stands, is another.
        trained(str): A model was made in this folder just now.
        discarded(str): What is in this folder is no longer wanted.
    """

    changed = pyqtSignal()
    trained = pyqtSignal(str)
    discarded = pyqtSignal(str)

    def __init__(self, tracker: JobTracker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tracker = tracker
        self._after_stop = ""
        self.shown = ShownTraining()
        tracker.changed.connect(self._job_changed)
        tracker.ended.connect(self._job_ended)
        tracker.removed.connect(lambda _job_id: self._choose())

    def standing(self) -> str:
        """Return how the training shown stands; one that makes room for another job still runs."""
        job = self.shown.job
        if job is None:
            return NOTHING
        if not job.state.is_final:
            return STOPPING if self._after_stop else RUNNING
        if job.state is JobState.SUCCEEDED:
            return DONE if (Path(self.shown.out) / _CARD).is_file() else NOTHING
        return PAUSED if self.has_state() else FAILED

    def can_keep(self) -> bool:
        """Whether held-out pairs were asked at least once, so that there are best weights."""
        return any(point.held_out for point in self.shown.curves.points)

    def has_state(self) -> bool:
        """Whether the training has left something to continue from."""
        return (Path(self.shown.out) / RUN_FOLDER / STATE_FILE).is_file()

    def result(self) -> TrainingResult | None:
        """Return what a finished training gained, or None."""
        try:
            card = json.loads((Path(self.shown.out) / _CARD).read_text(encoding="utf-8"))
            return from_json(TrainingResult, card["training"]["before_after"])
        except (OSError, ValueError, LookupError, TypeError, ProtocolError):
            # Removed since, or not made by a training.
            return None

    def request(self) -> TrainRequest | None:
        """Return what the training shown was asked, or None."""
        job = self.shown.train_job
        try:
            return from_json(TrainRequest, job.spec.request) if job is not None else None
        except ProtocolError:
            return None

    def stages(self) -> tuple[str, ...]:
        """Return the objectives of the training shown, one after the other."""
        request = self.request()
        return tuple(stage.objective for stage in request.recipe.stages) if request is not None else ()

    def start(self, request: TrainRequest) -> None:
        """Begin a training."""
        self._after_stop = ""
        self._tracker.start(TRAIN, request, tr("Train {model}").format(model=Path(request.out).name))

    def pause(self) -> None:
        """Stop, keeping everything needed to continue."""
        self._stop(_PAUSE)

    def resume(self) -> None:
        """Continue where it stopped, with the same request."""
        if self.shown.train_job is not None:
            self._after_stop = ""
            self._tracker.resume(self.shown.train_job.id)

    def keep(self) -> None:
        """Stop, and make a model of the best weights so far."""
        if self.standing() == RUNNING:
            self._stop(_KEEP)
        elif self.standing() == PAUSED:
            self._keep()

    def discard(self) -> None:
        """Stop, and forget the training."""
        if self.standing() == RUNNING:
            self._stop(_DISCARD)
        elif self.standing() in (PAUSED, FAILED):
            self._forget()

    def _stop(self, then: str) -> None:
        if self.shown.job is not None and self.standing() == RUNNING:
            self._after_stop = then
            self._tracker.cancel(self.shown.job.id)
            self.changed.emit()

    def _keep(self) -> None:
        out = self.shown.out
        self._tracker.start(KEEP_BEST, KeepBestRequest(out), tr("Keep {model}").format(model=Path(out).name))

    def _forget(self) -> None:
        out = self.shown.out
        for job in [job for job in self._tracker.jobs.values() if _out(job) == out]:
            self._tracker.remove(job.id)
        self.discarded.emit(out)

    def _job_changed(self, job: JobView) -> None:
        if not _out(job):
            return
        self._choose()
        if _out(job) == self.shown.out:
            self.shown.curves.read()
            self.changed.emit()

    def _job_ended(self, job: JobView) -> None:
        if not _out(job) or _out(job) != self.shown.out:
            return
        after, self._after_stop = self._after_stop, ""
        self.shown.curves.read()
        if job.state is JobState.SUCCEEDED:
            self.trained.emit(self.shown.out)
        elif after == _KEEP:
            self._keep()
        elif after == _DISCARD:
            self._forget()
        self.changed.emit()

    def _choose(self) -> None:
        jobs = [job for job in self._tracker.jobs.values() if _out(job)]
        newest = max(jobs, key=lambda job: (not job.state.is_final, job.created_s), default=None)
        out = _out(newest) if newest is not None else ""
        if out != self.shown.out:
            self.shown = ShownTraining(out=out, curves=CurveFile(out))
            self.shown.curves.read()
        trainings = [job for job in jobs if _out(job) == out and job.spec.kind == TRAIN]
        self.shown.job = newest
        self.shown.train_job = max(trainings, key=lambda job: job.created_s, default=None)
        if newest is None:
            self.changed.emit()


def _out(job: JobView) -> str:
    """Return the folder of the model that a job trains; empty for jobs of other kinds."""
    return str(job.spec.request.get("out", "")) if job.spec.kind in (TRAIN, KEEP_BEST) else ""
