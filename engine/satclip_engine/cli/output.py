"""What the command line says: results on standard output, one line for an error on standard error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click

from satclip_engine import errors
from satclip_engine.problems import as_satclip_error

EXIT_OK = 0
EXIT_INPUT = 2
EXIT_RESOURCE = 3
EXIT_ENGINE = 4
EXIT_CANCELLED = 130

_EXIT_CODES: tuple[tuple[type[errors.SatclipError], int], ...] = (
    (errors.InputError, EXIT_INPUT),
    (errors.ModelError, EXIT_RESOURCE),
    (errors.ResourceError, EXIT_RESOURCE),
    (errors.CancelledError, EXIT_CANCELLED),
)


@dataclass
class Output:
    """How one run of ``satclip`` speaks.

    Attributes:
        as_json: One JSON object on standard output, for scripts, instead of text.
    """

    as_json: bool = False

    def result(self, data: dict[str, Any], text: str) -> None:
        """Say the result."""
        click.echo(json.dumps(data, ensure_ascii=False) if self.as_json else text)

    def error(self, error: BaseException) -> int:
        """Say an error in one line and return the exit code."""
        typed = as_satclip_error(error)
        if self.as_json:
            click.echo(json.dumps({"problem": typed.to_problem()}, ensure_ascii=False))
        click.echo(f"satclip: {' '.join(str(typed).split())}", err=True)
        return next((code for kind, code in _EXIT_CODES if isinstance(typed, kind)), EXIT_ENGINE)


def _set_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Output).as_json = True


# Eager: the wish must be known before another option can be wrong.
json_option = click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_set_json,
    help="Print one JSON object on standard output.",
)


def size_text(size_bytes: float) -> str:
    """Return a size for people: ``3.1 MB``."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def duration_text(duration_s: float) -> str:
    """Return a duration for people: ``1 min 40 s``."""
    seconds = max(0, round(duration_s))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
