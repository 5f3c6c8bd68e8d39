"""A small georeferenced scene that the project draws itself: for demos and tests where no imagery is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from PIL import Image, ImageDraw, ImageFilter
from rasterio.transform import from_origin

SIDE_PX = 800
GSD_M = 1.0


def draw_sample_scene(path: Path, seed: int = 7) -> Path:
    """Draw fields, a wood, a river, roads and houses, 800 x 800 px of 1 m in UTM 32N, and write them as GeoTIFF."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), (120, 140, 80))
    draw = ImageDraw.Draw(image)
    _fields(draw, rng)
    _wood(draw, rng)
    _river(draw)
    _village(draw, rng)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
    pixels = np.clip(pixels + rng.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "width": SIDE_PX, "height": SIDE_PX, "count": 3, "dtype": "uint8", "tiled": True}
    transform = from_origin(500_000, 5_500_000, GSD_M, GSD_M)
    with rasterio.open(path, "w", crs="EPSG:32632", transform=transform, compress="deflate", **profile) as raster:
        raster.write(pixels.transpose(2, 0, 1))
    return path


def _fields(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    colours = [(168, 152, 108), (140, 160, 84), (190, 172, 120), (110, 138, 70), (152, 128, 96)]
    for row in range(0, SIDE_PX, 160):
        for col in range(0, SIDE_PX, 200):
            red, green, blue = colours[rng.integers(len(colours))]
            draw.rectangle((col + 3, row + 3, col + 196, row + 156), fill=(red, green, blue))
            for line in range(row + 6, row + 156, 6):
                draw.line((col + 3, line, col + 196, line), fill=(red - 8, green - 8, blue - 6))


def _wood(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.polygon([(0, 520), (260, 480), (330, 640), (240, 800), (0, 800)], fill=(38, 66, 36))
    for _ in range(1600):
        x, y = rng.integers(0, 320), rng.integers(490, 800)
        if y > 520 - x * 0.15 and x + (y - 480) * 0.1 < 330:
            size, shade = rng.integers(5, 11), rng.integers(-14, 18)
            draw.ellipse((x, y, x + size, y + size), fill=(44 + shade // 2, 78 + shade, 40 + shade // 2))


def _river(draw: ImageDraw.ImageDraw) -> None:
    points = [(x, 250 + 60 * np.sin(x / 130) + 0.1 * x) for x in range(-20, SIDE_PX + 20, 10)]
    draw.line(points, fill=(96, 110, 78), width=64, joint="curve")
    draw.line(points, fill=(42, 72, 92), width=50, joint="curve")


def _village(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.line((560, 0, 600, SIDE_PX), fill=(128, 128, 130), width=12)
    draw.line((400, 560, SIDE_PX, 520), fill=(134, 132, 130), width=9)
    roofs = [(168, 84, 64), (150, 72, 58), (190, 104, 80), (132, 132, 138)]
    for row in range(440, 760, 46):
        for col in range(430, 780, 52):
            if abs(col - 590) < 30 or abs(row - 540) < 28 or rng.random() < 0.15:
                continue
            width, height = rng.integers(16, 28), rng.integers(12, 22)
            draw.rectangle((col + 4, row + 4, col + width + 4, row + height + 4), fill=(58, 62, 54))
            draw.rectangle((col, row, col + width, row + height), fill=roofs[rng.integers(len(roofs))])
