"""What is done in an environment that is being built, kept beside it so that a later try continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_NAME = "satclip-install.json"


def finished_steps(venv: Path) -> tuple[str, ...]:
    """Return the ids of the steps already done in ``venv``."""
    finished = _read(venv).get("finished", ())
    return tuple(str(step) for step in finished)


def interrupted_step(venv: Path) -> str:
    """Return the id of the step that was running when the last installation ended, or an empty text."""
    return str(_read(venv).get("running", ""))


def is_complete(venv: Path) -> bool:
    """Return whether ``venv`` was once verified: then nothing is changed in it any more."""
    return "verify" in finished_steps(venv)


def is_doubtful(venv: Path) -> bool:
    """Return whether the engine in ``venv`` was found not to work: then another is built beside it."""
    return bool(_read(venv).get("doubtful", False))


def record(venv: Path, running: str = "", finished: str = "") -> None:
    """Write which step runs, or that one is finished."""
    done = finished_steps(venv)
    if finished and finished not in done:
        done = (*done, finished)
    _write(venv, {"finished": done, "running": running})


def mark_doubtful(venv: Path) -> None:
    """Write that the engine in ``venv`` does not work."""
    _write(venv, {**_read(venv), "doubtful": True})


def _read(venv: Path) -> dict[str, Any]:
    try:
        content = json.loads((venv / _NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(venv: Path, content: dict[str, Any]) -> None:
    """Write in one step: a crash must not leave half a file."""
    temporary = venv / (_NAME + ".tmp")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(venv / _NAME)
