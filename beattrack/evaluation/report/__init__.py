"""The report of a run or a comparison: a folder of HTML pages, pictures and sound."""

from __future__ import annotations

from beattrack.errors import MissingExtraError
from beattrack.evaluation.report.write import write_comparison, write_run

__all__ = ["require_matplotlib", "write_comparison", "write_run"]


def require_matplotlib() -> None:
    """Raise MissingExtraError if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("matplotlib", "eval", "the report") from error
