"""What a run leaves while it goes on: request, state, curves. Killed at any time, it continues from here."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tensorboardX import SummaryWriter

from satclip_engine.errors import OutputError, RecipeError
from satclip_engine.models.folders import CONFIG_FILE_NAME
from satclip_engine.protocol import CurvePoint, TrainRequest, from_json, to_json

RUN_FOLDER = "run"
_REQUEST, _STATE, _BEST, _CURVES = "request.json", "state.pt", "best.pt", "curves.jsonl"


class RunFolder:
    """The folder ``run`` of a model in training.

    Args:
        request: What is trained.

    Raises:
        OutputError: if the folder cannot be written, or the model is there already.
        RecipeError: ``recipe.changed`` if another training was begun there, naming what differs.
    """

    def __init__(self, request: TrainRequest) -> None:
        self.path = Path(request.out) / RUN_FOLDER
        if (Path(request.out) / CONFIG_FILE_NAME).is_file():
            raise OutputError(
                f"There is a model in {request.out} already.",
                remedy="Choose another folder, or remove that model first.",
                code="resource.output",
                path=request.out,
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._claim(request)
        except OSError as error:
            raise OutputError(
                f"The training cannot be written to {request.out} ({error}).",
                remedy="Choose a folder that you may write to, with enough free space.",
                code="resource.output",
                path=request.out,
            ) from error

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep everything that the run needs to continue."""
        _save(state, self.path / _STATE)

    def load_state(self) -> dict[str, Any] | None:
        """Return the kept state, or None before the first."""
        return _load(self.path / _STATE)

    def save_best(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Keep the trained weights that did best so far."""
        _save(weights, self.path / _BEST)

    def load_best(self) -> dict[str, torch.Tensor] | None:
        """Return the best weights so far, or None."""
        return _load(self.path / _BEST)

    def finish(self) -> None:
        """Remove what only an unfinished run needs."""
        for name in (_STATE, _BEST):
            (self.path / name).unlink(missing_ok=True)

    def _claim(self, request: TrainRequest) -> None:
        path = self.path / _REQUEST
        wanted = to_json(request)
        if path.is_file():
            before = to_json(from_json(TrainRequest, json.loads(path.read_text(encoding="utf-8"))))
            changes = differences(before, wanted)
            if changes:
                raise RecipeError(
                    f"Another training was begun in {request.out}: {'; '.join(changes)}.",
                    remedy="Continue it with the same settings, or choose another folder.",
                    code="recipe.changed",
                    changes=changes,
                )
            return
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(wanted, indent=2), encoding="utf-8")
        partial.replace(path)


class Curves:
    """Writes a run's curves: one JSON line per point for the product, TensorBoard's event files for everything else.

    Args:
        folder: The run's.
        done: Steps that the continued state has done: later points of a killed attempt are taken back.
    """

    def __init__(self, folder: Path, done: int) -> None:
        self._path = folder / _CURVES
        kept = [point for point in read_curves(folder) if point.step <= done]
        self._write(kept, "w")
        self._board = SummaryWriter(str(folder), purge_step=done + 1)

    def add(self, point: CurvePoint) -> None:
        """Write one point."""
        self._write([point], "a")
        scalars = {"loss": point.loss, "learning_rate": point.learning_rate, "pairs_per_s": point.pairs_per_s}
        scalars |= {f"loss/{name}": value for name, value in point.parts.items()}
        scalars |= {f"held_out/{name}": value for name, value in (point.held_out or {}).items()}
        for name, value in scalars.items():
            self._board.add_scalar(name, value, point.step)
        self._board.flush()

    def close(self) -> None:
        """Close the event file."""
        self._board.close()

    def _write(self, points: list[CurvePoint], mode: str) -> None:
        with self._path.open(mode, encoding="utf-8") as file:
            file.writelines(json.dumps(to_json(point)) + "\n" for point in points)


def read_request(out: Path) -> TrainRequest:
    """Return what a training in ``out`` was asked.

    Raises:
        RecipeError: ``recipe.no_run`` if none was begun there, or it is finished.
    """
    path = out / RUN_FOLDER / _REQUEST
    if not path.is_file() or not (out / RUN_FOLDER / _STATE).is_file():
        raise RecipeError(
            f"There is no unfinished training in {out}.",
            remedy="Choose the folder that was given to satclip train as --out.",
            code="recipe.no_run",
        )
    return from_json(TrainRequest, json.loads(path.read_text(encoding="utf-8")))


def read_curves(folder: Path) -> list[CurvePoint]:
    """Return the points of a run's folder; a last line that a killed run left unfinished is left out."""
    path = folder / _CURVES
    if not path.is_file():
        return []
    points = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            points.append(from_json(CurvePoint, json.loads(line)))
        except ValueError:
            break
    return points


def differences(before: Any, after: Any, where: str = "") -> list[str]:
    """Return where two JSON values differ, each as ``setting: before → after``."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = list(dict.fromkeys((*before, *after)))
        parts = [differences(before.get(name), after.get(name), f"{where}.{name}".strip(".")) for name in names]
        return [part for some in parts for part in some]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        parts = [differences(*both, f"{where}.{i}") for i, both in enumerate(zip(before, after, strict=True))]
        return [part for some in parts for part in some]
    return [] if before == after else [f"{where}: {before} → {after}"]


def _save(content: Mapping[str, Any], path: Path) -> None:
    """Write a file that is either the old or the new one, whatever happens."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(dict(content), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _load(path: Path) -> dict[str, Any] | None:
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None
