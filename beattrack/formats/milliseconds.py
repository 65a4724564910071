"""Times rounded to milliseconds or other units, as in the text formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def whole(times: Iterable[float], per_second: float) -> Iterator[int]:
    """Round times to whole units; if two times become equal, the later one is moved by one unit.

    Args:
        times: seconds, strictly increasing.
        per_second: units in a second.

    Yields:
        Whole units, strictly increasing.
    """
    last = -1
    for time in times:
        last = max(round(time * per_second), last + 1)
        yield last


def milliseconds(times: Iterable[float]) -> Iterator[int]:
    """Round times to milliseconds; see `whole`."""
    return whole(times, 1000)


def seconds_text(times: Iterable[float]) -> Iterator[str]:
    """Return times as text with exactly three decimals, strictly increasing.

    Args:
        times: seconds, strictly increasing.
    """
    return (f"{count // 1000}.{count % 1000:03d}" for count in milliseconds(times))
