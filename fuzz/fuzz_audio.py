"""Coverage-guided fuzzing of the audio reader; see `docs/robustness.md`."""

from __future__ import annotations

from harness import fuzz

if __name__ == "__main__":
    fuzz("audio")
