"""What every SatCLIP algorithm shares: the engine, the job, errors with a remedy, help."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
)
from qgis.PyQt.QtGui import QIcon

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobSpec, JobView, bundle_root
from satclip_qgis.provision.waiting import wait_for_engine
from satclip_qgis.settings import load_settings

from .job_runner import JobRunner


class EngineAlgorithm(QgsProcessingAlgorithm):
    """Base of algorithms that run one job of the engine."""

    def tr(self, text: str) -> str:
        """Return ``text`` in the user's language."""
        return tr(text)

    def createInstance(self) -> EngineAlgorithm:
        """Return a new instance: QGIS runs each on its own."""
        return type(self)()

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(bundle_root() / "resources" / "icons" / "satclip.svg"))

    def run_job(self, spec: JobSpec, feedback: QgsProcessingFeedback) -> JobView:
        """Run ``spec`` on the engine, which is started if needed, and return the finished job.

        Raises:
            QgsProcessingException: if it fails or is cancelled.
        """
        settings = load_settings()
        return JobRunner(lambda is_cancelled: wait_for_engine(settings, is_cancelled), feedback).run(spec)


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
