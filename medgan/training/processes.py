"""Several processes train one model: each a part of every batch, all the same step.

Networks stay plain modules. Parameters and buffers are made the same once; before every step of an
optimiser its gradients are averaged, all in one flat tensor. `DistributedDataParallel` is not used:
it averages in the first backward of a step and is silently wrong where a gradient penalty takes a
second one.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from medgan.data.share import Share
from medgan.errors import MedganError, UsageError

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: the first one may be reading many scans."""

T = TypeVar("T")


class ElsewhereError(MedganError, RuntimeError):
    """Another process of the same training failed or was lost; this one can only stop."""


@dataclass(frozen=True)
class Processes:
    """The processes of one training, as seen by one of them; by default there is only this.

    Parameters
    ----------
    rank
        Which of them this is; 0 writes checkpoints, log, montages and the model.
    n
        How many there are.
    local_rank
        Which of those on this machine: the number of its GPU.
    """

    rank: int = 0
    n: int = 1
    local_rank: int = 0

    @property
    def share(self) -> Share:
        """The part of every batch that this process takes."""
        return Share(self.rank, self.n)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    @contextlib.contextmanager
    def joined(self, device: str) -> Iterator[str]:
        """Meet the others for as long as the context lasts.

        Parameters
        ----------
        device
            `cpu` (gloo) or `cuda` (nccl, a GPU for each process of the machine).

        Yields
        ------
        str
            The device of this process.

        Raises
        ------
        UsageError
            If the machine has fewer GPUs than processes.
        ElsewhereError
            If the others do not come.
        """
        if self.n == 1:
            yield device
            return
        if device.startswith("cuda"):
            device = self._own_gpu()
        with others_at_work():
            backend = "nccl" if device.startswith("cuda") else "gloo"
            distributed.init_process_group(
                backend, rank=self.rank, world_size=self.n, timeout=PATIENCE
            )
        try:
            yield device
        finally:
            distributed.destroy_process_group()
            gc.collect()  # a group in a cycle of references aborts the process when it ends

    def _own_gpu(self) -> str:
        n_gpus = torch.cuda.device_count()
        if self.local_rank >= n_gpus:
            raise UsageError(
                f"process {self.local_rank} of this machine has no GPU: torch finds {n_gpus}",
                where="--device",
                hint="Start as many processes a machine as it has GPUs, or use --device cpu.",
            )
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"

    def first(self, work: Callable[[], T]) -> T:
        """Do the work in the first process and then in the others, which find what it left.

        Raises
        ------
        ElsewhereError
            In the others, if it failed in the first.
        """
        if self.n == 1:
            return work()
        if not self.is_first:
            (has_failed,) = self.any(False)
            if has_failed:
                raise ElsewhereError("the first process failed", hint="It says what is wrong.")
            return work()
        try:
            result = work()
        except BaseException:
            with contextlib.suppress(ElsewhereError):
                self.any(True)
            raise
        self.any(False)
        return result

    def wait(self) -> None:
        """Go on once all processes are here."""
        self.any(False)

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether it is set in some process."""
        if self.n == 1:
            return flags
        return tuple(count > 0 for count in self._sums([float(flag) for flag in flags]))

    def mean(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Return the mean of each figure over the processes."""
        if self.n == 1:
            return dict(figures)
        sums = self._sums(list(figures.values()))
        return {name: total / self.n for name, total in zip(figures, sums, strict=True)}

    def _sums(self, values: Sequence[float]) -> list[float]:
        on_gpu = distributed.get_backend() == "nccl"
        total = torch.tensor(values, dtype=torch.float64, device="cuda" if on_gpu else "cpu")
        with others_at_work():
            distributed.all_reduce(total)
        sums: list[float] = total.tolist()
        return sums

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows of all processes, in the order of their ranks; without gradient."""
        rows = rows.detach()
        if self.n == 1:
            return rows
        parts = [
            torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(self.n)
        ]
        with others_at_work():
            distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @torch.no_grad()
    def equalise(self, *modules: nn.Module) -> None:
        """Give parameters and buffers the values of the first process, once."""
        if self.n == 1:
            return
        with others_at_work():
            for module in modules:
                for tensor in (*module.parameters(), *module.buffers()):
                    same = tensor.contiguous()
                    distributed.broadcast(same, src=0)
                    tensor.copy_(same)

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over the processes; where there is none, it counts as 0.

        As losses are means over samples and the parts of a batch are equal, that is the gradient
        of the loss over the whole batch.
        """
        if self.n == 1:
            return
        parameters = list(parameters)
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        with others_at_work():
            distributed.all_reduce(flat)
        flat /= self.n
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def find_processes(environment: Mapping[str, str]) -> Processes:
    """Read from torchrun's or SLURM's variables which process this is; alone without them.

    torchrun sets RANK, WORLD_SIZE, LOCAL_RANK and where to meet, MASTER_ADDR and MASTER_PORT. Under
    `srun` the job script sets the latter two, and SLURM's own variables stand for the rest; without
    the two, tasks of one job are taken to have nothing to do with each other.

    Raises
    ------
    UsageError
        If some are missing or contradict each other.
    """
    meeting = ("MASTER_ADDR", "MASTER_PORT")
    ours = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    if "RANK" not in environment:
        ours = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID")
        if not all(name in environment for name in meeting):
            return Processes()
    given = [environment.get(name, "") for name in ours]
    if not all(text.isdecimal() for text in given) or int(given[0]) >= int(given[1]):
        raise UsageError(
            f"{', '.join(ours)} do not say which process of a training this is: {given}",
            where="environment",
            hint="Start several processes with torchrun or srun; unset MASTER_ADDR to train alone.",
        )
    processes = Processes(*map(int, given))
    if processes.n > 1 and not all(name in environment for name in meeting):
        raise UsageError(
            f"{processes.n} processes, and MASTER_ADDR and MASTER_PORT do not say where they meet",
            where="environment",
            hint="Start with torchrun, or set both in the job script; see docs/training.md.",
        )
    return processes


def here() -> Processes:
    """Return which of the processes that have met this is; alone where none have."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return Processes()
    return Processes(distributed.get_rank(), distributed.get_world_size())


@contextlib.contextmanager
def others_at_work() -> Iterator[None]:
    """Turn what the transport says when a process is gone into one error."""
    try:
        yield
    except RuntimeError as error:
        raise ElsewhereError(
            "another process of this training was lost, or did not come",
            where="training",
            hint="See what it said. The same command goes on from the last checkpoint.",
        ) from error
