"""A worker process from its start to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from satclip_engine.config import Config
from satclip_engine.logs import log_to_stderr
from satclip_engine.worker.batch import run_batch, run_clean_up
from satclip_engine.worker.interactive import InteractiveSession, serve_interactive
from satclip_engine.worker.kinds import KINDS, JobKind
from satclip_engine.worker.session import EngineSession
from satclip_engine.worker.wire import Wire


def main(
    arguments: Sequence[str],
    kinds: Mapping[str, JobKind] = KINDS,
    make_session: Callable[[Config], InteractiveSession] = EngineSession,
) -> int:
    """Run a worker.

    Args:
        arguments: The mode: ``batch``, ``cleanup`` or ``interactive``.
        kinds: What runs each kind of job.
        make_session: Makes what answers interactive requests.

    Returns:
        The exit code.
    """
    wire = Wire.claim_stdio()
    log_to_stderr()
    config = Config.from_environment()
    if list(arguments) == ["batch"]:
        run_batch(wire, config, kinds)
    elif list(arguments) == ["cleanup"]:
        run_clean_up(wire, kinds)
    elif list(arguments) == ["interactive"]:
        serve_interactive(wire, make_session(config))
    else:
        return 2
    return 0
