"""Durable jobs as both sides see them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Optional


class JobState(str, enum.Enum):
    """Where a job stands; only the supervisor changes it."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class JobSpec:
    """What a client puts: ``PUT /v1/jobs/{uuid}``, safe to repeat with the same body.

    Attributes:
        kind: One of those in ``jobs.kinds``, such as ``segment``, ``fit`` or ``train``.
        request: The request dataclass of that kind as JSON.
        title: Shown in the job panel.
    """

    kind: str
    request: dict[str, Any]
    title: str = ""


@dataclass(frozen=True)
class Problem:
    """An error for a person: ``problem+json``."""

    code: str
    detail: str
    remedy: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What happened and what to do, as one text."""
        return f"{self.detail} {self.remedy}".strip()


@dataclass(frozen=True)
class ProgressUpdate:
    """How far a job is.

    Attributes:
        stage: ``read``, ``encode``, ``map``, ``write``, ``download``, ... (translated by the plugin).
        done: Finished share of the whole job in [0, 1].
        eta_s: Expected remaining seconds, or None while unknown.
        device: Human-readable device.
        message: One short sentence, may be empty.
        done_bytes: Of a transfer; None where bytes are not what is counted.
        total_bytes: Of a transfer; None while unknown.
    """

    stage: str
    done: float
    eta_s: Optional[float] = None
    device: str = ""
    message: str = ""
    done_bytes: Optional[int] = None
    total_bytes: Optional[int] = None


@dataclass(frozen=True)
class Artifact:
    """A finished product.

    Attributes:
        role: ``thematic``, ``probabilities``, ``confidence``, ``polygons``, ``style``, ``preview``, ``run_card``,
            ``category_names``; of a job ``fit`` ``head`` (its card) and ``samples``; of ``export_samples`` ``classes``;
            of a model job ``model`` (its card) or ``model_check``.
        path: Absolute path on the engine's machine.
        size_bytes: File size.
        sha256: Hex digest of the file.
    """

    role: str
    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class JobView:
    """A job as the API shows it; times are Unix seconds."""

    id: str
    spec: JobSpec
    state: JobState
    created_s: float
    updated_s: float
    attempt: int = 0
    progress: Optional[ProgressUpdate] = None
    problem: Optional[Problem] = None
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True)
class Event:
    """One server-sent event; ``seq`` grows by the database's row id.

    Attributes:
        seq: Give the last one seen as ``/v1/events?after=seq`` to continue.
        type: ``job`` (data is a ``JobView``), ``job_removed`` (data: id), ``features`` (data: scene),
            ``models`` (data: reason; ask for the list again),
            ``engine`` (data: instance, device, cache_bytes, or problem).
        data: The payload as JSON.
    """

    seq: int
    type: str
    data: dict[str, Any]
