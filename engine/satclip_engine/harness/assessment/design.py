"""Draws the points of a map that are to be labelled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from satclip_engine.harness.assessment.class_map import ClassMap
from satclip_engine.harness.assessment.draw import draw_pixels
from satclip_engine.harness.assessment.plan import Design, MeasuredMap, measure_map, plan_sample
from satclip_engine.harness.assessment.points import DrawnPoints, refuse_existing, write_points
from satclip_engine.harness.assessment.strata import Check, Counts, Progress
from satclip_engine.protocol import DesignOptions, ProgressUpdate
from satclip_engine.raster.geodesy import apply_affine

# Share of the work that measuring the classes takes; reading the pieces with drawn pixels again is the rest.
_MEASURE_SHARE = 0.6


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
        measured = measure_map(class_map, _part(progress, 0.0, _MEASURE_SHARE), check_cancelled)
        design = plan_sample(measured, options)
        drawing = _part(progress, _MEASURE_SHARE, 1.0)
        drawn = draw_pixels(class_map, measured.strata, design.points, options.seed, drawing, check_cancelled)
        write_points(out, _drawn_points(class_map, measured, drawn, options.seed), class_map.grid.crs_wkt)
    return design


def _drawn_points(class_map: ClassMap, measured: MeasuredMap, drawn: Mapping[int, Counts], seed: int) -> DrawnPoints:
    """Return the points of all classes in random order: the first n are a sample too, and no class comes in a row."""
    strata, names = measured.strata, measured.class_names
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
