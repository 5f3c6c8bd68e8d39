"""A feature map does not depend on how often its making was interrupted, nor on the order."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from satclip_engine.config import Config
from satclip_engine.features import cache
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.encode import block_means, encode
from satclip_engine.features.feature_map import FeatureMap, quantise
from satclip_engine.features.source import FeatureSource

OpenSource = Callable[[Path], FeatureSource]


def fill(source: FeatureSource, cache_dir: Path, chunks: list | None = None) -> FeatureMap:
    feature_map = source.open_map(cache_dir)
    wanted = list(source.layout.all_chunks()) if chunks is None else chunks
    runner = BatchRunner(source.encoder)
    encode(source.scene, source.grid, runner, feature_map, wanted, on_chunk=lambda _: None, on_windows=lambda _: None)
    return feature_map


def digest(feature_map: FeatureMap) -> str:
    """Digest of all arrays, the ledger's order aside."""
    sha = hashlib.sha256()
    for path in sorted((feature_map.path / "map.zarr").rglob("*")):
        if path.is_file():
            sha.update(str(path.relative_to(feature_map.path)).encode() + path.read_bytes())
    return sha.hexdigest()


def test_order_and_interruption_leave_the_same_bytes(
    make_raster: Callable[..., Path], open_source: OpenSource, tmp_path: Path
) -> None:
    source = open_source(make_raster(width=1300, height=1100, nodata_kind="value"))
    chunks = list(source.layout.all_chunks())
    assert len(chunks) == 4
    whole = fill(source, tmp_path / "a")
    pieces = tmp_path / "b"
    for chunk in reversed(chunks):
        part = fill(source, pieces, [chunk])
    assert digest(part) == digest(whole)
    assert not part.missing(chunks)


def test_sigkill_while_encoding_resumes_to_the_same_bytes(
    make_raster: Callable[..., Path], open_source: OpenSource, tiny_folder: Path, tmp_path: Path
) -> None:
    path = make_raster(width=2200, height=1800)
    source = open_source(path)
    whole = fill(source, tmp_path / "whole")
    killed_dir = tmp_path / "killed"
    code = (
        "import sys; from pathlib import Path; from tests.engine.features.test_encode import *;"
        "from satclip_engine.models.encoder import load_encoder; from satclip_engine.protocol import FeatureOptions;"
        "from satclip_engine.raster.scene import open_scene;"
        "scene, model, where = sys.argv[1:];"
        "config = Config(Path(where), Path(where), Path(where), Path(where), 10**9);"
        "encoder = load_encoder(model, device='cpu', precision='fp32', config=config);"
        "fill(FeatureSource.of(open_scene(scene), encoder, FeatureOptions()), Path(where))"
    )
    command = [sys.executable, "-c", code, str(path), str(tiny_folder), str(killed_dir)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[3])
    ledgers = lambda: list(killed_dir.glob("features/*/ledger.txt"))  # noqa: E731
    deadline = time.monotonic() + 60
    while not (ledgers() and ledgers()[0].stat().st_size):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    resumed = source.open_map(killed_dir)
    missing = resumed.missing(source.layout.all_chunks())
    assert 0 < len(missing) < len(list(source.layout.all_chunks()))
    assert digest(fill(source, killed_dir)) == digest(whole)


def test_half_a_ledger_line_is_not_a_finished_chunk(
    make_raster: Callable[..., Path], open_source: OpenSource, tmp_path: Path
) -> None:
    source = open_source(make_raster(width=300, height=200))
    feature_map = fill(source, tmp_path)
    ledger = feature_map.path / "ledger.txt"
    ledger.write_bytes(b"0,")
    assert source.open_map(tmp_path).missing(source.layout.all_chunks()) == list(source.layout.all_chunks())


def test_nodata_windows_are_not_encoded_and_stay_unknown(
    make_raster: Callable[..., Path], open_source: OpenSource, tmp_path: Path
) -> None:
    invalid = np.zeros((320, 640), dtype=bool)
    invalid[:, 320:] = True
    source = open_source(make_raster(width=640, height=320, nodata_kind="mask", invalid=invalid))
    features = fill(source, tmp_path).read(next(source.layout.all_chunks()))
    assert features.tokens[:, :20].any(axis=-1).all()
    assert not features.tokens[:, -8:].any()
    assert (features.colours[:, -8:, 3] == 0).all()
    assert (features.colours[:, :20, 3] == 255).all()


def test_int8_keeps_directions() -> None:
    tokens = np.random.default_rng(0).standard_normal((500, 512)).astype(np.float32)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    quantised, scales = quantise(tokens)
    back = quantised.astype(np.float32) * scales.astype(np.float32)[:, None]
    cosine = (back * tokens).sum(1) / np.linalg.norm(back, axis=1)
    assert cosine.min() > 0.9998
    assert quantise(np.zeros((2, 4), np.float32))[0].any() == np.False_


def test_block_means_are_means() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 32, 48), dtype=np.uint8)
    expected = image.reshape(4, 2, 16, 3, 16).mean(axis=(2, 4))
    assert np.abs(block_means(image, 16) - expected).max() <= 1


def test_a_changed_scene_gets_another_map(
    make_raster: Callable[..., Path], open_source: OpenSource, tmp_path: Path
) -> None:
    first = open_source(make_raster(width=200, height=200, seed=1)).open_map(tmp_path).path
    second = open_source(make_raster(width=200, height=200, seed=2)).open_map(tmp_path).path
    assert first != second


def test_cache_forgets_the_least_recently_used_and_never_what_is_being_written(
    make_raster: Callable[..., Path], open_source: OpenSource, config: Config
) -> None:
    maps = []
    for seed in range(3):
        maps.append(fill(open_source(make_raster(f"{seed}.tif", width=200, height=200, seed=seed)), config.cache_dir))
        os.utime(maps[-1].path / cache.META_NAME, (seed, seed))
    total = cache.total_bytes(config.cache_dir)
    entries = cache.list_entries(config.cache_dir)
    assert [entry.path for entry in entries] == [feature_map.path for feature_map in maps]
    with cache.write_lock(maps[0].path) as held:
        assert held
        freed = cache.evict(config.cache_dir, total - 1)
    assert freed == entries[1].size_bytes
    assert maps[0].path.exists()
    assert not maps[1].path.exists()
    assert cache.clear(config.cache_dir) > 0
    assert cache.list_entries(config.cache_dir) == []


def test_two_processes_never_write_one_map(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from satclip_engine.features.cache import write_lock\n"
        "with write_lock(Path(sys.argv[1])) as held: print(held)"
    )
    with cache.write_lock(tmp_path / "map") as held:
        assert held
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path / "map")], capture_output=True, text=True)
    assert other.stdout.strip() == "False"
