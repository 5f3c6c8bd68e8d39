"""``satclip apply``: a saved head to a map of another layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.request import SegmentOptions, build_request_for
from satclip_engine.cli.segment import feature_options, map_options, run_segment
from satclip_engine.protocol import read_head_card


@click.command("apply")
@click.argument("scene")
@click.option("--head", required=True, type=click.Path(path_type=Path), help="Folder of a head from satclip fit.")
@click.option("--out", required=True, type=click.Path(), help="Folder for the map; made if missing.")
@click.option("--model", default="", help="Where the head's own model lies here, if elsewhere than when it was taught.")
@feature_options
@map_options
@json_option
@click.pass_obj
def apply_command(output: Output, /, head: Path, **options: Any) -> None:
    """Map SCENE with a saved HEAD: its model, its classes, its working resolution where that was set."""
    card = read_head_card(head)
    request = build_request_for(card.classes, SegmentOptions(classes="", templates=(), **options))
    run_segment(replace(request, features=card.features_for(request.features), head=str(head.resolve())), output)
