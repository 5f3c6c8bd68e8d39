"""Geometries of samples: from GeoJSON, repaired, in other coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine

from satclip_engine.errors import SamplesError
from satclip_engine.protocol import Sample

Shapes = npt.NDArray[np.object_]

_COLLECTIONS = (4, 5, 6, 7)  # shapely's type ids of MultiPoint, MultiLineString, MultiPolygon, GeometryCollection


def parse_shapes(samples: Sequence[Sample]) -> Shapes:
    """Return the samples' geometries, (n,) shapely objects, in two dimensions.

    Raises:
        SamplesError: ``samples.geometry`` if one is not GeoJSON, empty, or has coordinates that are not finite.
    """
    shapes = np.empty(len(samples), dtype=object)
    for place, sample in enumerate(samples):
        try:
            shapes[place] = shapely.geometry.shape(sample.geometry)
        except (shapely.errors.ShapelyError, AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise _unusable(sample, str(error) or type(error).__name__) from error
    shapes = np.asarray(shapely.force_2d(shapes), dtype=object)
    unusable = np.flatnonzero(shapely.is_empty(shapes) | ~are_finite(shapes))
    if len(unusable):
        raise _unusable(samples[int(unusable[0])], "it is empty or its coordinates are not finite")
    return shapes


def _unusable(sample: Sample, why: str) -> SamplesError:
    return SamplesError(
        f"The geometry of sample {sample.id!r} cannot be used ({why}).",
        remedy="Delete the sample and draw it again.",
        code="samples.geometry",
        sample=sample.id,
    )


def are_finite(shapes: Shapes) -> npt.NDArray[np.bool_]:
    """Return which of ``shapes`` (n,) have only finite coordinates, (n,) bool."""
    coordinates, owners = shapely.get_coordinates(shapes, return_index=True)
    finite = np.ones(len(shapes), dtype=bool)
    finite[owners[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite


def repaired(shapes: Shapes) -> tuple[Shapes, int]:
    """Return ``shapes`` with self-intersecting ones made valid, and how many were.

    A bow tie becomes its two triangles; a polygon without area becomes the line it is.
    """
    broken = np.flatnonzero(~shapely.is_valid(shapes))
    if not len(broken):
        return shapes, 0
    fixed = shapes.copy()
    fixed[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    collapsed = broken[shapely.is_empty(fixed[broken])]
    fixed[collapsed] = shapely.make_valid(shapes[collapsed], method="structure", keep_collapsed=True)
    return fixed, len(broken)


def simple_parts(shapes: Shapes) -> tuple[Shapes, npt.NDArray[np.intp]]:
    """Return the points, lines and polygons that ``shapes`` (n,) consist of, (m,), and whose parts they are, (m,)."""
    parts, owners = shapes, np.arange(len(shapes))
    while np.isin(shapely.get_type_id(parts), _COLLECTIONS).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owners = owners[inner]
    return parts, owners


def moved(shapes: Shapes, transform: Affine) -> Shapes:
    """Return ``shapes`` with every coordinate put through ``transform``."""

    def place(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.column_stack(
            [
                transform.a * xy[:, 0] + transform.b * xy[:, 1] + transform.c,
                transform.d * xy[:, 0] + transform.e * xy[:, 1] + transform.f,
            ]
        )

    return np.asarray(shapely.transform(shapes, place), dtype=object)
