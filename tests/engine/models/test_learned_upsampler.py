"""The learned joint-bilateral upsampler against the reference's numbers, and against its own plain definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.errors import ModelError
from satclip_engine.models.learned_upsampler import LearnedUpsampler, upsampler_from_state, weighted_sum
from satclip_engine.models.projected_upsampling import project_then_upsample, upsample_then_project
from satclip_engine.models.weights import read_state_dict

from tests.engine.helpers.upsamplers import random_upsampler, smooth_tokens
from tests.engine.models.golden import load_golden, random_numbers

# Source: golden README.
MEAN, STD = (122.771, 116.746, 104.094), (68.501, 66.632, 70.323)
TOLERANCE = 5e-5


def normalised(image: np.ndarray) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (torch.from_numpy(image).float() - mean) / std


def clip_stack() -> LearnedUpsampler:
    path = Path(load_golden("jbu_8ch.npz").zip.filename).parent / "clip_jbu_stack_cocostuff.safetensors"
    if not path.is_file():
        pytest.skip("no published upsampler weights to check against")
    return upsampler_from_state(read_state_dict(path))


def jbu_one(golden: Any) -> LearnedUpsampler:
    prefix = "jbuone32_sd/"
    names = [name for name in golden.files if name.startswith(prefix)]
    return upsampler_from_state({name.removeprefix(prefix): torch.from_numpy(golden[name]) for name in names})


def close(ours: torch.Tensor, golden: Any, name: str) -> None:
    np.testing.assert_allclose(ours.numpy(), golden[name], atol=TOLERANCE, err_msg=name)


def test_every_pass_of_the_published_stack() -> None:
    golden, upsampler = load_golden("jbu_8ch.npz"), clip_stack()
    guidance = normalised(golden["guidance_u8_224x224"])
    np.testing.assert_allclose(guidance[:, :4, :4].numpy(), golden["guidance_norm_corner"], atol=1e-6)
    values = torch.from_numpy(golden["features_8x14x14"])
    after = []
    for index in range(4):
        values = upsampler.upsample(values, guidance, start=index, stop=index + 1)
        after.append(values)
    close(after[0], golden, "clip_stack/after_up1_28x28")
    close(after[1], golden, "clip_stack/after_up2_56x56")
    close(after[2][:, ::2, ::2], golden, "clip_stack/after_up3_112x112_every2")
    close(after[3][:, ::2, ::2], golden, "clip_stack/after_up4_224x224_every2")
    close(after[3][:4, :64, :64], golden, "clip_stack/after_up4_224x224_corner64_first4ch")


def test_one_module_for_all_passes() -> None:
    golden = load_golden("jbu_8ch.npz")
    upsampler = jbu_one(golden)
    guidance = normalised(golden["jbuone/guidance_u8_96x128"])
    features = torch.from_numpy(golden["jbuone/features_8x6x8"])
    close(upsampler.upsample(features, guidance, stop=1), golden, "jbuone/after_pass1_12x16")
    close(upsampler.upsample(features, guidance, stop=2), golden, "jbuone/after_pass2_24x32")
    fine = upsampler.upsample(features, guidance)
    close(fine[:, ::2, ::2], golden, "jbuone/after_pass4_96x128_every2")
    close(fine[:, :32, :32], golden, "jbuone/after_pass4_96x128_corner32")
    full = upsampler(torch.from_numpy(golden["jbuone/features_32x6x8"]), guidance)
    close(full[:, ::4, ::4], golden, "jbuone/full_out_32_every4")


def test_512_channels_and_the_final_mixing() -> None:
    golden = load_golden("jbu_512ch_stats.npz")
    features = random_numbers(1, ("jbu_feat512",), (1, 512, 14, 14)).astype(np.float32)[0]
    guidance = normalised(load_golden("jbu_8ch.npz")["guidance_u8_224x224"])
    fine = clip_stack()(torch.from_numpy(features), guidance)
    close(fine[:16, :16, :16], golden, "clip_stack/out_corner")
    close(fine[256:272, 104:120, 104:120], golden, "clip_stack/out_center")
    close(fine[-16:, -16:, -16:], golden, "clip_stack/out_end")
    np.testing.assert_allclose(fine.double().mean((1, 2)).numpy(), golden["clip_stack/channel_mean"], atol=1e-6)
    np.testing.assert_allclose(fine.double().std((1, 2)).numpy(), golden["clip_stack/channel_std"], atol=1e-6)


@pytest.mark.parametrize(("case", "size"), [("window0", (64, 64)), ("window96x64", (96, 64))])
def test_logits_of_a_window_both_ways(case: str, size: tuple[int, int]) -> None:
    """SegEarth-OV's logits with its one-module upsampler; carried through all passes the length is exact."""
    from satclip_engine.models.head_variants import HeadVariant, segearth
    from satclip_engine.models.position import reference_positions
    from satclip_engine.models.vit import VitTower

    from tests.engine.models.golden import tiny_clip

    golden, tiny = load_golden("segearth_logits_tiny.npz"), load_golden("dense_head_tiny.npz")
    tower = VitTower(tiny_clip(tiny).visual, HeadVariant("segearth", segearth, False), reference_positions)
    image = normalised(golden["a160x128/image_u8"])[:, : size[0], : size[1]]
    with torch.no_grad():
        features = tower(image[None])
    phrases = torch.from_numpy(golden["text"])
    upsampler = jbu_one(load_golden("jbu_8ch.npz"))
    bias = -0.3 * (phrases @ torch.nn.functional.normalize(features.cls[0], dim=0))[:, None, None]
    plain = upsample_then_project(upsampler, features.tokens[0], image, phrases) + bias
    projected = project_then_upsample(upsampler, features.tokens[0], image, phrases, (0.0,) * 4) + bias
    np.testing.assert_allclose(plain.numpy(), golden[f"{case}/logits_lambda-0.3_jbuone"], atol=2e-5)
    np.testing.assert_allclose(projected.numpy(), golden[f"{case}/logits_lambda-0.3_jbuone"], atol=2e-5)


def test_scores_without_the_length_are_the_same_either_way() -> None:
    upsampler = random_upsampler(dim=24, radius_px=3, seed=1)
    generator = torch.Generator().manual_seed(2)
    tokens, guidance = torch.randn(24, 7, 5, generator=generator), torch.randn(3, 112, 80, generator=generator)
    phrases = torch.randn(4, 24, generator=generator)
    fine = upsampler.upsample(tokens, guidance)
    projected = upsampler.upsample(torch.einsum("pd,dhw->phw", phrases, tokens), guidance)
    torch.testing.assert_close(projected, torch.einsum("pd,dhw->phw", phrases, fine), atol=2e-5, rtol=1e-4)


def test_cosines_of_projected_scores_agree() -> None:
    """512 dimensions, six phrases, tokens that vary as smoothly as real ones: within 1e-3 by default."""
    upsampler = random_upsampler(dim=512, radius_px=5, seed=3)
    tokens, guidance = smooth_tokens(512, 6, 6, seed=4)
    phrases = torch.nn.functional.normalize(
        tokens[:, ::2, ::3].flatten(1).T + torch.randn(6, 512, generator=torch.Generator().manual_seed(5))
    )
    plain = upsample_then_project(upsampler, tokens, guidance, phrases)
    assert plain.std() > 0.02
    torch.testing.assert_close(project_then_upsample(upsampler, tokens, guidance, phrases), plain, atol=1e-3, rtol=0)
    exact = project_then_upsample(upsampler, tokens, guidance, phrases, (0.0,) * 4)
    torch.testing.assert_close(exact, plain, atol=1e-5, rtol=0)


def test_weighted_sum_is_the_plain_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    padded, kernel = torch.randn(70, 9, 8, generator=generator), torch.randn(9, 7, 6, generator=generator)
    expected = torch.zeros(70, 7, 6)
    for row in range(7):
        for col in range(6):
            around = padded[:, row : row + 3, col : col + 3].flatten(1)
            expected[:, row, col] = around @ kernel[:, row, col]
    torch.testing.assert_close(weighted_sum(padded, kernel), expected)


def test_strips_leave_no_seam() -> None:
    """A wide image is done in many strips, a narrow one in one: where both see the same pixels they agree."""
    upsampler = random_upsampler(dim=4, radius_px=3, seed=6)
    generator = torch.Generator().manual_seed(7)
    values, guidance = torch.randn(4, 40, 40, generator=generator), torch.randn(3, 640, 640, generator=generator)
    whole = upsampler.upsample(values, guidance)
    part = upsampler.upsample(values[:, :, :20], guidance[:, :, :320])
    torch.testing.assert_close(whole[:, :, :160], part[:, :, :160])


def test_other_weights_are_refused() -> None:
    state = {name: tensor for name, tensor in random_upsampler(8, 3, 0).state_dict().items() if "range" in name}
    with pytest.raises(ModelError) as caught:
        upsampler_from_state(state)
    assert caught.value.code == "model.upsampler"
