"""What the checks of a training set look at, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.pairs.thesaurus import Thesaurus
from satclip_engine.pairs.tokens import TextReader
from satclip_engine.protocol import UNUSED, Facts, Finding, Pair


@dataclass(frozen=True)
class Subject:
    """A training set with what it is compared with.

    Attributes:
        pair_set: The set.
        facts: Of its pairs by id, as far as known.
        thesaurus: Which words mean the same.
        reader: Of the model that is to be trained.
        check_cancelled: Raises when the user asked to stop.
    """

    pair_set: PairSet
    facts: Mapping[str, Facts]
    thesaurus: Thesaurus
    reader: TextReader
    check_cancelled: Callable[[], None]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that some part uses."""
        return tuple(pair for pair in self.pair_set.pairs if pair.split != UNUSED)


@dataclass(frozen=True)
class Found:
    """A finding with the pairs as its fix would make them.

    Attributes:
        finding: For people.
        repaired: Pairs by id; None removes one. Empty where the fix is the user's.
    """

    finding: Finding
    repaired: Mapping[str, Pair | None]


Check = Callable[[Subject], list[Found]]


def without_captions(pair: Pair, unwanted: Callable[[str], bool]) -> Pair:
    """Return ``pair`` without the captions that are ``unwanted``; left without any, it is used no more."""
    kept = replace(
        pair,
        captions=tuple(caption for caption in pair.captions if not unwanted(caption)),
        long_captions=tuple(caption for caption in pair.long_captions if not unwanted(caption)),
    )
    return replace(kept, split=UNUSED) if lacks_words(kept) else kept


def lacks_words(pair: Pair) -> bool:
    """Return whether nothing says what a pair shows: no caption, class, mask, object or photo."""
    return not (pair.captions or pair.long_captions or pair.label or pair.mask or pair.boxes or pair.photos)
