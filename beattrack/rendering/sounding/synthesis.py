"""From a performance to audio: the instruments and the mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.piece import ONSET, PITCH, Floats, Part, onsets_of
from beattrack.rendering.settings import SAMPLE_RATE, SynthesisSettings
from beattrack.rendering.sounding import drums as one_shots
from beattrack.rendering.sounding import electronic, voice
from beattrack.rendering.sounding.check import alignment, spectral_flux
from beattrack.rendering.sounding.effects import colour
from beattrack.rendering.sounding.fluidsynth import SoundFont, available_fonts, synthesise
from beattrack.rendering.sounding.performance import Performance

Float32 = NDArray[np.float32]

BASSES = range(32, 40)  # General MIDI programs
KICKS = (35, 36)
ELECTRONIC = (
    "techno",
    "house",
    "electro",
    "dance",
    "trance",
    "disco",
    "hip",
    "edm",
    "synth",
    "rap",
    "drum",
    "metronome",
)
SILENT = -40.0  # level in dB, relative to the loudest, below which 50 ms count as silent
PROMPTEST = 0.04  # largest time in seconds by which a part is played early
# Mean levels in a mix, in dB.
LEVELS = {"drums": -5.0, "bass": -3.0, "parts": -1.0, "voice": 0.0}


@dataclass
class _Stem:
    """Instruments that share synthesis and effects."""

    role: str
    player: str
    sound: Float32


@dataclass
class Band:
    """The common state of all random choices for a mix.

    Attributes:
        rng: generator of random numbers.
        settings: shares of instruments.
        electronic: whether the genre is electronic.
        samples: number of samples of the mix.
        fonts: installed soundfonts.
    """

    rng: np.random.Generator
    settings: SynthesisSettings
    electronic: bool
    samples: int
    fonts: Sequence[SoundFont]

    def font(self, *, kits: bool) -> SoundFont:
        """Return a random soundfont, which may be a drum kit if `kits`."""
        able = [font for font in self.fonts if kits or font.kind == "gm"]
        return able[int(self.rng.integers(len(able)))]

    def share(self, usual: float) -> bool:
        """Return at random whether a synthesised instrument is used; `usual` is the share for most genres."""
        return bool(self.rng.random() < (self.settings.electronic if self.electronic else usual))


def render(
    performance: Performance, rng: np.random.Generator, settings: SynthesisSettings
) -> tuple[Float32, dict[str, Any]]:
    """Compute the sound of a performance with random instruments.

    Args:
        performance: performance to play.
        rng: generator of random numbers.
        settings: shares of instruments.

    Returns:
        Mono samples of the recorded excerpt at SAMPLE_RATE, not normalised, shape (samples,), and a
        description of the instruments.

    Raises:
        RenderError: if fluidsynth fails.
    """
    genre = performance.piece.genre.lower()
    last = performance.end + 0.1
    is_electronic = any(word in genre for word in ELECTRONIC)
    band = Band(rng, settings, is_electronic, round(last * SAMPLE_RATE), available_fonts())
    stems = _stems(performance, band)
    mix = np.zeros(band.samples, np.float32)
    ducking = ducking_gain(performance, band)
    for stem in stems:
        level = LEVELS[stem.role] + float(np.clip(rng.normal(0.0, settings.balance), -9.0, 9.0))
        sound = levelled(colour(stem.sound, rng, stem.role), level)
        mix += sound if stem.role == "drums" or ducking is None else sound * ducking
    players = [f"{stem.role}: {stem.player}" for stem in stems]
    return recorded(mix, performance), {"players": players, "ducking": ducking is not None}


def recorded(mix: Float32, performance: Performance) -> Float32:
    """Return the recorded excerpt of a mix, (samples,), with silence before the start of the piece."""
    first, last = (round(time * SAMPLE_RATE) for time in (performance.start, performance.end))
    stretch = mix[max(first, 0) : last].copy()
    fade = min(len(stretch), SAMPLE_RATE // 50)  # no click at the cut
    stretch[len(stretch) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.asarray(np.pad(stretch, (max(-first, 0), 0)))


def levelled(sound: Float32, decibels: float) -> Float32:
    """Return sound, (samples,), scaled so that the RMS level of its active parts is `decibels` - 20 dB."""
    size = SAMPLE_RATE // 20
    blocks = sound[: len(sound) // size * size].reshape(-1, size)
    powers = np.mean(blocks.astype(np.float64) ** 2, axis=1)
    loudest = float(powers.max(initial=0.0))
    if loudest < 1e-12:
        return sound
    level = np.sqrt(np.mean(powers[powers > loudest * 10 ** (SILENT / 10)]))
    return np.asarray(sound * np.float32(10 ** ((decibels - 20) / 20) / level))


def prompt(sound: Float32, parts: Sequence[Part]) -> Float32:
    """Shift the sound of instruments so that their perceived onsets are at the times of their notes.

    Players of instruments with slow attacks start before the beat. Without this correction, mixes without
    drums would have perceived onsets 10 to 15 ms after the beats. The delay is measured on the spectral flux.

    Args:
        sound: sound of the parts, shape (samples,).
        parts: parts with the notes.

    Returns:
        Sound of the same shape, at most PROMPTEST earlier.
    """
    lag, _ = alignment(spectral_flux(sound), np.unique(onsets_of(parts)))
    shift = round(float(np.clip(lag, -PROMPTEST / 4, PROMPTEST)) * SAMPLE_RATE)
    shifted = np.zeros_like(sound)
    if shift >= 0:
        shifted[: len(sound) - shift] = sound[shift:]
    else:
        shifted[-shift:] = sound[:shift]
    return shifted


def _stems(performance: Performance, band: Band) -> list[_Stem]:
    parts = performance.piece.parts
    drums = [part for part in parts if part.drums]
    basses = [part for part in parts if not part.drums and part.program in BASSES]
    others = [part for part in parts if not part.drums and part.program not in BASSES]
    main = band.font(kits=False)
    synthetic = band.share(band.settings.synthetic_parts)
    stems = [_drums(drums, band)] if drums else []
    if basses:
        font = main if band.rng.random() < 0.5 else band.font(kits=False)
        stems.append(_synthesiser("bass", basses, band) if synthetic else _fluid("bass", basses, font, band))
    # In half of the mixes, the other parts are divided between two soundfonts.
    split = 0.35 if band.rng.random() < 0.5 else 0.0
    second = [bool(band.rng.random() < split) for _ in others]
    for choice, font in ((False, main), (True, band.font(kits=False))):
        group = [part for part, side in zip(others, second, strict=True) if side == choice]
        if group and synthetic and band.rng.random() < 0.6:
            stems.append(_synthesiser("parts", group, band))
        elif group:
            stems.append(_fluid("parts", group, font, band))
    if performance.sung is not None:
        sound = voice.sing(performance.sung, band.rng, samples=band.samples)
        stems.append(_Stem("voice", "formants", sound))
    return stems


def _fluid(role: str, parts: Sequence[Part], font: SoundFont, band: Band) -> _Stem:
    sound = synthesise(parts, font, samples=band.samples, timeout=band.settings.timeout)
    return _Stem(role, font.name, prompt(sound, parts))


def _drums(parts: Sequence[Part], band: Band) -> _Stem:
    kits = one_shots.kit_names()
    if band.share(band.settings.synthetic_drums):
        kit, name = one_shots.synthetic_kit(band.rng), "one-shots"
    elif kits and band.rng.random() < band.settings.kit_drums:
        name = kits[int(band.rng.integers(len(kits)))]
        kit = one_shots.load_kit(name)
    else:
        return _fluid("drums", parts, band.font(kits=True), band)
    sound = one_shots.play(parts, kit, band.rng, samples=band.samples)
    return _Stem("drums", name, prompt(sound, parts))


def _synthesiser(role: str, parts: Sequence[Part], band: Band) -> _Stem:
    """Play each part with its own sound, a pad only for parts without sharp attacks."""
    mix = np.zeros(band.samples, np.float32)
    names = []
    for part in parts:
        kind: electronic.Role = "bass" if role == "bass" else "pluck" if part.crisp else "pad"
        sound = electronic.play(part.notes, electronic.random_patch(kind, band.rng), samples=band.samples)
        mix += levelled(sound, float(band.rng.normal(0.0, 2.0)))
        names.append(kind)
    return _Stem(role, "synthesiser " + "+".join(dict.fromkeys(names)), prompt(mix, parts))


def ducking_gain(performance: Performance, band: Band) -> Float32 | None:
    """Return the gain, (samples,), by which kicks attenuate other parts (side-chaining), or None.

    It is used in a share of the electronic mixes only.
    """
    kicks = _kicks(performance.piece.parts)
    if not band.electronic or not len(kicks) or band.rng.random() >= band.settings.ducking:
        return None
    depth, recovery = band.rng.uniform(0.3, 0.85), band.rng.uniform(0.08, 0.25)
    t = np.arange(round(4 * recovery * SAMPLE_RATE)) / SAMPLE_RATE
    dip = (1 - depth * np.exp(-((t / recovery) ** 2))).astype(np.float32)
    gain = np.ones(band.samples + len(dip), np.float32)
    for start in np.maximum(np.rint(kicks * SAMPLE_RATE), 0).astype(int).tolist():
        if start < band.samples:
            gain[start : start + len(dip)] = np.minimum(gain[start : start + len(dip)], dip)
    return gain[: band.samples]


def _kicks(parts: Sequence[Part]) -> Floats:
    hits = [part.notes[np.isin(part.notes[:, PITCH], KICKS), ONSET] for part in parts if part.drums]
    return np.concatenate([np.empty(0), *hits])
