"""Captions as they are found become captions as they are kept."""

from __future__ import annotations

from collections.abc import Iterable


def tidy(captions: Iterable[str]) -> tuple[str, ...]:
    """Return captions with single spaces, none before a full stop or comma; empty and repeated ones left out.

    Captions that differ only in capitals or in the full stop at their end count as repeated.
    """
    kept: dict[str, str] = {}
    for caption in captions:
        words = " ".join(caption.split()).replace(" .", ".").replace(" ,", ",")
        if any(letter.isalnum() for letter in words):
            kept.setdefault(words.casefold().rstrip("."), words)
    return tuple(kept.values())
