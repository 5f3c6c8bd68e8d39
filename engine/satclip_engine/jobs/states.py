"""Which state of a job may follow which: pure, so that it can be read and tested as a table."""

from __future__ import annotations

from collections.abc import Mapping

from satclip_engine.errors import ConflictError
from satclip_engine.protocol import JobState

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.STARTING, JobState.CANCELLED}),
    JobState.STARTING: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED}),
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED}),
    JobState.INTERRUPTED: frozenset({JobState.QUEUED, JobState.FAILED, JobState.CANCELLED}),
    # The user may ask for another try; a success stays one.
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
    JobState.SUCCEEDED: frozenset(),
}

# States in which a worker process belongs to the job.
WITH_WORKER = frozenset({JobState.STARTING, JobState.RUNNING})

# States in which a supervisor that was killed leaves a job behind.
UNFINISHED = WITH_WORKER | {JobState.INTERRUPTED}


def check_transition(old: JobState, new: JobState) -> None:
    """Accept a step of the table.

    Raises:
        ConflictError: if a job cannot go from ``old`` to ``new``.
    """
    if new not in TRANSITIONS[old]:
        raise ConflictError(
            f"A job that is {old.value} cannot become {new.value}.",
            remedy="Refresh the job list: the job has changed meanwhile.",
            code="engine.conflict.state",
            old=old.value,
            new=new.value,
        )
