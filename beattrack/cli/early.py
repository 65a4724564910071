"""Decode the next recording while the program does something else."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from beattrack.cli.inputs import STDIN
from beattrack.cli.outputs import Job

if TYPE_CHECKING:
    from beattrack.audio.early import EarlyRecording


class EarlyJobs:
    """The recordings of jobs, each decoded by a thread before the job is reached.

    Args:
        jobs: the jobs in order.
        track: number of the audio track, from 1; None for the default track.
        skip_existing: whether jobs are skipped whose outputs exist.
    """

    def __init__(self, jobs: Sequence[Job], *, track: int | None, skip_existing: bool) -> None:
        self._jobs = jobs
        self._following = {id(job): later for job, later in itertools.pairwise(jobs)}
        self._track, self._skip_existing = track, skip_existing
        self._begun: tuple[Job, EarlyRecording] | None = None

    def __enter__(self) -> EarlyJobs:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def begin(self, after: Job | None = None) -> None:
        """Begin to decode the recording of the job after another one, or of the first job."""
        self._close()
        job = self._jobs[0] if after is None else self._following.get(id(after))
        if job is None or not self._can_begin(job):
            return
        from beattrack.audio.early import EarlyRecording

        self._begun = job, EarlyRecording(job.source, self._track)

    def take(self, job: Job) -> EarlyRecording | None:
        """Return the recording of a job if its decoding has begun."""
        if self._begun is None or self._begun[0] is not job:
            return None
        _, recording = self._begun
        self._begun = None
        return recording

    def _can_begin(self, job: Job) -> bool:
        skipped = self._skip_existing and job.done
        return job.problem is None and not skipped and job.source != STDIN and os.path.isfile(job.source)

    def _close(self) -> None:
        if self._begun is not None:
            self._begun[1].close()
            self._begun = None
