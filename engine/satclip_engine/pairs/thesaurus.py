"""Words that mean the same class, so that one class is not called by many names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from satclip_engine.protocol import ClassSet


@dataclass(frozen=True)
class Use:
    """A term found in a caption.

    Attributes:
        term: As the thesaurus writes it.
        preferred: The term that stands for its class.
    """

    term: str
    preferred: str


class Thesaurus:
    """Terms and their synonyms.

    Args:
        entries: The preferred term as the name, synonyms as the phrases: ``forest: woods, woodland``.
    """

    def __init__(self, entries: ClassSet) -> None:
        self._preferred = {
            term.casefold(): spec.name.casefold() for spec in entries.classes for term in (*spec.phrases, spec.name)
        }
        self._pattern = _any_of(self._preferred)
        self._with_article = re.compile(rf"(\ban? )?({self._pattern.pattern})", re.IGNORECASE)

    def preferred(self, term: str) -> str:
        """Return the term that stands for the class of ``term``; itself where the thesaurus does not know it."""
        return self._preferred.get(_bare(term), _bare(term))

    def terms_in(self, caption: str) -> tuple[Use, ...]:
        """Return the terms of the thesaurus in a caption, in its order; of overlapping ones the longest."""
        found = (match.group().casefold() for match in self._pattern.finditer(caption))
        return tuple(Use(term, self._preferred[term]) for term in found)

    def replaced(self, caption: str, term: str, other: str) -> str:
        """Return ``caption`` with every ``term`` written ``other``; within a longer term of the thesaurus it stays."""
        wanted = term.casefold()

        def write(match: re.Match[str]) -> str:
            article, found = match.groups()
            if found.casefold() != wanted:
                return match.group()
            return _article(article, other) + (other[:1].upper() + other[1:] if found[:1].isupper() else other)

        return self._with_article.sub(write, caption)


def _any_of(terms: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(terms, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(re.escape(term) for term in longest_first)})\b", re.IGNORECASE)


def _bare(term: str) -> str:
    return re.sub(r"^(?:a|an|the) ", "", " ".join(term.split()).casefold())


def _article(found: str | None, term: str) -> str:
    """Return the article that stood before another term as it is before ``term``."""
    if not found:
        return ""
    return found[0] + ("n " if term[:1].lower() in "aeio" else " ")
