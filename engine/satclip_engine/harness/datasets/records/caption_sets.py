"""Public sets of images with captions: RSICD, RSITMD, UCM-captions, MGRS-200k."""

from __future__ import annotations

from satclip_engine.harness.datasets.alternatives import FirstOf
from satclip_engine.harness.datasets.captions import KarpathyCaptions
from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.regions import RegionBoxes, RegionCaptions
from satclip_engine.protocol.classes import ClassSet, ClassSpec

# Retrieval and grounding ask captions and phrases; a class set cannot be empty.
_NO_CLASSES = ClassSet((ClassSpec("image"),))
_PROTOCOL = "Images and captions of the test split; repeated captions are counted once."


def records() -> tuple[DataSet, ...]:
    """Return the records."""
    return (
        _captions(
            "rsicd",
            "RSICD captions",
            "dataset_rsicd.json",
            ("RSICD_images", "images"),
            ("RSICD",),
            "https://github.com/201528014227051/RSICD_optimal",
            "Lu et al. 2017",
            "the train split of the part that comes from AID, shrunk to 150 px (see aid_rsicd)",
        ),
        _captions(
            "rsitmd",
            "RSITMD captions",
            "dataset_RSITMD.json",
            ("images",),
            ("RSITMD",),
            "https://github.com/xiaoyuan1996/AMFMN/tree/master/RSITMD",
            "Yuan et al. 2021",
            "images that RSITMD shares with RSICD may have been seen (see aid_rsicd)",
        ),
        _captions(
            "ucm_captions",
            "UCM captions",
            "dataset.json",
            ("images", "imgs"),
            ("UCM_captions", "UCM-captions"),
            "https://github.com/201528014227051/RSICD_optimal",
            "Qu et al. 2016",
            "",
        ),
        _mgrs(),
    )


def _captions(
    id_: str,
    title: str,
    json_file: str,
    image_folders: tuple[str, ...],
    folders: tuple[str, ...],
    url: str,
    citation: str,
    trained_on: str,
) -> DataSet:
    def split(name: str) -> FirstOf:
        return FirstOf(tuple(KarpathyCaptions(json_file, images, name) for images in image_folders))

    return DataSet(
        id=id_,
        title=title,
        tasks=("retrieval",),
        classes=_NO_CLASSES,
        splits={"retrieval": {"test": split("test"), "val": split("val"), "train": split("train"), "all": split("")}},
        default_split="test",
        protocol=_PROTOCOL,
        licence="research use",
        url=url,
        citation=citation,
        layout_url=url,
        folders=folders,
        trained_on=trained_on,
    )


def _mgrs() -> DataSet:
    json_file, images = "text_info.json", "global_imgs"
    return DataSet(
        id="mgrs_200k",
        title="MGRS-200k",
        tasks=("retrieval", "grounding"),
        classes=_NO_CLASSES,
        splits={
            "retrieval": {"all": RegionCaptions(json_file, images)},
            "grounding": {"all": RegionBoxes(json_file, images)},
        },
        default_split="all",
        protocol="Retrieval by the global, brief and detailed captions; grounding by the objects' captions or "
        "categories, all boxes of one phrase in an image together. The set is published for training: take --limit.",
        licence="not stated; see its page",
        url="https://huggingface.co/datasets/ZhenShiL/MGRS-200k",
        citation="FarSLIP, arXiv 2511.14901",
        layout_url="https://github.com/NJU-LHRS/FarSLIP",
        folders=("MGRS-200k", "mgrs"),
    )
