"""``satclip doctor``: whether this engine can work here; the installer asks it before it switches to a new one."""

from __future__ import annotations

import click

import satclip_engine
from satclip_engine.cli.output import EXIT_RESOURCE, Output, json_option
from satclip_engine.config import Config
from satclip_engine.protocol import to_json


@click.command("doctor")
@json_option
@click.pass_obj
def doctor_command(output: Output) -> int:
    """Check versions, devices, memory, disk, folders and the built-in model."""
    from satclip_engine.cli.checks import run_checks

    results = run_checks(Config.from_environment())
    healthy = all(result.ok for result in results)
    lines = [f"{'ok ' if result.ok else 'BAD'} {result.name:<12} {result.detail}" for result in results]
    lines += [f"    {result.name}: {result.remedy}" for result in results if not result.ok]
    output.result({"ok": healthy, "version": satclip_engine.__version__, "checks": to_json(results)}, "\n".join(lines))
    return 0 if healthy else EXIT_RESOURCE
