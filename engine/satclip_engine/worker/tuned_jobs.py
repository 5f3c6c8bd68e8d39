"""Jobs about trained models: take one to another machine, mix one with its start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.protocol import (
    MODEL_FILE_ROLE,
    Artifact,
    ExportModelRequest,
    MixModelsRequest,
    ProgressUpdate,
    from_json,
)
from satclip_engine.worker.model_jobs import card_of

if TYPE_CHECKING:
    from satclip_engine.worker.kinds import JobContext


def run_export_model(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Write a model, or its LoRA alone, to a place of the user's."""
    from satclip_engine.models.folders import CONFIG_FILE_NAME
    from satclip_engine.models.registry.export import export_model
    from satclip_engine.products.artifacts import describe_artifact

    request = from_json(ExportModelRequest, data)
    context.progress(ProgressUpdate("export", 0.0))
    context.check_cancelled()
    path = export_model(request.model, Path(request.path), context.config)
    return (describe_artifact(path / CONFIG_FILE_NAME if path.is_dir() else path, MODEL_FILE_ROLE),)


def clean_up_export_model(data: dict[str, Any]) -> None:
    """Remove a half-written export."""
    from satclip_engine.models.registry.export import unfinished

    partial = unfinished(Path(from_json(ExportModelRequest, data).path))
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)


def run_mix(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Write the model between a start and what was trained from it."""
    from satclip_engine.training.mixed_model import save_mix

    request = from_json(MixModelsRequest, data)
    folder = save_mix(
        request, config=context.config, progress=context.progress, check_cancelled=context.check_cancelled
    )
    return card_of(folder)


def clean_up_mix(data: dict[str, Any]) -> None:
    """Remove a half-written model."""
    out = Path(from_json(MixModelsRequest, data).out)
    shutil.rmtree(out.with_name(f"{out.name}.partial"), ignore_errors=True)
