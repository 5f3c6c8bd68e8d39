"""An open raster file: native pixels and their validity by windows, at full size or from an overview."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.windows import Window

from satclip_engine.errors import SceneError
from satclip_engine.raster.gdal import open_raster
from satclip_engine.raster.grid import Grid

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pixels:
    """Native pixels of some bands.

    Attributes:
        values: (bands, height, width) in the raster's dtype.
        valid: (height, width) bool, or None where every pixel is valid.
    """

    values: npt.NDArray[Any]
    valid: Bools | None


class Source:
    """A raster opened for reading by one thread.

    Args:
        path: File, ``/vsi`` path or URL.

    Raises:
        SceneError: if it is missing, not a raster, or has no bands.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._levels: dict[int, Any] = {}
        self._dataset = _open(path)
        if self._dataset.count == 0:
            self._refuse_container()
        self.width: int = self._dataset.width
        self.height: int = self._dataset.height
        with self._damage_explained():
            interps = self._dataset.colorinterp
            mask_flags = self._dataset.mask_flag_enums
            # A factor of two or more is an overview proper; GDAL lists them from fine to coarse.
            self.overview_factors = tuple(self._dataset.overviews(1))
        self.alpha_band = interps.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in interps else 0
        self.data_bands = tuple(band for band in self._dataset.indexes if band != self.alpha_band)
        self.dtype: str = self._dataset.dtypes[self.data_bands[0] - 1] if self.data_bands else "uint8"
        self.has_mask_band = any(
            MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in mask_flags
        )

    @property
    def dataset(self) -> Any:
        """The rasterio dataset, for its metadata."""
        return self._dataset

    @property
    def grid(self) -> Grid:
        """The raster's own grid."""
        crs = self._dataset.crs
        transform: Affine = self._dataset.transform
        return Grid(crs.to_wkt() if crs else "", transform, self.width, self.height)

    def close(self) -> None:
        """Close the file and its overviews."""
        for dataset in (*self._levels.values(), self._dataset):
            dataset.close()

    def read(self, bands: tuple[int, ...], window: Window, level: int | None = None) -> Pixels:
        """Read whole pixels inside the raster (or inside overview ``level``).

        A pixel is nodata where the mask or alpha band says so, or where every band of the raster is nodata or
        not finite: a saturated pixel in some bands stays valid.

        Raises:
            SceneError: if the file is damaged.
        """
        dataset = self._at(level)
        with self._damage_explained():
            wanted = bands + ((self.alpha_band,) if self.alpha_band else ())
            values = dataset.read(wanted, window=window)
            if self.alpha_band:
                return Pixels(values[:-1], _none_if_all(values[-1] > 0))
            if self.has_mask_band:
                return Pixels(values, _none_if_all(dataset.read_masks(bands[0], window=window) > 0))
            valid = self._holds_data(values, bands)
            if valid is None or valid.all():
                return Pixels(values, None)
            others = tuple(band for band in self.data_bands if band not in bands)
            if others:
                more = self._holds_data(dataset.read(others, window=window), others)
                valid = None if more is None else valid | more
            return Pixels(values, None if valid is None else _none_if_all(valid))

    def read_valid(self, bands: tuple[int, ...], window: Window, level: int | None = None) -> Bools | None:
        """Read only the validity of whole pixels (None: all valid), without decoding colours where it can.

        Raises:
            SceneError: if the file is damaged.
        """
        if self.has_mask_band or self.alpha_band:
            dataset = self._at(level)
            with self._damage_explained():
                if self.alpha_band:
                    return _none_if_all(dataset.read(self.alpha_band, window=window) > 0)
                return _none_if_all(dataset.read_masks(bands[0], window=window) > 0)
        if self.dtype[0] not in "fc" and all(value is None for value in self._dataset.nodatavals):
            return None
        return self.read(bands, window, level).valid

    def level_size(self, level: int | None) -> tuple[int, int]:
        """Width and height of the raster or of overview ``level``."""
        dataset = self._at(level)
        return dataset.width, dataset.height

    def level_for(self, factor: float) -> int | None:
        """Return the coarsest overview that is still as fine as a reduction by ``factor``, or None."""
        fitting = [level for level, overview in enumerate(self.overview_factors) if overview <= factor * 1.01]
        return fitting[-1] if fitting else None

    def _at(self, level: int | None) -> Any:
        if level is None:
            return self._dataset
        if level not in self._levels:
            self._levels[level] = open_raster(self.path, overview_level=level)
        return self._levels[level]

    def _holds_data(self, values: npt.NDArray[Any], bands: tuple[int, ...]) -> Bools | None:
        """Return where any of ``bands`` holds data, or None where all do for want of a nodata value."""
        found: Bools | None = None
        for band_values, band in zip(values, bands, strict=True):
            nodata = self._dataset.nodatavals[band - 1]
            is_float = band_values.dtype.kind in "fc"
            if nodata is None and not is_float:
                return None
            valid = np.isfinite(band_values) if is_float else np.ones(band_values.shape, dtype=bool)
            if nodata is not None and not np.isnan(nodata):
                # In the band's own precision: -3.4e38 is stored as the nearest float32.
                valid &= band_values != np.asarray(nodata).astype(band_values.dtype)
            found = valid if found is None else found | valid
        return found

    def _refuse_container(self) -> None:
        names = self._dataset.subdatasets
        self._dataset.close()
        listed = f" Its parts: {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}." if names else ""
        raise SceneError(
            f"{Path(self.path).name} is a container without bands of its own.{listed}",
            remedy="Open one of its parts as the layer.",
            code="scene.no_bands",
            path=self.path,
            parts=list(names),
        )

    @contextlib.contextmanager
    def _damage_explained(self) -> Iterator[None]:
        try:
            with rasterio.Env():  # outside one, GDAL prints its warnings to stderr
                yield
        except (RasterioError, OSError) as error:
            raise SceneError(
                f"{Path(self.path).name} cannot be read completely: the file is truncated or damaged ({error}).",
                remedy="Copy or download the file again; gdalinfo -checksum FILE finds the damaged part.",
                code="scene.damaged",
                path=self.path,
            ) from error


def _none_if_all(valid: Bools) -> Bools | None:
    return None if valid.all() else valid


def _open(path: str) -> Any:
    try:
        return open_raster(path)
    except RasterioIOError as error:
        is_local = "://" not in path and not path.startswith("/vsi")
        if is_local and not Path(path).exists():
            raise SceneError(
                f"There is no file {path}.", remedy="Check the path.", code="scene.missing", path=path
            ) from error
        raise SceneError(
            f"{Path(path).name} cannot be opened as a raster ({error}).",
            remedy="Check that it is a complete raster file in a format that GDAL reads, such as GeoTIFF.",
            code="scene.unreadable",
            path=path,
        ) from error
