"""Arg-max, thresholds, background and unknown, against the rule written out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from satclip_engine.heads.decision import DecisionRule, decide
from satclip_engine.protocol import ClassSet, ClassSpec


def by_hand(column: np.ndarray, rule: DecisionRule, one: float) -> tuple[int, float, float]:
    order = sorted(range(len(column)), key=lambda index: (-float(column[index]), index))
    top = float(column[order[0]])
    second = float(column[order[1]]) if len(column) > 1 else 0.0
    if top < np.float32(rule.unknown_below * one):
        code = rule.unknown_code
    elif top < np.float32(rule.thresholds[order[0]]) * np.float32(one):
        code = rule.background_code or rule.unknown_code
    else:
        code = order[0] + 1
    return code, top, top - second


@settings(max_examples=60)
@given(data=st.data(), count=st.integers(1, 5), coded=st.booleans())
def test_decisions_follow_the_rule(data: st.DataObject, count: int, coded: bool) -> None:
    values = st.integers(0, 250) if coded else st.floats(0, 1, width=32)
    shape = (count, 3, 4)
    probabilities = data.draw(arrays.arrays(np.uint8 if coded else np.float32, shape, elements=values))
    level = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    rule = DecisionRule(
        thresholds=tuple(data.draw(st.lists(level, min_size=count, max_size=count))),
        unknown_below=data.draw(level),
        background_code=data.draw(st.one_of(st.none(), st.integers(1, count))),
        unknown_code=count + 1,
    )
    one = 250.0 if coded else 1.0
    decision = decide(probabilities, rule, one=one)
    for row in range(3):
        for col in range(4):
            code, top, margin = by_hand(probabilities[:, row, col], rule, one)
            assert decision.codes[row, col] == code
            assert decision.top[row, col] == top
            assert decision.margin[row, col] == pytest.approx(margin, abs=1e-6)


def test_the_probabilities_are_left_as_they_are() -> None:
    probabilities = np.random.default_rng(0).random((4, 9, 9), dtype=np.float32)
    before = probabilities.copy()
    decide(probabilities, DecisionRule((0.9,) * 4, 0.5, 1, 5))
    assert np.array_equal(probabilities, before)


@pytest.mark.parametrize(("count", "dtype"), [(254, np.uint8), (255, np.uint16), (1000, np.uint16)])
def test_codes_fit_their_type(count: int, dtype: type) -> None:
    rule = DecisionRule.from_classes(ClassSet(tuple(ClassSpec(f"c{index}") for index in range(count))), 0.5)
    probabilities = np.zeros((count, 1, 2), dtype=np.float32)
    probabilities[-1, 0, 0] = 0.9
    codes = decide(probabilities, rule).codes
    assert codes.dtype == dtype
    assert codes.tolist() == [[count, count + 1]]


def test_rule_from_classes() -> None:
    classes = ClassSet((ClassSpec("a", threshold=0.4), ClassSpec("b", background=True), ClassSpec("c")))
    assert DecisionRule.from_classes(classes, None) == DecisionRule((0.4, 0.0, 0.0), 0.0, 2, 4)
    assert DecisionRule.from_classes(classes, 0.2).unknown_below == 0.2
