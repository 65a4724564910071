"""Drum parts played with one-shots: synthesised ones, and samples from the kits of Hydrogen."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.piece import ONSET, PITCH, VELOCITY, Part
from beattrack.rendering.settings import SAMPLE_RATE

Float32: TypeAlias = NDArray[np.float32]
Layers: TypeAlias = tuple[Float32, ...]  # samples of one drum, from soft to loud
Kit: TypeAlias = Mapping[str, Sequence[Layers]]  # drums to choose from, by class of drum

HYDROGEN = Path("/usr/share/hydrogen/data/drumkits")
LONGEST = 2.5  # seconds of a one-shot
START = 0.05  # share of its peak at which a sample starts

# Replacements for drums that a kit does not have, best first.
_INSTEAD = {
    "rim": ("snare",),
    "click": ("rim", "bell", "hat"),
    "beep": ("bell", "click", "rim"),
    "clap": ("snare",),
    "pedal": ("hat",),
    "open": ("crash", "hat"),
    "crash": ("open", "ride", "hat"),
    "ride": ("hat",),
    "bell": ("ride", "hat"),
    "tom": ("percussion", "kick"),
    "percussion": ("rim", "tom", "snare"),
    "shaker": ("hat",),
}
_CLASSES = {
    "kick": (35, 36),
    "rim": (31, 37, 75, 76, 77),
    "click": (33,),
    "beep": (34,),
    "snare": (38, 40),
    "clap": (39,),
    "hat": (42,),
    "pedal": (44,),
    "open": (46,),
    "tom": (41, 43, 45, 47, 48, 50),
    "crash": (49, 52, 55, 57),
    "ride": (51, 59),
    "bell": (53, 56),
    "shaker": (54, 69, 70, 82),
}
_CLASS_OF = {pitch: name for name, pitches in _CLASSES.items() for pitch in pitches}

# Class of drum by the name of an instrument in a Hydrogen kit; the first match counts.
_PATTERNS = (
    ("kick", r"kick|bass ?drum|\bbd|thump"),
    ("snare", r"snare"),
    ("rim", r"stick|\brim|clave|wood"),
    ("clap", r"clap|snap"),
    ("open", r"open.*(hat|hh)|(hat|hh).*(op|swish)|ohh"),
    ("pedal", r"(hat|hh|hi-hat).*(pedal|pd)|pedal (hat|hh)"),
    ("hat", r"hat\b|hh|hats|hat "),
    ("tom", r"tom|drum \d"),
    ("crash", r"crash|splash|china|cymbal"),
    ("bell", r"bell|cup|agogo"),
    ("ride", r"ride"),
    ("shaker", r"maraca|tambourine|shaker"),
    ("percussion", r"bongo|conga|djembe|cajon|tone|slap"),
)


def kit_names() -> tuple[str, ...]:
    """Return the names of the installed Hydrogen kits that have kick, snare and hi-hat."""
    folders = sorted(HYDROGEN.iterdir()) if HYDROGEN.is_dir() else []
    return tuple(
        folder.name for folder in folders if {"kick", "snare", "hat"} <= instrument_files(folder.name).keys()
    )


@cache
def load_kit(name: str) -> Kit:
    """Read the samples of a Hydrogen kit at SAMPLE_RATE, without silence at their start."""
    kit: dict[str, list[Layers]] = {}
    for drum, instruments in instrument_files(name).items():
        layers = [tuple(filter(len, (_one_shot(path) for path in paths))) for paths in instruments]
        kit[drum] = [drums for drums in layers if drums]
    return {drum: choices for drum, choices in kit.items() if choices}


def play(parts: Sequence[Part], kit: Kit, rng: np.random.Generator, *, samples: int) -> Float32:
    """Compute the sound of drum parts, with a random, slightly detuned one-shot for each pitch.

    Args:
        parts: drum parts.
        kit: one-shots.
        rng: generator of random numbers.
        samples: number of samples to return.

    Returns:
        Samples of shape (samples,) at SAMPLE_RATE.
    """
    mix = np.zeros(samples + round(LONGEST * SAMPLE_RATE * 2), np.float32)
    chosen: dict[int, Layers] = {}
    for part in parts:
        for row in part.notes.tolist():
            pitch, start = int(row[PITCH]), round(row[ONSET] * SAMPLE_RATE)
            if pitch not in chosen:
                chosen[pitch] = _drawn(pitch, kit, rng)
            layers = chosen[pitch]
            if layers and 0 <= start < samples:
                hit = layers[min(int(row[VELOCITY] / 128 * len(layers)), len(layers) - 1)]
                mix[start : start + len(hit)] += hit * np.float32((row[VELOCITY] / 127) ** 1.5)
    return np.asarray(mix[:samples])


def _drawn(pitch: int, kit: Kit, rng: np.random.Generator) -> Layers:
    """Return a random one-shot for a pitch; toms are tuned by their pitch."""
    wanted = _CLASS_OF.get(pitch, "percussion")
    name = next((name for name in (wanted, *_INSTEAD.get(wanted, ())) if name in kit), None)
    tuning = rng.uniform(0.9, 1.12)
    if name is None:
        return ()
    layers = kit[name][int(rng.integers(len(kit[name])))]
    if wanted in ("tom", "percussion"):
        tuning *= 2 ** ((pitch % 12 - 6) / 18)
    return tuple(_resampled(layer, tuning) for layer in layers)


def _resampled(sound: Float32, speed: float) -> Float32:
    places = np.arange(0, len(sound) - 1, speed)
    return np.asarray(np.interp(places, np.arange(len(sound)), sound), np.float32)


@cache
def instrument_files(name: str) -> dict[str, list[list[Path]]]:
    """Return the instruments of a kit by class of drum, each as the files of its layers from soft to loud."""
    folder = HYDROGEN / name
    try:
        root = ElementTree.parse(folder / "drumkit.xml").getroot()
    except (OSError, ElementTree.ParseError):
        return {}
    found: dict[str, list[list[Path]]] = {}
    for instrument in root.iterfind(".//{*}instrument"):
        drum = drum_named(instrument.findtext("{*}name") or "")
        layers = sorted(
            instrument.iterfind(".//{*}layer"), key=lambda layer: float(layer.findtext("{*}min") or 0)
        )
        named = [
            node.findtext("{*}filename") or "" for node in layers or [instrument]
        ]  # older kits: no layers
        files = [folder / Path(name).name for name in named]
        files = [file for file in files if file.is_file()]
        if drum is not None and files:
            found.setdefault(drum, []).append(files)
    return found


def drum_named(name: str) -> str | None:
    """Return the class of drum of an instrument by its name; None if unknown."""
    return next((drum for drum, pattern in _PATTERNS if re.search(pattern, name.lower())), None)


def _one_shot(path: Path) -> Float32:
    """Read a sample as mono at SAMPLE_RATE, without silence at its start; empty if it cannot be read."""
    import soundfile
    import soxr

    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError):
        return np.empty(0, np.float32)
    mono = soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE)[: round(LONGEST * SAMPLE_RATE)]
    peak = np.abs(mono).max(initial=0.0)
    if peak < 1e-3:
        return np.empty(0, np.float32)
    begin = max(int(np.argmax(np.abs(mono) > START * peak)) - 10, 0)
    trimmed = mono[begin:] / peak
    fade = min(len(trimmed), 400)
    trimmed[len(trimmed) - fade :] *= np.linspace(1, 0, fade)
    return np.asarray(trimmed, np.float32)


def synthetic_kit(rng: np.random.Generator) -> Kit:
    """Return the drums of an analogue drum machine with random parameters."""
    makers: dict[str, Callable[[np.random.Generator], NDArray[np.float64]]] = {
        "kick": _kick,
        "snare": _snare,
        "clap": _clap,
        "rim": lambda r: _metal(r, (1400, 2600), r.uniform(0.01, 0.03)),
        "hat": lambda r: _noise(r, r.uniform(0.015, 0.05)),
        "open": lambda r: _noise(r, r.uniform(0.12, 0.35)),
        "crash": lambda r: _noise(r, r.uniform(0.5, 1.0)),
        "ride": lambda r: _metal(r, (3000, 6500), r.uniform(0.15, 0.4)),
        "bell": lambda r: _metal(r, (500, 900), r.uniform(0.06, 0.15)),
        "tom": lambda r: _swept(
            r.uniform(150, 260), r.uniform(80, 140), r.uniform(0.03, 0.1), r.uniform(0.1, 0.3)
        ),
        "percussion": lambda r: _swept(r.uniform(260, 500), r.uniform(180, 300), 0.02, r.uniform(0.05, 0.15)),
        "shaker": lambda r: _noise(r, r.uniform(0.02, 0.05), attack=r.uniform(0.002, 0.008)),
    }
    kit = {name: [(_normalised(make(rng)),)] for name, make in makers.items()}
    low, high = (_normalised(sound) for sound in _beeps(rng))
    return kit | {"click": [(low,)], "beep": [(high,)]}


def _beeps(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two beeps of an electronic metronome, the second and higher one for accents."""
    frequency, decay = rng.uniform(500, 1600), float(np.exp(rng.uniform(np.log(0.004), np.log(0.05))))
    t = _time(6 * decay)
    square = rng.random() < 0.3

    def beep(hertz: float) -> NDArray[np.float64]:
        wave = np.sin(2 * np.pi * hertz * t)
        return np.asarray((np.sign(wave) if square else wave) * np.exp(-t / decay))

    return beep(frequency), beep(frequency * rng.choice([1.25, 1.5, 2.0]))


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(min(seconds, LONGEST) * SAMPLE_RATE)) / SAMPLE_RATE


def _swept(start: float, end: float, glide: float, decay: float) -> NDArray[np.float64]:
    """Return a decaying sine that falls from `start` to `end` Hz, with time constants in seconds."""
    t = _time(6 * decay)
    phase = 2 * np.pi * (end * t + (start - end) * glide * (1 - np.exp(-t / glide)))
    return np.asarray(np.sin(phase) * np.exp(-t / decay))


def _kick(rng: np.random.Generator) -> NDArray[np.float64]:
    body = _swept(
        rng.uniform(120, 420), rng.uniform(42, 62), rng.uniform(0.008, 0.04), rng.uniform(0.06, 0.3)
    )
    click = rng.standard_normal(len(body)) * np.exp(-np.arange(len(body)) / rng.uniform(15, 60))
    return np.asarray(np.tanh(rng.uniform(1, 4) * (body + rng.uniform(0.05, 0.4) * click)))


def _snare(rng: np.random.Generator) -> NDArray[np.float64]:
    t = _time(0.8)
    tone = _swept(rng.uniform(220, 330), rng.uniform(160, 210), 0.02, rng.uniform(0.03, 0.09))
    rattle = np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / rng.uniform(0.03, 0.12))
    rattle[: len(tone)] = rng.uniform(0.3, 0.9) * rattle[: len(tone)] + tone[: len(t)] * rng.uniform(0.5, 1.2)
    return rattle


def _clap(rng: np.random.Generator) -> NDArray[np.float64]:
    t = _time(0.6)
    envelope = 0.7 * np.exp(-t / rng.uniform(0.04, 0.12))
    for delay in np.arange(3) * rng.uniform(0.006, 0.011):
        envelope += np.where(t >= delay, np.exp(-(t - delay) / 0.003), 0.0)
    noise = rng.standard_normal(len(t) + 2)
    return np.asarray((noise[2:] - noise[:-2]) * envelope)


def _noise(rng: np.random.Generator, decay: float, *, attack: float = 0.0) -> NDArray[np.float64]:
    """Return high noise with some metallic ringing."""
    t = _time(6 * decay)
    hiss = np.diff(rng.standard_normal(len(t) + 2), 2) / 2
    rings = sum(np.sign(np.sin(2 * np.pi * f * t)) for f in rng.uniform(3000, 9000, 4)) / 4
    rise = np.clip(t / attack, 0, 1) if attack else 1.0
    return np.asarray((hiss + rng.uniform(0, 0.8) * np.diff(rings, prepend=0.0)) * np.exp(-t / decay) * rise)


def _metal(rng: np.random.Generator, band: tuple[float, float], decay: float) -> NDArray[np.float64]:
    t = _time(6 * decay)
    waves = [np.sign(np.sin(2 * np.pi * f * t)) for f in rng.uniform(*band, 3)]
    return np.asarray(np.mean(waves, axis=0) * np.exp(-t / decay))


def _normalised(sound: NDArray[np.float64]) -> Float32:
    return (sound / max(float(np.abs(sound).max()), 1e-9)).astype(np.float32)
