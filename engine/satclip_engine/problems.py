"""Any exception as a problem for a person, and typed errors across the pipe between worker and supervisor."""

from __future__ import annotations

import errno
from typing import Any

from satclip_engine import errors
from satclip_engine.protocol import ClassSyntaxError, HeadCardError, Problem, ProtocolError


def as_satclip_error(error: BaseException) -> errors.SatclipError:
    """Return ``error`` as a typed error with a remedy; what nobody foresaw becomes code ``engine.bug``."""
    if isinstance(error, errors.SatclipError):
        return error
    if isinstance(error, ClassSyntaxError):
        return errors.ClassesError(error.detail, remedy=error.remedy, code="classes.syntax")
    if isinstance(error, HeadCardError):
        return errors.HeadError(error.detail, remedy=error.remedy, code=error.code, path=str(error.folder))
    if isinstance(error, ProtocolError):
        if isinstance(error.__cause__, ClassSyntaxError):
            return as_satclip_error(error.__cause__)
        return errors.OptionError(
            f"The request does not have the agreed form: {error}.",
            remedy="Update plugin and engine so that both are of the same version.",
            code="option.request",
        )
    if isinstance(error, MemoryError):
        return errors.MemoryLimitError(
            "There was not enough memory.",
            remedy="Close other programs, choose a smaller model, or a smaller area.",
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return errors.DiskFullError(
            "The disk became full.", remedy="Free space on it, or choose another output folder.", path=error.filename
        )
    return errors.EngineError(
        f"Something unexpected happened: {type(error).__name__}: {_first_line(error)}.",
        remedy="Look into the engine's log, and report it with Help > Copy diagnostics.",
        code="engine.bug",
    )


def to_problem(error: BaseException) -> Problem:
    """Return ``error`` as the protocol's ``Problem``."""
    typed = as_satclip_error(error)
    return Problem(typed.code, typed.detail, typed.remedy, typed.params)


def to_wire(error: BaseException) -> dict[str, Any]:
    """Return ``error`` as JSON that keeps its type."""
    typed = as_satclip_error(error)
    return {"error": type(typed).__name__, **typed.to_problem()}


def from_wire(data: dict[str, Any]) -> errors.SatclipError:
    """Return the typed error that ``to_wire`` described; an unknown type becomes ``EngineError``."""
    kind = getattr(errors, str(data.get("error")), errors.EngineError)
    error: errors.SatclipError = kind(data["detail"], remedy=data["remedy"], code=data["code"])
    error.params = dict(data["params"])
    return error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no further message"
