"""``satclip train`` and ``satclip keep``: a training set and a recipe to a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_engine.cli.output import Output, duration_text, json_option, size_text
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.config import Config
from satclip_engine.errors import RecipeError
from satclip_engine.protocol import TrainRequest, to_json

if TYPE_CHECKING:
    from satclip_engine.protocol import Recipe, TrainEstimate


class _TrainCommand(click.Command):
    """The command whose help lists the recipes that ship."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the recipes' names and when to use them."""
        from satclip_engine.training.recipes import load_recipe, recipe_names

        del ctx
        config = Config.from_environment()
        with formatter.section("Recipes"):
            formatter.write_dl([(name, load_recipe(name, config).when) for name in recipe_names(config)])


@click.command("train", cls=_TrainCommand)
@click.argument("pairs", required=False, type=click.Path(path_type=Path))
@click.option("--recipe", "recipe_name", default="lora", show_default=True, help="Recipe below, or a YAML file.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the new model; a run begun there continues.")
@click.option("--model", default="mini", show_default=True, help="Model to start from: id or path.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a setting: method.rank=4, steps=200."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "fp32", "bf16"]))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 1_000_000), help="Of every draw.")
@click.option("--title", default="", help="Of the new model; by itself the folder's name.")
@click.option(
    "--save-every",
    "save_every_s",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, 86_400),
    metavar="SECONDS",
    help="A killed training loses no more than this.",
)
@click.option("--show", is_flag=True, help="Print the recipe with its settings and stop.")
@click.option("--estimate", is_flag=True, help="Take a few steps, say what the training will cost, and stop.")
@json_option
@click.pass_obj
def train_command(output: Output, /, **options: Any) -> None:
    """Fine-tune a model on the training set PAIRS (see satclip captions).

    Ctrl-C stops; the same command continues, and satclip keep makes a model of the best weights so far. Under torchrun
    every process takes its share of each batch.
    """
    from satclip_engine.training.recipes import load_recipe

    config = Config.from_environment()
    recipe = load_recipe(options["recipe_name"], config, _changes(options["settings"]))
    if options["show"]:
        output.result(to_json(recipe), _yaml(recipe))
        return
    for name in ("pairs", "out"):
        if options[name] is None:
            raise click.UsageError(
                "Give the training set." if name == "pairs" else "Give --out, the new model's folder."
            )
    request = TrainRequest(
        pairs=str(options["pairs"].resolve()),
        out=str(options["out"].resolve()),
        recipe=recipe,
        **{name: options[name] for name in ("model", "device", "precision", "seed", "title", "save_every_s")},
    )
    is_speaker = os.environ.get("RANK", "0") == "0"  # one of torchrun's processes speaks for all
    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json or not is_speaker) as progress:
        if options["estimate"]:
            from satclip_engine.training.estimate import estimate_training

            found = estimate_training(request, config, check_cancelled)
            output.result(to_json(found), _cost(found))
            return
        from satclip_engine.training.fine_tune import fine_tune

        folder = fine_tune(request, config=config, progress=progress, check_cancelled=check_cancelled)
    if is_speaker:
        _say_result(output, folder)


@click.command("keep")
@click.argument("out", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def keep_command(output: Output, /, out: Path) -> None:
    """Make a model of the best weights so far of a training in OUT that was stopped."""
    from satclip_engine.training.fine_tune import keep_best

    with cancel_by_signal() as check_cancelled, progress_bar(hidden=output.as_json) as progress:
        folder = keep_best(
            out.resolve(), config=Config.from_environment(), progress=progress, check_cancelled=check_cancelled
        )
    _say_result(output, folder)


def _changes(settings: tuple[str, ...]) -> dict[str, Any]:
    from satclip_engine.training.recipes import parse_yaml

    changes = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise RecipeError(
                f"{setting!r} is no setting.",
                remedy="Write --set method.rank=4 or --set steps=200.",
                code="recipe.setting",
            )
        changes[key.strip()] = parse_yaml(value, setting)
    return changes


def _yaml(recipe: Recipe) -> str:
    import yaml

    return yaml.safe_dump(to_json(recipe), sort_keys=False, width=100).rstrip()


def _cost(found: TrainEstimate) -> str:
    lines = [
        f"{found.steps} steps on {found.device}: about {duration_text(found.seconds)}.",
        f"  memory  {size_text(found.memory_bytes)}",
        f"  disk    {size_text(found.disk_bytes)}",
        f"  trains  {found.trained_weights:,} of {found.all_weights:,} weights",
    ]
    return "\n".join([*lines, *(f"  {note}" for note in found.notes)])


def _say_result(output: Output, folder: Path) -> None:
    from satclip_engine.models.registry.card_facts import read_facts

    training = read_facts(folder)["training"]
    found = training["before_after"]
    weights = f"{found['trained_weights']:,} of {found['all_weights']:,} weights"
    lines = [f"Trained {weights} in {duration_text(found['seconds'])}.", *score_lines(found)]
    lines += [f"  {note}" for note in found["notes"]]
    output.result({"folder": str(folder), **training}, "\n".join([*lines, f"  model  {folder}"]))


def score_lines(found: dict[str, Any]) -> list[str]:
    """Return what a training gained, a line for each score."""
    lines = [
        f"  {name.replace('_', ' '):<12} {value:.3f} → {found['after'][name]:.3f} on the {found['split']} pairs"
        for name, value in found["before"].items()
        if name in found["after"]
    ]
    general = f"{found['general_before']:.3f} → {found['general_after']:.3f}"
    return [*lines, f"  {'general':<12} {general} on drawn pictures of common things"]
