"""`beattrack export`: from a training run to a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from beattrack.cli.report import prepared

_FOLDER = click.Path(path_type=Path, file_okay=False)
_OUTPUT = "Folder for the model. [default: RUN]"
_SCORES = "Scores for the card, made by recipes/scores.py from results of `beattrack eval --json`."
_CHECKPOINT = "Weights with the best score on held-out songs, or the last ones."


@click.command()
@click.argument("run", type=_FOLDER)
@click.option("-o", "--output", "folder", metavar="DIR", type=_FOLDER, help=_OUTPUT)
@click.option("--name", help="Name of the model and its files. [default: the name of the folder RUN]")
@click.option("--description", help="One sentence for the card.")
@click.option("--licence", default="MIT", show_default=True, help="Licence of the weights, for the card.")
@click.option(
    "--checkpoint", type=click.Choice(("best", "last")), default="best", show_default=True, help=_CHECKPOINT
)
@click.option("--scores", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help=_SCORES)
@click.option("--quiet", is_flag=True, help="Print only errors on standard error.")
def export(
    run: Path,
    folder: Path | None,
    name: str | None,
    description: str | None,
    licence: str,
    checkpoint: Literal["best", "last"],
    scores: Path | None,
    quiet: bool,
) -> None:
    """Turn the training run in the folder RUN into a model file.

    Writes NAME.onnx, the only file that `beattrack predict --model` needs, and the model card NAME.json.
    Checks that ONNX Runtime agrees with torch.
    """
    with prepared():
        _require("torch", "onnx", "lightning")
        from beattrack.training.folder.card import export_run

        measured = [] if scores is None else _read_scores(scores)
        exported = export_run(
            run,
            folder or run,
            name=name or run.resolve().name,
            description=description,
            licence=licence,
            checkpoint=checkpoint,
            scores=measured,
        )
    if not quiet:
        size = exported.path.stat().st_size / 1e6
        click.echo(
            f"{exported.path}: {exported.card.parameters} parameters of step {exported.step}, {size:.2f} MB; "
            f"differs from torch by at most {exported.difference:.1g}",
            err=True,
        )


def _require(*packages: str) -> None:
    from beattrack.errors import MissingExtraError

    for package in packages:
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "train", "exporting") from error


def _read_scores(path: Path) -> list[Any]:
    import json

    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"--scores: {path}: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(f"--scores: {path}: is not a JSON file") from error
    if not isinstance(scores, list):
        raise click.UsageError(f"--scores: {path}: is not a list of scores; make one with recipes/scores.py")
    return scores
