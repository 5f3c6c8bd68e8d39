"""LoRA by parametrization against the reference's numbers, and through every path that reads a weight."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.models.architecture import build_model
from satclip_engine.models.encoder import build_tower
from satclip_engine.models.head_variants import find_head_variant
from satclip_engine.models.lora import (
    LowRankUpdate,
    draw_dropout,
    insert_lora,
    lora_updates,
    merge_lora,
    merged_state_dict,
    set_lora_share,
)
from torch.nn.utils import parametrize

from tests.engine.models.configs import RESNET, VIT, clip_cfg, timm_cfg
from tests.engine.models.golden import load_golden


@pytest.fixture(scope="module")
def golden() -> Any:
    return load_golden("lora_attention.npz")


def attention(golden: Any, projections: str, alpha: float) -> torch.nn.MultiheadAttention:
    """The reference's attention with updates on the named ones of q, k, v and o."""
    module = torch.nn.MultiheadAttention(32, 4, dtype=torch.float64)
    names = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
    module.load_state_dict({name: torch.from_numpy(golden[name]) for name in names})
    inner = LowRankUpdate(module.in_proj_weight, 3, rank=2, alpha=alpha, dropout=0.0)
    for part, name in enumerate("qkv"):
        inner.a.data[part] = torch.from_numpy(golden[f"{name}_lora_A"])
        inner.b.data[part] = torch.from_numpy(golden[f"{name}_lora_B"]) if name in projections else 0.0
    parametrize.register_parametrization(module, "in_proj_weight", inner)
    if "o" in projections:
        outer = LowRankUpdate(module.out_proj.weight, 1, rank=2, alpha=alpha, dropout=0.0)
        outer.a.data[0] = torch.from_numpy(golden["o_lora_A"])
        outer.b.data[0] = torch.from_numpy(golden["o_lora_B"])
        parametrize.register_parametrization(module.out_proj, "weight", outer)
    return module


@pytest.mark.parametrize("name", ["qkv_alpha1", "qkv_alpha4", "qkvo_alpha1", "qkvo_alpha4", "v_alpha1", "v_alpha4"])
def test_attention_of_the_reference(golden: Any, name: str) -> None:
    projections, alpha = name.split("_alpha")
    module, x = attention(golden, projections, float(alpha)), torch.from_numpy(golden["x_LND"])
    for mode in (module.train(), module.eval()):
        np.testing.assert_allclose(mode(x, x, x, need_weights=False)[0].detach(), golden[f"out_{name}"], atol=1e-10)
    merge_lora(module)
    assert not parametrize.is_parametrized(module)
    with torch.no_grad():
        np.testing.assert_allclose(module(x, x, x, need_weights=False)[0], golden[f"out_{name}"], atol=1e-10)


def test_gradients_of_the_reference(golden: Any) -> None:
    module = attention(golden, "qkv", 1.0)
    x = torch.from_numpy(golden["x_LND"]).requires_grad_()
    (module(x, x, x, need_weights=False)[0] * torch.from_numpy(golden["grad_out_LND"])).sum().backward()
    update = lora_updates(module)["in_proj_weight"]
    np.testing.assert_allclose(x.grad, golden["grad_x"], atol=1e-10)
    for part, name in enumerate("qkv"):
        np.testing.assert_allclose(update.a.grad[part], golden[f"grad_{name}_A"], atol=1e-10)
        np.testing.assert_allclose(update.b.grad[part], golden[f"grad_{name}_B"], atol=1e-10)


def test_causal_attention_of_the_reference(golden: Any) -> None:
    module, x = attention(golden, "qkv", 1.0), torch.from_numpy(golden["x_LND"])
    mask = torch.full((7, 7), float("-inf"), dtype=torch.float64).triu(1)
    out = module(x, x, x, need_weights=False, attn_mask=mask)[0].detach()
    np.testing.assert_allclose(out, golden["out_qkv_alpha1_causal"], atol=1e-10)


KINDS = {
    "vit": clip_cfg(VIT),
    "resnet": clip_cfg(RESNET),
    "efficientnet": clip_cfg(timm_cfg("efficientnet_lite0"), custom_text=True),
    "timm vit": clip_cfg(timm_cfg("vit_tiny_patch16_224", 224)),
    "convnext": clip_cfg(timm_cfg("convnext_atto")),
}


def adapted(kind: str, dropout: float = 0.0) -> Any:
    """A model whose updates are no longer zero."""
    torch.manual_seed(1)
    clip = build_model(KINDS[kind]).requires_grad_(requires_grad=False)
    insert_lora(clip, rank=4, alpha=8.0, dropout=dropout)
    for update in lora_updates(clip).values():
        torch.nn.init.normal_(update.b, std=0.05)
    return clip


def answers(clip: Any, side_px: int = 64) -> tuple[torch.Tensor, ...]:
    """Global vectors of images, dense tokens and vectors of texts."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(2, 3, side_px, side_px, generator=generator)
    ids = torch.randint(1, 500, (2, 77), generator=generator)
    tokens = build_tower(clip.visual, find_head_variant("segearth"))(images).tokens
    return clip.encode_image(images), tokens, clip.encode_text(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_merged_and_unmerged_answer_alike(kind: str) -> None:
    clip, side = adapted(kind), 224 if kind == "timm vit" else 64
    fresh = build_model(KINDS[kind])
    fresh.load_state_dict(merged_state_dict(clip))
    with torch.no_grad():
        ours = answers(clip, side)
        for expected, plain in zip(ours, answers(fresh, side), strict=True):
            torch.testing.assert_close(plain, expected, atol=1e-5, rtol=1e-4)
        merge_lora(clip)
        assert clip.state_dict().keys() == fresh.state_dict().keys()
        for expected, merged in zip(ours, answers(clip, side), strict=True):
            torch.testing.assert_close(merged, expected, atol=1e-5, rtol=1e-4)


def test_nothing_changes_before_the_first_step() -> None:
    torch.manual_seed(1)
    clip = build_model(KINDS["vit"])
    with torch.no_grad():
        before = answers(clip)
        insert_lora(clip, rank=4, alpha=8.0, dropout=0.5)
        draw_dropout(clip)
        for old, new in zip(before, answers(clip.train()), strict=True):
            torch.testing.assert_close(new, old, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["vit", "efficientnet"])
def test_dense_tokens_give_every_image_update_a_gradient_under_bf16(kind: str) -> None:
    clip = adapted(kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tokens = answers(clip)[1]
    tokens.float().square().mean().backward()
    seen = {name: update for name, update in lora_updates(clip).items() if name.startswith("visual.")}
    assert seen
    for name, update in seen.items():
        assert update.a.grad is not None, name
        assert float(update.a.grad.abs().sum()) > 0, name
        assert float(update.b.grad.abs().sum()) > 0, name
    assert clip.get_parameter("visual." + ("conv1" if kind == "vit" else "trunk.conv_stem") + ".weight").grad is None


def test_the_share_is_weight_interpolation() -> None:
    clip = adapted("vit")
    name = "visual.transformer.resblocks.0.attn.in_proj_weight"
    whole = merged_state_dict(clip)[name]
    set_lora_share(clip, 0.0)
    start = merged_state_dict(clip)[name]
    set_lora_share(clip, 0.25)
    torch.testing.assert_close(merged_state_dict(clip)[name], 0.75 * start + 0.25 * whole)


def test_dropout_leaves_out_input_features_by_seed_and_never_in_answers() -> None:
    clip = adapted("vit", dropout=0.5).train()
    with torch.no_grad():
        whole = answers(clip.eval())[0]
        torch.manual_seed(5)
        draw_dropout(clip)
        torch.testing.assert_close(answers(clip)[0], whole)
        dropped = answers(clip.train())[0]
        assert not torch.allclose(dropped, whole, atol=1e-4)
        torch.testing.assert_close(answers(clip)[0], dropped)  # the same until the next draw
        draw_dropout(clip)
        assert not torch.allclose(answers(clip)[0], dropped, atol=1e-4)
        torch.manual_seed(5)
        draw_dropout(clip)
        torch.testing.assert_close(answers(clip)[0], dropped)
    update = next(iter(lora_updates(clip).values()))
    torch.testing.assert_close(
        merged_state_dict(clip)[next(iter(lora_updates(clip)))],
        update.merged(clip.visual.transformer.resblocks[0].attn.parametrizations.in_proj_weight.original),
    )


def test_checkpointed_activations_give_the_same_gradients() -> None:
    gradients = []
    for checkpointed in (False, True):
        clip = adapted("vit", dropout=0.3).train()
        clip.set_grad_checkpointing(checkpointed)
        torch.manual_seed(7)
        draw_dropout(clip)
        images, _, texts = answers(clip)
        (images.square().mean() + texts.square().mean()).backward()
        gradients.append([update.a.grad for update in lora_updates(clip).values()])
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(again, plain)


def test_a_deep_copy_has_updates_of_its_own() -> None:
    clip = adapted("vit")
    twin = copy.deepcopy(clip)
    for update in lora_updates(twin).values():
        update.b.data.zero_()
    with torch.no_grad():
        assert not torch.allclose(answers(clip)[0], answers(twin)[0], atol=1e-4)
