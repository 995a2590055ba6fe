from __future__ import annotations

import pytest

from medgan.models import ModelInfo, model_card

BARE = {"name": "tiny", "architecture": "slice_net", "settings": {}}


@pytest.mark.parametrize(
    ("kind", "does"),
    [("restorer", "that fills missing slices"), ("synthesizer", "that makes virtual scans")],
)
def test_a_card_says_what_the_model_does_knows_and_must_not(kind: str, does: str) -> None:
    info = ModelInfo.model_validate({**BARE, "kind": kind, "training": {"n_scans": 3, "steps": 9}})
    text = model_card(info, 2)
    assert text.startswith("# tiny\n")
    for words in (does, "not for diagnosis", "scans: 3 ", "2 of the folder left out", "steps: 9"):
        assert words in text
    assert "that of the training scans" in text


def test_a_notice_and_a_licence_are_told() -> None:
    info = ModelInfo.model_validate(
        {**BARE, "kind": "restorer", "notice": "It copies.", "licence": "CC-BY-4.0"}
    )
    text = model_card(info, 0)
    assert "**It copies.**" in text
    assert "licence of the weights: CC-BY-4.0" in text
    assert "scans: unknown" in text
