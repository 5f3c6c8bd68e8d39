"""The committed embedded model: loads with plain open_clip, is small, and knows words it was not shown with images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.mini.architecture import CARD, CONTEXT_LENGTH
from torch.nn import functional

FOLDER = Path(__file__).resolve().parents[4] / "resources" / "models" / "mini"


@pytest.fixture(scope="module")
def model() -> Any:
    ensure_torchvision_imports()
    import open_clip

    return open_clip.create_model_and_transforms(f"local-dir:{FOLDER}")[0].float().eval()


@torch.inference_mode()
def words(model: Any, texts: list[str]) -> torch.Tensor:
    """Return (N, D) unit vectors, averaged over the templates of the card."""
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer(str(FOLDER / "bpe.txt.gz"), context_length=CONTEXT_LENGTH)
    wrapped = [template.format(text) for text in texts for template in CARD["templates"]]
    vectors = functional.normalize(model.encode_text(tokenizer(wrapped)), dim=-1)
    return functional.normalize(vectors.unflatten(0, (len(texts), -1)).mean(1), dim=-1)


def test_it_fits_in_20_mb() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 20e6


def test_its_card_is_the_one_that_training_writes() -> None:
    card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
    assert {**card, "temperature": None} == {**CARD, "temperature": None}
    assert card["temperature"] > 1
    assert card["gsd_min_m"] < card["gsd_recommended_m"] < card["gsd_max_m"]
    assert all(template.count("{}") == 1 for template in card["templates"])


@pytest.mark.parametrize(
    ("word", "neighbour"),
    [
        ("woodland", "forest"),
        ("reservoir", "pond"),
        ("tarmac", "road"),
        ("car park", "parking lot"),
        ("crop land", "farmland"),
        ("harbour", "port"),
    ],
)
def test_unseen_words_land_near_their_seen_neighbours(model: Any, word: str, neighbour: str) -> None:
    known = ["forest", "pond", "road", "parking lot", "farmland", "port", "church", "stadium", "mountain", "school"]
    cosines = words(model, [word]) @ words(model, known).T
    assert known[int(cosines.argmax())] == neighbour
