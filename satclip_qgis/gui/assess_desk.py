"""What the Assess page does: plans and draws a sample of a map, has it labelled, reports what the labels say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QFileDialog

from satclip_qgis.client.transport import Reply
from satclip_qgis.gui import assess_words
from satclip_qgis.gui.assess_jobs import AssessJobs
from satclip_qgis.gui.assess_page import AssessPage
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.label_desk import LabelDesk
from satclip_qgis.gui.latest import LatestCall
from satclip_qgis.gui.map_legend import may_be_map
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.one_job import why_not_ready
from satclip_qgis.gui.point_file import PointFileError
from satclip_qgis.gui.point_places import check_fit, free_path, known_path, remember_path
from satclip_qgis.gui.point_walk import PointWalk
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    AssessDesignRequest,
    AssessReportRequest,
    MapAccuracy,
    Problem,
    SampleDesign,
    SampleSizeRequest,
)
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.scenes import scene_path
from satclip_qgis.settings import load_settings

DELAY_MS = 300


class AssessDesk(QObject):
    """Assesses maps.

    Args:
        page: The Assess page.
        canvas: The map view.
        connection: The engine.
        tracker: Puts the jobs.
        messages: Takes what has happened.
        parent: Qt parent.

    Attributes:
        report_path: The newest report; empty before there is one.
        walk: The points.
        labels: Labels them.
        jobs: Draws them, and reports.
    """

    def __init__(
        self,
        page: AssessPage,
        canvas: QgsMapCanvas,
        connection: EngineConnection,
        tracker: JobTracker,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._page = page
        self._connection = connection
        self._tell: Callable[[Problem], None] = messages.problem
        self._active = False
        self._map_id, self._map_name = "", ""
        # The map that was left while it was labelled: id, name and points.
        self._left: tuple[str, str, Path | None] | None = None
        self.report_path = ""
        self.walk = PointWalk(self)
        self.labels = LabelDesk(page, canvas, self.walk, self)
        self.jobs = AssessJobs(page.run_bar, connection, tracker, self)
        self.call = LatestCall(self._ask, DELAY_MS, self)
        self._connect()

    def is_active(self) -> bool:
        """Whether the Assess page is in front."""
        return self._active

    def set_active(self, active: bool) -> None:
        """The Assess page came to the front, or went."""
        if active == self._active:
            return
        self._active = active
        if active:
            self._offer_maps()
            self._follow_map()
            self.call.request_now()
        else:
            self.call.stop()
            self.labels.stop()

    def open_points(self, path: Path) -> bool:
        """Go on with the points of a file, and remember it in the project; False if they are not this map's."""
        layer = self._layer()
        if layer is None:
            self._say(tr("No map is chosen."), tr("Add the map to the project and choose it above."))
            return False
        self.labels.stop()
        try:
            check_fit(path, layer)
            self.walk.open(path)
        except PointFileError as error:
            self._tell(error.problem)
            return False
        remember_path(layer, path)
        self._page.sample_box.setCollapsed(True)
        self._page.label_box.setCollapsed(False)
        self._page.show_result(None)
        return True

    def draw(self) -> None:
        """Draw the points that the page asks for."""
        layer, path = self._layer(), self._map_path()
        if layer is None or path is None:
            self._say(*_no_map(layer))
            return
        points = free_path(layer, path, load_settings().data_path)
        self.jobs.draw(AssessDesignRequest(path, str(points), self._page.options()), layer.name())

    def report(self) -> None:
        """Estimate accuracy and areas from the labels."""
        layer, path, points = self._layer(), self._map_path(), self.walk.path
        if layer is None or path is None or points is None:
            self._say(*_no_map(layer))
            return
        folder = points.with_name(f"{points.stem}_report")
        self.jobs.report(AssessReportRequest(path, str(points), str(folder)), layer.name())

    def close(self) -> None:
        """Leave nothing on the canvas; the labels are on disk."""
        self.call.stop()
        self.labels.close()
        QgsProject.instance().layersAdded.disconnect(self._layers_added)
        QgsProject.instance().layersRemoved.disconnect(self._layers_removed)

    def _connect(self) -> None:
        page, jobs = self._page, self.jobs
        page.map_combo.layerChanged.connect(lambda _layer: self._follow_map())
        for spin in (page.error_spin, page.least_spin, page.total_spin):
            spin.valueChanged.connect(lambda _value: self._options_changed())
        page.draw_button.clicked.connect(lambda _checked: self.draw())
        page.open_button.clicked.connect(lambda _checked: self._ask_file())
        page.run_bar.run_pressed.connect(self.report)
        page.report_button.clicked.connect(lambda _checked: self._open_report())
        self.labels.problem.connect(self._tell)
        self.call.answered.connect(self._show_plan)
        self.call.failed.connect(lambda problem: page.show_plan(problem.sentence))
        self._connection.state_changed.connect(lambda _state, _message: self.call.request() if self._active else None)
        jobs.drawn.connect(self._drawn)
        jobs.assessed.connect(self._assessed)
        jobs.ended.connect(lambda: page.show_walk(self.walk))
        jobs.problem.connect(self._tell)
        QgsProject.instance().layersAdded.connect(self._layers_added)
        QgsProject.instance().layersRemoved.connect(self._layers_removed)

    # The map

    def _layer(self) -> QgsRasterLayer | None:
        layer = QgsProject.instance().mapLayer(self._map_id)
        return layer if layer is not None and layer.isValid() else None

    def _map_path(self) -> str | None:
        """Return the path under which the engine can read the map, or None."""
        layer = self._layer()
        return scene_path(layer) if layer is not None else None

    def _layers_added(self, _layers: object) -> None:
        if self._active:
            self._offer_maps()

    def _offer_maps(self) -> None:
        layers = QgsProject.instance().mapLayers().values()
        others = [one for one in layers if isinstance(one, QgsRasterLayer) and not may_be_map(one)]
        self._page.map_combo.setExceptedLayerList(others)

    def _follow_map(self) -> None:
        layer = self._page.map_combo.currentLayer()
        layer_id = layer.id() if layer is not None else ""
        if not self._active or layer_id == self._map_id:
            return
        self._left = (self._map_id, self._map_name, self.walk.path) if self.labels.is_labelling() else None
        self._map_id, self._map_name = layer_id, layer.name() if layer is not None else ""
        self.labels.show_map(layer)
        self.walk.close()
        self._page.sample_box.setCollapsed(False)
        self._page.show_plan("")
        self._page.show_result(None)
        map_path = self._map_path()
        points = known_path(layer, map_path, load_settings().data_path) if map_path is not None else None
        if points is not None:
            self.open_points(points)
        self.call.request_now()

    def _layers_removed(self, layer_ids: list[str]) -> None:
        """Say what became of the labels where the map went while they were given."""
        if self._left is None or self._left[0] not in layer_ids:
            return
        _, name, points = self._left
        detail = tr("The map {map} is no longer in the project. Its labels are kept in {path}.")
        self._say(detail.format(map=name, path=points), tr("Add the map again to go on labelling."))

    # The sample

    def _options_changed(self) -> None:
        self._page.error_spin.setEnabled(self._page.total_spin.value() == 0)
        self.call.request()

    def _ask(self) -> Reply | None:
        layer, client, path = self._layer(), self._connection.client, self._map_path()
        if path is None:
            self._page.show_plan(" ".join(_no_map(layer)))
        elif client is None:
            self._page.show_plan(why_not_ready(self._connection).sentence)
        elif self._active:
            return client.sample_size(SampleSizeRequest(path, self._page.options()))
        return None

    def _show_plan(self, plan: SampleDesign) -> None:
        self._page.show_plan(assess_words.design(plan), plan.notes, assess_words.design_rows(plan))

    def _ask_file(self) -> None:
        start = str(self.walk.path or load_settings().data_path)
        title, kinds = tr("Points of an assessment"), tr("GeoPackage (*.gpkg)")
        path, _ = QFileDialog.getOpenFileName(self._page, title, start, kinds)
        if path:
            self.open_points(Path(path))

    # The result

    def _drawn(self, map_path: str, points: str) -> None:
        if map_path == self._map_path():
            self.open_points(Path(points))

    def _assessed(self, map_path: str, accuracy: MapAccuracy, report: str) -> None:
        if map_path == self._map_path():
            self.report_path = report
            self._page.show_result(accuracy)

    def _open_report(self) -> None:
        if not Path(self.report_path).exists():
            self._say(tr("The report {path} is not there any more.").format(path=self.report_path), tr("Assess again."))
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(self.report_path))

    def _say(self, detail: str, remedy: str) -> None:
        self._tell(Problem(code="assess", detail=detail, remedy=remedy))


def _no_map(layer: QgsRasterLayer | None) -> tuple[str, str]:
    """Return what is wrong and what to do where the engine has no map to read."""
    if layer is None:
        return tr("There is no map to assess."), tr("Add a raster layer with one band of class codes to the project.")
    detail = tr("The engine cannot read {map}.").format(map=layer.name())
    return detail, tr("Export the layer as GeoTIFF with its raw data, and choose that one.")
