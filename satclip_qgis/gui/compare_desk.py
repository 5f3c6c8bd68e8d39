"""Before and after on the map: the start's map left of a line, the trained model's right of it, at any share learnt."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsCoordinateTransform, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTemporaryDir, pyqtSignal
from qgis.PyQt.QtGui import QImage

from satclip_qgis.client.transport import Reply
from satclip_qgis.gui.job_tracker import MIX, JobTracker
from satclip_qgis.gui.latest import LatestCall
from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.preview_controller import build_preview
from satclip_qgis.gui.swipe import HalfItem, LineItem, SwipeTool
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    ClassSyntaxError,
    Event,
    JobState,
    JobView,
    MixModelsRequest,
    PreviewRequest,
    PreviewResult,
    Problem,
)
from satclip_qgis.provision.connection import EngineConnection

DELAY_MS = 150
LEFT, RIGHT = 0, 1


class CompareDesk(QObject):
    """Paints the layer and classes of the Map page with two models.

    Args:
        canvas: The map view.
        map_page: Says which layer, and which classes.
        connection: The engine.
        tracker: Puts the jobs that mix the two models.
        parent: Qt parent.

    Signals:
        said(str): How far the pictures are, or why there are none.
        stopped(): The map view is as it was.
    """

    said = pyqtSignal(str)
    stopped = pyqtSignal()

    def __init__(
        self,
        canvas: QgsMapCanvas,
        map_page: MapPage,
        connection: EngineConnection,
        tracker: JobTracker,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._page = map_page
        self._connection = connection
        self._tracker = tracker
        self._start = self._tuned = ""
        self._models = ["", ""]
        self._known = [0.0, 0.0]
        self._asked: tuple[int, str, QgsRasterLayer] | None = None
        self._mixes: QTemporaryDir | None = None
        self._mixing: set[str] = set()
        self._wanted = ""
        self._before = None
        self.items: tuple[HalfItem, ...] = ()
        self.line: LineItem | None = None
        self.tool = SwipeTool(canvas)
        self.tool.moved.connect(self._move_line)
        self.tool.deactivated.connect(self._leave)
        self.call = LatestCall(self._ask, DELAY_MS, self)
        self.call.answered.connect(self._show)
        self.call.failed.connect(self._refused)
        connection.event_received.connect(self._take_event)
        tracker.ended.connect(self._job_ended)

    def is_on(self) -> bool:
        """Whether the view shows the comparison."""
        return bool(self.items)

    def known(self) -> float:
        """Return how much of the view is painted on both sides, in [0, 1]."""
        return min(self._known)

    def start(self, start: str, tuned: str) -> None:
        """Show the maps of two models: ids or paths."""
        self.stop()
        self._start, self._tuned = start, tuned
        self._models = [start, tuned]
        self.items = (HalfItem(self._canvas), HalfItem(self._canvas))
        self.line = LineItem(self._canvas)
        self._before = self._canvas.mapTool()
        self._canvas.setMapTool(self.tool)
        self._canvas.setFocus()
        self._canvas.extentsChanged.connect(self._view_changed)
        self._move_line(0.5)
        self._view_changed()

    def set_share(self, percent: int) -> None:
        """Show the model at this share of what was learnt on the right."""
        if not self.is_on() or self.line is None:
            return
        names = {0: self._start, 100: self._tuned}
        after = tr("after: {model}") if percent == 100 else tr("{percent} % of {model}")
        self.line.set_names(
            tr("before: {model}").format(model=_name(self._start)),
            after.format(percent=percent, model=_name(self._tuned)),
        )
        path = names.get(percent) or str(self._mix_folder() / str(percent))
        self._wanted = path
        if percent in names or Path(path).is_dir():
            self._set_right(path)
            return
        self.said.emit(tr("Mixing the two models…"))
        if path not in self._mixing:
            self._mixing.add(path)
            request = MixModelsRequest(self._start, self._tuned, percent / 100, path, measure=False)
            title = tr("Mix {percent} % of {model}").format(percent=percent, model=_name(self._tuned))
            self._tracker.start(MIX, request, title)

    def stop(self) -> None:
        """Give the map view back as it was."""
        if self._canvas.mapTool() is not self.tool:
            self._leave()
        elif self._before is not None:
            self._canvas.setMapTool(self._before)
        else:
            self._canvas.unsetMapTool(self.tool)

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self.stop()
        self.tool.deleteLater()

    def _leave(self) -> None:
        """The tool was left, by us or for another one: nothing stays on the canvas."""
        if not self.is_on():
            return
        items, self.items = self.items, ()
        self.call.stop()
        self._canvas.extentsChanged.disconnect(self._view_changed)
        for item in (*items, self.line):
            self._canvas.scene().removeItem(item)
        self.line = None
        self._mixes = None
        self.stopped.emit()

    def _set_right(self, model: str) -> None:
        if self._models[RIGHT] == model:
            return
        # The last picture stays until the new one is there.
        self._models[RIGHT], self._known[RIGHT] = model, 0.0
        self.call.request()

    def _mix_folder(self) -> Path:
        self._mixes = self._mixes or QTemporaryDir()
        return Path(self._mixes.path())

    def _move_line(self, share: float) -> None:
        if self.line is None:
            return
        self.line.set_share(share)
        self.items[LEFT].set_part(0.0, share)
        self.items[RIGHT].set_part(share, 1.0)

    def _view_changed(self) -> None:
        self._known = [0.0, 0.0]
        self.call.request()

    def _ask(self) -> Reply | None:
        """Ask for the first side that is not whole: the engine encodes what the last question lacked."""
        layer, client = self._page.layer(), self._connection.client
        side = next((side for side in (LEFT, RIGHT) if self._known[side] < 1.0), None)
        if not self.is_on() or side is None or client is None:
            return None
        request = self._request(layer, self._models[side])
        if request is None:
            return None
        self._asked = (side, self._models[side], layer)
        return client.preview(request)

    def _request(self, layer: QgsRasterLayer | None, model: str) -> PreviewRequest | None:
        state = self._page.state()
        state = replace(state, features=replace(state.features, model=model))
        try:
            request = None if layer is None else build_preview(state, layer, self._canvas, QgsProject.instance())
        except ClassSyntaxError as error:
            self.said.emit(f"{error.detail} {error.remedy}")
            return None
        if request is None:
            self.said.emit(tr("Choose on the Map page a layer that this view shows."))
        return request

    def _show(self, result: PreviewResult) -> None:
        if not self.is_on() or self._asked is None or self._asked[1] != self._models[self._asked[0]]:
            return
        side, _, layer = self._asked
        image = QImage.fromData(base64.b64decode(result.png_base64), "PNG")
        project = QgsProject.instance()
        back = QgsCoordinateTransform(layer.crs(), project.crs(), project.transformContext())
        self.items[side].set_picture(image, QgsRectangle(*result.bounds), back)
        self._known[side] = result.known_fraction
        if self.known() >= 1.0:
            self.said.emit(tr("Drag the line over the map view; the arrow keys move it too."))
            return
        percent = round(50 * (self._known[LEFT] + self._known[RIGHT]))
        self.said.emit(tr("Painting the view with both models: {percent} %").format(percent=percent))
        if result.known_fraction >= 1.0:
            self.call.request_now()

    def _refused(self, problem: Problem) -> None:
        if self.is_on():
            self.said.emit(problem.sentence)

    def _take_event(self, event: Event) -> None:
        if self.is_on() and event.type == "features" and self.known() < 1.0:
            self.call.request_unless_waiting()

    def _job_ended(self, job: JobView) -> None:
        out = str(job.spec.request.get("out", ""))
        if job.spec.kind != MIX or out not in self._mixing:
            return
        self._mixing.discard(out)
        if self.is_on() and out == self._wanted and job.state is JobState.SUCCEEDED:
            self._set_right(out)
        # It is this comparison's alone: nobody looks for it in the list of jobs.
        self._tracker.remove(job.id)


def _name(model: str) -> str:
    return Path(model).name
