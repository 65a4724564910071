from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from beattrack.rendering import job as rendering
from beattrack.rendering.errors import RenderError
from beattrack.rendering.sounding import effects, fluidsynth
from tests.cli_cases import lines, names, run, usage_error
from tests.rendering_cases import MadeUpSource, clicking_render, needs_fluidsynth, plain_master


class MissingSource(MadeUpSource):
    def check(self) -> None:
        raise RenderError("the program 'mma' is missing; install the Debian package mma")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One source, mma, of made-up pieces, and clicks for sound."""
    for name in list(rendering.SOURCES):
        monkeypatch.setitem(rendering.SOURCES, name, MissingSource)
    monkeypatch.setitem(rendering.SOURCES, "mma", MadeUpSource)
    monkeypatch.setattr(rendering, "render", clicking_render)
    monkeypatch.setattr(rendering, "master", plain_master)
    monkeypatch.setattr(rendering, "require_fluidsynth", lambda: None)
    for module in (rendering, effects):
        monkeypatch.setattr(module, "require_pedalboard", lambda: None)


def test_a_run_and_the_same_again(made_up: None, tmp_path: Path) -> None:
    result = run("render", tmp_path, "--hours", "0.03", "--seed", "4", "--jobs", "1", "--mix", "mma=1")
    assert (result.exit_code, result.stdout) == (0, "")
    assert lines(result.stderr)[-1].startswith(f"{tmp_path}: 2 rendered; ")
    songs = [f"mma/mma-4-0000{n}{suffix}" for n in (0, 1) for suffix in (".beats", ".flac", ".json")]
    assert names(tmp_path) == ["manifest.json", *songs]
    again = run("render", tmp_path, "--hours", "0.03", "--seed", "4", "--jobs", "1", "--mix", "mma=1")
    assert lines(again.stderr)[-1] == f"{tmp_path}: 2 existing"
    quiet = run("render", tmp_path, "--hours", "0.03", "--seed", "4", "--jobs", "1", "--quiet")
    assert (quiet.exit_code, quiet.stderr) == (0, "")


def test_sources_that_are_missing_are_left_out_and_named(made_up: None, tmp_path: Path) -> None:
    result = run("render", tmp_path, "--hours", "0.001", "--jobs", "1")
    assert result.exit_code == 0
    assert "left out: band: the program 'mma' is missing" in result.stderr
    assert list(json.loads((tmp_path / "manifest.json").read_text())["planned"]) == ["mma"]


def test_a_source_asked_for_must_be_there(made_up: None, tmp_path: Path) -> None:
    result = run("render", tmp_path / "out", "--mix", "band=1")
    assert result.exit_code == 1
    assert result.stderr == "beattrack: the program 'mma' is missing; install the Debian package mma\n"
    assert not (tmp_path / "out").exists()


def test_no_source_at_all(made_up: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rendering.SOURCES, "mma", MissingSource)
    result = run("render", tmp_path)
    assert result.exit_code == 1
    assert len(lines(result.stderr)) == 1
    assert "no source can be used" in result.stderr


def test_failures_are_told_and_counted(
    made_up: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "master", lambda samples, rng, settings: (samples * 0, ()))
    result = run("render", tmp_path, "--hours", "0.001", "--jobs", "1", "--mix", "mma=1")
    assert result.exit_code == 1
    assert "beattrack: mma-1-00000: no usable draw in 6: too quiet (6)" in lines(result.stderr)
    assert "1 failed; 6 draws rejected" in result.stderr


def test_usage_errors(made_up: None, tmp_path: Path) -> None:
    assert "no output folder given" in usage_error("render")
    assert "'mma' must have the form SOURCE=WEIGHT" in usage_error("render", tmp_path, "--mix", "mma")
    assert "there is no source 'jukebox'; use one of songs, simple, mma" in usage_error(
        "render", tmp_path, "--mix", "jukebox=1"
    )
    assert "the weight of mma must be at least 0" in usage_error("render", tmp_path, "--mix", "mma=-1")
    assert "--hours" in usage_error("render", tmp_path, "--hours", "0")
    file = tmp_path / "file"
    file.touch()
    assert "is a file" in usage_error("render", file)


def test_a_folder_of_another_seed_is_refused(made_up: None, tmp_path: Path) -> None:
    options = ("--hours", "0.001", "--jobs", "1", "--mix", "mma=1")
    assert run("render", tmp_path, "--seed", "1", *options).exit_code == 0
    result = run("render", tmp_path, "--seed", "2", *options)
    assert result.exit_code == 1
    assert "choose another folder" in result.stderr


def test_missing_programs_and_packages_are_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rendering.SOURCES, "mma", MadeUpSource)
    monkeypatch.setattr(effects, "require_pedalboard", lambda: None)
    monkeypatch.setattr(rendering, "require_pedalboard", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    result = run("render", tmp_path, "--mix", "mma=1")
    assert result.exit_code == 1
    assert lines(result.stderr)[0].startswith(
        "beattrack: the program fluidsynth is missing; install the Debian packages fluidsynth fluid-"
    )
    assert len(lines(result.stderr)) == 1


@pytest.mark.parametrize("options", [(), ("--mix", "mma=1")])
def test_missing_pedalboard(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pedalboard", None)
    result = run("render", tmp_path, *options)
    assert result.exit_code == 1
    assert len(lines(result.stderr)) == 1
    assert "pip install 'beattrack[render]'" in result.stderr


def test_missing_fonts_are_named_where_one_is_there(
    made_up: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fluidsynth, "available_fonts", lambda: fluidsynth.FONTS[:1])
    result = run("render", tmp_path, "--hours", "0.001", "--jobs", "1", "--mix", "mma=1")
    assert result.exit_code == 0
    assert (
        "1 of 7 soundfonts found; for more timbres install musescore-general-soundfont-lossless"
        in result.stderr
    )


def test_the_list(made_up: None) -> None:
    result = run("render", "--list")
    assert result.exit_code == 0
    found = [line.split()[0] for line in lines(result.stdout)]
    assert found[: 1 + len(rendering.SOURCES)] == ["sources", *rendering.SOURCES]
    assert found[1 + len(rendering.SOURCES) :] == ["soundfonts", *(font.name for font in fluidsynth.FONTS)]
    assert "band         the program 'mma' is missing" in result.stdout


@needs_fluidsynth
@pytest.mark.slow
def test_several_processes_render_the_same_songs(tmp_path: Path) -> None:
    pytest.importorskip("pedalboard")
    pytest.importorskip("mido")
    for jobs in (1, 2):
        result = run(
            "render", tmp_path / str(jobs), "--hours", "0.05", "--jobs", str(jobs), "--mix", "band=1"
        )
        assert result.exit_code == 0
    one, two = (
        {
            str(path.relative_to(tmp_path / jobs)): path.read_bytes()
            for path in (tmp_path / jobs).rglob("*.flac")
        }
        for jobs in ("1", "2")
    )
    assert len(one) == 3
    assert one == two
