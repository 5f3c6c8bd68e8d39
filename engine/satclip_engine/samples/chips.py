"""Samples as image chips and masks, for fine-tuning elsewhere and for ``satclip evaluate FOLDER``."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import rasterize
from rasterio.windows import Window

from satclip_engine.errors import ClassesError, OptionError, SamplesError
from satclip_engine.protocol import ClassSet, ClassSyntaxError, Sample, format_classes
from satclip_engine.raster.scene import Scene
from satclip_engine.samples.chip_folder import CLASS_FILE, begin_folder, cannot_write, write_chip
from satclip_engine.samples.shapes import Shapes, moved, parse_shapes, repaired

DEFAULT_CHIP_PX = 256
_LEAST_CHIP_PX, _LARGEST_CHIP_PX = 32, 4096
_LARGEST_CODE = 255

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ExportedChips:
    """What an export left on disk.

    Attributes:
        folder: With ``images/``, ``masks/`` and ``classes.txt``.
        chips: Number of images, and of masks.
        labelled_px: Labelled pixels of each class, in order.
    """

    folder: Path
    chips: int
    labelled_px: tuple[int, ...]


def export_chips(
    folder: Path,
    scene: Scene,
    samples: Sequence[Sample],
    classes: ClassSet,
    *,
    chip_px: int = DEFAULT_CHIP_PX,
    on_share: Callable[[float], None] = lambda _share: None,
) -> ExportedChips:
    """Write the surroundings of samples as GeoTIFF chips with masks of class codes.

    Chips are the tiles of a lattice over the scene that some sample touches, smaller at its border: no pixel is in two
    chips, so that they can be divided into training and validation. Images are what the encoder sees (three bytes, the
    scene's one scaling) with the mask of nodata; masks hold the class's code from 1, and 0 where nothing is labelled.
    Where samples overlap, the later one counts. The layout is that of ``docs/evaluation-datasets.md``.

    Args:
        folder: Made by this; must not hold anything yet.
        scene: Opened with its bands and scaling.
        samples: In the scene's CRS.
        classes: What the labels of ``samples`` count.
        chip_px: Side of a chip in the scene's own pixels.
        on_share: Told before each chip which share of the scene is done; what it raises stops the export.

    Raises:
        SamplesError: ``samples.geometry``, or ``samples.no_overlap`` if none labels a valid pixel.
        ClassesError: ``classes.syntax`` if a name cannot stand in a class file, ``classes.count`` past 255 classes.
        OptionError: ``option.chip`` if ``chip_px`` is out of 32 to 4096.
        OutputError: if ``folder`` holds something, or cannot be written.
    """
    _check(classes, chip_px)
    text = _class_file(classes)
    partial = begin_folder(folder)
    try:
        chips, counts = _write_chips(partial, scene, samples, len(classes), chip_px, on_share)
        (partial / CLASS_FILE).write_text(text, encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.replace(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ExportedChips(folder, chips, tuple(counts[1:].tolist()))


def _write_chips(
    folder: Path,
    scene: Scene,
    samples: Sequence[Sample],
    class_count: int,
    chip_px: int,
    on_share: Callable[[float], None],
) -> tuple[int, npt.NDArray[np.int64]]:
    shapes, _ = repaired(parse_shapes(samples))
    shapes = _burnable(moved(shapes, ~scene.grid.map_transform))
    codes = np.array([sample.label + 1 for sample in samples], dtype=np.uint8)
    is_line = shapely.get_dimensions(shapes) == 1
    counts = np.zeros(class_count + 1, dtype=np.int64)
    chips = 0
    for window, touching in _tiles(shapes, scene, chip_px):
        on_share(window.row_off / scene.grid.height)
        chip = scene.read(window)
        mask = _burn(window, shapes[touching], codes[touching], is_line[touching])
        mask[~chip.valid] = 0
        if not mask.any():
            continue
        counts += np.bincount(mask.ravel(), minlength=class_count + 1)
        name = f"r{int(window.row_off) // chip_px:05d}_c{int(window.col_off) // chip_px:05d}.tif"
        write_chip(folder / "images" / name, chip.image, scene.grid, window, chip.valid)
        write_chip(folder / "masks" / name, mask[None], scene.grid, window, None)
        chips += 1
    if not chips:
        raise SamplesError(
            "No sample lies on a valid pixel of the raster.",
            remedy="Draw samples on the image, or choose the raster they were drawn on.",
            code="samples.no_overlap",
        )
    return chips, counts


def _burnable(shapes: Shapes) -> Shapes:
    """Return polygons together with a point inside them: one without any pixel's centre labels the pixel it is in."""
    has_area = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    result = shapes.copy()
    for place, inner in zip(has_area, shapely.point_on_surface(shapes[has_area]), strict=True):
        result[place] = shapely.GeometryCollection([shapes[place], inner])
    return result


def _tiles(shapes: Shapes, scene: Scene, chip_px: int) -> Iterator[tuple[Window, npt.NDArray[np.int64]]]:
    """Yield the tiles that some shape touches, row by row, each with these shapes in their order."""
    grid = scene.grid
    tree = shapely.STRtree(shapes)
    for row, col in itertools.product(range(0, grid.height, chip_px), range(0, grid.width, chip_px)):
        window = Window(col, row, min(chip_px, grid.width - col), min(chip_px, grid.height - row))
        tile = shapely.box(col, row, col + window.width, row + window.height)
        touching = np.sort(tree.query(tile, predicate="intersects"))
        if len(touching):
            yield window, touching


def _burn(window: Window, shapes: Shapes, codes: Bytes, is_line: npt.NDArray[np.bool_]) -> Bytes:
    """Return the mask of a tile, (height, width) uint8: centres in polygons, pixels that lines touch."""
    mask = np.zeros((int(window.height), int(window.width)), dtype=np.uint8)
    place = Affine.translation(window.col_off, window.row_off)
    start = 0
    for thin, run in itertools.groupby(is_line.tolist()):
        stop = start + len(list(run))
        burnt = zip(shapes[start:stop], codes[start:stop].tolist(), strict=True)
        rasterize(burnt, out=mask, transform=place, all_touched=thin)
        start = stop
    return mask


def _check(classes: ClassSet, chip_px: int) -> None:
    if not _LEAST_CHIP_PX <= chip_px <= _LARGEST_CHIP_PX:
        raise OptionError(
            f"A chip of {chip_px} px is asked.",
            remedy=f"Use {_LEAST_CHIP_PX} to {_LARGEST_CHIP_PX} px.",
            code="option.chip",
        )
    if len(classes) > _LARGEST_CODE:
        raise ClassesError(
            f"There are {len(classes)} classes; a mask of bytes tells {_LARGEST_CODE} apart.",
            remedy="Export fewer classes at a time.",
            code="classes.count",
        )


def _class_file(classes: ClassSet) -> str:
    try:
        return format_classes(classes)
    except ClassSyntaxError as error:
        raise ClassesError(error.detail, remedy=error.remedy, code="classes.syntax") from error
