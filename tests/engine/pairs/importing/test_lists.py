"""CSV files and JSON lines become training sets, however people wrote them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from satclip_engine.errors import OptionError, OutputError, PairsError
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.protocol import TEST, TRAIN, UNUSED, VALIDATION

from tests.engine.pairs.importing.pictures import imported, picture_bytes, pictures, reasons, zipped


def csv_set(folder: Path, text: str | bytes, *names: str) -> Path:
    pictures(folder, *(names or ("a.png", "b.png")))
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "captions.csv").write_bytes(content)
    return folder


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    text = (
        "File Name,caption_1,caption_2,Long caption,Class,split,region,lon,lat,gsd_m\n"
        'a.png,a river,"a river, seen from above",A long text about a river.,river,val,north,11.9,43.5,0.5\n'
        "b.png,a lake,,,lake,,,,,\n"
    )
    made = imported(csv_set(tmp_path / "data", text), tmp_path / "set")
    a, b = read_pair_set(tmp_path / "set").pairs
    assert "(csv)" in made.notes[0]
    assert a.captions == ("a river", "a river, seen from above")
    assert a.long_captions == ("A long text about a river.",)
    assert (a.label, a.split, a.region, a.lon, a.lat, a.gsd_m) == ("river", VALIDATION, "north", 11.9, 43.5, 0.5)
    assert (b.captions, b.label, b.split, b.lon, b.gsd_m) == (("a lake",), "lake", TRAIN, None, None)
    assert a.image == str((tmp_path / "data/a.png").resolve())
    assert "captions from 'caption_1', 'caption_2', 'Long caption'" in made.notes[1]


@pytest.mark.parametrize(
    "content",
    [
        b"file;caption\na.png;a river, wide\nb.png;a lake\n",
        b"file\tcaption\r\na.png\ta river, wide\r\nb.png\ta lake\r\n",
        b"\xef\xbb\xbffile|caption\na.png|a river, wide\nb.png|a lake",
        'file,caption\n"a.png","a river, wide"\n"b.png","a lake"\n'.encode("utf-16"),
        b'"file", "caption"\n"a.png", "a river, wide"\n\n"b.png", "a lake"\n',
    ],
    ids=["semicolon", "tab", "bar with byte order mark", "UTF-16", "spaces after commas"],
)
def test_separators_and_encodings(tmp_path: Path, content: bytes) -> None:
    imported(csv_set(tmp_path / "data", content), tmp_path / "set")
    captions = [pair.captions for pair in read_pair_set(tmp_path / "set").pairs]
    assert captions == [("a river, wide",), ("a lake",)]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"a.png,a river\nb.png,a lake\n", "pairs.table", "its first line is 'a.png,a river'"),
        (b'file,caption\na.png,"a river\nb.png,a lake\n', "pairs.table", "unexpected end of data"),
        (b"file,caption\na.png,caf\xe9\n", "pairs.encoding", "no UTF-8 text"),
        (b"", "pairs.table", "no header"),
        (picture_bytes(0), "pairs.encoding", "no UTF-8 text"),
        (b"file,height\na.png,3\n", "pairs.table", "no header that names images and captions"),
    ],
    ids=["no header", "open quotation mark", "Latin-1", "empty", "a picture", "no captions"],
)
def test_absurd_tables_are_refused_in_words(tmp_path: Path, content: bytes, code: str, told: str) -> None:
    with pytest.raises(PairsError, match=r"captions\.csv") as error:
        imported(csv_set(tmp_path / "data", content), tmp_path / "set")
    assert error.value.code == code
    assert told in error.value.detail
    assert not (tmp_path / "set").exists()
    assert not (tmp_path / "set.partial").exists()


def test_rows_that_cannot_be_used_are_listed_and_the_others_kept(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "masks/gone.png")
    text = "file,caption\na.png,a river\nb.png,a lake, wide and blue\ngone.png,a road\n,no image\nc.png, \n"
    made = imported(csv_set(tmp_path / "data", text, "a.png", "b.png", "c.png"), tmp_path / "set")
    assert [pair.id for pair in made.pair_set.pairs] == ["a.png"]
    assert reasons(made) == {
        "captions.csv, line 3": "3 fields where the header has 2: put captions between quotation marks",
        "row 3": "it names no image",
        "gone.png": "the image is not there",
        "c.png": "no caption",
    }
    listed = (tmp_path / "set/skipped.txt").read_text(encoding="utf-8").splitlines()
    assert "gone.png\tthe image is not there" in listed
    assert len(listed) == 4


def test_rows_of_one_image_are_joined_and_repeated_captions_kept_once(tmp_path: Path) -> None:
    text = "image,caption\na.png,a river .\na.png,A  river\na.png,a wide river\nb.png,река в лесу\n"
    imported(csv_set(tmp_path / "data", text), tmp_path / "set")
    captions = [pair.captions for pair in read_pair_set(tmp_path / "set").pairs]
    assert captions == [("a river.", "a wide river"), ("река в лесу",)]


def test_a_cell_may_hold_a_list_of_captions(tmp_path: Path) -> None:
    cells = [
        """['a river', 'the city\\'s edge']""",
        """["a lake", "caf\\u00e9 by it"]""",
        """['a road.' "the town's road"\n 'a bend']""",
        "[sic] a lake",
    ]
    file = io.StringIO()
    csv.writer(file).writerows([("image", "captions"), *((f"{i}.png", cell) for i, cell in enumerate(cells))])
    imported(csv_set(tmp_path / "data", file.getvalue(), *(f"{i}.png" for i in range(4))), tmp_path / "set")
    assert [pair.captions for pair in read_pair_set(tmp_path / "set").pairs] == [
        ("a river", "the city's edge"),
        ("a lake", "café by it"),
        ("a road.", "the town's road", "a bend"),
        ("[sic] a lake",),
    ]


def test_places_that_cannot_be_are_left_out_and_told(tmp_path: Path) -> None:
    text = "file,caption,lon,lat\na.png,one,43.5,111.9\nb.png,two,0,0\nc.png,three,east,nan\nd.png,four,11.9,43.5\n"
    made = imported(csv_set(tmp_path / "data", text, "a.png", "b.png", "c.png", "d.png"), tmp_path / "set")
    assert [pair.lon for pair in made.pair_set.pairs] == [None, None, None, 11.9]
    assert any("swapped" in note and note.startswith("1 ") for note in made.notes)
    assert any("cannot be one" in note and note.startswith("2 ") for note in made.notes)


def test_an_unknown_part_is_not_trained_on(tmp_path: Path) -> None:
    text = "file,caption,split\na.png,one,fold 3\nb.png,two,Training\n"
    made = imported(csv_set(tmp_path / "data", text), tmp_path / "set")
    assert [pair.split for pair in made.pair_set.pairs] == [UNUSED, TRAIN]
    assert any("'fold 3'" in note for note in made.notes)


def test_several_lists_name_the_parts(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "a.png", "b.png", "c.png")
    for name, image in (("train", "a"), ("val", "b"), ("test", "c")):
        (tmp_path / f"data/captions_{name}.csv").write_text(f"file,caption\n{image}.png,image {image}\n")
    (tmp_path / "data/colours.csv").write_text("red,green\n1,2\n")
    made = imported(tmp_path / "data", tmp_path / "set")
    assert {pair.id: pair.split for pair in made.pair_set.pairs} == {"a.png": TRAIN, "b.png": VALIDATION, "c.png": TEST}
    assert any(note.startswith("Left alone: colours.csv") for note in made.notes)


def test_images_are_found_where_they_lie(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pictures(data, "images/deep/a.png", "b.png", "x/twice.png", "y/twice.png")
    same_names = {"p/d.png": picture_bytes(10), "q/d.png": picture_bytes(11)}
    zipped(data / "more.zip", {"inner/c.png": picture_bytes(9), "readme.txt": b"hello", **same_names})
    rows = [r"C:\elsewhere\a.png", "b", "inner/c.jpg", "twice.png", "y/twice.png", "d.png", "/old/q/d.png"]
    lines = [json.dumps({"file": name, "caption": f"image {i}"}) for i, name in enumerate(rows)]
    (data / "captions.jsonl").write_text("\n".join(lines))
    made = imported(data, tmp_path / "set")
    images = {pair.id: pair.image for pair in made.pair_set.pairs}
    assert images == {
        rows[0]: str(data / "images/deep/a.png"),
        "b": str(data / "b.png"),
        "inner/c.jpg": "images/inner/c.jpg",
        "y/twice.png": str(data / "y/twice.png"),
        "/old/q/d.png": "images/old/q/d.png",
    }
    assert "twice.png may be" in reasons(made)["twice.png"]
    assert "d.png may be more.zip/p/d.png or" in reasons(made)["d.png"]
    assert (tmp_path / "set/images/inner/c.jpg").read_bytes() == picture_bytes(9)
    assert (tmp_path / "set/images/old/q/d.png").read_bytes() == picture_bytes(11)


def test_json_lines_of_several_kinds(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "a.png", "b.png")
    rows = [
        '{"file_name": "a.png", "text": "a river"}',
        "",
        "[1, 2]",
        "{broken",
        '{"file_name": "b.png", "text": ["x"]}',
    ]
    (tmp_path / "data/metadata.jsonl").write_text("\n".join(rows))
    made = imported(tmp_path / "data/metadata.jsonl", tmp_path / "set")
    assert [pair.captions for pair in made.pair_set.pairs] == [("a river",), ("x",)]
    assert list(reasons(made)) == ["metadata.jsonl, line 3", "metadata.jsonl, line 4"]


def test_copies_stay_when_the_source_goes(tmp_path: Path) -> None:
    data = csv_set(tmp_path / "data", "file,caption\nin/a.png,a river\n", "in/a.png")
    imported(data, tmp_path / "set", is_copying=True)
    (data / "in/a.png").unlink()
    pair_set = read_pair_set(tmp_path / "set")
    with PairImages(pair_set) as images:
        assert images.read(pair_set.pairs[0]).shape == (3, 32, 32)


def test_a_row_cannot_write_outside_the_set(tmp_path: Path) -> None:
    pictures(tmp_path, "outside.png")
    data = csv_set(tmp_path / "data", "file,caption\n../outside.png,a river\n", "a.png")
    imported(data, tmp_path / "out/set", is_copying=True)
    assert (tmp_path / "out/set/images/outside.png").is_file()


def test_copies_never_replace_each_other(tmp_path: Path) -> None:
    pictures(tmp_path, "data/a.png", "a.png", "data/b.png")
    data = csv_set(
        tmp_path / "data", 'file,caption\na.png,one\n../a.png,two\nb,three\n"c?.png",four\n', "a.png", "b.png"
    )
    (data / "c?.png").write_bytes(picture_bytes(7))
    (tmp_path / "a.png").write_bytes(picture_bytes(8))
    made = imported(data, tmp_path / "set", is_copying=True)
    images = {pair.captions[0]: pair.image for pair in made.pair_set.pairs}
    assert images == {"one": "images/a.png", "two": "images/a_2.png", "three": "images/b.png", "four": "images/c_.png"}
    assert (tmp_path / "set/images/a_2.png").read_bytes() == picture_bytes(8)


def test_what_cannot_be_imported_says_why(tmp_path: Path) -> None:
    pictures(tmp_path / "data", "a.png")
    with pytest.raises(PairsError, match="There is nothing at"):
        imported(tmp_path / "none", tmp_path / "set")
    with pytest.raises(PairsError, match="layout of data is not known"):
        imported(tmp_path / "data", tmp_path / "set")
    with pytest.raises(OptionError, match="There is no layout 'excel'"):
        imported(tmp_path / "data", tmp_path / "set", "excel")
    with pytest.raises(PairsError, match="not laid out as coco"):
        imported(tmp_path / "data", tmp_path / "set", "coco")
    (tmp_path / "data/list.csv").write_text("file,caption\ngone.png,a river\n")
    with pytest.raises(PairsError, match=r"no pair of image and caption: 1 .* gone\.png: the image is not there"):
        imported(tmp_path / "data", tmp_path / "set")
    (tmp_path / "data/list.csv").write_text("file,caption\na.png,a river\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/kept.txt").write_text("mine")
    with pytest.raises(OutputError, match="not an empty folder"):
        imported(tmp_path / "data", tmp_path / "full")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        imported(tmp_path / "data", tmp_path / "file/set")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "file", "full"]
