"""A real worker process whose one kind of job counts into a file: resumable, slow, and as naughty as asked.

Run as ``python toy_worker.py batch|cleanup|interactive``, in the place of ``python -m satclip_engine.worker``.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.errors import DiskFullError
from satclip_engine.protocol import Artifact, ProgressUpdate, from_json
from satclip_engine.worker.interactive import WorkerEvent
from satclip_engine.worker.kinds import JobContext, JobKind
from satclip_engine.worker.main import main


@dataclass(frozen=True)
class CountRequest:
    """Count to ``steps`` into the file ``out``, one line each ``step_s`` seconds.

    ``manner``: ``good``; ``stubborn`` (ignores every wish and SIGTERM); ``mortal`` (dies by SIGKILL at the middle,
    always); ``held`` (rests at the middle until the file ``out``.go exists); ``full`` (disk full at the middle);
    ``buggy``; ``noisy`` (prints to standard output as libraries do).
    """

    out: str
    steps: int = 20
    step_s: float = 0.02
    manner: str = "good"
    device: str = "auto"


def count(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    request = from_json(CountRequest, data)
    out, part, pids = Path(request.out), Path(request.out + ".part"), Path(request.out + ".pids")
    with pids.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if request.manner == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    done = len(part.read_text().splitlines()) if part.exists() else 0
    for step in range(done, request.steps):
        if request.manner != "stubborn":
            context.check_cancelled()
        if request.manner == "held" and step == request.steps // 2:
            rest(Path(request.out + ".go"), context)
        misbehave(request, step)
        with part.open("a") as file:
            file.write(f"step {step}\n")
        context.progress(ProgressUpdate("count", (step + 1) / request.steps, device="toy"))
        time.sleep(request.step_s)
    part.rename(out)
    return (Artifact("thematic", str(out), out.stat().st_size, hashlib.sha256(out.read_bytes()).hexdigest()),)


def rest(gate: Path, context: JobContext) -> None:
    while not gate.exists():
        context.check_cancelled()
        time.sleep(0.01)


def clean_up(data: dict[str, Any]) -> None:
    Path(from_json(CountRequest, data).out + ".part").unlink(missing_ok=True)


def misbehave(request: CountRequest, step: int) -> None:
    if request.manner == "noisy":
        print(f"a library prints {step}")
        ctypes.CDLL(None).puts(b"and C code prints too")
    if step < request.steps // 2:
        return
    if request.manner == "mortal":
        sys.stderr.write("about to die\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    if request.manner == "full":
        raise DiskFullError("The map needs 3 GB and 1 GB is free.", remedy="Free 2 GB.", needed_bytes=3, free_bytes=1)
    if request.manner == "buggy":
        raise KeyError("surprise")


class ToySession:
    """Works ahead three steps after each ``preview``; one of the scene ``gate:PATH`` lasts until PATH exists."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ahead = 0

    def answer(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        if method == "status":
            return {"device": "toy device", "cache_bytes": 7}
        if method == "models":
            return {"models": [], "pid": os.getpid()}
        if method == "remove_model":
            return {"models": [], "removed": params["model"]}
        if method == "estimate":
            raise DiskFullError("Too large.", remedy="Make it smaller.", needed_bytes=9)
        if method != "preview":
            return None
        if params["scene"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if params["scene"].startswith("gate:"):
            gate = Path(params["scene"][5:])
            gate.with_suffix(".reached").touch()
            while not gate.exists():
                time.sleep(0.01)
        self._ahead = 3
        return {"scene": params["scene"], "pid": os.getpid()}

    def work_ahead(self, should_stop: Callable[[], bool]) -> WorkerEvent | None:
        if self._ahead == 0 or should_stop():
            return None
        self._ahead -= 1
        return WorkerEvent("features", {"scene": "toy", "left": self._ahead}, slot="features:toy")


# These count too; only the supervisor treats them otherwise.
KINDS = dict.fromkeys(("count", "download_model", "train"), JobKind(count, clean_up))

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], kinds=KINDS, make_session=ToySession))
