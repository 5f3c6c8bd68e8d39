"""How many points of a map to label, and how many in each class."""

from __future__ import annotations

from dataclasses import dataclass
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
from satclip_engine.harness.assessment.strata import (
    Check,
    Counts,
    Floats,
    Progress,
    Strata,
    map_notes,
    measure_strata,
)
from satclip_engine.protocol import DesignOptions, SampleSizeRequest


@dataclass(frozen=True, eq=False)
class MeasuredMap:
    """What a design needs to know of a map.

    Attributes:
        strata: Its classes.
        class_names: (K,) in the order of codes.
        colours: (K,) ``#RRGGBB`` or "".
        in_metres: Whether areas are m²; else pixels.
        notes: Sentences.
    """

    strata: Strata
    class_names: tuple[str, ...]
    colours: tuple[str, ...]
    in_metres: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Design:
    """The size of a sample.

    Attributes:
        class_names: (K,) in the order of codes.
        colours: (K,) ``#RRGGBB`` or "".
        areas: (K,) mapped area in m², or in pixels where the map has no CRS.
        in_metres: Whether areas are m².
        points: (K,) of each class.
        user_errors: (K,) standard errors of user's accuracies to expect.
        overall_error: Standard error of the overall accuracy to expect.
        notes: Sentences.
    """

    class_names: tuple[str, ...]
    colours: tuple[str, ...]
    areas: Floats
    in_metres: bool
    points: Counts
    user_errors: Floats
    overall_error: float
    notes: tuple[str, ...]


def measure_map(class_map: ClassMap, progress: Progress, check_cancelled: Check) -> MeasuredMap:
    """Measure the classes of a map in one pass over it.

    Raises:
        SceneError: if it is no map of classes.
        CancelledError: if the user asked to stop.
    """
    strata = measure_strata(class_map, progress, check_cancelled)
    legend, codes = class_map.legend, strata.codes.tolist()
    names, colours = tuple(map(legend.name, codes)), tuple(legend.colours.get(code, "") for code in codes)
    return MeasuredMap(strata, names, colours, class_map.grid.has_crs, map_notes(class_map, strata))


def plan_sample(measured: MeasuredMap, options: DesignOptions) -> Design:
    """Return how many points each class of a map gets.

    Raises:
        OptionError: if an option does not fit the map.
    """
    strata = measured.strata
    accuracies = _expected_accuracies(options, measured)
    points, notes = _allocated(options, strata, accuracies)
    return Design(
        measured.class_names,
        measured.colours,
        strata.areas_m2,
        measured.in_metres,
        points,
        expected_user_errors(points, accuracies),
        expected_overall_error(points, strata.weights, accuracies),
        (*notes, *measured.notes),
    )


class SamplePlanner:
    """Plans samples of one map after the other; the last one stays measured while options are tried."""

    def __init__(self) -> None:
        self._measured: tuple[object, MeasuredMap] | None = None

    def plan(self, request: SampleSizeRequest) -> Design:
        """Return the size of a sample.

        Raises:
            SceneError: if the map cannot be read or is no map of classes.
            OptionError: if an option does not fit the map.
        """
        state = _file_state(request.map)
        if self._measured is None or self._measured[0] != state:
            with ClassMap(request.map) as class_map:
                self._measured = (state, measure_map(class_map, lambda _update: None, lambda: None))
        return plan_sample(self._measured[1], request.options)


def _file_state(path: str) -> object:
    """Return what tells a file from a later one of the same name; addresses of servers are taken to stay."""
    try:
        there = Path(path).stat()
    except OSError:
        return path
    return path, there.st_mtime_ns, there.st_size


def _expected_accuracies(options: DesignOptions, measured: MeasuredMap) -> Floats:
    names = measured.class_names
    known = {str(int(code)): k for k, code in enumerate(measured.strata.codes)}
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
