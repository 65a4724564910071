from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.rendering.settings import SAMPLE_RATE
from beattrack.rendering.sounding import drums
from beattrack.rendering.sounding.drums import kit_names, load_kit, play, synthetic_kit
from tests.rendering_cases import make_part


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    drums.instrument_files.cache_clear()
    load_kit.cache_clear()


def test_one_shots_begin_at_once_and_end() -> None:
    for seed in range(6):
        kit = synthetic_kit(rng(seed))
        assert {"kick", "snare", "hat", "open", "crash", "tom", "clap"} <= kit.keys()
        for layers in (layers for choices in kit.values() for layers in choices):
            (hit,) = layers
            assert np.abs(hit).max() == pytest.approx(1.0)
            assert np.argmax(np.abs(hit) > 0.3) < 0.02 * SAMPLE_RATE
            assert np.abs(hit[-100:]).max() < 0.05


def test_hits_lie_where_the_notes_are() -> None:
    notes: list[tuple[float, float, float, float]] = [
        (0.5, 0.6, 36, 120),
        (1.25, 1.3, 38, 60),
        (-1, 0, 36, 99),
    ]
    sound = play(
        [make_part("kit", 0, notes, drums=True)], synthetic_kit(rng()), rng(), samples=2 * SAMPLE_RATE
    )
    assert sound.shape == (2 * SAMPLE_RATE,)
    assert not np.any(sound[: round(0.5 * SAMPLE_RATE)])
    for start, height in ((0.5, 0.8), (1.25, 0.25)):
        first = round(start * SAMPLE_RATE)
        assert np.abs(sound[first : first + 500]).max() > height


def test_every_drum_of_general_midi_is_heard() -> None:
    kit = {name: shots for name, shots in synthetic_kit(rng()).items() if name in ("kick", "snare", "hat")}
    for pitch in range(35, 82):
        part = make_part("kit", 0, [(0.1, 0.2, pitch, 100)], drums=True)
        assert np.any(play([part], kit, rng(), samples=SAMPLE_RATE)), pitch


@pytest.mark.parametrize(
    ("name", "drum"),
    [
        ("Kick Lite 1", "kick"),
        ("BassDrum", "kick"),
        ("c3 - bass drum 1", "kick"),
        ("Snare Rimshot (Pearl)", "snare"),
        ("Side Stick", "rim"),
        ("Hand Clap", "clap"),
        ("Closed HH", "hat"),
        ("Hi Hat Closed", "hat"),
        ("Open HH", "open"),
        ("Hi-Hat Open (Paiste)", "open"),
        ("Hat Op Dirty", "open"),
        ("Pedal HH", "pedal"),
        ("Tom Low", "tom"),
        ("Crash Jazz", "crash"),
        ("Ride Bell", "bell"),
        ("Ride Rock", "ride"),
        ("Bongo Hi", "percussion"),
        ("23", None),
    ],
)
def test_names_in_kits(name: str, drum: str | None) -> None:
    assert drums.drum_named(name) == drum


def make_kit(folder: Path, instruments: str) -> None:
    folder.mkdir()
    late = np.concatenate((np.zeros(4410), np.exp(-np.arange(9000) / 900.0))) * 0.5
    for name, gain in (("soft", 0.2), ("loud", 1.0)):
        soundfile.write(folder / f"{name}.wav", gain * late, 44100)
    space = 'xmlns="http://www.hydrogen-music.org/drumkit"'
    (folder / "drumkit.xml").write_text(f"<drumkit_info {space}>{instruments}</drumkit_info>")


def instrument(name: str, *files: tuple[str, float]) -> str:
    layers = "".join(f"<layer><filename>{file}</filename><min>{low}</min></layer>" for file, low in files)
    return f"<instrument><name>{name}</name>{layers}</instrument>"


def test_a_kit_of_hydrogen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drums, "HYDROGEN", tmp_path)
    old = "<instrument><name>Hat</name><filename>loud.wav</filename></instrument>"
    layered = instrument("Kick", ("loud.wav", 0.5), ("soft.wav", 0.0))
    make_kit(tmp_path / "good", layered + instrument("Snare 1", ("../../soft.wav", 0.0)) + old)
    make_kit(tmp_path / "no snare", layered + old + instrument("Snare", ("missing.wav", 0.0)))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "drumkit.xml").write_text("<drumkit")
    assert kit_names() == ("good",)
    kit = load_kit("good")
    assert {name: len(choices) for name, choices in kit.items()} == {"kick": 1, "snare": 1, "hat": 1}
    (layers,) = kit["kick"]
    assert len(layers) == 2
    for hit in layers:
        assert np.argmax(np.abs(hit) > 0.5) <= 15  # the silence before is gone
        assert np.abs(hit).max() == pytest.approx(1.0, abs=0.15)


def test_no_kits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drums, "HYDROGEN", tmp_path / "nowhere")
    assert kit_names() == ()


def test_samples_that_cannot_be_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drums, "HYDROGEN", tmp_path)
    make_kit(
        tmp_path / "kit", instrument("Kick", ("noise.wav", 0.0)) + instrument("Snare", ("loud.wav", 0.0))
    )
    (tmp_path / "kit" / "noise.wav").write_bytes(b"no sound")
    assert load_kit("kit").keys() == {"snare"}  # what is there but cannot be read is left out


def test_beeps_of_a_metronome_differ_in_pitch() -> None:
    for seed in range(8):
        kit = synthetic_kit(rng(seed))
        low, high = (kit[name][0][0] for name in ("click", "beep"))
        crossings = [np.count_nonzero(np.diff(np.sign(beep[:200]))) for beep in (low, high)]
        assert crossings[1] > crossings[0]
