"""Public sets of drone images with masks: UAVid, UDD5, VDD, FloodNet."""

from __future__ import annotations

from dataclasses import replace

from satclip_engine.harness.datasets.alternatives import FirstOf
from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.masks import ByColour, ByValue, MaskFolders
from satclip_engine.harness.datasets.paths import Files
from satclip_engine.protocol.classes import ClassSet, ClassSpec, parse_classes

_UAVID_CLASSES = """
building: building, house  #800000
road: road, street  #804080
car: car, vehicle  #C000C0
tree: tree, trees  #008000
low vegetation: low vegetation, grass  #808000
human: human, person  #404000
"""
_UDD5_CLASSES = """
vegetation: vegetation, trees, grass  #6B8E23
building: building, house, roof  #66669C
road: road, street  #804080
vehicle: vehicle, car  #00008E
"""
_VDD_CLASSES = """
wall: wall, facade  #66669C
road: road, street  #804080
vegetation: vegetation, trees, grass  #6B8E23
vehicle: vehicle, car  #00008E
roof: roof, rooftop  #464646
water: water, river, lake  #1C2AA8
"""
# In the order of their values from 1; 0 is background: whatever was not labelled, so no word fits it.
_FLOODNET_CLASSES = """
flooded building: flooded building, house in water  #C40000
building: building, house, roof  #FF8080
flooded road: flooded road, flooded street  #808000
road: road, street  #808080
water: water, flood water  #00BFFF
tree: tree, trees  #228B22
vehicle: vehicle, car  #7B2576
pool: swimming pool  #0044FF
grass: grass, lawn  #7FE068
"""


def records() -> tuple[DataSet, ...]:
    """Return the records."""
    return _uavid(), _udd5(), _vdd(), _floodnet()


def _uavid() -> DataSet:
    # Moving cars (400080) and parked ones (C000C0) look alike in a single image.
    colours = ByColour(
        {
            0x000000: 0,
            0x800000: 1,
            0x804080: 2,
            0xC000C0: 3,
            0x400080: 3,
            0x008000: 4,
            0x808000: 5,
            0x404000: 6,
        }
    )
    values = ByValue({255: -1, **{value: value for value in range(7)}})

    def published(folder: str) -> MaskFolders:
        return MaskFolders(Files(f"{folder}/seq*/Images/*.png"), "../Labels/{name}", colours)

    tiles = MaskFolders(Files("img_dir/test/*.png"), "../../ann_dir/test/{name}", values)
    return DataSet(
        id="uavid",
        title="UAVid",
        tasks=("segmentation",),
        classes=_behind(_UAVID_CLASSES, ("background", "ground", "pavement"), "background"),
        splits={
            "segmentation": {
                "val": published("uavid_val"),
                "test": FirstOf((published("uavid_test"), published("test_gt"))),
                "test_tiles": tiles,
                "train": published("uavid_train"),
            }
        },
        default_split="val",
        protocol="Seven classes with background clutter, moving and parked cars as one, on whole oblique images; "
        "test_tiles is a cut of 1,080 × 1,280 px. Names and plain words of the classes are asked.",
        licence="CC BY-NC-SA 4.0",
        url="https://uavid.nl",
        citation="Lyu et al. 2020",
        layout_url="https://github.com/WangLibo1995/GeoSeg or https://github.com/likyoo/SegEarth-OV (tiles)",
        folders=("UAVid", "uavid_v1.5_official_release_image"),
    )


def _udd5() -> DataSet:
    return _source_and_truth(
        DataSet(
            id="udd5",
            title="UDD5",
            tasks=("segmentation",),
            classes=ClassSet((*parse_classes(_UDD5_CLASSES).classes, _other(("other", "bare ground", "water")))),
            splits={},
            default_split="val",
            protocol="Five classes with other on the validation images. Names and plain words of the classes are "
            "asked, other by what it holds.",
            licence="non-commercial use",
            url="https://github.com/MarcWong/UDD",
            citation="Chen et al. 2018",
            layout_url="https://github.com/MarcWong/UDD",
            folders=("UDD5",),
        ),
        ("val", "train"),
        5,
    )


def _vdd() -> DataSet:
    return _source_and_truth(
        DataSet(
            id="vdd",
            title="VDD, varied drone images",
            tasks=("segmentation",),
            classes=ClassSet((_other(("other", "bare ground", "pavement")), *parse_classes(_VDD_CLASSES).classes)),
            splits={},
            default_split="test",
            protocol="Seven classes with other on the test images. Names and plain words of the classes are asked, "
            "other by what it holds.",
            licence="non-commercial use",
            url="https://github.com/RussRobin/VDD",
            citation="Cai et al. 2023",
            layout_url="https://github.com/RussRobin/VDD",
            folders=("VDD",),
        ),
        ("test", "val", "train"),
        7,
    )


def _floodnet() -> DataSet:
    coding = ByValue({0: -1, 255: -1, **{value: value - 1 for value in range(1, 10)}})

    def split(name: str) -> FirstOf:
        mask = f"../{name}-label-img/{{stem}}_lab.png"
        folders = ("", "FloodNet-Supervised_v1.0/")
        return FirstOf(
            tuple(MaskFolders(Files(f"{folder}{name}/{name}-org-img/*.jpg"), mask, coding) for folder in folders)
        )

    return DataSet(
        id="floodnet",
        title="FloodNet",
        tasks=("segmentation",),
        classes=parse_classes(_FLOODNET_CLASSES),
        splits={"segmentation": {name: split(name) for name in ("test", "val", "train")}},
        default_split="test",
        protocol="Nine classes on the test images; background (0), which is whatever else there is, is left out. "
        "Names and plain words of the classes are asked.",
        licence="CDLA-Permissive-1.0",
        url="https://github.com/BinaLab/FloodNet-Supervised_v1.0",
        citation="Rahnemoonfar et al. 2021",
        layout_url="https://github.com/BinaLab/FloodNet-Supervised_v1.0",
        folders=("FloodNet-Supervised_v1.0", "FloodNet"),
        gsd_m=0.015,
    )


def _source_and_truth(record: DataSet, splits: tuple[str, ...], n_classes: int) -> DataSet:
    """Return ``record`` with splits of ``src`` images and ``gt`` masks whose values are the classes' positions."""
    coding = ByValue({255: -1, **{value: value for value in range(n_classes)}})
    layouts = {
        name: FirstOf(
            tuple(
                MaskFolders(Files(f"{name}/src/*.{suffix}"), "../gt/{stem}.png", coding)
                for suffix in ("JPG", "jpg", "png")
            )
        )
        for name in splits
    }
    return replace(record, splits={"segmentation": layouts})


def _other(phrases: tuple[str, ...]) -> ClassSpec:
    return ClassSpec("other", phrases, "#000000", background=True)


def _behind(text: str, phrases: tuple[str, ...], name: str) -> ClassSet:
    background = ClassSpec(name, phrases, "#000000", background=True)
    return ClassSet((background, *parse_classes(text).classes))
