"""Words to vectors: as open_clip computes them, whatever their companions, and from the cache the second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from satclip_engine.models.architecture import build_model, load_weights
from satclip_engine.models.encoder import Encoder, load_encoder
from satclip_engine.models.source import find_model
from satclip_engine.models.text_tower import TextTower, load_tokenizer
from satclip_engine.models.weights import read_state_dict

from tests.engine.helpers.tiny_model import write_model, write_tiny_model
from tests.engine.models.configs import TEXT, TOKENIZER, VIT, clip_cfg, engine_config

PHRASES = ["water", "a forest of tall trees", "building", "дом у реки", "森林", "x" * 1000, "a {} b", ""]


def tiny(root: Path) -> Encoder:
    return load_encoder(str(root / "tiny"), device="cpu", precision="fp32", config=engine_config(root))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_tiny_model(tmp_path / "tiny")
    return tmp_path


def reference(folder: Path, root: Path, texts: list[str]) -> torch.Tensor:
    source = find_model(str(folder), engine_config(root))
    model = build_model(source.model_cfg)
    load_weights(model, read_state_dict(source.weights))
    with torch.no_grad():
        return model.encode_text(load_tokenizer(source)(texts), normalize=True)


def test_as_open_clip_computes_them_in_any_script_and_length(root: Path) -> None:
    torch.testing.assert_close(
        tiny(root).encode_texts(PHRASES), reference(root / "tiny", root, PHRASES), atol=2e-6, rtol=1e-4
    )


@pytest.mark.parametrize(
    "text", [{"no_causal_mask": True, "pool_type": "last"}, {"embed_cls": True, "pool_type": "last"}, {}]
)
def test_other_text_towers_run_as_they_are(text: dict[str, Any], tmp_path: Path) -> None:
    cfg = clip_cfg(VIT, custom_text=True)
    cfg["text_cfg"] = {**TEXT, **TOKENIZER, **text}
    write_model(tmp_path / "tiny", cfg)
    torch.testing.assert_close(
        tiny(tmp_path).encode_texts(PHRASES), reference(tmp_path / "tiny", tmp_path, PHRASES), atol=2e-6, rtol=1e-4
    )


def test_a_vector_does_not_depend_on_its_companions(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    together = tiny(root).encode_texts(PHRASES)
    other = tmp_path_factory.mktemp("other")
    write_tiny_model(other / "tiny")
    encoder = tiny(other)
    alone = torch.cat([encoder.encode_texts([phrase]) for phrase in reversed(PHRASES)]).flip(0)
    assert torch.equal(together, alone)


def test_vectors_are_unit_and_repeated_texts_equal(root: Path) -> None:
    vectors = tiny(root).encode_texts(["water", "forest", " water "])
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(3))
    assert torch.equal(vectors[0], vectors[2])


def failing_tower(root: Path) -> TextTower:
    """A tower on the cache of the tiny model that cannot compute anything itself."""

    def tokenizer(_texts: list[str]) -> torch.Tensor:
        raise AssertionError("the cache was not used")

    folder = next((root / "cache" / "text").iterdir())
    return TextTower(torch.nn.Module(), tokenizer, folder)


def test_the_second_process_reads_the_cache(root: Path) -> None:
    vectors = tiny(root).encode_texts(PHRASES)
    assert torch.equal(failing_tower(root).encode(PHRASES), vectors)
    with pytest.raises(AssertionError):
        failing_tower(root).encode(["never seen"])


def test_damaged_cache_files_are_computed_again(root: Path) -> None:
    vectors = tiny(root).encode_texts(["water"])
    (file,) = (root / "cache" / "text").rglob("*.f32")
    for content in (b"", b"abc", b"\0" * 128):
        file.write_bytes(content)
        assert torch.equal(tiny(root).encode_texts(["water"]), vectors)


def test_other_weights_have_their_own_cache(root: Path) -> None:
    first = tiny(root).encode_texts(["water"])
    write_tiny_model(root / "tiny", seed=5)
    assert not torch.allclose(tiny(root).encode_texts(["water"]), first, atol=1e-3)
