"""The number format: measured once per machine and weights, refused where the vectors turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.models import precision
from satclip_engine.models.architecture import build_model
from satclip_engine.models.encoder import build_tower, load_encoder
from satclip_engine.models.head_variants import find_head_variant
from satclip_engine.models.tower import Tower

from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.models.configs import RESNET, VIT, clip_cfg, engine_config

CPU = torch.device("cpu")


def make_tower(visual: Any) -> Tower:
    return build_tower(visual, find_head_variant("segearth"))


def visual() -> Any:
    torch.manual_seed(0)
    return build_model(clip_cfg(VIT)).visual


def notes(root: Path) -> list[Path]:
    return list((root / "cache" / "precision").glob("*.json"))


def test_verdict_is_written_once_and_then_obeyed(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    folder = str(write_tiny_model(tmp_path / "tiny"))
    first = load_encoder(folder, device="cpu", config=config)
    (note,) = notes(tmp_path)
    verdict = json.loads(note.read_text())
    assert precision.PRECISIONS[verdict["precision"]] == first.dtype
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        note.write_text(json.dumps({**verdict, "precision": name}))
        assert load_encoder(folder, device="cpu", config=config).dtype == dtype
    for damaged in ("{", "[]", '{"precision": "int3"}'):
        note.write_text(damaged)
        load_encoder(folder, device="cpu", config=config)
        assert json.loads(note.read_text())["precision"] in ("fp32", "bf16")


def test_other_weights_get_their_own_verdict(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    for seed in (0, 1):
        load_encoder(str(write_tiny_model(tmp_path / "tiny", seed=seed)), device="cpu", config=config)
    assert len(notes(tmp_path)) == 2


def test_a_tower_that_low_precision_turns_stays_in_fp32(tmp_path: Path) -> None:
    tower = visual()
    with torch.no_grad():
        # Values near 1000 with differences near 1: eight bits of mantissa lose them before the last norm.
        tower.transformer.resblocks[-1].attn.out_proj.bias.add_(1000.0)
    chosen = precision.choose_precision(tower, make_tower, CPU, "0" * 64, tmp_path / "cache")
    assert chosen == torch.float32


def test_choosing_leaves_the_tower_as_it_is(tmp_path: Path) -> None:
    tower = visual()
    before = {name: tensor.clone() for name, tensor in tower.state_dict().items()}
    precision.choose_precision(tower, make_tower, CPU, "0" * 64, tmp_path / "cache")
    for name, tensor in tower.state_dict().items():
        assert tensor.dtype == before[name].dtype
        assert torch.equal(tensor, before[name])


def test_batch_norms_keep_float32() -> None:
    tower = build_model(clip_cfg(RESNET)).visual
    precision.cast_visual(tower, torch.bfloat16)
    assert tower.conv1.weight.dtype == torch.bfloat16
    assert tower.bn1.running_var.dtype == tower.bn1.weight.dtype == torch.float32


@pytest.mark.parametrize(("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_named_precision(name: str, dtype: torch.dtype) -> None:
    assert precision.named_precision(name, CPU) == dtype
