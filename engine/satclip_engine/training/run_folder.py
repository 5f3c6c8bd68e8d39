"""What a run leaves while it goes on: request, state, curves. Killed at any time, it continues from here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from tensorboardX import SummaryWriter

from satclip_engine.errors import DiskFullError, OutputError, PairsError, RecipeError
from satclip_engine.models.folders import CONFIG_FILE_NAME
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import CURVES_FILE, RUN_FOLDER, STATE_FILE, CurvePoint, TrainRequest, from_json, to_json

_REQUEST, _START_SCORES, _BEST, _SKIPPED = "request.json", "start.json", "best.pt", "skipped.txt"
# Beside the request: what the training set and the model to start from were.
_PAIRS, _START = "pairs_sha256", "model_sha256"
# A run continues with others of these: the training set may have moved, as it is told by what it says.
_FREE = ("pairs", "title", "save_every_s")
# State: the weights, AdamW's two moments, perhaps their average, once more while it is replaced; and the best weights.
_COPIES_OF_TRAINED = 9
_FLOAT_BYTES = 4


class RunFolder:
    """The folder ``run`` of a model in training.

    Args:
        out: Folder of the model.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self.path = out / RUN_FOLDER

    def claim(self, request: TrainRequest, pair_set: PairSet, start_sha256: str) -> None:
        """Take the folder for a training, or find that it is the one that was begun there.

        Args:
            request: What is trained.
            pair_set: On what.
            start_sha256: Digest of the weights to start from.

        Raises:
            OutputError: if the folder cannot be written, or the model is there already.
            RecipeError: ``recipe.changed`` if another training was begun there, naming what differs.
            PairsError: ``pairs.edited`` if its training set said something else.
        """
        if (self._out / CONFIG_FILE_NAME).is_file():
            raise OutputError(
                f"There is a model in {self._out} already.",
                remedy="Choose another folder, or remove that model first.",
                code="resource.output",
                path=str(self._out),
            )
        path = self.path / _REQUEST
        wanted = {**to_json(request), _PAIRS: digest_of(pair_set), _START: start_sha256}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if is_unfinished(self._out):
                self._compare(json.loads(path.read_text(encoding="utf-8")), wanted)
            else:  # another training may have ended here before its first step
                (self.path / _START_SCORES).unlink(missing_ok=True)
            _replace(path, lambda partial: partial.write_text(json.dumps(wanted, indent=2), encoding="utf-8"))
        except OSError as error:
            raise OutputError(
                f"The training cannot be written to {self._out} ({error}).",
                remedy="Choose a folder that you may write to, with enough free space.",
                code="resource.output",
                path=str(self._out),
            ) from error

    def check_free_disk(self, trained_weights: int, all_weights: int) -> None:
        """Refuse a training that the disk cannot hold.

        Raises:
            DiskFullError: with both numbers.
        """
        needed, free = disk_bytes(trained_weights, all_weights), shutil.disk_usage(self.path).free
        if needed > free:
            raise DiskFullError(
                f"The training needs about {needed / 1e9:.2f} GB, but {self._out} has only {free / 1e9:.2f} GB free.",
                remedy="Free disk space, choose another folder, or a method that trains less (LoRA).",
                needed_bytes=needed,
                free_bytes=free,
                path=str(self._out),
            )

    def keep_start(self, scores: Mapping[str, Any]) -> None:
        """Keep what the model to start from scored, so that a run that continues need not ask it again."""
        text = json.dumps(dict(scores))
        _replace(self.path / _START_SCORES, lambda partial: partial.write_text(text, encoding="utf-8"))

    def load_start(self) -> dict[str, Any] | None:
        """Return what the model to start from scored, or None before it was asked."""
        path = self.path / _START_SCORES
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep everything that the run needs to continue."""
        _save(state, self.path / STATE_FILE)

    def load_state(self) -> dict[str, Any] | None:
        """Return the kept state, or None before the first."""
        return _load(self.path / STATE_FILE)

    def save_best(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Keep the trained weights that did best so far."""
        _save(weights, self.path / _BEST)

    def load_best(self) -> dict[str, torch.Tensor] | None:
        """Return the best weights so far, or None."""
        return _load(self.path / _BEST)

    def list_skipped(self, reasons: Mapping[str, str]) -> None:
        """Write which pairs could not be read, and why."""
        lines = [f"{pair}\t{reason}\n" for pair, reason in sorted(reasons.items())]
        (self.path / _SKIPPED).write_text("".join(lines), encoding="utf-8")

    def finish(self) -> None:
        """Remove what only an unfinished run needs."""
        for name in (_START_SCORES, STATE_FILE, _BEST):
            (self.path / name).unlink(missing_ok=True)

    def _compare(self, stored: dict[str, Any], wanted: dict[str, Any]) -> None:
        # Read and written anew: settings that a newer version added have their defaults, as they had when it began.
        begun = {**to_json(from_json(TrainRequest, stored)), _PAIRS: stored.get(_PAIRS), _START: stored.get(_START)}
        if begun[_PAIRS] != wanted[_PAIRS]:
            raise PairsError(
                f"The training set has been edited since the training in {self._out} was begun on it.",
                remedy="Put its former set.json and pairs.jsonl back, or choose another folder for a new training.",
                code="pairs.edited",
                path=wanted["pairs"],
            )
        fixed = [name for name in wanted if name not in _FREE]
        changes = differences({name: begun[name] for name in fixed}, {name: wanted[name] for name in fixed})
        if changes:
            raise RecipeError(
                f"Another training was begun in {self._out}: {'; '.join(changes)}.",
                remedy="Continue it with the same settings, or choose another folder.",
                code="recipe.changed",
                changes=changes,
            )


class Curves:
    """Writes a run's curves: one JSON line per point for the product, TensorBoard's event files for everything else.

    Args:
        folder: The run's.
        done: Steps that the continued state has done: later points of a killed attempt are taken back.
    """

    def __init__(self, folder: Path, done: int) -> None:
        self._path = folder / CURVES_FILE
        kept = [_line(point) for point in read_curves(folder) if point.step <= done]
        _replace(self._path, lambda partial: partial.write_text("".join(kept), encoding="utf-8"))
        self._board = SummaryWriter(str(folder), purge_step=done + 1)

    def add(self, point: CurvePoint) -> None:
        """Write one point."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(point))
        scalars = {"loss": point.loss, "learning_rate": point.learning_rate, "pairs_per_s": point.pairs_per_s}
        scalars |= {f"loss/{name}": value for name, value in point.parts.items()}
        scalars |= {f"held_out/{name}": value for name, value in (point.held_out or {}).items()}
        for name, value in scalars.items():
            self._board.add_scalar(name, value, point.step)
        self._board.flush()

    def close(self) -> None:
        """Close the event file."""
        self._board.close()


def digest_of(pair_set: PairSet) -> str:
    """Return a digest of all that a training set says; where it lies does not count."""
    said = [to_json(pair_set.info), [to_json(pair) for pair in pair_set.pairs]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def disk_bytes(trained_weights: int, all_weights: int) -> int:
    """Return how much disk a training takes at most: its state, its best weights and the model."""
    return _FLOAT_BYTES * (all_weights + _COPIES_OF_TRAINED * trained_weights)


def read_request(out: Path) -> TrainRequest:
    """Return what a training in ``out`` was asked.

    Raises:
        RecipeError: ``recipe.no_run`` if none was begun there, or it is finished.
    """
    if not is_unfinished(out):
        raise RecipeError(
            f"There is no unfinished training in {out}.",
            remedy="Choose the folder that was given to satclip train as --out.",
            code="recipe.no_run",
        )
    return _kept_request(out)[0]


def read_finished(out: Path) -> tuple[TrainRequest, str]:
    """Return what the training was asked that made the model in ``out``, and the digest of its training set.

    Raises:
        RecipeError: ``recipe.no_run`` if the folder does not say, as that of a model from elsewhere.
    """
    try:
        return _kept_request(out)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{out.name} was not trained in its folder on this machine.",
            remedy="Take the model's folder as its training left it.",
            code="recipe.no_run",
        ) from error


def _kept_request(out: Path) -> tuple[TrainRequest, str]:
    kept = json.loads((out / RUN_FOLDER / _REQUEST).read_text(encoding="utf-8"))
    return from_json(TrainRequest, kept), str(kept.get(_PAIRS))


def is_unfinished(out: Path) -> bool:
    """Return whether a training in ``out`` left weights to continue from."""
    return any((out / RUN_FOLDER / name).is_file() for name in (STATE_FILE, _BEST))


def read_curves(folder: Path) -> list[CurvePoint]:
    """Return the points of a run's folder; a last line that a killed run left unfinished is left out."""
    path = folder / CURVES_FILE
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


def _line(point: CurvePoint) -> str:
    return json.dumps(to_json(point)) + "\n"


def _save(content: Mapping[str, Any], path: Path) -> None:
    """Write tensors and numbers; what lies there stays until the new file is complete.

    Raises:
        DiskFullError: if there is no room.
    """

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())

    try:
        _replace(path, write)
    except (OSError, RuntimeError) as error:  # torch tells the system's refusal in words of its own
        path.with_suffix(".partial").unlink(missing_ok=True)
        raise DiskFullError(
            f"The state of the training cannot be saved in {path.parent}: {' '.join(str(error).split())}.",
            remedy="Free disk space and start the training again: it goes on from its last state.",
            path=str(path.parent),
        ) from error


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that is either the old or the new one, whatever happens."""
    partial = path.with_suffix(".partial")
    write(partial)
    partial.replace(path)


def _load(path: Path) -> dict[str, Any] | None:
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None
