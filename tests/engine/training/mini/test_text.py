"""The vocabulary and the small text tower."""

from __future__ import annotations

from pathlib import Path

import torch
from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.mini.bpe import learn_merges, write_merges
from satclip_engine.training.mini.text_stage import build_tokenizer
from satclip_engine.training.mini.text_student import (
    DistilOptions,
    distil,
    encode_tokens,
    principal_basis,
    seed_as_bag_of_words,
)
from torch.nn import functional

TEXTS = [f"{a} {b}" for a in ("green", "wide", "old", "dark") for b in ("forest", "river", "road", "roof", "field")]


def tower(vocabulary: int, width: int = 64) -> torch.nn.Module:
    ensure_torchvision_imports()
    from open_clip.transformer import TextTransformer

    torch.manual_seed(0)
    return TextTransformer(context_length=32, vocab_size=vocabulary, width=width, heads=2, layers=2, output_dim=16)


def test_the_tokenizer_reads_the_merges(tmp_path: Path) -> None:
    path = tmp_path / "bpe.txt.gz"
    write_merges(learn_merges(TEXTS * 3, 60), path)
    tokenizer = build_tokenizer(path)
    row = tokenizer(["green forest"])[0]
    assert (row != 0).sum() == 4  # start, two whole words, end
    assert tokenizer.decode(row[1:3].tolist()).strip() == "green forest"


def test_merges_are_reproducible() -> None:
    assert learn_merges(TEXTS, 30) == learn_merges(list(reversed(TEXTS)), 30)


def test_the_basis_keeps_the_cosines() -> None:
    low_rank = torch.randn(50, 8, generator=torch.Generator().manual_seed(0)) @ torch.randn(8, 384)
    vectors = functional.normalize(low_rank, dim=1)
    reduced = vectors @ principal_basis(vectors, 8)
    torch.testing.assert_close(reduced @ reduced.T, vectors @ vectors.T, atol=1e-4, rtol=0)


def test_distillation_reaches_its_targets(tmp_path: Path) -> None:
    path = tmp_path / "bpe.txt.gz"
    write_merges(learn_merges(TEXTS, 60), path)
    tokenizer = build_tokenizer(path)
    tokens = tokenizer(TEXTS)
    generator = torch.Generator().manual_seed(1)
    targets = functional.normalize(torch.randn(len(TEXTS), 16, generator=generator), dim=1)
    text = tower(tokenizer.vocab_size)
    start = torch.randn(tokenizer.vocab_size, 64, generator=generator) * 0.1
    options = DistilOptions(bag_epochs=20, epochs=40, batch_size=10, learning_rate=3e-3)
    before = (encode_tokens(text, tokens) * targets).sum(1).mean()
    seed_as_bag_of_words(text, tokens, targets, start, options)
    distil(text, tokens, targets, options, [].append)
    assert (encode_tokens(text, tokens) * targets).sum(1).mean() > before + 0.5
