"""Checks of a dataset's files that read only their headers."""

from __future__ import annotations

from pathlib import Path


def audio_problem(path: Path | None) -> str | None:
    """Return why an audio file cannot be used, such as "holds no samples"; None if it can."""
    import soundfile

    if path is None:
        return "has no audio file"
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        return f"cannot be opened as audio ({error.error_string.rstrip('.')})"
    except OSError as error:
        return f"cannot be opened as audio ({error.strerror})"
    return None if info.frames > 0 else "holds no samples"
