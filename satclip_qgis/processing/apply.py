"""``satclip:apply``: a saved head and a raster in, a map out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import HeadCardError, SegmentRequest, read_head_card

from .map_algorithm import MapAlgorithm
from .map_parameters import area_parameters, product_parameters, unknown_parameter
from .parameters import MODEL, encoding_parameters, helped, raster_parameter

HEAD = "HEAD"


class ApplyAlgorithm(MapAlgorithm):
    """Maps with what was learnt from samples, here or elsewhere."""

    def name(self) -> str:
        """Return the stable name."""
        return "apply"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return self.tr("Map with a saved head")

    def shortDescription(self) -> str:
        """Return one sentence for the tooltip."""
        return self.tr("Makes a map of a raster layer with what was learnt from samples before.")

    def tags(self) -> list[str]:
        """Return further words under which it is found."""
        words = self.tr("land cover,classification,segmentation,supervised,few-shot,samples,predict,deep learning")
        return words.split(",")

    def shortHelpString(self) -> str:
        """Return the help shown beside the parameters."""
        return self.tr(
            "Maps a layer with a saved head: what “Learn classes from samples”, the Teach tab or the command line has "
            "learnt from samples and kept in a folder. Classes, colours and model are the head's own; any layer can "
            "be mapped with it, not only the one it was taught on.\n\n"
            "A head belongs to the model whose features it learnt from; with another it is refused.\n\n"
            "The folder receives the same products as “Map classes from words”."
        )

    def declared_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters in their order."""
        return [
            raster_parameter(tr("The image to map: any number of bands, any data type, any coordinate system.")),
            helped(
                QgsProcessingParameterFile(HEAD, tr("Head"), QgsProcessingParameterFile.Folder),
                tr("Folder of a saved head; it holds head.json and head.safetensors."),
            ),
            unknown_parameter(),
            *area_parameters(),
            helped(
                QgsProcessingParameterString(MODEL, tr("Model"), optional=True),
                tr("Where the head's own model lies here, if elsewhere than when it was taught. Empty: as it was."),
                advanced=True,
            ),
            *encoding_parameters(
                tr("At which the model looks at the scene. Empty: as when the head was taught, if that was set then.")
            ),
            *product_parameters(),
        ]

    def question(self, parameters: dict[str, Any], context: QgsProcessingContext) -> SegmentRequest:
        """Ask for the head's own classes."""
        folder = Path(self.parameterAsString(parameters, HEAD, context)).absolute()
        asked = self.features(parameters, context, model="")
        try:
            card = read_head_card(folder)
        except HeadCardError as error:
            raise QgsProcessingException(f"{error.detail} {error.remedy}") from error
        return SegmentRequest("", card.classes, "", card.features_for(asked), head=str(folder))
