"""Templates: fields, optional parts, articles, and what cannot be understood."""

from __future__ import annotations

import pytest
from satclip_engine.errors import OptionError
from satclip_engine.pairs.templates import Template, parse_templates

FIELDS = ("image", "classes", "region")


@pytest.mark.parametrize(
    ("text", "values", "caption"),
    [
        ("a {image} of {classes}", {"image": "satellite image", "classes": "trees"}, "a satellite image of trees"),
        ("a {image}", {"image": "aerial image"}, "an aerial image"),
        ("A {image}", {"image": "urban scene"}, "An urban scene"),
        ("a {image}", {"image": "European city"}, "a European city"),
        ("a {image}", {"image": "university"}, "a university"),
        ("{classes}[ in {region}]", {"classes": "trees", "region": "Bonn"}, "trees in Bonn"),
        ("{classes}[ in {region}]", {"classes": "trees"}, "trees"),
        ("{classes}[ and {image}][ in {region}]", {"classes": "trees", "region": "Bonn"}, "trees in Bonn"),
        ("{classes} in {region}", {"classes": "trees"}, None),
        ("{classes}", {"classes": "{region} [x]"}, "{region} [x]"),
    ],
)
def test_a_template_is_filled_or_left_out(text: str, values: dict[str, str], caption: str | None) -> None:
    assert Template(text).fill(values) == caption


def test_lines_are_short_and_long_ones() -> None:
    text = "# mine\n\n{classes}\nlong: The {image} shows {classes}.\n"
    assert parse_templates(text, FIELDS) == (
        Template("{classes}"),
        Template("The {image} shows {classes}.", is_long=True),
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{classes}\na {colour}", r"line 2.*\{colour\}"),
        ("a {classes", "line 1.*bracket"),
        ("a [{classes}", "line 1.*bracket"),
        ("a [very [{classes}]]", "line 1.*bracket"),
        ("# nothing else", "no caption template"),
    ],
)
def test_what_cannot_be_understood_is_named(text: str, word: str) -> None:
    with pytest.raises(OptionError, match=word) as refused:
        parse_templates(text, FIELDS)
    assert refused.value.code == "option.caption_template"
