"""Staging: one job per folder, everything or nothing, and every refusal of the disk explained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from satclip_engine.errors import DiskFullError, OutputError
from satclip_engine.products.rasters import RasterProducts
from satclip_engine.products.staging import Staging, product_bytes
from satclip_engine.protocol import Outputs, SegmentRequest, parse_classes
from satclip_engine.raster.grid import Grid

from tests.engine.products.content import content_for, utm_grid, write_blocks

MakeProducts = Callable[..., object]


def request(out: Path, **outputs: object) -> SegmentRequest:
    return SegmentRequest("scene.tif", parse_classes("a; b; c"), str(out), outputs=Outputs(**outputs))  # type: ignore[arg-type]


def test_nothing_shows_before_the_commit_and_only_products_after(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    with Staging(out, "job") as staging:
        (staging.folder / "thematic.tif").write_text("map")
        (staging.folder / "run.json").write_text("{}")
        assert [path.name for path in out.iterdir()] == [".satclip"]
        staging.commit()
    assert sorted(path.name for path in out.iterdir()) == ["run.json", "thematic.tif"]


def test_a_failed_run_leaves_nothing_and_an_earlier_map_untouched(tmp_path: Path) -> None:
    (tmp_path / "thematic.tif").write_text("earlier")
    with pytest.raises(RuntimeError), Staging(tmp_path, "job") as staging:  # noqa: PT012
        (staging.folder / "thematic.tif").write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["thematic.tif"]
    assert (tmp_path / "thematic.tif").read_text() == "earlier"


def test_a_new_run_replaces_products_but_no_other_file(tmp_path: Path) -> None:
    card = {"products": [{"name": "thematic.tif"}, {"name": "polygons.gpkg"}, {"name": "../outside.txt"}]}
    (tmp_path / "run.json").write_text(json.dumps(card))
    for name in ("thematic.tif", "thematic.tif.aux.xml", "polygons.gpkg", "notes.txt"):
        (tmp_path / name).write_text("earlier")
    (tmp_path.parent / "outside.txt").write_text("mine")
    with Staging(tmp_path, "job") as staging:
        (staging.folder / "thematic.tif").write_text("later")
        (staging.folder / "run.json").write_text("{}")
        staging.commit()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "run.json", "thematic.tif"]
    assert (tmp_path / "thematic.tif").read_text() == "later"
    assert (tmp_path.parent / "outside.txt").exists()


def test_two_jobs_cannot_write_one_folder(tmp_path: Path) -> None:
    with Staging(tmp_path, "first job"):
        with pytest.raises(OutputError) as caught:
            Staging(tmp_path, "second job")
        assert caught.value.code == "resource.output.in_use"
        assert "first job" in caught.value.detail
    with Staging(tmp_path, "second job") as staging:
        assert staging.folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_job_frees_the_folder_and_the_next_one_cleans_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from satclip_engine.products.staging import Staging\n"
        "staging = Staging(Path(sys.argv[1]), 'doomed')\n"
        "(staging.folder / 'half.tif').write_text('x'); print('ready', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    with pytest.raises(OutputError, match="doomed"):
        Staging(tmp_path, "other")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [path.name for path in tmp_path.iterdir()] == [".satclip"]
    with Staging(tmp_path, "next") as staging:
        assert list(staging.folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    for place in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(OutputError) as caught:
            Staging(place, "job")
        assert caught.value.remedy


def test_more_than_the_disk_holds_is_refused_before_the_run(tmp_path: Path) -> None:
    with Staging(tmp_path, "job") as staging, pytest.raises(DiskFullError) as caught:
        staging.check_free_disk(Grid("", utm_grid().transform, 40_000_000, 40_000_000), request(tmp_path))
    assert caught.value.params["needed_bytes"] > caught.value.params["free_bytes"]
    assert "GB" in caught.value.detail


def test_the_estimate_covers_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    content = content_for(folder, utm_grid(1100, 1000), parse_classes("a; b; c"))
    with RasterProducts(folder, content.grid, content.classes, Outputs()) as products:
        write_blocks(products, content)
    written = sum(path.stat().st_size for path in folder.iterdir())
    estimate = product_bytes(content.grid, request(tmp_path))
    assert written < 1.6 * estimate
    assert estimate < product_bytes(content.grid, request(tmp_path, probability_dtype="float32"))


def _mount(folder: Path, options: str) -> None:
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small disk needs root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    folder = tmp_path / "small"
    try:
        _mount(folder, "size=3m")
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_up_says_so_and_keeps_no_half_written_file(small_disk: Path) -> None:
    out = small_disk / "out"
    with pytest.raises(DiskFullError) as caught, Staging(out, "job") as staging:  # noqa: PT012
        content = content_for(staging.folder, utm_grid(1600, 1500), parse_classes("a; b; c"))
        noise = np.random.default_rng(0).integers(0, 251, content.probabilities.shape, dtype=np.uint8)
        content.probabilities = noise
        with RasterProducts(staging.folder, content.grid, content.classes, Outputs()) as products:
            write_blocks(products, content)
    assert caught.value.code == "resource.disk_full"
    assert str(out) in caught.value.detail
    assert list(out.iterdir()) == []


def test_a_disk_without_room_for_a_folder(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"), (small_disk / "filler").open("wb") as file:
        file.write(b"x" * 4_000_000)
    with pytest.raises(DiskFullError):
        Staging(small_disk / "out", "job")


def test_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    if os.geteuid() == 0:  # root may write anywhere but to a read-only disk
        _mount(folder, "size=1m,ro")
    else:
        folder.mkdir(mode=0o500)
    try:
        with pytest.raises(OutputError) as caught:
            Staging(folder / "out", "job")
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    assert caught.value.code == "resource.output.not_writable"
    assert caught.value.remedy
