"""Go on from the weights of a model that is there."""

from __future__ import annotations

from torch import nn

from medgan.errors import ModelError
from medgan.models import load_model


def start_from(name: str, generator: nn.Module) -> None:
    """Give a generator the weights of a model.

    Parameters
    ----------
    name
        Model folder, or name of a shipped model.

    Raises
    ------
    ModelError
        If there is no such model, or its network is not the one of the recipe.
    """
    model = load_model(name)
    try:
        generator.load_state_dict(model.network.state_dict())
    except RuntimeError as error:  # torch names every tensor: too much for a message
        raise ModelError(
            "its network is not the one of the recipe",
            where=model.info.name,
            hint="Give `generator` (and `slabs.factors`, if there are slabs) the settings in its "
            "model.json, or set warm_start to null.",
        ) from error
