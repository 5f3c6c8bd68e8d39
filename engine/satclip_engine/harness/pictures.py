"""Small pictures for reports: scenes, label maps, heat maps, boxes; all as PNG bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from rasterio.windows import Window

from satclip_engine.protocol import ClassSet
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.scene import Scene, open_scene

Bytes = npt.NDArray[np.uint8]

# Side of an example picture: three stand side by side in a report that stays a few megabytes.
MAX_SIDE_PX = 384
_MIN_SIDE_PX = 256
_NONE_COLOUR = (225, 228, 232)
_TRUE_BOX, _FOUND_BOX = (255, 255, 255), (255, 82, 82)


def scene_picture(path: Path, bands: str, scaling: str, side_px: int = MAX_SIDE_PX) -> Bytes:
    """Return a scene as the model sees its colours, (h, w, 3) uint8, no side above ``side_px``.

    Raises:
        SceneError: if it cannot be read.
    """
    with open_scene(path, bands=bands, scaling=scaling) as scene:
        return read_picture(scene, side_px)


def read_picture(scene: Scene, side_px: int = MAX_SIDE_PX) -> Bytes:
    """Return an opened scene as a picture (h, w, 3) uint8, no side above ``side_px``."""
    grid = scene.grid
    height, width = small_shape((grid.height, grid.width), side_px)
    small = Grid(grid.crs_wkt, grid.transform, width, height)
    target = grid if (height, width) == (grid.height, grid.width) else small
    return np.ascontiguousarray(scene.read(Window(0, 0, width, height), target).picture.transpose(1, 2, 0))


def small_shape(shape: tuple[int, int], side_px: int = MAX_SIDE_PX) -> tuple[int, int]:
    """Return (h, w) of the picture of an array of ``shape``: the same proportions, no side above ``side_px``."""
    scale = min(1.0, side_px / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def shrink_labels(labels: npt.NDArray[np.generic], side_px: int = MAX_SIDE_PX) -> npt.NDArray[np.generic]:
    """Return labels (H, W) at the size of a picture; every label is one of the pixel in the middle."""
    height, width = small_shape((labels.shape[0], labels.shape[1]), side_px)
    rows = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(np.intp)
    cols = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(np.intp)
    return np.asarray(labels[rows[:, None], cols[None, :]])


def class_picture(labels: npt.NDArray[np.generic], classes: ClassSet) -> Bytes:
    """Return class positions (h, w) in the classes' colours, (h, w, 3); positions outside 0..K-1 are pale grey."""
    palette = np.array([_rgb(spec.colour) for spec in classes.classes] + [_NONE_COLOUR], dtype=np.uint8)
    positions = labels.astype(np.int64)
    inside = (positions >= 0) & (positions < len(classes))
    return np.asarray(palette[np.where(inside, positions, len(classes))])


def error_picture(reference: npt.NDArray[np.generic], mapped: npt.NDArray[np.generic]) -> Bytes:
    """Return where a map (h, w) is wrong in red, right in pale green, grey where the reference is ignored (-1)."""
    picture = np.full((*reference.shape, 3), _NONE_COLOUR, dtype=np.uint8)
    known = reference.astype(np.int64) >= 0
    right = known & (reference.astype(np.int64) == mapped.astype(np.int64))
    picture[right] = (183, 225, 190)
    picture[known & ~right] = (214, 69, 65)
    return picture


def heat_picture(values: npt.NDArray[np.floating], background: Bytes) -> Bytes:
    """Return ``values`` (h, w), stretched from their least to their greatest, laid in warm colours over a picture."""
    low, high = float(values.min()), float(values.max())
    share = ((values - low) / max(high - low, 1e-12))[..., None]
    warm = np.concatenate([np.full_like(share, 255.0), 210 * (1 - share) + 40 * share, 40 * (1 - share)], axis=-1)
    grey = background.mean(axis=-1, keepdims=True)
    return np.asarray((0.85 * share * warm + (1 - 0.85 * share) * grey).clip(0, 255), dtype=np.uint8)


def draw_boxes(
    picture: Bytes,
    scale: tuple[float, float],
    true_boxes: npt.NDArray[np.floating],
    found: npt.NDArray[np.floating],
    peak: tuple[float, float],
) -> Bytes:
    """Return a picture with the true boxes in white, the found one in red and its peak as a dot.

    Args:
        picture: (h, w, 3) uint8.
        scale: Picture pixels per image pixel, (x, y).
        true_boxes: (n, 4) x1 y1 x2 y2 in image pixels.
        found: (4,) likewise.
        peak: (x, y) in image pixels.
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    factors = np.array([scale[0], scale[1]] * 2)
    for box in true_boxes:
        draw.rectangle([float(v) for v in box * factors], outline=_TRUE_BOX, width=1)
    draw.rectangle([float(v) for v in found * factors], outline=_FOUND_BOX, width=2)
    x, y = peak[0] * scale[0], peak[1] * scale[1]
    draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=_FOUND_BOX, outline=_TRUE_BOX)
    return np.asarray(image)


def png(picture: Bytes) -> bytes:
    """Return a picture (h, w, 3) uint8 as PNG; small ones are enlarged by a whole number, pixels kept square."""
    factor = max(1, _MIN_SIDE_PX // max(picture.shape[:2]))
    image = Image.fromarray(np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1))
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
