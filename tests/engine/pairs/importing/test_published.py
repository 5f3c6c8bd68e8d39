"""Published layouts: RSICD, MGRS-200k, COCO, webdataset shards, AID in zip archives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from satclip_engine.errors import DataSetError, PairsError
from satclip_engine.protocol import TEST, TRAIN, VALIDATION, Box

from tests.engine.pairs.importing.pictures import imported, picture_bytes, pictures, reasons, tarred, zipped


def write_json(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def test_karpathy_splits(tmp_path: Path) -> None:
    data = tmp_path / "RSICD"
    pictures(data / "RSICD_images", "airport_1.jpg", "00001.jpg", "00002.jpg")

    def image(name: str, split: str, *captions: str) -> dict[str, object]:
        return {"filename": name, "split": split, "sentences": [{"raw": text} for text in captions]}

    rows = [
        image("airport_1.jpg", "train", "many planes .", "many planes ."),
        image("00001.jpg", "val", "a road"),
        image("00002.jpg", "test", " ", ""),
        image("gone.jpg", "test", "a lake"),
    ]
    write_json(data / "dataset_rsicd.json", {"images": rows, "dataset": "rsicd"})
    made = imported(data, tmp_path / "set")
    assert "(rsicd)" in made.notes[0]
    assert [(pair.id, pair.split, pair.captions) for pair in made.pair_set.pairs] == [
        ("airport_1.jpg", TRAIN, ("many planes.",)),
        ("00001.jpg", VALIDATION, ("a road",)),
    ]
    assert reasons(made) == {"00002.jpg": "no caption", "gone.jpg": "the image is not there"}


def test_mgrs_with_short_and_long_captions_and_objects(tmp_path: Path) -> None:
    data = tmp_path / "MGRS-200k"
    pictures(data / "global_imgs", "p/a.png", "p/b.png")
    box = {"x1": 2, "y1": 3, "x2": 40, "y2": 20, "W": 32, "H": 32}
    rows = [
        {
            "global_filepath": "p/a.png",
            "brief_caption": "a port",
            "detailed_caption": "A port with ships at two long quays.",
            "segment": [
                {"bbox": box, "category": "ship", "category_id": 1},
                {"bbox": [9, 9, 2, 2], "category": "ship"},
                {"bbox": [50, 50, 60, 60], "category": "crane"},
            ],
        },
        {"global_filepath": "p/b.png", "segment": [{"bbox": [1, 1, 9, 9], "category": "ship"}] * 2},
    ]
    write_json(data / "text_info.json", rows)
    made = imported(data, tmp_path / "set")
    a, b = made.pair_set.pairs
    assert "(mgrs)" in made.notes[0]
    assert (a.captions, a.long_captions) == (("a port",), ("A port with ships at two long quays.",))
    assert a.boxes == (Box((2.0, 3.0, 32.0, 20.0), "ship"),)
    assert b.captions == ("a satellite image of ship",)
    assert [note[:2] for note in made.notes[1:-1]] == ["1 ", "1 ", "1 "]


def test_coco_captions_and_boxes_in_several_files(tmp_path: Path) -> None:
    data = tmp_path / "coco"
    pictures(data / "images", "a.png", "b.png")
    images = [{"id": 7, "file_name": "a.png"}]
    write_json(
        data / "annotations/captions_train.json",
        {"images": images, "annotations": [{"image_id": 7, "caption": "a port"}, {"image_id": 7, "caption": "ships"}]},
    )
    objects = {"images": images, "categories": [{"id": 3, "name": "ship"}]}
    objects["annotations"] = [{"image_id": 7, "bbox": [1, 2, 10, 20], "category_id": 3}]
    write_json(data / "annotations/instances_train.json", objects)
    held = {"images": [{"id": 7, "file_name": "b.png"}], "annotations": [{"image_id": 7, "caption": "a lake"}]}
    write_json(data / "annotations/captions_val.json", held)
    made = imported(data, tmp_path / "set")
    found = {pair.id: pair for pair in made.pair_set.pairs}
    assert "(coco)" in made.notes[0]
    assert found["a.png"].captions == ("a port", "ships")
    assert found["a.png"].boxes == (Box((1.0, 2.0, 11.0, 22.0), "ship"),)
    assert (found["a.png"].split, found["b.png"].split) == (TRAIN, VALIDATION)


def test_files_of_another_structure_are_refused_in_words(tmp_path: Path) -> None:
    write_json(tmp_path / "coco.json", {"images": [{"file_name": "a.png"}], "annotations": []})
    with pytest.raises(PairsError, match=r"coco.json is no file of COCO annotations"):
        imported(tmp_path / "coco.json", tmp_path / "set")
    write_json(tmp_path / "mgrs.json", {"a": {"global_filepath": 1}})
    with pytest.raises(DataSetError, match=r"mgrs.json is no list of captioned images"):
        imported(tmp_path / "mgrs.json", tmp_path / "set")
    (tmp_path / "cut.json").write_text('{"images": [{"filename": "a.png", "sentences": [')
    with pytest.raises(DataSetError, match=r"cut.json is no captions file"):
        imported(tmp_path / "cut.json", tmp_path / "set")


def test_a_row_of_aid_without_class_is_refused_in_words(tmp_path: Path) -> None:
    zipped(tmp_path / "aid150_0.zip", {"A/a_1.png": picture_bytes(1)})
    (tmp_path / "captions.jsonl").write_text('{"file": "A/a_1.png", "shard": 0, "split": "train", "captions": ["x"]}')
    with pytest.raises(PairsError, match=r"captions\.jsonl does not tell file, shard, cls"):
        imported(tmp_path, tmp_path / "set")
    made = imported(tmp_path, tmp_path / "set", "jsonl")
    assert made.pair_set.pairs[0].captions == ("x",)


def test_webdataset_shards(tmp_path: Path) -> None:
    data = tmp_path / "shards"
    data.mkdir()
    about = {"caption": "from json", "class": "port", "lon": 5.0, "lat": 50.0, "key": "x"}
    tarred(
        data / "train-000.tar",
        {
            "0001.jpg": picture_bytes(1, kind="jpeg"),
            "0001.txt": b"a port",
            "0001.json": json.dumps(about).encode(),
            "0002.png": picture_bytes(2),
            "0002.txt": b"a lake\n",
            "0002.cls": b"lake",
            "0003.png": picture_bytes(3),
            "0004.png": picture_bytes(4),
            "0004.json": b"{broken",
        },
    )
    tarred(data / "val-000.tar", {"0001.webp": picture_bytes(5, kind="webp"), "0001.txt": b"held out"})
    made = imported(data, tmp_path / "set")
    a, b, held = made.pair_set.pairs
    assert "(webdataset)" in made.notes[0]
    assert (a.id, a.image) == ("train-000/0001.jpg", "images/train-000/0001.jpg")
    assert set(a.captions) == {"a port", "from json"}
    assert (a.label, a.lon) == ("port", 5.0)
    assert (b.captions, b.label) == (("a lake",), "lake")
    assert (held.id, held.split) == ("val-000/0001.webp", VALIDATION)
    assert reasons(made)["train-000/0003.png"] == "no caption"
    assert "its text cannot be read" in reasons(made)["train-000/0004.png"]


def test_a_damaged_or_compressed_shard_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"\x1f\x8b nonsense")
    with pytest.raises(PairsError, match=r"a.tar is damaged or no plain archive"):
        imported(tmp_path / "a.tar", tmp_path / "set")


def test_aid_in_archives_holds_whole_places_out(tmp_path: Path) -> None:
    data = tmp_path / "aid"
    data.mkdir()
    rows, contents = [], {}
    for number in range(1, 141):
        name = f"StorageTanks/storagetanks_{number}.png"
        contents[name] = picture_bytes(number, 16)
        split = "test" if 1 <= number <= 5 else "train"
        captions = ["two tanks .", "two tanks .", "round tanks ."]
        rows.append({"file": name, "shard": 0, "cls": "StorageTanks", "split": split, "captions": captions})
    zipped(data / "aid150_0.zip", contents)
    (data / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = imported(data, tmp_path / "set")
    pairs = made.pair_set.pairs
    assert "(aid)" in made.notes[0]
    assert {pair.label for pair in pairs} == {"storage tanks"}
    assert pairs[0].captions == ("two tanks.", "round tanks.")
    assert [sum(pair.split == split for pair in pairs) for split in (TRAIN, VALIDATION, TEST)] == [115, 20, 5]
    assert {pair.region for pair in pairs if pair.split == VALIDATION} == {"storage tanks 101-120"}
    assert "research use" in made.pair_set.info.licence
    assert made.pair_set.info.classes is not None
    assert set(pair.label for pair in pairs) <= set(made.pair_set.info.classes.names)
