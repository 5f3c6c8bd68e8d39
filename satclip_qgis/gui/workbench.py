"""What the dock does: page, preview, estimate, runs, results and messages, wired to one engine."""

from __future__ import annotations

from dataclasses import replace

from qgis.core import QgsProject
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject

from satclip_qgis.gui.assess_desk import AssessDesk
from satclip_qgis.gui.dock import SatclipDock
from satclip_qgis.gui.engine_actions import EngineActions
from satclip_qgis.gui.job_tracker import ESTIMATE, SEGMENT, JobTracker
from satclip_qgis.gui.map_tools import RectangleDrawer
from satclip_qgis.gui.messages import CHOOSE_BANDS, MODELS, Messages
from satclip_qgis.gui.model_desk import ModelDesk
from satclip_qgis.gui.model_shelf import ModelShelf
from satclip_qgis.gui.preview_controller import PreviewController
from satclip_qgis.gui.project_memory import ProjectMemory, default_state
from satclip_qgis.gui.requests import base_folder
from satclip_qgis.gui.results import ResultDesk
from satclip_qgis.gui.run_desk import RunDesk
from satclip_qgis.gui.state import RECTANGLE, SELECTED, THIS_VIEW
from satclip_qgis.gui.teach_desk import TeachDesk
from satclip_qgis.gui.train_desk import TrainDesk
from satclip_qgis.gui.trained_desk import TrainedDesk
from satclip_qgis.gui.training_set_desk import TrainingSetDesk
from satclip_qgis.protocol import FeatureOptions, JobState, JobView, Problem
from satclip_qgis.provision.connection import EngineConnection


class Workbench(QObject):
    """Owns the dock and everything behind it.

    Args:
        iface: QGIS.
        connection: The engine.
        parent: Qt parent.
    """

    def __init__(self, iface: QgisInterface, connection: EngineConnection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._canvas = iface.mapCanvas()
        self._connection = connection
        self.tracker = JobTracker(connection, self)
        self.shelf = ModelShelf(connection, self.tracker, self)
        self.dock = SatclipDock(self.tracker, self.shelf, iface.mainWindow())
        self.page = self.dock.page
        self.engine = EngineActions(connection, self.dock.badge, self._model_id, self.dock, self)
        self.messages = Messages(iface.messageBar(), self._act)
        self.run_desk = RunDesk(
            iface,
            self.page,
            (self.dock.teach.run_bar,),
            connection,
            self.engine,
            self.tracker,
            self.shelf,
            self.messages,
            self,
        )
        self.models = ModelDesk(self.dock.models, self.shelf, self.tracker, connection, self.messages, self)
        runs = self.run_desk.runs
        self.teach = TeachDesk(self.dock.teach, self.page, self._canvas, connection, runs, self.messages, self)
        self.assess = AssessDesk(self.dock.assess, self._canvas, connection, self.tracker, self.messages, self)
        page = self.dock.train
        self.pairs = TrainingSetDesk(
            page.pairs, self._canvas, connection, self.tracker, self.messages, page.form.model, self
        )
        self.train = TrainDesk(page, connection, self.tracker, self.shelf, self.messages, self.pairs.look_through, self)
        self.trained = TrainedDesk(
            page.result_box,
            self.train,
            self._canvas,
            self.page,
            connection,
            self.tracker,
            self.shelf,
            self.messages,
            self,
        )
        self.preview = PreviewController(
            self._canvas, connection, self.page.state, self.page.layer, self.teach.head_id, self
        )
        self.results = ResultDesk(self.messages, runs, self)
        self.results.loaded.connect(self.preview.rest)
        self.rectangle = RectangleDrawer(self._canvas, self)
        self.memory = ProjectMemory(QgsProject.instance(), self.page, default_state(), self)
        self._desks = {
            self.dock.teach: (self.teach,),
            self.dock.assess: (self.assess,),
            self.dock.train: (self.train, self.trained),
        }
        self._connect_page()
        self._connect_engine()
        self._connect_models()
        self.memory.restore()

    def close(self) -> None:
        """Leave nothing behind; jobs go on in the engine."""
        self.memory.close()
        self.engine.close()
        self.run_desk.close()
        self.teach.close()
        self.assess.close()
        self.train.close()
        self.trained.close()
        self.pairs.close()
        self.preview.close()
        self.rectangle.close()
        self._canvas.extentsChanged.disconnect(self._view_changed)

    # Wiring

    def _connect_page(self) -> None:
        page = self.page
        page.changed.connect(self._page_changed)
        page.look_changed.connect(self._look_changed)
        page.source.layer_changed.connect(self._layer_changed)
        page.classes.failed.connect(lambda detail, remedy: self.messages.problem(Problem("classes", detail, remedy)))
        page.where.rectangle_wanted.connect(self.rectangle.start)
        self.teach.repaint_wanted.connect(self.preview.head_changed)
        self.rectangle.drawn.connect(self._rectangle_drawn)
        self.preview.failed.connect(self._preview_failed)
        self.preview.noted.connect(self._preview_noted)
        self.dock.visibilityChanged.connect(self._visibility_changed)
        self._canvas.extentsChanged.connect(self._view_changed)

    def _connect_engine(self) -> None:
        self.engine.problem.connect(self.messages.problem)
        self.engine.cache_cleared.connect(self._page_changed)
        self.tracker.changed.connect(lambda _job: self._count_jobs())
        self.tracker.removed.connect(lambda _job_id: self._count_jobs())
        self.tracker.ended.connect(self._job_ended)
        self.tracker.failed.connect(self.messages.problem)
        self.dock.jobs.load_wanted.connect(self.results.load)
        self.dock.jobs.folder_wanted.connect(self.results.open_folder)

    def _connect_models(self) -> None:
        self.shelf.listed.connect(lambda: self.page.source.set_models(self.shelf.models))
        self.shelf.removed.connect(self._model_removed)
        self.models.use_wanted.connect(self._use_model)
        self.train.use_wanted.connect(self._use_model)
        self.page.source.models_wanted.connect(self.show_models)
        self.dock.badge.wanted.connect(lambda name: self.show_models() if name == MODELS else None)
        self.dock.tabs.currentChanged.connect(lambda _index: self._tab_changed())

    # The page

    def _page_changed(self) -> None:
        self.run_desk.estimator.refresh()
        self.teach.map_page_changed()
        self.preview.page_changed()
        state = self.page.state()
        self.rectangle.show(state.rectangle if state.where == RECTANGLE else (), state.rectangle_crs)
        self.page.output.show_default_folder(base_folder(replace(state, folder=""), QgsProject.instance()))
        self.engine.refresh_badge()

    def _look_changed(self) -> None:
        state = self.page.state()
        self.preview.set_opacity(state.opacity)
        front = self.dock.tabs.currentWidget() if self.dock.isUserVisible() else None
        for page, desks in self._desks.items():
            for desk in desks:
                desk.set_active(front is page)
        # Teaching without seeing what comes of it makes no sense; whoever assesses must not be told what to see, and
        # whoever trains compares two maps.
        unseen = (None, self.dock.assess, self.dock.train)
        self.preview.set_active(front is self.dock.teach or (state.live and front not in unseen))

    def _layer_changed(self) -> None:
        self.preview.item.clear()

    def _visibility_changed(self, visible: bool) -> None:
        if visible:
            self._connection.start()
        self._look_changed()

    def _view_changed(self) -> None:
        if self.page.state().where in (THIS_VIEW, SELECTED):
            self.run_desk.estimator.refresh()

    def _rectangle_drawn(self, rectangle: object, crs: str) -> None:
        corners = (rectangle.xMinimum(), rectangle.yMinimum(), rectangle.xMaximum(), rectangle.yMaximum())
        self.page.set_rectangle(corners, crs)

    def _preview_noted(self, noted: tuple[tuple[str, ...], float]) -> None:
        self.page.live.show_notes(*noted)

    def _preview_failed(self, problem: Problem) -> None:
        # The page keeps working without a preview; the reason stands where the preview's switch is.
        self.page.live.show_notes((problem.sentence,), 1.0)
        self.teach.preview_failed(problem)

    # The engine

    def _model_id(self) -> str:
        return self.page.state().features.model

    def _act(self, remedy: str) -> None:
        if remedy == MODELS:
            self.show_models()
        elif remedy == CHOOSE_BANDS:
            self.dock.setUserVisible(True)
            self.dock.tabs.setCurrentWidget(self.page)
            self.page.source.bands_combo.setFocus()
        else:
            self.engine.act(remedy)

    # Models

    def show_models(self) -> None:
        """Bring the Models page to the front."""
        self.dock.setUserVisible(True)
        self.dock.tabs.setCurrentWidget(self.dock.models)

    def _use_model(self, model_id: str) -> None:
        self.page.source.choose_model(model_id)
        self.dock.tabs.setCurrentWidget(self.page)

    def _model_removed(self, model_id: str) -> None:
        if self._model_id() == model_id:
            self.page.source.choose_model(FeatureOptions().model)

    def _tab_changed(self) -> None:
        # What the command line has fetched or removed meanwhile is not told by any event.
        if self.dock.tabs.currentWidget() is self.dock.models:
            self.shelf.refresh()
        front = self.dock.tabs.currentWidget()
        if any(desks[0].is_active() != (front is page) for page, desks in self._desks.items()):
            self._look_changed()

    # Jobs

    def _count_jobs(self) -> None:
        self.dock.show_job_count(self.tracker.active_count())

    def _job_ended(self, job: JobView) -> None:
        own = self.tracker.is_own(job.id)
        if job.state is JobState.SUCCEEDED and job.spec.kind == SEGMENT:
            self.results.announce(job, own)
        elif job.state is JobState.FAILED and own and job.problem is not None and job.spec.kind != ESTIMATE:
            self.messages.problem(job.problem)
