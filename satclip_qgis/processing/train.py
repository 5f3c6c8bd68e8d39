"""``satclip:train``: a training set and a recipe in, a model out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from satclip_qgis import train_words
from satclip_qgis.client.problems import EngineProblem
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobSpec, Recipe, TrainingResult, TrainRequest, from_json, to_json
from satclip_qgis.provision.waiting import wait_for_engine
from satclip_qgis.settings import load_settings

from .algorithm import EngineAlgorithm
from .job_runner import as_processing_error
from .parameters import DEVICE, MODEL, OUTPUT, helped, model_parameter

PAIRS = "PAIRS"
RECIPE = "RECIPE"
STEPS = "STEPS"
BATCH = "BATCH"
SEED = "SEED"
NEW_MODEL = "NEW_MODEL"
_MOST_STEPS, _MOST_BATCH, _MOST_SEED = 10_000_000, 100_000, 1_000_000


class TrainAlgorithm(EngineAlgorithm):
    """Fine-tunes a model on image-text pairs."""

    def name(self) -> str:
        """Return the stable name."""
        return "train"

    def displayName(self) -> str:
        """Return the name in the toolbox."""
        return self.tr("Fine-tune a model")

    def shortDescription(self) -> str:
        """Return one sentence for the tooltip."""
        return self.tr("Trains a model on image-text pairs of your own and keeps the new one in a folder.")

    def tags(self) -> list[str]:
        """Return further words under which it is found."""
        words = self.tr("train,fine-tuning,lora,clip,captions,deep learning,adapter,contrastive,farslip,senclip")
        return words.split(",")

    def shortHelpString(self) -> str:
        """Return the help shown beside the parameters."""
        return self.tr(
            "Trains a model on a training set: chips of imagery with captions, made on the Train tab or by satclip "
            "captions. The model to start from stays as it is; the new one is a folder that all algorithms, the panel "
            "and the command line take as a model.\n\n"
            "Recipes: lora (the first choice), projection (few pairs), adapter, last-blocks, full, contrastive, "
            "few-shot (labelled images), dense (masks), farslip, farslip-patches (imagery alone), senclip (ground "
            "photos). The log says what is measured before and after, on pairs that the training never saw and on "
            "general pictures, so that forgetting is seen.\n\n"
            "A run that was cancelled or killed continues where it stopped when it is started again with the same "
            "settings and folder."
        )

    def declared_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters in their order."""
        return [
            helped(
                QgsProcessingParameterFile(PAIRS, tr("Training set"), QgsProcessingParameterFile.Folder),
                tr("Folder of a training set; it holds set.json and pairs.jsonl."),
            ),
            model_parameter(),
            helped(
                QgsProcessingParameterString(RECIPE, tr("Recipe"), defaultValue="lora"),
                tr("Name of a recipe, as the help beside this lists them."),
            ),
            _whole(STEPS, tr("Steps"), 1, _MOST_STEPS, tr("Of each stage. Empty: as many as the recipe's epochs.")),
            _whole(BATCH, tr("Pairs per step"), 2, _MOST_BATCH, tr("Empty: as the recipe says.")),
            _whole(SEED, tr("Seed"), 0, _MOST_SEED, tr("The same seed gives the same model. Empty: 0.")),
            helped(
                QgsProcessingParameterString(DEVICE, tr("Device"), defaultValue="auto"),
                tr("auto, cpu, cuda, cuda:N or mps."),
                advanced=True,
            ),
            helped(
                QgsProcessingParameterFolderDestination(OUTPUT, tr("Folder for the model")),
                tr("Made if missing. A training begun there continues; a finished model there is not replaced."),
            ),
        ]

    def declared_outputs(self) -> list[QgsProcessingOutputDefinition]:
        """Return the model as the other algorithms take it."""
        return [QgsProcessingOutputString(NEW_MODEL, tr("New model"))]

    def gather(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Read nothing: all parameters are words and numbers, which any thread may read."""

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Ask the engine for the recipe and run the job."""
        folder = self.folder(parameters, context)
        request = TrainRequest(
            pairs=str(Path(self.parameterAsString(parameters, PAIRS, context)).absolute()),
            out=str(folder),
            recipe=self._recipe(parameters, context, feedback),
            model=self.text(parameters, MODEL, context, "mini"),
            device=self.text(parameters, DEVICE, context, "auto"),
            seed=int(self.optional_number(parameters, SEED, context) or 0),
            title=folder.name,
        )
        title = tr("Train {model}").format(model=folder.name)
        self.run_job(JobSpec("train", to_json(request), title), feedback)
        _tell(folder, feedback)
        return {OUTPUT: str(folder), NEW_MODEL: str(folder)}

    def cancelled_text(self) -> str:
        """Return that nothing is lost."""
        return tr("Cancelled. Run it again with the same settings and folder: it continues where it stopped.")

    def _recipe(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Recipe:
        name = self.text(parameters, RECIPE, context, "lora")
        try:
            recipes = wait_for_engine(load_settings(), feedback.isCanceled).recipes().recipes
        except EngineProblem as error:
            raise as_processing_error(error.problem) from error
        found = next((recipe for recipe in recipes if recipe.name == name), None)
        if found is None:
            names = ", ".join(recipe.name for recipe in recipes)
            text = tr("There is no recipe {name}. Take one of {names}.")
            raise QgsProcessingException(text.format(name=name, names=names))
        asked = (("steps", STEPS), ("batch", BATCH))
        numbers = {setting: self.optional_number(parameters, one, context) for setting, one in asked}
        changes = {setting: int(number) for setting, number in numbers.items() if number is not None}
        return replace(found, stages=tuple(replace(stage, **changes) for stage in found.stages))


def _tell(folder: Path, feedback: QgsProcessingFeedback) -> None:
    """Say what was measured before and after."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    found = from_json(TrainingResult, card["training"]["before_after"])
    feedback.pushInfo(train_words.facts(found, f"{found.seconds:.0f} s"))
    feedback.pushInfo(train_words.measured_on(found))
    for name, _, (before, after, change) in train_words.result_rows(found):
        feedback.pushInfo(f"{name}: {before} → {after} ({change})")
    for note in found.notes:
        feedback.pushWarning(note)


def _whole(name: str, title: str, least: int, most: int, text: str) -> QgsProcessingParameterDefinition:
    """Return an optional whole number."""
    kind = QgsProcessingParameterNumber.Integer
    parameter = QgsProcessingParameterNumber(name, title, kind, optional=True, minValue=least, maxValue=most)
    return helped(parameter, text, advanced=name == SEED)
