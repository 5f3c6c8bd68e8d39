"""Public sets of aerial and satellite images with masks: LoveDA, OpenEarthMap, Potsdam, Vaihingen, iSAID.

Each is read from its published folders, or from the tiles that mmsegmentation's converters cut (``img_dir``,
``ann_dir``), whichever is there.
"""

from __future__ import annotations

from satclip_engine.harness.datasets.alternatives import FirstOf
from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.masks import ByColour, ByValue, MaskFolders
from satclip_engine.harness.datasets.paths import Files
from satclip_engine.protocol.classes import ClassSet, ClassSpec, parse_classes

_MMSEG = "https://mmsegmentation.readthedocs.io (prepare datasets)"

_LOVEDA_CLASSES = """
background: background, other ground  #FFFFFF
building: building, house, roof  #FF0000
road: road, street  #FFFF00
water: water, river, pond  #0000FF
barren: barren land, bare soil  #9F81B7
forest: forest, trees  #00FF00
agriculture: agricultural field, cropland  #FFC380
"""
_OEM_CLASSES = """
bareland: bare land, bare soil  #800000
rangeland: rangeland, grass, shrub  #00FF24
developed space: pavement, parking lot  #949494
road: road, street  #FFFFFF
tree: tree, trees  #226126
water: water, river, lake  #0045FF
agriculture land: agricultural field, cropland  #4BB549
building: building, house, roof  #DE1F07
"""
# Colours of the ISPRS labels; black in the versions without boundaries.
_ISPRS_CLASSES = """
impervious surface: impervious surface, road, pavement  #FFFFFF
building: building, house, roof  #0000FF
low vegetation: low vegetation, grass, lawn  #00FFFF
tree: tree, trees  #00FF00
car: car, vehicle  #FFFF00
clutter: clutter, background  #FF0000
"""
_ISPRS_COLOURS = ByColour({0xFFFFFF: 0, 0x0000FF: 1, 0x00FFFF: 2, 0x00FF00: 3, 0xFFFF00: 4, 0xFF0000: 5, 0x000000: -1})
# mmsegmentation's tiles hold the classes in the same order from 1, with 0 and 255 for what is left out.
_ISPRS_VALUES = ByValue({0: -1, 255: -1, **{value: value - 1 for value in range(1, 7)}})
_POTSDAM_TEST = "2_13 2_14 3_13 3_14 4_13 4_14 4_15 5_13 5_14 5_15 6_13 6_14 6_15 7_13"
_VAIHINGEN_TEST = (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38)
# Value and colour of each class, in the set's order; background is 0 and black.
_ISAID: tuple[tuple[str, int], ...] = (
    ("ship", 0x00003F),
    ("storage tank", 0x003F3F),
    ("baseball diamond", 0x003F00),
    ("tennis court", 0x003F7F),
    ("basketball court", 0x003FBF),
    ("ground track field", 0x003FFF),
    ("bridge", 0x007F3F),
    ("large vehicle", 0x007F7F),
    ("small vehicle", 0x00007F),
    ("helicopter", 0x0000BF),
    ("swimming pool", 0x0000FF),
    ("roundabout", 0x00BF7F),
    ("soccer ball field", 0x007FBF),
    ("plane", 0x007FFF),
    ("harbor", 0x00649B),
)


def records() -> tuple[DataSet, ...]:
    """Return the records."""
    return _loveda(), _open_earth_map(), _potsdam(), _vaihingen(), _isaid()


def _loveda() -> DataSet:
    coding = ByValue({0: -1, 255: -1, **{value: value - 1 for value in range(1, 8)}})

    def split(title: str, area: str = "*") -> FirstOf:
        published = MaskFolders(Files(f"{title}/{area}/images_png/*.png"), "../masks_png/{name}", coding)
        return FirstOf((published, _tiles(title.lower(), coding))) if area == "*" else FirstOf((published,))

    return DataSet(
        id="loveda",
        title="LoveDA",
        tasks=("segmentation",),
        classes=_with_background(parse_classes(_LOVEDA_CLASSES), "background"),
        splits={
            "segmentation": {
                "val": split("Val"),
                "val_urban": split("Val", "Urban"),
                "val_rural": split("Val", "Rural"),
                "train": split("Train"),
            }
        },
        default_split="val",
        protocol="Seven classes with background on the validation images (the test masks are not public); 0 is no "
        "data and left out. Names and plain words of the classes are asked.",
        licence="CC BY-NC-SA 4.0",
        url="https://github.com/Junjue-Wang/LoveDA",
        citation="Wang et al. 2021",
        layout_url="https://torchgeo.readthedocs.io (LoveDA) or " + _MMSEG,
        folders=("LoveDA",),
        gsd_m=0.3,
    )


def _open_earth_map() -> DataSet:
    coding = ByValue({0: -1, 255: -1, **{value: value - 1 for value in range(1, 9)}})

    def split(name: str) -> FirstOf:
        # The lists also name images of xBD, which the set without xBD does not hold.
        folders = ("", "OpenEarthMap_wo_xBD/")
        published = tuple(
            MaskFolders(
                Files(f"{folder}*/images/*.tif", listed_in=f"{folder}{name}.txt", partial=True),
                "../labels/{name}",
                coding,
            )
            for folder in folders
        )
        return FirstOf((*published, _tiles(name, coding, "tif")))

    return DataSet(
        id="open_earth_map",
        title="OpenEarthMap",
        tasks=("segmentation",),
        classes=parse_classes(_OEM_CLASSES),
        splits={"segmentation": {"val": split("val"), "train": split("train")}},
        default_split="val",
        protocol="Eight classes on the listed validation images (those of xBD only if they were added); 0 is "
        "unlabelled and left out. Names and plain words of the classes are asked.",
        licence="labels CC BY-NC-SA 4.0; images as their sources",
        url="https://open-earth-map.org",
        citation="Xia et al. 2023",
        layout_url="https://github.com/bao18/open_earth_map",
        folders=("OpenEarthMap_wo_xBD", "OpenEarthMap"),
    )


def _potsdam() -> DataSet:
    stems = tuple(f"potsdam_{name}_RGB" for name in _POTSDAM_TEST.split())

    def split(suffix: str, folders: tuple[str, ...]) -> FirstOf:
        images = Files("2_Ortho_RGB/*.tif", stems=stems)
        masks = (f"../{folder}{{stem}}_{suffix}.tif" for folder in folders)
        return FirstOf(tuple(MaskFolders(images, mask, _ISPRS_COLOURS, "_RGB") for mask in masks))

    eroded = ("5_Labels_all_noBoundary/", "5_Labels_for_participants_no_Boundary/", "")
    full = ("5_Labels_all/", "5_Labels_for_participants/", "")
    return DataSet(
        id="potsdam",
        title="ISPRS Potsdam",
        tasks=("segmentation",),
        classes=_with_background(parse_classes(_ISPRS_CLASSES), "clutter"),
        splits={
            "segmentation": {
                "test": split("label_noBoundary", eroded),
                "test_with_boundaries": split("label", full),
                "test_tiles": FirstOf((_tiles("val", _ISPRS_VALUES),)),
            }
        },
        default_split="test",
        protocol="Six classes with clutter on the 14 test images of 6,000 px, object boundaries (black in the labels "
        "without boundaries) left out; test_with_boundaries scores them, test_tiles is mmsegmentation's 512 px cut.",
        licence="research use, by request from ISPRS",
        url="https://www.isprs.org/education/benchmarks/UrbanSemLab/2d-sem-label-potsdam.aspx",
        citation="Rottensteiner et al. 2012",
        layout_url="https://torchgeo.readthedocs.io (Potsdam) or " + _MMSEG,
        folders=("Potsdam",),
        gsd_m=0.05,
    )


def _vaihingen() -> DataSet:
    stems = tuple(f"_area{number}" for number in _VAIHINGEN_TEST)
    name = "ISPRS_semantic_labeling_Vaihingen_ground_truth"

    def split(suffix: str, folders: tuple[str, ...]) -> FirstOf:
        images = Files("top/top_mosaic_09cm_area*.tif", stems=stems)
        masks = (f"../{folder}{{stem}}{suffix}.tif" for folder in folders)
        return FirstOf(tuple(MaskFolders(images, mask, _ISPRS_COLOURS) for mask in masks))

    return DataSet(
        id="vaihingen",
        title="ISPRS Vaihingen",
        tasks=("segmentation",),
        classes=_with_background(parse_classes(_ISPRS_CLASSES), "clutter"),
        splits={
            "segmentation": {
                "test": split("_noBoundary", (f"{name}_eroded_COMPLETE/", "")),
                "test_with_boundaries": split("", (f"{name}_COMPLETE/", "gts_for_participants/", "")),
                "test_tiles": FirstOf((_tiles("val", _ISPRS_VALUES),)),
            }
        },
        default_split="test",
        protocol="Six classes with clutter on the 17 test images, object boundaries left out; near-infrared, red, "
        "green as published. test_with_boundaries scores boundaries, test_tiles is mmsegmentation's 512 px cut.",
        licence="research use, by request from ISPRS",
        url="https://www.isprs.org/education/benchmarks/UrbanSemLab/2d-sem-label-vaihingen.aspx",
        citation="Rottensteiner et al. 2012",
        layout_url="https://torchgeo.readthedocs.io (Vaihingen) or " + _MMSEG,
        folders=("Vaihingen",),
        gsd_m=0.09,
    )


def _isaid() -> DataSet:
    colours = ByColour({0x000000: 0, **{colour: place for place, (_, colour) in enumerate(_ISAID, start=1)}})
    values = ByValue({255: -1, **{value: value for value in range(len(_ISAID) + 1)}})
    names = "{stem}_instance_color_RGB.png"

    def published(name: str) -> tuple[MaskFolders, ...]:
        nested = MaskFolders(Files(f"{name}/images/images/*.png"), f"../../Semantic_masks/images/{names}", colours)
        flat = MaskFolders(Files(f"{name}/images/*.png"), f"../Semantic_masks/{names}", colours)
        half = MaskFolders(Files(f"{name}/images/*.png"), f"../Semantic_masks/images/{names}", colours)
        return nested, flat, half

    objects = tuple(ClassSpec(name, (name,), f"#{colour:06X}") for name, colour in _ISAID)
    others = ("background", "ground", "grass", "trees", "road", "building")
    return DataSet(
        id="isaid",
        title="iSAID",
        tasks=("segmentation",),
        classes=ClassSet((ClassSpec("background", others, "#000000", background=True), *objects)),
        splits={
            "segmentation": {
                "val": FirstOf(published("val")),
                "val_tiles": FirstOf((MaskFolders(Files("img_dir/val/*.png"), f"../../ann_dir/val/{names}", values),)),
                "train": FirstOf(published("train")),
            }
        },
        default_split="val",
        protocol="15 kinds of objects and background on whole validation images; val_tiles is mmsegmentation's 896 px "
        "cut. Names of the classes are asked, background by what usually surrounds the objects.",
        licence="academic use; images as DOTA",
        url="https://captain-whu.github.io/iSAID/",
        citation="Waqas Zamir et al. 2019",
        layout_url="https://captain-whu.github.io/iSAID/dataset.html or " + _MMSEG,
        folders=("iSAID",),
    )


def _tiles(split: str, coding: ByValue, suffix: str = "png") -> MaskFolders:
    return MaskFolders(Files(f"img_dir/{split}/*.{suffix}"), f"../../ann_dir/{split}/{{name}}", coding)


def _with_background(classes: ClassSet, name: str) -> ClassSet:
    return ClassSet(
        tuple(ClassSpec(spec.name, spec.phrases, spec.colour, background=spec.name == name) for spec in classes.classes)
    )
