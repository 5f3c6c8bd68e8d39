"""The model that is being trained: the same weights as the encoder's, with gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from satclip_engine.errors import ModelError
from satclip_engine.models.bands import widen_input
from satclip_engine.models.card import channels_of
from satclip_engine.models.encoder import build_tower, load_clip
from satclip_engine.models.head_variants import DEFAULT_HEAD_VARIANT, find_head_variant
from satclip_engine.models.source import ModelSource, find_model
from satclip_engine.models.text_tower import load_tokenizer
from satclip_engine.models.weights import weights_sha256
from satclip_engine.training.methods import training_mode

if TYPE_CHECKING:
    from satclip_engine.config import Config


class Learner:
    """A CLIP in training.

    Attributes:
        source: Where it started from.
        weights_sha256: Digest of the weights it started from.
        clip: open_clip's model, float32.
        tokenizer: Texts to ids (N, context).
        device: Where it is.
        side_px: Side of the square pictures it is shown as a whole.
        window_px: Side of the square windows it is shown for dense features.
        cell_px: Side of a cell of its dense features.
    """

    def __init__(self, source: ModelSource, weights_sha256: str, clip: Any, device: torch.device) -> None:
        self.source = source
        self.weights_sha256 = weights_sha256
        self.clip = clip.to(device)
        self.tokenizer = load_tokenizer(source)
        self.device = device
        # One tower for both answers: a convolutional trunk that is read more finely than its stride gives its global
        # vector from that finer map too, here as in the encoder.
        self._tower = build_tower(clip.visual, find_head_variant(DEFAULT_HEAD_VARIANT), source.card.cell_px)
        # Convolutions of a CPU take two thirds of the time on channels that lie together.
        self._layout = torch.channels_last if self._tower.is_convolutional else torch.contiguous_format
        clip.visual.to(memory_format=self._layout)
        self.cell_px = self._tower.cell_px
        self.window_px = self._tower.window_px
        self.side_px = source.card.scene_px or self.window_px

    @property
    def logit_scale(self) -> Tensor:
        """The factor on cosines, at most 100 as in CLIP."""
        return self.clip.logit_scale.exp().clamp(max=100.0)  # type: ignore[no-any-return]

    def images(self, images: Tensor) -> Tensor:
        """Return unit vectors (N, D) of uint8 pictures (N, C, S, S); channels that are missing count as middling."""
        vectors = self.clip.encode_image(self._ready(images))
        return functional.normalize(vectors.float(), dim=-1)

    def texts(self, ids: Tensor) -> Tensor:
        """Return unit vectors (N, D) of token ids (N, context)."""
        return functional.normalize(self.clip.encode_text(ids.to(self.device)).float(), dim=-1)

    def tokens(self, images: Tensor) -> Tensor:
        """Return dense tokens (N, D, h, w), not normalised, of uint8 pictures with sides of whole cells."""
        return self._tower(self._ready(images)).tokens.float()

    def ids(self, texts: Sequence[str]) -> Tensor:
        """Return the token ids (N, context) of texts; what does not fit is cut off."""
        return self.tokenizer(list(texts))  # type: ignore[no-any-return]

    def frozen_copy(self) -> Learner:
        """Return a learner of the same weights that does not train."""
        clip = copy.deepcopy(self.clip).requires_grad_(requires_grad=False)
        return Learner(self.source, self.weights_sha256, clip.eval(), self.device)

    def train(self) -> None:
        """Switch to training."""
        training_mode(self.clip)

    def eval(self) -> None:
        """Switch to answering."""
        self.clip.eval()

    def _ready(self, images: Tensor) -> Tensor:
        ready = self.source.preprocess.normalise(images.to(self.device, non_blocking=True), torch.float32)
        # Pictures and photos without the further bands of a wider model: 0 is their middle.
        missing = channels_of(self.source.card) - ready.shape[1]
        ready = functional.pad(ready, (0, 0, 0, 0, 0, missing)) if missing else ready
        return ready.contiguous(memory_format=self._layout)


def load_learner(model: str, device: torch.device, config: Config, bands: tuple[str, ...] = ()) -> Learner:
    """Load a model for training.

    Args:
        model: Id or path.
        device: Where it will train.
        config: Folders.
        bands: What the images show where they have more than three bands; a model for three learns to see the others.

    Raises:
        ModelError: as ``load_encoder``; ``model.bands`` if it sees other bands, or cannot learn to see more.
    """
    source = find_model(model, config)
    clip = load_clip(source).float()
    if source.card.band_names != bands:
        if source.card.band_names:
            raise ModelError(
                f"The model {source.id} sees {', '.join(source.card.band_names)}; the images show"
                f" {', '.join(bands) or 'three bands'}.",
                remedy="Make the training set with the model's bands, or start from another model.",
                code="model.bands",
            )
        widen_input(clip.visual, len(bands))
        source = replace(source, card=replace(source.card, band_names=bands))
    return Learner(source, weights_sha256(source.weights, config.cache_dir), clip, device)
