"""``satclip models export`` and ``satclip models mix``: what becomes of a trained model."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.config import Config


@click.command("export")
@click.argument("model")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A new folder; or a .safetensors file: LoRA alone."
)
@json_option
@click.pass_obj
def export_command(output: Output, model: str, out: Path) -> None:
    """Write MODEL, or the LoRA that it was trained as, where another machine can import it from."""
    from satclip_engine.models.registry.export import export_model

    path = export_model(model, out.resolve(), Config.from_environment())
    text = f"{model} is in {path}\n  satclip models import {path.name}   takes it in there"
    output.result({"model": model, "path": str(path)}, text)


@click.command("mix")
@click.argument("start")
@click.argument("tuned")
@click.option(
    "--weight", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Share of TUNED in the result."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder for the model.")
@json_option
@click.pass_obj
def mix_command(output: Output, start: str, tuned: str, weight: float, out: Path) -> None:
    """Write the model between START and TUNED, which was trained from it: less is forgotten (WiSE-FT)."""
    from satclip_engine.models.registry.mixing import mix_models

    path = mix_models(start, tuned, weight, out.resolve(), Config.from_environment())
    output.result({"path": str(path), "weight": weight}, f"{weight:.0%} of {tuned}, the rest of {start}: {path}")
