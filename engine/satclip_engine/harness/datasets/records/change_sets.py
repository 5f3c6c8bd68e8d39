"""Sets of image pairs with change masks: two local ones and LEVIR-CD."""

from __future__ import annotations

from satclip_engine.harness.datasets.alternatives import FirstOf
from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.masks import ByThreshold, ByValue, ImagePairs
from satclip_engine.harness.datasets.paths import Files
from satclip_engine.protocol.classes import parse_classes

_CHANGED = ByThreshold(0, code_above=1, code_below=0)
_TOWN_CLASSES = """
building: building, house, rooftop  #C0392B
road: road, street  #6E7681
vegetation: trees, grass  #1F7A3D
bare ground: bare soil, construction site  #B5895B
"""


def records() -> tuple[DataSet, ...]:
    """Return the records."""
    return _change_levir(), _change_taizhou(), _levir_cd()


def _change_levir() -> DataSet:
    return DataSet(
        id="change_levir",
        title="LEVIR-CD, six pairs",
        tasks=("change",),
        classes=parse_classes(_TOWN_CLASSES),
        splits={"change": {"all": ImagePairs(Files("A/*.png"), "../B/{name}", "../label/{name}", _CHANGED)}},
        default_split="all",
        protocol="Changed pixels (new buildings) of six pairs of 256 px; change of the class building is asked.",
        licence="research use",
        url="https://github.com/justchenhao/STANet",
        citation="Chen, Shi 2020",
        folders=("change_levir",),
        gsd_m=0.5,
        focus="building",
        trained_on="the later images: where something changed is building, nothing else of the masks",
    )


def _change_taizhou() -> DataSet:
    pair = ImagePairs(Files("t1.tif"), "t2.tif", "label.tif", ByValue({0: -1, 1: 0, 2: 1}))
    return DataSet(
        id="change_taizhou",
        title="Taizhou, Landsat pair",
        tasks=("change",),
        classes=parse_classes(
            "built-up: city, buildings  #C0392B\nfarmland: farmland, vegetation  #8BC34A\n"
            "water: water, river, lake  #3B7DD8\nbare ground: bare soil  #B5895B"
        ),
        splits={"change": {"all": pair}},
        default_split="all",
        protocol="The 21,390 labelled of 160,000 pixels, 4,227 of them changed; shown in bands 3, 2, 1.",
        licence="public domain; cite the paper",
        url="https://doi.org/10.1109/TGRS.2013.2266673",
        citation="Wu, Du, Zhang 2014",
        folders=("change_taizhou",),
        gsd_m=30.0,
        bands="3,2,1",
    )


def _levir_cd() -> DataSet:
    def split(name: str) -> FirstOf:
        patterns = (f"{name}/A/*.png", f"A/{name}_*.png")
        return FirstOf(
            tuple(ImagePairs(Files(pattern), "../B/{name}", "../label/{name}", _CHANGED) for pattern in patterns)
        )

    return DataSet(
        id="levir_cd",
        title="LEVIR-CD",
        tasks=("change",),
        classes=parse_classes(_TOWN_CLASSES),
        splits={"change": {name: split(name) for name in ("test", "val", "train")}},
        default_split="test",
        protocol="Changed pixels (buildings) of the 128 test pairs of 1024 px; change of the class building is asked.",
        licence="research use",
        url="https://github.com/justchenhao/STANet",
        citation="Chen, Shi 2020",
        layout_url="https://torchgeo.readthedocs.io (LEVIR-CD)",
        folders=("LEVIR-CD", "levircd"),
        gsd_m=0.5,
        focus="building",
        trained_on="the later images of six 256 px crops (change_levir), four of them from the test split",
    )
