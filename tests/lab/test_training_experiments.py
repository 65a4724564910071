"""The experiments that train networks, each at a tiny size."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("matplotlib")

import click
import frame_rate
import lengths
import look_ahead
import networks
import receptive_field
import runs
from click.testing import CliRunner
from corpus import make_corpus
from runs import Lab, Size, Variant

from beattrack.datasets.training import load_songs

TINY = Size(steps=2, batch=2, frames=200, channels=4, held_out=2)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of a few short songs."""
    folder = tmp_path_factory.mktemp("music")
    make_corpus(folder, songs=12, seconds=12.0)
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs, "SMALL", TINY)
    monkeypatch.setenv("BEATTRACK_CACHE", str(tmp_path / "cache"))


def invoke(command: click.Command, music: Path, out: Path, *options: str) -> None:
    arguments = ["--dataset", f"folder:{music}", "--out", str(out), *options]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "command", "changes", "rows"),
    [
        (
            receptive_field,
            "receptive_field",
            {"SMALL_LAYERS": (1, 3), "SMALL_PLAIN": (3,)},
            ["dilated-01", "dilated-03", "plain-03"],
        ),
        (frame_rate, "frame_rate", {}, ["fold0-without", "fold0-with"]),
        (look_ahead, "look_ahead", {"SMALL_FRAMES": (0, 20)}, ["everything", "ahead-000", "ahead-020"]),
        (
            networks,
            "networks",
            {"SYSTEMS": ("tcn", "gru"), "SMALL_PARAMETERS": 6000},
            ["tcn", "gru"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.usefixtures("tiny")
def test_an_experiment_writes_its_table_and_plot(
    module: object,
    command: str,
    changes: dict[str, object],
    rows: list[str],
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for changed, value in changes.items():
        monkeypatch.setattr(module, changed, value)
    out = tmp_path / "out"
    invoke(getattr(module, command), music, out)
    name = command.replace("_", "-")
    written = table(out / f"{name}.csv")
    assert [row["name"] for row in written] == rows
    assert all(0 <= float(row[measure]) <= 1 for row in written for measure in (*runs.MEASURES, "peaks_f"))
    assert (out / f"{name}.png").stat().st_size > 5000
    invoke(getattr(module, command), music, out)  # finished runs are not trained again
    assert table(out / f"{name}.csv") == written


@pytest.mark.usefixtures("tiny")
def test_lengths_scores_the_same_seconds_of_every_excerpt(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lengths, "SMALL_LENGTHS", (5, 8))
    monkeypatch.setattr(lengths, "EDGE_LENGTH", 8)
    monkeypatch.setattr(lengths, "EDGES", np.arange(0.0, 4.5, 0.5))
    monkeypatch.setattr(lengths, "FULL_LENGTHS", (8,))
    invoke(lengths.lengths, music, tmp_path)
    written = table(tmp_path / "lengths.csv")
    assert [row["seconds"] for row in written] == ["5", "8"]
    assert len({row["songs"] for row in written}) == 1
    edges = [float(row["difference"]) for row in table(tmp_path / "lengths-edges.csv")]
    assert len(edges) == 8
    assert edges[0] > edges[-1]  # the network misses what lies beyond the edge
    assert (tmp_path / "lengths.png").stat().st_size > 5000


def test_dilated_networks_have_the_receptive_field_of_the_formula(tmp_path: Path) -> None:
    lab = Lab(name="x", out=tmp_path, full=False, size=replace(TINY), seed=1, datasets=(), threads=1)
    dilated, plain = (receptive_field.variant(11, dilated=dilated) for dilated in (True, False))
    front_end = 4
    for variant, frames in ((dilated, 4095), (plain, 23)):
        fields = receptive_field._fields(lab, variant)
        assert fields["blocks_frames"] == fields["blocks_measured"] == frames
        assert fields["frames"] == frames + front_end


@pytest.mark.usefixtures("tiny")
def test_variants_share_their_held_out_songs(music: Path, tmp_path: Path) -> None:
    size = replace(TINY, held_out=None)
    lab = Lab(name="x", out=tmp_path, full=False, size=size, seed=1, datasets=(f"folder:{music}",), threads=1)
    songs = load_songs([f"folder:{music}"])
    one, other = Variant(name="one"), Variant(name="other", settings={"learning_rate": 1e-4})
    rows = runs.run(lab, [one, other], songs)
    assert rows[0]["songs"] == rows[1]["songs"] > 0
    assert runs.difference(lab.runs / "one", lab.runs / "one", "beats_f") == (0.0, 0.0, 0.0)
    mean, low, high = runs.difference(lab.runs / "other", lab.runs / "one", "beats_f")
    assert low <= mean <= high
