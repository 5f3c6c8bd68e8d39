"""How workers are started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from satclip_engine.config import Config
from satclip_engine.jobs.channel import WorkerChannel


@dataclass(frozen=True)
class WorkerLauncher:
    """Starts worker processes of one engine.

    Attributes:
        config: Handed on to the workers through their environment.
        command: Program and first arguments; the worker's mode is added.
    """

    config: Config
    command: Sequence[str] = (sys.executable, "-m", "satclip_engine.worker")

    async def launch(self, mode: str, name: str) -> WorkerChannel:
        """Start a worker.

        Args:
            mode: ``batch``, ``cleanup`` or ``interactive``.
            name: Named in the log.

        Raises:
            OSError: if the program cannot be started.
        """
        return await WorkerChannel.launch(
            [*self.command, mode], environment=self.config.to_environment(), folder=self.config.data_dir, name=name
        )
