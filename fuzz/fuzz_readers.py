"""Coverage-guided fuzzing of the readers of beats, results and model cards; see `docs/robustness.md`."""

from __future__ import annotations

from harness import fuzz

if __name__ == "__main__":
    fuzz("beat_file", "result_record")
