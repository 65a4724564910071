"""Measure how well one true downbeat as an anchor repairs recordings whose bars are wrong.

    beattrack predict gtzan/audio/*.wav -o tracked --activations activations
    python recipes/anchors.py activations gtzan/beats
    python recipes/anchors.py activations gtzan/beats --repeat 6

Wrong bars: the F-measure of the beats is at least .85, and that of the downbeats less than .8 of it. The
anchor is the first annotated downbeat from 5 s on. With --repeat, each excerpt is repeated from its first
downbeat to its last one, which turns excerpts of 30 s into recordings of nearly three minutes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from beattrack.activations import Activations
from beattrack.decoding.make import make_decoder
from beattrack.evaluation.score import Item, ScoreSettings, score_item
from beattrack.formats.readers import BeatSequence, read_beats
from beattrack.tracker import PULSE_CONFIDENCE, decode

LEAST_BEATS, LEAST_SHARE = 0.85, 0.8
BEFORE_DOWNBEAT = 0.05  # seconds, so that the activation of a downbeat is not cut


class Row(NamedTuple):
    """F-measures of one recording, as (beats, downbeats).

    Attributes:
        name: name of the recording.
        free: without the anchor.
        held: with the anchor.
    """

    name: str
    free: tuple[float, float]
    held: tuple[float, float]

    @property
    def share(self) -> float:
        """F-measure of the downbeats over that of the beats, with the anchor."""
        return self.held[1] / self.held[0]


def measure(name: str, activations: Activations, truth: BeatSequence, after: float) -> Row | None:
    """Return the scores with and without an anchor; None if the bars are not wrong.

    Args:
        name: name of the recording.
        activations: its activations.
        truth: its annotation.
        after: the anchor is the first downbeat from this time in seconds on.
    """
    downbeats = np.empty(0) if truth.downbeats is None else truth.downbeats
    later = downbeats[downbeats >= after]
    free = scores(activations, truth, None)
    if free[0] < LEAST_BEATS or free[1] >= LEAST_SHARE * free[0] or not len(later):
        return None
    return Row(name, free, scores(activations, truth, [(float(later[0]), 1)]))


def scores(
    activations: Activations, truth: BeatSequence, anchors: list[tuple[float, int]] | None
) -> tuple[float, float]:
    """Return the F-measures of beats and downbeats, decoded as `beattrack predict` does."""
    beats = decode(activations, make_decoder("dbn"), least_confidence=PULSE_CONFIDENCE, anchors=anchors)
    found = BeatSequence(beats.times, beats.positions)
    values = score_item(Item("", truth, found), ScoreSettings()).values
    return values["beats.f_measure"], values["downbeats.f_measure"]


def repeated(activations: Activations, truth: BeatSequence, times: int) -> tuple[Activations, BeatSequence]:
    """Return an excerpt from its first to its last downbeat, several times in a row."""
    if truth.positions is None or (truth.positions == 1).sum() < 2:
        raise click.UsageError("--repeat needs two annotated downbeats in each file")
    first, last = np.flatnonzero(truth.positions == 1)[[0, -1]]
    fps = activations.fps
    begin, end = (max(round((truth.times[i] - BEFORE_DOWNBEAT) * fps), 0) for i in (first, last))
    seconds = np.arange(times)[:, None] * ((end - begin) / fps)
    looped = replace(
        activations,
        beats=np.tile(activations.beats[begin:end], times),
        downbeats=None if activations.downbeats is None else np.tile(activations.downbeats[begin:end], times),
        pauses=None,
    )
    beats = truth.times[first:last] - begin / fps + seconds
    return looped, BeatSequence(beats.reshape(-1), np.tile(truth.positions[first:last], times))


@click.command()
@click.argument("activations", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("annotations", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--repeat", type=click.IntRange(1), default=1, help="Number of times to repeat each excerpt.")
@click.option("--after", type=click.FloatRange(0), default=5.0, help="Earliest time of the anchor.")
def main(activations: Path, annotations: Path, repeat: int, after: float) -> None:
    """Print the F-measures of all ACTIVATIONS (.npz) with wrong bars by the ANNOTATIONS (.beats)."""
    rows = []
    for path in sorted(activations.glob("*.npz")):
        annotation = annotations / f"{path.stem}.beats"
        if not annotation.exists():
            continue
        music, truth = Activations.load(path), read_beats(annotation)
        if repeat > 1:
            music, truth = repeated(music, truth, repeat)
        row = measure(path.stem, music, truth, after)
        if row is not None:
            rows.append(row)
            click.echo(
                f"{row.name}: beats {row.free[0]:.3f} -> {row.held[0]:.3f}, "
                f"downbeats {row.free[1]:.3f} -> {row.held[1]:.3f}"
            )
    if not rows:
        raise click.ClickException("no recording has right beats and wrong bars")
    beats, downbeats = np.mean([row.held for row in rows], axis=0)
    share = float(np.mean([row.share for row in rows]))
    repaired = sum(row.share >= 0.95 for row in rows)
    click.echo(
        f"{len(rows)} recordings: beats {beats:.3f}, downbeats {downbeats:.3f}; downbeats over beats "
        f"{share:.3f}, at least .95 in {repaired}"
    )


if __name__ == "__main__":
    main()
