"""The recipes that ship, for whoever chooses one."""

from __future__ import annotations

from satclip_engine.config import Config
from satclip_engine.protocol import RecipeList
from satclip_engine.training.recipes import load_recipe, recipe_names

# From the first choice over what needs less to what needs more; others follow by name.
_ORDER = ("lora", "projection", "adapter", "last-blocks", "full", "contrastive", "few-shot", "dense")


def list_recipes(config: Config) -> RecipeList:
    """Return the recipes that ship, the first choice first, and where models are."""
    names = sorted(recipe_names(config), key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return RecipeList(tuple(load_recipe(name, config) for name in names), str(config.models_dir.resolve()))
