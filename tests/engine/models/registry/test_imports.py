"""Import of what lies on this machine: checkpoints, archives, folders."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.architecture import build_model
from satclip_engine.models.catalogue import list_models
from satclip_engine.models.encoder import load_encoder
from satclip_engine.models.registry.imports import import_model

from tests.engine.helpers.registry_fixtures import TINY_CLIP, tiny_state, write_registry
from tests.engine.helpers.tiny_model import write_model, write_tiny_model
from tests.engine.models.configs import clip_cfg, engine_config, timm_cfg


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return tiny_state()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return engine_config(tmp_path)


def refused(path: Path, config: Config, **more: str) -> str:
    with pytest.raises(ModelError) as caught:
        import_model(path, config, **more)
    assert caught.value.remedy
    assert [model for model in list_models(config) if model.installed] == []
    assert not list(config.models_dir.glob(".downloads/*"))
    return caught.value.code


def test_a_checkpoint_is_recognised_and_used(config: Config, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "My Model_v2.pt"
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}, path)
    folder = import_model(path, config)
    assert folder == config.models_dir / "my-model-v2"
    model = list_models(config)[0]
    assert (model.installed, model.imported, model.source) == (True, True, path.name)
    assert any("activation" in fact for fact in model.unconfirmed)
    encoder = load_encoder("my-model-v2", device="cpu", precision="fp32", head_variant="vanilla", config=config)
    reference = build_model(TINY_CLIP)
    reference.load_state_dict(state)
    image = torch.randint(0, 255, (1, 3, 32, 32), dtype=torch.uint8)
    mean, std = torch.tensor(encoder.identity()["mean"]), torch.tensor(encoder.identity()["std"])
    with torch.no_grad():
        expected = reference.encode_image((image / 255 - mean[:, None, None]) / std[:, None, None])
    assert torch.allclose(encoder.encode(image).cls, expected, atol=1e-4)
    assert path.is_file()
    with pytest.raises(ModelError) as caught:
        import_model(path, config)
    assert caught.value.code == "model.exists"
    assert import_model(path, config, model_id="Second").name == "second"


def test_a_file_of_a_known_name_brings_its_entry_along(
    config: Config, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    entry = {"id": "acme-clip", "title": "Acme CLIP B", "repo": "acme/clip", "file": "ckpt/Acme_ViT.pt"}
    write_registry(config.models_dir, entry, activation="quickgelu", normalisation="half")
    torch.save(state, tmp_path / "Acme_ViT.pt")
    folder = import_model(tmp_path / "Acme_ViT.pt", config)
    assert folder.name == "acme-clip"
    settings = json.loads((folder / "open_clip_config.json").read_text())
    assert settings["model_cfg"]["quick_gelu"] is True
    assert settings["preprocess_cfg"]["mean"] == [0.5, 0.5, 0.5]
    model = list_models(config)[0]
    assert (model.title, model.licence, model.imported) == ("Acme CLIP B", "Acme licence 1.0", True)
    assert "file's name" in model.notes


def test_an_archive(config: Config, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "epoch_20.pt")
    with zipfile.ZipFile(tmp_path / "Acme.zip", "w") as archive:
        archive.write(tmp_path / "epoch_20.pt", "Acme/checkpoints/epoch_20.pt")
    before = sorted(tmp_path.iterdir())
    assert import_model(tmp_path / "Acme.zip", config).name == "acme"
    assert set(tmp_path.iterdir()) - set(before) == {config.models_dir, config.cache_dir}
    assert list((config.models_dir / ".downloads").iterdir()) == []


@pytest.mark.parametrize("names", [[], ["a.pt", "b.pt"]])
def test_an_archive_without_one_model(config: Config, tmp_path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(tmp_path / "Acme.zip", "w") as archive:
        for name in [*names, "readme.txt"]:
            archive.writestr(name, "x")
    assert refused(tmp_path / "Acme.zip", config) == "model.corrupt"
    (tmp_path / "Acme.zip").write_bytes(b"PK no zip")
    assert refused(tmp_path / "Acme.zip", config) == "model.corrupt"


def test_a_folder_of_open_clip(config: Config, tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "given")
    (folder / "evil.py").write_text("raise SystemExit")
    (folder / "old.pkl").write_bytes(b"\x80")
    installed = import_model(folder, config, model_id="tiny")
    kept = {"open_clip_config.json", "card.json", "bpe.txt.gz", "installed.json", "open_clip_model.safetensors"}
    assert {file.name for file in installed.iterdir()} == kept
    model = list_models(config)[0]
    assert (model.id, model.title, model.imported) == ("tiny", "Tiny random model", True)
    assert load_encoder("tiny", device="cpu", precision="fp32", config=config).embed_dim == 32
    timm = write_model(tmp_path / "conv", clip_cfg(timm_cfg("resnet18")))
    assert import_model(timm, config).name == "conv"


def test_a_model_of_this_engine_elsewhere_is_verified(config: Config, tmp_path: Path) -> None:
    elsewhere = import_model(write_tiny_model(tmp_path / "given"), replace(config, models_dir=tmp_path / "elsewhere"))
    assert import_model(elsewhere, config).is_dir()
    raw = bytearray((elsewhere / "open_clip_model.safetensors").read_bytes())
    raw[-1] ^= 1
    (elsewhere / "open_clip_model.safetensors").write_bytes(raw)
    with pytest.raises(ModelError) as caught:
        import_model(elsewhere, config, model_id="again")
    assert caught.value.code == "model.hash"


def test_what_cannot_be_imported(config: Config, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    assert refused(tmp_path / "nothing.pt", config) == "model.missing"
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty", config) == "model.config"
    (tmp_path / "page.pt").write_text("<html>")
    assert refused(tmp_path / "page.pt", config) == "model.corrupt"
    torch.save({"layer.weight": torch.ones(2, 2)}, tmp_path / "other.pt")
    assert refused(tmp_path / "other.pt", config) == "model.unrecognised"
    torch.save(state, tmp_path / "good.pt")
    assert refused(tmp_path / "good.pt", config, model_id="---") == "model.id"
    assert refused(tmp_path / "good.pt", config, architecture="ViT-B-16") == "model.mismatch"
    assert refused(tmp_path / "good.pt", config, architecture="ViT-Q-1") == "model.config"
    del state["visual.ln_post.weight"]
    torch.save(state, tmp_path / "holed.pt")
    assert refused(tmp_path / "holed.pt", config) == "model.mismatch"
