"""One attempt at one job: a worker from its start to its last word."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from satclip_engine.jobs.channel import WorkerChannel, describe_exit
from satclip_engine.jobs.launcher import WorkerLauncher
from satclip_engine.jobs.limits import SupervisorLimits
from satclip_engine.jobs.store import JobStore
from satclip_engine.problems import from_wire, to_problem
from satclip_engine.protocol import Artifact, JobSpec, JobView, Problem, ProgressUpdate, from_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        kind: ``succeeded``, ``failed``, ``cancelled``, or ``lost`` where the worker ended without a word.
        artifacts: The products of a success.
        problem: Of a failure.
        exit_words: How the process ended.
        tail: Last lines of its standard error.
    """

    kind: str
    artifacts: tuple[Artifact, ...] = ()
    problem: Problem | None = None
    exit_words: str = ""
    tail: tuple[str, ...] = ()


class JobRun:
    """One attempt; made when the job is ``starting``.

    Args:
        view: The job.
        store: Told of progress and of the worker's identity.
        launcher: Starts the worker.
        limits: Patience.

    Attributes:
        steps_aside: Whether it was told to stop to make room, and is to be queued again.
    """

    def __init__(self, view: JobView, store: JobStore, launcher: WorkerLauncher, limits: SupervisorLimits) -> None:
        self._view = view
        self._store = store
        self._launcher = launcher
        self._limits = limits
        self._channel: WorkerChannel | None = None
        self._killed = False
        self.steps_aside = False

    @property
    def spec(self) -> JobSpec:
        """What the job is to do."""
        return self._view.spec

    async def execute(self) -> Outcome:
        """Run the worker to its end and return how it ended."""
        job_id = self._view.id
        try:
            channel = await self._launcher.launch("batch", f"job {job_id}")
        except OSError as error:
            return Outcome("failed", problem=to_problem(error), exit_words="never started")
        self._channel = channel
        self._store.set_worker(job_id, channel.identity)
        if self._killed:
            await channel.kill()
        await channel.send({"type": "job", "job_id": job_id, "kind": self.spec.kind, "request": self.spec.request})
        if self.steps_aside or self._store.cancel_requested(job_id):
            await channel.send({"type": "cancel"})
        last: dict[str, Any] = {}
        async for message in channel.messages():
            if message.get("type") == "started":
                self._store.mark_running(job_id)
            elif message.get("type") == "progress":
                self._store.set_progress(job_id, from_json(ProgressUpdate, message["progress"]))
            else:
                last = message
        code = await channel.wait(self._limits.exit_s)
        if code is None:
            await channel.kill()
            code = await channel.wait(self._limits.exit_s)
        return _outcome(last, describe_exit(code), tuple(channel.tail))

    async def cancel(self) -> None:
        """Ask the worker to stop, then tell it, then end it."""
        channel = self._channel
        if channel is None:
            # Not launched yet: ``execute`` will see the wish.
            return
        await channel.send({"type": "cancel"})
        if await channel.wait(self._limits.cancel_s) is not None:
            return
        logger.warning("worker ignores the wish to stop", extra={"job": self._view.id})
        channel.terminate()
        if await channel.wait(self._limits.terminate_s) is None:
            await channel.kill()

    async def step_aside(self) -> None:
        """Stop as ``cancel`` does, once, without anybody's wish to end the job."""
        if not self.steps_aside:
            self.steps_aside = True
            logger.info("job makes room", extra={"job": self._view.id})
            await self.cancel()

    async def kill(self) -> None:
        """End the worker now."""
        self._killed = True
        if self._channel is not None:
            await self._channel.kill()


async def clean_up(view: JobView, launcher: WorkerLauncher, limit_s: float) -> None:
    """Let a worker remove what a killed attempt left half-finished.

    Args:
        view: A job that will not be continued by itself.
        launcher: Starts the worker.
        limit_s: How long it may take.
    """
    try:
        channel = await launcher.launch("cleanup", f"clean-up {view.id}")
    except OSError as error:
        logger.warning("cannot clean up", extra={"job": view.id, "reason": str(error)})
        return
    await channel.send({"type": "job", "kind": view.spec.kind, "request": view.spec.request})
    if await channel.wait(limit_s) is None:
        await channel.kill()


def lost_worker_problem(attempts: int, exit_words: str, tail: tuple[str, ...]) -> Problem:
    """Return the problem of a job whose worker ended without a word in every attempt."""
    return Problem(
        code="engine.worker_lost",
        detail=f"The job was tried {attempts} times and each time its process ended without an answer ({exit_words}).",
        remedy="Most often the memory was used up: close other programs, or choose a smaller model or area. "
        "The file workers.log in the engine's log folder tells more.",
        params={"attempts": attempts, "exit": exit_words, "log_tail": list(tail)},
    )


def _outcome(last: dict[str, Any], exit_words: str, tail: tuple[str, ...]) -> Outcome:
    kind = last.get("type", "lost")
    if kind == "succeeded":
        artifacts = tuple(from_json(Artifact, item) for item in last["artifacts"])
        return Outcome("succeeded", artifacts=artifacts, exit_words=exit_words, tail=tail)
    if kind == "failed":
        return Outcome("failed", problem=to_problem(from_wire(last["problem"])), exit_words=exit_words, tail=tail)
    return Outcome(kind, exit_words=exit_words, tail=tail)
