"""Which points of a map to label: how many, how many in each class, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from satclip_engine.errors import OptionError
from satclip_engine.evaluation.assessment.design import (
    allocate,
    expected_overall_error,
    expected_user_errors,
    sample_size,
)
from satclip_engine.harness.assessment.class_map import ClassMap
from satclip_engine.harness.assessment.draw import draw_pixels
from satclip_engine.harness.assessment.points import DrawnPoints, refuse_existing, write_points
from satclip_engine.harness.assessment.strata import (
    Check,
    Counts,
    Floats,
    Progress,
    Strata,
    map_notes,
    measure_strata,
)
from satclip_engine.protocol import ProgressUpdate
from satclip_engine.raster.geodesy import apply_affine

# Share of the work that measuring the classes takes; reading the pieces with drawn pixels again is the rest.
_MEASURE_SHARE = 0.6


@dataclass(frozen=True)
class DesignOptions:
    """How a sample is designed.

    Attributes:
        standard_error: Wanted of the overall accuracy; decides the size unless ``total`` does.
        expected_accuracy: User's accuracy expected of every class, in [0, 1].
        expected_by_class: The same for single classes, by name or code.
        min_per_class: Points that every class gets, however rare.
        total: Points in all, or None.
        seed: Of the draw.
    """

    standard_error: float = 0.01
    expected_accuracy: float = 0.85
    expected_by_class: Mapping[str, float] = field(default_factory=dict)
    min_per_class: int = 50
    total: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Design:
    """A drawn sample.

    Attributes:
        class_names: (K,) in the order of codes.
        areas: (K,) mapped area in m², or in pixels where the map has no CRS.
        in_metres: Whether areas are m².
        points: (K,) drawn of each class.
        user_errors: (K,) standard errors of user's accuracies to expect.
        overall_error: Standard error of the overall accuracy to expect.
        notes: Sentences.
    """

    class_names: tuple[str, ...]
    areas: Floats
    in_metres: bool
    points: Counts
    user_errors: Floats
    overall_error: float
    notes: tuple[str, ...]


def design_sample(
    map_path: str, out: Path, options: DesignOptions, progress: Progress, check_cancelled: Check
) -> Design:
    """Draw a stratified random sample from a map and write it as a GeoPackage to label.

    Raises:
        SceneError: if the map cannot be read or is no map of classes.
        OptionError: if an option does not fit the map.
        OutputError: if ``out`` exists or cannot be written.
        CancelledError: if the user asked to stop; nothing is left then.
    """
    refuse_existing(out)
    with ClassMap(map_path) as class_map:
        strata = measure_strata(class_map, _part(progress, 0.0, _MEASURE_SHARE), check_cancelled)
        names = tuple(class_map.legend.name(int(code)) for code in strata.codes)
        accuracies = _expected_accuracies(options, strata, names)
        points, notes = _allocated(options, strata, accuracies)
        drawn = draw_pixels(
            class_map, strata, points, options.seed, _part(progress, _MEASURE_SHARE, 1.0), check_cancelled
        )
        write_points(out, _drawn_points(class_map, strata, names, drawn, options.seed), class_map.grid.crs_wkt)
        return Design(
            names,
            strata.areas_m2,
            class_map.grid.has_crs,
            points,
            expected_user_errors(points, accuracies),
            expected_overall_error(points, strata.weights, accuracies),
            (*notes, *map_notes(class_map, strata)),
        )


def _expected_accuracies(options: DesignOptions, strata: Strata, names: tuple[str, ...]) -> Floats:
    known = {str(int(code)): k for k, code in enumerate(strata.codes)}
    known |= {name.casefold(): k for k, name in enumerate(names)}
    accuracies = np.full(len(names), options.expected_accuracy)
    for name, accuracy in options.expected_by_class.items():
        if name.strip().casefold() not in known:
            raise OptionError(
                f"The map has no class {name!r} to expect an accuracy of.",
                remedy=f"Its classes are {', '.join(names)}.",
                code="option.expected_accuracy",
            )
        accuracies[known[name.strip().casefold()]] = accuracy
    return accuracies


def _allocated(options: DesignOptions, strata: Strata, accuracies: Floats) -> tuple[Counts, tuple[str, ...]]:
    n_pixels = int(strata.pixels.sum())
    size = sample_size(strata.weights, accuracies, options.standard_error, n_pixels)
    least = int(np.minimum(options.min_per_class, strata.pixels).sum())
    wanted = size if options.total is None else options.total
    if wanted < least and options.total is not None:
        raise OptionError(
            f"{wanted} points are too few: {len(strata.codes)} classes with at least {options.min_per_class} points "
            f"each need {least}.",
            remedy="Ask for more points in all, or for fewer in each class.",
            code="option.total",
        )
    points = allocate(wanted, strata.weights, options.min_per_class, strata.pixels)
    notes = []
    if wanted < least:
        notes.append(
            f"{size} points would do for the overall accuracy; at least {options.min_per_class} in each class make "
            f"{least}."
        )
    if (points == strata.pixels).any():
        notes.append("Classes with no more pixels than points are taken whole.")
    return points, tuple(notes)


def _drawn_points(
    class_map: ClassMap,
    strata: Strata,
    names: tuple[str, ...],
    drawn: Mapping[int, Counts],
    seed: int,
) -> DrawnPoints:
    """Return the points of all classes in random order: the first n are a sample too, and no class comes in a row."""
    points = np.array([len(drawn[int(code)]) for code in strata.codes])
    which = np.repeat(np.arange(len(names)), points)
    pixels = np.concatenate([drawn[int(code)] for code in strata.codes])
    order = np.random.default_rng((seed, 1)).permutation(len(which))
    which, pixels = which[order], pixels[order]
    x, y = apply_affine(class_map.grid.map_transform, pixels[:, 0] + 0.5, pixels[:, 1] + 0.5)
    return DrawnPoints(
        xy=np.stack([x, y], axis=1),
        codes=strata.codes[which],
        names=tuple(names[k] for k in which),
        stratum_pixels=strata.pixels[which],
        stratum_areas_m2=strata.areas_m2[which],
        stratum_shares=strata.weights[which],
        stratum_points=points[which],
    )


def _part(progress: Progress, start: float, stop: float) -> Progress:
    return lambda update: progress(ProgressUpdate(update.stage, start + (stop - start) * update.done))
