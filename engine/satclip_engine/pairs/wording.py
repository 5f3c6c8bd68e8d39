"""From values of fields and names of classes to English words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from satclip_engine.errors import PairsError
from satclip_engine.problems import as_satclip_error
from satclip_engine.protocol import ClassSet, ClassSyntaxError, parse_classes

# Before what sounds like this "a" becomes "an".
VOWEL = r"(?!eu|one|uni|us[aei]|ura|uti)[aeiou]"
# What is water by its name.
WATER = r"\b(?:water|rivers?|lakes?|ponds?|sea|ocean|reservoirs?)\b"

_YES = ("yes", "true", "y", "t", "1")


def says_only_yes(value: str) -> bool:
    """Return whether a value only says that the field applies, as ``building=yes``."""
    return value.casefold() in _YES


def is_number(value: str) -> bool:
    """Return whether a value is a code, not a word."""
    return re.fullmatch(r"[-+\d.,\s]+", value) is not None


def tidied(value: str) -> str:
    """Return a field's value as words: ``Dense_Forest`` becomes "dense forest"."""
    return " ".join(re.sub(r"[_;/|]+", " ", value).split()).lower()


def listed(phrases: Sequence[str]) -> str:
    """Return phrases as an enumeration: "a, b and c"."""
    return " and ".join([", ".join(phrases[:-1]), phrases[-1]]) if len(phrases) > 1 else "".join(phrases)


def read_word_file(path: Path) -> ClassSet:
    """Return a file of lines ``name: phrase, phrase``.

    Raises:
        PairsError: ``pairs.words`` if there is no such file.
        ClassesError: ``classes.syntax`` if a line cannot be understood.
    """
    try:
        return parse_classes(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PairsError(
            f"The word file {path} cannot be read: {error}.",
            remedy="Save it as UTF-8 text, one line per name: forest: woods, woodland.",
            code="pairs.words",
            path=str(path),
        ) from error
    except ClassSyntaxError as error:
        raise as_satclip_error(error) from error


class Phrases:
    """How classes are said in a sentence: "a river", "buildings".

    Args:
        words: Name and phrase of the classes that need another than their name.
    """

    def __init__(self, words: ClassSet) -> None:
        self._phrase_of = {spec.name.casefold(): spec.prompts[0] for spec in words.classes}

    def __call__(self, name: str) -> str:
        """Return the phrase of a class, else as that of its last word says it: "a field" makes "a wheat field"."""
        if name.casefold() in self._phrase_of:
            return self._phrase_of[name.casefold()]
        last = name.casefold().rpartition(" ")[2]
        phrase = self._phrase_of.get(last, name)
        if phrase in (f"a {last}", f"an {last}"):
            return f"{'an' if re.match(VOWEL, name, re.IGNORECASE) else 'a'} {name}"
        return f"{name}s" if phrase == f"{last}s" else name
