from __future__ import annotations

import csv
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")

from beattrack.decoding.make import make_decoder
from beattrack.tracker import decode
from beattrack.training.settings import read_settings

RECIPES = Path(__file__).parents[1] / "recipes"


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(name, RECIPES / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = module_from_spec(spec)
    sys.modules[name] = module  # in which dataclasses look for their types
    spec.loader.exec_module(module)
    return module


def write_fold(run: Path, songs: dict[str, tuple[str, str]]) -> Path:
    """A run's validation.csv: of each song its genre and its beats F."""
    run.mkdir()
    (run / "metrics.json").write_text('{"final": {}}', encoding="utf-8")
    columns = load("folds").COLUMNS
    with (run / "validation.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["source", "id", "genre", *columns], restval="0.5")
        writer.writeheader()
        for name, (genre, f) in songs.items():
            writer.writerow({"id": name, "genre": genre, "beats_f": f, "downbeats_f": ""})
    return run


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_settings_can_be_read(path: Path) -> None:
    assert read_settings(path).steps > 0


@pytest.mark.parametrize("name", ["tcn", "tcn-causal", "gtzan"])
def test_scripts_train_with_settings_that_are_there(name: str) -> None:
    script = (RECIPES / f"{name}.sh").read_text(encoding="utf-8")
    named = re.findall(r"\$recipes/([\w.-]+)", script)
    assert f"{name}.toml" in named
    assert all((RECIPES / file).is_file() for file in named)


@pytest.mark.parametrize(
    "name", ["tcn.sh", "tcn-causal.sh", "gtzan.sh", "ablations.sh", "ablations-causal.sh"]
)
def test_scripts_say_what_they_need(name: str) -> None:
    done = subprocess.run(["bash", str(RECIPES / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"recipes/{name}" in done.stderr


def test_every_song_of_a_cross_validation_counts_once(tmp_path: Path) -> None:
    folds = load("folds")
    one = write_fold(tmp_path / "one", {"a": ("jazz", "1.0"), "b": ("rock", "0.5")})
    other = write_fold(tmp_path / "other", {"c": ("rock", "0.0")})
    lines = folds.table(folds.read([one, other])).splitlines()
    assert lines[2].startswith("| all | 3 | 0.500 | 0.500 | 0.500 |  |")
    assert lines[4].startswith("| rock | 2 | 0.250 |")


def test_runs_that_are_not_finished_are_refused(tmp_path: Path) -> None:
    run = write_fold(tmp_path / "run", {"a": ("jazz", "1.0")})
    (run / "metrics.json").write_text('{"latest": {}}', encoding="utf-8")
    with pytest.raises(SystemExit, match="not finished"):
        load("folds").read([run])
    with pytest.raises(SystemExit, match="No such file"):
        load("folds").read([tmp_path])


def test_a_song_held_out_twice_is_refused(tmp_path: Path) -> None:
    runs = [write_fold(tmp_path / name, {"a": ("jazz", "1.0")}) for name in ("one", "other")]
    with pytest.raises(SystemExit, match="held out in two runs"):
        load("folds").read(runs)


def test_runs_are_compared_song_by_song(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare = load("compare")
    for name, shift in (("base", 0.0), ("other", 0.1)):
        run = tmp_path / name
        run.mkdir()
        with (run / "validation.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["source", "id", *compare.MEASURES])
            writer.writeheader()
            for number in range(20):
                row = dict.fromkeys(compare.MEASURES, 0.5 + shift + 0.01 * number)
                writer.writerow({"source": "songs", "id": number, **row, "downbeats_f": ""})
    compare.main([tmp_path / "base", tmp_path / "other"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "20 held-out songs in common"
    assert "  beats_f        0.695  +0.100 (+0.100 to +0.100)" in lines


def test_a_measure_that_the_first_run_lacks_has_no_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare = load("compare")
    for name, downbeats in (("base", ""), ("other", "0.5")):
        run = tmp_path / name
        run.mkdir()
        row = {
            **dict.fromkeys(compare.MEASURES, "0.5"),
            "source": "songs",
            "id": "1",
            "downbeats_f": downbeats,
        }
        with (run / "validation.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["source", "id", *compare.MEASURES])
            writer.writeheader()
            writer.writerow(row)
    compare.main([tmp_path / "base", tmp_path / "other"])
    assert "  downbeats_f    0.500" in capsys.readouterr().out.splitlines()


def test_calibration_finds_the_model_that_made_the_data() -> None:
    recipe = load("calibration")
    random = np.random.default_rng(0)
    rows = random.normal(size=(20_000, 2))
    chances = 1 / (1 + np.exp(-(1.5 * rows[:, 0] - 0.5 * rows[:, 1] + 0.3)))
    right = (random.random(len(chances)) < chances).astype(float)
    model = recipe.fit_logistic(rows, right, ("one", "other"))
    weights = dict(model.weights)
    assert [weights["one"], weights["other"], model.bias] == pytest.approx([1.5, -0.5, 0.3], abs=0.1)
    assert recipe.calibration_error(chances, right) < 0.02
    assert recipe.calibration_error(np.full(10, 0.9), np.array([1.0, 0.0] * 5)) == pytest.approx(0.4)


def test_area_under_the_curve() -> None:
    area = load("calibration").area_under_curve
    assert area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])) == 0.75
    assert area(np.full(4, 0.5), np.array([0, 1, 0, 1])) == 0.5
    assert np.isnan(area(np.array([0.5]), np.array([1])))


def test_titles_of_the_calibration_are_halved_the_same_way_everywhere() -> None:
    in_first_half = load("calibration").in_first_half
    sides = [in_first_half(SimpleNamespace(title=str(number))) for number in range(400)]
    assert 0.4 < np.mean(sides) < 0.6
    assert sides[:8] == [False, False, False, True, True, False, False, False]


def test_one_downbeat_repairs_wrong_bars(tmp_path: Path) -> None:
    pytest.importorskip("mir_eval")
    from click.testing import CliRunner

    from tests.dbn_cases import pulse

    for name, shift in (("right", 0), ("wrong", 1)):
        music = pulse(24.0, seed=4)
        music.save(tmp_path / f"{name}.npz")
        found = decode(music, make_decoder("dbn"))
        assert found.positions is not None
        rows = zip(found.times, (found.positions + shift - 1) % 4 + 1, strict=True)
        (tmp_path / f"{name}.beats").write_text("".join(f"{t:.3f}\t{p}\n" for t, p in rows))
    for repeat in (1, 4):
        args = [str(tmp_path), str(tmp_path), "--repeat", str(repeat)]
        done = CliRunner().invoke(load("anchors").main, args)
        assert done.exit_code == 0, done.output
        assert "right" not in done.output
        assert done.output.splitlines()[0].startswith("wrong: beats ")
        assert done.output.splitlines()[-1].startswith("1 recordings: beats ")
        assert done.output.splitlines()[-1].endswith("at least .95 in 1")
