"""``satclip:exportsamples``: a raster and samples in, image chips and masks out."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ExportSamplesRequest, JobSpec, JobView, SampleFile, to_json

from .parameters import BANDS, OUTPUT, SCALING, helped, reading_parameters
from .sample_algorithm import SampleAlgorithm

CHIP = "CHIP"


class ExportSamplesAlgorithm(SampleAlgorithm):
    """Writes samples for training elsewhere."""

    def name(self) -> str:
        """Return the stable name."""
        return "exportsamples"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return self.tr("Export samples as chips and masks")

    def shortDescription(self) -> str:
        """Return one sentence for the tooltip."""
        return self.tr("Writes the surroundings of samples as image chips with masks of their classes.")

    def tags(self) -> list[str]:
        """Return further words under which it is found."""
        return self.tr("training data,chips,tiles,masks,labels,fine-tuning,deep learning").split(",")

    def shortHelpString(self) -> str:
        """Return the help shown beside the parameters."""
        return self.tr(
            "Writes the surroundings of samples as GeoTIFF chips of three bytes per pixel, each with a mask: the "
            "class's code from 1, and 0 where nothing is labelled. Chips do not overlap, so that they can be divided "
            "into training and validation. classes.txt names the classes in the order of their codes.\n\n"
            "It is made for training elsewhere; “satclip evaluate” reads the folder too."
        )

    def declared_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters in their order."""
        return [
            *self.sample_parameters(tr("The image from which chips are cut.")),
            helped(
                QgsProcessingParameterNumber(
                    CHIP,
                    tr("Side of a chip in pixels"),
                    QgsProcessingParameterNumber.Integer,
                    defaultValue=256,
                    minValue=32,
                    maxValue=4096,
                ),
                tr("In the raster's own pixels; chips at its border are smaller."),
            ),
            *reading_parameters(),
            helped(
                QgsProcessingParameterFolderDestination(OUTPUT, tr("Folder for the chips")),
                tr("Must not hold anything yet."),
            ),
        ]

    def job(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        scene: str,
        samples: SampleFile,
        folder: str,
        title: str,
    ) -> JobSpec:
        """Return the job that writes."""
        request = ExportSamplesRequest(
            scene,
            samples,
            folder,
            self.parameterAsInt(parameters, CHIP, context),
            self.text(parameters, BANDS, context, "auto"),
            self.text(parameters, SCALING, context, "auto"),
        )
        return JobSpec("export_samples", to_json(request), title)

    def tell(self, job: JobView, feedback: QgsProcessingFeedback) -> None:
        """Say where the chips are."""
        feedback.pushInfo(tr("The chips are in {folder}.").format(folder=job.spec.request["folder"]))
