"""How many tokens a caption has for a model's text tower, and how many the tower reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from satclip_engine.config import Config

_ROOM = 1024


class TextReader:
    """A model's tokenizer, as far as captions must fit it.

    Args:
        tokenizer: open_clip's: texts to ids (N, context).
        latin_only: Whether it was made from English text alone.

    Attributes:
        context: Most tokens that the text tower reads, marks of begin and end included.
        latin_only: As given.
    """

    def __init__(self, tokenizer: Any, latin_only: bool) -> None:
        self._tokenizer = tokenizer
        self.context = int(tokenizer.context_length)
        self.latin_only = latin_only

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, marks included."""
        if not texts:
            return []
        rows = self._tokenizer(list(texts), context_length=max(_ROOM, self.context)).tolist()
        # Behind the text the same id fills the row; which one differs between tokenizers.
        return [len(row) - _run_at_end(row) for row in rows]

    def fits(self, text: str) -> bool:
        """Return whether the tower reads all of ``text``."""
        return self.count([text])[0] <= self.context


def text_reader(model: str, config: Config) -> TextReader:
    """Return the reader of an installed model, or of one at a path.

    Raises:
        ModelError: if the model or its tokenizer cannot be found.
    """
    from satclip_engine.models.source import find_model
    from satclip_engine.models.text_tower import load_tokenizer
    from satclip_engine.models.torchvision_compat import ensure_torchvision_imports

    ensure_torchvision_imports()
    source = find_model(model, config)
    tokenizer = load_tokenizer(source)
    # open_clip's own byte-pair tokenizer was learnt from English; others may know any language.
    return TextReader(tokenizer, latin_only=not source.model_cfg["text_cfg"].get("hf_tokenizer_name"))


def _run_at_end(row: list[int]) -> int:
    """Return how many equal ids end a row beyond the text's own last one."""
    run = next((back for back, token in enumerate(reversed(row)) if token != row[-1]), len(row))
    return run if run > 1 else 0
