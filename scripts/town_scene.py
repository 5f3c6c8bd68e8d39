"""A real town with a layer of land use over its western part: what the tutorial of fine-tuning trains on.

The images and masks are those of MBRSC's Dubai set (CC0). They carry no place on earth: the scene gets a local one, of
metres as wide as its pixels.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.features import shapes
from rasterio.transform import from_origin

# The tile that the embedded model was not trained on.
TILE = "tile7"
# Its nine parts make 5450 x 6184 pixels: a third of that is a scene to train on in minutes.
SHRINK = 3
CLASSES = {
    "3C1098": "buildings",
    "8429F6": "bare land",
    "6EC1E4": "roads",
    "FEDD3A": "vegetation",
    "E2A929": "water",
}
GSD_M = 1.0
# What lies west of this share of the width has its use known; the rest tells how good a map is.
KNOWN_SHARE = 0.6
_CRS = "EPSG:32640"
_TRANSFORM = from_origin(300_000, 2_780_000, GSD_M, GSD_M)


def write_town(data: Path, folder: Path) -> None:
    """Write ``town.tif``, ``land_use.geojson`` (of its west) and ``truth.tif`` (codes from 1 as in ``CLASSES``)."""
    tile = data / "dubai_mbrsc" / TILE
    image = _stitched(sorted((tile / "images").glob("*.jpg")), Image.Resampling.BOX)
    mask = _stitched(sorted((tile / "masks").glob("*.png")), Image.Resampling.NEAREST)
    codes = np.zeros(mask.shape[:2], np.uint8)
    for code, colour in enumerate(CLASSES, start=1):
        codes[(mask == np.array(bytearray.fromhex(colour), np.uint8)).all(axis=2)] = code
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "town.tif", image.transpose(2, 0, 1))
    _write(folder / "truth.tif", codes[None])
    known = codes[:, : round(codes.shape[1] * KNOWN_SHARE)]
    names = list(CLASSES.values())
    features = [
        {"type": "Feature", "geometry": shape, "properties": {"use": names[int(code) - 1]}}
        for shape, code in shapes(known, known > 0, transform=_TRANSFORM)
    ]
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{_CRS.replace(':', '::')}"}}
    collection = {"type": "FeatureCollection", "name": "land_use", "crs": crs, "features": features}
    (folder / "land_use.geojson").write_text(json.dumps(collection), encoding="utf-8")


def _stitched(parts: list[Path], resampling: Image.Resampling) -> npt.NDArray[np.uint8]:
    """Return nine parts, row by row three side by side, as one picture (height, width, 3), shrunk."""
    pictures = [np.asarray(Image.open(part).convert("RGB")) for part in parts]
    height, width = (min(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    cut = [picture[:height, :width] for picture in pictures]
    whole = Image.fromarray(np.concatenate([np.concatenate(cut[row : row + 3], axis=1) for row in (0, 3, 6)]))
    return np.asarray(whole.resize((whole.width // SHRINK, whole.height // SHRINK), resampling))


def _write(path: Path, bands: npt.NDArray[np.uint8]) -> None:
    count, height, width = bands.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "uint8", "tiled": True}
    with rasterio.open(path, "w", crs=_CRS, transform=_TRANSFORM, compress="deflate", **profile) as raster:
        raster.write(bands)


if __name__ == "__main__":
    write_town(Path(sys.argv[1]), Path(sys.argv[2]))
