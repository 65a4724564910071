from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from beattrack.cli import batch
from beattrack.cli.outputs import Job
from tests.audio_cases import posix_only
from tests.cli_cases import lines, names, run, usage_error
from tests.worker_cases import make_track


@pytest.fixture
def tree(clip: Path) -> Path:
    """Two recordings, one that is none, in folders."""
    tree = clip.parent / "tree"
    for place in ("a.flac", "sub/b.flac"):
        (tree / place).parent.mkdir(exist_ok=True)
        shutil.copy(clip, tree / place)
    (tree / "sub" / "bad.wav").write_text("no audio\n")
    return tree


def jobs(folder: Path, *sources: str) -> list[Job]:
    return [Job(source, folder / f"{source}.beats") for source in sources]


def run_fake(jobs: list[Job], **settings: Any) -> int:
    values = {"format": "beats", "quiet": False, **settings}
    return batch.run_jobs(jobs, make_track, batch.Settings(**values))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_tree_is_mirrored(tree: Path, processes: int) -> None:
    out = tree.parent / "out"
    result = run("predict", "-r", tree, "-o", out, "--jobs", processes, "--errors", tree.parent / "errors")
    assert (result.exit_code, result.stdout) == (1, "")
    assert names(out) == ["a.beats", "sub/b.beats"]
    first, second, third, total = lines(result.stderr)
    assert first.startswith(f"{tree / 'a.flac'}: ")
    assert second.startswith(f"{tree / 'sub' / 'b.flac'}: ")
    assert third.startswith(f"beattrack: {tree / 'sub' / 'bad.wav'}: ")
    assert total.startswith("3 files: 2 tracked, 1 failed; 0:16 of audio in ")
    path, reason = (tree.parent / "errors").read_text().rstrip("\n").split("\t")
    assert path == str(tree / "sub" / "bad.wav")
    assert third.endswith(reason)


def test_without_an_output_folder_beats_lie_beside_their_recordings(tree: Path) -> None:
    assert run("predict", "--quiet", "-r", tree).exit_code == 1
    assert names(tree) == ["a.beats", "a.flac", "sub/b.beats", "sub/b.flac", "sub/bad.wav"]


def test_a_folder_of_one_file_is_a_folder_still(clip: Path) -> None:
    assert run("predict", "-r", clip.parent, "-o", clip.parent / "out").exit_code == 0
    assert names(clip.parent) == ["blues.00000.flac", "out/blues.00000.beats"]


def test_a_folder_without_recursive_fails_alone(tree: Path, clip: Path) -> None:
    result = run("predict", clip, tree)
    assert result.exit_code == 1
    assert f"beattrack: {tree}: is a folder; use --recursive to track the audio files in it" in lines(
        result.stderr
    )
    assert clip.with_suffix(".beats").exists()


def test_lists_of_files_from_a_file_and_from_standard_input(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    Path("list").write_text("sub/b.flac\n")
    assert run("predict", "--files-from", "list", "-o", "out").exit_code == 0
    assert names(Path("out")) == ["sub/b.beats"]
    listed = run("predict", "--quiet", "a.flac", "--files-from", "-", "-o", "both", stdin=b"sub/b.flac\0")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert names(Path("both")) == ["a.beats", "sub/b.beats"]


def test_existing_outputs_are_skipped(tree: Path) -> None:
    out = tree.parent / "out"
    run("predict", "--quiet", "-r", tree, "-o", out)
    (out / "a.beats").write_text("kept")
    (out / "sub" / "b.beats").unlink()
    result = run("predict", "-r", tree, "-o", out, "--skip-existing")
    assert (out / "a.beats").read_text() == "kept"
    assert (out / "sub" / "b.beats").read_text() != "kept"
    assert lines(result.stderr)[-1].startswith("3 files: 1 tracked, 1 skipped, 1 failed; ")
    run("predict", "--quiet", "-r", tree, "-o", out, "--skip-existing", "--activations", out)
    assert (out / "a.beats").read_text() != "kept"
    assert (out / "a.npz").exists()


def test_what_contradicts_itself_is_refused(clip: Path) -> None:
    assert "both a recording and a list" in usage_error("predict", "-", "--files-from", "-")
    assert "leave out --jobs" in usage_error("predict", "-", "--jobs", "2")
    assert "--errors: the folder no does not exist" in usage_error("predict", clip, "--errors", "no/such")
    assert "only one file can go to standard output" in usage_error("predict", "-r", clip.parent, "-o", "-")
    assert "give a folder with -o" in usage_error("predict", "-r", clip.parent, "-o", clip)


@posix_only
def test_one_that_kills_its_process_never_stops_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = ("slow", "killed", "bad", "one", "fault", "two")
    errors = tmp_path / "errors"
    assert run_fake(jobs(tmp_path, *sources), processes=2, errors=errors) == 1
    report = lines(capsys.readouterr().err)
    told = ["slow", "beattrack", "beattrack", "one", "beattrack", "two", "6 files"]
    assert [line.split(": ")[0] for line in report] == told
    assert names(tmp_path) == ["errors", "one.beats", "slow.beats", "two.beats"]
    assert lines(errors.read_text())[:2] == [
        "killed\tthe process that tracked it was killed, possibly because memory ran out",
        "bad\tis bad",
    ]


def test_a_fault_of_ours_is_one_line_and_costs_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_fake(jobs(tmp_path, "fault", "one"), quiet=True) == 1
    (line,) = lines(capsys.readouterr().err)
    assert line.startswith(
        "beattrack: fault: a bug in beattrack, please report it: IndexError at worker_cases.py:"
    )
    assert names(tmp_path) == ["one.beats"]


def test_failures_among_many_are_repeated_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [f"file {n}" for n in range(batch.SCREEN)]
    assert run_fake(jobs(tmp_path, "bad", *many)) == 1
    report = lines(capsys.readouterr().err)
    assert report[0] == "beattrack: bad: is bad"
    assert report[-2].startswith("21 files: 20 tracked, 1 failed; 20:00 of audio in ")
    assert report[-1] == "  bad: is bad"


def test_interrupted_the_report_tells_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = batch.atomic_write_text

    def interrupt(path: Path, text: str) -> None:
        if path.name == "two.beats":
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(batch, "atomic_write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_fake(jobs(tmp_path, "bad", "one", "two", "three"), errors=tmp_path / "errors")
    assert lines(capsys.readouterr().err)[-1].startswith("4 files: 1 tracked, 1 failed, 2 not reached; ")
    assert names(tmp_path) == ["errors", "one.beats"]
    assert (tmp_path / "errors").read_text() == "bad\tis bad\n"


def test_a_terminal_sees_how_far_the_run_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batch, "on_terminal", lambda: True)
    assert run_fake(jobs(tmp_path, "one", "two")) == 0
    drawn = capsys.readouterr().err
    assert "0/2 files" in drawn
    assert "2/2 files, 2:00 of audio" in drawn
    assert run_fake(jobs(tmp_path, "one", "two"), quiet=True) == 0
    assert capsys.readouterr().err == ""


def test_the_order_of_the_report_is_that_of_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = ["slow", *(f"{n}" for n in range(6))]
    assert run_fake(jobs(tmp_path, *sources), processes=2) == 0
    assert [line.split(": ")[0] for line in lines(capsys.readouterr().err)[:-1]] == sources
