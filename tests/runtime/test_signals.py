from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import beattrack
from beattrack.runtime import signals
from tests.audio_cases import posix_only
from tests.cli_cases import wait_for_the_end_of_all

pytestmark = posix_only

# Computes for minutes in one call that Python cannot interrupt, and says so once it is in it.
HERE = """
import signal, sys, threading, time
import numpy as np
from beattrack.runtime import signals
from beattrack.runtime.files import atomic_path

def end(number, frame):
    raise signals.Terminated(number)

def tell():
    place = None
    while place is None or place != (frame.f_code.co_name, frame.f_lasti) or place[0] != "correlate":
        frame = sys._current_frames()[threading.main_thread().ident]
        place = (frame.f_code.co_name, frame.f_lasti)
        time.sleep(0.05)
        frame = sys._current_frames()[threading.main_thread().ident]
    print("begun", flush=True)

handlers = {signal.SIGTERM: end, signal.SIGINT: signal.default_int_handler}
with signals.handled(handlers, last_words=lambda number: print("the end", file=sys.stderr)):
    with atomic_path(sys.argv[1]) as temporary:
        temporary.write_text("half")
        threading.Thread(target=tell, daemon=True).start()
        np.correlate(np.zeros(1_000_000), np.zeros(1_000_000), "full")
"""
IN_WORKERS = """
import signal, sys
from pathlib import Path
from beattrack.runtime import signals, workers
from tests.worker_cases import make_endless

def end(number, frame):
    raise signals.Terminated(number)

if __name__ == "__main__":
    paths = [Path(sys.argv[1]) / name for name in "ab"]
    with signals.handled({signal.SIGTERM: end}):
        try:
            list(workers.run(make_endless, paths, processes=2, threads=1, died=lambda code: None))
        except signals.Terminated as error:
            sys.exit(error.exit_code)
"""


def start(code: str, *arguments: Path) -> subprocess.Popen[str]:
    root = Path(beattrack.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=root,
        start_new_session=True,
        preexec_fn=heed_all_signals,
    )


def heed_all_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_of_minutes_is_ended_and_leaves_no_temporary_file(
    tmp_path: Path, number: signal.Signals
) -> None:
    with start(HERE, tmp_path / "out.txt") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert told == "the end\n"
    assert list(tmp_path.iterdir()) == []


def test_workers_in_a_call_of_minutes_end_with_their_parent(tmp_path: Path) -> None:
    code = tmp_path / "code.py"  # a file, as processes that are spawned read it again
    code.write_text(IN_WORKERS)
    out = tmp_path / "out"
    out.mkdir()
    with start(
        "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')", code, out
    ) as process:
        while len(list(out.iterdir())) < 2:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (128 + signal.SIGTERM, "")
    assert list(out.iterdir()) == []
    wait_for_the_end_of_all(process.pid)


class HeardError(Exception):
    pass


def hear(number: int, frame: object) -> None:
    raise HeardError


def spin_until_heard(send: Callable[[], None]) -> None:
    def spin() -> None:
        with signals.handled({signal.SIGUSR1: hear}, last_words=pytest.fail):
            send()
            while True:
                pass

    with pytest.raises(HeardError):
        spin()


def test_handlers_are_called_as_ever_while_python_runs() -> None:
    before, threads = signal.getsignal(signal.SIGUSR1), threading.active_count()
    for _ in range(3):  # one after the other, and each on its own
        spin_until_heard(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    assert signal.getsignal(signal.SIGUSR1) == before
    assert threading.active_count() == threads


def test_ignored_signals_stay_ignored_and_those_of_others_are_left_alone() -> None:
    heard = []
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with signals.handled({signal.SIGUSR1: hear}):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        with signals.handled({signal.SIGUSR1: hear}, last_words=pytest.fail):
            signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
            os.kill(os.getpid(), signal.SIGUSR1)
            threading.Event().wait(2 * signals.GRACE_SECONDS)
        assert heard == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_in_another_thread_the_block_just_runs() -> None:
    ran = []

    def block() -> None:
        with signals.handled({signal.SIGUSR1: hear}):
            ran.append(signal.getsignal(signal.SIGUSR1))

    before = signal.getsignal(signal.SIGUSR1)
    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert ran == [before]
