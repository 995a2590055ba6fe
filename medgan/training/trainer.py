"""Both networks, their optimisers and the average, and one step of the game between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from medgan.data.share import Share
from medgan.data.streams import stream
from medgan.errors import ModelError
from medgan.training.alarms import LOOK_INTERVAL, Alarm, Watch, variety
from medgan.training.batch_norm import normalise_together
from medgan.training.best import Best
from medgan.training.ema import Ema
from medgan.training.losses import OBJECTIVES
from medgan.training.penalties import gradient_penalty
from medgan.training.precision import autocast
from medgan.training.processes import Processes
from medgan.training.settings import TrainSettings
from medgan.training.task import Batch, Task

HeldOut = Callable[[int, Share], Batch]
"""From a step to a batch of scans that are not trained on, and of it the part of one process."""


@dataclass
class Trainer:
    """State of a run between two steps.

    Parameters
    ----------
    held_out
        What the discriminator should take for as real as the scans that it learns from; None: not
        known.
    name
        Of the run, for messages.
    step
        Steps done.
    alarms
        Raised by the last look: at logits, weights or a validation.
    losses
        Of the last step; penalties of the last one that had them.
    """

    task: Task
    settings: TrainSettings
    name: str
    device: str
    processes: Processes
    held_out: HeldOut | None = None
    step: int = 0
    watch: Watch = field(default_factory=Watch)
    alarms: list[Alarm] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        s = self.settings
        self.objective = OBJECTIVES[s.objective]
        self.task.share = self.processes.share
        if self.processes.n > 1:
            normalise_together(self.task.generator)
        self.generator = channels_last(self.task.generator.to(self.device))
        self.discriminator = channels_last(self.task.discriminator.to(self.device))
        self.ema = Ema(self.generator, s.ema_half_life)
        self.best = Best(s.best_by)
        self.adam_g, self.adam_d = (
            torch.optim.Adam(network.parameters(), rate, s.betas, fused=True)
            for network, rate in (
                (self.generator, s.generator_lr),
                (self.discriminator, s.discriminator_lr),
            )
        )
        self.autocast = autocast(s.precision, self.device)

    def one_step(self, batch: Batch) -> dict[str, float]:
        """Discriminator, then generator, then the average.

        Returns
        -------
        dict
            `losses`, over the whole batch, whatever the number of processes.
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
        self.alarms += self.watch.look_at_losses(
            self.step, figures, {"r1": self.settings.r1_gamma, "r2": self.settings.r2_gamma}
        )
        self.losses = self.losses | figures
        return self.losses

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
            signs = self._signs(logit_real) if s.penalty_of == "places" else None
            for name, gamma, images in (("r1", s.r1_gamma, real), ("r2", s.r2_gamma, fake)):
                if gamma:
                    losses[name] = gradient_penalty(lambda x: self._score(x, batch), images, signs)
                    total = total + gamma / 2 * s.penalty_interval * losses[name]
        self._look(batch, real, fake, logit_real.detach(), logit_fake.detach())
        self._descend(self.adam_d, self.discriminator, total)
        return losses | {"logit_real": logit_real.mean(), "logit_fake": logit_fake.mean()}

    def _signs(self, logits: Tensor) -> Tensor:
        """Draw a sign for each logit of a sample, the same for all samples and processes."""
        drawn = stream(self.settings.seed, "signs", self.step).integers(0, 2, logits[0].numel())
        return torch.from_numpy(2.0 * drawn - 1).to(logits)

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

    def _look(
        self, batch: Batch, real: Tensor, fake: Tensor, logit_real: Tensor, logit_fake: Tensor
    ) -> None:
        """Raise alarms by what all processes see, so that they agree."""
        gather, watch, step = self.processes.gather, self.watch, self.step + 1
        logits = gather(logit_real), gather(logit_fake)
        if self.step % LOOK_INTERVAL:
            self.alarms += watch.look(step, *logits, None)
            return
        fake, real = gather(fake), gather(real)
        self.alarms += watch.look(step, *logits, variety(fake, real))
        self.alarms += watch.look_at_average(step, variety(gather(self._averaged(batch)), fake))
        if self.held_out:
            seen = gather(self._score_held_out(self.held_out))
            self.alarms += watch.look_at_held_out(step, *logits, seen)

    @torch.no_grad()
    def _averaged(self, batch: Batch) -> Tensor:
        """Return fakes of the averaged generator, as the discriminator would see them."""
        with self.autocast:
            fake = self.task.generate(self.ema.module, batch, self.step).float()
        return self.task.augment(fake, self.step)

    @torch.no_grad()
    def _score_held_out(self, held_out: HeldOut) -> Tensor:
        """Return logits of scans that are not trained on, changed as those of the step are."""
        batch = self.task.to_device(held_out(self.step, self.processes.share), self.device)
        images = self.task.augment(self.task.real(batch), self.step)
        self.discriminator.eval()  # a spectral norm goes on estimating in training mode
        with self.autocast:
            logits = self._score(images, batch).float()
        self.discriminator.train()
        return logits

    def look_at_weights(self) -> None:
        """Raise the alarm about weights that are not finite, before they are saved or used."""
        networks = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "averaged generator": self.ema.module,
        }
        self.alarms = self.watch.look_at_weights(self.step, networks)

    def look_at_validation(self, figures: Mapping[str, float]) -> None:
        """Raise alarms about a validation, and keep the weights if they are the best so far."""
        self.alarms = self.watch.look_at_validation(self.step, figures)
        self.best.look(self.step, figures, self.ema.module)

    def _set_rates(self) -> None:
        factor = self.settings.rate_factor(self.step)
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
            "watch": self.watch.state(),
            "best": self.best.state(),
            "losses": self.losses,
        }

    def take_up(self, state: dict[str, Any]) -> None:
        """Go back to a state.

        Raises
        ------
        ModelError
            If another version of medgan wrote it.
        """
        if not _alike(state, self.state()):
            raise ModelError(
                "the training state is one of another version of medgan",
                where=self.name,
                hint="Go on with that version, or train into another folder.",
            )
        self.step = state["step"]
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.ema.module.load_state_dict(state["ema"])
        self.adam_g.load_state_dict(state["adam_g"])
        self.adam_d.load_state_dict(state["adam_d"])
        self.watch.take_up(state["watch"])
        self.best.take_up(state["best"])
        self.losses = state["losses"]


NETWORKS = ("generator", "discriminator")


def _alike(state: dict[str, Any], own: dict[str, Any]) -> bool:
    """Say whether a state has the parts of one's own, and its networks the same weights."""
    if state.keys() != own.keys():
        return False
    shapes = [
        {key: tensor.shape for part in NETWORKS for key, tensor in one[part].items()}
        for one in (state, own)
    ]
    return shapes[0] == shapes[1]


def channels_last(network: nn.Module) -> nn.Module:
    """Lay out the weights of 2D convolutions as the machine likes them; values do not change.

    docs/training.md has the figures.
    """
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
