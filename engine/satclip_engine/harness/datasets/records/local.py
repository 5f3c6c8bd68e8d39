"""The sets of ``$SATCLIP_DATA``: scenes with captions, masks, boxes and polygons. Change pairs are in ``change``."""

from __future__ import annotations

from dataclasses import replace

from satclip_engine.harness.datasets.boxes import VocBoxes
from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.masks import ByColour, ByThreshold, MaskFolders
from satclip_engine.harness.datasets.paths import Files
from satclip_engine.harness.datasets.polygons import LabelledPolygons
from satclip_engine.harness.datasets.records.aid_words import (
    AID_PHRASES,
    AID_SYNONYMS,
    aid_classes,
    aid_synonym_classes,
)
from satclip_engine.harness.datasets.scenes import ZippedCaptions, ZippedScenes
from satclip_engine.protocol.classes import ClassSet, ClassSpec, parse_classes

_ROWS, _ARCHIVE = "captions.jsonl", "aid150_{shard}.zip"
_DUBAI_TILES = ("tile1", "tile2", "tile4", "tile5", "tile7")
# Positions as in the class lists below; 9B9B9B is "unlabelled", 000000 the border.
_DUBAI_COLOURS = ByColour({0x3C1098: 0, 0x8429F6: 1, 0x6EC1E4: 2, 0xFEDD3A: 3, 0xE2A929: 4, 0x9B9B9B: -1, 0x000000: -1})
_DUBAI_CLASSES = """
building: building, house, rooftop  #3C1098
land: bare soil, bare land, sand  #8429F6
road: road, street  #6EC1E4
vegetation: vegetation, trees, grass  #FEDD3A
water: water  #E2A929
"""
_DUBAI_SYNONYMS = """
building: dwelling, edifice  #3C1098
land: barren terrain, wasteland  #8429F6
road: tarmac, carriageway  #6EC1E4
vegetation: woodland, foliage  #FEDD3A
water: reservoir, lagoon  #E2A929
"""
N_EPFL_SEEN = 18
# Neighbours by name are alike, and the last dozen chips are nearly dry: every third one is a fairer sample.
LANDSAT_UNSEEN = (True, False, False)


def records() -> tuple[DataSet, ...]:
    """Return the records."""
    return (
        _aid(),
        _aid_synonyms(),
        _dubai(),
        _dubai_synonyms(),
        _epfl_roads(),
        _landsat_water(),
        _neon_trees(),
        _s2_fewshot(),
    )


def _aid() -> DataSet:
    folders = tuple(AID_PHRASES)
    names = {"test": "test", "train": "train", "all": ""}
    return DataSet(
        id="aid_rsicd",
        title="AID scenes with RSICD captions, 150 px",
        tasks=("classification", "retrieval"),
        classes=aid_classes(),
        splits={
            "classification": {key: ZippedScenes(_ROWS, _ARCHIVE, name, folders) for key, name in names.items()},
            "retrieval": {key: ZippedCaptions(_ROWS, _ARCHIVE, name) for key, name in names.items()},
        },
        default_split="test",
        protocol="1,027 test images of 30 classes, asked by the written-out class names. Retrieval: the captions of "
        "the test images, repeated ones counted once.",
        licence="research use",
        url="https://captain-whu.github.io/AID/",
        citation="Xia et al. 2017 (AID); Lu et al. 2017 (RSICD)",
        folders=("aid_rsicd",),
        trained_on="the train split (8,973 images with class and captions)",
    )


def _aid_synonyms() -> DataSet:
    layout = ZippedScenes(_ROWS, _ARCHIVE, "test", tuple(AID_PHRASES), tuple(AID_SYNONYMS))
    return replace(
        _aid(),
        id="aid_synonyms",
        title="AID scenes asked by words never trained with an image",
        tasks=("classification",),
        classes=aid_synonym_classes(),
        splits={"classification": {"test": layout}},
        protocol=f"Test images of the {len(AID_SYNONYMS)} classes that have another word, asked only by words that "
        "stand in no caption or class name of a training image; the other classes compete under their own names.",
    )


def _dubai() -> DataSet:
    def tiles(pattern: str) -> MaskFolders:
        return MaskFolders(Files(f"{pattern}/images/*.jpg"), "../masks/{stem}.png", _DUBAI_COLOURS)

    return DataSet(
        id="dubai_mbrsc",
        title="Dubai aerial tiles (MBRSC)",
        tasks=("segmentation",),
        classes=parse_classes(_DUBAI_CLASSES),
        splits={"segmentation": {"all": tiles("tile*"), **{name: tiles(name) for name in _DUBAI_TILES}}},
        default_split="tile7",
        protocol="Five classes, nine parts of tile 7; unlabelled (#9B9B9B) and black pixels are left out. Names and "
        "plain words of the classes are asked.",
        licence="CC0",
        url="https://humansintheloop.org/resources/datasets/semantic-segmentation-dataset-2/",
        citation="Humans in the Loop, Semantic segmentation of aerial imagery (MBRSC), 2020",
        folders=("dubai_mbrsc",),
        trained_on="tiles 1, 2, 4 and 5, but for one part each of tiles 1 and 4; tile 7 never",
    )


def _dubai_synonyms() -> DataSet:
    return replace(
        _dubai(),
        id="dubai_synonyms",
        title="Dubai aerial tiles asked by words never trained with an image",
        classes=parse_classes(_DUBAI_SYNONYMS),
        protocol="As dubai_mbrsc, asked only by words that stand in no caption or class name of a training image.",
    )


def _epfl_roads() -> DataSet:
    def images(first: int = 0, last: int | None = None) -> MaskFolders:
        return MaskFolders(Files("images/*", first, last), "../groundtruth/{stem}.png", ByThreshold(127))

    others = ("building", "house", "trees", "grass", "bare soil", "parking lot", "water")
    return DataSet(
        id="epfl_roads",
        title="EPFL road segmentation, 400 px",
        tasks=("segmentation",),
        classes=ClassSet(
            (ClassSpec("road", ("road", "street"), "#F2C200"), ClassSpec("background", others, background=True))
        ),
        splits={
            "segmentation": {
                "unseen": images(N_EPFL_SEEN),
                "seen": images(0, N_EPFL_SEEN),
                "all": images(),
            }
        },
        default_split="unseen",
        protocol="IoU of road (mask above 127) against everything else on the last 7 of 25 images by name; what else "
        "stands in such images is asked as one class.",
        licence="research use",
        url="https://www.aicrowd.com/challenges/epfl-ml-road-segmentation",
        citation="EPFL machine learning course, road segmentation challenge",
        folders=("epfl_roads",),
        gsd_m=0.5,
        focus="road",
        trained_on="the first 18 images by name",
    )


def _landsat_water() -> DataSet:
    def images(cycle: tuple[bool, ...] = (True,)) -> MaskFolders:
        return MaskFolders(Files("images/*.tif", cycle=cycle), "../water/{stem}.png", ByThreshold(0))

    others = ("vegetation", "trees", "grass", "bare soil", "bare land", "buildings")
    return DataSet(
        id="landsat_water",
        title="Landsat water chips, false colour",
        tasks=("segmentation",),
        classes=ClassSet(
            (
                ClassSpec("water", ("water", "lake", "river"), "#3B7DD8"),
                ClassSpec("background", others, background=True),
            )
        ),
        splits={
            "segmentation": {
                "unseen": images(LANDSAT_UNSEEN),
                "seen": images(tuple(not unseen for unseen in LANDSAT_UNSEEN)),
                "all": images(),
            }
        },
        default_split="unseen",
        protocol="IoU of water on every third of 40 chips by name (14), shown as NIR, red, green (bands 5, 4, 3); what "
        "else stands in such chips is asked as one class.",
        licence="public domain (Landsat)",
        url="https://www.usgs.gov/landsat-missions",
        citation="USGS Landsat 8/9 OLI",
        folders=("landsat_water",),
        gsd_m=30.0,
        bands="5,4,3",
        focus="water",
        trained_on="the other 26 chips by name",
    )


def _neon_trees() -> DataSet:
    return DataSet(
        id="neon_trees",
        title="NEON tree crowns",
        tasks=("grounding",),
        classes=parse_classes("tree"),
        splits={"grounding": {"all": VocBoxes(Files("*.tif"), "{stem}.xml", {"Tree": "tree"})}},
        default_split="all",
        protocol="The phrase 'tree' on five tiles of 400 px; a hit is a peak inside any box.",
        licence="CC0",
        url="https://github.com/weecology/NeonTreeEvaluation",
        citation="Weinstein et al. 2021",
        folders=("neon_trees",),
        gsd_m=0.1,
    )


def _s2_fewshot() -> DataSet:
    codes = {"river": 0, "dense_forest": 1, "open": 2}
    return DataSet(
        id="s2_fewshot",
        title="Sentinel-2 scene with three labelled polygons",
        tasks=("segmentation",),
        classes=parse_classes(
            "river: river, water  #3B7DD8\ndense forest: dense forest, trees  #1F7A3D\n"
            "open: open land, grass, bare soil  #E3C34B"
        ),
        splits={"segmentation": {"all": LabelledPolygons("test.tif", "ml_poly.shp", "Type", codes)}},
        default_split="all",
        protocol="Pixels inside the three polygons only, everything else is left out: a smoke test, not a benchmark.",
        licence="Copernicus Sentinel data, free use",
        url="https://dataspace.copernicus.eu",
        citation="Copernicus Sentinel-2",
        folders=("s2_fewshot",),
        gsd_m=10.0,
        # The file holds the 10 m bands first (blue, green, red, NIR), then the 20 m bands, then one of 60 m.
        bands="3,2,1",
    )
