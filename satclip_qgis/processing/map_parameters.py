"""Parameters and outputs of the algorithms that make maps."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFolderDestination,
)

from satclip_qgis.i18n import tr

from .parameters import OUTPUT, helped, number

UNKNOWN_BELOW = "UNKNOWN_BELOW"
EXTENT = "EXTENT"
AREA = "AREA"
WRITE_PROBABILITIES = "WRITE_PROBABILITIES"
WRITE_CONFIDENCE = "WRITE_CONFIDENCE"
WRITE_POLYGONS = "WRITE_POLYGONS"
MIN_AREA = "MIN_AREA"
LOAD = "LOAD"

# Role of the engine's artifact behind each output.
ROLE_OF_OUTPUT = {
    "THEMATIC": "thematic",
    "PROBABILITIES": "probabilities",
    "CONFIDENCE": "confidence",
    "POLYGONS": "polygons",
    "PREVIEW": "preview",
    "RUN_CARD": "run_card",
}


def layer_titles() -> dict[str, str]:
    """Return the titles of the outputs that are layers; the last is loaded on top."""
    return {
        "CONFIDENCE": tr("Confidence"),
        "PROBABILITIES": tr("Probabilities"),
        "POLYGONS": tr("Polygons"),
        "THEMATIC": tr("Map"),
    }


def outputs() -> list[QgsProcessingOutputDefinition]:
    """Return the outputs, so that a model's next step can take them."""
    return [
        QgsProcessingOutputRasterLayer("THEMATIC", tr("Map")),
        QgsProcessingOutputRasterLayer("PROBABILITIES", tr("Probabilities, one band per class")),
        QgsProcessingOutputRasterLayer("CONFIDENCE", tr("Confidence")),
        QgsProcessingOutputVectorLayer("POLYGONS", tr("Polygons")),
        QgsProcessingOutputFile("PREVIEW", tr("Picture: image, map, legend")),
        QgsProcessingOutputFile("RUN_CARD", tr("Run card: how the map was made, replayable")),
    ]


def unknown_parameter() -> QgsProcessingParameterDefinition:
    """Return the probability below which nothing is said."""
    return helped(
        number(UNKNOWN_BELOW, tr("Unknown below probability"), 0.0, 1.0),
        tr("Where even the best class is less probable than this, the map says “unknown”. Empty: never."),
    )


def area_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return what bounds the map."""
    return [
        helped(
            QgsProcessingParameterExtent(EXTENT, tr("Extent"), optional=True),
            tr("Part of the layer to map. Empty: the whole layer."),
        ),
        helped(
            QgsProcessingParameterFeatureSource(
                AREA, tr("Polygons that bound the area"), [QgsProcessing.TypeVectorPolygon], optional=True
            ),
            tr("Only inside these polygons is mapped; outside is nodata. Empty: no bound."),
        ),
    ]


def product_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return what is written, and where."""
    return [
        helped(
            QgsProcessingParameterBoolean(WRITE_PROBABILITIES, tr("Write probabilities"), defaultValue=True),
            tr("One band per class; over all classes a pixel's probabilities sum to 1."),
        ),
        helped(
            QgsProcessingParameterBoolean(WRITE_CONFIDENCE, tr("Write confidence"), defaultValue=True),
            tr("Probability of the best class, and how far it is ahead of the second."),
        ),
        helped(
            QgsProcessingParameterBoolean(WRITE_POLYGONS, tr("Write polygons"), defaultValue=False),
            tr("A GeoPackage with class, mean probability and true area of every patch."),
        ),
        helped(
            number(MIN_AREA, tr("Smallest polygon in square metres"), 0.0, 1e12, default=0.0),
            tr("Smaller patches are merged into their neighbours."),
            advanced=True,
        ),
        helped(
            QgsProcessingParameterBoolean(LOAD, tr("Load the results into the project"), defaultValue=True),
            tr("Adds the layers with their legends."),
        ),
        helped(
            QgsProcessingParameterFolderDestination(OUTPUT, tr("Folder for the results")),
            tr("Made if missing. A run replaces the map of an earlier run in the same folder."),
        ),
    ]
