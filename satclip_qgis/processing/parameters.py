"""Parameters that several algorithms have, and what puts one together."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from satclip_qgis.i18n import tr

INPUT = "INPUT"
MODEL = "MODEL"
BANDS = "BANDS"
SCALING = "SCALING"
GSD = "GSD"
DEVICE = "DEVICE"
OUTPUT = "OUTPUT"


def raster_parameter(text: str) -> QgsProcessingParameterDefinition:
    """Return the raster layer; ``text`` says what becomes of it."""
    return helped(QgsProcessingParameterRasterLayer(INPUT, tr("Raster layer")), text)


def model_parameter() -> QgsProcessingParameterDefinition:
    """Return the model."""
    return helped(
        QgsProcessingParameterString(MODEL, tr("Model"), defaultValue="mini"),
        tr("Id of a model as the SatCLIP panel lists it, or the path of an open_clip folder or checkpoint."),
    )


def reading_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return how bands become colours."""
    return [
        helped(
            QgsProcessingParameterString(BANDS, tr("Bands"), defaultValue="auto"),
            tr("auto, a preset such as natural, false_colour or sentinel2, or three band numbers such as 4,3,2."),
            advanced=True,
        ),
        helped(
            QgsProcessingParameterString(SCALING, tr("Scaling to bytes"), defaultValue="auto"),
            tr("auto, percentile, percentile:LOW,HIGH, reflectance or none; the same for the whole scene."),
            advanced=True,
        ),
    ]


def encoding_parameters(resolution_text: str) -> list[QgsProcessingParameterDefinition]:
    """Return how the model looks at the scene; ``resolution_text`` says what an empty resolution means."""
    return [
        *reading_parameters(),
        helped(
            number(GSD, tr("Working resolution in metres per pixel"), 0.001, 10_000.0), resolution_text, advanced=True
        ),
        helped(
            QgsProcessingParameterString(DEVICE, tr("Device"), defaultValue="auto"),
            tr("auto, cpu, cuda, cuda:N or mps."),
            advanced=True,
        ),
    ]


def number(
    name: str, description: str, minimum: float, maximum: float, default: float | None = None
) -> QgsProcessingParameterNumber:
    """Return a number; without a default it may be left empty."""
    return QgsProcessingParameterNumber(
        name,
        description,
        QgsProcessingParameterNumber.Double,
        defaultValue=default,
        optional=default is None,
        minValue=minimum,
        maxValue=maximum,
    )


def helped(
    parameter: QgsProcessingParameterDefinition, text: str, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Return ``parameter`` with its help."""
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
    return parameter
