"""How many samples the Teach page takes: all of them go to the engine after every edit."""

from __future__ import annotations

from qgis.core import QgsGeometry

from satclip_qgis.i18n import tr

MOST_SAMPLES = 20_000
# As a message they are about 20 MB, two thirds of what the engine reads.
MOST_VERTICES = 500_000


def are_few_enough(samples: int, vertices: int) -> bool:
    """Whether so many samples, with so many vertices in all, can be taught with."""
    return samples <= MOST_SAMPLES and vertices <= MOST_VERTICES


def vertices_of(geometry: QgsGeometry) -> int:
    """Return the number of vertices."""
    return int(geometry.constGet().nCoordinates())


def too_many(where: str) -> tuple[str, str]:
    """Return what is wrong with more samples than the limit, and what to do.

    Args:
        where: What holds them, e.g. the name of a layer.
    """
    detail = tr(
        "{where}: more than {samples} samples, or {vertices} vertices of their shapes, are too many to teach live."
    )
    remedy = tr(
        "Select some of the features (Random selection), save them as a layer and take that; or learn from all of them "
        "with Learn classes from samples in the Processing toolbox, or with satclip fit."
    )
    return detail.format(where=where, samples=f"{MOST_SAMPLES:,}", vertices=f"{MOST_VERTICES:,}"), remedy
