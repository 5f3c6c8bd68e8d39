"""Divisions by place: whole blocks, whole regions, whole folders, and never a neighbour on the other side."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from satclip_engine.errors import OptionError, PairsError
from satclip_engine.pairs.nearness import positions_m
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.pairs.split import SHARES, assign, has_places, split_by_blocks, split_by_groups, split_by_regions
from satclip_engine.protocol import TEST, TRAIN, UNUSED, VALIDATION, Pair, PairSetInfo

SIDE_M = 320.0
DEGREE_M = 111_320.0
LAT = 50.0


def chips(rows: int = 20, cols: int = 20, lat: float = LAT, lon: float = 9.0, prefix: str = "") -> list[Pair]:
    """A lattice of chips of 320 m; the class changes from west to east."""
    return [
        Pair(
            f"{prefix}{row}-{col}",
            "scene.tif",
            ("a caption of it",),
            window_px=(col * 32, row * 32, 32, 32),
            label="abcd"[col * 4 // cols],
            lon=lon + col * SIDE_M / (DEGREE_M * np.cos(np.radians(lat))),
            lat=lat - row * SIDE_M / DEGREE_M,
            gsd_m=10.0,
        )
        for row in range(rows)
        for col in range(cols)
    ]


def set_of(pairs: list[Pair]) -> PairSet:
    return PairSet(Path("set"), PairSetInfo(), tuple(pairs))


def least_distance_m(divided: PairSet) -> float:
    train = positions_m(divided.of_split(TRAIN))
    held_out = positions_m((*divided.of_split(VALIDATION), *divided.of_split(TEST)))
    return float(min(np.linalg.norm(train - place, axis=1).min() for place in held_out))


@pytest.mark.parametrize("lat", [LAT, 0.0, -70.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_that_is_learnt_from_lies_beside_what_is_held_out(lat: float, seed: int) -> None:
    divided = split_by_blocks(set_of(chips(lat=lat)), block_m=4 * SIDE_M, seed=seed)
    assert least_distance_m(divided) > 1.5 * SIDE_M
    assert "blocks of 1,280 m" in divided.info.origin[-1]
    assert [pair.id for pair in divided.pairs] == [pair.id for pair in chips(lat=lat)]


def test_the_buffer_is_the_users() -> None:
    divided = split_by_blocks(set_of(chips()), block_m=6 * SIDE_M, buffer_m=1_000.0)
    assert 1_000.0 < least_distance_m(divided) < 1_000.0 + SIDE_M
    touching = split_by_blocks(set_of(chips()), block_m=6 * SIDE_M, buffer_m=0.0)
    assert not touching.of_split(UNUSED)
    assert least_distance_m(touching) == pytest.approx(SIDE_M, rel=0.01)


def test_blocks_stay_whole_and_are_squares_on_the_ground() -> None:
    divided = split_by_blocks(set_of(chips(lat=60.0)), block_m=5 * SIDE_M, buffer_m=0.0)
    test = positions_m(divided.of_split(TEST))
    alone = sum((np.linalg.norm(test - place, axis=1) < 1.1 * SIDE_M).sum() == 1 for place in test)
    assert alone == 0, "every chip has a neighbour of its own part"
    runs = Counter(pair.split for pair in divided.pairs)
    assert runs[UNUSED] == 0


def test_every_class_is_in_every_part_by_its_share() -> None:
    divided = split_by_blocks(set_of(chips(40, 40)), block_m=4 * SIDE_M, buffer_m=0.0)
    by_label: dict[str, Counter[str]] = defaultdict(Counter)
    for pair in divided.pairs:
        by_label[pair.label][pair.split] += 1
    for numbers in by_label.values():
        for split, share in SHARES.items():
            assert numbers[split] / numbers.total() == pytest.approx(share, abs=0.06)


def test_a_division_is_repeatable_and_another_seed_is_another() -> None:
    made = [split_by_blocks(set_of(chips()), block_m=4 * SIDE_M, seed=seed).pairs for seed in (3, 3, 4)]
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_the_default_block_is_four_chips_wide() -> None:
    divided = split_by_blocks(set_of(chips()))
    assert "blocks of 1,280 m" in divided.info.origin[-1]


@pytest.mark.parametrize(
    ("pairs", "block_m", "error", "code"),
    [
        (chips(), 1e6, PairsError, "pairs.blocks"),
        ([*chips(), Pair("x", "x.png", ("a b c",))], 1_000.0, PairsError, "pairs.places"),
        (chips(), 0.0, OptionError, "option.block"),
        (chips(), float("nan"), OptionError, "option.block"),
        ([], None, PairsError, "pairs.blocks"),
    ],
)
def test_what_cannot_be_divided_is_refused(
    pairs: list[Pair], block_m: float | None, error: type[PairsError], code: str
) -> None:
    with pytest.raises(error) as refused:
        split_by_blocks(set_of(pairs), block_m=block_m)
    assert refused.value.code == code


def two_regions() -> PairSet:
    here = [replace(pair, region="A") for pair in chips(12, 12, prefix="a")]
    there = [replace(pair, region="B") for pair in chips(6, 6, lat=10.0, prefix="b")]
    return set_of([*here, *there])


def test_a_region_is_held_out_whole() -> None:
    divided = split_by_regions(two_regions(), ["B"])
    assert {pair.region for pair in divided.of_split(TEST)} == {"B"}
    assert len(divided.of_split(TEST)) == 36
    assert {pair.split for pair in divided.pairs if pair.region == "A"} == {TRAIN, VALIDATION, UNUSED}
    assert least_distance_m(divided) > 1.5 * SIDE_M


@pytest.mark.parametrize("held_out", [[], ["C"], ["A", "B"]])
def test_regions_that_cannot_be_held_out(held_out: list[str]) -> None:
    with pytest.raises(PairsError) as refused:
        split_by_regions(two_regions(), held_out)
    assert refused.value.code == "pairs.regions"
    assert "A, B" in refused.value.detail


def pictures(folders: int, each: int, label: str = "") -> list[Pair]:
    return [
        Pair(f"{folder}-{n}", f"f{folder}/{n}.png", ("a b c",), label=label or "xy"[n % 2])
        for folder in range(folders)
        for n in range(each)
    ]


def test_folders_stay_together_where_no_place_is_known() -> None:
    made = set_of(pictures(10, 6))
    assert not has_places(made)
    divided = split_by_groups(made)
    by_folder = defaultdict(set)
    for pair in divided.pairs:
        by_folder[pair.image.split("/")[0]].add(pair.split)
    assert all(len(splits) == 1 for splits in by_folder.values())
    assert Counter(next(iter(splits)) for splits in by_folder.values()) == {TRAIN: 7, VALIDATION: 1, TEST: 2}
    assert "by regions and folders" in divided.info.origin[-1]


@pytest.mark.parametrize(
    "pairs", [[replace(pair, label=pair.image.split("/")[0]) for pair in pictures(5, 20)], pictures(1, 60)]
)
def test_folders_of_one_class_are_divided_inside(pairs: list[Pair]) -> None:
    divided = split_by_groups(set_of(pairs))
    assert "image by image" in divided.info.origin[-1]
    for label in {pair.label for pair in pairs}:
        assert {pair.split for pair in divided.pairs if pair.label == label} == {TRAIN, VALIDATION, TEST}


def test_two_images_cannot_be_divided() -> None:
    with pytest.raises(PairsError) as refused:
        split_by_groups(set_of(pictures(1, 2)))
    assert refused.value.code == "pairs.blocks"


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), min_size=1, max_size=60), st.integers(0, 9))
def test_groups_stay_whole_and_no_part_is_empty(items: list[tuple[int, str]], seed: int) -> None:
    groups = [group for group, _ in items]
    pairs = [Pair(str(n), "a.png", label=label) for n, (_, label) in enumerate(items)]
    parts = assign(groups, pairs, seed)
    part_of = {}
    for group, part in zip(groups, parts, strict=True):
        assert part_of.setdefault(group, part) == part
    if len(set(groups)) >= len(SHARES):
        assert set(parts) == set(SHARES)
