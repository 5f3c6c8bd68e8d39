"""The layouts that a user's own folder may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.folder_masks import ClassFile, FolderMask
from satclip_engine.harness.datasets.images import PICTURE_SUFFIXES
from satclip_engine.harness.datasets.items import SceneItem, SegmentationItem
from satclip_engine.harness.datasets.paths import Files, name_some
from satclip_engine.harness.datasets.references import explained
from satclip_engine.harness.datasets.scenes import ClassFolders
from satclip_engine.raster.gdal import open_raster

# Rasters that the product opens and users have.
_RASTER_SUFFIXES = PICTURE_SUFFIXES | {".jp2", ".vrt", ".img"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class OwnMasks:
    """``images/`` and ``masks/`` with the same stems.

    Attributes:
        class_file: What masks mean.
    """

    class_file: ClassFile

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return next((name for name in ("images", "masks") if not (folder / name).is_dir()), "")

    def items(self, folder: Path) -> tuple[SegmentationItem, ...]:
        """Return the images with their masks.

        Raises:
            DataSetError: if an image has no mask, a mask has no image, or their sizes differ.
        """
        images, masks = _by_stem(folder / "images"), _by_stem(folder / "masks")
        _refuse(sorted(set(images) - set(masks)), "images have no mask", "masks")
        _refuse(sorted(set(masks) - set(images)), "masks have no image", "images")
        for stem, image in images.items():
            _check_same_size(image, masks[stem])
        return tuple(
            SegmentationItem(stem, image, FolderMask(masks[stem], self.class_file)) for stem, image in images.items()
        )


@dataclass(frozen=True)
class OwnScenes:
    """One sub-folder of images per class.

    Attributes:
        names: Of the classes, in order.
    """

    names: tuple[str, ...]

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return "" if class_folders(folder) else "sub-folder with images"

    def items(self, folder: Path) -> tuple[SceneItem, ...]:
        """Return the images with their classes.

        Raises:
            DataSetError: if a folder is none of the classes.
        """
        return ClassFolders(Files("*/*"), self.names).items(folder)


def class_folders(folder: Path) -> tuple[str, ...]:
    """Return the names of the sub-folders of ``folder`` that hold pictures, sorted."""
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return tuple(
        path.name for path in below if any(child.suffix.lower() in PICTURE_SUFFIXES for child in path.iterdir())
    )


def camel_words(name: str) -> str:
    """Return a folder's name as words: ``DenseResidential`` and ``dense_residential`` become "dense residential"."""
    words = _CAMEL.sub(" ", name).replace("_", " ").replace("-", " ").split()
    return " ".join(word.lower() for word in words)


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _RASTER_SUFFIXES:
            continue
        if path.stem in files:
            raise DataSetError(
                f"{folder.name}/ holds both {files[path.stem].name} and {path.name}.",
                remedy="Keep one file per name.",
                code="dataset.ambiguous",
                path=str(folder),
            )
        files[path.stem] = path
    return files


def _refuse(stems: list[str], what: str, where: str) -> None:
    if stems:
        raise DataSetError(
            f"{len(stems)} {what} of the same name: {name_some(stems)}.",
            remedy=f"Add them to {where}/, or take their partners out.",
            code="dataset.incomplete",
            names=stems[:20],
        )


def _check_same_size(image: Path, mask: Path) -> None:
    sizes = []
    for path in (image, mask):
        with explained(path), open_raster(path) as dataset:
            sizes.append((dataset.width, dataset.height))
    if sizes[0] != sizes[1]:
        raise DataSetError(
            f"{image.name} is {sizes[0][0]} × {sizes[0][1]} pixels, but its mask is {sizes[1][0]} × {sizes[1][1]}.",
            remedy="Give image and mask the same number of pixels; do not resample a mask with averaging.",
            code="dataset.size",
            path=str(mask),
        )
