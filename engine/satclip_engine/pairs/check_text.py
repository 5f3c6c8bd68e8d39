"""Checks of how captions are written."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from satclip_engine.pairs.checking import Found, Subject, lacks_words, without_captions
from satclip_engine.pairs.directions import names_a_direction
from satclip_engine.pairs.tokens import TextReader
from satclip_engine.protocol import BAD, DOUBTFUL, WORTH_KNOWING, Finding, Pair
from satclip_engine.samples.notes import counted

_LEAST_WORDS = 3
_FRAME = "a satellite image of {}"
# Equal captions count as different images' words in a contrastive loss; beyond this share that is felt.
_LARGEST_SHARE = 0.2
_LEAST_PAIRS_FOR_SHARES = 20
_CUTS = (". ", "; ", ", ", " ")


def empty(subject: Subject) -> list[Found]:
    """Find pairs without words, and captions of nothing but spaces."""
    about = [pair for pair in subject.pairs if lacks_words(pair) or not all(map(str.strip, _all(pair)))]
    return _found(
        about,
        Finding(
            "empty",
            BAD,
            f"{counted(len(about), 'pair')} with an empty caption or none.",
            fix="Remove empty captions; pairs left without words are not used.",
        ),
        lambda pair: without_captions(pair, lambda caption: not caption.strip()),
    )


def short(subject: Subject) -> list[Found]:
    """Find captions of one or two words: the text tower was trained on phrases."""

    def framed(caption: str) -> str:
        return _FRAME.format(caption.strip()) if _is_short(caption) else caption

    about = [pair for pair in subject.pairs if any(map(_is_short, pair.captions))]
    return _found(
        about,
        Finding(
            "short",
            DOUBTFUL,
            f"{counted(len(about), 'pair')} with a caption of fewer than {_LEAST_WORDS} words.",
            fix=f'Write "{_FRAME.format("...")}" around them.',
        ),
        lambda pair: replace(pair, captions=tuple(map(framed, pair.captions))),
    )


def long(subject: Subject) -> list[Found]:
    """Find short captions that the text tower does not read to the end."""
    too_long = _too_long(subject.reader, [caption for pair in subject.pairs for caption in pair.captions])
    about = [pair for pair in subject.pairs if too_long.intersection(pair.captions)]
    return _found(
        about,
        Finding(
            "long",
            DOUBTFUL,
            f"{counted(len(about), 'pair')} with a caption of more than {subject.reader.context} tokens: the model "
            "does not read their end.",
            fix="Cut them at the last sentence, comma or word that is read.",
        ),
        lambda pair: replace(pair, captions=_cut(pair.captions, too_long, subject.reader)),
    )


def long_captions(subject: Subject) -> list[Found]:
    """Find long captions that the text tower does not read to the end."""
    too_long = _too_long(subject.reader, [caption for pair in subject.pairs for caption in pair.long_captions])
    about = [pair for pair in subject.pairs if too_long.intersection(pair.long_captions)]
    return _found(
        about,
        Finding(
            "long_captions",
            WORTH_KNOWING,
            f"{counted(len(about), 'pair')} with a long caption of more than {subject.reader.context} tokens: this "
            "model reads only its begin.",
            fix="Cut them at the last sentence, comma or word that is read.",
        ),
        lambda pair: replace(pair, long_captions=_cut(pair.long_captions, too_long, subject.reader)),
    )


def repeated(subject: Subject) -> list[Found]:
    """Find pairs that have one caption twice."""
    about = [pair for pair in subject.pairs if len(_distinct(pair.captions)) < len(pair.captions)]
    return _found(
        about,
        Finding(
            "repeated",
            WORTH_KNOWING,
            f"{counted(len(about), 'pair')} with the same caption twice.",
            fix="Keep one of each.",
        ),
        lambda pair: replace(pair, captions=_distinct(pair.captions)),
    )


def common(subject: Subject) -> list[Found]:
    """Find captions that a large share of all pairs has."""
    pairs = subject.pairs
    if len(pairs) < _LEAST_PAIRS_FOR_SHARES:
        return []
    numbers = Counter(caption for pair in pairs for caption in _distinct(pair.captions))
    everywhere = {caption for caption, number in numbers.items() if number > _LARGEST_SHARE * len(pairs)}
    if not everywhere:
        return []
    about = [pair for pair in pairs if everywhere.intersection(pair.captions)]
    commonest, number = numbers.most_common(1)[0]
    rich = [pair for pair in about if not everywhere.issuperset(pair.captions)]
    finding = Finding(
        "common",
        DOUBTFUL,
        f'{counted(len(everywhere), "caption")} of more than {_LARGEST_SHARE:.0%} of all pairs each, "{commonest}" of '
        f"{number / len(pairs):.0%}: training tells images apart by their words.",
        fix="Take them from pairs that have others." if rich else "",
    )
    return _found(
        about,
        finding,
        lambda pair: replace(pair, captions=tuple(text for text in pair.captions if text not in everywhere)),
        repairable=rich,
    )


def script(subject: Subject) -> list[Found]:
    """Find captions in letters that the model's tokenizer never saw as words."""
    if not subject.reader.latin_only:
        return []
    about = [pair for pair in subject.pairs if any(map(_is_foreign, _all(pair)))]
    return _found(
        about,
        Finding(
            "script",
            BAD,
            f"{counted(len(about), 'pair')} with a caption in a script that this model does not read.",
            fix="Remove these captions; pairs left without words are not used.",
        ),
        lambda pair: without_captions(pair, _is_foreign),
    )


def directions(subject: Subject) -> list[Found]:
    """Find captions that say where something is in the image."""
    about = [pair for pair in subject.pairs if any(map(names_a_direction, _all(pair)))]
    return _found(
        about,
        Finding(
            "directions",
            WORTH_KNOWING,
            f"{counted(len(about), 'pair')} with words such as left or north: their images are not turned or mirrored.",
        ),
        None,
    )


def _found(
    about: Sequence[Pair],
    finding: Finding,
    repair: Callable[[Pair], Pair] | None,
    repairable: Sequence[Pair] | None = None,
) -> list[Found]:
    """Return the finding about pairs, with each as ``repair`` makes it; nothing if there is no such pair."""
    if not about:
        return []
    chosen = about if repairable is None else repairable
    repaired = {pair.id: repair(pair) for pair in chosen} if repair is not None else {}
    return [Found(replace(finding, pairs=tuple(pair.id for pair in about)), repaired)]


def _all(pair: Pair) -> tuple[str, ...]:
    return (*pair.captions, *pair.long_captions)


def _is_short(caption: str) -> bool:
    return 0 < len(re.findall(r"\w+", caption)) < _LEAST_WORDS


def _distinct(captions: Sequence[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for caption in captions:
        first.setdefault(" ".join(caption.split()).casefold().rstrip("."), caption)
    return tuple(first.values())


def _too_long(reader: TextReader, captions: Sequence[str]) -> set[str]:
    distinct = list(dict.fromkeys(captions))
    return {text for text, number in zip(distinct, reader.count(distinct), strict=True) if number > reader.context}


def _cut(captions: Sequence[str], too_long: set[str], reader: TextReader) -> tuple[str, ...]:
    return tuple(_shortened(caption, reader) if caption in too_long else caption for caption in captions)


def _shortened(caption: str, reader: TextReader) -> str:
    """Return the longest begin of a caption that ends with a sentence, else a clause, else a word, and is read."""
    for cut in _CUTS:
        parts = caption.split(cut)
        for kept in range(len(parts) - 1, 0, -1):
            begin = cut.join(parts[:kept]).rstrip()
            if len(begin.split()) >= _LEAST_WORDS and reader.fits(begin):
                return begin
    return caption


def _is_foreign(caption: str) -> bool:
    letters = (unicodedata.name(letter, "") for letter in caption if letter.isalpha())
    return sum(not name.startswith("LATIN") for name in letters) > 1  # one alone is a symbol, as in 10 µm
