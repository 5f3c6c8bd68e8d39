"""A LoRA travels by itself: written, read, merged into its base on another machine, refused everywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.encoder import load_clip, load_encoder
from satclip_engine.models.lora import insert_lora, lora_updates, merged_state_dict, set_lora_share
from satclip_engine.models.lora_file import apply_lora, is_lora_file, read_lora_file, save_lora
from satclip_engine.models.registry.imports import import_model
from satclip_engine.models.source import find_model
from satclip_engine.models.weights import weights_sha256

from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.models.configs import engine_config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = engine_config(tmp_path)
    write_tiny_model(config.models_dir / "base")
    return config


def trained(config: Config, path: Path) -> dict[str, torch.Tensor]:
    """Write a LoRA of the base model to ``path``; return the merged weights."""
    source = find_model("base", config)
    clip = load_clip(source)
    insert_lora(clip, rank=2, alpha=4.0, dropout=0.3)
    for update in lora_updates(clip).values():
        torch.nn.init.normal_(update.b, std=0.2)
    set_lora_share(clip, 0.5)
    save_lora(clip, path, base=source.id, base_sha256=weights_sha256(source.weights, config.cache_dir))
    return merged_state_dict(clip)


def test_it_gives_the_same_model_again(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "Riverbanks.safetensors"
    expected = trained(config, path)
    assert is_lora_file(path)
    assert path.stat().st_size < 100_000
    clip = load_clip(find_model("base", config))
    apply_lora(clip, read_lora_file(path))
    merged = merged_state_dict(clip)
    assert merged.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(merged[name], tensor)


def test_an_import_installs_the_merged_model(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "Riverbanks.safetensors"
    expected = trained(config, path)
    folder = import_model(path, config)
    assert folder.name == "riverbanks"
    encoder = load_encoder("riverbanks", device="cpu", precision="fp32", config=config)
    assert encoder.weights_sha256 != load_encoder("base", device="cpu", config=config).weights_sha256
    again = load_clip(find_model("riverbanks", config)).state_dict()
    for name, tensor in expected.items():
        torch.testing.assert_close(again[name], tensor)
    assert "Tiny random model with the LoRA" in encoder.card.notes


def test_other_weights_of_the_same_shape_are_no_base(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "riverbanks.safetensors"
    trained(config, path)
    write_tiny_model(config.models_dir / "base", seed=1)
    with pytest.raises(ModelError) as refused:
        import_model(path, config)
    assert refused.value.code == "model.lora_base"
    assert refused.value.params["base"] == "base"
    assert not (config.models_dir / "riverbanks").exists()


def test_damaged_files_and_other_models_are_refused(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "riverbanks.safetensors"
    trained(config, path)
    lora = read_lora_file(path)
    other = load_clip(find_model("base", config))
    other.visual.transformer.resblocks = other.visual.transformer.resblocks[:1]
    with pytest.raises(ModelError) as refused:
        apply_lora(other, lora)
    assert refused.value.code == "model.mismatch"
    path.write_bytes(path.read_bytes()[:-100])
    assert not is_lora_file(path)
    with pytest.raises(ModelError) as refused:
        read_lora_file(path)
    assert refused.value.code == "model.corrupt"
    weights = config.models_dir / "base" / "model.safetensors"
    assert not is_lora_file(weights)
    with pytest.raises(ModelError, match=r"no LoRA of SatCLIP"):
        read_lora_file(weights)
