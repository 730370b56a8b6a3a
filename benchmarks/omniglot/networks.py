"""Two ways to see how alike drawings are: one list of features for each, or features place by place.

Both give (M, N): how alike M drawings asked about and N drawings shown are, larger for more alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS, BLOCKS = 64, 4
WIDTHS, REACH = (32, 32, 64, 64), 1
POOLED = 1  # the layer after which places are halved
OFF = 1e4  # how far the places off the page are from any other


class Prototypes(nn.Module):
    """The prototypical network of J. Snell, K. Swersky and R. Zemel (2017): four blocks, squared distance.

    With one drawing of each character shown, its features are the prototype.
    """

    def __init__(self):
        super().__init__()
        layers, before = [], 1
        for _ in range(BLOCKS):
            layers += [nn.Conv2d(before, CHANNELS, 3, padding=1), nn.BatchNorm2d(CHANNELS), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
            before = CHANNELS
        self.encoder = nn.Sequential(*layers, nn.Flatten())

    def alike(self, asked: Tensor, shown: Tensor) -> Tensor:
        """Compare features (M, D) and (N, D)."""
        return -((asked[:, None] - shown[None]) ** 2).sum(2)


class Places(nn.Module):
    """Each place of a drawing looks for the most similar place of the other, no further than `REACH` away.

    What is left of the difference of their features, plus a learned price for the way, is summed over all
    places of both drawings: the image deformation model of D. Keysers et al. (2007), its features learned.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, reach: int = REACH):
        super().__init__()
        layers, before = [], 1
        for place, width in enumerate(widths):
            is_last = place == len(widths) - 1
            layers.append(nn.Conv2d(before, width, 3, padding=1, bias=is_last))
            if not is_last:
                layers += [nn.BatchNorm2d(width), nn.ReLU()]
            if place == POOLED:
                layers.append(nn.MaxPool2d(2))
            before = width
        self.encoder = nn.Sequential(*layers)
        self.reach = reach
        ways = torch.arange(-reach, reach + 1).float()
        self.register_buffer("lengths", torch.hypot(ways[:, None], ways[None]))
        self.price = nn.Parameter(torch.full_like(self.lengths, -3.0))
        self.sharpness = nn.Parameter(torch.tensor(math.log(0.1)))

    def alike(self, asked: Tensor, shown: Tensor) -> Tensor:
        """Compare features (M, C, H, W) and (N, C, H, W)."""
        prices = F.softplus(self.price) * self.lengths
        unit = asked.shape[1] ** -0.5
        return -deformed(asked * unit, shown * unit, self.reach, prices) * self.sharpness.exp()


def deformed(asked: Tensor, shown: Tensor, reach: int, prices: Tensor) -> Tensor:
    """Return (M, N): the squared differences that are left when each place has found its best counterpart.

    Features are (M, C, H, W) and (N, C, H, W). Places of the one look in the other and the other way round;
    `prices` (2 reach + 1, 2 reach + 1) are added for going down and right by -reach to reach.
    """
    high, wide = asked.shape[2:]
    one = asked.permute(2, 3, 0, 1).contiguous()  # (H, W, M, C)
    other = shown.permute(2, 3, 1, 0).contiguous()  # (H, W, C, N)
    ones, others = (one**2).sum(3)[..., None], (other**2).sum(2)[:, :, None]
    left_of_asked, left_of_shown = [], []
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            # The places (top to bottom, left to last) of the one whose counterpart is on the page.
            top, bottom = max(0, -down), high - max(0, down)
            left, last = max(0, -right), wide - max(0, right)
            here = slice(top, bottom), slice(left, last)
            there = slice(top + down, bottom + down), slice(left + right, last + right)
            products = torch.matmul(one[here], other[there])
            left_over = ones[here] + others[there] - 2 * products + prices[down + reach, right + reach]
            edges = (left, wide - last, top, high - bottom)
            moved = (left + right, wide - last - right, top + down, high - bottom - down)
            left_of_asked.append(F.pad(left_over, (0, 0, 0, 0, *edges), value=OFF))
            left_of_shown.append(F.pad(left_over, (0, 0, 0, 0, *moved), value=OFF))
    # `min` passes its gradient to one place alone, and quickly; `amin` shares it among equals.
    best = (torch.stack(part).min(0).values.clamp_min(0) for part in (left_of_asked, left_of_shown))
    return sum(part.sum((0, 1)) for part in best)
