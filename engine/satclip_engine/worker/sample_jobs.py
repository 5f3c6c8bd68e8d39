"""Jobs on a layer of samples: learn a head from it, write it as chips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.protocol import Artifact, ExportSamplesRequest, FitHeadRequest, from_json

if TYPE_CHECKING:
    from satclip_engine.worker.kinds import JobContext


def run_fit(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Run the question "fit" on a layer of samples, and keep the head."""
    from satclip_engine.products.artifacts import describe_artifact
    from satclip_engine.protocol.heads import HEAD_CARD
    from satclip_engine.questions.fit import fit_layer
    from satclip_engine.questions.keep import SAMPLES

    request = from_json(FitHeadRequest, data)
    clean_up_fit(data)  # of an attempt before this one
    fit_layer(request, config=context.config, progress=context.progress, check_cancelled=context.check_cancelled)
    return tuple(describe_artifact(Path(request.folder) / name) for name in (HEAD_CARD, SAMPLES))


def clean_up_fit(data: dict[str, Any]) -> None:
    """Remove a half-written head; one that it was to replace stays, and so do encoded features."""
    from satclip_engine.questions.keep import discard_unfinished_head

    discard_unfinished_head(Path(from_json(FitHeadRequest, data).folder))


def run_export(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Run the question "export samples"."""
    from satclip_engine.products.artifacts import describe_artifact
    from satclip_engine.questions.export_samples import export_samples
    from satclip_engine.samples.chip_folder import CLASS_FILE

    request = from_json(ExportSamplesRequest, data)
    export_samples(request, progress=context.progress, check_cancelled=context.check_cancelled)
    return (describe_artifact(Path(request.folder) / CLASS_FILE),)


def clean_up_export(data: dict[str, Any]) -> None:
    """Remove unfinished chips."""
    from satclip_engine.samples.chip_folder import discard_unfinished_chips

    discard_unfinished_chips(Path(from_json(ExportSamplesRequest, data).folder))
