from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import beattrack
from beattrack.cli import batch
from beattrack.cli.cluster import _worker, weights
from beattrack.cli.outputs import Job
from beattrack.result import Beats
from tests.audio_cases import posix_only
from tests.cli_cases import lines, names, run, usage_error, wait_for_the_end_of_all
from tests.remote_cases import memory, put
from tests.worker_cases import make_track

__all__ = ["memory"]

ROOT = Path(beattrack.__file__).parents[1]


@pytest.fixture
def dask() -> Any:
    return pytest.importorskip("distributed", reason="needs the extra 'cluster'")


@pytest.fixture
def scheduler(dask: Any) -> Iterator[str]:
    """The address of a cluster within this process."""
    with dask.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0", protocol="tcp"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def tree(two: tuple[Path, Path]) -> Path:
    """Two recordings and one that is none."""
    (two[0].parent / "bad.wav").write_text("no audio\n")
    return two[0].parent


def test_a_cluster_writes_what_processes_write(tree: Path, scheduler: str) -> None:
    listed = tree / "list"
    listed.write_text("\n".join(str(path) for path in sorted(tree.glob("*.*"))))
    result = run("predict", "--files-from", listed, "-o", tree / "out", "--scheduler", scheduler)
    assert (result.exit_code, result.stdout) == (1, "")
    report = lines(result.stderr)
    assert any(line.startswith(f"beattrack: {tree / 'bad.wav'}: neither libsndfile") for line in report)
    assert report[-1].startswith("3 files: 2 tracked, 1 failed; 0:16 of audio in ")
    assert run("predict", "--files-from", listed, "-o", tree / "same", "--jobs", 2).exit_code == 1
    assert names(tree / "out") == names(tree / "same") == ["blues.00000.beats", "rock.00001.beats"]
    for name in names(tree / "out"):
        assert (tree / "out" / name).read_bytes() == (tree / "same" / name).read_bytes()
    skipped = run(
        "predict", "--files-from", listed, "-o", tree / "out", "--scheduler", scheduler, "--skip-existing"
    )
    assert lines(skipped.stderr)[-1] == "3 files: 2 skipped, 1 failed"


def test_relative_paths_are_those_of_the_client(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")

    def do(job: Job, track: Callable[[Job], str]) -> str:
        return track(job)

    def make() -> Callable[[Job], str]:
        assert Path(clip.name).exists()
        return lambda job: os.path.abspath(job.source)

    work: Any = _worker(make, do, str(clip.parent))  # type: ignore[arg-type]
    assert work(Job(clip.name, None)) == str(clip)
    elsewhere: Any = _worker(lambda: lambda job: os.getcwd(), do, str(clip.parent / "no"))  # type: ignore
    assert elsewhere(Job(clip.name, None)) == os.getcwd() == os.path.abspath("/")


def test_rows_come_from_workers_too(tree: Path, scheduler: str) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'cluster'")
    from beattrack.formats.parquet_dataset import Dataset

    options = ("-r", tree, "-o", tree / "out", "--format", "parquet", "--scheduler", scheduler)
    assert run("predict", *options).exit_code == 1
    tracked, failed = Dataset(str(tree / "out")).files()
    assert tracked == {str(tree / "blues.00000.flac"), str(tree / "rock.00001.flac")}
    assert [*failed] == [str(tree / "bad.wav")]
    last = lines(run("predict", *options, "--skip-existing").stderr)[-1]
    assert last == "3 files: 2 skipped, 1 failed"


def test_what_a_cluster_cannot_do_is_refused(clip: Path, dask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    out = ("-o", clip.parent / "out")
    assert "cannot read standard input" in usage_error("predict", "-", *out, "--scheduler", "local")
    assert "cannot write to standard output" in usage_error("predict", clip, "--scheduler", "local")
    assert "must be 'local', an address" in usage_error("predict", clip, *out, "--scheduler", "there")
    assert "--retries needs --scheduler" in usage_error("predict", clip, *out, "--retries", "1")
    assert "--jobs does not apply to a cluster" in usage_error(
        "predict", clip, *out, "--scheduler", "tcp://a:1", "--jobs", "2"
    )
    absent = run("predict", clip, *out, "--scheduler", clip.parent / "none.json")
    assert (absent.exit_code, "none.json: does not exist" in absent.stderr) == (1, True)


def test_without_dask_the_extra_is_named(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    result = run("predict", clip, "-o", clip.parent / "out", "--scheduler", "local")
    assert result.exit_code == 1
    assert "--scheduler needs the package 'distributed'; install it with" in result.stderr


def test_a_model_that_workers_lack_is_one_sentence(
    clip: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beattrack.cluster.worker.__version__", "9.9")
    result = run("predict", clip, "-o", clip.parent / "out", "--scheduler", scheduler)
    assert result.exit_code == 1
    assert "a worker has beattrack 9.9, but this is" in result.stderr
    assert "install the same version on both" in result.stderr


def test_weights_are_expected_seconds(memory: Any, clip: Path, tmp_path: Path) -> None:
    put(memory, clip, "/music/a.flac")
    sources = [str(clip), "memory://music/a.flac", "https://host/unknown.mp3"]
    local, remote, unknown = weights([Job(source, None) for source in sources])
    assert local == remote == clip.stat().st_size / 100_000
    assert unknown == 240


def test_a_plain_predict_imports_nothing_of_a_cluster(clip: Path) -> None:
    code = (
        "import sys\n"
        "from beattrack.cli import main\n"
        f"main(['predict', {str(clip)!r}, '-o', {str(clip)[:-5] + '.beats'!r}], standalone_mode=False)\n"
        "heavy = {'dask', 'distributed', 'fsspec', 'pyarrow', 'pandas', 'tornado'} & sys.modules.keys()\n"
        "ours = {name for name in sys.modules if name.startswith('beattrack.cluster')}\n"
        "assert not heavy | ours, heavy | ours\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    assert clip.with_suffix(".beats").exists()


def run_fake(folder: Path, sources: list[str], **settings: Any) -> int:
    jobs = [Job(source, folder / f"{source}.beats") for source in sources]
    values = {"format": "beats", "quiet": False, "scheduler": "local", "processes": 2, **settings}
    return batch.run_jobs(jobs, make_track, batch.Settings(**values))


@pytest.mark.slow
@posix_only
def test_a_file_that_kills_its_worker_is_one_failure(
    tmp_path: Path, dask: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    sources = ["killed", *(f"song {number}" for number in range(30)), "bad"]
    errors = tmp_path / "errors"
    assert run_fake(tmp_path, sources, retries=1, errors=errors) == 1
    report = lines(capfd.readouterr().err)
    assert report[0].startswith("beattrack: dashboard at http://")
    died = "the worker that tracked it died (2 times), possibly because memory ran out"
    assert f"beattrack: killed: {died}" in report
    assert errors.read_text() == f"killed\t{died}\nbad\tis bad\n"
    assert len(list(tmp_path.glob("song *.beats"))) == 30
    told = [line.split(": ")[0] for line in report if line.startswith("song ")]
    assert sorted(told) == sorted(sources[1:-1])


def make_killed_once() -> Callable[[Job], Beats]:
    """Finds a beat in each file; the first process to reach a file named `once` is killed."""
    track = make_track()

    def killed_once(job: Job) -> Beats:
        mark = job.output.parent / "mark" if job.output else Path("mark")
        if job.source == "once 7" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return track(job)

    return killed_once


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "beattrack", "predict", *map(str, arguments)]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGTERM)],
    ) as process:
        yield process


@pytest.mark.slow
@posix_only
def test_a_worker_that_dies_costs_a_retry(
    tmp_path: Path, dask: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    sources = [f"once {number}" for number in range(60)]
    jobs = [Job(source, tmp_path / f"{source}.beats") for source in sources]
    settings = batch.Settings(format="beats", quiet=False, scheduler="local", processes=2, retries=2)
    assert batch.run_jobs(jobs, make_killed_once, settings) == 0
    assert (tmp_path / "mark").exists()
    assert len(list(tmp_path.glob("*.beats"))) == 60
    told = [line.split(": ")[0] for line in lines(capfd.readouterr().err) if line.startswith("once ")]
    assert sorted(told) == sorted(sources)


@pytest.mark.slow
@posix_only
@pytest.mark.parametrize(("number", "says"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_run_that_is_stopped_keeps_its_rows_and_leaves_no_process(
    clip: Path, dask: Any, number: signal.Signals, says: str
) -> None:
    from beattrack.formats.parquet_dataset import Dataset

    many = clip.parent / "many"
    many.mkdir()
    for count in range(400):
        os.link(clip, many / f"{count:03}.flac")
    out = clip.parent / "out"
    options = ("-r", many, "-o", out, "--format", "parquet", "--scheduler", "local", "--jobs", "2")
    with started(*options) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "BPM" in line:
                break
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == 128 + number
    assert lines(rest)[-1] == f"beattrack: {says}"
    assert "Traceback" not in rest
    tracked, failed = Dataset(str(out)).files()
    assert 0 < len(tracked) < 400
    assert failed == {}
    assert all(name.startswith("part-") for name in names(out))
    wait_for_the_end_of_all(process.pid)
