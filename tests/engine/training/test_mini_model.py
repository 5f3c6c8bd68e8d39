"""The committed embedded model: loads with plain open_clip, is small, and knows words it was not shown with images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from satclip_engine.training.mini_eval import MiniModel

FOLDER = Path(__file__).resolve().parents[3] / "resources" / "models" / "mini"


@pytest.fixture(scope="module")
def model() -> MiniModel:
    return MiniModel.load(FOLDER)


def test_it_fits_in_20_mb() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 20e6


def test_its_card_can_be_read() -> None:
    card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
    assert card["id"] == "mini"
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
def test_unseen_words_land_near_their_seen_neighbours(model: MiniModel, word: str, neighbour: str) -> None:
    known = ["forest", "pond", "road", "parking lot", "farmland", "port", "church", "stadium", "mountain", "school"]
    query, _ = model.words([(word,)])
    names, _ = model.words([(name,) for name in known])
    assert known[int((query @ names.T).argmax())] == neighbour
