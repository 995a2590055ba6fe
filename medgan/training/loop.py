"""The one adversarial loop: step, log, checkpoint, until all is done or somebody asks to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from medgan.errors import ConfigError, DivergedError, UsageError
from medgan.training.alarms import NOT_FINITE
from medgan.training.best import Best
from medgan.training.board import Board
from medgan.training.checkpoint import load_state, save_state
from medgan.training.interruption import interruptible
from medgan.training.journal import Journal, Waiting
from medgan.training.memory import enough_memory
from medgan.training.pictures import save_montage
from medgan.training.processes import Processes, here
from medgan.training.settings import TrainSettings
from medgan.training.task import Task
from medgan.training.trainer import HeldOut, Trainer

log = logging.getLogger(__name__)

Validate = Callable[[nn.Module, int], dict[str, float]]


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Parameters
    ----------
    generator
        The averaged generator of the last step, or of the best one, in evaluation mode.
    step
        Steps done in all.
    finished
        Whether that is all of them; otherwise the run can be resumed.
    alarms
        Names of alarms raised, in order.
    figures
        The last validation of this session, if any.
    best
        Which step's generator it is, where `best_by` asks for the best and there has been one.
    wait_share
        Share of the wall time of this session that went into waiting for data, 0 to 1.
    """

    generator: nn.Module
    step: int
    finished: bool
    alarms: tuple[str, ...]
    figures: dict[str, float]
    best: Best | None = None
    wait_share: float = 0.0


def train(
    task: Task,
    settings: TrainSettings,
    run: Path,
    *,
    device: str = "cpu",
    validate: Validate | None = None,
    held_out: HeldOut | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> Result:
    """Train, or go on where the run folder stands.

    Where several processes have met (`Processes.joined`), all of them call this: each takes its
    share of every batch, and the first one writes and tells.

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
        Called with the averaged generator and the step, every `validate_interval` and at the end.
    held_out
        Batches of scans that are not trained on, to see whether the discriminator knows the others
        by heart.
    progress
        Called with the step and the latest figures.

    Returns
    -------
    Result
        On CPU the weights do not depend on how often the run was interrupted.

    Raises
    ------
    DivergedError
        At losses or weights that are not finite, or at an alarm with `stop_on_alarm`. The last
        checkpoint stays.
    ConfigError
        If `best_by` is set and nothing is validated, or the validation has no such figure.
    StageError
        If memory runs out; the last checkpoint stays.
    ElsewhereError
        If another process is lost; the last checkpoint stays.
    KeyboardInterrupt
        After Ctrl-C, SIGTERM or SIGUSR1, once the step in hand is done and saved.
    """
    _check_choice(settings, validate)
    processes = here()
    trainer = Trainer(task, settings, run.name, device, processes, held_out)
    journal = Journal(run)
    _resume(trainer, run, journal, processes)
    started = time.monotonic()
    figures: dict[str, float] = {}
    waiting = Waiting()
    with (
        interruptible(is_alone=processes.n == 1) as interrupted,
        enough_memory(run.name, processes),
    ):
        batches = waiting.timed(task.batches(trainer.step))
        while trainer.step < settings.steps:
            losses = trainer.one_step(task.to_device(next(batches), device))
            done = trainer.step
            _tell(trainer, journal)
            if done % settings.log_interval == 0:
                waited = processes.mean({"wait_share": waiting.since_last()})
                if processes.is_first:
                    journal.write({"step": done} | losses | waited)
                    if progress:
                        progress(done, losses | figures)
            late = settings.max_minutes and time.monotonic() - started > 60 * settings.max_minutes
            # Agreed upon: all processes stop after the same step, or some would wait for ever.
            is_late, is_interrupted = processes.any(bool(late), interrupted())
            is_last = done == settings.steps
            stop = is_late or is_interrupted or is_last
            # Never where a run happens to be interrupted: the best step must not depend on it.
            if validate and (is_last or done % settings.validate_interval == 0):
                figures = _validated(trainer, validate, journal)
            if stop or done % settings.save_interval == 0:
                _save(trainer, run, journal)
            if stop:
                processes.wait()  # a launcher ends all when one has ended: the state must be safe
            if is_interrupted:
                raise KeyboardInterrupt
            if stop:
                break
    journal.close()
    has_best = trainer.best.put_into(trainer.ema.module)
    return Result(
        generator=trainer.ema.module,
        step=trainer.step,
        finished=trainer.step >= settings.steps,
        alarms=tuple(trainer.watch.names),
        figures=figures,
        best=trainer.best if has_best else None,
        wait_share=processes.mean({"share": waiting.share})["share"],
    )


def _check_choice(settings: TrainSettings, validate: Validate | None) -> None:
    """Refuse to choose a step by what nobody measures."""
    if settings.best_by and validate is None:
        raise ConfigError(
            f"the best step by {settings.best_by} is asked for, and nothing is validated",
            where="train.best_by",
            hint="Set it to null: the weights are those of the last step then.",
        )


def _resume(trainer: Trainer, run: Path, journal: Journal, processes: Processes) -> None:
    """Take up the state of the run folder, if there is one, and the log where that stands."""

    def take_up() -> None:
        state = load_state(run)
        if state is not None:
            trainer.take_up(state)
        if processes.is_first:
            journal.cut(trainer.step if state is not None else -1)

    processes.first(take_up)
    if processes.mean({"step": trainer.step})["step"] != trainer.step:
        raise UsageError(
            "the processes find different states of the run",
            where=run.name,
            hint="Put the run folder on a disk that all machines of the training share.",
        )
    processes.equalise(trainer.generator, trainer.discriminator, trainer.ema.module)
    if trainer.settings.tensorboard and processes.is_first:
        journal.board = Board(run, trainer.step)


def _tell(trainer: Trainer, journal: Journal) -> None:
    """Log the alarms of a step, and stop at one that leaves no way on, or if that was asked for."""
    for alarm in trainer.alarms:
        stops = trainer.settings.stop_on_alarm or alarm.name == NOT_FINITE
        if trainer.processes.is_first:
            journal.write({"step": alarm.step, "alarm": alarm.name, "advice": alarm.advice})
            if not stops:  # else the error says the same
                log.warning("%s: %s", alarm, alarm.advice)
        if stops:
            raise DivergedError(str(alarm), where=trainer.name, hint=alarm.advice)


def _validated(trainer: Trainer, validate: Validate, journal: Journal) -> dict[str, float]:
    """Return the figures of the averaged generator; log them, and what they tell of it."""
    trainer.look_at_weights()
    _tell(trainer, journal)
    # In all processes, so that they agree which step was the best.
    figures = trainer.processes.mean(validate(trainer.ema.module, trainer.step))
    if trainer.processes.is_first:
        journal.write({"step": trainer.step} | {f"val_{k}": v for k, v in figures.items()})
    trainer.look_at_validation(figures)
    _tell(trainer, journal)
    return figures


def _save(trainer: Trainer, run: Path, journal: Journal) -> None:
    """Write a picture, and all that the run needs to go on."""
    trainer.look_at_weights()
    _tell(trainer, journal)
    if trainer.processes.is_first:
        picture = trainer.task.montage(trainer.ema.module)
        save_montage(picture, run / "montages" / f"{trainer.step:07d}.png")
        if journal.board:
            journal.board.show(picture, trainer.step)
        save_state(run, trainer.state())
