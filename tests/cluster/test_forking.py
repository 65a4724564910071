from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beattrack.cluster import forking

pytest.importorskip("distributed", reason="needs the extra 'cluster'")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info < (3, 11), reason="workers are not forked here"
)

PROGRAM = """
import multiprocessing, os, signal, sys
from beattrack.cluster.forking import IMPORTED, begin_to_import

def told():
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    return ignored, all(name in sys.modules for name in IMPORTED), sys.modules["soxr"].__file__

def tell(pipe):
    pipe.send((os.getppid(), *told()))

if __name__ == "__main__":
    assert begin_to_import() and begin_to_import()
    mine, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("forkserver")
    context.Process(target=tell, args=(theirs,)).start()
    server, *found = mine.recv()
    print(len(os.listdir(f"/proc/{server}/task")), *found, "PYTHONSAFEPATH" in os.environ)
"""


def test_workers_find_everything_imported_by_a_process_without_threads(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "program.py"
    script.parent.mkdir()
    script.write_text(PROGRAM)
    (tmp_path / "soxr.py").write_text("raise RuntimeError('a module of the current folder')")
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    tasks, ignored, imported, place, leaked = done.stdout.split()
    assert (tasks, ignored, imported, leaked) == ("1", "True", "True", "False")
    assert Path(place).parent != tmp_path


def test_without_a_socket_workers_are_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(forking.forkserver, "ensure_running", fail)
    before, environment = signal.getsignal(signal.SIGINT), dict(os.environ)
    assert not forking.begin_to_import()
    assert signal.getsignal(signal.SIGINT) == before
    assert os.environ == environment


@pytest.mark.slow
def test_workers_have_the_environment_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    from beattrack.cluster.connect import connected

    assert forking.begin_to_import()
    monkeypatch.setenv("BEATTRACK_TEST", "later")
    with connected("local") as client:
        found = client.run(lambda: (os.environ.get("BEATTRACK_TEST"), os.getppid()))
    ((value, parent),) = found.values()
    assert value == "later"
    assert parent == forking.forkserver._forkserver._forkserver_pid
