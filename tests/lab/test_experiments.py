from __future__ import annotations

from pathlib import Path

import experiments
import pytest
from click.testing import CliRunner


def test_a_table_comes_back_as_text(tmp_path: Path) -> None:
    rows = [
        {"network": "tcn", "loss": 1.23456789e-5, "steps": 3},
        {"network": "gru", "loss": 2.0, "steps": 4},
    ]
    experiments.write_table(tmp_path / "a.csv", rows)
    assert (tmp_path / "a.csv").read_text() == "network,loss,steps\ntcn,1.2346e-05,3\ngru,2,4\n"
    assert experiments.read_table(tmp_path / "a.csv")[1] == {"network": "gru", "loss": "2", "steps": "4"}
    assert experiments.read_table(tmp_path / "b.csv") == []


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_plot_is_the_same_file(suffix: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        figure = experiments.figure(2.0)
        axes = figure.subplots()
        axes.plot([0, 1], [1, 0])
        experiments.tidy(axes)
        experiments.save_plot(figure, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_an_experiment_has_the_common_options(tmp_path: Path) -> None:
    seen = {}

    @experiments.experiment
    def command(full: bool, out: Path, seed: int) -> None:
        """Try something.

        More.
        """
        seen.update(full=full, out=out, seed=seed)

    done = CliRunner().invoke(command, ["--full", "--out", str(tmp_path / "new" / "folder"), "--seed", "7"])
    assert done.exit_code == 0, done.output
    assert seen == {"full": True, "out": tmp_path / "new" / "folder", "seed": 7}
    assert seen["out"].is_dir()
    assert CliRunner().invoke(command, ["--help"]).output.count("Try something.") == 1

    (tmp_path / "file").write_text("")
    failed = CliRunner().invoke(command, ["--out", str(tmp_path / "file" / "folder")])
    assert failed.exit_code == 2
    assert "file/folder" in failed.output


def test_every_network_has_a_name_and_a_colour_of_its_own() -> None:
    assert set(experiments.NAMES) == set(experiments.COLOURS)
    assert len(set(experiments.COLOURS.values())) == len(experiments.COLOURS)


def test_versions_are_named() -> None:
    assert set(experiments.versions()) == {"python", "torch", "threads"}
