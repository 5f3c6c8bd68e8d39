"""``satclip models``: which models there are; fetch, take in, check, remove and bundle them."""

from __future__ import annotations

from pathlib import Path

import click

from satclip_engine.cli.output import Output, json_option, size_text
from satclip_engine.cli.progress import bytes_bar, cancel_by_signal
from satclip_engine.cli.tuned import export_command, mix_command
from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.protocol import ModelCheck, ModelInfo, to_json


@click.group("models", invoke_without_command=True)
@json_option
@click.pass_context
def models_command(context: click.Context) -> None:
    """List the models, or fetch, import, check, export, mix, remove or bundle one."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


models_command.add_command(export_command)
models_command.add_command(mix_command)


@models_command.command("list")
@click.option("--installed", is_flag=True, help="Only those on this machine.")
@json_option
@click.pass_obj
def list_command(output: Output, installed: bool = False) -> None:
    """List the models on this machine and those that can be downloaded."""
    models = [model for model in _models() if model.installed or not installed]
    output.result({"models": to_json(tuple(models))}, "\n".join(_line(model) for model in models))


@models_command.command("show")
@click.argument("model")
@json_option
@click.pass_obj
def show_command(output: Output, model: str) -> None:
    """Show everything known of MODEL: licence, what is unconfirmed, paper, resolution."""
    found = _find(model)
    output.result({"model": to_json(found)}, "\n".join(_details(found)))


@models_command.command("download")
@click.argument("model")
@click.option("--yes", is_flag=True, help="Accept the licence without being asked.")
@json_option
@click.pass_obj
def download_command(output: Output, model: str, yes: bool) -> None:
    """Download MODEL of the registry; a broken download goes on where it stopped."""
    from satclip_engine.models.registry.download import download_model

    found = _find(model)
    if not found.installed:
        click.echo("\n".join(_terms(found)), err=True)
        if not yes and (output.as_json or not click.confirm("Download under this licence?", err=True)):
            raise OptionError(
                f"The licence of {model} was not accepted.",
                remedy=f"Read it, then download with --yes: satclip models download {model} --yes.",
                code="option.licence",
                model=model,
            )
    with cancel_by_signal() as check_cancelled, bytes_bar(hidden=output.as_json) as progress:
        folder = download_model(model, Config.from_environment(), progress, check_cancelled)
    output.result({"model": model, "path": str(folder)}, f"{model} is installed in {folder}\n{_next(model)}")


@models_command.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--id", "model_id", default="", help="Id to give it; else the file's name.")
@click.option("--architecture", default="", help="open_clip architecture, where the file does not tell.")
@json_option
@click.pass_obj
def import_command(output: Output, path: Path, model_id: str, architecture: str) -> None:
    """Take in weights from this machine: a checkpoint, a zip of one, an open_clip folder or a bundle."""
    from satclip_engine.models.registry.imports import import_model

    folder = import_model(path, Config.from_environment(), model_id, architecture)
    text = f"{folder.name} is installed in {folder}\n{_next(folder.name)}"
    output.result({"model": folder.name, "path": str(folder)}, text)


@models_command.command("check")
@click.argument("model")
@click.option(
    "--tiles",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of images with captions.jsonl; else drawn tiles.",
)
@json_option
@click.pass_obj
def check_command(output: Output, model: str, tiles: Path | None) -> None:
    """Measure whether MODEL is set up as it was trained: activation, normalisation, text length."""
    from satclip_engine.models.registry.check import check_model

    found = check_model(model, Config.from_environment(), tiles)
    output.result({"check": to_json(found)}, "\n".join(_findings(found)))


@models_command.command("remove")
@click.argument("model")
@click.option("--forget-hash", is_flag=True, help="Also accept another file at the next download.")
@json_option
@click.pass_obj
def remove_command(output: Output, model: str, forget_hash: bool) -> None:
    """Delete MODEL, or what an unfinished download of it left."""
    from satclip_engine.models.registry import download
    from satclip_engine.models.registry.remove import remove_model

    config = Config.from_environment()
    if forget_hash:
        download.forget_hash(model, config)
        if not any((config.models_dir / name).is_dir() for name in (model, f".downloads/{model}")):
            output.result({"model": model, "freed_bytes": 0}, f"The digest of {model} is forgotten.")
            return
    freed_bytes = remove_model(model, config)
    output.result({"model": model, "freed_bytes": freed_bytes}, f"Freed {size_text(freed_bytes)}.")


@models_command.command("bundle")
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder.")
@click.option("--backend", type=click.Choice(["cpu", "cuda"]), default="cpu", help="Whose wheels.")
@json_option
@click.pass_obj
def bundle_command(output: Output, model: str, out: Path, backend: str) -> None:
    """Write MODEL, the engine and its wheels into a folder, for a machine without a network."""
    from satclip_engine.models.registry.bundle import README_FILE_NAME, write_bundle

    def say(line: str) -> None:
        click.echo(line, err=True)

    folder = write_bundle(model, out, Config.from_environment(), backend=backend, say=say)
    output.result({"model": model, "path": str(folder)}, f"The bundle is in {folder}: see {README_FILE_NAME} there.")


def _models() -> tuple[ModelInfo, ...]:
    from satclip_engine.models.catalogue import list_models

    return list_models(Config.from_environment())


def _find(model_id: str) -> ModelInfo:
    found = next((model for model in _models() if model.id == model_id), None)
    if found is None:
        raise OptionError(
            f"There is no model {model_id!r}.",
            remedy="satclip models lists their ids.",
            code="model.unknown",
            model=model_id,
        )
    return found


def _line(model: ModelInfo) -> str:
    facts = [model.title, model.licence]
    if model.gsd_min_m is not None and model.gsd_max_m is not None:
        facts.append(f"{model.gsd_min_m:g}-{model.gsd_max_m:g} m/px")
    if model.size_bytes is not None:
        facts.append(size_text(model.size_bytes))
    if not model.installed:
        facts.append("can be downloaded" if model.downloadable else "not installed")
    if not model.dense:
        facts.append("makes no maps")
    return f"{model.id:<24} {'; '.join(facts)}"


def _terms(model: ModelInfo) -> list[str]:
    size = f"about {size_text(model.size_bytes)}" if model.size_bytes is not None else "size not stated"
    lines = [f"{model.title} ({size}) from {model.source}", f"Licence: {model.licence}  {model.licence_url}".rstrip()]
    return lines + [f"Unconfirmed: {fact}" for fact in model.unconfirmed]


def _details(model: ModelInfo) -> list[str]:
    state = "built in" if model.builtin else "installed" if model.installed else "not installed"
    size = size_text(model.size_bytes) if model.size_bytes is not None else "not stated"
    facts = {
        "Title": model.title,
        "State": f"{state}{', imported' if model.imported else ''}{'' if model.dense else '; makes no maps'}",
        "Architecture": model.architecture,
        "Source": model.source,
        "Size": size,
        "Licence": f"{model.licence}  {model.licence_url}".rstrip(),
        "Paper": model.paper,
        "Good at": model.good_at,
        "Resolution": _resolution(model),
        "Notes": model.notes,
        "Check": model.checked,
    }
    lines = [f"{name + ':':<14} {value}" for name, value in facts.items() if value]
    return lines + [f"{'Unconfirmed:':<14} {fact}" for fact in model.unconfirmed]


def _resolution(model: ModelInfo) -> str:
    if model.gsd_min_m is None or model.gsd_max_m is None:
        return ""
    best = f", best {model.gsd_recommended_m:g}" if model.gsd_recommended_m is not None else ""
    return f"{model.gsd_min_m:g}-{model.gsd_max_m:g} m/px{best}. {model.gsd_reason}".rstrip()


def _findings(found: ModelCheck) -> list[str]:
    lines = [f"Does not fit: {warning}" for warning in found.warnings]
    lines += [f"Cannot tell: {fact}" for fact in found.undecided]
    if found.activation and found.activation == found.activation_expected:
        lines.insert(0, f"Activation: {found.activation}, as configured.")
    if found.mean_std:
        lines.insert(0, f"Normalisation that fits best: {found.mean_std}.")
    if found.context_length is not None:
        lines.insert(0, f"Text: {found.context_length} tokens.")
    return lines


def _next(model_id: str) -> str:
    return f"Check how it is set up: satclip models check {model_id}"
