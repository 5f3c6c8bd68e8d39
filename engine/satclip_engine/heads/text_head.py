"""The zero-shot head: classes given in words."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from satclip_engine.errors import OptionError
from satclip_engine.heads.templates import embed_phrases
from satclip_engine.models.encoder import Encoder
from satclip_engine.protocol import ClassSet, TextOptions


@dataclass(frozen=True, eq=False)
class Ground:
    """Cells drawn from all over a scene, and what words say there.

    Attributes:
        tokens: float32 (M, D).
        logits: float32 (M, K) class logits of the words.
    """

    tokens: torch.Tensor
    logits: torch.Tensor


@dataclass(frozen=True)
class TextHead:
    """Phrases of all classes as unit vectors, and how their similarities become class scores.

    Attributes:
        phrase_vectors: float32 (P, D), unit rows, ordered by class.
        class_of_phrase: int64 (P,), non-decreasing; the class index of each phrase.
        phrases: The P phrases.
        temperature: τ, factor on similarities before the softmax.
        global_bias: λ, weight of the window's global similarity.
        ground: Cells of the scene with these words' answers, once they are known. Only heads that learn on top of the
            words ask for it.
    """

    phrase_vectors: torch.Tensor
    class_of_phrase: torch.Tensor
    phrases: tuple[str, ...]
    temperature: float
    global_bias: float
    ground: Ground | None = None

    @classmethod
    def from_classes(cls, encoder: Encoder, classes: ClassSet, text: TextOptions) -> TextHead:
        """Return the head for ``classes``; what ``text`` leaves open is the model's own default.

        Raises:
            OptionError: ``option.templates`` or ``option.temperature``.
        """
        phrases = tuple(phrase for spec in classes.classes for phrase in spec.prompts)
        indices = [index for index, spec in enumerate(classes.classes) for _ in spec.prompts]
        temperature = encoder.card.temperature if text.temperature is None else text.temperature
        if not temperature > 0:
            raise OptionError(
                f"The temperature is {temperature}.", remedy="Use a number above 0.", code="option.temperature"
            )
        return cls(
            phrase_vectors=embed_phrases(encoder, phrases, text.templates or encoder.card.templates),
            class_of_phrase=torch.tensor(indices),
            phrases=phrases,
            temperature=temperature,
            global_bias=encoder.global_bias if text.global_bias is None else text.global_bias,
        )

    @property
    def class_count(self) -> int:
        """The number of classes K."""
        return int(self.class_of_phrase[-1]) + 1

    @property
    def vectors(self) -> torch.Tensor:
        """The phrases: all that tokens are compared with."""
        return self.phrase_vectors

    @property
    def phrase_count(self) -> int:
        """The number of phrases P."""
        return len(self.phrase_vectors)

    def pool(self, similarity: torch.Tensor) -> torch.Tensor:
        """Return class logits (..., K) of phrase logits (..., P)."""
        return pool_classes(similarity, self.class_of_phrase, self.temperature)

    def phrase_similarity(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return cosines (..., P) of ``vectors`` (..., D), on their device; a zero vector has cosine 0."""
        texts = self.phrase_vectors.to(vectors.device)
        # Projecting first and dividing by the norm after touches P numbers a cell instead of D.
        norms = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True, dtype=torch.float32)
        similarity: torch.Tensor = (vectors.to(texts.dtype) @ texts.T) / norms.clamp_min(1e-12)
        return similarity

    def phrase_logits(self, tokens: torch.Tensor, cls_similarity: torch.Tensor | None = None) -> torch.Tensor:
        """Return cos(patch, phrase) + λ·cos(CLS, phrase).

        Args:
            tokens: (..., D) features, normalised or not.
            cls_similarity: cos(CLS, phrase) of the windows, broadcastable to (..., P); None counts as 0.

        Returns:
            float32 (..., P).

        Source: SegEarth-OV (arXiv:2410.01768), global bias alleviation.
        """
        logits = self.phrase_similarity(tokens)
        if cls_similarity is None or self.global_bias == 0:
            return logits
        return logits + self.global_bias * cls_similarity.to(logits.device)

    def class_logits(self, tokens: torch.Tensor, cls_similarity: torch.Tensor | None = None) -> torch.Tensor:
        """Return class scores (..., K): (1/τ)·logsumexp of τ·phrase_logits over each class's phrases.

        ``softmax(τ · class_logits)`` over the classes is exactly the phrase softmax summed over each class's phrases,
        so scores may be averaged and upsampled per class instead of per phrase. Arguments as in ``phrase_logits``.
        """
        return self.pool(self.phrase_logits(tokens, cls_similarity))


def pool_classes(phrase_logits: torch.Tensor, class_of_phrase: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return (..., K) of ``phrase_logits`` (..., P): (1/τ)·logsumexp(τ·logits) over each class's phrases."""
    counts = torch.bincount(class_of_phrase).tolist()
    if len(counts) == phrase_logits.shape[-1]:
        return phrase_logits
    groups = torch.split(phrase_logits, counts, dim=-1)
    pooled = [group[..., 0] if group.shape[-1] == 1 else _soft_maximum(group, temperature) for group in groups]
    return torch.stack(pooled, dim=-1)


def class_maxima(phrase_scores: torch.Tensor, class_of_phrase: torch.Tensor) -> torch.Tensor:
    """Return (..., K): the highest score among each class's phrases; such scores do not sum to one.

    Source: the SegEarth-OV reference's rule for synonyms; for comparing with published numbers.
    """
    groups = torch.split(phrase_scores, torch.bincount(class_of_phrase).tolist(), dim=-1)
    return torch.stack([group.amax(dim=-1) for group in groups], dim=-1)


def phrase_probabilities(phrase_logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return softmax(τ·logits) over the phrases (..., P)."""
    return functional.softmax(temperature * phrase_logits, dim=-1)


def _soft_maximum(group: torch.Tensor, temperature: float) -> torch.Tensor:
    return torch.logsumexp(temperature * group, dim=-1) / temperature
