"""The Python in the README and in docs/ runs, and gives what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import beattrack
from tests.synth import drum_clip

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_python_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples, times, _ = drum_clip(124, duration=12, sample_rate=48000)
    soundfile.write("song.wav", samples, 48000)
    names = {"beattrack": beattrack, "paths": [Path("song.wav")], "samples": samples}
    examples = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        exec(example, names)
    found = names["beats"]
    assert isinstance(found, beattrack.Beats)
    assert found.bpm == pytest.approx(124, abs=1)
    assert np.abs(times[:, None] - found.times).min(axis=1).max() < 0.05  # every beat is found


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "data" / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"
