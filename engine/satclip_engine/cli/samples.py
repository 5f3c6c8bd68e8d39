"""``satclip samples``, and the options of every command that reads samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.cli.request import local_path, read_classes
from satclip_engine.protocol import ExportSamplesRequest, SampleFile

_OPTIONS = (
    click.option(
        "--samples", required=True, type=click.Path(path_type=Path), help="Vector file: GeoPackage, Shapefile, GeoJSON."
    ),
    click.option("--layer", default="", help="Its layer; not needed where there is one."),
    click.option("--attribute", default="", help="The field with the class; not needed where there is one text field."),
    click.option("--classes", default="", help="Classes with words, text or file; by itself the attribute's values."),
)


def sample_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a layer of samples."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def sample_file(options: Mapping[str, Any]) -> SampleFile:
    """Return what the options of ``sample_options`` name.

    Raises:
        ClassesError: if the classes cannot be read.
    """
    classes = read_classes(options["classes"]) if options["classes"] else None
    return SampleFile(str(options["samples"].resolve()), options["layer"], options["attribute"], classes)


@click.group("samples")
def samples_group() -> None:
    """Labelled samples."""


@samples_group.command("export")
@click.argument("scene")
@sample_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the chips.")
@click.option("--chip", "chip_px", default=256, show_default=True, help="Side of a chip in pixels of the scene.")
@click.option("--bands", default="auto", show_default=True, help="Preset, or band numbers such as 4,3,2.")
@click.option("--scaling", default="auto", show_default=True, help="percentile, percentile:LOW,HIGH, none.")
@json_option
@click.pass_obj
def export_command(output: Output, /, **options: Any) -> None:
    """Write the surroundings of samples on SCENE as image chips and masks, for training elsewhere."""
    from satclip_engine.questions.export_samples import export_samples

    request = ExportSamplesRequest(
        local_path(options["scene"]),
        sample_file(options),
        str(options["out"].resolve()),
        options["chip_px"],
        options["bands"],
        options["scaling"],
    )
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        labelled, written = export_samples(request, progress=progress, check_cancelled=check_cancelled)
    labelled_px = dict(zip(labelled.classes.names, written.labelled_px, strict=True))
    lines = [f"Wrote {written.chips} chips with masks to {written.folder}."]
    lines += [f"  {name}: {pixels:,} px labelled" for name, pixels in labelled_px.items()]
    output.result(
        {
            "folder": str(written.folder),
            "chips": written.chips,
            "labelled_px": labelled_px,
            "notes": list(labelled.notes),
        },
        "\n".join([*lines, *(f"  {note}" for note in labelled.notes)]),
    )
