"""How a client finds an engine and greets it."""

from __future__ import annotations

from dataclasses import dataclass

PROTOCOL_VERSION = 1
ENGINE_FILE_NAME = "engine.json"
HEARTBEAT_S = 10.0

# Names the sender (any text, one per QGIS window): its newer preview takes the place of its older, waiting one.
CLIENT_HEADER = "X-Satclip-Client"


@dataclass(frozen=True)
class EngineFile:
    """Contents of ``engine.json`` (mode 0600 in a 0700 folder): where the running engine listens."""

    port: int
    token: str
    pid: int
    started_s: float
    instance: str
    protocol_version: int = PROTOCOL_VERSION


@dataclass(frozen=True)
class Hello:
    """Answer to ``GET /v1/hello``.

    Attributes:
        version: Version of the engine.
        instance: Id of this start of the engine.
        protocol_version: Must equal the client's.
        device: Human-readable best device, e.g. ``CPU, 2 cores``; empty until a worker has looked.
        memory_total_bytes: Of the machine.
        memory_available_bytes: Of the machine.
        cache_bytes: Size of the cached feature maps.
        cache_limit_bytes: Limit of that cache.
    """

    version: str
    instance: str
    protocol_version: int
    device: str
    memory_total_bytes: int
    memory_available_bytes: int
    cache_bytes: int
    cache_limit_bytes: int
