"""What becomes of a finished map: loaded into the project and said, with what can be done next."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QUrl
from qgis.PyQt.QtGui import QDesktopServices

from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.run_controller import RunController
from satclip_qgis.i18n import tr
from satclip_qgis.layers import load_results
from satclip_qgis.protocol import JobView, Problem, SegmentRequest, from_json


class ResultDesk(QObject):
    """Loads the products of jobs.

    Args:
        messages: Takes what has happened.
        runs: Runs a job again.
        loaded: Called when a new map lies in the project.
        parent: Qt parent.
    """

    def __init__(
        self, messages: Messages, runs: RunController, loaded: Callable[[], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._messages = messages
        self._runs = runs
        self._loaded = loaded

    def load(self, job: JobView) -> None:
        """Load the results of a finished job into the project."""
        self._load(job, lambda: None)

    def _load(self, job: JobView, loaded: Callable[[], None]) -> None:
        loader = load_results(job, QgsProject.instance(), lambda _group: loaded())
        loader.failed.connect(lambda path: self._messages.problem(_missing(path)))

    def announce(self, job: JobView, own: bool) -> None:
        """Say that a map is ready; one that was started from this window is loaded at once."""
        title = job.spec.title
        if not own:
            text = tr("A job has finished: {title}").format(title=title)
            self._messages.info(text, [(tr("Load results"), lambda: self.load(job))])
            return
        self._load(job, self._loaded)
        folder = str(job.spec.request["out_dir"])
        request = from_json(SegmentRequest, job.spec.request)
        self._messages.success(
            tr("The map is ready: {title}").format(title=title),
            [
                (tr("Open folder"), lambda: self.open_folder(folder)),
                (tr("Run again"), lambda: self._runs.repeat(request, title)),
            ],
        )

    def open_folder(self, folder: str) -> None:
        """Show a folder in the file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(folder))


def _missing(path: str) -> Problem:
    return Problem(
        "results.missing",
        tr("{path} cannot be opened.").format(path=path),
        tr("It may have been moved or deleted: run the job again."),
    )
