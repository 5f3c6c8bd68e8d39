"""Loading open_clip folders and encoding windows and words, with small random models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.errors import DeviceError, ModelError, OptionError
from satclip_engine.models.encoder import Encoder, load_encoder

from tests.engine.helpers.tiny_model import write_model, write_tiny_model
from tests.engine.models.configs import RESNET, VIT, clip_cfg, engine_config, timm_cfg


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = engine_config(tmp_path_factory.mktemp("engine"))
    write_tiny_model(config.models_dir / "tiny")
    return config


@pytest.fixture(scope="module")
def encoder(config: Config) -> Encoder:
    return load_encoder("tiny", device="cpu", precision="fp32", config=config)


def windows(count: int, height: int = 64, width: int = 64, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


def test_facts_of_a_loaded_model(encoder: Encoder) -> None:
    assert (encoder.id, encoder.cell_px, encoder.window_px, encoder.embed_dim) == ("tiny", 16, 64, 32)
    assert encoder.logit_scale == pytest.approx(1 / 0.07, rel=1e-4)
    assert encoder.device_label.startswith("CPU, ")
    assert encoder.device_label.endswith(", fp32")
    assert encoder.card.title == "Tiny random model"
    assert encoder.global_bias == -0.3
    assert json.loads(json.dumps(encoder.identity())) == encoder.identity()


def test_windows_of_any_shape_in_cells(encoder: Encoder) -> None:
    features = encoder.encode(windows(2, 48, 96))
    assert features.tokens.shape == (2, 32, 3, 6)
    assert features.cls.shape == (2, 32)
    assert features.tokens.dtype == features.cls.dtype == torch.float32


def test_a_window_that_is_no_whole_number_of_cells_is_refused(encoder: Encoder) -> None:
    with pytest.raises(OptionError) as caught:
        encoder.encode(windows(1, 64, 70))
    assert caught.value.code == "option.window"


def test_encode_normalises_as_the_model_says(encoder: Encoder, config: Config) -> None:
    images = windows(1)
    tower = encoder._tower
    with torch.inference_mode():
        expected = tower((images.float() / 255 - 0.4) / 0.25)
    torch.testing.assert_close(encoder.encode(images).tokens, expected.tokens, atol=1e-5, rtol=1e-5)


def test_by_id_by_folder_and_by_file_are_the_same_model(encoder: Encoder, config: Config) -> None:
    folder = config.models_dir / "tiny"
    for name in (str(folder), str(folder / "model.safetensors")):
        other = load_encoder(name, device="cpu", precision="fp32", config=config)
        assert other.identity() == encoder.identity()
        assert torch.equal(other.encode(windows(1)).tokens, encoder.encode(windows(1)).tokens)


def test_identity_tells_weights_variants_and_precisions_apart(encoder: Encoder, config: Config, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "tiny", seed=1)
    identities = [
        encoder.identity(),
        load_encoder(str(other), device="cpu", precision="fp32", config=config).identity(),
        load_encoder("tiny", device="cpu", precision="bf16", config=config).identity(),
        load_encoder("tiny", device="cpu", precision="fp32", head_variant="clearclip", config=config).identity(),
    ]
    assert len({json.dumps(identity, sort_keys=True) for identity in identities}) == len(identities)


def test_variants_differ(encoder: Encoder, config: Config) -> None:
    tokens = {
        name: load_encoder("tiny", device="cpu", precision="fp32", head_variant=name, config=config)
        .encode(windows(1))
        .tokens
        for name in ("vanilla", "maskclip", "sclip", "clearclip", "naclip", "segearth")
    }
    names = list(tokens)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            assert not torch.allclose(tokens[name], tokens[other], atol=1e-3), (name, other)


def test_quick_gelu_is_taken_from_the_configuration(config: Config, tmp_path: Path) -> None:
    quick, plain = tmp_path / "quick", tmp_path / "plain"
    write_model(quick, clip_cfg(VIT, quick_gelu=True))
    write_model(plain, clip_cfg(VIT, quick_gelu=False))
    encoders = [load_encoder(str(path), device="cpu", precision="fp32", config=config) for path in (quick, plain)]
    assert encoders[0].weights_sha256 == encoders[1].weights_sha256
    first, second = (encoder.encode(windows(1)).tokens for encoder in encoders)
    assert not torch.allclose(first, second, atol=1e-4)


def test_bf16_is_close_to_fp32(encoder: Encoder, config: Config) -> None:
    low = load_encoder("tiny", device="cpu", precision="bf16", config=config)
    cosine = torch.cosine_similarity(low.encode(windows(4)).tokens, encoder.encode(windows(4)).tokens, dim=1)
    assert float(cosine.min()) > 0.995


@pytest.mark.parametrize(
    ("vision", "cell_px"),
    [(RESNET, 32), (timm_cfg("resnet18"), 32), (timm_cfg("convnext_atto"), 32), (timm_cfg("xcit_nano_12_p16_224"), 16)],
    ids=["rn", "resnet18", "convnext", "xcit"],
)
def test_every_kind_of_tower_loads_and_encodes(
    vision: dict[str, object], cell_px: int, config: Config, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "model", clip_cfg(vision))
    for precision in ("fp32", "bf16"):
        encoder = load_encoder(str(folder), device="cpu", precision=precision, config=config)
        assert encoder.cell_px == cell_px
        features = encoder.encode(windows(2))
        assert features.tokens.shape == (2, 32, 64 // cell_px, 64 // cell_px)
        assert bool(features.tokens.isfinite().all())
        assert encoder.head_variant == ""


def test_weights_under_an_architecture_name_or_alone(tmp_path: Path, config: Config) -> None:
    from safetensors.torch import save_file
    from satclip_engine.models.architecture import build_model

    model = build_model(clip_cfg({**VIT, "head_width": 64}))
    path = tmp_path / "loose.safetensors"
    save_file(model.state_dict(), path)
    encoder = load_encoder(str(path), device="cpu", precision="fp32", config=config)
    assert (encoder.id, encoder.cell_px, encoder.window_px, encoder.embed_dim) == ("loose", 16, 64, 32)
    with pytest.raises(ModelError) as caught:
        load_encoder(f"ViT-B-32:{path}", device="cpu", config=config)
    assert caught.value.code == "model.mismatch"
    assert "ViT-B-16-quickgelu:" in caught.value.remedy


def test_wrong_options_name_the_right_ones(config: Config) -> None:
    with pytest.raises(OptionError, match="segearth"):
        load_encoder("tiny", head_variant="magic", config=config)
    with pytest.raises(OptionError, match="bf16"):
        load_encoder("tiny", device="cpu", precision="int3", config=config)
    with pytest.raises(OptionError, match="fp16"):
        load_encoder("tiny", device="cpu", precision="fp16", config=config)
    with pytest.raises(DeviceError, match="cpu"):
        load_encoder("tiny", device="cuda:99", config=config)


def test_a_cell_finer_than_the_stride_by_dilation(config: Config, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "lite", clip_cfg(timm_cfg("efficientnet_lite0")))
    coarse = load_encoder(str(folder), device="cpu", precision="fp32", config=config)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "cell_px": 16}))
    fine = load_encoder(str(folder), device="cpu", precision="fp32", config=config)
    assert (coarse.cell_px, fine.cell_px) == (32, 16)
    images = windows(1, 128, 128)
    expected, dense = coarse.encode(images).tokens, fine.encode(images).tokens
    assert dense.shape[-2:] == (8, 8)
    torch.testing.assert_close(dense[..., ::2, ::2], expected, atol=1e-4, rtol=1e-3)
    assert coarse.identity() != fine.identity()


@pytest.mark.parametrize("vision", [VIT, RESNET, timm_cfg("resnet18")], ids=["vit", "rn", "timm"])
def test_the_same_numbers_as_open_clips_own_loader(vision: dict[str, object], config: Config, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", clip_cfg(vision))
    ours = load_encoder(str(folder), device="cpu", precision="fp32", head_variant="vanilla", config=config)
    import open_clip

    theirs = open_clip.create_model(f"local-dir:{folder}").eval()
    images = windows(2)
    with torch.no_grad():
        expected = theirs.encode_image((images.float() / 255 - 0.4) / 0.25)
    torch.testing.assert_close(ours.encode(images).cls, expected, atol=1e-5, rtol=1e-4)
