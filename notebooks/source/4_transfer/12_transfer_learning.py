# %% [markdown]
# ## The question
#
# A laboratory has two labelled pictures of each of twenty things, and no more. "Instead of randomly
# initializing parameters and directly training the target task, we first perform pre-training steps on some
# diversified general tasks", writes J. Zou (*Application and Implementation of different deep learning*).
# "If the pre-training tasks are sufficiently diverse, these pre-training weights will contain useful
# functions, which can be used to learn the target task more effectively. Starting with the pre-trained
# weights, we then train the network on the target task (called fine-tuning), which provides us with the
# final model."
#
# Three claims in one passage: that **diversity** makes weights useful, that they teach the target task **more
# effectively**, and that one **fine-tunes** them. We test each, beside doing without.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **compare** ways to pre-train that differ in diversity and in nothing else;
# 2. **freeze** a network so that nothing in it moves, BatchNorm included;
# 3. **judge** frozen, fine-tuned and untrained networks with the same search for each;
# 4. **give** each layer a learning rate of its own, and say whether it paid;
# 5. **find** the layer at which transfer stops, and recognise transfer that does harm;
# 6. **use** weights that somebody else has trained, and check them first.
#
# Section numbers match the goals; each goal is answered by a claim near the end.

# %% [markdown]
# ## Set-up
#
# All networks here train on a CPU in seconds. "full" means more tasks, more draws, and one network of eleven
# million weights near the end.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"
NOISE: float = 0.35  # standard deviation of the noise in every picture of a glyph [ink]
OMNIGLOT: str = "omniglot"  # signs drawn by people, in section 6; "" to do without
BACKBONE: str = "resnet18"  # a network of torchvision for the last part of section 6; "" leaves it out

# %%
import copy
import functools
import os
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn.functional import cross_entropy

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device("cpu" if profile == "quick" else None)
cl.plots.use_style()
random = np.random.default_rng(SEED)
rounds, draws = {"quick": (1, 10), "full": (6, 40)}[profile]  # sections 3 and 4; section 5

# %% [markdown]
# ## 1 · Signs that nobody has seen
#
# The pictures are simulated **glyphs**: two or three pen strokes each, drawn by an unsteady hand and
# photographed in bad light. A new glyph costs nothing, so we can have an alphabet of any size, and pictures
# of any number. That is what no measured dataset offers: diversity and amount can be set one by one.
# (Omniglot holds signs that people have drawn; section 6 turns to them.)

# %%
signs = cl.simulators.glyphs(SEED, classes=300, images=40, noise=NOISE)
pictures = signs.inputs.copy().reshape(300, 40, 20, 20)  # (glyph, picture, H, W)
clean = cl.simulators.glyphs(SEED, classes=8, images=40).inputs.reshape(8, 40, 20, 20)
rows = [of_glyphs[:8, number] for of_glyphs in (clean, pictures) for number in (0, 1)]
fig = cl.plots.images(np.concatenate(rows), ncols=8)
cl.show(
    fig,
    alt="Four rows of eight pictures: eight glyphs without noise, the same eight drawn again a little "
    "differently, and the same sixteen pictures with noise, in which the strokes can just be made out.",
)

# %% [markdown]
# Eight glyphs, two pictures of each: above before the noise, below as everybody gets them, the networks too.
#
# The target task: twenty glyphs, two labelled pictures of each, and new pictures to name. We set glyphs
# aside for it first, so that no pre-training sees one of them: glyphs 150 to 199 to choose settings on, and
# 200 to 299 for the verdict. From the rest we pre-train in three ways with **the same number of pictures**:
# **narrow** (few glyphs, many pictures of each), **middle**, and **wide** (many glyphs, few pictures of
# each).

# %%
source = {}  # pictures (glyph, picture, H, W), and how many of each glyph are learnt from
for name, count, per_glyph in (("narrow", 5, 600), ("middle", 30, 100), ("wide", 150, 20)):
    drawn = cl.simulators.glyphs(SEED, classes=count, images=per_glyph + 20, noise=NOISE)
    drawn = drawn.inputs.copy().reshape(count, per_glyph + 20, 20, 20)  # 20 of each are held out
    source[name] = drawn, per_glyph
    print(f"{name:7} {count:3} glyphs × {per_glyph:3} pictures = {count * per_glyph} pictures")

# %% [markdown]
# ### Exercise 12.1 · complete · about 8 minutes · difficulty 2 of 5
#
# Measured data come in a heap, with unequal numbers of pictures. Write the choice that makes such a
# comparison fair: by lot, equally many pictures of each class, and nothing of what is reserved.
#
# - `labels`: shape (B,), the class of each row of the heap, in no order
# - `classes`, `per_class`: how many classes, and how many pictures of each
# - `reserved`: shape (R,), classes that must not be chosen
# - `random`: a NumPy generator, from which all lots are drawn
# - returns: `classes` · `per_class` row numbers, in any order
#
# Example: for `labels = [7, 7, 3, 3, 3, 9]`, two classes, two pictures and nothing reserved it returns rows 0
# and 1 and two of 2, 3, 4. Class 9 has too few.


# %%
# EXERCISE 12.1
def choose_rows(labels, classes, per_class, reserved, random):
    """Return rows of a heap: so many classes by lot, so many pictures of each."""
    ### BEGIN SOLUTION
    names, counts = np.unique(labels, return_counts=True)
    allowed = names[(counts >= per_class) & ~np.isin(names, reserved)]
    chosen = random.choice(allowed, classes, replace=False)
    rows = [random.choice(np.flatnonzero(labels == one), per_class, replace=False) for one in chosen]
    return np.concatenate(rows)
    ### END SOLUTION


# %%
cl.check("12.1", choose_rows)

# %%
# cl.hint("12.1")

# %% [markdown]
# ### Pre-train
#
# The network has a **body** of three blocks, which turns a picture into 128 numbers, its **features**, and a
# **head**, one layer that turns features into scores. Pre-training trains both; then the head is thrown away,
# for its classes are not ours.


# %%
def block(channels, maps):
    """Return one block: convolution, batch norm, ReLU, and pooling to half the size."""
    convolution = nn.Conv2d(channels, maps, 3, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(maps), nn.ReLU(), nn.MaxPool2d(2))


def new_body():
    """Return an untrained body: pictures (B, 1, 20, 20) become features (B, 128)."""
    return nn.Sequential(block(1, 8), block(8, 16), block(16, 32), nn.Flatten())


def one_cycle(largest):
    """Return a schedule that climbs to the largest learning rate and falls again, as in lesson 04."""
    return lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=largest, total_steps=steps
    )


def outputs(body, new):
    """Return what a body or a network makes of pictures (B, H, W), in evaluation mode."""
    body.eval()
    with torch.no_grad():
        return body(torch.as_tensor(new[:, None], device=device)).cpu().numpy()


# %%
bodies, source_accuracy = {"untrained": new_body().to(device)}, {}
for name, (of_glyph, per_glyph) in source.items():
    count = len(of_glyph)
    shown, held_out = of_glyph[:, :per_glyph], of_glyph[:, per_glyph:]
    body, head = new_body(), nn.Linear(128, count)
    rows = shown.reshape(-1, 1, 20, 20), np.repeat(np.arange(count), per_glyph)
    how = {"schedule": one_cycle(0.01), "device": device, "progress": False}
    cl.fit(nn.Sequential(body, head), rows, loss=cross_entropy, epochs=8, **how)
    with torch.no_grad():
        scores = head(torch.as_tensor(outputs(body, held_out.reshape(-1, 20, 20)), device=device))
    right = scores.argmax(dim=1).cpu().numpy() == np.repeat(np.arange(count), held_out.shape[1])
    bodies[name], source_accuracy[name] = body, right.mean()
    print(f"{name:7} accuracy on new pictures of its own {count} glyphs: {right.mean():.2f}")

# %% [markdown]
# The same number of pictures, the same number of steps. On its own question the narrow network is nearly
# perfect; the wide one has the harder question. Which one would you take along to new glyphs?

# %% [markdown]
# ## 2 · Freeze
#
# To **freeze** a body is to use it as it is and to train the head only. It sounds like doing nothing, and one
# layer makes it hard: **BatchNorm**. It has two behaviours. In training mode it brings each feature to mean 0
# and standard deviation 1 *over the batch*, and keeps running averages of both. In evaluation mode it uses
# the running averages. By hand, for four rows of two features:

# %%
batch = np.array([[1.0, 20.0], [3.0, 20.0], [5.0, 26.0], [7.0, 34.0]])  # (B, D)
by_hand, running_mean = np.zeros_like(batch), np.zeros(2)  # the running mean begins at 0
for feature in range(2):
    mean = sum(batch[:, feature]) / 4
    variance = sum((value - mean) ** 2 for value in batch[:, feature]) / 4
    for row in range(4):
        by_hand[row, feature] = (batch[row, feature] - mean) / (variance + 1e-5) ** 0.5
    running_mean[feature] = 0.9 * running_mean[feature] + 0.1 * mean  # one tenth of the way
print(by_hand.round(2))
print("running mean after one batch:", running_mean)

# %% [markdown]
# Vectorised, and the layer of the library, in both modes. (The running variance begins at 1, and takes the
# unbiased estimate, divided by B − 1.)

# %% tags=["twin"]
vectorised = (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + 1e-5)
layer = nn.BatchNorm1d(2).train()
with torch.no_grad():
    by_torch = layer(torch.tensor(batch, dtype=torch.float32)).numpy()
    evaluated = layer.eval()(torch.tensor(batch, dtype=torch.float32)).numpy()
running_variance = 0.9 * 1 + 0.1 * batch.var(axis=0, ddof=1)
np.testing.assert_allclose(by_hand, vectorised)
np.testing.assert_allclose(by_hand, by_torch, atol=1e-5)
np.testing.assert_allclose(evaluated, (batch - running_mean) / np.sqrt(running_variance + 1e-5), rtol=1e-5)
print("largest difference by hand − torch:", np.abs(by_hand - by_torch).max())

# %% [markdown]
# Look at what that means for a body that we call frozen because no gradient reaches its weights. We let the
# wide body's copy see target pictures in training mode, as `cl.fit` would, with all its weights held.
# **Predict first:** of the entries of its `state_dict`, how many change?

# %%
MY_MOVED = None  # entries that change
held = copy.deepcopy(bodies["wide"]).requires_grad_(False)
before = copy.deepcopy(held.state_dict())
held.train()
with torch.no_grad():
    for glyph in range(150, 170):  # the pictures of one glyph are a batch
        held(torch.as_tensor(pictures[glyph, :20, None], device=device))
moved = [name for name, value in held.state_dict().items() if not torch.equal(value, before[name])]
print(f"{len(moved)} of {len(before)} entries moved: {', '.join(moved)}")
cl.compare(MY_MOVED, len(moved), unit="entries")

# %% [markdown]
# Three numbers per BatchNorm: the running mean, the running variance, and the count of batches.
# `requires_grad` speaks to the optimiser; BatchNorm asks nobody. And in training mode the features of a
# picture depend on its neighbours in the batch. How much that matters we see when the batches are not mixed:
# one glyph at a time, as a laboratory would photograph them.


# %%
def class_means(few, new, classes):
    """Name new rows (B, D) by the nearest mean of the labelled ones, (classes · n, D), class after class."""
    means = few.reshape(classes, -1, few.shape[-1]).mean(axis=1)
    return ((new[:, None] - means) ** 2).sum(axis=-1).argmin(axis=1)


few = outputs(bodies["wide"], pictures[150:160, :2].reshape(-1, 20, 20))
found = {"evaluation mode": [], "training mode": []}
for glyph in range(150, 160):
    new = pictures[glyph, 20:]
    found["evaluation mode"].append(class_means(few, outputs(bodies["wide"], new), 10))
    in_training = copy.deepcopy(bodies["wide"]).requires_grad_(False).train()
    with torch.no_grad():
        by_batch = in_training(torch.as_tensor(new[:, None], device=device)).cpu().numpy()
    found["training mode"].append(class_means(few, by_batch, 10))
unmixed = {mode: np.mean(np.stack(said) == np.arange(10)[:, None]) for mode, said in found.items()}
for mode, accuracy in unmixed.items():
    print(f"batches of one glyph, {mode:16} accuracy {accuracy:.2f}")

# %% [markdown]
# The mean of the batch was taken away, and with it a part of what all pictures of a glyph have in common: the
# glyph.

# %% [markdown]
# ### Exercise 12.2 · complete · about 10 minutes · difficulty 3 of 5
#
# Write `freeze`, so that the body can stand in a network that is trained, and nothing in it moves.
#
# - `body`: a module with BatchNorm layers, perhaps others that behave differently in training (Dropout)
# - returns: a module that gives the features that `body` gives in evaluation mode, before and after training,
#   whatever `.train()` or `.eval()` was called, and whose weights and running averages never change
#
# Example: `network = nn.Sequential(freeze(body), nn.Linear(128, 10))`, then `cl.fit(network, …)`: the head
# learns, the body gives the same features as before.


# %%
# EXERCISE 12.2
def freeze(body):
    """Return a module that computes what `body` computes, and in which nothing ever moves."""
    ### BEGIN SOLUTION

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = body.eval().requires_grad_(False)

        def train(self, mode=True):
            super().train(mode)
            self.body.eval()
            return self

        def forward(self, pictures):
            return self.body(pictures)

    return Frozen()
    ### END SOLUTION


# %%
cl.check("12.2", freeze)

# %%
# cl.hint("12.2")

# %% [markdown]
# There is a shorter way, and a faster one. If nothing in the body moves, each picture has the same features
# in every epoch: compute them **once**, and train the head on them. That head is a logistic regression. The
# two are the same thing; here, thirty steps of gradient descent both ways:

# %% tags=["twin"]
few, few_labels = pictures[150:160, :2].reshape(-1, 20, 20), np.repeat(np.arange(10), 2)
start = nn.Linear(128, 10).to(device)
ends = []
for once in (True, False):
    head = copy.deepcopy(start)
    body = copy.deepcopy(bodies["wide"]).requires_grad_(False)
    stored = torch.as_tensor(outputs(body, few), device=device)
    for _ in range(30):
        given = stored if once else body(torch.as_tensor(few[:, None], device=device))
        head.zero_grad()
        cross_entropy(head(given), torch.as_tensor(few_labels, device=device)).backward()
        with torch.no_grad():
            for weight in head.parameters():
                weight -= 0.1 * weight.grad
    ends.append(head.weight.detach().cpu().numpy())
np.testing.assert_allclose(*ends, atol=1e-5)
print("largest difference of the heads' weights:", np.abs(ends[0] - ends[1]).max())

# %% [markdown]
# ## 3 · Twenty new glyphs, two pictures each
#
# A **task** is twenty glyphs, two labelled pictures of each, and twenty new pictures of each to name. The
# hundred glyphs of the verdict make five tasks, each glyph in one of them. The competitors:
#
# - **pixels**: the nearest class mean, and a logistic regression. The baselines without any network;
# - **untrained, frozen**: features of a body that has learnt nothing. What it gains over pixels is owed to
#   the architecture, not to transfer;
# - **from scratch**: the whole network, trained on the forty pictures;
# - **narrow**, **middle** and **wide**, **frozen** (a logistic regression on the features), and
#   **fine-tuned** (all layers trained on).
#
# Everyone gets the same search: six settings, tried on tasks of glyphs 150 to 199. For a regression six
# strengths of its penalty; for a network three learning rates at two lengths of training.


# %%
class Task(NamedTuple):
    """A task with few labels."""

    few: np.ndarray  # (n, H, W) labelled pictures
    few_labels: np.ndarray  # (n,)
    new: np.ndarray  # (m, H, W) pictures to name
    new_labels: np.ndarray  # (m,)
    reader: nn.Module | None = None  # where section 5 starts from


def draw_tasks(first, last, shots=2):
    """Return tasks of twenty glyphs each from `first` to before `last`, each glyph in one task at most."""
    tasks, labels = [], [np.repeat(np.arange(20), count) for count in (shots, 20)]
    for _ in range(rounds):
        lots = random.permutation(np.arange(first, last))
        for glyphs in lots[: len(lots) // 20 * 20].reshape(-1, 20):
            order = random.permutation(40)
            few, new = pictures[glyphs][:, order[:shots]], pictures[glyphs][:, order[20:]]
            tasks.append(Task(few.reshape(-1, 20, 20), labels[0], new.reshape(-1, 20, 20), labels[1]))
    return tasks


tuning, tests = draw_tasks(150, 200), draw_tasks(200, 300)
print(f"{len(tuning)} tasks to choose settings on, {len(tests)} for the verdict")

# %% [markdown]
# A **method** answers a task, several times over: a regression once for each of six penalties, a network at a
# given rate twice, after 20 steps and after 60. `search` picks the rate and the answer that were best on the
# tuning tasks, and returns what is right on the test tasks.

# %%
LENGTHS = (20, 60)  # epochs; up to 64 labelled pictures are one batch, so that an epoch is one step
RATES = (0.003, 0.01, 0.03)
PENALTIES = (0.001, 0.01, 0.1, 1, 10, 100)


def by_regression(extract):
    """Return a method: a logistic regression on what `extract` makes of pictures, for each penalty."""

    def method(task, _):
        few, new = extract(task.few), extract(task.new)
        models = [LogisticRegression(C=penalty, max_iter=2000) for penalty in PENALTIES]
        return [model.fit(few, task.few_labels).predict(new) for model in models]

    return method


def train_few(network, task, groups):
    """Train a network on the labelled pictures, and return its answers after each of the `LENGTHS`."""
    said = []

    def ask(record):
        if record["epoch"] in LENGTHS:
            said.append(outputs(network, task.new).argmax(axis=1))

    how = {"optimizer": lambda _: torch.optim.Adam(groups), "device": device, "progress": False}
    rows = task.few[:, None], task.few_labels
    cl.fit(network, rows, loss=cross_entropy, epochs=LENGTHS[1], on_epoch=ask, **how)
    return said


# %%
def by_training(body):
    """Return a method: a copy of `body` and a new head, all trained at one rate."""

    def method(task, rate):
        network = nn.Sequential(*copy.deepcopy(body), nn.Linear(128, 20)).to(device)
        return train_few(network, task, [{"params": network.parameters(), "lr": rate}])

    return method


def search(method, rates=(None,), tuning=tuning, tests=tests):
    """Return the rate and answer that were best in tuning, and what is right on the tests, (tasks, m)."""
    tried = [[method(task, rate) for task in tuning] for rate in rates]  # (rates, tasks, answers, m)
    truth = np.stack([task.new_labels for task in tuning])[:, None]
    tried = (np.array(tried) == truth).mean(axis=(1, 3))  # (rates, answers)
    rate, answer = np.unravel_index(tried.argmax(), tried.shape)
    correct = [method(task, rates[rate])[answer] == task.new_labels for task in tests]
    return (rates[rate], answer), np.stack(correct)


def paired(name, other):
    """Print how much more often `name` is right than `other`, task by task, and return the mean."""
    per_task = right[name].mean(axis=1) - right[other].mean(axis=1)
    low, high = cl.metrics.bootstrap_interval(per_task, np.mean, seed=SEED)
    print(f"{name + ' − ' + other:40} {per_task.mean():+.3f}  ({low:+.3f} to {high:+.3f})")
    return per_task.mean()


# %% [markdown]
# What needs no training of a network first: pixels, and the bodies, frozen.

# %%
nearest = [
    class_means(task.few.reshape(len(task.few), -1), task.new.reshape(len(task.new), -1), 20)
    for task in tests
]
right = {"pixels, means": np.stack(nearest) == tests[0].new_labels}  # (tasks, m) each
setting = {}
extracts = {"pixels, regression": lambda new: new.reshape(len(new), -1)}
extracts |= {f"{name}, frozen": functools.partial(outputs, body) for name, body in bodies.items()}
for name, extract in extracts.items():
    setting[name], right[name] = search(by_regression(extract))

# %% [markdown]
# **Predict first.** The narrow body tells its own glyphs apart nearly without error. On twenty new ones
# chance is 0.05. What do the frozen bodies reach, narrow and wide?

# %%
MY_NARROW, MY_WIDE = None, None  # accuracies, shares from 0 to 1
accuracy = {name: correct.mean() for name, correct in right.items()}
print(f"mean ± sd of {len(tests)} tasks")
for name, correct in right.items():
    per_task = correct.mean(axis=1)
    print(f"{name:18} {per_task.mean():.2f} ± {per_task.std(ddof=1):.2f}")
cl.compare(MY_NARROW, accuracy["narrow, frozen"])
cl.compare(MY_WIDE, accuracy["wide, frozen"])

# %% [markdown]
# The untrained body is worse than the pixels that it was given: whatever a pre-trained one gains, the
# architecture alone does not. Five glyphs, six hundred pictures of each, already serve new glyphs far better
# than pixels do; so a narrow pre-training is by no means useless. But with as many pictures, thirty glyphs
# serve clearly better, and a hundred and fifty hardly better than thirty. "Sufficiently diverse" has a number
# here: it lies between five and thirty, and beyond it more diversity bought little.
#
# Now the networks that train all their layers. **Predict first:** does fine-tuning the wide body beat leaving
# it alone?

# %%
MY_GAIN = None  # accuracy of wide, fine-tuned, minus wide, frozen
for name, body in {
    "from scratch": "untrained",
    "narrow, fine-tuned": "narrow",
    "wide, fine-tuned": "wide",
}.items():
    setting[name], right[name] = search(by_training(bodies[body]), RATES)
    per_task = right[name].mean(axis=1)
    told = f"rate {setting[name][0]}, {LENGTHS[setting[name][1]]} steps"
    print(f"{name:18} {per_task.mean():.2f} ± {per_task.std(ddof=1):.2f}  ({told})")
accuracy = {name: correct.mean() for name, correct in right.items()}
cl.compare(MY_GAIN, accuracy["wide, fine-tuned"] - accuracy["wide, frozen"])

# %%
order = ["untrained, frozen", "pixels, regression", "pixels, means", "from scratch", "narrow, frozen"]
order += ["narrow, fine-tuned", "middle, frozen", "wide, frozen", "wide, fine-tuned"]
fig, ax = plt.subplots(figsize=(6.8, 5))
for place, name in enumerate(order):
    per_task = right[name].mean(axis=1)
    color = cl.plots.PALETTE[{"narrow": 1, "middle": 4, "wide": 2}.get(name.split(",")[0], 0)]
    marker = "o" if "frozen" in name else "s" if "fine" in name else "^"
    ax.plot(per_task, np.full(len(per_task), place), marker, color=color, alpha=0.35, markersize=5)
    ax.plot(per_task.mean(), place, marker, color=color, markersize=11)
ax.axvline(0.05, color="0.4", linestyle="--", linewidth=1)
ax.text(0.06, 8.5, "chance")
ax.set(yticks=range(9), yticklabels=order, ylim=(8.7, -0.5), xlim=(0, 1), xlabel="accuracy on new pictures")
cl.show(
    fig,
    alt="Dot plot of the accuracy of nine methods on tasks of twenty new glyphs, each task a small mark and "
    "the mean a large one: the untrained body lies lowest, pixels and training from scratch in the middle, "
    "the narrow body above them, the middle and the wide body highest.",
)

# %% [markdown]
# Each small mark is a task. Tasks differ, but all methods met the same ones, so we compare them **paired**,
# task by task. The intervals draw the tasks anew; each body was trained once here, so they say nothing about
# another pre-training. (*Try* another `SEED`: the claims at the end were tried on twenty.)

# %%
print("gain in accuracy, 95 % interval over tasks")
gain = {
    (name, other): paired(name, other)
    for name, other in (
        ("untrained, frozen", "pixels, regression"),
        ("from scratch", "pixels, regression"),
        ("narrow, frozen", "pixels, regression"),
        ("middle, frozen", "narrow, frozen"),
        ("wide, frozen", "middle, frozen"),
        ("wide, frozen", "narrow, frozen"),
        ("narrow, fine-tuned", "narrow, frozen"),
        ("wide, fine-tuned", "wide, frozen"),
    )
}

# %% [markdown]
# From scratch, a network does worse than a regression on raw pixels: two pictures of each are too few for a
# network that begins at random. (Is 60 steps enough? *Try* longer `LENGTHS`.) And fine-tuning, "which
# provides us with the final model", gains nothing: with rates and lengths searched as hard as the
# penalties, it ends below the body that was left alone. Forty pictures are enough to spoil thousands of
# weights, and too few to teach them.
#
# ### What does the narrow body lack?
#
# A body keeps what its own question needs; five glyphs are told apart in four directions. We ask two things
# about the features of 150 glyphs that no body has met. In how many directions do the glyphs' means spread?
# With $\lambda_i$ the variances along the principal components, $(\sum\lambda_i)^2 / \sum\lambda_i^2$ is 1 if
# one direction holds everything, and D if D hold the same: the **effective dimension**. And of all that
# varies from picture to picture, what share is *between* glyphs, and not among pictures of one glyph?


# %%
def effective_dimension(rows):
    """Return in how many directions rows (B, D) spread."""
    spread = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


def share_between(values):
    """Return the share of the variance that is between classes, for (K, n, D)."""
    means = values.mean(axis=1)
    within = values.var(axis=1, ddof=1).sum(axis=1).mean()  # of single pictures of a glyph
    between = means.var(axis=0, ddof=1).sum() - within / values.shape[1]  # the means' own noise taken off
    return between / (between + within)


stored, dimension, share = {}, {}, {}
for name, body in bodies.items():
    values = outputs(body, pictures[150:].reshape(-1, 20, 20)).reshape(150, 40, -1)
    stored[name] = values[50:]  # of glyphs 200 to 299, for later
    dimension[name], share[name] = effective_dimension(values.mean(axis=1)), share_between(values)
    print(f"{name:10} effective dimension {dimension[name]:4.1f}   share between glyphs {share[name]:.2f}")

# %% [markdown]
# Read both columns. Most of what the untrained body passes on is noise: the share between glyphs is small.
# All pre-trained bodies have learnt to tell ink from noise, the narrow one as well as the others. What it
# lacks is directions: it has squeezed what five glyphs did not ask it to keep apart. Diversity taught the
# others not to.
#
# ### How many pictures is a body worth?
#
# With more labelled pictures the advantage must shrink: enough of them teach a network all it needs. Drag it.
# To be quick this compares frozen features only, by the nearest class mean, which needs no tuning.

# %%
stored = {"pixels": pictures[200:].reshape(100, 40, -1), **stored}
SHOTS = (1, 2, 3, 5, 8, 12, 20)
by_shots = {name: [] for name in stored}
for name, values in stored.items():
    for n in SHOTS:
        said = [
            class_means(part[:, :n].reshape(20 * n, -1), part[:, 20:].reshape(400, -1), 20)
            for part in values.reshape(5, 20, 40, -1)  # five tasks of twenty glyphs
        ]
        by_shots[name].append(np.mean(np.stack(said) == np.repeat(np.arange(20), 20)))


def draw_shots(shots=2):
    """Draw accuracy against labelled pictures per glyph, with one number of pictures marked."""
    fig, ax = plt.subplots()
    place, height = SHOTS.index(shots), -1.0
    in_order = sorted(by_shots.items(), key=lambda item: item[1][-1])  # the lowest first
    for name, values in in_order:
        place_of = list(by_shots).index(name)  # a name keeps its colour, whatever its rank
        color = cl.plots.PALETTE[(6, 0, 1, 4, 2)[place_of]]
        ax.plot(SHOTS, values, "xo^sD"[place_of], linestyle="-", color=color)
        height = max(values[-1], height + 0.06)  # labels must not meet
        ax.text(22, height, f"{name} ({values[place]:.2f})", va="center", color=color)
    ax.axvline(shots, color="0.5", linestyle=":")
    ax.set(xscale="log", xticks=SHOTS, xticklabels=SHOTS, ylim=(0, 1.06), xlim=(0.9, 70))
    ax.minorticks_off()
    ax.set(xlabel="labelled pictures per glyph (log scale)", ylabel="accuracy, nearest class mean")
    return fig


def describe_shots(shots):
    """Say in words what `draw_shots` shows."""
    values = ", ".join(f"{name} {of_name[SHOTS.index(shots)]:.2f}" for name, of_name in by_shots.items())
    return f"Accuracy rises with the labelled pictures per glyph; with {shots} of them it is {values}."


cl.slider(draw_shots, alt=describe_shots, shots=list(SHOTS))

# %% [markdown]
# ## 4 · A rate for each layer
#
# Frozen and fine-tuned are two ends of one scale: the body's learning rate is 0, or that of the head. In
# between lie **discriminative rates** (J. Howard and S. Ruder, 2018): the head learns at the full rate, the
# last block at a share of it, the block before at the share of that, and so on. The first layers, which find
# edges, hardly move.
#
# ### Exercise 12.3 · complete · optional · about 8 minutes · difficulty 3 of 5
#
# Optimisers of torch take a list of **groups**, dictionaries with `"params"` and `"lr"`. Write it.
#
# - `network`: an `nn.Sequential` whose last layer is the head; each of its members is one layer, a block too
# - `rate`: of the head; `factor`: between 0 and 1, once more for each layer further down
# - returns: a list of groups. Layers without parameters do not count; parameters that are frozen
#   (`requires_grad` is False) stand in no group, but their layer counts
#
# Example: for three linear layers, `rate=0.01` and `factor=0.5`, the rates are 0.0025, 0.005 and 0.01 from
# the first layer to the head.


# %%
# EXERCISE 12.3
def rate_groups(network, rate, factor):
    """Return groups for an optimiser, with rates that fall from the head down."""
    ### BEGIN SOLUTION
    groups = []
    for part in reversed(list(network)):
        if list(part.parameters()):
            learning = [weight for weight in part.parameters() if weight.requires_grad]
            if learning:
                groups.append({"params": learning, "lr": rate})
            rate = rate * factor
    return groups
    ### END SOLUTION


# %%
cl.check("12.3", rate_groups)

# %%
# cl.hint("12.3")

# %% [markdown]
# Does it pay? The wide body again, with the factor 0.3. Beside it another remedy, **head first** (A. Kumar
# and others, 2022): a new head is all noise, and its first gradients shake the body to no purpose; so fit
# the head on frozen features, and only then train everything. The same search (rates ten times smaller for
# the fitted head), the same tasks. **Predict first:** is fine-tuning with rates by layer above one rate, or
# the same?


# %%
def by_depth(body, factor):
    """Return a method: a copy of `body` and a new head; each block further down learns `factor` times."""
    places = {4: 0, 2: 1, 1: 2, 0: 3}  # place in the network: steps below the head; place 3 flattens

    def method(task, rate):
        network = nn.Sequential(*copy.deepcopy(body), nn.Linear(128, 20)).to(device)
        groups = [
            {"params": network[k].parameters(), "lr": rate * factor**down} for k, down in places.items()
        ]
        return train_few(network, task, groups)

    return method


def by_head_first(body):
    """Return a method: fit the head on frozen features, then train everything from there."""

    def method(task, rate):
        network = nn.Sequential(*copy.deepcopy(body), nn.Linear(128, 20)).to(device)
        fitted = LogisticRegression(C=1, max_iter=2000).fit(outputs(body, task.few), task.few_labels)
        with torch.no_grad():
            network[4].weight[:] = torch.as_tensor(fitted.coef_)
            network[4].bias[:] = torch.as_tensor(fitted.intercept_)
        return train_few(network, task, [{"params": network.parameters(), "lr": rate}])

    return method


# %%
MY_RATES = None  # accuracy with rates by layer, minus accuracy with one rate
setting["wide, by depth"], right["wide, by depth"] = search(by_depth(bodies["wide"], factor=0.3), RATES)
setting["wide, head first"], right["wide, head first"] = search(
    by_head_first(bodies["wide"]), tuple(rate / 10 for rate in RATES)
)
print("gain in accuracy, 95 % interval over tasks")
for name in ("wide, by depth", "wide, head first"):
    for other in ("wide, fine-tuned", "wide, frozen"):
        gain[name, other] = paired(name, other)
cl.compare(MY_RATES, gain["wide, by depth", "wide, fine-tuned"])

# %% [markdown]
# Rates by layer change little: the gain over one rate is hardly larger than its interval, and with another
# `SEED` it may vanish. A fitted head wins back most of what fine-tuning lost. So the loss was no law: much
# of it came from a random head that shook the body, as the remedy says. But look at the lines against the
# frozen body: no way of fine-tuning is clearly better than leaving the body alone. With more labelled
# pictures it may be; *try* `shots=8` in `draw_tasks`.

# %% [markdown]
# ## 5 · Transfer that does harm
#
# "Typically, performing transfer learning is an excellent way to start work on a new problem of interest",
# write M. Raghu and E. Schmidt (quoted by B. Dickson, *How Deep Learning Can Help Scientific Research*), and
# warn: "the precise effects of transfer learning are not yet fully understood". Dickson's condition is that
# the new problem be "close enough to the domain of the base model".
#
# So take a problem as close as can be: measured digits of 8 × 8 pixels. Pre-train on **0 to 4**, with all
# their training pictures, and transfer to **5 to 9**, of which three pictures each are labelled. The same
# hands, the same forms, the same scanner. This network has no BatchNorm, to keep one thing at a time.

# %%
digits = cl.load("digits")


def five_digits(part, first):
    """Return pictures (B, 8, 8) of the digits `first` to `first` + 4, and labels 0 to 4."""
    inputs, targets = digits.split(part)
    rows = (targets >= first) & (targets < first + 5)
    return inputs[rows], targets[rows] - first


def new_reader():
    """Return an untrained network of three layers and a head: (B, 1, 8, 8) become scores (B, 5)."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Flatten(), nn.Linear(512, 64), nn.ReLU()),
        nn.Linear(64, 5),
    ).to(device)


readers, (inputs, targets) = [], five_digits("train", 0)
for _ in range(3):  # three pre-trainings: no result of this section hangs on one
    readers.append(new_reader())
    how = {"learning_rate": 0.003, "batch_size": 32, "device": device, "progress": False}
    cl.fit(readers[-1], (inputs[:, None], targets), loss=cross_entropy, epochs=15, **how)
inputs, targets = five_digits("test", 0)
read = [np.mean(outputs(reader, inputs).argmax(axis=1) == targets) for reader in readers]
print("accuracy on digits 0 to 4 by new hands:", np.round(read, 3))

# %% [markdown]
# An excellent start. Now keep the first 0, 1, 2 or 3 layers **frozen**, begin the rest anew, and train it on
# 15 labelled pictures of 5 to 9; or begin with all three and **fine-tune** them. Keeping 0 layers is
# training from scratch. One more control, which is easily forgotten: keep 2 or 3 layers of an **untrained**
# network. Everyone gets the same search, on validation digits, and is tested on the test digits, with the
# same draws.
#
# **Predict first:** the more layers are kept, the better, or the worse?


# %%
def by_layers(keep, frozen=True, start="reader"):
    """Return a method: keep the first layers of a task's reader, or of an untrained one; train the rest."""

    def method(task, rate):
        network = new_reader()
        for layer in range(keep):
            if start == "reader":
                network[layer].load_state_dict(task.reader[layer].state_dict())
            network[layer].requires_grad_(not frozen)
        learning = [weight for weight in network.parameters() if weight.requires_grad]
        return train_few(network, task, [{"params": learning, "lr": rate}])

    return method


inputs, targets = five_digits("train", 5)


def draw_digits(number, part, shots=3):
    """Return a task: `shots` labelled pictures of each digit from 5 to 9, and all of a part to name."""
    rows = [random.choice(np.flatnonzero(targets == digit), shots, replace=False) for digit in range(5)]
    rows = np.concatenate(rows)
    return Task(inputs[rows], targets[rows], *five_digits(part, 5), readers[number % 3])


digit_tasks = {
    "tuning": [draw_digits(number, "valid") for number in range(2)],
    "tests": [draw_digits(number, "test") for number in range(draws)],
}

# %%
methods = {"scratch": by_layers(0), **{f"{keep} kept": by_layers(keep) for keep in (1, 2, 3)}}
methods["all fine-tuned"] = by_layers(3, frozen=False)
methods |= {f"{keep} untrained": by_layers(keep, start="untrained") for keep in (2, 3)}
read = {}  # name: accuracy in each draw, (draws,)
for name, method in methods.items():
    setting[name], correct = search(method, (0.001, 0.003, 0.01), **digit_tasks)
    read[name] = correct.mean(axis=1)
_, correct = search(by_regression(extracts["pixels, regression"]), **digit_tasks)
read["pixels"] = correct.mean(axis=1)

# %%
cost = {}


def against_scratch(*names):
    """Print accuracies on digits 5 to 9, and what they lose against scratch, draw by draw."""
    print(f"mean ± sd of {draws} draws; minus scratch, 95 % interval over draws")
    for name in names:
        difference = read[name] - read["scratch"]
        half = stats.t.ppf(0.975, draws - 1) * difference.std(ddof=1) / np.sqrt(draws)
        cost[name] = -difference.mean()
        low, high = difference.mean() - half, difference.mean() + half
        told = f"{read[name].mean():.3f} ± {read[name].std(ddof=1):.3f}"
        print(f"{name:22} {told}   {difference.mean():+.3f}  ({low:+.3f} to {high:+.3f})")


against_scratch(*read)

# %%
fig, ax = plt.subplots(figsize=(6.4, 4.2))
for kind, names, style in (
    ("trained on 0 to 4", ["scratch", "1 kept", "2 kept", "3 kept"], {"marker": "o", "linestyle": "-"}),
    ("untrained", ["scratch", None, "2 untrained", "3 untrained"], {"marker": "^", "linestyle": "--"}),
):
    color = cl.plots.PALETTE[int(kind == "untrained")]
    kept = [k for k in range(4) if names[k]]
    for k in kept:
        ax.plot(
            np.full(draws, k + 0.06 * (-1) ** (kind == "untrained")),
            read[names[k]],
            ".",
            color=color,
            alpha=0.4,
        )
    ax.plot(kept, [read[names[k]].mean() for k in kept], color=color, markersize=9, label=kind, **style)
ax.axhline(read["pixels"].mean(), color="0.4", linestyle=":", label="regression on pixels")
ax.set(xticks=range(4), xlabel="layers kept frozen (0: from scratch)", ylabel="accuracy on new digits 5 to 9")
ax.set(ylim=(0, 1))
ax.legend(loc="lower left", title="kept layers")
cl.show(
    fig,
    alt="Line plot of accuracy on digits 5 to 9 against the number of frozen layers: level up to two layers, "
    "trained or not; at three it falls, and further with layers trained on 0 to 4 than with untrained ones.",
)

# %% [markdown]
# To keep one or two layers costs nothing, and may gain a little over a start from scratch. But the dotted
# line has the same gain without any network, from 64 pixels; and two layers that have *never learnt
# anything* come near it. Hardly anything was transferred: the layers above can work with almost any mixture
# of pixels.
#
# The third layer costs a great deal, and there the trained layer is worse than an untrained one. It has not
# only not learnt what 5 to 9 need, it has learnt to make little of it. That is **negative transfer**.
# Fine-tuning repairs most of it, and ends no better than without.
#
# ### Exercise 12.4 · design · about 10 minutes · difficulty 3 of 5
#
# Which layer stops transferring? Write the rule that a report can stand on.
#
# - `kept`: shape (L, N), accuracy with the first layer kept (row 0), the first two (row 1), and so on, in N
#   draws of labelled pictures
# - `scratch`: shape (N,), accuracy from scratch in the same draws
# - returns: how many layers can be kept before the first row that **certainly costs**: whose 95 % interval
#   (Student's t) of the mean difference to scratch, paired by draw, lies wholly below zero. L if no row does
#
# Example: with rows 0 and 1 near scratch and row 2 far below it, the answer is 2.


# %%
# EXERCISE 12.4
def layers_that_transfer(kept, scratch):
    """Return how many layers can be kept before the first certain cost."""
    ### BEGIN SOLUTION
    difference = kept - scratch
    standard_error = difference.std(axis=1, ddof=1) / np.sqrt(len(scratch))
    upper_end = difference.mean(axis=1) + stats.t.ppf(0.975, len(scratch) - 1) * standard_error
    costs = np.flatnonzero(upper_end < 0)
    return int(costs[0]) if len(costs) else len(kept)
    ### END SOLUTION


# %%
cl.check("12.4", layers_that_transfer)

# %%
# cl.hint("12.4")

# %% [markdown]
# Ask it about the table above, in a new cell:
# `layers_that_transfer(np.stack([read[f"{k} kept"] for k in (1, 2, 3)]), read["scratch"])`.
#
# Why the third? Layer by layer, in how many directions do the new digits spread, in the trained readers and
# in untrained ones?

# %%
layer_dimension = {}
for kind, networks in (("trained", readers), ("untrained", [new_reader() for _ in range(3)])):
    found = [
        [effective_dimension(outputs(nn.Sequential(*network[:k], nn.Flatten()), inputs)) for k in (1, 2, 3)]
        for network in networks
    ]
    layer_dimension[kind] = np.mean(found, axis=0)
    print(f"{kind:9} effective dimension after layer 1, 2, 3: {layer_dimension[kind].round(1)}")

# %% [markdown]
# The last layer before the head squeezes everything towards the few directions in which 0 to 4 differ, and
# what tells 5 from 8 becomes small in it. A layer is the more *specific* the nearer it is to the answer,
# and five classes asked for little.

# %% [markdown]
# ## 6 · Somebody else's weights
#
# Mostly one does not pre-train. One downloads. The course has a file of its own for that: a body of the same
# three blocks, trained on 500 glyphs of another alphabet by a script that lies beside it. What to ask of such
# a file, in this order:
#
# 1. **Is it the file that it says?** Compare its hash. `cl.pretrained` does.
# 2. **Can it do harm?** A file of weights may hold a program. `torch.load(…, weights_only=True)` reads
#    numbers only.
# 3. **Which network, which inputs?** Weights without the code of the network, the scale of its inputs and
#    what it was trained on are worth nothing. `load_state_dict` refuses a network that does not fit; it
#    cannot know about the inputs.
# 4. **Who made it from what, under which licence, and has it seen your test data?**

# %%
bodies["shipped"] = new_body().to(device)
bodies["shipped"].load_state_dict(cl.pretrained("glyph_body"))
weights = sum(value.numel() for value in bodies["shipped"].state_dict().values())
extracts["shipped, frozen"] = functools.partial(outputs, bodies["shipped"])
_, right["shipped, frozen"] = search(by_regression(extracts["shipped, frozen"]))
print(f"{weights} numbers; accuracy {right['shipped, frozen'].mean():.2f}; gain, 95 % interval over tasks:")
gain["shipped, frozen", "wide, frozen"] = paired("shipped, frozen", "wide, frozen")

# %% [markdown]
# The same three blocks, more than three times as many glyphs and pictures: as good as ours or a little
# better, at no cost to us. Its script stands in the course (`course_lib/weights/glyph_body.py`), and a test
# trains it anew.
#
# ### Close, or diverse?
#
# Back to the measured digits 5 to 9, of 8 × 8 pixels. The network of section 5 had learnt from digits, by
# the same hands. The shipped body has learnt from simulated glyphs and has never seen a digit. We enlarge
# the digits to 20 × 20 pixels, and put a regression on its features. **Predict first:** how many of 100 new
# digits does it read, from 15 labelled ones?

# %%
MY_DIGITS = None  # digits of 100


def enlarged(new):
    """Return pictures (B, 8, 8) as pictures (B, 20, 20)."""
    large = nn.functional.interpolate(torch.as_tensor(new)[:, None], size=20, mode="bilinear")
    return large[:, 0].numpy()


for name in ("untrained", "shipped"):
    extract = functools.partial(lambda body, new: outputs(body, enlarged(new)), bodies[name])
    _, correct = search(by_regression(extract), **digit_tasks)
    read[f"glyph body, {name}"] = correct.mean(axis=1)
against_scratch("3 kept", "pixels", "glyph body, untrained", "glyph body, shipped")
cl.compare(MY_DIGITS, 100 * read["glyph body, shipped"].mean(), unit="digits")

# %% [markdown]
# The network that came from digits by the same hands, and was kept to its third layer, is far behind a body
# that has seen only simulated scribbles. So "close enough to the domain" is not the whole of it: what counts
# is what the features keep *within reach of few labels*, and five digits had asked for little. Look at the
# third line, too. An untrained glyph body comes near the trained one here: with digits of 8 × 8 pixels,
# well centred and without noise, there is little for any pre-training to win.
#
# ### Signs that people have drawn
#
# Simulated signs are simulated. **Omniglot** (B. M. Lake and others, 2015) holds characters of many
# alphabets, each drawn by twenty people, and twenty published **one-shot runs**: in each, one drawing of
# each of twenty characters is shown, and twenty other drawings are to be named. The publisher's baseline, a
# distance between inked pixels that learns nothing, errs in 38.8 % of them; guessing errs in 95 %.
#
# What reaches a body that was trained elsewhere must look like what it was trained on: the same size, the
# sign in the middle. Where Omniglot cannot be had, the cell says so, and makes such runs of glyphs.


# %%
def centred(drawings):
    """Return drawings (B, 105, 105) as pictures (B, 20, 20), with the ink's mean place in the middle."""
    moved = []
    for drawing in drawings:
        row, column = np.argwhere(drawing).mean(axis=0)
        moved.append(np.roll(drawing, (round(52 - row), round(52 - column)), axis=(0, 1)))
    moved = torch.as_tensor(np.stack(moved), dtype=torch.float32)[:, None]
    return nn.functional.interpolate(moved, size=20, mode="area")[:, 0].numpy()


# %% [markdown]
# The first eight signs of the first run: above as they are shown, below the drawings to be named.

# %%
try:
    drawn = cl.load(f"{OMNIGLOT}/runs") if OMNIGLOT else None
    five_alphabets = cl.load(f"{OMNIGLOT}/small1") if OMNIGLOT else None
except cl.CourseError as missing:
    drawn = None
    print(missing)
if drawn is None:
    runs = cl.simulators.glyphs(SEED + 100, classes=400, images=2, noise=NOISE).inputs.copy()
    shown, asked = runs.reshape(20, 20, 2, 20, 20).transpose(2, 0, 1, 3, 4)  # (run, sign, H, W) each
else:
    by_run = [
        rows[np.lexsort((drawn.targets[rows], drawn.groups["run"][rows]))]  # run after run, sign after sign
        for rows in (drawn.splits["published"]["train"], drawn.splits["published"]["test"])
    ]
    shown, asked = (centred(drawn.inputs[rows]).reshape(20, 20, 20, 20) for rows in by_run)
print("These are", "SIMULATED glyphs." if drawn is None else "REAL drawings, the published runs.")
fig = cl.plots.images(np.concatenate([shown[0, :8], asked[0, :8]]))
cl.show(
    fig, alt="Two rows of eight signs: one of each sign as it is shown, and below it another of the same."
)

# %% [markdown]
# With one drawing each there is nothing to tune: the nearest one names. Beside our bodies, one trained as
# they were on the five alphabets of `small1`, where these are there: 136 characters, twenty drawings of
# each. **Predict first:** how often is the wide body wrong, which has seen nothing but simulated scribbles?

# %%
MY_ERROR = None  # per cent wrong, of the wide body


def one_shot_error(extract):
    """Return how often the nearest shown sign is the wrong one [%], mean of the runs."""
    named = [class_means(extract(few), extract(new), 20) for few, new in zip(shown, asked, strict=True)]
    return 100 * np.mean(np.stack(named) != np.arange(20))


if drawn is not None:
    bodies["five alphabets"] = new_body()
    rows = centred(five_alphabets.inputs)[:, None], five_alphabets.targets
    network = nn.Sequential(bodies["five alphabets"], nn.Linear(128, len(five_alphabets.target_names)))
    how = {"schedule": one_cycle(0.01), "device": device, "progress": False}
    cl.fit(network, rows, loss=cross_entropy, epochs=8, **how)
one_shot = {"pixels": one_shot_error(extracts["pixels, regression"])}
one_shot |= {name: one_shot_error(functools.partial(outputs, body)) for name, body in bodies.items()}
for name, wrong in one_shot.items():
    print(f"{name:15} error {wrong:4.1f} %")
cl.compare(MY_ERROR, one_shot["wide"], unit="%")

# %% [markdown]
# The wide body, which has seen nothing but simulated scribbles, makes fewer errors than pixels do, and the
# untrained body does not. That much holds for drawings and for glyphs. With drawings there is more: the
# file that was trained on 500 glyphs makes about as many errors as the distance that learns nothing, and
# the body that learnt from people's characters fewer. Here the close source beat the far one.
#
# How far can one get with five alphabets? A benchmark of this course asks that (`benchmarks/omniglot.md`):
# a distance that lets each pixel look for its counterpart nearby, and learns nothing, is wrong in 9.0 %; the
# same with learned features in 3.8 %. What to compare mattered more there than where the weights came from.
#
# ### A network of photographs
#
# And from further away, a body trained on photographs? The next cell takes the same steps with a network of
# torchvision. It needs the full profile, torchvision, and a network to fetch 45 MB of weights; where one of
# them is missing it says so.


# %%
def backbone_features(network, new):
    """Return the features of glyphs (B, 20, 20), brought to what networks of photographs expect."""
    grey = torch.as_tensor(new)[:, None].clamp(0, 1).expand(-1, 3, -1, -1)
    large = nn.functional.interpolate(grey, size=224, mode="bilinear")
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # of ImageNet
    inputs = (large - mean[:, None, None]) / sd[:, None, None]
    network.eval()
    with torch.no_grad():
        return np.concatenate([network(piece.to(device)).cpu().numpy() for piece in inputs.split(64)])


def use_backbone(name):
    """Compare a network of torchvision, trained on photographs and untrained, on the test tasks."""
    import torchvision

    for kind, weights in (("photographs", "DEFAULT"), ("untrained", None)):
        network = torchvision.models.get_model(name, weights=weights).to(device)
        network.fc = nn.Identity()  # the head of 1000 classes goes
        extract = functools.partial(backbone_features, network)
        _, correct = search(by_regression(extract))
        print(f"{name}, {kind}, frozen: accuracy {correct.mean():.2f}")


if not BACKBONE or profile == "quick" or os.environ.get("COURSE_OFFLINE"):
    print(f"Skipped: `{BACKBONE}` needs the full profile and a network to fetch its weights.")
else:
    try:
        use_backbone(BACKBONE)
    except (ImportError, OSError) as missing:
        print(f"Skipped: {missing}. Install torchvision, or connect to a network.")

# %% [markdown]
# ## Where it fails
#
# Our tables hold for *few* labels. Does a layer that was frozen wrongly cost as much with many? A
# regression on 64 pixels and one on the three layers kept, with the fifteen labels as before and with all
# training pictures of 5 to 9:


# %%
def by_kept_layers(task, _):
    """A method: a regression on the three layers of a task's reader."""
    return by_regression(functools.partial(outputs, task.reader[:3]))(task, None)


every_label = {
    kind: [Task(*five_digits("train", 5), *five_digits(part, 5), reader) for reader in readers]
    for kind, part in (("tuning", "valid"), ("tests", "test"))
}
of_pixels = {kind: tasks[:1] for kind, tasks in every_label.items()}  # they need no reader
with_all = {
    "pixels": search(by_regression(extracts["pixels, regression"]), **of_pixels)[1].mean(),
    "3 kept": search(by_kept_layers, **every_label)[1].mean(),
}
with_few = {"pixels": read["pixels"].mean(), "3 kept": search(by_kept_layers, **digit_tasks)[1].mean()}
for name in with_all:
    for tasks, value in ((digit_tasks, with_few[name]), (every_label, with_all[name])):
        print(f"{name:7} {len(tasks['tests'][0].few):3} labels: accuracy {value:.3f}")

# %% [markdown]
# Most of the gap has closed. What 5 to 9 need was in the frozen layers after all, squeezed into directions so
# small that fifteen labels could not find them; hundreds could. So "negative transfer" belongs to a number of
# labels, as "more effectively" does. Freezing is a bet that what the new question needs lies *within reach of
# the labels at hand*, and only a comparison with doing without tells whether it was won.
#
# What this lesson cannot say: all bodies here are small, most signs are simulated, and each body was trained
# once in a run. With photographs, larger networks and more labels the balance between freezing and
# fine-tuning shifts, and may turn. The questions stay: the same number of pictures? the same search? beside
# which baseline, and beside an *untrained* body?

# %% [markdown]
# ## Claims
#
# **1 · Diversity, at equal numbers of pictures.**

# %%
cl.claim(
    "the narrow network is better at its own question than the wide one",
    source_accuracy["narrow"],
    ">",
    source_accuracy["wide"],
    margin=0.05,
    because="0.05 is beyond the luck of a hundred held-out pictures, at an accuracy near 1",
)
cl.claim(
    "wide pre-training serves new glyphs better than narrow, with as many pictures",
    accuracy["wide, frozen"],
    ">",
    accuracy["narrow, frozen"],
    margin=0.03,
    because="0.03 is beyond what the choice of five tasks does to a paired difference",
)
cl.claim(
    "pre-training helps only if it is diverse: after five glyphs it is no better than pixels, to 0.05",
    gain["narrow, frozen", "pixels, regression"],
    "<=",
    0.05,
    expect="fails",
    because="0.05 is beyond what the choice of five tasks does to a paired difference",
)
cl.claim(
    "the narrow body uses fewer directions for new glyphs than the wide one",
    dimension["narrow"],
    "<",
    dimension["wide"],
    margin=1.0,
    because="one direction of them",
)

# %% [markdown]
# **2 · Frozen means weights, averages and mode.**

# %%
cl.claim(
    "a body whose weights need no gradient holds still in training mode, in entries that moved",
    len(moved),
    "==",
    0,
    expect="fails",
    because="a frozen body has none",
)
cl.claim(
    "in batches of one glyph, training mode costs accuracy",
    unmixed["evaluation mode"],
    ">",
    unmixed["training mode"],
    margin=0.05,
    because="0.05 is three standard errors of an accuracy near 0.8 on 200 pictures, paired",
)

# %% [markdown]
# **3 · More effective than what?**

# %%
cl.claim(
    "with two pictures per glyph a frozen wide body beats a network from scratch",
    accuracy["wide, frozen"],
    ">",
    accuracy["from scratch"],
    margin=0.2,
    because="four glyphs of the twenty",
)
cl.claim(
    "fine-tuning at one rate, as hard as it was tuned, beats the wide body that was left alone",
    accuracy["wide, fine-tuned"],
    ">",
    accuracy["wide, frozen"],
    expect="fails",
    because="any gain would do",
)

# %% [markdown]
# **4 · Rates by layer.**

# %%
cl.claim(
    "rates by layer beat one rate by more than 0.06",
    gain["wide, by depth", "wide, fine-tuned"],
    ">",
    0.06,
    expect="fails",
    because="0.06 is about what fine-tuning lost, and such an interval over five tasks is half as wide",
)
cl.claim(
    "a fitted head wins back more than 0.01",
    gain["wide, head first", "wide, fine-tuned"],
    ">",
    0.01,
    because="0.01 is twenty of two thousand new pictures",
)
cl.claim(
    "the best of the three ways to fine-tune beats the frozen body by more than 0.03",
    max(gain[f"wide, {how}", "wide, frozen"] for how in ("fine-tuned", "by depth", "head first")),
    ">",
    0.03,
    expect="fails",
    because="0.03 is beyond what the choice of five tasks does to a paired difference",
)

# %% [markdown]
# **5 · Transfer that does harm.**

# %%
cl.claim(
    "digits: three layers of a network that reads 0 to 4 cost accuracy on 5 to 9",
    cost["3 kept"],
    ">",
    0.05,
    because="one digit in twenty",
)
cl.claim(
    "digits: a trained third layer serves 5 to 9 better than an untrained one",
    cost["3 untrained"],
    ">",
    cost["3 kept"],
    expect="fails",
    because="any gain would do",
)
cl.claim(
    "digits: two trained layers serve 5 to 9 better than two untrained ones, by more than 0.05",
    cost["2 untrained"] - cost["2 kept"],
    ">",
    0.05,
    expect="fails",
    because="0.05 is about the half-width of such an interval over ten draws",
)
cl.claim(
    "digits: the best use of that network beats the best without it by more than 0.05",
    max(read[name].mean() for name in ("1 kept", "2 kept", "3 kept", "all fine-tuned"))
    - max(read[name].mean() for name in ("scratch", "pixels")),
    ">",
    0.05,
    expect="fails",
    because="the same 0.05",
)
cl.claim(
    "digits: with all labels the same frozen layers come within 0.05 of pixels",
    with_all["pixels"] - with_all["3 kept"],
    "<=",
    0.05,
    because="0.05 is beyond the luck of 180 test digits, paired; with fifteen labels it was many times that",
)

# %% [markdown]
# **6 · Somebody else's weights.**

# %%
cl.claim(
    "the body that was trained on 500 glyphs is as good as ours or better, frozen, to 0.03",
    gain["shipped, frozen", "wide, frozen"],
    ">=",
    -0.03,
    because="0.03 is beyond what the choice of five tasks does to a paired difference",
)
cl.claim(
    "digits: features of glyphs, far but diverse, beat features of other digits, close but narrow",
    read["glyph body, shipped"].mean(),
    ">",
    read["3 kept"].mean(),
    margin=0.1,
    because="a digit in ten",
)
cl.claim(
    "one shot: features of simulated glyphs make fewer errors than pixels, in per cent",
    one_shot["wide"],
    "<",
    one_shot["pixels"],
    margin=2.0,
    because="2 % are eight of the 400 drawings to be named",
)
cl.claim(
    "one shot: an untrained body makes fewer errors than pixels, by more than 2 %",
    one_shot["untrained"],
    "<",
    one_shot["pixels"],
    margin=2.0,
    expect="fails",
    because="the same eight of the 400 drawings",
)

# %% [markdown]
# ## Further reading
#
# - J. Yosinski and others, [How transferable are features in deep neural
#   networks?](https://arxiv.org/abs/1411.1792) (2014): section 5 for every layer of a network of photographs.
# - M. Huh, P. Agrawal, A. A. Efros, [What makes ImageNet good for transfer
#   learning?](https://arxiv.org/abs/1608.08614) (2016): more classes or more pictures, asked of photographs.
#   "Most changes in the choice of pre-training data long thought to be critical do not significantly affect
#   transfer performance": 127 classes instead of 1000 cost little. Our narrow body had five.
# - M. Raghu and others, [Transfusion: Understanding Transfer Learning for Medical
#   Imaging](https://arxiv.org/abs/1902.07208) (2019): by the first author of the sentence in section 5;
#   "transfer offers little benefit to performance", measured on eyes and chests.
# - A. Kumar and others, [Fine-Tuning can Distort Pretrained Features and Underperform
#   Out-of-Distribution](https://arxiv.org/abs/2202.10054) (2022): why a frozen body can win, and a remedy:
#   first the head, then everything.
# - B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, [The Omniglot challenge: a 3-year progress
#   report](https://arxiv.org/abs/1902.03477) (2019): the published errors of the one-shot runs.
# - J. Howard, S. Ruder, [Universal Language Model Fine-tuning for Text
#   Classification](https://arxiv.org/abs/1801.06146) (2018): where discriminative rates come from.
