"""Runs queued jobs in worker processes and alone decides what became of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from satclip_engine.jobs.kinds import REQUEST_TYPES, YIELDING_KINDS, check_spec, share_room
from satclip_engine.jobs.launcher import WorkerLauncher
from satclip_engine.jobs.limits import SupervisorLimits
from satclip_engine.jobs.process import ProcessIdentity
from satclip_engine.jobs.run import JobRun, Outcome, clean_up, lost_worker_problem
from satclip_engine.jobs.states import WITH_WORKER
from satclip_engine.jobs.store import JobStore
from satclip_engine.problems import to_problem
from satclip_engine.protocol import JobSpec, JobView

logger = logging.getLogger(__name__)


class Supervisor:
    """The scheduler; lives in one asyncio loop.

    Args:
        store: The durable jobs.
        launcher: Starts workers.
        limits: Patience.
        request_types: Request dataclass of every kind of job.
    """

    def __init__(
        self,
        store: JobStore,
        launcher: WorkerLauncher,
        limits: SupervisorLimits | None = None,
        request_types: Mapping[str, type[Any]] = REQUEST_TYPES,
    ) -> None:
        self.store = store
        self._launcher = launcher
        self._limits = limits or SupervisorLimits()
        self._request_types = request_types
        self._runs: dict[str, JobRun] = {}
        self._recovering: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self) -> None:
        """Begin to run jobs, and to recover those that an earlier supervisor left behind."""
        for view, worker in self.store.unfinished():
            self._recovering.add(view.id)
            self._spawn(self._recover(view, worker))
        self._fill()

    async def stop(self) -> None:
        """End all workers now; their jobs stay queued and continue at the next start."""
        self._stopping = True
        for run in list(self._runs.values()):
            await run.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def put(self, job_id: str, spec: JobSpec) -> JobView:
        """Queue a job; see ``JobStore.put``.

        Raises:
            SatclipError: if the spec is wrong or the id is taken.
        """
        check_spec(spec, self._request_types)
        view = self.store.put(job_id, spec)
        self._fill()
        return view

    def cancel(self, job_id: str) -> JobView:
        """Stop a job; a finished one stays as it is.

        Raises:
            NotFoundError: if there is none of that id.
        """
        view = self.store.get(job_id)
        if view.state.is_final:
            return view
        self.store.request_cancel(job_id)
        run = self._runs.get(job_id)
        if run is not None:
            self._spawn(run.cancel())
        elif job_id not in self._recovering:
            return self.store.mark_cancelled(job_id)
        return self.store.get(job_id)

    def resume(self, job_id: str) -> JobView:
        """Queue a failed or cancelled job again; see ``JobStore.resume``."""
        view = self.store.resume(job_id)
        self._fill()
        return view

    def remove(self, job_id: str) -> None:
        """Forget a finished job; see ``JobStore.remove``."""
        self.store.remove(job_id)

    def _fill(self) -> None:
        if self._stopping:
            return
        ahead: list[JobSpec] = []
        # Those that make room for the others come after them; else the one that has waited longest is first.
        for waiting in sorted(self.store.queued(), key=lambda view: view.spec.kind in YIELDING_KINDS):
            if not any(share_room(waiting.spec, spec) for spec in ahead) and self._make_room(waiting.spec):
                view = self.store.begin(waiting.id)
                self._runs[view.id] = JobRun(view, self.store, self._launcher, self._limits)
                self._spawn(self._supervise(view.id))
            else:
                ahead.append(waiting.spec)

    def _make_room(self, spec: JobSpec) -> bool:
        """Return whether a job can begin; where only jobs that yield to it are in its way, ask them to step aside."""
        in_way = [run for run in self._runs.values() if share_room(spec, run.spec)]
        if spec.kind not in YIELDING_KINDS and all(run.spec.kind in YIELDING_KINDS for run in in_way):
            for run in in_way:
                self._spawn(run.step_aside())
        return not in_way

    async def _recover(self, view: JobView, worker: ProcessIdentity | None) -> None:
        logger.info("recovering job", extra={"job": view.id, "attempt": view.attempt})
        if worker is not None and worker.is_alive():
            # Its supervisor is dead, so nobody hears it; two workers must never write one folder.
            await asyncio.to_thread(worker.kill_tree)
        await self._after_loss(view.id, exit_words="the engine was ended", tail=())
        self._recovering.discard(view.id)
        self._fill()

    async def _supervise(self, job_id: str) -> None:
        run = self._runs[job_id]
        try:
            outcome = await run.execute()
            await self._conclude(job_id, outcome)
        except Exception as error:  # the job must not hang in "running" because of our own mistake
            logger.exception("supervising failed", extra={"job": job_id})
            await run.kill()
            self.store.fail(job_id, to_problem(error))
        finally:
            del self._runs[job_id]
            self._fill()

    async def _conclude(self, job_id: str, outcome: Outcome) -> None:
        logger.info("job ended", extra={"job": job_id, "outcome": outcome.kind, "exit": outcome.exit_words})
        is_own_doing = self._stopping or self._runs[job_id].steps_aside
        if outcome.kind == "succeeded":
            self.store.succeed(job_id, outcome.artifacts)
        elif outcome.problem is not None:
            self.store.fail(job_id, outcome.problem)
        elif is_own_doing and not self.store.cancel_requested(job_id):
            self.store.interrupt(job_id)
            self.store.requeue_uncounted(job_id)
        elif outcome.kind == "cancelled":
            self.store.mark_cancelled(job_id)
        else:
            await self._after_loss(job_id, outcome.exit_words, outcome.tail)

    async def _after_loss(self, job_id: str, exit_words: str, tail: tuple[str, ...]) -> None:
        view = self.store.get(job_id)
        if view.state in WITH_WORKER:
            view = self.store.interrupt(job_id)
        wish = self.store.cancel_requested(job_id)
        if not wish and view.attempt < self._limits.attempts:
            self.store.requeue(job_id)
            return
        await clean_up(view, self._launcher, self._limits.clean_up_s)
        if wish or self.store.cancel_requested(job_id):
            self.store.mark_cancelled(job_id)
        else:
            self.store.fail(job_id, lost_worker_problem(view.attempt, exit_words, tail))

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
