"""``satclip models``: which models there are."""

from __future__ import annotations

import click

from satclip_engine.cli.output import Output, json_option, size_text
from satclip_engine.config import Config
from satclip_engine.protocol import ModelInfo, to_json


@click.command("models")
@json_option
@click.pass_obj
def models_command(output: Output) -> None:
    """List the models on this machine."""
    from satclip_engine.models.catalogue import list_models

    models = list_models(Config.from_environment())
    output.result({"models": to_json(models)}, "\n".join(_line(model) for model in models))


def _line(model: ModelInfo) -> str:
    facts = [model.title, model.licence]
    if model.gsd_min_m is not None and model.gsd_max_m is not None:
        facts.append(f"{model.gsd_min_m:g}-{model.gsd_max_m:g} m/px")
    if model.size_bytes is not None:
        facts.append(size_text(model.size_bytes))
    if not model.installed:
        facts.append("not installed")
    if not model.dense:
        facts.append("makes no maps")
    return f"{model.id:<24} {'; '.join(facts)}"
