"""``satclip segment`` and ``satclip replay``: words to a map, in this process."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from satclip_engine.cli.output import Output, duration_text, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.cli.request import SegmentOptions, build_request
from satclip_engine.config import Config
from satclip_engine.protocol import Artifact, SegmentRequest, to_json

# What a person looks for, in this order; styles and other companions are found beside them.
_SHOWN_ROLES = ("thematic", "probabilities", "confidence", "polygons", "preview", "run_card")

Command = Callable[..., None]

_UNIT = click.FloatRange(0.0, 1.0)


_FEATURE_OPTIONS = (
    click.option("--gsd", default="auto", show_default=True, help="Working resolution in metres per pixel."),
    click.option("--bands", default="auto", show_default=True, help="Preset, or band numbers such as 4,3,2."),
    click.option(
        "--scaling", default="auto", show_default=True, help="percentile, percentile:LOW,HIGH, reflectance, none."
    ),
    click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N or mps."),
    click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "fp32", "bf16", "fp16"])),
)
_MAP_OPTIONS = (
    click.option("--aoi", help="left,bottom,right,top in the scene's CRS, GeoJSON, or a vector file."),
    click.option("--threshold", type=_UNIT, help="Least probability at which a class is taken."),
    click.option("--background", metavar="NAME", help="The class that takes what is below the threshold."),
    click.option("--unknown", type=_UNIT, help='Least top probability; below it a pixel is "unknown".'),
    click.option(
        "--probabilities", default="uint8", show_default=True, type=click.Choice(["uint8", "float32", "none"])
    ),
    click.option("--confidence/--no-confidence", default=True, show_default=True, help="Write confidence.tif."),
    click.option(
        "--polygons",
        type=click.FloatRange(min=0.0),
        is_flag=False,
        flag_value=0.0,
        metavar="[MIN_AREA_M2]",
        help="Write polygons too, of at least this area.",
    ),
)


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def feature_options(command: Command) -> Command:
    """Add the options that decide the feature map, but for the model."""
    return _with(_FEATURE_OPTIONS, command)


def map_options(command: Command) -> Command:
    """Add the options that decide what is mapped and written."""
    return _with(_MAP_OPTIONS, command)


@click.command("segment")
@click.argument("scene")
@click.option("--classes", required=True, help='Text "water; forest: woods, trees; building", or a file of such lines.')
@click.option("--out", required=True, type=click.Path(), help="Folder for the map; made if missing.")
@click.option("--model", default="mini", show_default=True, help="Model id, or path of an open_clip folder or file.")
@feature_options
@map_options
@click.option("--templates", multiple=True, metavar="TEXT", help="Prompt template with one {}; may be repeated.")
@json_option
@click.pass_obj
def segment_command(output: Output, /, **options: Any) -> None:
    """Map the classes you name over SCENE, a path or URL of any raster that GDAL reads."""
    run_segment(build_request(SegmentOptions(**options)), output)


@click.command("replay")
@click.argument("run_card", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Another folder than the first time.")
@json_option
@click.pass_obj
def replay_command(output: Output, run_card: Path, out: Path | None) -> None:
    """Make a map again from its RUN_CARD (run.json)."""
    from satclip_engine.products.run_card import load_run_card

    request = load_run_card(run_card)
    run_segment(request if out is None else replace(request, out_dir=str(out.resolve())), output)


def job_id_of(request: SegmentRequest) -> str:
    """Return an id that the same request always has: a run that was killed finds its own traces again."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(to_json(request), sort_keys=True)))


def run_segment(request: SegmentRequest, output: Output) -> None:
    """Map in this process, with a progress bar, and say what came out."""
    from satclip_engine.questions.segment import segment

    started_s = time.monotonic()
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        artifacts = segment(
            request,
            config=Config.from_environment(),
            progress=progress,
            check_cancelled=check_cancelled,
            job_id=job_id_of(request),
        )
    seconds = time.monotonic() - started_s
    output.result(
        {"out_dir": request.out_dir, "seconds": round(seconds, 3), "artifacts": to_json(artifacts)},
        _summary(request, artifacts, seconds),
    )


def _summary(request: SegmentRequest, artifacts: tuple[Artifact, ...], seconds: float) -> str:
    shown = sorted((a for a in artifacts if a.role in _SHOWN_ROLES), key=lambda a: _SHOWN_ROLES.index(a.role))
    lines = [f"Mapped {len(request.classes)} classes in {duration_text(seconds)}."]
    return "\n".join(lines + [f"  {artifact.role:<13}  {artifact.path}" for artifact in shown])
