"""Run folders: what they were started with, and what may go on in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import medgan
from medgan.data.phantom_cohort import write_cohort
from medgan.errors import DataError, ModelError, UsageError, WriteError
from medgan.models.info import read_info
from medgan.pipeline.lock import locked
from medgan.pipeline.recipes import read_recipe, steps_of
from medgan.pipeline.stage import SAID, Context, Done
from medgan.pipeline.stages.synthesize import SynthesizeSettings, list_cases
from medgan.pipeline.training import prepare, teller, train_model
from medgan.training import Processes
from tests.cli.small_scans import write_scan

SYNTHESIS = """\
kind: synthesis
name: tiny
spatial_dims: 3
data: {shape: [8, 8, 8], label_values: [3]}
batch_size: 4
generator: {latent: 4, base_channels: 16}
discriminator: {base_channels: 8}
train: {steps: 4, save_interval: 2, log_interval: 1}
sampling: {calibration_samples: 8}
"""
PRIOR = """\
kind: prior
name: tiny-prior
spatial_dims: 3
data: {shape: [8, 8, 8], label_values: [3]}
sampling: {calibration_samples: 8}
"""
TEMPLATE = """\
kind: template
name: tiny-template
spatial_dims: 3
data: {shape: [8, 8, 8], label_values: [3]}
n_modes: 2
registration: {epochs: 2}
fields: {steps: 20}
sampling: {calibration_samples: 8}
"""
RESTORATION = """\
kind: restoration
name: tiny-slices
batch_size: 2
n_workers: 0
generator: {widths: [8, 8, 8]}
discriminator: {width: 8}
train: {steps: 2, save_interval: 2, log_interval: 1, adversarial_weight: 0,
        reconstruction_weight: 1}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    return write_cohort(folder, n_damaged=0, n_labelled=4, labelled_shape=(32, 32, 12)).labelled


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    file = tmp_path / "tiny.yaml"
    file.write_text(SYNTHESIS)
    return str(file)


def test_a_run_folder_becomes_a_model_folder(recipe: str, data: Path, tmp_path: Path) -> None:
    trained = train_model(read_recipe(recipe), data, tmp_path / "run", device="cpu")
    assert trained.is_finished
    info = read_info(tmp_path / "run")
    assert (info.name, info.kind, info.training["steps"]) == ("tiny", "synthesizer", 4)
    started_with = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert started_with["scans"] == info.training["sha256"]
    assert started_with["recipe"]["train"]["steps"] == 4


def test_the_same_goes_on_and_the_weights_do_not_tell(
    recipe: str, data: Path, tmp_path: Path
) -> None:
    class StopError(Exception):
        pass

    def stop(step: int, losses: dict[str, float]) -> None:
        if step == 3:
            raise StopError

    unbroken = train_model(read_recipe(recipe), data, tmp_path / "one", device="cpu")
    with pytest.raises(StopError):
        train_model(read_recipe(recipe), data, tmp_path / "two", device="cpu", progress=stop)
    resumed = train_model(read_recipe(recipe), data, tmp_path / "two", device="cpu")
    assert resumed.info.weights_sha256 == unbroken.info.weights_sha256


def test_a_run_may_go_on_for_longer(recipe: str, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    short = read_recipe(recipe, ["train.max_minutes=1e-9"])
    assert not train_model(short, data, run, device="cpu").is_finished
    assert train_model(read_recipe(recipe), data, run, device="cpu").is_finished


def test_other_settings_are_refused_by_name(recipe: str, data: Path, tmp_path: Path) -> None:
    train_model(read_recipe(recipe), data, tmp_path / "run", device="cpu")
    other = read_recipe(recipe, ["train.steps=9", "generator.latent=5"])
    with pytest.raises(UsageError, match=r"settings: generator\.latent, train\.steps"):
        train_model(other, data, tmp_path / "run", device="cpu")


def test_other_scans_are_refused(recipe: str, data: Path, tmp_path: Path) -> None:
    train_model(read_recipe(recipe), data, tmp_path / "run", device="cpu")
    other = write_cohort(
        tmp_path / "x", n_damaged=0, n_labelled=3, seed=9, labelled_shape=(32, 32, 12)
    )
    with pytest.raises(UsageError, match="other scans"):
        train_model(read_recipe(recipe), other.labelled, tmp_path / "run", device="cpu")


def test_a_folder_with_other_files_is_no_run(recipe: str, data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("important")
    with pytest.raises(UsageError, match="no run that could be taken up"):
        train_model(read_recipe(recipe), data, tmp_path / "run", device="cpu")


def test_two_trainings_never_write_to_one_run(recipe: str, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with (
        locked(run / ".medgan"),
        pytest.raises(UsageError, match="another run is writing"),
    ):
        train_model(read_recipe(recipe), data, run, device="cpu")
    assert not (run / "state.pt").exists()


def test_what_a_killed_write_left_is_swept_away(recipe: str, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_model(read_recipe(recipe, ["train.max_minutes=1e-9"]), data, run, device="cpu")
    (run / ".medgan-1-0123456789ab.tmp").write_bytes(b"half a state")
    train_model(read_recipe(recipe, ["train.max_minutes=1e-9"]), data, run, device="cpu")
    assert not list(run.glob("*.tmp")) + list(run.glob(".*.tmp"))


def test_waiting_for_data_is_told_with_a_way_out(recipe: str, data: Path, tmp_path: Path) -> None:
    trained = train_model(read_recipe(recipe), data, tmp_path / "run", device="cpu")
    assert 0 < trained.wait_share < 1
    long, short = replace(trained, wait_share=0.25), replace(trained, wait_share=0.01)
    assert long.waited.startswith("waited for data 25.0 % of the time: raise n_workers")
    assert short.waited == "waited for data 1.0 % of the time"


def test_several_processes_do_not_fit_what_has_no_steps(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "prior.yaml"
    file.write_text(PRIOR)
    with pytest.raises(UsageError, match="fitted by one process"):
        train_model(read_recipe(str(file)), data, tmp_path / "run", processes=Processes(1, 2, 1))


def test_a_restorer_is_trained_from_complete_scans(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(RESTORATION)
    recipe = read_recipe(str(file))
    trained = train_model(recipe, data, tmp_path / "run", device="cpu")
    assert trained.info.kind == "restorer"
    assert prepare(recipe, data, tmp_path / "cache")["n_scans"] == 4


def test_a_start_that_is_refused_may_be_mended(data: Path, tmp_path: Path) -> None:
    file, run = tmp_path / "r.yaml", tmp_path / "run"
    file.write_text(RESTORATION)
    with pytest.raises(ModelError, match="no such model"):
        train_model(read_recipe(str(file), ["warm_start=slices-x"]), data, run, device="cpu")
    assert not run.exists()
    wider = read_recipe(str(file), ["warm_start=slices-faithful"])
    with pytest.raises(ModelError, match="not the one of the recipe"):
        train_model(wider, data, run, device="cpu")
    assert {path.name for path in run.iterdir()} == {".medgan", "cache"}
    assert train_model(read_recipe(str(file)), data, run, device="cpu").is_finished


def test_preparation_counts_and_names(recipe: str, data: Path, tmp_path: Path) -> None:
    told = prepare(read_recipe(recipe), data, tmp_path / "cache")
    assert (told["n_scans"], told["n_held_out"], told["left_out"]) == (3, 1, {})
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 3


def test_the_card_says_what_it_must(recipe: str, data: Path, tmp_path: Path) -> None:
    trained = train_model(read_recipe(recipe), data, tmp_path / "run", device="cpu")
    text = (trained.folder / "CARD.md").read_text()
    for words in ("# tiny", "not for diagnosis", "scans: 3", "0 of the folder left out"):
        assert words in text


def test_progress_is_told_at_the_end_and_now_and_then() -> None:
    said: list[str] = []
    tell = teller(said.append, {"train": 10}, every_s=0)
    for step in (2, 4, 10):
        tell(step, {"d_loss": 0.123456})
    assert said == [
        "train  step 4/10  d_loss 0.123  about 1 min left",
        "train  step 10/10  d_loss 0.123  about 0 min left",
    ]
    said.clear()
    tell = teller(said.append, {"train": 10})
    for step in (2, 4, 10):
        tell(step, {})
    assert said == ["train  step 10/10    about 0 min left"]


def test_minutes_left_are_those_of_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    clock = {"now": 0.0}
    monkeypatch.setattr("medgan.pipeline.training.time.monotonic", lambda: clock["now"])
    tell = teller(said.append, {"fit": 3, "train": 1000})
    for step, now in ((1, 60), (2, 120), (3, 180), (4, 190), (103, 200), (1003, 290)):
        clock["now"] = now
        tell(step, {})
    assert [line.replace("    ", "  ") for line in said] == [
        "fit  step 2/3  about 1 min left",
        "fit  step 3/3  about 0 min left",
        "train  step 100/1000  about 2 min left",
        "train  step 1000/1000  about 0 min left",
    ]


def test_a_run_never_writes_into_its_data(recipe: str, data: Path) -> None:
    before = sorted(data.rglob("*"))
    for run in (data, data / "run"):
        with pytest.raises(UsageError, match="inside the input"):
            train_model(read_recipe(recipe), data, run, device="cpu")
    assert sorted(data.rglob("*")) == before


def test_a_folder_of_somebody_else_is_left_as_it_is(
    recipe: str, data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="no run that could be taken up"):
        train_model(read_recipe(recipe), data, run, device="cpu")
    assert [path.name for path in run.iterdir()] == ["mine.txt"]


def test_data_that_cannot_be_trained_on_leave_no_run_folder(recipe: str, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "gap.nii.gz", gaps=(8,))
    with pytest.raises(DataError):
        train_model(read_recipe(recipe), tmp_path / "in", tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_cannot_be_made_is_named(recipe: str, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError) as caught:
        train_model(read_recipe(recipe), data, tmp_path / "file" / "run", device="cpu")
    assert caught.value.where == str(tmp_path / "file" / "run")


@pytest.mark.parametrize(("text", "steps"), [(PRIOR, 1), (TEMPLATE, 4)])
def test_fitted_models_take_the_same_way(text: str, steps: int, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "fitted.yaml"
    file.write_text(text)
    recipe = read_recipe(str(file))
    assert steps_of(recipe) == {"fit": steps}
    trained = train_model(recipe, data, tmp_path / "run", device="cpu")
    again = train_model(recipe, data, tmp_path / "run", device="cpu")
    assert trained.is_finished
    assert trained.n_steps == steps
    assert trained.info.weights_sha256 == again.info.weights_sha256
    words = (tmp_path / "run" / "CARD.md").read_text()
    assert trained.info.notice
    assert trained.info.notice in words
    assert ("stores the" in words) == (text == PRIOR)
    other = read_recipe(str(file), ["max_samples=50"])
    with pytest.raises(UsageError, match=r"other settings: max_samples"):
        train_model(other, data, tmp_path / "run", device="cpu")


def test_a_prior_says_what_it_stores_wherever_it_is_used(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "prior.yaml"
    file.write_text(PRIOR)
    run = tmp_path / "run"
    train_model(read_recipe(str(file)), data, run, device="cpu")
    with pytest.warns(UserWarning, match="never ship or share it"):
        medgan.synthesize(run, 1, device="cpu")
    context = Context(None, tmp_path / "out")
    context.state.mkdir(parents=True)
    list_cases(SynthesizeSettings(model=str(run)), context, Done())
    assert "never ship or share it" in (context.state / SAID).read_text()
