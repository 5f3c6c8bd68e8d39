"""Reads what ``satclip doctor --json`` says about a freshly installed engine."""

from __future__ import annotations

import json
from typing import Any

BAD = "BAD "
# What a new environment would not change; any other finding means that this one is not sound.
_MACHINE_CHECKS = frozenset({"python", "memory", "folders", "disk"})


def readable_lines(line: str) -> list[str]:
    """Return the report in ``line`` as one line per check, or ``line`` itself where it is no report."""
    try:
        return [_readable(check) for check in json.loads(line)["checks"]]
    except (ValueError, TypeError, KeyError):
        return [line]


def failed_checks(lines: tuple[str, ...]) -> list[str]:
    """Return what the failed checks say, from lines that ``readable_lines`` made."""
    return [line[len(BAD) :] for line in lines if line.startswith(BAD)]


def is_environment_doubtful(lines: tuple[str, ...]) -> bool:
    """Return whether building anew could help: a finding about the packages, or no report at all."""
    names = {finding.partition(":")[0] for finding in failed_checks(lines)}
    return not names or not names <= _MACHINE_CHECKS


def _readable(check: dict[str, Any]) -> str:
    if check["ok"]:
        return f"ok  {check['name']}: {check['detail']}"
    return f"{BAD}{check['name']}: {check['detail']} {check['remedy']}"
