from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import beattrack
from beattrack.streaming import tracker
from tests import live_process
from tests.audio_cases import needs_ffmpeg, posix_only
from tests.cli.test_signals import heed_all_signals
from tests.cli_cases import lines, run, usage_error
from tests.live.fake_portaudio import MICROPHONE, FakeSoundDevice, PortAudioError
from tests.live.test_osc import Receiver
from tests.streaming_cases import noise
from tests.synth import click_clip

ROOT = Path(beattrack.__file__).parents[1]
RATE = 44100
TIMES = np.arange(0.5, 2.5, 0.5)
EXPECTED = [1, 2, 3, 4]  # positions


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("find", "Model", "load_streaming_network", "OnlineDecoder"):
        monkeypatch.setattr(tracker, name, getattr(tracker, name))
    live_process.use_fakes()


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clicks = click_clip(TIMES, duration=2.5, sample_rate=RATE)
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    soundfile.write(path, np.stack([clicks, clicks], axis=1), RATE, subtype="PCM_16")
    return path


def raw(song: Path) -> bytes:
    return soundfile.read(song, dtype="int16")[0].tobytes()


def check(text: str) -> None:
    """The lines are those of the beats of the song."""
    rows = [line.split("\t") for line in lines(text)]
    np.testing.assert_allclose([float(time) for time, _, _ in rows], TIMES, atol=0.025)
    assert [int(position) for _, position, _ in rows] == EXPECTED
    assert [bpm for _, _, bpm in rows] == ["-", "120.0", "120.0", "120.0"]


def failure(*args: object, stdin: bytes | None = None) -> str:
    result = run("stream", *args, stdin=stdin)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(lines(result.stderr)) == 1
    assert result.stderr.startswith("beattrack: ")
    return result.stderr


def test_a_file_as_fast_as_possible(song: Path) -> None:
    result = run("stream", song, "--fast")
    assert (result.exit_code, result.stderr) == (0, "")
    check(result.stdout)


def test_a_wav_on_standard_input(song: Path) -> None:
    result = run("stream", "-", stdin=song.read_bytes())
    assert (result.exit_code, result.stderr) == (0, "")
    check(result.stdout)


def test_raw_pcm_on_standard_input_and_from_a_file(song: Path, tmp_path: Path) -> None:
    options = ["--sample-rate", RATE, "--channels", 2]
    check(run("stream", "-", *options, stdin=raw(song)).stdout)
    mono = soundfile.read(song, dtype="float32")[0][:, 0]
    options = ["--sample-rate", RATE, "--sample-format", "f32le"]
    check(run("stream", "-", *options, stdin=mono.tobytes()).stdout)
    (tmp_path / "song.raw").write_bytes(mono.tobytes())
    check(run("stream", tmp_path / "song.raw", *options, "--fast").stdout)


def test_json_lines(song: Path) -> None:
    rows = [json.loads(line) for line in lines(run("stream", song, "--fast", "--json").stdout)]
    assert [row["position"] for row in rows] == EXPECTED
    assert set(rows[0]) == {"time", "position", "bpm", "confidence", "reported"}


def test_options_reach_the_decoder(song: Path) -> None:
    run("stream", song, "--fast", "--min-bpm", 70, "--max-bpm", 170, "--beats-per-bar", "3,4")
    settings = live_process.RecordingDecoder.last.settings  # type: ignore[union-attr]
    assert (settings.min_bpm, settings.max_bpm, settings.beats_per_bar) == (70, 170, (3, 4))


def test_osc_messages_arrive(song: Path) -> None:
    pytest.importorskip("pythonosc")
    receiver = Receiver()
    result = run("stream", song, "--fast", "--osc", f"127.0.0.1:{receiver.port}")
    assert result.exit_code == 0
    beats = [message for message in receiver.wait_for(8) if message[0] == "/beattrack/beat"]
    receiver.close()
    assert [round(beat[1], 3) for beat in beats] == [
        float(line.split("\t")[0]) for line in lines(result.stdout)
    ]
    assert [beat[2] for beat in beats] == EXPECTED


def test_midi_clock_runs_in_real_time(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mido")
    from beattrack.live import midi_clock
    from tests.live.test_midi_clock import Recording

    port = Recording()
    monkeypatch.setattr(midi_clock, "open_port", lambda name: port if name == "drums" else None)
    check(run("stream", song, "--midi-clock", "drums").stdout)
    assert port.closed
    kinds = [kind for _, kind in port.sent]
    assert kinds in ([], ["start", *["clock"] * (len(kinds) - 2), "stop"])


def test_the_microphone_is_used_without_a_file(monkeypatch: pytest.MonkeyPatch, song: Path) -> None:
    class Microphone(FakeSoundDevice):
        """Plays the song once, and is then unplugged."""

        def InputStream(self, **options: Any) -> Any:  # noqa: N802
            stream = super().InputStream(**options)
            samples = soundfile.read(song, dtype="float32")[0]
            status = type("Status", (), {"input_overflow": False})
            for start in range(0, len(samples), 441):
                block = samples[start : start + 441]
                options["callback"](block, len(block), None, status)
            return stream

    from beattrack.live import microphone

    monkeypatch.setattr(microphone, "_PATIENCE", 0.01)
    monkeypatch.setattr(microphone, "_POLL_SECONDS", 0.01)
    device = {**MICROPHONE, "default_samplerate": float(RATE)}
    monkeypatch.setitem(sys.modules, "sounddevice", Microphone(device))
    result = run("stream", "--device", "built-in")
    assert result.exit_code == 1
    assert result.stderr == "beattrack: Built-in Microphone: stopped recording; is it still connected?\n"
    check(result.stdout)


def test_devices_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(MICROPHONE))
    result = run("stream", "--list-devices")
    assert (result.exit_code, result.stdout) == (0, "*  0  Built-in Microphone  (ALSA, 2 in, 48000 Hz)\n")


def test_what_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch, song: Path) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice())
    assert "no sound device records" in failure()
    assert "no sound device records" in failure("--list-devices")
    assert "no sound device plays" in failure(song, "--click")
    broken = FakeSoundDevice(MICROPHONE)
    broken.failure = PortAudioError("Device unavailable", -9985)
    monkeypatch.setitem(sys.modules, "sounddevice", broken)
    assert "Built-in Microphone: cannot be used (Device unavailable)" in failure()
    assert "there is no sound device 'line'" in usage_error("stream", "--device", "line")
    for name in ("sounddevice", "mido", "pythonosc.udp_client"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "the microphone needs the package 'sounddevice'" in failure()
    assert "--click needs the package 'sounddevice'" in failure(song, "--click")
    assert "--midi-clock needs the package 'mido'" in failure(song, "--midi-clock", "x")
    assert "--osc needs the package 'python-osc'" in failure(song, "--osc", "127.0.0.1:9000")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["song.wav", "--device", "x"], "leave out the file"),
        (["-", "--list-devices"], "leave out the file"),
        (["-", "--fast"], "--fast is for files"),
        (["--fast"], "--fast is for files"),
        (["song.wav", "--fast", "--click"], "--click needs real time"),
        (["song.wav", "--fast", "--midi-clock", "x"], "--midi-clock needs real time"),
        (["--sample-rate", "44100"], "--sample-rate is for raw PCM"),
        (["-", "--channels", "2"], "raw PCM needs --sample-rate"),
        (["-", "--sample-rate", "10"], "--sample-rate"),
        (["-", "--sample-format", "mp3"], "--sample-format"),
        (["-", "--beats-per-bar", "x"], "--beats-per-bar"),
        (["a.wav", "b.wav"], "unexpected extra argument"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(args: list[str], says: str) -> None:
    assert says in usage_error("stream", *args)


def test_addresses_are_checked(song: Path) -> None:
    pytest.importorskip("pythonosc")
    assert "an OSC address is HOST:PORT" in usage_error("stream", song, "--osc", "here")


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        (b"", "standard input: is empty (0 bytes)"),
        (b"RIFF\xff\xff\xff\xffWAVE", "ends within the header"),
        (b"ID3\4" + bytes(50), "is MP3, which cannot be streamed"),
        (b"no audio at all", "is not a WAV file; for raw PCM, give --sample-rate"),
    ],
)
def test_bad_standard_input_is_one_sentence(stdin: bytes, says: str) -> None:
    assert says in failure("-", stdin=stdin)


def test_a_stream_that_ends_within_a_frame_fails_after_its_beats(song: Path) -> None:
    result = run("stream", "-", "--sample-rate", RATE, "--channels", 2, stdin=raw(song) + b"\0")
    assert result.exit_code == 1
    check(result.stdout)
    assert lines(result.stderr) == [
        "beattrack: standard input: ends within a frame, after 1 of 4 bytes; "
        "check the number of channels and the sample format"
    ]


def test_damaged_samples_are_warned_of_once_and_do_no_harm(song: Path) -> None:
    mono = soundfile.read(song, dtype="float32")[0][:, 0]
    mono[[100, 5000, 40_000]] = np.nan
    result = run("stream", "-", "--sample-rate", RATE, "--sample-format", "f32le", stdin=mono.tobytes())
    assert result.exit_code == 0
    assert lines(result.stderr) == [
        "beattrack: warning: standard input: samples that are not finite were set to 0"
    ]
    check(result.stdout)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "does not exist" in failure(tmp_path / "none.wav")
    assert "is a folder" in failure(tmp_path)
    assert "No such file" in failure(tmp_path / "none.raw", "--sample-rate", 8000)


def start(*args: object, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.live_process", "stream", *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_all_signals if os.name != "nt" else None,
        **options,
    )


def feed(pipe: Any, data: bytes, seconds: float) -> None:
    """Write a recording at real speed, in blocks of 10 ms."""
    blocks = round(seconds * 100)
    size = len(data) // blocks + 1
    began = time.monotonic()
    for block in range(blocks):
        time.sleep(max(began + (block + 1) / 100 - time.monotonic(), 0))
        pipe.write(data[block * size : (block + 1) * size])
        pipe.flush()
    pipe.close()


@pytest.mark.slow
@posix_only
def test_through_a_pipe_at_real_speed_each_beat_comes_while_the_music_plays(song: Path) -> None:
    began: list[float] = []
    with start("-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        head = io.BytesIO()
        soundfile.write(head, np.zeros((2 * RATE, 2)), RATE, format="WAV")  # two seconds to start in
        silent = head.getvalue()[:40] + b"\xff" * 4 + head.getvalue()[44:]
        process.stdin.write(silent)
        process.stdin.flush()
        time.sleep(3)
        writer = threading.Thread(target=feed, args=(process.stdin, raw(song), 2.5))
        began.append(time.monotonic())
        writer.start()
        late = []
        for line in iter(process.stdout.readline, b""):
            late.append(time.monotonic() - began[0] - (float(line.split(b"\t")[0]) - 2))
        writer.join()
        assert process.wait(10) == 0
    assert len(late) == len(TIMES)
    assert (
        np.median(late) < 0.5
    )  # far less than the rest of the music; how much less is a benchmark's question


@pytest.mark.slow
@posix_only
def test_a_file_takes_as_long_as_it_lasts(song: Path) -> None:
    began = time.monotonic()
    result = run("stream", song)
    check(result.stdout)
    assert 2.4 < time.monotonic() - began < 10


@posix_only
@pytest.mark.parametrize(("number", "says"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_it_ends_with_one_line_when_it_is_told_to(song: Path, number: int, says: str) -> None:
    with start("-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(song.read_bytes()[:-4])  # it waits for the rest
        process.stdin.flush()
        beats = b"".join(process.stdout.readline() for _ in TIMES)  # flushed at once
        process.send_signal(number)
        rest, told = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert (rest, told.decode()) == (b"", f"beattrack: {says}\n")
    check(beats.decode())


@posix_only
def test_it_ends_silently_when_nobody_reads_any_more(song: Path) -> None:
    with start(song, "--fast") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait(20) == 0
    assert told == b""


@posix_only
def test_the_live_line_is_drawn_on_a_terminal_and_erased_at_the_end(song: Path) -> None:
    import pty

    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live_process", "stream", str(song), "--fast"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=terminal,
        stdin=subprocess.DEVNULL,
    )
    os.close(terminal)
    told = b"".join(reading(controller))
    assert process.stdout is not None
    check(process.stdout.read().decode())
    process.stdout.close()
    assert process.wait(20) == 0
    text = told.decode()
    assert "120.0 BPM  4 beats a bar (80 %)  confidence 90 %" in text
    assert text.isascii()
    assert "\x1b" not in text
    assert "\n" not in text
    assert max(len(part) for part in text.split("\r")) <= 79
    assert text.split("\r")[-1] == ""
    assert not text.split("\r")[-2].strip()


def reading(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # the other end was closed
            break
        if not data:
            break
        yield data
    os.close(terminal)


@needs_ffmpeg
@posix_only
def test_a_named_pipe_and_ffmpeg(song: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(song), "-f", "wav", str(pipe)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as writer:
        result = run("stream", pipe)
        assert writer.wait(10) == 0
    assert (result.exit_code, result.stderr) == (0, "")
    check(result.stdout)


def test_noise_without_a_beat_prints_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", 0.001 * noise(1), 22050)
    assert run("stream", tmp_path / "quiet.wav", "--fast").output == ""
