"""`beattrack eval`: score trackers against annotations, and compare their scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beattrack.cli import downloads
from beattrack.cli.options import chosen, decoder_options
from beattrack.cli.report import prepared

if TYPE_CHECKING:
    from beattrack.evaluation.predict import TrackerSpec
    from beattrack.evaluation.results import Run
    from beattrack.evaluation.run import RunSettings

EXIT_INTERRUPTED = 130
_WAYS = (
    "use --dataset NAME, or --predictions DIR with --annotations DIR, or two files ESTIMATE REFERENCE, or "
    "--compare with two or more result files"
)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)

_DATASET = "Dataset: gtzan, gtzan-mini, a dataset of mirdata, folder:PATH or rendered:PATH."
_DATA_HOME = "Folder of the dataset. [default: $BEATTRACK_DATA, then ~/mir_datasets/gtzan_genre]"
_PREDICTIONS = "Score the beat files in DIR, of any tool, instead of running a model."
_ANNOTATIONS = "Reference beat files; with --dataset, its annotations, if they are not in the data home."
_SUFFIX = "Ending of the prediction files, removed to match names, such as .downbeats.txt."
_ANNOTATION_SUFFIX = "Ending of the annotation files."
_TEMPO_SUFFIX = "Ending of tempo files beside the predictions, such as .bpm.txt."
_MISSING = "Files without a prediction: leave out and list them, or score them as having no beats."
_TRIM = "Leave out beats before SECONDS: 0 as in madmom and most TCN papers, 5 as in Beat This! and mir_eval."
_TEMPO = (
    "Reference tempo: annotated, or that of the median inter-beat interval; auto: annotated if all have it."
)
_MODEL = "Shipped model (see `beattrack models`) or model file."
_FORCE = "Score a model on its training data, and mark the scores."
_COMPARE = "Compare the result files (--json) of two or more runs with the first one, file by file."
_JOBS = "Number of processes. [default: all cores]"
_CACHE = "Keep predictions in DIR, and reuse those of earlier runs."
_REPORT = "Write an HTML report with plots and sound to DIR."


@click.command("eval")
@click.argument("files", nargs=-1, metavar="[ESTIMATE REFERENCE]", type=_FILE)
@click.option("--dataset", metavar="NAME", help=_DATASET)
@click.option("--data-home", metavar="DIR", type=_FOLDER, help=_DATA_HOME)
@click.option("--download", is_flag=True, help=downloads.HELP)
@click.option("--predictions", metavar="DIR", type=_FOLDER, help=_PREDICTIONS)
@click.option("--annotations", metavar="DIR", type=_FOLDER, help=_ANNOTATIONS)
@click.option("--suffix", metavar="ENDING", help=_SUFFIX)
@click.option("--annotation-suffix", metavar="ENDING", help=_ANNOTATION_SUFFIX)
@click.option("--tempo-suffix", metavar="ENDING", help=_TEMPO_SUFFIX)
@click.option(
    "--missing", type=click.Choice(("skip", "zero")), default="skip", show_default=True, help=_MISSING
)
@click.option("--model", metavar="NAME|PATH", default="tcn", show_default=True, help=_MODEL)
@decoder_options
@click.option(
    "--trim", metavar="SECONDS", type=click.FloatRange(min=0), default=0.0, show_default=True, help=_TRIM
)
@click.option(
    "--tempo-reference",
    type=click.Choice(("auto", "annotated", "ibi")),
    default="auto",
    show_default=True,
    help=_TEMPO,
)
@click.option("--name", help="Name of the system in tables and files. [default: that of the model or folder]")
@click.option("--csv", metavar="FILE", type=_FILE, help="Write the scores of every file.")
@click.option(
    "--json", metavar="FILE", type=_FILE, help="Write means, the scores of every file, settings and versions."
)
@click.option("--report", metavar="DIR", type=_FOLDER, help=_REPORT)
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Number of worst files to list.",
)
@click.option("--compare", is_flag=True, help=_COMPARE)
@click.option("--force", is_flag=True, help=_FORCE)
@click.option("--jobs", type=click.IntRange(min=1), help=_JOBS)
@click.option("--cache", metavar="DIR", type=_FOLDER, help=_CACHE)
@click.option("--quiet", is_flag=True, help="Print no progress and no notes on standard error.")
def eval_command(files: tuple[Path, ...], **options: Any) -> None:
    """Score beats, downbeats and tempo against annotations.

    \b
    beattrack eval --dataset gtzan                          run the shipped model and score it
    beattrack eval --predictions DIR --annotations DIR      score beat files of any tool
    beattrack eval estimate.beats reference.beats           score one file, the estimate first
    beattrack eval --compare a.json b.json                  compare runs saved with --json

    The metrics are those of mir_eval. The table is printed on standard output.
    """
    _check_usage(files, options)
    _check_outputs(options)
    with prepared():
        code = _compare(files, options) if options["compare"] else _score(files, options)
    click.get_current_context().exit(code)


def _check_usage(files: tuple[Path, ...], options: Mapping[str, Any]) -> None:
    """Refuse missing and contradictory arguments before any work."""
    sources = [name for name in ("dataset", "predictions", "annotations") if options[name] is not None]
    if files and sources:
        raise click.UsageError(f"files and --{sources[0]} cannot be used together; {_WAYS}")
    if options["compare"]:
        if len(files) < 2:
            raise click.UsageError("--compare needs two or more result files, written with --json")
        if options["csv"] is not None:
            raise click.UsageError("--csv cannot be used with --compare; use --json")
    elif files and len(files) != 2:
        raise click.UsageError(f"expected two files, ESTIMATE and REFERENCE, not {len(files)}")
    elif not files and options["dataset"] is None and not {"predictions", "annotations"} <= set(sources):
        raise click.UsageError(_WAYS)


def _check_outputs(options: Mapping[str, Any]) -> None:
    for name in ("csv", "json"):
        path = options[name]
        if path is not None and not path.parent.is_dir():
            raise click.UsageError(f"--{name}: the folder {path.parent} does not exist")
    if options["report"] is not None:
        with prepared():
            from beattrack.evaluation.report import require_matplotlib

            require_matplotlib()


def _compare(files: tuple[Path, ...], options: Mapping[str, Any]) -> int:
    import json

    from beattrack.evaluation.compare import compare
    from beattrack.evaluation.results import read_run
    from beattrack.evaluation.table import render_comparison
    from beattrack.runtime.files import atomic_write_text

    runs = [read_run(path) for path in files]
    comparison = compare(runs)
    click.echo(render_comparison(comparison), nl=False)
    if options["json"] is not None:
        atomic_write_text(options["json"], json.dumps(comparison.to_dict(), indent=1) + "\n")
    if options["report"] is not None:
        from beattrack.evaluation.report import write_comparison

        _tell(
            options,
            f"report: {write_comparison(comparison, runs, options['report'], worst=options['worst'])}",
        )
    return 0


def _score(files: tuple[Path, ...], options: Mapping[str, Any]) -> int:
    from beattrack.evaluation.metrics import require_mir_eval
    from beattrack.evaluation.run import RunSettings, from_files, from_folders, score
    from beattrack.runtime.cores import usable_cores

    require_mir_eval()
    settings = RunSettings(
        trim=options["trim"],
        tempo_reference=options["tempo_reference"],
        jobs=options["jobs"] or usable_cores(),
        quiet=options["quiet"],
    )
    if options["dataset"] is not None:
        return _score_dataset(options, settings)
    if files:
        inputs, name, dataset = from_files(*files), files[0].name, files[1].name
    else:
        inputs = from_folders(
            options["predictions"],
            options["annotations"],
            suffix=options["suffix"],
            annotation_suffix=options["annotation_suffix"],
            tempo_suffix=options["tempo_suffix"],
            missing=options["missing"],
        )
        name, dataset = options["predictions"].resolve().name, options["annotations"].resolve().name
    return _deliver(score(inputs, settings, name=options["name"] or name, dataset=dataset), options)


def _score_dataset(options: Mapping[str, Any], settings: RunSettings) -> int:
    from beattrack.datasets import DatasetError, load_dataset
    from beattrack.evaluation.dataset_run import score_predictions, score_tracker
    from beattrack.evaluation.predict import TrackerSpec

    predictions = options["predictions"]
    try:
        dataset = load_dataset(
            options["dataset"],
            data_home=options["data_home"],
            annotations=options["annotations"],
            need_audio=predictions is None,
            download=downloads.leave(options["download"], shown=not options["quiet"]),
        )
    except DatasetError as error:
        raise click.UsageError(str(error)) from error
    _tell(
        options, f"{dataset.name}: {len(dataset.tracks)} recordings, {len(dataset.problems)} files left out"
    )
    named = {name: options[name] for name in ("name", "force")}
    if predictions is None:
        spec = TrackerSpec(options["model"], options["decoder"], chosen(dict(options)))
        return _deliver(
            score_tracker(dataset, spec, settings, cache=options["cache"], **named), options, spec
        )
    endings = {name: options[name] for name in ("suffix", "tempo_suffix", "missing")}
    return _deliver(score_predictions(dataset, predictions, settings, **endings, **named), options)


def _deliver(run: Run, options: Mapping[str, Any], spec: TrackerSpec | None = None) -> int:
    """Print the table and write the requested files."""
    from beattrack.evaluation.results import to_csv, to_json
    from beattrack.evaluation.table import render
    from beattrack.runtime.files import atomic_write_text

    # The table is printed first, so that it is not lost if a file cannot be written.
    click.echo(render(run, worst=options["worst"]), nl=False)
    for name, text in (("csv", to_csv), ("json", to_json)):
        if options[name] is not None:
            atomic_write_text(options[name], text(run))
    if options["report"] is not None:
        from beattrack.evaluation.predict import load_tracker
        from beattrack.evaluation.report import write_run

        activations = None if spec is None else load_tracker(spec).activations
        _tell(
            options,
            f"report: {write_run(run, options['report'], worst=options['worst'], activations=activations)}",
        )
    return 0 if run.complete else EXIT_INTERRUPTED


def _tell(options: Mapping[str, Any], message: str) -> None:
    if not options["quiet"]:
        click.echo(message, err=True)
