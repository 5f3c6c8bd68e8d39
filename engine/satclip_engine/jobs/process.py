"""Processes as the supervisor must know them: by pid *and* start time, since pids are reused."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil

# The kernel rounds start times to ticks; two processes of one pid within this time are impossible in practice.
_SAME_START_S = 0.05
_DEATH_S = 10.0
_POLL_S = 0.02


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, never mistaken for a later one with its pid.

    Attributes:
        pid: Process id.
        started_s: Start, Unix seconds.
    """

    pid: int
    started_s: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Return the identity of the running process ``pid``, or None if there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def is_alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        return self._process() is not None

    def kill_tree(self) -> None:
        """Kill the process and its descendants at once, and wait until they are gone."""
        process = self._process()
        if process is None:
            return
        family = [process]
        try:
            family += process.children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for member in family:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        # Not psutil's own wait: it would take our child's exit code away from asyncio.
        end_s = time.monotonic() + _DEATH_S
        while any(_runs(member) for member in family) and time.monotonic() < end_s:
            time.sleep(_POLL_S)

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started_s) > _SAME_START_S:
                return None
        except psutil.NoSuchProcess:
            return None
        return process if _runs(process) else None


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
