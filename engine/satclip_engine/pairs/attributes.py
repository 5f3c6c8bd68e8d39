"""What covers chips according to a vector layer: the values of one of its fields, with their shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import shapely

from satclip_engine.errors import PairsError
from satclip_engine.pairs.cut import Advance
from satclip_engine.pairs.wording import is_number, says_only_yes, tidied
from satclip_engine.protocol import AREA, COUNT, LENGTH, ClassSet, Cover, CoverShare, SampleFile
from satclip_engine.raster.grid import Grid
from satclip_engine.samples.reading import SampleLayer, read_samples
from satclip_engine.samples.shapes import Shapes, moved, parse_shapes, repaired

Spelling = Callable[[str, str], str]

_LINES, _POLYGONS = 1, 2
_MEASURES = (COUNT, LENGTH, AREA)


def attribute_covers(
    file: SampleFile,
    grid: Grid,
    corners: Sequence[tuple[int, int]],
    chip_px: int,
    spelled: Spelling,
    advance: Advance,
) -> tuple[tuple[Cover, ...], tuple[str, ...]]:
    """Return what covers each chip according to a field of a vector layer, and what was left out.

    Of polygons the share of the chip's area counts, where they overlap once per class; of lines the share of all
    length on the chip, of points of their number. Where a layer mixes them, only those of the highest dimension count.

    Args:
        file: The layer; the first phrase of a class is how it is called.
        grid: That the chips are windows of.
        corners: (column, row) of each chip's upper left pixel.
        chip_px: Their side in pixels.
        spelled: From the field's name and a value to what is called.
        advance: Told the share that is done; raises when the user asked to stop.

    Raises:
        SamplesError: as ``read_samples``.
        PairsError: ``pairs.codes`` if the values are numbers and no words are given for them.
    """
    layer = read_samples(Path(file.path), grid, layer=file.layer, attribute=file.attribute)
    samples, left_out = layer.labelled_by(file.classes.names) if file.classes else (layer.samples, ())
    names = _words(file.classes, layer, spelled)
    shapes, _ = repaired(parse_shapes(samples))
    shapes = moved(shapes, ~grid.map_transform)
    dimensions = shapely.get_dimensions(shapes)
    dimension = int(dimensions.max(initial=0))
    chosen = np.flatnonzero(dimensions == dimension)
    shapes, labels = shapes[chosen], np.array([sample.label for sample in samples], dtype=np.int64)[chosen]
    tree = shapely.STRtree(shapes)
    covers = []
    for done, (col, row) in enumerate(corners):
        advance(done / len(corners))
        chip = shapely.box(col, row, col + chip_px, row + chip_px)
        near = np.sort(tree.query(chip, predicate="intersects"))
        parts = shapely.intersection(shapes[near], chip)
        sizes: dict[str, float] = defaultdict(float)
        for label in np.unique(labels[near]).tolist():
            sizes[names[label]] += _size(parts[labels[near] == label], dimension)
        total = chip_px**2 if dimension == _POLYGONS else sum(sizes.values())
        covers.append(Cover(layer.attribute, _MEASURES[dimension], largest_first(sizes, total)))
    return tuple(covers), (*layer.notes, *left_out)


def spelled_tidily(attribute: str, value: str) -> str:
    """Return the name of a class: ``Dense_Forest`` is "dense forest", and ``building=yes`` "building"."""
    return tidied(attribute if says_only_yes(value) else value)


def spelled_as_is(_attribute: str, value: str) -> str:
    """Return a value as it is written: the name of a region."""
    return value


def largest_first(sizes: Mapping[str, float], total: float) -> tuple[CoverShare, ...]:
    """Return the classes with their shares of ``total``, the largest first; those without any are left out."""
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return tuple(CoverShare(name, min(1.0, round(size / total, 4))) for name, size in ordered if size / total > 5e-5)


def _size(shapes: Shapes, dimension: int) -> float:
    if dimension == _POLYGONS:
        return float(shapely.area(shapely.union_all(shapes)))
    if dimension == _LINES:
        return float(shapely.length(shapes).sum())
    return float(shapely.get_num_geometries(shapes).sum())


def _words(classes: ClassSet | None, layer: SampleLayer, spelled: Spelling) -> tuple[str, ...]:
    if classes is not None:
        return tuple(spec.prompts[0] for spec in classes.classes)
    numbers = [name for name in layer.class_names if is_number(name) and not says_only_yes(name)]
    if numbers:
        raise PairsError(
            f"The field {layer.attribute!r} holds numbers ({', '.join(numbers[:5])}), which say nothing in a caption.",
            remedy="Say what they mean (411: wheat; 412: barley), or choose a field with words.",
            code="pairs.codes",
        )
    return tuple(spelled(layer.attribute, name) for name in layer.class_names)
