"""How hypothesis damages files."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

many = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with some changed, cut out, put in or repeated, mostly near the start, where headers are."""
    places = st.integers(0, len(data)) | st.integers(0, min(64, len(data)))
    values = st.binary(max_size=8) | st.sampled_from(
        [b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"-1", b"1e999"]
    )
    changes = st.lists(st.tuples(places, st.integers(0, 8), values), min_size=1, max_size=6)

    def change(edits: list[tuple[int, int, bytes]]) -> bytes:
        changed = data
        for at, length, value in edits:
            changed = changed[:at] + value + changed[at + length :]
        return changed

    return changes.map(change) | places.map(lambda end: data[:end])
