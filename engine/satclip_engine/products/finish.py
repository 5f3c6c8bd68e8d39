"""The end of a run: styles, polygons, preview and run card beside the rasters, then everything into place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from satclip_engine.products.artifacts import describe_artifact, list_artifacts
from satclip_engine.products.polygons import write_polygons
from satclip_engine.products.preview_png import write_preview
from satclip_engine.products.run_card import write_run_card
from satclip_engine.products.staging import Staging, write_errors_explained
from satclip_engine.products.style import write_styles
from satclip_engine.protocol import Artifact, SegmentRequest


def finish_products(staging: Staging, request: SegmentRequest, facts: Mapping[str, Any]) -> tuple[Artifact, ...]:
    """Write what accompanies the finished rasters in ``staging``, commit everything, and return the products.

    Args:
        staging: Holds the closed rasters.
        request: What was asked.
        facts: For the run card; see ``write_run_card``.

    Raises:
        DiskFullError: if the disk is full.
        OutputError: if the output folder refuses.
        SceneError: if the scene can no longer be read for the preview.
    """
    folder = staging.folder
    with write_errors_explained(staging.out_dir):
        if request.outputs.polygons is not None:
            write_polygons(folder, request.classes, request.outputs.polygons)
        write_styles(folder, request.classes)
        write_preview(folder, request)
        products = list_artifacts(folder)
        card = describe_artifact(write_run_card(folder, request, facts, products))
    staging.commit()
    return tuple(_moved(artifact, staging.out_dir) for artifact in (*products, card))


def _moved(artifact: Artifact, out_dir: Path) -> Artifact:
    path = str(out_dir / Path(artifact.path).name)
    return Artifact(artifact.role, path, artifact.size_bytes, artifact.sha256)
