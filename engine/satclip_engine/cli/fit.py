"""``satclip fit``: samples of a layer to a head that other layers can be mapped with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_engine.cli.output import Output, duration_text, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.cli.request import feature_options as features_of
from satclip_engine.cli.request import local_path
from satclip_engine.cli.samples import sample_file, sample_options
from satclip_engine.cli.segment import feature_options
from satclip_engine.config import Config
from satclip_engine.protocol import FitHeadRequest, to_json

if TYPE_CHECKING:
    from satclip_engine.questions.fit import LayerFit


@click.command("fit")
@click.argument("scene")
@sample_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the head; made if missing.")
@click.option("--title", default="", help="For people; the folder's name by itself.")
@click.option("--model", default="mini", show_default=True, help="Model id, or path of an open_clip folder or file.")
@feature_options
@json_option
@click.pass_obj
def fit_command(output: Output, /, **options: Any) -> None:
    """Learn classes from labelled points, lines and polygons on SCENE, and keep what was learnt in a folder.

    The folder is what satclip apply and the plugin take to map this and other layers.
    """
    from satclip_engine.questions.fit import fit_layer

    started_s = time.monotonic()
    request = FitHeadRequest(
        local_path(options["scene"]),
        sample_file(options),
        str(options["out"].resolve()),
        features_of(*(options[name] for name in ("model", "gsd", "bands", "scaling", "device", "precision"))),
        options["title"],
    )
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        found = fit_layer(request, config=Config.from_environment(), progress=progress, check_cancelled=check_cancelled)
    seconds = time.monotonic() - started_s
    output.result(
        {
            **to_json(found.saved),
            "seconds": round(seconds, 3),
            "attribute": found.attribute,
            "fit": to_json(found.result),
            "learning_curve": [{"samples": at.samples, "mean_f1": at.mean_f1} for at in found.measured.curve],
            "notes": list(found.result.notes),
        },
        _summary(found, seconds),
    )


def _summary(found: LayerFit, seconds: float) -> str:
    result, curve = found.result, found.measured.curve
    count = sum(one.samples for one in result.classes)
    lines = [f"Learnt {len(result.classes)} classes from {count} samples in {duration_text(seconds)}: {result.method}."]
    width = max(len(one.name) for one in result.classes)
    lines.append(f"  {'':<{width}}  samples  places  F1 on places not learnt from")
    for one in result.classes:
        f1 = "not measured" if one.f1 is None else f"{one.f1:.2f}"
        lines.append(f"  {one.name:<{width}}  {one.samples:>7}  {one.places:>6}  {f1}")
    if len(curve) > 1:
        points = ", ".join(f"{at.samples}: {at.mean_f1:.2f}" for at in curve)
        lines.append(f"  Mean F1 by samples per class: {points}")
    lines += [f"  {note}" for note in result.notes]
    lines += [f"  Warning: {warning}" for warning in result.warnings]
    return "\n".join([*lines, f"  head  {found.saved.folder}"])
