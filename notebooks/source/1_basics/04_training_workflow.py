# %% [markdown]
# ## The question
#
# A network trains, the loss falls, the accuracy looks good. How do you find out whether it has learnt what
# you think? Two sentences are on trial. J. Zou (*Application and implementation of different deep learning*):
# "When training deep neural network models, we can visualize important metrics such as loss and accuracy
# while training." F. Biscarini and N. Nazzicari (*Deep learning for biologists*) count among the innovations
# that made deep learning possible "better optimizers (e.g. RMSProp and ADAM)".
#
# We plant seven faults in a training loop and look at the metrics; we tune four optimisers with the same
# care; and we build a checklist that all later lessons use.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **write** a training loop, step its optimiser by hand, and get the library's numbers;
# 2. **compare** optimisers and schedules with the same budget;
# 3. **find** a bug from its symptoms, and name the bugs that no symptom shows;
# 4. **cut** data so that no example, nor a near copy of it, stands on both sides, and say what a ± covers.

# %% [markdown]
# ## Set-up
#
# The first cell holds what you may change. Section 6 looks at HIV-1 sequences, first at simulated ones, where
# we know who is whose, then at real ones. Where the real ones cannot be had, the simulator stands in for
# them, and says so. `WATTS` is an assumption; put in what your machine draws.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"
SEQUENCES: str = "hiv_resistance/FPV"  # real HIV-1 sequences: protease, resistant to fosamprenavir or not
STAND_IN: str = "hiv_isolates"  # the simulator that stands in for them where they cannot be had
WATTS: float = 20.0  # W, power that one busy core draws: an assumption, used in the appendix only

# %%
import copy
import importlib.util
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device("cpu")
cl.plots.use_style()
repeats = {"quick": 10, "full": 30}[profile]  # seeds per comparison

# %% [markdown]
# The data are the digits of lesson 01, cut into three stretches of the file: 1078 pictures to train on, 360
# for **validation**, 359 for the **test**. Nearly every stretch holds other hands. The test pictures stay in
# their drawer until section 7.

# %%
digits = cl.load("digits")
parts = {part: digits.split(part) for part in ("train", "valid", "test")}
parts = {part: (torch.tensor(x).flatten(1), torch.tensor(y)) for part, (x, y) in parts.items()}
train, valid, test = parts.values()  # each: (B, 64) ink from 0 to 1, and (B,) digits
for part, (x, y) in parts.items():
    print(
        f"{part:6} {tuple(x.shape)}, ink from {x.min():.0f} to {x.max():.0f}, rarest digit "
        f"{y.bincount().min()} times"
    )

# %% [markdown]
# ## 1 · The loop, by hand
#
# One hidden layer of 64 units, as in lesson 01. Its ten outputs become probabilities by **softmax**: $e$ to
# the power of each, divided by their sum. Before the first step the network knows nothing, and a good
# implementation says so. **Predict first:** it gives each of the ten digits about the same probability. What
# is its **cross-entropy**, the mean of $-\log$ of the probability given to the right digit? (Natural
# logarithm; the unit is the **nat**.)


# %%
def network():
    """Return a network for 64 pixels and ten digits, from new random weights."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


MY_LOSS = None  # a number above 0
start = network()
first_loss = cross_entropy(start(train[0]), train[1]).item()
print(f"loss before training {first_loss:.3f}, log(10) = {np.log(10):.3f}")
cl.compare(MY_LOSS, first_loss)

# %% [markdown]
# About log 10. A first loss far from log K, for K classes, is the cheapest alarm there is: it costs one
# forward pass.
#
# Now the loop. An **epoch** shows every row once, in a new random order, 64 rows at a time: a **batch**. Each
# step does four things. `backward` computes the **gradient**: for each weight, how much the loss rises as the
# weight rises (lesson 02 built it). The step is 0.1 times the gradient: 0.1 is the **learning rate**.

# %%
by_hand = copy.deepcopy(start)
order = torch.Generator().manual_seed(SEED)
hand_losses = []
for _ in range(5):
    total = 0.0
    for rows in torch.randperm(len(train[0]), generator=order).split(64):
        loss = cross_entropy(by_hand(train[0][rows]), train[1][rows])  # 1 how wrong?
        for weight in by_hand.parameters():
            weight.grad = None  # 2 forget the last step's gradient
        loss.backward()  # 3 in which direction?
        with torch.no_grad():
            for weight in by_hand.parameters():
                weight -= 0.1 * weight.grad  # 4 a step against it
        total += loss.item() * len(rows)  # the last batch is shorter, and weighs less
    hand_losses.append(total / len(train[0]))
print("  ".join(f"{value:.4f}" for value in hand_losses))

# %% [markdown]
# `torch.optim.SGD` does 2 and 4 (`zero_grad`, `step`): it is an **optimiser**, a rule that makes steps out of
# gradients. `cl.fit` does all of it. The same start, the same
# order of rows, the same rate: the losses must agree. We ask for one part in a thousand, because the library
# fuses operations and rounds differently.

# %% tags=["twin"]
by_library = copy.deepcopy(start)
history = cl.fit(
    by_library,
    train,
    loss=cross_entropy,
    epochs=5,
    optimizer="sgd",
    learning_rate=0.1,
    seed=SEED,
    device=device,
    progress=False,
)
fit_losses = [record["train_loss"] for record in history]
np.testing.assert_allclose(fit_losses, hand_losses, rtol=1e-3)
worst = max(abs(a / b - 1) for a, b in zip(fit_losses, hand_losses, strict=True))
print("  ".join(f"{value:.4f}" for value in fit_losses))
print(f"largest relative difference: {worst:.1e}")

# %% [markdown]
# From here on we write `fit`; unless told otherwise it steps by AdamW, of the family of section 2. Its
# history also holds the validation loss, measured after each epoch on rows that it does not learn from.


# %%
def accuracy(outputs, targets):
    """Return the share of rows whose largest output is the right class."""
    return float((outputs.argmax(dim=1) == targets).float().mean())


common = {"loss": cross_entropy, "device": device, "progress": False}
model = network()
history = cl.fit(model, train, valid, epochs=20, learning_rate=3e-3, metrics={"accuracy": accuracy}, **common)
ax = cl.plots.history(history)
ax.set(yscale="log", xlim=(0, 25), ylabel="cross-entropy (nats, log scale)")
cl.show(
    ax,
    alt="Line plot of cross-entropy on a log scale against epoch: training and validation loss fall "
    f"steeply together for some five epochs; then training goes on to {history[-1]['train_loss']:.2f} and "
    f"validation falls more slowly, to {history[-1]['valid_loss']:.2f}.",
)

# %% [markdown]
# Both fall steeply for some five epochs. Then the validation loss falls more slowly than the training loss,
# and the gap between them opens: more and more of what is learnt helps only with rows that are already known.

# %% [markdown]
# ## 2 · Better optimisers?
#
# The four in the order of their invention, each a rule from a gradient $g$ to a step with rate $\eta$:
#
# - **SGD** (stochastic gradient descent): $w \leftarrow w - \eta g$
# - **momentum**: a velocity $v \leftarrow 0.9\,v + g$, then $w \leftarrow w - \eta v$
# - **RMSProp**: a running mean square $s \leftarrow 0.99\,s + 0.01\,g^2$, then $w \leftarrow w - \eta\,
#   g/(\sqrt{s}+\varepsilon)$
# - **Adam**: both at once, yours in a moment
#
# ($\varepsilon$ is tiny and keeps the division from meeting a zero.) The last two divide each weight's
# gradient by its own recent size: where the slope is small, they step as far as elsewhere.


# %%
def sgd_step(weights, gradient, memory, learning_rate):
    """Return the new weights, and the memory that plain descent does not have."""
    return weights - learning_rate * gradient, memory


def momentum_step(weights, gradient, memory, learning_rate):
    """Return the new weights and velocity."""
    velocity = 0.9 * memory + gradient
    return weights - learning_rate * velocity, velocity


def rmsprop_step(weights, gradient, memory, learning_rate):
    """Return the new weights and mean square."""
    square = 0.99 * memory + 0.01 * gradient**2
    return weights - learning_rate * gradient / (np.sqrt(square) + 1e-8), square


# %% [markdown]
# The surface to descend: a long valley, $f(a, b) = \frac12 (a^2 + 20\,b^2)$, twenty times steeper across than
# along. First by hand against `torch.optim`, step for step, twenty steps.


# %%
def slope(weights):
    """Return the gradient of the valley at (a, b)."""
    return weights * np.array([1.0, 20.0])


library = {
    "SGD": lambda weights, rate: torch.optim.SGD(weights, lr=rate),
    "momentum": lambda weights, rate: torch.optim.SGD(weights, lr=rate, momentum=0.9),
    "RMSProp": lambda weights, rate: torch.optim.RMSprop(weights, lr=rate),
    "Adam": lambda weights, rate: torch.optim.Adam(weights, lr=rate),
}


def library_path(name, rate, steps, first=(-9.0, 2.0)):
    """Return the points that an optimiser of torch visits in the valley, (steps + 1, 2)."""
    weights = torch.tensor(first, dtype=torch.float64)
    optimizer, path = library[name]([weights], rate), [weights.numpy().copy()]
    for _ in range(steps):
        weights.grad = torch.tensor(slope(weights.numpy()))
        optimizer.step()
        path.append(weights.numpy().copy())
    return np.array(path)


# %% tags=["twin"]
for name, step in {"SGD": sgd_step, "momentum": momentum_step, "RMSProp": rmsprop_step}.items():
    weights, memory, path = np.array([-9.0, 2.0]), np.zeros(2), [np.array([-9.0, 2.0])]
    for _ in range(20):
        weights, memory = step(weights, slope(weights), memory, 0.04)
        path.append(weights)
    gap = np.abs(np.array(path) - library_path(name, 0.04, 20)).max()
    assert gap < 1e-12, (name, gap)
    print(f"{name:9} 20 steps by hand and by torch: largest difference {gap:.1e}")

# %% [markdown]
# ### Exercise 04.1 · complete · about 8 minutes · difficulty 3 of 5
#
# One step of Adam (Kingma and Ba, 2015). Keep a running mean of the gradient and one of its square,
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g, \qquad s \leftarrow \beta_2 s + (1-\beta_2)\,g^2 .$$
#
# Both start at zero and are too small at first. So use $\hat m = m/(1-\beta_1^t)$ and $\hat s =
# s/(1-\beta_2^t)$ in the step number $t = 1, 2, \dots$: $\;w \leftarrow w - \eta\,\hat m/(\sqrt{\hat
# s}+\varepsilon)$.
#
# - `weights`, `gradient`, `mean`, `square`: arrays of the same shape; `step`: 1 at the first call
# - returns: the new `weights`, `mean` and `square`, in this order; the last two **without** the correction
#
# Example: with gradient 3.0, weights 1.0, zeros, `step=1` and `learning_rate=0.1`: about `(0.9, 0.3, 0.009)`.


# %%
# EXERCISE 04.1
def adam_step(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
    """Return the weights, the running mean and the running square after one step of Adam."""
    ### BEGIN SOLUTION
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient**2
    right_mean = mean / (1 - betas[0] ** step)
    right_square = square / (1 - betas[1] ** step)
    return weights - learning_rate * right_mean / (np.sqrt(right_square) + eps), mean, square
    ### END SOLUTION


# %%
cl.check("04.1", adam_step)

# %%
# cl.hint("04.1")

# %% tags=["solution"]
weights, mean, square = np.array([-9.0, 2.0]), np.zeros(2), np.zeros(2)
for step in range(1, 21):
    weights, mean, square = adam_step(weights, slope(weights), mean, square, step, learning_rate=0.04)
gap = np.abs(weights - library_path("Adam", 0.04, 20)[-1]).max()
assert gap < 1e-12
print(f"Adam      20 steps by hand and by torch: largest difference {gap:.1e}")

# %% [markdown]
# ### A rate that you can drag
#
# Thirty steps in the valley from the same start. **Before you drag:** plain descent has a largest rate beyond
# which it leaves the picture. A step across the valley multiplies $b$ by $1 - 20\eta$. Which rate is too
# large?


# %%
def draw_descent(learning_rate=0.03, optimiser="SGD"):
    """Draw thirty steps of an optimiser in the valley."""
    ax = plt.subplots()[1]
    a, b = np.meshgrid(np.linspace(-11, 5, 120), np.linspace(-4, 4, 90))
    ax.contour(a, b, np.sqrt(0.5 * (a**2 + 20 * b**2)), levels=10, colors="0.8", linewidths=1)
    path = library_path(optimiser, learning_rate, 30)
    ax.plot(*path.T, "-o", markersize=4, linewidth=1.2, color=cl.plots.PALETTE[0])
    ax.plot(0, 0, "*", color=cl.plots.PALETTE[1], markersize=14)
    ax.set(xlabel="weight a (slope 1)", ylabel="weight b (slope 20)", xlim=(-11, 5), ylim=(-4, 4))
    height = 0.5 * (path[-1, 0] ** 2 + 20 * path[-1, 1] ** 2)
    ax.set_title(
        f"{optimiser}, rate {learning_rate:g}: height {height:.3g} after 30 steps, 80.5 at the start"
    )
    return ax


cl.slider(
    draw_descent,
    learning_rate=[0.003, 0.01, 0.03, 0.09, 0.101, 0.3, 1.0],
    optimiser=["SGD", "momentum", "RMSProp", "Adam"],
    alt=lambda learning_rate, optimiser: (
        f"Contour plot of a narrow valley with the path of 30 steps of {optimiser} at rate "
        f"{learning_rate:g}, from the left towards a star at the minimum."
    ),
)

# %% [markdown]
# For plain descent $|1 - 20\eta|$ exceeds 1 from η = 0.1 on, and at that rate the flat direction has still
# far to go: the steepest direction sets the rate, the flattest pays. Every optimiser has its own good rate,
# and those of Adam are not those of SGD. A comparison at one common rate compares the rates.

# %% [markdown]
# ### Tuned with the same care
#
# First on problems with a known answer, quadratic valleys in ten dimensions: $f(\theta) = \lVert W\theta - y
# \rVert^2$ with a random 10 × 10 matrix $W$ and a random $y$, 100 steps. Each optimiser gets the same 13
# rates from 10⁻⁴ to 10 and keeps the one that is best on average on 50 problems; then all meet 200 **new**
# problems. **Predict first:** which of the four wins?


# %%
def random_problems(random, count):
    """Draw matrices (count, 10, 10), right-hand sides (count, 10) and starts (count, 10)."""
    return [torch.tensor(random.normal(size=shape)) for shape in ((count, 10, 10), (count, 10), (count, 10))]


def height_after(name, rate, problems, steps=100):
    """Return f after so many steps on each problem: (count,), and infinity where it has left the ground."""
    matrix, goal, theta = (part.clone() for part in problems)
    optimizer = library[name]([theta], rate)
    for _ in range(steps):
        gap = torch.einsum("bij,bj->bi", matrix, theta) - goal
        theta.grad = 2 * torch.einsum("bij,bi->bj", matrix, gap)
        optimizer.step()
    gap = torch.einsum("bij,bj->bi", matrix, theta) - goal
    return np.nan_to_num((gap**2).sum(dim=1).numpy(), nan=np.inf)


# %%
MY_WINNER = None  # "SGD", "momentum", "RMSProp" or "Adam"
random = np.random.default_rng(SEED)
old, new = random_problems(random, 50), random_problems(random, 200)
rates = np.geomspace(1e-4, 10, 13)
with np.errstate(over="ignore", invalid="ignore"):
    tuning = {name: [height_after(name, rate, old).mean() for rate in rates] for name in library}
best_rate = {name: rates[int(np.argmin(heights))] for name, heights in tuning.items()}
final = {name: height_after(name, best_rate[name], new) for name in library}
for name, heights in final.items():
    error = heights.std(ddof=1) / np.sqrt(200)
    print(
        f"{name:9} rate {best_rate[name]:7.4f}: height {heights.mean():.2f} ± {error:.2f} (standard error, "
        "200 problems)"
    )
difference = final["Adam"] - final["momentum"]
print(f"Adam minus momentum, paired: {difference.mean():.2f} ± {difference.std(ddof=1) / np.sqrt(200):.2f}")
print(f"your winner: {MY_WINNER}; lowest mean: {min(final, key=lambda name: final[name].mean())}")

# %% [markdown]
# Tuned momentum, a method of B. Polyak's from 1964, comes out ahead of tuned Adam. These are quadratics
# without noise; a network on batches is something else. The same protocol there: eleven rates, two seeds
# each, five epochs, chosen by the **validation** loss. A run that diverges counts as infinitely bad. And one
# look that belongs to every grid: a best rate at its edge would mean that the grid was too small.


# %%
def short_run(name, rate, seed, schedule=None, epochs=5):
    """Train a new network and return it with its last validation loss (a schedule: section 4)."""
    torch.manual_seed(seed)
    model = network()
    how = {"optimizer": lambda weights: library[name](weights, rate), "schedule": schedule, "seed": seed}
    try:
        history = cl.fit(model, train, valid, epochs=epochs, **how, **common)
    except cl.CourseError:  # the loss was not finite
        return model, np.inf
    return model, history[-1]["valid_loss"]


net_rates = 10.0 ** (np.arange(-9, 2) / 3)  # 0.001 to 2.15
grid = {
    name: [np.mean([short_run(name, rate, 1000 * SEED + k)[1] for k in range(2)]) for rate in net_rates]
    for name in library
}
net_best = {name: net_rates[int(np.argmin(losses))] for name, losses in grid.items()}
print({name: f"{rate:.3g}" for name, rate in net_best.items()})
print("at an edge of the grid:", [name for name, rate in net_best.items() if rate in net_rates[[0, -1]]])

# %%
fig, ax = plt.subplots()
markers = dict(zip(library, "os^D", strict=True))
for number, (name, losses) in enumerate(grid.items()):
    ax.loglog(net_rates, losses, marker=markers[name], label=name, color=cl.plots.PALETTE[number])
ax.axhline(np.log(10), color="0.4", linestyle="--", linewidth=1)
ax.text(1.05e-3, np.log(10) * 1.08, "knows nothing: log 10", fontsize=11)
ax.set(xlabel="learning rate (log scale)", ylabel="validation loss (nats, log scale)", ylim=(0.1, 9))
ax.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], labels=["0.1", "0.2", "0.5", "1", "2", "5"])
ax.yaxis.minorticks_off()
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, columnspacing=1.0)
cl.show(
    fig,
    alt="Line plot of validation loss against learning rate on log scales for four optimisers: each has a "
    "valley at another rate, and those of RMSProp and Adam lie at rates ten to a hundred times smaller "
    "than that of SGD; their depths differ little.",
)

# %% [markdown]
# Four valleys in different places, not very different in depth. Now new seeds, each optimiser once at its
# tuned rate and once at the rate that `torch.optim` sets by default (0.001; RMSProp 0.01).

# %%
defaults = {"SGD": 1e-3, "momentum": 1e-3, "RMSProp": 1e-2, "Adam": 1e-3}
seeds = [1000 * SEED + 100 + k for k in range(repeats)]
half = seeds[: repeats // 2]
tuned_loss = {name: np.array([short_run(name, net_best[name], s)[1] for s in half]) for name in library}
default_loss = {name: np.array([short_run(name, defaults[name], s)[1] for s in half]) for name in library}
print(f"validation loss after five epochs, mean ± sd of {len(half)} seeds")
for name in library:
    tuned, plain = tuned_loss[name], default_loss[name]
    print(
        f"{name:9} tuned {tuned.mean():.3f} ± {tuned.std(ddof=1):.3f}   "
        f"by default {plain.mean():.3f} ± {plain.std(ddof=1):.3f}"
    )

# %% [markdown]
# So is the sentence true? At the library's default rates, plainly: in five epochs RMSProp and Adam learn
# where SGD and momentum have hardly left log 10. With every rate tuned, little of that lead is left: on the
# digits Adam is ahead by hundredths of a nat, if at all, and on the quadratics it is behind. **Most of what
# RMSProp and Adam improve here is the first guess of the rate.** That is worth something to whoever cannot
# afford a grid. (One small network and one kind of problem: this says nothing about large ones.)

# %% [markdown]
# ## 3 · Seven faults
#
# Now we plant bugs, each a slip that somebody makes every day. (`cross_entropy` is two steps in one:
# `log_softmax`, which turns the outputs of each row into logarithms of probabilities, and `nll_loss`, minus
# the mean of those of the right classes. **Dropout** switches units off at random, in training only.)
#
# | name | what is wrong |
# |---|---|
# | misaligned | the labels of each batch come in another order than its pictures, anew at each step |
# | no zero_grad | the gradients of all steps are added up |
# | softmax twice | the outputs pass a softmax before `cross_entropy`, which takes it itself |
# | frozen layer | the optimiser was given the last layer only |
# | wrong axis | probabilities sum to 1 over the batch instead of over the classes |
# | shuffled labels | the labels were shuffled once, in the file |
# | eval mode | the network is in evaluation mode during training: dropout does nothing |
#
# One function that can have any of them:


# %%
def train_with(bug, data, steps, seed, batch_size=32):
    """Train a network with dropout, with one bug or none; return it and the loss of every step."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    model.train(bug != "eval mode")
    optimizer = torch.optim.Adam((model[-1] if bug == "frozen layer" else model).parameters(), lr=0.01)
    inputs, targets = data
    if bug == "shuffled labels":
        targets = targets[torch.randperm(len(targets))]
    losses = []
    while len(losses) < steps:
        for rows in torch.randperm(len(inputs)).split(batch_size):
            outputs, wanted = model(inputs[rows]), targets[rows]
            if bug == "misaligned":
                wanted = wanted[torch.randperm(len(wanted))]
            if bug == "softmax twice":
                outputs = outputs.softmax(dim=1)
            log_share = outputs.log_softmax(dim=0 if bug == "wrong axis" else 1)
            loss = nn.functional.nll_loss(log_share, wanted)
            if bug != "no zero_grad":
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return model.eval(), losses


# %% [markdown]
# **Predict first.** Train on all 1078 pictures for ten epochs and look at what one usually looks at: does the
# loss fall, and what is the validation accuracy? How many of the seven stay below an accuracy of 0.8, so that
# somebody would start to search?

# %%
MY_CAUGHT = None  # a whole number from 0 to 7
bugs = ["none", "misaligned", "no zero_grad", "softmax twice", "frozen layer", "wrong axis"]
bugs += ["shuffled labels", "eval mode"]
usual = {}
for bug in bugs:
    model, losses = train_with(bug, train, steps=340, seed=SEED)
    usual[bug] = losses[0], np.mean(losses[-34:]), cl.evaluate(model, valid, metrics={"a": accuracy})["a"]
    print(
        f"{bug:16} loss {usual[bug][0]:.2f} -> {usual[bug][1]:7.2f}   validation accuracy {usual[bug][2]:.2f}"
    )
cl.compare(MY_CAUGHT, sum(found < 0.8 for _, _, found in usual.values()))

# %% [markdown]
# Three faults are plain to see. But *softmax twice*, the *wrong axis* and *eval mode* reach the accuracy of
# the correct loop or nearly so, and the *frozen layer* is a few points below it, which nobody would notice
# without the first line. Their losses fall. Loss and accuracy "while training" do not tell.

# %% [markdown]
# ### Overfit one batch
#
# A better test takes a second. Take **32 rows** and train on nothing else. A network with more weights than
# that can learn them by heart, so the loss must go to nearly zero: below 0.05 within 200 steps. If it does
# not, do not train longer. Something is wrong.

# %%
batch = train[0][:32], train[1][:32]
one_batch = {bug: [train_with(bug, batch, 200, seed)[1] for seed in (SEED, SEED + 1)] for bug in bugs}
last_loss = {bug: np.array(runs)[:, -10:].mean(axis=1) for bug, runs in one_batch.items()}
fig, ax = plt.subplots(figsize=(6.4, 4.4))
for height, bug in enumerate(reversed(bugs)):
    passes = last_loss[bug].max() < 0.05
    ax.plot(
        last_loss[bug],
        [height] * 2,
        "o" if passes else "X",
        color=cl.plots.PALETTE[0 if passes else 1],
        markersize=8,
    )
ax.axvline(0.05, color="0.3", linestyle="--", linewidth=1)
ax.text(0.055, 6.5, "0.05", va="center", fontsize=11)
ax.set(xscale="log", yticks=range(8), yticklabels=bugs[::-1], xlim=(1e-4, 1e2))
ax.set(xlabel="loss on the 32 rows, last ten of 200 steps (log scale)")
cl.show(
    fig,
    alt="Dot plot of the last loss on one batch for the correct loop and seven bugs: five bugs stay above "
    "0.3, while the correct loop, shuffled labels and eval mode all end below 0.05.",
)

# %% [markdown]
# Five of the seven stand out, by a factor of ten and more, and their losses even say which. Softmax twice
# cannot go below $\log(1 + 9/e)$: what enters the second softmax is at most 1 for the right digit and 0 for
# the nine others. The wrong axis begins at log 32, the size of the batch, instead of log 10. Two pass:
# shuffled labels are learnt by heart like any others, and eval mode makes learning by heart easier. Section 5
# has a test for the first. For the second, look at `model.training`, or send the same rows through twice:
# with dropout at work the two outputs differ.

# %%
print(
    f"softmax twice: floor log(1 + 9/e) = {np.log(1 + 9 / np.e):.3f}, reached "
    f"{last_loss['softmax twice'].min():.3f}"
)
print(f"wrong axis: starts at {one_batch['wrong axis'][0][0]:.2f}, log(32) = {np.log(32):.2f}")
still = train_with("frozen layer", batch, 200, SEED)[0][0].weight
torch.manual_seed(SEED)
print(f"frozen layer: first layer moved by {float((still - nn.Linear(64, 64).weight).norm().detach()):.3f}")

# %% [markdown]
# The last line is a test of its own: **does every layer move?** It takes a copy of the weights before and a
# subtraction after.

# %% [markdown]
# ### Exercise 04.2 · debug · about 10 minutes · difficulty 3 of 5
#
# A colleague cannot overfit a batch and asks for more epochs. All five bugs that the test can see are in this
# loop. (It runs, which is the trouble.)


# %%
def overfit_broken(model, inputs, targets, *, steps, learning_rate):
    """Train on one batch by plain gradient descent; return the loss of each step."""
    optimizer = torch.optim.SGD(list(model.parameters())[-2:], lr=learning_rate)
    losses = []
    for _ in range(steps):
        mixed = torch.randperm(len(inputs))
        probability = model(inputs[mixed]).softmax(dim=1)
        loss = nn.functional.nll_loss(probability.log_softmax(dim=0), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


broken = overfit_broken(copy.deepcopy(start), *batch, steps=200, learning_rate=0.5)
print(f"loss {broken[0]:.2f} -> {broken[-1]:.2f}")

# %% [markdown]
# Mend it. Keep plain SGD with `learning_rate` on the whole batch, for exactly `steps` steps.
#
# - `model`: any classifier, trained in place; `inputs`: (B, …), `targets`: (B,) classes, tensors
# - returns: a list of `steps` losses, each measured **before** its step, mean cross-entropy in nats
#
# Example: `overfit(copy.deepcopy(start), *batch, steps=200, learning_rate=0.5)` begins near 2.3 and ends
# below 0.05.


# %%
# EXERCISE 04.2
def overfit(model, inputs, targets, *, steps, learning_rate):
    """Train on one batch by plain gradient descent; return the loss of each step."""
    ### BEGIN SOLUTION
    descent = torch.optim.SGD(model.parameters(), lr=learning_rate)
    curve = []
    for _ in range(steps):
        error = cross_entropy(model(inputs), targets)
        descent.zero_grad()
        error.backward()
        descent.step()
        curve.append(error.item())
    return curve
    ### END SOLUTION


# %%
cl.check("04.2", overfit)

# %%
# cl.hint("04.2")

# %% [markdown]
# ## 4 · Which rate?
#
# A grid of eleven rates costs eleven runs. L. N. Smith's **range test** (2015) costs one, here of six epochs
# at most: let the rate grow by a constant factor at every batch, from far too small to far too large, and
# watch the loss. It falls while the rate is useful and shoots up when it is too large. One takes a rate
# somewhat below the rise.

# %%
torch.manual_seed(SEED)
probe = network()
optimizer = torch.optim.SGD(probe.parameters(), lr=1e-3, momentum=0.9)
probe_rates, probe_losses = np.geomspace(1e-3, 10, 102), []  # six epochs of 17 batches
batches = [rows for _ in range(6) for rows in torch.randperm(len(train[0])).split(64)]
for rate, rows in zip(probe_rates, batches, strict=True):
    optimizer.param_groups[0]["lr"] = rate
    loss = cross_entropy(probe(train[0][rows]), train[1][rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    probe_losses.append(loss.item())
    if loss.item() > 2 * first_loss:
        break

# %%
weight_of = 0.8 ** np.arange(len(probe_losses))  # a running mean, or single batches hide the trend
smooth = [
    np.sum(weight_of[: k + 1] * probe_losses[k::-1]) / weight_of[: k + 1].sum()
    for k in range(len(probe_losses))
]
lowest = probe_rates[int(np.argmin(smooth))]
suggested = lowest / 3
fig, ax = plt.subplots()
ax.semilogx(probe_rates[: len(smooth)], probe_losses, ".", color="0.6")
ax.semilogx(probe_rates[: len(smooth)], smooth, color=cl.plots.PALETTE[0])
ax.axvline(suggested, color=cl.plots.PALETTE[1], linestyle="--")
ax.text(suggested * 0.9, 2.9, "a third of the\nlowest point", color=cl.plots.PALETTE[1], ha="right")
ax.set(
    xlabel="learning rate, growing with each batch (log scale)",
    ylabel="loss of the batch (nats)",
    ylim=(0, 4.2),
)
cl.show(
    fig,
    alt="Line plot of batch loss against a growing learning rate: level at 2.3, falling from about 0.01 "
    f"on, lowest at {lowest:.2f}, then rising steeply.",
)
print(
    f"lowest at {lowest:.2f} after {len(smooth)} batches, suggested {suggested:.2f}; the grid of section 2 "
    f"chose {net_best['momentum']:.2f}"
)

# %% [markdown]
# The range test lands within about one step of the grid, for the price of one run instead of twenty-two. It
# is a first guess, and it comes from training rows only.
#
# A rate need not stay. **One-cycle** (Smith and Topin, 2018) starts at a 25th of the largest rate, climbs to
# it in the first 30 % of the steps, and falls to almost nothing, both along half a cosine. By hand and by the
# library:


# %% tags=["twin"]
def one_cycle(step, steps, largest):
    """Return the rate at a step counted from 0."""
    first, last, top = largest / 25, largest / 25e4, 0.3 * steps - 1
    if step <= top:
        low, high, share = first, largest, step / top
    else:
        low, high, share = largest, last, (step - top) / (steps - 1 - top)
    return high + (low - high) * (1 + np.cos(np.pi * share)) / 2


def library_cycle(largest):
    """Return what `fit` takes as `schedule`."""
    return lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=largest, total_steps=steps, cycle_momentum=False
    )


optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
schedule, found = library_cycle(0.4)(optimizer, 85), []
for _ in range(85):
    found.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    schedule.step()
np.testing.assert_allclose(found[:-1], [one_cycle(k, 85, 0.4) for k in range(84)], rtol=1e-6)
print(
    f"rate: {found[0]:.3f} at first, {max(found):.3f} at step {int(np.argmax(found))}, {found[-1]:.1e} at "
    "last"
)

# %% [markdown]
# Does it help? The baseline is a constant rate. Momentum, ten epochs, the same five rates for both, two
# seeds each, chosen by validation loss; then new seeds, paired: seed for seed the same start and order of
# rows.

# %%
cycle_rates = np.geomspace(0.05, 0.8, 5)
schedules = {"constant": lambda rate: None, "one-cycle": library_cycle}
chosen = {}
for kind, make in schedules.items():
    tuning_seeds = [1000 * SEED + 50 + k for k in range(2)]
    of_rate = [
        np.mean([short_run("momentum", rate, s, make(rate), epochs=10)[1] for s in tuning_seeds])
        for rate in cycle_rates
    ]
    chosen[kind] = cycle_rates[int(np.argmin(of_rate))]
print({kind: f"{rate:.2f}" for kind, rate in chosen.items()})

# %%
cycle_runs = {
    kind: [short_run("momentum", chosen[kind], s, make(chosen[kind]), epochs=10) for s in seeds]
    for kind, make in schedules.items()
}
cycle_loss = {kind: np.array([loss for _, loss in runs]) for kind, runs in cycle_runs.items()}
for kind, losses in cycle_loss.items():
    print(f"{kind:10} validation loss {losses.mean():.3f} ± {losses.std(ddof=1):.3f} (sd of {repeats} seeds)")
gain = cycle_loss["constant"] - cycle_loss["one-cycle"]
print(f"gain, paired: {gain.mean():+.3f} ± {gain.std(ddof=1) / np.sqrt(repeats):.3f} (standard error)")
print(f"lower with one-cycle for {np.sum(gain > 0)} of {repeats} seeds")

# %% [markdown]
# The mean moves by a hundredth of a nat or two, if at all, and not always down: with both rates tuned,
# one-cycle is no gain to speak of here. Is it calmer? Its last steps are so small that the result should hang
# less on which batch came last. Compare the two spreads above, but gently: a standard deviation from ten runs
# is itself known to about a quarter. (Repeated with other seeds, this lesson finds the smaller spread mostly
# with one-cycle, not always.)

# %% [markdown]
# ## 5 · Train, validation, test
#
# We have chosen rates by the validation loss. What was chosen by it is no longer judged by it. How much does
# choosing flatter? Pure noise tells: genes that know no diagnosis (lesson 01). Fifty models, each of 20 genes
# drawn at random: a patient gets the diagnosis whose mean, over 50 training patients, is nearer. The model
# that does best on 50 *validation* patients is published. **Predict first:** its validation accuracy? A coin
# has one half.


# %%
def fifty_models(seed):
    """Return the validation and test accuracy of fifty models on noise, (50, 2)."""
    noise = cl.simulators.noise_genes(seed, 400, genes=500)
    random, scores = np.random.default_rng(seed), []
    for _ in range(50):
        genes = random.choice(500, 20, replace=False)
        x, y = noise.inputs[:, genes], noise.targets
        means = np.stack([x[:50][y[:50] == diagnosis].mean(axis=0) for diagnosis in (0, 1)])
        nearer = ((x[50:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        right = nearer == y[50:]
        scores.append([right[:50].mean(), right[50:].mean()])
    return np.array(scores)


MY_BEST = None  # a share from 0 to 1
studies = [fifty_models(1000 * SEED + k) for k in range(repeats)]
winners = np.array([scores[scores[:, 0].argmax()] for scores in studies])  # (studies, 2)
for part, column in (("validation", 0), ("test", 1)):
    print(
        f"best of 50 on {part:10} {winners[:, column].mean():.2f} ± {winners[:, column].std(ddof=1):.2f} "
        f"(sd of {repeats} studies)"
    )
cl.compare(MY_BEST, winners[:, 0].mean())

# %%
fig, ax = plt.subplots()
ax.hist(studies[0][:, 0], bins=np.arange(0.29, 0.76, 0.02), color="0.75")
for score, label, color, height in (
    (studies[0][:, 0].max(), "best on\nvalidation", 1, 7.6),
    (winners[0, 1], "the same\non the test", 0, 8.6),
):
    ax.axvline(score, color=cl.plots.PALETTE[color], linestyle="--" if color else "-")
    ax.text(score + 0.005, height, label, color=cl.plots.PALETTE[color], va="center")
ax.set(xlabel="accuracy (share)", ylabel="models", xlim=(0.29, 0.8), ylim=(0, 10))
cl.show(
    fig,
    alt="Histogram of the validation accuracy of 50 models on noise, spread around one half; the best one "
    f"reaches {studies[0][:, 0].max():.2f}, and {winners[0, 1]:.2f} on the test patients.",
)

# %% [markdown]
# Each single accuracy is honest; the largest of fifty is not. So there are three parts: **train** to set the
# weights, **validation** to choose, **test** to report, once. Whoever goes back after seeing the test result
# has made it a validation set.

# %% [markdown]
# ### Overfitting, and what holds it back
#
# What the validation set is for, in a case that needs it: 100 training pictures, 20 of them with a label
# drawn at random. **Weight decay** pulls weights towards zero, **dropout** switches units off at random while
# training, **early stopping** keeps the epoch with the lowest validation loss. *Try it yourself:* change one
# strength.

# %%
torch.manual_seed(SEED)
few, wrong = train[0][:100], train[1][:100].clone()
wrong[:20] = torch.randint(10, (20,))
kinds = {
    "nothing": (network(), 0.0),
    "weight decay": (network(), 1.0),
    "dropout": (nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)), 0.0),
}
overfitted = {}
for name, (model, decay) in kinds.items():
    how = {"optimizer": lambda weights, decay=decay: torch.optim.AdamW(weights, lr=1e-2, weight_decay=decay)}
    overfitted[name] = cl.fit(
        model, (few, wrong), valid, epochs=60, metrics={"accuracy": accuracy}, **how, **common
    )
    losses = [record["valid_loss"] for record in overfitted[name]]
    stop = int(np.argmin(losses))
    print(
        f"{name:13} validation loss {losses[-1]:.2f} at the end, {losses[stop]:.2f} in epoch {stop + 1} "
        "where early stopping stops"
    )

# %%
ax = cl.plots.history(overfitted["nothing"])
ax.set(
    ylim=(0, 2.6), xlim=(0, 74), ylabel="cross-entropy (nats)", title="100 pictures, 20 with random labels"
)
cl.show(
    ax,
    alt="Line plot of loss against epoch: the training loss falls towards zero, the validation loss falls, "
    "turns, and rises for the rest of the run.",
)

# %% [markdown]
# The U of the textbooks: the validation loss turns when the network begins to learn the wrong labels by
# heart. Each remedy bends it; the lowest point is chosen on validation rows and therefore flatters a little.

# %% [markdown]
# ### The control with shuffled labels
#
# Now the fault that the one-batch test lets pass. Shuffle the *training labels* on purpose and train as
# before. A network is able to learn them; on new pictures it must be at chance. If it is not, the test knows
# something that it should not.

# %%
torch.manual_seed(SEED)
wide = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
shuffled = train[1][torch.randperm(len(train[1]))]
cl.fit(wide, (train[0], shuffled), epochs={"quick": 150, "full": 400}[profile], learning_rate=3e-3, **common)
memorised = cl.evaluate(wide, (train[0], shuffled), metrics={"accuracy": accuracy})["accuracy"]
control = cl.evaluate(wide, valid, metrics={"accuracy": accuracy})["accuracy"]
print(
    f"accuracy on 1078 shuffled training labels {memorised:.2f}, on validation pictures {control:.2f}, "
    "chance 0.10"
)

# %% [markdown]
# Nearly all shuffled labels are learnt, and nothing else. A small training error proves memory, no more.
#
# ### Exercise 04.5 · design · optional · about 8 minutes · difficulty 3 of 5
#
# Write the control for *any* analysis. Call the analysis `repeats` times on labels that have lost their
# pictures, and return what it says.
#
# - `analyse(inputs, targets)`: returns one number, such as a cross-validated accuracy
# - `inputs`: (B, D), `targets`: (B,); each class keeps its number of rows; the caller's arrays stay as they
#   are
# - returns: an array of `repeats` scores; the same `seed` gives the same scores, and each repeat its own
#   shuffle
#
# Example: `shuffled_control(analyse, x, y, repeats=20, seed=0)` returns an array of shape (20,).


# %%
# EXERCISE 04.5
def shuffled_control(analyse, inputs, targets, *, repeats, seed):
    """Return the scores of an analysis on shuffled labels, (repeats,)."""
    ### BEGIN SOLUTION
    dice = np.random.default_rng(seed)
    return np.array([analyse(inputs, dice.permutation(targets)) for _ in range(repeats)])
    ### END SOLUTION


# %%
cl.check("04.5", shuffled_control)

# %%
# cl.hint("04.5")

# %% [markdown]
# The control on an analysis with a real leak: lesson 01's, where the 20 best genes are chosen on all patients
# before cross-validation, and the same with the choice inside each fold.

# %%
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

noise = cl.simulators.noise_genes(1000 * SEED, genes=2000)
random = np.random.default_rng(SEED)
controls = {"chosen on all": [], "chosen in each fold": []}
for _ in range(repeats):
    labels = random.permutation(noise.targets)
    best = SelectKBest(k=20).fit_transform(noise.inputs, labels)
    pipeline = make_pipeline(SelectKBest(k=20), LogisticRegression())
    controls["chosen on all"].append(cross_val_score(LogisticRegression(), best, labels).mean())
    controls["chosen in each fold"].append(cross_val_score(pipeline, noise.inputs, labels).mean())
for name, scores in controls.items():
    print(
        f"{name:19} on shuffled labels: {np.mean(scores):.2f} ± {np.std(scores, ddof=1):.2f} (sd of "
        f"{repeats} shuffles)"
    )

# %% [markdown]
# The leak gives itself away: it diagnoses labels that were drawn by lot. That is what the control finds,
# leaks in which the *labels* of the test set were used. The next section has one that it does not find.

# %% [markdown]
# ## 6 · Who is in both?
#
# A duplicate is easy to overlook. This is the end of the reference list of J. Zou's text:

# %%
references = [
    "[9] Ravi, Sachin and Larochelle, Hugo. Optimization as a model for few-shot learning. "
    "In International Conference on Learning Representations (ICLR), 2017.",
    "[10] Flood Sung, Zhang L, Xiang T, Hospedales T, et al. Learning to Learn: Meta-Critic Networks for "
    "Sample Efficient Learning. arXiv preprint arXiv:1706.09529, 2017.",
    "[11] Ravi, Sachin and Larochelle, Hugo. Optimization as a model for few-shot learning. "
    "In International Conference on Learning Representations (ICLR), 2017.",
]
seen = {}
for entry in references:
    number, text = entry.split(" ", 1)
    if text in seen:
        print(f"{number} is {seen[text]}: {text[:72]}…")
    seen.setdefault(text, number)

# %% [markdown]
# A set of rows needs the same look, and a finer one: rows may be *nearly* the same. Our case is drug
# resistance of HIV-1: 99 residues of the protease, resistant or not. **These sequences are simulated**; real
# ones follow. Each patient gave one to four isolates, and viruses of one patient differ little.

# %%
isolates = cl.simulators.hiv_isolates(SEED)
sequences, resistant, patient = isolates.inputs, isolates.targets, isolates.truth["patient"]
print(f"SIMULATED by `{isolates.name}`, no real patients")
print(isolates)
print(
    f"{len(sequences)} isolates of {len(set(patient))} patients, {len(np.unique(sequences, axis=0))} "
    "different sequences"
)
print(f"resistant: {resistant.mean():.2f}; always saying no is right for {1 - resistant.mean():.2f}")
differences = np.stack([(sequences != row).sum(axis=1) for row in sequences])  # (B, B) residues that differ

# %%
fig, ax = plt.subplots()
pairs = np.triu_indices(len(sequences), 1)
is_same = (patient[:, None] == patient[None])[pairs]
bins = np.arange(-0.5, 36)
for of, label, color, style in ((is_same, "one patient", 1, "-"), (~is_same, "two patients", 0, "--")):
    count, _ = np.histogram(differences[pairs][of], bins)
    ax.step(
        bins[:-1] + 0.5,
        count / of.sum(),
        where="mid",
        label=label,
        color=cl.plots.PALETTE[color],
        linestyle=style,
    )
ax.set(xlabel="residues in which two isolates differ (of 99)", ylabel="pairs (share)")
ax.legend()
cl.show(
    fig,
    alt="Line plot of the share of pairs against the number of residues that differ: pairs of one patient "
    "differ in 0 to about 6 residues, pairs of two patients mostly in 8 to 25.",
)

# %% [markdown]
# Here we see who belongs together because the simulator says so. In most real data one has the sum of the two
# curves and no labels on it: there are pairs that are far too close, and one has to guess why.

# %% [markdown]
# ### Exercise 04.3 · leak · about 10 minutes · difficulty 3 of 5
#
# Rows that differ in at most `limit` places belong together, and so do rows that are linked by a chain of
# such pairs: if a is close to b and b to c, all three are one group. Number the groups.
#
# - `sequences`: (B, T) whole numbers that stand for letters: 3 is no nearer to 4 than to 17
# - `limit`: a whole number, 0 or more
# - returns: (B,) whole numbers, equal for two rows exactly if they are in the same group; any numbering will
#   do
#
# Example: `groups_of(np.array([[1, 1, 1], [1, 1, 2], [1, 3, 2], [7, 7, 7]]), limit=1)` returns, for example,
# `[0, 0, 0, 1]`.


# %%
# EXERCISE 04.3
def groups_of(sequences, limit):
    """Return a group number for each row: rows linked by chains of at most `limit` differences share one."""
    ### BEGIN SOLUTION
    group = np.arange(len(sequences))
    for row in range(len(sequences)):
        near = (sequences != sequences[row]).sum(axis=1) <= limit
        group[np.isin(group, group[near])] = group[row]
    return group
    ### END SOLUTION


# %%
cl.check("04.3", groups_of)

# %%
# cl.hint("04.3")

# %% [markdown]
# SciPy calls it connected components. Now four ways of cutting the same isolates into five folds: at random;
# with identical sequences kept together; with those linked at no more than three differences; and by patient,
# which only the simulator knows. Three models on **one-hot** residues (a column of 0 and 1 for each residue
# at each site). **Predict first:** which model falls most when twins may no longer stand on both sides?

# %%
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupKFold, KFold
from sklearn.neighbors import KNeighborsClassifier

one_hot = np.eye(20, dtype=np.float32)[sequences].reshape(len(sequences), -1)  # (B, 99 * 20)
one_hot = one_hot[:, one_hot.any(axis=0)]  # a residue that nobody has at a site would only cost time
groups = {f"at most {limit} apart": connected_components(differences <= limit)[1] for limit in (0, 3)}
groups = {
    "identical": groups["at most 0 apart"],
    "near-identical": groups["at most 3 apart"],
    "patient": patient,
}
cuts = {"random": list(KFold(5, shuffle=True, random_state=SEED).split(one_hot))}
for name, group in groups.items():
    cuts[name] = list(GroupKFold(5, shuffle=True, random_state=SEED).split(one_hot, groups=group))
    print(f"{name:15} {group.max() + 1:4} groups, the largest of {np.bincount(group).max()} isolates")
for name, folds in cuts.items():
    split = sum(len(set(patient[fit]) & set(patient[held])) for fit, held in folds) / 5
    print(f"{name:15} patients on both sides of a cut: {split:.0f}")


# %%
def small_network_predict(inputs, targets, new_inputs):
    """Train a network of one hidden layer on one-hot residues and return its classes."""
    torch.manual_seed(SEED)
    model = nn.Sequential(nn.Linear(inputs.shape[1], 16), nn.ReLU(), nn.Linear(16, 2))
    cl.fit(model, (inputs, targets), epochs=8, learning_rate=3e-3, **common)
    with torch.no_grad():
        return model(torch.tensor(new_inputs)).argmax(dim=1).numpy()


models = {
    "nearest isolate": lambda x, y, new: KNeighborsClassifier(1).fit(x, y).predict(new),
    "logistic regression": lambda x, y, new: LogisticRegression(C=0.3, tol=1e-3).fit(x, y).predict(new),
    "network": small_network_predict,
}
correct = {}
for name, predict in models.items():
    for cut, folds in cuts.items():
        correct[name, cut] = np.empty(len(resistant))
        for fit, held in folds:
            correct[name, cut][held] = predict(one_hot[fit], resistant[fit], one_hot[held]) == resistant[held]
    print(f"{name:20}" + "   ".join(f"{cut} {correct[name, cut].mean():.3f}" for cut in cuts))

# %% [markdown]
# How sure is that? The **bootstrap** draws as many again, with replacement, a thousand times. It has to draw
# whole *patients*, because isolates of one patient rise and fall together. The loss is paired: the same
# isolate under two cuts.

# %%
random = np.random.default_rng(SEED)
draws = [random.integers(0, patient.max() + 1, patient.max() + 1) for _ in range(1000)]
size = np.bincount(patient)
loss_interval = {}
for name in models:
    lost = np.bincount(patient, correct[name, "random"] - correct[name, "patient"])  # per patient
    shares = [lost[who].sum() / size[who].sum() for who in draws]
    loss_interval[name] = lost.sum() / size.sum(), *np.quantile(shares, [0.025, 0.975])
    print(
        "{:20} loses {:.3f}, 95 % interval {:.3f} to {:.3f} (bootstrap by patient)".format(
            name, *loss_interval[name]
        )
    )

# %%
fig, ax = plt.subplots()
height = 0.0
for number, (name, marker) in sorted(
    enumerate(zip(models, "sod", strict=True)), key=lambda model: correct[model[1][0], "patient"].mean()
):
    values = [correct[name, cut].mean() for cut in cuts]
    ax.plot(range(4), values, marker=marker, color=cl.plots.PALETTE[number])
    height = max(values[-1], height + 0.025)  # two names never on one another
    ax.text(3.1, height, name, color=cl.plots.PALETTE[number], va="center")
ax.axhline(1 - resistant.mean(), color="0.4", linestyle="--", linewidth=1)
ax.text(-0.15, 1 - resistant.mean() - 0.005, "always no", va="top")
ax.set(
    xticks=range(4),
    xticklabels=["random", "identical\ntogether", "near-identical\ntogether", "patients\ntogether"],
)
ax.set(ylabel="accuracy (share)", xlim=(-0.2, 4.6), ylim=(0.55, 0.95))
cl.show(
    fig,
    alt="Line plot of accuracy under four ways of cutting for three models: the nearest isolate falls "
    "steeply once near-identical sequences stay together, logistic regression and the network lose far "
    "less.",
)

# %% [markdown]
# Keeping *identical* sequences together changes little; the twins that differ in one or two residues are the
# ones that help. And who profits is who remembers: the nearest isolate finds the patient's other isolate and
# copies its label. Logistic regression has one weight for each residue, held small, and remembers patients
# far less; so does this network. So a leak is not a number that one may subtract: how much it flatters
# depends on the model, and the comparison of models goes wrong with it.
#
# Nor would shuffled labels have shown it: they part the twins' labels, and copying then gives nothing.

# %%
random = np.random.default_rng(SEED)
labels = random.permutation(resistant)
hits = [
    KNeighborsClassifier(1).fit(one_hot[fit], labels[fit]).score(one_hot[held], labels[held])
    for fit, held in cuts["random"]
]
by_chance = resistant.mean() ** 2 + (1 - resistant.mean()) ** 2
print(
    f"nearest isolate, random folds, shuffled labels: {np.mean(hits):.2f}; guessing at these rates gives "
    f"{by_chance:.2f}"
)

# %% [markdown]
# ### And on real sequences
#
# Isolates from the Stanford HIV Drug Resistance Database, as M. Steiner and others (2020) prepared them:
# protease again, resistant if it takes 3.5 times as much fosamprenavir as against the wild type. Who gave
# which isolate is **not recorded**. Where they cannot be had, a second draw of the simulator takes their
# place, and the output says so. **Predict first:** does the nearest isolate lose as much as above?

# %%
try:
    real = cl.load(SEQUENCES)
except cl.CourseError as error:
    real = getattr(cl.simulators, STAND_IN)(SEED + 1)
    print(f"NOT REAL: from here to section 7 the SIMULATED stand-in, another draw.\nWhy: {error}")
letters, drug_resistant = real.inputs, real.targets
apart = np.stack([(letters != row).sum(axis=1) for row in letters])  # (B, B) residues that differ
chains = {limit: connected_components(apart <= limit)[1] for limit in (0, 2, 3)}
largest = chains[3] == np.bincount(chains[3]).argmax()
wild = np.array([np.bincount(site).argmax() for site in letters.T])  # the commonest residue at each site
from_wild = (letters != wild).sum(axis=1)
print(f"{real.name}: {len(letters)} isolates, resistant {drug_resistant.mean():.2f}")
print(
    f"chains of at most 3 apart: {chains[3].max() + 1} groups, the largest of {largest.sum()}; resistant "
    f"{drug_resistant[largest].mean():.2f} in it, {drug_resistant[~largest].mean():.2f} outside"
)
print(
    f"residues unlike the commonest, median: {np.median(from_wild[largest]):.0f} in it, "
    f"{np.median(from_wild[~largest]):.0f} outside"
)

# %% [markdown]
# One limit is one opinion, so we take three. And a cut by large groups is a harder cut even without a leak:
# the control for that are groups of the same sizes, filled at random. Three draws of the folds each.


# %%
def right_answers(table, apart, labels, group, random):
    """Return which rows the nearest isolate and logistic regression get right in five folds: (2, B)."""
    right = np.empty((2, len(labels)))
    names = random.permutation(group.max() + 1)  # GroupKFold fills the folds in the order of the names
    for fit, held in GroupKFold(5).split(table, groups=names[group]):
        nearest = fit[apart[np.ix_(held, fit)].argmin(axis=1)]
        line = LogisticRegression(C=0.3, tol=1e-3).fit(table[fit], labels[fit])
        right[:, held] = labels[nearest] == labels[held], line.predict(table[held]) == labels[held]
    return right


table = np.eye(letters.max() + 1, dtype=np.float32)[letters].reshape(len(letters), -1)
table = table[:, table.any(axis=0)]
random, real_right = np.random.default_rng(SEED), {}
kept = {"random": np.arange(len(letters))} | {f"≤ {limit}": chains[limit] for limit in (0, 2, 3)}
kept["sizes of ≤ 3"] = random.permutation(chains[3])
for name, group in kept.items():
    draws = [right_answers(table, apart, drug_resistant, group, random) for _ in range(3)]
    real_right[name] = np.stack(draws)  # (draws, models, B)
    nearest, line = real_right[name].mean(axis=(0, 2))
    print(f"{name:13} nearest isolate {nearest:.3f}   logistic regression {line:.3f}")

# %%
lost = (real_right["random"] - real_right["≤ 3"]).mean(axis=0)  # (2, B), averaged over the draws of folds
where = f"{lost[0][largest].mean():+.3f} in the largest group, {lost[0][~largest].mean():+.3f} outside"
real_lost = dict(zip(("nearest isolate", "logistic regression"), lost.mean(axis=1), strict=True))
fig, ax = plt.subplots()
for number, (name, marker) in enumerate(zip(real_lost, "so", strict=True)):
    scores = np.array([right[:, number].mean(axis=1) for right in real_right.values()])
    ax.plot(range(4), scores[:4].mean(axis=1), color=cl.plots.PALETTE[number])
    ax.plot(range(5), scores, marker, color=cl.plots.PALETTE[number], markersize=5)
    ax.text(0, scores[0].max() + 0.01, name, color=cl.plots.PALETTE[number])
    error = lost[number].std(ddof=1) / np.sqrt(len(letters))
    print(f"{name:20} loses {real_lost[name]:+.3f} ± {error:.3f} at ≤ 3 (standard error over isolates)")
print(f"the nearest isolate's loss: {where}")
ax.axhline(1 - drug_resistant.mean(), color="0.4", linestyle="--", linewidth=1)
ax.text(0, 1 - drug_resistant.mean() - 0.005, "always no", va="top")
ax.set(xticks=range(5), xticklabels=["random", "≤ 0", "≤ 2", "≤ 3", "sizes of ≤ 3,\nrandom"])
ax.set(xlabel="kept together: chains of so many residues apart", ylabel="accuracy (share)", ylim=(0.55, 1))
cl.show(
    fig,
    alt=f"Dot plot of accuracy on `{real.name}` under five ways of cutting, three draws each: the nearest "
    f"isolate loses {real_lost['nearest isolate']:.2f} at ≤ 3 and logistic regression "
    f"{real_lost['logistic regression']:.2f}; random groups of the same sizes cost neither anything.",
)

# %% [markdown]
# On the real sequences the leak is small. Logistic regression does not notice it. The nearest isolate loses a
# few hundredths, and mostly in one group, into which the chains have swallowed nearly half of all isolates.
# (With the stand-in it loses as before, all over.) That group holds what is close to the **wild type**, the
# virus that no drug has changed: strangers carry almost the same one. So to be alike is not to be of one
# patient, and what is lost there is part leak, part a harder question: read a kind of virus that was hardly
# trained on. Only a record of patients could part the two.

# %% [markdown]
# ## 7 · What ± means
#
# So many seeds, mean ± sd: that is common, and half of the story. Another seed asks how much the *training*
# varies. Another test set asks how much the *measurement* varies. **Predict first:** which is larger, for a
# network on 359 test pictures? The drawer opens now, once, for the recipe that we chose by validation:
# momentum, one-cycle, ten epochs, at the rate chosen above.

# %%
MY_LARGER = None  # "seeds" or "test pictures"
with torch.no_grad():
    read = np.array(
        [(model(test[0]).argmax(dim=1) == test[1]).numpy() for model, _ in cycle_runs["one-cycle"]]
    )
seed_sd = read.mean(axis=1).std(ddof=1)  # (seeds, pictures) -> one accuracy per seed
picture_sd = read.mean(axis=0).std(ddof=1) / np.sqrt(read.shape[1])
print(f"test accuracy {read.mean():.3f}")
print(f"  another seed:            ± {seed_sd:.3f} (sd of {repeats} seeds)")
print(
    f"  359 other test pictures: ± {picture_sd:.3f} (standard error), {picture_sd / seed_sd:.1f} times as "
    "much"
)
print(f"your guess: {MY_LARGER}")

# %% [markdown]
# The pictures. A ± over seeds speaks about the smaller half. And even the larger one is too
# small: it takes the pictures for independent, but neighbours in the file are mostly by one hand (lesson 01).
# Validation and test accuracy differ by more than both:

# %%
with torch.no_grad():
    on_valid = np.mean([accuracy(model(valid[0]), valid[1]) for model, _ in cycle_runs["one-cycle"]])
thirds = [read[:, rows].mean() for rows in np.array_split(np.arange(359), 3)]
print(f"the same networks on the validation pictures: {on_valid:.3f}")
print("the three thirds of the test stretch: " + ", ".join(f"{value:.3f}" for value in thirds))

# %% [markdown]
# ### Exercise 04.4 · change · optional · about 6 minutes · difficulty 2 of 5
#
# Compute both spreads for any table of right and wrong answers.
#
# - `correct`: (S, B) of 0 and 1; row s holds the answers of seed s to the same B test examples
# - returns two floats: the standard deviation (with S − 1) over seeds of the accuracy; and the **standard
#   error** that comes from the B examples, for the accuracy averaged over seeds (with B − 1)
#
# Example: `two_spreads(np.array([[1, 1, 0, 1], [1, 0, 0, 1]]))` returns about `(0.177, 0.239)`.


# %%
# EXERCISE 04.4
def two_spreads(correct):
    """Return the sd over seeds and the standard error from the test examples."""
    ### BEGIN SOLUTION
    of_seed, of_example = np.mean(correct, axis=1), np.mean(correct, axis=0)
    return float(np.std(of_seed, ddof=1)), float(np.std(of_example, ddof=1) / len(of_example) ** 0.5)
    ### END SOLUTION


# %%
cl.check("04.4", two_spreads)

# %%
# cl.hint("04.4")

# %% [markdown]
# ### The test set, once, and the baseline
#
# Is the network worth it? Logistic regression, tuned with ten strengths of its penalty, chosen by validation
# (the rate of the network had ten runs as well, and its optimiser a grid before that), on the same pictures,
# **paired**.

# %%
strengths = np.geomspace(1e-2, 1e3, 10)
pixels = {part: x.numpy() for part, (x, _) in parts.items()}
fits = [LogisticRegression(C=c, max_iter=2000).fit(pixels["train"], train[1]) for c in strengths]
baseline = max(fits, key=lambda fitted: fitted.score(pixels["valid"], valid[1]))
baseline_read = baseline.predict(pixels["test"]) == test[1].numpy()
paired = read.mean(axis=0) - baseline_read  # per picture
paired_error = paired.std(ddof=1) / np.sqrt(len(paired))
print(f"network {read.mean():.3f}, logistic regression {baseline_read.mean():.3f}")
print(f"difference {paired.mean():+.3f} ± {paired_error:.3f} (standard error over pictures, paired)")

# %% [markdown]
# It is not: on new hands the two cannot be told apart. Without the third line of the checklist below we
# should have reported a network.
#
# And look at **single errors**: the test pictures that every seed misreads.

# %%
hard = np.flatnonzero(read.mean(axis=0) == 0)[:8]
with torch.no_grad():
    said = cycle_runs["one-cycle"][0][0](test[0][hard]).argmax(dim=1)
titles = [f"{int(true)}, read {int(guess)}" for true, guess in zip(test[1][hard], said, strict=True)]
fig = cl.plots.images(test[0][hard].reshape(-1, 8, 8), titles=titles, ncols=4)
cl.show(fig, alt="Grey test pictures that all seeds misread, each with its digit and what was read.")
always = test[1][read.mean(axis=0) == 0].bincount(minlength=10)
print(f"misread by every seed: {int(always.sum())} of 359; by some seed: {np.sum(read.mean(axis=0) < 1)}")
print(f"of those misread by every seed, {int(always.max())} show a {int(always.argmax())}")


# %% [markdown]
# Look at the first eight: most are one digit, written with a stroke of its own. It looks like a hand that the
# training rows do not have, and no average accuracy would have told.

# %% [markdown]
# ## 8 · The checklist
#
# All later lessons go by this list.
#
# 1. **Look at raw rows**, their units, and what is wrong with them. Count duplicates, exact and near.
# 2. **Cut by what repeats**: patient, hand, site, molecule, year. Nothing learnt from data crosses the cut.
# 3. **The simplest baseline first**, with the same budget.
# 4. **The first loss is log K** for K balanced classes.
# 5. **Overfit one batch**: nearly zero in 200 steps. If not, search; do not train longer.
# 6. **Every layer moves**, and `model.training` is True in training and False in evaluation.
# 7. **The control with shuffled labels** is at chance.
# 8. **Learning rate first**: range test, small grid, one-cycle; every method with its own.
# 9. **Choose on validation, report on test, once.**
# 10. **Say what ± is**: seeds *and* test cases, whole groups; models compared paired.
# 11. **Look at single errors.**
# 12. **Write down** seed, versions, data, minutes, and what did not work.

# %% [markdown]
# ## Where it fails
#
# *Eval mode* passes 4, 5, 7 and 8: on this network dropout adds little, and without it nothing looks wrong. A
# checklist finds the faults for which somebody wrote a line. Run each bug on a second seed before you believe
# that a small difference has a cause:

# %%
eval_gap = [usual["none"][2] - usual["eval mode"][2]]
scores = [
    cl.evaluate(train_with(bug, train, 340, SEED + 1)[0], valid, metrics={"a": accuracy})["a"]
    for bug in ("none", "eval mode")
]
eval_gap.append(scores[0] - scores[1])
print("validation accuracy lost by training in eval mode: " + ", ".join(f"{gap:+.3f}" for gap in eval_gap))

# %% [markdown]
# And grouping by chains knows no patients, only distances. A limit that is a little too generous joins
# strangers:

# %%
for limit in range(2, 8):
    group = connected_components(differences <= limit)[1]
    alone = np.mean([len(set(patient[group == number])) == 1 for number in group])
    largest = np.bincount(group).max()
    print(
        f"at most {limit} apart: {group.max() + 1:3} groups, the largest of {largest:3} isolates; "
        f"{alone:4.0%} of all isolates stand with their own patient's only"
    )

# %% [markdown]
# ## Claims
#
# **1 · The loop is no secret.**

# %%
cl.claim(
    "the loop by hand and `fit` differ by less than one part in a thousand",
    worst,
    "<",
    1e-3,
    because="they differ in rounding only",
)

# %% [markdown]
# **2 · "Better optimizers": at the default rate, not once all are tuned.**

# %%
cl.claim(
    "at the library's default rate Adam's validation loss is lower than that of SGD",
    default_loss["SGD"].mean(),
    ">",
    default_loss["Adam"].mean(),
    margin=0.3,
    because="0.3 nats are a seventh of what there is to learn, log 10",
)
cl.claim(
    "tuned Adam ends lower than tuned momentum on random quadratics",
    final["momentum"].mean(),
    ">",
    final["Adam"].mean(),
    expect="fails",
    because="the sentence on trial, on 200 problems that no rate was tuned on",
)
lead = {
    "default": default_loss["SGD"].mean() - default_loss["Adam"].mean(),
    "tuned": tuned_loss["SGD"].mean() - tuned_loss["Adam"].mean(),
}
cl.claim(
    "tuning takes away at least three quarters of Adam's lead over SGD on the digits, in nats",
    lead["tuned"],
    "<",
    lead["default"] / 4,
    because="both leads from the same seeds; a quarter leaves room for a lead that is real",
)
cl.claim(
    "one-cycle, both rates tuned, lowers the mean validation loss clearly, in nats",
    cycle_loss["one-cycle"].mean(),
    "<",
    cycle_loss["constant"].mean(),
    margin=0.03,
    expect="fails",
    because="a fifth of the loss, and some five standard errors of the paired difference",
)

# %% [markdown]
# **3 · A falling loss and a good accuracy do not tell that a loop is right; one batch tells more, not all.**

# %%
visible = ["misaligned", "no zero_grad", "softmax twice", "frozen layer", "wrong axis"]
cl.claim(
    "the loss falls and the validation accuracy is above 0.8 only where the loop is right",
    max(usual[bug][2] for bug in bugs[1:] if usual[bug][1] < usual[bug][0]),
    "<",
    0.8,
    expect="fails",
    because="below 0.8 somebody would start to search",
)
cl.claim(
    "five bugs stay far above the correct loop on one batch, in nats",
    min(last_loss[bug].min() for bug in visible),
    ">",
    last_loss["none"].max(),
    margin=0.1,
    because="twice the 0.05 nats that the correct loop may have left",
)
cl.claim(
    "fixed shuffled labels pass the one-batch test, in nats",
    last_loss["shuffled labels"].max(),
    "<",
    0.05,
    because="the limit of the test itself",
)
cl.claim(
    "shuffled training labels are learnt, and tell nothing about new pictures",
    memorised,
    ">",
    control,
    margin=0.7,
    because="memory near 1, chance near 0.1",
)

# %% [markdown]
# **4 · Choosing flatters, twins flatter those who remember, and ten seeds are not ten test sets.**

# %%
cl.claim(
    "the best of 50 models on noise loses its accuracy on the test",
    winners[:, 0].mean(),
    ">",
    winners[:, 1].mean(),
    margin=0.08,
    because="eight patients in a hundred; the largest of 50 draws from 50 patients lies about two sd of "
    "0.07 up",
)
cl.claim(
    "the shuffled-label control exposes a choice of genes on all patients",
    np.mean(controls["chosen on all"]),
    ">",
    np.mean(controls["chosen in each fold"]),
    margin=0.15,
    because="fifteen patients in a hundred, from labels drawn by lot",
)
cl.claim(
    "near-identical isolates on both sides flatter the nearest isolate",
    correct["nearest isolate", "random"].mean(),
    ">",
    correct["nearest isolate", "patient"].mean(),
    margin=0.08,
    because="more than any cut changes for logistic regression",
)
cl.claim(
    "and flatter logistic regression less than half as much",
    loss_interval["nearest isolate"][0],
    ">",
    2 * loss_interval["logistic regression"][0],
    because="a small weight for each residue remembers a patient less",
)
cl.claim(
    f"cut by chains of at most 3, logistic regression on `{real.name}` loses less than half as much as well",
    real_lost["nearest isolate"],
    ">",
    2 * real_lost["logistic regression"],
    because="the same three draws of folds for both; on the real sequences both losses are small",
)
cl.claim(
    "other test pictures would change the accuracy more than other seeds",
    picture_sd,
    ">",
    seed_sd,
    because="both are standard deviations of the same accuracy",
)
cl.claim(
    "the network cannot be told from logistic regression on the test pictures",
    abs(paired.mean()),
    "<",
    3 * paired_error,
    because="three standard errors of the paired difference, which take the pictures for independent",
)

# %% [markdown]
# ## Appendix A · What a run costs
#
# B. Dickson (*How deep learning can help scientific research*) writes that deep networks "consume a lot of
# compute resources and electricity during training". How much does ours? One multiplication and one addition
# count as two **FLOP** (floating-point operations). Going forward costs 2 for each weight and row; going back
# costs 4, but 2 in the first layer, whose inputs need no gradient. The count by hand, and by torch:

# %% tags=["twin"]
from torch.utils.flop_counter import FlopCounterMode

first, second = 64 * 64, 64 * 10  # weights of the two layers; biases are not counted
by_formula = 64 * (4 * first + 6 * second)  # one batch of 64 rows
with FlopCounterMode(display=False) as counter:
    cross_entropy(start(train[0][:64]), train[1][:64]).backward()
assert counter.get_total_flops() == by_formula
run_flop = by_formula / 64 * len(train[0]) * 20
print(f"one step: {by_formula:,} FLOP; twenty epochs: {run_flop:.2e} FLOP")

# %%
began = time.perf_counter()
cl.fit(network(), train, epochs=20, learning_rate=3e-3, **common)
seconds = time.perf_counter() - began
joule, kettle = seconds * WATTS, 4186 * 80  # J; a litre of water from 20 to 100 °C takes 4186 J/K * 80 K
gpt3 = 3.14e23  # FLOP of training, T. Brown et al., arXiv 2005.14165, table D.1
print(f"{seconds:.2f} s, {run_flop / seconds:.1e} FLOP/s")
print(f"about {joule:.1f} J at an assumed {WATTS:.0f} W, {joule / 3.6e6:.1e} kWh")
print(
    f"a litre of boiling water is worth {kettle / joule:,.0f} such runs; GPT-3's training "
    f"{gpt3 / run_flop:.0e} of them"
)

# %% [markdown]
# Most of what this lesson spent went into *comparing*: grids, seeds, folds. Report that as well, not the last
# run alone. Of the sentence it holds that the large are very large; it says nothing about yours until you
# count. (The watts are an assumption; a meter at the socket is better.)
#
# The FLOP rate is far below what the processor could do, because each step is tiny. Rows that are computed
# together share the overhead:

# %%
batch_sizes, per_row = [1, 4, 16, 64, 256, 1024], []
for size_of_batch in batch_sizes:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        cross_entropy(start(train[0][:size_of_batch]), train[1][:size_of_batch]).backward()
        took.append(time.perf_counter() - began)
    per_row.append(1e6 * np.median(took) / size_of_batch)
fig, ax = plt.subplots()
ax.loglog(batch_sizes, per_row, "-o", color=cl.plots.PALETTE[0])
ax.set(xlabel="rows in a batch (log scale)", ylabel="time per row, forward and back\n(µs, log scale)")
cl.show(
    fig,
    alt="Line plot of the time per row against batch size on log scales: it falls steeply from one row on "
    "and flattens at several hundred rows.",
)

# %% [markdown]
# This is what a GPU is made for, and also what several machines do: each takes a part of the batch, and the
# gradients are averaged (lesson 02). Under `torchrun`, `fit` does it across processes.

# %% [markdown]
# ## Appendix B · Logs that stay
#
# J. Zou's text names **TensorBoard** for watching a run. A history is a list of records, so a CSV file keeps
# it and any program reads it. `on_epoch` sees each record while the run goes on. TensorBoard's event files
# need the package `tensorboard`, which the course does not install; the cell writes and reads them where it
# is there.

# %%
import csv
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
with (folder / "history.csv").open("w", newline="") as file:
    table = csv.DictWriter(file, fieldnames=list(history[0]))
    table.writeheader()
    table.writerows(history)
with (folder / "history.csv").open(newline="") as file:
    back = [float(row["train_loss"]) for row in csv.DictReader(file)]
print("CSV: as written" if back == [record["train_loss"] for record in history] else "CSV: not as written")

if importlib.util.find_spec("tensorboard") is None:
    print(
        "TensorBoard: not installed here, so this part did not run. `pip install tensorboard`, then run "
        "it again."
    )
else:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for record in history:
            writer.add_scalar("train_loss", record["train_loss"], record["epoch"])
    events = EventAccumulator(str(folder)).Reload().Scalars("train_loss")
    np.testing.assert_allclose([event.value for event in events], back, rtol=1e-6)
    print(f"TensorBoard: {len(events)} events read back; look at them with `tensorboard --logdir {folder}`")

# %% [markdown]
# ## Appendix C · The same model, side by side
#
# What others write for the same run. Keras is quoted for reading and is not run here.
#
# | step | Keras | this course | Lightning |
# |---|---|---|---|
# | model | `Sequential([Dense(64, "relu"), Dense(10)])` | `nn.Sequential(…)` | the same module |
# | loss | `…Crossentropy(from_logits=True)` | `loss=cross_entropy` | `training_step` |
# | optimiser | `compile(optimizer=SGD(0.1))` | `optimizer="sgd"` | `configure_optimizers` |
# | run | `fit(x, y, epochs=5)` | `fit(model, (x, y), epochs=5, …)` | `Trainer(max_epochs=5).fit(…)` |
# | stop | `callbacks=[EarlyStopping()]` | `on_epoch` returns `"stop"` | `callbacks=[EarlyStopping(…)]` |
# | measure | `evaluate(x, y)` | `evaluate(model, (x, y), …)` | `validation_step` |
#
# Note the `from_logits=True`: with a softmax layer at the end of a Keras model it must be False. That is the
# bug *softmax twice*, waiting in one argument.

# %% [markdown]
# **Lightning** keeps the four steps out of sight and leaves you the three that are yours. To see that it is
# the same loop, give it the same start and the same order of rows. The course does not install Lightning;
# where it is there, the next cell runs, and its losses must agree with the loop of section 1.


# %%
def lightning_losses(model, order_seed):
    """Train `model` as in section 1 by Lightning; return the mean loss of each epoch."""
    import lightning

    class Lit(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model, self.epochs, self.total = model, [], 0.0

        def training_step(self, rows, _):  # a batch here is a batch of row numbers
            loss = cross_entropy(self.model(train[0][rows]), train[1][rows])  # 1
            self.total += loss.item() * len(rows)
            return loss  # Lightning does 2 to 4

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

        def on_train_epoch_end(self):
            self.epochs.append(self.total / len(train[0]))
            self.total = 0.0

    order = torch.Generator().manual_seed(order_seed)
    orders = [torch.randperm(len(train[0]), generator=order) for _ in range(5)]

    class Rows:  # the orders of section 1; Lightning may ask twice, so that none is drawn here
        def __iter__(self):
            return iter(orders[lit.current_epoch].split(64))

        def __len__(self):
            return -(-len(train[0]) // 64)

    lit = Lit()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    lightning.Trainer(max_epochs=5, accelerator="cpu", enable_model_summary=False, **quiet).fit(lit, Rows())
    return lit.epochs


if importlib.util.find_spec("lightning") is None:
    print(
        "Lightning: not installed here, so this part did not run. `pip install lightning`, then run it again."
    )
else:
    lit_losses = lightning_losses(copy.deepcopy(start), SEED)
    np.testing.assert_allclose(lit_losses, hand_losses, rtol=1e-3)
    print("  ".join(f"{value:.4f}" for value in lit_losses) + "  agrees with the loop by hand")

# %% [markdown]
# ## Further reading
#
# - M. Raghu, E. Schmidt, [A Survey of Deep Learning for Scientific
#   Discovery](https://arxiv.org/abs/2003.11755) (2020), section 9: first debugging steps, in the words of
#   those who do it daily.
# - D. P. Kingma, J. Ba, [Adam: a method for stochastic optimization](https://arxiv.org/abs/1412.6980) (2015):
#   the algorithm of exercise 04.1 on its page 2.
# - L. N. Smith, [Cyclical learning rates for training neural networks](https://arxiv.org/abs/1506.01186)
#   (2015): the range test.
# - L. N. Smith, N. Topin, [Super-convergence](https://arxiv.org/abs/1708.07120) (2018): one-cycle.
# - C. Zhang and others, [Understanding deep learning requires rethinking
#   generalization](https://arxiv.org/abs/1611.03530) (2017): the shuffled labels of section 5, on a million
#   pictures.
