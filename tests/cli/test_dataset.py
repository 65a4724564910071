from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import beattrack
from tests.cli_cases import lines, names, run, usage_error
from tests.remote_cases import memory, put

__all__ = ["memory"]


@pytest.fixture
def tree(two: tuple[Path, Path]) -> Path:
    """Two recordings and one that is none."""
    pytest.importorskip("pyarrow", reason="needs the extra 'cluster'")
    (two[0].parent / "bad.wav").write_text("no audio\n")
    return two[0].parent


def rows(place: Path | str) -> list[dict[str, Any]]:
    from beattrack.formats.parquet_dataset import Dataset

    dataset = Dataset(str(place))
    return sorted(
        (row for part in dataset.parts() for row in dataset._read(part).to_pylist()),
        key=lambda row: row["file"],
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_file_is_a_row(tree: Path, jobs: int) -> None:
    out = tree / "out"
    result = run("predict", "-r", tree, "-o", out, "--format", "parquet", "--jobs", jobs)
    assert (result.exit_code, result.stdout) == (1, "")
    assert lines(result.stderr)[-1].startswith("3 files: 2 tracked, 1 failed; ")
    bad, blues, rock = rows(out)
    assert bad["file"] == str(tree / "bad.wav")
    assert bad["error"].startswith("neither libsndfile nor ffmpeg can read it")
    expected = beattrack.track(tree / "rock.00001.flac", threads=1)
    assert rock["times"] == blues["times"] == expected.times.tolist()
    assert (rock["tempo"], rock["metre"], rock["model"]) == (expected.bpm, expected.metre, "tcn")
    assert len(names(out)) == 1


def test_a_run_goes_on_and_tries_failures_again(tree: Path) -> None:
    out = tree / "out"
    options = ("-o", out, "--format", "parquet", "--skip-existing")
    assert run("predict", tree / "bad.wav", tree / "rock.00001.flac", *options).exit_code == 1
    (tree / "bad.wav").write_bytes((tree / "rock.00001.flac").read_bytes())
    result = run("predict", "-r", tree, *options)
    assert result.exit_code == 0
    assert lines(result.stderr)[-1].startswith("3 files: 2 tracked, 1 skipped; ")
    assert [row["error"] for row in rows(out)] == [None, None, None]
    assert lines(run("predict", "-r", tree, *options).stderr)[-1] == "3 files: 3 skipped"


def test_confidence_and_warnings_are_columns(tree: Path) -> None:
    out = tree / "out"
    clip = tree / "rock.00001.flac"
    clip.write_bytes(clip.read_bytes()[:-20_000])
    assert run("predict", clip, "-o", out, "--format", "parquet", "--confidence").exit_code == 0
    (row,) = rows(out)
    assert 0 <= row["certainty"] <= 1
    assert "is damaged or ends early" in row["warnings"][0]


def test_a_dataset_at_a_url(tree: Path, memory: Any) -> None:
    put(memory, tree / "rock.00001.flac", "/in/a.flac", "/in/sub/a.flac")
    options = ("-r", "memory://in", "-o", "memory://set", "--format", "parquet", "--skip-existing", "--quiet")
    assert run("predict", *options).exit_code == 0
    assert [row["file"] for row in rows("memory://set")] == ["memory:///in/a.flac", "memory:///in/sub/a.flac"]
    assert run("predict", *options).exit_code == 0
    assert len(rows("memory://set")) == 2


def test_file_urls_are_folders(tree: Path) -> None:
    out = tree / "out"
    assert (
        run(
            "predict", f"file://{tree}/rock.00001.flac", "-o", f"file://{out}", "--format", "parquet"
        ).exit_code
        == 0
    )
    assert [row["file"] for row in rows(out)] == [f"file://{tree}/rock.00001.flac"]


def test_what_a_dataset_cannot_do_is_refused(tree: Path) -> None:
    clip = tree / "rock.00001.flac"
    parquet = ("predict", clip, "--format", "parquet")
    assert "give a folder with -o" in usage_error(*parquet)
    assert "give a folder with -o" in usage_error(*parquet, "-o", "-")
    assert "is a file" in usage_error(*parquet, "-o", clip)
    assert "does not exist; create it first" in usage_error(*parquet, "-o", tree / "no" / "no")
    assert "write the other formats by another run" in usage_error(*parquet, "--format", "json", "-o", tree)
    assert "--alternatives does not apply" in usage_error(*parquet, "--alternatives", "-o", tree)
    assert "--click does not apply" in usage_error(*parquet, "--click", "x.wav", "-o", tree)
    assert "--name-template does not apply" in usage_error(*parquet, "--name-template", "x", "-o", tree)
    assert "is named twice" in usage_error(*parquet, clip, "-o", tree)
    assert "'parquet' is not one of" in usage_error("decode", clip, "--format", "parquet")
    (tree / "other.parquet").write_text("x")
    result = run(*parquet, "-o", tree, "--skip-existing")
    assert result.exit_code == 1
    assert "other.parquet: is not a part of a dataset of beattrack" in result.stderr


def test_without_pyarrow_the_extra_is_named(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("predict", clip, "--format", "parquet", "-o", clip.parent / "out")
    assert result.exit_code == 1
    assert "--format parquet needs the package 'pyarrow'" in result.stderr
    assert names(clip.parent) == [clip.name]
