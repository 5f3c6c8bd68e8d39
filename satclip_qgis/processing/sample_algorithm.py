"""What the algorithms that read a layer of samples share."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterString,
    QgsProcessingUtils,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSet, JobSpec, JobView, SampleFile

from .algorithm import EngineAlgorithm, project_of
from .class_input import CLASSES, class_syntax_help, read_classes
from .parameters import GSD, OUTPUT, helped, raster_parameter
from .sample_input import SampleInput
from .scene_input import EXPORTED_NAME, SceneInput, scene_input

SAMPLES = "SAMPLES"
FIELD = "FIELD"


class SampleAlgorithm(EngineAlgorithm):
    """Base of algorithms that take a raster and a layer of samples, and leave a folder."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: tuple[SceneInput, SampleInput, Path, str] | None = None

    @abstractmethod
    def job(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        scene: str,
        samples: SampleFile,
        folder: str,
        title: str,
    ) -> JobSpec:
        """Return the job."""

    @abstractmethod
    def tell(self, job: JobView, feedback: QgsProcessingFeedback) -> None:
        """Say what came of it."""

    def sample_parameters(self, raster_text: str) -> list[QgsProcessingParameterDefinition]:
        """Return raster, samples, field and classes."""
        return [
            raster_parameter(raster_text),
            helped(
                QgsProcessingParameterFeatureSource(SAMPLES, tr("Samples"), [QgsProcessing.TypeVectorAnyGeometry]),
                tr(
                    "Points, lines or polygons whose class is known, in any CRS. What the layer shows is taken: its "
                    "filter, its edits, or only what is selected."
                ),
            ),
            helped(
                QgsProcessingParameterField(
                    FIELD, tr("Field with the class"), parentLayerParameterName=SAMPLES, optional=True
                ),
                tr("Empty: the only text field."),
            ),
            helped(
                QgsProcessingParameterString(CLASSES, tr("Classes"), optional=True, multiLine=True),
                class_syntax_help() + " " + tr("Samples of other classes are left out. Empty: the field's own values."),
            ),
        ]

    def declared_outputs(self) -> list[QgsProcessingOutputDefinition]:
        """Return none: the folder is the output."""
        return []

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        """Check the classes before anything runs."""
        try:
            self._classes(parameters, context)
        except QgsProcessingException as error:
            return False, str(error)
        is_fine, message = super().checkParameterValues(parameters, context)
        return bool(is_fine), str(message)

    def gather(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Read the layers."""
        layer = self.raster(parameters, context)
        source = self.parameterAsSource(parameters, SAMPLES, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, SAMPLES))
        exported = Path(QgsProcessingUtils.generateTempFilename(EXPORTED_NAME))
        gsd_m = self.optional_number(parameters, GSD, context)
        samples = SampleInput(
            source,
            self.text(parameters, FIELD, context),
            self._classes(parameters, context),
            context.transformContext(),
        )
        self._asked = (
            scene_input(layer, None, gsd_m, exported, project_of(context)),
            samples,
            self.folder(parameters, context),
            f"{layer.name()} · {source.sourceName()}",
        )

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Write the samples where the engine can read them, and run the job."""
        if self._asked is None:
            raise QgsProcessingException(tr("The algorithm was not prepared."))
        scene, samples, folder, title = self._asked
        written = samples.write(feedback)
        scene.make_ready(feedback)
        spec = self.job(parameters, context, scene.path, written, str(folder), title)
        self.tell(self.run_job(spec, feedback), feedback)
        return {OUTPUT: str(folder)}

    def _classes(self, parameters: dict[str, Any], context: QgsProcessingContext) -> ClassSet | None:
        text = self.text(parameters, CLASSES, context)
        return read_classes(text) if text else None
