"""``satclip:fit``: a raster and samples in, a head out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFolderDestination,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import (
    FitHeadRequest,
    FitResult,
    JobSpec,
    JobView,
    SampleFile,
    from_json,
    read_head_card,
    to_json,
)
from satclip_qgis.teach_words import taught

from .algorithm import artifact_paths
from .parameters import OUTPUT, encoding_parameters, helped, model_parameter
from .sample_algorithm import SampleAlgorithm


class FitAlgorithm(SampleAlgorithm):
    """Learns classes from a layer of samples."""

    def name(self) -> str:
        """Return the stable name."""
        return "fit"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return self.tr("Learn classes from samples")

    def shortDescription(self) -> str:
        """Return one sentence for the tooltip."""
        return self.tr("Learns classes from labelled points, lines or polygons and keeps what was learnt in a folder.")

    def tags(self) -> list[str]:
        """Return further words under which it is found."""
        words = self.tr("land cover,classification,supervised,few-shot,training,samples,train,deep learning")
        return words.split(",")

    def shortHelpString(self) -> str:
        """Return the help shown beside the parameters."""
        return self.tr(
            "Learns classes from samples: points, lines or polygons of a vector layer whose field names the class of "
            "each. A few per class are enough, in several places.\n\n"
            "Classes may have words as well, one class per line such as “forest: woods, trees”. With few samples the "
            "words carry the map; a class with words and no samples is told by its words alone.\n\n"
            "The log says how well each class is found on places that were kept out of the learning, and what was "
            "left out. The folder receives the head, its classes, the samples and how it was made; “Map with a saved "
            "head” maps this and other layers with it.\n\n"
            "Samples in another place than the raster are refused, with both extents."
        )

    def declared_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters in their order."""
        return [
            *self.sample_parameters(tr("The image on which the samples were drawn.")),
            model_parameter(),
            *encoding_parameters(tr("At which the model looks at the scene. Empty: model and scene decide.")),
            helped(
                QgsProcessingParameterFolderDestination(OUTPUT, tr("Folder for the head")),
                tr("Made if missing. A head that lies there is replaced."),
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
        """Return the job that learns."""
        features = self.features(parameters, context, model="mini")
        return JobSpec("fit", to_json(FitHeadRequest(scene, samples, folder, features)), title)

    def tell(self, job: JobView, feedback: QgsProcessingFeedback) -> None:
        """Say what was learnt, how well, and what is doubtful."""
        card = read_head_card(Path(artifact_paths(job)["head"]).parent)
        result = from_json(FitResult, card.provenance["fit"])
        feedback.pushInfo(taught(result, card.provenance["samples"]))
        for one in result.classes:
            text = tr("{name} · samples: {samples}, places: {places}, F1 on places not learnt from: {f1}")
            f1 = tr("not measured") if one.f1 is None else f"{one.f1:.2f}"
            feedback.pushInfo(text.format(name=one.name, samples=one.samples, places=one.places, f1=f1))
        for note in result.notes:
            feedback.pushInfo(note)
        for warning in result.warnings:
            feedback.pushWarning(warning)
