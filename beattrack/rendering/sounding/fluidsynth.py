"""Synthesis with the program fluidsynth and the soundfonts packaged by Debian."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beattrack.rendering.errors import RenderError
from beattrack.rendering.piece import OFFSET, ONSET, PITCH, VELOCITY, Floats, Part
from beattrack.rendering.settings import SAMPLE_RATE

Float32 = NDArray[np.float32]

FOLDERS = (Path("/usr/share/sounds/sf2"), Path("/usr/share/soundfonts"), Path("/usr/local/share/soundfonts"))
TICKS = 960  # ticks per quarter note; a tick is about half a millisecond
MICROSECONDS = 500_000  # duration of a quarter note
DRUM_CHANNEL = 9
MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
CLICKS = 24  # number of clicks for measuring the latency


@dataclass(frozen=True)
class SoundFont:
    """A soundfont.

    Attributes:
        name: short name.
        file: name of its file.
        package: Debian package that contains it.
        kind: `gm` has all General MIDI programs and drums, `kit` has a drum kit on the first melodic channel.
    """

    name: str
    file: str
    package: str
    kind: Literal["gm", "kit"] = "gm"


FONTS = (
    SoundFont("fluid", "FluidR3_GM.sf2", "fluid-soundfont-gm"),
    SoundFont("musescore", "MuseScore_General_Full.sf2", "musescore-general-soundfont-lossless"),
    SoundFont("timgm", "TimGM6mb.sf2", "timgm6mb-soundfont"),
    SoundFont("opl3", "OPL-3_FM_128M.sf2", "opl3-soundfont"),
    SoundFont("csound", "sf_GMbank.sf2", "csound-soundfont"),
    SoundFont("black-pearl", "Black_Pearl_4_LV2.sf2", "avldrums.lv2-soundfont", "kit"),
    SoundFont("red-zeppelin", "Red_Zeppelin_4_LV2.sf2", "avldrums.lv2-soundfont", "kit"),
)

# Replacements for General MIDI drums that the two kits do not have.
_KIT_DRUMS = {35: 36, 48: 45, 50: 45, 52: 49, 58: 56}
_KIT_DRUMS |= dict.fromkeys((60, 62, 63, 65, 66, 67, 68), 45) | dict.fromkeys((61, 64), 41)
_KIT_DRUMS |= dict.fromkeys((69, 70, 80, 81, 82), 54) | dict.fromkeys(
    (71, 72, 73, 74, 75, 76, 77, 78, 79), 37
)


def find_font(font: SoundFont) -> Path | None:
    """Return the path of a soundfont; None if it is not installed."""
    return next((folder / font.file for folder in FOLDERS if (folder / font.file).is_file()), None)


def available_fonts() -> tuple[SoundFont, ...]:
    """Return the installed soundfonts, in a fixed order."""
    return tuple(font for font in FONTS if find_font(font) is not None)


def require_fluidsynth() -> None:
    """Check that fluidsynth and a General MIDI soundfont are installed.

    Raises:
        RenderError: if not; the message names the Debian packages to install.
    """
    fonts = any(font.kind == "gm" for font in available_fonts())
    if shutil.which("fluidsynth") is None or not fonts:
        missing = "a General MIDI soundfont is" if shutil.which("fluidsynth") else "the program fluidsynth is"
        packages = " ".join(dict.fromkeys(("fluidsynth", *(font.package for font in FONTS))))
        raise RenderError(f"{missing} missing; install the Debian packages {packages}")


def synthesise(parts: Sequence[Part], font: SoundFont, *, samples: int, timeout: float) -> Float32:
    """Compute the sound of parts with a soundfont, corrected for the latency of fluidsynth.

    Args:
        parts: parts to play.
        font: soundfont to use.
        samples: number of samples to return.
        timeout: time limit of each run of fluidsynth in seconds.

    Returns:
        Mono samples of shape (samples,) at SAMPLE_RATE, not normalised.

    Raises:
        RenderError: if the soundfont is missing, or fluidsynth fails or takes too long.
    """
    shift = latency(font)
    mix = np.zeros(samples, np.float32)
    drums = [part for part in parts if part.drums]
    others = [part for part in parts if not part.drums]
    room = len(MELODIC_CHANNELS)
    groups = [others[first : first + room] for first in range(0, len(others), room)] or [[]]
    for index, group in enumerate(groups):
        played = [*(drums if index == 0 else ()), *group]
        sound = run_fluidsynth(midi_bytes(played, kit=font.kind == "kit"), font, timeout)[shift:]
        mix[: len(sound)] += sound[:samples]
    return mix


@cache
def latency(font: SoundFont) -> int:
    """Compute the latency of fluidsynth in samples: the median over clicks, at a tenth of their peak."""
    # Irregular times, because fluidsynth starts notes at blocks of 64 samples.
    times = 0.5 + 0.37 * np.arange(CLICKS) + 0.0011 * np.arange(CLICKS) ** 1.5
    notes = np.column_stack((times, times + 0.1, np.full(CLICKS, 37.0), np.full(CLICKS, 110.0)))
    sound = np.abs(
        run_fluidsynth(
            midi_bytes([Part(name="click", program=0, drums=True, notes=notes)], kit=font.kind == "kit"),
            font,
            60.0,
        )
    )
    delays = []
    for time in times:
        start = round(time * SAMPLE_RATE)
        click = sound[start : start + SAMPLE_RATE // 10]
        if len(click) and click.max() > 1e-4:
            delays.append(int(np.argmax(click > 0.1 * click.max())))
    if not delays:
        raise RenderError(f"{font.file}: the soundfont is silent for a drum note; reinstall {font.package}")
    return int(np.median(delays))


def midi_bytes(parts: Sequence[Part], *, kit: bool = False) -> bytes:
    """Return parts as a Standard MIDI File (format 0), one channel per part and one for all drums.

    Args:
        parts: parts, of which at most 15 are not drums.
        kit: put drums on the first channel, with the notes of the sampled kits.
    """
    channels = iter(MELODIC_CHANNELS)
    events: list[tuple[int, int, bytes]] = []  # tick, order within it, message
    for part in parts:
        channel = (0 if kit else DRUM_CHANNEL) if part.drums else next(channels)
        if not (kit and part.drums):
            events.append((0, 0, bytes((0xC0 | channel, part.program))))
        events += _note_events(_kit_notes(part.notes) if kit and part.drums else part.notes, channel)
    events.sort(key=lambda event: event[:2])
    track = bytearray(b"\x00\xff\x51\x03" + MICROSECONDS.to_bytes(3, "big"))
    last = 0
    for tick, _, message in events:
        track += _variable_length(tick - last) + message
        last = tick
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + bytes(track)


def _note_events(notes: Floats, channel: int) -> list[tuple[int, int, bytes]]:
    notes = without_overlaps(notes)
    ticks = np.maximum(np.rint(notes[:, :2] * (TICKS * 1e6 / MICROSECONDS)), 0).astype(int)
    ticks[:, 1] = np.maximum(ticks[:, 1], ticks[:, 0] + 1)
    events = []
    for (on, off), pitch, velocity in zip(
        ticks.tolist(),
        notes[:, PITCH].astype(int).tolist(),
        notes[:, VELOCITY].astype(int).tolist(),
        strict=True,
    ):
        # A note-off comes before a note-on at the same time.
        events.append((on, 2, bytes((0x90 | channel, pitch, velocity))))
        events.append((off, 1, bytes((0x80 | channel, pitch, 0))))
    return events


def without_overlaps(notes: Floats) -> Floats:
    """Return notes, (notes, 4), that end before the next note of the same pitch, which they would cut off."""
    order = np.lexsort((notes[:, ONSET], notes[:, PITCH]))
    ordered = notes[order]
    again = np.flatnonzero(np.diff(ordered[:, PITCH]) == 0)
    ordered[again, OFFSET] = np.minimum(ordered[again, OFFSET], ordered[again + 1, ONSET])
    return np.asarray(ordered[np.argsort(ordered[:, ONSET], kind="stable")])


def _kit_notes(notes: Floats) -> Floats:
    mapped: Floats = notes.copy()
    mapped[:, PITCH] = [_KIT_DRUMS.get(pitch, pitch) for pitch in notes[:, PITCH].astype(int).tolist()]
    return mapped


def _variable_length(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))


def run_fluidsynth(midi: bytes, font: SoundFont, timeout: float) -> Float32:
    """Compute the sound of a MIDI file with fluidsynth.

    Args:
        midi: bytes of the file.
        font: soundfont to use.
        timeout: time limit in seconds.

    Returns:
        Mono samples of shape (samples,) at SAMPLE_RATE.

    Raises:
        RenderError: if the soundfont is missing, or fluidsynth fails or takes longer than `timeout` seconds.
    """
    path = find_font(font)
    if path is None:
        raise RenderError(f"the soundfont {font.file} is missing; install the Debian package {font.package}")
    with tempfile.TemporaryDirectory(prefix="beattrack-render-") as folder:
        source, target = Path(folder, "notes.mid"), Path(folder, "sound.raw")
        source.write_bytes(midi)
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(SAMPLE_RATE)]
        # Load only the samples that are played, which takes a tenth of the time with large soundfonts.
        command += ["-o", "synth.dynamic-sample-loading=1", "-O", "float", "-E", "little", "-T", "raw"]
        command += ["-F", str(target), str(path), str(source)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
        except FileNotFoundError as error:
            raise RenderError("fluidsynth is missing; install the Debian package fluidsynth") from error
        except subprocess.TimeoutExpired as error:
            raise RenderError(f"fluidsynth took longer than {timeout:g} s with {font.file}") from error
        if done.returncode or not target.is_file():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise RenderError(f"fluidsynth failed with {font.file} ({last[0]})")
        stereo = np.fromfile(target, "<f4").reshape(-1, 2)
    return np.ascontiguousarray(stereo.mean(axis=1), np.float32)
