"""The provider registered once, as the plugin does it, and a quick way to run the algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProject

from satclip_qgis.processing.provider import SatclipProvider


@pytest.fixture
def provider(qgis_processing: object) -> Iterator[SatclipProvider]:
    """The provider in QGIS's registry."""
    provider = SatclipProvider()
    assert QgsApplication.processingRegistry().addProvider(provider)
    yield provider
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture
def project(qgis_app: object) -> Iterator[QgsProject]:
    """An empty project."""
    QgsProject.instance().clear()
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def parameters(home: Path, provider: SatclipProvider, scene_file: Path, tmp_path: Path) -> dict[str, Any]:
    """Parameters of a run with the tiny model."""
    return {
        "INPUT": str(scene_file),
        "CLASSES": "water: lake, river  #0000FF\ngrass  #00FF00\nroof  #FF0000",
        "MODEL": "tiny",
        "OUTPUT": str(tmp_path / "out"),
    }
