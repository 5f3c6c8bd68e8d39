"""Reads the training images: AID scenes with captions, and the sets with masks."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image

from satclip_engine.training.mini.corpus import read_captions
from satclip_engine.training.mini.labels import ANYTHING, BARE, UNKNOWN, VEGETATION, Label, bits

Bytes = NDArray[np.uint8]
LabelBits = NDArray[np.int64]
AID_SIDE_PX = 150
DUBAI_COLOURS: dict[tuple[int, int, int], int] = {
    (0x3C, 0x10, 0x98): bits(Label.BUILDING),
    (0x84, 0x29, 0xF6): BARE,
    (0x6E, 0xC1, 0xE4): bits(Label.ROAD),
    (0xFE, 0xDD, 0x3A): VEGETATION,
    (0xE2, 0xA9, 0x29): bits(Label.WATER),
}
WORLDCOVER_LABELS: dict[int, int] = {
    10: bits(Label.TREE),
    30: bits(Label.GRASS, Label.CROP),
    40: bits(Label.CROP, Label.GRASS),
    50: bits(Label.BUILDING, Label.ROAD, Label.PAVEMENT),
    60: BARE,
    80: bits(Label.WATER),
}


@dataclass(frozen=True)
class AidScenes:
    """AID images of one split.

    Attributes:
        images: uint8 (N, 3, 150, 150).
        classes: Scene class of each image.
        captions: Distinct captions of each image.
    """

    images: Bytes
    classes: list[str]
    captions: list[list[str]]

    def subset(self, index: NDArray[np.int64]) -> AidScenes:
        """Return the images at ``index``."""
        return AidScenes(self.images[index], [self.classes[i] for i in index], [self.captions[i] for i in index])


@dataclass(frozen=True)
class LabelledImage:
    """An image with the label sets of its pixels.

    Attributes:
        image: uint8 (3, H, W).
        labels: int64 (H, W) bits of the labels a pixel may belong to; 0 where nothing is known.
        zoom: Enlargement at which training looks at it on average (fine imagery 1, coarse chips more).
    """

    image: Bytes
    labels: LabelBits
    zoom: float = 1.0


def load_aid(folder: Path, split: str) -> AidScenes:
    """Load the ``train`` or ``test`` images of ``aid_rsicd``."""
    archives = {int(path.stem[-1]): zipfile.ZipFile(path) for path in sorted(folder.glob("aid150_*.zip"))}
    rows = [row for row in read_captions(folder) if row["split"] == split]
    images = np.empty((len(rows), 3, AID_SIDE_PX, AID_SIDE_PX), np.uint8)
    for i, row in enumerate(rows):
        with archives[int(str(row["shard"]))].open(str(row["file"])) as file:
            images[i] = np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB")).transpose(2, 0, 1)
    captions = [sorted(set(row["captions"])) for row in rows]  # type: ignore[call-overload]
    return AidScenes(images, [str(row["cls"]) for row in rows], captions)


def load_dubai(folder: Path, tile: int) -> list[LabelledImage]:
    """Load the nine parts of a tile of ``dubai_mbrsc``."""
    parts = []
    for image_path in sorted((folder / f"tile{tile}" / "images").glob("*.jpg")):
        mask = np.asarray(Image.open(folder / f"tile{tile}" / "masks" / f"{image_path.stem}.png").convert("RGB"))
        labels = np.full(mask.shape[:2], UNKNOWN, np.int64)
        for colour, value in DUBAI_COLOURS.items():
            labels[(mask == np.array(colour, np.uint8)).all(-1)] = value
        parts.append(LabelledImage(_read_rgb(image_path), labels))
    return parts


def load_epfl_roads(folder: Path) -> list[LabelledImage]:
    """Load the road images, in the order of their names."""
    items = []
    for path in sorted((folder / "images").iterdir()):
        mask_path = next((folder / "groundtruth").glob(f"{path.stem}.*"))
        road = np.asarray(Image.open(mask_path).convert("L")) > 127
        items.append(LabelledImage(_read_rgb(path), np.where(road, bits(Label.ROAD), ANYTHING & ~bits(Label.ROAD))))
    return items


def load_landsat_water(folder: Path, bands: tuple[int, int, int]) -> list[LabelledImage]:
    """Load the Landsat chips in a band mapping (1-based), 2-98 % stretched over all three bands together."""
    items = []
    for path in sorted((folder / "images").iterdir()):
        with rasterio.open(path) as source:
            reflectance = source.read(bands).astype(np.float32)
        water = np.asarray(Image.open(folder / "water" / f"{path.stem}.png")) > 0
        cover = np.asarray(Image.open(folder / "worldcover" / f"{path.stem}.png"))
        labels = np.full(water.shape, ANYTHING & ~bits(Label.WATER), np.int64)
        for code, value in WORLDCOVER_LABELS.items():
            labels[(cover == code) & (value != bits(Label.WATER))] = value
        labels[water] = bits(Label.WATER)
        items.append(LabelledImage(stretch(reflectance), labels, zoom=2.0))
    return items


def load_levir(folder: Path) -> list[LabelledImage]:
    """Load the later images of ``change_levir``: what changed became a building, the rest is unknown."""
    items = []
    for path in sorted((folder / "B").iterdir()):
        changed = np.asarray(Image.open(folder / "label" / path.name).convert("L")) > 0
        items.append(LabelledImage(_read_rgb(path), np.where(changed, bits(Label.BUILDING), UNKNOWN)))
    return items


def load_naip(folder: Path) -> list[LabelledImage]:
    """Load the NAIP years in natural and false colour with labels from their vegetation and water indices.

    Source: NDVI of Rouse et al. 1974 (vegetation > 0.3 here, none < 0.05); NDWI of McFeeters 1996 (water > 0.2).
    """
    items = []
    for path in sorted(folder.glob("naip_*.tif")):
        with rasterio.open(path) as source:
            red, green, blue, nir = source.read().astype(np.float32)
        ndvi = (nir - red) / np.maximum(nir + red, 1)
        ndwi = (green - nir) / np.maximum(green + nir, 1)
        labels = np.full(red.shape, UNKNOWN, np.int64)
        labels[ndvi > 0.3] = VEGETATION
        labels[(ndvi < 0.05) & (ndwi < 0)] = ANYTHING & ~VEGETATION & ~bits(Label.WATER)
        labels[ndwi > 0.2] = bits(Label.WATER)
        for bands in ((red, green, blue), (nir, red, green)):
            items.append(LabelledImage(np.stack(bands).astype(np.uint8), labels))
    return items


def load_landsat_series(folder: Path) -> list[LabelledImage]:
    """Load one river's years in two false colours with labels from their water and vegetation indices.

    The bytes are SWIR1, NIR, red and green. Open water is dark in both infrared bands.
    Source: MNDWI of Xu 2006 (doi:10.1080/01431160600589179), NDVI of Rouse et al. 1974.
    """
    items = []
    for path in sorted(folder.glob("*.tif")):
        with rasterio.open(path) as source:
            swir, nir, red, green = source.read().astype(np.float32)
        mndwi = (green - swir) / np.maximum(green + swir, 1)
        ndvi = (nir - red) / np.maximum(nir + red, 1)
        labels = np.full(red.shape, ANYTHING & ~bits(Label.WATER), np.int64)
        labels[ndvi > 0.6] = VEGETATION
        labels[(mndwi > 0) & (nir < 90)] = bits(Label.WATER)
        labels[nir == 0] = UNKNOWN
        for bands in ((nir, red, green), (swir, nir, red)):
            items.append(LabelledImage(np.stack(bands).astype(np.uint8), labels, zoom=2.0))
    return items


def load_spacenet_buildings(folder: Path) -> list[LabelledImage]:
    """Load the panchromatic scene with building polygons."""
    from rasterio import features, warp

    with rasterio.open(folder / "sample_geotiff.tif") as source:
        grey = source.read(1).astype(np.float32)
        collection = json.loads((folder / "geotiff_labels.geojson").read_text(encoding="utf-8"))
        shapes = [feature["geometry"] for feature in collection["features"]]
        crs = collection.get("crs", {}).get("properties", {}).get("name", "EPSG:4326")
        shapes = [warp.transform_geom(crs, source.crs, shape) for shape in shapes]
        inside = features.rasterize(shapes, out_shape=grey.shape, transform=source.transform).astype(bool)
    labels = np.where(inside, bits(Label.BUILDING), ANYTHING & ~bits(Label.BUILDING))
    labels[grey == 0] = UNKNOWN
    return [LabelledImage(np.repeat(stretch(grey[None]), 3, 0), labels)]


def stretch(bands: NDArray[np.float32]) -> Bytes:
    """Return uint8 of the same shape: the 2nd to 98th percentile over all bands becomes 0-255."""
    valid = bands[bands != 0]
    low, high = np.percentile(valid if valid.size else bands, (2, 98))
    return (np.clip((bands - low) / max(float(high - low), 1e-6), 0, 1) * 255).astype(np.uint8)  # type: ignore[no-any-return]


def _read_rgb(path: Path) -> Bytes:
    return np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1).copy()
