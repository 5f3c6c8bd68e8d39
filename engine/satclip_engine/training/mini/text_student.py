"""Distils the sentence teacher into the small text tower of an open_clip model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class DistilOptions:
    """How long and how fast the text tower learns.

    Attributes:
        bag_epochs: Passes over the corpus as a bag of words.
        epochs: Passes over the corpus of the whole tower.
        batch_size: Texts per step.
        learning_rate: Peak of the cosine schedule.
        relation_weight: Weight of the loss on similarities between the texts of a batch.
        seed: Seed of the order of the texts.
    """

    bag_epochs: int = 10
    epochs: int = 6
    batch_size: int = 256
    learning_rate: float = 8e-4
    relation_weight: float = 20.0
    seed: int = 0


def principal_basis(teacher_vectors: Tensor, dim: int) -> Tensor:
    """Return the (384, dim) orthonormal basis that keeps the most of the cosines (uncentred principal components)."""
    double = teacher_vectors.double()
    _, vectors = torch.linalg.eigh(double.T @ double)
    basis = vectors.flip(1)[:, :dim]
    # An eigenvector's sign is arbitrary and differs between runs: the largest component is made positive.
    largest = basis.gather(0, basis.abs().argmax(0, keepdim=True))
    return (basis * largest.sign()).float().contiguous()  # type: ignore[no-any-return]


def seed_as_bag_of_words(
    text: Any, tokens: Tensor, targets: Tensor, token_vectors: Tensor, options: DistilOptions
) -> float:
    """Start the tower as a bag of words that already fits the targets, so that attention has only the rest to learn.

    Block 0 attends evenly and passes values through; every other branch starts at zero. The token vectors and the
    projection are then fitted as that cheap network, which is exactly the tower's own function at the start.

    Args:
        text: open_clip ``TextTransformer``; changed in place.
        tokens: int64 (N, L) token ids, zero-padded.
        targets: float32 (N, D) unit vectors.
        token_vectors: float32 (V, width) start of the token embeddings.
        options: Supplies the seed and the number of epochs.

    Returns:
        Mean cosine to the targets in the last epoch.
    """
    width = text.token_embedding.weight.shape[1]
    with torch.no_grad():
        text.token_embedding.weight.copy_(token_vectors)
        text.positional_embedding.zero_()
        text.text_projection.copy_(torch.eye(width, targets.shape[1]))
        for i, block in enumerate(text.transformer.resblocks):
            block.mlp.c_proj.weight.zero_()
            block.attn.out_proj.weight.zero_()
            if i == 0:
                block.attn.in_proj_weight[: 2 * width].mul_(0.1)
                block.attn.in_proj_weight[2 * width :].copy_(torch.eye(width))
                block.attn.out_proj.weight.copy_(torch.eye(width))
    fitted = [text.token_embedding.weight, text.text_projection]
    optimizer = torch.optim.Adam(fitted, lr=3e-3)
    generator = torch.Generator().manual_seed(options.seed)
    lengths = (tokens != 0).sum(1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.bag_epochs)
    cosines: list[float] = []
    for _ in range(options.bag_epochs):
        cosines = []
        for index in _batches_of_like_length(lengths, options.batch_size, generator):
            loss = 1 - (_bag_of_words(text, tokens[index]) * targets[index]).sum(1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            cosines.append(1 - float(loss.detach()))
        schedule.step()
    return sum(cosines) / len(cosines)


def _bag_of_words(text: Any, tokens: Tensor) -> Tensor:
    longest = int((tokens != 0).sum(1).max())
    used = tokens[:, :longest]
    mask = (used != 0).float()[..., None]
    vectors = text.token_embedding(used)
    mean = (functional.layer_norm(vectors, vectors.shape[-1:]) * mask).sum(1) / mask.sum(1)
    end = text.token_embedding.weight[-1]
    return functional.normalize(text.ln_final(end + mean) @ text.text_projection, dim=-1)


def distil(text: Any, tokens: Tensor, targets: Tensor, options: DistilOptions, report: Callable[[str], None]) -> None:
    """Train the text tower so that its unit vectors equal the targets.

    Args:
        text: open_clip ``TextTransformer``.
        tokens: int64 (N, L) token ids, zero-padded, the end token being each row's largest id.
        targets: float32 (N, D) unit vectors.
        options: Schedule.
        report: Called with a line after each epoch.
    """
    generator = torch.Generator().manual_seed(options.seed)
    lengths = (tokens != 0).sum(1)
    steps_per_epoch = math.ceil(len(tokens) / options.batch_size)
    optimizer = torch.optim.AdamW(text.parameters(), lr=options.learning_rate, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=options.epochs * steps_per_epoch + 1, pct_start=0.08
    )
    text.train()
    for epoch in range(options.epochs):
        total = 0.0
        for index in _batches_of_like_length(lengths, options.batch_size, generator):
            output = functional.normalize(_forward_trimmed(text, tokens[index]), dim=-1)
            target = targets[index]
            cosine_loss = (1 - (output * target).sum(1)).mean()
            relation_loss = functional.mse_loss(output @ output.T, target @ target.T)
            loss = cosine_loss + options.relation_weight * relation_loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(text.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(cosine_loss.detach())
        report(f"text epoch {epoch + 1}/{options.epochs}: mean cosine {1 - total / steps_per_epoch:.4f}")
    text.eval()


def encode_tokens(text: Any, tokens: Tensor, batch_size: int = 1024) -> Tensor:
    """Return float32 (N, D) unit vectors of token rows."""
    parts: list[Tensor] = []
    with torch.inference_mode():
        for part in tokens.split(batch_size):  # type: ignore[no-untyped-call]
            parts.append(functional.normalize(_forward_trimmed(text, part).float(), dim=-1))
    return torch.cat(parts).clone()


def _forward_trimmed(text: Any, tokens: Tensor) -> Tensor:
    """Run the causal tower on the columns in use: what follows the end token cannot reach it, so nothing changes."""
    longest = max(int((tokens != 0).sum(1).max()), 1)
    full_mask = text.attn_mask
    text.attn_mask = full_mask[:longest, :longest]
    try:
        return text(tokens[:, :longest])  # type: ignore[no-any-return]
    finally:
        text.attn_mask = full_mask


def _batches_of_like_length(lengths: Tensor, batch_size: int, generator: torch.Generator) -> Sequence[Tensor]:
    noisy = lengths + torch.rand(len(lengths), generator=generator) * 1.5
    batches = list(noisy.argsort().split(batch_size))  # type: ignore[no-untyped-call]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
