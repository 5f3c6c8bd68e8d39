"""Retrieval: captions and pictures as open_clip sees them, repeats removed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.harness.context import EvaluateOptions
from satclip_engine.harness.datasets import load_folder
from satclip_engine.harness.run import evaluate
from satclip_engine.harness.vectors import prepare
from satclip_engine.models.encoder import load_encoder

CAPTIONS = [
    ["a green field", "a green field", "many trees"],
    ["a blue lake"],
    ["grey roofs", "many trees", "a road between houses"],
]


@pytest.fixture
def captions_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "captions"
    folder.mkdir()
    lines = []
    for number, group in enumerate(CAPTIONS):
        pixels = np.random.default_rng(number).integers(0, 255, (80, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(json.dumps({"file": f"{number}.png", "captions": group}))
    (folder / "captions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_recall_is_that_of_ranking_by_hand(
    captions_folder: Path, tiny_folder: Path, options: EvaluateOptions, config: Config
) -> None:
    dataset = load_folder(captions_folder)
    report = evaluate(dataset, "", options, config=config, progress=lambda _: None, check_cancelled=lambda: None)
    encoder = load_encoder(str(tiny_folder), device="cpu", precision="fp32", head_variant="vanilla", config=config)
    images = np.stack([prepare(item.read_image(), 64) for item in dataset.items()])
    vectors = torch.nn.functional.normalize(encoder.encode(torch.from_numpy(images)).cls, dim=-1)
    distinct = {"a green field": 0, "many trees": 0, "a blue lake": 1, "grey roofs": 2, "a road between houses": 2}
    similarity = (vectors @ encoder.encode_texts(list(distinct)).T).numpy()
    firsts = [similarity[:, j].argmax() == own for j, own in enumerate(distinct.values())]
    assert report.task == "retrieval"
    assert report.metrics["text_to_image_r1"] == pytest.approx(np.mean(firsts))
    own_best = [list(distinct.values())[similarity[i].argmax()] == i for i in range(3)]
    assert report.metrics["image_to_text_r1"] == pytest.approx(np.mean(own_best))
    assert any("5 different captions of 7" in note for note in report.notes)
    assert report.prompts.classes == ()
    failed = [example for example in report.examples if example.group == "Where it fails"]
    assert len(failed) == min(4, firsts.count(False))
