"""The training losses against numbers of the reference implementations (FarSLIP, SenCLIP), and against definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.losses.ground import AttentionPool, PhotoQueue, batch_loss, mean_pool, queue_loss
from satclip_engine.training.losses.pixels import mask_loss
from satclip_engine.training.losses.regions import cosine_loss, multi_positive_loss, pool_cells, pool_regions
from torch import Tensor
from torch.nn import functional

from tests.engine.models.golden import load_golden

GRIDS = {"g7x7": (7, 7), "g5x8": (5, 8), "g14x14": (14, 14)}
TOLERANCE = 1e-8


@pytest.fixture(scope="module")
def farslip() -> Any:
    return load_golden("farslip_losses.npz")


@pytest.fixture(scope="module")
def senclip() -> Any:
    return load_golden("senclip_loss.npz")


def leaf(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).double().requires_grad_()


def as_map(patches: Tensor, grid: tuple[int, int]) -> Tensor:
    """(N, cells, D) to (N, D, h, w)."""
    return patches.transpose(1, 2).reshape(len(patches), -1, *grid)


@pytest.mark.parametrize("name", GRIDS)
def test_patch_distillation(farslip: Any, name: str) -> None:
    base = f"distill/{name}"
    image, crops = leaf(farslip[f"{base}/global_patches"]), leaf(farslip[f"{base}/crop_patches"])
    boxes = torch.from_numpy(farslip[f"{base}/boxes_xyxy_normalised"])
    regions = pool_regions(as_map(image, GRIDS[name]), boxes).flatten(0, 1)
    np.testing.assert_allclose(regions.detach(), farslip[f"{base}/roi_embeddings"], atol=TOLERANCE)
    loss = cosine_loss(regions, pool_cells(as_map(crops, GRIDS[name])))
    assert loss.item() == pytest.approx(float(farslip[f"{base}/roi2pooled/loss"]), abs=TOLERANCE)
    loss.backward()
    expected = farslip[f"{base}/roi2pooled/grad_global"]
    np.testing.assert_allclose(image.grad[: len(expected)], expected, atol=TOLERANCE)
    assert float(image.grad.norm()) == pytest.approx(float(farslip[f"{base}/roi2pooled/gradnorm_global"]), rel=1e-6)
    assert float(crops.grad.norm()) == pytest.approx(
        float(farslip[f"{base}/roi2pooled/gradnorm_crop_patches"]), rel=1e-6
    )


@pytest.mark.parametrize("name", GRIDS)
def test_distillation_towards_the_crops_global_vector(farslip: Any, name: str) -> None:
    base = f"distill/{name}"
    image, crops, cls = (leaf(farslip[f"{base}/{part}"]) for part in ("global_patches", "crop_patches", "crop_cls"))
    boxes = torch.from_numpy(farslip[f"{base}/boxes_xyxy_normalised"])
    regions = pool_regions(as_map(image, GRIDS[name]), boxes).flatten(0, 1)
    to_cls = cosine_loss(regions, functional.normalize(cls, dim=-1))
    assert to_cls.item() == pytest.approx(float(farslip[f"{base}/roi2cls/loss"]), abs=TOLERANCE)
    both = (to_cls + cosine_loss(regions, pool_cells(as_map(crops, GRIDS[name])))) / 2
    assert both.item() == pytest.approx(float(farslip[f"{base}/combined/loss"]), abs=TOLERANCE)


def test_a_region_is_the_mean_of_bilinear_samples_at_the_centres_of_its_bins() -> None:
    """RoIAlign by its definition, one bin after the other, with plain loops."""
    torch.manual_seed(1)
    tokens = torch.randn(1, 3, 4, 6, dtype=torch.float64)
    x1, y1, x2, y2 = 0.13, 0.0, 0.71, 0.55
    total = torch.zeros(3, dtype=torch.float64)
    for row in range(4):
        for col in range(6):
            y = y1 * 4 - 0.5 + (row + 0.5) * (y2 - y1) * 4 / 4
            x = x1 * 6 - 0.5 + (col + 0.5) * (x2 - x1) * 6 / 6
            y, x = min(max(y, 0), 3), min(max(x, 0), 5)
            top, left = min(int(y), 2), min(int(x), 4)
            for r, weight_r in ((top, 1 - (y - top)), (top + 1, y - top)):
                for c, weight_c in ((left, 1 - (x - left)), (left + 1, x - left)):
                    total += tokens[0, :, r, c] * weight_r * weight_c
    ours = pool_regions(tokens, torch.tensor([[[x1, y1, x2, y2]]], dtype=torch.float64))
    torch.testing.assert_close(ours[0, 0], functional.normalize(total, dim=0))


@pytest.mark.parametrize("case", ["dup", "unique", "padmiddle"])
@pytest.mark.parametrize("scale", ["14.2857", "100"])
def test_multi_positive_loss(farslip: Any, case: str, scale: str) -> None:
    base = f"multipos/{case}/scale{scale}"
    image, text = leaf(farslip[f"multipos/{case}/image_features"]), leaf(farslip[f"multipos/{case}/text_features"])
    categories = torch.from_numpy(farslip[f"multipos/{case}/category_ids"])
    log_scale = torch.tensor(math.log(100 if scale == "100" else 1 / 0.07), dtype=torch.float64, requires_grad=True)
    loss = multi_positive_loss(
        functional.normalize(image, dim=-1), functional.normalize(text, dim=-1), categories, log_scale.exp()
    )
    assert loss.item() == pytest.approx(float(farslip[f"{base}/loss_float64"]), rel=1e-9)
    assert loss.item() == pytest.approx(float(farslip[f"{base}/loss_reference"]), abs=1e-5)
    loss.backward()
    assert float(image.grad.norm()) == pytest.approx(float(farslip[f"{base}/gradnorm_image"]), rel=1e-8)
    assert float(text.grad.norm()) == pytest.approx(float(farslip[f"{base}/gradnorm_text"]), rel=1e-8)
    assert float(log_scale.grad) == pytest.approx(float(farslip[f"{base}/grad_log_scale"]), rel=1e-8)
    if f"{base}/grad_image" in farslip.files:
        np.testing.assert_allclose(image.grad, farslip[f"{base}/grad_image"], atol=TOLERANCE)


@pytest.mark.parametrize("scale", ["14.2857", "100"])
def test_different_categories_give_clips_own_loss(farslip: Any, scale: str) -> None:
    ensure_torchvision_imports()
    from open_clip.loss import ClipLoss

    image, text = leaf(farslip["itc/image_features"]), leaf(farslip["itc/text_features"])
    log_scale = torch.tensor(math.log(100 if scale == "100" else 1 / 0.07), dtype=torch.float64, requires_grad=True)
    loss = multi_positive_loss(image, text, torch.arange(len(image)), log_scale.exp())
    assert loss.item() == pytest.approx(float(farslip[f"itc/scale{scale}/loss"]), rel=1e-8)
    assert loss.item() == pytest.approx(ClipLoss()(image, text, log_scale.exp()).item(), rel=1e-12)
    loss.backward()
    assert float(image.grad.norm()) == pytest.approx(float(farslip[f"itc/scale{scale}/gradnorm_image"]), rel=1e-8)
    assert float(text.grad.norm()) == pytest.approx(float(farslip[f"itc/scale{scale}/gradnorm_text"]), rel=1e-8)
    assert float(log_scale.grad) == pytest.approx(float(farslip[f"itc/scale{scale}/grad_log_scale"]), rel=1e-7)


def test_rows_without_a_category_are_as_if_absent(farslip: Any) -> None:
    image, text = leaf(farslip["itc/image_features"]), leaf(farslip["itc/text_features"])
    valid = torch.from_numpy(farslip["itc_padded/valid_mask"])
    categories = torch.where(valid, torch.arange(len(valid)), -1)
    loss = multi_positive_loss(image, text, categories, 1 / 0.07)
    assert loss.item() == pytest.approx(float(farslip["itc_padded/loss_of_6_valid_only_scale14.2857"]), rel=1e-6)
    nothing = multi_positive_loss(image, text, torch.full((len(valid),), -1), 100.0)
    nothing.backward()
    assert nothing.item() == 0
    assert float(image.grad.abs().sum()) == 0


POOLS = ["avgpool_mean", "attpool_perimage_sum", "attpool_perimage_mean", "attpool_perdim_sum", "attpool_perdim_max"]


def pooled_photos(senclip: Any, pool: str, photos: Tensor) -> Tensor:
    """The product's poolings, and the reference's other one by its formula, as unit vectors."""
    taken = torch.ones(photos.shape[:2], dtype=torch.bool)
    if pool == "avgpool_mean":
        return mean_pool(photos, taken)
    if pool.startswith("attpool_perimage"):
        attention = AttentionPool(photos.shape[-1]).double()
        attention.weight.data = torch.from_numpy(senclip["attn_perimage_weight"][0])
        return attention(photos, taken)
    weighted = (photos @ torch.from_numpy(senclip["attn_perdim_weight"]).T).softmax(1) * photos
    return functional.normalize(weighted.amax(1) if pool.endswith("max") else weighted.sum(1), dim=-1)


def satellite(senclip: Any, head: str, x: Tensor) -> Tensor:
    """The reference's satellite head, which the product does not add to a model, by its formula."""
    if head == "head_zero_init":
        return functional.normalize(functional.layer_norm(x, x.shape[-1:]), dim=-1)
    names = ("projection.weight", "projection.bias", "fc.weight", "fc.bias", "layer_norm.weight", "layer_norm.bias")
    w1, b1, w2, b2, gain, bias = (torch.from_numpy(senclip[f"head/{name}"]) for name in names)
    p = functional.linear(x, w1, b1)
    y = functional.linear(functional.gelu(p), w2, b2) + p + x
    return functional.normalize(functional.layer_norm(y, x.shape[-1:], gain, bias), dim=-1)


@pytest.mark.parametrize("head", ["head_zero_init", "head_seeded"])
@pytest.mark.parametrize("pool", POOLS)
def test_queue_loss_over_three_steps(senclip: Any, pool: str, head: str) -> None:
    queue = PhotoQueue(16, 32).double()
    queue.vectors.copy_(torch.from_numpy(senclip["queue0"].T))
    for step in range(3):
        x = leaf(senclip[f"sat_step{step}"])
        log_scale = torch.tensor(math.log(1 / 0.07), dtype=torch.float64, requires_grad=True)
        places = pooled_photos(senclip, pool, torch.from_numpy(senclip[f"ground_step{step}"]))
        loss = queue_loss(satellite(senclip, head, x), places, queue.vectors, log_scale.exp())
        base = f"{pool}/{head}"
        assert loss.item() == pytest.approx(float(senclip[f"{base}/loss_step{step}"]), abs=1e-7)
        loss.backward()
        assert float(x.grad.norm()) == pytest.approx(float(senclip[f"{base}/gradnorm_sat_step{step}"]), rel=1e-5)
        assert float(log_scale.grad) == pytest.approx(float(senclip[f"{base}/grad_log_scale_step{step}"]), rel=1e-5)
        queue.push(places)
    assert int(queue.place) == int(senclip[f"{base}/ptr_after3"][0])
    if f"{base}/queue_after3" in senclip.files:
        np.testing.assert_allclose(queue.vectors.T, senclip[f"{base}/queue_after3"], atol=1e-7)


def test_a_queue_keeps_the_newest_when_the_batch_does_not_divide_it() -> None:
    queue = PhotoQueue(5, 1)
    for first in range(0, 12, 4):
        queue.push(torch.arange(first, first + 4.0)[:, None])
    assert sorted(queue.vectors.flatten().tolist()) == [7, 8, 9, 10, 11]
    queue.push(torch.arange(100.0, 107.0)[:, None])
    assert sorted(queue.vectors.flatten().tolist()) == [102, 103, 104, 105, 106]


def test_places_may_have_different_numbers_of_photos() -> None:
    torch.manual_seed(1)
    photos, taken = torch.randn(2, 3, 8), torch.tensor([[True, True, False], [True, True, True]])
    alone = mean_pool(photos[:1, :2], taken[:1, :2])
    torch.testing.assert_close(mean_pool(photos, taken)[0], alone[0])
    attention = AttentionPool(8)
    torch.testing.assert_close(attention(photos, taken), mean_pool(photos, taken))  # it starts as the mean
    attention.weight.data = torch.randn(8)
    torch.testing.assert_close(attention(photos, taken)[0], attention(photos[:1, :2], taken[:1, :2])[0])
    attention(photos, taken).sum().backward()
    assert float(attention.weight.grad.abs().sum()) > 0


def test_the_batch_as_wrong_answers() -> None:
    torch.manual_seed(1)
    chips, places = (functional.normalize(torch.randn(3, 8), dim=-1) for _ in range(2))
    others = [queue_loss(chips[i : i + 1], places[i : i + 1], places[torch.arange(3) != i], 10.0) for i in range(3)]
    torch.testing.assert_close(batch_loss(chips, places, 10.0), torch.stack(others).mean())


def test_mask_loss_by_hand() -> None:
    """Two cells side by side, each the vector of its class; half the pixels looked at."""
    tokens = torch.tensor([[[[3.0, 0.0]], [[0.0, 0.5]]]])
    masks = torch.tensor([[[1, 0, 0, 2]]])
    loss = mask_loss(tokens, torch.eye(2), masks, 10.0)
    # The outer pixels lie a quarter of a cell beyond the centres, where bilinear interpolation repeats the border.
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-10)), rel=1e-3)
    wrong = mask_loss(tokens, torch.eye(2), torch.tensor([[[2, 0, 0, 1]]]), 10.0)
    assert wrong.item() == pytest.approx(10 + math.log(1 + math.exp(-10)), rel=1e-5)


def test_a_mask_that_says_nothing_has_no_loss_and_no_gradient() -> None:
    tokens = torch.randn(1, 4, 2, 2, requires_grad=True)
    loss = mask_loss(tokens, torch.eye(4), torch.zeros(1, 8, 8, dtype=torch.uint8), 10.0)
    loss.backward()
    assert loss.item() == 0
    assert float(tokens.grad.abs().sum()) == 0
