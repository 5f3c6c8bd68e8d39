"""Says before a run what it will cost."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.client.transport import Reply
from satclip_qgis.gui.latest import LatestCall
from satclip_qgis.gui.run_bar import estimate_text
from satclip_qgis.gui.where import WhereError
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSyntaxError, Estimate, Problem, SegmentRequest
from satclip_qgis.provision.connection import ABSENT, READY, STARTING, EngineConnection

DELAY_MS = 400


class Estimator(QObject):
    """Keeps the estimate line true.

    Args:
        connection: The engine.
        build: Returns the request of the page as it is (an empty ``scene``: QGIS must export first), or None.
        parent: Qt parent.

    Signals:
        line(str, object): The sentence and a tuple of notes.
        working_gsd(object): Metres per pixel that "Auto" stands for, or None.
    """

    line = pyqtSignal(str, object)
    working_gsd = pyqtSignal(object)

    def __init__(
        self, connection: EngineConnection, build: Callable[[], SegmentRequest | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._build = build
        self.call = LatestCall(self._ask, DELAY_MS, self)
        self.call.answered.connect(self._show)
        self.call.failed.connect(self._refused)
        connection.state_changed.connect(lambda _state, _message: self.call.request())

    def refresh(self) -> None:
        """The page changed."""
        self.call.request()

    def _ask(self) -> Reply | None:
        try:
            request = self._build()
        except WhereError as error:
            return self._say(error.problem.sentence)
        except ClassSyntaxError as error:
            return self._say(f"{error.detail} {error.remedy}")
        if request is None:
            return self._say(tr("Add a raster layer to the project to map it."))
        if self._connection.state != READY or self._connection.client is None:
            return self._say(_engine_line(self._connection.state))
        if not request.scene:
            return self._say(tr("QGIS exports this layer first, then the engine maps it."))
        return self._connection.client.estimate(request)

    def _say(self, text: str) -> None:
        self.working_gsd.emit(None)
        self.line.emit(text, ())

    def _show(self, estimate: Estimate) -> None:
        self.working_gsd.emit(estimate.gsd_m)
        self.line.emit(estimate_text(estimate), estimate.notes)

    def _refused(self, problem: Problem) -> None:
        self._say(problem.sentence)


def _engine_line(state: str) -> str:
    """Return what Run will do while no engine is connected."""
    if state == ABSENT:
        return tr("The engine is not set up yet; Run shows how.")
    if state == STARTING:
        return tr("The engine is starting…")
    return tr("The engine is started with the first run.")
