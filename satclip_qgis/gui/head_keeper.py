"""Keeps what was learnt in a folder: to map the layer with it, or for later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsProject, QgsRectangle
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QFileDialog

from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.requests import base_folder, job_title
from satclip_qgis.gui.run_controller import RunController
from satclip_qgis.gui.state import WHOLE_LAYER
from satclip_qgis.gui.teach_fit import FitController
from satclip_qgis.gui.teach_page import TeachPage
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSyntaxError, FitResult, Problem, SavedHead, SaveHeadRequest, SegmentRequest
from satclip_qgis.provision.connection import EngineConnection

HEAD_FOLDER = "head"


class HeadKeeper(QObject):
    """Saves heads and maps with them.

    Args:
        page: The Teach page.
        map_page: Has layer, options and outputs.
        connection: The engine.
        fit: Has the head.
        runs: Puts the job.
        messages: Takes what has happened.
        parent: Qt parent.
    """

    def __init__(
        self,
        page: TeachPage,
        map_page: MapPage,
        connection: EngineConnection,
        fit: FitController,
        runs: RunController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._page = page
        self._map_page = map_page
        self._connection = connection
        self._fit = fit
        self._runs = runs
        self._messages = messages
        page.run_bar.run_pressed.connect(self.map_layer)
        page.save_button.clicked.connect(lambda _checked: self._ask_folder())

    def map_layer(self) -> None:
        """Map the whole layer with what was learnt: same products, same progress as any run."""
        layer, result = self._map_page.layer(), self._ready()
        if layer is None or result is None:
            return
        state = replace(self._map_page.state(), where=WHOLE_LAYER)
        try:
            request, _ = self._runs.request(state, layer, QgsRectangle(), None)
        except ClassSyntaxError as error:
            self._messages.problem(Problem("classes", error.detail, error.remedy))
            return
        title = job_title(layer.name(), request.classes)
        self._save(result, Path(request.out_dir) / HEAD_FOLDER, title, lambda saved: self._put(request, saved, title))

    def save(self, folder: Path) -> None:
        """Keep what was learnt in ``folder``, which gets the head's name."""
        result = self._ready()
        if result is not None:
            self._save(result, folder, folder.name, self._tell_saved)

    def _ask_folder(self) -> None:
        if self._ready() is None:
            return
        base = base_folder(self._map_page.state(), QgsProject.instance())
        path, _ = QFileDialog.getSaveFileName(self._page, tr("Save the head as a folder"), str(base / HEAD_FOLDER))
        if path:
            self.save(Path(path))

    def _ready(self) -> FitResult | None:
        """Return the head, or say why there is none."""
        result = self._fit.result()
        if self._connection.client is None:
            detail, remedy = tr("The engine is not running."), tr("Wait until the badge says that it is ready.")
        elif result is None or self._fit.head_id() == "":
            detail = tr("Nothing was learnt yet.")
            remedy = tr("Draw a sample first; to map with words alone, press Run on the Map page.")
        elif self._fit.is_behind():
            detail, remedy = tr("The newest samples are just being learnt."), tr("Try again in a moment.")
        else:
            return result
        self._messages.problem(Problem("teach", detail, remedy))
        return None

    def _save(self, result: FitResult, folder: Path, title: str, then: Callable[[SavedHead], None]) -> None:
        reply = self._connection.client.save_head(SaveHeadRequest(result.head_id, str(folder), title))
        reply.succeeded.connect(then)
        reply.failed.connect(self._messages.problem)

    def _put(self, request: SegmentRequest, saved: SavedHead, title: str) -> None:
        self._runs.put(replace(request, head=saved.folder), title)

    def _tell_saved(self, saved: SavedHead) -> None:
        self._messages.success(tr("What was learnt is kept in {folder}").format(folder=saved.folder), [])
