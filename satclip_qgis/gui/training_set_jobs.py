"""The jobs on training sets, one at a time: made, looked through, fixed, divided."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.one_job import OneJob
from satclip_qgis.gui.progress_line import ProgressLine
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    FINDINGS_ROLE,
    CheckPairsRequest,
    Finding,
    JobView,
    PairCheck,
    Problem,
    ProgressUpdate,
    ProtocolError,
    SplitPairsRequest,
    from_json,
)
from satclip_qgis.provision.connection import EngineConnection

BUILD, IMPORT, PHOTOS, CHECK, SPLIT = "build_captions", "import_pairs", "photo_pairs", "check_pairs", "split_pairs"


class TrainingSetJobs(OneJob):
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
    """

    made = pyqtSignal(object)
    checked = pyqtSignal(str, object)
    divided = pyqtSignal(str)

    def __init__(
        self, line: ProgressLine, connection: EngineConnection, tracker: JobTracker, parent: QObject | None = None
    ) -> None:
        super().__init__(connection, tracker, parent)
        self._line = line
        line.cancel_pressed.connect(self.cancel)

    def check(self, folder: str, title: str, model: str) -> None:
        """Look a set through."""
        self.put(CHECK, CheckPairsRequest(folder, model), tr("Check of {title}").format(title=title))

    def fix(self, folder: str, title: str, model: str, finding: Finding) -> None:
        """Put right what a check has found, and look the set through again."""
        request = CheckPairsRequest(folder, model, (finding.code,), finding.sentence)
        self.put(CHECK, request, tr("Fix of {title}").format(title=title))

    def split(self, request: SplitPairsRequest, title: str) -> None:
        """Divide a set by place."""
        self.put(SPLIT, request, tr("Division of {title}").format(title=title))

    def show_progress(self, text: str, update: ProgressUpdate | None) -> None:
        """Show how far the job is in the line."""
        self._line.show_progress(text, update.done if update is not None else None)

    def show_idle(self) -> None:
        """Put the line away."""
        self._line.hide()

    def take(self, job: JobView) -> None:
        """Take a new set, findings, or that a set was divided."""
        folder = str(job.spec.request["folder"])
        if job.spec.kind == CHECK:
            self._take_findings(job, folder)
        elif job.spec.kind == SPLIT:
            self.divided.emit(folder)
        else:
            self.made.emit(job)

    def _take_findings(self, job: JobView, folder: str) -> None:
        path = next((one.path for one in job.artifacts if one.role == FINDINGS_ROLE), "")
        try:
            found = from_json(PairCheck, json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, ProtocolError) as error:
            detail = tr("What the check found cannot be read: {why}.").format(why=error)
            self.problem.emit(Problem("pairs", detail, tr("Check again.")))
        else:
            self.checked.emit(folder, found)
