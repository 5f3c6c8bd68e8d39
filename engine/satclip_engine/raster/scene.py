"""Opening a scene: everything that is found out once, and every raster that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from satclip_engine.errors import SceneError
from satclip_engine.raster.bands import BandFacts, choose_bands
from satclip_engine.raster.channels import compose, settle_expression
from satclip_engine.raster.fingerprint import fingerprint
from satclip_engine.raster.gdal import limit_block_cache
from satclip_engine.raster.landcover import refuse_palette
from satclip_engine.raster.reading import Chip, Scene, SceneFacts
from satclip_engine.raster.roles import describe_roles
from satclip_engine.raster.sampling import first_valid_pixels, sample_pixels
from satclip_engine.raster.scaling import choose_scaling
from satclip_engine.raster.source import Bools, Source

__all__ = ["Chip", "Scene", "open_scene"]

# A share of exactly black pixels, with no nodata value declared, that looks like a border.
_BLACK_BORDER_SHARE = 0.02


def open_scene(path: str | Path, *, bands: str = "auto", scaling: str = "auto") -> Scene:
    """Open a raster as a scene.

    Args:
        path: File, ``/vsi`` path or URL.
        bands: ``auto``, a preset's id, or band numbers; see ``bands.choose_bands``.
        scaling: ``auto``, ``percentile[:LOW,HIGH]``, ``reflectance`` or ``none``; see ``scaling.choose_scaling``.

    Raises:
        SceneError: if the raster is missing, damaged, paletted, or holds no valid pixel.
        BandsError: if bands or scaling do not fit it.
    """
    source = Source(str(path))
    try:
        return Scene(source, _find_out(source, bands, scaling))
    except BaseException:
        source.close()
        raise


def _find_out(source: Source, bands: str, scaling: str) -> SceneFacts:
    limit_block_cache(source.dataset)
    dataset = source.dataset
    indexes = source.data_bands
    if not indexes:
        raise SceneError(
            f"{Path(source.path).name} has only an alpha band.", remedy="Choose an image.", code="scene.no_bands"
        )
    colours = [dataset.colorinterp[band - 1].name for band in indexes]
    roles = describe_roles([dataset.descriptions[band - 1] for band in indexes], colours)
    mapping = choose_bands(bands, BandFacts(indexes, roles, source.dtype))
    _check_last_block(source)
    values, valid = _valid_sample(source, mapping.bands)
    refuse_palette(source, values[0], valid, bands)
    black = _black(source, values)
    informative = valid & ~black if (valid & ~black).any() else valid
    mapping = settle_expression(mapping, values[:, informative])
    channels = compose(values, mapping)
    sample = channels[:, informative]
    chosen = choose_scaling(scaling, mapping, _finite(sample), source.dtype)
    notes = (mapping.note, *_grid_notes(source), _black_note(black, valid))
    return SceneFacts(
        grid=source.grid,
        bands=mapping,
        scaling=chosen,
        mean_colour=_mean_colour(chosen.apply(sample[:, None])),
        fingerprint=fingerprint(source, values),
        notes=tuple(note for note in notes if note),
        band_names=tuple(roles[indexes.index(band)] or f"band {band}" for band in mapping.bands),
    )


def _check_last_block(source: Source) -> None:
    """A truncated file is found now, not after an hour: its last block is missing."""
    source.read(source.data_bands[:1], Window(source.width - 1, source.height - 1, 1, 1))


def _valid_sample(source: Source, bands: tuple[int, ...]) -> tuple[npt.NDArray[Any], Bools]:
    sample = sample_pixels(source, bands)
    if sample[1].any():
        return sample
    found = first_valid_pixels(source, bands)
    if found is None:
        raise SceneError(
            f"{Path(source.path).name} holds no valid pixel: everything is nodata.",
            remedy="Check the layer's nodata value (Properties > Transparency) and its mask.",
            code="scene.no_valid",
            path=source.path,
        )
    return found


def _finite(sample: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Leave out pixels that are not finite in some channel; a single such band must not spoil the percentiles."""
    if sample.dtype.kind != "f":
        return sample
    finite = np.isfinite(sample).all(axis=0)
    return sample[:, finite] if finite.any() else np.nan_to_num(sample, posinf=0.0, neginf=0.0)


def _mean_colour(image: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    means = [round(float(channel.mean())) for channel in image]
    return tuple(means * 3 if len(means) == 1 else means)


def _black(source: Source, values: npt.NDArray[Any]) -> Bools:
    """Where every chosen band is exactly 0 although the raster declares neither nodata, mask nor alpha."""
    declared = source.alpha_band or source.has_mask_band or source.dataset.nodata is not None
    return np.zeros(values.shape[1:], dtype=bool) if declared else (values == 0).all(axis=0)


def _black_note(black: Bools, valid: Bools) -> str:
    share = float(black.sum()) / float(valid.sum())
    if share < _BLACK_BORDER_SHARE:
        return ""
    return (
        f"About {share:.0%} of the pixels are exactly 0 and no nodata value is declared: they are mapped like any "
        "other. If they are a border, declare 0 as nodata."
    )


def _grid_notes(source: Source) -> list[str]:
    notes = []
    grid = source.grid
    if source.dataset.gcps[0] and not grid.has_crs:
        notes.append("The raster is located by ground control points only; warp it first for a georeferenced map.")
    elif not grid.has_crs:
        notes.append("The raster has no coordinate reference system: lengths and areas are in pixels.")
    return notes
