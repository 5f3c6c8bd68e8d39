"""Every published layout, made from a small model's own weights, gives that model back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from satclip_engine.errors import ModelError
from satclip_engine.models.architecture import build_model, load_weights
from satclip_engine.models.recognise import recognise_config
from satclip_engine.models.registry.convert import to_open_clip
from satclip_engine.models.registry.install import model_config

State = dict[str, torch.Tensor]

TEXT = {"context_length": 77, "vocab_size": 300, "width": 64, "heads": 1, "layers": 2}
VIT = {"image_size": 32, "layers": 2, "width": 64, "head_width": 64, "patch_size": 16}
RESNET = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}


def clip(vision: dict[str, Any], text: dict[str, Any] = TEXT, **more: Any) -> Any:
    torch.manual_seed(0)
    return build_model({"embed_dim": 32, "vision_cfg": vision, "text_cfg": text, **more})


def answers(model: Any) -> torch.Tensor:
    """What the model says of some images and some texts, one after the other."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, 32, 32, generator=generator)
    texts = torch.randint(1, 299, (2, model.context_length), generator=generator)
    with torch.no_grad():
        return torch.cat([model.encode_image(images), model.encode_text(texts)])


def native(state: State) -> State:
    return dict(state)


def of_parallel_training(state: State) -> State:
    return {f"module.{name}": value for name, value in state.items()}


def of_openai(state: State) -> State:
    facts = {"input_resolution": 32, "context_length": 77, "vocab_size": 300}
    return {**state, **{name: torch.tensor(value) for name, value in facts.items()}}


def of_senclip(state: State) -> State:
    """The whole training module: CLIP in a wrapper in an encoder, a head, a queue of ground photographs."""
    heads = {f"projection_head.{name}.weight": torch.zeros(32, 32) for name in ("projection", "fc")}
    queue = {"queue": torch.zeros(32, 8), "queue_ptr": torch.zeros(1, dtype=torch.long)}
    pooling = {"pooling_layer.attention.in_proj_weight": torch.zeros(96, 32)}
    return {**{f"encoder.model.{name}": value for name, value in state.items()}, **heads, **queue, **pooling}


def of_two_towers(state: State) -> State:
    renamed = {}
    for name, value in state.items():
        if name.startswith("visual."):
            renamed[f"model.visual_encoder.{name.removeprefix('visual.')}"] = value
        elif name == "logit_scale":
            renamed["model.logit_scale"] = value
        else:
            renamed[f"model.text_encoder.{name}"] = value
    return renamed


def of_custom_text(state: State) -> State:
    return {name if name.startswith(("visual.", "logit")) else f"text.{name}": value for name, value in state.items()}


def of_self_distillation(state: State) -> State:
    """A teacher with other weights and a shorter name beside the student."""
    teacher = {f"ema.{name}": torch.zeros_like(value) for name, value in state.items()}
    return {**teacher, **{f"student.{name}": value for name, value in state.items()}}


def of_transformers(state: State) -> State:
    """CLIPModel's names, written down apart from the converter."""
    renamed: State = {
        "logit_scale": state["logit_scale"],
        "text_projection.weight": state["text_projection"].T,
        "visual_projection.weight": state["visual.proj"].T,
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
        "vision_model.embeddings.position_ids": torch.arange(5)[None],
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
    }
    for kind in ("weight", "bias"):
        renamed[f"vision_model.pre_layrnorm.{kind}"] = state[f"visual.ln_pre.{kind}"]
        renamed[f"vision_model.post_layernorm.{kind}"] = state[f"visual.ln_post.{kind}"]
        renamed[f"text_model.final_layer_norm.{kind}"] = state[f"ln_final.{kind}"]
        for tower, ours in (("vision_model", "visual.transformer"), ("text_model", "transformer")):
            for layer in range(2):
                theirs, block = f"{tower}.encoder.layers.{layer}", f"{ours}.resblocks.{layer}"
                thirds = state[f"{block}.attn.in_proj_{kind}"].chunk(3)
                for name, third in zip("qkv", thirds, strict=True):
                    renamed[f"{theirs}.self_attn.{name}_proj.{kind}"] = third
                renamed[f"{theirs}.self_attn.out_proj.{kind}"] = state[f"{block}.attn.out_proj.{kind}"]
                renamed[f"{theirs}.layer_norm1.{kind}"] = state[f"{block}.ln_1.{kind}"]
                renamed[f"{theirs}.layer_norm2.{kind}"] = state[f"{block}.ln_2.{kind}"]
                renamed[f"{theirs}.mlp.fc1.{kind}"] = state[f"{block}.mlp.c_fc.{kind}"]
                renamed[f"{theirs}.mlp.fc2.{kind}"] = state[f"{block}.mlp.c_proj.{kind}"]
    return {f"clip.{name}": value for name, value in renamed.items()}


LAYOUTS: list[Callable[[State], State]] = [
    native,
    of_parallel_training,
    of_openai,
    of_senclip,
    of_two_towers,
    of_custom_text,
    of_self_distillation,
]


@pytest.mark.parametrize("vision", [VIT, RESNET], ids=["vit", "resnet"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_gives_the_model_back(layout: Callable[[State], State], vision: dict[str, Any]) -> None:
    model = clip(vision)
    converted = to_open_clip(layout(dict(model.state_dict())))
    assert converted.is_native
    again = build_model(recognise_config(converted.state))
    load_weights(again, converted.state)
    assert torch.equal(answers(again), answers(model))


def test_the_layout_of_transformers() -> None:
    model = clip(VIT, quick_gelu=True)
    converted = to_open_clip(of_transformers(dict(model.state_dict())))
    assert converted.left_out == ("clip",)  # position_ids
    again = build_model(model_config(converted, "", "quickgelu"))
    load_weights(again, converted.state)
    assert torch.equal(answers(again), answers(model))
    for lost in ("clip.visual_projection.weight", "clip.text_model.encoder.layers.1.self_attn.k_proj.bias"):
        state = of_transformers(dict(model.state_dict()))
        del state[lost]
        with pytest.raises(ModelError) as caught:
            to_open_clip(state)
        assert caught.value.code == "model.unrecognised"


def test_the_positions_of_long_clip() -> None:
    """Its text tower adds two tables of positions, each masked: 20 rows of the first, the rest of the second."""
    text = {**TEXT, "context_length": 248}
    model = clip(VIT, text)
    state = dict(model.state_dict())
    first, rest = torch.randn(248, 64), torch.randn(248, 64)
    keep = (torch.arange(248) < 20)[:, None]
    with torch.no_grad():
        model.positional_embedding.copy_(first * keep + rest * ~keep)
    published = {**state, "positional_embedding": first, "positional_embedding_res": rest}
    published["mask_net.resblocks.0.attn.in_proj_weight"] = torch.zeros(3, 3)
    converted = to_open_clip(published)
    assert converted.left_out == ("mask_net",)
    config = model_config(converted, "", "gelu")
    assert config["text_cfg"]["context_length"] == 248
    again = build_model(config)
    load_weights(again, converted.state)
    assert torch.equal(answers(again), answers(model))
    with pytest.raises(ModelError) as caught:
        to_open_clip({**published, "positional_embedding": first[:77]})
    assert caught.value.code == "model.corrupt"


def test_heads_and_queues_are_left_out_and_named() -> None:
    converted = to_open_clip(of_senclip(dict(clip(VIT).state_dict())))
    assert converted.left_out == ("pooling_layer", "projection_head", "queue", "queue_ptr")


def test_a_timm_trunk_keeps_its_layout() -> None:
    vision = {"timm_model_name": "resnet18", "timm_pool": "avg", "timm_proj": "linear", "image_size": 32}
    model = clip(vision, custom_text=True)
    converted = to_open_clip({**of_parallel_training(dict(model.state_dict())), "epoch": torch.tensor(3)})
    assert not converted.is_native
    assert converted.left_out == ("epoch",)
    again = clip(vision, custom_text=True)
    load_weights(again, {name: value * 1 for name, value in converted.state.items()})
    assert torch.equal(answers(again), answers(model))
    with pytest.raises(ModelError) as caught:
        model_config(converted, "", "")
    assert caught.value.code == "model.unrecognised"
    assert "timm_model_name" in model_config(converted, "MobileCLIP2-S0", "")["vision_cfg"]


@pytest.mark.parametrize(
    ("lost", "words"), [("visual.conv1", "image tower"), ("token_embedding", "text tower"), ("logit_scale", "scale")]
)
def test_a_missing_part_is_named(lost: str, words: str) -> None:
    state = {name: value for name, value in clip(VIT).state_dict().items() if not name.startswith(lost)}
    with pytest.raises(ModelError, match=words) as caught:
        to_open_clip(state)
    assert caught.value.code == "model.unrecognised"


def test_activation_and_architecture() -> None:
    converted = to_open_clip(dict(clip(VIT).state_dict()))
    assert model_config(converted, "", "quickgelu")["quick_gelu"]
    assert not model_config(converted, "", "gelu")["quick_gelu"]
    for architecture, code in (("ViT-B-16", "model.mismatch"), ("ViT-Q-1", "model.config")):
        with pytest.raises(ModelError) as caught:
            model_config(converted, architecture, "gelu")
        assert caught.value.code == code
