from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import beattrack
from beattrack import audio
from beattrack.activations import Activations
from beattrack.decoding.base import Decoding
from beattrack.decoding.make import make_decoder
from beattrack.decoding.peaks import PeakSettings
from beattrack.errors import AudioError, ModelError, SettingsError
from beattrack.registry import find
from beattrack.tracker import BeatTracker, decode, decoder_with, track
from tests.synth import drum_clip

RATE = 22050


@pytest.fixture(scope="module")
def tracker() -> BeatTracker:
    return BeatTracker(threads=1)


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return drum_clip(120, duration=12.0)[0]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("tracker") / "120 bpm.flac"
    soundfile.write(path, clip, RATE, subtype="PCM_24")
    return path


def test_a_drum_beat_is_tracked(tracker: BeatTracker) -> None:
    samples, times, _ = drum_clip(121.95, duration=30.0)
    beats = tracker.track(samples, RATE)
    assert beats.bpm == pytest.approx(121.95, rel=5e-3)
    near = np.abs(beats.times[:, None] - times).min(axis=1) < 0.05
    assert near.mean() > 0.9
    assert len(beats) == pytest.approx(len(times), abs=3)
    assert beats.duration == 30.0
    assert beats.tempo is not None
    assert beats.tempo.stability < 0.02
    assert beats.mean_confidence is not None
    assert beats.mean_confidence > 0.3


def test_a_file_tells_who_made_the_beats(tracker: BeatTracker, recording: Path) -> None:
    beats = tracker.track(recording)
    assert (beats.file, beats.model) == (str(recording), "tcn")
    assert beats.decoder["name"] == "dbn"
    assert beats.decoder["settings"]["beats_per_bar"] == [3, 4]


def test_path_file_object_and_samples_give_the_same_beats(
    tracker: BeatTracker, recording: Path, clip: np.ndarray
) -> None:
    by_path = tracker.track(str(recording))
    by_object = tracker.track(io.BytesIO(recording.read_bytes()))
    by_bytes = tracker.track(recording.read_bytes())
    by_samples = tracker.track(soundfile.read(recording, dtype="float32")[0], RATE)
    with soundfile.SoundFile(recording) as sound:
        by_sound = tracker.track(sound)
    assert by_object.file is by_bytes.file is by_samples.file is None
    assert by_sound.file == str(recording)
    for beats in (by_object, by_bytes, by_samples, by_sound):
        assert beats.times.tolist() == by_path.times.tolist()
        assert beats.duration == by_path.duration == 12.0


def test_stereo_samples_and_lists_are_samples_too(tracker: BeatTracker, clip: np.ndarray) -> None:
    mono = tracker.track(clip, RATE).times.tolist()
    assert tracker.track(np.stack([clip, clip], axis=1), RATE).times.tolist() == mono
    assert tracker.track(clip.tolist(), RATE).times.tolist() == mono


def test_the_rungs_of_the_ladder_give_what_track_gives(tracker: BeatTracker, clip: np.ndarray) -> None:
    activations, duration = tracker.analyse(clip, RATE)
    assert tracker.decode(activations, duration=duration) == tracker.track(clip, RATE)
    spectrogram = tracker.spectrogram(clip)
    by_hand = tracker.network.compute([spectrogram])
    assert np.array_equal(by_hand.beats, activations.beats)
    assert np.array_equal(tracker.activations(clip, RATE).beats, activations.beats)
    assert tracker.decoder(by_hand).times.tolist() == tracker.track(clip, RATE).times.tolist()


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(3 * RATE)])
def test_nothing_to_hear_gives_no_beats(tracker: BeatTracker, samples: np.ndarray) -> None:
    beats = tracker.track(samples.astype(np.float32), RATE)
    assert len(beats) == 0
    assert (beats.tempo, beats.metre, beats.mean_confidence) == (None, None, None)
    assert beats.duration == pytest.approx(len(samples) / RATE)


def test_sample_rate_belongs_to_samples_and_to_nothing_else(tracker: BeatTracker, recording: Path) -> None:
    with pytest.raises(SettingsError, match="need their sample_rate"):
        tracker.track(np.zeros(1000, np.float32))
    with pytest.raises(SettingsError, match="a file tells its own"):
        tracker.track(recording, 44100)
    with pytest.raises(AudioError):
        tracker.track("there is no such file.wav")


def test_buffers_of_samples_have_a_rate_and_those_of_files_have_none(
    tracker: BeatTracker, recording: Path, clip: np.ndarray
) -> None:
    buffer = memoryview(clip.astype(np.float32))
    assert tracker.track(buffer, RATE).times.tolist() == tracker.track(clip, RATE).times.tolist()
    assert len(tracker.track(bytearray(recording.read_bytes()))) > 0
    with pytest.raises(AudioError, match="bytes: "):
        tracker.track(b"\0 no audio")


def test_tracks_belong_to_files_and_count_from_1(tracker: BeatTracker, recording: Path) -> None:
    assert tracker.track(recording, track=1) == tracker.track(recording)
    with pytest.raises(AudioError, match="has no audio track 2; it has only one"):
        tracker.track(recording, track=2)
    for wrong in (0, -1, 1.5, True, "1"):
        with pytest.raises(SettingsError, match="track must be a whole number from 1 on"):
            track(recording, track=wrong)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="samples have no tracks"):
        tracker.track(np.zeros(1000, np.float32), RATE, track=1)


def test_an_inverted_channel_hides_no_beats(tracker: BeatTracker, clip: np.ndarray) -> None:
    with pytest.warns(audio.AudioWarning, match="cancel each other out"):
        beats = tracker.track(np.stack([clip, -clip], axis=1), RATE)
    assert beats.times.tolist() == tracker.track(clip, RATE).times.tolist()


def test_options_reach_the_decoder(clip: np.ndarray) -> None:
    beats = track(clip, RATE, decoder="dbn", min_bpm=50, max_bpm=75, beats_per_bar=(3,), threads=1)
    assert beats.bpm == pytest.approx(60, rel=0.02)
    assert beats.metre == 3
    assert beats.decoder["settings"]["max_bpm"] == 75
    peaks = track(clip, RATE, decoder="peaks", threads=1)
    assert peaks.decoder["name"] == "peaks"


def test_options_that_do_not_fit_are_refused_before_the_model_is_loaded() -> None:
    with pytest.raises(SettingsError, match="the peaks decoder has no option beats_per_bar"):
        BeatTracker("no such model", "peaks", beats_per_bar=(3,))
    with pytest.raises(SettingsError, match="tempo range"):
        BeatTracker("no such model", min_bpm=200, max_bpm=100)
    with pytest.raises(SettingsError, match="no decoder 'hmm'"):
        BeatTracker("no such model", "hmm")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="give min_bpm to the decoder itself"):
        BeatTracker("no such model", make_decoder("peaks"), min_bpm=60)
    with pytest.raises(ModelError, match="no model is called 'no such model'"):
        BeatTracker("no such model")


class EverySecond:
    """A decoder of one's own."""

    name = "every second"
    settings = PeakSettings()

    def __call__(self, activations: Activations) -> Decoding:
        return Decoding(np.arange(0.0, activations.duration, 1.0))


def test_a_decoder_and_a_model_of_ones_own(clip: np.ndarray) -> None:
    beats = BeatTracker(find("tcn"), EverySecond(), threads=1).track(clip, RATE)
    assert beats.times.tolist() == list(np.arange(12.0))
    assert (beats.bpm, beats.positions, beats.decoder["name"]) == (60.0, None, "every second")


def test_decode_needs_no_network() -> None:
    activations = Activations(np.zeros(500, np.float32), None, 100.0)
    activations.beats[50::50] = 1.0
    beats = decode(activations, decoder_with("dbn", {"min_bpm": 100}), file="a.npz")
    assert (beats.bpm, beats.positions, beats.model, beats.file) == (120.0, None, None, "a.npz")
    assert beats.duration == 5.0


def test_memory_stays_bounded_by_blocks(tracker: BeatTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    compute = tracker.network.compute
    monkeypatch.setattr(
        tracker.network, "compute", lambda blocks: compute([seen.append(len(b)) or b for b in blocks])
    )
    tracker.track(drum_clip(100, duration=95.0)[0], RATE)
    assert len(seen) >= 3
    assert sum(seen) == pytest.approx(9500, abs=2)


def test_importing_beattrack_is_cheap_and_offers_everything() -> None:
    code = (
        "import sys, beattrack\n"
        "assert not {'numpy', 'onnxruntime', 'soundfile', 'torch'} & sys.modules.keys()\n"
        "names = [getattr(beattrack, name) for name in beattrack.__all__]\n"
        "assert not {'torch', 'librosa', 'scipy', 'mir_eval', 'numba'} & sys.modules.keys()\n"
        "assert set(beattrack.__all__) <= set(dir(beattrack))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(beattrack.__file__).parents[1])


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = beattrack.nothing  # type: ignore[attr-defined]
    assert beattrack.track is track
