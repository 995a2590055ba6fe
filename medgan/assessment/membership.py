"""What a model folder tells of the scans it was fitted to: its weights against a folder of scans.

Scans that the model was trained on are told from others by the content hashes in its `model.json`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgan.errors import DataError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from medgan.evaluation.membership import Membership
    from medgan.models import ModelInfo
    from medgan.training.registration import RegistrationSettings

FEWEST = 6
"""Cases of a sort below which an area under a curve says nothing."""


@dataclass(frozen=True)
class MembershipReport:
    """What was found.

    Parameters
    ----------
    found
        One entry for each way of asking.
    n_train, n_unseen
        Cases of each sort that were compared.
    """

    found: tuple[Membership, ...]
    n_train: int
    n_unseen: int

    @property
    def worst(self) -> float:
        """Largest area under the curve: what the best of the attacks tells."""
        return max(one.auc for one in self.found)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return dataclasses.asdict(self) | {"worst": self.worst}


def judge_membership(model: str, data: Path, at_most: int) -> MembershipReport:
    """Try to tell the training scans of a model from other scans of a folder.

    Parameters
    ----------
    model
        Model folder.
    data
        Folder that holds scans of both sorts.
    at_most
        Cases of each sort, evenly spread over the folder.

    Raises
    ------
    DataError
        If either sort has fewer than six cases.
    ModelError
        If it is no model that makes scans, or does not say how its template was aligned.
    """
    from medgan.data import index_cases
    from medgan.data.survey import survey
    from medgan.evaluation.membership import membership
    from medgan.models import load_model

    loaded = load_model(model, kind="synthesizer")
    registration = _registration(loaded.info)
    known = frozenset(map(str, loaded.info.training.get("sha256", [])))
    cases = index_cases(data).pairs
    looks = survey(cases).looks
    fit = [case for case in cases if case.id in looks]
    trained = [case for case in fit if looks[case.id].sha256 in known]
    unseen = [case for case in fit if looks[case.id].sha256 not in known]
    if min(len(trained), len(unseen)) < FEWEST:
        raise DataError(
            f"{len(trained)} scans of the folder were trained on and {len(unseen)} were not; "
            f"{FEWEST} of each are the least",
            where=loaded.info.name,
            hint="Give the folder that the model was trained from, held-out scans included.",
        )

    def samples(chosen: list[Any]) -> Tensor:
        from medgan.data.preparation import prepared
        from medgan.synthesis.fitted import stack_samples
        from medgan.synthesis.output import output_of

        space = output_of(loaded.info).space
        return stack_samples(prepared(chosen, looks, space, None), space, at_most)

    train, other = samples(trained), samples(unseen)
    found = membership(loaded.network, train, other, registration)
    return MembershipReport(found, len(train), len(other))


def _registration(info: ModelInfo) -> RegistrationSettings | None:
    """Return how the template of a model was aligned; None where its folder does not say.

    Raises
    ------
    ModelError
        If what the folder says is nothing that a template can be aligned with.
    """
    from pydantic import ValidationError

    from medgan.training.registration import RegistrationSettings

    recipe = info.training.get("recipe")
    for holder in (recipe, recipe.get("template") if isinstance(recipe, dict) else None):
        if isinstance(holder, dict) and "registration" in holder:
            try:
                return RegistrationSettings.model_validate(holder["registration"])
            except ValidationError:
                raise ModelError(
                    "its model.json does not say how the template was aligned to the scans",
                    where=info.name,
                    hint="Use a folder made by `medgan train`.",
                ) from None
    return None
