"""Runs windows through an encoder in batches of one size that shrinks when memory runs out."""

from __future__ import annotations

import torch

from satclip_engine.models.batching import choose_batch_size, encode_padded, halve_after
from satclip_engine.models.encoder import Encoder
from satclip_engine.models.tower import DenseFeatures


class BatchRunner:
    """An encoder with its batch size.

    Args:
        encoder: The model.

    Attributes:
        batch_size: Windows per batch; halved for good when a batch does not fit.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.batch_size = choose_batch_size(encoder)

    def run(self, images: torch.Tensor) -> DenseFeatures:
        """Encode any number of windows.

        Args:
            images: uint8 (N, 3, H, W).

        Raises:
            MemoryLimitError: if a single window does not fit.
        """
        tokens, cls = [], []
        start = 0
        while start < len(images):
            try:
                features = encode_padded(self.encoder, images[start : start + self.batch_size], self.batch_size)
            except (RuntimeError, MemoryError) as error:
                self.batch_size = halve_after(error, self.batch_size, self.encoder)
                continue
            tokens.append(features.tokens)
            cls.append(features.cls)
            start += len(features.tokens)
        return DenseFeatures(torch.cat(tokens), torch.cat(cls))
