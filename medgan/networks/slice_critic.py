"""The critic of the slice inpainter: it sees the slice between its two measured neighbours."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import parametrizations


class SliceCritic(nn.Module):
    """Score, per patch, whether a slice belongs between its neighbours.

    Parameters
    ----------
    in_channels
        The slice and what is seen beside it (two measured neighbours make 3).
    width
        Channels of the first layer; doubled once.

    Notes
    -----
    Four convolutions under spectral normalisation (Miyato et al. 2018, arXiv 1802.05957), receptive
    field 14 pixels: texture, not anatomy, is what it can judge. Input about 0..1.
    """

    def __init__(self, in_channels: int = 3, width: int = 48) -> None:
        super().__init__()
        norm = parametrizations.spectral_norm
        self.layers = nn.Sequential(
            norm(nn.Conv2d(in_channels, width, 3, padding=1)),
            nn.LeakyReLU(0.2),
            norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            norm(nn.Conv2d(2 * width, 2 * width, 3, padding=1)),
            nn.LeakyReLU(0.2),
            norm(nn.Conv2d(2 * width, 1, 3, padding=1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 1, h/2, w/2) for images (B, in_channels, h, w)."""
        logits: Tensor = self.layers(4 * x - 2)
        return logits
