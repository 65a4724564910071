"""The contract: no network, no shell, no file taken for an option."""

from __future__ import annotations

import ast
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import beattrack
from tests.audio_cases import posix_only

PACKAGE = Path(beattrack.__file__).parent

# Any attempt to reach out ends the program at once, whatever would catch an exception.
NO_NETWORK = """
import os, socket, sys
def refuse(*arguments, **options):
    sys.stderr.write("reached for the network\\n")
    os._exit(99)
for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, refuse)
def watch(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.")):
        refuse()
sys.addaudithook(watch)
"""


@pytest.mark.parametrize("probe", [False, True])
def test_predicting_needs_no_network(clip: Path, tmp_path: Path, probe: bool) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(NO_NETWORK)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(PACKAGE.parent)])}
    arguments = (
        ["-c", "import socket; socket.socket()"] if probe else ["-m", "beattrack", "predict", str(clip)]
    )
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if probe:  # that the trap works
        assert done.returncode == 99
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("# tempo_bpm: ")


@posix_only
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg on PATH")
def test_a_playlist_leads_ffmpeg_nowhere(tmp_path: Path) -> None:
    from beattrack.audio import load
    from beattrack.errors import AudioError

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        playlist = tmp_path / "a.m3u8"
        playlist.write_text(f"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:{port}/x.ts\n#EXT-X-ENDLIST\n")
        with pytest.raises(AudioError):
            load(playlist, sample_rate=22050)
        with pytest.raises(TimeoutError):
            server.accept()


def calls() -> list[tuple[Path, ast.Call]]:
    found = []
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [(path, node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return found


def test_no_program_is_run_by_a_shell_and_nothing_is_unpickled_or_evaluated() -> None:
    """All files come from users: none may become code."""
    programs = 0
    for path, call in calls():
        called = ast.unparse(call.func)
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        assert called not in {"eval", "exec", "os.system", "os.popen", "pickle.load"}, path
        # A Dask worker runs whatever its scheduler sends; no file gets there.
        assert called != "pickle.loads" or path == PACKAGE / "cluster" / "worker.py", path
        assert "shell" not in keywords, path
        if called.startswith("subprocess."):
            programs += 1
            assert isinstance(call.args[0], ast.Name | ast.List), path
        if called == "np.load":
            assert ast.unparse(keywords["allow_pickle"]) == "False", path
        if called == "torch.load":
            assert ast.unparse(keywords["weights_only"]) == "True", path
    assert programs >= 1
