"""The text stage of the embedded model: corpus, teacher vectors, vocabulary, distilled text tower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from satclip_engine.models.torchvision_compat import ensure_torchvision_imports
from satclip_engine.training.mini.architecture import CONTEXT_LENGTH, EMBED_DIM, N_MERGES, open_clip_config
from satclip_engine.training.mini.bpe import learn_merges, write_merges
from satclip_engine.training.mini.corpus import compose_corpus
from satclip_engine.training.mini.text_student import (
    DistilOptions,
    distil,
    encode_tokens,
    principal_basis,
    seed_as_bag_of_words,
)


@dataclass
class TextEncoder:
    """A text tower with its tokenizer: texts to unit vectors."""

    text: Any
    tokenizer: Any

    def tokens(self, texts: list[str]) -> Tensor:
        """Return int64 (N, CONTEXT_LENGTH) token ids."""
        return self.tokenizer(texts, context_length=CONTEXT_LENGTH)  # type: ignore[no-any-return]

    def __call__(self, texts: list[str]) -> Tensor:
        """Return float32 (N, D) unit vectors."""
        return encode_tokens(self.text, self.tokens(texts))


def token_vectors(encoder: TextEncoder, words: dict[str, Tensor]) -> Tensor:
    """Return (V, D) start vectors of the tokens: the teacher's vector where a token is a whole word, else noise."""
    vectors = torch.randn(encoder.text.token_embedding.weight.shape) * 0.02
    for word, vector in words.items():
        token = encoder.tokenizer.encoder.get(word + "</w>")
        if token is not None:
            vectors[token] = vector
    return vectors


def build_model(n_merges: int = N_MERGES) -> Any:
    """Return the open_clip model with random weights."""
    ensure_torchvision_imports()
    import open_clip

    config = open_clip_config(n_merges)["model_cfg"]
    return open_clip.CustomTextCLIP(config["embed_dim"], config["vision_cfg"], config["text_cfg"])


def build_tokenizer(bpe_path: Path) -> Any:
    """Return open_clip's own tokenizer over the model's vocabulary."""
    ensure_torchvision_imports()
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer(str(bpe_path), context_length=CONTEXT_LENGTH)


class Teacher(Protocol):
    """What the text tower learns from."""

    def whole_words(self) -> list[str]:
        """Return a broad vocabulary."""
        ...

    def encode(self, texts: list[str]) -> Tensor:
        """Return float32 (N, 384) unit vectors."""
        ...


class TeacherSpace:
    """Texts to the teacher's unit vectors in the model's space, remembered.

    Args:
        teacher: Encodes them.
        basis_path: The (384, D) basis that the text stage saved.
    """

    def __init__(self, teacher: Teacher, basis_path: Path) -> None:
        self._teacher = teacher
        self._basis = torch.load(basis_path, weights_only=True)
        self._known: dict[str, Tensor] = {}

    def __call__(self, texts: list[str]) -> Tensor:
        """Return float32 (N, D) unit vectors."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            vectors = torch.nn.functional.normalize(self._teacher.encode(new) @ self._basis, dim=-1)
            self._known.update(zip(new, vectors, strict=True))
        return torch.stack([self._known[text] for text in texts])


def run_text_stage(
    model: Any,
    teacher: Teacher,
    captions: list[str],
    folder: Path,
    options: DistilOptions,
    report: Callable[[str], None],
) -> TextEncoder:
    """Train the text tower of a model, or load it where ``folder`` already holds the finished stage.

    Args:
        model: open_clip model; its ``text`` tower is trained in place.
        teacher: Supplies the vectors.
        captions: Captions of training images.
        folder: Receives ``bpe.txt.gz``, ``basis.pt`` (of the teacher's space) and ``text.pt``.
        options: Schedule of the distillation.
        report: Called with a line of progress.
    """
    finished = folder / "text.pt"
    bpe_path = folder / "bpe.txt.gz"
    if finished.exists():
        model.text.load_state_dict(torch.load(finished, weights_only=True))
        return TextEncoder(model.text, build_tokenizer(bpe_path))
    texts = compose_corpus(captions, teacher.whole_words(), options.seed)
    write_merges(learn_merges(texts, N_MERGES), bpe_path)
    report(f"text corpus: {len(texts)} texts")
    vectors = teacher.encode(texts)
    basis = principal_basis(vectors, EMBED_DIM)
    torch.save(basis, folder / "basis.pt")
    targets = torch.nn.functional.normalize(vectors @ basis, dim=-1)
    encoder = TextEncoder(model.text, build_tokenizer(bpe_path))
    tokens = encoder.tokens(texts)
    start = token_vectors(encoder, {t: v for t, v in zip(texts, targets, strict=True) if t.isalpha()})
    report(
        f"text as a bag of words: mean cosine {seed_as_bag_of_words(encoder.text, tokens, targets, start, options):.4f}"
    )
    distil(encoder.text, tokens, targets, options, report)
    partial = finished.with_suffix(".partial")
    torch.save(encoder.text.state_dict(), partial)
    partial.replace(finished)
    return encoder
