"""Checks of a dataset's files that read no more than their headers."""

from __future__ import annotations

from pathlib import Path


def audio_problem(path: Path | None) -> str | None:
    """Why an audio file cannot be used, in words; None where its header opens and holds samples."""
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
