"""Which column of a table holds what, by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from satclip_engine.protocol import SPLITS, TEST, TRAIN, VALIDATION

_IMAGE = ("image", "file", "filename", "filepath", "imagepath", "imagefile", "imagename", "imgpath", "img",
          "path", "imageid", "name", "key", "id")  # fmt: skip
_CAPTION = re.compile(
    r"(?:(?:brief|short|global|raw)?(?:captions?|texts?|sentences?|descriptions?)|title|prompt)[a-z]?\d*"
)
_LONG = re.compile(r"(?:long|detailed|full)(?:captions?|texts?|sentences?|descriptions?)\d*")
_FACTS = {
    "label": ("label", "class", "cls", "category", "classname", "landcover", "landuse"),
    "split": ("split", "subset", "partition", "set"),
    "region": ("region", "place", "site", "city", "country", "tile"),
    "lon": ("lon", "longitude", "lng", "long", "centerlon"),
    "lat": ("lat", "latitude", "centerlat"),
    "gsd_m": ("gsdm", "gsd", "resolutionm"),
}
_SPLIT_WORDS = {
    **{name: name for name in SPLITS},
    **dict.fromkeys(("training", "restval"), TRAIN),
    **dict.fromkeys(("val", "valid", "dev"), VALIDATION),
    "testing": TEST,
}


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns by what they hold.

    Attributes:
        image: The image's file.
        captions: Captions.
        long_captions: Long ones.
        facts: ``label``, ``split``, ``region``, ``lon``, ``lat``, ``gsd_m`` → column, where there is one.
    """

    image: str
    captions: tuple[str, ...]
    long_captions: tuple[str, ...]
    facts: dict[str, str]


def guess_columns(names: Iterable[str]) -> Columns | None:
    """Return what columns hold; None where none names the image, or none a caption or class."""
    by_plain = {_plain(name): name for name in names}
    image = next((by_plain[word] for word in _IMAGE if word in by_plain), None)
    captions = tuple(name for plain, name in by_plain.items() if _CAPTION.fullmatch(plain))
    long_captions = tuple(name for plain, name in by_plain.items() if _LONG.fullmatch(plain))
    found = {what: next((by_plain[word] for word in words if word in by_plain), "") for what, words in _FACTS.items()}
    facts = {what: name for what, name in found.items() if name and name != image}
    if image is None or not (captions or long_captions or "label" in facts):
        return None
    return Columns(image, captions, long_captions, facts)


def split_of(word: str) -> str | None:
    """Return the part of a set that a word names; None where it names none."""
    return _SPLIT_WORDS.get(_plain(word))


def split_in_name(stem: str) -> str | None:
    """Return the part of a set that a file's name tells, as ``captions_val2017`` does; None where it tells none."""
    words = re.findall(r"[a-z]+", stem.lower())
    return next((split for word in words if (split := split_of(word))), None)


def _plain(name: str) -> str:
    return "".join(letter for letter in str(name).casefold() if letter.isalnum())
