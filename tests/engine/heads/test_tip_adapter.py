"""Tip-Adapter against numbers of the formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.tip_adapter import CacheHead, cache_logits, fit_cache
from satclip_engine.heads.words import WordPrior
from torch.nn import functional

from tests.engine.heads.made_examples import World
from tests.engine.models.golden import load_golden


@pytest.fixture(scope="module")
def golden() -> Any:
    return load_golden("tip_adapter.npz")


def one_hot(golden: Any) -> torch.Tensor:
    return functional.one_hot(torch.from_numpy(golden["key_labels"]), 5).double()


def test_cache_logits(golden: Any) -> None:
    affinity = torch.from_numpy(golden["query"] @ golden["keys"].T)
    np.testing.assert_allclose(affinity, golden["affinity"], atol=1e-12)
    for beta in ("1", "5.5", "12"):
        found = cache_logits(affinity, one_hot(golden), float(beta))
        np.testing.assert_allclose(found, golden[f"cache_logits_beta{beta}"], rtol=1e-10)


@pytest.mark.parametrize(("alpha", "beta"), [("2", "1"), ("1.17", "5.5"), ("3", "12")])
def test_the_whole_head(golden: Any, alpha: str, beta: str) -> None:
    words = WordPrior(torch.from_numpy(golden["text"]), torch.arange(5), 5, 100.0, 0.0)
    head = CacheHead(words, torch.from_numpy(golden["keys"]), one_hot(golden), float(alpha), float(beta), 100.0)
    logits = head.temperature * head.pool(torch.from_numpy(golden["query"]) @ head.vectors.T)
    np.testing.assert_allclose(logits, golden[f"logits_alpha{alpha}_beta{beta}"], rtol=1e-9, atol=1e-9)


def test_the_gradient_for_the_keys(golden: Any) -> None:
    keys = torch.from_numpy(golden["keys"]).requires_grad_()
    query = torch.from_numpy(golden["query"])
    logits = torch.from_numpy(golden["zeroshot_logits"]) + 2 * cache_logits(query @ keys.T, one_hot(golden), 1.0)
    loss = functional.cross_entropy(logits, torch.from_numpy(golden["query_labels"]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(golden["tipF_ce_alpha2_beta1"]), rel=1e-9)
    np.testing.assert_allclose(keys.grad, golden["tipF_grad_keys"], rtol=1e-7, atol=1e-15)


def test_many_cells_of_one_object_say_no_more_than_one() -> None:
    world = World()
    examples, words = world.draw(3, seed=1), WordPrior.of(world.words(), 4, world.dim)
    repeated = np.concatenate([np.zeros(50, dtype=np.int64), np.arange(len(examples))])
    heavy = Examples(
        examples.vectors[repeated], examples.labels[repeated], examples.objects[repeated], examples.places[repeated]
    )
    tokens = torch.from_numpy(world.draw(20, seed=2).vectors)
    heads = [fit_cache(each, words, alpha=10.0, beta=2.0) for each in (examples, heavy)]
    plain, weighed = (head.pool(tokens @ head.vectors.T) for head in heads)
    torch.testing.assert_close(plain, weighed, atol=1e-5, rtol=1e-4)
    silent = fit_cache(examples, words, 0.0, 2.0).pool(tokens @ heads[0].vectors.T)
    torch.testing.assert_close(silent, words.pool(tokens @ words.phrase_vectors.T))
