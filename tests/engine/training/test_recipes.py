"""Recipes: all that ship, files of one's own, single settings, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from satclip_engine.config import Config
from satclip_engine.errors import RecipeError
from satclip_engine.models.encoder import load_clip
from satclip_engine.models.source import find_model
from satclip_engine.protocol import to_json
from satclip_engine.training.methods import make_trainable
from satclip_engine.training.objectives import find_objective
from satclip_engine.training.recipes import load_recipe, recipe_names

ROOT = Path(__file__).resolve().parents[3]
NAMES = (
    "adapter",
    "contrastive",
    "dense",
    "farslip",
    "few-shot",
    "full",
    "last-blocks",
    "lora",
    "projection",
    "senclip",
)


@pytest.fixture
def shipped(tmp_path: Path) -> Config:
    return Config(tmp_path, tmp_path, tmp_path, ROOT / "resources", 10**9)


def write(tmp_path: Path, text: str) -> str:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    return str(tmp_path / "mine.yaml")


def test_the_recipes_of_the_manual_ship(shipped: Config) -> None:
    assert set(NAMES) <= set(recipe_names(shipped))


@pytest.mark.parametrize("path", sorted((ROOT / "resources" / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_that_ships_loads_and_fits_the_embedded_model(path: Path, shipped: Config) -> None:
    recipe = load_recipe(path.stem, shipped)
    assert recipe.name == path.stem
    assert recipe.title
    assert recipe.when.endswith(".")
    assert all(find_objective(stage.objective) for stage in recipe.stages)
    assert make_trainable(load_clip(find_model("mini", shipped)), recipe.method)
    # What --show prints is a recipe again.
    assert load_recipe(write(shipped.data_dir, yaml.safe_dump(to_json(recipe))), shipped) == recipe


def test_a_file_changes_a_recipe_that_ships(shipped: Config, tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, "base: lora\nmethod: {rank: 4}\nema: 0.99\n"), shipped)
    base = load_recipe("lora", shipped)
    assert (recipe.name, recipe.method.rank, recipe.method.kind, recipe.ema) == ("mine", 4, "lora", 0.99)
    assert recipe.stages == base.stages
    assert recipe.views == base.views


def test_single_settings(shipped: Config) -> None:
    changes = {"steps": 7, "method.rank": 2, "stages.1.learning_rate": 1e-4, "views.turn": False}
    recipe = load_recipe("farslip", shipped, changes)
    assert [stage.steps for stage in recipe.stages] == [7, 7]
    assert recipe.stages[1].learning_rate == 1e-4
    assert recipe.stages[0].learning_rate != 1e-4
    assert (recipe.method.rank, recipe.views.turn) == (2, False)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"method.rnk": 4}, "'method.rnk'"),
        ({"methd.rank": 4}, "'methd'"),
        ({"stages.0.bach": 4}, "'stages.0.bach'"),
        ({"views.turns": True}, "'views.turns'"),
        ({"rate": 1}, "'rate'"),
        ({"stages.5.batch": 4}, "'stages.5.batch'"),
        ({"stages.first.batch": 4}, "'stages.first.batch'"),
        ({"method.rank.more": 4}, "'method.rank.more'"),
        ({"method.rank": 0}, "rank is 0, not within 1 to 1024"),
        ({"method.rank": "four"}, "Method.rank: expected int"),
        ({"method.kind": "loar"}, "method is 'loar', none of projection, last_blocks"),
        ({"batch": 1}, "batch is 1, not within 2"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"stages": []}, "a recipe needs a stage"),
        ({"stages": 3}, "expected a list"),
        ({"clip_gradient": 0}, "clip_gradient is 0"),
    ],
)
def test_what_cannot_be_understood_is_named(changes: dict[str, object], named: str, shipped: Config) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("lora", shipped, changes)
    assert caught.value.code == "recipe.setting"
    assert named in caught.value.detail


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("base: lora\nmethod: {rnk: 4}\n", "recipe.setting", "'method.rnk'"),
        ("method: {kind: lora}\nstages: [{objective: contrastive, bach: 3}]\n", "recipe.setting", "'stages.0.bach'"),
        ("method: {kind: lora}\n", "recipe.setting", "Recipe.stages is missing"),
        ("- a list\n", "recipe.setting", "holds no settings"),
        ("a: [", "recipe.setting", "mine.yaml is no YAML"),
        ("", "recipe.setting", "holds no settings"),
        ("base: mine.yaml\n", "recipe.unknown", "There is no recipe 'mine.yaml'"),
    ],
)
def test_files_that_are_refused(text: str, code: str, named: str, shipped: Config, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, text), shipped)
    assert caught.value.code == code
    assert named in caught.value.detail
    with pytest.raises(RecipeError):  # nor with settings on top
        load_recipe(write(tmp_path, text), shipped, {"steps": 3})


@pytest.mark.parametrize("name", ["lorra", "", ".", "lora/../lora"])
def test_a_recipe_that_there_is_not(name: str, shipped: Config) -> None:
    with pytest.raises(RecipeError, match="There is no recipe") as caught:
        load_recipe(name, shipped)
    assert caught.value.code == "recipe.unknown"
    assert "few-shot" in caught.value.remedy


def test_numbers_as_people_write_them(shipped: Config, tmp_path: Path) -> None:
    text = "base: lora\nstages: [{objective: contrastive, learning_rate: 1e-4, weight_decay: .5e-1}]\n"
    stage = load_recipe(write(tmp_path, text), shipped).stages[0]
    assert (stage.learning_rate, stage.weight_decay) == (1e-4, 0.05)
