"""The samples of a vector file with the classes they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import SamplesError
from satclip_engine.problems import as_satclip_error
from satclip_engine.protocol import ClassSet, ClassSpec, ClassSyntaxError, Sample, SampleFile
from satclip_engine.raster.grid import Grid
from satclip_engine.samples.reading import read_samples


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


def read_labelled(file: SampleFile, grid: Grid) -> Labelled:
    """Return the samples of ``file`` that lie on a raster.

    Args:
        file: Layer, field and classes.
        grid: The raster's own grid.

    Raises:
        SamplesError: if layer and raster, or layer and classes, do not belong together; see ``read_samples``.
    """
    path = Path(file.path)
    layer = read_samples(path, grid, layer=file.layer, attribute=file.attribute)
    classes = file.classes or _classes_of(layer.class_names)
    samples, left_out = layer.labelled_by(classes.names)
    if not samples:
        raise SamplesError(
            f"No sample of {path.name} is of a class asked for ({', '.join(classes.names[:10])}); the field "
            f"{layer.attribute!r} holds {', '.join(layer.class_names[:10])}.",
            remedy="Write the classes as the field does, or name none to take the field's own.",
            code="samples.classes",
        )
    return Labelled(classes, samples, layer.attribute, (*layer.notes, *left_out))


def _classes_of(names: tuple[str, ...]) -> ClassSet:
    try:
        return ClassSet(tuple(ClassSpec(name) for name in names))
    except ClassSyntaxError as error:
        raise as_satclip_error(error) from error
