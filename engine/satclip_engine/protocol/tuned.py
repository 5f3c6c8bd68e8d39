"""Around a training: the recipes to choose from, what came of one, and what can be done with its model."""

from __future__ import annotations

from dataclasses import dataclass, field

from .train import Recipe

TRAIN_ESTIMATE_ROLE = "train_estimate"
MODEL_FILE_ROLE = "model_file"
# In the folder of a trained model: what its run left, and its LoRA alone.
RUN_FOLDER, CURVES_FILE, STATE_FILE, LORA_FILE = "run", "curves.jsonl", "state.pt", "lora.safetensors"

# For each class that really is there, how many images or pixels of it were taken for which class; no zeros.
Confusion = dict[str, dict[str, int]]


@dataclass(frozen=True)
class RecipeList:
    """Answer of ``GET /v1/recipes``.

    Attributes:
        recipes: Those that ship, the first choice first.
        models_dir: Where the engine looks for models: a model trained into a folder of it is listed at once.
    """

    recipes: tuple[Recipe, ...]
    models_dir: str


@dataclass(frozen=True)
class TrainingResult:
    """What a training gained and what it cost, as the model's ``card.json`` keeps it in ``training.before_after``.

    Attributes:
        before: Scores of the start on the test pairs, or on the validation pairs where there are none.
        after: Scores of the result.
        split: Which of the two.
        general_before: Share of drawn pictures of common things that the start recognises by words.
        general_after: The same of the result.
        trained_weights: Number of weights that trained.
        all_weights: Number of weights of the model.
        steps: Optimiser steps.
        seconds: Of training.
        notes: What a reader must know.
        confusions_before: Behind the scores of the start that are about classes, by the score's name.
        confusions_after: The same of the result.
    """

    before: dict[str, float]
    after: dict[str, float]
    split: str
    general_before: float
    general_after: float
    trained_weights: int
    all_weights: int
    steps: int
    seconds: float
    notes: tuple[str, ...] = ()
    confusions_before: dict[str, Confusion] = field(default_factory=dict)
    confusions_after: dict[str, Confusion] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportModelRequest:
    """Job ``export_model``: write an installed model where another machine can import it from.

    Attributes:
        model: Id or path.
        path: A new folder for the whole model in open_clip's layout, or a new ``.safetensors`` file for the LoRA alone,
            which belongs to the model that it was trained from.
    """

    model: str
    path: str


@dataclass(frozen=True)
class MixModelsRequest:
    """Job ``mix_models``: the model between a start and what was trained from it (WiSE-FT).

    Attributes:
        start: Id or path.
        tuned: Id or path.
        weight: Share of ``tuned``, within 0 to 1.
        out: A new folder for the model.
        measure: Whether it is asked about the pairs on which the training of ``tuned`` reported, where these are there.
    """

    start: str
    tuned: str
    weight: float
    out: str
    measure: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight is {self.weight}, not within 0 to 1")
