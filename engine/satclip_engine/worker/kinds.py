"""What runs each kind of job, and what tidies up after one that was killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.protocol import Artifact, ProgressUpdate, SegmentRequest, from_json
from satclip_engine.worker.assess_jobs import clean_up_design, run_design, run_report
from satclip_engine.worker.model_jobs import keep, run_check, run_download, run_import
from satclip_engine.worker.pair_jobs import (
    clean_up_export_pairs,
    clean_up_pairs,
    run_build_captions,
    run_check_pairs,
    run_export_pairs,
    run_import_pairs,
    run_photo_pairs,
    run_split_pairs,
)
from satclip_engine.worker.sample_jobs import clean_up_export, clean_up_fit, run_export, run_fit
from satclip_engine.worker.training_jobs import run_estimate_training, run_keep_best, run_train
from satclip_engine.worker.tuned_jobs import clean_up_export_model, clean_up_mix, run_export_model, run_mix


@dataclass(frozen=True)
class JobContext:
    """What a running job may use of its surroundings.

    Attributes:
        job_id: The job's uuid.
        config: Folders and limits.
        progress: Tells how far it is.
        check_cancelled: Raises ``CancelledError`` once the user asked to stop.
    """

    job_id: str
    config: Config
    progress: Callable[[ProgressUpdate], None]
    check_cancelled: Callable[[], None]


@dataclass(frozen=True)
class JobKind:
    """What a worker can do with one kind of job.

    Attributes:
        run: Runs a request and returns its products.
        clean_up: Removes what a killed run left of a request that will not be continued.
    """

    run: Callable[[dict[str, Any], JobContext], tuple[Artifact, ...]]
    clean_up: Callable[[dict[str, Any]], None]


def run_segment(request: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Run the question "segment"."""
    from satclip_engine.questions.segment import segment

    return segment(
        from_json(SegmentRequest, request),
        config=context.config,
        progress=context.progress,
        check_cancelled=context.check_cancelled,
        job_id=context.job_id,
    )


def clean_up_segment(request: dict[str, Any]) -> None:
    """Remove unfinished products; encoded features stay, they are as good as any."""
    from satclip_engine.products.staging import HIDDEN_FOLDER, Staging

    out_dir = Path(from_json(SegmentRequest, request).out_dir)
    if (out_dir / HIDDEN_FOLDER).is_dir():
        Staging(out_dir, "clean-up").discard()


KINDS: Mapping[str, JobKind] = {
    "segment": JobKind(run_segment, clean_up_segment),
    "fit": JobKind(run_fit, clean_up_fit),
    "export_samples": JobKind(run_export, clean_up_export),
    "download_model": JobKind(run_download, keep),
    "import_model": JobKind(run_import, keep),
    "check_model": JobKind(run_check, keep),
    "train": JobKind(run_train, keep),
    "estimate_training": JobKind(run_estimate_training, keep),
    "keep_best": JobKind(run_keep_best, keep),
    "export_model": JobKind(run_export_model, clean_up_export_model),
    "mix_models": JobKind(run_mix, clean_up_mix),
    "build_captions": JobKind(run_build_captions, clean_up_pairs),
    "import_pairs": JobKind(run_import_pairs, clean_up_pairs),
    "photo_pairs": JobKind(run_photo_pairs, clean_up_pairs),
    "check_pairs": JobKind(run_check_pairs, keep),
    "split_pairs": JobKind(run_split_pairs, keep),
    "export_pairs": JobKind(run_export_pairs, clean_up_export_pairs),
    "assess_design": JobKind(run_design, clean_up_design),
    "assess_report": JobKind(run_report, keep),
}
