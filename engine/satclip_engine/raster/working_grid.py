"""How coarse the encoder looks at a scene."""

from __future__ import annotations

import math

from satclip_engine.errors import OptionError
from satclip_engine.raster.grid import Grid

# Enlarging shows a model no more detail; twice still helps a coarse feature grid with small objects.
MAX_AUTO_ENLARGEMENT = 2.0
_MAX_ASKED_ENLARGEMENT = 16.0


def working_grid(grid: Grid, gsd_m: float | None, model_range_m: tuple[float | None, float | None]) -> Grid:
    """Return the grid on which the encoder looks at a scene.

    Args:
        grid: The scene's own.
        gsd_m: Asked metres per pixel (the scene's pixels where it has no CRS), or None for the scene's own size
            clamped into the model's range, at most ``MAX_AUTO_ENLARGEMENT`` times enlarged.
        model_range_m: Finest and coarsest sampling that the model is good at; None where unknown.

    Raises:
        OptionError: if ``gsd_m`` is not positive or enlarges the scene more than 16 times.
    """
    if gsd_m is not None:
        _check(grid, gsd_m)
        return grid.resampled(gsd_m)
    if not grid.has_crs:
        return grid
    return grid.resampled(automatic_gsd(grid.gsd_m, model_range_m))


def automatic_gsd(gsd_m: float, model_range_m: tuple[float | None, float | None]) -> float:
    """Return the sampling at which a scene of ``gsd_m`` is looked at, in metres per pixel, where none is asked for."""
    finest, coarsest = model_range_m
    wanted = max(gsd_m, finest or 0.0)
    return wanted if coarsest is None else max(min(wanted, coarsest), gsd_m / MAX_AUTO_ENLARGEMENT)


def _check(grid: Grid, gsd_m: float) -> None:
    unit = "m" if grid.has_crs else "scene pixels"
    if not math.isfinite(gsd_m) or gsd_m <= 0:
        raise OptionError(
            f"The working scale is {gsd_m} {unit} per pixel.",
            remedy="Use a number above 0, or auto.",
            code="option.gsd",
        )
    least = grid.gsd_m / _MAX_ASKED_ENLARGEMENT
    if gsd_m < least:
        raise OptionError(
            f"A working scale of {gsd_m:g} {unit} per pixel would enlarge the scene ({grid.gsd_m:.4g} {unit}) more "
            f"than {_MAX_ASKED_ENLARGEMENT:g} times.",
            remedy=f"Use at least {least:.3g}, or auto.",
            code="option.gsd",
            gsd_m=gsd_m,
        )
