from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from beattrack.activations import Activations
from beattrack.audio import Excerpt
from beattrack.page import document, write_page
from beattrack.result import Beats
from tests.synth import drum_clip

NASTY = "a</script><script>alert(1)</script><!--&amp;\u2028'\"{{data}}.wav"


class Page(HTMLParser):
    """The parts of a page, as a browser would divide it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, str] = {}
        self._open = ""
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)
        elif self._open:
            self.words[self._open] = self.words.get(self._open, "") + data

    def block(self, identity: str) -> str:
        (text,) = (text for attributes, text in self.scripts if attributes.get("id") == identity)
        return text

    def bytes(self, identity: str) -> bytes:
        return base64.b64decode(self.block(identity), validate=True)

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.block("data")))

    @property
    def programs(self) -> list[str]:
        return [text for attributes, text in self.scripts if not attributes]


def page(folder: Path, name: str | None = "song.wav", **changes: Any) -> Page:
    samples, times, positions = drum_clip(120, duration=25)
    soundfile.write(folder / "song.wav", samples, 22050)
    frames = np.zeros(2500)
    frames[50::50] = 0.8
    values = {
        "times": times,
        "positions": positions,
        "confidence": np.full(len(times), 0.5),
        "duration": 25.0,
        "metre": 4,
        "file": name,
        "model": "tcn",
    }
    activations = changes.pop("activations", Activations(beats=frames, downbeats=frames / 2, fps=100.0))
    excerpt = changes.pop("excerpt", None)
    beats = Beats(**{**values, **changes})
    write_page(folder / "song.wav", beats, activations, folder / "a.html", excerpt=excerpt)
    return Page(folder / "a.html")


def test_all_of_the_data_is_in_the_page(tmp_path: Path) -> None:
    made = page(tmp_path)
    data = made.data
    assert data["times"] == pytest.approx(np.arange(0.5, 25, 0.5))
    assert data["positions"][:5] == [1, 2, 3, 4, 1]
    assert (data["duration"], data["metre"], data["name"], data["stem"]) == (25, 4, "song.wav", "song")
    assert len(made.bytes("peaks")) == 2 * 25 * data["peaksPerSecond"]
    beats = np.frombuffer(made.bytes("beats"), np.uint8)
    assert beats[49:52].tolist() == [0, 204, 0]
    assert np.frombuffer(made.bytes("downbeats"), np.uint8)[50] == 102
    assert data["chunks"] == 2
    for index in range(2):
        assert made.bytes(f"sound-{index}").startswith(b"OggS")
        assert made.bytes(f"picture-{index}").startswith(b"\x89PNG")


def test_a_part_begins_at_time_0_of_the_page(tmp_path: Path) -> None:
    whole, made = page(tmp_path), page(tmp_path, excerpt=Excerpt(3.204, 24.7))
    data = made.data
    assert (data["offset"], data["recordingDuration"]) == (3.2, 25)
    assert data["duration"] == pytest.approx(21.5)
    assert data["times"] == pytest.approx(np.arange(3.5, 24.7, 0.5) - 3.2)
    assert data["positions"][:3] == [3, 4, 1]
    assert np.frombuffer(made.bytes("beats"), np.uint8)[29:32].tolist() == [0, 204, 0]
    assert made.bytes("peaks")[:500] == whole.bytes("peaks")[1600:2100]
    assert whole.data["offset"] == 0


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    made = page(tmp_path)
    assert not {tag for tag, _ in made.tags} & {"link", "iframe", "img", "object", "embed", "base"}
    for tag, attributes in made.tags:
        assert not attributes.keys() & {"src", "href", "srcset", "action"}, tag
    (policy,) = (values["content"] for tag, values in made.tags if "http-equiv" in values)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in made.programs]
    assert len(hashes) == 2
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert "unsafe-eval" not in policy


def test_a_name_full_of_markup_is_only_text(tmp_path: Path) -> None:
    plain, made = page(tmp_path), page(tmp_path, name=f"/music/{NASTY}")
    name = NASTY.rpartition("/")[2]  # a slash divides folders
    made = page(tmp_path, name=NASTY.replace("/", "\\"), reason=NASTY, model=NASTY)
    name = NASTY.replace("/", "\\")
    assert [tag for tag, _ in made.tags] == [tag for tag, _ in plain.tags]
    assert made.programs == plain.programs
    assert made.data["name"] == made.words["title"] == name
    assert made.data["reason"] == made.data["model"] == NASTY
    assert not re.search("[<>&']", made.block("data"))


def test_standard_names(tmp_path: Path) -> None:
    assert page(tmp_path, name=None).data["stem"] == "recording"
    assert page(tmp_path, name="/home/me/b.c.flac").data["name"] == "b.c.flac"
    assert "/home/me" not in page(tmp_path, name="/home/me/b.c.flac").text


def test_beats_without_bars_and_activations_without_downbeats(tmp_path: Path) -> None:
    activations = Activations(beats=np.array([0.5, np.nan, np.inf, 2.0, -1.0]), downbeats=None, fps=100.0)
    made = page(tmp_path, positions=None, metre=None, activations=activations)
    assert made.data["positions"] is None
    assert list(made.bytes("beats")) == [128, 0, 0, 255, 0]
    assert made.bytes("downbeats") == b""


def test_no_beats(tmp_path: Path) -> None:
    nothing = np.empty(0)
    made = page(tmp_path, times=nothing, positions=None, confidence=nothing, metre=None, reason="no beats")
    assert (made.data["times"], made.data["bpm"], made.data["reason"]) == ([], None, "no beats")


def test_the_vendored_library_is_the_one_of_npm_and_its_licence_is_in_the_page(tmp_path: Path) -> None:
    vendor = resources.files("beattrack.page").joinpath("static", "vendor")
    library = vendor.joinpath(document.WAVESURFER).read_bytes()
    assert hashlib.sha256(library).hexdigest() == document.WAVESURFER_SHA256
    made = page(tmp_path)
    assert made.programs[0].encode() == library
    assert vendor.joinpath("LICENSE").read_text(encoding="utf-8") in made.text
    assert b"</script" not in library


def test_a_minute_takes_less_than_a_megabyte(tmp_path: Path) -> None:
    samples, times, _ = drum_clip(120, duration=60)
    noisy = samples + 0.05 * np.random.default_rng(0).standard_normal(len(samples))
    soundfile.write(tmp_path / "song.wav", noisy, 22050)
    frames = np.zeros(6000)
    found = Beats(times=times, positions=None, confidence=np.ones(len(times)), duration=60.0)
    write_page(
        tmp_path / "song.wav",
        found,
        Activations(beats=frames, downbeats=frames, fps=100.0),
        tmp_path / "a.html",
    )
    assert (tmp_path / "a.html").stat().st_size < 1_000_000  # an hour: less than 60 MB


def test_a_page_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        yield "<!DOCTYPE html>"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("beattrack.page.render", fails)
    with pytest.raises(OSError, match="No space left"):
        page(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]
