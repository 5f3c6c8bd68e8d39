"""What each method unlocks, in every kind of model, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.errors import RecipeError
from satclip_engine.models.architecture import build_model
from satclip_engine.models.encoder import load_clip
from satclip_engine.models.lora import draw_dropout, merged_state_dict
from satclip_engine.models.source import find_model
from satclip_engine.protocol import METHODS, Method
from satclip_engine.training.methods import make_trainable, training_mode
from torch.nn import functional

from tests.engine.models.configs import RESNET, VIT, clip_cfg, engine_config, timm_cfg

ROOT = Path(__file__).resolve().parents[3]
KINDS = {
    "vit": clip_cfg({**VIT, "layers": 4}),
    "resnet": clip_cfg({**RESNET, "layers": [1, 1, 1, 2]}),
    "efficientnet": clip_cfg(timm_cfg("efficientnet_lite0"), custom_text=True),
    "convnext": clip_cfg(timm_cfg("convnext_atto")),
}
# What may train, by pattern; every name that trains must match, and every pattern must match something.
LAST_BLOCKS = {
    "vit": (r"visual\.transformer\.resblocks\.[23]\.", r"visual\.ln_post\.", r"visual\.proj"),
    "resnet": (r"visual\.layer4\.[01]\.", r"visual\.attnpool\."),
    "efficientnet": (r"visual\.trunk\.blocks\.(5\.3|6\.0)\.", r"visual\.trunk\.(conv_head|bn2)\.", r"visual\.head\."),
    "convnext": (r"visual\.trunk\.stages\.3\.", r"visual\.trunk\.head\.norm\.", r"visual\.head\."),
}
TEXT_ENDS = (
    r"(text\.)?transformer\.resblocks\.0\.",
    r"(text\.)?ln_final\.",
    r"(text\.)?text_projection",
    "logit_scale",
)


def model(kind: str) -> Any:
    torch.manual_seed(1)
    return build_model(KINDS[kind])


def mini() -> Any:
    source = find_model(str(ROOT / "resources" / "models" / "mini"), engine_config(ROOT / "build" / "none"))
    return load_clip(source)


def assert_names(names: set[str], patterns: tuple[str, ...]) -> None:
    for name in names:
        assert any(re.match(pattern, name) for pattern in patterns), name
    for pattern in patterns:
        assert any(re.match(pattern, name) for name in names), pattern


@pytest.mark.parametrize("kind", KINDS)
def test_last_blocks_and_what_follows_them(kind: str) -> None:
    clip = model(kind)
    trained = make_trainable(clip, Method("last_blocks", blocks=2))
    assert_names(set(trained), LAST_BLOCKS[kind] + TEXT_ENDS)
    assert {name for name, parameter in clip.named_parameters() if parameter.requires_grad} == set(trained)


@pytest.mark.parametrize("kind", KINDS)
def test_projections(kind: str) -> None:
    image = {"vit": r"visual\.proj$", "resnet": r"visual\.attnpool\.c_proj\."}.get(kind, r"visual\.head\.proj\.")
    trained = make_trainable(model(kind), Method("projection"))
    assert_names(set(trained), (image, r"(text\.)?text_projection$", "logit_scale"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_one_step_changes_what_trains_and_nothing_else(kind: str, method: str) -> None:
    clip = model(kind)
    trained = make_trainable(clip, Method(method, dropout=0.0))
    training_mode(clip)
    before = {name: tensor.clone() for name, tensor in clip.state_dict().items()}
    step(clip, trained)
    changed = {name for name, tensor in clip.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert changed <= set(trained)  # batch norms' statistics are no parameters, and stay
    for half in ("visual.", ""):
        own = [name for name in changed if name.startswith("visual.") == bool(half)]
        assert own, f"nothing of the {half or 'text'} tower"


def step(clip: Any, trained: dict[str, torch.nn.Parameter]) -> None:
    images, ids = torch.randn(4, 3, 64, 64), torch.randint(1, 500, (4, 77))
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-2)
    draw_dropout(clip)
    vectors = (functional.normalize(found, dim=-1) for found in (clip.encode_image(images), clip.encode_text(ids)))
    logits = clip.logit_scale.exp() * next(vectors) @ next(vectors).T
    functional.cross_entropy(logits, torch.arange(4)).backward()
    optimizer.step()


@pytest.mark.parametrize("towers", ["image", "text"])
@pytest.mark.parametrize("method", METHODS)
def test_one_tower_only(method: str, towers: str) -> None:
    trained = make_trainable(model("efficientnet"), Method(method, towers=towers))
    own = set(trained) - {"logit_scale"}
    assert own
    assert {name.startswith("visual.") for name in own} == {towers == "image"}


def test_light_methods_train_few_weights_of_the_embedded_model() -> None:
    shares = {}
    for method in ("projection", "lora", "adapter"):
        clip = mini()
        total = sum(parameter.numel() for parameter in clip.parameters())
        shares[method] = sum(weight.numel() for weight in make_trainable(clip, Method(method)).values()) / total
    assert max(shares.values()) <= 0.05, shares


@pytest.mark.parametrize("method", ["lora", "adapter"])
def test_the_same_seed_gives_the_same_training(method: str) -> None:
    states = []
    for seed in (3, 3, 4):
        clip = model("vit")
        torch.manual_seed(seed)
        trained = make_trainable(clip, Method(method, dropout=0.2))
        training_mode(clip)
        for _ in range(2):
            step(clip, trained)
        states.append({name: weight.detach() for name, weight in trained.items()})
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_a_tower_with_nothing_to_train_is_refused() -> None:
    cfg = clip_cfg(timm_cfg("vit_tiny_patch16_224", 224, timm_pool="map", timm_proj="none"))
    clip = build_model({**cfg, "embed_dim": 192})
    with pytest.raises(RecipeError) as refused:
        make_trainable(clip, Method("projection"))
    assert refused.value.code == "recipe.method"
    assert "image tower" in refused.value.detail
    assert set(make_trainable(clip, Method("projection", towers="text"))) == {"text_projection", "logit_scale"}


def test_a_second_stage_continues_with_the_merged_weights() -> None:
    clip = model("vit")
    trained = make_trainable(clip, Method("lora", dropout=0.0))
    step(clip, trained)
    again = model("vit")
    again.load_state_dict(merged_state_dict(clip))
    ids = torch.randint(1, 500, (2, 77))
    with torch.no_grad():
        torch.testing.assert_close(again.encode_text(ids), clip.encode_text(ids), atol=1e-5, rtol=1e-4)
    assert make_trainable(again, Method("lora"))
