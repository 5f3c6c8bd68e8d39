"""How the images of a data set are encoded: the caller's wish, else the item's own facts, else the set's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from satclip_engine.harness.context import TaskContext
from satclip_engine.protocol import FeatureOptions
from satclip_engine.raster.gdal import open_raster
from satclip_engine.raster.working_grid import automatic_gsd


def features_of(
    context: TaskContext, image: Path, *, bands: str = "", scaling: str = "", gsd_m: float | None = None
) -> FeatureOptions:
    """Return the options with which an image is encoded.

    Args:
        context: Of the task.
        image: The raster.
        bands: Of the item; "" takes the data set's.
        scaling: Of the item; "" takes the data set's.
        gsd_m: Metres per pixel of the item; None takes the data set's.
    """
    wish, dataset = context.options.features, context.dataset
    return replace(
        wish,
        bands=wish.bands if wish.bands != "auto" else bands or dataset.bands,
        scaling=wish.scaling if wish.scaling != "auto" else scaling or dataset.scaling,
        gsd_m=_working_gsd(context, image, gsd_m or dataset.gsd_m),
    )


def _working_gsd(context: TaskContext, image: Path, gsd_m: float | None) -> float | None:
    """Return the working GSD as a request counts it: metres, or pixels of a raster without a CRS.

    Images of benchmarks mostly have lost their georeference. Where their sampling is known they are treated as the
    product treats a georeferenced scene of that sampling.
    """
    wish = context.options.features.gsd_m
    with open_raster(image) as raster:
        has_crs = raster.crs is not None
    if has_crs or gsd_m is None:
        return wish
    card = context.encoder.card
    if wish is None:
        wish = automatic_gsd(gsd_m, (card.gsd_min_m, card.gsd_max_m))
    return wish / gsd_m
