from __future__ import annotations

import copy
import io
import multiprocessing
import pickle
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import beattrack
from beattrack import audio
from beattrack.activations import Activations
from beattrack.decoding.base import Decoding
from beattrack.decoding.make import decoder_with, make_decoder
from beattrack.decoding.peaks import PeakSettings
from beattrack.decoding.pulse import beat_confidence
from beattrack.errors import AudioError, ModelError, SettingsError
from beattrack.registry import find
from beattrack.result import Beats
from beattrack.tracker import BeatTracker, decode, track
from tests.synth import click_clip, drum_clip

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
    assert tracker.harmony is not None
    by_hand = tracker.network.compute([spectrogram], [tracker.harmony(clip)])
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
    with pytest.raises(SettingsError, match="needs a sample_rate"):
        tracker.track(np.zeros(1000, np.float32))
    with pytest.raises(SettingsError, match="leave it out for a file"):
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
        with pytest.raises(SettingsError, match="track"):
            track(recording, track=wrong)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="leave it out for an array"):
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
    with pytest.raises(SettingsError, match="tempo range is empty: min_bpm 200 is above max_bpm 100"):
        BeatTracker("no such model", min_bpm=200, max_bpm=100)
    with pytest.raises(SettingsError, match="decoder must be one of dbn, madmom, peaks, not 'hmm'"):
        BeatTracker("no such model", "hmm")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="min_bpm cannot be combined with a decoder object"):
        BeatTracker("no such model", make_decoder("peaks"), min_bpm=60)
    with pytest.raises(ModelError, match="no model is called 'no such model'"):
        BeatTracker("no such model")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": None}, "model must be the name or path of a model, not None"),
        ({"model": 3}, "model must be the name or path"),
        ({"decoder": None}, "decoder must be a decoder or its name, not None"),
        ({"decoder": print}, "decoder must be a decoder or its name"),
        ({"device": "mps"}, "device must be one of cpu, cuda, auto, not 'mps'"),
        ({"threads": 0}, "threads must be a positive whole number, not 0"),
        ({"threads": 1.5}, "threads must be a whole number, not 1.5"),
        ({"min_bpm": "60"}, "min_bpm must be a number, not '60'"),
        ({"min_bpm": None}, "min_bpm must be a number, not None"),
        ({"beats_per_bar": None}, "beats_per_bar must be a whole number, not None"),
        ({"beats_per_bar": "34"}, "beats_per_bar must be a whole number, not '34'"),
        ({"max_bpm": 50}, r"min_bpm 55 \(the default\) is above max_bpm 50; set min_bpm too"),
        ({"min_bpm": 300}, r"min_bpm 300 is above max_bpm 215 \(the default\); set max_bpm too"),
        ({"correct": "no"}, "correct must be True or False, not 'no'"),
        ({"tempo_prior": 120}, "tempo_prior must be TempoPrior, not 120"),
        ({"decoder": "peaks", "refine": 1}, "refine must be True or False, not 1"),
    ],
)
def test_options_of_a_wrong_type_or_range_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        BeatTracker(**options)


def test_a_tracker_is_copied_and_sent_to_other_processes(clip: np.ndarray, tmp_path: Path) -> None:
    path = Path(shutil.copy(find("tcn").path, tmp_path / "mine.onnx"))
    mine = BeatTracker(path, "dbn", threads=1, min_bpm=60, beats_per_bar=(4,))
    expected = mine.track(clip, RATE)
    assert expected.model == "mine"
    assert copy.deepcopy(mine).track(clip, RATE) == expected
    assert pickle.loads(pickle.dumps(mine)).track(clip, RATE) == expected
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(mine.track, (clip, RATE)) == expected


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


def noise(seconds: float, level: float = 0.05) -> np.ndarray:
    """Pink noise."""
    white = np.random.default_rng(0).standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(white)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    pink = np.fft.irfft(spectrum, len(white))
    return (level * pink / pink.std()).astype(np.float32)


def share_found(beats: beattrack.Beats, times: np.ndarray, window: float = 0.07) -> float:
    """Share of the true beats that were found."""
    return float((np.abs(times[:, None] - beats.times).min(axis=1, initial=np.inf) <= window).mean())


@pytest.mark.parametrize(
    ("bpm", "low", "high"),
    [(43.7, 43.2, 44.2), (96.3, 96.3, 96.3), (119.98, 119.5, 120.5), (133, 132, 134), (217.5, 217, 218)],
)
def test_a_range_around_the_tempo_finds_it_and_all_beats(
    tracker: BeatTracker, bpm: float, low: float, high: float
) -> None:
    samples, times, _ = drum_clip(bpm, duration=60.0)
    activations, duration = tracker.analyse(samples, RATE)
    beats = decode(activations, decoder_with("dbn", {"min_bpm": low, "max_bpm": high}), duration=duration)
    assert beats.bpm == pytest.approx(bpm, abs=0.05)
    assert low <= beats.bpm <= high
    assert share_found(beats, times, 0.02) >= 0.98
    assert len(beats) == pytest.approx(len(times), abs=2)


def test_steady_clicks_have_no_offset_and_no_drift(tracker: BeatTracker) -> None:
    for bpm in (71.37, 98.2, 132.63, 165.55):
        times = np.arange(0.43, 59.8, 60 / bpm)
        beats = tracker.track(click_clip(times, duration=60.0), RATE)
        assert len(beats) == pytest.approx(len(times), abs=2)
        errors = beats.times - times[np.abs(beats.times[:, None] - times).argmin(axis=1)]
        assert abs(errors.mean()) < 0.005  # half a frame
        drift = np.polynomial.polynomial.polyfit(beats.times / 60, errors, 1)[1]
        assert abs(drift) < 0.005  # seconds a minute
        assert beats.bpm == pytest.approx(bpm, abs=0.03)


@pytest.mark.parametrize("bpm", [88, 100, 120, 140])
def test_a_loop_of_one_bar_is_as_fast_as_it_is(tracker: BeatTracker, bpm: float) -> None:
    loop, _, _ = drum_clip(bpm, duration=240 / bpm, first_beat=0.0)
    assert tracker.track(loop, RATE).bpm == pytest.approx(bpm, rel=2e-3)


@pytest.mark.parametrize("gap", [np.zeros(90 * RATE, np.float32), noise(90.0)], ids=["silence", "noise"])
def test_songs_around_a_long_gap_keep_their_beats(tracker: BeatTracker, gap: np.ndarray) -> None:
    first, times, _ = drum_clip(120, duration=30.0)
    second, later, _ = drum_clip(97, duration=20.0)
    beats = tracker.track(np.concatenate([first, gap, second]), RATE)
    assert share_found(beats, times) == 1
    assert share_found(beats, later + 120.0) == 1
    assert not ((beats.times > 33) & (beats.times < 117)).any()
    assert len(beats) == pytest.approx(len(times) + len(later), abs=6)
    assert beats.reason is None


def sounds(*frames: int) -> Activations:
    """Single sounds with silence around them, in 40 s."""
    pauses = np.array([[before + 2, after - 2] for before, after in pairwise((-2, *frames, 4002))])
    activations = Activations(np.zeros(4000, np.float32), np.zeros(4000, np.float32), 100.0, pauses=pauses)
    for frame in frames:
        for offset, height in ((-1, 0.05), (0, 0.08), (1, 0.06)):
            activations.beats[frame + offset] = height
    return activations


def test_a_slow_metronome_is_heard_and_what_is_odd_is_said(tracker: BeatTracker) -> None:
    frames = range(300, 3900, 273)
    beats = tracker.decode(sounds(*frames))
    assert beats.times.tolist() == [frame / 100 for frame in frames]
    assert beats.bpm == pytest.approx(6000 / 273, rel=1e-3)
    assert beats.reason == "the beats follow 22.0 BPM, outside the tempo range of 55 to 215 BPM"


def test_single_sounds_are_no_beats(tracker: BeatTracker) -> None:
    beats = tracker.decode(sounds(300, 900, 1300, 2500))
    assert len(beats) == 0
    assert beats.reason == "no beats: there are only single sounds, far apart"


def test_a_slow_pulse_in_activations_is_tracked_at_a_multiple(tracker: BeatTracker) -> None:
    beats = np.full(9000, 0.002, np.float32)
    frames = np.arange(100, 8900, 160)  # 37.5 BPM
    for offset, height in ((-1, 0.3), (0, 0.7), (1, 0.3)):
        beats[frames + offset] = height
    found = tracker.decode(Activations(beats, None, 100.0))
    assert share_found(found, frames / 100) == 1
    assert found.bpm is not None
    assert found.bpm / 37.5 == pytest.approx(round(found.bpm / 37.5), abs=0.02)
    assert 55 <= found.bpm <= 215


def test_noise_has_no_beats_and_the_reason_is_said(tracker: BeatTracker) -> None:
    beats = tracker.track(noise(20.0), RATE)
    assert len(beats) == 0
    assert beats.reason is not None
    assert beats.reason.startswith("no beats: ")


def test_a_range_that_leaves_out_the_tempo_is_said(clip: np.ndarray) -> None:
    beats = track(clip, RATE, min_bpm=50, max_bpm=75, threads=1)
    assert (
        beats.reason
        == "the network estimates about 120 BPM, but the fastest tempo allowed is 75 BPM (max_bpm)"
    )
    assert track(clip, RATE, min_bpm=115, max_bpm=125, threads=1).reason is None


def test_confidence_is_computed_once(
    tracker: BeatTracker, clip: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def counted(times: np.ndarray, activations: Activations) -> np.ndarray:
        seen.append(len(times))
        return beat_confidence(times, activations)

    for module in ("beattrack.tracker", "beattrack.result"):
        monkeypatch.setattr(f"{module}.beat_confidence", counted)
    assert len(tracker.track(clip, RATE)) == sum(seen)


def test_anchored_beats_are_kept_where_nothing_is_heard(tracker: BeatTracker) -> None:
    quiet = sounds(300, 900, 1300, 2500)
    assert len(tracker.decode(quiet)) == 0
    beats = tracker.decode(quiet, anchors=[5.0, 20.0])
    assert len(beats) == 2
    assert np.abs(beats.times - [5.0, 20.0]).max() <= 0.07 + 1e-9


def test_one_anchor_moves_the_bars_of_a_recording(tracker: BeatTracker, recording: Path) -> None:
    found = tracker.track(recording)
    assert found.positions is not None
    time = float(found.times[7])
    for known in ([(time, 1)], beattrack.Anchors((time,), (1,))):
        beats = tracker.track(recording, anchors=known)
        np.testing.assert_allclose(beats.times, found.times)
        np.testing.assert_array_equal(
            beats.positions, (found.positions - found.positions[7]) % beats.metre + 1
        )
    assert beats.decoder["anchors"]["times"] == [time]
    assert Beats.from_dict(beats.to_dict()) == beats


def test_anchors_outside_the_recording_are_refused_and_those_outside_the_part_ignored(
    tracker: BeatTracker, recording: Path
) -> None:
    with pytest.raises(SettingsError, match=r"12\.50 s is outside the recording, which lasts 12\.00 s"):
        tracker.track(recording, anchors=[1.0, 12.5])
    part = tracker.track(recording, start=4.0, end=9.0)
    assert tracker.track(recording, start=4.0, end=9.0, anchors=[1.0, 11.0]) == part
    held = tracker.track(recording, start=4.0, end=9.0, anchors=[1.0, (6.2, 2), 11.0])
    assert held.positions is not None
    nearest = int(np.abs(held.times - 6.2).argmin())
    assert abs(held.times[nearest] - 6.2) <= 0.07 + 1e-9
    assert held.positions[nearest] == 2


def test_anchors_need_the_exact_decoder_and_one_reading(recording: Path, tracker: BeatTracker) -> None:
    with pytest.raises(SettingsError, match="'peaks' has no anchors"):
        track(recording, anchors=[1.0], decoder="peaks", threads=1)
    with pytest.raises(SettingsError, match="leave out alternative"):
        tracker.track(recording, anchors=[1.0], alternative=True)
    with pytest.raises(SettingsError, match="anchors must be times"):
        tracker.track(recording, anchors=[])


def test_memory_stays_bounded_by_blocks(tracker: BeatTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    compute = tracker.network.compute
    monkeypatch.setattr(
        tracker.network,
        "compute",
        lambda blocks, harmony: compute([seen.append(len(b)) or b for b in blocks], harmony),
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


def test_a_part_is_tracked_as_if_it_were_a_recording(tracker: BeatTracker) -> None:
    samples, _, _ = drum_clip(121.95, duration=30.0)
    alone = tracker.track(samples[round(7.3 * RATE) : 20 * RATE], RATE)
    part = tracker.track(samples, RATE, start=7.3, end=20)
    assert np.rint(part.times * 100).tolist() == (np.rint(alone.times * 100) + 730).tolist()
    assert part.confidence.tolist() == alone.confidence.tolist()
    assert part.positions is not None
    assert alone.positions is not None
    assert part.positions.tolist() == alone.positions.tolist()
    assert part.bpm == alone.bpm
    assert part.duration == 30


def test_a_part_of_a_file_and_of_its_samples(tracker: BeatTracker, recording: Path, clip: np.ndarray) -> None:
    by_file = tracker.track(recording, start=3.21, end=8.8)
    by_samples = tracker.track(clip, RATE, start=3.21, end=8.8)
    assert by_file.times.tolist() == by_samples.times.tolist()
    assert by_file.times.min() >= 3.21
    assert by_file.times.max() < 8.8
    whole = tracker.track(recording).times
    assert by_file.times.tolist() == whole[(whole >= 3.21) & (whole < 8.8)].tolist()
    assert track(recording, start=3.21, end=8.8, threads=1).times.tolist() == by_file.times.tolist()


def test_a_part_from_the_start_or_to_the_end_and_beyond(tracker: BeatTracker, recording: Path) -> None:
    whole = tracker.track(recording)
    assert tracker.track(recording, end=50) == whole
    assert tracker.track(recording, start=0.0) == whole
    for start in (11.95, 11.999):
        assert tracker.track(recording, start=start).reason == "no beats: the recording is too short"
    assert len(tracker.track(np.zeros(0, np.float32), RATE, end=5)) == 0


@pytest.mark.parametrize(("start", "end"), [(-1, None), (3, 3), (True, None), ("1", None), (0, float("nan"))])
def test_parts_that_cannot_be_meant(recording: Path, start: Any, end: Any) -> None:
    with pytest.raises(SettingsError, match=r"start|end"):
        track(recording, start=start, end=end)


def test_a_part_after_the_end(tracker: BeatTracker, recording: Path) -> None:
    with pytest.raises(AudioError, match=r"has nothing from 12 s on; it is 12.00 s long"):
        tracker.track(recording, start=12)
