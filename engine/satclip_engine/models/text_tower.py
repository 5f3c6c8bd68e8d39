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

# Texts run in groups of exactly this many, filled up with copies: another number of rows may take another kernel and
# with it other last bits, and a map must not depend on which phrases were computed together.
_GROUP = 8

# Texts are cut after their last token and padded to a multiple of this: few shapes, little waste.
_LENGTH_STEP = 8


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
        self._text = getattr(model, "text", model)
        self._is_causal = _is_causal_clip(self._text)

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Return L2-normalised vectors (K, D), float32 on the CPU, in the order of ``texts``."""
        wanted = [" ".join(text.split()) for text in texts]
        for text in dict.fromkeys(wanted):
            if text not in self._known and (vector := self._read(text)) is not None:
                self._known[text] = vector
        missing = [text for text in dict.fromkeys(wanted) if text not in self._known]
        if missing:
            self._compute(missing)
        return torch.stack([self._known[text] for text in wanted])

    def _compute(self, texts: list[str]) -> None:
        ids = self._tokenizer(texts)
        lengths = self._lengths(ids)
        # A text's length depends on itself only, so its vector does not depend on the texts beside it.
        for length in sorted(set(lengths)):
            rows = [row for row, its_length in enumerate(lengths) if its_length == length]
            for start in range(0, len(rows), _GROUP):
                group = rows[start : start + _GROUP]
                filled = group + [group[-1]] * (_GROUP - len(group))
                for row, vector in zip(group, self._forward(ids[filled], length), strict=False):
                    self._known[texts[row]] = vector.clone()
                    self._write(texts[row], vector)

    def _lengths(self, ids: torch.Tensor) -> list[int]:
        if not self._is_causal:
            return [ids.shape[1]] * ids.shape[0]
        steps = ids.argmax(dim=-1) // _LENGTH_STEP + 1  # the end of text has the largest id
        return [min(int(step) * _LENGTH_STEP, ids.shape[1]) for step in steps]

    def _forward(self, ids: torch.Tensor, length: int) -> torch.Tensor:
        with torch.inference_mode():
            ids = ids.to(self._model.logit_scale.device)
            vectors = self._causal_forward(ids[:, :length]) if self._is_causal else self._model.encode_text(ids)
            return functional.normalize(vectors.float(), dim=-1).cpu()

    def _causal_forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Run CLIP's text transformer on shortened texts: under its causal mask what follows the end has no say."""
        text, length = self._text, ids.shape[1]
        tokens = text.token_embedding(ids) + text.positional_embedding[:length]
        tokens = text.ln_final(text.transformer(tokens, attn_mask=text.attn_mask[:length, :length]))
        pooled = tokens[torch.arange(len(ids), device=ids.device), ids.argmax(dim=-1)]
        projection = text.text_projection
        if projection is not None:
            pooled = projection(pooled) if isinstance(projection, torch.nn.Linear) else pooled @ projection
        return pooled  # type: ignore[no-any-return]

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


def _is_causal_clip(text: Any) -> bool:
    """Return whether ``text`` is CLIP's own transformer: causal, pooled at the end-of-text token."""
    pool = getattr(text, "text_pool_type", None) or getattr(text, "pool_type", None)
    return (
        pool == "argmax"
        and getattr(text, "attn_mask", None) is not None
        and getattr(text, "cls_emb", None) is None
        and hasattr(text, "token_embedding")
    )
