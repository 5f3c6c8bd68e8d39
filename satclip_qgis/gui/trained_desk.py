"""What can be done with a trained model: compare it with its start on the map, mix the two, take it elsewhere."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTimer
from qgis.PyQt.QtWidgets import QFileDialog

from satclip_qgis.gui.compare_desk import CompareDesk
from satclip_qgis.gui.job_tracker import EXPORT_MODEL, MIX, JobTracker
from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.model_shelf import ModelShelf
from satclip_qgis.gui.train_desk import TrainDesk
from satclip_qgis.gui.train_result_box import TrainResultBox
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ExportModelRequest, JobState, JobView, MixModelsRequest
from satclip_qgis.provision.connection import EngineConnection

# Each stop of the slider may make a model: not while it is dragged over them.
_SETTLE_MS = 250


class TrainedDesk(QObject):
    """Acts on the model that the Train page shows.

    Args:
        box: Shows its scores.
        train: Knows which model it is.
        canvas: The map view.
        map_page: Says which layer and classes to compare on.
        connection: The engine.
        tracker: Puts the jobs.
        shelf: Lists new models.
        messages: Takes what has happened.
        parent: Qt parent.

    Attributes:
        compare: The comparison on the map.
    """

    def __init__(
        self,
        box: TrainResultBox,
        train: TrainDesk,
        canvas: QgsMapCanvas,
        map_page: MapPage,
        connection: EngineConnection,
        tracker: JobTracker,
        shelf: ModelShelf,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._box = box
        self._train = train
        self._tracker = tracker
        self._shelf = shelf
        self._messages = messages
        self._compared = ""
        self.compare = CompareDesk(canvas, map_page, connection, tracker, self)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(lambda: self.compare.set_share(box.share()))
        box.compare_button.toggled.connect(self._compare)
        box.slider.valueChanged.connect(lambda _value: self._settle.start())
        box.save_button.clicked.connect(lambda _checked: self._save_mix())
        box.export_model.triggered.connect(lambda _checked: self._ask_folder())
        box.export_lora.triggered.connect(lambda _checked: self._ask_file())
        self.compare.said.connect(box.compare_status.setText)
        self.compare.stopped.connect(lambda: box.show_comparing(False))
        train.shown.connect(self._model_shown)
        tracker.ended.connect(self._job_ended)

    def set_active(self, active: bool) -> None:
        """The Train page came to the front, or went: then nothing of it stays on the map."""
        if not active:
            self.compare.stop()

    def export(self, path: Path) -> None:
        """Write the model, or its LoRA alone where ``path`` is a .safetensors file."""
        model = self._train.model_id()
        title = tr("Export {model}").format(model=Path(model).name)
        self._tracker.start(EXPORT_MODEL, ExportModelRequest(model, str(path)), title)

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._settle.stop()
        self.compare.close()

    def _model_shown(self, out: str) -> None:
        if out != self._compared:
            self.compare.stop()
            self._compared = out

    def _compare(self, on: bool) -> None:
        request = self._train.runs.request()
        if on and request is not None and not self.compare.is_on():
            self.compare.start(request.model, self._train.model_id())
            self.compare.set_share(self._box.share())
        elif not on:
            self.compare.stop()
        self._box.show_comparing(self.compare.is_on())

    def _save_mix(self) -> None:
        request, percent = self._train.runs.request(), self._box.share()
        if request is None:
            return
        tuned = self._train.model_id()
        name = f"{Path(tuned).name}-{percent}"
        out = Path(self._train.models_dir()) / name
        title = tr("Save {model}").format(model=name)
        self._tracker.start(MIX, MixModelsRequest(request.model, tuned, percent / 100, str(out)), title)

    def _ask_folder(self) -> None:
        parent = QFileDialog.getExistingDirectory(self._box, tr("Folder for the model"))
        if parent:
            self.export(Path(parent) / Path(self._train.model_id()).name)

    def _ask_file(self) -> None:
        name = f"{Path(self._train.model_id()).name}-lora.safetensors"
        path, _ = QFileDialog.getSaveFileName(self._box, tr("File for the LoRA"), name, tr("LoRA (*.safetensors)"))
        if path:
            self.export(Path(path).with_suffix(".safetensors"))

    def _job_ended(self, job: JobView) -> None:
        if job.state is not JobState.SUCCEEDED or not self._tracker.is_own(job.id):
            return
        out = Path(str(job.spec.request.get("out", "")))
        if job.spec.kind == EXPORT_MODEL:
            text = tr("Exported to {path}. The Models page of another machine imports it.")
            self._messages.success(text.format(path=job.spec.request["path"]), [])
        elif job.spec.kind == MIX and str(out.parent) == self._train.models_dir():
            self._shelf.refresh()
            use = (tr("Use this model"), lambda: self._train.use_wanted.emit(out.name))
            self._messages.success(tr("The model is saved: {name}").format(name=out.name), [use])
