"""Images that cannot be used among many are left out, counted and listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from satclip_engine.errors import CancelledError
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.importing.run import import_pairs
from satclip_engine.protocol import TEST, ImportPairsRequest, ProgressUpdate

from tests.engine.pairs.importing.pictures import imported, picture_bytes, reasons


def folder_of(tmp_path: Path, contents: dict[str, bytes], split: str = "") -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    lines = ["file,caption,split"]
    for i, (name, content) in enumerate(contents.items()):
        (folder / name).write_bytes(content)
        lines.append(f"{name},image {i},{split if name.startswith('held') else ''}")
    (folder / "list.csv").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff"])
def test_damage_anywhere_in_a_file_is_found(tmp_path: Path, kind: str) -> None:
    whole = picture_bytes(1, 64, kind)
    damaged = {f"cut{share}.{kind}": whole[: len(whole) * share // 10] for share in (0, 1, 5, 9)}
    torn = bytearray(whole)
    torn[4:24] = bytes(20)
    made = imported(
        folder_of(tmp_path, {f"good.{kind}": whole, f"torn.{kind}": bytes(torn), **damaged}), tmp_path / "set"
    )
    assert [pair.id for pair in made.pair_set.pairs] == [f"good.{kind}"]
    assert set(reasons(made)) == {f"torn.{kind}", *damaged}
    assert all("cannot be read" in reason for reason in reasons(made).values())


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_no_wrong_byte_in_a_header_stops_an_import(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    contents = {"good.png": picture_bytes(0)}
    for kind in ("png", "jpeg", "webp", "tiff", "bmp", "gif"):
        for i in range(25):
            content = bytearray(picture_bytes(i + 1, 24, kind))
            for place in rng.integers(0, 200, 4):
                content[place] = rng.integers(256)
            contents[f"{i}.{kind}"] = bytes(content)
    # A width of two thousand million pixels, as four wrong bytes make it.
    huge = bytearray(picture_bytes(99, 24, "bmp"))
    huge[18:22] = (2_000_000_000).to_bytes(4, "little")
    made = imported(folder_of(tmp_path, contents | {"huge.bmp": bytes(huge)}), tmp_path / "set")
    taken = {pair.id for pair in made.pair_set.pairs}
    assert "good.png" in taken
    assert "huge.bmp" in reasons(made)
    assert taken | set(reasons(made)) == {*contents, "huge.bmp"}


def test_what_is_no_picture_or_tiny_is_left_out(tmp_path: Path) -> None:
    contents = {"a.png": picture_bytes(1), "text.png": b"<html>404</html>", "dot.png": picture_bytes(2, 1)}
    made = imported(folder_of(tmp_path, contents), tmp_path / "set")
    assert [pair.id for pair in made.pair_set.pairs] == ["a.png"]
    assert reasons(made)["dot.png"] == "only 1 × 1 px"
    assert "cannot be read" in reasons(made)["text.png"]


def test_only_what_is_taken_counts_in_the_notes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name, content in (("a.png", picture_bytes(1)), ("b.png", picture_bytes(2)), ("torn.png", b"\x89PNG")):
        (folder / "forest").mkdir(parents=True, exist_ok=True)
        (folder / "forest" / name).write_bytes(content)
    made = imported(folder, tmp_path / "set")
    assert any(note.startswith("2 images: no caption of their own") for note in made.notes)
    assert made.notes[-1].startswith("Nothing is held out yet")


def test_of_two_copies_the_held_out_one_is_kept(tmp_path: Path) -> None:
    same = picture_bytes(1)
    contents = {"a.png": same, "b.png": picture_bytes(2), "held.png": same, "c.png": same}
    made = imported(folder_of(tmp_path, contents, TEST), tmp_path / "set")
    assert [pair.id for pair in made.pair_set.pairs] == ["b.png", "held.png"]
    assert reasons(made) == {"a.png": "the same image as held.png", "c.png": "the same image as held.png"}


def test_a_deep_picture_is_read_as_a_raster_is(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a.png": picture_bytes(1)})
    deep = np.linspace(200, 4000, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(deep).save(folder / "a.png")
    made = imported(folder, tmp_path / "set")
    with PairImages(made.pair_set) as images:
        values = images.read(made.pair_set.pairs[0])
    assert values.min() < 20 < 230 < values.max()


def test_a_georeferenced_chip_brings_its_place(tmp_path: Path, make_raster: object) -> None:
    raster = make_raster("chip.tif", width=40, height=40, gsd=10.0)  # type: ignore[operator]
    (tmp_path / "list.csv").write_text("file,caption\nchip.tif,a river\n")
    (pair,) = imported(tmp_path / "list.csv", tmp_path / "set").pair_set.pairs
    assert pair.image == str(raster)
    assert pair.gsd_m == pytest.approx(10.0, rel=0.01)
    assert pair.lon is not None
    assert pair.lat is not None


def test_a_stopped_import_leaves_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a.png": picture_bytes(1), "b.png": picture_bytes(2)})

    def stop(update: ProgressUpdate) -> None:
        if update.stage == "images":
            raise CancelledError("Stopped.")

    request = ImportPairsRequest(str(folder), str(tmp_path / "set"), copy=True)
    with pytest.raises(CancelledError):
        import_pairs(request, progress=stop, check_cancelled=lambda: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
