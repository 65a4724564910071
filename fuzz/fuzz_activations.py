"""Coverage-guided fuzzing of the reader of activations and of the decoders; see `docs/robustness.md`."""

from __future__ import annotations

from harness import fuzz

if __name__ == "__main__":
    fuzz("activations", "numbers")
