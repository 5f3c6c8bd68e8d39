"""From a vector layer, whatever QGIS shows of it, to a file of samples that the engine can read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSet, SampleFile

# GeoPackage numbers its rows in a column of its own, and a layer may have a field of the usual name.
_ROW_COLUMN = "FID=satclip_row"


@dataclass(frozen=True)
class SampleInput:
    """A layer of samples as Processing hands it over: with its filter, its edits, and only what is selected if asked.

    Attributes:
        source: Its features.
        attribute: The field that names the classes; empty where there is one text field.
        classes: Those wanted; None takes the field's values.
        context: For writing.
    """

    source: QgsProcessingFeatureSource
    attribute: str
    classes: ClassSet | None
    context: QgsCoordinateTransformContext

    def write(self, feedback: QgsProcessingFeedback) -> SampleFile:
        """Write the features to a temporary GeoPackage in the layer's CRS; runs in the algorithm's thread.

        Raises:
            QgsProcessingException: if it cannot be written, or the user cancelled.
        """
        name = re.sub(r"[^\w.-]+", "_", self.source.sourceName()) or "samples"
        path = QgsProcessingUtils.generateTempFilename(f"{name}.gpkg")
        fields = self.source.fields()
        kept = [fields.lookupField(self.attribute)] if self.attribute else fields.allAttributesList()
        if -1 in kept:
            raise QgsProcessingException(
                tr("The layer {layer} has no field {field}. Choose the field that names the classes.").format(
                    layer=self.source.sourceName(), field=self.attribute
                )
            )
        writer = self._writer(path, kept)
        request = QgsFeatureRequest().setSubsetOfAttributes(kept)
        # The engine repairs what crosses itself, and says so.
        for feature in self.source.getFeatures(request, QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks):
            if feedback.isCanceled():
                raise QgsProcessingException(tr("Cancelled. Nothing half-written was left."))
            if not writer.addFeature(_plain(feature, kept), QgsFeatureSink.FastInsert):
                raise self._cannot_write(writer)
        return SampleFile(str(Path(path).absolute()), attribute=self.attribute, classes=self.classes)

    def _writer(self, path: str, kept: list[int]) -> QgsVectorFileWriter:
        fields = self.source.fields()
        for position in reversed(range(fields.count())):
            if position not in kept:
                fields.remove(position)
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName = "GPKG"
        options.layerOptions = [_ROW_COLUMN]
        kind = QgsWkbTypes.linearType(self.source.wkbType())
        writer = QgsVectorFileWriter.create(path, fields, kind, self.source.sourceCrs(), self.context, options)
        if writer.hasError() != QgsVectorFileWriter.NoError:
            raise self._cannot_write(writer)
        return writer

    def _cannot_write(self, writer: QgsVectorFileWriter) -> QgsProcessingException:
        return QgsProcessingException(
            tr(
                "The samples of {layer} cannot be written to a temporary file ({why}). Free space in the temporary "
                "folder, or save the layer as a GeoPackage and choose that."
            ).format(layer=self.source.sourceName(), why=writer.errorMessage())
        )


def _plain(feature: QgsFeature, kept: list[int]) -> QgsFeature:
    """Return ``feature`` without curves, with the fields that are ``kept``."""
    result = QgsFeature()
    geometry = feature.geometry()
    if QgsWkbTypes.isCurvedType(geometry.wkbType()):
        geometry = QgsGeometry(geometry.constGet().segmentize())
    result.setGeometry(geometry)
    result.setAttributes([feature.attribute(position) for position in kept])
    return result
