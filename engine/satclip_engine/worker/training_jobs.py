"""Jobs about training: say what it will cost, fine-tune a model, and keep the best of a training that was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.protocol import (
    TRAIN_ESTIMATE_ROLE,
    Artifact,
    KeepBestRequest,
    ProgressUpdate,
    TrainRequest,
    from_json,
    to_json,
)
from satclip_engine.worker.model_jobs import card_of

if TYPE_CHECKING:
    from satclip_engine.worker.kinds import JobContext

ESTIMATES_FOLDER = "training-estimates"


def run_estimate_training(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Take a few steps of a training; what the whole will cost is the artifact ``train_estimate``."""
    from satclip_engine.products.artifacts import describe_artifact
    from satclip_engine.training.estimate import estimate_training

    context.progress(ProgressUpdate("estimate", 0.0))
    found = estimate_training(from_json(TrainRequest, data), context.config, context.check_cancelled)
    path = context.config.data_dir / ESTIMATES_FOLDER / f"{context.job_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for older in path.parent.glob("*.json"):  # an estimate is read at once, and the next edit makes it untrue
        older.unlink(missing_ok=True)
    path.write_text(json.dumps(to_json(found), indent=2), encoding="utf-8")
    return (describe_artifact(path, TRAIN_ESTIMATE_ROLE),)


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
