"""What words say before any example: the prior of the heads that learn on top of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from satclip_engine.heads.examples import Examples
from satclip_engine.heads.text_head import TextHead, pool_classes

# A class may be expected at most so many times rarer or more frequent than its peers: where the words are wrong about
# a class, a few samples must be enough to bring it back.
_MOST_UNEQUAL = 4.0


@dataclass(frozen=True, eq=False)
class WordPrior:
    """Class logits from words, for all classes of which some may have none.

    Attributes:
        phrase_vectors: float32 (P, D) unit rows, ordered by class; P may be 0.
        class_of_phrase: int64 (P,), non-decreasing.
        class_count: K; classes that no phrase names are wordless.
        temperature: τ of the words; 1 without any.
        global_bias: λ; 0 without any.
        shares: Expected share in the map of each class that the words know; empty where nothing is expected.
    """

    phrase_vectors: Tensor
    class_of_phrase: Tensor
    class_count: int
    temperature: float
    global_bias: float
    shares: tuple[float, ...] = ()

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
            head.shares,
        )

    @property
    def phrase_count(self) -> int:
        """The number of phrases P."""
        return len(self.phrase_vectors)

    @property
    def worded(self) -> npt.NDArray[np.bool_]:
        """Return bool (K,): which classes have words."""
        return torch.bincount(self.class_of_phrase, minlength=self.class_count).numpy() > 0

    @property
    def log_shares(self) -> npt.NDArray[np.float32]:
        """float32 (K,): logarithms of the shares relative to equal ones; 0 for classes of which nothing is expected."""
        limit = np.log(_MOST_UNEQUAL)
        found = np.zeros(self.class_count, dtype=np.float32)
        relative = np.maximum(np.array(self.shares) * len(self.shares), 1e-12)
        found[: len(self.shares)] = np.clip(np.log(relative), -limit, limit)
        return found

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
