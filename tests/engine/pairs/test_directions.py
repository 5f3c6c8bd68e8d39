"""Captions that are false once their image is turned."""

from __future__ import annotations

import pytest
from satclip_engine.pairs.directions import names_a_direction


@pytest.mark.parametrize(
    "caption",
    [
        "a lake north of the road",
        "North of the road is a lake",
        "LEFT of the river",
        "houses in the upper left corner",
        "the north-eastern part is forest",
        "a road to the SW",
        "a horizontal road",
        "the river flows westwards",
        "a pond below the dam",
        "a road above the river",
        "a lake at the top",
    ],
)
def test_a_direction_is_found(caption: str) -> None:
    assert names_a_direction(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "a rooftop beside a bright field",
        "forest in North Rhine-Westphalia",
        "fields in Lower Saxony",
        "an NDVI above 0.4",
        "a river seen from above",
        "a house with a garden on top",
        "at least one harvest",
        "a westerner's cleft",
        "",
    ],
)
def test_other_words_are_none(caption: str) -> None:
    assert not names_a_direction(caption)
