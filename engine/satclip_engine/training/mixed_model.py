"""A mix of a start and what was trained from it, kept as a model whose card says how good it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.errors import CancelledError, PairsError, RecipeError, SatclipError
from satclip_engine.models.card import CARD_FILE_NAME
from satclip_engine.models.device import resolve_device
from satclip_engine.models.registry.card_facts import read_facts
from satclip_engine.models.registry.install import write_json
from satclip_engine.models.registry.mixing import mix_models
from satclip_engine.models.source import ModelSource, find_model
from satclip_engine.models.weights import weights_sha256
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.protocol import MixModelsRequest, ProgressUpdate, ProtocolError, TrainingResult, from_json
from satclip_engine.training.held_out import ask_held_out, drawn_accuracy
from satclip_engine.training.learner import load_learner
from satclip_engine.training.photo_vectors import photo_learner, photo_vectors
from satclip_engine.training.plan import plan_run
from satclip_engine.training.run_folder import digest_of, read_finished
from satclip_engine.training.trained_model import score_tables


def save_mix(
    request: MixModelsRequest,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> Path:
    """Write a mix and return its folder; where asked, it is measured on the pairs that its training reported on.

    Raises:
        ModelError: as ``mix_models``.
        SatclipError: for everything else a person can act on; a mix that cannot be measured is kept, and says why.
    """

    def describe(folder: Path) -> None:
        if request.measure:
            progress(ProgressUpdate("score", 0.1))
            _describe(folder, request, config, check_cancelled)

    progress(ProgressUpdate("mix", 0.0))
    check_cancelled()
    return mix_models(request.start, request.tuned, request.weight, Path(request.out), config, describe)


def _describe(folder: Path, request: MixModelsRequest, config: Config, check_cancelled: Callable[[], None]) -> None:
    """Write what a mix scores, or why nobody knows, into its card and its README."""
    facts = read_facts(folder)
    try:
        found = _measured(folder, request, config, check_cancelled)
    except CancelledError:
        raise
    except SatclipError as error:
        facts["notes"] = said = f"{facts['notes']} Its scores were not measured: {error.detail}"
    else:
        facts["training"]["before_after"] = asdict(found)
        said = f"{facts['notes']}\n\n{score_tables(found)}"
    write_json(folder / CARD_FILE_NAME, facts)
    (folder / "README.md").write_text(f"# {facts['title']}\n\n{said}\n", encoding="utf-8")


def _measured(
    folder: Path, request: MixModelsRequest, config: Config, check_cancelled: Callable[[], None]
) -> TrainingResult:
    """Return the training's result with the scores of the mix in the place of those of what was trained.

    Raises:
        SatclipError: if training set, scores or start of the training are not what they were.
    """
    start, tuned = find_model(request.start, config), find_model(request.tuned, config)
    asked, digest = read_finished(tuned.folder)
    pair_set = read_pair_set(Path(asked.pairs))
    if digest_of(pair_set) != digest:
        raise PairsError("The training set has been edited since.", code="pairs.edited", path=asked.pairs)
    former = _former(start, tuned, config)
    reported = plan_run(asked.recipe, pair_set, asked.seed).reported
    device, bands, classes = resolve_device("auto"), pair_set.info.bands, pair_set.info.classes
    with PairImages(pair_set) as images:
        ground = photo_learner(asked.recipe, load_learner(request.start, device, config, bands), config)
        photos = photo_vectors(ground, reported, images)
        learner = load_learner(str(folder), device, config, bands)
        found = ask_held_out(learner, reported, images, classes, check_cancelled, photos)
    return replace(former, after=found.scores, confusions_after=found.confusions, general_after=drawn_accuracy(learner))


def _former(start: ModelSource, tuned: ModelSource, config: Config) -> TrainingResult:
    training = read_facts(tuned.folder).get("training", {})
    if training.get("base_sha256") != weights_sha256(start.weights, config.cache_dir):
        raise RecipeError(f"{tuned.id} was trained from another model than {start.id}.", code="recipe.no_run")
    try:
        return from_json(TrainingResult, training.get("before_after"))
    except ProtocolError as error:
        raise RecipeError(f"{tuned.id} does not say what its start scored.", code="recipe.no_run") from error
