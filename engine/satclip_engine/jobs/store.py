"""The durable list of jobs. Every change of a job is one transaction and one event."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from satclip_engine.errors import ConflictError, NotFoundError
from satclip_engine.jobs.events import EventLog
from satclip_engine.jobs.process import ProcessIdentity
from satclip_engine.jobs.states import UNFINISHED, check_transition
from satclip_engine.protocol import (
    Artifact,
    JobSpec,
    JobState,
    JobView,
    Problem,
    ProgressUpdate,
    from_json,
    to_json,
)


class JobStore:
    """Reads and writes jobs; only the supervisor holds one, in one thread.

    Args:
        database: From ``open_database``.
        events: Log on the same connection.
    """

    def __init__(self, database: sqlite3.Connection, events: EventLog) -> None:
        self._database = database
        self.events = events

    def put(self, job_id: str, spec: JobSpec) -> JobView:
        """Queue a new job; the same id with the same spec again changes nothing.

        Raises:
            ConflictError: if the id belongs to a job with another spec.
        """
        text = json.dumps(to_json(spec), sort_keys=True)
        row = self._database.execute("SELECT spec FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            now_s = time.time()
            with self._change(job_id):
                self._database.execute(
                    "INSERT INTO jobs (id, spec, state, attempt, cancel_requested, created_s, queued_s, updated_s)"
                    " VALUES (?, ?, ?, 0, 0, ?, ?, ?)",
                    (job_id, text, JobState.QUEUED.value, now_s, now_s, now_s),
                )
        elif row["spec"] != text:
            raise ConflictError(
                f"The job {job_id} exists already and asks for something else.",
                remedy="Send the new job under a new id.",
                code="engine.conflict.spec",
                job_id=job_id,
            )
        return self.get(job_id)

    def get(self, job_id: str) -> JobView:
        """Return one job.

        Raises:
            NotFoundError: if there is none of that id.
        """
        row = self._database.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise NotFoundError(
                f"There is no job {job_id}.", remedy="Refresh the job list: it may have been removed.", job_id=job_id
            )
        return self._view(row)

    def list(self) -> tuple[JobView, ...]:
        """Return all jobs, newest first."""
        rows = self._database.execute("SELECT * FROM jobs ORDER BY created_s DESC, rowid DESC").fetchall()
        return tuple(self._view(row) for row in rows)

    def queued(self) -> tuple[JobView, ...]:
        """Return the waiting jobs, the one that has waited longest first."""
        rows = self._database.execute(
            "SELECT * FROM jobs WHERE state = ? ORDER BY queued_s, rowid", (JobState.QUEUED.value,)
        )
        return tuple(self._view(row) for row in rows.fetchall())

    def unfinished(self) -> tuple[tuple[JobView, ProcessIdentity | None], ...]:
        """Return the jobs that an earlier supervisor did not finish, each with its worker process."""
        marks = ", ".join("?" for _ in UNFINISHED)
        rows = self._database.execute(
            f"SELECT * FROM jobs WHERE state IN ({marks})",  # noqa: S608  # nosec B608 - question marks only
            [state.value for state in UNFINISHED],
        ).fetchall()
        return tuple((self._view(row), _identity(row)) for row in rows)

    def begin(self, job_id: str) -> JobView:
        """Move a queued job to ``starting`` and count the attempt."""
        return self._move(job_id, JobState.STARTING, "attempt = attempt + 1, progress = NULL, problem = NULL", ())

    def set_worker(self, job_id: str, worker: ProcessIdentity) -> None:
        """Remember which process runs the job, for the recovery after a crash of the supervisor."""
        self._database.execute(
            "UPDATE jobs SET worker_pid = ?, worker_started_s = ? WHERE id = ?", (worker.pid, worker.started_s, job_id)
        )

    def mark_running(self, job_id: str) -> JobView:
        """Move a starting job to ``running``."""
        return self._move(job_id, JobState.RUNNING, "", ())

    def set_progress(self, job_id: str, progress: ProgressUpdate) -> None:
        """Remember how far a job is; only its newest progress event is kept."""
        with self._change(job_id, slot=f"progress:{job_id}"):
            self._database.execute(
                "UPDATE jobs SET progress = ?, updated_s = ? WHERE id = ?",
                (json.dumps(to_json(progress)), time.time(), job_id),
            )

    def succeed(self, job_id: str, artifacts: Sequence[Artifact]) -> JobView:
        """Move a job to ``succeeded`` with its products."""
        return self._move(job_id, JobState.SUCCEEDED, "", (), artifacts)

    def fail(self, job_id: str, problem: Problem) -> JobView:
        """Move a job to ``failed`` with the problem that its user will read."""
        return self._move(job_id, JobState.FAILED, "problem = ?", (json.dumps(to_json(problem)),))

    def mark_cancelled(self, job_id: str) -> JobView:
        """Move a job to ``cancelled``."""
        return self._move(job_id, JobState.CANCELLED, "", ())

    def interrupt(self, job_id: str) -> JobView:
        """Move a job whose worker is gone to ``interrupted``."""
        return self._move(job_id, JobState.INTERRUPTED, "worker_pid = NULL, worker_started_s = NULL", ())

    def requeue(self, job_id: str) -> JobView:
        """Queue an interrupted job again; it keeps its place and its count of attempts."""
        return self._move(job_id, JobState.QUEUED, "", ())

    def requeue_uncounted(self, job_id: str) -> JobView:
        """Queue an interrupted job again as if it had not been tried: its end was our own doing."""
        return self._move(job_id, JobState.QUEUED, "attempt = attempt - 1", ())

    def resume(self, job_id: str) -> JobView:
        """Queue a failed or cancelled job again at its user's wish, with all attempts ahead.

        Raises:
            ConflictError: if the job is in another state.
        """
        return self._move(
            job_id,
            JobState.QUEUED,
            "attempt = 0, cancel_requested = 0, problem = NULL, progress = NULL, queued_s = ?",
            (time.time(),),
        )

    def request_cancel(self, job_id: str) -> None:
        """Remember the user's wish, so that no crash can bring the job back."""
        self._database.execute("UPDATE jobs SET cancel_requested = 1 WHERE id = ?", (job_id,))

    def cancel_requested(self, job_id: str) -> bool:
        """Whether the user asked to stop the job."""
        row = self._database.execute("SELECT cancel_requested FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return bool(row and row["cancel_requested"])

    def remove(self, job_id: str) -> None:
        """Forget a job; its products stay where they are.

        Raises:
            NotFoundError: if there is none of that id.
            ConflictError: if it is not finished.
        """
        view = self.get(job_id)
        if not view.state.is_final:
            raise ConflictError(
                f"The job is {view.state.value} and cannot be removed.",
                remedy="Cancel it first.",
                code="engine.conflict.state",
                job_id=job_id,
            )
        with self._transaction():
            self._database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
            self._database.execute("DELETE FROM events WHERE slot = ?", (f"progress:{job_id}",))
            self.events.append("job_removed", {"id": job_id})

    def _move(
        self,
        job_id: str,
        new: JobState,
        assignments: str,
        values: tuple[Any, ...],
        artifacts: Sequence[Artifact] = (),
    ) -> JobView:
        check_transition(self.get(job_id).state, new)
        more = f", {assignments}" if assignments else ""
        with self._change(job_id):
            self._database.execute(
                f"UPDATE jobs SET state = ?, updated_s = ?{more} WHERE id = ?",  # noqa: S608  # nosec B608 - literals of this module
                (new.value, time.time(), *values, job_id),
            )
            self._database.executemany(
                "INSERT INTO artifacts VALUES (?, ?, ?, ?, ?, ?)",
                [(job_id, i, a.role, a.path, a.size_bytes, a.sha256) for i, a in enumerate(artifacts)],
            )
        return self.get(job_id)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _change(self, job_id: str, slot: str | None = None) -> Iterator[None]:
        """One transaction around a change of a job and the event that tells it."""
        with self._transaction():
            yield
            self.events.append("job", to_json(self.get(job_id)), slot)

    def _view(self, row: sqlite3.Row) -> JobView:
        artifacts = self._database.execute(
            "SELECT role, path, size_bytes, sha256 FROM artifacts WHERE job_id = ? ORDER BY position", (row["id"],)
        )
        return JobView(
            id=row["id"],
            spec=from_json(JobSpec, json.loads(row["spec"])),
            state=JobState(row["state"]),
            created_s=row["created_s"],
            updated_s=row["updated_s"],
            attempt=row["attempt"],
            progress=from_json(ProgressUpdate, json.loads(row["progress"])) if row["progress"] else None,
            problem=from_json(Problem, json.loads(row["problem"])) if row["problem"] else None,
            artifacts=tuple(Artifact(*artifact) for artifact in artifacts),
        )


def _identity(row: sqlite3.Row) -> ProcessIdentity | None:
    if row["worker_pid"] is None:
        return None
    return ProcessIdentity(row["worker_pid"], row["worker_started_s"])
