"""The pixels of pairs: image files, chips, and windows of rasters, as the encoder sees them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from rasterio.errors import RasterioError
from rasterio.windows import Window

from satclip_engine.errors import PairsError, SatclipError
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import Pair
from satclip_engine.raster.gdal import open_raster
from satclip_engine.raster.scene import Scene, open_scene

Bytes = npt.NDArray[np.uint8]

_RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2")
# Cameras make photos of ten thousand pixels a side; JPEG decodes to less in a fraction of the time.
_PHOTO_PX = (512, 512)
# All that readers raise on damaged files: header fields of a few wrong bytes make sizes that fit no memory.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    SyntaxError,
    MemoryError,
    Image.DecompressionBombError,
    RasterioError,
    SatclipError,
)


@dataclass(frozen=True)
class Around:
    """A pair's image with what lies around it.

    Attributes:
        image: uint8 (C, H, W).
        corner: Row and column in it at which the pair's image begins.
        size: Height and width of the pair's image.
    """

    image: Bytes
    corner: tuple[int, int]
    size: tuple[int, int]


class PairImages:
    """Reads the images of a training set; for any number of threads. A context manager.

    Args:
        pair_set: Whose pairs are read.

    Raises:
        PairsError: ``pairs.changed`` if a raster is not the one the pairs were cut from.
            ``pairs.bands`` if it shows another number of bands than the set.
        SceneError: if a raster is gone or damaged.
    """

    def __init__(self, pair_set: PairSet) -> None:
        self._set = pair_set
        self._channels = len(pair_set.info.bands) or 3
        self._lock = threading.Lock()
        self._scenes: dict[str, Scene] = {}
        for raster in pair_set.info.rasters:
            scene = open_scene(pair_set.path_of(raster.path), bands=raster.bands, scaling=raster.scaling)
            self._scenes[raster.path] = scene
            if raster.fingerprint and scene.fingerprint != raster.fingerprint:
                self.close()
                raise PairsError(
                    f"{Path(raster.path).name} is not the raster that the training set was made from: it has changed.",
                    remedy="Put the former file back, or make the training set again.",
                    code="pairs.changed",
                    path=raster.path,
                )

            if scene.channels != self._channels:
                self.close()
                raise _other_bands(raster.path, scene.channels, self._channels)

    def __enter__(self) -> PairImages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the rasters."""
        for scene in self._scenes.values():
            scene.close()

    def read(self, pair: Pair) -> Bytes:
        """Return a pair's image, uint8 (C, H, W): three channels, or as many as the set's bands.

        Raises:
            PairsError: ``pairs.image`` if the file is missing or damaged.
        """
        try:
            if pair.window_px is not None:
                return self._window(pair.image, Window(*pair.window_px))
            path = self._set.path_of(pair.image)
            is_raster = path.suffix.lower() in _RASTER_SUFFIXES or _is_deep(path)
            image = _read_raster(path, self._channels) if is_raster else _read_picture(path)
        except _DAMAGE as error:
            raise unreadable(pair.image, error) from error
        if len(image) != self._channels:
            raise _other_bands(pair.image, len(image), self._channels)
        return image

    def read_around(self, pair: Pair, least_px: int) -> Around:
        """Return a pair's image with what lies around it, so that no side is shorter than ``least_px``.

        Around a window this is the raster; what lies around an image by itself nobody knows, and it is mirrored: less
        strange to a model than one colour.

        Raises:
            PairsError: ``pairs.image`` if the file is missing or damaged.
        """
        if pair.window_px is None:
            image = self.read(pair)
            margins = [max(least_px - side, 0) for side in image.shape[1:]]
            sides = [(margin // 2, margin - margin // 2) for margin in margins]
            mirrored = np.pad(image, ((0, 0), *sides), mode="symmetric")
            return Around(mirrored, (sides[0][0], sides[1][0]), (image.shape[1], image.shape[2]))
        col, row, width, height = pair.window_px
        try:
            grid = self._scenes[pair.image].grid
            left, wide = _widened(col, width, least_px, grid.width)
            top, high = _widened(row, height, least_px, grid.height)
            image = self._window(pair.image, Window(left, top, wide, high))
        except _DAMAGE as error:
            raise unreadable(pair.image, error) from error
        return Around(image, (row - top, col - left), (height, width))

    def read_mask(self, pair: Pair) -> Bytes:
        """Return the class codes of a pair's pixels, uint8 (H, W); 0 is unlabelled.

        Raises:
            PairsError: ``pairs.image`` if the mask is missing or damaged.
        """
        path = self._set.path_of(pair.mask)
        try:
            codes = _raster_codes(path) if path.suffix.lower() in _RASTER_SUFFIXES else _picture_codes(path)
        except _DAMAGE as error:
            raise unreadable(pair.mask, error) from error
        return codes.astype(np.uint8, copy=False)

    def read_photo(self, name: str) -> Bytes:
        """Return a ground photo of the set upright, uint8 (3, H, W); a large JPEG reduced, its sides above 512 px.

        Raises:
            PairsError: ``pairs.image`` if the file is missing or damaged.
        """
        try:
            with Image.open(self._set.path_of(name)) as photo:
                photo.draft("RGB", _PHOTO_PX)
                upright = ImageOps.exif_transpose(photo).convert("RGB")
        except _DAMAGE as error:
            raise unreadable(name, error) from error
        return np.asarray(upright).transpose(2, 0, 1).copy()

    def _window(self, path: str, window: Window) -> Bytes:
        with self._lock:  # a raster is read by one thread at a time
            return self._scenes[path].read(window).image


def _widened(start: int, length: int, least: int, border: int) -> tuple[int, int]:
    """Return start and length of a span that is widened on both sides, within the raster as long as it fits."""
    if length >= least:
        return start, length
    return max(min(start - (least - length) // 2, border - least), 0), least


def _other_bands(name: str, found: int, wanted: int) -> PairsError:
    return PairsError(
        f"{Path(name).name} shows {found} bands; the training set's images have {wanted}.",
        remedy="Make the training set from rasters of the same bands.",
        code="pairs.bands",
        path=name,
    )


def unreadable(name: str, error: Exception) -> PairsError:
    """Return the error of an image that cannot be read."""
    return PairsError(
        f"{name} cannot be read: {error}.",
        remedy="Put the file back or remove the pair.",
        code="pairs.image",
        path=name,
    )


def _is_deep(path: Path) -> bool:
    """Return whether a picture has more than eight bits per channel; Pillow would cut them off at 255."""
    with Image.open(path) as picture:
        return picture.mode.startswith(("I", "F"))


def _read_picture(path: Path) -> Bytes:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1).copy()


def _raster_codes(path: Path) -> Bytes:
    with open_raster(path) as dataset:
        codes: Bytes = dataset.read(1)
    return codes


def _picture_codes(path: Path) -> Bytes:
    with Image.open(path) as picture:  # GDAL would take the missing rows of a truncated picture for zeros
        codes = np.asarray(picture)
    return codes if codes.ndim == 2 else codes[..., 0]


def _read_raster(path: Path, channels: int) -> Bytes:
    with open_raster(path) as dataset:
        if set(dataset.dtypes) == {"uint8"}:
            bands: Bytes = dataset.read(list(range(1, min(dataset.count, channels) + 1)))
            return np.repeat(bands[:1], 3, axis=0) if len(bands) < 3 else bands
    with open_scene(path) as scene:
        return scene.read(Window(0, 0, scene.grid.width, scene.grid.height)).image
