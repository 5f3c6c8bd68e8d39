"""Examples under samples: the features of the map, what is left out is said, and only news are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from satclip_engine.errors import SamplesError
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.encode import encode
from satclip_engine.features.feature_map import ChunkFeatures, FeatureMap
from satclip_engine.features.layout import Chunk
from satclip_engine.features.source import FeatureSource
from satclip_engine.protocol import Sample
from satclip_engine.samples import gather as gather_module
from satclip_engine.samples.gather import SampleGatherer, chunks_under, gather
from shapely.geometry import LineString, Point, box, mapping

OpenSource = Callable[[Path], FeatureSource]
MakeRaster = Callable[..., Path]

LEFT, TOP = 600_000.0, 5_200_000.0


class CountingMap(FeatureMap):
    """A feature map that remembers which chunks were read."""

    reads: list[Chunk]

    def read(self, chunk: Chunk) -> ChunkFeatures:
        """Note the chunk, then read it."""
        self.reads.append(chunk)
        return super().read(chunk)


def sample(name: str, label: int, geometry: Any) -> Sample:
    return Sample(name, label, mapping(geometry))


def point(col: float, row: float) -> Point:
    """The middle of a cell of 16 m."""
    return Point(LEFT + col * 16 + 8, TOP - row * 16 - 8)


def cells_box(col: int, row: int, cols: int, rows: int) -> Any:
    return box(LEFT + col * 16, TOP - (row + rows) * 16, LEFT + (col + cols) * 16, TOP - row * 16)


def make_map(source: FeatureSource, cache_dir: Path, chunks: list[Chunk] | None = None) -> CountingMap:
    """Encode ``chunks`` (all) of the scene."""
    made = source.open_map(cache_dir)
    counting = CountingMap(made.path, made.layout, made.dim)
    counting.reads = []
    wanted = list(source.layout.all_chunks()) if chunks is None else chunks
    runner = BatchRunner(source.encoder)
    encode(source.scene, source.grid, runner, counting, wanted, on_chunk=lambda _: None, on_windows=lambda _: None)
    return counting


@pytest.fixture
def scene(make_raster: MakeRaster, open_source: OpenSource) -> FeatureSource:
    """70 x 12 cells in two chunks; the lower left 10 x 6 cells are nodata."""
    invalid = np.zeros((192, 1120), dtype=bool)
    invalid[96:, :160] = True
    return open_source(make_raster(width=1120, height=192, nodata_kind="mask", invalid=invalid))


def test_examples_are_the_maps_tokens_and_windows(scene: FeatureSource, tmp_path: Path) -> None:
    feature_map = make_map(scene, tmp_path)
    found = gather(feature_map, scene, [sample("a", 1, point(20, 3)), sample("b", 0, cells_box(63, 1, 2, 2))])
    assert found.notes == ()
    assert found.missing_chunks == ()
    assert found.examples.labels.tolist() == [1, 0, 0, 0, 0]
    assert found.examples.objects.tolist() == [0, 1, 1, 1, 1]
    left, right = feature_map.read(Chunk(0, 0)), feature_map.read(Chunk(0, 1))
    np.testing.assert_array_equal(found.examples.vectors[0], left.tokens[3, 20])
    drawn = np.concatenate([left.tokens[1:3, 63], right.tokens[1:3, 0]])
    assert {row.tobytes() for row in found.examples.vectors[1:]} == {row.tobytes() for row in drawn}
    globals_ = feature_map.read_globals(feature_map.layout.chunk_windows(Chunk(0, 0)))
    blended = feature_map.blend_windows(Chunk(0, 0), globals_, globals_.any(axis=1))
    np.testing.assert_array_equal(found.examples.window_vectors[0], blended[3, 20])


def test_unfinished_chunks_are_named_and_taken_up_later(scene: FeatureSource, tmp_path: Path) -> None:
    feature_map = make_map(scene, tmp_path, [Chunk(0, 0)])
    samples = [sample("a", 0, point(2, 2)), sample("b", 1, point(66, 2)), sample("c", 1, point(30, 2))]
    gatherer = SampleGatherer(feature_map, scene)
    found = gatherer.gather(samples)
    assert found.missing_chunks == (Chunk(0, 1),)
    assert found.missing_fraction == pytest.approx(1 / 3)
    assert found.examples.objects.tolist() == [0, 2]
    assert chunks_under(scene, samples) == (Chunk(0, 0), Chunk(0, 1))
    assert chunks_under(scene, samples[:2]) == (Chunk(0, 1), Chunk(0, 0))
    make_map(scene, tmp_path)
    feature_map.reload()
    found = gatherer.gather(samples)
    assert found.missing_chunks == ()
    assert found.missing_fraction == 0
    assert found.examples.objects.tolist() == [0, 1, 2]


def test_outside_and_nodata_are_left_out_and_counted(scene: FeatureSource, tmp_path: Path) -> None:
    samples = [
        sample("far", 0, point(-3, 2)),
        sample("nodata", 0, point(2, 9)),
        sample("partly", 1, cells_box(8, 8, 4, 1)),
        sample("good", 0, point(40, 4)),
    ]
    found = gather(make_map(scene, tmp_path), scene, samples)
    assert found.examples.objects.tolist() == [2, 2, 3]
    assert found.notes == (
        "1 of 4 samples lies outside the raster: left out.",
        "1 of 4 samples lies on nodata: left out.",
        "1 sample lies partly on nodata: only the rest counts.",
    )


def test_contradictions_are_said_and_the_later_sample_counts(scene: FeatureSource, tmp_path: Path) -> None:
    samples = [
        sample("first", 0, cells_box(20, 2, 3, 1)),
        sample("same", 0, point(20, 2)),
        sample("other", 1, point(21, 2)),
    ]
    feature_map = make_map(scene, tmp_path)
    found = gather(feature_map, scene, samples)
    assert found.notes == ("1 cell (16 px) lies under samples of different classes: the later sample counts there.",)
    assert sorted(zip(found.examples.objects.tolist(), found.examples.labels.tolist(), strict=True)) == [
        (0, 0),
        (1, 0),
        (2, 1),
    ]
    assert gather(feature_map, scene, samples[:2]).notes == ()


def test_odd_polygons(scene: FeatureSource, tmp_path: Path) -> None:
    bow_tie = {
        "type": "Polygon",
        "coordinates": [[(LEFT + x, TOP - y) for x, y in ((320, 32), (480, 160), (480, 32), (320, 160), (320, 32))]],
    }
    samples = [
        sample("tiny", 0, Point(LEFT + 500.2, TOP - 40.3).buffer(0.3)),
        Sample("bow tie", 1, bow_tie),
        sample("all", 2, box(0, 0, 1e7, 1e7)),
        sample("line", 1, LineString([point(40, 3), point(43, 3)])),
    ]
    found = gather(make_map(scene, tmp_path), scene, samples)
    assert found.examples.objects.tolist().count(3) == 4
    assert found.examples.objects.tolist().count(2) > 100
    assert any("1 polygon is smaller than a cell (16 px)" in note for note in found.notes)
    assert any("1 geometry crossed itself" in note for note in found.notes)


def test_broken_geometry_and_repeated_ids_are_refused(scene: FeatureSource, tmp_path: Path) -> None:
    feature_map = make_map(scene, tmp_path, [])
    for geometry in (
        {"type": "Polygon"},
        {"type": "Blob", "coordinates": []},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": [float("nan"), 1.0]},
        {},
    ):
        with pytest.raises(SamplesError, match="'bad'") as caught:
            gather(feature_map, scene, [sample("ok", 0, point(1, 1)), Sample("bad", 0, geometry)])
        assert caught.value.code == "samples.geometry"
    with pytest.raises(ValueError, match="one id"):
        gather(feature_map, scene, [sample("a", 0, point(1, 1)), sample("a", 0, point(2, 1))])


def test_no_samples_give_no_examples(scene: FeatureSource, tmp_path: Path) -> None:
    found = gather(make_map(scene, tmp_path, []), scene, [])
    assert len(found.examples.vectors) == 0
    assert found.examples.vectors.shape[1] == 32
    assert (found.notes, found.missing_chunks, found.missing_fraction) == ((), (), 0.0)


def test_only_what_changed_is_read_again(scene: FeatureSource, tmp_path: Path) -> None:
    feature_map = make_map(scene, tmp_path)
    rng = np.random.default_rng(0)
    xy = rng.uniform((0, 0), (1120, 90), (10_000, 2))
    samples = [sample(str(n), n % 3, Point(LEFT + x, TOP - y)) for n, (x, y) in enumerate(xy)]
    samples = [one for one in samples if one.geometry["coordinates"][0] < LEFT + 800]
    gatherer = SampleGatherer(feature_map, scene)
    gatherer.gather(samples)
    assert feature_map.reads == [Chunk(0, 0)]
    gatherer.gather(samples)
    assert feature_map.reads == [Chunk(0, 0)]
    moved = [Sample("0", 2, mapping(point(68, 11))), *samples[1:], sample("new", 1, point(66, 10))]
    found = gatherer.gather(moved)
    assert feature_map.reads == [Chunk(0, 0), Chunk(0, 1)]
    fresh = gather(feature_map, scene, moved)
    for name in ("vectors", "labels", "objects", "places", "window_vectors"):
        np.testing.assert_array_equal(getattr(found.examples, name), getattr(fresh.examples, name))
    assert found.notes == fresh.notes
    # A new label of the same geometry needs no reading either.
    relabelled = [Sample(one.id, 0, one.geometry) for one in moved]
    reads = len(feature_map.reads)
    assert set(gatherer.gather(relabelled).examples.labels.tolist()) == {0}
    assert len(feature_map.reads) == reads


def test_undo_and_redo_leave_the_same_examples(scene: FeatureSource, tmp_path: Path) -> None:
    gatherer = SampleGatherer(make_map(scene, tmp_path), scene)
    everything = [sample("rest", 1, cells_box(12, 0, 56, 12)), sample("last", 0, cells_box(3, 1, 4, 4))]
    first = gatherer.gather(everything)
    assert len(gatherer.gather(everything[1:]).examples.vectors) == 16
    assert len(gatherer.gather([]).examples.vectors) == 0
    np.testing.assert_array_equal(gatherer.gather(everything).examples.vectors, first.examples.vectors)


def test_too_many_cells_are_shared_out(scene: FeatureSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather_module, "MAX_EXAMPLES", 60)
    feature_map = make_map(scene, tmp_path)
    large = [sample(str(n), 0, cells_box(12 + 8 * n, 1, 7, 7)) for n in range(6)]
    found = gather(feature_map, scene, [*large, sample("dot", 1, point(69, 11))])
    assert 40 <= len(found.examples.vectors) <= 60
    counts = np.bincount(found.examples.objects)
    assert counts[-1] == 1
    assert len(set(counts[:-1].tolist())) == 1
    assert found.notes == (f"{counts.sum()} of the 295 cells under the samples were taken, evenly spread.",)
