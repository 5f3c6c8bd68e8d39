"""One running engine: what the routes act on."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

import psutil

import satclip_engine
from satclip_engine.config import Config
from satclip_engine.errors import ConflictError, SatclipError
from satclip_engine.jobs.events import EventLog
from satclip_engine.jobs.interactive import InteractiveWorker
from satclip_engine.jobs.kinds import model_of
from satclip_engine.jobs.supervisor import Supervisor
from satclip_engine.protocol import PROTOCOL_VERSION, Hello


@dataclass
class Engine:
    """The parts of a running engine.

    Attributes:
        config: Folders and limits.
        token: What every request must carry.
        supervisor: Jobs.
        interactive: Previews, estimates, models, cache.
        events: Everything that happened.
        instance: Id of this start.
        closing: Set when the engine is about to stop.
        device: Human-readable; empty until a worker has looked.
        cache_bytes: Size of the cached feature maps when a worker last looked.
    """

    config: Config
    token: str
    supervisor: Supervisor
    interactive: InteractiveWorker
    events: EventLog
    instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    device: str = ""
    cache_bytes: int = 0

    def hello(self) -> Hello:
        """Return the engine's greeting."""
        memory = psutil.virtual_memory()
        return Hello(
            version=satclip_engine.__version__,
            instance=self.instance,
            protocol_version=PROTOCOL_VERSION,
            device=self.device,
            memory_total_bytes=memory.total,
            memory_available_bytes=memory.available,
            cache_bytes=self.cache_bytes,
            cache_limit_bytes=self.config.cache_limit_bytes,
        )

    async def remove_model(self, model_id: str) -> dict[str, Any]:
        """Remove an installed model and tell the clients; returns what the model list is then.

        Raises:
            ConflictError: ``model.in_use`` if a job that is not over needs the model.
            SatclipError: if there is no such model or it ships with the engine.
        """
        users = [
            job for job in self.supervisor.store.list() if not job.state.is_final and model_of(job.spec) == model_id
        ]
        if users:
            raise ConflictError(
                f"The model {model_id} is needed by the job {users[0].spec.title or users[0].spec.kind!r}.",
                remedy="Wait for that job or cancel it, then remove the model.",
                code="model.in_use",
                model=model_id,
                job_id=users[0].id,
            )
        listed = await self.interactive.request("remove_model", {"model": model_id})
        self.events.append("models", {"removed": model_id}, slot="models")
        return listed

    async def look_at_machine(self) -> None:
        """Warm the interactive worker up and ask it for the device and the cache's size."""
        try:
            status = await self.interactive.request("status", {}, newest_of="status")
        except SatclipError as error:
            self.events.append("engine", {"instance": self.instance, "problem": error.to_problem()}, slot="engine")
            return
        self.take_status(status)

    def take_status(self, status: dict[str, Any]) -> None:
        """Remember what a worker found out about the machine, and tell the clients."""
        self.device = str(status.get("device", self.device))
        self.cache_bytes = int(status.get("cache_bytes", self.cache_bytes))
        data = {"instance": self.instance, "device": self.device, "cache_bytes": self.cache_bytes}
        self.events.append("engine", data, slot="engine")
