"""Jobs about training: fine-tune a model, and keep the best of a training that was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.protocol import Artifact, KeepBestRequest, TrainRequest, from_json
from satclip_engine.worker.model_jobs import card_of

if TYPE_CHECKING:
    from satclip_engine.worker.kinds import JobContext


def run_train(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Fine-tune a model; an attempt that was cut off continues from its last state."""
    from satclip_engine.training.fine_tune import fine_tune

    folder = fine_tune(
        from_json(TrainRequest, data),
        config=context.config,
        progress=context.progress,
        check_cancelled=context.check_cancelled,
    )
    return card_of(folder)


def run_keep_best(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Make a model of the best weights so far of a training that was stopped."""
    from satclip_engine.training.fine_tune import keep_best

    folder = keep_best(
        Path(from_json(KeepBestRequest, data).out),
        config=context.config,
        progress=context.progress,
        check_cancelled=context.check_cancelled,
    )
    return card_of(folder)
