from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

from beattrack.datasets import Problem
from beattrack.evaluation.compare import compare
from beattrack.evaluation.predict import TrackerSpec
from beattrack.evaluation.report import findings, html, plots, sound, timeline, write_comparison, write_run
from beattrack.evaluation.run import Inputs, RunSettings, score
from beattrack.evaluation.score import Item
from beattrack.formats.readers import beat_sequence
from tests.evaluation_cases import items, jittered, steady
from tests.fake_tracker import make_tracker

pytest.importorskip("mir_eval")
pytest.importorskip("matplotlib")

NASTY = '<script>alert("$x_1$ & y")</script>'


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.targets += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br", "!doctype"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_pages(folder):
    """Every page is well-formed, and every link leads to a file of the report."""
    pages = sorted(folder.rglob("*.html"))
    for page in pages:
        links = Links()
        links.feed(page.read_text(encoding="utf-8"))
        assert links.open == []
        for target in links.targets:
            assert (page.parent / unquote(target)).is_file(), target
            assert not re.match(r"[a-z]+:|/", target)
    return pages


@pytest.fixture(scope="module")
def with_audio(tmp_path_factory):
    """Cases of which every file has its audio, one with a name that is awkward everywhere."""
    path = tmp_path_factory.mktemp("audio") / "noise.wav"
    generator = np.random.default_rng(0)
    soundfile.write(path, 0.1 * generator.standard_normal(30 * 8000), 8000)
    cases = [Item(case.id, case.reference, case.estimate, case.genre, str(path)) for case in items()]
    cases.append(Item(f"{NASTY}/../\u97f3", steady(), beat_sequence([1.0]), NASTY, str(path)))
    return cases


@pytest.fixture(scope="module")
def run(with_audio):
    inputs = Inputs(tuple(with_audio), (Problem(NASTY, "cannot be read"),))
    return score(inputs, RunSettings(), name=NASTY, dataset="cases")


def test_report_has_pictures_sound_and_pages_that_are_linked(run, tmp_path):
    activations = make_tracker(TrackerSpec("fake")).activations
    index = write_run(run, tmp_path / "report", worst=3, activations=activations)
    pages = check_pages(tmp_path / "report")
    assert index in pages
    assert len(pages) == 4
    for name in ("outcomes.png", "genres.png", "scores.png", "timing.png"):
        assert (tmp_path / "report" / name).read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "report/files").glob("*.png"))) == 3
    sounds = [path for path in (tmp_path / "report/files").iterdir() if path.suffix in (".ogg", ".wav")]
    assert len(sounds) == 6
    text = index.read_text(encoding="utf-8")
    assert "What these numbers mean" in text
    assert f"{run.summary.mean('beats.f_measure'):.3f}" in text


def test_every_name_is_escaped(run, tmp_path):
    write_run(run, tmp_path, worst=20)
    for page in check_pages(tmp_path):
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
    assert "&lt;script&gt;" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(re.fullmatch(r"[\w.-]+", path.name, re.ASCII) for path in tmp_path.rglob("*"))


def test_report_without_audio_genres_or_downbeats(tmp_path):
    reference = beat_sequence(steady().times)
    cases = (Item("a", reference, jittered(reference, 0.01)), Item("b", reference, beat_sequence([])))
    run = score(Inputs(cases), RunSettings(), name="x", dataset="y")
    write_run(run, tmp_path)
    pages = check_pages(tmp_path)
    assert len(pages) == 2
    assert "audio was not found" in pages[0].read_text(encoding="utf-8")
    assert "Downbeats were not scored" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_report_of_a_run_without_faults_and_of_one_without_beats(tmp_path):
    beats = steady()
    right = score(Inputs((Item("a", beats, beats),)), RunSettings(), name="x", dataset="y")
    write_run(right, tmp_path / "right")
    assert len(check_pages(tmp_path / "right")) == 1
    empty = score(
        Inputs((Item("a", beat_sequence([]), beat_sequence([])),)), RunSettings(), name="x", dataset="y"
    )
    write_run(empty, tmp_path / "empty")
    assert len(check_pages(tmp_path / "empty")) >= 1


def test_report_marks_training_data(run, tmp_path):
    write_run(replace(run, training_data=True), tmp_path, worst=0)
    assert "not test scores" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_comparison_report(run, with_audio, tmp_path):
    exact = tuple(Item(c.id, c.reference, c.reference, c.genre, c.audio) for c in with_audio)
    other = score(Inputs(exact), RunSettings(), name="other", dataset="cases")
    write_comparison(compare([run, other]), [run, other], tmp_path, worst=2)
    pages = check_pages(tmp_path)
    assert len(pages) == 3
    for name in ("scatter-beats-1.png", "scatter-downbeats-1.png", "genres-beats.png"):
        assert (tmp_path / name).is_file()
    assert "a clear difference" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_files(run, tmp_path):
    for name in ("a", "b"):
        write_run(run, tmp_path / name, worst=1)
    for path in sorted((tmp_path / "a").rglob("*.*")):
        # Ogg numbers its streams at random.
        if path.suffix != ".ogg":
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_findings_name_the_weakest_genre_and_why():
    cases = [
        Item(f"{case.id}", case.reference, case.estimate, "swing") for case in items() if case.id == "half"
    ]
    cases += [Item(f"rock {n}", steady(), steady(), "rock") for n in range(3)]
    run = score(Inputs(tuple(cases)), RunSettings(), name="x", dataset="y")
    text = " ".join(findings.findings(run))
    assert "3 of 4 files are tracked right" in text
    assert "worst in swing" in text
    assert "1 of 1 files is tapped at double, triple, half or a third of the tempo" in text


def test_clicks_are_on_the_beats_and_higher_on_downbeats():
    beats = beat_sequence([10.5, 11.0, 11.5], [1, 2, 3])
    mixed = sound.with_clicks(np.zeros(2 * sound.RATE, dtype=np.float32), beats, 10.0)
    loud = np.flatnonzero(np.abs(mixed) > 0.05)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-sound.RATE) > sound.RATE // 10)] / sound.RATE
    assert starts == pytest.approx([0.5, 1.0, 1.5], abs=0.001)
    clicks = [mixed[round(start * sound.RATE) :][:600] for start in (0.5, 1.0)]
    crossings = [np.count_nonzero(np.diff(np.signbit(click))) for click in clicks]
    assert crossings[0] > 1.4 * crossings[1]


def test_music_is_mixed_without_clipping(tmp_path):
    music = np.ones(sound.RATE, dtype=np.float32) * 3
    mixed = sound.with_clicks(music, beat_sequence([0.2, 0.999, 7.0]), 0.0)
    assert np.abs(mixed).max() <= 1.0
    assert mixed.size == music.size
    name = sound.write_sound(mixed, tmp_path, "mix")
    info = soundfile.info(tmp_path / name)
    assert (info.samplerate, info.channels, info.frames) == (sound.RATE, 1, mixed.size)


def test_an_excerpt_is_the_asked_part_of_the_file(tmp_path):
    path = tmp_path / "ramp.wav"
    soundfile.write(path, np.linspace(0, 0.9, 4 * sound.RATE), sound.RATE, subtype="FLOAT")
    part = sound.load_excerpt(path, 1.0, 2.0)
    assert part.size == 2 * sound.RATE
    assert part[0] == pytest.approx(0.225, abs=1e-3)
    assert sound.load_excerpt(path, 3.5, 2.0).size == sound.RATE // 2


def test_a_long_recording_is_shown_where_it_is_worst():
    reference = steady(120, 300)
    wrong = (reference.times > 200) & (reference.times < 220)
    estimate = beat_sequence(reference.times[~wrong])
    window = timeline.choose_window(timeline.rows_of(reference, [("detected", estimate)]))
    assert window.length == 30.0
    assert window.start <= 200
    assert window.start + window.length >= 220
    short = timeline.choose_window(timeline.rows_of(steady(), [("detected", steady())]))
    assert short.start == 0.0
    assert short.length >= 30.0


def test_beats_without_a_partner_are_marked_on_both_sides():
    reference = beat_sequence([1.0, 2.0, 3.0])
    annotated, detected = timeline.rows_of(reference, [("detected", beat_sequence([1.02, 2.5, 3.0]))])
    assert annotated.wrong.tolist() == [False, True, False]
    assert detected.wrong.tolist() == [False, True, False]


def test_links_and_text_are_safe():
    assert html.link("a & b", "x y'\"<.html") == '<a href="x%20y%27%22%3C.html">a &amp; b</a>'
    assert html.escape("<\"&'>") == "&lt;&quot;&amp;&#x27;&gt;"


def test_every_outcome_has_a_colour_and_a_place():
    assert set(plots.STACKED) == set(plots.FAULT_COLOURS) == set(findings.FAULT_PHRASES)
