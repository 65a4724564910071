from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from beattrack.activations import Activations
from beattrack.errors import AudioError, MissingExtraError, SettingsError
from beattrack.plot import PICTURES, PlotSettings, write_plot
from beattrack.plot.columns import Columns
from beattrack.plot.draw import Picture, draw
from beattrack.result import Beats
from beattrack.tempo import estimate_tempo
from tests.audio_cases import write
from tests.synth import drum_clip

pytest.importorskip("matplotlib")
RATE = 22050


def beats_of(duration: float, *, bpm: float = 120, positions: bool = True, file: str | None = None) -> Beats:
    times = np.arange(0.5, duration, 60 / bpm)
    return Beats(
        times=times,
        positions=np.arange(len(times)) % 4 + 1 if positions else None,
        confidence=np.ones(len(times)),
        duration=duration,
        tempo=estimate_tempo(times),
        metre=4 if positions else None,
        file=file,
    )


def picture_of(
    duration: float, start: float = 0.0, end: float | None = None, *, positions: bool = True
) -> Picture:
    window = (start, duration if end is None else end)
    columns = Columns(np.random.default_rng(0).random((50, 81)), window[0], (window[1] - window[0]) / 50)
    line = Columns(columns.values[:, 0], columns.start, columns.seconds)
    beats = beats_of(duration, positions=positions)
    return Picture(beats, window, columns, (line, line if positions else None))


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav", drum_clip(120, duration=8)[0], RATE)


def activations() -> Activations:
    frames = np.zeros(800)
    frames[50::50] = 0.9
    return Activations(beats=frames, downbeats=frames / 2, fps=100.0)


@pytest.mark.parametrize("suffix", PICTURES)
def test_a_picture_is_written_and_the_same_each_time(song: Path, tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        write_plot(song, beats_of(8, file=str(song)), activations(), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def texts(picture: Picture, panel: int) -> list[str]:
    axes = draw(picture).axes[panel]
    return [text.get_text() for text in axes.texts]


def test_bars_are_numbered_and_beats_counted() -> None:
    picture = picture_of(10)
    assert texts(picture, 0) == ["bar", "1", "2", "3", "4", "5"]
    assert texts(picture, 1) == [str(n % 4 + 1) for n in range(19)]
    assert texts(picture_of(10, 4, 7), 0) == ["bar", "3", "4"]
    assert texts(picture_of(10, 4, 7), 1) == ["4", "1", "2", "3", "4", "1", "2"]


def test_a_long_recording_has_fewer_numbers_and_no_lines_that_hide_it() -> None:
    figure = draw(picture_of(3600))
    numbers = [int(text.get_text()) for text in figure.axes[0].texts[1:]]
    assert 10 < len(numbers) < 60
    assert len(set(np.diff(numbers))) == 1
    assert not figure.axes[0].collections  # no lines over the spectrogram
    assert len(figure.axes) == 3  # no ticks for beats, which would run together
    short = draw(picture_of(20))
    assert len(short.axes[0].collections) == 2


def test_the_panels_share_the_window() -> None:
    figure = draw(picture_of(60, 10, 20))
    assert len(figure.axes) == 4
    assert {axes.get_xlim() for axes in figure.axes} == {(10.0, 20.0)}


def test_without_bars_activations_or_sound(tmp_path: Path) -> None:
    assert texts(picture_of(10, positions=False), 0) == []
    write_plot(None, beats_of(8), None, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize("times", [[], [1.0], [1.0, 2.0]])
def test_few_beats(song: Path, tmp_path: Path, times: list[float]) -> None:
    beats = Beats(times=np.array(times), positions=None, confidence=np.ones(len(times)), duration=8.0)
    write_plot(song, beats, activations(), tmp_path / "a.png")


def test_silence_and_less_than_a_frame(tmp_path: Path) -> None:
    for number, samples in enumerate([np.zeros(RATE, np.float32), np.ones(10, np.float32)]):
        song = write(tmp_path / f"{number}.wav", samples, RATE)
        duration = len(samples) / RATE
        frames = np.zeros(max(round(duration * 100), 1))
        beats = Beats(times=np.zeros(0), positions=None, confidence=np.zeros(0), duration=duration)
        write_plot(song, beats, Activations(frames, None, 100.0), tmp_path / f"{number}.png")


def test_the_spectrogram_is_where_the_sound_is(tmp_path: Path) -> None:
    samples = np.zeros(4 * RATE, np.float32)
    samples[round(2.5 * RATE)] = 1
    song = write(tmp_path / "click.wav", samples, RATE)
    from beattrack.plot.write import _spectrogram

    for window in ((0.0, 4.0), (2.0, 3.0), (2.4, 4.0)):
        columns = _spectrogram(song, window, None)
        loudest = int(columns.values.sum(axis=1).argmax())
        assert columns.start + (loudest + 0.5) * columns.seconds == pytest.approx(2.5, abs=0.011)
        assert columns.end == pytest.approx(window[1], abs=0.011)


def test_names_are_not_taken_for_mathematics(tmp_path: Path, song: Path) -> None:
    for name in (r"$\frac$.wav", "_hidden.wav", "歌.wav", "<script>.wav"):
        write_plot(song, beats_of(8, file=name), activations(), tmp_path / "a.svg")


def test_wrong_files_and_parts(song: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown picture format; use one of \.png, \.svg"):
        write_plot(song, beats_of(8), None, tmp_path / "a.jpg")
    with pytest.raises(SettingsError, match=r"nothing to draw from 9 s on; it is 8\.00 s long"):
        write_plot(song, beats_of(8), None, tmp_path / "a.png", PlotSettings(start=9))
    with pytest.raises(SettingsError, match="end must be after start"):
        PlotSettings(start=3, end=2)
    with pytest.raises(AudioError, match="does not exist"):
        write_plot(tmp_path / "absent.wav", beats_of(8), None, tmp_path / "a.png")
    assert not list(tmp_path.glob("*.png"))


def test_without_matplotlib_the_message_names_the_extra(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"drawing needs the package 'matplotlib'.*beattrack\[eval\]"):
        write_plot(song, beats_of(8), None, tmp_path / "a.png")
