"""Public sets of scene images: EuroSAT, AID, RESISC45, UC Merced."""

from __future__ import annotations

from satclip_engine.harness.datasets.alternatives import FirstOf
from satclip_engine.harness.datasets.dataset import DataSet
from satclip_engine.harness.datasets.paths import Files
from satclip_engine.harness.datasets.records.aid_words import AID_PHRASES, aid_classes
from satclip_engine.harness.datasets.scenes import ClassFolders
from satclip_engine.protocol.classes import ClassSet, ClassSpec

_PROTOCOL = "All images of the split, asked by the class names written out as words."

_EUROSAT: dict[str, str] = {
    "AnnualCrop": "annual crop",
    "Forest": "forest",
    "HerbaceousVegetation": "herbaceous vegetation",
    "Highway": "highway",
    "Industrial": "industrial buildings",
    "Pasture": "pasture",
    "PermanentCrop": "permanent crop",
    "Residential": "residential buildings",
    "River": "river",
    "SeaLake": "sea or lake",
}

_RESISC45 = """
airplane airport baseball_diamond basketball_court beach bridge chaparral church circular_farmland cloud
commercial_area dense_residential desert forest freeway golf_course ground_track_field harbor industrial_area
intersection island lake meadow medium_residential mobile_home_park mountain overpass palace parking_lot railway
railway_station rectangular_farmland river roundabout runway sea_ice ship snowberg sparse_residential stadium
storage_tank tennis_court terrace thermal_power_station wetland
"""

# Folder names run words together here.
_UC_MERCED: dict[str, str] = {
    "agricultural": "agricultural land",
    "airplane": "airplane",
    "baseballdiamond": "baseball diamond",
    "beach": "beach",
    "buildings": "buildings",
    "chaparral": "chaparral",
    "denseresidential": "dense residential area",
    "forest": "forest",
    "freeway": "freeway",
    "golfcourse": "golf course",
    "harbor": "harbor",
    "intersection": "intersection",
    "mediumresidential": "medium residential area",
    "mobilehomepark": "mobile home park",
    "overpass": "overpass",
    "parkinglot": "parking lot",
    "river": "river",
    "runway": "runway",
    "sparseresidential": "sparse residential area",
    "storagetanks": "storage tanks",
    "tenniscourt": "tennis court",
}


def records() -> tuple[DataSet, ...]:
    """Return the records."""
    return _eurosat_rgb(), _eurosat_ms(), _aid(), _resisc45(), _uc_merced()


def _splits(
    patterns: tuple[str, ...], folders: tuple[str, ...], lists: str, bands: str = "", scaling: str = "auto"
) -> dict[str, FirstOf]:
    """Return the splits: all images, and the three parts whose lists (``lists`` with ``{split}``) are there."""

    def layout(listed_in: str) -> FirstOf:
        files = (Files(pattern, listed_in=listed_in) for pattern in patterns)
        return FirstOf(tuple(ClassFolders(part, folders, bands, scaling) for part in files))

    return {"all": layout(""), **{name: layout(lists.format(split=name)) for name in ("train", "val", "test")}}


def _eurosat_rgb() -> DataSet:
    patterns = ("2750/*/*.jpg", "EuroSAT_RGB/*/*.jpg", "*/*.jpg")
    return DataSet(
        id="eurosat_rgb",
        title="EuroSAT, RGB",
        tasks=("classification",),
        classes=_classes(_EUROSAT),
        splits={"classification": _splits(patterns, tuple(_EUROSAT), "eurosat-{split}.txt")},
        default_split="all",
        protocol=_PROTOCOL + " Images are 64 px and are enlarged to the model's window.",
        licence="MIT; contains Copernicus Sentinel data",
        url="https://github.com/phelber/EuroSAT",
        citation="Helber et al. 2019",
        layout_url="https://github.com/phelber/EuroSAT and https://hf.co/datasets/torchgeo/eurosat (split lists)",
        folders=("EuroSAT_RGB", "EuroSAT", "2750"),
        gsd_m=10.0,
    )


def _eurosat_ms() -> DataSet:
    patterns = ("ds/images/remote_sensing/otherDatasets/sentinel_2/tif/*/*.tif", "EuroSAT_MS/*/*.tif", "*/*.tif")
    splits = _splits(patterns, tuple(_EUROSAT), "eurosat-{split}.txt", "4,3,2", "reflectance")
    return DataSet(
        id="eurosat_ms",
        title="EuroSAT, 13 bands",
        tasks=("classification",),
        classes=_classes(_EUROSAT),
        splits={"classification": splits},
        default_split="all",
        protocol=_PROTOCOL + " Bands 4, 3, 2 with one fixed reflectance scaling.",
        licence="MIT; contains Copernicus Sentinel data",
        url="https://github.com/phelber/EuroSAT",
        citation="Helber et al. 2019",
        layout_url="https://torchgeo.readthedocs.io (EuroSAT)",
        folders=("EuroSAT_MS", "EuroSATallBands", "EuroSAT"),
        gsd_m=10.0,
        bands="4,3,2",
        scaling="reflectance",
    )


def _aid() -> DataSet:
    patterns = ("AID/*/*.jpg", "*/*.jpg")
    return DataSet(
        id="aid",
        title="AID, 600 px",
        tasks=("classification",),
        classes=aid_classes(),
        # Every paper draws its own split of AID; none is published as lists.
        splits={
            "classification": {
                "all": FirstOf(tuple(ClassFolders(Files(pattern), tuple(AID_PHRASES)) for pattern in patterns))
            }
        },
        default_split="all",
        protocol=_PROTOCOL,
        licence="research use",
        url="https://captain-whu.github.io/AID/",
        citation="Xia et al. 2017",
        layout_url="https://captain-whu.github.io/AID/",
        folders=("AID",),
        trained_on="8,973 of these 10,000 images, shrunk to 150 px: the figure on all is not zero-shot, use aid_rsicd",
    )


def _resisc45() -> DataSet:
    folders = tuple(_RESISC45.split())
    patterns = ("NWPU-RESISC45/*/*.jpg", "*/*.jpg")
    return DataSet(
        id="resisc45",
        title="NWPU-RESISC45",
        tasks=("classification",),
        classes=_classes({name: name.replace("_", " ") for name in folders}),
        splits={"classification": _splits(patterns, folders, "resisc45-{split}.txt")},
        default_split="all",
        protocol=_PROTOCOL,
        licence="research use",
        url="https://doi.org/10.1109/JPROC.2017.2675998",
        citation="Cheng, Han, Lu 2017",
        layout_url="https://torchgeo.readthedocs.io (RESISC45)",
        folders=("RESISC45", "NWPU-RESISC45"),
    )


def _uc_merced() -> DataSet:
    patterns = ("UCMerced_LandUse/Images/*/*.tif", "Images/*/*.tif", "*/*.tif")
    return DataSet(
        id="uc_merced",
        title="UC Merced Land Use",
        tasks=("classification",),
        classes=_classes(_UC_MERCED),
        splits={"classification": _splits(patterns, tuple(_UC_MERCED), "uc_merced-{split}.txt")},
        default_split="all",
        protocol=_PROTOCOL,
        licence="public domain (USGS National Map Urban Area Imagery)",
        url="http://weegee.vision.ucmerced.edu/datasets/landuse.html",
        citation="Yang, Newsam 2010",
        layout_url="https://torchgeo.readthedocs.io (UC Merced)",
        folders=("UCMerced_LandUse", "ucmerced", "UC_Merced"),
        gsd_m=0.3048,
    )


def _classes(words: dict[str, str]) -> ClassSet:
    return ClassSet(tuple(ClassSpec(folder, (phrase,)) for folder, phrase in words.items()))
