"""Adapters: nothing at first, in every path, kept in a file, loaded with the model and part of its identity."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from satclip_engine.errors import ModelError
from satclip_engine.models.adapters import adapters_of, insert_adapters, load_adapters, save_adapters, set_adapter_share
from satclip_engine.models.architecture import build_model
from satclip_engine.models.encoder import build_tower, load_clip, load_encoder
from satclip_engine.models.folders import ADAPTERS_FILE_NAME, find_weights
from satclip_engine.models.head_variants import find_head_variant
from satclip_engine.models.lora import insert_lora, lora_updates, merged_state_dict
from satclip_engine.models.precision import cast_visual
from satclip_engine.models.registry.imports import import_model
from satclip_engine.models.source import find_model

from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.models.configs import RESNET, VIT, clip_cfg, engine_config, timm_cfg

KINDS = {
    "vit": clip_cfg(VIT),
    "resnet": clip_cfg(RESNET),
    "efficientnet": clip_cfg(timm_cfg("efficientnet_lite0"), custom_text=True),
    "convnext": clip_cfg(timm_cfg("convnext_atto")),
}


def fresh(kind: str) -> Any:
    torch.manual_seed(1)
    clip = build_model(KINDS[kind])
    for name, parameter in clip.named_parameters():
        if name.endswith("gamma"):  # ConvNeXt starts its blocks at a millionth, trained ones are not so small
            torch.nn.init.ones_(parameter)
    return clip


def adapted(kind: str) -> Any:
    """A model whose adapters do something."""
    clip = fresh(kind)
    insert_adapters(clip.visual, 4)
    insert_adapters(clip.text if hasattr(clip, "text") else clip.transformer, 4)
    for adapter in adapters_of(clip):
        torch.nn.init.normal_(adapter.up.weight, std=0.05)
    return clip


def answers(clip: Any) -> tuple[torch.Tensor, ...]:
    """Global vectors of images, dense tokens and vectors of texts."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(2, 3, 64, 64, generator=generator)
    ids = torch.randint(1, 500, (2, 77), generator=generator)
    tokens = build_tower(clip.visual, find_head_variant("maskclip"))(images).tokens
    return clip.encode_image(images), tokens, clip.encode_text(ids)


def assert_alike(ones: tuple[torch.Tensor, ...], others: tuple[torch.Tensor, ...]) -> None:
    for one, other in zip(ones, others, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def differ(ones: tuple[torch.Tensor, ...], others: tuple[torch.Tensor, ...]) -> list[bool]:
    return [not torch.allclose(one, other, atol=1e-3) for one, other in zip(ones, others, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_new_adapters_change_nothing_and_trained_ones_everything(kind: str) -> None:
    clip = fresh(kind)
    with torch.no_grad():
        before = answers(clip)
        insert_adapters(clip.visual, 4)
        insert_adapters(clip.text if hasattr(clip, "text") else clip.transformer, 4)
        assert_alike(answers(clip), before)
        clip = adapted(kind)
        assert differ(answers(clip), before) == [True, True, True]
        set_adapter_share(clip, 0.0)
        assert_alike(answers(clip), before)
    assert merged_state_dict(clip).keys() == fresh(kind).state_dict().keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_brings_them_back_at_the_share_in_use(kind: str, tmp_path: Path) -> None:
    clip, again = adapted(kind), fresh(kind)
    set_adapter_share(clip, 0.5)
    load_adapters(again, save_adapters(clip, tmp_path))
    with torch.no_grad():
        assert_alike(answers(again), answers(clip))


def test_every_adapter_gets_a_gradient_under_bf16_and_with_checkpointed_activations() -> None:
    for kind in ("vit", "efficientnet"):
        clip = adapted(kind).train()
        clip.set_grad_checkpointing(True)
        for module in clip.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.eval()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            images, tokens, texts = answers(clip)
        (images.float().square().mean() + tokens.float().square().mean() + texts.float().square().mean()).backward()
        assert adapters_of(clip)
        for adapter in adapters_of(clip):
            assert float(adapter.down.weight.grad.abs().sum()) > 0
            assert float(adapter.up.weight.grad.abs().sum()) > 0


def test_a_deep_copy_in_another_precision_runs_its_own_adapters() -> None:
    clip = adapted("vit")
    for adapter in adapters_of(clip):
        torch.nn.init.normal_(adapter.up.weight)
    twin = copy.deepcopy(clip)
    cast_visual(twin.visual, torch.bfloat16)
    for adapter in adapters_of(twin):
        torch.nn.init.zeros_(adapter.up.weight)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        plain = fresh("vit").encode_image(images)
        low = twin.visual(images.bfloat16()).float()
        assert float(torch.cosine_similarity(low, plain).min()) > 0.99
        assert float(torch.cosine_similarity(clip.encode_image(images), plain).min()) < 0.99


def test_adapters_stay_when_more_are_asked_for_and_lora_leaves_them_alone() -> None:
    clip = adapted("efficientnet")
    with torch.no_grad():
        before = answers(clip)
        insert_adapters(clip.visual, 8)
        insert_lora(clip.visual, rank=2, alpha=1.0, dropout=0.0)
        assert_alike(answers(clip), before)
    assert lora_updates(clip)
    assert not [name for name in lora_updates(clip) if "adapters" in name]


def test_adapters_of_another_model_are_refused(tmp_path: Path) -> None:
    path = save_adapters(adapted("vit"), tmp_path)
    with pytest.raises(ModelError) as refused:
        load_adapters(fresh("resnet"), path)
    assert refused.value.code == "model.mismatch"
    save_file({"visual.adapters.transformer/resblocks/0/mlp.down.weight": torch.zeros(4, 32)}, path)
    with pytest.raises(ModelError) as refused:
        load_adapters(fresh("vit"), path)
    assert refused.value.code == "model.mismatch"


def test_the_encoder_loads_them_and_tells_the_models_apart(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    folder = write_tiny_model(config.models_dir / "tuned")
    clip = load_clip(find_model("tuned", config))
    for tower in (clip.visual, clip.transformer):
        insert_adapters(tower, 4)
    for adapter in adapters_of(clip):
        torch.nn.init.normal_(adapter.up.weight, std=0.1)
    save_adapters(clip, folder)
    assert find_weights(folder).name == "model.safetensors"
    images = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))

    def encode() -> tuple[dict[str, Any], torch.Tensor, torch.Tensor]:
        encoder = load_encoder("tuned", device="cpu", precision="fp32", config=config)
        return encoder.identity(), encoder.encode(images).tokens, encoder.encode_texts(["water"])

    identity, tokens, texts = encode()
    encoder = load_encoder("tuned", device="cpu", precision="fp32", head_variant="vanilla", config=config)
    with torch.no_grad():
        ready = encoder._preprocess.normalise(images, torch.float32)
        torch.testing.assert_close(encoder.encode(images).cls, clip.encode_image(ready), atol=1e-4, rtol=1e-3)
    (folder / ADAPTERS_FILE_NAME).unlink()
    plain_identity, plain_tokens, plain_texts = encode()
    assert identity["weights_sha256"] != plain_identity["weights_sha256"]
    assert not torch.allclose(tokens, plain_tokens, atol=1e-3)
    assert not torch.allclose(texts, plain_texts, atol=1e-3)


def test_a_model_with_adapters_is_imported_with_them_and_damage_is_noticed(tmp_path: Path) -> None:
    config = engine_config(tmp_path)
    folder = write_tiny_model(tmp_path / "elsewhere" / "tuned")
    clip = load_clip(find_model(str(folder), config))
    insert_adapters(clip.visual, 4)
    save_adapters(clip, folder)
    installed = import_model(folder, config)
    ours, theirs = (load_encoder(str(place), device="cpu", config=config) for place in (installed, folder))
    assert ours.weights_sha256 == theirs.weights_sha256
    for adapter in adapters_of(clip):
        torch.nn.init.ones_(adapter.up.weight)
    save_adapters(clip, installed)
    with pytest.raises(ModelError) as refused:
        load_encoder(installed.name, device="cpu", config=config)
    assert refused.value.code == "model.hash"
