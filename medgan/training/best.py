"""The step whose averaged generator did best in validation, and its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from medgan.errors import ConfigError


@dataclass
class Best:
    """The best so far, by a figure of which less is better.

    Parameters
    ----------
    figure
        Which of the validation's; None: nothing is kept.
    step
        Steps done then; 0: there has been none.
    value
        Of the figure.
    weights
        Of the averaged generator, on the CPU.
    """

    figure: str | None
    step: int = 0
    value: float = math.inf
    weights: dict[str, Tensor] = field(default_factory=dict)

    def look(self, step: int, figures: Mapping[str, float], network: nn.Module) -> None:
        """Keep the weights if they are better than all before; of equals the earliest stay.

        Raises
        ------
        ConfigError
            If the figure is not among those of the validation.
        """
        if self.figure is None:
            return
        if self.figure not in figures:
            raise ConfigError(
                f"the validation has no figure {self.figure}: it has {', '.join(sorted(figures))}",
                where="train.best_by",
                hint="Name one of those, or null for the weights of the last step.",
            )
        value = figures[self.figure]
        if value < self.value:  # never where it is not a number
            weights = network.state_dict()
            self.weights = {name: tensor.cpu().clone() for name, tensor in weights.items()}
            self.step, self.value = step, value

    def put_into(self, network: nn.Module) -> bool:
        """Give the network the best weights; False where there are none, and nothing is done."""
        if self.weights:
            network.load_state_dict(self.weights)
        return bool(self.weights)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {"step": self.step, "value": self.value, "weights": self.weights}

    def take_up(self, state: Mapping[str, Any]) -> None:
        """Go back to a checkpoint."""
        self.step, self.value, self.weights = state["step"], state["value"], state["weights"]
