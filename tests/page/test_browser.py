"""The page in a browser: it loads, plays, edits and downloads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.activations import Activations
from beattrack.audio import Excerpt
from beattrack.formats.readers import read_beats
from beattrack.page import write_page
from beattrack.result import Beats
from tests.page.chromium import Chromium, find_chromium

CHROMIUM = find_chromium()
RATE = 32_000
DURATION = 45.0
TIMES = np.arange(0.5, DURATION, 0.5)
NAME = "a<img src=x onerror=alert(1)>\"'&.wav"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def recording() -> tuple[Beats, Activations]:
    """The beats of a recording in 4/4, and their activations."""
    frames = np.zeros(round(DURATION * 100))
    frames[np.rint(TIMES * 100).astype(int)] = 0.9
    beats = Beats(
        times=TIMES,
        positions=np.arange(len(TIMES)) % 4 + 1,
        confidence=np.full(len(TIMES), 0.9),
        duration=DURATION,
        metre=4,
        file=NAME,
    )
    return beats, Activations(beats=frames, downbeats=frames / 3, fps=100.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, recording: tuple[Beats, Activations]) -> Path:
    """The page of a recording with a short noise on each beat."""
    folder = tmp_path_factory.mktemp("page")
    samples = np.zeros(round(DURATION * RATE), np.float32)
    noise = 0.5 * np.random.default_rng(0).standard_normal(600) * np.exp(-np.arange(600) / 100)
    for onset in np.rint(TIMES * RATE).astype(int):
        samples[onset : onset + 600] = noise[: len(samples) - onset]
    soundfile.write(folder / "song.wav", samples, RATE)
    write_page(folder / "song.wav", *recording, folder / "page.html")
    return folder / "page.html"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    assert CHROMIUM is not None
    browser = Chromium(CHROMIUM, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Chromium, made: Path) -> Iterator[Chromium]:
    """The browser with the page freshly opened; nothing may have been complained about in the end."""
    chromium.events.clear()
    chromium.open(made)
    yield chromium
    assert chromium.complaints() == []
    chromium.value("page.saved = page.state")  # no question on leaving


def place(browser: Chromium, seconds: float) -> tuple[float, float]:
    """Where a time is on the screen, in the waveform."""
    left, top = browser.value(
        "(r => [r.left, r.top])(document.getElementById('lanes').getBoundingClientRect())"
    )
    return left + browser.value(f"page.lanes.x({seconds})"), top + 120


def click(browser: Chromium, x: float, y: float, clicks: int = 1) -> None:
    for count in range(1, clicks + 1):
        browser.mouse("mousePressed", x, y, clicks=count)
        browser.mouse("mouseReleased", x, y, clicks=count)


def drag(browser: Chromium, start: tuple[float, float], end: tuple[float, float]) -> None:
    browser.mouse("mousePressed", *start)
    for share in (0.3, 0.6, 1.0):
        browser.mouse("mouseMoved", start[0] + share * (end[0] - start[0]), start[1])
    browser.mouse("mouseReleased", *end)


def times(browser: Chromium) -> list[float]:
    return list(browser.value("page.state.times"))


def positions(browser: Chromium) -> list[int]:
    return list(browser.value("page.state.positions"))


def test_it_shows_the_beats_and_a_name_full_of_markup_as_text(browser: Chromium) -> None:
    assert browser.value("document.querySelector('h1').textContent") == NAME
    assert browser.value("document.title") == NAME
    assert browser.value("document.querySelectorAll('img').length") == 0
    assert "4 beats a bar" in browser.value("document.getElementById('facts').textContent")
    assert times(browser) == TIMES.tolist()
    # wavesurfer.js has drawn the waveform, and the lanes hold more than their background.
    assert browser.value("page.wave.getWrapper().querySelectorAll('canvas').length") > 0
    colours = (
        "(c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer))"
        ".size)(document.getElementById('lanes'))"
    )
    browser.wait_for(f"{colours} > 20")


def test_it_plays_and_stops(browser: Chromium) -> None:
    browser.press(" ", code="Space")
    browser.wait_for("page.player.currentTime > 0.6")
    assert browser.value("page.wave.isPlaying()")
    browser.press(" ", code="Space")
    stopped = browser.value("page.player.currentTime")
    time.sleep(0.2)
    assert browser.value("page.player.currentTime") == stopped
    browser.press("End")
    assert browser.value("page.player.currentTime") == DURATION
    browser.press("Home")
    browser.press("ArrowRight", shift=True)
    assert browser.value("page.player.currentTime") == 0.5


def test_it_plays_on_from_one_part_to_the_next_to_the_end(browser: Chromium) -> None:
    browser.value("page.seek(19.7); page.toggle()")
    browser.wait_for("page.player.currentTime > 20.3")
    assert browser.value("page.player._sources.size") >= 1
    browser.value("page.seek(44.5)")
    browser.wait_for("page.player.ended")
    assert browser.value("page.player.paused")
    assert browser.value("page.player.currentTime") == DURATION


def test_music_and_clicks_sound_at_the_times_of_the_beats(browser: Chromium) -> None:
    """What the player schedules is rendered offline, music left and clicks right, across the seam at 20 s."""
    program = f"""(async () => {{
        const {{player}} = page;
        const offline = new OfflineAudioContext(2, 4 * {RATE}, {RATE});
        window.AudioContext = function () {{ return offline; }};
        player._open();
        const merger = offline.createChannelMerger(2);
        [player._music, player._clicking].forEach((node, channel) => {{
            node.disconnect();
            node.connect(merger, 0, channel);
        }});
        merger.connect(offline.destination);
        Object.assign(player, {{_position: 18.2, _startedAt: 0}});
        player._nextBeat = lowerBound(player.beats.times, 18.2);
        for (const index of [0, 1]) player._scheduleFile(index, await player.file(index));
        for (let now = 0; now < 4; now += 1) player._scheduleClicks(now);
        const sound = await offline.startRendering();
        return [0, 1].map((channel) => {{
            const found = [];
            sound.getChannelData(channel).forEach((value, index) => {{
                const last = found.length ? found[found.length - 1] : -5000;
                if (Math.abs(value) > 0.15 && index - last > 4000) found.push(index);
            }});
            return found;
        }});
    }})()"""
    music, clicks = (np.array(onsets) for onsets in browser.value(program))
    expected = (np.arange(18.5, 22.2, 0.5) - 18.2) * RATE
    assert clicks == pytest.approx(expected, abs=1)
    assert music == pytest.approx(expected, abs=4)  # the noise is not at its loudest at once


def test_clicks_are_turned_off_and_on(browser: Chromium) -> None:
    browser.value("page.player._open()")
    assert browser.value("page.player._clicking.gain.value") == pytest.approx(0.7)
    browser.press("c")
    assert browser.value("page.player._clicking.gain.value") == 0
    assert browser.value("document.getElementById('clicks').getAttribute('aria-pressed')") == "false"
    browser.press("c")
    assert browser.value("page.player._clicking.gain.value") == pytest.approx(0.7)


def test_zoom_scroll_and_seek(browser: Chromium) -> None:
    before = browser.value("page.view.pps")
    browser.press("+")
    assert browser.value("page.view.pps") == pytest.approx(1.5 * before)
    browser.press("f")
    assert browser.value("page.view") == {"start": 0, "pps": pytest.approx(1280 / DURATION)}
    browser.value("page.setView(10, 200)")
    click(browser, *place(browser, 11.3))
    assert browser.value("page.player.currentTime") == pytest.approx(11.3, abs=0.01)
    x, y = place(browser, 11.3)
    drag(browser, (x, y), (x - 100, y))
    assert browser.value("page.view.start") == pytest.approx(10.5, abs=0.01)
    # The waveform is where the beats are.
    assert browser.value("page.wave.getScroll() / page.view.pps") == browser.value("page.view.start")


def test_beats_are_dragged_added_deleted_and_that_is_undone(browser: Chromium) -> None:
    browser.value("page.setView(0, 100)")
    browser.press("n")  # no snapping
    drag(browser, place(browser, 2.0), place(browser, 2.1))
    assert times(browser)[3] == pytest.approx(2.1, abs=0.011)
    click(browser, *place(browser, 3.25), clicks=2)
    assert times(browser)[6] == pytest.approx(3.25, abs=0.01)
    assert positions(browser)[4:10] == [1, 2, 3, 4, 5, 1]
    click(browser, *place(browser, 4.0))
    browser.press("Delete")
    assert len(times(browser)) == len(TIMES)
    assert positions(browser)[4:9] == [1, 2, 3, 4, 1]
    for _ in range(3):
        browser.press("z", control=True)
    assert times(browser) == TIMES.tolist()
    assert browser.value("document.getElementById('undo').disabled")
    for _ in range(3):
        browser.press("z", control=True, shift=True)
    assert times(browser)[3] == pytest.approx(2.1, abs=0.011)


def test_a_dragged_beat_snaps_to_the_activation(browser: Chromium) -> None:
    browser.value("page.edit({times: [1.02, 2.05, 3.5], positions: [1, 2, 3]}); page.setView(0, 100)")
    drag(browser, place(browser, 2.05), place(browser, 2.46))
    assert times(browser)[1] == pytest.approx(2.5)


def test_beats_are_tapped_while_it_plays(browser: Chromium) -> None:
    browser.value("page.edit({times: [], positions: []})")
    browser.press("t")
    assert times(browser) == []  # it does not play yet
    browser.press(" ", code="Space")
    for beat in range(1, 4):
        browser.wait_for(f"page.player.currentTime >= {0.5 * beat} - 0.03")
        browser.press("t")
    browser.press(" ", code="Space")
    assert times(browser) == pytest.approx([0.5, 1.0, 1.5], abs=1e-3)  # they snap
    assert positions(browser) == [1, 2, 3]
    browser.press("z", control=True)
    assert times(browser) == []  # one step


def test_bars_metre_and_tempo(browser: Chromium) -> None:
    browser.press("]")
    assert positions(browser)[:6] == [4, 1, 2, 3, 4, 1]
    browser.press("[")
    browser.value("page.select(2)")
    browser.press("d")
    assert positions(browser)[:6] == [1, 2, 1, 2, 3, 4]
    browser.value(
        "(s => { s.value = '3'; s.dispatchEvent(new Event('change')); })(document.getElementById('metre'))"
    )
    assert positions(browser)[:6] == [2, 3, 1, 2, 3, 1]
    browser.press("h")
    assert times(browser)[:3] == [0.5, 1.5, 2.5]
    browser.press("g")
    assert times(browser)[:3] == [0.5, 1.0, 1.5]


def test_the_corrected_beats_are_downloaded(browser: Chromium, tmp_path: Path) -> None:
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.press("]")
    browser.value("page.select(1)")
    browser.press("Delete")
    browser.press("s")
    give_up = time.monotonic() + 20
    while not (files := list(tmp_path.glob("*.beats"))):
        assert time.monotonic() < give_up, "nothing was downloaded"
        time.sleep(0.05)
    found = read_beats(files[0])
    assert found.times.tolist() == [0.5, *TIMES[2:].tolist()]
    assert found.positions is not None
    assert found.positions.tolist()[:4] == [4, 1, 2, 3]
    assert "# corrected: by hand\n" in files[0].read_text()
    assert len(np.loadtxt(files[0])) == len(TIMES) - 1


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "height"), [(1600, 900), (380, 700), (800, 360)])
def test_windows_of_all_sizes_in_both_schemes(browser: Chromium, width: int, height: int, dark: bool) -> None:
    browser.size(width, height)
    browser.scheme(dark)
    browser.wait_for(f"page.lanes.width === {width} || page.lanes.width === {width} - 15")
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")
    assert browser.value("document.getElementById('stage').clientHeight") >= 240
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 21, 27)" if dark else "rgb(251, 251, 253)")


def test_a_page_without_sound_or_beats(chromium: Chromium, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    nothing = np.empty(0)
    beats = Beats(
        times=nothing, positions=None, confidence=nothing, duration=0.0, reason="no beats: it is empty"
    )
    activations = Activations(beats=nothing, downbeats=None, fps=100.0)
    write_page(tmp_path / "a.wav", beats, activations, tmp_path / "a.html")
    chromium.events.clear()
    chromium.open(tmp_path / "a.html")
    for key in "tad[]hg +-f":
        chromium.press(key)
    chromium.press("ArrowRight")
    assert chromium.value("document.getElementById('notice').textContent") != ""
    assert chromium.complaints() == []
    chromium.value("page.saved = page.state")


def test_a_part_shows_and_saves_the_times_of_the_recording(
    chromium: Chromium, made: Path, recording: tuple[Beats, Activations], tmp_path: Path
) -> None:
    beats, activations = recording
    part = tmp_path / "part.html"
    write_page(made.with_name("song.wav"), beats, activations, part, excerpt=Excerpt(20.25, 41))
    chromium.events.clear()
    chromium.open(part)
    assert chromium.value("page.clock(0)") == "0:20.250"
    assert chromium.value("document.getElementById('time').textContent") == "0:20.250"
    shown = TIMES[(TIMES >= 20.25) & (TIMES <= 41)]
    assert times(chromium) == pytest.approx((shown - 20.25).tolist())
    saved = tmp_path / "a.beats"
    saved.write_text(
        chromium.value("beatsFile(page.state, {...page.data, tempo: page.tempo, edited: false})")
    )
    found = read_beats(saved)
    assert found.times.tolist() == shown.tolist()
    assert found.duration == DURATION
    assert chromium.complaints() == []
