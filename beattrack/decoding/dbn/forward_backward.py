"""Compute posterior probabilities of the beats exactly, with the forward-backward algorithm, beat by beat.

As in `viterbi`, the starts of the beats determine a path, with the log-density of "no beat" subtracted from
every frame. With sums in place of maxima, the recursions over all states are

    F[i, b, t] = sum over j of F[j, b - 1, t - L_j] exp(E[j, b - 1, t - L_j] + L_j g_j) P(L_j -> L_i)
    R[i, b, t] = exp(E[i, b, t]) D[i, b, t + L_i]
    D[j, b, u] = exp(L_j g_j) sum over k of P(L_j -> L_k) R[k, b + 1, u]

where F is the weight of all paths up to the start of beat b of the bar at frame t with interval L_i, without
this beat; R is the weight of this beat and all that follow it, and D of those that follow if it ends at u; E
and g are the scores of `viterbi`. The probability that the beat begins is F R / Z, with Z the weight of all
paths. First and last beats are cut off as in `viterbi`. If the metre may change, F of the first beat of a bar
is a sum over the last beats of all metres. F and R of beats that the windows of anchors forbid are 0.

The sums are matrix products, one for each place and block of frames of the shortest interval. Weights are
linear, with a logarithmic scale for each place and frame, because those of two phases, or of two metres, may
differ by any factor. At one place and frame, weights below about 1e-300 of the highest are lost.

F is stored for one segment of the input at a time, and recomputed from the columns before it on the way back,
as in `viterbi`. Of D, only the columns that are still needed are stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beattrack.decoding.dbn.observation import Observation, region_sums
from beattrack.decoding.dbn.state_space import StateSpace
from beattrack.decoding.dbn.weights import Links, apply, log_sum, merged, normalise, reversed_links, take
from beattrack.decoding.dbn.windows import forbid

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# Size of F: 4.9 minutes of bars of 3 and 4 beats with 82 intervals at 100 frames per second. Of longer
# inputs, all but the last segment are computed twice.
SEGMENT_BYTES = 128 * 2**20

# Number of blocks of D after which the columns that are still needed move to the end of the buffer.
_BLOCKS_OF_REST = 32

# Logarithms of factors are limited to these. A higher one would multiply a weight below 1e-300. Lower ones
# count as 0, because products below the smallest normal number take long to compute.
_HIGHEST_EXPONENT, _LOWEST_EXPONENT = 700.0, -600.0


@dataclass(frozen=True, eq=False)
class SpacePosterior:
    """Posterior probabilities in one state space.

    Attributes:
        log_likelihood: logarithm of the probability of all paths together; a priori, each metre has 1.
        starts: probability that a beat begins at each place and frame, shape (places, frames).
        interval_shares: expected share of the frames in beats of each interval, shape (intervals,).
        place_shares: expected share of the frames in beats at each place, shape (places,).
    """

    log_likelihood: float
    starts: Float64
    interval_shares: Float64
    place_shares: Float64


def forward_backward(
    space: StateSpace, observation: Observation, *, segment_bytes: int = SEGMENT_BYTES
) -> SpacePosterior:
    """Compute the posterior probabilities of all beats.

    Args:
        space: the state space.
        observation: log-densities of at least one frame.
        segment_bytes: size of F for one segment, in bytes; more if the input is so long that the columns
            stored for the segments would need more memory.

    Returns:
        The posterior probabilities; all 0 if no path has a beat in every window.

    Source: Rabiner, A tutorial on hidden Markov models (Proceedings of the IEEE, 1989).
    """
    model = _Model(space, observation)
    forward = _Forward(model, segment_bytes)
    starts = np.zeros((space.places, observation.frames))
    shares = np.zeros((space.places, len(space.intervals)))
    if forward.log_total == -np.inf:
        return SpacePosterior(-np.inf, starts, shares.sum(axis=0), shares.sum(axis=1))
    backward = _Backward(model, forward.log_total)
    for number in reversed(range(forward.segments)):
        segment = forward.segment(number)
        for first, stop in segment.blocks_down(space.shortest):
            probable = backward.step(segment, first, stop)  # (places, intervals, frames)
            if stop > 0:
                probable.sum(axis=1, out=starts[:, first:stop])
            begin = np.arange(first, stop)
            inside = np.minimum(begin + space.intervals[:, None], observation.frames) - np.maximum(begin, 0)
            shares += np.einsum("pif,if->pi", probable, inside)
    shares /= observation.frames
    return SpacePosterior(
        log_likelihood=forward.log_total + model.constant,
        starts=starts,
        interval_shares=shares.sum(axis=0),
        place_shares=shares.sum(axis=1),
    )


class _Model:
    """What the forward and the backward recursion share.

    Attributes:
        space: the state space.
        frames: number of frames.
        constant: log-density that all paths share.
        frame_scores: frame scores relative to the highest, shape (intervals,).
        step: exp(L_j g_j) P(L_j -> L_i), shape (to, from).
        lengths: number of region lengths, with 0.
        predecessors: places of the beats that may come before each place.
        successors: places of the beats that may come after each place.
    """

    def __init__(self, space: StateSpace, observation: Observation) -> None:
        self.space = space
        self.frames = observation.frames
        highest = float(space.frame_scores.max())
        self.constant = observation.base + highest * self.frames
        self.frame_scores = space.frame_scores - highest
        self.step: Float64 = np.exp(space.step_scores - space.intervals * highest)
        self.lengths = int(space.region_lengths.max()) + 1
        self._scores = observation.scores
        self.predecessors: Links = tuple(
            tuple(pair for pair in zip(places, scores, strict=True) if pair[1] > -np.inf)
            for places, scores in zip(
                space.predecessors.tolist(), space.predecessor_scores.tolist(), strict=True
            )
        )
        self.successors = reversed_links(self.predecessors)
        self._windows = observation.windows

    def region_sums(self, start: int, stop: int) -> Float64:
        """Return E by place, region length and frame, shape (places, lengths, frames)."""
        sums = region_sums(self._scores, start, stop, self.lengths - 1)
        return sums[self.space.observation_class]

    def forbid(self, weights: Float64, start: int) -> None:
        """Set the weights of beats that the windows of anchors forbid to 0.

        Args:
            weights: weights of the beats that begin at each frame, shape (places, intervals, frames).
            start: the first of these frames, which may be negative.
        """
        stop = start + weights.shape[2]
        if any(start < window.stop and stop > window.stop - self.space.longest for window in self._windows):
            scores = np.zeros_like(weights.transpose(1, 0, 2))
            forbid(scores, self.space, self._windows, start)
            np.copyto(weights, 0.0, where=scores.transpose(1, 0, 2) == -np.inf)

    def beat_index(self, columns: int, direction: int) -> Int64:
        """Return flat indices into an array of shape (places, intervals, columns), see `_index`."""
        rows = np.arange(self.space.places * len(self.space.intervals)).reshape(self.space.places, -1)
        return self._index(rows, columns, direction)

    def region_index(self, columns: int, direction: int) -> Int64:
        """Return flat indices into an array of shape (places, lengths, columns), see `_index`."""
        rows = np.arange(self.space.places)[:, None] * self.lengths + self.space.region_lengths.T
        return self._index(rows, columns, direction)

    def scale_index(self, columns: int, direction: int) -> Int64:
        """Return flat indices into an array of shape (places, columns), see `_index`."""
        rows = np.repeat(np.arange(self.space.places)[:, None], len(self.space.intervals), axis=1)
        return self._index(rows, columns, direction)

    def _index(self, rows: Int64, columns: int, direction: int) -> Int64:
        """Return flat indices of the values of all beats for the block that begins at the first column.

        The values are in the row of the beat, at its frame (direction 0), at the start of a beat that ends
        there (-1), or at the end of one that begins there (1). The shape is (places, intervals, shortest).
        """
        # Starts are counted from the column `longest` before the block, because indices must not be negative.
        reach = {
            -1: self.space.longest - self.space.intervals,
            0: 0 * self.space.intervals,
            1: self.space.intervals,
        }
        frames = reach[direction][:, None] + np.arange(self.space.shortest)
        return rows[:, :, None] * columns + frames


@dataclass(frozen=True, eq=False)
class _Segment:
    """F of a segment of the input, after the `longest` columns before it.

    Attributes:
        start: first frame of the segment.
        stop: frame after the last.
        values: F in the units of `scales`, shape (places, intervals, longest + frames).
        scales: logarithm of the units, shape (places, longest + frames).
        sums: E, shape (places, lengths, longest + frames).
    """

    start: int
    stop: int
    values: Float64
    scales: Float64
    sums: Float64

    def blocks_down(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield first and last + 1 frame of each block from the end to the start.

        Before the first segment, the beats that the start of the input cuts off form blocks of their own.
        """
        spans = [(self.start, self.stop)]
        if self.start == 0:
            spans.append((self.stop - self.values.shape[2], 0))
        for start, stop in spans:
            for end in range(stop, start, -size):
                yield max(end - size, start), end

    def columns(self, first: int, stop: int) -> slice:
        """Return the columns of some frames."""
        shift = self.values.shape[2] - self.stop
        return slice(first + shift, stop + shift)


class _Forward:
    """F, one segment of the input at a time.

    Args:
        model: the model.
        segment_bytes: size of F for one segment.

    Attributes:
        segments: number of segments.
        log_total: logarithm of the weight of all paths.
    """

    def __init__(self, model: _Model, segment_bytes: int) -> None:
        self._model, space = model, model.space
        block_bytes = 8 * len(space.intervals) * space.places * space.shortest
        # If segments were shorter than this, the histories would take more memory than the segment.
        least = math.isqrt(model.frames * space.longest)
        length = space.shortest * max(segment_bytes // block_bytes, -(-least // space.shortest))  # frames
        # The first segment is the short one, because the last is not computed twice.
        self._bounds = [0, *range(model.frames % length or length, model.frames, length), model.frames]
        self.segments = len(self._bounds) - 1
        columns = space.longest + min(length, model.frames)
        self._values = np.empty((space.places, len(space.intervals), columns))
        self._scales = np.empty((space.places, columns))
        self._exponents = np.empty((space.places, model.lengths, columns))  # scales + E
        self._began = model.beat_index(columns, -1), model.region_index(columns, -1)
        self._arrivals, self._factors, self._sums = np.empty((3, *self._began[0].shape))
        self._held = -1  # index of the segment in the arrays
        self._histories = [self._first_history()]
        for number in range(self.segments):
            last = self.segment(number)
            tail = (..., slice(-space.longest, None))
            self._histories.append((last.values[tail].copy(), last.scales[tail].copy()))
        self._last = last.values.shape[2]
        self.log_total = self._log_total()

    def segment(self, number: int) -> _Segment:
        """Return F of one segment, which the next call overwrites."""
        space = self._model.space
        start, stop = self._bounds[number : number + 2]
        columns = space.longest + stop - start
        sums = self._model.region_sums(start - space.longest, stop)
        if number != self._held:
            values, scales = self._histories[number]
            self._values[:, :, : space.longest], self._scales[:, : space.longest] = values, scales
            self._exponents[:, :, : space.longest] = scales[:, None] + sums[:, :, : space.longest]
            for first in range(space.longest, columns, space.shortest):
                block = slice(first, min(first + space.shortest, columns))
                self._advance(block, sums, start + first - space.longest)
            self._held = number
        return _Segment(start, stop, self._values[:, :, :columns], self._scales[:, :columns], sums)

    def _first_history(self) -> tuple[Float64, Float64]:
        """Return F and its scales before the first frame."""
        space = self._model.space
        frames = np.arange(-space.longest, 0)
        logs = space.log_initial[:, None, None] + self._model.frame_scores[:, None] * frames
        logs = np.where(frames >= -space.intervals[:, None], logs, -np.inf)  # (places, intervals, frames)
        values, scales = np.exp(logs - logs.max(axis=1)[:, None]), logs.max(axis=1)
        self._model.forbid(values, -space.longest)
        return values, normalise(values, scales, values)

    def _advance(self, columns: slice, sums: Float64, start: int) -> None:
        """Compute the columns of one block, the first of which is frame `start`."""
        width, shift = columns.stop - columns.start, columns.start - self._model.space.longest
        arrivals, factors, summed = (
            array[:, :, :width] for array in (self._arrivals, self._factors, self._sums)
        )
        take(self._values, self._began[0], shift, arrivals)
        take(self._exponents, self._began[1], shift, factors)
        scales = apply(factors, arrivals)
        np.matmul(self._model.step, arrivals, out=summed)
        summed, scales = merged(summed, scales, self._model.predecessors)
        self._model.forbid(summed, start)
        self._scales[:, columns] = normalise(summed, scales, self._values[:, :, columns])
        self._exponents[:, :, columns] = self._scales[:, None, columns] + sums[:, :, columns]

    def _log_total(self) -> float:
        """Return the logarithm of the weight of all paths, from the last beat of each."""
        space = self._model.space
        columns = slice(self._last - space.longest, self._last)
        ages = np.arange(space.longest, 0, -1)  # frames from the beat's start to the end
        regions = self._exponents[:, :, columns][np.arange(space.places)[:, None], space.region_lengths.T]
        with np.errstate(divide="ignore"):
            logs = np.log(self._values[:, :, columns]) + regions
        logs += ages * self._model.frame_scores[:, None]
        return log_sum(logs[:, ages <= space.intervals[:, None]])


class _Backward:
    """R and D, block by block from the end of the input.

    Args:
        model: the model.
        log_total: logarithm of the weight of all paths.
    """

    def __init__(self, model: _Model, log_total: float) -> None:
        self._model, self._log_total, space = model, log_total, model.space
        columns = space.longest + _BLOCKS_OF_REST * space.shortest
        self._origin = model.frames + space.longest - columns  # frame of the first column of D
        # Columns before the current frame are 0. Beats that end before frame 0 read them; F is 0 for these.
        self._values = np.zeros((space.places, len(space.intervals), columns))  # D
        self._scales = np.zeros((space.places, columns))
        inside = space.intervals[:, None] - np.arange(space.longest)  # frames of a last beat before the end
        logs = np.where(inside > 0, self._model.frame_scores[:, None] * inside, -np.inf)
        end = slice(-space.longest, None)
        self._scales[:, end] = logs.max(axis=0)
        self._values[:, :, end] = np.exp(logs - logs.max(axis=0))
        self._ends = model.beat_index(columns, 1), model.scale_index(columns, 1)
        self._regions = np.empty(0, dtype=np.int64), 0  # indices and the number of columns they are for
        self._rest, self._factors, self._more = np.empty((3, *self._ends[0].shape))

    def step(self, segment: _Segment, first: int, stop: int) -> Float64:
        """Return the probability that each beat begins in a block, which must end where the last one began.

        Args:
            segment: the segment that the block is in.
            first: first frame of the block.
            stop: frame after the last, at most the shortest interval later.

        Returns:
            Probabilities of shape (places, intervals, stop - first), which the next call overwrites.
        """
        if first < self._origin:
            self._move(stop)
        if self._regions[1] != segment.sums.shape[2]:
            self._regions = self._model.region_index(segment.sums.shape[2], 0), segment.sums.shape[2]
        columns = segment.columns(first, stop)
        rest, factors, more = (
            array[:, :, : stop - first] for array in (self._rest, self._factors, self._more)
        )
        take(self._values, self._ends[0], first - self._origin, rest)
        take(self._scales, self._ends[1], first - self._origin, factors)
        take(segment.sums, self._regions[0], columns.start, more)
        factors += more
        self._model.forbid(rest, first)
        scales = apply(factors, rest)  # rest is now R
        if first >= 0:
            np.matmul(self._model.step.T, rest, out=more)
            found, found_scales = merged(more, scales, self._model.successors)
            target = slice(first - self._origin, stop - self._origin)
            self._scales[:, target] = normalise(found, found_scales, self._values[:, :, target])
        exponents = np.minimum(segment.scales[:, columns] + scales - self._log_total, _HIGHEST_EXPONENT)
        exponents[exponents < _LOWEST_EXPONENT] = -np.inf
        probable: Float64 = rest
        probable *= segment.values[:, :, columns]
        probable *= np.exp(exponents)[:, None]
        return probable

    def _move(self, stop: int) -> None:
        """Move the columns from frame `stop` on to the end of the buffer."""
        longest = self._model.space.longest
        needed = slice(stop - self._origin, stop - self._origin + longest)
        self._values[:, :, -longest:] = self._values[:, :, needed].copy()
        self._scales[:, -longest:] = self._scales[:, needed].copy()
        self._values[:, :, :-longest] = 0
        self._origin = stop + longest - self._values.shape[2]
