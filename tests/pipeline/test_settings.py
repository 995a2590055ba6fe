from __future__ import annotations

from typing import Any

import pytest

from medgan.errors import ConfigError
from medgan.pipeline.settings import check_pipeline, read_pipeline
from medgan.settings import shipped_folder

SHIPPED = sorted(path.stem for path in shipped_folder("pipelines").glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_pipeline_loads_and_says_what_its_defaults_are(name: str) -> None:
    pipeline = read_pipeline(name)
    assert pipeline.name == name
    assert pipeline.description
    again = check_pipeline(pipeline.as_json(), "round trip")
    assert again.groups == pipeline.groups


def test_there_are_the_pipelines_that_the_readme_names() -> None:
    assert {"restore_folder", "train_restorer", "augment_dataset"} <= set(SHIPPED)


def test_per_scan_stages_are_fused_behind_their_source() -> None:
    groups = read_pipeline("restore_folder").groups
    names = [[step.name for step in group] for group in groups]
    assert names == [["index", "restore", "pictures", "export", "validate"], ["report"]]


def test_one_setting_is_changed_by_stage_and_key() -> None:
    pipeline = read_pipeline("restore_folder", ["restore.model=none", "index.missing=[3, 4]"])
    settings = {step.name: step.settings.model_dump() for step in pipeline.steps}
    assert settings["restore"]["model"] == "none"
    assert settings["index"]["missing"] == (3, 4)


THICK = {"name": "x", "stages": ["index", "restore"], "index": {"upsample": 2, "slices": "thick"}}
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"name": "x", "stages": ["index", "repair"]}, "no stage named repair"),
    ({"name": "x", "stages": ["restore"]}, "nothing comes before it"),
    ({"name": "x", "stages": ["index", "report", "export"]}, "report comes before it"),
    ({"name": "x", "stages": ["index", "index"]}, "named twice"),
    ({"name": "x", "stages": ["index"], "restore": {}}, "not among the stages"),
    ({"name": "x", "stages": ["index"], "index": {"takes": "all"}}, "takes: unknown key"),
    ({"name": "x", "stages": ["index"], "index": {"take": "some"}}, "take"),
    ({"name": "x", "stages": ["index"], "index": 3}, "expected a group of settings, found 3"),
    ({"name": "x", "stages": ["index"], "colour": 3}, "colour: unknown key"),
    ({"name": "x", "stages": []}, "stages"),
    ({"name": "x", "stages": "index"}, "stages"),
    ({"name": "x", "stages": [1]}, "stages"),
    ({"stages": ["index"]}, "name"),
    (THICK | {"restore": {"profile": ["box"]}}, "profile"),
    (THICK | {"restore": {"profile": [1, -1, 1, 1]}}, "profile: .*not be negative"),
    (THICK | {"restore": {"profile": [0, 0]}}, "not all of them 0"),
    (THICK | {"restore": {"profile": [1, 2, 1]}}, "3 weights for 2 .* an even number is needed"),
    (THICK | {"index": {}, "restore": {"profile": [1, 1]}}, "no slice is taken as thick"),
    (THICK | {"index": {"upsample": 2}, "restore": {"profile": [1, 1]}}, "taken as thick"),
    ({"name": "../x", "stages": ["index"]}, "name"),
]


@pytest.mark.parametrize(("document", "words"), FAULTS)
def test_faults_are_told_by_key_and_place(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        check_pipeline(document, "some.yaml")
    assert caught.value.where.startswith("some.yaml")
    assert caught.value.hint
