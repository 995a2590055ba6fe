"""Batch normalisation over the whole batch where several processes hold a part of it each.

torch's `SyncBatchNorm` is for GPUs only. This one is plain tensors and sums over processes, the
same on every device; it has a gradient, but none of second order, which a generator needs none of.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn

from medgan.training.processes import others_at_work


def normalise_together(module: nn.Module) -> None:
    """Let every batch normalisation below a module take its statistics over all processes.

    Names of parameters and buffers stay as they are.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d | nn.BatchNorm3d):
            setattr(module, name, _SharedBatchNorm.of(child))
        else:
            normalise_together(child)


class _SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Mean and variance of all processes in training; as usual in evaluation."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    @classmethod
    def of(cls, norm: nn.BatchNorm2d | nn.BatchNorm3d) -> _SharedBatchNorm:
        """Take over the parameters and buffers of a normalisation."""
        shared = cls(norm.num_features, norm.eps, norm.momentum)
        shared.load_state_dict(norm.state_dict())
        return shared.to(norm.weight.device).train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        axes = (0, *range(2, input.ndim))
        # float32, also under autocast, as torch's own keeps its statistics.
        values = input.float()
        n = values[:, 0].numel() * distributed.get_world_size()
        mean = _sum(values.sum(dim=axes)) / n
        centred = values - _column(mean, values)
        variance = _sum(centred.square().sum(dim=axes)) / n
        self._remember(mean.detach(), variance.detach() * n / (n - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised = centred * _column(scale, values) + _column(self.bias, values)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running averages, as Ioffe and Szegedy 2015, algorithm 2, with momentum."""
        momentum = self.momentum or 0.0
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)
        self.num_batches_tracked += 1


def _column(values: Tensor, like: Tensor) -> Tensor:
    """Lay one value a channel along the channels of (B, C, *S)."""
    return values.view(-1, *(1,) * (like.ndim - 2))


def _sum(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


class _Sum(torch.autograd.Function):
    """The sum over processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    with others_at_work():
        distributed.all_reduce(total)
    return total
