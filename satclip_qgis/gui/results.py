"""What becomes of a finished map: loaded into the project and said, with what can be done next."""

from __future__ import annotations

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices

from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.run_controller import RunController
from satclip_qgis.i18n import tr
from satclip_qgis.layers import ResultLoader
from satclip_qgis.protocol import JobView, Problem, SegmentRequest, from_json


class ResultDesk(QObject):
    """Loads the products of jobs.

    Args:
        messages: Takes what has happened.
        runs: Runs a job again.
        parent: Qt parent.

    Signals:
        loaded(): A map that was made in this window lies in the project.
    """

    loaded = pyqtSignal()

    def __init__(self, messages: Messages, runs: RunController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messages = messages
        self._runs = runs

    def load(self, job: JobView) -> ResultLoader:
        """Load the results of a finished job into the project."""
        loader = ResultLoader(job, QgsProject.instance(), self)
        loader.failed.connect(self._not_loaded)
        loader.start()
        return loader

    def announce(self, job: JobView, own: bool) -> None:
        """Say that a map is ready; one that was started from this window is loaded at once."""
        title = job.spec.title
        if not own:
            text = tr("A job has finished: {title}").format(title=title)
            self._messages.info(text, [(tr("Load results"), lambda: self.load(job))])
            return
        self.load(job).loaded.connect(self._own_loaded)
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

    def _own_loaded(self, _group: object) -> None:
        self.loaded.emit()

    def _not_loaded(self, path: str) -> None:
        detail = tr("{path} cannot be opened.").format(path=path)
        remedy = tr("It may have been moved or deleted: run the job again.")
        self._messages.problem(Problem("results.missing", detail, remedy))
