"""The sets of ``$SATCLIP_DATA`` from miniature copies of their layout, and from the real files where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
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
from satclip_engine.harness.datasets.records.aid_words import AID_SYNONYMS
from satclip_engine.training.mini.labels import PHRASES
from satclip_engine.training.mini.lexicon import AID_NAMES
from satclip_engine.training.mini.synonyms import HELD_OUT_WORDS

from tests.engine.harness import miniature_sets as mini

DUBAI = {
    0x3C1098: "building",
    0x8429F6: "land",
    0x6EC1E4: "road",
    0xFEDD3A: "vegetation",
    0xE2A929: "water",
    0x9B9B9B: "",
    0x000000: "",
}


def aid(root: Path) -> Path:
    mini.zipped_scenes(
        root / "aid_rsicd",
        [
            (0, "Airport/airport_1.webp", "train", ["a plane .", "a plane ."]),
            (0, "Forest/forest_9.webp", "test", ["trees .", "many trees ."]),
            (1, "Bridge/bridge_2.webp", "test", ["a bridge ."]),
        ],
    )
    return root


def test_aid_scenes_and_captions_from_zips(tmp_path: Path) -> None:
    dataset = find_dataset("aid_rsicd", aid(tmp_path))
    assert dataset.split_names() == ("test", "train", "all")
    bridge, forest = dataset.items()
    assert isinstance(bridge, SceneItem)
    assert isinstance(forest, SceneItem)
    assert (bridge.id, dataset.classes.names[bridge.label]) == ("Bridge/bridge_2", "Bridge")
    assert (forest.id, dataset.classes.names[forest.label]) == ("Forest/forest_9", "Forest")
    # The picture's red and green say which member of which archive it is.
    assert bridge.read_image()[:, 0, 0].tolist() == [len("Bridge/bridge_2.webp"), 1, 0]
    assert forest.read_image()[:, 0, 0].tolist() == [len("Forest/forest_9.webp"), 0, 0]
    captioned = dataset.items("train", "retrieval")
    assert [item.captions for item in captioned if isinstance(item, CaptionedItem)] == [("a plane .", "a plane .")]
    assert len(dataset.items("all", "retrieval")) == 3


def test_aid_synonyms_takes_only_classes_with_another_word(tmp_path: Path) -> None:
    dataset = find_dataset("aid_synonyms", aid(tmp_path))
    assert [item.id for item in dataset.items()] == ["Forest/forest_9"]  # there is no other word for a bridge
    phrases = {spec.name: spec.phrases for spec in dataset.classes.classes}
    assert phrases["Forest"] == ("woodland", "timberland")
    assert phrases["Bridge"] == ("bridge",)
    assert len(phrases) == 30


def test_a_zip_that_is_missing_is_named(tmp_path: Path) -> None:
    aid(tmp_path)
    items = find_dataset("aid_rsicd", tmp_path).items()
    (tmp_path / "aid_rsicd/aid150_1.zip").unlink()
    assert isinstance(items[0], SceneItem)
    with pytest.raises(DataSetError, match=r"bridge_2\.webp in aid150_1\.zip cannot be read"):
        items[0].read_image()


def test_damaged_rows_are_said(tmp_path: Path) -> None:
    path = aid(tmp_path) / "aid_rsicd/captions.jsonl"
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    with pytest.raises(DataSetError, match=r"captions\.jsonl is damaged"):
        find_dataset("aid_rsicd", tmp_path).items()


@pytest.mark.parametrize("name", ["dubai_mbrsc", "dubai_synonyms"])
def test_dubai(tmp_path: Path, name: str) -> None:
    for tile in ("tile1", "tile7"):
        folder = tmp_path / "dubai_mbrsc" / tile
        for part in ("001", "002"):
            image = folder / f"images/image_part_{part}.jpg"
            mini.labelled_pair(image, folder / f"masks/image_part_{part}.png", colours=list(DUBAI))
    dataset = find_dataset(name, tmp_path)
    assert dataset.split_names() == ("tile7", "all", "tile1")
    items = dataset.items()
    assert [item.id for item in items] == ["tile7/images/image_part_001", "tile7/images/image_part_002"]
    assert isinstance(items[0], SegmentationItem)
    found = [dataset.classes.names[code] if code >= 0 else "" for code in items[0].read_reference()[0]]
    assert found == list(DUBAI.values())
    assert len(dataset.items("all")) == 4


def test_roads_and_water_keep_unseen_images_apart(tmp_path: Path) -> None:
    for number in range(1, 26):
        name = f"satImage_{number:03}"
        mini.labelled_pair(
            tmp_path / f"epfl_roads/images/{name}.jpg", tmp_path / f"epfl_roads/groundtruth/{name}.png", [0, 127, 128]
        )
    for number in range(40):
        mini.raster(tmp_path / f"landsat_water/images/{number:03}.tif", 7, 3, 1, "int16")
        mini.value_mask(tmp_path / f"landsat_water/water/{number:03}.png", [0, 1, 0])
    roads, water = find_dataset("epfl_roads", tmp_path), find_dataset("landsat_water", tmp_path)
    assert [item.id[-3:] for item in roads.items()] == ["019", "020", "021", "022", "023", "024", "025"]
    assert [item.id[-3:] for item in water.items()] == [f"{number:03}" for number in range(0, 40, 3)]
    for dataset, expected in ((roads, [["background", "background", "road"]]), (water, [["background", "water"] * 2])):
        seen, unseen = set(dataset.items("seen")), set(dataset.items("unseen"))
        assert not seen & unseen
        assert seen | unseen == set(dataset.items("all"))
        item = dataset.items()[0]
        assert isinstance(item, SegmentationItem)
        names = [dataset.classes.names[code] for code in item.read_reference()[0]]
        assert names == expected[0][:3]
        assert dataset.focus == dataset.classes.names[0]
    assert water.bands == "5,4,3"


def test_change_pairs(tmp_path: Path) -> None:
    levir, taizhou = tmp_path / "change_levir", tmp_path / "change_taizhou"
    mini.labelled_pair(levir / "A/test_2.png", levir / "label/test_2.png", [0, 255])
    mini.picture(levir / "B/test_2.png", 2, 1)
    for name in ("t1.tif", "t2.tif"):
        mini.raster(taizhou / name, 6, 4, 1, "uint8")
    mini.value_mask(taizhou / "label.tif", [0, 1, 2, 0])
    for name, expected in (("change_levir", [[0, 1]]), ("change_taizhou", [[-1, 0, 1, -1]])):
        (item,) = find_dataset(name, tmp_path).items()
        assert isinstance(item, ChangeItem)
        assert item.read_reference().tolist() == expected
        assert item.before != item.after


def test_tree_boxes(tmp_path: Path) -> None:
    folder = tmp_path / "neon_trees"
    for name, boxes in {
        "SJER_004": [("Tree", 1, 2, 5, 6), ("Car", 0, 0, 2, 2), ("Tree", 3, 3, 8, 8)],
        "SJER_010": [("Car", 0, 0, 2, 2)],
    }.items():
        mini.picture(folder / f"{name}.tif")
        mini.voc(folder / f"{name}.xml", boxes)
    (item,) = find_dataset("neon_trees", tmp_path).items()  # nothing is asked where nothing is there
    assert isinstance(item, BoxItem)
    assert (item.id, item.phrase) == ("SJER_004:tree", "tree")
    assert item.boxes.dtype == np.float64
    assert item.boxes.tolist() == [[1, 2, 5, 6], [3, 3, 8, 8]]
    (folder / "SJER_010.xml").write_text("<annotation><object>", encoding="utf-8")
    with pytest.raises(DataSetError, match=r"SJER_010\.xml is no Pascal VOC annotation"):
        find_dataset("neon_trees", tmp_path).items()


def write_polygons(path: Path, crs: str, polygons: dict[str, shapely.Polygon]) -> None:
    shapes = np.array([shapely.to_wkb(shape) for shape in polygons.values()], dtype=object)
    names = np.array(list(polygons), dtype=object)
    pyogrio.raw.write(path, shapes, [names], ["Type"], geometry_type="Polygon", crs=crs, driver="ESRI Shapefile")


def test_polygons_in_degrees_are_burnt_into_a_metric_raster(tmp_path: Path) -> None:
    folder = tmp_path / "s2_fewshot"
    folder.mkdir()
    # On the central meridian of the zone, where 10 m are the same step in degrees for every column.
    transform = Affine(10, 0, 500_000, 0, -10, 5_200_080)
    with rasterio.open(
        folder / "test.tif", "w", driver="GTiff", width=8, height=8, count=11, dtype="uint8", crs="EPSG:32633",
        transform=transform,
    ) as target:  # fmt: skip
        target.write(np.full((11, 8, 8), 7, np.uint8))
    to_degrees = rasterio.warp.transform("EPSG:32633", "EPSG:4326", [500_000, 500_040], [5_200_080, 5_200_040])
    (west, east), (north, south) = to_degrees
    polygons = {
        "river": shapely.box(west, south, east, north),
        "open": shapely.box(east, south, 2 * east - west, north),
    }
    write_polygons(folder / "ml_poly.shp", "EPSG:4326", polygons)
    (item,) = find_dataset("s2_fewshot", tmp_path).items()
    assert isinstance(item, SegmentationItem)
    expected = np.full((8, 8), -1)
    expected[:4, :4], expected[:4, 4:] = 0, 2
    assert item.read_reference().tolist() == expected.tolist()

    write_polygons(folder / "ml_poly.shp", "EPSG:4326", {"river": shapely.box(0, 0, 1, 1)})
    with pytest.raises(DataSetError, match=r"No polygon of ml_poly\.shp lies on test\.tif"):
        item.read_reference()
    write_polygons(folder / "ml_poly.shp", "EPSG:4326", {"lake": polygons["river"]})
    with pytest.raises(DataSetError, match="names classes that the set does not have: lake"):
        item.read_reference()


def test_words_of_the_synonym_sets_are_those_that_training_leaves_out(tmp_path: Path) -> None:
    records = {dataset.id: dataset for dataset in list_datasets(tmp_path)}
    dense = {spec.name: spec.phrases for spec in records["dubai_synonyms"].classes.classes}
    taught = {phrase for phrases in (*PHRASES.values(), *AID_NAMES.values()) for phrase in phrases}
    for phrase in (*sum(AID_SYNONYMS.values(), ()), *sum(dense.values(), ())):
        assert phrase not in taught
        # Compounds such as "car park" may be of known words; their joint meaning is what is tested.
        assert HELD_OUT_WORDS & set(phrase.split()) or len(phrase.split()) > 1


def test_real_sets_are_all_found_and_read(satclip_data: Path) -> None:
    found = {dataset.id: dataset for dataset in list_datasets(satclip_data) if dataset.found}
    sizes = {
        (name, split): len(found[name].items(split))
        for name, split in (
            ("aid_rsicd", "test"), ("aid_rsicd", "train"), ("dubai_mbrsc", "tile7"), ("dubai_mbrsc", "all"),
            ("epfl_roads", "unseen"), ("landsat_water", "unseen"), ("change_levir", "all"), ("change_taizhou", "all"),
            ("neon_trees", "all"), ("s2_fewshot", "all"),
        )
    }  # fmt: skip
    assert list(sizes.values()) == [1027, 8973, 9, 45, 7, 14, 6, 1, 5, 1]
    for name in ("epfl_roads", "landsat_water", "s2_fewshot"):
        dataset = found[name]
        item = dataset.items()[0]
        assert isinstance(item, SegmentationItem)
        codes = item.read_reference()
        assert set(np.unique(codes).tolist()) - {-1} == set(range(len(dataset.classes)))
    (pair,) = found["change_taizhou"].items()
    assert isinstance(pair, ChangeItem)
    assert np.unique(pair.read_reference(), return_counts=True)[1].tolist() == [138_610, 17_163, 4_227]
