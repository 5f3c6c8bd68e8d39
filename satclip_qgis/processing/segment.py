"""``satclip:segment``: words and a raster in, a map out."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterString,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSet, SegmentRequest

from .class_input import CLASSES, class_syntax_help, read_classes
from .map_algorithm import MapAlgorithm
from .map_parameters import area_parameters, product_parameters, unknown_parameter
from .parameters import encoding_parameters, helped, model_parameter, raster_parameter

BACKGROUND = "BACKGROUND"


class SegmentAlgorithm(MapAlgorithm):
    """Maps classes given as words."""

    def name(self) -> str:
        """Return the stable name."""
        return "segment"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return self.tr("Map classes from words")

    def shortDescription(self) -> str:
        """Return one sentence for the tooltip."""
        return self.tr("Makes a land-cover map of a raster layer from class names in plain words.")

    def tags(self) -> list[str]:
        """Return further words under which it is found."""
        words = self.tr("land cover,classification,segmentation,zero-shot,open vocabulary,CLIP,deep learning,text")
        return words.split(",")

    def shortHelpString(self) -> str:
        """Return the help shown beside the parameters."""
        return self.tr(
            "Makes a map from words. Type what to look for, one class per line, and the engine says for every pixel "
            "which class fits best and how sure it is. Nothing leaves this computer.\n\n"
            "Each class is a name, and optionally phrases that describe it and a colour:\n"
            "  water\n"
            "  forest: woods, trees  #1F7A3D\n"
            "  building: roof, house\n"
            "The classes compete, so name everything the picture shows, if only as “other”.\n\n"
            "The folder receives thematic.tif with its legend, one probability band per class, a confidence raster, "
            "a picture and run.json, which can be replayed. All rasters lie exactly on the input's grid.\n\n"
            "The job runs in the SatCLIP engine: it is set up once from the SatCLIP panel."
        )

    def declared_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters in their order."""
        return [
            raster_parameter(tr("The image to map: any number of bands, any data type, any coordinate system.")),
            helped(
                QgsProcessingParameterString(
                    CLASSES,
                    tr("Classes, one per line"),
                    defaultValue="water\ntrees: forest, trees\nbuilding",
                    multiLine=True,
                ),
                class_syntax_help(),
            ),
            helped(
                QgsProcessingParameterString(BACKGROUND, tr("Background class"), optional=True),
                tr("Name of the class that takes pixels below their class's threshold. Empty: none."),
            ),
            unknown_parameter(),
            *area_parameters(),
            model_parameter(),
            *encoding_parameters(
                tr(
                    "At which the model looks at the scene. Empty: model and scene decide. The map keeps the input's "
                    "grid."
                )
            ),
            *product_parameters(),
        ]

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        """Check the classes before anything runs."""
        try:
            self._classes(parameters, context)
        except QgsProcessingException as error:
            return False, str(error)
        is_fine, message = super().checkParameterValues(parameters, context)
        return bool(is_fine), str(message)

    def question(self, parameters: dict[str, Any], context: QgsProcessingContext) -> SegmentRequest:
        """Ask for the classes by their words."""
        features = self.features(parameters, context, model="mini")
        return SegmentRequest("", self._classes(parameters, context), "", features)

    def _classes(self, parameters: dict[str, Any], context: QgsProcessingContext) -> ClassSet:
        return read_classes(
            self.parameterAsString(parameters, CLASSES, context), self.text(parameters, BACKGROUND, context)
        )
