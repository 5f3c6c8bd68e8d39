"""Reads single images for scene classes and captions: picture files, members of zip archives, multi-band rasters."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from rasterio.windows import Window

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.items import Bytes
from satclip_engine.raster.scene import open_scene

PICTURE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"))


@dataclass(frozen=True)
class PictureFile:
    """A picture on disk.

    Attributes:
        path: Of any format that Pillow reads.
    """

    path: Path

    def read(self) -> Bytes:
        """Return uint8 (3, H, W).

        Raises:
            DataSetError: if the file is damaged or not a picture.
        """
        return _decode(self.path, self.path.name)


class ZipArchive:
    """A zip archive, opened at the first read and then kept: its list of contents is slow to read again.

    Args:
        path: The zip file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None

    def read(self, member: str) -> bytes:
        """Return the content of ``member``.

        Raises:
            DataSetError: if archive or member is missing or damaged.
        """
        try:
            if self._archive is None:
                self._archive = zipfile.ZipFile(self.path)
            return self._archive.read(member)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise _damaged(f"{member} in {self.path.name}", error) from error


@dataclass(frozen=True)
class ZipMember:
    """A picture inside a zip archive.

    Attributes:
        archive: The zip file, shared by its members.
        member: Name in it.
    """

    archive: ZipArchive
    member: str

    def read(self) -> Bytes:
        """Return uint8 (3, H, W).

        Raises:
            DataSetError: if archive or member is missing or damaged.
        """
        return _decode(io.BytesIO(self.archive.read(self.member)), f"{self.member} in {self.archive.path.name}")


@dataclass(frozen=True)
class RasterFile:
    """A raster of many bands, read as the product reads it.

    Attributes:
        path: The raster.
        bands: As ``FeatureOptions.bands``.
        scaling: As ``FeatureOptions.scaling``.
    """

    path: Path
    bands: str = "auto"
    scaling: str = "auto"

    def read(self) -> Bytes:
        """Return uint8 (3, H, W).

        Raises:
            SceneError: if the raster is damaged.
            BandsError: if bands or scaling do not fit it.
        """
        with open_scene(self.path, bands=self.bands, scaling=self.scaling) as scene:
            return scene.read(Window(0, 0, scene.grid.width, scene.grid.height)).image


def _decode(source: Path | io.BytesIO, name: str) -> Bytes:
    try:
        with Image.open(source) as picture:
            return np.asarray(picture.convert("RGB")).transpose(2, 0, 1).copy()
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> DataSetError:
    return DataSetError(
        f"{name} cannot be read: {error}.", remedy="Download or save the file again.", code="dataset.damaged"
    )
