"""Drawn scenes, views, and features of another stride."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from satclip_engine.models.atrous import set_output_stride
from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.mini.augment import jitter_colours, random_view
from satclip_engine.training.mini.drawn_scenes import SIDE_PX, Texture, draw_scene, find_open_water
from satclip_engine.training.mini.labels import Label, bits


@pytest.fixture
def textures() -> list[Texture]:
    rng = np.random.default_rng(0)
    colours = {Label.TREE: (40, 80, 40), Label.SOIL: (170, 140, 110), Label.WATER: (30, 60, 80)}
    return [
        Texture(np.clip(rng.normal(colour, 4, (64, 64, 3)), 0, 255).astype(np.uint8), bits(label))
        for label, colour in colours.items()
    ]


def test_drawn_scenes_label_every_pixel_and_repeat_with_the_seed(textures: list[Texture]) -> None:
    scene = draw_scene(textures, np.random.default_rng(5))
    again = draw_scene(textures, np.random.default_rng(5))
    assert scene.image.shape == (3, SIDE_PX, SIDE_PX)
    assert (scene.labels > 0).all()
    assert set(np.unique(scene.labels)) <= {bits(label) for label in Label}
    np.testing.assert_array_equal(scene.image, again.image)


def test_open_water_is_found_where_it_is_smooth_and_blue() -> None:
    image = np.random.default_rng(0).integers(0, 255, (3, 150, 150)).astype(np.uint8)
    assert find_open_water(image) is None
    image[:, 34:100, 34:100] = np.array((30, 70, 80), np.uint8)[:, None, None]
    piece = find_open_water(image)
    assert piece is not None
    assert piece.std() < 30


def test_a_view_keeps_image_and_labels_together() -> None:
    image = np.zeros((3, 90, 120), np.uint8)
    image[:, :, 60:] = 200
    labels = np.where(image[0] > 0, bits(Label.SAND), bits(Label.WATER))
    for seed in range(8):
        view, cut = random_view(image, 64, (0.7, 2.0), np.random.default_rng(seed), labels)
        assert cut is not None
        shrunk = view.unflatten(1, (16, 4)).unflatten(3, (16, 4)).mean((0, 2, 4))
        sure = (shrunk < 20) | (shrunk > 180)
        assert ((shrunk > 100) == (cut == bits(Label.SAND)))[sure].all()


def test_jitter_stays_in_range_and_repeats_with_the_seed() -> None:
    views = torch.rand(4, 3, 32, 32) * 255
    first = jitter_colours(views, torch.Generator().manual_seed(1))
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1
    torch.testing.assert_close(first, jitter_colours(views, torch.Generator().manual_seed(1)))


def test_the_finer_stride_holds_the_coarser_features() -> None:
    ensure_torchvision_imports()
    import timm

    torch.manual_seed(0)
    trunk = timm.create_model("efficientnet_lite0").eval()
    images = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        coarse = trunk.forward_features(images)
        assert set_output_stride(trunk, 16) == 16
        fine = trunk.forward_features(images)
        assert set_output_stride(trunk, 32) == 32
        back = trunk.forward_features(images)
    torch.testing.assert_close(fine[:, :, ::2, ::2], coarse, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(back, coarse)
