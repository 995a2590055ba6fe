"""The one adversarial loop: discriminator step, generator step, average, log, checkpoint."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medgan.errors import DivergedError
from medgan.training.alarms import Alarm, Watch, variety
from medgan.training.checkpoint import load_state, save_state
from medgan.training.ema import Ema
from medgan.training.losses import OBJECTIVES
from medgan.training.penalties import gradient_penalty
from medgan.training.pictures import save_montage
from medgan.training.settings import TrainSettings
from medgan.training.task import Batch, Task

log = logging.getLogger(__name__)

LOG = "log.jsonl"


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Parameters
    ----------
    generator
        The averaged generator, in evaluation mode.
    step
        Steps done in all.
    finished
        Whether that is all of them; otherwise the run can be resumed.
    alarms
        Names of alarms raised, in order.
    figures
        The last validation, if any.
    """

    generator: nn.Module
    step: int
    finished: bool
    alarms: tuple[str, ...]
    figures: dict[str, float]


def train(
    task: Task,
    settings: TrainSettings,
    run: Path,
    *,
    device: str = "cpu",
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> Result:
    """Train, or go on where the run folder stands.

    Parameters
    ----------
    task
        Networks and data.
    settings
        How to run; the caller has made sure that a resumed run has the same.
    run
        Folder for `log.jsonl`, `state.pt` and `montages/`.
    device
        `cpu`, `cuda` or `cuda:n`.
    validate
        Called with the averaged generator and the step at every `save_interval`.
    progress
        Called with the step and the latest figures.

    Returns
    -------
    Result
        On CPU the weights do not depend on how often the run was interrupted.

    Raises
    ------
    DivergedError
        At the first loss that is not finite, or at an alarm with `stop_on_alarm`. The last
        checkpoint stays.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, once the step in hand is done and saved.
    """
    trainer = _Trainer(task, settings, run, device)
    trainer.resume()
    started = time.monotonic()
    figures: dict[str, float] = {}
    with _interruptible() as interrupted:
        batches = task.batches(trainer.step)
        while trainer.step < settings.steps:
            losses = trainer.one_step(task.to_device(next(batches), device))
            done = trainer.step
            if done % settings.log_interval == 0:
                trainer.write_log(losses)
                if progress:
                    progress(done, losses | figures)
            late = settings.max_minutes and time.monotonic() - started > 60 * settings.max_minutes
            stop = bool(late) or interrupted() or done == settings.steps
            if done % settings.save_interval == 0 or stop:
                if validate:
                    figures = validate(trainer.ema.module, done)
                    trainer.write_log({f"val_{k}": v for k, v in figures.items()})
                trainer.save()
            if interrupted():
                raise KeyboardInterrupt
            if stop:
                break
    return Result(
        generator=trainer.ema.module,
        step=trainer.step,
        finished=trainer.step >= settings.steps,
        alarms=tuple(trainer.alarm_names),
        figures=figures,
    )


@dataclass
class _Trainer:
    """State of a run between two steps."""

    task: Task
    settings: TrainSettings
    run: Path
    device: str
    step: int = 0
    watch: Watch = field(default_factory=Watch)
    alarm_names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        s = self.settings
        self.objective = OBJECTIVES[s.objective]
        self.generator = self.task.generator.to(self.device)
        self.discriminator = self.task.discriminator.to(self.device)
        self.ema = Ema(self.generator, s.ema_half_life)
        self.adam_g = torch.optim.Adam(self.generator.parameters(), s.generator_lr, s.betas)
        self.adam_d = torch.optim.Adam(self.discriminator.parameters(), s.discriminator_lr, s.betas)
        kind = torch.device(self.device).type
        wanted = s.precision == "bfloat16" or (s.precision == "auto" and has_bfloat16(kind))
        self.autocast = torch.autocast(kind, dtype=torch.bfloat16, enabled=wanted)

    def one_step(self, batch: Batch) -> dict[str, float]:
        """Discriminator, then generator, then the average; returns the losses."""
        self._set_rates()
        self.generator.train()
        losses: dict[str, Tensor] = {}
        if self.settings.adversarial_weight:
            losses |= self._discriminator_step(batch)
        losses |= self._generator_step(batch)
        self.ema.update(self.generator, self.step)
        figures = {name: float(value.detach()) for name, value in losses.items()}
        self.step += 1
        if not all(math.isfinite(value) for value in figures.values()):
            raise DivergedError(
                f"a loss is not finite at step {self.step}: {figures}",
                where=self.run.name,
                hint="Train into a new folder with a lower generator_lr, or precision float32.",
            )
        return figures

    def _discriminator_step(self, batch: Batch) -> dict[str, Tensor]:
        s = self.settings
        real = self.task.augment(self.task.real(batch), self.step)
        with torch.no_grad(), self.autocast:
            fake = self.task.generate(self.generator, batch, self.step).float()
        fake = self.task.augment(fake, self.step)
        spread = variety(fake, real) if self.step % 25 == 0 else None
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
        self.adam_d.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.adam_d.step()
        self._raise(self.watch.look(self.step, logit_real, logit_fake, spread))
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
        self.adam_g.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        if s.clip_norm:
            norm = nn.utils.clip_grad_norm_(self.generator.parameters(), s.clip_norm)
            losses["g_norm"] = norm
        self.adam_g.step()
        return losses

    def _score(self, images: Tensor, batch: Batch) -> Tensor:
        condition = self.task.condition(batch)
        seen = images if condition is None else torch.cat([condition, images], dim=1)
        logits: Tensor = self.discriminator(seen)
        return logits

    def _set_rates(self) -> None:
        factor = rate_factor(self.step, self.settings)
        for adam, rate in (
            (self.adam_g, self.settings.generator_lr),
            (self.adam_d, self.settings.discriminator_lr),
        ):
            for group in adam.param_groups:
                group["lr"] = rate * factor

    def _raise(self, alarms: list[Alarm]) -> None:
        for alarm in alarms:
            self.alarm_names.append(alarm.name)
            log.warning("step %d: %s: %s", alarm.step, alarm.name, alarm.advice)
            self._append({"step": alarm.step, "alarm": alarm.name, "advice": alarm.advice})
            if self.settings.stop_on_alarm:
                raise DivergedError(
                    f"{alarm.name} at step {alarm.step}", where=self.run.name, hint=alarm.advice
                )

    def write_log(self, figures: dict[str, float]) -> None:
        """Add one line to `log.jsonl`."""
        self._append({"step": self.step} | figures)

    def _append(self, line: dict[str, Any]) -> None:
        self.run.mkdir(parents=True, exist_ok=True)
        with (self.run / LOG).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def save(self) -> None:
        """Write the state and a montage of the averaged generator."""
        self.run.mkdir(parents=True, exist_ok=True)
        save_montage(
            self.task.montage(self.ema.module), self.run / "montages" / f"{self.step:07d}.png"
        )
        save_state(
            self.run,
            {
                "step": self.step,
                "generator": self.generator.state_dict(),
                "discriminator": self.discriminator.state_dict(),
                "ema": self.ema.module.state_dict(),
                "adam_g": self.adam_g.state_dict(),
                "adam_d": self.adam_d.state_dict(),
                "counts": dict(self.watch.counts),
                "alarms": list(self.alarm_names),
            },
        )

    def resume(self) -> None:
        """Take up the state of the run folder, if there is one, and drop later log lines."""
        state = load_state(self.run)
        if state is None:
            (self.run / LOG).unlink(missing_ok=True)
            return
        self.step = state["step"]
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.ema.module.load_state_dict(state["ema"])
        self.adam_g.load_state_dict(state["adam_g"])
        self.adam_d.load_state_dict(state["adam_d"])
        self.watch.counts = state["counts"]
        self.alarm_names = state["alarms"]
        path = self.run / LOG
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(line for line in lines if _step_of(line) <= self.step))


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


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):  # a line cut short by a crash
        return math.inf


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a flag; the second one acts at once."""
    seen: list[int] = []
    previous: dict[signal.Signals, Any] = {}

    def remember(number: int, frame: object) -> None:
        seen.append(number)
        for kind, handler in previous.items():
            signal.signal(kind, handler)

    try:
        for kind in (signal.SIGINT, signal.SIGTERM):
            previous[kind] = signal.signal(kind, remember)
    except ValueError:  # not the main thread: the caller handles signals
        previous.clear()
    try:
        yield lambda: bool(seen)
    finally:
        for kind, handler in previous.items():
            signal.signal(kind, handler)
