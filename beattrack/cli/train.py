"""`beattrack train`: from annotated music to a trained network."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli.command_group import EXIT_FAILURE, EXIT_SIGNAL
from beattrack.cli.datasets import FOLDER, dataset_options, load
from beattrack.cli.report import prepared
from beattrack.network.networks import NETWORKS, network_settings
from beattrack.runtime.progress import on_terminal

if TYPE_CHECKING:
    from beattrack.datasets.training import LoadedSongs
    from beattrack.network.settings import NetworkSettings
    from beattrack.training.settings import TrainingSettings

_FILE = click.Path(path_type=Path, dir_okay=False)
# Options that change a setting, and the name of that setting.
_SETTINGS = {
    "seed": "seed",
    "steps": "steps",
    "steps_per_epoch": "steps_per_epoch",
    "batch": "batch",
    "learning_rate": "learning_rate",
    "precision": "precision",
    "start": "start",
    "early_stop": "patience",
    "validation_share": "validation.share",
    "folds": "validation.folds",
    "fold": "validation.fold",
}

_RUN = "Folder of the run. [default: runs/ and the name of the config or datasets]"
_CONFIG = "Settings: a TOML file or the settings.json of a run."
_NETWORK = (
    f"Network: {', '.join(NETWORKS)}, or a TOML or JSON file with a table [network]. --config and --set "
    "change its settings. [default: tcn]"
)
_PARAMETERS = (
    "Give the network of --model-config this number of parameters, without harmony view and tempo head."
)
_SET = "Change a setting, such as crop.frames=1000; docs/training.md lists them. May be repeated."
_START = "Start from the weights of a run folder, a model file or a shipped model."
_EARLY = "Stop after N validations of held-out songs without a better score; 0 for never."
_DEVICES = "Number of devices, or a list such as 0,2, as in Lightning's Trainer."
_STRATEGY = "How to distribute the work over devices, such as ddp, as in Lightning's Trainer."
_WORKERS = "Processes that draw batches. [default: 1 on a CPU; with a GPU, all cores but one, at most 16]"
_THREADS = "CPU threads of the network in each process. [default: all cores, shared by --devices]"
_PACK_MEMORY = (
    "Memory for decoded songs of packs; larger packs are read as they are needed. [default: 2147 per device]"
)


@click.command()
@dataset_options
@click.option("--run", "folder", metavar="DIR", type=FOLDER, help=_RUN)
@click.option("--config", metavar="FILE", type=_FILE, help=_CONFIG)
@click.option("--model-config", metavar="NAME|FILE", help=_NETWORK)
@click.option("--parameters", metavar="N", type=click.IntRange(min=1), help=_PARAMETERS)
@click.option("--set", "changes", metavar="NAME=VALUE", multiple=True, help=_SET)
@click.option("--steps", type=click.IntRange(min=1), help="Number of optimiser steps.")
@click.option("--steps-per-epoch", type=click.IntRange(min=1), help="Steps between validations.")
@click.option("--batch", type=click.IntRange(min=1), help="Crops per step.")
@click.option("--learning-rate", type=float, help="Peak of the learning rate.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers.")
@click.option("--start", metavar="RUN|MODEL", help=_START)
@click.option("--early-stop", metavar="N", type=click.IntRange(min=0), help=_EARLY)
@click.option("--validation-share", type=float, help="Share of the songs to hold out.")
@click.option("--folds", type=click.IntRange(min=0), help="Number of folds, for cross-validation.")
@click.option("--fold", type=click.IntRange(min=0), help="Fold to hold out, from 0.")
@click.option(
    "--precision", type=click.Choice(("32-true", "bf16-mixed", "16-mixed")), help="Numerical precision."
)
@click.option("--accelerator", default="auto", show_default=True, help="Device: cpu, gpu or auto.")
@click.option("--devices", metavar="N", default="auto", show_default=True, help=_DEVICES)
@click.option(
    "--num-nodes", type=click.IntRange(min=1), default=1, show_default=True, help="Number of machines."
)
@click.option("--strategy", default="auto", show_default=True, help=_STRATEGY)
@click.option("--workers", type=click.IntRange(min=0), help=_WORKERS)
@click.option("--threads", type=click.IntRange(min=1), help=_THREADS)
@click.option("--pack-memory", metavar="MB", type=click.IntRange(min=0), help=_PACK_MEMORY)
@click.option("--tensorboard", is_flag=True, help="Also write TensorBoard logs.")
@click.option("--quiet", is_flag=True, help="Print only errors on standard error.")
def train(folder: Path | None, **options: Any) -> None:
    """Train a network on annotated music.

    \b
    beattrack train --dataset gtzan --data-home DIR        train; run it again to resume
    beattrack train --config recipe.toml --steps 2000      settings from a file, one of them changed
    beattrack train --model-config gru --dataset gtzan     another network, by name
    beattrack export runs/gtzan                            turn the run into a model file

    The run folder holds settings, a manifest of the data, log.csv, checkpoints and metrics.json.
    """
    with prepared(), _ranked():
        code = _run(folder, options)
    click.get_current_context().exit(code)


@contextmanager
def _ranked() -> Iterator[None]:
    """Let only the first of several processes print what all know; others print their number first."""
    _require_torch()
    from beattrack.errors import BeattrackError
    from beattrack.training import ranks
    from beattrack.training.errors import SharedError

    ranks.end_with_parent()
    try:
        yield
    except (BeattrackError, click.ClickException, OSError) as error:
        if ranks.is_first_process():
            raise
        if isinstance(error, SharedError):
            ranks.wait_for_news_of_parent()
            raise click.exceptions.Exit(EXIT_FAILURE) from error
        said = error.format_message() if isinstance(error, click.ClickException) else str(error)
        raise click.ClickException(f"rank {ranks.rank()}: {said}") from error


def _run(folder: Path | None, options: Mapping[str, Any]) -> int:
    settings = _settings(options)
    folder = folder or _default_folder(options, settings)
    _fail_early(folder, settings)
    shown = _is_shown(options)
    return _train(folder, settings, load(settings.dataset, options, shown=shown), options, shown)


def _require_torch() -> None:
    from beattrack.errors import MissingExtraError

    for package in ("torch", "lightning"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "train", "training") from error


def _settings(options: Mapping[str, Any]) -> TrainingSettings:
    from beattrack.errors import SettingsError
    from beattrack.training.settings import parse_dataset, parse_override, read_settings

    overrides = [parse_override(text) for text in options["changes"]]
    overrides += [(name, options[key]) for key, name in _SETTINGS.items() if options[key] is not None]
    if options["datasets"]:
        overrides.append(("dataset", [parse_dataset(text) for text in options["datasets"]]))
    settings = read_settings(options["config"], overrides, network=_network(options))
    if not settings.dataset:
        raise SettingsError("no dataset given; use --dataset NAME, or [[dataset]] in the --config file")
    return settings


def _network(options: Mapping[str, Any]) -> NetworkSettings:
    """Return the network that --model-config names, which --config and --set may change."""
    from beattrack.training.settings import read_network

    name, parameters = options["model_config"], options["parameters"]
    if name is None or not _is_file(name):
        return network_settings(name or "tcn", parameters=parameters)
    if parameters is not None:
        raise click.UsageError("--parameters needs a --model-config that is a name, not a file")
    return read_network(Path(name))


def _is_file(name: str) -> bool:
    return Path(name).suffix in (".toml", ".json") or len(Path(name).parts) > 1


def _default_folder(options: Mapping[str, Any], settings: TrainingSettings) -> Path:
    if options["config"] is not None and options["config"].suffix != ".json":
        return Path("runs") / str(options["config"].stem)
    names = [choice.name.partition(":") for choice in settings.dataset]
    parts = [Path(path).name or kind for kind, _, path in names]
    if options["model_config"] is not None:
        parts.append(Path(options["model_config"]).stem)
    return Path("runs") / "-".join(parts)


def _fail_early(folder: Path, settings: TrainingSettings) -> None:
    """Check the run folder and the initial weights before audio is analysed, which may take hours."""
    from beattrack.network.model import BeatNetwork
    from beattrack.training.run import check_folder
    from beattrack.training.start import load_start

    resuming = check_folder(folder, settings)
    if settings.start and not resuming:
        load_start(settings.start, BeatNetwork(settings.network))


def _is_shown(options: Mapping[str, Any]) -> bool:
    """Return whether to print progress; only the first process of a run does."""
    from beattrack.training.ranks import is_first_process

    return is_first_process() and not options["quiet"]


def _train(
    folder: Path, settings: TrainingSettings, loaded: LoadedSongs, options: Mapping[str, Any], shown: bool
) -> int:
    from beattrack.training.examples.sampling import split_songs
    from beattrack.training.machine import Machine
    from beattrack.training.ranks import is_first_process
    from beattrack.training.run import train

    machine = Machine(
        accelerator=options["accelerator"],
        devices=options["devices"],
        nodes=options["num_nodes"],
        strategy=options["strategy"],
        workers=options["workers"],
        threads=options["threads"],
        tensorboard=options["tensorboard"],
    )
    outcome = train(
        folder,
        split_songs(loaded.songs_by_dataset, loaded.weights, settings.validation),
        settings,
        machine=machine,
        command=shlex.join(["beattrack", *sys.argv[1:]]),
        left_out=[f"{problem.file}: {problem.reason}" for problem in loaded.problems],
        shown=shown,
        live=shown and on_terminal(),
    )
    if outcome.signal is not None and not outcome.finished:
        if is_first_process():
            click.echo(
                f"beattrack: stopped at step {outcome.step} of {settings.steps}; run the same command to "
                "resume",
                err=True,
            )
        return EXIT_SIGNAL + outcome.signal
    if shown and is_first_process():  # the rank may become known after `shown`
        click.echo(
            f"{folder}: finished at step {outcome.step}; make a model with `beattrack export {folder}`",
            err=True,
        )
    return 0
