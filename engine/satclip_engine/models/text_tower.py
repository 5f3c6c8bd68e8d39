"""Texts to vectors: tokenizer, text tower, and the disk cache that spares both."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from satclip_engine.errors import ModelError
from satclip_engine.models.source import ModelSource

_BATCH = 16


def load_tokenizer(source: ModelSource) -> Any:
    """Return open_clip's tokenizer for ``source``; relative paths start at the model's folder.

    Raises:
        ModelError: ``model.tokenizer`` if its files are missing or damaged.
    """
    from open_clip.tokenizer import DEFAULT_CONTEXT_LENGTH, HFTokenizer, SigLipTokenizer, SimpleTokenizer

    text_cfg = source.model_cfg["text_cfg"]
    context = text_cfg.get("context_length", DEFAULT_CONTEXT_LENGTH)
    kwargs = dict(text_cfg.get("tokenizer_kwargs") or {})
    if "bpe_path" in kwargs:
        kwargs["bpe_path"] = str(source.folder / kwargs["bpe_path"])
    try:
        if name := text_cfg.get("hf_tokenizer_name"):
            local = source.folder if (source.folder / "tokenizer.json").is_file() else name
            return HFTokenizer(
                str(local), context_length=context, tokenizer_mode=text_cfg.get("tokenizer_mode"), **kwargs
            )
        if "SigLIP" in source.architecture:
            return SigLipTokenizer("gemma" if "SigLIP2" in source.architecture else "c4-en", context_length=context)
        return SimpleTokenizer(context_length=context, **kwargs)
    except (OSError, EOFError, ValueError, TypeError, ImportError, gzip.BadGzipFile) as error:
        raise ModelError(
            f"The model's tokenizer cannot be loaded: {error}.",
            remedy="Put the tokenizer's files into the model's folder, or install the model again.",
            code="model.tokenizer",
        ) from error


class TextTower:
    """The text half of a CLIP with its cache on disk.

    Computes in float32 whatever the images use: a phrase is read once per model, then cached, so speed matters little
    and every precision shares the vectors.

    Args:
        model: The open_clip model, in evaluation mode.
        tokenizer: Texts to ids (N, context).
        cache_dir: Folder for the vectors of exactly these weights.
    """

    def __init__(self, model: Any, tokenizer: Any, cache_dir: Path) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._cache_dir = cache_dir
        self._known: dict[str, torch.Tensor] = {}

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Return L2-normalised vectors (K, D), float32 on the CPU, in the order of ``texts``."""
        wanted = [" ".join(text.split()) for text in texts]
        for text in dict.fromkeys(wanted):
            if text not in self._known and (vector := self._read(text)) is not None:
                self._known[text] = vector
        missing = [text for text in dict.fromkeys(wanted) if text not in self._known]
        for start in range(0, len(missing), _BATCH):
            self._compute(missing[start : start + _BATCH])
        return torch.stack([self._known[text] for text in wanted])

    def _compute(self, texts: list[str]) -> None:
        with torch.inference_mode():
            device = self._model.logit_scale.device
            vectors = self._model.encode_text(self._tokenizer(texts).to(device))
            vectors = functional.normalize(vectors.float(), dim=-1).cpu()
        for text, vector in zip(texts, vectors, strict=True):
            self._known[text] = vector.clone()
            self._write(text, vector)

    def _path(self, text: str) -> Path:
        return self._cache_dir / f"{hashlib.sha256(text.encode()).hexdigest()}.f32"

    def _read(self, text: str) -> torch.Tensor | None:
        try:
            raw = self._path(text).read_bytes()
        except OSError:
            return None
        vector = torch.from_numpy(np.frombuffer(raw, dtype="<f4").copy()) if len(raw) % 4 == 0 else None
        return vector if vector is not None and _is_unit(vector) else None

    def _write(self, text: str, vector: torch.Tensor) -> None:
        path = self._path(text)
        part = path.with_suffix(f".{id(vector):x}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(vector.numpy().astype("<f4").tobytes())
            part.replace(path)
        except OSError:
            return  # a cache that cannot be written costs time, not correctness


def _is_unit(vector: torch.Tensor) -> bool:
    return vector.numel() > 0 and abs(float(vector.norm()) - 1.0) < 1e-3
