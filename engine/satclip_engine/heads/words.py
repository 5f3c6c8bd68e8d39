"""What words say before any example: the prior of the heads that learn on top of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from satclip_engine.heads.examples import Examples
from satclip_engine.heads.text_head import Ground, TextHead, pool_classes


@dataclass(frozen=True, eq=False)
class WordPrior:
    """Class logits from words, for all classes of which some may have none.

    Attributes:
        phrase_vectors: float32 (P, D) unit rows, ordered by class; P may be 0.
        class_of_phrase: int64 (P,), non-decreasing.
        class_count: K; classes that no phrase names are wordless.
        temperature: τ of the words; 1 without any.
        global_bias: λ; 0 without any.
        ground: Cells of the scene on which the words are to be kept to; None where they are not known.
    """

    phrase_vectors: Tensor
    class_of_phrase: Tensor
    class_count: int
    temperature: float
    global_bias: float
    ground: Ground | None = None

    @classmethod
    def of(cls, head: TextHead | None, class_count: int, dim: int) -> WordPrior:
        """Return the prior of ``head``, or the one without words, for ``class_count`` classes."""
        if head is None:
            return cls(torch.zeros(0, dim), torch.zeros(0, dtype=torch.int64), class_count, 1.0, 0.0)
        if head.class_count > class_count:
            raise ValueError(f"the words name {head.class_count} classes, more than {class_count}")
        return cls(
            head.phrase_vectors,
            head.class_of_phrase,
            class_count,
            head.temperature,
            head.global_bias,
            head.ground,
        )

    @property
    def phrase_count(self) -> int:
        """The number of phrases P."""
        return len(self.phrase_vectors)

    @property
    def worded(self) -> npt.NDArray[np.bool_]:
        """Return bool (K,): which classes have words."""
        return torch.bincount(self.class_of_phrase, minlength=self.class_count).numpy() > 0

    def pool(self, similarity: Tensor) -> Tensor:
        """Return class logits (..., K) of phrase logits (..., P).

        A wordless class gets the mean of the others: words are neither for it nor against it.
        """
        worded = torch.from_numpy(np.flatnonzero(self.worded))
        if not len(worded):
            return torch.zeros(*similarity.shape[:-1], self.class_count)
        position = torch.searchsorted(worded, self.class_of_phrase)
        pooled = pool_classes(similarity, position, self.temperature)
        if len(worded) == self.class_count:
            return pooled
        logits = pooled.mean(dim=-1, keepdim=True).repeat_interleave(self.class_count, dim=-1)
        logits[..., worded] = pooled
        return logits

    def of_examples(self, examples: Examples) -> Tensor:
        """Return the class logits (N, K) that the map would show at the examples.

        Raises:
            ValueError: if there is a global bias and the examples do not know their windows.
        """
        similarity = torch.from_numpy(examples.vectors) @ self.phrase_vectors.T
        if self.global_bias and len(examples):
            if examples.window_vectors is None:
                raise ValueError("the words have a global bias, but the examples do not know their windows")
            similarity += self.global_bias * (torch.from_numpy(examples.window_vectors) @ self.phrase_vectors.T)
        return self.pool(similarity)


@dataclass(frozen=True, eq=False)
class WordsFirst:
    """What heads that learn on top of words share: their first vectors are the phrases.

    Attributes:
        words: What the phrases say.
    """

    words: WordPrior

    @property
    def phrase_count(self) -> int:
        """The number of phrases."""
        return self.words.phrase_count

    @property
    def global_bias(self) -> float:
        """λ of the words."""
        return self.words.global_bias

    @property
    def class_count(self) -> int:
        """The number of classes K."""
        return self.words.class_count
