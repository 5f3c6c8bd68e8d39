"""Keeps the live preview in step with the page and the view."""

from __future__ import annotations

import base64
from collections.abc import Callable

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QImage

from satclip_qgis.client.transport import Reply
from satclip_qgis.gui.latest import LatestCall
from satclip_qgis.gui.preview_item import PreviewItem
from satclip_qgis.gui.requests import preview_request
from satclip_qgis.gui.state import MapState
from satclip_qgis.protocol import ClassSyntaxError, Event, PreviewRequest, PreviewResult, Problem
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.scenes import bounds_for_engine, scene_path, to_layer

DELAY_MS = 100
# More pixels than this take longer than a blink and show no more than the overlay can.
MAX_PREVIEW_PX = 1_000_000


def build_preview(
    state: MapState, layer: QgsRasterLayer, canvas: QgsMapCanvas, project: QgsProject, head_id: str = ""
) -> PreviewRequest | None:
    """Return the request for the visible part of ``layer``, or None where there is nothing to show.

    Raises:
        ClassSyntaxError: if the classes are unfinished.
    """
    path = scene_path(layer)
    settings = canvas.mapSettings()
    if path is None or settings.outputSize().isEmpty():
        return None
    try:
        view = to_layer(layer, project).transformBoundingBox(settings.visibleExtent())
    except QgsCsException:
        return None
    shown = view.intersect(layer.extent())
    if shown.isEmpty():
        return None
    size = settings.outputSize()
    width = size.width() * shown.width() / view.width()
    height = size.height() * shown.height() / view.height()
    shrink = min(1.0, (MAX_PREVIEW_PX / max(1.0, width * height)) ** 0.5)
    return preview_request(
        state,
        path,
        bounds_for_engine(shown),
        max(1, round(width * shrink)),
        max(1, round(height * shrink)),
        head_id,
    )


class PreviewController(QObject):
    """Asks for previews and paints them.

    Args:
        canvas: The map view.
        connection: The engine.
        page_state: Returns what the page holds.
        page_layer: Returns the chosen layer.
        head_id: Returns the taught head to paint with; empty: the words alone; None: one is being made, so wait.
        parent: Qt parent.

    Signals:
        noted(object): The notes of the newest preview, and the share of the view that is encoded: a tuple.
        failed(object): A ``Problem``.
    """

    noted = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(
        self,
        canvas: QgsMapCanvas,
        connection: EngineConnection,
        page_state: Callable[[], MapState],
        page_layer: Callable[[], QgsRasterLayer | None],
        head_id: Callable[[], str | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._connection = connection
        self._page_state = page_state
        self._page_layer = page_layer
        self._head_id = head_id
        self._active = False
        self._is_resting = False
        self._asked: tuple[QgsRasterLayer, PreviewRequest] | None = None
        self.item = PreviewItem(canvas)
        self.call = LatestCall(self._ask, DELAY_MS, self)
        self.call.answered.connect(self._show)
        self.call.failed.connect(self._refused)
        canvas.extentsChanged.connect(self.refresh)
        canvas.destinationCrsChanged.connect(self.refresh)
        connection.event_received.connect(self._take_event)
        connection.state_changed.connect(lambda _state, _message: self.refresh())

    def set_active(self, active: bool) -> None:
        """Follow the page (the dock is visible and the preview wanted) or show nothing."""
        self._active = active
        self._is_resting = False
        if active:
            self.refresh()
        else:
            self.call.stop()
            self.item.clear()

    def set_opacity(self, opacity: float) -> None:
        """Set how opaque the preview is."""
        self.item.set_opacity(opacity)

    def page_changed(self) -> None:
        """The classes or what they are looked for in changed."""
        self._is_resting = False
        self.refresh()

    def head_changed(self) -> None:
        """Another head answers; the edit behind it has waited long enough."""
        self._is_resting = False
        if self._active and self._connection.client is not None:
            self.call.request_now()

    def rest(self) -> None:
        """Show nothing until the page changes: a finished map says more than a preview lying on it."""
        self._is_resting = True
        self.call.stop()
        self.item.clear()

    def refresh(self) -> None:
        """The view or the engine changed."""
        if self._active and not self._is_resting and self._connection.client is not None:
            self.call.request()

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._active = False
        self.call.stop()
        self._canvas.extentsChanged.disconnect(self.refresh)
        self._canvas.destinationCrsChanged.disconnect(self.refresh)
        self._canvas.scene().removeItem(self.item)

    def _ask(self) -> Reply | None:
        layer, client = self._page_layer(), self._connection.client
        if not self._active or layer is None or client is None:
            self.item.clear()
            return None
        head_id = self._head_id()
        if head_id is None:
            # The last picture stays until the head is there, which asks again.
            return None
        try:
            request = build_preview(self._page_state(), layer, self._canvas, QgsProject.instance(), head_id)
        except ClassSyntaxError:
            # Half-typed classes: the last picture stays until they make sense again.
            return None
        if request is None:
            self.item.clear()
            return None
        self._asked = (layer, request)
        return client.preview(request)

    def _show(self, result: PreviewResult) -> None:
        if not self._active or self._asked is None or self._page_layer() is not self._asked[0]:
            return
        layer = self._asked[0]
        image = QImage.fromData(base64.b64decode(result.png_base64), "PNG")
        project = QgsProject.instance()
        back = QgsCoordinateTransform(layer.crs(), project.crs(), project.transformContext())
        self.item.set_picture(image, QgsRectangle(*result.bounds), back)
        self.noted.emit((result.notes, result.known_fraction))

    def _refused(self, problem: Problem) -> None:
        self.item.clear()
        if self._active:
            self.failed.emit(problem)

    def _take_event(self, event: Event) -> None:
        """Another part of the view was encoded: paint it too."""
        layer = self._page_layer()
        if not self._active or self._is_resting or layer is None or event.type != "features":
            return
        if event.data.get("scene") == scene_path(layer):
            self.call.request_unless_waiting()
