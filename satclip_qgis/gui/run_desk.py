"""What Run does, on every page that has it: the line before, the run, its progress, its end."""

from __future__ import annotations

from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject

from satclip_qgis.gui import wording
from satclip_qgis.gui.engine_actions import EngineActions
from satclip_qgis.gui.estimator import Estimator
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.model_shelf import ModelShelf
from satclip_qgis.gui.run_bar import RunBar, RunBars
from satclip_qgis.gui.run_controller import RunController
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobView, Problem, SegmentRequest
from satclip_qgis.provision.connection import READY, EngineConnection


class RunDesk(QObject):
    """Makes the map that the Map page asks for, one at a time.

    Args:
        iface: QGIS.
        page: The Map page.
        other_bars: Of further pages that start the same run.
        connection: The engine.
        engine: Sets it up where it is missing.
        tracker: Its jobs.
        shelf: Its models.
        messages: Takes what has happened.
        parent: Qt parent.

    Attributes:
        runs: Turns the page into jobs.
        estimator: Keeps the line before a run true.
    """

    def __init__(
        self,
        iface: QgisInterface,
        page: MapPage,
        other_bars: tuple[RunBar, ...],
        connection: EngineConnection,
        engine: EngineActions,
        tracker: JobTracker,
        shelf: ModelShelf,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._iface = iface
        self._page = page
        self._connection = connection
        self._engine = engine
        self._tracker = tracker
        self._shelf = shelf
        self._messages = messages
        self._job_id = ""
        self._is_waiting = False
        self._bars = RunBars(page.run_bar, *other_bars)
        self.runs = RunController(tracker, self)
        self.estimator = Estimator(connection, self._build_request, self)
        page.run_bar.run_pressed.connect(self.run)
        for bar in (page.run_bar, *other_bars):
            bar.cancel_pressed.connect(self.cancel)
        self.estimator.line.connect(self._show_line)
        self.estimator.working_gsd.connect(page.source.show_working_gsd)
        self.runs.started.connect(self._started)
        self.runs.stopped.connect(self._over)
        self.runs.failed.connect(self._refused)
        self.runs.exporting.connect(self._show_export)
        connection.state_changed.connect(self._engine_changed)
        tracker.changed.connect(self._job_changed)
        tracker.ended.connect(self._job_ended)
        tracker.refused.connect(self._job_refused)

    def run(self) -> None:
        """Make the map that the page asks for; starts the engine first where it is not running."""
        if self._connection.state != READY:
            self._connection.start()
        if self._connection.state == READY:
            state, layer = self._page.state(), self._page.layer()
            chosen, view = self._shelf.model(state.features.model), self._iface.mapCanvas().extent()
            self.runs.run(state, layer, view, self._iface.activeLayer(), chosen)
        elif self._connection.problem is not None:
            self._messages.problem(self._connection.problem)
        elif not self._engine.is_set_up():
            self._engine.show_set_up()
        else:
            self._is_waiting = True
            self._bars.show_progress(tr("The engine is starting…"), None)

    def cancel(self) -> None:
        """Stop what Run started."""
        self._is_waiting = False
        if self._job_id:
            self._bars.show_cancelling()
            self._tracker.cancel(self._job_id)
        elif not self.runs.cancel_export():
            self._over()

    def close(self) -> None:
        """Ask nothing more; jobs go on in the engine."""
        self.estimator.call.stop()
        self.runs.cancel_export()

    def _build_request(self) -> SegmentRequest | None:
        layer = self._page.layer()
        if layer is None or not layer.isValid():
            return None
        view = self._iface.mapCanvas().extent()
        return self.runs.request(self._page.state(), layer, view, self._iface.activeLayer())[0]

    def _is_busy(self) -> bool:
        return bool(self._job_id) or self._is_waiting or self.runs.is_exporting()

    def _show_line(self, text: str, notes: tuple[str, ...]) -> None:
        if not self._is_busy():
            self._bars.show_idle(text, notes)

    def _show_export(self, done: float) -> None:
        self._bars.show_export(tr("QGIS exports the layer: {percent} %").format(percent=int(done * 100)), done)

    def _engine_changed(self, state: str, _message: str) -> None:
        if self._is_waiting and state == READY:
            self._is_waiting = False
            self.run()
        elif self._is_waiting and self._connection.problem is not None:
            self._is_waiting = False
            self._refused(self._connection.problem)

    def _started(self, job_id: str) -> None:
        self._job_id = job_id
        self._bars.show_progress(tr("Waiting for the engine…"), None)

    def _over(self) -> None:
        self._job_id = ""
        self._bars.show_idle("")
        self.estimator.refresh()
        self._engine.refresh_hello()

    def _refused(self, problem: Problem) -> None:
        self._messages.problem(problem)
        self._over()

    def _job_changed(self, job: JobView) -> None:
        if job.id == self._job_id and not job.state.is_final:
            self._bars.show_progress(wording.job_status(job), job.progress)

    def _job_ended(self, job: JobView) -> None:
        if job.id == self._job_id:
            self._over()

    def _job_refused(self, job_id: str) -> None:
        if job_id == self._job_id:
            self._over()
