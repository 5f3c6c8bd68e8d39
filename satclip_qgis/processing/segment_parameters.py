"""Parameters, outputs and help of ``satclip:segment``."""

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
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from satclip_qgis.i18n import tr

INPUT = "INPUT"
CLASSES = "CLASSES"
BACKGROUND = "BACKGROUND"
UNKNOWN_BELOW = "UNKNOWN_BELOW"
EXTENT = "EXTENT"
AREA = "AREA"
MODEL = "MODEL"
BANDS = "BANDS"
SCALING = "SCALING"
GSD = "GSD"
DEVICE = "DEVICE"
WRITE_PROBABILITIES = "WRITE_PROBABILITIES"
WRITE_CONFIDENCE = "WRITE_CONFIDENCE"
WRITE_POLYGONS = "WRITE_POLYGONS"
MIN_AREA = "MIN_AREA"
LOAD = "LOAD"
OUTPUT = "OUTPUT"

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


def parameters() -> list[QgsProcessingParameterDefinition]:
    """Return the parameters in their order."""
    return [*_what(), *_where(), *_how(), *_outputs_wanted()]


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


def help_text() -> str:
    """Return the help beside the parameters."""
    return tr(
        "Makes a map from words. Type what to look for, one class per line, and the engine says for every pixel which "
        "class fits best and how sure it is. Nothing leaves this computer.\n\n"
        "Each class is a name, and optionally phrases that describe it and a colour:\n"
        "  water\n"
        "  forest: woods, trees  #1F7A3D\n"
        "  building: roof, house\n"
        "The classes compete, so name everything the picture shows, if only as “other”.\n\n"
        "The folder receives thematic.tif with its legend, one probability band per class, a confidence raster, "
        "a picture and run.json, which can be replayed. All rasters lie exactly on the input's grid.\n\n"
        "The job runs in the SatCLIP engine: it is set up once from the SatCLIP panel."
    )


def _what() -> list[QgsProcessingParameterDefinition]:
    return [
        _helped(
            QgsProcessingParameterRasterLayer(INPUT, tr("Raster layer")),
            tr("The image to map: any number of bands, any data type, any coordinate system."),
        ),
        _helped(
            QgsProcessingParameterString(
                CLASSES,
                tr("Classes, one per line"),
                defaultValue="water\ntrees: forest, trees\nbuilding",
                multiLine=True,
            ),
            tr(
                "One class per line or separated by semicolons:  name: phrase, phrase  #RRGGBB.  Phrases and colour "
                "are optional. Or the path of a .txt file with such lines."
            ),
        ),
        _helped(
            QgsProcessingParameterString(BACKGROUND, tr("Background class"), optional=True),
            tr("Name of the class that takes pixels below their class's threshold. Empty: none."),
        ),
        _helped(
            _number(UNKNOWN_BELOW, tr("Unknown below probability"), 0.0, 1.0),
            tr("Where even the best class is less probable than this, the map says “unknown”. Empty: never."),
        ),
    ]


def _where() -> list[QgsProcessingParameterDefinition]:
    return [
        _helped(
            QgsProcessingParameterExtent(EXTENT, tr("Extent"), optional=True),
            tr("Part of the layer to map. Empty: the whole layer."),
        ),
        _helped(
            QgsProcessingParameterFeatureSource(
                AREA, tr("Polygons that bound the area"), [QgsProcessing.TypeVectorPolygon], optional=True
            ),
            tr("Only inside these polygons is mapped; outside is nodata. Empty: no bound."),
        ),
    ]


def _how() -> list[QgsProcessingParameterDefinition]:
    return [
        _helped(
            QgsProcessingParameterString(MODEL, tr("Model"), defaultValue="mini"),
            tr("Id of a model as the SatCLIP panel lists it, or the path of an open_clip folder or checkpoint."),
        ),
        _helped(
            QgsProcessingParameterString(BANDS, tr("Bands"), defaultValue="auto"),
            tr("auto, a preset such as natural, false_colour or sentinel2, or three band numbers such as 4,3,2."),
            advanced=True,
        ),
        _helped(
            QgsProcessingParameterString(SCALING, tr("Scaling to bytes"), defaultValue="auto"),
            tr("auto, percentile, percentile:LOW,HIGH, reflectance or none; the same for the whole scene."),
            advanced=True,
        ),
        _helped(
            _number(GSD, tr("Working resolution in metres per pixel"), 0.001, 10_000.0),
            tr("At which the model looks at the scene. Empty: model and scene decide. The map keeps the input's grid."),
            advanced=True,
        ),
        _helped(
            QgsProcessingParameterString(DEVICE, tr("Device"), defaultValue="auto"),
            tr("auto, cpu, cuda, cuda:N or mps."),
            advanced=True,
        ),
    ]


def _outputs_wanted() -> list[QgsProcessingParameterDefinition]:
    return [
        _helped(
            QgsProcessingParameterBoolean(WRITE_PROBABILITIES, tr("Write probabilities"), defaultValue=True),
            tr("One band per class; over all classes a pixel's probabilities sum to 1."),
        ),
        _helped(
            QgsProcessingParameterBoolean(WRITE_CONFIDENCE, tr("Write confidence"), defaultValue=True),
            tr("Probability of the best class, and how far it is ahead of the second."),
        ),
        _helped(
            QgsProcessingParameterBoolean(WRITE_POLYGONS, tr("Write polygons"), defaultValue=False),
            tr("A GeoPackage with class, mean probability and true area of every patch."),
        ),
        _helped(
            _number(MIN_AREA, tr("Smallest polygon in square metres"), 0.0, 1e12, default=0.0),
            tr("Smaller patches are merged into their neighbours."),
            advanced=True,
        ),
        _helped(
            QgsProcessingParameterBoolean(LOAD, tr("Load the results into the project"), defaultValue=True),
            tr("Adds the layers with their legends."),
        ),
        _helped(
            QgsProcessingParameterFolderDestination(OUTPUT, tr("Folder for the results")),
            tr("Made if missing. A run replaces the map of an earlier run in the same folder."),
        ),
    ]


def _number(
    name: str, description: str, minimum: float, maximum: float, default: float | None = None
) -> QgsProcessingParameterNumber:
    return QgsProcessingParameterNumber(
        name,
        description,
        QgsProcessingParameterNumber.Double,
        defaultValue=default,
        optional=default is None,
        minValue=minimum,
        maxValue=maximum,
    )


def _helped(
    parameter: QgsProcessingParameterDefinition, text: str, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
    return parameter
