"""Times in whole milliseconds, as the text formats give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def milliseconds(times: Iterable[float]) -> Iterator[int]:
    """Round seconds to milliseconds; of two times that fall together the later gives way."""
    last = -1
    for time in times:
        last = max(round(time * 1000), last + 1)
        yield last


def seconds_text(times: Iterable[float]) -> Iterator[str]:
    """Give times in seconds with exactly three decimals, strictly increasing."""
    return (f"{count // 1000}.{count % 1000:03d}" for count in milliseconds(times))
