"""Every public data set is read from a miniature copy of its published layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets import (
    BoxItem,
    CaptionedItem,
    ChangeItem,
    SceneItem,
    SegmentationItem,
    find_dataset,
    list_datasets,
)

from tests.engine.harness import miniature_sets as mini

ISPRS = {
    0xFFFFFF: "impervious surface",
    0x0000FF: "building",
    0x00FFFF: "low vegetation",
    0x00FF00: "tree",
    0xFFFF00: "car",
    0xFF0000: "clutter",
}
ISPRS_NAMES = list(ISPRS.values())
# Values 0-15 of the semantic masks, as the set's documentation lists them.
ISAID = {
    0x000000: "background",
    0x00003F: "ship",
    0x003F3F: "storage tank",
    0x003F00: "baseball diamond",
    0x003F7F: "tennis court",
    0x003FBF: "basketball court",
    0x003FFF: "ground track field",
    0x007F3F: "bridge",
    0x007F7F: "large vehicle",
    0x00007F: "small vehicle",
    0x0000BF: "helicopter",
    0x0000FF: "swimming pool",
    0x00BF7F: "roundabout",
    0x007FBF: "soccer ball field",
    0x007FFF: "plane",
    0x00649B: "harbor",
}
LOVEDA = ["background", "building", "road", "water", "barren", "forest", "agriculture"]
OEM = ["bareland", "rangeland", "developed space", "road", "tree", "water", "agriculture land", "building"]
UAVID = {
    0x000000: "background",
    0x800000: "building",
    0x804080: "road",
    0xC000C0: "car",
    0x008000: "tree",
    0x808000: "low vegetation",
    0x404000: "human",
    0x400080: "car",
}
FLOODNET = [
    "flooded building", "building", "flooded road", "road", "water", "tree", "vehicle", "pool", "grass",
]  # fmt: skip
LEFT_OUT = ""

# id, split, image, mask, what the mask holds from left to right, the class that each should be read as
SEGMENTATION: list[tuple[str, str, str, str, dict[str, Sequence[int]], list[str]]] = [
    ("loveda", "val", "LoveDA/Val/Urban/images_png/2522.png", "LoveDA/Val/Urban/masks_png/2522.png",
     {"values": range(8)}, [LEFT_OUT, *LOVEDA]),
    ("loveda", "val_rural", "loveda/Val/Rural/images_png/9.png", "loveda/Val/Rural/masks_png/9.png",
     {"values": range(8)}, [LEFT_OUT, *LOVEDA]),
    ("loveda", "val", "loveDA/img_dir/val/2522.png", "loveDA/ann_dir/val/2522.png",
     {"values": range(8)}, [LEFT_OUT, *LOVEDA]),
    ("open_earth_map", "val", "OpenEarthMap/img_dir/val/aachen_1.tif", "OpenEarthMap/ann_dir/val/aachen_1.tif",
     {"values": range(9)}, [LEFT_OUT, *OEM]),
    ("potsdam", "test", "Potsdam/2_Ortho_RGB/top_potsdam_2_13_RGB.tif",
     "Potsdam/5_Labels_all_noBoundary/top_potsdam_2_13_label_noBoundary.tif",
     {"colours": [0, *ISPRS]}, [LEFT_OUT, *ISPRS_NAMES]),
    ("potsdam", "test_with_boundaries", "potsdam/2_Ortho_RGB/top_potsdam_7_13_RGB.tif",
     "potsdam/5_Labels_all/top_potsdam_7_13_label.tif", {"colours": list(ISPRS)}, ISPRS_NAMES),
    ("potsdam", "test_with_boundaries", "potsdam/2_Ortho_RGB/top_potsdam_7_13_RGB.tif",
     "potsdam/top_potsdam_7_13_label.tif", {"colours": list(ISPRS)}, ISPRS_NAMES),
    ("potsdam", "test_tiles", "potsdam/img_dir/val/2_13_0_0_512_512.png", "potsdam/ann_dir/val/2_13_0_0_512_512.png",
     {"values": range(7)}, [LEFT_OUT, *ISPRS_NAMES]),
    ("vaihingen", "test", "vaihingen/top/top_mosaic_09cm_area2.tif",
     "vaihingen/ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE/top_mosaic_09cm_area2_noBoundary.tif",
     {"colours": [0, *ISPRS]}, [LEFT_OUT, *ISPRS_NAMES]),
    ("vaihingen", "test_with_boundaries", "vaihingen/top/top_mosaic_09cm_area38.tif",
     "vaihingen/top_mosaic_09cm_area38.tif", {"colours": list(ISPRS)}, ISPRS_NAMES),
    ("vaihingen", "test_tiles", "vaihingen/img_dir/val/area2_0_0_512_512.png",
     "vaihingen/ann_dir/val/area2_0_0_512_512.png", {"values": range(7)}, [LEFT_OUT, *ISPRS_NAMES]),
    ("isaid", "val", "iSAID/val/images/images/P0003.png",
     "iSAID/val/Semantic_masks/images/P0003_instance_color_RGB.png", {"colours": list(ISAID)}, list(ISAID.values())),
    ("isaid", "val", "iSAID/val/images/P0003.png",
     "iSAID/val/Semantic_masks/P0003_instance_color_RGB.png", {"colours": list(ISAID)}, list(ISAID.values())),
    ("isaid", "val_tiles", "iSAID/img_dir/val/P0003_0_896_0_896.png",
     "iSAID/ann_dir/val/P0003_0_896_0_896_instance_color_RGB.png", {"values": range(16)}, list(ISAID.values())),
    ("uavid", "val", "uavid/uavid_val/seq16/Images/000000.png", "uavid/uavid_val/seq16/Labels/000000.png",
     {"colours": list(UAVID)}, list(UAVID.values())),
    ("uavid", "test", "UAVid/test_gt/seq21/Images/000000.png", "UAVid/test_gt/seq21/Labels/000000.png",
     {"colours": list(UAVID)}, list(UAVID.values())),
    ("uavid", "test_tiles", "UAVid/img_dir/test/seq21_000000_0_1080_0_1280.png",
     "UAVid/ann_dir/test/seq21_000000_0_1080_0_1280.png", {"values": range(7)}, list(UAVID.values())[:7]),
    ("udd5", "val", "UDD5/val/src/DJI_0105.JPG", "UDD5/val/gt/DJI_0105.png",
     {"values": range(5)}, ["vegetation", "building", "road", "vehicle", "other"]),
    ("vdd", "test", "VDD/test/src/DJI_0100.JPG", "VDD/test/gt/DJI_0100.png",
     {"values": range(7)}, ["other", "wall", "road", "vegetation", "vehicle", "roof", "water"]),
    ("floodnet", "test", "FloodNet-Supervised_v1.0/test/test-org-img/6336.jpg",
     "FloodNet-Supervised_v1.0/test/test-label-img/6336_lab.png", {"values": range(10)}, [LEFT_OUT, *FLOODNET]),
    ("floodnet", "test", "FloodNet/FloodNet-Supervised_v1.0/test/test-org-img/6336.jpg",
     "FloodNet/FloodNet-Supervised_v1.0/test/test-label-img/6336_lab.png",
     {"values": range(10)}, [LEFT_OUT, *FLOODNET]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "split", "image", "mask", "content", "expected"),
    SEGMENTATION,
    ids=[f"{row[0]}-{row[1]}-{row[2].split('/')[1]}" for row in SEGMENTATION],
)
def test_segmentation_layouts(
    tmp_path: Path, name: str, split: str, image: str, mask: str, content: dict[str, Sequence[int]], expected: list[str]
) -> None:
    mini.labelled_pair(tmp_path / image, tmp_path / mask, **content)
    dataset = find_dataset(name, tmp_path)
    assert split in dataset.split_names()
    (item,) = dataset.items(split)
    assert isinstance(item, SegmentationItem)
    assert item.image == tmp_path / image
    assert item.id == Path(*Path(image).parts[1:]).with_suffix("").as_posix()
    codes = item.read_reference()
    assert codes.dtype == np.int16
    assert [LEFT_OUT if code < 0 else dataset.classes.names[code] for code in codes[0]] == expected


def test_only_the_test_images_of_potsdam_are_taken(tmp_path: Path) -> None:
    for tile in ("2_10", "2_13", "7_13"):
        mini.labelled_pair(
            tmp_path / f"Potsdam/2_Ortho_RGB/top_potsdam_{tile}_RGB.tif",
            tmp_path / f"Potsdam/5_Labels_all/top_potsdam_{tile}_label.tif",
            colours=[0xFFFFFF],
        )
    dataset = find_dataset("potsdam", tmp_path)
    assert dataset.split_names() == ("test_with_boundaries",)  # no labels without boundaries are there
    ids = [item.id for item in dataset.items("test_with_boundaries")]
    assert ids == ["2_Ortho_RGB/top_potsdam_2_13_RGB", "2_Ortho_RGB/top_potsdam_7_13_RGB"]


def test_openearthmap_takes_the_listed_images_that_are_there(tmp_path: Path) -> None:
    root = tmp_path / "OpenEarthMap_wo_xBD"
    for region, name in (("aachen", "aachen_1"), ("aachen", "aachen_2"), ("koeln", "koeln_50")):
        mini.labelled_pair(root / region / f"images/{name}.tif", root / region / f"labels/{name}.tif", range(9))
    (root / "val.txt").write_text("aachen_2.tif\nkoeln_50.tif\npalu-tsunami_1.tif\n", encoding="utf-8")
    dataset = find_dataset("open_earth_map", tmp_path)
    assert dataset.split_names() == ("val",)
    items = dataset.items()
    assert [item.id for item in items] == ["aachen/images/aachen_2", "koeln/images/koeln_50"]
    assert isinstance(items[0], SegmentationItem)
    assert items[0].read_reference().tolist() == [[-1, 0, 1, 2, 3, 4, 5, 6, 7]]


EUROSAT = [
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial",
    "Pasture", "PermanentCrop", "Residential", "River", "SeaLake",
]  # fmt: skip


@pytest.mark.parametrize("folder", ["EuroSAT/2750", "EuroSAT_RGB", "2750"])
def test_eurosat_rgb(tmp_path: Path, folder: str) -> None:
    mini.class_folders(tmp_path / folder, EUROSAT)
    dataset = find_dataset("eurosat_rgb", tmp_path)
    items = dataset.items()
    assert len(items) == 20
    assert all(isinstance(item, SceneItem) and item.read_image().shape == (3, 8, 8) for item in items)
    river = next(item for item in items if item.id.endswith("River_2"))
    assert isinstance(river, SceneItem)
    assert EUROSAT[river.label] == "River"
    assert dataset.classes.classes[river.label].phrases == ("river",)


def test_eurosat_split_lists_name_images_of_both_versions(tmp_path: Path) -> None:
    mini.class_folders(tmp_path / "EuroSAT/2750", EUROSAT)
    tif = tmp_path / "EuroSAT/ds/images/remote_sensing/otherDatasets/sentinel_2/tif"
    for name in EUROSAT:
        for number in (1, 2):
            mini.raster(tif / name / f"{name}_{number}.tif", 13)
    (tmp_path / "EuroSAT/eurosat-test.txt").write_text("Forest_2.jpg\nRiver_1.jpg\n", encoding="utf-8")
    for name in ("eurosat_rgb", "eurosat_ms"):
        dataset = find_dataset(name, tmp_path)
        assert dataset.split_names() == ("all", "test")
        assert [Path(item.id).name for item in dataset.items("test")] == ["Forest_2", "River_1"]
        assert len(dataset.items()) == 20


def test_eurosat_with_13_bands_shows_bands_4_3_2_with_one_scaling(tmp_path: Path) -> None:
    mini.class_folders(tmp_path / "EuroSAT_MS", EUROSAT, per_class=0)
    for name in EUROSAT:
        mini.raster(tmp_path / "EuroSAT_MS" / name / f"{name}_1.tif", 13)
    item = find_dataset("eurosat_ms", tmp_path).items()[0]
    assert isinstance(item, SceneItem)
    image = item.read_image()
    assert image.dtype == np.uint8
    assert image[0].mean() > image[1].mean() > image[2].mean()  # about 400, 300 and 200 of reflectance x 10,000
    assert image.max() < 64  # reflectance 0.04 is dark whatever else the image holds


def test_resisc45_and_uc_merced_and_aid(tmp_path: Path) -> None:
    for name, folder, classes, suffix in (
        ("resisc45", "NWPU-RESISC45", ["airplane", "railway_station", "wetland"], "jpg"),
        ("uc_merced", "UCMerced_LandUse/Images", ["agricultural", "mobilehomepark", "tenniscourt"], "tif"),
        ("aid", "AID", ["Airport", "DenseResidential", "Viaduct"], "jpg"),
    ):
        mini.class_folders(tmp_path / folder, classes, suffix)
        dataset = find_dataset(name, tmp_path)
        items = dataset.items()
        labels = [item.label for item in items if isinstance(item, SceneItem)]
        assert [dataset.classes.names[label] for label in labels] == [name for name in classes for _ in (1, 2)]
    phrases = {spec.name: spec.phrases for spec in find_dataset("uc_merced", tmp_path).classes.classes}
    assert phrases["mobilehomepark"] == ("mobile home park",)
    assert len(phrases) == 21
    assert len(find_dataset("resisc45", tmp_path).classes) == 45
    assert len(find_dataset("aid", tmp_path).classes) == 30


def test_a_strange_folder_among_the_classes_is_refused(tmp_path: Path) -> None:
    mini.class_folders(tmp_path / "AID", ["Airport", "Palace"])
    with pytest.raises(DataSetError, match="none of the set's classes: Palace") as caught:
        find_dataset("aid", tmp_path).items()
    assert caught.value.code == "dataset.classes"


@pytest.mark.parametrize(
    ("name", "json_file", "images"),
    [
        ("rsicd", "RSICD/dataset_rsicd.json", "RSICD/RSICD_images"),
        ("rsitmd", "RSITMD/dataset_RSITMD.json", "RSITMD/images"),
        ("ucm_captions", "UCM_captions/dataset.json", "UCM_captions/imgs"),
    ],
)
def test_captions_in_karpathy_files(tmp_path: Path, name: str, json_file: str, images: str) -> None:
    splits = {"test": ["b.tif", "a.tif"], "train": ["c.tif"], "val": ["d.tif"]}
    mini.karpathy(tmp_path / json_file, tmp_path / images, splits)
    dataset = find_dataset(name, tmp_path)
    first, second = dataset.items()
    assert isinstance(first, CaptionedItem)
    assert (first.id, second.id) == ("a.tif", "b.tif")
    assert first.captions == ("a.tif one .", "a.tif one .", "a.tif two .", "three", "four")
    assert first.read_image().shape == (3, 8, 8)
    assert len(dataset.items("all")) == 4


def test_captions_of_a_missing_image_are_refused(tmp_path: Path) -> None:
    mini.karpathy(tmp_path / "RSICD/dataset_rsicd.json", tmp_path / "RSICD/RSICD_images", {"test": ["a.jpg", "b.jpg"]})
    (tmp_path / "RSICD/RSICD_images/b.jpg").unlink()
    with pytest.raises(DataSetError, match=r"1 of 2 captioned images are not there: b\.jpg"):
        find_dataset("rsicd", tmp_path).items()


def mgrs(root: Path) -> list[dict[str, object]]:
    for name in ("x/1.png", "x/2.png"):
        mini.picture(root / "global_imgs" / name, 64, 48)
    size = {"width": 64, "height": 48}
    return [
        {
            "global_filepath": "x/1.png",
            "brief_caption": "ships in a harbor",
            "detailed_caption": "Two ships lie in a harbor beside a pier.",
            "segment": [
                {"bbox": {"x1": 1, "y1": 2, "x2": 11, "y2": 12, **size}, "category": "ship", "category_id": 3},
                {"bbox": {"x1": 20, "y1": 2, "x2": 31, "y2": 12, **size}, "category": "ship", "category_id": 3},
                {"bbox": {"x1": 5, "y1": 30, "x2": 60, "y2": 40, **size}, "cap": "a long pier"},
            ],
        },
        {"global_filepath": "x/2.png", "global_caption": "bare land", "segment": []},
    ]


def test_mgrs_gives_captions_and_boxes(tmp_path: Path) -> None:
    root = tmp_path / "MGRS-200k"
    (root / "global_imgs").mkdir(parents=True)
    (root / "text_info.json").write_text(json.dumps(mgrs(root)), encoding="utf-8")
    dataset = find_dataset("mgrs_200k", tmp_path)
    captioned = dataset.items(task="retrieval")
    assert [item.captions for item in captioned if isinstance(item, CaptionedItem)] == [
        ("ships in a harbor", "Two ships lie in a harbor beside a pier."),
        ("bare land",),
    ]
    boxed = [item for item in dataset.items(task="grounding") if isinstance(item, BoxItem)]
    assert [(item.phrase, item.boxes.tolist()) for item in boxed] == [
        ("ship", [[1, 2, 11, 12], [20, 2, 31, 12]]),
        ("a long pier", [[5, 30, 60, 40]]),
    ]
    assert boxed[0].image == root / "global_imgs/x/1.png"


def test_mgrs_with_a_broken_box_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "MGRS-200k"
    entries = mgrs(root)
    entries[1]["segment"] = [{"bbox": [5, 5, 4, 9], "category": "tree"}]
    (root / "text_info.json").write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(DataSetError, match="no box") as caught:
        find_dataset("mgrs_200k", tmp_path).items(task="grounding")
    assert caught.value.code == "dataset.captions"


@pytest.mark.parametrize(
    ("before", "after", "label"),
    [
        ("LEVIR-CD/test/A/test_1.png", "LEVIR-CD/test/B/test_1.png", "LEVIR-CD/test/label/test_1.png"),
        ("LEVIR-CD/A/test_1.png", "LEVIR-CD/B/test_1.png", "LEVIR-CD/label/test_1.png"),
    ],
)
def test_levir_cd(tmp_path: Path, before: str, after: str, label: str) -> None:
    mini.labelled_pair(tmp_path / before, tmp_path / label, [0, 255, 255, 0])
    mini.picture(tmp_path / after, 4, 1)
    (item,) = find_dataset("levir_cd", tmp_path).items("test")
    assert isinstance(item, ChangeItem)
    assert (item.before, item.after) == (tmp_path / before, tmp_path / after)
    assert item.read_reference().dtype == np.int8
    assert item.read_reference().tolist() == [[0, 1, 1, 0]]


def test_a_later_image_that_is_missing_is_named(tmp_path: Path) -> None:
    mini.labelled_pair(tmp_path / "LEVIR-CD/A/test_1.png", tmp_path / "LEVIR-CD/label/test_1.png", [0, 255])
    with pytest.raises(DataSetError, match=r"1 of 1 later images are not there: test_1\.png"):
        find_dataset("levir_cd", tmp_path).items("test")


def test_every_public_set_of_the_issue_is_known() -> None:
    wanted = {
        "eurosat_rgb", "eurosat_ms", "aid", "resisc45", "uc_merced", "rsicd", "rsitmd", "ucm_captions", "loveda",
        "open_earth_map", "isaid", "potsdam", "vaihingen", "uavid", "udd5", "vdd", "floodnet", "levir_cd", "mgrs_200k",
    }  # fmt: skip
    known = {dataset.id: dataset for dataset in list_datasets(None)}
    assert wanted <= set(known)
    assert not any(dataset.found for dataset in known.values())
    for dataset in known.values():
        for text in (dataset.title, dataset.licence, dataset.protocol, dataset.citation, dataset.url):
            assert text.strip(), dataset.id
        assert set(dataset.tasks) == set(dataset.splits)
        assert all(dataset.default_split in splits for splits in dataset.splits.values()), dataset.id
        assert not dataset.focus or dataset.focus in dataset.classes.names


def test_a_set_that_is_not_there_says_where_to_get_it_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(DataSetError) as caught:
        find_dataset("LoveDA", tmp_path)
    assert caught.value.code == "dataset.missing"
    assert "https://github.com/Junjue-Wang/LoveDA" in caught.value.remedy
    assert str(tmp_path / "LoveDA") in caught.value.remedy


def test_a_set_laid_out_otherwise_says_what_is_missing(tmp_path: Path) -> None:
    mini.picture(tmp_path / "LoveDA/Val/Urban/2522.png")
    with pytest.raises(DataSetError, match=r"there is no Val/\*/images_png/\*\.png in LoveDA") as caught:
        find_dataset("loveda", tmp_path)
    assert caught.value.code == "dataset.layout"


def test_images_without_any_mask_count_as_not_there(tmp_path: Path) -> None:
    mini.picture(tmp_path / "LoveDA/Val/Urban/images_png/2522.png")
    with pytest.raises(DataSetError, match=r"there is no Val/\*/masks_png/\*\.png"):
        find_dataset("loveda", tmp_path)


def test_a_single_missing_mask_is_named(tmp_path: Path) -> None:
    root = tmp_path / "LoveDA/Val/Urban"
    mini.labelled_pair(root / "images_png/1.png", root / "masks_png/1.png", [1, 2])
    mini.picture(root / "images_png/2.png")
    with pytest.raises(DataSetError, match=r"1 of 2 masks are not there: 2\.png"):
        find_dataset("loveda", tmp_path).items()


def test_an_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(DataSetError, match="no data set 'cityscapes'") as caught:
        find_dataset("cityscapes", None)
    assert "loveda" in caught.value.remedy


def test_an_unknown_split_or_task_names_the_known_ones(tmp_path: Path) -> None:
    mini.class_folders(tmp_path / "AID", ["Airport"])
    dataset = find_dataset("aid", tmp_path)
    with pytest.raises(DataSetError, match="no split 'night'"):
        dataset.items("night")
    with pytest.raises(DataSetError, match="cannot be used for 'change'"):
        dataset.items(task="change")
    with pytest.raises(DataSetError, match="was not found"):
        next(record for record in list_datasets(None) if record.id == "aid").items()


def test_the_root_may_be_the_folder_of_the_set_itself(tmp_path: Path) -> None:
    mini.class_folders(tmp_path / "AID", ["Airport"])
    assert find_dataset("aid", tmp_path / "AID").folder == tmp_path / "AID"


def test_the_documentation_lists_every_set() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/evaluation-datasets.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| `")}
    datasets = list_datasets(None)
    assert set(rows) == {f"`{dataset.id}`" for dataset in datasets}
    for dataset in datasets:
        row = rows[f"`{dataset.id}`"]
        assert all(task in row for task in dataset.tasks)
        for names in dataset.splits.values():
            assert all(name in row for name in names), dataset.id
