"""The progress display of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import click

from beattrack.runtime.progress import StatusLine, duration

SECONDS_BETWEEN = 0.5


class RunProgress:
    """Progress of a run on standard error.

    Args:
        steps: steps of the run.
        audio: seconds of music per step.
        shown: whether to print a line after each epoch.
        live: whether to also draw a line that is overwritten.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        *,
        steps: int,
        audio: float,
        shown: bool,
        live: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps, self.audio, self._shown, self._clock = steps, audio, shown, clock
        self._line = StatusLine(shown=shown and live)
        self._first: tuple[int, float] | None = None
        self._drawn = float("-inf")

    def show(self, step: int, seconds: float) -> None:
        """Draw the line for a step after `seconds` of training, at most twice per second."""
        self._first = self._first or (step, seconds)
        now = self._clock()
        if now - self._drawn >= SECONDS_BETWEEN:
            self._drawn = now
            self._line.draw(progress_line(step, self._steps, self.audio, self._pace(step, seconds)))

    def milestone(self, row: Mapping[str, float | None]) -> None:
        """Print a line about an epoch; `row` is its row in the log."""
        if self._shown:
            self.clear()
            click.echo(milestone_line(row, self._steps), err=True)

    def clear(self) -> None:
        """Erase the line that is overwritten."""
        self._line.clear()

    def _pace(self, step: int, seconds: float) -> float | None:
        """Return the seconds per step since this process started training."""
        if self._first is None or step == self._first[0]:
            return None
        return (seconds - self._first[1]) / (step - self._first[0])


def progress_line(step: int, steps: int, audio: float, pace: float | None) -> str:
    """Return the text of the line that is overwritten.

    Args:
        step: current step.
        steps: steps of the run.
        audio: seconds of music per step.
        pace: seconds per step; None if unknown.
    """
    parts = [f"step {step}/{steps}"]
    if pace:
        parts += [
            f"{pace:.2f} s per step",
            f"{audio / pace:.0f} x real time",
            f"{duration(pace * (steps - step))} left",
        ]
    return ", ".join(parts)


def milestone_line(row: Mapping[str, float | None], steps: int) -> str:
    """Return the text of the line about an epoch: losses and scores from its row in the log."""
    parts = [f"step {row['step']:.0f}/{steps}", f"{duration(row['seconds'] or 0)}"]
    # A network that decides about whole clips has no loss of beats.
    head = "beats" if row["training_beats"] else "tempo"
    parts.append(f"loss {row[f'training_{head}']:.4f}, held out {row[f'validation_{head}']:.4f}")
    if row.get("score") is not None and row.get("beats_f") is None:
        parts.append(f"tempo {row['score']:.3f}")
    elif row.get("score") is not None:
        names = (("beats F", "beats_f"), ("CMLt", "beats_cmlt"), ("downbeats F", "downbeats_f"))
        parts += [f"{label} {row[name]:.3f}" for label, name in names if row.get(name) is not None]
    return ", ".join(parts)
