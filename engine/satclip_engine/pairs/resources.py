"""The word files that come with SatCLIP; the user's own of the same name in the data folder takes their place."""

from __future__ import annotations

from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.pairs.thesaurus import Thesaurus
from satclip_engine.pairs.wording import Phrases, read_word_file
from satclip_engine.protocol import ClassSet

_FOLDER = "captions"


def phrases(config: Config) -> Phrases:
    """Return how classes are said in a sentence, from ``phrases.txt``."""
    return Phrases(read_word_file(word_file(config, "phrases.txt")))


def thesaurus(config: Config) -> Thesaurus:
    """Return which words mean the same, from ``thesaurus.txt``."""
    return Thesaurus(read_word_file(word_file(config, "thesaurus.txt")))


def default_templates(config: Config) -> str:
    """Return the templates of captions in ``templates.txt``."""
    return word_file(config, "templates.txt").read_text(encoding="utf-8")


def code_list(config: Config, name: str) -> ClassSet:
    """Return what the codes of a well-known land-cover map mean, e.g. ``worldcover``.

    Raises:
        OptionError: ``option.codes`` if there is no such list.
    """
    path = word_file(config, f"codes/{name}.txt")
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.txt")))
        raise OptionError(
            f"There is no list of codes {name!r}.",
            remedy=f"Choose one of {known}, or write a file of lines such as 10: trees.",
            code="option.codes",
        )
    return read_word_file(path)


def word_file(config: Config, name: str) -> Path:
    """Return where a word file lies: the user's own, or the one that comes with SatCLIP."""
    own = config.data_dir / _FOLDER / name
    return own if own.is_file() else config.resources_dir / _FOLDER / name
