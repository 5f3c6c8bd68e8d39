"""What the algorithms that make maps share: area, products, loading."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobSpec, Outputs, PolygonOptions, SegmentRequest, TextOptions, to_json

from . import map_parameters as names
from .algorithm import EngineAlgorithm, artifact_paths, load_on_completion, project_of
from .parameters import OUTPUT
from .scene_input import EXPORTED_NAME, SceneInput, area_geometry, area_of_interest, scene_input


class MapAlgorithm(EngineAlgorithm):
    """Base of algorithms that make a map: the same job as the dock's."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: tuple[SceneInput, SegmentRequest, str] | None = None

    @abstractmethod
    def question(self, parameters: dict[str, Any], context: QgsProcessingContext) -> SegmentRequest:
        """Return what is asked: classes, features and head; scene, area and products are filled in by the base.

        Raises:
            QgsProcessingException: if something cannot be used.
        """

    def declared_outputs(self) -> list[QgsProcessingOutputDefinition]:
        """Return the products."""
        return names.outputs()

    def gather(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Read layer, area and options."""
        layer = self.raster(parameters, context)
        out_dir = self.folder(parameters, context)
        project = project_of(context)
        extent = self.parameterAsExtent(parameters, names.EXTENT, context, layer.crs())
        polygons = self.parameterAsSource(parameters, names.AREA, context)
        geometry = area_geometry(layer, extent, polygons, project)
        question = self.question(parameters, context)
        scene = scene_input(layer, geometry, question.features.gsd_m, out_dir / EXPORTED_NAME, project)
        request = replace(
            question,
            scene=scene.path,
            out_dir=str(out_dir),
            text=TextOptions(unknown_below=self.optional_number(parameters, names.UNKNOWN_BELOW, context)),
            outputs=self._outputs(parameters, context),
            aoi=area_of_interest(geometry),
        )
        self._asked = scene, request, f"{layer.name()} · {', '.join(request.classes.names[:3])}"

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Make the map."""
        if self._asked is None:
            raise QgsProcessingException(tr("The algorithm was not prepared."))
        scene, request, title = self._asked
        scene.make_ready(feedback)
        paths = artifact_paths(self.run_job(JobSpec("segment", to_json(request), title), feedback))
        results = {key: paths[role] for key, role in names.ROLE_OF_OUTPUT.items() if role in paths}
        if self.parameterAsBoolean(parameters, names.LOAD, context):
            shown = {results[key]: title for key, title in names.layer_titles().items() if key in results}
            load_on_completion(context, shown, {path: key for key, path in results.items()})
        return {OUTPUT: request.out_dir, **results}

    def _outputs(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Outputs:
        polygons = None
        if self.parameterAsBoolean(parameters, names.WRITE_POLYGONS, context):
            polygons = PolygonOptions(self.parameterAsDouble(parameters, names.MIN_AREA, context))
        return Outputs(
            probabilities=self.parameterAsBoolean(parameters, names.WRITE_PROBABILITIES, context),
            confidence=self.parameterAsBoolean(parameters, names.WRITE_CONFIDENCE, context),
            polygons=polygons,
        )
