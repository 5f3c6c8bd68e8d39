"""What the labels of a sample say about its map."""

from __future__ import annotations

import shlex
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from satclip_engine.errors import InputError
from satclip_engine.evaluation.assessment.assessment import Assessment, cautions
from satclip_engine.evaluation.assessment.estimators import estimate_accuracy
from satclip_engine.evaluation.assessment.labels import NO_LABEL, OTHER, error_matrix, match_labels
from satclip_engine.harness.assessment.class_map import ClassMap
from satclip_engine.harness.assessment.points import REFERENCE, LabelledPoints, read_points
from satclip_engine.harness.assessment.strata import Check, Progress, Strata, map_notes, measure_strata
from satclip_engine.raster.geodesy import apply_affine


def assess_map(map_path: str, points_path: Path, progress: Progress, check_cancelled: Check) -> Assessment:
    """Estimate accuracy and areas of a map from its labelled sample.

    Raises:
        SceneError: if the map cannot be read or is no map of classes.
        InputError: if the points cannot be used, are of another map, carry labels that are no class, or carry none.
        CancelledError: if the user asked to stop.
    """
    labelled = read_points(points_path)
    with ClassMap(map_path) as class_map:
        _refuse_other_pixels(class_map, labelled, check_cancelled)
        strata = measure_strata(class_map, progress, check_cancelled)
    _refuse_other_strata(map_path, strata, labelled)
    legend = class_map.legend
    codes = sorted({*strata.codes.tolist(), *legend.names} - {legend.unknown_code})
    names = [legend.name(code) for code in codes]
    reference = match_labels(labelled.references, codes, names)
    if (reference == len(names)).any():
        codes, names = [*codes, max(codes) + 1], [*names, OTHER]
    n_unlabelled = int((reference == NO_LABEL).sum())
    if n_unlabelled == len(reference):
        raise InputError(
            f"None of the {len(reference)} points in {points_path.name} has a label.",
            remedy=f"Write the class that is really there into the field “{REFERENCE}” of the points.",
            code="assess.no_labels",
            path=str(points_path),
        )
    counts = error_matrix(np.searchsorted(codes, labelled.codes), reference, len(codes))
    is_mapped = np.isin(codes, strata.codes)
    areas, pixels = np.zeros(len(codes)), np.zeros(len(codes), dtype=np.int64)
    areas[is_mapped], pixels[is_mapped] = strata.areas_m2, strata.pixels
    # Classes of the legend that neither the map nor a label shows say nothing.
    kept = np.flatnonzero(is_mapped | counts.any(axis=0))
    areas, pixels, counts = areas[kept], pixels[kept], counts[np.ix_(kept, kept)]
    class_names = tuple(names[k] for k in kept)
    return Assessment(
        title=Path(map_path).name,
        class_names=class_names,
        colours=tuple(legend.colours.get(codes[k], "") for k in kept),
        areas=areas,
        in_metres=class_map.grid.has_crs,
        counts=counts,
        accuracy=estimate_accuracy(counts, areas / areas.sum(), pixels),
        n_unlabelled=n_unlabelled,
        notes=(*cautions(class_names, pixels, counts, n_unlabelled), *map_notes(class_map, strata)),
        created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=shlex.join(["satclip", "assess", "report", map_path, str(points_path)]),
    )


def _refuse_other_pixels(class_map: ClassMap, labelled: LabelledPoints, check_cancelled: Check) -> None:
    """Refuse points whose recorded class is not what the map shows where they lie."""
    grid = class_map.grid
    x, y = apply_affine(~grid.map_transform, labelled.xy[:, 0], labelled.xy[:, 1])
    cols, rows = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    if not ((cols >= 0) & (cols < grid.width) & (rows >= 0) & (rows < grid.height)).all():
        raise _other_map(class_map.path)
    for i in np.lexsort((cols // 512, rows // 512)):  # neighbours together: GDAL keeps the last blocks at hand
        check_cancelled()
        codes, is_mapped = class_map.read(Window(int(cols[i]), int(rows[i]), 1, 1))
        if not is_mapped.all() or int(codes[0, 0]) != labelled.codes[i]:
            raise _other_map(class_map.path)


def _refuse_other_strata(map_path: str, strata: Strata, labelled: LabelledPoints) -> None:
    """Refuse points whose classes have another size in the map than when they were drawn."""
    sizes = dict(zip(strata.codes.tolist(), strata.pixels.tolist(), strict=True))
    recorded = set(zip(labelled.codes.tolist(), labelled.stratum_pixels.tolist(), strict=True))
    if any(sizes.get(code) != n_pixels for code, n_pixels in recorded):
        raise _other_map(map_path)


def _other_map(map_path: str) -> InputError:
    return InputError(
        f"The points were drawn from another map than {Path(map_path).name}: its classes differ where they lie.",
        remedy="Give the map that the sample was designed for; a changed map needs a new sample.",
        code="assess.other_map",
        path=map_path,
    )
