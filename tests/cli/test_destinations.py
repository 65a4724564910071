from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import beattrack
from beattrack.errors import AudioError
from beattrack.runtime import remote
from tests.cli_cases import lines, names, run, usage_error
from tests.remote_cases import memory, put, stored

__all__ = ["memory"]


@pytest.fixture
def music(memory: Any, clip: Path) -> Any:
    """Two recordings at memory://music."""
    put(memory, clip, "/music/a.flac", "/music/sub/b.flac")
    return memory


def test_a_url_is_tracked_like_a_file(music: Any, clip: Path) -> None:
    expected = beattrack.track(clip, threads=1)
    result = run("predict", "memory://music/a.flac")
    assert (result.exit_code, lines(result.stderr)[0].split(": ")[0]) == (0, "memory://music/a.flac")
    assert result.stdout == expected.to_text().replace(str(clip), "memory://music/a.flac")
    assert beattrack.track("memory://music/a.flac", threads=1).times.tolist() == expected.times.tolist()


def test_a_url_that_cannot_be_read_fails_alone(music: Any, clip: Path) -> None:
    music.pipe_file("/music/empty.wav", b"")
    out = clip.parent / "out"
    urls = [f"memory://music/{name}" for name in ("none.wav", "empty.wav", "a.flac")]
    result = run("predict", "-o", out, *urls)
    assert result.exit_code == 1
    assert lines(result.stderr)[:2] == [
        "beattrack: memory://music/none.wav: does not exist",
        "beattrack: memory://music/empty.wav: is empty (0 bytes)",
    ]
    assert names(out) == ["a.beats"]
    with pytest.raises(AudioError, match=r"^memory://music/none\.wav: does not exist$"):
        beattrack.track("memory://music/none.wav")


def test_a_tree_at_a_url_is_mirrored_at_another(music: Any) -> None:
    out = (
        "-o",
        "memory://out/deep",
        "--format",
        "beats",
        "--format",
        "json",
        "--activations",
        "memory://acts",
    )
    result = run("predict", "-r", "memory://music", *out)
    assert result.exit_code == 0, result.stderr
    assert stored(music, "/out/deep") == ["a.beats", "a.json", "sub/b.beats", "sub/b.json"]
    assert stored(music, "/acts") == ["a.npz", "sub/b.npz"]
    skipped = run("predict", "-r", "memory://music", *out, "--skip-existing")
    assert lines(skipped.stderr)[-1] == "2 files: 2 skipped"
    music.rm("/out/deep/a.json")
    again = run("predict", "-r", "memory://music", *out, "--skip-existing")
    assert lines(again.stderr)[-1].startswith("2 files: 1 tracked, 1 skipped; ")


def test_single_outputs_at_urls(music: Any, clip: Path) -> None:
    assert (
        run("predict", clip, "-o", "memory://out/x.json", "--activations", "memory://out/x.npz").exit_code
        == 0
    )
    assert stored(music, "/out") == ["x.json", "x.npz"]
    assert run("predict", clip, "-o", "memory://out/").exit_code == 0
    assert "blues.00000.beats" in stored(music, "/out")
    skipped = run("predict", clip, "-o", "memory://out/x.json", "--skip-existing")
    assert (skipped.exit_code, skipped.stderr) == (0, "")


def test_lists_with_urls_keep_the_folders(music: Any, tmp_path: Path, clip: Path) -> None:
    music.pipe_file("/lists/all", f"memory://music/a.flac\nmemory://music/sub/b.flac\n{clip}\n".encode())
    assert run("predict", "--files-from", "memory://lists/all", "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == ["blues.00000.beats", "music/a.beats", "music/sub/b.beats"]
    assert "does not exist" in usage_error("predict", "--files-from", "memory://lists/none", "-o", tmp_path)


def test_a_failed_upload_fails_its_file(music: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, *args: Any, **settings: Any) -> None:
        raise OSError("quota exceeded")

    monkeypatch.setattr(type(music), "put_file", full)
    result = run("predict", clip, "-o", "memory://out/x.beats")
    assert result.exit_code == 1
    assert "memory://out/x.beats: cannot be written (quota exceeded)" in result.stderr


def test_pictures_and_sounds_of_urls_are_local(music: Any, clip: Path) -> None:
    page = clip.parent / "a.html"
    assert (
        run("predict", "memory://music/a.flac", "-o", clip.parent / "a.beats", "--page", page).exit_code == 0
    )
    assert page.exists()
    for option, value in (
        ("--page", "memory://a.html"),
        ("--click", "s3://b/a.wav"),
        ("--plot", "s3://b/a.png"),
    ):
        assert f"{option} writes to this machine; only -o and --activations take URLs" in usage_error(
            "predict", clip, option, value
        )


def test_what_cannot_be_written_is_refused(music: Any, clip: Path) -> None:
    both = ("memory://music/a.flac", "memory://music/sub/b.flac")
    assert "cannot be written beside them; give a folder with -o" in usage_error("predict", *both)
    message = usage_error("predict", "-o", "memory://out", "memory://music/a.flac", "memory://other/a.flac")
    assert "would both be written to memory://out/a.flac.beats" in message
    assert "unknown output format" in usage_error("predict", clip, "-o", "memory://out/x.mp4")
    same = ("--format", "beats", "-o", "memory://music/a.flac")
    assert "is an input and would be overwritten" in usage_error("predict", "memory://music/a.flac", *same)
    assert "a web server takes no files" in usage_error("predict", clip, "-o", "https://host/x.beats")
    folder = run("predict", "memory://music/", "-o", "memory://out/")
    assert "is a folder; use --recursive" in folder.stderr
    nothing = run("predict", "-r", "memory://music/none/", "-o", clip.parent / "out")
    assert nothing.exit_code == 1
    unknown = run("predict", "nothing://a.wav")
    assert (unknown.exit_code, "fsspec knows no nothing://" in unknown.stderr) == (1, True)


def test_file_urls_need_no_package(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert run("predict", f"file://{clip}", "-o", f"file://{clip.parent}/x.json").exit_code == 0
    assert (clip.parent / "x.json").exists()
    result = run("predict", "-r", f"file://{clip.parent}", "-o", clip.parent / "out")
    assert result.exit_code == 0
    result = run("predict", "s3://b/x.wav")
    assert result.exit_code == 1
    assert (
        "s3:// needs the package 'fsspec'; install it with `pip install 'beattrack[cluster]'`"
        in result.stderr
    )


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket `music` of an S3 server on this machine."""
    server_module = pytest.importorskip("moto.server", reason="needs the dependency group 'cluster-test'")
    s3fs = pytest.importorskip("s3fs", reason="needs the dependency group 'cluster-test'")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_ACCESS_KEY_ID", "someone"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    files.mkdir("music")
    yield files
    files.rm("music", recursive=True)  # all servers of a process have the same buckets
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.slow
@pytest.mark.parametrize("engine", [(), ("--jobs", "2"), ("--scheduler", "local", "--jobs", "2")])
def test_s3(bucket: Any, two: tuple[Path, Path], engine: tuple[str, ...]) -> None:
    if "--scheduler" in engine:
        pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    for path in two:
        bucket.put_file(str(path), f"music/in/{path.name}")
    bucket.pipe_file("music/in/bad.wav", b"no audio")
    result = run("predict", "-r", "s3://music/in/", "-o", "s3://music/out", *engine)
    assert result.exit_code == 1
    assert lines(result.stderr)[-1].startswith("3 files: 2 tracked, 1 failed; ")
    bucket.invalidate_cache()
    assert bucket.find("music/out") == ["music/out/blues.00000.beats", "music/out/rock.00001.beats"]
    text = bucket.cat_file("music/out/rock.00001.beats").decode()
    assert text == beattrack.track(two[1], threads=1).to_text().replace(
        str(two[1]), "s3://music/in/rock.00001.flac"
    )
    rows = ("-r", "s3://music/in/", "-o", "s3://music/set", "--format", "parquet", "--skip-existing")
    assert run("predict", *rows, *engine).exit_code == 1
    assert lines(run("predict", *rows).stderr)[-1].startswith("3 files: 2 skipped, 1 failed")
    assert len(remote.listing("s3://music/set")) == 2  # the failure has a new row in a part of its own
    denied = run("predict", "s3://nobody/a.wav")
    assert lines(denied.stderr) == ["beattrack: s3://nobody/a.wav: does not exist"]


def test_temporary_files_are_deleted(music: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert run("predict", "-r", "memory://music", "-o", "memory://out").exit_code == 0
    assert os.listdir(scratch) == []
