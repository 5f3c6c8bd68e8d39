"""What every SatCLIP algorithm shares: the engine, the job, errors with a remedy, help."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingParameterDefinition,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtGui import QIcon

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import FeatureOptions, JobSpec, JobView, bundle_root
from satclip_qgis.provision.waiting import wait_for_engine
from satclip_qgis.settings import load_settings

from . import parameters as names
from .job_runner import JobRunner


class EngineAlgorithm(QgsProcessingAlgorithm):
    """Base of algorithms that run one job of the engine."""

    def __init__(self) -> None:
        super().__init__()
        self._refusal: QgsProcessingException | None = None

    @abstractmethod
    def declared_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters in their order."""

    @abstractmethod
    def declared_outputs(self) -> list[QgsProcessingOutputDefinition]:
        """Return the outputs besides the folder, so that a model's next step can take them."""

    @abstractmethod
    def gather(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Read everything that belongs to the main thread: layers and project.

        Raises:
            QgsProcessingException: if something cannot be used.
        """

    @abstractmethod
    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do it, in a thread of its own, and return the outputs.

        Raises:
            QgsProcessingException: if it fails or is cancelled.
        """

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        for parameter in self.declared_parameters():
            self.addParameter(parameter)
        for output in self.declared_outputs():
            self.addOutput(output)

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, _feedback: QgsProcessingFeedback
    ) -> bool:
        """Gather the inputs."""
        try:
            self.gather(parameters, context)
        except QgsProcessingException as error:
            # Raised here, QGIS would only say that there were errors.
            self._refusal = error
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the job in this thread."""
        if self._refusal is not None:
            raise self._refusal
        return self.work(parameters, context, feedback)

    def tr(self, text: str) -> str:
        """Return ``text`` in the user's language."""
        return tr(text)

    def createInstance(self) -> EngineAlgorithm:
        """Return a new instance: QGIS runs each on its own."""
        return type(self)()

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(bundle_root() / "resources" / "icons" / "satclip.svg"))

    def raster(self, parameters: dict[str, Any], context: QgsProcessingContext) -> QgsRasterLayer:
        """Return the raster layer.

        Raises:
            QgsProcessingException: if there is none.
        """
        layer = self.parameterAsRasterLayer(parameters, names.INPUT, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, names.INPUT))
        return layer

    def folder(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Path:
        """Return the folder for the results."""
        folder = self.parameterAsString(parameters, names.OUTPUT, context)
        if not folder or folder == QgsProcessing.TEMPORARY_OUTPUT:
            folder = self.parameterAsOutputLayer(parameters, names.OUTPUT, context)
        return Path(folder).absolute()

    def features(self, parameters: dict[str, Any], context: QgsProcessingContext, model: str) -> FeatureOptions:
        """Return what decides the feature map; ``model`` is taken where none is named."""
        return FeatureOptions(
            model=self.text(parameters, names.MODEL, context, model),
            bands=self.text(parameters, names.BANDS, context, "auto"),
            scaling=self.text(parameters, names.SCALING, context, "auto"),
            gsd_m=self.optional_number(parameters, names.GSD, context),
            device=self.text(parameters, names.DEVICE, context, "auto"),
        )

    def text(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext, default: str = "") -> str:
        """Return a text, or ``default`` where it is empty."""
        return self.parameterAsString(parameters, name, context).strip() or default

    def optional_number(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> float | None:
        """Return an optional number; Processing itself knows only 0 for "not given"."""
        if parameters.get(name) in (None, ""):
            return None
        return float(self.parameterAsDouble(parameters, name, context))

    def run_job(self, spec: JobSpec, feedback: QgsProcessingFeedback) -> JobView:
        """Run ``spec`` on the engine, which is started if needed, and return the finished job.

        Raises:
            QgsProcessingException: if it fails or is cancelled.
        """
        settings = load_settings()
        runner = JobRunner(
            lambda is_cancelled: wait_for_engine(settings, is_cancelled), feedback, self.cancelled_text()
        )
        return runner.run(spec)

    def cancelled_text(self) -> str:
        """Return what is said of a job that was cancelled."""
        return tr("Cancelled. Nothing half-written was left.")


def project_of(context: QgsProcessingContext) -> QgsProject:
    """Return the project that a run belongs to."""
    return context.project() or QgsProject.instance()


def load_on_completion(
    context: QgsProcessingContext, layers: Mapping[str, str], output_names: Mapping[str, str]
) -> None:
    """Add finished layers to the project; the style beside each file gives its legend.

    Args:
        context: Of the run.
        layers: Title of each layer, by path.
        output_names: Name of the output each path belongs to.
    """
    project = context.project()
    if project is None:
        return
    for path, title in layers.items():
        details = QgsProcessingContext.LayerDetails(title, project, output_names[path])
        details.forceName = True
        context.addLayerToLoadOnCompletion(path, details)


def artifact_paths(job: JobView) -> dict[str, str]:
    """Return the products' paths by role."""
    return {artifact.role: artifact.path for artifact in job.artifacts}
