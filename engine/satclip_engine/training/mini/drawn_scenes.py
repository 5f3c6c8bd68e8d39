"""Draws scenes with exact masks: textures cut from real images; roads, houses, shadows, water and trees on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from satclip_engine.training.mini.image_data import AidScenes, Bytes, LabelledImage
from satclip_engine.training.mini.labels import SCENE_MAIN, Label, bits

SIDE_PX = 192
WATER_CLASSES = ("Pond", "River", "Beach", "Port", "Bridge")
ROOF_COLOURS = (
    (178, 84, 62), (150, 70, 55), (200, 110, 80), (120, 120, 125), (90, 95, 100), (215, 215, 215),
    (235, 232, 225), (165, 150, 130), (190, 175, 150), (80, 110, 150), (60, 130, 170), (110, 85, 70),
)  # fmt: skip
ROAD_GREYS = (75, 95, 115, 135, 160, 185)


@dataclass(frozen=True)
class Texture:
    """A piece of one ground cover.

    Attributes:
        pixels: uint8 (h, w, 3).
        labels: Bits of its labels.
    """

    pixels: Bytes
    labels: int


def collect_textures(scenes: AidScenes) -> list[Texture]:
    """Return whole images of the nearly uniform classes and square pieces of open water."""
    textures = []
    for image, name in zip(scenes.images, scenes.classes, strict=True):
        main = SCENE_MAIN.get(name)
        if main is not None:
            textures.append(Texture(image.transpose(1, 2, 0), bits(main)))
        elif name in WATER_CLASSES:
            piece = find_open_water(image)
            if piece is not None:
                textures.append(Texture(piece, bits(Label.WATER)))
    return textures


def find_open_water(image: Bytes, side_px: int = 48) -> Bytes | None:
    """Return the smoothest square of an image that is not brighter in red than in green and blue, or None."""
    pixels = image.transpose(1, 2, 0)
    best_spread, best = 7.0, None
    for top in range(0, pixels.shape[0] - side_px, 17):
        for left in range(0, pixels.shape[1] - side_px, 17):
            piece = pixels[top : top + side_px, left : left + side_px]
            red, green, blue = piece.reshape(-1, 3).mean(0)
            spread = float(piece.mean(2).std())
            if spread < best_spread and red < max(green, blue) - 4 < 166 and blue > 0.74 * green:
                best_spread, best = spread, piece
    return best


def draw_scene(textures: Sequence[Texture], rng: np.random.Generator) -> LabelledImage:
    """Return a drawn scene of SIDE_PX with the labels of every pixel."""
    ground = [texture for texture in textures if texture.labels != bits(Label.WATER)]
    water = [texture for texture in textures if texture.labels == bits(Label.WATER)]
    canvas, labels = _collage(ground, rng)
    if rng.random() < 0.55:
        blob = _blob(rng, rng.uniform(0.1, 0.45))
        canvas[blob] = _fill(water[int(rng.integers(len(water)))], rng)[blob]
        labels[blob] = bits(Label.WATER)
    image = Image.fromarray(canvas)
    mask = Image.fromarray(labels.astype(np.int32), mode="I")
    angle = rng.uniform(0, np.pi)
    if rng.random() < 0.7:
        _draw_houses(image, mask, angle, rng)
    if rng.random() < 0.75:
        _draw_roads(image, mask, angle, rng)
    if rng.random() < 0.5:
        _draw_trees(image, mask, rng)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))).astype(np.float32)
    noisy = soft + rng.normal(0, rng.uniform(0, 5), soft.shape)
    return LabelledImage(np.clip(noisy, 0, 255).astype(np.uint8).transpose(2, 0, 1), np.asarray(mask).astype(np.int64))


def _fill(texture: Texture, rng: np.random.Generator) -> Bytes:
    """Return the texture cut, enlarged and turned to the canvas size."""
    side = min(texture.pixels.shape[:2])
    cut = int(side * rng.uniform(0.5, 1.0))
    top, left = rng.integers(0, texture.pixels.shape[0] - cut + 1), rng.integers(0, texture.pixels.shape[1] - cut + 1)
    piece = np.rot90(texture.pixels[top : top + cut, left : left + cut], int(rng.integers(4)))
    return np.array(Image.fromarray(np.ascontiguousarray(piece)).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))


def _noise(rng: np.random.Generator, cells: int) -> NDArray[np.float32]:
    field = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
    return np.asarray(field.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))


def _blob(rng: np.random.Generator, share: float) -> NDArray[np.bool_]:
    field = _noise(rng, int(rng.integers(3, 7))) + 0.15 * _noise(rng, 24)
    return field > np.quantile(field, 1 - share)  # type: ignore[no-any-return]


def _collage(ground: Sequence[Texture], rng: np.random.Generator) -> tuple[Bytes, NDArray[np.int64]]:
    n_regions = int(rng.integers(2, 6))
    seeds = rng.uniform(0, SIDE_PX, (n_regions, 2))
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    wobble = (_noise(rng, 12) - 0.5) * 30
    distance = [np.hypot(rows - y + wobble, columns - x - wobble) for y, x in seeds]
    region = np.argmin(distance, axis=0)
    canvas = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    labels = np.zeros((SIDE_PX, SIDE_PX), np.int64)
    for i in range(n_regions):
        texture = ground[int(rng.integers(len(ground)))]
        inside = region == i
        canvas[inside] = _fill(texture, rng)[inside]
        labels[inside] = texture.labels
    return canvas, labels


def _draw_roads(image: Image.Image, mask: Image.Image, angle: float, rng: np.random.Generator) -> None:
    painter, marker = ImageDraw.Draw(image), ImageDraw.Draw(mask)
    for i in range(int(rng.integers(1, 5))):
        direction = angle + (np.pi / 2 if i % 2 else 0) + rng.normal(0, 0.08)
        centre = rng.uniform(0.1, 0.9, 2) * SIDE_PX
        step = np.array([np.cos(direction), np.sin(direction)]) * SIDE_PX
        bend = rng.normal(0, 8, (5, 2))
        points = [tuple(centre + step * t + b) for t, b in zip((-1.5, -0.5, 0, 0.5, 1.5), bend, strict=True)]
        width = int(rng.integers(4, 22))
        grey = int(rng.choice(ROAD_GREYS)) + int(rng.integers(-12, 13))
        tint = rng.integers(-8, 12, 3)
        painter.line(points, fill=tuple(int(np.clip(grey + c, 0, 255)) for c in tint), width=width, joint="curve")
        marker.line(points, fill=bits(Label.ROAD), width=width, joint="curve")
        if width > 9 and rng.random() < 0.6:
            painter.line(points, fill=(225, 225, 215), width=1)


def _draw_houses(image: Image.Image, mask: Image.Image, angle: float, rng: np.random.Generator) -> None:
    painter, marker = ImageDraw.Draw(image), ImageDraw.Draw(mask)
    size = rng.uniform(9, 34)
    spacing = size * rng.uniform(1.25, 2.4)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    shadow = rng.uniform(-0.3, 0.3, 2) * size
    steps = np.arange(-SIDE_PX, SIDE_PX, spacing)
    share = rng.uniform(0.2, 0.9)
    palette = [ROOF_COLOURS[i] for i in rng.integers(0, len(ROOF_COLOURS), 3)]
    for u in steps:
        for v in steps:
            centre = SIDE_PX / 2 + along * u + across * v + rng.normal(0, size * 0.08, 2)
            if rng.random() > share or not (-size < centre).all() or not (centre < SIDE_PX + size).all():
                continue
            half = size * rng.uniform(0.32, 0.5, 2)
            corners = [
                centre + along * half[0] * a + across * half[1] * b for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
            ]
            painter.polygon([tuple(c + shadow) for c in corners], fill=(38, 40, 45))
            colour = np.array(palette[rng.integers(3)]) + rng.integers(-18, 19, 3)
            outline = [tuple(c) for c in corners]
            painter.polygon(outline, fill=tuple(np.clip(colour, 0, 255).tolist()))
            marker.polygon(outline, fill=bits(Label.BUILDING))
            if rng.random() < 0.6:
                dark = tuple(np.clip(colour * rng.uniform(0.7, 0.9), 0, 255).astype(int).tolist())
                middle = [(corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2]
                painter.polygon([outline[0], outline[1], tuple(middle[1]), tuple(middle[0])], fill=dark)


def _draw_trees(image: Image.Image, mask: Image.Image, rng: np.random.Generator) -> None:
    painter, marker = ImageDraw.Draw(image), ImageDraw.Draw(mask)
    radius = rng.uniform(2.5, 9)
    green = np.array((45, 75, 40)) + rng.integers(-20, 25, 3)
    for _ in range(int(rng.integers(10, 70))):
        x, y = rng.uniform(0, SIDE_PX, 2)
        r = radius * rng.uniform(0.6, 1.2)
        painter.ellipse((x - r * 0.5, y - r * 0.5, x + r * 1.4, y + r * 1.4), fill=(30, 38, 30))
        shade = tuple(np.clip(green + rng.integers(-12, 13), 0, 255).tolist())
        painter.ellipse((x - r, y - r, x + r, y + r), fill=shade)
        light = tuple(np.clip(green + 25, 0, 255).tolist())
        painter.ellipse((x - r * 0.7, y - r * 0.7, x + r * 0.1, y + r * 0.1), fill=light)
        marker.ellipse((x - r, y - r, x + r, y + r), fill=bits(Label.TREE))
