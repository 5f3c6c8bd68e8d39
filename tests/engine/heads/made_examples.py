"""Examples made by hand: classes as directions, words that are nearly right, places with a mood of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.text_head import TextHead


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@dataclass
class World:
    """Classes in D dimensions; ``words_off`` is how far the words point beside them, ``noise`` how mixed they are."""

    classes: int = 4
    dim: int = 64
    noise: float = 2.0
    words_off: float = 1.5
    mood: float = 0.6
    common: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        scale = self.dim**-0.5
        self.centres = rng.standard_normal((self.classes, self.dim)) * scale
        self.shared = rng.standard_normal(self.dim) * scale * self.common
        self.texts = unit(self.centres + rng.standard_normal((self.classes, self.dim)) * scale * self.words_off)

    def words(self, temperature: float = 30.0, classes: list[int] | None = None) -> TextHead:
        kept = list(range(self.classes)) if classes is None else classes
        vectors = torch.from_numpy(self.texts[kept])
        return TextHead(vectors, torch.tensor(kept), tuple(f"c{k}" for k in kept), temperature, 0.0)

    def draw(self, places: int, seed: int, classes: list[int] | None = None, cells: int = 1) -> Examples:
        """One object of ``cells`` cells per class and place."""
        rng = np.random.default_rng([self.seed, seed])
        kept = list(range(self.classes)) if classes is None else classes
        labels = np.tile(np.repeat(kept, cells), places)
        place = np.repeat(np.arange(places), len(kept) * cells)
        scale = self.dim**-0.5
        moods = rng.standard_normal((places, self.dim)) * scale * self.mood
        noise = rng.standard_normal((len(labels), self.dim)) * scale * self.noise
        vectors = unit(self.centres[labels] + self.shared + moods[place] + noise)
        return Examples(vectors, labels, np.arange(len(labels)) // cells, place)


def none(dim: int) -> Examples:
    empty = np.zeros(0, dtype=np.int64)
    return Examples(np.zeros((0, dim), dtype=np.float32), empty, empty, empty)


def rows(vectors: np.ndarray, labels: list[int], objects: list[int], places: list[int]) -> Examples:
    return Examples(unit(vectors), np.array(labels), np.array(objects), np.array(places))
