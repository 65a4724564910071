from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from beattrack.errors import SettingsError
from beattrack.formats.readers import read_beats
from beattrack.rendering import job as rendering
from beattrack.rendering.errors import RenderError
from beattrack.rendering.job import (
    PlannedSong,
    Renderer,
    RenderJob,
    RenderOutcome,
    plan,
    prepare,
    render_songs,
    shares,
)
from beattrack.rendering.settings import SAMPLE_RATE, CheckSettings, PerformanceSettings, RenderSettings
from tests.rendering_cases import MadeUpSource, clicking_render, make_piece, needs_fluidsynth, plain_master

SHORT = RenderSettings(
    performance=PerformanceSettings(seconds=(20.0, 24.0), lead=3.0),
    check=CheckSettings(lag=0.1, ratio=0.1, level=-60.0),
    attempts=3,
)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> type[MadeUpSource]:
    """A source of made-up pieces as `mma`, and clicks for sound, which need nothing installed."""

    class Source(MadeUpSource):
        refused = ()
        draws = 0

    monkeypatch.setitem(rendering.SOURCES, "mma", Source)
    monkeypatch.setattr(rendering, "render", clicking_render)
    monkeypatch.setattr(rendering, "master", plain_master)
    monkeypatch.setattr(rendering, "require_pedalboard", lambda: None)
    monkeypatch.setattr(rendering, "require_fluidsynth", lambda: None)
    return Source


def songs(count: int, seed: int = 1) -> list[PlannedSong]:
    return [PlannedSong("mma", index, seed) for index in range(count)]


def run(job: RenderJob, count: int) -> tuple[Counter[str], list[RenderOutcome]]:
    outcomes: list[RenderOutcome] = []
    counts = render_songs(job, songs(count, job.seed), tell=lambda song, outcome: outcomes.append(outcome))
    return counts, outcomes


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest(job: RenderJob) -> Any:
    return json.loads((job.out / "manifest.json").read_text())


def test_songs_and_their_record(tmp_path: Path, source: type[MadeUpSource]) -> None:
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)
    counts, outcomes = run(job, 2)
    assert counts == {"rendered": 2}
    names = [f"mma/mma-5-0000{n}{suffix}" for n in (0, 1) for suffix in (".beats", ".flac", ".json")]
    assert sorted(files(tmp_path)) == sorted([*names, "manifest.json"])
    for index, outcome in enumerate(outcomes):
        stem = tmp_path / "mma" / f"mma-5-0000{index}"
        samples, rate = soundfile.read(stem.with_suffix(".flac"))
        assert (rate, samples.ndim) == (SAMPLE_RATE, 1)
        assert soundfile.info(stem.with_suffix(".flac")).subtype == "PCM_16"
        assert len(samples) / rate == pytest.approx(outcome.seconds)
        rows = np.loadtxt(stem.with_suffix(".beats"))
        assert np.all(np.diff(rows[:, 0]) > 0)
        assert rows[-1, 0] < outcome.seconds
        assert set(rows[:, 1]) == {1, 2, 3, 4}
        record = json.loads(stem.with_suffix(".json").read_text())
        assert record["bpm"] == pytest.approx(60 / np.median(np.diff(rows[:, 0])), abs=0.1)
        assert (record["metre"], record["licence"], record["seed"]) == ("4/4", "CC0-1.0", 5)
        assert record["check"]["ratio"] > 1
    written = manifest(job)
    assert written["rendered"]["mma"]["songs"] == 2
    assert written["planned"] == {"mma": 2}
    assert written["failed"] == {}


def test_bars_that_are_not_known_are_not_annotated(tmp_path: Path, source: type[MadeUpSource]) -> None:
    drawn = source.draw
    source.draw = lambda self, rng, seconds: replace(drawn(self, rng, seconds), bars_known=False)  # type: ignore[method-assign]
    run(RenderJob(out=tmp_path, seed=5, settings=SHORT), 1)
    stem = tmp_path / "mma" / "mma-5-00000"
    assert read_beats(stem.with_suffix(".beats")).positions is None
    assert json.loads(stem.with_suffix(".json").read_text())["downbeats"] == "no"


def test_a_song_depends_on_its_number_alone(tmp_path: Path, source: type[MadeUpSource]) -> None:
    run(RenderJob(out=tmp_path / "a", seed=5, settings=SHORT), 3)
    job = RenderJob(out=tmp_path / "b", seed=5, settings=SHORT)
    assert Renderer(job)(PlannedSong("mma", 2, 5)).failure is None
    alone = files(tmp_path / "b")
    assert len(alone) == 3
    assert alone.items() <= files(tmp_path / "a").items()
    run(RenderJob(out=tmp_path / "c", seed=6, settings=SHORT), 1)
    first, other = (tmp_path / f"{name}.flac" for name in ("a/mma/mma-5-00000", "c/mma/mma-6-00000"))
    assert first.read_bytes() != other.read_bytes()


def test_what_is_finished_is_kept(tmp_path: Path, source: type[MadeUpSource]) -> None:
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)
    run(job, 2)
    before = files(tmp_path)
    source.draws = 0
    counts, _ = run(job, 3)
    assert counts == {"existing": 2, "rendered": 1}
    assert source.draws == 1
    assert manifest(job)["rendered"]["mma"]["songs"] == 3
    after = files(tmp_path)
    assert all(after[name] == data for name, data in before.items() if name != "manifest.json")


@pytest.mark.parametrize("damage", ["json", "flac", "beats"])
def test_a_damaged_song_is_rendered_again(damage: str, tmp_path: Path, source: type[MadeUpSource]) -> None:
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)
    run(job, 1)
    before = files(tmp_path)
    path = tmp_path / "mma" / f"mma-5-00000.{damage}"
    if damage == "json":
        path.write_text("{")
    else:
        path.unlink()
    assert run(job, 1)[0] == {"rendered": 1}
    assert files(tmp_path) == before


def test_rejected_draws_are_counted(tmp_path: Path, source: type[MadeUpSource]) -> None:
    source.refused = (1, 2, 4)
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)
    counts, outcomes = run(job, 2)
    assert counts == {"rendered": 2}
    assert [dict(outcome.rejected) for outcome in outcomes] == [{"refused": 2}, {"refused": 1}]
    assert manifest(job)["rejected draws"] == {"mma": {"refused": 3}}


def test_one_failing_song_stops_no_other(
    tmp_path: Path, source: type[MadeUpSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    source.refused = (1, 2, 3)

    def failing(performance: Any, rng: Any, settings: Any) -> Any:
        if source.draws == 4:
            raise RenderError("fluidsynth failed")
        if source.draws == 5:
            raise ZeroDivisionError("a fault")
        return clicking_render(performance, rng, settings)

    monkeypatch.setattr(rendering, "render", failing)
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)
    counts, outcomes = run(job, 4)
    assert counts == {"failed": 3, "rendered": 1}
    assert [outcome.failure for outcome in outcomes] == [
        "no usable draw in 3: refused (3)",
        "fluidsynth failed",
        "ZeroDivisionError: a fault",
        None,
    ]
    assert list(manifest(job)["failed"]) == ["mma-5-00000", "mma-5-00001", "mma-5-00002"]


def test_recordings_that_fail_the_check_are_drawn_again(
    tmp_path: Path, source: type[MadeUpSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "master", lambda samples, rng, settings: (samples * 0, ()))
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)
    assert run(job, 1)[1][0].failure == "no usable draw in 3: too quiet (3)"
    assert source.draws == 3
    assert list(files(tmp_path)) == ["manifest.json"]


def test_an_interrupted_run_leaves_its_manifest(tmp_path: Path, source: type[MadeUpSource]) -> None:
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)

    def stop(song: PlannedSong, outcome: RenderOutcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_songs(job, songs(3, 5), tell=stop)
    assert manifest(job)["rendered"]["mma"]["songs"] == 1


def test_plan_has_the_mix_everywhere_and_more_hours_only_add() -> None:
    mix = {"mma": 3.0, "band": 1.0, "groove": 0.0}
    if "band" not in rendering.SOURCES:
        pytest.skip("there is no source band")
    few = plan(mix, hours=2, seed=3, settings=RenderSettings())
    assert Counter(song.source for song in few) == {"mma": 90, "band": 30}
    for stop in range(8, len(few), 7):
        share = sum(song.source == "mma" for song in few[:stop]) / stop
        assert share == pytest.approx(0.75, abs=0.15)
    assert {song.id for song in few} < {
        song.id for song in plan(mix, hours=5, seed=3, settings=RenderSettings())
    }
    assert len({song.id for song in few}) == len(few)


@pytest.mark.parametrize("mix", [{"mma": -1.0}, {"mma": 0.0}, {"jukebox": 1.0}, {"mma": float("nan")}, {}])
def test_a_mix_that_is_none(mix: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        shares(mix)


@pytest.mark.parametrize("hours", [0.0, -1.0, float("inf")])
def test_hours_must_be_positive(hours: float) -> None:
    with pytest.raises(SettingsError, match="hours"):
        plan({"mma": 1.0}, hours=hours, seed=1, settings=RenderSettings())


def test_a_folder_of_another_run_is_left_alone(tmp_path: Path, source: type[MadeUpSource]) -> None:
    job = RenderJob(out=tmp_path, seed=5, settings=SHORT)
    prepare(job, ["mma"])
    run(job, 1)
    prepare(job, ["mma"])
    for other in (RenderJob(out=tmp_path, seed=6, settings=SHORT), RenderJob(out=tmp_path, seed=5)):
        with pytest.raises(RenderError, match="choose another folder"):
            prepare(other, ["mma"])
    (tmp_path / "manifest.json").write_text("songs")
    with pytest.raises(RenderError, match="not the manifest"):
        prepare(job, ["mma"])


def test_what_a_source_lacks_ends_the_run_at_once(tmp_path: Path, source: type[MadeUpSource]) -> None:
    def check(self: object) -> None:
        raise RenderError("install the Debian package mma")

    source.check = check  # type: ignore[method-assign]
    with pytest.raises(RenderError, match="package mma"):
        prepare(RenderJob(out=tmp_path / "out", seed=1), ["mma"])
    assert not (tmp_path / "out").exists()


@needs_fluidsynth
def test_with_real_instruments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pedalboard")
    monkeypatch.setitem(rendering.SOURCES, "mma", MadeUpSource)
    job = RenderJob(out=tmp_path, seed=2, settings=SHORT)
    prepare(job, ["mma"])
    counts, _ = run(job, 2)
    assert counts == {"rendered": 2}
    for path in tmp_path.glob("mma/*.json"):
        record = json.loads(path.read_text())
        assert abs(record["check"]["lag_ms"]) <= 25
        assert record["players"]
    assert make_piece().source == "mma"
