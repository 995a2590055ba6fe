"""A model folder from anywhere loads as it was saved, or is refused in one message; never more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.hostile import DESIGNS, HARMLESS, mutated, write_model

SEED = 20261129
ROOM_MB = 300
"""What loading them all may add to a process that has torch in it: a `model.json` of 4 MB as
Python objects takes the most."""

LOAD_ALL = """
import json, resource, sys
import torch
from medgan.errors import ConfigError, ModelError
from medgan.models import load_model
from medgan.synthesis.output import output_of

def load(folder):
    model = load_model(folder)
    if model.info.kind == "synthesizer":
        output_of(model.info)
    return model.network.state_dict()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3

folders = json.load(sys.stdin)
originals = {kind: load(folder) for kind, folder in folders.pop("originals").items()}
before, told = peak(), {}
for name, folder in folders.items():
    try:
        found, true = load(folder), originals[name.partition(":")[0]]
        same = found.keys() == true.keys() and all(torch.equal(found[k], true[k]) for k in true)
        told[name] = "same" if same else "different"
    except (ModelError, ConfigError) as error:
        told[name] = {"what": error.what, "where": error.where, "hint": error.hint}
    except BaseException as error:
        told[name] = f"{type(error).__name__}: {error}"
print(json.dumps({"told": told, "grown_mb": peak() - before}))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return mutated(tmp_path_factory.mktemp("models"), SEED)


@pytest.fixture(scope="module")
def told(folders: dict[str, Path]) -> dict[str, object]:
    root = next(iter(folders.values())).parents[1]
    given: dict[str, object] = {name: str(folder) for name, folder in folders.items()}
    given["originals"] = {kind: str(root / kind / "original") for kind in DESIGNS}
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    result: dict[str, object] = json.loads(done.stdout)
    return result


def outcomes(told: dict[str, object]) -> dict[str, object]:
    found = told["told"]
    assert isinstance(found, dict)
    return found


def test_there_are_more_than_two_hundred(told: dict[str, object]) -> None:
    assert len(outcomes(told)) >= 200


def test_each_loads_as_it_was_saved_or_is_refused(told: dict[str, object]) -> None:
    bad = {n: o for n, o in outcomes(told).items() if not isinstance(o, dict) and o != "same"}
    assert bad == {}


def test_a_refusal_is_one_line_with_a_place_and_a_way_out(told: dict[str, object]) -> None:
    refused = {n: o for n, o in outcomes(told).items() if isinstance(o, dict)}
    for name, said in refused.items():
        assert said["where"], name
        assert said["hint"], name
        assert "\n" not in said["what"], name
        assert len(said["what"]) < 500, name


def test_what_did_no_harm_loads_and_what_did_does_not(told: dict[str, object]) -> None:
    found = outcomes(told)
    assert {found[f"{kind}: {name}"] for kind in DESIGNS for name in HARMLESS} == {"same"}
    # A bit of free text; a setting or word that changes no tensor; what is no part of a restorer.
    may = (*HARMLESS, "bit of the description", "setting 0.5", "label name")
    loaded = {n.partition(": ")[2] for n, o in found.items() if o == "same"}
    unread = {"latent", "space", "orientation", "spacing"}
    assert [n for n in loaded if not n.startswith(may) and n not in unread] == []


def test_no_folder_takes_memory_beyond_its_size(told: dict[str, object]) -> None:
    grown = told["grown_mb"]
    assert isinstance(grown, float)
    assert grown < ROOM_MB


def test_nothing_in_a_folder_runs(folders: dict[str, Path], told: dict[str, object]) -> None:
    assert outcomes(told)  # all were loaded by now
    assert [n for n, folder in folders.items() if (folder / "canary").exists()] == []


def test_a_sample_too_large_is_refused_before_it_is_made(tmp_path: Path) -> None:
    from medgan.errors import ModelError
    from medgan.models import load_model
    from medgan.synthesis.output import output_of

    settings = DESIGNS["dcgan"][1] | {"shape": [4096, 4096, 4096]}
    write_model(tmp_path / "m", "dcgan_generator", settings)
    with pytest.raises(ModelError, match=r"space\.shape"):
        output_of(load_model(tmp_path / "m").info)
