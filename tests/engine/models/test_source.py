"""Where models come from: ids, folders, files; what is wrong with a folder is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from satclip_engine.errors import ModelError
from satclip_engine.models.architecture import build_model
from satclip_engine.models.card import DEFAULT_TEMPLATES, read_card
from satclip_engine.models.catalogue import list_models
from satclip_engine.models.encoder import load_encoder
from satclip_engine.models.preprocess import OPENAI_MEAN
from satclip_engine.models.recognise import recognise_config
from satclip_engine.models.source import find_model

from tests.engine.helpers.tiny_model import write_model, write_tiny_model
from tests.engine.models.configs import RESNET, TEXT, VIT, clip_cfg, engine_config, timm_cfg


def edit(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))


def test_embedded_models_come_before_installed_ones(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    write_tiny_model(config.models_dir / "mini")
    assert find_model("mini", config).folder == config.models_dir / "mini"
    write_tiny_model(config.resources_dir / "models" / "mini")
    assert find_model("mini", config).folder == config.resources_dir / "models" / "mini"


def test_unknown_model_lists_the_installed(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    with pytest.raises(ModelError, match="No model is installed"):
        find_model("mini", config)
    write_tiny_model(config.models_dir / "tiny")
    with pytest.raises(ModelError, match="tiny") as caught:
        find_model("mini", config)
    assert caught.value.code == "model.unknown"


def test_broken_folders(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    folder = write_tiny_model(tmp_path / "tiny")
    settings = folder / "open_clip_config.json"
    good = settings.read_text()
    for content in ("{", "[]", "{}", '{"model_cfg": {}}', '{"model_cfg": {"vision_cfg": 3, "text_cfg": 4}}'):
        settings.write_text(content)
        assert code_of(str(folder), config) == "model.config"
    settings.write_text(good)
    edit(settings, lambda content: content.update(preprocess_cfg={"mean": [1, 2]}))
    assert code_of(str(folder), config) == "model.config"
    settings.write_text(good)
    edit(settings, lambda content: content["model_cfg"].update(nonsense=1))  # type: ignore[attr-defined]
    assert code_of(str(folder), config) == "model.config"
    settings.write_text(good)
    (folder / "bpe.txt.gz").write_text("no gzip")
    assert code_of(str(folder), config) == "model.tokenizer"
    (folder / "model.safetensors").unlink()
    assert code_of(str(folder), config) == "model.missing"
    settings.unlink()
    assert code_of(str(folder), config) == "model.config"


def code_of(model: str, config: object) -> str:
    with pytest.raises(ModelError) as caught:
        load_encoder(model, device="cpu", precision="fp32", config=config)  # type: ignore[arg-type]
    assert caught.value.remedy
    return caught.value.code


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    edit(
        folder / "open_clip_config.json",
        lambda content: content["model_cfg"]["vision_cfg"].update(width=128),  # type: ignore[index]
    )
    assert code_of(str(folder), engine_config(tmp_path)) == "model.mismatch"


def test_a_window_of_broken_cells_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "odd", clip_cfg(timm_cfg("resnet18", image_size=80)))
    assert code_of(str(folder), engine_config(tmp_path)) == "model.window"


def test_attentional_pooling_is_not_dense(tmp_path: Path) -> None:
    cfg = clip_cfg({**VIT, "attentional_pool": True, "attn_pooler_heads": 2})
    folder = write_model(tmp_path / "models" / "pooled", cfg)
    config = engine_config(tmp_path)
    assert code_of(str(folder), config) == "model.not_dense"
    assert [model.dense for model in list_models(config)] == [False]


def test_card_beside_a_file_names_its_architecture(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "loose.safetensors"
    save_file(build_model(clip_cfg({**VIT, "head_width": 64})).state_dict(), path)
    (tmp_path / "card.json").write_text(json.dumps({"architecture": "ViT-B-32-quickgelu", "licence": "MIT"}))
    source = find_model(str(path), engine_config(tmp_path))
    assert source.model_cfg["quick_gelu"] is True
    assert source.card.licence == "MIT"
    (tmp_path / "card.json").write_text(json.dumps({"architecture": "ViT-Q-1"}))
    assert code_of(str(path), engine_config(tmp_path)) == "model.config"


def test_preprocessing_of_an_architecture_is_its_publishers(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"")
    config = engine_config(tmp_path)
    assert find_model(f"ViT-B-16:{tmp_path / 'a.pt'}", config).preprocess.mean == OPENAI_MEAN
    assert find_model(f"ViT-B-16-SigLIP:{tmp_path / 'a.pt'}", config).preprocess.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("vision", [{**VIT, "head_width": 64, "mlp_ratio": 2.0}, {**RESNET, "layers": [1, 2, 1, 1]}])
def test_recognised_configuration_rebuilds_the_model(vision: dict[str, object]) -> None:
    text = {**TEXT, "width": 128, "heads": 2, "layers": 2, "context_length": 248}
    model = build_model({"embed_dim": 32, "vision_cfg": vision, "text_cfg": text})
    state = model.state_dict()
    again = build_model(recognise_config(state))
    again.load_state_dict(state)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again.visual(image), model.visual(image))


def test_foreign_tensors_are_not_recognised() -> None:
    with pytest.raises(ModelError) as caught:
        recognise_config({"layer.weight": torch.ones(3, 3)})
    assert caught.value.code == "model.unrecognised"


def test_card_defaults_and_faults(tmp_path: Path) -> None:
    assert read_card(tmp_path, "x").templates == DEFAULT_TEMPLATES
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"title": "T", "gsd_min_m": 1, "templates": ["a {}"], "metrics": {"miou": 1}}))
    card = read_card(tmp_path, "x")
    assert (card.id, card.title, card.gsd_min_m, card.templates) == ("x", "T", 1.0, ("a {}",))
    for fault in ("{", "[]", '{"templates": ["a"]}', '{"templates": []}', '{"temperature": 0}', '{"gsd_min_m": "far"}'):
        path.write_text(fault)
        with pytest.raises(ModelError, match="model card"):
            read_card(tmp_path, "x")


def test_catalogue(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    assert list_models(config) == ()
    write_tiny_model(config.resources_dir / "models" / "mini")
    write_model(config.models_dir / "conv", clip_cfg(timm_cfg("resnet18")))
    write_tiny_model(config.models_dir / "damaged")
    (config.models_dir / "damaged" / "model.safetensors").unlink()
    mini, conv, damaged = list_models(config)
    assert (mini.id, mini.builtin, mini.installed, mini.dense) == ("mini", True, True, True)
    assert (mini.cell_px, mini.window_px, mini.gsd_max_m) == (16, 64, 1000.0)
    assert mini.size_bytes == (config.resources_dir / "models" / "mini" / "model.safetensors").stat().st_size
    assert (conv.id, conv.builtin, conv.window_px) == ("conv", False, 64)
    assert (damaged.installed, damaged.dense) == (False, False)
    assert "no weights" in damaged.notes
