"""``satclip captions``: training sets made, imported, checked and split."""

from __future__ import annotations

import click

from satclip_engine.cli.pair_import import import_command


@click.group("captions")
def captions_group() -> None:
    """Training sets of image-caption pairs."""


captions_group.add_command(import_command)
