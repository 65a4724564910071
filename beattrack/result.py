"""The beats of a recording, as returned by tracking and written to files.

JSON schema, version 1 (`Beats.to_dict`; later versions only add keys):

    schema_version  1
    beattrack       version of the package that wrote the record
    file            path of the recording as given, or null
    duration        seconds
    tempo           null if there are fewer than two beats and the network finds them, else
                    {"bpm": beats per minute,
                     "candidates": [{"bpm", "strength"}, ...] at most 2, stronger first, strengths sum to 1,
                     "stability": standard deviation of the intervals between beats, seconds, or null}
    metre           most common number of beats in a bar, or null
    confidence      mean confidence of the beats, or null if there are none
    model           name of the network, or null
    decoder         {"name": ..., "settings": {...}}, or {}
    reason          one sentence on why there are no beats or why they may be wrong, or null
    grid            the grid that the beats were put on, see `beattrack.gridding.Grid`; only if there is one
    alternative     the beats at another metrical level, a record of this schema; only if there are any
    beats           [{"time": seconds, "position": position in the bar from 1 (the downbeat) or null,
                      "confidence": 0..1}, ...], times strictly increasing

With calibrated confidence, `confidence` is the probability that a beat is right. The values of `Certainty`
are in further keys: `certainty`, `metre_confidence`, `confidence` in `tempo`, and `downbeat_confidence` in
each of `beats` if downbeats were tracked.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beattrack.confidence.certainty import Certainty
from beattrack.decoding.peaks import fine_times
from beattrack.decoding.pulse import beat_confidence as beat_confidence
from beattrack.errors import SettingsError
from beattrack.gridding.base import Grid
from beattrack.runtime import checks
from beattrack.runtime.files import atomic_write_bytes
from beattrack.tempo import Tempo, beat_period, estimate_tempo, tempo_of_head
from beattrack.version import __version__

if TYPE_CHECKING:
    from beattrack.activations import Activations
    from beattrack.decoding.base import Decoding
    from beattrack.formats import Format

SCHEMA_VERSION = 1

# A beat closer to an edge is cut off: half a window of the spectrogram and half the width of its activation.
EDGE_SECONDS = 0.05

# A recording of at most this many beats that begins with a beat is a loop if its length is a whole number of
# beats, within this share of a beat. With more beats the fitted period is accurate enough.
LOOP_BEATS = 8
LOOP_TOLERANCE = 0.04


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Beats:
    """The beats of a recording, immutable and compared by value.

    Attributes:
        times: times of the beats in seconds, strictly increasing, from 0 to `duration`, shape (beats,).
        positions: positions in the bar, 1 for a downbeat, shape (beats,); None if only beats were tracked.
        confidence: the network's probability of a beat, from 0 to 1, shape (beats,). With `certainty`, the
            calibrated probability that the beat is right.
        duration: duration of the recording in seconds.
        tempo: the tempo; None if there are fewer than two beats, unless the network finds the tempo alone.
        metre: most common number of beats in a bar; None if unknown.
        file: path of the recording as given, or None.
        model: name of the network, or None.
        decoder: name and settings of the decoder, as plain JSON values.
        reason: one sentence on why there are no beats or why they may be wrong, or None.
        grid: the grid that the beats were put on; None if none was asked for.
        alternative: the beats at the likeliest other metrical level; None if none were asked for or found.
        certainty: how sure the rest is; None if calibrated confidence was not asked for.

    Raises:
        SettingsError: if the values do not meet these conditions.
    """

    times: NDArray[np.float64]
    positions: NDArray[np.int64] | None
    confidence: NDArray[np.float64]
    duration: float
    tempo: Tempo | None = None
    metre: int | None = None
    file: str | None = None
    model: str | None = None
    decoder: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    grid: Grid | None = None
    alternative: Beats | None = None
    certainty: Certainty | None = None

    def __post_init__(self) -> None:
        self._set("times", _read_only("times", self.times, np.float64))
        self._set("confidence", _read_only("confidence", self.confidence, np.float64))
        if self.positions is not None:
            self._set("positions", _read_only("positions", self.positions, np.int64))
        checks.apply(
            self,
            {
                "duration": checks.at_least(0),
                "metre": checks.optional(checks.positive(whole=True)),
                "grid": checks.optional(checks.instance(Grid)),
                "alternative": checks.optional(checks.instance(Beats)),
            },
        )
        self._set("duration", float(self.duration))
        self._set("file", _encodable(self.file))
        self._set("model", _encodable(self.model))
        self._set("decoder", plain(self.decoder))
        self._set("reason", _encodable(self.reason))
        _check(self)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def from_decoding(
        cls,
        decoding: Decoding,
        activations: Activations,
        *,
        duration: float | None = None,
        file: str | None = None,
        model: str | None = None,
        decoder: Mapping[str, Any] | None = None,
        confidence: NDArray[np.float64] | None = None,
        bpm_range: tuple[float, float] | None = None,
        reason: str | None = None,
    ) -> Beats:
        """Return the beats of a decoding, with tempo, metre and confidence.

        Args:
            decoding: the result of a decoder.
            activations: activations that were decoded.
            duration: duration of the recording in seconds; None uses that of the activations. Beats beyond it
                are omitted.
            file, model, decoder, reason: see `Beats`.
            confidence: confidence of each beat, shape (beats,); None computes it.
            bpm_range: slowest and fastest tempo in beats per minute; the reported tempo stays in this range.

        Raises:
            SettingsError: if the duration is negative.
        """
        checks.optional(checks.at_least(0))("duration", duration)
        period = measured_period(decoding.times, activations, duration) if decoding.on_peaks else None
        duration = activations.duration if duration is None else duration
        inside = (decoding.times >= 0) & (decoding.times <= duration)
        times = decoding.times[inside]
        positions = None if decoding.positions is None else decoding.positions[inside]
        return cls(
            times=times,
            positions=positions,
            confidence=beat_confidence(times, activations) if confidence is None else confidence[inside],
            duration=duration,
            tempo=_tempo_alone(activations, bpm_range)
            or estimate_tempo(times, activations.tempo, period=period, bpm_range=bpm_range),
            metre=estimate_metre(positions) or (decoding.beats_per_bar if len(times) else None),
            file=file,
            model=model,
            decoder=decoder or {},
            reason=reason,
        )

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        tempo = "no tempo" if self.tempo is None else f"{self.tempo.bpm:.2f} BPM"
        metre = "" if self.metre is None else f", {self.metre} beats a bar"
        name = "" if self.file is None else f", {self.file!r}"
        return f"<Beats: {len(self)} beats in {self.duration:.2f} s, {tempo}{metre}{name}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Beats):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((*self.times.tolist(), self.duration, self.file))

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False  # copying and pickling lose this flag
            self._set(name, value)

    @property
    def downbeats(self) -> NDArray[np.float64]:
        """Times of the downbeats in seconds; empty if only beats were tracked."""
        return self.times[:0] if self.positions is None else self.times[self.positions == 1]

    @property
    def bpm(self) -> float | None:
        """Tempo in beats per minute; None if there are fewer than two beats."""
        return None if self.tempo is None else self.tempo.bpm

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence of the beats, from 0 to 1; None if there are no beats."""
        return round(float(self.confidence.mean()), 4) if len(self) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the beats as plain JSON values, with the schema in the docstring of this module."""
        positions = [None] * len(self) if self.positions is None else self.positions.tolist()
        rows = zip(self.times.tolist(), positions, self.confidence.tolist(), strict=True)
        record = {
            "schema_version": SCHEMA_VERSION,
            "beattrack": __version__,
            "file": self.file,
            "duration": self.duration,
            "tempo": None if self.tempo is None else self.tempo.to_dict(),
            "metre": self.metre,
            "confidence": self.mean_confidence,
            "model": self.model,
            "decoder": plain(self.decoder),
            "reason": self.reason,
            **({} if self.grid is None else {"grid": self.grid.to_dict()}),
            **({} if self.alternative is None else {"alternative": self.alternative.to_dict()}),
            "beats": [{"time": t, "position": p, "confidence": c} for t, p, c in rows],
        }
        if self.certainty is not None:
            self.certainty.add_to(record)
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Beats:
        """Read the beats from the result of `to_dict`.

        Args:
            record: a dictionary with the schema in the docstring of this module.

        Raises:
            SettingsError: if the record does not follow the schema.
        """
        version = record.get("schema_version") if isinstance(record, Mapping) else None
        if version != SCHEMA_VERSION:
            raise SettingsError(f"not a record of beats with schema version {SCHEMA_VERSION}")
        try:
            rows, tempo = record["beats"], record["tempo"]
            grid, alternative = record.get("grid"), record.get("alternative")
            positions = [row["position"] for row in rows]
            return cls(
                times=np.array([row["time"] for row in rows], dtype=np.float64),
                # Without beats it is unknown whether positions were tracked, which makes no difference.
                positions=None if None in positions or not rows else np.array(positions),
                confidence=np.array([row["confidence"] for row in rows], dtype=np.float64),
                duration=record["duration"],
                tempo=None if tempo is None else Tempo.from_dict(tempo),
                metre=record["metre"],
                file=record["file"],
                model=record["model"],
                decoder=record["decoder"],
                reason=record.get("reason"),  # absent in records of earlier versions, as is the grid
                grid=None if grid is None else Grid.from_dict(grid),
                alternative=None if alternative is None else cls.from_dict(alternative),
                certainty=Certainty.from_record(record),
            )
        except SettingsError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"the record of beats is damaged: {error!r}") from error

    def to_text(self, format: Format = "beats") -> str:
        """Return the content of a file in a text format of `beattrack.formats`, such as "beats".

        Raises:
            SettingsError: if the format is unknown, or if it is not text, such as "midi".
        """
        from beattrack.formats import writer_named

        text = writer_named(format).render(self)
        if isinstance(text, bytes):
            raise SettingsError(f"{format} is not text; use save, or encode of beattrack.formats")
        return text

    def save(self, path: str | os.PathLike[str], format: Format | None = None) -> None:
        """Write the beats to a file; if writing fails, an existing file remains unchanged.

        Args:
            path: path of the file.
            format: format of `beattrack.formats`; None derives it from the suffix of the path.

        Raises:
            SettingsError: if the format or suffix is unknown.
            OSError: if the file cannot be written.
        """
        from beattrack.formats import encode, format_for

        atomic_write_bytes(path, encode(self, format_for(path) if format is None else format))


def measured_period(
    times: NDArray[np.float64], activations: Activations, duration: float | None = None
) -> float | None:
    """Return the period of beats that lie on peaks of the activation, more precise than one frame.

    Beats at the start and end of a recording are not fitted if there are others, because half of their
    activation is cut off, which shifts the peak inwards. If the recording is a loop, its length is a whole
    number of beats and more accurate than a fit to a few beats, so it is used if the fit agrees with it.

    Args:
        times: times of the beats in seconds, shape (beats,).
        activations: activations of the recording.
        duration: duration of the recording in seconds; None if only that of the activations is known, which
            is not accurate enough to recognise a loop.

    Returns:
        The period in seconds, or None if there are fewer than two beats.
    """
    if len(times) < 2:
        return None
    whole = (times > activations.start + EDGE_SECONDS) & (times < activations.duration - EDGE_SECONDS)
    period = beat_period(times, np.where(whole, fine_times(times, activations), np.nan))
    if duration is None:
        return period
    beats = round(duration / period)
    fits = abs(duration / period - beats) < LOOP_TOLERANCE
    if fits and times[0] <= EDGE_SECONDS and 2 <= beats <= LOOP_BEATS:
        return duration / beats
    return period


def estimate_metre(positions: ArrayLike | None) -> int | None:
    """Return the most common number of beats in a bar.

    Args:
        positions: positions in the bar, shape (beats,), or None.

    Returns:
        The number of beats, on ties that of the earliest bar; None if there is no complete bar.
    """
    if positions is None:
        return None
    lengths = np.diff(np.flatnonzero(np.asarray(positions) == 1)).tolist()
    return Counter(lengths).most_common(1)[0][0] if lengths else None


def plain(value: Any) -> Any:
    """Return a value as JSON values: dataclasses as dictionaries, tuples as lists, NaN and inf as None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return _encodable(str(value))


def _read_only(name: str, values: ArrayLike, kind: type[np.generic]) -> NDArray[Any]:
    array = np.array(values)  # a copy, so that nobody else can write to it
    if array.ndim != 1 or (array.size and array.dtype.kind not in "fiu"):
        raise SettingsError(f"{name} must be a one-dimensional array of numbers")
    if kind is np.int64 and array.size and not np.array_equal(array, np.rint(array)):
        raise SettingsError(f"{name} must be whole numbers")
    array = array.astype(kind)
    array.flags.writeable = False
    return array


def _encodable(text: str | None) -> str | None:
    # File names may contain bytes that are not UTF-8 and could not be written to an output file.
    if not isinstance(text, str | None):
        raise SettingsError(f"file, model and reason must be text, not {text!r}")
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")


def _tempo_alone(activations: Activations, bpm_range: tuple[float, float] | None) -> Tempo | None:
    """Return the tempo by a network that finds no beats; None for other networks."""
    if not activations.tempo_only or activations.tempo is None:
        return None
    return tempo_of_head(activations.tempo, bpm_range)


def _check(beats: Beats) -> None:
    times, positions, confidence = beats.times, beats.positions, beats.confidence
    if len(confidence) != len(times) or (positions is not None and len(positions) != len(times)):
        raise SettingsError("times, positions and confidence must have the same length")
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise SettingsError("times must be strictly increasing")
    if len(times) and not (times[0] >= 0 and times[-1] <= beats.duration):
        raise SettingsError(f"times must lie between 0 and the duration, {beats.duration:g} s")
    downbeats = None if beats.certainty is None else beats.certainty.downbeats
    if downbeats is not None and len(downbeats) != len(times):
        raise SettingsError("times and certainty.downbeats must have the same length")
    if positions is not None and (positions < 1).any():
        raise SettingsError("positions must be 1 or more")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise SettingsError("confidence must lie between 0 and 1")
