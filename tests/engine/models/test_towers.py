"""Dense features against what each tower's global feature implies; positions of other window sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from satclip_engine.errors import ModelError
from satclip_engine.models.architecture import build_model
from satclip_engine.models.encoder import build_tower
from satclip_engine.models.head_variants import find_head_variant, neighbourhood
from satclip_engine.models.position import open_clip_positions, reference_positions
from satclip_engine.models.resnet import ResNetTower
from satclip_engine.models.timm_trunk import TimmTower
from satclip_engine.models.vit import VitTower

from tests.engine.models.configs import RESNET, VIT, clip_cfg, timm_cfg

SEGEARTH = find_head_variant("segearth")


def image_tower(vision: dict[str, Any]) -> Any:
    torch.manual_seed(1)
    return build_model(clip_cfg(vision)).visual


def images(height: int = 64, width: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(2))


AVERAGED = ["resnet18", "efficientnet_lite0", "mobilenetv2_050", "swin_tiny_patch4_window7_224", "xcit_nano_12_p16_224"]
NORM_AFTER_POOL = ["convnext_atto", "edgenext_xx_small"]


@pytest.mark.parametrize("name", AVERAGED)
def test_mean_of_the_cells_is_the_global_feature_of_an_averaging_trunk(name: str) -> None:
    size = 224 if name.startswith("swin") else 64
    visual = image_tower(timm_cfg(name, size))
    with torch.no_grad():
        features, expected = TimmTower(visual)(images(size, size)), visual(images(size, size))
    torch.testing.assert_close(features.cls, expected)
    torch.testing.assert_close(features.tokens.mean((2, 3)), expected, atol=1e-5, rtol=1e-3)
    assert features.tokens.std((2, 3)).min() > 0


@pytest.mark.parametrize("name", NORM_AFTER_POOL)
def test_a_norm_after_the_pooling_is_applied_to_every_cell(name: str) -> None:
    """An image whose last map is the same everywhere has that cell's feature as its global one."""
    visual = image_tower(timm_cfg(name))
    tower = TimmTower(visual)
    with torch.no_grad():
        cell = visual.trunk.forward_features(images())[:, :, :1, :1]
        visual.trunk.forward_features = lambda _batch: cell.expand(-1, -1, 2, 2)
        features = tower(images())
        expected = visual.head(visual.trunk.forward_head(cell.expand(-1, -1, 2, 2)))
    for row in range(2):
        for col in range(2):
            torch.testing.assert_close(features.tokens[:, :, row, col], expected, atol=1e-5, rtol=1e-4)


def test_prefix_tokens_are_dropped_and_map_pooling_answers_per_cell() -> None:
    vision = timm_cfg("vit_tiny_patch16_224", 224, timm_pool="map", timm_proj="none")
    cfg = {**clip_cfg(vision), "embed_dim": 192}
    visual = build_model(cfg).visual
    with torch.no_grad():
        features = TimmTower(visual)(images(224, 224)[:1])
    assert features.tokens.shape == (1, 192, 14, 14)
    assert bool(features.tokens.isfinite().all())


def test_a_custom_attention_block_is_not_dense() -> None:
    with pytest.raises(ModelError, match="last attention block"):
        build_tower(image_tower({**VIT, "qk_norm": True}), SEGEARTH)


def test_resnet_global_feature_is_open_clips() -> None:
    visual = image_tower(RESNET)
    with torch.no_grad():
        features = ResNetTower(visual)(images())
        torch.testing.assert_close(features.cls, visual(images()), atol=1e-5, rtol=1e-4)


def test_resnet_cells_are_the_value_path_of_the_attention_pool() -> None:
    """With one cell in the window and no positions, mean token and cell are one and attention has no choice."""
    visual = image_tower({**RESNET, "image_size": 32})
    with torch.no_grad():
        visual.attnpool.positional_embedding.zero_()
        features = ResNetTower(visual)(images(32, 32))
        torch.testing.assert_close(features.tokens[:, :, 0, 0], visual(images(32, 32)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("grid", [(2, 2), (4, 4), (6, 4), (9, 9)])
def test_positions_are_resized_as_open_clip_loads_a_checkpoint(grid: tuple[int, int]) -> None:
    native = image_tower(VIT)
    resized = image_tower({**VIT, "image_size": [grid[0] * 16, grid[1] * 16]})
    from open_clip.model import resize_pos_embed

    state = {"visual.positional_embedding": native.positional_embedding.detach().clone()}
    resize_pos_embed(state, torch.nn.ModuleDict({"visual": resized}))
    with torch.no_grad():
        ours = VitTower(native, SEGEARTH).positions(grid)
    assert torch.equal(ours, state["visual.positional_embedding"])


def test_the_two_rules_agree_on_the_native_grid_only() -> None:
    embedding = image_tower(VIT).positional_embedding.detach()
    assert torch.equal(open_clip_positions(embedding, (4, 4), (4, 4)), embedding)
    assert torch.equal(reference_positions(embedding, (4, 4), (4, 4)), embedding)
    ours, theirs = (rule(embedding, (4, 4), (6, 4)) for rule in (open_clip_positions, reference_positions))
    assert not torch.allclose(ours, theirs, atol=1e-4)
    # Both originals leave a 2 x 8 window the 4 x 4 embedding, which scrambles its rows; ours resizes it.
    assert torch.equal(reference_positions(embedding, (4, 4), (2, 8)), embedding)
    assert not torch.equal(open_clip_positions(embedding, (4, 4), (2, 8)), embedding)


def test_positions_in_training_carry_gradients() -> None:
    visual = image_tower(VIT).requires_grad_(requires_grad=True)
    tower = VitTower(visual, SEGEARTH)
    with torch.no_grad():
        tower.positions((6, 6))
    tower(images(96, 96)).tokens.square().mean().backward()
    assert float(visual.positional_embedding.grad.abs().sum()) > 0


def test_kept_positions_are_those_of_the_present_weights() -> None:
    visual = image_tower(VIT)
    tower = VitTower(visual, SEGEARTH)
    with torch.inference_mode():
        before = tower.positions((6, 6))
        assert tower.positions((6, 6)) is before
    with torch.no_grad():
        visual.positional_embedding += 1.0
    with torch.inference_mode():
        torch.testing.assert_close(tower.positions((6, 6)), before + 1.0)


def test_gaussian_neighbourhood() -> None:
    weights = neighbourhood((2, 3), 5.0, like=torch.zeros(1))
    assert weights.shape == (7, 7)
    assert float(weights[0].abs().sum()) == float(weights[:, 0].abs().sum()) == 0
    # Cells (0, 0) and (1, 2) are sqrt(5) apart.
    assert float(weights[1, 6]) == pytest.approx(float(torch.exp(torch.tensor(-5 / 50))), rel=1e-6)
    assert torch.equal(weights, weights.T)
