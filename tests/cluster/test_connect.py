from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from beattrack.cluster import connect
from beattrack.cluster.connect import check_scheduler, connected
from beattrack.cluster.errors import ClusterError
from beattrack.errors import MissingExtraError, SettingsError


@pytest.mark.parametrize(
    "scheduler", ["", "host", "tcp://host", "host:port", "here", "tcp://a b:1", "x.yaml"]
)
def test_what_is_no_scheduler_is_refused(scheduler: str) -> None:
    with pytest.raises(SettingsError, match="must be 'local', an address such as tcp://host:8786"):
        check_scheduler(scheduler)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingExtraError, match=r"--scheduler needs the package 'distributed'.*\[cluster\]"):
        check_scheduler("local")


@pytest.mark.parametrize("scheduler", ["local", "tcp://host:8786", "host:1", "tls://[::1]:8786", "s.json"])
def test_schedulers_are_local_addresses_or_files(scheduler: str) -> None:
    pytest.importorskip("distributed")
    check_scheduler(scheduler)


def test_a_scheduler_that_does_not_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(connect, "CONNECT_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with (
            pytest.raises(ClusterError, match=r"no Dask scheduler answered within 0\.3 seconds"),
            connected(address),
        ):
            pass
    absent = str(tmp_path / "none.json")
    with pytest.raises(ClusterError, match=r"none\.json: does not exist; start"), connected(absent):
        pass
