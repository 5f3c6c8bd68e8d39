"""Pictures to check a model with: drawn views from above whose captions any CLIP of use should tell apart.

Drawn, because no picture of somebody else's may ship, and because their truth is certain. They are no benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Colour = tuple[int, int, int]

_GRASS: Colour = (96, 122, 66)
_ASPHALT: Colour = (98, 98, 100)
_SAND: Colour = (214, 190, 145)
_WATER: Colour = (36, 68, 92)
_WHITE: Colour = (240, 240, 240)


@dataclass(frozen=True)
class Tiles:
    """Pictures with captions.

    Attributes:
        images: uint8 (N, 3, size, size).
        captions: K different texts.
        owners: Position of each picture's caption.
    """

    images: npt.NDArray[np.uint8]
    captions: tuple[str, ...]
    owners: tuple[int, ...]


def reference_tiles(size_px: int, seeds: tuple[int, ...] = (0, 1)) -> Tiles:
    """Return the drawn tiles, ``len(seeds)`` of each kind, ``size_px`` on a side."""
    pictures, owners = [], []
    for position, draw in enumerate(_DRAWERS.values()):
        for seed in seeds:
            rng = np.random.default_rng([seed, position])
            picture = draw(size_px, rng) + rng.normal(0, 4, (size_px, size_px, 1))
            pictures.append(np.clip(picture, 0, 255).astype(np.uint8).transpose(2, 0, 1))
            owners.append(position)
    captions = tuple(f"a satellite image of {name}" for name in _DRAWERS)
    return Tiles(np.stack(pictures), captions, tuple(owners))


def _plain(size: int, colour: Colour) -> Picture:
    return np.full((size, size, 3), colour, dtype=np.float64)


def _places(size: int) -> tuple[Picture, Picture]:
    """Return row and column of each pixel as shares of the side."""
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    return rows / size, columns / size


def _texture(size: int, cells: int, rng: np.random.Generator) -> Picture:
    """Return smooth noise (size, size, 1) of about unit variance with ``cells`` bumps along a side."""
    coarse = rng.normal(size=(cells + 1, cells + 1))
    at = np.linspace(0, cells - 1e-6, size)
    low, share = at.astype(int), at % 1
    rows = coarse[low] * (1 - share)[:, None] + coarse[low + 1] * share[:, None]
    return np.asarray(rows[:, low] * (1 - share) + rows[:, low + 1] * share)[..., None] * 1.5


def _box(size: int, top: float, left: float, height: float, width: float) -> Mask:
    y, x = _places(size)
    return np.asarray((y >= top) & (y < top + height) & (x >= left) & (x < left + width))


def _lake(size: int, rng: np.random.Generator) -> Picture:
    return _plain(size, _WATER) + 5 * _texture(size, 6, rng)


def _forest(size: int, rng: np.random.Generator) -> Picture:
    return _plain(size, (44, 74, 38)) + 16 * _texture(size, 28, rng) + 8 * _texture(size, 50, rng)


def _fields(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, (120, 130, 70))
    y, x = _places(size)
    for row in range(4):
        for column in range(3):
            field = _box(size, row / 4 + 0.01, column / 3 + 0.01, 0.23, 0.31)
            green, furrows = rng.uniform(0, 1), np.sin(2 * np.pi * 40 * (x if rng.random() < 0.5 else y))
            colour = np.array([150, 120, 75]) * (1 - green) + np.array([80, 140, 60]) * green
            picture[field] = (colour + 7 * furrows[..., None])[field]
    return picture


def _desert(size: int, rng: np.random.Generator) -> Picture:
    y, x = _places(size)
    dunes = np.sin(2 * np.pi * (7 * x + 3 * y + 0.4 * _texture(size, 4, rng)[..., 0]))
    return np.asarray(_plain(size, _SAND) + 14 * dunes[..., None])


def _houses(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, _GRASS) + 10 * _texture(size, 30, rng)
    for street in (0.0, 0.33, 0.66):
        picture[_box(size, street, 0, 0.05, 1) | _box(size, 0, street, 1, 0.05)] = _ASPHALT
    for row in range(3):
        for column in range(6):
            roof = ((150, 80, 65), (120, 120, 125), (165, 130, 100))[rng.integers(3)]
            top, left = 0.09 + row / 3 + rng.uniform(0, 0.06), 0.07 + column / 6 + rng.uniform(0, 0.01)
            picture[_box(size, top, left, 0.1, 0.08)] = roof
            picture[_box(size, top + 0.05, left, 0.05, 0.08)] *= 0.8
    return picture


def _highway(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, _GRASS) + 8 * _texture(size, 12, rng)
    y, x = _places(size)
    across = (x - 0.5) * 0.94 + (y - 0.5) * 0.34
    picture[np.abs(across) < 0.13] = _ASPHALT
    picture[np.abs(across) < 0.012] = _GRASS
    lanes = (np.abs(np.abs(across) - 0.07) < 0.006) & ((y * 14) % 1 < 0.5)
    picture[lanes | (np.abs(np.abs(across) - 0.125) < 0.005)] = _WHITE
    return picture


def _river(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, _GRASS) + 14 * _texture(size, 16, rng)
    y, x = _places(size)
    middle = 0.5 + 0.18 * np.sin(2 * np.pi * y + rng.uniform(0, 3))
    picture[np.abs(x - middle) < 0.12] = _SAND
    picture[np.abs(x - middle) < 0.1] = _WATER
    return picture


def _beach(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, _GRASS) + 12 * _texture(size, 18, rng)
    _, x = _places(size)
    shore = x + 0.03 * _texture(size, 5, rng)[..., 0]
    picture[shore < 0.65] = _SAND
    picture[shore < 0.45] = (200, 220, 225)
    picture[shore < 0.42] = (40, 110, 140)
    return picture


def _car_park(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, _ASPHALT)
    paints = ((225, 225, 225), (40, 40, 45), (160, 30, 30), (40, 60, 130), (150, 150, 155))
    for row in range(6):
        for column in range(14):
            top, left = row / 6 + 0.03, column / 14 + 0.01
            picture[_box(size, top, left - 0.008, 0.1, 0.006)] = _WHITE
            if rng.random() < 0.8:
                picture[_box(size, top, left + 0.008, 0.09, 0.042)] = paints[rng.integers(len(paints))]
    return picture


def _runway(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, (130, 140, 95)) + 6 * _texture(size, 10, rng)
    y, _ = _places(size)
    picture[_box(size, 0, 0.36, 1, 0.28)] = (80, 80, 84)
    picture[_box(size, 0, 0.49, 1, 0.02) & ((y * 9) % 1 < 0.6)] = _WHITE
    for stripe in range(6):
        picture[_box(size, 0.82, 0.385 + 0.04 * stripe, 0.12, 0.02)] = _WHITE
    picture[_box(size, 0, 0.75, 1, 0.09)] = (110, 110, 112)
    return picture


def _snow(size: int, rng: np.random.Generator) -> Picture:
    return _plain(size, (236, 240, 246)) + 7 * _texture(size, 7, rng)


def _pivots(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, _SAND) + 5 * _texture(size, 8, rng)
    y, x = _places(size)
    for row in range(2):
        for column in range(2):
            disc = (y - 0.25 - row / 2) ** 2 + (x - 0.25 - column / 2) ** 2 < 0.23**2
            picture[disc] = np.array([70, 120, 50]) + rng.uniform(-20, 20)
    return picture


def _stadium(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, (150, 150, 150)) + 6 * _texture(size, 10, rng)
    y, x = _places(size)
    from_spine = np.hypot(y - 0.5, np.maximum(0, np.abs(x - 0.5) - 0.2))
    picture[from_spine < 0.28] = (176, 76, 58)
    for lane in (0.22, 0.24, 0.26):
        picture[np.abs(from_spine - lane) < 0.003] = _WHITE
    picture[from_spine < 0.2] = (70, 140, 60)
    picture[_box(size, 0.36, 0.497, 0.28, 0.006)] = _WHITE
    return picture


def _industry(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, _ASPHALT) + 4 * _texture(size, 10, rng)
    _, x = _places(size)
    for top, left, height, width in ((0.05, 0.05, 0.4, 0.55), (0.55, 0.1, 0.38, 0.4), (0.08, 0.68, 0.8, 0.26)):
        roof = _box(size, top, left, height, width)
        picture[roof] = (np.array([205, 208, 212]) + 10 * np.sin(2 * np.pi * 30 * x)[..., None])[roof]
    return picture


def _solar(size: int, rng: np.random.Generator) -> Picture:
    picture = _plain(size, (150, 140, 100)) + 6 * _texture(size, 12, rng)
    y, x = _places(size)
    panels = ((y * 12) % 1 < 0.6) & ((x * 2) % 1 < 0.92)
    picture[panels] = (28, 38, 74)
    picture[panels & ((x * 40) % 1 < 0.1)] = (90, 100, 130)
    return picture


_DRAWERS: Mapping[str, Callable[[int, np.random.Generator], Picture]] = {
    "a lake, open water": _lake,
    "a dense forest": _forest,
    "farmland with rectangular fields": _fields,
    "a sand desert with dunes": _desert,
    "a residential area with houses and streets": _houses,
    "a highway": _highway,
    "a river": _river,
    "a beach between sea and land": _beach,
    "a parking lot full of cars": _car_park,
    "an airport runway": _runway,
    "snow": _snow,
    "circular irrigated fields in a desert": _pivots,
    "a stadium with a running track": _stadium,
    "large industrial buildings": _industry,
    "a solar farm with rows of panels": _solar,
}
