"""``satclip models export`` and ``satclip models mix``: what becomes of a trained model."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.cli.train import score_lines
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
    """Write the model between START and TUNED, which was trained from it: less is forgotten (WiSE-FT).

    Where TUNED was trained on this machine and its training set is unchanged, the mix is measured as TUNED was.
    """
    from satclip_engine.models.registry.card_facts import read_facts
    from satclip_engine.protocol import MixModelsRequest
    from satclip_engine.training.mixed_model import save_mix

    request = MixModelsRequest(start, tuned, weight, str(out.resolve()))
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        path = save_mix(request, config=Config.from_environment(), progress=progress, check_cancelled=check_cancelled)
    facts = read_facts(path)
    found = facts["training"].get("before_after")
    lines = [f"{weight:.0%} of {tuned}, the rest of {start}: {path}"]
    lines += score_lines(found) if found else [f"  {facts['notes']}"]
    output.result({"path": str(path), "weight": weight, "before_after": found}, "\n".join(lines))
