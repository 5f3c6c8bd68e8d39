"""Outlines of pixel patches: simplified together, then brought to map coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine

Shapes = npt.NDArray[np.object_]


def simplify_shared(shapes: Shapes, tolerance_px: float) -> Shapes:
    """Return polygons in pixel coordinates with outlines simplified by about ``tolerance_px``; 0 changes nothing.

    Neighbours keep their common border: every pixel corner becomes a vertex first, because the tracer leaves out
    those on straight lines, also where a third patch meets them.

    Source: Visvalingam and Whyatt (1993), "Line generalisation by repeated elimination of points".
    """
    if tolerance_px <= 0 or not len(shapes):
        return shapes
    dense = shapely.transform(shapely.segmentize(shapes, 1.0), np.rint)
    simplified = shapely.coverage_simplify(dense, tolerance_px)
    # A patch thinner than the tolerance may collapse; it keeps its exact outline.
    usable = shapely.is_valid(simplified) & ~shapely.is_empty(simplified)
    return np.where(usable, simplified, shapes)


def to_map(shapes: Shapes, transform: Affine) -> Shapes:
    """Return polygons in map coordinates, exterior rings counter-clockwise."""

    def place(xy: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.column_stack(
            [
                transform.a * xy[:, 0] + transform.b * xy[:, 1] + transform.c,
                transform.d * xy[:, 0] + transform.e * xy[:, 1] + transform.f,
            ]
        )

    return np.asarray(shapely.orient_polygons(shapely.transform(shapes, place)), dtype=object)
