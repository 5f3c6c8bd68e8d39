"""Terms in captions: the longest is found, and written otherwise without breaking the English around it."""

from __future__ import annotations

import pytest
from satclip_engine.pairs.thesaurus import Thesaurus, Use
from satclip_engine.protocol import parse_classes

THESAURUS = Thesaurus(parse_classes("building: buildings, edifice; airport: airfield, port of the air; air: port"))


def test_the_longest_term_is_found_in_whole_words() -> None:
    uses = THESAURUS.terms_in("Buildings at a port of the air, an airfielder and an edifice")
    assert uses == (Use("buildings", "building"), Use("port of the air", "airport"), Use("edifice", "building"))


@pytest.mark.parametrize(
    ("term", "preferred"), [("A  Building", "building"), ("the airfield", "airport"), ("Tundra", "tundra")]
)
def test_articles_and_capitals_do_not_matter(term: str, preferred: str) -> None:
    assert THESAURUS.preferred(term) == preferred


@pytest.mark.parametrize(
    ("caption", "term", "other", "written"),
    [
        ("an edifice by the sea", "edifice", "building", "a building by the sea"),
        ("An Edifice by the sea", "edifice", "building", "A Building by the sea"),
        ("a building", "building", "edifice", "an edifice"),
        ("the port of the air", "port", "harbour", "the port of the air"),
        ("a port", "port", "harbour", "a harbour"),
        ("data ports", "port", "harbour", "data ports"),
    ],
)
def test_a_term_is_written_otherwise(caption: str, term: str, other: str, written: str) -> None:
    assert THESAURUS.replaced(caption, term, other) == written
