"""A folder of the user's own becomes a data set, and what is wrong with it is said in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from satclip_engine.errors import ClassesError, DataSetError
from satclip_engine.harness.datasets import CaptionedItem, SceneItem, SegmentationItem, load_folder

from tests.engine.harness import miniature_sets as mini

CLASSES = """# what the map shows
water: river, lake  #3B7DD8
forest  #1F7A3D

building: house, roof  #C0392B
!ignore #000000, #FFFFFF
!ignore 255
"""
WATER, FOREST, BUILDING = 0x3B7DD8, 0x1F7A3D, 0xC0392B


def own(root: Path, classes: str = CLASSES) -> Path:
    folder = root / "mine"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    (folder / "classes.txt").write_text(classes, encoding="utf-8")
    return folder


def codes_of(folder: Path) -> list[list[int]]:
    (item,) = load_folder(folder).items()
    assert isinstance(item, SegmentationItem)
    return item.read_reference().tolist()  # type: ignore[no-any-return]


def test_masks_by_colour(tmp_path: Path) -> None:
    folder = own(tmp_path)
    colours = [FOREST, BUILDING, 0, WATER, 0xFFFFFF]
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", colours=colours)
    dataset = load_folder(folder)
    assert dataset.id == "mine"
    assert dataset.tasks == ("segmentation",)
    assert dataset.classes.names == ("water", "forest", "building")
    assert dataset.classes.classes[0].phrases == ("river", "lake")
    assert dataset.split_names() == ("all",)
    assert codes_of(folder) == [[1, 2, -1, 0, -1]]


def test_masks_by_value_count_from_1_in_line_order(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", [1, 2, 3, 0, 255])
    assert codes_of(folder) == [[0, 1, 2, -1, -1]]


def test_masks_with_16_bit_values(tmp_path: Path) -> None:
    folder = own(tmp_path, "\n".join(f"class {number}" for number in range(1, 301)))
    mini.picture(folder / "images/a.jpg", 3, 1)
    with rasterio.open(
        folder / "masks/a.tif", "w", driver="GTiff", width=3, height=1, count=1, dtype="uint16"
    ) as target:
        target.write(np.array([[[300, 1, 0]]], np.uint16))
    assert codes_of(folder) == [[299, 0, -1]]


def test_a_palette_counts_by_its_colours_where_they_are_the_classes(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.picture(folder / "images/a.jpg", 4, 1)
    # Line order would read 1 as water; the colours say otherwise.
    mini.value_mask(folder / "masks/a.png", [1, 2, 3, 0], {1: BUILDING, 2: WATER, 3: FOREST, 0: 0})
    assert codes_of(folder) == [[2, 0, 1, -1]]


def test_a_palette_of_other_colours_counts_by_its_values(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.picture(folder / "images/a.jpg", 4, 1)
    mini.value_mask(folder / "masks/a.png", [1, 2, 3, 0], {1: 0x112233, 2: 0x445566, 3: 0x778899, 0: 0xAAAAAA})
    assert codes_of(folder) == [[0, 1, 2, -1]]


def test_grey_masks_count_by_colour_where_values_do_not_fit(tmp_path: Path) -> None:
    folder = own(tmp_path, "road  #FFFFFF\nother  #000000")
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", [255, 0, 255])
    assert codes_of(folder) == [[0, 1, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_no_colour(tmp_path: Path, mode: str) -> None:
    folder = own(tmp_path, "road  #808080\nother  #101010")
    mini.picture(folder / "images/a.jpg", 2, 1)
    mask = Image.new(mode, (2, 1))
    for column, grey in ((0, 0x80), (1, 0x10)):
        mask.putpixel((column, 0), (grey, grey, grey, 0) if mode == "RGBA" else (grey, 0))
    mask.save(folder / "masks/a.png")
    assert codes_of(folder) == [[0, 1]]


@pytest.mark.parametrize("kind", ["colours", "values"])
def test_large_masks_are_read_whole(tmp_path: Path, kind: str) -> None:
    """More rows than are decoded at a time, the last of them odd."""
    folder = own(tmp_path)
    rng = np.random.default_rng(0)
    expected = rng.integers(0, 3, (1_300, 5))
    mini.picture(folder / "images/a.png", 5, 1_300)
    palette = np.array([mini.colour(code) for code in (WATER, FOREST, BUILDING)], np.uint8)
    mask = palette[expected] if kind == "colours" else (expected + 1).astype(np.uint8)
    Image.fromarray(mask).save(folder / "masks/a.png")
    (item,) = load_folder(folder).items()
    assert isinstance(item, SegmentationItem)
    np.testing.assert_array_equal(item.read_reference(), expected)
    mask[[600, 1_299], 0] = 77
    Image.fromarray(mask).save(folder / "masks/a.png")
    with pytest.raises(DataSetError, match=r"\(2 px\), of 6,500 px"):
        item.read_reference()


def test_an_unknown_colour_is_named_with_its_count(tmp_path: Path) -> None:
    folder = own(tmp_path)
    colours = [WATER, 0x123456, 0x123456, 0xABCDEF]
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", colours=colours)
    with pytest.raises(DataSetError, match=r"#123456 \(2 px\), #ABCDEF \(1 px\), of 4 px") as caught:
        codes_of(folder)
    assert caught.value.code == "dataset.unknown_colour"
    assert "!ignore #123456" in caught.value.remedy


def test_an_unknown_value_is_named_with_its_count(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", [1, 4, 4, 9])
    with pytest.raises(DataSetError, match=r"4 \(2 px\), 9 \(1 px\)") as caught:
        codes_of(folder)
    assert caught.value.code == "dataset.unknown_value"


def test_many_unknown_colours_are_summed_up(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.picture(folder / "images/a.jpg", 50, 50)
    mini.picture(folder / "masks/a.png", 50, 50)
    with pytest.raises(DataSetError, match=r"and \d+ more, of 2,500 px"):
        codes_of(folder)


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        (["a", "b"], ["a"], "1 images have no mask of the same name: b"),
        (["a"], ["a", "c", "d", "e", "f"], "4 masks have no image of the same name: c, d, e and 1 more"),
    ],
)
def test_images_and_masks_must_pair(tmp_path: Path, images: list[str], masks: list[str], message: str) -> None:
    folder = own(tmp_path)
    for name in images:
        mini.picture(folder / f"images/{name}.jpg", 2, 1)
    for name in masks:
        mini.value_mask(folder / f"masks/{name}.png", [1, 2])
    with pytest.raises(DataSetError, match=message) as caught:
        load_folder(folder)
    assert caught.value.code == "dataset.incomplete"


def test_sizes_must_agree(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.picture(folder / "images/a.jpg", 4, 2)
    mini.value_mask(folder / "masks/a.png", [1, 2])
    with pytest.raises(DataSetError, match=r"a\.jpg is 4 × 2 pixels, but its mask is 2 × 1") as caught:
        load_folder(folder)
    assert caught.value.code == "dataset.size"


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", [1, 2])
    mini.picture(folder / "images/a.tif", 2, 1)
    with pytest.raises(DataSetError, match=r"holds both a\.jpg and a\.tif"):
        load_folder(folder)


def test_a_damaged_mask_is_named(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", [1, 2])
    (folder / "masks/a.png").write_bytes(b"no picture")
    with pytest.raises(DataSetError, match=r"a\.png cannot be read") as caught:
        load_folder(folder)
    assert caught.value.code == "dataset.damaged"


def test_masks_without_classes_ask_for_the_class_file(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", [1, 2])
    (folder / "classes.txt").unlink()
    with pytest.raises(DataSetError, match=r"no classes\.txt"):
        load_folder(folder)


@pytest.mark.parametrize("line", ["!ignore", "!ignore black", "!ignore #12", "!skip #000000", "!ignore -1"])
def test_directives_that_are_not_understood_are_shown(tmp_path: Path, line: str) -> None:
    folder = own(tmp_path, f"water\n{line}\n")
    with pytest.raises(ClassesError, match="is not understood") as caught:
        load_folder(folder)
    assert line in caught.value.detail


def test_line_numbers_in_errors_count_directives(tmp_path: Path) -> None:
    folder = own(tmp_path, "!ignore #000000\nwater\nforest #12\n")
    with pytest.raises(ClassesError, match="Line 3"):
        load_folder(folder)


def test_sub_folders_of_images_are_scene_classes(tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    mini.class_folders(folder, ["DenseResidential", "car_park", "forest"])
    (folder / "notes").mkdir()
    (folder / "notes/readme.txt").write_text("no image", encoding="utf-8")
    dataset = load_folder(folder)
    assert dataset.tasks == ("classification",)
    assert dataset.classes.names == ("dense residential", "car park", "forest")
    items = dataset.items()
    assert [item.label for item in items if isinstance(item, SceneItem)] == [0, 0, 1, 1, 2, 2]


def test_a_class_file_gives_scene_classes_their_words(tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    mini.class_folders(folder, ["wood", "town"])
    (folder / "classes.txt").write_text("Town: town, city\nWood: woodland\n", encoding="utf-8")
    dataset = load_folder(folder)
    assert dataset.classes.names == ("Town", "Wood")
    labels = {item.id: item.label for item in dataset.items() if isinstance(item, SceneItem)}
    assert labels == {"town/town_1": 0, "town/town_2": 0, "wood/wood_1": 1, "wood/wood_2": 1}
    (folder / "classes.txt").write_text("Town\n", encoding="utf-8")
    with pytest.raises(DataSetError, match="'wood' is no class"):
        load_folder(folder)


def captioned(folder: Path, rows: list[object]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "captions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("place", ["", "images/"])
def test_captions_beside_images(tmp_path: Path, place: str) -> None:
    folder = captioned(
        tmp_path / "talk",
        [
            {"file": "b.png", "captions": ["a river", " a  wide river "]},
            {"image": "a.jpg", "caption": "trees"},
            {"file": "b.png", "caption": "water"},
        ],
    )
    mini.picture(folder / f"{place}a.jpg")
    mini.picture(folder / f"{place}b.png")
    dataset = load_folder(folder)
    assert dataset.tasks == ("retrieval",)
    items = [item for item in dataset.items() if isinstance(item, CaptionedItem)]
    assert [(item.id, item.captions) for item in items] == [
        ("a.jpg", ("trees",)),
        ("b.png", ("a river", "a wide river", "water")),
    ]
    assert items[1].read_image().shape == (3, 8, 8)


@pytest.mark.parametrize(
    "row",
    ["{", "[1]", {"captions": ["a"]}, {"file": "a.png"}, {"file": "a.png", "captions": "a river"},
     {"file": "a.png", "captions": [" "]}, {"file": "a.png", "captions": [3]}],
)  # fmt: skip
def test_a_row_that_is_no_caption_is_shown_with_its_line(tmp_path: Path, row: object) -> None:
    folder = captioned(tmp_path / "talk", [{"file": "a.png", "caption": "fine"}, row])
    mini.picture(folder / "a.png")
    with pytest.raises(DataSetError, match=r"captions\.jsonl, line 2") as caught:
        load_folder(folder)
    assert caught.value.code == "dataset.captions"


def test_a_captioned_image_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "talk", [{"file": "gone.png", "caption": "fine"}])
    with pytest.raises(DataSetError, match=r"1 of 1 captioned images are not there: gone\.png"):
        load_folder(folder)


def test_a_folder_that_is_nothing_says_what_it_could_be(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError, match="not laid out as a data set") as caught:
        load_folder(tmp_path / "empty")
    assert "captions.jsonl" in caught.value.remedy
    with pytest.raises(DataSetError, match="There is no folder"):
        load_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("other", ["labels", "forest", ""])
def test_a_mislaid_images_folder_is_never_taken_for_a_class(tmp_path: Path, other: str) -> None:
    mini.picture(tmp_path / "mine/images/a.png")
    if other:
        mini.picture(tmp_path / "mine" / other / "a.png")
    with pytest.raises(DataSetError, match="not laid out as a data set"):
        load_folder(tmp_path / "mine")


def test_the_task_may_be_chosen_where_a_folder_fits_several(tmp_path: Path) -> None:
    folder = own(tmp_path)
    mini.labelled_pair(folder / "images/a.jpg", folder / "masks/a.png", [1, 2])
    captioned(folder, [{"file": "a.jpg", "caption": "fine"}])
    assert load_folder(folder).tasks == ("segmentation",)
    assert load_folder(folder, "retrieval").tasks == ("retrieval",)
    with pytest.raises(DataSetError, match="not laid out for classification"):
        load_folder(folder, "classification")
