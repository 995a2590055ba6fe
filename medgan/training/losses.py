"""Adversarial objectives: what discriminator and generator minimise, from logits alone.

Logits may have any shape (B, 1, *S): a patch discriminator scores every place, and the mean over
all of them is taken. Relativistic pairs are formed at equal places of equal samples.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor
from torch.nn.functional import softplus


class Objective(Protocol):
    """A game between two networks."""

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scalar to minimise over the discriminator."""

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scalar to minimise over the generator; `real` carries no gradient."""


class MinMax:
    """The founding game (Goodfellow et al. 2014, eq. 1), on logits.

    max over D of log D(x) + log(1 - D(G(z))), min over G of log(1 - D(G(z))), D = sigmoid(logit).
    The generator's gradient vanishes once D is sure: kept as the reference, not as the default.
    """

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log D(x) - log(1 - D(G(z)))."""
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """log(1 - D(G(z))) = -softplus(logit)."""
        return -softplus(fake).mean()


class NonSaturating(MinMax):
    """The same discriminator; the generator minimises -log D(G(z)) (ibid., section 3)."""

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log D(G(z)) = softplus(-logit)."""
        return softplus(-fake).mean()


class Relativistic:
    """Real and fake are compared, not judged (Huang et al. 2024, R3GAN, arXiv 2501.05441, eq. 2).

    f(t) = softplus(-t) of the difference of paired logits; invariant to shifts of the logits.
    """

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """softplus(-(D(x) - D(G(z))))."""
        return softplus(fake - real).mean()

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """softplus(-(D(G(z)) - D(x)))."""
        return softplus(real - fake).mean()


OBJECTIVES: dict[str, Objective] = {
    "minmax": MinMax(),
    "non_saturating": NonSaturating(),
    "relativistic": Relativistic(),
}
