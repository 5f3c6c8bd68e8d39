"""A raster as the encoder sees it: byte channels, usually three, by windows, on its own or on a working grid."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from satclip_engine.raster.bands import BandMapping
from satclip_engine.raster.channels import compose
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.resample import Bytes, resize, source_span
from satclip_engine.raster.scaling import Scaling
from satclip_engine.raster.source import Bools, Pixels, Source
from satclip_engine.raster.windows import clipped
from satclip_engine.raster.working_grid import working_grid

# A reduced read takes its source in pieces of this size: memory stays flat however coarse the working grid.
_PIECE_PX = 4_000_000

# A working pixel counts as valid from about two fifths of valid source (in 255ths). Not a half: along straight borders
# exact halves are common, and rounding would decide differently from one window to the next.
_LEAST_VALID_SHARE = 105


@dataclass(frozen=True)
class Chip:
    """A window of a scene.

    Attributes:
        image: (C, height, width) uint8, the first three channels the picture; the scene's mean colour where not
            valid, so that the encoder is not disturbed by borders.
        valid: (height, width) bool, True where there is data.
    """

    image: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]

    @property
    def picture(self) -> npt.NDArray[np.uint8]:
        """The channels that people see, (3, height, width) uint8."""
        return self.image[:3]


@dataclass(frozen=True)
class SceneFacts:
    """What is found out once when a scene is opened; see ``Scene``."""

    grid: Grid
    bands: BandMapping
    scaling: Scaling
    mean_colour: tuple[int, ...]
    fingerprint: str
    notes: tuple[str, ...]
    band_names: tuple[str, ...]


class Scene:
    """An opened raster with its band mapping and its one scaling; for one thread. A context manager.

    Attributes:
        path: As it was given.
        grid: The raster's own grid.
        bands: The band mapping.
        scaling: The scaling of every window.
        mean_colour: Mean of the valid pixels in each channel, as bytes.
        fingerprint: SHA-256 of what identifies the content, whatever the path.
        notes: What the user should know, e.g. that there is no CRS.
        band_names: What each of the chosen bands shows, or its number.
    """

    def __init__(self, source: Source, facts: SceneFacts) -> None:
        self._source = source
        self._facts = facts
        self.path = source.path
        self.grid = facts.grid
        self.bands = facts.bands
        self.scaling = facts.scaling
        self.mean_colour = facts.mean_colour
        self.fingerprint = facts.fingerprint
        self.notes = facts.notes
        self.band_names = facts.band_names

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    @property
    def channels(self) -> int:
        """How many channels its images have: three, or more where more bands were asked for."""
        return len(self.mean_colour)

    def reopen(self) -> Scene:
        """Return another handle of the same scene, for another thread; nothing is computed again.

        Raises:
            SceneError: if the file is gone.
        """
        return Scene(Source(self.path), self._facts)

    def working_grid(self, gsd_m: float | None, model_range_m: tuple[float | None, float | None]) -> Grid:
        """Return the grid on which the encoder looks; see ``working_grid.working_grid``."""
        return working_grid(self.grid, gsd_m, model_range_m)

    def read(self, window: Window, grid: Grid | None = None) -> Chip:
        """Read a window.

        Args:
            window: Whole pixels of ``grid``; may reach past its border.
            grid: The scene's own grid (default) or one of the same extent from ``working_grid``.

        Raises:
            SceneError: if the file is damaged.
        """
        target = grid or self.grid
        height, width = int(window.height), int(window.width)
        inside = clipped(window, target.width, target.height)
        if inside.width == 0 or inside.height == 0:
            return Chip(self._filled(height, width), np.zeros((height, width), dtype=bool))
        image, valid = self._native(inside) if target == self.grid else self._resampled(inside, target)
        if (inside.width, inside.height) == (window.width, window.height):
            valid = np.ones((height, width), dtype=bool) if valid is None else valid
            return Chip(image, valid)
        top, left = int(inside.row_off - window.row_off), int(inside.col_off - window.col_off)
        place = np.s_[top : top + int(inside.height), left : left + int(inside.width)]
        whole, known = self._filled(height, width), np.zeros((height, width), dtype=bool)
        whole[(slice(None), *place)] = image
        known[place] = True if valid is None else valid
        return Chip(whole, known)

    def read_valid(self, window: Window) -> Bools:
        """Return where the scene's own pixels hold data, (height, width) bool; False past the border.

        Raises:
            SceneError: if the file is damaged.
        """
        inside = clipped(window, self.grid.width, self.grid.height)
        known = np.zeros((int(window.height), int(window.width)), dtype=bool)
        if inside.width == 0 or inside.height == 0:
            return known
        valid = self._source.read_valid(self.bands.bands, inside)
        top, left = int(inside.row_off - window.row_off), int(inside.col_off - window.col_off)
        known[top : top + int(inside.height), left : left + int(inside.width)] = True if valid is None else valid
        return known

    def _filled(self, height: int, width: int) -> Bytes:
        colour = np.array(self.mean_colour, dtype=np.uint8)
        return np.broadcast_to(colour[:, None, None], (len(colour), height, width)).copy()

    def _native(self, window: Window, level: int | None = None) -> tuple[Bytes, Bools | None]:
        return to_bytes(self._source.read(self.bands.bands, window, level), self._facts)

    def _resampled(self, window: Window, grid: Grid) -> tuple[Bytes, Bools | None]:
        level = self._source.level_for(min(grid.scale_to(self.grid)))
        source_width, source_height = self._source.level_size(level)
        scale_x, scale_y = source_width / grid.width, source_height / grid.height
        height, width = int(window.height), int(window.width)
        if height > 1 and height * width * scale_x * scale_y > _PIECE_PX:
            return self._resampled_in_halves(window, grid)
        left, top = int(window.col_off), int(window.row_off)
        rows = source_span(top, top + height, scale_y, source_height)
        cols = source_span(left, left + width, scale_x, source_width)
        patch = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        image, valid = self._native(patch, level)
        resized = resize(image, rows, cols, height, width)
        if valid is None:
            return resized, None
        share = resize(np.where(valid, np.uint8(255), np.uint8(0))[None], rows, cols, height, width)[0]
        known = share > _LEAST_VALID_SHARE
        fill_invalid(resized, known, self.mean_colour)
        return resized, known

    def _resampled_in_halves(self, window: Window, grid: Grid) -> tuple[Bytes, Bools | None]:
        upper = int(window.height) // 2
        parts = [
            self._resampled(Window(window.col_off, window.row_off, window.width, upper), grid),
            self._resampled(Window(window.col_off, window.row_off + upper, window.width, window.height - upper), grid),
        ]
        image = np.concatenate([part for part, _ in parts], axis=1)
        if all(valid is None for _, valid in parts):
            return image, None
        masks = [np.ones(part.shape[1:], dtype=bool) if valid is None else valid for part, valid in parts]
        return image, np.concatenate(masks)


def to_bytes(pixels: Pixels, facts: SceneFacts) -> tuple[Bytes, Bools | None]:
    """Return native pixels as (C, height, width) bytes with nodata filled, and their validity (None: all valid)."""
    scaled = facts.scaling.apply(compose(pixels.values, facts.bands))
    image = np.repeat(scaled, 3, axis=0) if len(scaled) == 1 else scaled
    if pixels.valid is not None:
        fill_invalid(image, pixels.valid, facts.mean_colour)
    return image, pixels.valid


def fill_invalid(image: Bytes, valid: Bools, colour: tuple[int, ...]) -> None:
    """Paint ``colour`` in place where ``valid`` (height, width) is False."""
    invalid = ~valid
    for channel, value in zip(image, colour, strict=True):
        np.copyto(channel, np.uint8(value), where=invalid)
