"""The known weakness of few-shot heads, one and two samples, on cells of a real scene seen by the embedded model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from satclip_engine.heads.choice import LINEAR, WORDS, refit
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.fit import fit_head
from satclip_engine.heads.held_out import answer
from satclip_engine.heads.text_head import TextHead
from satclip_engine.models.encoder import load_encoder
from satclip_engine.protocol import TextOptions, parse_classes

from tests.engine.models.configs import engine_config

MINI = Path(__file__).resolve().parents[3] / "resources" / "models" / "mini"
CLASSES = parse_classes("building: building, roof\nland: bare land, sand\nroad\nvegetation: trees, grass\nwater")
COLOURS = ("3C1098", "8429F6", "6EC1E4", "FEDD3A", "E2A929")
CELL, BLOCK = 16, 12
PARTS = (1, 3, 5, 8)


@dataclass
class Scene:
    cells: Examples
    words: TextHead


@pytest.fixture(scope="module")
def scene(satclip_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    encoder = load_encoder(
        str(MINI), device="cpu", precision="fp32", config=engine_config(tmp_path_factory.mktemp("e"))
    )
    words = TextHead.from_classes(encoder, CLASSES, TextOptions())
    vectors, labels, places = [], [], []
    for part in PARTS:
        folder = satclip_data / "dubai_mbrsc" / "tile2"
        image = np.asarray(Image.open(folder / "images" / f"image_part_{part:03d}.jpg").convert("RGB"))
        mask = np.asarray(Image.open(folder / "masks" / f"image_part_{part:03d}.png").convert("RGB"))
        rows, cols = image.shape[0] // CELL, image.shape[1] // CELL
        image, mask = image[: rows * CELL, : cols * CELL], mask[: rows * CELL, : cols * CELL]
        with torch.no_grad():
            tokens = encoder.encode(torch.from_numpy(image.transpose(2, 0, 1).copy())[None]).tokens[0]
        shares = np.stack([(mask == list(bytes.fromhex(code))).all(axis=-1) for code in COLOURS], axis=-1)
        shares = shares.reshape(rows, CELL, cols, CELL, len(COLOURS)).mean(axis=(1, 3))
        clear = shares.max(axis=-1) > 0.6
        row, col = np.nonzero(clear)
        vectors.append(torch.nn.functional.normalize(tokens, dim=0).permute(1, 2, 0).numpy()[clear])
        labels.append(shares.argmax(axis=-1)[clear])
        places.append(part * 10_000 + row // BLOCK * 100 + col // BLOCK)
    count = sum(len(part) for part in labels)
    cells = Examples(np.concatenate(vectors), np.concatenate(labels), np.arange(count), np.concatenate(places))
    return Scene(cells, words)


def clicks(cells: Examples, shots: int, seed: int) -> tuple[Examples, Examples]:
    """``shots`` cells of each class from half of the blocks, and cells of the other half."""
    rng = np.random.default_rng(seed)
    blocks = rng.permutation(np.unique(cells.places))
    teach = np.isin(cells.places, blocks[: len(blocks) // 2])
    chosen = [
        rng.permutation(np.flatnonzero(teach & (cells.labels == label)))[:shots] for label in np.unique(cells.labels)
    ]
    return cells.take(np.concatenate(chosen)), cells.take(rng.permutation(np.flatnonzero(~teach))[:1500])


def balanced(head: object, test: Examples) -> float:
    answers = answer(head, test).argmax(1)
    return float(np.mean([(answers[test.labels == label] == label).mean() for label in np.unique(test.labels)]))


@pytest.mark.parametrize("shots", [1, 2, 5])
def test_it_is_as_good_as_words_and_probe(scene: Scene, shots: int) -> None:
    taught, zero_shot, probe = [], [], []
    for seed in range(5):
        examples, test = clicks(scene.cells, shots, seed)
        taught.append(balanced(fit_head(examples, scene.words, len(CLASSES)).head, test))
        zero_shot.append(balanced(refit(examples, scene.words, len(CLASSES), WORDS), test))
        probe.append(balanced(refit(examples, scene.words, len(CLASSES), LINEAR), test))
    assert np.mean(taught) >= max(np.mean(zero_shot), np.mean(probe)) - 0.02
