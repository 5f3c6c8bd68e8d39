"""``satclip samples``, and the options of every command that reads samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.request import local_path, read_classes
from satclip_engine.errors import SamplesError
from satclip_engine.problems import as_satclip_error
from satclip_engine.protocol import ClassSet, ClassSpec, ClassSyntaxError, FeatureOptions, Sample

_OPTIONS = (
    click.option(
        "--samples", required=True, type=click.Path(path_type=Path), help="Vector file: GeoPackage, Shapefile, GeoJSON."
    ),
    click.option("--layer", default="", help="Its layer; not needed where there is one."),
    click.option("--attribute", default="", help="The field with the class; not needed where there is one text field."),
    click.option("--classes", default="", help="Classes with words, text or file; by itself the attribute's values."),
)


@dataclass(frozen=True)
class Labelled:
    """The samples of a layer with their classes.

    Attributes:
        classes: Those asked for, or those found.
        samples: In the scene's CRS.
        attribute: The field the classes were read from.
        notes: What was left out or changed, and why.
    """

    classes: ClassSet
    samples: tuple[Sample, ...]
    attribute: str
    notes: tuple[str, ...]


def sample_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a layer of samples."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_labelled(scene_path: str, features: FeatureOptions, options: Mapping[str, Any]) -> Labelled:
    """Return the samples that ``sample_options`` name on a scene.

    Raises:
        InputError: if scene, layer or classes cannot be used, or do not belong together.
    """
    from satclip_engine.raster.scene import open_scene
    from satclip_engine.samples.reading import read_samples

    asked = read_classes(options["classes"]) if options["classes"] else None
    with open_scene(scene_path, bands=features.bands, scaling=features.scaling) as scene:
        layer = read_samples(options["samples"], scene.grid, layer=options["layer"], attribute=options["attribute"])
    classes = asked or _classes_of(layer.class_names)
    samples, left_out = layer.labelled_by(classes.names)
    if not samples:
        raise SamplesError(
            f"No sample of {options['samples'].name} is of a class asked for ({', '.join(classes.names[:10])}); the "
            f"field {layer.attribute!r} holds {', '.join(layer.class_names[:10])}.",
            remedy="Write the classes as the field does, or leave --classes out.",
            code="samples.classes",
        )
    return Labelled(classes, samples, layer.attribute, (*layer.notes, *left_out))


def _classes_of(names: tuple[str, ...]) -> ClassSet:
    try:
        return ClassSet(tuple(ClassSpec(name) for name in names))
    except ClassSyntaxError as error:
        raise as_satclip_error(error) from error


@click.group("samples")
def samples_group() -> None:
    """Labelled samples."""


@samples_group.command("export")
@click.argument("scene")
@sample_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the chips.")
@click.option("--chip", "chip_px", default=256, show_default=True, help="Side of a chip in pixels of the scene.")
@click.option("--bands", default="auto", show_default=True, help="Preset, or three band numbers such as 4,3,2.")
@click.option("--scaling", default="auto", show_default=True, help="percentile, percentile:LOW,HIGH, none.")
@json_option
@click.pass_obj
def export_command(output: Output, /, **options: Any) -> None:
    """Write the surroundings of samples on SCENE as image chips and masks, for training elsewhere."""
    from satclip_engine.raster.scene import open_scene
    from satclip_engine.samples.chips import export_chips

    path = local_path(options["scene"])
    features = FeatureOptions(bands=options["bands"], scaling=options["scaling"])
    labelled = read_labelled(path, features, options)
    with open_scene(path, bands=features.bands, scaling=features.scaling) as scene:
        written = export_chips(
            options["out"].resolve(), scene, labelled.samples, labelled.classes, chip_px=options["chip_px"]
        )
    shares = zip(labelled.classes.names, written.labelled_px, strict=True)
    lines = [f"Wrote {written.chips} chips with masks to {written.folder}."]
    lines += [f"  {name}: {pixels:,} px labelled" for name, pixels in shares]
    output.result(
        {
            "folder": str(written.folder),
            "chips": written.chips,
            "labelled_px": dict(zip(labelled.classes.names, written.labelled_px, strict=True)),
            "notes": list(labelled.notes),
        },
        "\n".join([*lines, *(f"  {note}" for note in labelled.notes)]),
    )
