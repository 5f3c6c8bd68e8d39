"""What runs each kind of job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from satclip_engine.config import Config
from satclip_engine.protocol import Artifact, ProgressUpdate, SegmentRequest, from_json


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


JobRunner = Callable[[dict[str, Any], JobContext], tuple[Artifact, ...]]


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


RUNNERS: Mapping[str, JobRunner] = {"segment": run_segment}
