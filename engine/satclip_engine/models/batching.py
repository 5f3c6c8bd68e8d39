"""Batches of one fixed shape, as large as the memory allows.

Libraries pick their kernels, and so the order of their sums, by the shape of a batch. A window must get the same bits
whether a run was interrupted or not, so every batch of a run has the same size and the last one is padded.
"""

from __future__ import annotations

import torch

from satclip_engine.errors import MemoryLimitError
from satclip_engine.models.encoder import Encoder
from satclip_engine.models.tower import DenseFeatures

# Measured on two cores: 4 to 8 windows of ViT-B/16 are fastest; more only cost memory.
CPU_BATCH = 8
# How devices, the CPU's allocator and oneDNN, which can name no reason, say it.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "could not create a primitive", "could not create a memory")
# Enough to fill a present-day GPU with 224 px windows of ViT-B/16.
GPU_BATCH = 64


def choose_batch_size(encoder: Encoder) -> int:
    """Return how many windows to encode at once: a number by kind of device, halved until a trial fits.

    Raises:
        MemoryLimitError: if one window does not fit.
    """
    size = CPU_BATCH if encoder.device.type == "cpu" else GPU_BATCH
    while True:
        windows = torch.zeros(size, encoder.channels, encoder.window_px, encoder.window_px, dtype=torch.uint8)
        try:
            encoder.encode(windows)
        except (RuntimeError, MemoryError) as error:
            size = halve_after(error, size, encoder)
            continue
        return size


def encode_padded(encoder: Encoder, images: torch.Tensor, batch_size: int) -> DenseFeatures:
    """Encode up to ``batch_size`` windows as a full batch, the rest of it zeros.

    Args:
        encoder: The model.
        images: uint8 (N, 3, H, W) with 1 <= N <= ``batch_size``.
        batch_size: The fixed size of the run's batches.

    Returns:
        Features of the N windows only.

    Raises:
        ValueError: if N is 0 or above ``batch_size``.
    """
    count = images.shape[0]
    if not 1 <= count <= batch_size:
        raise ValueError(f"a batch of {batch_size} cannot hold {count} windows")
    if count < batch_size:
        padding = images.new_zeros(batch_size - count, *images.shape[1:])
        images = torch.cat([images, padding])
    features = encoder.encode(images)
    return DenseFeatures(tokens=features.tokens[:count], cls=features.cls[:count])


def halve_after(error: BaseException, batch_size: int, encoder: Encoder) -> int:
    """Return the next smaller batch size after an out-of-memory ``error``; any other error is raised again.

    Raises:
        MemoryLimitError: if the batch was a single window.
    """
    if not is_out_of_memory(error):
        raise error
    if encoder.device.type == "cuda":
        torch.cuda.empty_cache()
    if batch_size == 1:
        raise MemoryLimitError(
            f"One window of {encoder.window_px} px does not fit into the memory of {encoder.device_label}.",
            remedy="Close other programs, use a smaller model, or choose another device.",
        ) from error
    return batch_size // 2


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error`` says that memory ran out, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _OUT_OF_MEMORY)
