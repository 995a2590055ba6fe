"""The numbers of one training run."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from medgan.settings import Settings

Decay = Annotated[float, Field(ge=0, lt=1)]


class TrainSettings(Settings):
    """How the adversarial loop runs; the same for restoration and synthesis."""

    seed: int = Field(0, ge=0)
    """Every random stream of the run derives from it."""
    steps: int = Field(20_000, ge=1)
    """Generator steps in all. The schedule follows steps, never the clock, so that a run can be
    repeated; `max_minutes` may only choose where to stop."""
    max_minutes: float | None = Field(None, gt=0)
    """Stop, resumable, after this many minutes of this session; None: run all steps."""
    objective: Literal["minmax", "non_saturating", "relativistic"] = "relativistic"
    """Adversarial game: Goodfellow et al. 2014 (min-max or its non-saturating form), or
    relativistic pairing (Jolicoeur-Martineau 2018; Huang et al. 2024)."""
    adversarial_weight: float = Field(1.0, ge=0)
    """Weight of the generator's adversarial loss; 0 leaves the discriminator out."""
    reconstruction_weight: float = Field(0.0, ge=0)
    """Weight of the loss against a known truth, where the task has one."""
    r1_gamma: float = Field(0.0, ge=0)
    """Gradient penalty on real images, gamma/2 |grad D|^2 (Mescheder et al. 2018, eq. 9)."""
    r2_gamma: float = Field(0.0, ge=0)
    """The same on generated images (eq. 10)."""
    penalty_of: Literal["mean", "places"] = "mean"
    """What is penalised of a critic with many logits a sample: the gradient of their mean, or that
    of each of them, which keeps fine structure from being told ever more steeply."""
    penalty_interval: int = Field(4, ge=1)
    """Penalties every so many steps, their weight multiplied accordingly (lazy regularisation,
    Karras et al. 2020)."""
    generator_lr: float = Field(2e-4, gt=0)
    """Adam step size of the generator."""
    discriminator_lr: float = Field(2e-4, gt=0)
    """Adam step size of the discriminator."""
    betas: tuple[Decay, Decay] = (0.5, 0.99)
    """Adam's decay rates, at least 0 and below 1."""
    warmup_steps: int = Field(20, ge=0)
    """Steps over which the rates rise linearly from zero."""
    decay_from: float = Field(1.0, ge=0, le=1)
    """Share of the steps after which the rates fall to zero along a cosine; 1: never."""
    clip_norm: float | None = Field(None, gt=0)
    """Largest gradient norm of the generator; None: not clipped."""
    ema_half_life: float = Field(50.0, ge=0)
    """Steps after which a weight counts half in the averaged generator; 0: no averaging."""
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    """Arithmetic of convolutions; weights and losses are always float32. auto: bfloat16 where the
    processor has matrix units (AMX; it is slower without); float32 elsewhere and on a GPU."""
    log_interval: int = Field(10, ge=1)
    """Steps between lines of `log.jsonl`."""
    tensorboard: bool = False
    """Write `tensorboard/` into the run folder as well: the log and the montages."""
    save_interval: int = Field(500, ge=1)
    """Steps between checkpoints and montages."""
    validate_interval: int = Field(250, ge=1)
    """Steps between validations; the last step has one, too. As the best of them is chosen, it
    stays the same when a run is taken up."""
    best_by: str | None = Field(None, min_length=1)
    """Figure of the validation (less is better) by which the weights of the best step are kept;
    None: those of the last step."""
    stop_on_alarm: bool = False
    """Stop at the first alarm instead of going on with a warning."""

    @model_validator(mode="after")
    def _has_an_objective(self) -> Self:
        if not self.adversarial_weight and not self.reconstruction_weight:
            raise ValueError("adversarial_weight and reconstruction_weight cannot both be 0")
        return self

    def rate_factor(self, step: int) -> float:
        """Return the factor on both learning rates: linear warm-up, then cosine decay."""
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        start = self.decay_from * self.steps
        if step < start or self.decay_from >= 1:
            return warm
        share = (step - start) / (self.steps - start)
        return warm * 0.5 * (1 + math.cos(math.pi * share))
