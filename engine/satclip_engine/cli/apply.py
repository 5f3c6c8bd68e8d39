"""``satclip apply``: a saved head to a map of another layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.request import SegmentOptions, build_request_for
from satclip_engine.cli.segment import feature_options, map_options, run_segment


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
    from satclip_engine.heads.saved import read_card

    card = read_card(head)
    taught = card.provenance.get("features", {})
    options["model"] = options["model"] or str(taught.get("model", card.encoder.get("id", "")))
    if options["gsd"] == "auto" and taught.get("gsd_m") is not None:
        options["gsd"] = str(taught["gsd_m"])
    request = build_request_for(card.classes, SegmentOptions(classes="", templates=(), **options))
    variant = str(taught.get("head_variant", request.features.head_variant))
    features = replace(request.features, head_variant=variant)
    run_segment(replace(request, features=features, head=str(head.resolve())), output)
