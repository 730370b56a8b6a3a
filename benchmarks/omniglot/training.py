"""Learning from one minimal set, by episodes: some characters, one drawing of each shown, others asked about.

Who shows and who asks are different drawers, as in the runs. What a network gets to see in the runs goes the
same way: kept small, centred where training was on centred drawings, and not distorted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.omniglot import distort
from benchmarks.omniglot.distort import Strength
from benchmarks.omniglot.drawings import DRAWERS, MinimalSet
from benchmarks.omniglot.networks import Places, Prototypes


@dataclass(frozen=True)
class Method:
    """A network and how it is trained; the numbers were chosen on held-out alphabets (`choices.py`)."""

    network: type[nn.Module]
    steps: int
    learning_rate: float
    ways: int  # characters of an episode
    asked: int  # drawings of each that are asked about
    has_symmetries: bool = False  # turned and mirrored characters are new characters
    is_centred: bool = False
    is_within_alphabet: bool = False  # all characters of an episode are of one alphabet
    strength: Strength = distort.NONE
    views: Strength = (
        distort.NONE
    )  # how drawings shown are moved before they are compared with one asked about


GENTLE = Strength(turn=0.1, stretch=0.1, shear=0.15, shift=0.03, bend=0.02)
STRONG = Strength(turn=0.25, stretch=0.2, shear=0.3, shift=0.12, bend=0.03)
VIEWS = Strength(turn=0.2, stretch=0.3, shear=0.3)
_PROTOTYPES = {"network": Prototypes, "steps": 400, "learning_rate": 1e-3, "ways": 20, "asked": 2}
METHODS = {
    "prototypes": Method(**_PROTOTYPES),
    "prototypes_distorted": Method(**_PROTOTYPES, has_symmetries=True, strength=STRONG),
    "prototypes_centred": Method(**_PROTOTYPES, has_symmetries=True, is_centred=True, strength=STRONG),
    "places": Method(
        Places,
        steps=600,
        learning_rate=3e-3,
        ways=20,
        asked=1,
        has_symmetries=True,
        is_centred=True,
        is_within_alphabet=True,
        strength=GENTLE,
        views=VIEWS,
    ),
}


def train(method: Method, data: MinimalSet, *, seed: int) -> nn.Module:
    """Train a network on a minimal set; the same seed gives the same network."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    network = method.network().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=method.learning_rate, weight_decay=1e-3, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, method.learning_rate, total_steps=method.steps, pct_start=0.1
    )
    pages = prepared(method, data.drawings)
    for _ in range(method.steps):
        characters, drawers, symmetries = episode(method, data.alphabets, random)
        images = _distorted(pages[characters[:, None], drawers], symmetries, method.strength, random)
        features = network.encoder(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        shown, asked = features[:, 0], features[:, 1:].flatten(0, 1)
        answers = torch.arange(len(characters)).repeat_interleave(method.asked)
        loss = F.cross_entropy(network.alike(asked, shown), answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def prepared(method: Method, drawings: np.ndarray) -> Tensor:
    """Return drawings (..., 105, 105) as the method takes them (..., 35, 35)."""
    pages = distort.small(drawings)
    return distort.centred(pages) if method.is_centred else pages


def episode(method: Method, alphabets: np.ndarray, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw characters (N,), for each of them drawers (N, 1 + asked), all different, and symmetries (N,).

    The first drawer shows. Within one alphabet all turn alike: only then are they the letters of an alphabet.
    """
    if method.is_within_alphabet:
        # An alphabet comes as often as it has characters.
        alphabet = alphabets[int(torch.randint(len(alphabets), (), generator=random))]
        pool = torch.from_numpy(np.flatnonzero(alphabets == alphabet))
    else:
        pool = torch.arange(len(alphabets))
    chosen = pool[torch.randperm(len(pool), generator=random)[: method.ways]]
    count, kinds = len(chosen), len(distort.SYMMETRIES) if method.has_symmetries else 1
    if method.is_within_alphabet:
        # One person shows all characters and others ask, as in the runs.
        drawers = torch.randperm(DRAWERS, generator=random)[: 1 + method.asked].expand(count, -1)
        symmetries = torch.randint(kinds, (1,), generator=random).expand(count)
    else:
        drawers = torch.rand(count, DRAWERS, generator=random).argsort(1)[:, : 1 + method.asked]
        symmetries = torch.randint(kinds, (count,), generator=random)
    return chosen, drawers, symmetries


def _distorted(pages: Tensor, symmetries: Tensor, strength: Strength, random: torch.Generator) -> Tensor:
    """Return pages (N, T, 35, 35) as images (N, T, 1, 28, 28), each distorted in its own way."""
    count = pages.shape[0] * pages.shape[1]
    turned = distort.SYMMETRIES[symmetries].repeat_interleave(pages.shape[1], dim=0)
    maps = distort.after(distort.maps(count, strength, random), turned)
    field = distort.fields(count, strength, random)
    return distort.seen(pages.flatten(0, 1), maps, field=field).unflatten(0, pages.shape[:2])


@torch.no_grad()
def alike(method: Method, network: nn.Module, shown: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return (M, N): how alike drawings asked about (M, H, W) and shown (N, H, W) are to a network."""
    asked, shown = (prepared(method, part) for part in (asked, shown))
    ours = network.encoder(distort.seen(asked))
    found = []
    for view in distort.views(method.views):
        theirs = network.encoder(distort.seen(shown, view.expand(len(shown), 2, 3)))
        found.append(network.alike(ours, theirs))
    # Whichever view it may be: the likelihoods of all views add up.
    return torch.stack(found).logsumexp(0).numpy()
