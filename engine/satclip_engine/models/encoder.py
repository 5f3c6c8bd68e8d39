"""The encoder: windows of an image to dense, text-aligned features; texts to vectors of the same space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.models.adapters import load_adapters
from satclip_engine.models.architecture import build_unfilled, load_weights
from satclip_engine.models.bands import widen_input
from satclip_engine.models.card import ModelCard, channels_of
from satclip_engine.models.device import DTYPE_NAMES, device_label, resolve_device
from satclip_engine.models.folders import ADAPTERS_FILE_NAME
from satclip_engine.models.head_variants import DEFAULT_HEAD_VARIANT, HeadVariant, find_head_variant
from satclip_engine.models.precision import cast_visual, choose_precision, named_precision
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.registry.installed import verify_weights
from satclip_engine.models.resnet import ResNetTower
from satclip_engine.models.source import ModelSource, find_model
from satclip_engine.models.text_tower import TextTower, load_tokenizer
from satclip_engine.models.timm_trunk import TimmTower
from satclip_engine.models.tower import DenseFeatures, Tower, not_dense
from satclip_engine.models.vit import VitTower
from satclip_engine.models.weights import read_state_dict, weights_sha256
from satclip_engine.protocol import FeatureOptions


class Encoder:
    """A loaded model on a device.

    Attributes:
        id: The model's id.
        weights_sha256: Digest of its weights, adapters included.
        card: What the product knows about it.
        embed_dim: Length D of every vector.
        cell_px: Side of one feature cell in pixels of the window.
        window_px: Side of the square window.
        logit_scale: The factor on cosines it was trained with.
        global_bias: λ on the window's global similarity: the card's, else what suits the architecture.
        channels: How many it sees; the first three are the picture.
        device: Where it computes.
        dtype: What it computes images in.
        head_variant: Name of the dense head; "" for towers that have only one.
    """

    def __init__(
        self,
        *,
        source: ModelSource,
        weights_sha256: str,
        tower: Tower,
        text_tower: TextTower,
        logit_scale: float,
        device: torch.device,
        dtype: torch.dtype,
        variant_name: str,
    ) -> None:
        self.id = source.id
        self.card: ModelCard = source.card
        self.weights_sha256 = weights_sha256
        self.embed_dim = tower.embed_dim
        self.cell_px = tower.cell_px
        self.window_px = tower.window_px
        self.logit_scale = logit_scale
        self.channels = channels_of(source.card)
        self.global_bias = tower.global_bias if source.card.global_bias is None else source.card.global_bias
        self.device = device
        self.dtype = dtype
        self.head_variant = variant_name
        self._preprocess: Preprocess = source.preprocess
        self._tower = tower
        self._text_tower = text_tower

    @property
    def device_label(self) -> str:
        """The device for people, e.g. ``CPU, 2 cores, bf16``."""
        return device_label(self.device, self.dtype)

    def identity(self) -> dict[str, Any]:
        """Return what decides the features, as JSON types: the key of every cache of them."""
        return {
            "id": self.id,
            "weights_sha256": self.weights_sha256,
            "head_variant": self.head_variant,
            "cell_px": self.cell_px,
            "precision": DTYPE_NAMES[self.dtype],
            "device_type": self.device.type,
            "mean": list(self._preprocess.mean),
            "std": list(self._preprocess.std),
        }

    def encode(self, images: torch.Tensor) -> DenseFeatures:
        """Encode uint8 ``images`` (N, C, H, W) from the CPU; H and W are multiples of ``cell_px``.

        Returns:
            float32 tokens (N, D, H/cell_px, W/cell_px) and cls (N, D) on the encoder's device, not normalised.

        Raises:
            OptionError: ``option.window`` if H or W is not a multiple of ``cell_px``.
        """
        if images.shape[-1] % self.cell_px or images.shape[-2] % self.cell_px:
            raise OptionError(
                f"A window of {images.shape[-1]} x {images.shape[-2]} px is not a multiple of the model's cell"
                f" of {self.cell_px} px.",
                remedy=f"Use a multiple of {self.cell_px} px.",
                code="option.window",
            )
        with torch.inference_mode():
            ready = self._preprocess.normalise(images.to(self.device, non_blocking=True), self.dtype)
            if self._tower.is_convolutional:
                ready = ready.contiguous(memory_format=torch.channels_last)
            features = self._tower(ready)
            return DenseFeatures(tokens=features.tokens.float(), cls=features.cls.float())

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return L2-normalised vectors (K, D) of ``texts``, float32 on the CPU; cached on disk."""
        return self._text_tower.encode(texts)


def encoder_for(options: FeatureOptions, config: Config) -> Encoder:
    """Load the model that a request names; raises as ``load_encoder``."""
    return load_encoder(
        options.model,
        device=options.device,
        precision=options.precision,
        head_variant=options.head_variant,
        config=config,
    )


def load_encoder(
    model: str,
    *,
    device: str = "auto",
    precision: str = "auto",
    head_variant: str = DEFAULT_HEAD_VARIANT,
    config: Config | None = None,
) -> Encoder:
    """Load a model.

    Args:
        model: An installed model's id, the path of an open_clip folder or of a weights file, or
            ``ARCHITECTURE:PATH``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        head_variant: Dense head of vision transformers; other towers have one only.
        config: Folders; from the environment if None.

    Raises:
        ModelError: if the model is unknown, damaged, needs code to load, has no dense features, or its weights are
            not those that were installed.
        DeviceError: if the device is absent.
        OptionError: on an unknown precision or head variant.
    """
    config = config or Config.from_environment()
    variant = find_head_variant(head_variant)
    target = resolve_device(device)
    source = find_model(model, config)
    digest = weights_sha256(source.weights, config.cache_dir)
    verify_weights(source.weights, digest)
    clip = load_clip(source)
    clip.requires_grad_(requires_grad=False).to(target)

    def make_tower(visual: Any) -> Tower:
        return build_tower(visual, variant, source.card.cell_px)

    if precision == "auto":
        dtype = choose_precision(clip.visual, make_tower, target, digest, config.cache_dir)
    else:
        dtype = named_precision(precision, target)
    cast_visual(clip.visual, dtype)
    tower = make_tower(clip.visual)
    return Encoder(
        source=source,
        weights_sha256=digest,
        tower=tower,
        text_tower=TextTower(clip, load_tokenizer(source), config.cache_dir / "text" / digest),
        logit_scale=float(clip.logit_scale.exp()),
        device=target,
        dtype=dtype,
        variant_name=variant.name if isinstance(tower, VitTower) else "",
    )


def load_clip(source: ModelSource) -> Any:
    """Return the open_clip model of ``source`` with its weights, and its adapters where it has some, on the CPU.

    Raises:
        ModelError: if its files are damaged or do not fit each other.
    """
    clip = build_unfilled(source.model_cfg)
    widen_input(clip.visual, channels_of(source.card))
    load_weights(clip, read_state_dict(source.weights))
    adapters = source.weights.parent / ADAPTERS_FILE_NAME
    if adapters.is_file():
        load_adapters(clip, adapters)
    return clip


def build_tower(visual: Any, variant: HeadVariant, cell_px: int | None = None) -> Tower:
    """Return the dense tower for an open_clip image tower.

    Args:
        visual: The image tower, in evaluation mode.
        variant: Dense head, for vision transformers.
        cell_px: Side of a cell, for convolutional trunks that allow a choice; None takes the trunk's stride.

    Raises:
        ModelError: ``model.not_dense`` or ``model.window``.
    """
    from open_clip.modified_resnet import ModifiedResNet
    from open_clip.timm_model import TimmModel
    from open_clip.transformer import VisionTransformer

    if isinstance(visual, VisionTransformer):
        return VitTower(visual, variant)
    if isinstance(visual, ModifiedResNet):
        return ResNetTower(visual)
    if isinstance(visual, TimmModel):
        return TimmTower(visual, cell_px)
    raise not_dense(f"its image tower is a {type(visual).__name__}")
