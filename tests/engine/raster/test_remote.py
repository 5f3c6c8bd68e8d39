"""A raster behind a URL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rasterio.windows import Window
from satclip_engine.errors import SceneError
from satclip_engine.raster.scene import open_scene


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of ``tmp_path``, reached without any proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "10")
    command = [sys.executable, str(Path(__file__).with_name("range_server.py")), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.kill()


def test_a_cog_behind_a_url_is_a_scene(make_raster: Callable[..., Path], address: str) -> None:
    path = make_raster(width=900, height=700, tiled=True, compress="deflate", overviews=(2,))
    with open_scene(path) as local, open_scene(f"{address}/scene.tif") as remote:
        window = Window(0, 0, 900, 700)
        np.testing.assert_array_equal(local.read(window).image, remote.read(window).image)
    with pytest.raises(SceneError) as caught:
        open_scene(f"{address}/none.tif")
    assert caught.value.code == "scene.unreadable"
