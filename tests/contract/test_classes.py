"""Classes as people write them: the class-file format, its errors, colours."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from satclip_engine.protocol import PALETTE, ClassSet, ClassSpec, ClassSyntaxError, format_classes, parse_classes

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters=":;,#\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), min_size=1
).map(lambda text: " ".join(text.split()))


def test_the_documented_forms() -> None:
    text = "# basic land cover\nwater: river, lake  #0000FF\n\nforest\nbuilding:house,roof\nroad  #aabbcc\n"
    classes = parse_classes(text).classes
    assert [spec.name for spec in classes] == ["water", "forest", "building", "road"]
    assert classes[0].phrases == ("river", "lake")
    assert classes[0].colour == "#0000FF"
    assert classes[1].phrases == ()
    assert classes[1].prompts == ("forest",)
    assert classes[2].phrases == ("house", "roof")
    assert classes[3].colour == "#AABBCC"


def test_semicolons_on_a_command_line_are_new_lines_in_a_file() -> None:
    assert parse_classes("water; forest: woods, trees; building") == parse_classes(
        "water\nforest: woods, trees\nbuilding"
    )


@pytest.mark.parametrize(
    "text", ["\ufeffwater\r\nforest\r\n", "  water  \n\tforest", "water;;forest;", "water\n \n;forest"]
)
def test_marks_of_editors_and_empty_places_do_no_harm(text: str) -> None:
    assert parse_classes(text).names == ("water", "forest")


def test_other_scripts_and_repeated_phrases() -> None:
    classes = parse_classes("вода: река, озеро, река\n森林: 树木,  树木").classes
    assert classes[0].phrases == ("река", "озеро")
    assert classes[1].phrases == ("树木",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no class"),
        ("# only a comment\n\n", "no class"),
        ("water\n: river", "Line 2"),
        ("water\nforest:", "Line 2"),
        ("water #12345", "Line 1"),
        ("water #GGGGGG", "Line 1"),
        ("water  #", "Line 1"),
        ("water\nWater", "twice"),
        (f"water: {'x' * 1001}", "1001 characters"),
        ("x" * 1001, "1001 characters"),
    ],
)
def test_faults_are_named_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(ClassSyntaxError, match=message) as caught:
        parse_classes(text)
    assert caught.value.remedy


def test_a_phrase_of_a_thousand_characters_is_allowed() -> None:
    assert len(parse_classes(f"water: {'x' * 1000}").classes[0].phrases[0]) == 1000


@pytest.mark.parametrize(
    "spec",
    [
        ClassSpec("a", threshold=-0.1),
        ClassSpec("a", threshold=1.1),
        ClassSpec("a", threshold=float("nan")),
        ClassSpec("a", colour="red"),
        ClassSpec("a", colour="#FFFFFFFF"),
        ClassSpec("   "),
    ],
)
def test_faulty_specs(spec: ClassSpec) -> None:
    with pytest.raises(ClassSyntaxError):
        ClassSet((spec,))


def test_one_background_at_most() -> None:
    with pytest.raises(ClassSyntaxError, match="background"):
        ClassSet((ClassSpec("a", background=True), ClassSpec("b", background=True)))
    assert ClassSet((ClassSpec("a"), ClassSpec("b", background=True))).background_code == 2
    assert ClassSet((ClassSpec("a"),)).background_code is None


def test_codes() -> None:
    assert parse_classes("a; b; c").unknown_code == 4


def test_two_hundred_classes_have_two_hundred_colours() -> None:
    colours = [spec.colour for spec in parse_classes("\n".join(f"class {i}" for i in range(200))).classes]
    assert len(set(colours)) == 200
    assert all(re.fullmatch(r"#[0-9A-F]{6}", colour) for colour in colours)


def test_colours_people_expect_and_none_twice() -> None:
    classes = parse_classes("water\nriver\nlake\nforest  #1F7A3D\ntrees").classes
    assert classes[0].colour == "#3B7DD8"
    assert classes[3].colour == "#1F7A3D"
    assert len({spec.colour for spec in classes}) == 5
    assert parse_classes("something").classes[0].colour in PALETTE


@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=3)), min_size=1, max_size=6))
def test_written_classes_are_read_back(entries: list[tuple[str, list[str]]]) -> None:
    seen: dict[str, tuple[str, ...]] = {}
    for name, phrases in entries:
        if name and name.casefold() not in {other.casefold() for other in seen}:
            seen[name] = tuple(phrase for phrase in phrases if phrase)
    if not seen:
        return
    classes = ClassSet(tuple(ClassSpec(name, phrases) for name, phrases in seen.items()))
    assert parse_classes(format_classes(classes)) == classes


@pytest.mark.parametrize("name", ["a:b", "a, b", "a;b", "#1"])
def test_what_a_file_cannot_say_is_not_written(name: str) -> None:
    with pytest.raises(ClassSyntaxError, match="class file uses"):
        format_classes(ClassSet((ClassSpec(name),)))
    with pytest.raises(ClassSyntaxError, match="class file uses"):
        format_classes(ClassSet((ClassSpec("fine", ("also fine", name)),)))
