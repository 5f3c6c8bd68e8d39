"""A worker for one job."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from satclip_engine.config import Config
from satclip_engine.errors import CancelledError
from satclip_engine.problems import to_wire
from satclip_engine.protocol import ProgressUpdate, to_json
from satclip_engine.worker.kinds import JobContext, JobKind
from satclip_engine.worker.wire import Wire

PROGRESS_INTERVAL_S = 0.25

logger = logging.getLogger(__name__)


class ProgressReporter:
    """Sends progress a few times a second, and every new stage and the end at once.

    Args:
        wire: To the supervisor.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._stage = ""
        self._sent_s = float("-inf")

    def __call__(self, update: ProgressUpdate) -> None:
        """Send ``update`` unless one was sent just before."""
        now_s = time.monotonic()
        if update.stage == self._stage and update.done < 1.0 and now_s - self._sent_s < PROGRESS_INTERVAL_S:
            return
        self._stage, self._sent_s = update.stage, now_s
        self._wire.send({"type": "progress", "progress": to_json(update)})


def run_batch(wire: Wire, config: Config, kinds: Mapping[str, JobKind]) -> None:
    """Receive one job, run it, and tell how it ended.

    Args:
        wire: To the supervisor.
        config: Folders and limits.
        kinds: What runs each kind of job.
    """
    cancelled = threading.Event()

    def take_cancel(message: dict[str, Any]) -> bool:
        if message.get("type") != "cancel":
            return False
        cancelled.set()
        return True

    def check_cancelled() -> None:
        if cancelled.is_set():
            raise CancelledError("The job was cancelled.", remedy="Resume it from the job list.")

    wire.start(take_cancel)
    job = wire.receive()
    wire.send({"type": "started"})
    context = JobContext(job["job_id"], config, ProgressReporter(wire), check_cancelled)
    try:
        check_cancelled()
        artifacts = kinds[job["kind"]].run(job["request"], context)
    except CancelledError:
        wire.send({"type": "cancelled"})
    except Exception as error:  # one of the three edges: it becomes the job's problem
        logger.exception("job failed")
        wire.send({"type": "failed", "problem": to_wire(error)})
    else:
        wire.send({"type": "succeeded", "artifacts": to_json(artifacts)})


def run_clean_up(wire: Wire, kinds: Mapping[str, JobKind]) -> None:
    """Receive one job whose worker was killed for good, and remove what it left half-finished."""
    wire.start()
    job = wire.receive()
    try:
        kinds[job["kind"]].clean_up(job["request"])
    except Exception:  # one of the three edges: the job's own end matters more than this
        logger.exception("cleaning up failed")
