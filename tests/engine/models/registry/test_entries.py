"""The registry as it ships, and what is wrong with a registry file of the user's."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from satclip_engine.config import Config
from satclip_engine.errors import ModelError, OptionError
from satclip_engine.models.architecture import architecture_config, architecture_preprocess
from satclip_engine.models.catalogue import list_models
from satclip_engine.models.registry.entries import RegistryEntry, find_entry, read_registry

from tests.engine.helpers.registry_fixtures import write_registry
from tests.engine.models.configs import engine_config

ROOT = Path(__file__).resolve().parents[4]
FAMILIES = {
    "OpenAI CLIP": 5,
    "LAION-2B CLIP": 4,
    "DataComp-XL CLIP": 3,
    "RemoteCLIP": 3,
    "GeoRSCLIP": 4,
    "SkyCLIP": 6,
    "FarSLIP": 4,
    "DGTRS-CLIP (LRSCLIP)": 2,
    "SenCLIP": 6,
    "AlignEarth": 2,
    "RS-M-CLIP": 1,
    "SigLIP 2": 13,
    "MobileCLIP 2": 4,
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(engine_config(tmp_path), resources_dir=ROOT / "resources")


@pytest.fixture
def entries(config: Config) -> tuple[RegistryEntry, ...]:
    return read_registry(config)


def test_every_family_is_there(entries: tuple[RegistryEntry, ...]) -> None:
    counts = {family: sum(entry.family == family for entry in entries) for family in FAMILIES}
    assert counts == FAMILIES
    assert len({entry.id for entry in entries}) == len(entries) == sum(FAMILIES.values())


def test_every_entry_says_what_a_person_must_know_before(entries: tuple[RegistryEntry, ...]) -> None:
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9.-]+", entry.id)
        assert entry.title
        assert entry.licence
        assert entry.licence_url.startswith("https://"), entry.id
        assert entry.paper.startswith("https://"), entry.id
        assert entry.good_at.endswith("."), entry.id
        assert entry.gsd_reason.endswith("."), entry.id
        assert entry.gsd_min_m <= (entry.gsd_recommended_m or 0) <= entry.gsd_max_m, entry.id
        assert bool(entry.repo) != entry.url.startswith("https://"), entry.id
        assert entry.file
        assert all(fact.endswith(".") for fact in entry.unconfirmed)
        if not entry.bytes:
            assert entry.unconfirmed, entry.id


def test_what_the_publisher_does_not_state_is_marked(entries: tuple[RegistryEntry, ...]) -> None:
    unsure = {entry.family for entry in entries if any("licence" in fact.lower() for fact in entry.unconfirmed)}
    assert unsure == {"RemoteCLIP", "GeoRSCLIP", "SenCLIP", "AlignEarth", "MobileCLIP 2"}
    unsure = {entry.family for entry in entries if any("activation" in fact for fact in entry.unconfirmed)}
    assert unsure == {"RemoteCLIP", "GeoRSCLIP", "SkyCLIP", "AlignEarth", "RS-M-CLIP"}


def test_architectures_and_normalisations_are_open_clips(entries: tuple[RegistryEntry, ...]) -> None:
    own_normalisation = {"SenCLIP"}  # its publisher's, of Sentinel-2
    for entry in entries:
        named = architecture_config(entry.architecture)
        assert named is not None, entry.architecture
        assert entry.image_size == named["vision_cfg"]["image_size"], entry.id
        if entry.family in ("SigLIP 2", "MobileCLIP 2"):
            usual = architecture_preprocess(entry.architecture)
            assert (entry.mean, entry.std) == (usual.mean, usual.std), entry.id
            assert not entry.dense
            assert entry.context_length == named["text_cfg"]["context_length"]
        else:
            assert entry.activation in ("gelu", "quickgelu"), entry.id
            assert entry.dense
            assert (entry.mean[0] < 0.4) == (entry.family in own_normalisation)


def test_the_list_offers_what_is_not_installed(config: Config) -> None:
    models = {model.id: model for model in list_models(config)}
    assert models["mini"].builtin
    assert models["mini"].installed
    assert models["mini"].gsd_reason
    offer = models["remoteclip-vit-b-32"]
    assert (offer.installed, offer.downloadable, offer.dense) == (False, True, True)
    assert offer.source == "chendelong/RemoteCLIP"
    assert len(offer.unconfirmed) == 2
    assert not models["siglip2-vit-b-16-224"].dense
    assert "transformers" in models["siglip2-vit-b-16-224"].notes
    assert "SAR" in models["alignearth-sar-vit-b-16"].notes


def test_a_registry_of_the_users_adds_and_replaces(config: Config) -> None:
    write_registry(
        config.models_dir,
        {"id": "ours", "title": "Ours", "repo": "acme/ours", "file": "a.pt", "normalisation": [[0, 0, 0], [1, 1, 1]]},
        {"id": "mobileclip2-b", "title": "From our mirror", "repo": "acme/mobile", "file": "b.pt"},
    )
    assert find_entry("ours", config).std == (1.0, 1.0, 1.0)
    assert find_entry("mobileclip2-b", config).title == "From our mirror"
    assert len(read_registry(config)) == sum(FAMILIES.values()) + 1


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"families": [{"models": [{"id": "a"}]}]}',
        '{"families": [{"family": "F", "models": [{"id": "../a", "title": "", "architecture": ""}]}]}',
        '{"families": [{"family": "F", "models": [{"id": "a", "title": "", "architecture": "", "colour": 1}]}]}',
        '{"families": [{"normalisation": "x", "models": [{"id": "a", "title": "", "architecture": ""}]}]}',
    ],
)
def test_a_broken_registry_is_told(config: Config, content: str) -> None:
    config.models_dir.mkdir(parents=True)
    (config.models_dir / "registry.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        read_registry(config)
    assert caught.value.code == "model.registry"


def test_mirror_and_offline_mode_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SATCLIP_HUB_ENDPOINT", raising=False)
    monkeypatch.delenv("SATCLIP_OFFLINE", raising=False)
    config = Config.from_environment()
    assert (config.hub_endpoint, config.offline) == ("", False)
    monkeypatch.setenv("SATCLIP_HUB_ENDPOINT", "https://mirror.example.org/")
    monkeypatch.setenv("SATCLIP_OFFLINE", "1")
    config = Config.from_environment()
    assert (config.hub_endpoint, config.offline) == ("https://mirror.example.org", True)
    for name, value in config.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Config.from_environment() == replace(
        config,
        data_dir=config.data_dir.resolve(),
        cache_dir=config.cache_dir.resolve(),
        models_dir=config.models_dir.resolve(),
    )
    monkeypatch.setenv("SATCLIP_HUB_ENDPOINT", "mirror")
    with pytest.raises(OptionError):
        Config.from_environment()


def test_the_registry_file_is_plain_data() -> None:
    raw = json.loads((ROOT / "resources" / "models" / "registry.json").read_text(encoding="utf-8"))
    assert set(raw) == {"families"}
