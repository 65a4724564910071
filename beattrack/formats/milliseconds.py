"""Times rounded to milliseconds, as in the text formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def milliseconds(times: Iterable[float]) -> Iterator[int]:
    """Round times to milliseconds; if two times become equal, the later one is moved by 1 ms.

    Args:
        times: seconds, strictly increasing.

    Yields:
        Whole milliseconds, strictly increasing.
    """
    last = -1
    for time in times:
        last = max(round(time * 1000), last + 1)
        yield last


def seconds_text(times: Iterable[float]) -> Iterator[str]:
    """Return times as text with exactly three decimals, strictly increasing.

    Args:
        times: seconds, strictly increasing.
    """
    return (f"{count // 1000}.{count % 1000:03d}" for count in milliseconds(times))
