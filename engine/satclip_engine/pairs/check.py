"""Whether a training set is fit for training, finding by finding; most can be fixed in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.pairs import check_content, check_set, check_text
from satclip_engine.pairs.checking import Check, Found, Subject
from satclip_engine.pairs.facts import read_facts
from satclip_engine.pairs.mask_facts import mask_facts
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.pairs.resources import thesaurus
from satclip_engine.pairs.tokens import text_reader
from satclip_engine.protocol import BAD, DOUBTFUL, WORTH_KNOWING

_GRAVITY = (BAD, DOUBTFUL, WORTH_KNOWING)

# In the order in which fixes are applied: what is unreadable goes first, what is in balance is counted last.
CHECKS: Mapping[str, Check] = {
    "images": check_set.images,
    "empty": check_text.empty,
    "script": check_text.script,
    "contradictions": check_content.contradictions,
    "terms": check_content.terms,
    "repeated": check_text.repeated,
    "short": check_text.short,
    "long": check_text.long,
    "long_captions": check_text.long_captions,
    "common": check_text.common,
    "directions": check_text.directions,
    "neighbours": check_set.neighbours,
    "imbalance": check_set.imbalance,
    "one_class": check_set.one_class,
    "few": check_set.few,
    "not_held_out": check_set.not_held_out,
}


def subject_of(pair_set: PairSet, *, model: str, config: Config, check_cancelled: Callable[[], None]) -> Subject:
    """Return what the checks of a training set look at.

    Args:
        pair_set: The training set.
        model: The model to be trained: its tokenizer counts.
        config: Folders of models and word files.
        check_cancelled: Raises when the user asked to stop.

    Raises:
        ModelError: if the model or its tokenizer cannot be found.
        PairsError: ``pairs.damaged`` if the set's facts cannot be understood, ``pairs.changed`` if a raster is not
            the one the pairs were cut from.
    """
    facts = {**mask_facts(pair_set, check_cancelled), **read_facts(pair_set.folder)}
    return Subject(pair_set, facts, thesaurus(config), text_reader(model, config), check_cancelled)


def check(subject: Subject, codes: Sequence[str] = ()) -> tuple[Found, ...]:
    """Return what the checks of ``codes``, or all of them, find; the gravest first.

    Raises:
        OptionError: ``option.check`` on an unknown code.
        PairsError: ``pairs.changed`` if a raster is not the one the pairs were cut from.
        SceneError: if a raster is gone or damaged.
    """
    _refuse_unknown(codes)
    found = [one for code, look in CHECKS.items() if not codes or code in codes for one in look(subject)]
    return tuple(sorted(found, key=lambda one: _GRAVITY.index(one.finding.severity)))


def fix(pair_set: PairSet, found: Found) -> PairSet:
    """Return the set with what was found put right; ``found`` must come from a check of this very set."""
    pairs = (found.repaired.get(pair.id, pair) for pair in pair_set.pairs)
    step = f"{found.finding.sentence} {found.finding.fix}"
    return pair_set.with_pairs([pair for pair in pairs if pair is not None], step)


def fix_all(subject: Subject, codes: Sequence[str]) -> tuple[PairSet, tuple[Found, ...]]:
    """Return the set with the findings of ``codes`` fixed one after the other, and which were.

    Raises:
        OptionError: ``option.check`` on an unknown code.
        PairsError: ``pairs.changed`` if a raster is not the one the pairs were cut from.
        SceneError: if a raster is gone or damaged.
    """
    _refuse_unknown(codes)
    done: list[Found] = []
    for look in (CHECKS[code] for code in CHECKS if code in codes):
        found = look(subject)
        # Two findings may be about one pair: after each fix the check looks again, at most as often as it found some.
        for _ in range(len(found)):
            fixable = next((one for one in found if one.repaired), None)
            if fixable is None:
                break
            done.append(fixable)
            subject = replace(subject, pair_set=fix(subject.pair_set, fixable))
            found = look(subject)
    return subject.pair_set, tuple(done)


def _refuse_unknown(codes: Sequence[str]) -> None:
    strangers = [code for code in codes if code not in CHECKS]
    if strangers:
        raise OptionError(
            f"There is no check {strangers[0]!r}.", remedy=f"Choose from {', '.join(CHECKS)}.", code="option.check"
        )
