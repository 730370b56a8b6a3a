# %% [markdown]
# ## The question
#
# What did it take to get from one artificial neuron to a network of eight layers that learns? A set of slides
# for biologists tells it like this (F. Biscarini and N. Nazzicari, *Deep learning for biologists*):
#
# > - Artificial Neural Networks has been around for ~80 years ...
# > - ...but became "deep" (i.e. with many layer) in the last ten years
#
# and lists, under "Theoretical breakthrough": "ReLU activation functions", "Back propagation", "Gradient
# descent and other solvers". We build each step ourselves, from the neuron of 1943 on, and put the first
# item on trial: was it the activation function? The answer is one picture, a table of three activations and
# four ways to begin.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **prove** what one neuron can and cannot compute, and build what it cannot from three;
# 2. **train** one neuron by its mistakes, and say when that ends;
# 3. **compute** the gradient of any expression, from its end to its beginning, as the libraries do;
# 4. **tell apart** what an activation function and what an initialisation did for a deep network.
#
# Section numbers match the goals; each goal is answered by a claim near the end.

# %% [markdown]
# ## Set-up
#
# The first cell holds what you may change. The second makes it so, and says what it chose and why. The
# networks of this lesson are small enough for a CPU; "full" means more random starts and longer training.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"

# %%
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device("cpu")
cl.plots.use_style()

# %% [markdown]
# ## 1 · The neuron of 1943
#
# A nerve cell fires or does not. Warren McCulloch and Walter Pitts made a calculus of that: a **neuron** adds
# up its inputs and fires, all or none, if the sum reaches a **threshold**. (In their paper an inhibiting
# input vetoes whatever the others say. We write inhibition as a negative weight, as is usual today.) With
# inputs of 0 or 1, **weights** $w_1, w_2$, and a **bias** $b$, the threshold with its sign turned round, it
# fires if
#
# $$w_1 x_1 + w_2 x_2 + b \ge 0.$$


# %%
def neuron(x1, x2, w1, w2, bias):
    """Return 1 if the neuron fires, else 0."""
    return int(w1 * x1 + w2 * x2 + bias >= 0)


corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
gates = {"AND": (1, 1, -2), "OR": (1, 1, -1), "NAND": (-1, -1, 1), "NOT x1": (-1, 0, 0)}
print("x1, x2:  ", "  ".join(map(str, corners)))
for name, weights in gates.items():
    print(f"{name:10}", "       ".join(str(neuron(x1, x2, *weights)) for x1, x2 in corners))

# %% [markdown]
# Three numbers make a logical operation: such a row of four answers is a **truth table**. What the neuron
# does is easier to see in the plane of its inputs. Its **decision boundary**, where the sum is just zero, is
# a straight line. Move the weights and the bias: make AND, OR, and NAND. Then try **XOR**, "one or the other
# but not both": fire at (0, 1) and (1, 0), stay silent at (0, 0) and (1, 1).


# %%
def table_of(w1, w2, bias):
    """Return the neuron's four answers as text, such as "0001"."""
    return "".join(str(neuron(x1, x2, w1, w2, bias)) for x1, x2 in corners)


def draw_neuron(w1=1.0, w2=1.0, bias=-1.5):
    """Draw where the neuron fires, its boundary, and the four corners."""
    ax = plt.subplots(figsize=(5.2, 4.2))[1]
    grid = np.linspace(-0.5, 1.5, 201)
    total = w1 * grid[None, :] + w2 * grid[:, None] + bias  # rows are x2, columns are x1
    colours = ["white", "#BBD9EE"]
    ax.contourf(grid, grid, total >= 0, levels=[-0.5, 0.5, 1.5], colors=colours)
    if total.min() < 0 < total.max():
        ax.contour(grid, grid, total, levels=[0], colors=cl.plots.PALETTE[0])
    for x1, x2 in corners:
        fires = neuron(x1, x2, w1, w2, bias)
        ax.plot(x1, x2, "o" if fires else "s", color="black", markerfacecolor="black" if fires else "white")
        ax.text(x1 + 0.07, x2 + 0.07, "1" if fires else "0")
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xticks=(0, 1), yticks=(0, 1), aspect="equal")
    ax.set_title(f"fires on the blue side: table {table_of(w1, w2, bias)}")
    return ax


cl.slider(
    draw_neuron,
    w1=(-3.0, 3.0, 0.5),
    w2=(-3.0, 3.0, 0.5),
    bias=(-3.0, 3.0, 0.5),
    alt=lambda w1, w2, bias: (
        f"Plane of two inputs: with weights {w1:g} and {w2:g} and bias {bias:g} the neuron answers "
        f"{table_of(w1, w2, bias)} at the corners 00, 01, 10 and 11."
    ),
)

# %% [markdown]
# Nobody finds XOR with the slider. Is it impossible, or are we unlucky? Search *all* neurons whose two
# weights and bias are whole numbers from −3 to 3. **Predict first:** there are 7 × 7 × 7 = 343 of them. How
# many compute XOR? Write it down in this cell; the answer comes after the exercise.

# %%
MY_COUNT = None  # how many of the 343 neurons compute XOR?

# %% [markdown]
# ### Exercise 02.1 · complete · about 7 minutes · difficulty 2 of 5
#
# Count the neurons with a given truth table, by **exhaustive search**: try every combination of $w_1$, $w_2$
# and bias, each from `values`.
#
# - `outputs`: four numbers 0 or 1, the wanted answers at (0, 0), (0, 1), (1, 0), (1, 1), in this order
# - `values`: a list of numbers, not always whole ones; a neuron fires if its sum is zero or more
# - returns: how many of the `len(values) ** 3` neurons give exactly these four answers, a whole number
#
# Example: `count_neurons([0, 0, 0, 1], values=[-2, -1, 0, 1, 2])` returns `1`: only the weights 1 and 1 with
# bias −2 make AND.


# %%
# EXERCISE 02.1
def count_neurons(outputs, *, values):
    """Return how many neurons with weights and bias from `values` have this truth table."""
    ### BEGIN SOLUTION
    count = 0
    for w1, w2, bias in itertools.product(values, repeat=3):
        answers = [int(w1 * x1 + w2 * x2 + bias >= 0) for x1, x2 in [(0, 0), (0, 1), (1, 0), (1, 1)]]
        count += answers == list(outputs)
    return count
    ### END SOLUTION


# %%
cl.check("02.1", count_neurons)

# %%
# cl.hint("02.1")

# %% [markdown]
# Now all truth tables at once: two inputs have four corners, so there are 2⁴ = 16 tables. NumPy tries every
# neuron on every corner by broadcasting.

# %%
whole = np.arange(-3, 4)
w1, w2, bias = (axis.reshape(-1, 1) for axis in np.meshgrid(whole, whole, whole))  # (343, 1) each
at = np.array(corners)
fires = w1 * at[:, 0] + w2 * at[:, 1] + bias >= 0  # (343, 4)
tables = ["".join(map(str, row)) for row in itertools.product((0, 1), repeat=4)]
found = {table: int((fires == [digit == "1" for digit in table]).all(axis=1).sum()) for table in tables}
print("  ".join(f"{table}: {count}" for table, count in found.items()))
possible = sum(count > 0 for count in found.values())
print(f"{possible} of {len(tables)} truth tables are made by some neuron; XOR, 0110, by {found['0110']}")
cl.compare(MY_COUNT, found["0110"], unit="neurons")

# %% [markdown]
# Fourteen of sixteen. The two that no neuron makes are XOR (0110) and its opposite (1001). The search proves
# it for 343 neurons; four inequalities prove it for all. XOR asks for
#
# $$b < 0, \qquad w_2 + b \ge 0, \qquad w_1 + b \ge 0, \qquad w_1 + w_2 + b < 0.$$
#
# Add the middle two: $w_1 + w_2 + 2b \ge 0$, so $w_1 + w_2 + b \ge -b > 0$. That contradicts the fourth. In
# the picture: no straight line has two opposite corners of the square on one side, and the other two on the
# other.

# %% [markdown]
# ### Three neurons can
#
# "One or the other, but not both" is AND(OR, NAND). So give the answers of two neurons to a third: two
# **layers**. The first is called **hidden**, since neither input nor output shows it.


# %%
def xor(x1, x2):
    """Return XOR, by two neurons and a third that reads them."""
    either = neuron(x1, x2, *gates["OR"])
    not_both = neuron(x1, x2, *gates["NAND"])
    return neuron(either, not_both, *gates["AND"])


for x1, x2 in corners:
    either, not_both = neuron(x1, x2, *gates["OR"]), neuron(x1, x2, *gates["NAND"])
    print(f"x = ({x1}, {x2})   hidden = ({either}, {not_both})   output = {xor(x1, x2)}")

# %% [markdown]
# Read the middle column: the hidden layer moves (0, 1) and (1, 0) to one and the same place, (1, 1), and
# there a straight line is enough. To move the data until a simple rule suffices: that is what hidden layers
# are for, here and in the largest networks.

# %% [markdown]
# ### Exercise 02.5 · design · about 10 minutes · difficulty 4 of 5
#
# *Optional.* McCulloch and Pitts built nets for logical expressions in general. Do it: for *any* truth table
# of n inputs, return the weights of a network with one hidden layer that computes it.
#
# - `inputs`: array of shape (2ⁿ, n), all combinations of 0 and 1, one in each row, in any order
# - `outputs`: array of shape (2ⁿ,) of 0 and 1, the wanted answer for each row
# - returns: a pair `(hidden, output)` of arrays. `hidden` has shape (H, n + 1), a row for each hidden neuron:
#   its n weights, then its bias. `output` has shape (H + 1,): a weight for each hidden neuron, then the bias.
#   You choose H. Every neuron fires if its sum is zero or more.
#
# Example: for XOR, `hidden = [[1, 1, -1], [-1, -1, 1]]` and `output = [1, 1, -2]` is the network above.


# %%
# EXERCISE 02.5
def network_for(inputs, outputs):
    """Return the weights `(hidden, output)` of a two-layer network with this truth table."""
    ### BEGIN SOLUTION
    wanted = inputs[outputs == 1]  # one hidden neuron for each row that shall fire
    weights = 2 * wanted - 1  # +1 where the row has a 1, -1 where it has a 0
    bias = -wanted.sum(axis=1, keepdims=True)  # so that only this very row reaches zero
    hidden = np.hstack([weights, bias])
    output = np.append(np.ones(len(wanted)), -1)  # OR
    return hidden, output
    ### END SOLUTION


# %%
cl.check("02.5", network_for)

# %%
# cl.hint("02.5")

# %% [markdown]
# ## 2 · A neuron that learns
#
# In 1943 somebody had to choose the weights. In 1958 Frank Rosenblatt's **perceptron** found them from
# examples. Write the wanted answer as $t = +1$ or $-1$, and give each example a third input that is always 1,
# so that the bias is one more weight. Then go through the examples in turn. Where the sum has the right sign,
# leave the weights alone; where it has not, move them towards the example, or away from it:
#
# $$w \leftarrow w + t\,x \quad\text{if}\quad t\,(w \cdot x) \le 0.$$


# %%
def perceptron(inputs, signs, passes):
    """Return the weights (bias last), the mistakes in each pass, and the weights after each pass."""
    examples = np.column_stack([inputs, np.ones(len(inputs))])
    weights, mistakes, after = np.zeros(examples.shape[1]), [], []
    for _ in range(passes):
        wrong = 0
        for x, t in zip(examples, signs, strict=True):
            if t * (weights @ x) <= 0:
                weights = weights + t * x
                wrong += 1
        mistakes.append(wrong)
        after.append(weights)
        if wrong == 0:
            break
    return weights, mistakes, np.array(after)


and_signs = np.array([-1, -1, -1, 1])
weights, mistakes, after = perceptron(at, and_signs, passes=100)
for number, (wrong, row) in enumerate(zip(mistakes, after, strict=True), 1):
    print(f"pass {number}, mistakes: {wrong}, then w1 = {row[0]:.0f}, w2 = {row[1]:.0f}, bias = {row[2]:.0f}")

# %% [markdown]
# It wanders, and arrives: a pass without mistakes changes nothing, so nothing will change any more. The
# library's version gives the very same weights.

# %% tags=["twin"]
from sklearn.linear_model import Perceptron

library = Perceptron(shuffle=False, tol=None, max_iter=len(mistakes)).fit(at, and_signs)
np.testing.assert_allclose(library.coef_[0], weights[:2])
np.testing.assert_allclose(library.intercept_[0], weights[2])
print(f"scikit-learn: w1, w2 = {library.coef_[0]}, bias = {library.intercept_[0]}")

# %% [markdown]
# **Predict first:** the same rule on XOR, where no weights are right. After how many passes will it stop?

# %%
xor_signs = np.array([-1, 1, 1, -1])
_, xor_mistakes, xor_after = perceptron(at, xor_signs, passes=1000)
print(f"XOR: {len(xor_mistakes)} passes, {min(xor_mistakes)} to {max(xor_mistakes)} mistakes in each")
print(f"weights after each pass: {np.unique(xor_after, axis=0).tolist()}")

# %% [markdown]
# It never stops. After four mistakes it is back where it began, and it walks the same circle for ever.
#
# If *some* straight line separates the examples without a mistake, they are **linearly separable**, and then
# the perceptron is sure to end after a limited number of mistakes (Novikoff's theorem). If not, it
# cannot end: a pass without mistakes would *be* such a line.

# %% [markdown]
# ### On real pictures
#
# Is anything real separable? Take the handwritten digits of lesson 01, in pairs: 0 or 1? 3 or 8? There are 45
# pairs. Each perceptron trains on the pair's training pictures, in random order, until a pass is free of
# mistakes; then it reads the test pictures. The **baseline** is the nearest class mean of lesson 01.

# %%
digits = cl.load("digits")
parts = {name: digits.split(name) for name in ("train", "valid", "test")}
parts = {name: (images.reshape(-1, 64), labels) for name, (images, labels) in parts.items()}
print(digits)


def pair_of(part, one, other):
    """Return the pictures (B, 64) of two digits, and +1 or -1 for each (B,)."""
    images, labels = parts[part]
    rows = np.isin(labels, (one, other))
    return images[rows], np.where(labels[rows] == one, 1, -1)


# %%
random = np.random.default_rng(SEED)
curves, perceptron_right, mean_right = {}, [], []
for one, other in itertools.combinations(range(10), 2):
    images, signs = pair_of("train", one, other)
    order = random.permutation(len(images))
    weights, wrong, _ = perceptron(images[order], signs[order], passes=500)
    curves[one, other] = wrong
    new, new_signs = pair_of("test", one, other)
    perceptron_right.append(np.mean((new @ weights[:-1] + weights[-1]) * new_signs > 0))
    gap = [((new - images[signs == sign].mean(axis=0)) ** 2).sum(axis=1) for sign in (1, -1)]
    mean_right.append(np.mean(np.where(gap[0] < gap[1], 1, -1) == new_signs))

needed = {pair: len(wrong) if wrong[-1] == 0 else math.inf for pair, wrong in curves.items()}
separated = sum(passes < math.inf for passes in needed.values())
hardest = max(needed, key=needed.get)
print(f"separated without a mistake: {separated} of 45 pairs")
print(f"the hardest, {hardest[0]} or {hardest[1]}, after {needed[hardest]} passes")
print(f"test accuracy, mean of 45 pairs: perceptron {np.mean(perceptron_right):.3f}, ", end="")
print(f"nearest mean {np.mean(mean_right):.3f}")

# %%
fig, ax = plt.subplots()
lines = {
    f"{hardest[0]} or {hardest[1]}": (curves[hardest], "^-"),
    "XOR": (xor_mistakes[: len(curves[hardest])], "s--"),
    "AND": (mistakes, "D-."),
    "0 or 1": (curves[0, 1], "o-"),
}
for number, (name, (wrong, style)) in enumerate(lines.items()):
    ax.plot(range(1, len(wrong) + 1), wrong, style, color=cl.plots.PALETTE[number], label=name)
ax.set(xlabel="pass through the examples", ylabel="mistakes in this pass", ylim=(-0.8, None))
ax.legend()
cl.show(
    fig,
    alt="Line plot of the perceptron's mistakes against passes: for AND, for 0 or 1 and for the hardest pair "
    f"of digits, {hardest[0]} or {hardest[1]}, they fall to zero, for XOR they stay at four.",
)

# %% [markdown]
# Every pair of digits is separable, in 64 dimensions with about 215 pictures, and so each perceptron ends.
# (Mistakes need not fall steadily.) But a training error of zero is no promise: on new pictures the first
# line that happens to separate is wrong now and then, and how it compares with the nearest mean is printed
# above. The perceptron takes *any* separating line, not a good one.

# %% [markdown]
# ## 3 · Who is to blame?
#
# Three neurons can do XOR. Can three neurons *learn* it? The perceptron's rule needs to know which answer was
# wrong, and for a hidden neuron nobody says what it should have answered. Nor does a small change help to
# find out: the threshold's output does not move at all, and then it jumps.
#
# So replace the jump by a smooth step. An **activation function** turns the sum into the output; instead of
# the threshold take the **sigmoid** $1/(1+e^{-z})$, from 0 to 1, or **tanh**, from −1 to 1. Now each weight,
# hidden or not, has a **slope**: how much the error changes if the weight changes a little.

# %%
z = np.linspace(-4, 4, 201)
fig, ax = plt.subplots()
ax.plot(z, np.maximum(z, 0), color=cl.plots.PALETTE[3], linewidth=6, alpha=0.5, label="ReLU")
ax.plot(z, 1 / (1 + np.exp(-z)), "-", color=cl.plots.PALETTE[1], label="sigmoid")
ax.plot(z, np.tanh(z), "-.", color=cl.plots.PALETTE[2], label="tanh")
for side, height in ((z[z < 0], 0), (z[z >= 0], 1)):  # two pieces: between them is nothing
    label = "threshold" if height else None
    ax.plot(side, np.full_like(side, height), "--", color=cl.plots.PALETTE[0], label=label)
ax.set(xlabel="weighted sum $z$", ylabel="output", ylim=(-1.1, 2.5))
ax.legend(loc="upper left")
cl.show(
    fig,
    alt="Line plot of output against weighted sum for four activations: the threshold jumps, sigmoid and "
    "tanh rise smoothly between two levels, and ReLU is zero and then a straight line.",
)

# %% [markdown]
# The dashed line is flat wherever one may look for a slope. The others have one nearly everywhere. (The ReLU
# of lesson 01 is there for later; its slope is 0 or 1.)
#
# ### One weight, by hand
#
# The smallest network: one input, one hidden unit, one output weight. With input $x$ and target $t$ the error
# is $E = (v \tanh(w x) - t)^2$. How does $E$ change with $w$? Step by step, and each step's own slope:
#
# | step | value | slope with respect to the one before |
# |---|---|---|
# | $a = w x$ | 0.5 · 2 = 1 | $x = 2$ with respect to $w$ |
# | $h = \tanh a$ | 0.762 | $1 - h^2 = 0.420$ |
# | $y = v h$ | 1.5 · 0.762 = 1.142 | $v = 1.5$ |
# | $E = (y - t)^2$ | (1.142 − 1)² = 0.020 | $2 (y - t) = 0.285$ |
#
# The **chain rule**: along a path slopes multiply. The code does the same, and compares with the plainest
# method of all, **finite differences**: move $w$ a little and look.

# %%
x, t, w, v = 2.0, 1.0, 0.5, 1.5
h = math.tanh(w * x)
y = v * h
by_chain_rule = x * (1 - h**2) * v * 2 * (y - t)
print(f"a = {w * x:.0f}, h = {h:.3f}, y = {y:.3f}, E = {(y - t) ** 2:.3f}")
print(f"slopes: {x:.0f} · {1 - h**2:.3f} · {v} · {2 * (y - t):.3f}")


def error_at(w):
    return (v * math.tanh(w * x) - t) ** 2


step = 1e-5
by_differences = (error_at(w + step) - error_at(w - step)) / (2 * step)
print(f"slope of E with respect to w: chain rule {by_chain_rule:.8f}, differences {by_differences:.8f}")

# %% [markdown]
# Finite differences need two evaluations *for each weight*. A network with a million weights would compute
# its error two million times to make one step. The chain rule can do better, but nobody wants to do it by
# hand. So let the computer write down what was computed.


# %%
class Value:
    """A number that remembers what it was computed from."""

    def __init__(self, data, parents=()):
        self.data = data
        self.parents = parents  # pairs (parent, slope of this value with respect to that parent)

    def __add__(self, other):
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def tanh(self):
        height = math.tanh(self.data)
        return Value(height, ((self, 1 - height**2),))


a, b = Value(3.0), Value(-2.0)
c = a * b + a
print(f"c = {c.data}; it was computed from {[parent.data for parent, _ in c.parents]}")

# %% [markdown]
# Drawn as a graph, an arrow from each value back to each parent, with the slope of that step:

# %%
place = {"c": (2, 1), "a·b": (1, 1.5), "a": (0, 1), "b": (0, 2)}
held = {"c": c.data, "a·b": a.data * b.data, "a": a.data, "b": b.data}
arrows = {("c", "a·b"): 1.0, ("c", "a"): 1.0, ("a·b", "a"): b.data, ("a·b", "b"): a.data}
fig, ax = plt.subplots(figsize=(6.4, 3.0))
for name, (across, up) in place.items():
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "black"}
    ax.text(across, up, f"{name} = {held[name]:g}", ha="center", va="center", bbox=box, zorder=3)
for (child, parent), its_slope in arrows.items():
    (x1, y1), (x2, y2) = place[child], place[parent]
    way = {"arrowstyle": "->", "color": cl.plots.PALETTE[0], "shrinkA": 28, "shrinkB": 28, "linewidth": 2}
    ax.annotate("", (x2, y2), (x1, y1), arrowprops=way)
    ax.text((x1 + x2) / 2, (y1 + y2) / 2 + 0.08, f"{its_slope:g}", color=cl.plots.PALETTE[0], ha="center")
ax.set(xlim=(-0.4, 2.4), ylim=(0.8, 2.25))
ax.axis("off")
cl.show(
    fig,
    alt="Graph of c = a·b + a: arrows lead from c to the product and to a, each with slope 1, and from the "
    f"product to a with slope {b.data:g} and to b with slope {a.data:g}.",
)

# %% [markdown]
# The parents of $c$ are the product and $a$; the parents of the product are $a$ and $b$. Two paths lead from
# $c$ back to $a$. The whole chain rule in one sentence: **along a path slopes multiply, and over all paths
# they add up.** As code, it calls itself:


# %%
def slope(output, wanted):
    """Return the slope of `output` with respect to `wanted`: a sum over all paths between them."""
    if output is wanted:
        return 1.0
    return sum(step * slope(parent, wanted) for parent, step in output.parents)


print(f"slope of a·b + a with respect to a: {slope(c, a)}, which is b + 1")
print(f"slope of a·b + a with respect to b: {slope(c, b)}, which is a")

# %% [markdown]
# Now in earnest: the error of a network with two inputs, two tanh units and one output, for one example, nine
# weights in all. Three ways to the same nine slopes: over all paths, by finite differences, and from PyTorch,
# whose tensors remember what they were computed from just as `Value` does.

# %% tags=["twin"]
random = np.random.default_rng(SEED)
start = random.normal(size=9)


def xor_error(p, x1, x2, minus_target):
    """Return the squared error of the 2-2-1 network with the weights `p`, of whatever type."""
    hidden = [(p[i] * x1 + p[i + 1] * x2 + p[i + 2]).tanh() for i in (0, 3)]
    miss = p[6] * hidden[0] + p[7] * hidden[1] + p[8] + minus_target
    return miss * miss


def error_in(kind, weights):
    return xor_error(weights, kind(1.0), kind(0.5), kind(-1.0))


values = [Value(number) for number in start]
by_paths = [slope(error_in(Value, values), value) for value in values]

tensors = torch.tensor(start, requires_grad=True)  # float64, as NumPy's numbers are
error_in(lambda number: torch.tensor(number, dtype=torch.float64), tensors).backward()

nudges = step * np.eye(9)
up, down = ([error_in(torch.tensor, torch.tensor(start + sign * n)) for n in nudges] for sign in (1, -1))
nudged = [float(high - low) / (2 * step) for high, low in zip(up, down, strict=True)]

np.testing.assert_allclose(by_paths, tensors.grad.numpy(), rtol=0, atol=1e-12)
np.testing.assert_allclose(by_paths, nudged, rtol=0, atol=1e-6)
print(f"largest difference from torch: {np.abs(by_paths - tensors.grad.numpy()).max():.0e}")
print(f"largest difference from finite differences: {np.abs(np.subtract(by_paths, nudged)).max():.0e}")

# %% [markdown]
# All agree. But "over all paths" has a price. **Predict first:** take a number and double it, `z = z + z`,
# sixteen times. From the last value back to the first, how many paths are there?

# %%
MY_PATHS = None  # paths through sixteen doublings


def count_paths(value):
    """Return the number of paths from `value` back to where it began."""
    return sum(count_paths(parent) for parent, _ in value.parents) if value.parents else 1


z = Value(1.0)
for _ in range(16):
    z = z + z
paths = count_paths(z)
print(f"{paths} paths through {16 + 1} values")
cl.compare(MY_PATHS, paths, unit="paths")

# %% [markdown]
# Each doubling doubles the paths, while there are only seventeen values. Almost all of the work is done again
# and again. **Backpropagation** does it once: begin at the output, whose slope with respect to itself is 1,
# and hand the slopes back from each value to its parents. The one condition: a value may hand on its slope
# only when it is complete, that is, after *everything that was computed from it* has handed its share back.
# In the graph above $a$ must wait for two shares, from $c$ and from the product. An order that always works:
# write down the parents of a value before the value itself, each value once ($a$, $b$, $a b$, $c$), and then
# walk through that list *reversed*.

# %% [markdown]
# ### Exercise 02.2 · complete · about 12 minutes · difficulty 3 of 5
#
# This is called **automatic differentiation**, or autodiff. Finish it: compute the slope of one output with
# respect to *every* value that it was computed from, and look at each value once.
#
# - `output`: a value with `.data` (a float) and `.parents` (a tuple of pairs `(parent, slope of this value
#   with respect to that parent)`; empty for inputs). The same parent may appear twice, as in `z + z`.
# - returns: a dictionary from each value (the object itself) to the slope of `output` with respect to it, a
#   float, with `output` itself included
#
# Example: with `c = a * b + a` from above, `gradients(c)[a]` is `-1.0`, `gradients(c)[b]` is `3.0` and
# `gradients(c)[c]` is `1.0`.


# %%
# EXERCISE 02.2
def gradients(output):
    """Return a dictionary from every value behind `output` to the slope of `output` with respect to it."""
    ### BEGIN SOLUTION
    order, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for parent, _ in value.parents:
                visit(parent)
            order.append(value)  # after all that it was computed from

    visit(output)
    total = dict.fromkeys(order, 0.0)
    total[output] = 1.0
    for value in reversed(order):  # before all that it was computed from
        for parent, step in value.parents:
            total[parent] += step * total[value]
    return total
    ### END SOLUTION


# %%
cl.check("02.2", gradients)

# %%
# cl.hint("02.2")

# %% [markdown]
# That is the engine inside PyTorch, for tensors instead of numbers: `loss.backward()` walks the record
# backwards once and leaves each slope in `.grad`. All slopes together are the **gradient**. *Try it
# yourself:* `gradients(error_in(Value, values))` gives all nine slopes in one walk; compare them with
# `by_paths`.
#
# **Gradient descent** is the use of it: take every weight a small step against its slope, and again.

# %% [markdown]
# ### Can three neurons learn XOR?
#
# Two hidden units are enough: we built it. Now let gradient descent find the weights, from random starts. The
# error is the **cross-entropy**, the loss that lesson 01 called from the library: the network's output is
# turned into the probability of each answer, and the loss is minus the logarithm of the probability of the
# *right* one, as a mean over the examples. It is 0 for a sure and right answer, and large for a sure and
# wrong one. An extra axis N holds all starts at once, so that one line moves them all. **Predict first:**
# with two hidden units, what share of the random starts gets all four answers right?


# %%
def learn_xor(hidden_units, starts, steps=1000, rate=0.5):
    """Return for each random start whether gradient descent ends with all four answers right: (N,)."""
    sizes = ((starts, 2, hidden_units), (starts, 1, hidden_units), (starts, hidden_units, 1), (starts, 1, 1))
    weights = [torch.randn(size, requires_grad=True) for size in sizes]
    inputs = torch.tensor(corners, dtype=torch.float32)  # (4, 2)
    targets = torch.tensor([0.0, 1.0, 1.0, 0.0])[:, None].expand(starts, 4, 1)
    for _ in range(steps):
        outputs = torch.tanh(inputs @ weights[0] + weights[1]) @ weights[2] + weights[3]  # (N, 4, 1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / 4
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, its_slope in zip(weights, slopes, strict=True):
                weight -= rate * its_slope
    return ((outputs > 0) == (targets > 0.5)).all(dim=1)[:, 0]


MY_SHARE = None  # from 0 to 1
tries = {"quick": 200, "full": 1000}[profile]
solved = {units: int(learn_xor(units, tries).sum()) for units in (1, 2, 3, 4, 8)}
for units, successes in solved.items():
    low, high = cl.metrics.wilson_interval(successes, tries)
    print(f"{units} hidden: {successes / tries:.0%} of {tries} starts ({low:.0%} to {high:.0%}, 95 %)")
cl.compare(MY_SHARE, solved[2] / tries)

# %%
fig, ax = plt.subplots()
share = np.array([count / tries for count in solved.values()])
low, high = np.array([cl.metrics.wilson_interval(count, tries) for count in solved.values()]).T
ax.errorbar(list(solved), share, yerr=(share - low, high - share), fmt="o", capsize=4)
ax.set(xlabel="hidden units", ylabel="starts that learn XOR (share)", ylim=(-0.03, 1.05), xticks=list(solved))
cl.show(
    fig,
    alt="Dot plot of the share of random starts that learn XOR against the number of hidden units: none with "
    f"one unit, {share[1]:.2f} with two, and {share[-1]:.2f} with eight; bars are 95 % intervals.",
)

# %% [markdown]
# With one hidden unit it is impossible, again. With two a solution exists, and only about half of the starts
# find it: the others come to rest where no small step helps any more, in a **local minimum** or on a plateau.
# (The bars say what other starts
# might give.) With eight units, many more than needed, hardly any start fails. That an answer *exists* does
# not mean that descent *finds* it; spare units make finding easier.

# %% [markdown]
# ## 4 · Eight layers
#
# Backpropagation works at any depth. Yet deep networks were hard to train for a long time. The slides credit
# "better activation functions (e.g. ReLU)": the **rectified linear unit**, zero below zero and the sum itself
# above, in place of the sigmoid. We build networks of eight hidden layers of 64 units on the digits.
#
# Two things can vary: the activation, and the **initialisation**, the random numbers at which the weights
# begin. We draw them from a normal distribution with standard deviation gain/√64, where 64 is the number of
# inputs of a unit. A **gain** of 0.58 has the spread of PyTorch's default.

# %%
mean, sd = parts["train"][0].mean(axis=0), parts["train"][0].std()  # of the training pictures only
scaled = {
    name: (torch.tensor((pixels - mean) / sd), torch.tensor(labels))
    for name, (pixels, labels) in parts.items()
}
activations = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "ReLU": torch.nn.ReLU}


def deep_network(activation, gain, depth=8):
    """Return a network of `depth` hidden layers of 64 units, and ten outputs."""
    modules = []
    for _ in range(depth):
        modules += [torch.nn.Linear(64, 64), activations[activation]()]
    network = torch.nn.Sequential(*modules, torch.nn.Linear(64, 10))
    for module in network[::2]:
        torch.nn.init.normal_(module.weight, std=gain / math.sqrt(64))
        torch.nn.init.zeros_(module.bias)
    return network


spread = torch.nn.Linear(64, 64).weight.std() * math.sqrt(64)
print(f"gain of PyTorch's own layers: {spread:.2f}; 1/√3 is {1 / math.sqrt(3):.2f}")

# %% [markdown]
# Before any training, look at the blame that comes back: the slope of the error with respect to the sum in
# each layer, its length over all units and pictures.
#
# Backpropagation multiplies, at each layer, by the weights and by the slope of the activation. The blame of a
# unit is a sum over the 64 units that read it: of their blame, times a weight each. A sum of 64 random terms
# is √64 times as large as one of them, and each weight is about gain/√64. So the weights multiply the blame's
# length by about the *gain*; the activation multiplies it by its *slope*. (ReLU's slope is 1 for half of the
# sums and 0 for the others: that leaves half of the squares, and √½ of the length.)
#
# **Predict first:** near zero the sigmoid has the slope ¼. After eight layers with gain 0.58, to which power
# of ten has the blame shrunk?


# %%
def blame(network):
    """Return the length of the slopes of the error with respect to the sums in each layer, first to last."""
    inputs, targets = scaled["train"]
    signal, sums = inputs, []
    for module in network:
        signal = module(signal)
        if isinstance(module, torch.nn.Linear):
            sums.append(signal)
    loss = torch.nn.functional.cross_entropy(signal, targets)
    return np.array([float(slopes.norm()) for slopes in torch.autograd.grad(loss, sums)])


default_gain = 1 / math.sqrt(3)
slope_near_zero = {"sigmoid": 1 / 4, "tanh": 1.0, "ReLU": math.sqrt(1 / 2)}  # ReLU: root mean square
matched_gain = {"sigmoid": 4.0, "tanh": 1.0, "ReLU": math.sqrt(2)}
MY_POWER = None  # of the share that is left: -2 for a hundredth
measured = {}
for name in activations:
    for gain in (default_gain, matched_gain[name]):
        measured[name, gain] = blame(deep_network(name, gain))
        left = measured[name, gain][0] / measured[name, gain][-1]
        rule = (gain * slope_near_zero[name]) ** 8
        print(f"{name:8} gain {gain:4.2f}:  (gain × slope)^8 = {rule:.0e}   measured {left:.0e}")
gone = measured["sigmoid", default_gain]
cl.compare(MY_POWER, math.log10(gone[0] / gone[-1]), unit="powers of ten")

# %%
fig, ax = plt.subplots()
for number, name in enumerate(activations):
    for gain, style in ((default_gain, "o--"), (matched_gain[name], "s-")):
        curve = measured[name, gain] / measured[name, gain][-1]
        ax.semilogy(range(1, 10), curve, style, color=cl.plots.PALETTE[number], label=f"{name}, {gain:.2f}")
ax.set(xlabel="layer (9 is the output)", ylabel="blame, relative to the output\n(log scale)")
ax.legend(title="activation, gain", fontsize=11, title_fontsize=11)
cl.show(
    fig,
    alt="Line plot of the blame that reaches each layer, on a log scale: with gain 0.58 it shrinks towards "
    "the first layer, for the sigmoid to about a ten-millionth; with the matched gains tanh and ReLU stay "
    "nearly level, and the sigmoid keeps about a fiftieth.",
)

# %% [markdown]
# The first layer of the sigmoid network hears less than a millionth of the error: the **vanishing gradient**.
# But so would tanh and ReLU fade, only less. And one rule predicts it: each layer multiplies the blame by
# gain × slope. The remedy is in the rule, too. Make the product 1: gain 1 for tanh (Glorot and Bengio,
# 2010, "Xavier"), √2 for ReLU, which passes half of its inputs (He and colleagues, 2015), and, by the same
# rule, 4 for the sigmoid. (There the rule is rougher: it holds for small sums, and the sigmoid's sums are not
# small with this gain. Part of the blame still fades, but five orders of magnitude less of it.)

# %% [markdown]
# ### Exercise 02.3 · complete · about 7 minutes · difficulty 2 of 5
#
# The optimiser sees the gradients of the *weights*. Compute, for any network, the **gradient ratio**: the
# length of the gradient of the first layer's weights over that of the last layer's.
#
# - `network`: a `torch.nn.Sequential` whose first and last modules are `Linear`; it may have been used
#   before, so that old gradients may lie in `.grad`
# - `inputs`: tensor (B, D); `labels`: tensor (B,) of classes; the error is
#   `torch.nn.functional.cross_entropy(network(inputs), labels)`
# - returns: a float; "length" is the root of the sum of squares, of `.weight` only, without the biases
#
# Example: for `deep_network("sigmoid", 1 / math.sqrt(3))` and the training pictures, `*scaled["train"]`, it
# returns a number below 10⁻⁵; for `deep_network("tanh", 1.0)` one between 0.1 and 10.


# %%
# EXERCISE 02.3
def gradient_ratio(network, inputs, labels):
    """Return the length of the first layer's weight gradient over that of the last layer's."""
    ### BEGIN SOLUTION
    network.zero_grad()  # PyTorch adds to what is there
    torch.nn.functional.cross_entropy(network(inputs), labels).backward()
    return float(network[0].weight.grad.norm() / network[-1].weight.grad.norm())
    ### END SOLUTION


# %%
cl.check("02.3", gradient_ratio)

# %%
# cl.hint("02.3")

# %% [markdown]
# Here it is for every activation and gain, beside the loss before training (your function, called with
# `deep_network(name, gain)` and `*scaled["train"]`, gives such numbers too). **Predict first:** can you see
# in the loss which network will not learn?

# %%
gains = (default_gain, 1.0, math.sqrt(2), 4.0)
inputs, labels = scaled["train"]
for name, gain in itertools.product(activations, gains):
    network = deep_network(name, gain)
    loss = torch.nn.functional.cross_entropy(network(inputs), labels)
    ends = torch.autograd.grad(loss, [network[0].weight, network[-1].weight])
    ratio = float(ends[0].norm() / ends[1].norm())
    print(f"{name:8} gain {gain:4.2f}   loss {loss.item():9.2f}   gradient ratio {ratio:.0e}")

# %% [markdown]
# You cannot. The loss of the sigmoid at gain 0.58 is like that of tanh and ReLU, and its first layer is deaf.
# Nor is the ratio everything: for tanh and ReLU at 0.58 it looks healthier than the blame. The gradient of a
# weight is the blame of the unit that it feeds *times the number that it carries forward into that unit*; and
# those numbers, too, shrink from layer to layer, here towards the end.

# %% [markdown]
# ### Activation × initialisation
#
# Now train. To be fair to all, each of the 3 activations gets each of 4 gains, from several random starts;
# each cell of this table chooses among three learning rates on the **validation** pictures; all see the same
# number of batches. A network with an extra axis N trains all its gains and starts at once: nothing is shared
# between them but the batches.


# %%
class ManyNetworks(torch.nn.Module):
    """N networks of one kind, side by side, one for each entry of `gains`."""

    def __init__(self, activation, gains, depth):
        super().__init__()
        self.activation = activations[activation]()
        widths = [64] * (depth + 1) + [10]
        scale = torch.tensor(gains)[:, None, None] / math.sqrt(64)
        shapes = [(len(gains), n_in, n_out) for n_in, n_out in itertools.pairwise(widths)]
        self.weights = torch.nn.ParameterList([torch.randn(shape) * scale for shape in shapes])
        self.biases = torch.nn.ParameterList([torch.zeros(n, 1, n_out) for n, _, n_out in shapes])

    def layers(self, inputs):
        """Return the output of each layer, the inputs first: (N, B, 64) each, and the last (N, B, 10)."""
        outputs = [inputs.expand(len(self.weights[0]), *inputs.shape)]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            hidden = self.activation(outputs[-1]) if len(outputs) > 1 else outputs[-1]
            outputs.append(hidden @ weight + bias)
        return outputs

    def forward(self, inputs):
        return self.layers(inputs)[-1].permute(1, 2, 0)  # (B, 10, N)


# %%
def summed_error(outputs, labels):
    """Return the sum over the N networks of their mean cross-entropy, so that each gets its own gradient."""
    each = labels[:, None].expand(-1, outputs.shape[2])
    return torch.nn.functional.cross_entropy(outputs, each) * outputs.shape[2]


def correct(networks, part):
    """Return for each network and picture whether it is read rightly: (N, B)."""
    inputs, labels = scaled[part]
    with torch.no_grad():
        return (networks(inputs).argmax(dim=1) == labels[:, None]).T.numpy()


def train_best(activation, gains, starts, depth=8):
    """Train `starts` networks for each gain; return those of the best rate: gain -> (networks, rows)."""
    tried = []
    for rate in (0.001, 0.003, 0.01):
        networks = ManyNetworks(activation, np.repeat(gains, starts).tolist(), depth)
        options = {"loss": summed_error, "epochs": epochs, "learning_rate": rate, "optimizer": "adam"}
        cl.fit(networks, scaled["train"], **options, device=device, progress=False)
        networks.rate = rate  # kept, to say later which one was chosen
        tried.append((networks, correct(networks, "valid").mean(axis=1).reshape(len(gains), starts)))
    best = np.argmax([scores.mean(axis=1) for _, scores in tried], axis=0)
    rows = [slice(n * starts, (n + 1) * starts) for n in range(len(gains))]
    return {gain: (tried[best[n]][0], rows[n]) for n, gain in enumerate(gains)}


# %% [markdown]
# **Predict first:** the sigmoid with its matched gain, 4, in eight layers. What accuracy will it reach? With
# the default spread it is near chance, 0.1 to 0.2.

# %%
MY_ACCURACY = None  # of the sigmoid with gain 4, from 0 to 1
starts, epochs = {"quick": (3, 12), "full": (10, 40)}[profile]
trained = {name: train_best(name, gains, starts) for name in activations}
right = {  # (starts, B) of the test pictures
    (name, gain): correct(networks, "test")[rows]
    for name in activations
    for gain, (networks, rows) in trained[name].items()
}
accuracy = {cell: rows.mean(axis=1) for cell, rows in right.items()}  # (starts,)
for name in activations:
    each = [f"{accuracy[name, gain].mean():.2f} ± {accuracy[name, gain].std(ddof=1):.2f}" for gain in gains]
    print(f"{name:8}", "   ".join(each))
print(f"test accuracy, mean ± sd of {starts} starts; gains " + ", ".join(f"{gain:.2f}" for gain in gains))
for name in activations:
    print(f"{name:8} chosen rates:", ", ".join(str(trained[name][gain][0].rate) for gain in gains))
cl.compare(MY_ACCURACY, float(accuracy["sigmoid", 4.0].mean()))

# %%
fig, ax = plt.subplots()
table = np.array([[accuracy[name, gain].mean() for gain in gains] for name in activations])
ax.imshow(table, vmin=0, vmax=1, aspect="auto")
for row, name in enumerate(activations):
    for column, gain in enumerate(gains):
        text = f"{table[row, column]:.2f}" + (" *" if gain == matched_gain[name] else "")
        dark = table[row, column] < 0.6
        ax.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
ax.set(xticks=range(4), xticklabels=["0.58", "1", "√2", "4"], yticks=range(3), yticklabels=list(activations))
ax.set(xlabel="gain of the initialisation (* matched: gain × slope = 1)", ylabel="activation")
ax.grid(visible=False)
cl.show(
    fig,
    alt="Table of test accuracy coloured from dark to light: three activations by four gains; each "
    "activation learns with its matched gain, the sigmoid only there, and tanh and ReLU are best at the "
    "lower gains.",
)

# %% [markdown]
# Read it by rows: the sigmoid learns, at eight layers, with the gain that the rule gives. Read it by columns:
# at the default spread tanh and ReLU learn and the sigmoid does not; at gain 4 the sigmoid is ahead of both.
# And the three starred cells are close to each other. So "better activation functions" is half of the story:
# here tanh does as well as ReLU, and what the two have over the sigmoid is that they forgive a wider range of
# beginnings. (Where the chosen learning rate, printed above, is the largest of the three, a larger one might
# have done better. *Try it yourself:* does 0.03 save the sigmoid at the default spread?)

# %% [markdown]
# ### Exercise 02.4 · audit · about 7 minutes · difficulty 3 of 5
#
# *Optional.* A report compares the old recipe (sigmoid, default spread) with a new one (ReLU, matched gain),
# and credits the activation with the whole gain in accuracy. Two things were changed. Give each its share.
#
# Change one first and then the other: each step has a gain. In the other order the gains may differ. So take
# **both orders and their average**.
#
# - `accuracy`: array of shape (2, 2, S): `accuracy[i, j]` are the S starts of activation `i` (0 old, 1 new)
#   with initialisation `j` (0 old, 1 new)
# - returns: a pair of floats, the credit of the activation and the credit of the initialisation, for the mean
#   over the starts. They add up to the whole gain.
#
# Example: for mean accuracies [[0.2, 0.9], [0.8, 0.9]] it returns (0.3, 0.4), up to rounding.


# %%
# EXERCISE 02.4
def credit(accuracy):
    """Return what the activation and what the initialisation contributed, averaged over both orders."""
    ### BEGIN SOLUTION
    (old, old_new_start), (new_old_start, new) = np.mean(accuracy, axis=2)
    activation = ((new_old_start - old) + (new - old_new_start)) / 2
    initialisation = ((old_new_start - old) + (new - new_old_start)) / 2
    return float(activation), float(initialisation)
    ### END SOLUTION


# %%
cl.check("02.4", credit)

# %%
# cl.hint("02.4")

# %% [markdown]
# Here are the single steps, from the table above. *Try it yourself:* what does your function say to
# `np.array([[accuracy["sigmoid", default_gain], accuracy["sigmoid", 4.0]], [accuracy["ReLU", default_gain],
# accuracy["ReLU", math.sqrt(2)]]])`?

# %%
corner = {
    (name, kind): accuracy[name, default_gain if kind == "default" else matched_gain[name]].mean()
    for name in ("sigmoid", "ReLU")
    for kind in ("default", "matched")
}
for kind in ("default", "matched"):
    gain_in_accuracy = corner["ReLU", kind] - corner["sigmoid", kind]
    print(f"ReLU instead of sigmoid, both {kind:8}: {gain_in_accuracy:+.2f}")
for name in ("sigmoid", "ReLU"):
    gain_in_accuracy = corner[name, "matched"] - corner[name, "default"]
    print(f"matched instead of default, {name:8}:    {gain_in_accuracy:+.2f}")

# %% [markdown]
# Either change alone brings nearly everything, and the second then adds little: their effects do not add up.
# Statisticians call it an **interaction**. "Which of the two mattered?" has no answer but "either was enough
# here", and whoever changes both and credits one has not measured.

# %% [markdown]
# ## Where it fails
#
# Eight layers learn. Do they read digits *better*? Two baselines with the same validation pictures to choose
# on: logistic regression, with a choice of four **penalties** (how strongly large weights are held back), and
# a network with *one* hidden layer, tuned like
# the deep ones.

# %%
from sklearn.linear_model import LogisticRegression

train, valid, test = (tuple(tensor.numpy() for tensor in scaled[part]) for part in ("train", "valid", "test"))
logistic = [LogisticRegression(C=c, max_iter=1000).fit(*train) for c in (0.01, 0.1, 1, 10)]
logistic = max(logistic, key=lambda model: model.score(*valid))
one_layer, rows = train_best("ReLU", (math.sqrt(2),), starts, depth=1)[math.sqrt(2)]

read = {f"8 layers, {n}": right[n, gain] for n, gain in matched_gain.items()}
read["1 layer, ReLU"] = correct(one_layer, "test")[rows]
logistic_read = logistic.predict(test[0]) == test[1]
print(f"logistic regression: {logistic_read.mean():.3f} of {len(test[1])} test pictures")
for name, each in read.items():
    difference = each.mean(axis=0) - logistic_read  # paired: picture by picture
    low, high = cl.metrics.bootstrap_interval(difference, np.mean, seed=SEED)
    spread = f"± {each.mean(axis=1).std(ddof=1):.3f} (sd of {starts} starts)"
    print(f"{name:18} {each.mean():.3f} {spread}; minus logistic {low:+.3f} to {high:+.3f} (95 %)")

# %% [markdown]
# No. The ± says what other starts would give; the intervals, what other pictures by these writers would
# (359 pictures by about three of them: a new hand may shift all). On these terms depth buys nothing: the
# digits do not need it. A method that makes deep networks *trainable* is not yet a reason to use them;
# lesson 03 takes that up.

# %% [markdown]
# ## Eighty years
#
# When was all this known? Each entry of the timeline has its source, under the figure.

# %%
history = [
    (1943, "a neuron as a logical unit", "McCulloch, Pitts"),
    (1958, "perceptron: weights from examples", "Rosenblatt"),
    (1969, "what perceptrons cannot do", "Minsky, Papert"),
    (1970, "slopes backwards through a computation", "Linnainmaa"),
    (1986, "backpropagation in layered networks", "Rumelhart, Hinton, Williams"),
    (2010, "initialisation for tanh networks", "Glorot, Bengio"),
    (2011, "ReLU in deep networks", "Glorot, Bordes, Bengio"),
    (2012, "eight layers win an image contest", "Krizhevsky, Sutskever, Hinton"),
    (2015, "initialisation for ReLU", "He, Zhang, Ren, Sun"),
]
fig, ax = plt.subplots(figsize=(8.0, 4.2))
for height, (year, what, who) in enumerate(reversed(history)):
    ax.plot([1940, year], [height, height], color="0.85", zorder=1)
    ax.plot(year, height, "o", color=cl.plots.PALETTE[0])
    ax.text(2019, height, str(year), va="center", fontsize=11)
    ax.text(2030, height, f"{what}\n{who}", va="center", fontsize=10)
ax.set(xlim=(1940, 2078), ylim=(-0.6, 8.6), yticks=[], xlabel="year", xticks=range(1940, 2011, 10))
ax.grid(visible=False)
ax.spines["left"].set_visible(False)
cl.show(
    fig,
    alt="Timeline of nine publications from the neuron of 1943 to the initialisation for ReLU of 2015, "
    "with a gap between 1986 and 2010.",
)

# %% [markdown]
# 1943: *Bulletin of Mathematical Biophysics* 5, 115, cited by the slides. 1958: *Psychological Review* 65,
# 386. 1969: the book *Perceptrons*. 1970: Master's thesis, Helsinki; see Griewank, *Who invented the reverse
# mode of differentiation?* (2012). 1986: *Nature* 323, 533. 2010 and 2011: AISTATS. 2012: NIPS; five
# convolutional and three fully connected layers. 2015: arXiv 1502.01852. The slides themselves cite H. Wang
# and B. Raj, *On the Origin of Deep Learning* (2017), and A. Beam's history (2017).
#
# The slides also say "CPUs now 5,000 times faster than 25 years ago", without a source. Is it a measurement?
# *Moore's law* is named on the next slide: a doubling every two years.

# %%
age = 2020 - 1943  # the slides link to pages of 2020
doublings = 25 / 2
print(f"from 1943 to 2020: {age} years; the slides say ~80")
print(f"25 years of doubling every two years: 2^{doublings} = {2**doublings:.0f} times")
for months in (18, 24, 30):
    print(f"doubling every {months} months instead: {2 ** (25 * 12 / months):7.0f} times")

# %% [markdown]
# 5793, rounded down, is the slide's number: a worked example in doubling, as in lesson 01, rather than a
# measurement. Change the doubling time by half a year and it changes several times over. "~80 years" holds.
# "Deep in the last ten years" fits 2010 to 2015 on this line, while "back propagation" stands forty years
# before the slides. What came in those ten years was ReLU, *and* a rule for how to begin, which the slides do
# not name, and eight layers that won. Their other reasons, hardware and data, we have not tested here.

# %% [markdown]
# ## If you have the time
#
# Three additions; nothing later in the lesson needs them. What hidden layers hold, why many machines can
# share a training, and which of the things of this lesson *learn*.

# %% [markdown]
# ### What do the layers hold?
#
# The slides show a figure of Chollet's, "Deep representations learned by a digit-classification model". What
# does ours hold? A **probe** is a simple classifier on the outputs of one layer: the nearest class mean, and
# a linear one (least squares on one-hot answers, with a small penalty). Both on the pixels (layer 0) and on
# each of the eight hidden layers of the tanh networks, trained and, as a control, untrained. **Predict
# first:** does the accuracy rise with depth?

# %%
from sklearn.linear_model import RidgeClassifier


def nearest_mean_score(new, new_labels, old, old_labels):
    """Return the accuracy of the nearest class mean."""
    means = np.stack([old[old_labels == digit].mean(axis=0) for digit in range(10)])
    gaps = ((new[:, None] - means) ** 2).sum(axis=2)
    return np.mean(gaps.argmin(axis=1) == new_labels)


def probe(networks, number):
    """Return the two test accuracies at layers 0 to 8 of one network: (2, 9)."""
    with torch.no_grad():
        old, new = (networks.layers(scaled[part][0])[:9] for part in ("train", "test"))
    scores = []
    for layer in range(9):
        then, now = (
            (torch.tanh(side[layer][number]) if layer else side[0][0]).numpy() for side in (old, new)
        )
        linear = RidgeClassifier(alpha=1.0).fit(then, train[1]).score(now, test[1])
        scores.append((nearest_mean_score(now, test[1], then, train[1]), linear))
    return np.array(scores).T


networks, rows = trained["tanh"][1.0]
numbers = range(rows.start, rows.stop)
probed = np.mean([probe(networks, number) for number in numbers], axis=0)
untrained = ManyNetworks("tanh", [1.0] * starts, depth=8)
control = np.mean([probe(untrained, number) for number in range(starts)], axis=0)

# %%
fig, ax = plt.subplots()
lines = {"nearest mean": (probed[0], control[0]), "linear": (probed[1], control[1])}
for number, (name, (after_training, before)) in enumerate(lines.items()):
    colour = cl.plots.PALETTE[number]
    ax.plot(range(9), after_training, "os"[number] + "-", color=colour, label=f"{name}, trained")
    ax.plot(
        range(9),
        before,
        "os"[number] + ":",
        color=colour,
        markerfacecolor="white",
        label=f"{name}, untrained",
    )
ax.set(xlabel="layer (0: the pixels)", ylabel="test accuracy of the probe (share)", xticks=range(9))
ax.legend(loc="lower left", fontsize=11)
cl.show(
    fig,
    alt="Line plot of probe accuracy against layer: in trained networks the nearest mean gains on the pixels "
    f"from {probed[0, 0]:.2f} to {probed[0, -1]:.2f} and the linear probe gains too, while in untrained "
    "networks both end below the pixels.",
)
print(
    f"nearest mean: pixels {probed[0, 0]:.3f}, last layer {probed[0, -1]:.3f}, untrained {control[0, -1]:.3f}"
)
print(
    f"linear:       pixels {probed[1, 0]:.3f}, last layer {probed[1, -1]:.3f}, untrained {control[1, -1]:.3f}"
)

# %% [markdown]
# With these two probes the trained layers are a better place than the pixels: training draws each digit
# together, as the hidden layer of XOR drew two corners together. Eight untrained layers lose. But mind the
# probe: logistic regression is linear too, and tuned it reads about as much from the *pixels* (printed above)
# as any probe reads from layer 8. The layers have made the task easier, for simpler classifiers; they have
# not found anything that was not in the pixels.

# %% [markdown]
# ### Many hands
#
# The slides list among the innovations "distributed computing". Why does it work for networks? The error of a
# batch is a mean over examples, so its gradient is the mean of their gradients. Two machines may take half of
# the examples each. Cut 60 pictures into two parts: is the mean of two gradients the gradient of the whole?


# %%
def batch_gradient(network, inputs, targets):
    """Return the gradient of the mean error with respect to all weights, in one row."""
    loss = torch.nn.functional.cross_entropy(network(inputs), targets)
    return torch.cat([slopes.flatten() for slopes in torch.autograd.grad(loss, list(network.parameters()))])


small = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10)).double()
images, labels = torch.tensor(parts["train"][0][:60]).double(), torch.tensor(parts["train"][1][:60])
together = batch_gradient(small, images, labels)
split_error = {}
for cut in (30, 45):
    first, second = (batch_gradient(small, images[s], labels[s]) for s in (slice(cut), slice(cut, 60)))
    split_error["plain", cut] = float((together - (first + second) / 2).abs().max())
    weighted = (cut * first + (60 - cut) * second) / 60
    split_error["weighted", cut] = float((together - weighted).abs().max())
for (mean, cut), difference in split_error.items():
    print(f"{cut} + {60 - cut} pictures, {mean:8} mean: largest difference from the whole {difference:.0e}")

# %% [markdown]
# To rounding, yes, if each part counts by its number of pictures. The plain mean is right for equal parts and
# wrong for unequal ones. (`cl.fit` does the same under `torchrun`.)

# %% [markdown]
# ### Which box?
#
# The slides write "AI >> ML >> DL": machine learning is a part of artificial intelligence, deep
# learning a part of machine learning. **Machine learning** sets its numbers from examples; **deep** we call a
# network with two or more hidden layers. (Another of our sources, by J. Zou, writes "Artificial Intelligence
# → Machine Learning → Deep Learning → Deep Reinforcement Learning → Deep Meta-Learning": an order in time,
# not of boxes.) Sort these fifteen, then count: how many are machine learning, deep included?
#
# AND from chosen weights · the search through 343 neurons · XOR from three chosen neurons · the perceptron on
# digits · the nearest class mean · one neuron moved with the slider · a line through four editions · degree
# chosen by rehearsal · logistic regression · XOR with eight trained units · eight layers, tanh · eight
# layers, sigmoid, gain 4 · one hidden layer, ReLU · a network for any truth table (02.5) · the linear probe
# on layer 8

# %%
MY_LEARNERS = None  # how many of the fifteen are machine learning, deep included?

# %%
boxes = {  # "AI": rules chosen by people; "ML": numbers from examples; "DL": and two or more hidden layers
    "AI": ["AND", "search", "XOR chosen", "slider", "any truth table"],
    "ML": ["perceptron", "nearest mean", "line", "rehearsal", "logistic", "XOR trained", "one layer"],
    "DL": ["tanh", "sigmoid", "probe on layer 8"],
}
cl.compare(MY_LEARNERS, len(boxes["ML"]) + len(boxes["DL"]), unit="systems")

# %% [markdown]
# Not everything made of neurons learns (of the five that do not, four are), and not every network that learns
# is deep. Where a system rests on a deep one, as the probe does, one may argue.

# %% [markdown]
# ## Claims
#
# What the lesson concludes, as sentences that are computed. **1 · One neuron makes 14 of 16 truth tables**,
# and XOR takes a hidden layer.

# %%
cl.claim("truth tables of two inputs that some single neuron makes", possible, "==", 14, because="a count")
cl.claim("neurons among the 343 that compute XOR", found["0110"], "==", 0, because="a count")
cl.claim(
    "corners at which three neurons compute XOR",
    sum(xor(x1, x2) == (x1 != x2) for x1, x2 in corners),
    "==",
    4,
    because="a count",
)

# %% [markdown]
# **2 · The perceptron ends where a line exists, and only there.**

# %%
cl.claim(
    "every pair of digits is separated without a training mistake, in fewer passes than were allowed",
    max(needed.values()),
    "<",
    500,
    because="500 is where we would have given up",
)
cl.claim(
    "on XOR it makes fewer mistakes in its last pass than in its first",
    xor_mistakes[-1],
    "<",
    xor_mistakes[0],
    expect="fails",
    because="a count; it walks in a circle",
)
cl.claim(
    "no training mistakes means no test mistakes, as a mean over the pairs",
    np.mean(perceptron_right),
    ">=",
    1,
    expect="fails",
    because="one wrong picture in any pair refutes it",
)

# %% [markdown]
# **3 · Backwards through the record: exact, and cheap.** And a weight that exists is not a weight that is
# found.

# %%
cl.claim(
    "the slopes over all paths agree with PyTorch",
    np.abs(by_paths - tensors.grad.numpy()).max(),
    "<=",
    1e-6,
    because="double precision leaves ten digits more",
)
cl.claim(
    "the weighted mean of two parts' gradients is the gradient of the whole",
    split_error["weighted", 45],
    "<=",
    1e-6,
    because="rounding only",
)
cl.claim("starts that learn XOR with one hidden unit", solved[1], "==", 0, because="a count")
cl.claim(
    "eight hidden units learn XOR from more starts than two, which would suffice",
    solved[8] / tries,
    ">",
    solved[2] / tries,
    margin=0.2,
    because="two shares of 200 starts differ by 0.1 at most by accident (95 %)",
)

# %% [markdown]
# **4 · Activation and initialisation were changed together.** The sentence on trial is the third: if the
# activation did it, ReLU should lead the sigmoid also where both have their matched gain.

# %%
rule_error = max(
    abs(math.log10(measured[name, default_gain][0] / measured[name, default_gain][-1]))
    / abs(8 * math.log10(default_gain * slope_near_zero[name]))
    for name in activations
)
cl.claim(
    "gain × slope predicts the blame after eight layers at the default spread, as a power of ten",
    rule_error,
    "==",
    1,
    margin=0.2,
    because="a fifth of the exponent: 1.4 powers of ten for the sigmoid, 0.4 for tanh",
)
star = {name: float(accuracy[name, gain].mean()) for name, gain in matched_gain.items()}
cl.claim(
    "at the default spread ReLU reads more digits than the sigmoid",
    corner["ReLU", "default"],
    ">",
    corner["sigmoid", "default"],
    margin=0.4,
    because="four digits in ten, many times the spread of the starts",
)
cl.claim(
    "the sigmoid reads more digits with its matched gain than at the default spread",
    star["sigmoid"],
    ">",
    corner["sigmoid", "default"],
    margin=0.4,
    because="the same four digits in ten",
)
cl.claim(
    "with matched gains ReLU still leads the sigmoid clearly",
    star["ReLU"],
    ">",
    star["sigmoid"],
    margin=0.1,
    expect="fails",
    because="a quarter of the margin above",
)
cl.claim(
    "eight layers read more digits than logistic regression does",
    max(star.values()),
    ">",
    logistic_read.mean(),
    margin=0.03,
    expect="fails",
    because="the 95 % interval of 359 pictures reaches about 0.03 to either side",
)

# %%
cl.claim(
    "the nearest mean reads more digits from the last layer of trained networks than from the pixels",
    probed[0, -1],
    ">",
    probed[0, 0],
    margin=0.01,
    because="1 in 100, the mean of several networks on the same pictures",
)
cl.claim(
    "and fewer from the last layer of untrained ones",
    control[0, -1],
    "<",
    probed[0, 0],
    margin=0.05,
    because="random layers lose far more than the spread of the starts",
)

# %% [markdown]
# ## Further reading
#
# - W. S. McCulloch, W. Pitts, [A logical calculus of the ideas immanent in nervous
#   activity](https://doi.org/10.1007/BF02478259), Bull. Math. Biophys. 5, 115 (1943): section 1, with neurons
#   drawn by hand.
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams, [Learning representations by back-propagating
#   errors](https://doi.org/10.1038/323533a0), Nature 323, 533 (1986): four pages, and still the clearest.
# - A. Karpathy, [micrograd](https://github.com/karpathy/micrograd): section 3 as a library of about 100
#   lines.
# - X. Glorot, Y. Bengio, [Understanding the difficulty of training deep feedforward neural
#   networks](https://proceedings.mlr.press/v9/glorot10a/glorot10a.pdf), AISTATS (2010): section 4, with
#   histograms of every layer.
# - H. Wang, B. Raj, [On the Origin of Deep Learning](https://arxiv.org/abs/1702.07800) (2017): the history
#   that the slides cite.
