"""The log of a run: log.csv, with one row per epoch."""

from __future__ import annotations

import csv
from pathlib import Path

from beattrack.runtime.files import atomic_path
from beattrack.training.folder.report import Report
from beattrack.training.losses import Losses

LOG = "log.csv"
SCORES = ("score", "beats_f", "beats_cmlt", "beats_amlt", "downbeats_f", "octave_errors", "off_beat")


class TrainingLog:
    """The log of a run.

    Columns: step; seconds of training, and of these seconds spent waiting for batches; losses of each head on
    training crops since the previous row, and on crops of held-out songs; scores of decoded held-out songs,
    empty if none were decoded.
    """

    columns = (
        *("step", "seconds", "waited"),
        *(f"{side}_{name}" for side in ("training", "validation") for name in Losses._fields),
        *SCORES,
    )

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG

    def append(
        self,
        step: int,
        seconds: float,
        waited: float,
        training: Losses,
        validation: Losses,
        report: Report | None,
    ) -> dict[str, float | None]:
        """Write a row.

        Args:
            step: step at the end of the epoch.
            seconds: seconds of training since the start of the run.
            waited: seconds of these spent waiting for batches.
            training: losses on training crops.
            validation: losses on crops of held-out songs.
            report: scores of decoded songs; None if none were decoded.

        Returns:
            Values by column; None for empty ones.
        """
        values = [float(loss) for losses in (training, validation) for loss in losses]
        scores = [report.headline(name) if report else None for name in SCORES]
        row = dict(zip(self.columns, [step, seconds, waited, *values, *scores], strict=True))
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(self.columns)
            writer.writerow(["" if value is None else f"{value:.6g}" for value in row.values()])
        return row

    def cut(self, step: int) -> None:
        """Remove the rows after a step."""
        if not self._path.exists():
            return
        with self._path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file)) or [list(self.columns)]
        with atomic_path(self._path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *(row for row in rows if float(row[0]) <= step)])
