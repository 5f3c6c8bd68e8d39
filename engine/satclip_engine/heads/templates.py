"""Prompt templates: one phrase in several wordings, averaged on the sphere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch.nn import functional

from satclip_engine.errors import OptionError


class TextEncoder(Protocol):
    """Whatever turns texts into L2-normalised vectors (K, D)."""

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return unit vectors (K, D), float32 on the CPU."""
        ...


def check_templates(templates: Sequence[str]) -> None:
    """Refuse templates that have no place, or several, for the phrase.

    Raises:
        OptionError: ``option.templates``.
    """
    for template in templates:
        if template.count("{}") != 1:
            raise OptionError(
                f"The prompt template {template!r} needs exactly one {{}} where the phrase goes.",
                remedy="Write it like  an aerial view of {}.",
                code="option.templates",
                template=template,
            )


def embed_phrases(encoder: TextEncoder, phrases: Sequence[str], templates: Sequence[str]) -> torch.Tensor:
    """Return one unit vector (P, D) per phrase: each phrase in all templates → unit → mean → unit.

    Args:
        encoder: Turns texts into unit vectors.
        phrases: P phrases; braces in them are text like any other.
        templates: At least one, each with one ``{}``.

    Raises:
        OptionError: ``option.templates`` on a template without exactly one ``{}``.

    Source: algorithms.md §2.1 (the zero-shot prompt ensembling of CLIP, arXiv:2103.00020).
    """
    check_templates(templates)
    texts = [template.replace("{}", phrase.strip()) for phrase in phrases for template in templates]
    vectors = encoder.encode_texts(texts).reshape(len(phrases), len(templates), -1)
    return functional.normalize(vectors.mean(dim=1), dim=-1)
