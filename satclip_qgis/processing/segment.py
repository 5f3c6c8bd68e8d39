"""``satclip:segment``: words and a raster in, a map out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
)

from satclip_qgis.export import ExportTask
from satclip_qgis.protocol import (
    ClassSet,
    FeatureOptions,
    JobSpec,
    Outputs,
    PolygonOptions,
    SegmentRequest,
    TextOptions,
    to_json,
)
from satclip_qgis.scenes import scene_path

from . import segment_parameters as names
from .algorithm import EngineAlgorithm, artifact_paths, load_on_completion
from .class_input import read_classes
from .scene_input import area_geometry, area_of_interest, export_task

_EXPORTED_NAME = "exported_layer.tif"


class SegmentAlgorithm(EngineAlgorithm):
    """Maps classes given as words; the same job as the dock's."""

    def __init__(self) -> None:
        super().__init__()
        self._request: SegmentRequest | None = None
        self._export: ExportTask | None = None
        self._refusal: QgsProcessingException | None = None
        self._title = ""

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
        return names.help_text()

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:
        """Declare parameters and outputs."""
        for parameter in names.parameters():
            self.addParameter(parameter)
        for output in names.outputs():
            self.addOutput(output)

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        """Check the classes before anything runs."""
        try:
            self._classes(parameters, context)
        except QgsProcessingException as error:
            return False, str(error)
        is_fine, message = super().checkParameterValues(parameters, context)
        return bool(is_fine), str(message)

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read everything that belongs to the main thread: layers and project."""
        try:
            self._prepare(parameters, context, feedback)
        except QgsProcessingException as error:
            # Raised here, QGIS would only say that there were errors.
            self._refusal = error
        return True

    def _prepare(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        layer = self.parameterAsRasterLayer(parameters, names.INPUT, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, names.INPUT))
        folder = self.parameterAsString(parameters, names.OUTPUT, context)
        if not folder or folder == QgsProcessing.TEMPORARY_OUTPUT:
            folder = self.parameterAsOutputLayer(parameters, names.OUTPUT, context)
        out_dir = Path(folder).absolute()
        project = context.project() or QgsProject.instance()
        extent = self.parameterAsExtent(parameters, names.EXTENT, context, layer.crs())
        polygons = self.parameterAsSource(parameters, names.AREA, context)
        geometry = area_geometry(layer, extent, polygons, project)
        self._request = self._make_request(parameters, context, layer, out_dir)
        self._request = replace(self._request, aoi=area_of_interest(geometry))
        if not self._request.scene:
            feedback.pushInfo(self.tr("The engine cannot open this layer itself: QGIS exports it first."))
            path = out_dir / _EXPORTED_NAME
            self._export = export_task(layer, geometry, self._request.features.gsd_m, path, project)
            self._request = replace(self._request, scene=str(path))
        self._title = f"{layer.name()} · {', '.join(self._request.classes.names[:3])}"

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the job in this thread."""
        if self._refusal is not None:
            raise self._refusal
        request = self._request
        if request is None:
            raise QgsProcessingException(self.tr("The algorithm was not prepared."))
        if self._export is not None:
            self._run_export(self._export, feedback)
        job = self.run_job(JobSpec("segment", to_json(request), self._title), feedback)
        paths = artifact_paths(job)
        results = {key: paths[role] for key, role in names.ROLE_OF_OUTPUT.items() if role in paths}
        if self.parameterAsBoolean(parameters, names.LOAD, context):
            shown = {results[key]: title for key, title in names.layer_titles().items() if key in results}
            load_on_completion(context, shown, {path: key for key, path in results.items()})
        return {names.OUTPUT: request.out_dir, **results}

    def _make_request(
        self, parameters: dict[str, Any], context: QgsProcessingContext, layer: QgsRasterLayer, out_dir: Path
    ) -> SegmentRequest:
        polygons = None
        if self.parameterAsBoolean(parameters, names.WRITE_POLYGONS, context):
            polygons = PolygonOptions(self.parameterAsDouble(parameters, names.MIN_AREA, context))
        return SegmentRequest(
            scene=scene_path(layer) or "",
            classes=self._classes(parameters, context),
            out_dir=str(out_dir),
            features=FeatureOptions(
                model=self._text(parameters, names.MODEL, context, "mini"),
                bands=self._text(parameters, names.BANDS, context, "auto"),
                scaling=self._text(parameters, names.SCALING, context, "auto"),
                gsd_m=self._number(parameters, names.GSD, context),
                device=self._text(parameters, names.DEVICE, context, "auto"),
            ),
            text=TextOptions(unknown_below=self._number(parameters, names.UNKNOWN_BELOW, context)),
            outputs=Outputs(
                probabilities=self.parameterAsBoolean(parameters, names.WRITE_PROBABILITIES, context),
                confidence=self.parameterAsBoolean(parameters, names.WRITE_CONFIDENCE, context),
                polygons=polygons,
            ),
        )

    def _classes(self, parameters: dict[str, Any], context: QgsProcessingContext) -> ClassSet:
        return read_classes(
            self.parameterAsString(parameters, names.CLASSES, context),
            self.parameterAsString(parameters, names.BACKGROUND, context).strip(),
        )

    def _text(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext, default: str) -> str:
        return self.parameterAsString(parameters, name, context).strip() or default

    def _number(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> float | None:
        """Return an optional number; Processing itself knows only 0 for "not given"."""
        if parameters.get(name) in (None, ""):
            return None
        return float(self.parameterAsDouble(parameters, name, context))

    def _run_export(self, task: ExportTask, feedback: QgsProcessingFeedback) -> None:
        feedback.setProgressText(self.tr("Exporting the layer"))
        feedback.canceled.connect(task.cancel)
        if not task.run():
            raise QgsProcessingException(
                self.tr(
                    "QGIS could not export the layer. Check that it draws in the map view, or choose a smaller area."
                )
            )
