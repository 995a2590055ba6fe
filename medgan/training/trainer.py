"""Both networks, their optimisers and the average, and one step of the game between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from medgan.errors import DivergedError
from medgan.training.alarms import Alarm, Watch, variety
from medgan.training.batch_norm import normalise_together
from medgan.training.ema import Ema
from medgan.training.losses import OBJECTIVES
from medgan.training.penalties import gradient_penalty
from medgan.training.processes import Processes
from medgan.training.settings import TrainSettings
from medgan.training.task import Batch, Task


@dataclass
class Trainer:
    """State of a run between two steps.

    Parameters
    ----------
    name
        Of the run, for messages.
    step
        Steps done.
    alarms
        Raised in the last step.
    alarm_names
        Of all raised so far.
    """

    task: Task
    settings: TrainSettings
    name: str
    device: str
    processes: Processes
    step: int = 0
    watch: Watch = field(default_factory=Watch)
    alarms: list[Alarm] = field(default_factory=list)
    alarm_names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        s = self.settings
        self.objective = OBJECTIVES[s.objective]
        self.task.share = self.processes.share
        if self.processes.n > 1:
            normalise_together(self.task.generator)
        self.generator = channels_last(self.task.generator.to(self.device))
        self.discriminator = channels_last(self.task.discriminator.to(self.device))
        self.ema = Ema(self.generator, s.ema_half_life)
        self.adam_g, self.adam_d = (
            torch.optim.Adam(network.parameters(), rate, s.betas, fused=True)
            for network, rate in (
                (self.generator, s.generator_lr),
                (self.discriminator, s.discriminator_lr),
            )
        )
        kind = torch.device(self.device).type
        wanted = s.precision == "bfloat16" or (s.precision == "auto" and has_bfloat16(kind))
        self.autocast = torch.autocast(kind, dtype=torch.bfloat16, enabled=wanted)

    def one_step(self, batch: Batch) -> dict[str, float]:
        """Discriminator, then generator, then the average.

        Returns
        -------
        dict
            Losses over the whole batch, whatever the number of processes.

        Raises
        ------
        DivergedError
            If one is not finite.
        """
        self._set_rates()
        self.generator.train()
        self.alarms = []
        losses: dict[str, Tensor] = {}
        if self.settings.adversarial_weight:
            losses |= self._discriminator_step(batch)
        losses |= self._generator_step(batch)
        self.ema.update(self.generator, self.step)
        figures = {name: float(value.detach()) for name, value in losses.items()}
        figures = self.processes.mean(figures)
        self.step += 1
        if not all(math.isfinite(value) for value in figures.values()):
            raise DivergedError(
                f"a loss is not finite at step {self.step}: {figures}",
                where=self.name,
                hint="Train into a new folder with a lower generator_lr, or precision float32.",
            )
        return figures

    def _discriminator_step(self, batch: Batch) -> dict[str, Tensor]:
        s = self.settings
        real = self.task.augment(self.task.real(batch), self.step)
        with torch.no_grad(), self.autocast:
            fake = self.task.generate(self.generator, batch, self.step).float()
        fake = self.task.augment(fake, self.step)
        with self.autocast:
            logit_real = self._score(real, batch).float()
            logit_fake = self._score(fake, batch).float()
        losses = {"d_loss": self.objective.discriminator_loss(logit_real, logit_fake)}
        total = losses["d_loss"]
        if self.step % s.penalty_interval == 0:
            for name, gamma, images in (("r1", s.r1_gamma, real), ("r2", s.r2_gamma, fake)):
                if gamma:
                    losses[name] = gradient_penalty(lambda x: self._score(x, batch), images)
                    total = total + gamma / 2 * s.penalty_interval * losses[name]
        self._descend(self.adam_d, self.discriminator, total)
        self._look(real, fake, logit_real, logit_fake)
        return losses | {"logit_real": logit_real.mean(), "logit_fake": logit_fake.mean()}

    def _generator_step(self, batch: Batch) -> dict[str, Tensor]:
        s = self.settings
        losses: dict[str, Tensor] = {}
        with self.autocast:
            fake = self.task.generate(self.generator, batch, self.step).float()
        total = fake.new_zeros(())
        if s.reconstruction_weight:
            reconstruction = self.task.reconstruction(fake, batch)
            if reconstruction is not None:
                losses["reconstruction"] = reconstruction
                total = total + s.reconstruction_weight * reconstruction
        if s.adversarial_weight:
            self.discriminator.requires_grad_(False)
            with self.autocast:
                # Scored anew: the logits of the discriminator's own step belong to older weights,
                # and a relativistic gap against them would scale the gradient at random.
                with torch.no_grad():
                    real = self.task.augment(self.task.real(batch), self.step)
                    logit_real = self._score(real, batch).float()
                logit_fake = self._score(self.task.augment(fake, self.step), batch).float()
            self.discriminator.requires_grad_(True)
            losses["g_loss"] = self.objective.generator_loss(logit_real, logit_fake)
            total = total + s.adversarial_weight * losses["g_loss"]
        norm = self._descend(self.adam_g, self.generator, total, s.clip_norm)
        return losses if norm is None else losses | {"g_norm": norm}

    def _descend(
        self,
        adam: torch.optim.Adam,
        network: nn.Module,
        loss: Tensor,
        clip_norm: float | None = None,
    ) -> Tensor | None:
        """Take one step down the gradient over the whole batch; returns its norm if clipped."""
        adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.average_gradients(network.parameters())
        norm = nn.utils.clip_grad_norm_(network.parameters(), clip_norm) if clip_norm else None
        adam.step()
        return norm

    def _score(self, images: Tensor, batch: Batch) -> Tensor:
        condition = self.task.condition(batch)
        seen = images if condition is None else torch.cat([condition, images], dim=1)
        logits: Tensor = self.discriminator(seen)
        return logits

    def _look(self, real: Tensor, fake: Tensor, logit_real: Tensor, logit_fake: Tensor) -> None:
        """Raise alarms by what all processes see, so that they agree."""
        gather = self.processes.gather
        spread = variety(gather(fake), gather(real)) if self.step % 25 == 0 else None
        self.alarms = self.watch.look(self.step, gather(logit_real), gather(logit_fake), spread)
        self.alarm_names += [alarm.name for alarm in self.alarms]

    def _set_rates(self) -> None:
        factor = rate_factor(self.step, self.settings)
        for adam, rate in (
            (self.adam_g, self.settings.generator_lr),
            (self.adam_d, self.settings.discriminator_lr),
        ):
            for group in adam.param_groups:
                group["lr"] = rate * factor

    def state(self) -> dict[str, Any]:
        """Return all that a run needs to go on exactly where it is."""
        return {
            "step": self.step,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "ema": self.ema.module.state_dict(),
            "adam_g": self.adam_g.state_dict(),
            "adam_d": self.adam_d.state_dict(),
            "counts": dict(self.watch.counts),
            "alarms": list(self.alarm_names),
        }

    def take_up(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.step = state["step"]
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.ema.module.load_state_dict(state["ema"])
        self.adam_g.load_state_dict(state["adam_g"])
        self.adam_d.load_state_dict(state["adam_d"])
        self.watch.counts = state["counts"]
        self.alarm_names = state["alarms"]


def channels_last(network: nn.Module) -> nn.Module:
    """Lay out the weights of 2D convolutions as the machine likes them; values do not change.

    docs/training.md has the figures.
    """
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def rate_factor(step: int, settings: TrainSettings) -> float:
    """Return the factor on both learning rates at a step: linear warm-up, then cosine decay."""
    warm = min(1.0, (step + 1) / settings.warmup_steps) if settings.warmup_steps else 1.0
    start = settings.decay_from * settings.steps
    if step < start or settings.decay_from >= 1:
        return warm
    share = (step - start) / (settings.steps - start)
    return warm * 0.5 * (1 + math.cos(math.pi * share))


def has_bfloat16(device_type: str) -> bool:
    """Return whether `cpu` or `cuda` computes in bfloat16 natively here."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # Older releases cannot tell; float32 is then the safe choice.
    units: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(units.get("avx512_bf16") or units.get("amx_bf16"))
