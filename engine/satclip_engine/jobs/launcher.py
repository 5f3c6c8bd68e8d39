"""How workers are started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from satclip_engine.config import Config
from satclip_engine.jobs.channel import WorkerChannel

# Threads that wait for each other sleep. Beside QGIS and other programs the cores are seldom all free, and threads that
# spin keep those from running that they wait for: encoding was five times slower on a busy machine with two cores.
_PATIENCE: Final = {"OMP_WAIT_POLICY": "PASSIVE"}


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
        environment = {**_PATIENCE, **self.config.to_environment()}
        return await WorkerChannel.launch(
            [*self.command, mode], environment=environment, folder=self.config.data_dir, name=name
        )
