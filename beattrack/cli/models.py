"""`beattrack models`: the shipped models and their cards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from beattrack.cli.report import prepared

if TYPE_CHECKING:
    from beattrack.registry import Model, ModelCard, Score


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the model cards as a JSON list.")
def models(as_json: bool) -> None:
    """List the shipped models with their data, licence, size and scores."""
    from beattrack.registry import shipped

    with prepared():
        found = shipped()
    if as_json:
        records = [{**card.to_dict(), "bytes": _size(model)} for model, card in _cards(found)]
        click.echo(json.dumps(records, indent=2, allow_nan=False))
        return
    blocks = ["\n".join(_lines(model, card)) for model, card in _cards(found)]
    click.echo("\n\n".join(blocks) or "No models are shipped with this installation.")


def _cards(found: tuple[Model, ...]) -> Iterator[tuple[Model, ModelCard]]:
    return ((model, model.card) for model in found if model.card is not None)


def _size(model: Model) -> int | None:
    return model.path.stat().st_size if model.path.is_file() else None


def _lines(model: Model, card: ModelCard) -> Iterator[str]:
    size = _size(model)
    data = "; ".join(f"{item.name} ({item.hours:g} h, {item.licence})" for item in card.data)
    seconds = card.receptive_field_seconds
    frames = "unlimited" if seconds is None else f"{card.receptive_field_frames} frames ({seconds:.1f} s)"
    yield f"{card.name}: {card.description}"
    yield f"  file             {card.file}, " + ("missing" if size is None else f"{size / 1e6:.2f} MB")
    yield f"  licence          {card.licence}"
    yield f"  trained on       {data or 'nothing stated'}"
    yield f"  scores void on   {', '.join(card.trained_on_datasets) or 'no dataset'}"
    yield f"  parameters       {card.parameters}"
    yield f"  receptive field  {frames} at {card.fps:g} frames per second"
    yield f"  made             {card.date}, recipe {card.recipe}, seed {card.seed}, commit {card.commit}"
    for score in card.metrics:
        yield f"  {score.dataset}, {score.files} files, first {score.trim_s:g} s left out, {score.system}"
        yield from _score_lines(score)


def _score_lines(score: Score) -> Iterator[str]:
    for name, values in (("beats", score.beats), ("downbeats", score.downbeats), ("tempo", score.tempo)):
        if values is not None:
            yield f"    {name:<14} {_percentages(values)}"


def _percentages(values: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {100 * value:.1f}" for name, value in values.items())
