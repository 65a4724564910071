"""Times in whole milliseconds or other units, as the text formats give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def whole(times: Iterable[float], per_second: float) -> Iterator[int]:
    """Round seconds to whole units; of two times that fall together the later gives way.

    Args:
        times: seconds, increasing.
        per_second: units in a second.
    """
    last = -1
    for time in times:
        last = max(round(time * per_second), last + 1)
        yield last


def milliseconds(times: Iterable[float]) -> Iterator[int]:
    """Round seconds to milliseconds; of two times that fall together the later gives way."""
    return whole(times, 1000)


def seconds_text(times: Iterable[float]) -> Iterator[str]:
    """Give times in seconds with exactly three decimals, strictly increasing."""
    return (f"{count // 1000}.{count % 1000:03d}" for count in milliseconds(times))
