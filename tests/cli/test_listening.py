from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from beattrack.cli import listening
from beattrack.formats.readers import read_beats
from beattrack.plot import PICTURES
from beattrack.sonify import CONTAINERS, MODES
from tests.cli_cases import lines, names, run, usage_error


def onsets(path: Path) -> np.ndarray:
    """Times in seconds at which sound begins, after at least 0.1 s of silence."""
    samples, rate = soundfile.read(path)
    sounding = np.flatnonzero(samples.reshape(len(samples), -1).any(axis=1))
    return sounding[np.diff(sounding, prepend=-rate) > 0.1 * rate] / rate


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_clicks_are_on_the_beats_to_the_sample(clip: Path, suffix: str) -> None:
    out = clip.with_name(f"out{suffix}")
    result = run("predict", "--quiet", "--click", out, "--click-mode", "only", "--format", "json", clip)
    assert (result.exit_code, result.stderr) == (0, "")
    clip.with_name("beats.json").write_text(result.stdout)
    times = read_beats(clip.with_name("beats.json")).times
    assert len(times) > 10
    np.testing.assert_allclose(onsets(out), times, atol=1 / 22050)
    assert soundfile.info(out).frames == soundfile.info(clip).frames


def test_level_mode_and_mp3(clip: Path) -> None:
    for name, level in (("loud.wav", 0), ("soft.wav", -20)):
        options = ("--click-mode", "only", "--click-level", level)
        assert run("predict", "--click", clip.with_name(name), *options, clip).exit_code == 0
    loud, soft = (np.abs(soundfile.read(clip.with_name(f"{name}.wav"))[0]).max() for name in ("loud", "soft"))
    assert loud == pytest.approx(10 * soft, rel=0.01)
    assert run("predict", "--click", clip.with_name("a.mp3"), "--click-mode", "split", clip).exit_code == 0
    info = soundfile.info(clip.with_name("a.mp3"))
    assert (info.format, info.channels, info.samplerate) == ("MP3", 2, 22050)


def test_a_picture_of_a_part(clip: Path) -> None:
    pytest.importorskip("matplotlib")
    part = ("--start", "0:02", "--end", 5.5)
    assert run("predict", "--plot", clip.with_name("a.png"), *part, clip).exit_code == 0
    assert clip.with_name("a.png").read_bytes().startswith(b"\x89PNG")
    result = run("predict", "--plot", clip.with_name("b.png"), "--start", "1:00", clip)
    why = "has nothing from 60 s on; it is 8.00 s long"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"beattrack: {clip}: {why}\n")
    assert not clip.with_name("b.png").exists()


def test_a_picture_of_saved_activations(clip: Path) -> None:
    pytest.importorskip("matplotlib")
    saved, picture = clip.with_name("a.npz"), clip.with_name("a.svg")
    run("predict", "--activations", saved, clip)
    result = run("decode", "--plot", picture, "--end", 4, saved)
    assert result.exit_code == 0
    assert result.stdout.startswith("# tempo_bpm")
    assert picture.read_text().startswith("<?xml")


def test_several_files_go_into_a_folder_or_by_a_template(two: tuple[Path, Path]) -> None:
    pytest.importorskip("matplotlib")
    out = two[0].parent / "out"
    run("predict", "-o", out, "--click", out, "--plot", out, *two)
    stems = ["blues.00000", "rock.00001"]
    assert names(out) == sorted(
        f"{stem}{suffix}" for stem in stems for suffix in (".beats", ".click.wav", ".png")
    )
    template = two[0].parent / "clicks" / "with {name}.flac"
    assert run("predict", "-o", out, "--click", template, "--jobs", 2, *two).exit_code == 0
    assert names(template.parent) == [f"with {stem}.flac" for stem in stems]


def test_a_tree_is_mirrored(two: tuple[Path, Path], tmp_path: Path) -> None:
    songs, out = tmp_path / "songs", tmp_path / "out"
    for name, clip in zip(("a/x.flac", "b/x.flac"), two, strict=True):
        (songs / name).parent.mkdir(parents=True)
        clip.rename(songs / name)
    template = out / "{name} clicks.wav"
    assert run("predict", "-r", "-o", out, "--click", template, songs).exit_code == 0
    assert names(out) == ["a/x clicks.wav", "a/x.beats", "b/x clicks.wav", "b/x.beats"]


def test_a_file_that_fails_does_not_stop_the_others(clip: Path) -> None:
    out = clip.parent / "out"
    result = run("predict", "-o", out, "--click", out, clip.with_name("absent.wav"), clip)
    assert result.exit_code == 1
    assert names(out) == [f"{clip.stem}.beats", f"{clip.stem}.click.wav"]


def test_files_that_are_there_are_skipped_only_if_all_are(clip: Path) -> None:
    output = ("-o", clip.with_name("a.beats"), "--skip-existing")
    run("predict", *output, clip)
    out = clip.with_name("a.wav")
    run("predict", *output, "--click", out, clip)
    written = out.stat().st_mtime_ns
    run("predict", *output, "--click", out, clip)
    assert out.stat().st_mtime_ns == written


def test_standard_input_and_pipes_are_read_once(clip: Path) -> None:
    run("predict", "--click", clip.with_name("a.wav"), clip)
    expected = clip.with_name("a.wav").read_bytes()
    piped = run("predict", "--click", clip.with_name("b.wav"), "-", stdin=clip.read_bytes())
    assert piped.exit_code == 0
    assert clip.with_name("b.wav").read_bytes() == expected
    broken = run("predict", "--click", clip.with_name("c.wav"), "-", stdin=b"no sound")
    assert broken.exit_code == 1
    assert broken.stderr.startswith("beattrack: standard input: ")
    assert "/tmp" not in broken.stderr
    assert not clip.with_name("c.wav").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_named_pipe(clip: Path) -> None:
    import os

    run("predict", "--click", clip.with_name("a.wav"), clip)
    pipe = clip.with_name("pipe")
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(clip.read_bytes()), daemon=True)
    writer.start()
    assert run("predict", "--click", clip.with_name("b.wav"), pipe).exit_code == 0
    writer.join(10)
    assert clip.with_name("b.wav").read_bytes() == clip.with_name("a.wav").read_bytes()


def test_damage_is_told_of_under_the_name_of_the_input(clip: Path) -> None:
    wav = clip.with_suffix(".wav")
    soundfile.write(wav, *soundfile.read(clip))
    result = run("predict", "--click", clip.with_name("a.wav"), "-", stdin=wav.read_bytes()[:200_000])
    assert result.exit_code == 0
    assert lines(result.stderr)[0].startswith("beattrack: warning: standard input: is damaged or ends early")
    assert sum("warning" in line for line in lines(result.stderr)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--click", "a.xyz"], "a.xyz: unknown format; use one of .wav, .flac, .mp3 (--click)"),
        (["--click", "-"], "-: unknown format"),
        (["--plot", "{name}.jpg"], "{name}.jpg: unknown format; use one of .png, .svg (--plot)"),
        (["--click-level", "-3"], "--click-level needs --click"),
        (["--click-mode", "only"], "--click-mode needs --click"),
        (["--click", "a.wav", "--click-level", "3"], "3.0 is not in the range -60<=x<=0"),
        (["--click", "absent/a.wav"], "the folder of --click absent/a.wav does not exist"),
        (["--plot", "absent/deep/{name}.png"], "absent/deep does not exist; create it first"),
    ],
)
def test_options_that_cannot_be_meant(
    clip: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(clip.parent)
    assert message in usage_error("predict", *options, clip)
    assert names(clip.parent) == [clip.name]


def test_outputs_that_would_overwrite_something(two: tuple[Path, Path]) -> None:
    clip = two[0]
    assert "is an input" in usage_error("predict", "--click", clip, clip)
    assert "is one file; with several inputs" in usage_error(
        "predict", "--click", clip.with_name("a.wav"), *two
    )
    both = clip.with_name("a.wav")
    assert "would both be written" in usage_error(
        "predict", "--format", "beats", "-o", both, "--click", both, clip
    )


def test_without_matplotlib_nothing_is_begun(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("predict", "--plot", clip.with_name("a.png"), clip)
    assert (result.exit_code, result.stdout, len(lines(result.stderr))) == (1, "", 1)
    assert "pip install 'beattrack[eval]'" in result.stderr
    assert names(clip.parent) == [clip.name]


def test_the_choices_are_those_of_the_packages() -> None:
    assert tuple(CONTAINERS) == listening.SOUND_SUFFIXES
    assert MODES == listening.CLICK_MODES
    assert PICTURES == listening.PICTURE_SUFFIXES


def test_plain_tracking_imports_nothing_of_it(clip: Path) -> None:
    code = (
        "import sys\nfrom beattrack.cli import main\n"
        f"main(['predict', '--quiet', {str(clip)!r}], standalone_mode=False)\n"
        "found = {'matplotlib', 'beattrack.sonify', 'beattrack.plot'} & sys.modules.keys()\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_page_beside_the_beats(clip: Path) -> None:
    page = clip.with_name("page.html")
    result = run("predict", "--page", page, clip)
    assert result.exit_code == 0
    assert result.stdout == run("predict", clip).stdout
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert f"<title>{clip.name}</title>" in text
    assert text.endswith("</html>\n")


def test_pages_of_several_files_go_into_a_folder(two: tuple[Path, Path]) -> None:
    folder = two[0].parent / "pages"
    broken = two[0].with_name("broken.wav")
    broken.write_bytes(b"RIFF")
    result = run("predict", "--page", folder, "-o", two[0].parent / "out", *two, broken)
    assert result.exit_code == 1
    assert names(folder) == ["blues.00000.html", "rock.00001.html"]
    (folder / "rock.00001.html").unlink()
    again = run("predict", "--skip-existing", "--page", folder, "-o", two[0].parent / "out", *two)
    assert "1 tracked, 1 skipped" in again.stderr
    assert names(folder) == ["blues.00000.html", "rock.00001.html"]


def test_a_page_of_standard_input(clip: Path) -> None:
    page = clip.with_name("a.html")
    assert run("predict", "--page", page, "-", stdin=clip.read_bytes()).exit_code == 0
    assert "<title>recording</title>" in page.read_text(encoding="utf-8")


def test_pages_that_cannot_be_made_are_refused_before_any_work(clip: Path) -> None:
    here = clip.parent
    assert "use one of .html, .htm (--page)" in usage_error("predict", "--page", here / "a.pdf", clip)
    assert "create it first" in usage_error("predict", "--page", here / "no" / "a.html", clip)
    same = ("--page", here / "a.html", "-o", here / "a.html", "--format", "beats")
    assert "would both be written" in usage_error("predict", *same, clip)
    assert names(here) == [clip.name]


def test_a_page_that_cannot_be_written_is_one_line(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "page.html")

    monkeypatch.setattr("beattrack.page.write_page", full)
    result = run("predict", "--page", clip.with_name("page.html"), clip)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"beattrack: {clip}: No space left on device (page.html)\n"
    assert names(clip.parent) == [clip.name]


def test_without_a_page_its_modules_are_not_loaded() -> None:
    program = "import sys, beattrack.cli.predict, beattrack.tracker; print('beattrack.page' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def test_the_tempo_curve_has_a_line_for_each_beat(clip: Path) -> None:
    out, beats, saved = clip.with_name("a.csv"), clip.with_name("a.beats"), clip.with_name("a.npz")
    assert run("predict", "-o", beats, "--tempo-curve", out, "--activations", saved, clip).exit_code == 0
    table = np.genfromtxt(out, delimiter=",", names=True)
    assert table["time"].tolist() == read_beats(beats).times.tolist()
    np.testing.assert_allclose(table["bpm"], 120, atol=2)
    written = out.read_bytes()
    assert run("decode", "--tempo-curve", out, saved).exit_code == 0
    assert out.read_bytes() == written


def test_tempo_curves_of_several_files(two: tuple[Path, Path]) -> None:
    out = two[0].parent / "out"
    assert run("predict", "-o", out, "--tempo-curve", out, *two).exit_code == 0
    stems = ["blues.00000", "rock.00001"]
    assert names(out) == sorted(f"{stem}{suffix}" for stem in stems for suffix in (".beats", ".tempo.csv"))
    assert "is one file" in usage_error("predict", "--tempo-curve", out / "a.csv", *two)
    assert "unknown format; use one of .csv (--tempo-curve)" in usage_error(
        "predict", "--tempo-curve", out / "a.txt", two[0]
    )
