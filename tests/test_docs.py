"""The README and the pages run, link and name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

import beattrack
from beattrack.cli import main
from tests.synth import drum_clip

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data/*.md"), *ROOT.glob("models/*.md")]
)
FOLDERS = ("beattrack", "benchmarks", "data", "docs", "fuzz", "models", "recipes", "tests", ".ci")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def anchors(page: Path) -> set[str]:
    """What a link can name on a page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def options_of(name: str) -> set[str]:
    """The options of a command."""
    command = main.get_command(click.Context(main), name)
    assert command is not None, name
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_python_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples, times, _ = drum_clip(124, duration=12, sample_rate=48000)
    soundfile.write("song.wav", samples, 48000)
    names = {"beattrack": beattrack, "paths": [Path("song.wav")], "samples": samples}
    examples = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        exec(example, names)
    found = names["beats"]
    assert isinstance(found, beattrack.Beats)
    assert found.bpm == pytest.approx(124, abs=1)
    assert np.abs(times[:, None] - found.times).min(axis=1).max() < 0.05  # every beat is found


def test_the_tutorial_finds_beats_in_30_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    lines = 0
    for example, shown in re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", page, re.DOTALL):
        exec(example, names)
        assert capsys.readouterr().out == shown
        lines += sum(bool(line.strip()) for line in example.splitlines())
    assert 20 < lines <= 30
    public = set(re.findall(r"\bbeattrack\.(\w+)", page))
    assert public <= set(beattrack.__all__)
    found = names["beats"]
    assert isinstance(found, beattrack.Beats)
    assert len(found) == 33  # as the page says
    assert np.allclose(found.times, np.arange(33) / 2, atol=0.03)
    assert found.positions is not None
    assert found.positions.tolist() == [1, 2, 3, 4] * 8 + [1]
    assert len(np.loadtxt("song.beats")) == 33
    assert soundfile.info("clicks.wav").frames == soundfile.info("song.wav").frames


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        there = page.parent / target if target else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


@every_page
def test_commands_have_the_options_that_are_shown(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"(?<!/)\bbeattrack (\w[\w-]*)([^\n`|]*)", "\n".join(code(text))):
        if name in main.list_commands(click.Context(main)):
            shown = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest))
            assert shown <= options_of(name), name


@every_page
def test_options_named_alone_are_those_of_a_command_or_a_benchmark(page: Path) -> None:
    known = set.union(*(options_of(name) for name in main.list_commands(click.Context(main))))
    for script in ROOT.glob("benchmarks/*.py"):
        known |= set(re.findall(r'"(--[a-z-]+)"', script.read_text(encoding="utf-8")))
    for text in code(page.read_text(encoding="utf-8")):
        if re.match(r"--\w", text):
            assert re.split(r"[ =]", text)[0] in known, text


@every_page
def test_files_that_are_named_exist(page: Path) -> None:
    for text in code(page.read_text(encoding="utf-8")):
        inside = ROOT / "tests" if page.name == "robustness.md" and text.endswith(".py") else ROOT
        if (
            "/" in text
            and (text.split("/")[0] in FOLDERS or inside != ROOT)
            and re.fullmatch(r"[\w./-]+", text)
        ):
            assert (ROOT / text).exists() or (inside / text).exists(), text


def test_the_readme_lists_every_extra() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = project.split("[project.optional-dependencies]\n")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(re.findall(r"^(\w+) = ", extras, re.MULTILINE))


def code(text: str) -> list[str]:
    """All code on a page: the lines of its blocks, and what stands between backticks."""
    fenced = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
    indented = re.findall(r"(?<=\n\n)((?:    .*\n)+)", text)
    lines = [line.strip() for block in (*fenced.findall(text), *indented) for line in block.splitlines()]
    spans = re.findall(r"`([^`]+)`", fenced.sub("", text))
    return [*lines, *(" ".join(span.split()) for span in spans)]
