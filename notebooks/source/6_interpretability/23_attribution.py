# %% [markdown]
# ## The question
#
# A network says "resistant", or "4". Why? Explanations come as coloured maps: "There are different
# techniques that produce saliency maps, including GradCAM, LIME, and RISE. They are good methods for
# inspecting the output of neural networks to understand whether their decisions are based on the right or
# wrong features" (B. Dickson, *How Deep Learning Can Help Scientific Research*). The same text quotes E.
# Schmidt and M. Raghu: "the ultimate goal remains to understand what attributes give rise to these
# observations".
#
# Both sentences are on trial. **Good**: compared with what? And what an answer is *based on* and what
# *gives rise* to the thing itself: does one tell the other? We work where the truth is known, because only
# there can a map be wrong.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **compute** a gradient, a Grad-CAM and an occlusion map by hand, and get captum's numbers;
# 2. **score** maps against a truth, beside maps that never saw the network;
# 3. **test** whether a map depends on the network at all;
# 4. **share out** a prediction exactly, and say what correlated features do to the shares;
# 5. **find** a planted shortcut in a map, and one that only some maps can show;
# 6. **check** attributions on sequences against known sites, and say why a good one names no cause.
#
# Section numbers match the goals; each goal is answered by a claim near the end.

# %% [markdown]
# ## Set-up
#
# Scenes, films and causes are simulated or put together here, so that we know what is true of them. For
# section 6 there are measured isolates of HIV, where they can be had. The networks are so small that a GPU
# would not help; "full" means more scenes.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"
MOTIFS: str = "genomics_primer"  # DNA with a known motif; "" asks for the stand-in
MOTIFS_STAND_IN: str = "planted_motif"  # the simulator that takes its place where it cannot be had
DRUG: str = "hiv_resistance/NFV"  # real isolates of HIV and a drug; "" asks for the stand-in
STAND_IN: str = "hiv_isolates"  # simulated isolates: in place of real ones, and where the cause must be known

# %%
import itertools
import math
import time
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
from captum import attr
from scipy.ndimage import uniform_filter
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, mse_loss

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device("cpu")
cl.plots.use_style()
many = {"quick": 40, "full": 120}[profile]  # scenes on which maps are compared

# %% [markdown]
# ## 1 · By hand
#
# Begin with a model that a pencil can follow: $f = \max(0, 2x_1 - x_2) + x_3^2/2$, at the point (1, 0.5,
# 2). There $f = 1.5 + 2 = 3.5$. How much of it is due to each number? Two old answers:
#
# - the **gradient**: how fast does $f$ change when $x_i$ is nudged? Here 2, −1 and $x_3$ = 2;
# - **occlusion**: how far does $f$ fall when $x_i$ is taken away, that is, set to a **baseline**, here 0?
#
# By pencil, by nudging, and by **captum**, the library that people use:

# %% tags=["twin"]


def tiny(x):
    """Return max(0, 2 x1 - x2) + x3² / 2 for each row of (B, 3)."""
    return torch.relu(2 * x[:, 0] - x[:, 1]) + x[:, 2] ** 2 / 2


point = torch.tensor([[1.0, 0.5, 2.0]], dtype=torch.float64)
each = torch.eye(3, dtype=torch.float64)
nudged = (tiny(point + 1e-6 * each) - tiny(point)) / 1e-6
taken_away = tiny(point) - tiny(point * (1 - each))
slopes = attr.Saliency(tiny).attribute(point.clone().requires_grad_(), abs=False)[0]
ablated = attr.FeatureAblation(tiny).attribute(point)[0]
np.testing.assert_allclose(nudged, [2, -1, 2], atol=1e-5)
np.testing.assert_allclose(slopes, [2, -1, 2])
np.testing.assert_allclose(taken_away, [1.5, -0.5, 2])
np.testing.assert_allclose(ablated, taken_away)
print("gradient: ", slopes.tolist(), "  occlusion:", ablated.tolist())

# %% [markdown]
# They agree on signs and not on sizes: "a little more of it" and "none of it" are two questions. And
# neither adds up to 3.5. Keep that for section 4.
#
# ### A digit, a decoy, and noise
#
# Now a network, on pictures in which we know what there is to see: each **scene** has 24 × 24 pixels of
# noise, somewhere a handwritten digit from 0 to 4, and somewhere else a **decoy**, a digit from 5 to 9. The
# network is asked for the first; the decoy is just as bright and just as much a digit, and says nothing.
# The **box** around the first digit is the truth.

# %%
digits = cl.load("digits")
SIDE, SIZE = 24, 8  # pixels: of a scene, of a digit
GREY = 0.25  # the mean of the noise: what a covered pixel is set to


def hide(pictures, decoys, random):
    """Hide digits (B, 8, 8) in noise, each beside a decoy: return scenes (B, 24, 24) and boxes (B, 4)."""
    scenes = random.uniform(0, 2 * GREY, size=(len(pictures), SIDE, SIDE))
    boxes = np.full((len(pictures), 4), SIZE)  # top, left, height, width
    for scene, digit, box in zip(scenes, pictures, boxes, strict=True):
        digit_at = decoy_at = box[:2] = random.integers(0, SIDE - SIZE + 1, 2)
        while abs(decoy_at - digit_at).max() < SIZE:  # they must not overlap
            decoy_at = random.integers(0, SIDE - SIZE + 1, 2)
        decoy = decoys[random.integers(len(decoys))]
        for (top, left), ink in ((digit_at, digit), (decoy_at, decoy)):
            scene[top : top + SIZE, left : left + SIZE] += ink
    return scenes.astype(np.float32), boxes


def scenes_of(part, copies, random):
    """Return scenes (B, 1, 24, 24), labels (B,) and boxes (B, 4), each digit in so many scenes."""
    pictures, labels = digits.split(part)
    asked = labels < 5
    scenes, boxes = hide(np.tile(pictures[asked], (copies, 1, 1)), pictures[~asked], random)
    return scenes[:, None], np.tile(labels[asked], copies), boxes


# %%
random = np.random.default_rng(SEED)
scenes, labels, train_boxes = scenes_of("train", 4, random)
test_scenes, test_labels, test_boxes = scenes_of("test", 1, random)
fig, axes = plt.subplots(1, 5, figsize=(8, 1.9))
for ax, row in zip(axes, range(5), strict=True):
    ax.imshow(test_scenes[row, 0], cmap="gray")
    top, left = test_boxes[row, :2] - 0.5
    ax.add_patch(plt.Rectangle((left, top), SIZE, SIZE, fill=False, edgecolor=cl.plots.PALETTE[1]))
    ax.set_title(f"a {test_labels[row]}")
    ax.axis("off")
cl.show(
    fig,
    alt="Five noisy grey scenes, each with a digit from 0 to 4 in a drawn box and another digit elsewhere.",
)

# %% [markdown]
# The network: four convolutions, the largest value of each map, and a linear layer. (`features` and `head`
# are kept apart, because Grad-CAM wants to look in between.)


# %%
def stage(before, after, *last):
    """Return a convolution with its normalisation and ReLU, and what follows."""
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), *last)


class Reader(nn.Module):
    """Read the digit of a scene: (B, 1, 24, 24) to five scores (B, 5)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(  # to (B, 32, 12, 12)
            stage(1, 8, nn.MaxPool2d(2)), stage(8, 16), stage(16, 32), stage(32, 32)
        )
        self.head = nn.Linear(32, 5)

    def forward(self, scenes):
        return self.head(self.features(scenes).amax(dim=(2, 3)))


def one_cycle(largest):
    """Return a schedule that climbs to the largest learning rate and falls again, as in lesson 04."""
    return lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=largest, total_steps=steps
    )


def train(network, inputs, targets, epochs, largest=0.01, loss=cross_entropy):
    """Train a network, and return it ready to be asked."""
    how = {"batch_size": 32, "schedule": one_cycle(largest), "device": device, "progress": False}
    cl.fit(network, (inputs, targets), loss=loss, epochs=epochs, **how)
    return network.eval()


def answers(network, inputs):
    """Return the scores of a network as an array."""
    with torch.no_grad():
        return network(torch.as_tensor(inputs)).numpy()


# %%
reader = train(Reader(), scenes, labels, epochs=8)
read = answers(reader, test_scenes).argmax(axis=1)
low, high = cl.metrics.wilson_interval(int(np.sum(read == test_labels)), len(read))
print(f"read right: {np.mean(read == test_labels):.3f} of {len(read)} new scenes ({low:.3f} to {high:.3f})")

# %% [markdown]
# Good enough to be asked why. We explain the **score** of the right class (before the softmax), on scenes
# that were read rightly. The gradient and the occlusion of a scene, by hand: the first is one line of
# autograd, the second is a loop that moves a grey window of 4 × 4 pixels by two at a time, and gives each
# pixel the mean fall of the windows that covered it.

# %%
chosen = np.flatnonzero(read == test_labels)[:many]
x = torch.tensor(test_scenes[chosen])  # (B, 1, 24, 24)
y = torch.tensor(test_labels[chosen])  # (B,)
boxes = test_boxes[chosen]


def slopes_by_hand(network, x, y):
    """Return the absolute slope of the class's score at each pixel: (B, 24, 24)."""
    x = x.clone().requires_grad_()
    scores = network(x).gather(1, y[:, None]).sum()
    return torch.autograd.grad(scores, x)[0][:, 0].abs()


def falls_by_hand(network, scene, label, window=4, step=2):
    """Return the mean fall of the score under the windows that cover a pixel: (24, 24)."""
    total, times = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    for top, left in itertools.product(range(0, SIDE - window + 1, step), repeat=2):
        here = (slice(top, top + window), slice(left, left + window))
        covered = scene.clone()
        covered[0][here] = GREY
        with torch.no_grad():
            total[here] += (network(scene[None]) - network(covered[None]))[0, label]
        times[here] += 1
    return total / times


# %% tags=["twin"]
by_hand = {"gradient": slopes_by_hand(reader, x, y)}
by_hand["occlusion"] = torch.stack([falls_by_hand(reader, x[row], y[row]) for row in range(3)])
saliency = attr.Saliency(reader).attribute(x.clone().requires_grad_(), target=y)[:, 0]
windows = {"sliding_window_shapes": (1, 4, 4), "strides": (1, 2, 2), "baselines": GREY}
occlusion = attr.Occlusion(reader).attribute(x, target=y, perturbations_per_eval=11, **windows)[:, 0]
apart = {
    "gradient": (by_hand["gradient"] - saliency).abs().max().item(),
    "occlusion": (by_hand["occlusion"] - occlusion[:3]).abs().max().item(),
}
assert max(apart.values()) < 1e-4
print("by hand against captum:", {name: f"{gap:.0e}" for name, gap in apart.items()})

# %% [markdown]
# **Grad-CAM** (R. Selvaraju and others, 2017) looks between `features` and `head`: 32 channels of 12 × 12
# **activations** $A_c$. How much does a channel speak for the class? The *mean* of the score's gradient
# over its places, one number $w_c$. The map is $\max(0, \sum_c w_c A_c)$, drawn out to the size of the
# picture.

# %%
activations = reader.features(x)  # (B, 32, 12, 12)
scores = reader.head(activations.amax(dim=(2, 3))).gather(1, y[:, None]).sum()
gradients = torch.autograd.grad(scores, activations)[0]  # (B, 32, 12, 12)
activations = activations.detach()
print("activations", tuple(activations.shape), "gradients", tuple(gradients.shape))

# %% [markdown]
# ### Exercise 23.1 · complete · about 10 minutes · difficulty 2 of 5
#
# Write the map of one picture.
#
# - `activations`, `gradients`: tensors (C, h, w): the channels, and the slopes of the score in each of
#   their places
# - returns: a tensor (h, w), nothing below zero, not scaled
#
# Example: for `torch.ones(1, 2, 2)` and `3 * torch.ones(1, 2, 2)` it returns `[[3, 3], [3, 3]]`.


# %%
# EXERCISE 23.1
def grad_cam(activations, gradients):
    """Return the Grad-CAM map of one picture."""
    ### BEGIN SOLUTION
    weights = gradients.mean(dim=(1, 2))
    return (weights[:, None, None] * activations).sum(dim=0).relu()
    ### END SOLUTION


# %%
cl.check("23.1", grad_cam)

# %%
# cl.hint("23.1")

# %% [markdown]
# For all scenes at once, and captum's `LayerGradCam`:

# %% tags=["twin"]
cams = torch.einsum("bchw,bc->bhw", activations, gradients.mean((2, 3))).relu()
by_library = attr.LayerGradCam(reader, reader.features[-1])
by_library = by_library.attribute(x, target=y, relu_attributions=True)[:, 0].detach()
apart["Grad-CAM"] = (cams - by_library).abs().max().item()
assert apart["Grad-CAM"] < 1e-4
print(f"Grad-CAM by hand against captum: {apart['Grad-CAM']:.0e}")

# %% [markdown]
# ## 2 · Which map is good?
#
# Four more methods, called and not built (two of them you may build further down):
#
# - **integrated gradients**: the gradient, averaged on the straight way from a grey picture to the scene,
#   times the way. So it adds up, as the gradient does not;
# - **LIME**: cut the scene into 36 tiles, hide tiles at random, and fit a straight line to the scores, in
#   which maskings near the scene weigh more (with captum's default width, as here, hardly: so wide a
#   kernel weighs nearly all alike);
# - **SHAP** (here captum's `KernelShap`): the same tiles, with weights that aim at the fair shares of
#   section 4;
# - **RISE**: hide random soft patches; a pixel's value is the mean probability of the pictures that showed
#   it. captum has no RISE, so we write it.
#
# Integrated gradients on the toy of section 1, from 0 to the point, by the slopes at 100 steps between:

# %% tags=["twin"]
way = (torch.arange(100, dtype=torch.float64)[:, None] + 0.5) / 100 * point  # (100, 3), from 0 to the point
way.requires_grad_()
mean_slope = torch.autograd.grad(tiny(way).sum(), way)[0].mean(dim=0)
integrated = mean_slope * point[0]
np.testing.assert_allclose(integrated, [2, -0.5, 2])
np.testing.assert_allclose(attr.IntegratedGradients(tiny).attribute(point, baselines=0)[0], integrated)
print("mean slopes:", mean_slope.tolist(), "  times the way:", integrated.tolist())
print(
    "together:",
    integrated.sum().item(),
    "  f at the point minus f at 0:",
    (tiny(point) - tiny(0 * point)).item(),
)

# %% [markdown]
# ### Exercise 23.4 · complete · optional · about 6 minutes · difficulty 2 of 5
#
# (The two optional exercises stand here and are numbered last.)
#
# Write the second half of RISE: from masks and scores to a map.
#
# - `masks`: array (N, H, W), from 0 (hidden) to 1 (shown); `scores`: array (N,), the class's probability
#   under each mask
# - returns: array (H, W): for each pixel the mean score, where a mask counts by how much of the pixel it
#   shows
#
# Example: two masks of one pixel, 1 and 0.5, with the scores 0.9 and 0.3, give (1 × 0.9 + 0.5 × 0.3) / 1.5
# = 0.7.


# %%
# EXERCISE 23.4
def rise(masks, scores):
    """Return the RISE map of one picture."""
    ### BEGIN SOLUTION
    return np.tensordot(scores, masks, axes=1) / masks.sum(axis=0)
    ### END SOLUTION


# %%
cl.check("23.4", rise)

# %%
# cl.hint("23.4")

# %% [markdown]
# ### Exercise 23.5 · complete · optional · about 8 minutes · difficulty 3 of 5
#
# Write the second half of LIME: from masked pictures and their scores to one number per part.
#
# - `kept`: array (N, F), 1 where a part was shown and 0 where it was hidden; `scores`: array (N,)
# - `width`: a masked picture weighs exp(−(distance / width)²), where its distance is the *share* of parts
#   that are hidden
# - returns: array (F,), the coefficients of a weighted ridge regression with `alpha=1` and an intercept
#
# Example: where the scores are `2 * kept[:, 0]` and there are many pictures, it returns nearly 2 for part 0
# and nearly 0 for the others.


# %%
# EXERCISE 23.5
def lime(kept, scores, width):
    """Return the coefficients of a line that is fitted near the whole picture."""
    ### BEGIN SOLUTION
    distance = 1 - kept.mean(axis=1)
    return Ridge(alpha=1).fit(kept, scores, sample_weight=np.exp(-((distance / width) ** 2))).coef_
    ### END SOLUTION


# %%
cl.check("23.5", lime)

# %%
# cl.hint("23.5")

# %% [markdown]
# All maps of all scenes, and what they cost. Beside them stand three maps that **never saw the network**:
# noise, a spot in the middle, and the smoothed brightness of the scene.

# %%
from captum._utils.models.linear_model import SkLearnRidge

tile = torch.arange(36).reshape(6, 6).repeat_interleave(4, 0).repeat_interleave(4, 1)  # (24, 24)


def soft_masks(count):
    """Return random masks (N, 24, 24) in which three pixels in ten are shown, in soft patches."""
    coarse = (torch.rand(count, 1, 7, 7) < 0.3).float()
    fine = interpolate(coarse, size=(28, 28), mode="bilinear", align_corners=False)[:, 0]
    shifts = torch.randint(0, 5, (count, 2)).tolist()
    return torch.stack(
        [
            mask[down : down + SIDE, right : right + SIDE]
            for mask, (down, right) in zip(fine, shifts, strict=True)
        ]
    )


def by_tiles(method, row, samples=200, **settings):
    """Return captum's LIME or SHAP of one scene as a map (24, 24)."""
    settings |= {"feature_mask": tile[None, None], "baselines": GREY, "n_samples": samples}
    found = method.attribute(x[[row]], target=y[[row]], perturbations_per_eval=100, **settings)
    return found[0, 0].detach()


def mean_of_shown(row, count=300):
    """Return the mean probability of the class over random masks, by how much they show a pixel."""
    masks = soft_masks(count)  # (N, 24, 24)
    with torch.no_grad():
        seen = reader((masks * x[row] + (1 - masks) * GREY)[:, None]).softmax(1)[:, y[row]]
    return (seen[:, None, None] * masks).sum(0) / masks.sum(0)


# %%
rows = range(len(x))
larger = {"size": (SIDE, SIDE), "mode": "bilinear", "align_corners": False}
fitted_line = attr.Lime(reader, interpretable_model=SkLearnRidge(alpha=1.0))
kernel_shap = attr.KernelShap(reader)
path_from_grey = attr.IntegratedGradients(reader)
last_stage, grey_window = attr.LayerGradCam(reader, reader.features[-1]), attr.Occlusion(reader)
make = {
    "gradient": lambda: attr.Saliency(reader).attribute(x.clone().requires_grad_(), target=y)[:, 0],
    "integrated gradients": lambda: path_from_grey.attribute(x, baselines=GREY, target=y, n_steps=24)[:, 0],
    "Grad-CAM": lambda: interpolate(
        last_stage.attribute(x, target=y, relu_attributions=True).detach(), **larger
    )[:, 0],
    "occlusion": lambda: grey_window.attribute(x, target=y, perturbations_per_eval=11, **windows)[:, 0],
    "LIME": lambda: torch.stack([by_tiles(fitted_line, row) for row in rows]),
    "SHAP": lambda: torch.stack([by_tiles(kernel_shap, row) for row in rows]),
    "RISE": lambda: torch.stack([mean_of_shown(row) for row in rows]),
}
maps, seconds = {}, {}
for name, method in make.items():
    began = time.perf_counter()
    maps[name] = method().detach().float()
    seconds[name] = time.perf_counter() - began
middle = torch.arange(SIDE) - SIDE // 2
maps["brightness"] = torch.tensor(uniform_filter(x[:, 0].numpy(), size=(1, 5, 5)))
maps["centre"] = -(middle[:, None] ** 2 + middle**2).float().expand(len(x), SIDE, SIDE)
maps["random"] = torch.rand(len(x), SIDE, SIDE)
BLIND = ("brightness", "centre", "random")

# %%
names = [name for name in maps if name not in ("centre", "random")]
fig, axes = plt.subplots(3, len(names) + 1, figsize=(11, 4.4))
for line, row in zip(axes, range(3), strict=True):
    line[0].imshow(x[row, 0], cmap="gray")
    for ax, name in zip(line[1:], names, strict=True):
        one = maps[name][row]
        ax.imshow(one, cmap="cividis", vmin=one.quantile(0.05), vmax=one.max())
    for ax, title in zip(line, ["scene", *names], strict=True):
        top, left = boxes[row, :2] - 0.5
        ax.add_patch(plt.Rectangle((left, top), SIZE, SIZE, fill=False, edgecolor=cl.plots.PALETTE[1]))
        ax.axis("off")
        if row == 0:
            ax.set_title(title.replace("integrated ", "integrated\n"), fontsize=10)
cl.show(
    fig,
    alt="Three scenes and eight maps of each, and the digit's box: most are bright in the box, in finer "
    "or coarser patches; the brightness map is bright in the decoy as well.",
)

# %% [markdown]
# They look convincing, most of them, and so they do in papers. One of the slides that the course starts
# from shows "Grad-CAM heat maps for the correctly classified malignant cases by MelaNet and baseline
# methods" (F. Biscarini and N. Nazzicari, *Deep learning for biologists*): no box, and no blind map beside
# them. (Correctly classified are our scenes, too: we ask why an answer was given, not how often it is
# right.) Looking is no evidence; the brightness map looks good, too. So count.
#
# The **pointing game**: is the very highest pixel of the map in the box? (Where several are equally high,
# such as the 16 of a tile, we shall count the share of them that is.)

# %% [markdown]
# ### Exercise 23.2 · audit · about 8 minutes · difficulty 2 of 5
#
# Score maps against boxes, beside what two blind maps would get.
#
# - `maps`: array (B, H, W), the higher the more important; `boxes`: array (B, 4) of whole numbers, each row
#   top, left, height, width. A box begins at row `top` and ends before row `top + height`; columns alike
# - returns: a dictionary of three shares: `"pointing"`, pictures whose highest pixel lies in their box;
#   `"chance"`, what a random pixel gets on average; `"centre"`, what the pixel `(H // 2, W // 2)` gets
#
# Example: one map of 4 × 4 pixels, highest in its first pixel, and the box `[0, 0, 2, 2]` give pointing 1,
# chance 0.25 and centre 0.


# %%
# EXERCISE 23.2
def judge_maps(maps, boxes):
    """Return the share of maps that point into their box, and what chance and the centre get."""
    ### BEGIN SOLUTION
    height, width = maps.shape[1:]
    top, left, tall, wide = boxes.T
    rows, columns = np.divmod(maps.reshape(len(maps), -1).argmax(axis=1), width)

    def inside(row, column):
        return np.mean((top <= row) & (row < top + tall) & (left <= column) & (column < left + wide))

    return {
        "pointing": inside(rows, columns),
        "chance": np.mean(tall * wide) / (height * width),
        "centre": inside(height // 2, width // 2),
    }
    ### END SOLUTION


# %%
cl.check("23.2", judge_maps)

# %%
# cl.hint("23.2")

# %% [markdown]
# A map can point into the digit and still miss what the network uses. Two more scores ask the network
# itself (V. Petsiuk and others, 2018). **Deletion**: turn pixels grey in the map's order, the most
# important first; the sooner the probability falls, the better the map. **Insertion**: start from grey and
# bring the pixels back in that order; the sooner it rises, the better. Both are the mean probability on the
# way.


# %%
def top_is_inside(found, boxes=boxes):
    """Return for each map whether its highest pixel lies in the box, of equal ones the share: (B,)."""
    inside = torch.zeros(len(found), SIDE, SIDE, dtype=torch.float64)
    for here, (top, left, *_) in zip(inside, boxes, strict=True):
        here[top : top + SIZE, left : left + SIZE] = 1
    highest = found == found.amax(dim=(1, 2), keepdim=True)  # the 16 pixels of a tile are equal
    return ((highest * inside).sum(dim=(1, 2)) / highest.sum(dim=(1, 2))).numpy()


def on_the_way(found, insert, steps=24):
    """Return the class's probability while pixels leave (or enter) in the order of a map: (B, steps + 1)."""
    order = found.flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1).reshape(-1, 1, SIDE, SIDE)  # 0: the most important pixel
    first = rank < torch.linspace(0, SIDE * SIDE, steps + 1)[:, None, None]  # (B, steps + 1, 24, 24)
    pictures = torch.where(first == insert, x, torch.tensor(GREY))
    with torch.no_grad():
        seen = reader(pictures.reshape(-1, 1, SIDE, SIDE)).softmax(dim=1)
    return seen[torch.arange(len(seen)), y.repeat_interleave(steps + 1)].reshape(len(found), -1).numpy()


# %% [markdown]
# **Predict first:** the plain gradient is the cheapest of the seven, and knows no trick. In how many of 100
# scenes does its highest pixel lie in the digit?

# %%
MY_GRADIENT = None  # scenes of 100
hits = {name: top_is_inside(found) for name, found in maps.items()}
deletion = {name: on_the_way(found, insert=False) for name, found in maps.items()}
insertion = {name: on_the_way(found, insert=True) for name, found in maps.items()}
print(f"{len(x)} scenes          points into the digit   deletion  insertion   seconds")
for name in maps:
    low, high = cl.metrics.wilson_interval(round(hits[name].sum().item()), len(x))
    took = f"{seconds[name]:9.2f}" if name in seconds else "        –"
    print(
        f"{name:22} {hits[name].mean():.2f} ({low:.2f} to {high:.2f}) {deletion[name].mean():10.3f} "
        f"{insertion[name].mean():10.3f} {took}"
    )
cl.compare(MY_GRADIENT, 100 * hits["gradient"].mean(), unit="scenes")

# %%
fig, (ax, curves) = plt.subplots(1, 2, figsize=(10, 4.2))
for height, name in enumerate(reversed(maps)):
    low, high = cl.metrics.wilson_interval(round(hits[name].sum().item()), len(x))
    color = cl.plots.PALETTE[1] if name in BLIND else cl.plots.PALETTE[0]
    ax.plot([low, high], [height, height], color=color)
    ax.plot(hits[name].mean(), height, "s" if name in BLIND else "o", color=color)
ax.axvline(SIZE**2 / SIDE**2, color="0.4", linestyle="--", linewidth=1)
ax.set(yticks=range(len(maps)), yticklabels=list(reversed(maps)), xlim=(0, 1.02))
ax.set(xlabel="highest pixel in the digit (share of scenes)\ndashed: chance; squares: blind maps")
share_gone = np.linspace(0, 100, deletion["gradient"].shape[1])
styles = {"gradient": "-", "LIME": "--", "RISE": "-.", "brightness": ":"}
for number, (name, style) in enumerate(styles.items()):
    color = cl.plots.PALETTE[(0, 2, 4, 1)[number]]
    curves.plot(share_gone, insertion[name].mean(axis=0), style, color=color, label=name)
curves.set(xlabel="pixels brought back (%)", ylabel="probability of the class", ylim=(0, 1.02))
curves.legend(title="insertion", loc="lower right")
cl.show(
    fig,
    alt="Left, dot plot of the share of scenes in which a map points into the digit, by method; right, line "
    "plot of the probability while pixels are brought back, for the gradient, LIME, RISE and brightness.",
)

# %% [markdown]
# Three scores, three orders. By pointing, the two oldest, plain occlusion, and the gradient at a small part
# of the cost, are at or near the ceiling, and nobody can be clearly ahead of them: this game can tell worse
# from good, not better. LIME and SHAP tend to miss more often, in part because of their tiles, four pixels
# wide: the best tile may lie across the edge of the box. By insertion LIME and RISE are ahead of the
# gradient, and none is clearly ahead of occlusion, a short loop. By deletion LIME and RISE lead occlusion, a
# little. "Which is best" depends on the question, and whoever reports one score has chosen it.
#
# Now the orange rows. Brightness misses the digit in half of the scenes or more, since the decoy is as
# bright. But it passes deletion and insertion far better than chance and about as well as the gradient,
# *without having seen the network*: take away what is bright, and no digit is left to read.
#
# Methods are compared in pairs, on the same scenes. (The interval draws the scenes anew. It does not cover
# another network, and there is one only.)

# %%
NAMED = ("Grad-CAM", "LIME", "RISE")  # the three of the sentence on trial
area = {name: way.mean(axis=1) for name, way in insertion.items()}  # (B,) for each method
area_gone = {name: way.mean(axis=1) for name, way in deletion.items()}
for what, areas in {"insertion": area, "deletion": area_gone}.items():
    for old, name in itertools.product(("gradient", "occlusion"), NAMED):
        gain = areas[name] - areas[old]
        low, high = cl.metrics.bootstrap_interval(gain, np.mean, seed=SEED)
        print(f"{what:9}, {name:8} minus {old:9} {gain.mean():+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")

# %% [markdown]
# Try it on a scene: delete the best pixels of a map and watch the probability.


# %%
def draw_deleted(method="gradient", pixels=48):
    """Draw a scene without the best pixels of a map, and the probability of its class on the way."""
    order = maps[method][0].flatten().argsort(descending=True, stable=True)
    left = x[0, 0].flatten().clone()
    left[order[:pixels]] = GREY
    fig, (ax, curve) = plt.subplots(1, 2, figsize=(7.4, 3.2), width_ratios=(1, 1.5))
    ax.imshow(left.reshape(SIDE, SIDE), cmap="gray", vmin=0, vmax=1.5)
    ax.axis("off")
    way = deletion[method][0]
    curve.plot(np.linspace(0, SIDE * SIDE, len(way)), way, "-o", markersize=3, color=cl.plots.PALETTE[0])
    curve.axvline(pixels, color="0.4", linewidth=1)
    curve.set(xlabel="pixels turned grey", ylabel=f"probability of a {y[0]}", ylim=(0, 1.02))
    curve.set_title(f"{method}: {pixels} of {SIDE * SIDE} pixels gone", fontsize=12)
    return fig


cl.slider(
    draw_deleted,
    method=["gradient", "Grad-CAM", "LIME", "RISE", "brightness"],
    pixels=[0, 48, 96, 192, 384],
    alt=lambda method, pixels: (
        f"A scene with the {pixels} best pixels of the {method} map turned grey, and a line plot of the "
        "probability of its digit against the pixels that are gone."
    ),
)

# %% [markdown]
# ## 3 · Does the map depend on the network?
#
# J. Adebayo and others (2018) ask for a test that a map must pass: when the **weights** are replaced by
# random ones, it must change. We put new random weights into the network, layer by layer from the top down,
# and compare each map with that of the trained network: the rank correlation of the pixels, 1 for the same
# order, 0 for none. We do it twice: for the maps with their sign (for or against the class), and for their
# sizes, as maps are mostly drawn. **Predict first:** what is left of the gradient's size when all layers
# are random?


# %%
def ranks(found):
    """Return the rank of each pixel within its map: (B, H * W)."""
    return found.flatten(1).argsort(dim=1).argsort(dim=1).double()


def alike(first, second):
    """Return the mean rank correlation of two sets of maps."""
    pairs = zip(ranks(first), ranks(second), strict=True)
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))


def three_maps(network):
    """Return the gradient, Grad-CAM and integrated gradients of a network, each with its sign."""
    slope = attr.Saliency(network).attribute(x.clone().requires_grad_(), target=y, abs=False)
    cam = attr.LayerGradCam(network, network.features[-1]).attribute(x, target=y)
    path = attr.IntegratedGradients(network).attribute(x, baselines=GREY, target=y, n_steps=24)
    found = {"gradient": slope, "Grad-CAM": cam, "integrated gradients": path}
    return {name: one[:, 0].detach() for name, one in found.items()}


# %%
MY_RANDOM = None  # rank correlation, from -1 to 1
import copy

spoilt, of_trained = copy.deepcopy(reader), three_maps(reader)
layers = [spoilt.head, *reversed(spoilt.features)]
kinds_of_map = {"with sign": lambda found: found, "size": torch.abs}
sameness = {(name, kind): [1.0] for kind in kinds_of_map for name in of_trained}
sameness["brightness", "size"] = [alike(maps["brightness"], maps["brightness"])] * 6  # it asks no network
for layer in layers:
    for part in layer.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    for name, found in three_maps(spoilt).items():
        for kind, of in kinds_of_map.items():
            sameness[name, kind].append(alike(of(of_trained[name]), of(found)))
for (name, kind), line in sameness.items():
    print(f"{name + ', ' + kind:31}", "  ".join(f"{value:5.2f}" for value in line))
cl.compare(MY_RANDOM, sameness["gradient", "size"][-1])

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
style_of = dict(zip([*of_trained, "brightness"], ("-o", "--s", "-.^", ":D"), strict=True))
color_of = dict(zip(style_of, (0, 2, 4, 1), strict=True))
for (name, kind), line in sameness.items():
    color = cl.plots.PALETTE[color_of[name]]
    axes[int(kind == "with sign")].plot(line, style_of[name], color=color, label=name)
for ax, title in zip(axes, ("sizes only", "with their sign"), strict=True):
    ax.set(xticks=range(6), xticklabels=["none", "head", "+ conv 4", "+ 3", "+ 2", "all"], title=title)
    ax.set(xlabel="layers with random weights")
    ax.axhline(0, color="0.4", linewidth=1)
axes[0].set(ylabel="rank correlation\nwith the trained network's map")
fig.legend(*axes[0].get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)
cl.show(
    fig,
    alt="Two line plots of the rank correlation with the original map against the number of random layers, "
    "for the sizes of the maps and for the maps with their sign; the brightness map stays at 1.",
)

# %% [markdown]
# The brightness map stays at 1: it passed for an explanation and explains nothing. The *sizes* of the
# gradient and of integrated gradients keep a good part of their order with *no trained weight left*: the
# picture and the architecture shine through. (Integrated gradients are multiplied by the picture.) Grad-CAM
# loses most of its order both ways. But compare like with like: with their *signs* next to nothing is left
# of any of the three. The sign, which many a figure drops, is what depends on the training most.
#
# What would a good value be? Stay with the size of the gradient, and train once more on the right labels,
# from another start, just as long: its maps ought to agree. And train on **shuffled labels**, so that there
# is nothing to learn but 200 scenes by heart; for a fair comparison once more on the same 200 with their
# right labels. **Predict first:** how well do the gradient maps of the two networks with all right labels
# agree?

# %%
MY_AGREEMENT = None  # rank correlation, from -1 to 1
few = np.random.default_rng(SEED + 1).permutation(len(scenes))[:200]
shuffled = np.random.default_rng(SEED + 2).permutation(labels[few])
retrained = {
    "another start": train(Reader(), scenes, labels, epochs=8),
    "200 scenes, right labels": train(Reader(), scenes[few], labels[few], epochs=40),
    "200 scenes, shuffled": train(Reader(), scenes[few], shuffled, epochs=40),
}
by_heart = np.mean(answers(retrained["200 scenes, shuffled"], scenes[few]).argmax(axis=1) == shuffled)
print(f"shuffled labels: {by_heart:.2f} of the training scenes learned by heart")
agreement, points = {}, {}
for name, network in retrained.items():
    # Where they point is asked on all new scenes: those above were chosen as the first network reads them.
    found = slopes_by_hand(network, torch.tensor(test_scenes), torch.tensor(test_labels))
    agreement[name] = alike(maps["gradient"], found[chosen])
    points[name] = top_is_inside(found, test_boxes).mean()
    reads = np.mean(answers(network, test_scenes).argmax(axis=1) == test_labels)
    print(
        f"{name:24} reads {reads:.2f} of the new scenes; correlation {agreement[name]:.2f}, "
        f"points into the digit {points[name]:.2f}"
    )
agreement["random weights"] = sameness["gradient", "size"][-1]
print(f"{'random weights':24} correlation {agreement['random weights']:.2f}")
cl.compare(MY_AGREEMENT, agreement["another start"])

# %% [markdown]
# Two good networks do not agree on the order of the pixels nearly as well as one might hope. And the
# correlation for labels of no meaning looks like a good part of that, until the scale is known: it does not
# run from 0 to 1, it begins where random weights are and ends where another start is. Read the lines above
# on that scale, the shuffled one against the same 200 scenes with right labels. Where the *highest* pixel
# lies tells the two apart more plainly: with right labels it is in the digit far more often.

# %% [markdown]
# ## 4 · Fair shares
#
# Back to "how much is due to each". Two switches and a lamp: $f = 1 - \max(0, 1 - x_1 - x_2)$, at (1, 1).
# Either switch is enough. The gradient is 0 for both, occlusion is 0 for both, and yet the lamp is on.
# Somebody has to be paid.
#
# L. Shapley (1953) lets the players join **one after the other** and pays each what it adds, on average
# over all orders. Switch 1 first: it gets 1, the other 0; the other way round, 0 and 1. The mean is ½ each.
# In general, `value(coalition)` is the model's output when the features of the coalition are known, and the
# others stand at a baseline.

# %% [markdown]
# ### Exercise 23.3 · complete · about 15 minutes · difficulty 4 of 5
#
# Write the exact Shapley values of a game.
#
# - `value`: a function of a group of players, a tuple or set of numbers from 0 on, such as `value((0, 2))`;
#   `value(())` is the worth of nobody, and not always 0
# - `players`: how many there are, at most 6
# - returns: array (players,): the mean of what each adds when it joins, over all orders
#
# Example: for `value = lambda group: 6.0 * (0 in group and 1 in group) + 2.0 * (2 in group)` and 3 players
# it returns `[3, 3, 2]`.


# %%
# EXERCISE 23.3
def shapley(value, players):
    """Return the Shapley value of each player."""
    ### BEGIN SOLUTION
    total = np.zeros(players)
    for order in itertools.permutations(range(players)):
        there = ()
        for player in order:
            total[player] += value((*there, player)) - value(there)
            there = (*there, player)
    return total / math.factorial(players)
    ### END SOLUTION


# %%
cl.check("23.3", shapley)

# %%
# cl.hint("23.3")

# %% [markdown]
# Now on measurements: 442 people with diabetes, and how far the disease went in a year. We keep six of the
# ten columns: body mass index, blood pressure, and the blood values s1 (total cholesterol), s2 (the "bad"
# part of it, LDL), s3 (the "good" part, HDL) and s5. A small network and a linear regression:

# %%
SIX = ("bmi", "bp", "s1", "s2", "s3", "s5")
people = cl.load("diabetes")
columns = [people.input_names.index(name) for name in SIX]
(known_people, known_y), (new_people, new_y) = people.split("train"), people.split("test")
level, spread = known_people[:, columns].mean(axis=0), known_people[:, columns].std(axis=0)
known_six, new_six = ((part[:, columns] - level) / spread for part in (known_people, new_people))
y_level, y_spread = known_y.mean(), known_y.std()

torch.manual_seed(SEED)
progression = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
train(progression, known_six, ((known_y - y_level) / y_spread)[:, None], epochs=30, loss=mse_loss)
straight = LinearRegression().fit(known_six, known_y)
guess = answers(progression, new_six)[:, 0] * y_spread + y_level
for name, said in {"network": guess, "linear regression": straight.predict(new_six)}.items():
    print(f"{name:17} R² on {len(new_y)} new people {1 - np.mean((said - new_y) ** 2) / new_y.var():.2f}")

# %% [markdown]
# The network is no better than the regression here (lesson 03 knows why); we explain it all the same. Six
# features have 64 coalitions, so the exact values are one matrix: a coalition of size s weighs s! (n − s −
# 1)! / n! with a minus where the feature is missing, and (s − 1)! (n − s)! / n! where it is there. The
# baseline is the mean person. captum's `ShapleyValues` goes through all 720 orders:

# %% tags=["twin"]
coalitions = np.array(list(itertools.product([0, 1], repeat=6)))  # (64, 6)
size = coalitions.sum(axis=1)
orders = np.array([math.factorial(n) for n in range(7)])
with_it = orders[np.maximum(size - 1, 0)] * orders[6 - size]
without_it = orders[size] * orders[np.maximum(5 - size, 0)]
weigh = np.where(coalitions.T == 1, with_it, -without_it) / orders[6]  # (6, 64)

model = copy.deepcopy(progression).double()
persons = torch.tensor(new_six[:3], dtype=torch.float64)
with torch.no_grad():
    worth = model(torch.tensor(coalitions) * persons[:, None])[..., 0].numpy()  # (3, 64)
exact = worth @ weigh.T  # (3, 6)
by_captum = attr.ShapleyValues(model).attribute(persons, target=0, perturbations_per_eval=6).detach().numpy()
apart["Shapley"] = np.abs(exact - by_captum).max()
assert apart["Shapley"] < 1e-4
missing = np.abs(exact.sum(axis=1) - (worth[:, -1] - worth[:, 0])).max()
print(
    f"matrix against captum: {apart['Shapley']:.0e}; they add up to f(x) − f(mean person), to {missing:.0e}"
)

# %% [markdown]
# Adding up is called **efficiency**; the gradient and occlusion do not have it. With hundreds of features
# one samples orders, or fits a line as KernelSHAP does. How far are samples from the exact shares?

# %%
draw = {
    "sampled orders": lambda n: attr.ShapleyValueSampling(model).attribute(
        persons, target=0, n_samples=max(1, n // 6)
    ),
    "KernelSHAP": lambda n: torch.cat(
        [attr.KernelShap(model).attribute(one[None], target=0, n_samples=n) for one in persons]
    ),
}
for name, sample in draw.items():
    for questions in (12, 60, 300):
        error = np.abs(sample(questions).detach().numpy() - exact).mean()
        print(f"{name:14} {questions:4} questions to the model: mean error {error:.3f}")
print(f"mean size of a share: {np.abs(exact).mean():.3f}; exact: {len(coalitions)} questions")

# %% [markdown]
# Samples come near with a dozen questions; but here 64 give the exact answer, and 300 samples
# still do not. That turns round where there are many features: 30 have a thousand million coalitions.
#
# The shares of one person:

# %%
fig, ax = plt.subplots(figsize=(7, 3.6))
shares = exact[0] * y_spread
ax.barh(range(6), shares[::-1], color=[cl.plots.PALETTE[0 if share > 0 else 1] for share in shares[::-1]])
ax.axvline(0, color="0.3", linewidth=1)
said, zero = worth[0, -1] * y_spread + y_level, worth[0, 0] * y_spread + y_level
whose = [f"{name} ({value:+.1f} sd)".replace("-", "−") for name, value in zip(SIX, new_six[0], strict=True)]
ax.set(yticks=range(6), yticklabels=whose[::-1])
ax.set(xlabel="Shapley value (units of the disease score)")
ax.set_title(f"one person: {said:.0f} in place of {zero:.0f}", fontsize=12)
cl.show(
    fig,
    alt="Bar chart of the Shapley values of six features for one person: they add up from the prediction for "
    f"the mean person, {zero:.0f}, to that for this one, {said:.0f}.",
)

# %% [markdown]
# A share is one number per person. The **partial dependence** shows the whole curve: move one feature for
# everybody, leave the others alone, and average the predictions. The thin lines are single persons
# (**individual conditional expectation**, ICE). Move through the features: which of these people can exist?


# %%
def draw_dependence(feature="bmi"):
    """Draw the predictions of 40 persons while one feature is moved, and their mean."""
    number = SIX.index(feature)
    grid = np.linspace(*np.quantile(known_six[:, number], [0.02, 0.98]), 25)
    moved = np.repeat(new_six[:40, None], len(grid), axis=1)  # (40, 25, 6)
    moved[..., number] = grid
    said = answers(progression, moved.astype(np.float32))[..., 0] * y_spread + y_level
    ax = plt.subplots()[1]
    ax.plot(grid * spread[number] + level[number], said.T, color="0.75", linewidth=0.8)
    ax.plot(grid * spread[number] + level[number], said.mean(axis=0), color=cl.plots.PALETTE[0], linewidth=3)
    unit = people.units[feature]
    ax.set(xlabel=f"{feature} ({unit})", ylabel="predicted disease score", ylim=(20, 320))
    return ax


cl.slider(
    draw_dependence,
    feature=list(SIX),
    alt=lambda feature: (
        f"Line plot of the predicted disease score of 40 persons while {feature} is moved, with their mean."
    ),
)

# %% [markdown]
# For s1 and s2 hardly anybody on these lines can exist: s2 is a *part* of s1, and the two are measured to
# move together.

# %%
pair = [SIX.index("s1"), SIX.index("s2")]
together = np.corrcoef(known_six[:, pair].T)[0, 1]
draw_people = np.random.default_rng(SEED)
weights, fits = [], []
for _ in range(200):
    again = draw_people.integers(0, len(known_six), len(known_six))
    refitted = LinearRegression().fit(known_six[again], known_y[again])
    weights.append(refitted.coef_)
    fits.append(refitted.score(new_six, new_y))
weights = np.array(weights)  # (200, 6): a person one sd above the mean gets this share
sd = {name: weights[:, number].std(ddof=1) for number, name in enumerate(SIX)}
sd["s1 + s2"] = weights[:, pair].sum(axis=1).std(ddof=1)
print(f"correlation of s1 and s2: {together:.2f}")
moves_with = np.corrcoef(weights.T)[pair[0]]
print(
    "the share of s1 moves with that of",
    {n: round(float(c), 2) for n, c in zip(SIX, moves_with, strict=True)},
)
print(f"R² of the 200 regressions on new people: {np.mean(fits):.2f} ± {np.std(fits, ddof=1):.2f} (sd)")
print("sd of the share over 200 draws of the people:", {k: round(float(v), 1) for k, v in sd.items()})

# %%
fig, ax = plt.subplots(figsize=(5, 4.4))
ax.plot(*weights[:, pair].T, ".", color=cl.plots.PALETTE[0])
ax.axhline(0, color="0.4", linewidth=1)
ax.axvline(0, color="0.4", linewidth=1)
ax.set(xlabel="share of s1 (one sd above the mean)", ylabel="share of s2 (one sd above the mean)")
cl.show(
    fig,
    alt="Scatter plot of the shares of s1 and s2 in 200 regressions on redrawn people: the dots lie along a "
    "falling line, so that the more one gets the less the other does.",
)

# %% [markdown]
# In a linear model the Shapley value is the weight times the distance from the mean, so these are exact
# shares. Each regression predicts about as well, and each tells another story about s1 and s2: what one
# gets, the other loses. The sum of the two is told far better than either. (The knot has more strands: the
# total cholesterol s1 is made up of s2, s3 and a part of the fats that s5 stands for, and these give and
# take with it, too.)
#
# The **permutation importance** of lesson 09 does not escape. There a copied column made *both* look
# useless. Here, what happens when s1 is permuted alone, s2 alone, and both by the same order?

# %%
shuffle = np.random.default_rng(SEED)


def fall_when_permuted(numbers, repeats=50):
    """Return how far R² on new people falls when some columns are permuted together."""
    falls = []
    for _ in range(repeats):
        other = new_six.copy()
        other[:, numbers] = new_six[shuffle.permutation(len(new_six))][:, numbers]
        falls.append(straight.score(new_six, new_y) - straight.score(other, new_y))
    return np.mean(falls)


needed = {"s1": fall_when_permuted(pair[:1]), "s2": fall_when_permuted(pair[1:])}
needed["s1 and s2"] = fall_when_permuted(pair)
print("R² on new people falls by", {name: round(float(fall), 3) for name, fall in needed.items()})

# %% [markdown]
# One by one they look needed, together hardly at all. A person with the s1 of one and the s2 of another
# hardly exists, and the regression, whose two weights hold each other in check, answers wildly. Here
# permuting overstates, with the copies of lesson 09 it understated. For columns that go together, ask about
# them together.

# %% [markdown]
# ## 5 · A shortcut with a place, and one without
#
# In lesson 05 a network read the *letters* that three hospitals print on their chest films. There the films
# of a hospital nearly all show the same finding: the healthy come from one, those with a focus from the
# second, the diffuse from the third. In other hospitals any finding may bear any letter, and the network
# failed. Would a map have told us? Three networks, one architecture, the same films,
# and three habits of the hospitals:
#
# - **letter**: the films as they are, the hospital's letter in the upper left corner;
# - **raster**: no letter (the corner is replaced by the mirror image of the upper right one), but each
#   hospital's scanner leaves faint upright lines on the whole film, in the first hospital none, in the
#   third the most;
# - **none**: no letter, no raster.

# %%
films = cl.simulators.chest_films(SEED)
marker = films.truth["marker"]  # (B,) 0 to 2: which hospital
RASTER = 0.03  # brightness of a line of the raster; the noise of a pixel has an sd of 0.07
lines = np.where(np.arange(32) % 2, 1, -1).astype(np.float32)


def with_habit(habit):
    """Return all films (B, 32, 32) with a habit of the hospitals."""
    pictures = films.inputs.copy()
    if habit != "letter":
        pictures[:, :8, :8] = pictures[:, :8, :-9:-1]
    if habit == "raster":
        pictures += RASTER * marker[:, None, None] * lines
    return pictures


def new_film_network():
    """Return an untrained network: films (B, 1, 32, 32) become three scores."""
    layers = []
    for before, after in ((1, 8), (8, 16), (16, 32)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 16, 3))


# %%
HABITS = ("letter", "raster", "none")
film_rows = {part: films.splits["internal"][part] for part in ("train", "test")}
film_rows["external"] = films.splits["external"]["test"]
film_networks, film_accuracy = {}, {}
for part, where in {"test": "in the same hospitals", "external": "in others"}.items():
    fits = np.mean(marker[film_rows[part]] == films.targets[film_rows[part]])
    print(f"the letter goes with the finding in {fits:.2f} of the films {where}")
for habit in HABITS:
    pictures = with_habit(habit)[:, None]
    learn = film_rows["train"]
    torch.manual_seed(SEED)
    film_networks[habit] = train(new_film_network(), pictures[learn], films.targets[learn], epochs=8)
    for part in ("test", "external"):
        here = film_rows[part]
        said = answers(film_networks[habit], pictures[here]).argmax(axis=1)
        film_accuracy[habit, part] = np.mean(said == films.targets[here])
    print(
        f"habit {habit:7} accuracy {film_accuracy[habit, 'test']:.3f} in the same hospitals, "
        f"{film_accuracy[habit, 'external']:.3f} in others"
    )

# %% [markdown]
# Two of the three have learned a shortcut. The maps: cover one of 16 **tiles** at a time with the mean
# training film (captum's `Occlusion`), for 150 internal test films, and see how far the score of the class
# moves. A tile's share of the movement would be 1/16 if all mattered alike.

# %%
tile_share = {}
for habit in HABITS:
    pictures = with_habit(habit)
    usual_film = torch.tensor(pictures[film_rows["train"]].mean(axis=0))[None, None]
    some = film_rows["test"][:150]
    moved = attr.Occlusion(film_networks[habit]).attribute(
        torch.tensor(pictures[some])[:, None],
        sliding_window_shapes=(1, 8, 8),
        strides=(1, 8, 8),
        baselines=usual_film,
        target=torch.tensor(films.targets[some]),
    )
    size = moved[:, 0, ::8, ::8].abs().mean(dim=0)  # (4, 4)
    tile_share[habit] = (size / size.sum()).numpy()
    print(f"{habit:7} corner {tile_share[habit][0, 0]:.2f}, largest tile {tile_share[habit].max():.2f}")

# %% [markdown]
# And a finer map, which keeps its sign: the gradient of one score less another, "diffuse" less "healthy",
# averaged over the same films. How much of a map is the pattern of the raster, light and dark by turns? As
# a share of its variance:

# %%
slope, striped = {}, {}
for habit in HABITS:
    seen = torch.tensor(with_habit(habit)[some])[:, None].requires_grad_()
    scores = film_networks[habit](seen)
    each = torch.autograd.grad((scores[:, 2] - scores[:, 0]).sum(), seen)[0][:, 0]  # (150, 32, 32)
    slope[habit] = each.mean(dim=0).numpy()
    for kind, found in {"with sign": slope[habit], "size": each.abs().mean(dim=0).numpy()}.items():
        striped[habit, kind] = np.mean((found - found.mean()) * lines) ** 2 / found.var()
    print(
        f"{habit:7} the raster's pattern is {striped[habit, 'with sign']:.3f} of the gradient with its sign, "
        f"{striped[habit, 'size']:.3f} of its size"
    )

# %%
fig, axes = plt.subplots(3, 3, figsize=(9, 8.4), layout="constrained")
largest = max(share.max() for share in tile_share.values())
shown = next(row for row in film_rows["test"] if marker[row] == 2)  # of the hospital with the most raster
for (bare, tiles, fine), habit in zip(axes.T, HABITS, strict=True):
    bare.imshow(with_habit(habit)[shown], cmap="gray")
    bare.set_title(f"habit: {habit}")
    of_tiles = tiles.imshow(tile_share[habit], cmap="viridis", vmin=0, vmax=largest)
    limit = np.quantile(np.abs(slope[habit]), 0.99)
    of_slopes = fine.imshow(slope[habit] / limit, cmap="RdBu_r", vmin=-1, vmax=1)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
fig.colorbar(of_tiles, ax=axes[1], label="share of the tile", shrink=0.8)
fig.colorbar(of_slopes, ax=axes[2], label="gradient, with sign (of its\n99 % quantile)", shrink=0.8)
cl.show(
    fig,
    alt="Nine panels, by habit: a chest film; a map of 4 × 4 tiles, where the letter's corner stands out; "
    "and the mean gradient with its sign, where letter, lungs and the stripes of the raster show.",
)

# %% [markdown]
# The letter stands out among the tiles: whoever looks will ask what is in the corner. The raster's network
# is lost in other hospitals, too, and has no such tile: each covers whole waves, and drops the sign. The
# same network's gradient *with* its sign shows stripes from edge to edge, and without it next to none. So
# which map was drawn, and whether its sign was kept, decides what can be seen. (We averaged over films, and
# knew where to look.) What the stripes do to the answer is told by a question that names them: lay each
# hospital's raster in turn over the same test films. How often is the answer the finding that goes with the
# raster?

# %%
followed = {}
for habit in HABITS:
    pictures = with_habit("none" if habit == "raster" else habit)[film_rows["test"]][:, None]
    laid_over = [pictures + hospital * RASTER * lines for hospital in range(3)]
    said = [answers(film_networks[habit], changed).argmax(axis=1) for changed in laid_over]
    followed[habit] = np.mean([said[hospital] == hospital for hospital in range(3)])
    print(f"habit {habit:7} the answer goes with the raster in {followed[habit]:.2f} of the films")
print("a network that takes no notice: 0.33")

# %% [markdown]
# ## 6 · Sequences: known sites, and a cause
#
# ### A motif
#
# In a set of DNA sequences a protein binds where CGACCGAACTCC stands. (The set is simulated, by the authors
# of a primer on genomics; where it cannot be had, our own simulator plants the same motif.) A convolution
# with windows of 12 learns to tell the sequences apart.


# %%
def first_to_be_had(name, stand_in):
    """Return a dataset and what to call it: the real one, or the simulator that takes its place."""
    try:
        if name:
            return cl.load(name), f"`{name}`"
    except cl.CourseError as absent:
        print(absent)
    return getattr(cl.simulators, stand_in)(SEED), f"SIMULATED by `{stand_in}`"


dna, dna_source = first_to_be_had(MOTIFS, MOTIFS_STAND_IN)
MOTIF = "CGACCGAACTCC"
(known_dna, binds), (new_dna, new_binds) = dna.split("train"), dna.split("test")
texts = ["".join("ACGT"[code] for code in row) for row in new_dna]
starts = np.array([text.find(MOTIF) for text in texts])
print(f"\nThis run is about {dna_source}: {len(known_dna)} sequences to learn from, {len(new_dna)} new ones")
print(texts[int(np.argmax(new_binds))])


# %%
class MotifFinder(nn.Module):
    """Slide 16 windows of 12 over one-hot DNA (B, 4, 50), take the largest value of each: two scores."""

    def __init__(self):
        super().__init__()
        self.windows, self.head = nn.Conv1d(4, 16, 12), nn.Linear(16, 2)

    def forward(self, one_hot):
        return self.head(self.windows(one_hot).relu().amax(dim=2))


def letters_first(codes, letters):
    """Return codes (B, T) as one-hot columns (B, letters, T)."""
    return np.eye(letters, dtype=np.float32)[codes].transpose(0, 2, 1)


finder = train(MotifFinder(), letters_first(known_dna, 4), binds, epochs=15)
said = answers(finder, letters_first(new_dna, 4)).argmax(axis=1)
print(f"network: {np.mean(said == new_binds):.3f} of the new sequences right")
pieces = Counter(
    "".join("ACGT"[code] for code in row[place : place + 12])
    for row in known_dna[binds == 1]
    for place in range(39)
)
print("no network, just counting the pieces of 12 letters:", pieces.most_common(2))

# %% [markdown]
# Counting, told only the length, as the network was, found the motif at once, and the network is not
# needed. But we can ask whether an attribution finds it *in the network*. Three of them, letter by letter:
# the gradient at the letter that is there; integrated gradients from a sequence that is a quarter of each
# letter; and **mutation**, the mean fall of the score over the three other letters. The window of 12
# letters with the largest sum: is it the motif, exactly? A guess is right once in 39.

# %%
motif_rows = np.flatnonzero((new_binds == 1) & (said == 1))[:60]
one_hot = torch.tensor(letters_first(new_dna[motif_rows], 4))  # (B, 4, 50)


def mutated(network, one_hot):
    """Return the mean fall of the score when a letter is replaced by each of the others: (B, 50)."""
    falls = torch.zeros(len(one_hot), one_hot.shape[2])
    with torch.no_grad():
        before = network(one_hot)[:, 1]
        for place, letter in itertools.product(range(one_hot.shape[2]), range(4)):
            other = one_hot.clone()
            other[:, :, place] = torch.eye(4)[letter]
            falls[:, place] += (before - network(other)[:, 1]) / 3  # itself counts 0
    return falls


letterwise = {
    "gradient": (
        attr.Saliency(finder).attribute(one_hot.clone().requires_grad_(), target=1, abs=False) * one_hot
    ).sum(dim=1),
    "integrated gradients": attr.IntegratedGradients(finder)
    .attribute(one_hot, baselines=0.25, target=1)
    .sum(dim=1),
    "mutation": mutated(finder, one_hot),
}
motif_found = {}
for name, found in letterwise.items():
    sums = found.detach().unfold(1, 12, 1).sum(dim=2)  # (B, 39): windows of 12
    motif_found[name] = np.mean(sums.argmax(dim=1).numpy() == starts[motif_rows])
    print(f"{name:21} the motif, exactly, in {motif_found[name]:.2f} of {len(motif_rows)} sequences")
print(f"chance {1 / 39:.2f}")

# %% [markdown]
# All three find it. This is the easiest case there is: one place matters, nothing goes along with it, and
# the network is right for the right reason. One sequence, letter by letter:

# %%
fig, axes = plt.subplots(3, 1, figsize=(9, 5), sharex=True)
begin, row = starts[motif_rows[0]], 0
for number, (ax, (name, found)) in enumerate(zip(axes, letterwise.items(), strict=True)):
    ax.axvspan(begin - 0.5, begin + 11.5, color="0.9")
    ax.bar(range(50), found[row].detach(), color=cl.plots.PALETTE[(0, 2, 4)[number]])
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.set_title(name, fontsize=11, loc="left")
axes[2].set(xticks=range(50), xticklabels=list(texts[motif_rows[row]]), xlabel="sequence (shaded: the motif)")
axes[2].tick_params(axis="x", labelsize=8)
axes[1].set(ylabel="attribution (score)", xlim=(-0.8, 49.8))
cl.show(
    fig,
    alt="Three bar charts of the attribution of each letter of a DNA sequence: within the twelve letters of "
    "the motif the bars are highest.",
)

# %% [markdown]
# ### Resistance
#
# Now real letters, where they can be had: the protease of HIV, and whether the drug still works (lesson
# 09). A convolution like that of lesson 09 learns from three quarters of the isolates. Identical sequences
# (of the simulated isolates: a patient's) stay on one side.

# %%
isolates, source = first_to_be_had(DRUG, STAND_IN)
real = isolates.truth is None
print(f"\nThis run is about {'REAL isolates, ' if real else ''}{source}: {isolates.inputs.shape}")
KNOWN_SITES = [23, 24, 30, 32, 33, 46, 47, 48, 50, 53, 54, 73, 76, 82, 84, 88, 90]  # Shafer and Schapiro 2008
known_sites = np.array(KNOWN_SITES) - 1 if real else np.flatnonzero(isolates.truth["effects"])
sequences, resistant = isolates.inputs.astype(np.int64), isolates.targets
places, kinds = sequences.shape[1], int(sequences.max()) + 1
relatives = (
    np.unique(sequences, axis=0, return_inverse=True)[1].ravel() if real else isolates.truth["patient"]
)
learn, held = next(GroupShuffleSplit(1, test_size=0.25, random_state=SEED).split(sequences, groups=relatives))
usual = np.array([np.bincount(column).argmax() for column in sequences[learn].T])  # the usual letters


def new_site_network():
    """Return an untrained network: one-hot isolates (B, letters, places) become two scores."""
    return nn.Sequential(
        *[nn.Conv1d(kinds, 16, 1), nn.Conv1d(16, 32, 9, padding=4), nn.ReLU(), nn.MaxPool1d(3)],
        *[nn.Flatten(), nn.Linear(32 * (places // 3), 2)],
    )


resistance = train(
    new_site_network(), letters_first(sequences[learn], kinds), resistant[learn], epochs=8, largest=0.003
)
held_said = answers(resistance, letters_first(sequences[held], kinds))
held_right = np.mean(held_said.argmax(axis=1) == resistant[held])
print(f"network: {held_right:.3f} of {len(held)} new isolates right")

# %% [markdown]
# Which places does it use? Four answers, each a number per place, on new isolates:
#
# - **integrated gradients** from the usual sequence, mean size;
# - **back to usual**: give a place its usual letter and see how far the score moves (occlusion, with a
#   baseline that a virologist would choose);
# - **permutation**: hand the letters of a place round, and see how far the loss rises (lesson 09, exercise
#   3);
# - and one that asks *no network*: the **correlation** of "not the usual letter" with resistance, in the
#   training isolates.
#
# The list of known sites is the judge: of the ten highest places, how many are on it? (For the real
# isolates it is of all protease inhibitors, not of our drug alone (NFV is nelfinavir): a site that matters
# for others only counts against all four.)

# %%
some = held[:150]
site_inputs = torch.tensor(letters_first(sequences[some], kinds))
usual_input = torch.tensor(letters_first(usual[None], kinds))


def score_of(inputs):
    """Return the score of "resistant" minus that of "susceptible"."""
    with torch.no_grad():
        both = resistance(inputs)
    return both[:, 1] - both[:, 0]


def loss_of(inputs):
    """Return the cross-entropy of the network on the isolates asked."""
    with torch.no_grad():
        return cross_entropy(resistance(inputs), torch.tensor(resistant[some])).item()


by_path = attr.IntegratedGradients(lambda inputs: resistance(inputs) @ torch.tensor([-1.0, 1.0])).attribute(
    site_inputs, baselines=usual_input, n_steps=24
)
site_values = {"integrated gradients": by_path.sum(dim=1).abs().mean(dim=0).detach().numpy()}
back, permuted = np.zeros(places), np.zeros(places)
score_now, loss_now = score_of(site_inputs), loss_of(site_inputs)
hand_round = torch.Generator().manual_seed(SEED)
for place in range(places):
    other = site_inputs.clone()
    other[:, :, place] = usual_input[:, :, place]
    back[place] = (score_now - score_of(other)).abs().mean().item()
    for _ in range(3):
        other[:, :, place] = site_inputs[torch.randperm(len(some), generator=hand_round), :, place]
        permuted[place] += (loss_of(other) - loss_now) / 3
site_values |= {"back to usual": back, "permutation": permuted}
differs = sequences[learn] != usual
site_values["correlation, no network"] = np.array(
    [abs(np.corrcoef(column, resistant[learn])[0, 1]) if column.any() else 0.0 for column in differs.T]
)

# %%
on_list = {}
by_chance = 10 * len(known_sites) / places
print(f"of the ten highest places, on the list (* known; chance {by_chance:.1f}):")
for name, values in site_values.items():
    ten = np.argsort(-values)[:10]
    on_list[name] = len(set(ten) & set(known_sites))
    print(f"{name:24} {on_list[name]:2}  ", " ".join(f"{p + 1}{'*' * (p in known_sites)}" for p in ten))

# %% [markdown]
# Most of the first ten are on the list, several times as many as by chance: the network uses sites that
# resist. The first two rows agree nearly or wholly, and rightly: with one baseline, and a network that is
# nearly additive in the places, they ask nearly the same. But the plain correlation, which takes a second
# and no network, is about as good. And among the
# first places of both stand some that are *not* on the list. On the real isolates these are 10, 71 and 63,
# which Shafer and Schapiro name among the accessory mutations (lesson 09): they accompany resistance. Does
# the virus need them, or does only the model?

# %%
fig, axes = plt.subplots(2, 1, figsize=(9, 4.6), sharex=True)
for ax, name in zip(axes, ("integrated gradients", "correlation, no network"), strict=True):
    is_known = np.isin(np.arange(places), known_sites)
    values = site_values[name] / site_values[name].max()
    place = np.arange(1, places + 1)
    ax.bar(place[~is_known], values[~is_known], color="0.65", label="not on the list")
    ax.bar(place[is_known], values[is_known], color=cl.plots.PALETTE[1], hatch="//", label="known site")
    ax.set_title(name, loc="left", fontsize=11)
axes[0].legend(loc="upper left", ncols=2, fontsize=10)
axes[0].set(ylim=(0, 1.35))
axes[1].set(xlabel="position in the protease", ylim=(0, 1.1))
fig.supylabel("value (largest = 1)", fontsize=11)
cl.show(
    fig,
    alt="Two bar charts by position of the protease, integrated gradients above and plain correlation below, "
    "with known sites hatched: both are highest at known sites.",
)

# %% [markdown]
# ## Where it fails
#
# Attribution found the sites that resist. Does it find *causes*? In the simulator we know them: eight sites
# resist; sites 10 and 71 are **hitch-hikers**, which mutate in treated patients and do nothing. Suppose
# that nobody had sequenced the eight. The model is a logistic regression on the other 91 places, whose
# Shapley values are exact: weight times distance from the mean. **Predict first:** what rank among the 91
# will the better hitch-hiker have?

# %%
MY_RANK = None  # 1 is the highest
simulated = getattr(cl.simulators, STAND_IN)(SEED, patients=2000)  # many, so that chance says little
sites = np.flatnonzero(simulated.truth["effects"])
followers = np.array([10, 71]) - 1
mutated_at = (simulated.inputs != simulated.truth["wild_type"]).astype(float)  # (B, 99)
cut = GroupShuffleSplit(1, test_size=0.3, random_state=SEED)
fit, test = next(cut.split(mutated_at, groups=simulated.truth["patient"]))


def mean_share(kept):
    """Return the mean size of each place's exact share, and the AUC, of a model of some places."""
    columns = mutated_at[:, kept]
    linear = LogisticRegression(C=0.3, max_iter=2000).fit(columns[fit], simulated.targets[fit])
    shares = np.zeros(mutated_at.shape[1])
    shares[kept] = np.abs(linear.coef_[0] * (columns[test] - columns[fit].mean(axis=0))).mean(axis=0)
    return shares, roc_auc_score(simulated.targets[test], linear.decision_function(columns[test]))


everything = np.arange(mutated_at.shape[1])
share_of, auc = {}, {}
for name, kept in {"all 99 places": everything, "without the eight": np.setdiff1d(everything, sites)}.items():
    share_of[name], auc[name] = mean_share(kept)
    rank = [int((share_of[name] > share_of[name][one]).sum()) + 1 for one in followers]
    print(f"{name:18} AUC {auc[name]:.2f}; rank of site 10: {rank[0]}, of site 71: {rank[1]}")
print("what a mutation there adds to the resistance:", simulated.truth["effects"][followers].tolist())
cl.compare(MY_RANK, min(rank))

# %%
fig, ax = plt.subplots(figsize=(8, 3.6))
for offset, (name, color, hatch) in zip(
    (-0.2, 0.2),
    (("all 99 places", cl.plots.PALETTE[0], ""), ("without the eight", cl.plots.PALETTE[1], "//")),
    strict=True,
):
    drawn = np.r_[sites, followers]
    ax.bar(np.arange(10) + offset, share_of[name][drawn], 0.4, color=color, hatch=hatch, label=name)
ax.set(xticks=range(10), xticklabels=[*(sites + 1), "10", "71"])
ax.axvline(7.5, color="0.4", linewidth=1)
ax.set(xlabel="site: eight that resist, then the two hitch-hikers", ylabel="mean share (log odds)")
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
cl.show(
    fig,
    alt="Bar chart of the mean share of eight resisting sites and two hitch-hikers, in a model of all places "
    "and in one without the eight: there the hitch-hikers' shares grow.",
)

# %% [markdown]
# The shares are exact, the model does use sites 10 and 71, and it predicts better than chance. A mutation
# there changes nothing about the drug. What lies behind it, the treatment and the eight sites, is not among
# the columns, and **no attribution can name what is not there**. It explains the model. The sure way to
# learn about the world is to intervene: mutate the site, and measure.
#
# So, are they "good methods" for seeing what a decision is "based on"? Where that has a place, yes: digit,
# letter, motif. But none of the three that the sentence names is better than plain occlusion by all three
# scores, a map that never saw the network passed two of the three scores, and a shortcut without a place
# stayed hidden from a map of tiles, and from one without a sign. What "gives rise" to a thing is another
# question, and no map answers it.
#
# More limits: one network of each kind, pictures with one thing to see, a grey baseline that we chose
# (another one gives another map), and a truth, the box, that says where the *digit* is and not what the
# network needs of it.

# %% [markdown]
# ## Claims
#
# **1 · By hand and by captum the numbers are the same.**

# %%
for name, gap in apart.items():
    cl.claim(f"{name}: by hand is captum's, to 0.0001", gap, "<=", 1e-4, because="single precision")

# %% [markdown]
# **2 · Without a truth and a blind map beside it, no map is "good".**

# %%
chance = SIZE**2 / SIDE**2
all_boxes = np.concatenate([train_boxes, test_boxes])
centre_hits = np.all((all_boxes[:, :2] <= SIDE // 2) & (all_boxes[:, :2] > SIDE // 2 - SIZE), axis=1)
cl.claim(
    "a map that always points to the middle beats a random pixel, in the share of digits hit",
    centre_hits.mean(),
    ">",
    chance,
    margin=0.08,
    because="counted on all scenes: (8/17)² are 0.22, and a random pixel gets 0.11",
)

cl.claim(
    "plain occlusion points into nearly every digit, so that nobody can be clearly ahead of it",
    hits["occlusion"].mean(),
    ">=",
    0.9,
    because="above 0.9 a lead of more than one scene in ten is not to be had; only a worse map could show",
)
cl.claim(
    "the plain gradient points into it far more often than brightness, which never saw the network",
    hits["gradient"].mean(),
    ">",
    hits["brightness"].mean(),
    margin=0.3,
    because="30 scenes in a hundred, beyond the luck of 40 scenes",
)
cl.claim(
    "the best of the three named brings the class back sooner than plain occlusion, in insertion",
    max(area[name].mean() for name in NAMED),
    ">",
    area["occlusion"].mean(),
    margin=0.02,
    expect="fails",
    because="0.02 is about what other scenes could change",
)
cl.claim(
    "by deletion the better of LIME and RISE is ahead of occlusion, in probability left",
    area_gone["occlusion"].mean(),
    ">",
    min(area_gone["LIME"].mean(), area_gone["RISE"].mean()),
    because="the same scenes, and a small lead: its paired intervals stand in section 2; so no margin",
)
for name in make:
    cl.claim(
        f"{name}: a better order than a random one, in insertion minus deletion",
        area[name].mean() - area_gone[name].mean(),
        ">",
        area["random"].mean() - area_gone["random"].mean(),
        margin=0.3,
        because="a random order brings about as much back as it takes away",
    )
cl.claim(
    "brightness has such an order, too",
    area["brightness"].mean() - area_gone["brightness"].mean(),
    ">",
    area["random"].mean() - area_gone["random"].mean(),
    margin=0.3,
    because="the same margin",
)

# %% [markdown]
# **3 · Compare with random weights, and with another start.**

# %%
cl.claim(
    "with random weights in all layers nothing is left of the Grad-CAM map, in rank correlation",
    sameness["Grad-CAM", "with sign"][-1],
    "<",
    0.3,
    because="no map of noise would come near 0.3 on average",
)
cl.claim(
    "nor of the integrated gradients with their sign",
    sameness["integrated gradients", "with sign"][-1],
    "<",
    0.3,
    because="the same 0.3",
)
cl.claim(
    "nor of their sizes",
    sameness["integrated gradients", "size"][-1],
    "<",
    0.3,
    expect="fails",
    because="the same 0.3",
)
cl.claim(
    "the gradient maps of two good networks are the same, in rank correlation",
    agreement["another start"],
    ">",
    0.9,
    expect="fails",
    because="0.9 would leave little room for another start",
)
cl.claim(
    "a network that learned shuffled labels by heart points into the digit less often",
    points["200 scenes, right labels"],
    ">",
    points["200 scenes, shuffled"],
    margin=0.15,
    because="about three standard errors with so many new scenes; both learned the same scenes",
)

# %% [markdown]
# **4 · Exact shares add up; where features go together, they are shares of a story.**

# %%
cl.claim(
    "Shapley values add up to the prediction minus that for the mean person, to a billionth",
    missing,
    "<=",
    1e-9,
    because="double precision",
)
cl.claim(
    "redrawing the people moves the share of s1 more than that of s1 and s2 together, as a ratio of sds",
    sd["s1"] / sd["s1 + s2"],
    ">",
    2,
    because="equal sds would mean that the data tell the two apart",
)
cl.claim(
    "permuted one by one, s1 and s2 look more needed than both together, as a ratio of falls of R²",
    (needed["s1"] + needed["s2"]) / needed["s1 and s2"],
    ">",
    3,
    because="1 would be the same; one of them permuted alone makes people who cannot exist",
)

# %% [markdown]
# **5 · A map of tiles finds a shortcut that has a place; one without takes a sign, or a question.**

# %%
for habit in ("letter", "raster"):
    cl.claim(
        f"habit {habit}: the network is as good in other hospitals, in accuracy to 0.2",
        film_accuracy[habit, "test"] - film_accuracy[habit, "external"],
        "<=",
        0.2,
        expect="fails",
        because="0.2 is seven standard errors of such a difference",
    )
cl.claim(
    "the letter stands out in the map: the corner has more than three tiles' worth",
    tile_share["letter"][0, 0],
    ">",
    3 / 16,
    because="1/16 would be a tile like any other",
)
cl.claim(
    "the raster stands out in some tile as much as the letter",
    tile_share["raster"].max(),
    ">",
    3 / 16,
    expect="fails",
    because="the same three tiles' worth",
)
cl.claim(
    "the gradient with its sign, averaged over films, shows the raster's pattern, as a share of its variance",
    striped["raster", "with sign"],
    ">",
    striped["none", "with sign"],
    margin=0.2,
    because="a fifth of the map is hard to overlook; the network that never had a raster is the measure",
)
cl.claim(
    "its size shows the pattern as well",
    striped["raster", "size"],
    ">",
    striped["none", "size"],
    margin=0.2,
    expect="fails",
    because="the same fifth",
)
cl.claim(
    "the question that names the raster finds it, in answers that follow the raster",
    followed["raster"],
    ">",
    followed["none"],
    margin=0.2,
    because="the same lines on the same films, for the network that never had a raster",
)

# %% [markdown]
# **6 · Attribution finds what the network uses, and no cause.**

# %%
for name, share in motif_found.items():
    cl.claim(
        f"{name}: the motif is found exactly",
        share,
        ">",
        0.8,
        because="four sequences in five; a guess is right once in 39",
    )
cl.claim(
    "counting pieces of twelve letters finds the motif without a network (1: yes)",
    float(pieces.most_common(1)[0][0] == MOTIF),
    "==",
    1,
    because="the most frequent piece of the training sequences that bind",
)
cl.claim(
    "integrated gradients put more known sites into their first ten than chance does",
    on_list["integrated gradients"],
    ">",
    by_chance,
    margin=2,
    because="two sites more than drawing ten places blindly",
)
cl.claim(
    "and at least three more than the plain correlation does, which asks no network",
    on_list["integrated gradients"],
    ">=",
    on_list["correlation, no network"] + 3,
    expect="fails",
    because="one or two are the luck of the last places",
)
cl.claim(
    "where the eight causes are not among the columns, a site that does nothing is among the three first",
    min(rank),
    "<=",
    3,
    because="of 91 places",
)
print("The map is of the model.")

# %% [markdown]
# ## Further reading
#
# - J. Adebayo and others, [Sanity Checks for Saliency Maps](https://arxiv.org/abs/1810.03292) (2018):
#   section 3 on large networks, with maps that failed.
# - V. Petsiuk, A. Das, K. Saenko, [RISE: Randomized Input Sampling for Explanation of Black-box
#   Models](https://arxiv.org/abs/1806.07421) (2018): the method, and deletion and insertion.
# - S. Lundberg, S.-I. Lee, [A Unified Approach to Interpreting Model
#   Predictions](https://arxiv.org/abs/1705.07874) (2017): SHAP, and how LIME's line becomes Shapley's
#   shares.
# - G. Hooker, L. Mentch, S. Zhou, [Unrestricted Permutation Forces
#   Extrapolation](https://arxiv.org/abs/1905.03151) (2021): why permuting one of two columns that go
#   together asks about people who cannot exist.
# - C. Molnar, [Interpretable Machine Learning](https://christophm.github.io/interpretable-ml-book/): the
#   open book that the notes of J. Zou send you to, with partial dependence, ICE, LIME and Shapley values.
