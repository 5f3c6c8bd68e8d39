"""Heads on disk: the same answers after, no half-written folder, and clear words about what cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.errors import HeadError, OutputError
from satclip_engine.heads.choice import LINEAR, PROTOTYPES, RESIDUAL, Choice, refit
from satclip_engine.heads.held_out import answer
from satclip_engine.heads.saved import discard_unfinished, load_head, save_head
from satclip_engine.heads.text_head import TextHead
from satclip_engine.protocol import HeadCard, HeadCardError, parse_classes, read_head_card
from satclip_engine.protocol.heads import HEAD_CARD as CARD
from satclip_engine.protocol.heads import HEAD_TENSORS as TENSORS

from tests.engine.heads.made_examples import World

WORLD = World()
CLASSES = parse_classes("sea: sea, lake #0000FF\nsand\nwood\nhäuser")
IDENTITY: dict[str, Any] = {
    "id": "mini",
    "weights_sha256": "ab" * 32,
    "head_variant": "",
    "cell_px": 16,
    "precision": "float32",
    "device_type": "cpu",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}
CACHE = Choice("tip_adapter", alpha=10.0, beta=2.0, temperature_factor=1.3)


def card() -> HeadCard:
    return HeadCard(CLASSES, IDENTITY, {"scene": "köln.tif", "samples": 12})


def saved(folder: Path, choice: Choice = RESIDUAL) -> Path:
    save_head(folder, refit(WORLD.draw(3, seed=1), WORLD.words(), 4, choice), card())
    return folder


@pytest.mark.parametrize("choice", [RESIDUAL, LINEAR, PROTOTYPES, CACHE], ids=lambda choice: choice.kind)
def test_it_answers_as_before(tmp_path: Path, choice: Choice) -> None:
    test = WORLD.draw(20, seed=2)
    head = refit(WORLD.draw(3, seed=1), WORLD.words(), 4, choice)
    save_head(tmp_path / "a" / "head", head, card())
    found = load_head(tmp_path / "a" / "head", IDENTITY)
    np.testing.assert_array_equal(answer(found.head, test), answer(head, test))
    assert type(found.head) is type(head)
    assert found.card == card()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["head"]
    assert sorted(path.name for path in (tmp_path / "a" / "head").iterdir()) == [CARD, TENSORS]


def test_words_with_synonyms_and_a_global_bias(tmp_path: Path) -> None:
    vectors = torch.nn.functional.normalize(torch.randn(6, 64, generator=torch.Generator().manual_seed(0)), dim=1)
    words = TextHead(vectors, torch.tensor([0, 0, 1, 2, 2, 3]), tuple("abcdef"), 50.0, -0.3)
    head = refit(WORLD.draw(3, seed=1).take(np.zeros(12, dtype=np.bool_)), words, 4, RESIDUAL)
    save_head(tmp_path / "head", head, card())
    loaded = load_head(tmp_path / "head", IDENTITY).head
    similarity = torch.randn(9, 10, generator=torch.Generator().manual_seed(1))
    assert torch.equal(loaded.pool(similarity), head.pool(similarity))
    assert loaded.global_bias == -0.3


def test_device_and_precision_do_not_matter(tmp_path: Path) -> None:
    load_head(saved(tmp_path / "head"), {**IDENTITY, "device_type": "cuda", "precision": "float16", "id": "copy"})


@pytest.mark.parametrize("change", [{"weights_sha256": "cd" * 32}, {"head_variant": "maskclip"}, {"cell_px": 32}])
def test_another_encoder_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(HeadError) as caught:
        load_head(saved(tmp_path / "head"), {**IDENTITY, "id": "other", **change})
    assert caught.value.code == "head.encoder"
    assert "'mini'" in caught.value.detail
    assert "'other'" in caught.value.detail
    assert "'mini'" in caught.value.remedy


def test_saving_again_replaces_the_head_and_keeps_the_samples(tmp_path: Path) -> None:
    folder = saved(tmp_path / "head", LINEAR)
    (folder / "samples.gpkg").write_bytes(b"drawn")
    saved(folder, PROTOTYPES)
    assert json.loads((folder / CARD).read_text(encoding="utf-8"))["kind"] == "prototypes"
    assert (folder / "samples.gpkg").read_bytes() == b"drawn"
    assert [path.name for path in tmp_path.iterdir()] == ["head"]


def test_what_is_not_a_head_is_not_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"x")
    file = tmp_path / "file"
    file.write_bytes(b"x")
    for target in (folder, file, file / "below"):
        with pytest.raises(OutputError) as caught:
            saved(target)
        assert caught.value.code == "head.folder"
    assert (folder / "holiday.jpg").read_bytes() == b"x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "photos"]
    (tmp_path / "empty").mkdir()
    saved(tmp_path / "empty")


def test_classes_must_fit_the_head(tmp_path: Path) -> None:
    head = refit(WORLD.draw(3, seed=1), WORLD.words(), 4, RESIDUAL)
    with pytest.raises(ValueError, match="classes"):
        save_head(tmp_path / "head", head, HeadCard(parse_classes("a; b"), IDENTITY, {}))
    assert not (tmp_path / "head").exists()


def spoil_tensors(folder: Path) -> None:
    data = bytearray((folder / TENSORS).read_bytes())
    data[-3] ^= 1
    (folder / TENSORS).write_bytes(data)


def spoil_card(folder: Path, **change: Any) -> None:
    facts = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps({**facts, **change}), encoding="utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_tensors,
        lambda folder: (folder / TENSORS).unlink(),
        lambda folder: (folder / TENSORS).write_bytes(b""),
        lambda folder: (folder / CARD).write_bytes(b"\xff\x00"),
        lambda folder: (folder / CARD).write_text("[1, 2]"),
        lambda folder: (folder / CARD).write_text((folder / CARD).read_text(encoding="utf-8")[:200]),
        lambda folder: spoil_card(folder, kind="forest"),
        lambda folder: spoil_card(folder, kind="prototypes"),
        lambda folder: spoil_card(folder, settings={}),
        lambda folder: spoil_card(folder, settings=None),
        lambda folder: spoil_card(folder, classes={"classes": []}),
        lambda folder: spoil_card(folder, classes={"classes": [{"name": "a"}, {"name": "b"}]}),
        lambda folder: spoil_card(folder, encoder="mini"),
        lambda folder: spoil_card(folder, provenance=3),
    ],
)
def test_damage_is_said(tmp_path: Path, spoil: Any) -> None:
    folder = saved(tmp_path / "head")
    spoil(folder)
    with pytest.raises(HeadError) as caught:
        load_head(folder, IDENTITY)
    assert caught.value.code == "head.damaged"
    assert "damaged" in caught.value.detail
    assert caught.value.remedy


def test_nothing_there_and_a_newer_format(tmp_path: Path) -> None:
    with pytest.raises(HeadCardError) as caught:
        read_head_card(tmp_path)
    assert caught.value.code == "head.missing"
    folder = saved(tmp_path / "head")
    spoil_card(folder, format=99)
    with pytest.raises(HeadError) as caught:
        load_head(folder, IDENTITY)
    assert caught.value.code == "head.format"


def test_what_a_killed_save_left_is_removed_and_the_old_head_stays(tmp_path: Path) -> None:
    folder = saved(tmp_path / "he[ad")
    before = (folder / CARD).read_bytes()
    # Killed between the two renames: the old head waits beside its place, the new one is not there yet.
    folder.replace(tmp_path / ".he[ad.77.old")
    (tmp_path / ".he[ad.77.new").mkdir()
    (tmp_path / ".head.77.new").mkdir()  # of another head
    discard_unfinished(folder)
    assert (folder / CARD).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".head.77.new", "he[ad"]
    # Killed after both: the old head is no longer needed.
    saved(tmp_path / "older").replace(tmp_path / ".he[ad.78.old")
    discard_unfinished(folder)
    assert (folder / CARD).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".head.77.new", "he[ad"]
