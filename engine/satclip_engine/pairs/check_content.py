"""Checks of what captions say: one name per class, and nothing that the chip's facts deny."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

from satclip_engine.pairs.checking import Found, Subject, without_captions
from satclip_engine.pairs.wording import WATER
from satclip_engine.protocol import AREA, DOUBTFUL, WORTH_KNOWING, Facts, Finding, Indices, Pair
from satclip_engine.samples.notes import counted

# A source that covers this much of a chip knows of everything on it.
_COMPLETE = 0.9
_NOT = r"(?<!\bno )(?<!\bwithout )(?<!\bany )"
_GREEN = re.compile(_NOT + r"\b(?:forests?|woods?|woodland|jungle|dense vegetation|lush|orchards?|high NDVI)\b", re.I)
_BARE = re.compile(
    r"\b(?:(?:no|hardly any|without) vegetation|barren|desert|bare (?:ground|soil|land)|very low NDVI)\b", re.I
)
_WET = re.compile(_NOT + WATER, re.I)
_DRY = re.compile(r"\b(?:no|without|hardly any) (?:open )?water\b", re.I)
# NDVI at which nobody speaks of forest, or of bare ground; the limits of the words that indices give.
_NO_FOREST_NDVI, _NOT_BARE_NDVI = 0.1, 0.5
_NO_WATER, _MUCH_WATER = 0.0005, 0.3


def terms(subject: Subject) -> list[Found]:
    """Find classes that captions call by several names."""
    found = []
    used: dict[str, Counter[str]] = defaultdict(Counter)
    where: dict[str, list[Pair]] = defaultdict(list)
    for pair in subject.pairs:
        uses = {use for caption in pair.captions for use in subject.thesaurus.terms_in(caption)}
        for use in uses:
            used[use.preferred][use.term] += 1
        for preferred in {use.preferred for use in uses}:
            where[preferred].append(pair)
    for preferred, numbers in used.items():
        if len({_singular(term) for term in numbers}) < 2:
            continue
        best = numbers.most_common(1)[0][0]
        others = [term for term in numbers if _singular(term) != _singular(best)]
        about = [
            pair
            for pair in where[preferred]
            if any(use.term in others for caption in pair.captions for use in subject.thesaurus.terms_in(caption))
        ]
        told = ", ".join(f"{term} ({number})" for term, number in numbers.most_common())
        finding = Finding(
            "terms",
            WORTH_KNOWING,
            f"One class has several names: {told}.",
            tuple(pair.id for pair in about),
            f'Write "{best}" instead, in the number that stands there.',
        )
        found.append(Found(finding, {pair.id: _renamed(pair, others, best, subject) for pair in about}))
    return found


def contradictions(subject: Subject) -> list[Found]:
    """Find captions that land cover, attributes or indices deny."""
    known = {subject.thesaurus.preferred(name): name for facts in subject.facts.values() for name in _names(facts)}
    denied: dict[str, dict[str, str]] = {}
    for pair in subject.pairs:
        facts = subject.facts.get(pair.id)
        if facts is None:
            continue
        reasons = {
            caption: reason
            for caption in (*pair.captions, *pair.long_captions)
            if (reason := next(_reasons(caption, facts, known, subject), ""))
        }
        if reasons:
            denied[pair.id] = reasons
    if not denied:
        return []
    first, reasons = next(iter(denied.items()))
    caption, reason = next(iter(reasons.items()))
    finding = Finding(
        "contradictions",
        DOUBTFUL,
        f'{counted(len(denied), "pair")} with a caption that the ground denies, such as "{caption}" of {first}: '
        f"{reason}.",
        tuple(denied),
        "Remove these captions; pairs left without words are not used.",
    )
    by_id = {pair.id: pair for pair in subject.pairs}
    return [Found(finding, {name: without_captions(by_id[name], denied[name].__contains__) for name in denied})]


def _reasons(caption: str, facts: Facts, known: dict[str, str], subject: Subject) -> Iterator[str]:
    yield from _denied_by_indices(caption, facts.indices)
    if not any(cover.measure == AREA and sum(s.share for s in cover.shares) >= _COMPLETE for cover in facts.covers):
        return
    here = {subject.thesaurus.preferred(name) for name in _names(facts)}
    for use in subject.thesaurus.terms_in(caption):
        if use.preferred in known and use.preferred not in here and not _is_negated(caption, use.term):
            yield f"there is no {known[use.preferred]}"


def _denied_by_indices(caption: str, indices: Indices) -> Iterator[str]:
    ndvi, water = indices.ndvi, indices.water
    if ndvi is not None and ndvi < _NO_FOREST_NDVI and _GREEN.search(caption):
        yield f"the NDVI is {ndvi:.2f}"
    if ndvi is not None and ndvi > _NOT_BARE_NDVI and _BARE.search(caption):
        yield f"the NDVI is {ndvi:.2f}"
    if water is not None and water < _NO_WATER and _WET.search(caption):
        yield "no pixel looks like open water"
    if water is not None and water > _MUCH_WATER and _DRY.search(caption):
        yield f"{water:.0%} look like open water"


def _is_negated(caption: str, term: str) -> bool:
    return re.search(rf"\b(?:no|without|any)\s+{re.escape(term)}\b", caption, re.I) is not None


def _names(facts: Facts) -> list[str]:
    return [share.name for cover in facts.covers for share in cover.shares]


def _singular(term: str) -> str:
    return re.sub(r"(?<=[sc]h)es$|(?<!s)s$", "", term)


def _renamed(pair: Pair, others: list[str], best: str, subject: Subject) -> Pair:
    def written(caption: str) -> str:
        for other in others:
            caption = subject.thesaurus.replaced(caption, other, _in_number(best, other))
        return caption

    return replace(pair, captions=tuple(dict.fromkeys(map(written, pair.captions))))


def _in_number(best: str, other: str) -> str:
    """Return ``best`` in the singular or plural of ``other``; land and the like have no plural."""
    if other.endswith("s") and not best.endswith(("s", "land")):
        return f"{best}s"
    return best if other.endswith("s") else _singular(best)
