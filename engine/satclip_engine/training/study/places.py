"""Where the study's data, training sets and first models are; each is made when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from satclip_engine.config import Config
from satclip_engine.models.folders import CONFIG_FILE_NAME, embedded_root
from satclip_engine.models.registry.card_facts import read_facts
from satclip_engine.models.registry.imports import copy_companions
from satclip_engine.models.registry.install import save_weights, write_json
from satclip_engine.models.registry.installed import WEIGHTS_FILE_NAME
from satclip_engine.protocol import TrainRequest
from satclip_engine.training.fine_tune import fine_tune
from satclip_engine.training.learner import load_learner
from satclip_engine.training.mini.trunk_start import start_from_imagenet
from satclip_engine.training.recipes import load_recipe
from satclip_engine.training.study.aid_sets import class_half, close_ups, few_of_each, whole_set
from satclip_engine.training.study.dubai_set import dubai_set, unlabelled_tile

# The image tower starts without any knowledge of words: the base takes larger steps than a fine-tuning.
_BASE = {"method.towers": "image", "learning_rate": 1e-3, "batch": 48, "views.least_area": 0.4, "steps": 400}


@dataclass(frozen=True)
class Places:
    """Folders of the study.

    Attributes:
        data: Root of the data sets.
        out: Where everything is written.
        config: Of the engine.
    """

    data: Path
    out: Path
    config: Config

    @property
    def whole(self) -> Path:
        """AID with its captions."""
        return whole_set(self.data, self.out / "aid").folder

    @property
    def known(self) -> Path:
        """The classes of AID that the base has learnt."""
        return class_half(whole_set(self.data, self.out / "aid"), self.out / "aid_known", 0)

    @property
    def new(self) -> Path:
        """The others."""
        return class_half(whole_set(self.data, self.out / "aid"), self.out / "aid_new", 1)

    def few(self, shots: int) -> Path:
        """Return a training set of ``shots`` labelled pictures of each new class."""
        return few_of_each(self.new, self.out / f"aid_new_{shots}", shots)

    @property
    def close_ups(self) -> Path:
        """Coarse pictures of AID with sharp close-ups."""
        return close_ups(whole_set(self.data, self.out / "aid"), self.out / "aid_close_ups")

    @property
    def dubai(self) -> Path:
        """Chips of four tiles of Dubai with masks, boxes and captions."""
        return dubai_set(self.data, self.out / "dubai")

    @property
    def tile7(self) -> Path:
        """Chips of the tile of Dubai that is reported, without any label."""
        return unlabelled_tile(self.data, self.out / "tile7")

    @property
    def embedded(self) -> Path:
        """The embedded model."""
        return embedded_root(self.config) / "mini"

    @property
    def start(self) -> Path:
        """A model with the embedded text tower and an image tower that knows ImageNet and no words."""
        return _write_start(self.embedded, self.out / "start", self.config)

    @property
    def base(self) -> Path:
        """What the start becomes by learning the known classes."""
        folder = self.out / "base"
        if not (folder / CONFIG_FILE_NAME).is_file():
            recipe = load_recipe("full", self.config, _BASE)
            request = TrainRequest(str(self.known), str(folder), recipe, str(self.start))
            fine_tune(request, config=self.config, progress=lambda _update: None, check_cancelled=lambda: None)
        return folder


def _write_start(embedded: Path, folder: Path, config: Config) -> Path:
    if folder.is_dir():
        return folder
    learner = load_learner(str(embedded), torch.device("cpu"), config)
    torch.manual_seed(0)
    start_from_imagenet(learner.clip.visual.trunk)
    for part in learner.clip.visual.head.modules():
        if isinstance(part, torch.nn.Linear):
            part.reset_parameters()
    folder.mkdir(parents=True, exist_ok=True)
    copy_companions(embedded, folder)
    save_weights(learner.clip.state_dict(), folder / WEIGHTS_FILE_NAME)
    write_json(folder / "card.json", {**read_facts(embedded), "id": folder.name, "title": "Start of the study"})
    return folder
