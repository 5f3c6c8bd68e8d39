"""Every finding is found where it is, not where it is not, and its fix leaves nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.pairs.check import CHECKS, check, fix, fix_all, subject_of
from satclip_engine.pairs.checking import Found, Subject
from satclip_engine.pairs.facts import write_facts
from satclip_engine.pairs.mask_facts import mask_facts
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.pairs.tokens import text_reader
from satclip_engine.protocol import (
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    ClassSet,
    ClassSpec,
    Cover,
    CoverShare,
    Facts,
    Indices,
    Pair,
    PairSetInfo,
)

Look = Callable[..., tuple[Found, ...]]
WORDS = ("oak", "elm", "fir", "ash", "yew", "bay", "fig", "gum", "box", "tea")


@pytest.fixture
def subject(tmp_path: Path, config: Config) -> Callable[..., Subject]:
    """Return ``subject(pairs, facts={}) -> Subject``, whose images exist."""

    def make(pairs: Sequence[Pair], facts: dict[str, Facts] | None = None) -> Subject:
        for pair in pairs:
            if not (tmp_path / pair.image).exists():
                Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / pair.image)
        write_facts(tmp_path, facts or {})
        pair_set = PairSet(tmp_path, PairSetInfo(), tuple(pairs))
        return subject_of(pair_set, model="mini", config=config, check_cancelled=lambda: None)

    return make


def good(count: int = 20) -> list[Pair]:
    """Pairs that nothing is wrong with: two classes, ten parts in a hundred held out, every caption its own."""
    splits = [TEST if place % 10 == 0 else VALIDATION if place % 10 == 1 else TRAIN for place in range(count)]
    return [
        Pair(
            f"p{place}",
            f"{place}.png",
            (f"a photo of {WORDS[place % 10]} beside number {place}",),
            label=("oak", "sand")[place % 2],
            split=splits[place],
        )
        for place in range(count)
    ]


def with_first(pairs: list[Pair], *captions: str, **more: Any) -> list[Pair]:
    return [replace(pairs[0], captions=captions, **more), *pairs[1:]]


def codes(found: Sequence[Found]) -> list[str]:
    return [one.finding.code for one in found]


def after_fixing(subject: Subject, code: str) -> PairSet:
    """The set with the findings of ``code`` fixed, after making sure that none is left."""
    fixed, done = fix_all(subject, [code])
    assert codes(done) == [code] * len(done)
    assert done
    assert check(replace(subject, pair_set=fixed), [code]) == ()
    return fixed


def test_nothing_is_found_in_a_good_set(subject: Any) -> None:
    assert check(subject(good())) == ()


@pytest.mark.parametrize(
    ("code", "captions"),
    [
        ("empty", ("  ", "a proper long caption")),
        ("empty", ()),
        ("script", ("лес у реки зимой", "a forest by the river")),
        ("script", ("河边的 森林 x y",)),
        ("short", ("forest", "a forest by the river")),
        ("long", (f"a lake, {'and a very small pond beside it ' * 8}",)),
        ("repeated", ("a lake in summer", "A lake in  summer.")),
        ("directions", ("a lake north of the road",)),
    ],
)
def test_a_bad_caption_is_found_and_only_it(subject: Any, code: str, captions: tuple[str, ...]) -> None:
    pairs = with_first(good(), *captions, label="")
    found = check(subject(pairs))
    assert codes(found) == [code]
    assert found[0].finding.pairs == ("p0",)
    if code == "directions":
        assert (found[0].finding.fix, found[0].repaired) == ("", {})
        return
    fixed = after_fixing(subject(pairs), code)
    assert fixed.pairs[1:] == tuple(pairs[1:])


@pytest.mark.parametrize(
    ("code", "captions", "kept"),
    [
        ("empty", ("  ", "a proper long caption"), ("a proper long caption",)),
        ("script", ("лес у реки зимой", "a forest by the river"), ("a forest by the river",)),
        ("short", ("dense forest",), ("a satellite image of dense forest",)),
        ("repeated", ("a lake in summer", "A lake in  summer."), ("a lake in summer",)),
    ],
)
def test_a_fix_keeps_what_is_good(subject: Any, code: str, captions: tuple[str, ...], kept: tuple[str, ...]) -> None:
    fixed = after_fixing(subject(with_first(good(), *captions)), code)
    assert (fixed.pairs[0].captions, fixed.pairs[0].split) == (kept, TEST)


@pytest.mark.parametrize("caption", ["Fluß und Wälder bei Łódź", "a band at 10 µm"])
def test_letters_of_latin_languages_and_symbols_are_read(subject: Any, caption: str) -> None:
    assert check(subject(with_first(good(), caption)), ["script"]) == ()


def test_a_pair_left_without_words_is_not_used(subject: Any) -> None:
    fixed = after_fixing(subject(with_first(good(), "лес", label="")), "script")
    assert (fixed.pairs[0].captions, fixed.pairs[0].split) == ((), UNUSED)


def test_a_pair_with_a_mask_needs_no_caption(subject: Any) -> None:
    assert check(subject(with_first(good(), label="", mask="0.png"))) == ()


def test_tokens_are_those_of_the_model(config: Config) -> None:
    reader = text_reader("mini", config)
    # CLIP's byte pairs: begin, "a", "lake", end.
    assert reader.count(["a lake", ""]) == [4, 2]
    assert reader.fits(" ".join(["lake"] * (reader.context - 2)))
    assert not reader.fits(" ".join(["lake"] * (reader.context - 1)))


def test_a_long_caption_is_cut_where_it_may_end(subject: Any) -> None:
    text = f"A lake lies in a forest. Beside it {'there are many very small ponds ' * 8}."
    pairs = [replace(good()[0], long_captions=(text,)), *good()[1:]]
    assert codes(check(subject(pairs))) == ["long_captions"]
    assert after_fixing(subject(pairs), "long_captions").pairs[0].long_captions == ("A lake lies in a forest",)


def test_one_caption_for_everything(subject: Any) -> None:
    pairs = [
        replace(pair, captions=("a photo of land", *pair.captions[: place < 6])) if place < 8 else pair
        for place, pair in enumerate(good(30))
    ]
    found = check(subject(pairs))
    assert codes(found) == ["common"]
    assert len(found[0].finding.pairs) == 8
    assert "a photo of land" in found[0].finding.sentence
    fixed, _ = fix_all(subject(pairs), ["common"])
    having = [pair.id for pair in fixed.pairs if "a photo of land" in pair.captions]
    assert having == ["p6", "p7"], "only pairs that have nothing else keep it"


def test_one_class_with_several_names(subject: Any) -> None:
    pairs = good()
    texts = ["a dense forest here", "the Woods of home", "a forest and a lake", "two forests in fog"]
    pairs = [replace(pair, captions=(text,)) for pair, text in zip(pairs, texts, strict=False)] + pairs[4:]
    found = check(subject(pairs))
    assert codes(found) == ["terms"]
    assert "forest (2)" in found[0].finding.sentence
    assert found[0].finding.pairs == ("p1",)
    assert after_fixing(subject(pairs), "terms").pairs[1].captions == ("the Forests of home",)


def test_the_thesaurus_is_the_users(subject: Any, config: Config) -> None:
    own = config.data_dir / "captions" / "thesaurus.txt"
    own.parent.mkdir(parents=True)
    own.write_text("oak: elm\n")
    assert codes(check(subject(good()))) == ["terms"]


COVERED = Facts((Cover("landcover", "area", (CoverShare("tree cover", 0.7), CoverShare("grassland", 0.3))),))
WET = Facts((Cover("landcover", "area", (CoverShare("water", 1.0),)),))


@pytest.mark.parametrize(
    ("caption", "facts", "reason"),
    [
        ("a forest beside water", COVERED, "there is no water"),
        ("a forest without water", COVERED, ""),
        ("a forest in autumn", COVERED, ""),
        ("a forest beside cropland", COVERED, ""),  # no chip of the set tells of cropland
        ("a forest beside water", Facts((Cover("use", "area", COVERED.covers[0].shares[:1]),)), ""),  # not all is known
        ("a dark forest here", Facts(indices=Indices(ndvi=0.05)), "the NDVI is 0.05"),
        ("a dark forest here", Facts(indices=Indices(ndvi=0.4)), ""),
        ("ground with no vegetation", Facts(indices=Indices(ndvi=0.7)), "the NDVI is 0.70"),
        ("a lake in summer", Facts(indices=Indices(ndvi=0.4, water=0.0)), "no pixel looks like open water"),
        ("a lake in summer", Facts(indices=Indices(ndvi=0.4, water=0.02)), ""),
        ("land without water here", Facts(indices=Indices(water=0.5)), "50% look like open water"),
    ],
)
def test_captions_that_the_ground_denies(subject: Any, caption: str, facts: Facts, reason: str) -> None:
    pairs = with_first(good(), caption, "a photo of it")
    made = subject(pairs, {"p0": facts, "p1": WET})
    found = check(made)
    assert codes(found) == (["contradictions"] if reason else [])
    if reason:
        assert found[0].finding.sentence.endswith(f"{caption!r} of p0: {reason}.".replace("'", '"'))
        assert after_fixing(made, "contradictions").pairs[0].captions == ("a photo of it",)


def test_captions_that_the_mask_denies(subject: Any, tmp_path: Path) -> None:
    codes = np.ones((8, 8), np.uint8)
    Image.fromarray(codes).save(tmp_path / "oak.png")
    codes[:, 4:] = 2
    Image.fromarray(codes).save(tmp_path / "both.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "both.png").read_bytes()[:50])
    captions = ("a forest beside water", "a forest beside water", "the water is blue")
    masks = ("oak.png", "both.png", "cut.png")
    pairs = [
        replace(pair, captions=(text,), mask=mask) for pair, text, mask in zip(good(), captions, masks, strict=False)
    ]
    made = subject([*pairs, *good()[3:]])
    classes = ClassSet((ClassSpec("forest"), ClassSpec("water")))
    pair_set = replace(made.pair_set, info=PairSetInfo(classes=classes))
    made = replace(made, pair_set=pair_set, facts=mask_facts(pair_set, lambda: None))
    found = check(made)
    assert {one.finding.code: one.finding.pairs for one in found} == {"images": ("p2",), "contradictions": ("p0",)}


def test_images_that_cannot_be_read(subject: Any, tmp_path: Path) -> None:
    pairs = good()
    (tmp_path / "3.png").write_bytes(b"not an image")
    made = subject([*pairs, replace(pairs[0], id="lost", captions=("a photo that is lost",), image="lost.png")])
    (tmp_path / "lost.png").unlink()
    found = check(made)
    assert codes(found) == ["images"]
    assert found[0].finding.pairs == ("p3", "lost")
    assert len(after_fixing(made, "images").pairs) == len(pairs) - 1


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (good()[:9], {"few"}),
        ([replace(pair, label="oak") for pair in good()], {"one_class"}),
        ([replace(pair, split=TRAIN) for pair in good()], {"not_held_out"}),
        ([replace(pair, split=TRAIN if pair.split == TEST else pair.split) for pair in good()], {"not_held_out"}),
        ([], {"few", "not_held_out"}),
    ],
)
def test_a_set_that_teaches_too_little(subject: Any, pairs: list[Pair], expected: set[str]) -> None:
    found = check(subject(pairs))
    assert set(codes(found)) == expected
    assert all(not one.repaired for one in found)


def test_a_class_that_outweighs_another(subject: Any) -> None:
    pairs = [replace(pair, label="oak" if place > 2 else "sand") for place, pair in enumerate(good(100))]
    made = subject(pairs)
    found = check(made)
    assert codes(found) == ["imbalance"]
    fixed = after_fixing(made, "imbalance")
    assert sum(pair.label == "oak" for pair in fixed.of_split(TRAIN)) == 10
    assert len(fixed.of_split(TEST)) == len(made.pair_set.of_split(TEST)), "what is held out stays"


def test_held_out_chips_beside_others(subject: Any) -> None:
    # A row of chips of 100 m, every tenth held out.
    placed = [
        replace(pair, lon=10 + place * 100 / 78_000, lat=45.0, gsd_m=10.0, image="a.png", window_px=None)
        for place, pair in enumerate(good())
    ]
    made = subject(placed)
    found = check(made)
    assert codes(found) == ["neighbours"]
    assert found[0].finding.pairs == ("p2", "p9", "p12")
    assert [pair.id for pair in after_fixing(made, "neighbours").of_split(UNUSED)] == list(found[0].finding.pairs)


def test_all_fixes_one_after_the_other(subject: Any, tmp_path: Path) -> None:
    pairs = with_first(good(), "лес", "woods", "woods", label="")
    pairs[1] = replace(pairs[1], captions=("a forest, a forest",))
    pairs[2] = replace(pairs[2], captions=("a forest in fog",))
    made = subject(pairs)
    fixed, done = fix_all(made, list(CHECKS))
    assert codes(done) == ["script", "terms", "short"]
    assert fixed.pairs[0].captions == ("a satellite image of forests",)
    assert len(fixed.info.origin) == 3
    assert check(replace(made, pair_set=fixed)) == ()


def test_the_gravest_comes_first(subject: Any) -> None:
    found = check(subject(with_first(good(), "лес за рекой", "lake", "a lake to the north")))
    assert codes(found) == ["script", "short", "directions"]
    assert fix(subject(good()).pair_set, found[0]).pairs[0].captions == ("lake", "a lake to the north")


def test_a_check_that_does_not_exist(subject: Any) -> None:
    with pytest.raises(OptionError, match="shrot"):
        check(subject(good()), ["shrot"])
