from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from beattrack.audio import quiet

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")

# The lines of C are printed by the C library itself.
PROGRAM = """
import ctypes, os, sys, threading
from beattrack.audio import quiet
library = ctypes.CDLL(None)
def speak(text):
    library.fputs(text, ctypes.c_void_p.in_dll(library, NAME))
if PLAIN:
    quiet._stream_switch = lambda: None
speak(b"before\\n")
with quiet.quiet_libraries():
    speak(b"hidden\\n")
    with quiet.quiet_libraries():
        speak(b"hidden\\n" * 1000)
        BETWEEN
    speak(b"hidden\\n")
speak(b"after\\n")
print("python after", file=sys.stderr, flush=True)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])


def lines(*, plain: bool, between: str = "pass") -> list[str]:
    name = "__stderrp" if sys.platform == "darwin" else "stderr"
    text = PROGRAM.replace("NAME", repr(name)).replace("PLAIN", str(plain)).replace("BETWEEN", between)
    return run(text).stderr.splitlines()


@posix_only
@pytest.mark.parametrize("plain", [False, True])
def test_only_what_c_says_inside_is_discarded(plain):
    assert lines(plain=plain) == ["before", "after", "python after"]


@posix_only
@pytest.mark.skipif(quiet._stream_switch() is None, reason="stderr is a constant of this C library")
def test_python_may_speak_meanwhile():
    between = "print('python inside', file=sys.stderr, flush=True)"
    assert lines(plain=False, between=between) == ["before", "python inside", "after", "python after"]


@posix_only
def test_threads_may_overlap():
    between = """
        entered, leave = threading.Event(), threading.Event()
        def other():
            with quiet.quiet_libraries():
                entered.set()
                leave.wait(10)
                speak(b"hidden\\n")
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait(10)
        leave.set()
        thread.join()
"""
    assert lines(plain=False, between=between.strip()) == ["before", "after", "python after"]


def test_a_closed_standard_error_is_no_error():
    program = """
import os
os.close(2)
from beattrack.audio import quiet
quiet._stream_switch = lambda: None
with quiet.quiet_libraries():
    print("inside")
"""
    assert run(program).stdout == "inside\n"
