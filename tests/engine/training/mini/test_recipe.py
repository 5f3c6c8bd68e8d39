"""What training keeps back, how the last stretch's weight is chosen, and what an ablation takes away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from satclip_engine.harness.datasets import find_dataset
from satclip_engine.training.mini.ablation import VARIANTS, Ingredients, RandomWords, plain_colours, table
from satclip_engine.training.mini.image_data import AidScenes, LabelledImage
from satclip_engine.training.mini.labels import UNKNOWN
from satclip_engine.training.mini.loop import DenseSource, LoopOptions
from satclip_engine.training.mini.recipe import choose_weight
from satclip_engine.training.mini.sources import load_train_scenes
from satclip_engine.training.mini.validation import N_KEPT_BACK, ValidationScores, kept_back, kept_back_sets


def test_what_is_kept_back_is_never_trained_on_and_differs_by_seed(satclip_data: Path) -> None:
    sets = kept_back_sets(satclip_data, seed=0)
    assert {name: len(dataset.items()) for name, dataset in sets.items()} == {
        "aid_rsicd": N_KEPT_BACK,
        "dubai_mbrsc": 2,
        "dubai_synonyms": 2,
    }
    train = find_dataset("aid_rsicd", satclip_data).items("train")
    scenes = load_train_scenes(satclip_data / "aid_rsicd", seed=0)
    assert len(scenes.classes) + N_KEPT_BACK == len(train)
    trained = {image.tobytes() for image in scenes.images}
    held = sets["aid_rsicd"].items("", "classification")[:40]
    assert not any(item.read_image().tobytes() in trained for item in held)
    assert set(kept_back(len(train), 0)) != set(kept_back(len(train), 1))


def test_the_weight_with_the_best_maps_wins_unless_it_forgets_scenes() -> None:
    def scores(top1: float, mean_iou: float) -> ValidationScores:
        return ValidationScores(top1, 0.2, mean_iou, 0.3)

    found = {0.5: scores(0.905, 0.38), 0.7: scores(0.901, 0.40), 0.85: scores(0.897, 0.42), 1.0: scores(0.88, 0.50)}
    assert choose_weight(found) == 0.85


@pytest.fixture
def full() -> Ingredients:
    labelled = LabelledImage(np.zeros((3, 8, 8), np.uint8), np.full((8, 8), UNKNOWN, np.int64))
    return Ingredients(
        teacher=RandomWords(["lake", "road"]),
        scenes=AidScenes(np.zeros((1, 3, 8, 8), np.uint8), ["Pond"], [["a pond beside a road"]]),
        sources=[DenseSource(name, [labelled], 0.5, (0.5, 2.0)) for name in ("dubai_mbrsc", "drawn", "spacenet")],
        options=LoopOptions(steps=4),
    )


def test_every_variant_but_the_full_recipe_takes_something_away(full: Ingredients) -> None:
    variants = {name: change(full) for name, change in VARIANTS.items()}
    teacher = variants.pop("no sentence teacher (random word vectors)")
    assert teacher.teacher is not full.teacher
    assert variants.pop("full recipe") == full
    assert all(variant != full for variant in variants.values())
    assert variants["no captions (scene names only)"].scenes.captions == [["a photo of pond"]]
    assert [source.name for source in variants["no drawn scenes"].sources] == ["dubai_mbrsc", "spacenet"]
    assert [source.name for source in variants["no masks of dubai_mbrsc"].sources] == ["drawn", "spacenet"]
    assert variants["no change of colours"].options.colours is plain_colours


def test_random_words_know_only_which_words_are_the_same() -> None:
    teacher = RandomWords(["lake"])
    same, other, shared = teacher.encode(["lake", "road", "lake road"])
    assert float(same.norm()) == pytest.approx(1)
    assert abs(float(same @ other)) < 0.2
    assert float(shared @ same) > 0.6
    torch.testing.assert_close(teacher.encode(["lake"])[0], same)


def test_the_table_is_in_percent() -> None:
    assert table({"full recipe": ValidationScores(0.9, 0.2, 0.4, 0.35)}).splitlines()[-1] == (
        "| full recipe | 90.0 | 20.0 | 40.0 | 35.0 |"
    )
