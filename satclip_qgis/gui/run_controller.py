"""Run: from the page to a job, with an export by QGIS in front where the engine cannot open the layer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from qgis.core import QgsApplication, QgsGeometry, QgsMapLayer, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.export import MAX_EXPORT_PX, ExportTask, native_gsd_m, plan_export
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.requests import base_folder, job_title, run_folder, segment_request
from satclip_qgis.gui.state import MapState
from satclip_qgis.gui.where import WhereError, area, area_of_interest
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSyntaxError, ModelInfo, Problem, SegmentRequest
from satclip_qgis.scenes import scene_path

_ANY_SCALE_M = (0.1, 30.0)


class RunController(QObject):
    """Turns the page into one job at a time.

    Args:
        tracker: Puts the job.
        parent: Qt parent.

    Signals:
        exporting(float): QGIS exports the layer; share done in [0, 1].
        started(str): The job with this id was put.
        stopped(): The export was cancelled or failed; no job follows.
        failed(object): A ``Problem``.
    """

    exporting = pyqtSignal(float)
    started = pyqtSignal(str)
    stopped = pyqtSignal()
    failed = pyqtSignal(object)

    def __init__(self, tracker: JobTracker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tracker = tracker
        self._task: ExportTask | None = None

    def request(
        self, state: MapState, layer: QgsRasterLayer, view: QgsRectangle, active: QgsMapLayer | None
    ) -> tuple[SegmentRequest, QgsGeometry | None]:
        """Return the request for the page as it is, and its area in the layer's CRS; ``scene`` is empty for an export.

        Raises:
            WhereError: if the chosen place cannot be used.
            ClassSyntaxError: if the classes are unfinished.
        """
        project = QgsProject.instance()
        place = area(state, layer, project, view, active)
        out_dir = run_folder(base_folder(state, project), layer.name(), datetime.now())
        aoi = area_of_interest(place)
        return segment_request(state, scene_path(layer) or "", out_dir, aoi), place

    def run(
        self,
        state: MapState,
        layer: QgsRasterLayer | None,
        view: QgsRectangle,
        active: QgsMapLayer | None,
        model: ModelInfo | None,
    ) -> None:
        """Start what the page asks for, or say why not."""
        if layer is None or not layer.isValid():
            self._fail(tr("There is no raster layer to map."), tr("Add a raster layer to the project."))
            return
        try:
            request, place = self.request(state, layer, view, active)
        except WhereError as error:
            self.failed.emit(error.problem)
            return
        except ClassSyntaxError as error:
            self._fail(error.detail, error.remedy)
            return
        title = job_title(layer.name(), request.classes)
        if request.scene:
            self.put(request, title)
        else:
            self._export(layer, place, request, title, working_gsd_m(request, layer, model))

    def repeat(self, request: SegmentRequest, title: str) -> None:
        """Run the same request again, into a folder of its own."""
        out_dir = Path(request.out_dir)
        stem = out_dir.name.rsplit("_", 1)[0]
        self.put(replace(request, out_dir=str(run_folder(out_dir.parent, stem, datetime.now()))), title)

    def put(self, request: SegmentRequest, title: str) -> None:
        """Put a request that is complete."""
        self.started.emit(self._tracker.start_segment(request, title))

    def is_exporting(self) -> bool:
        """Whether QGIS is exporting a layer."""
        return self._task is not None

    def cancel_export(self) -> bool:
        """Stop a running export; False where none runs."""
        if self._task is None:
            return False
        self._task.cancel()
        return True

    def _export(
        self, layer: QgsRasterLayer, place: QgsGeometry | None, request: SegmentRequest, title: str, gsd_m: float
    ) -> None:
        project = QgsProject.instance()
        extent = layer.extent() if place is None else place.boundingBox()
        plan = plan_export(layer, extent, gsd_m, project)
        if plan.pixels > MAX_EXPORT_PX:
            self._fail(
                tr("At {gsd:.2f} m/px this area has {count:.1f} billion pixels, too many to export.").format(
                    gsd=gsd_m, count=plan.pixels / 1e9
                ),
                tr("Choose this view, a rectangle, or a coarser scale."),
            )
            return
        path = Path(request.out_dir) / "source.tif"
        task = ExportTask(layer, plan, path, project)
        task.exported.connect(lambda scene: self._exported(replace(request, scene=scene), title))
        task.failed.connect(self.failed)
        task.progressChanged.connect(lambda percent: self.exporting.emit(percent / 100))
        task.taskTerminated.connect(self._export_stopped)
        self._task = task
        self.exporting.emit(0.0)
        QgsApplication.taskManager().addTask(task)

    def _exported(self, request: SegmentRequest, title: str) -> None:
        self._task = None
        self.put(request, title)

    def _export_stopped(self) -> None:
        self._task = None
        self.stopped.emit()

    def _fail(self, detail: str, remedy: str) -> None:
        self.failed.emit(Problem(code="input", detail=detail, remedy=remedy))


def working_gsd_m(request: SegmentRequest, layer: QgsRasterLayer, model: ModelInfo | None) -> float:
    """Return the metres per pixel of an export: as asked, else the layer's own within the model's range.

    A web layer has no size of its own; the finest scale the model is made for is fetched.
    """
    if request.features.gsd_m is not None:
        return request.features.gsd_m
    finest = (model.gsd_min_m if model else None) or _ANY_SCALE_M[0]
    coarsest = (model.gsd_max_m if model else None) or _ANY_SCALE_M[1]
    own = native_gsd_m(layer, QgsProject.instance()) or 0.0
    return min(max(own, finest), coarsest)
