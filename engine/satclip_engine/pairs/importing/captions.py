"""Captions as they are found become captions as they are kept."""

from __future__ import annotations

from collections.abc import Iterable

from satclip_engine.protocol import Pair


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


def described(pair: Pair) -> tuple[str, ...]:
    """Return the caption that a pair's class or its objects give where it has none of its own; empty without either."""
    names = [pair.label] if pair.label else list(dict.fromkeys(box.category for box in pair.boxes))
    listed = " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
    # A class that is only a number tells nothing.
    return (f"a satellite image of {listed}",) if any(letter.isalpha() for letter in listed) else ()
