"""The command ``satclip``: its group, its exit codes and its last line of defence."""

from __future__ import annotations

import sys

import click

import satclip_engine
from satclip_engine.cli.serve import serve_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(satclip_engine.__version__, prog_name="satclip")
def satclip() -> None:
    """Open-vocabulary maps from satellite imagery, on your own machine."""


satclip.add_command(serve_command)


def main() -> None:
    """Run ``satclip``."""
    sys.exit(satclip.main(standalone_mode=True))
