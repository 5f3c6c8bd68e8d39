"""From products to styled layers: one group per run, loaded one layer per turn so that QGIS never stalls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsLayerMetadata,
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobView

RUN_CARD_PROPERTY = "satclip/run_card"


@dataclass(frozen=True)
class LayerPlan:
    """One layer to load.

    Attributes:
        role: ``thematic``, ``probability``, ``confidence`` or ``polygons``.
        name: Shown in the layer tree.
        path: The file.
        band: 1-based band shown, 0 where the file's own style decides.
    """

    role: str
    name: str
    path: str
    band: int = 0


def plan_layers(job: JobView) -> tuple[LayerPlan, ...]:
    """Return the layers of a finished job, uppermost first."""
    paths = {artifact.role: artifact.path for artifact in job.artifacts}
    names = [str(spec["name"]) for spec in job.spec.request["classes"]["classes"]]
    plans = []
    if "thematic" in paths:
        plans.append(LayerPlan("thematic", tr("Map"), paths["thematic"]))
    if "polygons" in paths:
        plans.append(LayerPlan("polygons", tr("Polygons"), paths["polygons"]))
    if "confidence" in paths:
        plans.append(LayerPlan("confidence", tr("Confidence"), paths["confidence"]))
    if "probabilities" in paths:
        plans += [
            LayerPlan("probability", tr("Probability: {name}").format(name=name), paths["probabilities"], band)
            for band, name in enumerate(names, start=1)
        ]
    return tuple(plans)


def group_name(job: JobView) -> str:
    """Return the group's name: layer, classes and the time the run was started."""
    return f"{job.spec.title or tr('SatCLIP')} · {time.strftime('%H:%M', time.localtime(job.created_s))}"


def open_layer(plan: LayerPlan) -> QgsMapLayer:
    """Open one product; the style file beside it gives legend and ramp."""
    if plan.role == "polygons":
        return QgsVectorLayer(plan.path, plan.name, "ogr")
    layer = QgsRasterLayer(plan.path, plan.name, "gdal")
    if plan.band and layer.isValid() and layer.renderer() is not None:
        _show_band(layer, plan.band)
    return layer


def attach_run_card(layer: QgsMapLayer, job: JobView, run_card: str) -> None:
    """Keep how the layer was made in its metadata, and the replayable card itself as a property."""
    names = ", ".join(str(spec["name"]) for spec in job.spec.request["classes"]["classes"])
    metadata = QgsLayerMetadata(layer.metadata())
    metadata.setIdentifier(job.id)
    metadata.setTitle(f"{job.spec.title}: {layer.name()}")
    metadata.setAbstract(
        tr("Made by SatCLIP from {scene} with the classes {names} and the model {model}.").format(
            scene=job.spec.request["scene"], names=names, model=job.spec.request["features"]["model"]
        )
    )
    metadata.setHistory([run_card] if run_card else [])
    layer.setMetadata(metadata)
    layer.setCustomProperty(RUN_CARD_PROPERTY, run_card)


class ResultLoader(QObject):
    """Loads the layers of one job into a project, one per turn of the event loop.

    It ends with its parent, and with the group that it fills: the user may take that away or open another project.

    Args:
        job: A finished one.
        project: Takes the layers.
        parent: Qt parent.

    Signals:
        loaded(object): The finished ``QgsLayerTreeGroup``.
        failed(str): The path that could not be opened; loading goes on with the next.
    """

    loaded = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, job: JobView, project: QgsProject, parent: QObject) -> None:
        super().__init__(parent)
        self._job = job
        self._project = project
        self._waiting = list(plan_layers(job))
        self._run_card = _read_run_card(job)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._load_next)
        self._group = project.layerTreeRoot().insertGroup(0, group_name(job))
        self._group.destroyed.connect(self._timer.stop)
        self._group.destroyed.connect(self.deleteLater)

    def start(self) -> None:
        """Begin; ``loaded`` follows."""
        self._timer.start()

    def _load_next(self) -> None:
        if not self._waiting:
            self._timer.stop()
            self._open_group()
            self.loaded.emit(self._group)
            self.deleteLater()
            return
        plan = self._waiting.pop(0)
        layer = open_layer(plan)
        if not layer.isValid():
            self.failed.emit(plan.path)
            return
        attach_run_card(layer, self._job, self._run_card)
        self._project.addMapLayer(layer, False)
        node = self._parent_of(plan).addLayer(layer)
        # The map is what one looks at first; the rest waits, switched off, in the same place.
        node.setItemVisibilityChecked(plan.role == "thematic")
        node.setExpanded(plan.role == "thematic")

    def _open_group(self) -> None:
        """Show the legend: the tree view forgets that a group is open if it was empty when it came."""
        self._group.setExpanded(False)
        self._group.setExpanded(True)

    def _parent_of(self, plan: LayerPlan) -> QgsLayerTreeGroup:
        if plan.role != "probability":
            return self._group
        found = self._group.findGroup(tr("Probabilities"))
        if found is None:
            found = self._group.addGroup(tr("Probabilities"))
            found.setExpanded(False)
        return found


def _show_band(layer: QgsRasterLayer, band: int) -> None:
    """Show another band with the same ramp, so that all probabilities can be compared."""
    renderer = layer.renderer()
    # QGIS 3.38 renamed the method.
    set_band = renderer.setInputBand if hasattr(renderer, "setInputBand") else renderer.setBand
    set_band(band)
    layer.triggerRepaint()


def _read_run_card(job: JobView) -> str:
    for artifact in job.artifacts:
        if artifact.role == "run_card":
            try:
                return Path(artifact.path).read_text(encoding="utf-8")
            except OSError:
                return ""
    return ""
