"""Where next: asks for the places whose labels would help most, goes there, takes the answers."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.client.transport import Reply
from satclip_qgis.gui.drawn_sample import ADVISED
from satclip_qgis.gui.sample_desk import SampleDesk
from satclip_qgis.gui.teach_fit import FitController
from satclip_qgis.gui.teach_page import TeachPage
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Advice, AdviceRequest, AdvisedPlace, FitResult, Problem
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.scenes import bounds_for_engine, to_layer


class AdviceDesk(QObject):
    """Shows where a sample would help most.

    Args:
        page: The Teach page.
        canvas: The map view.
        connection: The engine.
        fit: Has the head.
        samples: Takes the answers.
        page_layer: Returns the chosen layer.
        parent: Qt parent.

    Signals:
        problem(object): A ``Problem``.
    """

    problem = pyqtSignal(object)

    def __init__(
        self,
        page: TeachPage,
        canvas: QgsMapCanvas,
        connection: EngineConnection,
        fit: FitController,
        samples: SampleDesk,
        page_layer: Callable[[], QgsRasterLayer | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._page = page
        self._canvas = canvas
        self._connection = connection
        self._fit = fit
        self._samples = samples
        self._page_layer = page_layer
        self._is_wanted = False
        self._reply: Reply | None = None
        self._layer: QgsRasterLayer | None = None
        page.advice_button.clicked.connect(lambda _checked: self.ask())
        page.advice.shown.connect(self._go_to)
        page.advice.labelled.connect(self._label)
        fit.fitted.connect(self._fitted)
        fit.failed.connect(lambda _problem: self._stop())

    def ask(self) -> None:
        """Ask for places in this view; a head is made first where there is none."""
        if self._connection.client is None:
            detail, remedy = tr("The engine is not running."), tr("Wait until the badge says that it is ready.")
            self.problem.emit(Problem("advice", detail, remedy))
            return
        result = self._fit.result()
        if result is None:
            self._is_wanted = True
            self._fit.want_head()
        else:
            self._send(result)

    def close(self) -> None:
        """Take no answers any more."""
        self._stop()

    def _fitted(self, result: FitResult) -> None:
        if self._is_wanted:
            self._send(result)

    def _send(self, result: FitResult) -> None:
        self._is_wanted = False
        view, layer = self._view(), self._page_layer()
        if view is None or layer is None:
            detail = tr("The view does not show the layer.")
            self.problem.emit(Problem("advice", detail, tr("Zoom to the layer and ask again.")))
            return
        names = tuple(one.name for one in result.classes)
        reply = self._connection.client.advice(AdviceRequest(result.head_id, bounds_for_engine(view)))
        self._reply = reply
        reply.succeeded.connect(lambda advice: self._show(reply, layer, advice, names))
        reply.failed.connect(lambda problem: self._refused(reply, problem))
        self._page.advice_button.setEnabled(False)

    def _show(self, reply: Reply, layer: QgsRasterLayer, advice: Advice, names: tuple[str, ...]) -> None:
        if reply is not self._reply:
            return
        self._stop()
        self._layer = layer
        self._page.advice.show_places(advice.places, names)
        self._page.show_advice(bool(advice.places))
        if advice.places:
            self._page.advice.setFocus()
            self._page.advice.start()
        elif advice.known_fraction < 1.0:
            detail = tr("Only {percent} % of the view is encoded so far.").format(
                percent=int(advice.known_fraction * 100)
            )
            self.problem.emit(Problem("advice", detail, tr("Ask again in a moment.")))
        else:
            detail = tr("There is no place in this view where another sample would help.")
            self.problem.emit(Problem("advice", detail, tr("Move the view, or map the layer.")))

    def _refused(self, reply: Reply, problem: Problem) -> None:
        if reply is self._reply:
            self._stop()
            self.problem.emit(problem)

    def _stop(self) -> None:
        self._is_wanted, self._reply = False, None
        self._page.advice_button.setEnabled(True)

    def _go_to(self, place: AdvisedPlace) -> None:
        """Show the place in the middle of the view and flash its cell."""
        layer, project = self._page_layer(), QgsProject.instance()
        if layer is None or layer is not self._layer:
            return
        back = QgsCoordinateTransform(layer.crs(), project.crs(), project.transformContext())
        try:
            centre = back.transform(QgsPointXY(place.x, place.y))
        except QgsCsException:
            return
        self._canvas.setCenter(centre)
        self._canvas.refresh()
        cell = QgsGeometry.fromRect(QgsRectangle(*place.bounds))
        self._canvas.flashGeometries([cell], layer.crs())

    def _label(self, place: AdvisedPlace, key: int) -> None:
        """Take the place as an example of a class and go on."""
        if self._page_layer() is not self._layer or key > self._page.tally.rowCount():
            return
        self._page.view.choose(key - 1)
        self._samples.add_at(QgsGeometry.fromPointXY(QgsPointXY(place.x, place.y)), ADVISED)
        self._page.advice.next()
        self._page.show_advice(self._page.advice.count() > 0)

    def _view(self) -> QgsRectangle | None:
        layer = self._page_layer()
        if layer is None:
            return None
        try:
            view = to_layer(layer, QgsProject.instance()).transformBoundingBox(self._canvas.extent())
        except QgsCsException:
            return None
        shown = view.intersect(layer.extent())
        return None if shown.isEmpty() else shown
