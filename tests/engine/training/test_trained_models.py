"""The model that a training leaves: the same as the learner's, mapped with, exported, mixed, and honest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.evaluation.segmentation import confusion_matrix
from satclip_engine.harness.vectors import prepare
from satclip_engine.models.encoder import Encoder, load_encoder
from satclip_engine.models.folders import find_weights
from satclip_engine.models.lora import lora_updates
from satclip_engine.models.registry.imports import import_model
from satclip_engine.models.weights import read_state_dict
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import (
    LORA_FILE,
    TEST,
    ClassSet,
    ClassSpec,
    Pair,
    PairRaster,
    PairSetInfo,
    Stage,
    TrainRequest,
)
from satclip_engine.training import fine_tune as module
from satclip_engine.training.class_words import class_vectors
from satclip_engine.training.fine_tune import fine_tune
from satclip_engine.training.held_out import ask_held_out
from satclip_engine.training.learner import Learner, load_learner
from satclip_engine.training.mask_answers import mask_answers
from satclip_engine.training.photo_vectors import photo_vectors

from tests.engine.helpers.miniature_set import GROUND

Ask = Callable[..., TrainRequest]
CPU = torch.device("cpu")
STAGES = (Stage(steps=6, batch=8, learning_rate=1e-2),)


def train(request: TrainRequest, config: Config) -> Path:
    return fine_tune(request, config=config, progress=lambda _: None, check_cancelled=lambda: None)


def encoder_of(folder: Path, config: Config) -> Encoder:
    return load_encoder(str(folder), device="cpu", precision="fp32", config=config)


def vectors(encoder: Encoder, pair_set: PairSet) -> np.ndarray:
    with PairImages(pair_set) as images:
        pictures = np.stack([prepare(images.read(pair), 64) for pair in pair_set.of_split(TEST)])
    features = encoder.encode(torch.from_numpy(pictures))
    return np.concatenate([features.tokens.flatten(1).numpy(), features.cls.numpy()], axis=1)


@pytest.mark.parametrize("method", ["projection", "last_blocks", "lora", "adapter", "full"])
def test_the_model_answers_as_the_learner_did(
    method: str, asked: Ask, config: Config, miniature: PairSet, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learners: list[Learner] = []

    def remember(*arguments: object) -> Learner:
        learners.append(load_learner(*arguments))
        return learners[-1]

    monkeypatch.setattr(module, "load_learner", remember)
    folder = train(asked(method, STAGES), config)
    encoder, (learner,) = encoder_of(folder, config), learners
    pictures = torch.from_numpy(np.stack([np.full((3, 64, 64), 20 * n, np.uint8) for n in range(1, 6)]))
    learner.eval()
    with torch.no_grad():
        np.testing.assert_allclose(encoder.encode(pictures).tokens, learner.tokens(pictures), atol=1e-5)
        texts = ["water", "a small wood beside a field"]
        np.testing.assert_allclose(encoder.encode_texts(texts), learner.texts(learner.ids(texts)), atol=1e-5)
    before = encoder_of(tiny, config)
    assert np.abs(vectors(encoder, miniature) - vectors(before, miniature)).max() > 0.01
    assert encoder.identity() != before.identity()


def test_a_map_with_it_is_another_map(
    asked: Ask, config: Config, tiny: Path, tmp_path: Path, make_raster: Callable[..., Path]
) -> None:
    rows, cols = np.mgrid[0:160, 0:192] // 32
    colours = np.array(list(GROUND.values()), np.uint8)[(rows + 2 * cols) % 4]
    scene = make_raster(data=colours.transpose(2, 0, 1))
    stage = Stage("dense", steps=60, batch=8, learning_rate=3e-3)
    model = train(asked("full", (stage,)), config)

    def mapped(name: str, path: Path) -> np.ndarray:
        out = tmp_path / name
        command = [sys.executable, "-m", "satclip_engine", "segment", str(scene), "--model", str(path)]
        command += ["--out", str(out), "--classes", "; ".join(GROUND), "--device", "cpu"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with rasterio.open(out / "thematic.tif") as raster:
            return raster.read(1)

    truth = (rows + 2 * cols) % 4
    before, after = mapped("before", tiny), mapped("after", model)
    right_before, right_after = (float((one - one.min() * 0 == truth + 1).mean()) for one in (before, after))
    assert (before != after).any()
    assert right_after > max(right_before + 0.2, 0.6)


def test_card_and_readme_say_what_it_is(asked: Ask, config: Config) -> None:
    request = replace(asked(stages=STAGES), title="Drawn ground model")
    folder = train(request, config)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert (card["id"], card["title"]) == ("model", "Drawn ground model")
    assert "CC0" in card["licence"]
    training = card["training"]
    assert training["recipe"]["method"]["kind"] == "lora"
    assert training["recipe"]["stages"][0]["steps"] == 6
    assert training["seed"] == 3
    assert training["pairs"] == {"title": "Drawn ground", "origin": ["Drawn by a test."]}
    assert training["before_after"]["split"] == "test"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for wanted in ("Drawn ground model", "Drawn by a test.", "CC0", "16 train", "seed 3", "method `lora`"):
        assert wanted in readme
    for name, value in training["before_after"]["after"].items():
        before = training["before_after"]["before"][name]
        assert f"| {name.replace('_', ' ')}, test pairs | {before:.3f} | {value:.3f} |" in readme
    for score, total in (("accuracy", 8), ("mean_iou", 8 * 64 * 64)):
        for counts in (training["before_after"][f"confusions_{when}"][score] for when in ("before", "after")):
            assert sum(sum(row.values()) for row in counts.values()) == total
            assert counts.keys() <= GROUND.keys()
    rows = training["before_after"]["confusions_after"]["accuracy"]
    recalls = [row.get(name, 0) / sum(row.values()) for name, row in rows.items()]
    assert training["before_after"]["after"]["accuracy"] == pytest.approx(np.mean(recalls))
    wrong = [(n, truth, taken) for truth, row in rows.items() for taken, n in row.items() if taken != truth]
    n, truth, taken = max(wrong, key=lambda one: one[0])
    assert f"| accuracy | {truth} | {taken} |" in readme
    assert f"| {n / sum(rows[truth].values()):.0%} |" in readme
    assert encoder_of(folder, config).card.title == "Drawn ground model"
    assert not list((folder / "run").glob("*.pt"))


def test_a_lora_goes_back_into_exactly_its_base(
    asked: Ask, config: Config, tiny: Path, miniature: PairSet, tmp_path: Path
) -> None:
    folder = train(asked(stages=STAGES), config)
    shutil.copytree(tiny, config.models_dir / "tiny")
    again = import_model(folder / LORA_FILE, config, "again")
    trained, imported = read_state_dict(find_weights(folder)), read_state_dict(find_weights(again))
    assert trained.keys() == imported.keys()
    assert all(torch.allclose(trained[name], imported[name], atol=1e-6) for name in trained)
    mine, others = (vectors(encoder_of(path, config), miniature) for path in (folder, again))
    np.testing.assert_allclose(mine, others, atol=1e-5)


@pytest.mark.parametrize("method", ["last_blocks", "lora", "adapter"])
def test_half_the_way_lies_between(method: str, asked: Ask, config: Config, tiny: Path, miniature: PairSet) -> None:
    paths = [tiny]
    for share in (0.001, 0.5, 1.0):
        paths.append(train(asked(method, STAGES, out=f"share-{share}", weight=share), config))
    start, least, half, whole = (vectors(encoder_of(path, config), miniature) for path in paths)
    way = np.linalg.norm(whole - start)
    assert way > 1.0
    assert np.linalg.norm(least - start) < 0.05 * way
    assert 0.1 * way < np.linalg.norm(half - start) < 0.9 * way
    assert np.linalg.norm(half - whole) < 0.9 * way
    if method != "adapter":
        weights = [read_state_dict(find_weights(path)) for path in (tiny, paths[2], paths[3])]
        for first, middle, last in zip(*(one.values() for one in weights), strict=True):
            torch.testing.assert_close(middle, (first + last) / 2, rtol=1e-4, atol=1e-5)


def test_nothing_of_a_lora_is_left_in_the_weights(asked: Ask, config: Config, tiny: Path) -> None:
    trained = read_state_dict(find_weights(train(asked(stages=STAGES), config)))
    before = read_state_dict(find_weights(tiny))
    assert trained.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], trained[name])}
    assert changed == {name for name in before if name.endswith("in_proj_weight")}


def test_it_is_trained_on_once_more(asked: Ask, config: Config) -> None:
    for method in ("adapter", "lora"):
        first = train(asked(method, STAGES, out=f"{method}-one"), config)
        second = train(asked(method, STAGES, out=f"{method}-two", model=first), config)
        assert encoder_of(second, config).identity() != encoder_of(first, config).identity()
        assert json.loads((second / "card.json").read_text())["training"]["base"] == f"{method}-one"


def test_held_out_scores_are_those_of_the_definition(
    config: Config, tiny: Path, miniature: PairSet, asked: Ask
) -> None:
    """Recall, accuracy and mean IoU once more, in plain NumPy; some pictures share a caption."""
    model = train(asked("full", STAGES), config)
    learner, pairs = load_learner(str(model), CPU, config), miniature.of_split(TEST)
    pairs = tuple(replace(pair, captions=(*pair.captions, f"a picture of {pair.label}")) for pair in pairs)
    classes = miniature.info.classes
    assert classes is not None
    with PairImages(miniature) as images:
        photos = photo_vectors(learner, pairs, images)
        scores = ask_held_out(learner, pairs, images, classes, lambda: None, photos).scores
        pictures = [images.read(pair) for pair in pairs]
        taken = [name for pair in pairs for name in pair.photos]
        ground = learner.images(torch.from_numpy(np.stack([prepare(images.read_photo(name), 64) for name in taken])))
    assert not lora_updates(learner.clip)
    with torch.no_grad():
        seen = learner.images(torch.from_numpy(np.stack([prepare(one, 64) for one in pictures]))).numpy()
        texts = sorted({caption for pair in pairs for caption in pair.captions})
        said = learner.texts(learner.ids(texts)).numpy()
        names = [learner.source.card.templates[0].format(name) for name in classes.names]
        named = learner.texts(learner.ids(names)).numpy()
        cells = learner.tokens(torch.from_numpy(np.stack(pictures)))
    similarity = seen @ said.T
    hits = []
    for k in (1, 5, 10):
        best = np.argsort(-similarity, axis=1)[:, :k]
        hits.append(np.mean([any(texts[j] in pairs[i].captions for j in best[i]) for i in range(len(pairs))]))
        best = np.argsort(-similarity, axis=0)[:k]
        hits.append(np.mean([any(text in pairs[i].captions for i in best[:, j]) for j, text in enumerate(texts)]))
    assert scores["recall"] == pytest.approx(np.mean(hits))
    similarity = seen @ ground.detach().numpy().T
    hits = []
    for k in (1, 5, 10):
        best = np.argsort(-similarity, axis=1)[:, :k]
        hits.append(np.mean([any(taken[j] in pair.photos for j in row) for pair, row in zip(pairs, best, strict=True)]))
        best = np.argsort(-similarity, axis=0)[:k]
        hits.append(np.mean([any(name in pairs[i].photos for i in best[:, j]) for j, name in enumerate(taken)]))
    assert scores["photo_recall"] == pytest.approx(np.mean(hits))
    labels = np.array([classes.names.index(pair.label) for pair in pairs])
    decided = (seen @ named.T).argmax(axis=1)
    recalls = [(decided[labels == k] == k).mean() for k in np.unique(labels)]
    assert scores["accuracy"] == pytest.approx(np.mean(recalls))
    unit = torch.nn.functional.normalize(cells, dim=1)
    maps = torch.einsum("ndhw,kd->nkhw", unit, torch.from_numpy(named))
    fine = torch.nn.functional.interpolate(maps, size=(64, 64), mode="bilinear").argmax(1).numpy()
    truth = np.stack([np.asarray(Image.open(miniature.path_of(pair.mask))) for pair in pairs]) - 1
    shares = [((fine == k) & (truth == k)).sum() / ((fine == k) | (truth == k)).sum() for k in range(4)]
    assert scores["mean_iou"] == pytest.approx(np.mean(shares), abs=1e-6)


def test_a_chip_smaller_than_the_models_window_is_asked_as_the_map_asks(
    config: Config, tiny: Path, tmp_path: Path, make_raster: Callable[..., Path]
) -> None:
    learner = load_learner(str(tiny), CPU, config)
    values = np.random.default_rng(2).integers(0, 255, (3, 96, 96), np.uint8)
    scene, classes = make_raster(data=values), ClassSet(tuple(ClassSpec(name) for name in GROUND))
    masks = np.arange(96 * 96, dtype=np.uint8).reshape(96, 96) % 4 + 1
    chips = {"whole": (16, 16, 64, 64), "middle": (32, 40, 32, 16), "corner": (80, 0, 16, 16)}
    for name, (col, row, width, height) in chips.items():
        Image.fromarray(masks[row : row + height, col : col + width]).save(tmp_path / f"{name}.png")
    pairs = {
        name: Pair(name, str(scene), window_px=window, mask=f"{name}.png", gsd_m=1.0) for name, window in chips.items()
    }
    pair_set = PairSet(tmp_path, PairSetInfo(classes=classes, rasters=(PairRaster(str(scene)),)), (*pairs.values(),))
    learner.eval()
    with PairImages(pair_set) as images, torch.inference_mode():
        named = class_vectors(learner, classes)
        for name, (left, top) in {"whole": (16, 16), "middle": (16, 16), "corner": (32, 0)}.items():
            seen = torch.from_numpy(values[None, :, top : top + 64, left : left + 64])
            cells = torch.nn.functional.normalize(learner.tokens(seen), dim=1)
            scores = torch.einsum("ndhw,kd->nkhw", cells, named)
            answer = torch.nn.functional.interpolate(scores, size=(64, 64), mode="bilinear")[0].argmax(0).numpy()
            col, row, width, height = chips[name]
            wanted = confusion_matrix(
                masks[row : row + height, col : col + width].astype(int) - 1,
                answer[row - top : row - top + height, col - left : col - left + width],
                4,
            )
            np.testing.assert_array_equal(mask_answers(learner, [pairs[name]], images, classes, lambda: None), wanted)
        # Finer than the model is good at, the map looks at fewer and larger pixels: here at half as many.
        fine = replace(pairs["corner"], gsd_m=learner.source.card.gsd_min_m / 2)
        assert images.read_around(fine, 128).image.shape == (3, 128, 128)
        assert mask_answers(learner, [fine], images, classes, lambda: None).sum() == 16 * 16
