"""`beattrack` as a program with a network and a decoder for tests: python -m tests.live_process stream ..."""

from __future__ import annotations

from typing import Any

from beattrack.cli import main
from beattrack.streaming import tracker
from tests.streaming_cases import FakeDecoder, FakeNetwork


def use_fakes() -> None:
    """Let every stream be tracked without weights."""
    tracker.find = lambda model: FakeModel()  # type: ignore[assignment]
    tracker.Model = FakeModel  # type: ignore[assignment, misc]
    tracker.load_streaming_network = lambda path: FakeNetwork()  # type: ignore[assignment]
    tracker.OnlineDecoder = RecordingDecoder  # type: ignore[assignment, misc]


class FakeModel:
    """A model of the registry."""

    path = "fake"


class RecordingDecoder(FakeDecoder):
    """A decoder that remembers its settings."""

    last: RecordingDecoder | None = None

    def __init__(self, settings: Any, *, fps: float) -> None:
        super().__init__(fps)
        self.settings = settings
        RecordingDecoder.last = self


if __name__ == "__main__":
    use_fakes()
    main(prog_name="beattrack")
