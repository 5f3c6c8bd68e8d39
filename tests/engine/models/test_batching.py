"""Fixed-shape batches: a window's bits depend on the window only; memory shortage halves the batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from satclip_engine.errors import MemoryLimitError
from satclip_engine.models.batching import choose_batch_size, encode_padded, halve_after, is_out_of_memory
from satclip_engine.models.encoder import Encoder, load_encoder
from satclip_engine.models.tower import DenseFeatures

from tests.engine.helpers.tiny_model import write_model
from tests.engine.models.configs import RESNET, VIT, clip_cfg, engine_config, timm_cfg

BATCH = 8


def load(root: Path, vision: dict[str, object], precision: str) -> Encoder:
    folder = write_model(root / "model", clip_cfg(vision))
    return load_encoder(str(folder), device="cpu", precision=precision, config=engine_config(root))


def windows(count: int, side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "vision",
    [
        VIT,
        {"image_size": 224, "layers": 2, "width": 192, "head_width": 64, "patch_size": 16},
        RESNET,
        timm_cfg("efficientnet_lite0", 128),
        timm_cfg("convnext_atto", 64),
    ],
    ids=["vit", "vit224", "rn", "efficientnet", "convnext"],
)
def test_bits_do_not_depend_on_companions_or_position(
    vision: dict[str, object], precision: str, tmp_path: Path
) -> None:
    torch.set_num_threads(2)  # a batch split between threads is the harder case
    encoder = load(tmp_path, vision, precision)
    images = windows(BATCH, encoder.window_px)
    together = encode_padded(encoder, images, BATCH)
    order = torch.tensor([5, 0, 7, 2, 6, 1, 3, 4])
    shuffled = encode_padded(encoder, images[order], BATCH)
    assert torch.equal(shuffled.tokens, together.tokens[order])
    assert torch.equal(shuffled.cls, together.cls[order])
    for count in (1, 3):
        part = encode_padded(encoder, images[4 : 4 + count], BATCH)
        assert torch.equal(part.tokens, together.tokens[4 : 4 + count])
        assert torch.equal(part.cls, together.cls[4 : 4 + count])


def test_a_batch_holds_one_to_its_size(tmp_path: Path) -> None:
    encoder = load(tmp_path, VIT, "fp32")
    for count in (0, 3):
        with pytest.raises(ValueError, match="cannot hold"):
            encode_padded(encoder, windows(count, 64), 2)


class Hungry:
    """An encoder whose memory ends above ``most`` windows."""

    def __init__(self, encoder: Encoder, most: int) -> None:
        self.device, self.window_px, self.device_label = encoder.device, encoder.window_px, encoder.device_label
        self.channels = encoder.channels
        self.encoder, self.most, self.tried = encoder, most, list[int]()

    def encode(self, images: torch.Tensor) -> DenseFeatures:
        self.tried.append(len(images))
        if len(images) > self.most:
            # As large a request as no machine grants: the allocator's own error, not an imitation.
            torch.empty(1 << 60, dtype=torch.uint8)
        return self.encoder.encode(images)


@pytest.mark.parametrize(("most", "expected"), [(100, 8), (5, 4), (1, 1)])
def test_batch_size_is_halved_until_it_fits(most: int, expected: int, tmp_path: Path) -> None:
    hungry = Hungry(load(tmp_path, VIT, "fp32"), most)
    assert choose_batch_size(hungry) == expected  # type: ignore[arg-type]


def test_one_window_too_many_is_a_memory_error(tmp_path: Path) -> None:
    hungry = Hungry(load(tmp_path, VIT, "fp32"), 0)
    with pytest.raises(MemoryLimitError, match="One window") as caught:
        choose_batch_size(hungry)  # type: ignore[arg-type]
    assert hungry.tried == [8, 4, 2, 1]
    assert caught.value.remedy


def test_other_errors_pass_through(tmp_path: Path) -> None:
    encoder = load(tmp_path, VIT, "fp32")
    with pytest.raises(RuntimeError, match="shapes"):
        halve_after(RuntimeError("mat1 and mat2 shapes cannot be multiplied"), 8, encoder)
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
