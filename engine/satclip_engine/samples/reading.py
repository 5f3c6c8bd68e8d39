"""Samples from a vector layer: read in batches, reprojected, refused where they cannot belong to the raster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from satclip_engine.errors import SamplesError
from satclip_engine.protocol import Sample
from satclip_engine.raster.grid import Grid
from satclip_engine.samples.notes import counted, repaired_note
from satclip_engine.samples.placing import Placement
from satclip_engine.samples.shapes import Shapes, are_finite, repaired
from satclip_engine.samples.vector_file import open_layer

# A mask of bytes holds as many; a field with more values is an identifier, or a measurement.
MAX_CLASSES_IN_LAYER = 255


@dataclass(frozen=True)
class SampleLayer:
    """The labelled objects of a vector layer that lie on a raster.

    Attributes:
        class_names: The classes found, in alphabetical order.
        samples: The objects in the scene's CRS; ``label`` counts ``class_names``.
        attribute: The field the classes were read from.
        notes: What was left out or changed, and why.
    """

    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    attribute: str
    notes: tuple[str, ...]

    def labelled_by(self, names: Sequence[str]) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
        """Return the samples whose class is among ``names``, labelled by its place there, and what was left out.

        Capitals and repeated spaces do not matter.
        """
        place_of = {_folded(name): place for place, name in enumerate(names)}
        label_of = [place_of.get(_folded(name)) for name in self.class_names]
        kept = tuple(
            Sample(sample.id, label, sample.geometry)
            for sample in self.samples
            if (label := label_of[sample.label]) is not None
        )
        strangers = [name for name, label in zip(self.class_names, label_of, strict=True) if label is None]
        if not strangers:
            return kept, ()
        left_out = counted(len(self.samples) - len(kept), "sample")
        return kept, (f"{left_out} left out, of classes that were not asked for: {', '.join(strangers)}.",)


def read_samples(path: Path, grid: Grid, *, layer: str = "", attribute: str = "") -> SampleLayer:
    """Return the labelled points, lines and polygons of a vector layer that lie on a raster.

    Args:
        path: GeoPackage, Shapefile, GeoJSON or whatever else GDAL reads.
        grid: The raster's own grid; without a CRS its coordinates are those in which QGIS shows it.
        layer: Name of the layer; empty takes the only one.
        attribute: Field that names the classes; empty takes the only text field.

    Raises:
        SamplesError: ``samples.missing``, ``samples.unreadable``, ``samples.layer``, ``samples.attribute``,
            ``samples.crs``, ``samples.no_overlap``, ``samples.empty`` or ``samples.classes``.
    """
    opened = open_layer(path, layer, attribute)
    placement = Placement.of(opened, grid)
    gathered = _Gathered()
    for shapes, values, fids in opened.read():
        gathered.add(shapes, values, fids, placement)
    if not gathered.shapes:
        gathered.refuse(path.name, opened.attribute, placement)
    names, labels = _classes(path.name, opened.attribute, gathered.names)
    shapes = np.concatenate(gathered.shapes)
    samples = tuple(
        Sample(fid, label, geometry)
        for fid, label, geometry in zip(gathered.ids, labels, _geojson(shapes), strict=True)
    )
    return SampleLayer(names, samples, opened.attribute, gathered.notes(opened.attribute))


class _Gathered:
    """What the batches gave, and how many features were left out why."""

    def __init__(self) -> None:
        self.shapes: list[Shapes] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.count = self.without_class = self.without_geometry = self.outside = self.repaired = 0

    def add(self, shapes: Shapes, values: npt.NDArray[Any], fids: npt.NDArray[np.int64], placement: Placement) -> None:
        self.count += len(shapes)
        has_shape = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)) & are_finite(shapes)
        names = [_name(value) for value in values]
        has_name = np.array([bool(name) for name in names], dtype=bool)
        self.without_geometry += int((~has_shape).sum())
        self.without_class += int((has_shape & ~has_name).sum())
        usable = np.flatnonzero(has_shape & has_name)
        valid, repaired_count = repaired(shapes[usable])
        self.repaired += repaired_count
        placed, inside = placement.place(valid)
        self.outside += int((~inside).sum())
        if inside.any():
            self.shapes.append(placed)
            self.names += [names[place] for place in usable[inside]]
            self.ids += [str(fid) for fid in fids[usable[inside]]]

    def refuse(self, file: str, attribute: str, placement: Placement) -> None:
        """Raise what explains that nothing is left."""
        if self.outside:
            raise placement.no_overlap()
        if not self.count:
            what, remedy = "holds no feature", "Draw samples first, or choose another layer."
        elif self.without_class:
            what = f"has no class in the field {attribute!r} for any of its {counted(self.count, 'feature')}"
            remedy = "Choose the field that holds the classes, or fill it in."
        else:
            what = f"has no usable geometry in any of its {counted(self.count, 'feature')}"
            remedy = "Choose a layer of points, lines or polygons."
        raise SamplesError(f"{file} {what}.", remedy=remedy, code="samples.empty")

    def notes(self, attribute: str) -> tuple[str, ...]:
        """Return a sentence for each kind of features that were left out or changed."""
        total = counted(self.count, "feature")
        sentences = [
            (self.outside, f"{self.outside:,} of {total} outside the raster: left out."),
            (self.without_class, f"{self.without_class:,} of {total} without a value in {attribute!r}: left out."),
            (self.without_geometry, f"{self.without_geometry:,} of {total} without a usable geometry: left out."),
            (self.repaired, repaired_note(self.repaired)),
        ]
        spellings = Counter(_folded(name) for name in dict.fromkeys(self.names))
        merged = sum(number > 1 for number in spellings.values())
        sentences.append((merged, f"{counted(merged, 'class', 'classes')} written with and without capitals: merged."))
        return tuple(sentence for number, sentence in sentences if number)


def _name(value: Any) -> str:
    """Return the class of a value of any type; empty where it is null."""
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return ""
    if isinstance(value, np.datetime64) and np.isnat(value):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))  # integers with nulls are read as floats
    return " ".join(str(value).split())


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _classes(file: str, attribute: str, names: list[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the class names in alphabetical order, the first spelling of each, and every object's label."""
    spelling: dict[str, str] = {}
    for name in dict.fromkeys(names):
        spelling.setdefault(name.casefold(), name)
    if len(spelling) > MAX_CLASSES_IN_LAYER:
        raise SamplesError(
            f"The field {attribute!r} of {file} has {len(spelling):,} different values; each would be a class of its "
            "own.",
            remedy=f"Choose the field that holds the classes (at most {MAX_CLASSES_IN_LAYER}).",
            code="samples.classes",
        )
    ordered = sorted(spelling)
    label_of = {key: label for label, key in enumerate(ordered)}
    return tuple(spelling[key] for key in ordered), [label_of[name.casefold()] for name in names]


def _geojson(shapes: Shapes) -> list[dict[str, Any]]:
    if (shapely.get_type_id(shapes) == shapely.GeometryType.POINT).all():
        return [{"type": "Point", "coordinates": xy} for xy in shapely.get_coordinates(shapes).tolist()]
    return [_as_lists(shapely.geometry.mapping(shape)) for shape in shapes]


def _as_lists(value: Any) -> Any:
    """Return GeoJSON as it would come from a message: lists, no tuples."""
    if isinstance(value, dict):
        return {key: _as_lists(part) for key, part in value.items()}
    return [_as_lists(part) for part in value] if isinstance(value, list | tuple) else value
