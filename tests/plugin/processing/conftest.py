"""The provider registered once, as the plugin does it, and a quick way to run the algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)

from satclip_qgis.processing.provider import SatclipProvider
from tests.plugin.conftest import write_raster


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


@pytest.fixture
def big_scene(tmp_path: Path) -> Path:
    """Large enough to be caught in the middle."""
    image = np.random.default_rng(2).integers(0, 255, (3, 1600, 1600)).astype(np.uint8)
    return write_raster(tmp_path / "big.tif", image)


def start_task(
    algorithm_id: str, parameters: dict[str, Any]
) -> tuple[QgsProcessingAlgRunnerTask, QgsProcessingFeedback, list[bool]]:
    """Start an algorithm in a thread, as the toolbox does; the list gets how it ended."""
    algorithm = QgsApplication.processingRegistry().algorithmById(algorithm_id)
    feedback = QgsProcessingFeedback()
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    outcome: list[bool] = []
    task.executed.connect(lambda successful, _results: outcome.append(successful))
    task.context = context  # the task needs it to live as long
    QgsApplication.taskManager().addTask(task)
    return task, feedback, outcome
