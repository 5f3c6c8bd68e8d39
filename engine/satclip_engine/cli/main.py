"""The command ``satclip``: its group, its exit codes and its last line of defence."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

import satclip_engine
from satclip_engine.cli.apply import apply_command
from satclip_engine.cli.assess import assess_group
from satclip_engine.cli.cache import cache_group
from satclip_engine.cli.captions import captions_group
from satclip_engine.cli.doctor import doctor_command
from satclip_engine.cli.evaluate import evaluate_command
from satclip_engine.cli.fit import fit_command
from satclip_engine.cli.models import models_command
from satclip_engine.cli.output import EXIT_CANCELLED, EXIT_INPUT, EXIT_OK, Output
from satclip_engine.cli.samples import samples_group
from satclip_engine.cli.segment import replay_command, segment_command
from satclip_engine.cli.serve import serve_command
from satclip_engine.cli.train import keep_command, train_command
from satclip_engine.config import Config
from satclip_engine.problems import as_satclip_error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(satclip_engine.__version__, prog_name="satclip")
def satclip() -> None:
    """Open-vocabulary maps from satellite imagery, on your own machine.

    Exit codes: 0 done, 2 wrong input, 3 the machine or the model cannot, 4 engine error, 130 cancelled.
    """


for _command in (
    segment_command,
    replay_command,
    fit_command,
    apply_command,
    samples_group,
    captions_group,
    train_command,
    keep_command,
    evaluate_command,
    assess_group,
    models_command,
    cache_group,
    serve_command,
    doctor_command,
):
    satclip.add_command(_command)


def main() -> None:
    """Run ``satclip`` with this process's arguments and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run ``satclip`` and return its exit code; errors are one line on standard error."""
    output = Output()
    try:
        code = satclip.main(args=list(arguments), prog_name="satclip", standalone_mode=False, obj=output)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_INPUT
    except click.ClickException as error:
        click.echo(f"satclip: {_sentence(error)} See satclip --help.", err=True)
        return EXIT_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("satclip: Stopped.", err=True)
        return EXIT_CANCELLED
    except Exception as error:  # one of the three edges: every error is one line here
        if as_satclip_error(error).code == "engine.bug":
            _keep_traceback(Config.from_environment().logs_dir)
        return output.error(error)
    return code if isinstance(code, int) else EXIT_OK


def _sentence(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _keep_traceback(logs_dir: Path) -> None:
    try:
        logs_dir.mkdir(parents=True, exist_ok=True)
        with (logs_dir / "cli.log").open("a", encoding="utf-8") as log:
            log.write(traceback.format_exc())
    except OSError:
        # The folder may be what is wrong; the one line is still said.
        return
