"""Scene classification: words alone, probes, and the fine-tuned last block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.harness.context import EvaluateOptions
from satclip_engine.harness.datasets import load_folder
from satclip_engine.harness.last_block import SplitTower, fine_tune, predict, split_tower
from satclip_engine.harness.run import evaluate
from satclip_engine.harness.vectors import prepare
from satclip_engine.models.architecture import build_model, load_weights
from satclip_engine.models.encoder import Encoder, load_encoder
from satclip_engine.models.source import find_model
from satclip_engine.models.weights import read_state_dict

from tests.engine.helpers.tiny_model import TEXT, write_model


def run(folder: Path, options: EvaluateOptions, config: Config) -> object:
    return evaluate(
        load_folder(folder),
        "classification",
        options,
        config=config,
        progress=lambda _: None,
        check_cancelled=lambda: None,
    )


def whole_model(folder: Path, config: Config) -> torch.nn.Module:
    """The model as open_clip itself runs it."""
    source = find_model(str(folder), config)
    clip = build_model(source.model_cfg)
    load_weights(clip, read_state_dict(source.weights))
    return clip.eval()


def test_top1_is_that_of_open_clips_own_global_vectors(
    scenes_folder: Path, tiny_folder: Path, options: EvaluateOptions, config: Config
) -> None:
    report = run(scenes_folder, options, config)
    clip = whole_model(tiny_folder, config)
    encoder = load_encoder(str(tiny_folder), device="cpu", precision="fp32", config=config)
    items = load_folder(scenes_folder).items()
    images = torch.from_numpy(np.stack([prepare(item.read_image(), 64) for item in items])).float() / 255
    with torch.no_grad():
        vectors = torch.nn.functional.normalize(clip.encode_image((images - 0.4) / 0.25), dim=-1)
    texts = encoder.encode_texts([spec.name for spec in load_folder(scenes_folder).classes.classes])
    best = (vectors @ texts.T).argmax(dim=1).numpy()
    truth = np.array([item.label for item in items])
    assert report.metrics["top1"] == pytest.approx((best == truth).mean())
    assert report.per_image["top1"] == (best == truth).astype(int).tolist()
    assert report.confusion.unit == "images"


def test_probes_learn_plain_colours_and_say_from_how_many(
    scenes_folder: Path, options: EvaluateOptions, config: Config
) -> None:
    report = run(scenes_folder, options, config)
    tables = {table.title: table for table in report.tables}
    linear = {row[0]: row[1] for row in tables["Linear probe"].rows}
    assert list(linear) == [1, 2]  # four of each class to learn from
    assert linear[2] == 1.0
    tuned = {row[0]: row[1] for row in tables["Last block fine-tuned"].rows}
    assert list(tuned) == [1]
    assert any("learn from draws out of 8 images" in note and "on 8 images" in note for note in report.notes)


def test_few_shots_can_be_left_out(scenes_folder: Path, options: EvaluateOptions, config: Config) -> None:
    whole, quick = (run(scenes_folder, replace(options, few_shots=wanted), config) for wanted in (True, False))
    assert quick.metrics == whole.metrics
    assert [table.title for table in quick.tables] == ["Per class"]


def test_limit_takes_every_class(scenes_folder: Path, options: EvaluateOptions, config: Config) -> None:
    report = run(scenes_folder, replace(options, limit=4), config)
    assert [name.split("/")[0] for name in report.per_image["ids"]].count("forest") == 2


def test_pictures_are_prepared_as_open_clip_prepares_them() -> None:
    from satclip_engine.models.torchvision_compat import ensure_torchvision_imports

    ensure_torchvision_imports()
    from open_clip.transform import image_transform

    pixels = np.random.default_rng(0).integers(0, 255, (73, 101, 3), dtype=np.uint8)
    transform = image_transform(64, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), resize_mode="shortest")
    expected = (transform(Image.fromarray(pixels)) * 255).round().numpy()
    found = prepare(np.ascontiguousarray(pixels.transpose(2, 0, 1)), 64)
    assert found.shape == (3, 64, 64)
    assert np.abs(found - expected).max() <= 1


VIT = {"image_size": 64, "layers": 3, "width": 64, "head_width": 32, "patch_size": 16}
TRUNK = {"timm_model_name": "efficientnet_lite0", "timm_pool": "avg", "timm_proj": "linear", "image_size": 64}


@pytest.fixture(params=["vit", "timm"])
def tower(request: pytest.FixtureRequest, tmp_path: Path, config: Config) -> SplitTower:
    text = {**TEXT, "tokenizer_kwargs": {"bpe_path": "bpe.txt.gz"}}
    vision = VIT if request.param == "vit" else TRUNK
    model_cfg = {"embed_dim": 32, "vision_cfg": dict(vision), "text_cfg": text, "custom_text": request.param == "timm"}
    folder = write_model(tmp_path / request.param, model_cfg)
    encoder: Encoder = load_encoder(str(folder), device="cpu", precision="fp32", config=config)
    found = split_tower(encoder, str(folder), 64, config)
    assert found is not None
    return found


def pictures(seed: int, n_per_class: int) -> tuple[np.ndarray, list[int]]:
    """Bright and dark noise."""
    rng = np.random.default_rng(seed)
    labels = [0, 1] * n_per_class
    return np.stack([rng.integers(0, 90, (3, 64, 64)) + 140 * label for label in labels]).astype(np.uint8), labels


def test_a_cut_tower_answers_as_the_whole_one(tower: SplitTower) -> None:
    images, _ = pictures(0, 3)
    with torch.no_grad():
        whole = tower.visual(tower.preprocess.normalise(torch.from_numpy(images), torch.float32))
        cut = tower.after(tower.before(images))
    torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-5)


def test_training_moves_the_end_of_the_tower_only_and_learns(tower: SplitTower) -> None:
    images, labels = pictures(0, 8)
    before = {name: value.clone() for name, value in tower.visual.named_parameters()}
    classifier = fine_tune(
        tower, torch.nn.functional.normalize(torch.randn(2, 32), dim=-1), tower.before(images), labels, 0, 20.0
    )
    moved = {name for name, value in tower.visual.named_parameters() if not torch.equal(value, before[name])}
    inside = {id(parameter) for parameter in tower.block.parameters()}
    names = {name for name, value in tower.visual.named_parameters() if id(value) in inside}
    assert names <= moved
    assert moved - names, "what follows the block learns too"
    assert not {"conv1.weight", "trunk.conv_stem.weight", "positional_embedding"} & moved
    assert len(moved) < len(before) / 2
    test, truth = pictures(1, 10)
    assert (predict(tower, classifier, tower.before(test)) == truth).mean() == 1.0


def test_a_tower_without_a_known_last_block_is_left_out(tmp_path: Path, config: Config) -> None:
    text = {**TEXT, "tokenizer_kwargs": {"bpe_path": "bpe.txt.gz"}}
    trunk = {"timm_model_name": "resnet10t", "timm_pool": "avg", "timm_proj": "linear", "image_size": 64}
    folder = write_model(
        tmp_path / "other", {"embed_dim": 32, "vision_cfg": trunk, "text_cfg": text, "custom_text": True}
    )
    encoder = load_encoder(str(folder), device="cpu", precision="fp32", config=config)
    assert split_tower(encoder, str(folder), 64, config) is None
