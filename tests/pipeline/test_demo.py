"""The demo on a smaller cohort and a shorter training than a person is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from medgan.pipeline import RunOptions
from medgan.pipeline import demo as module


@pytest.mark.slow
def test_the_whole_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tmp_path / "short.yaml"
    shipped = Path(module.__file__).parents[2] / "configs" / f"{module.RECIPE}.yaml"
    recipe.write_text(shipped.read_text().replace("steps: 300", "steps: 4"))
    monkeypatch.setattr(module, "RECIPE", str(recipe))
    monkeypatch.setattr(module, "N_DAMAGED", 2)
    said: list[str] = []
    options = RunOptions(workers=0, device="cpu")
    result = module.demo(tmp_path / "out", model="none", options=options, say=said.append)
    assert result.exit_code == 0
    assert len(said) == 3
    assert len(result.gains) == 2
    assert module.mean_gain_db(result.gains) > 0
    assert result.virtual is not None
    assert (tmp_path / "out" / "virtual" / "dataset.json").exists()
    again = module.demo(tmp_path / "out", model="none", options=options)
    assert again.virtual is not None
    assert (again.restored.n_done, again.virtual.n_done) == (0, 0)
