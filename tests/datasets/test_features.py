from __future__ import annotations

import os
import pickle
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beattrack import audio
from beattrack.datasets import DatasetError, features
from beattrack.datasets.features import FeatureCache, Features, StoredLevels, cache_folder, content_hash
from beattrack.errors import AudioError
from beattrack.harmony import Harmony
from beattrack.spectrogram import Spectrogram, SpectrogramSettings
from tests.synth import drum_clip

SETTINGS = SpectrogramSettings()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, drum_clip(120, duration=3.0)[0], 22050)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(folder=tmp_path / "cache")


def entries(cache: FeatureCache) -> list[Path]:
    found = (cache.folder / "features").rglob("*.npy")
    return sorted(path for path in found if path.suffixes != [".h", ".npy"])


def only(outcomes: list[features.FeaturesOrReason]) -> Features:
    (outcome,) = outcomes
    assert isinstance(outcome, Features)
    return outcome


def test_features_are_the_spectrogram_of_the_tracker(song: Path, cache: FeatureCache) -> None:
    levels = only(cache.collect([song])).levels
    expected = Spectrogram(SETTINGS)(audio.load(song, sample_rate=22050))
    assert levels.shape == expected.shape
    loud = expected > 1e-3
    ratio = cache.quantisation.magnitude(levels)[loud] / expected[loud]
    assert np.abs(20 * np.log10(ratio)).max() <= 0.2501  # half a step


def test_the_slow_view_is_that_of_the_tracker(song: Path, cache: FeatureCache) -> None:
    levels = only(cache.collect([song])).harmony
    expected = Harmony()(audio.load(song, sample_rate=22050))
    assert levels.shape == expected.shape == (30, 73)
    loud = expected > 1e-3
    ratio = cache.quantisation.magnitude(levels)[loud] / expected[loud]
    assert np.abs(20 * np.log10(ratio)).max() <= 0.2501


def test_an_entry_without_its_slow_view_is_computed_again(song: Path, cache: FeatureCache) -> None:
    first = np.array(only(cache.collect([song])).harmony)
    (entry,) = entries(cache)
    entry.with_suffix(".h.npy").unlink()
    assert cache.find(song) is None
    np.testing.assert_array_equal(only(cache.collect([song])).harmony, first)


def test_the_range_holds_the_loudest_and_the_faintest(cache: FeatureCache) -> None:
    second = np.arange(22050) / 22050
    square = np.sign(np.sin(2 * np.pi * 440 * second)).astype(np.float32)
    rounding = np.random.default_rng(0).uniform(-0.5, 0.5, 22050).astype(np.float32) / 2**15
    assert cache.quantisation.levels(Spectrogram(SETTINGS)(square)).max() < 255
    assert np.median(cache.quantisation.levels(Spectrogram(SETTINGS)(rounding))) > 0


def test_what_is_in_the_cache_is_not_computed_again(
    song: Path, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = only(cache.collect([song]))
    monkeypatch.delattr(features, "analyse")
    again = only(cache.collect([song]))
    np.testing.assert_array_equal(again.levels, first.levels)


def test_a_moved_file_keeps_its_entry_and_a_changed_one_does_not(song: Path, cache: FeatureCache) -> None:
    cache.collect([song])
    moved = song.rename(song.with_name("moved.wav"))
    assert cache.find(moved) is not None
    soundfile.write(moved, drum_clip(90, duration=2.0)[0], 22050)
    assert cache.find(moved) is None
    assert len(only(cache.collect([moved])).levels) == 200


def test_a_change_that_keeps_the_size_is_seen(song: Path, cache: FeatureCache) -> None:
    before = content_hash(song, cache.folder)
    data = bytearray(song.read_bytes())
    data[-1] ^= 1
    song.write_bytes(bytes(data))
    os.utime(song, ns=(0, 1))
    assert content_hash(song, cache.folder) != before


@pytest.mark.parametrize("change", [{"fps": 50}, {"bands_per_octave": 24}, {"fmin": 50.0}])
def test_other_settings_have_entries_of_their_own(
    song: Path, cache: FeatureCache, change: dict[str, float]
) -> None:
    cache.collect([song])
    other = replace(cache, settings=replace(SETTINGS, **change))
    assert other.find(song) is None
    assert only(other.collect([song])).levels.shape[1] == other.settings.bands
    assert len(entries(cache)) == 2


def test_another_quantisation_has_entries_of_its_own(cache: FeatureCache) -> None:
    other = replace(cache, quantisation=replace(cache.quantisation, step_db=1.0))
    assert other.key("a") != cache.key("a") != cache.key("b")


@pytest.mark.parametrize(
    "damage", [b"", b"\x93NUMPY", b"PK\x03\x04 and so on", b"\0" * 4096, "cut", "floats"]
)
def test_a_damaged_entry_is_computed_again(song: Path, cache: FeatureCache, damage: bytes | str) -> None:
    first = np.array(only(cache.collect([song])).levels)
    (entry,) = entries(cache)
    if damage == "floats":
        np.save(entry, first.astype(np.float64))
    else:
        entry.write_bytes(entry.read_bytes()[:-1000] if isinstance(damage, str) else damage)
    assert cache.find(song) is None
    np.testing.assert_array_equal(only(cache.collect([song])).levels, first)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 127), value=st.integers(0, 255))
def test_any_damage_of_an_entrys_header_is_survived(
    song: Path, cache: FeatureCache, place: int, value: int
) -> None:
    cache.collect([song])
    (entry,) = entries(cache)
    whole = entry.read_bytes()
    damaged = bytearray(whole)
    damaged[place] = value
    entry.unlink()  # another file: the old one may be mapped
    entry.write_bytes(damaged)
    found = cache.find(song)
    assert (found is not None) is (damaged == whole)
    entry.unlink()
    entry.write_bytes(whole)


def test_entries_are_npy_files(song: Path, cache: FeatureCache) -> None:
    levels = only(cache.collect([song])).levels
    (entry,) = entries(cache)
    np.testing.assert_array_equal(np.load(entry), levels)


def test_levels_are_mapped_and_travel_by_their_path(song: Path, cache: FeatureCache) -> None:
    levels = only(cache.collect([song])).levels
    assert isinstance(levels, StoredLevels)
    pickled = pickle.dumps(levels)
    assert len(pickled) < 1000 < levels.nbytes
    np.testing.assert_array_equal(pickle.loads(pickled), levels)
    for part in (levels[10:20], levels.copy(), levels[::2, 3]):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(part)), part)


def test_where_too_many_files_would_be_open_levels_are_read_into_memory(
    song: Path, cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "allow_open_files", lambda mapped: False)
    levels = only(cache.collect([song])).levels
    assert not isinstance(levels, StoredLevels)
    assert levels.flags.owndata


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_the_limit_of_open_files_is_raised_as_far_as_it_goes() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
        assert features.allow_open_files(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 1024
        assert features.allow_open_files(1500)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 1500
        assert not features.allow_open_files(2**40)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("jobs", [1, 2])
def test_bad_files_are_told_from_good_ones_and_progress_is_shown(
    song: Path, cache: FeatureCache, tmp_path: Path, jobs: int
) -> None:
    text = tmp_path / "text.wav"
    text.write_text("not audio at all")
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(22050), 22050)
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 22050)
    seen: list[tuple[int, int]] = []
    outcomes = cache.collect(
        [text, song, silent, empty, tmp_path / "absent.wav"],
        jobs=jobs,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert isinstance(outcomes[1], Features)
    reasons = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(reasons) == 4
    assert outcomes[2] == "holds only silence"
    assert outcomes[3] == "holds no samples"
    assert outcomes[4] == "cannot be read (No such file or directory)"
    assert not any(str(tmp_path) in reason for reason in reasons)
    assert seen == [(number, 5) for number in range(1, 6)]  # the missing file is known from the start


def test_processes_and_one_give_the_same(song: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, drum_clip(90, duration=2.0)[0], 44100)
    one = FeatureCache(folder=tmp_path / "one").collect([song, other], jobs=1)
    two = FeatureCache(folder=tmp_path / "two").collect([song, other], jobs=2)
    for a, b in zip(one, two, strict=True):
        assert isinstance(a, Features)
        assert isinstance(b, Features)
        np.testing.assert_array_equal(a.levels, b.levels)


def test_two_at_once_share_a_cache(song: Path, cache: FeatureCache) -> None:
    found: list[features.FeaturesOrReason] = []
    threads = [threading.Thread(target=lambda: found.extend(cache.collect([song]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for outcome in found:
        assert isinstance(outcome, Features)
    assert len(entries(cache)) == 1
    assert not list(cache.folder.rglob("*.part"))


def test_what_the_decoder_warned_of_is_remembered(song: Path, cache: FeatureCache) -> None:
    song.write_bytes(song.read_bytes()[:-20001])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notes = only(cache.collect([song])).notes
    assert notes
    assert only(cache.collect([song])).notes == notes


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_cache_that_cannot_be_written_ends_in_one_sentence(song: Path, tmp_path: Path, jobs: int) -> None:
    place = tmp_path / "file"
    place.write_text("in the way")
    with pytest.raises(DatasetError, match=r"cannot be written here.*--cache"):
        FeatureCache(folder=place).collect([song], jobs=jobs)
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "features").write_text("in the way")
    with pytest.raises(DatasetError, match=r"cannot be written here.*--cache"):
        FeatureCache(folder=folder).collect([song, song], jobs=jobs)


def test_analyse_names_the_file(tmp_path: Path, cache: FeatureCache) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(2205), 22050)
    with pytest.raises(AudioError, match=r"silent\.wav: holds only silence"):
        features.analyse(path, SETTINGS, cache.harmony, cache.quantisation)


def test_the_cache_lies_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEATTRACK_CACHE", str(tmp_path / "environment"))
    assert cache_folder(tmp_path / "given") == tmp_path / "given"
    assert cache_folder() == tmp_path / "environment"
    monkeypatch.delenv("BEATTRACK_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "beattrack"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "beattrack"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "beattrack"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "beattrack" / "cache"
