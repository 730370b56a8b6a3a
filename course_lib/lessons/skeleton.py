"""The lesson that `course new` writes: short and real, so that it builds, runs and is checked at once.

NN stands for the lesson's number. Everything else is meant to be replaced.
"""

ENTRY = """[[lesson]]
id = "{id}"
unit = "{unit}"
title = "{title}"
question = "How far does the simplest model go?"
minutes = 15
device = "CPU"
data = ["digits"]
extras = []
needs = []
covers = []
"""

SOURCE = '''# %% [markdown]
# ## The question
#
# How far does the simplest model go? The sentence on trial, to be replaced by one of a published text:
# "Images need a neural network." We set it beside a model of one line: each class is its mean picture.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **classify** pictures by the nearest mean;
# 2. **compare** the result with the share of the commonest class.

# %% [markdown]
# ## Set-up
#
# The first cell holds what you may change. The second makes it so, and says what it chose and why.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device()
cl.plots.use_style()

# %% [markdown]
# ## The data
#
# Handwritten digits of 8 × 8 pixels. What they are, and what they must not be used for, stands on their card.

# %%
digits = cl.load("digits")
digits.describe()

# %% [markdown]
# Look at raw values before any model: the means of the ten classes on the training part.

# %%
pictures, labels = digits.split("train")  # (B, 8, 8) and (B,)
test_pictures, test_labels = digits.split("test")
means = np.stack([pictures[labels == digit].mean(axis=0) for digit in range(10)])  # (10, 8, 8)

fig, axes = plt.subplots(2, 5)
for digit, ax in enumerate(axes.flat):
    ax.imshow(means[digit], cmap="cividis")
    ax.set(title=str(digit), xticks=[], yticks=[])
cl.show(fig, alt="Ten small pictures: the mean of each digit class, blurred, and most of them readable.")

# %% [markdown]
# ## By hand
#
# Two classes with two pixels each, small enough to follow: which mean is the picture (0.9, 0.2) closer to?

# %%
picture = np.array([0.9, 0.2])
for name, mean in (("bright left", np.array([1.0, 0.0])), ("bright right", np.array([0.0, 1.0]))):
    difference = picture - mean
    print(f"{name:12}  squared distance {difference @ difference:.2f}")

# %% [markdown]
# **Predict first:** which share of the test digits will the nearest of ten means read rightly?

# %%
MY_SHARE = None  # from 0 to 1

# %% [markdown]
# ### Exercise NN.1 · complete · about 8 minutes · difficulty 2 of 5
#
# Give each picture the class of the nearest mean, by squared distance.
#
# - `pictures`: array of shape (B, D); `means`: array of shape (K, D), row k for class k
# - returns: an array of B whole numbers from 0 to K - 1
#
# Example: `nearest(np.array([[0.9, 0.2]]), np.array([[0.0, 1.0], [1.0, 0.0]]))` is `array([1])`.


# %%
# EXERCISE NN.1
def nearest(pictures, means):
    """Return the class of the nearest mean for each picture."""
    ### BEGIN SOLUTION
    squared = ((pictures[:, None] - means[None]) ** 2).sum(axis=2)  # (B, K)
    return squared.argmin(axis=1)
    ### END SOLUTION


# %%
cl.check("NN.1", nearest)

# %%
# cl.hint("NN.1")

# %% [markdown]
# ## On the problem
#
# scikit-learn's nearest neighbour, among the ten means, is the same; the lesson goes on with it. The baseline
# always answers with the commonest class of the training part.

# %%
model = KNeighborsClassifier(1).fit(means.reshape(10, 64), np.arange(10))
right = model.predict(test_pictures.reshape(-1, 64)) == test_labels  # (B,)
baseline = test_labels == np.bincount(labels).argmax()
low, high = cl.metrics.wilson_interval(right.sum(), len(right))
print(f"nearest mean:    {right.mean():.2f}, 95 % interval {low:.2f} to {high:.2f}")
print(f"commonest class: {baseline.mean():.2f}")
cl.compare(MY_SHARE, float(right.mean()))

# %% [markdown]
# ## Where it fails
#
# A mean cannot show two ways of writing one digit. The digit that is read worst:

# %%
share = np.array([right[test_labels == digit].mean() for digit in range(10)])
print(f"digit {share.argmin()}: {share.min():.2f} of its pictures are read rightly")

# %% [markdown]
# ## Claims

# %%
cl.claim(
    "the nearest mean reads more test digits than the commonest class",
    right.mean(),
    ">",
    baseline.mean(),
    margin=0.5,
    because="half of the pictures is far outside the interval",
)

# %% [markdown]
# ## Further reading
#
# - scikit-learn, [Nearest neighbors](https://scikit-learn.org/stable/modules/neighbors.html): the same model
#   as "nearest centroid classifier", and when it is a sensible choice.
'''

CHECKS = '''"""Checks of lesson NN."""

from __future__ import annotations

from course_lib.exercises.answers import call, expect_array, expect_close
from course_lib.exercises.catalogue import Exercise


def _verify_nearest(answer):
    import numpy as np

    generator = np.random.default_rng(1)
    pictures, means = generator.normal(size=(7, 4)), generator.normal(size=(3, 4))
    found = expect_array(call(answer, pictures, means), name="Your result", kind="any")

    squared = np.array([[sum((p - m) ** 2) for m in means] for p in pictures])  # (B, K), one by one
    differences = np.array([[sum(p - m) for m in means] for p in pictures])
    expect_close(
        found,
        squared.argmin(axis=1),
        name="Your result",
        traps=(
            (squared, "These are the distances themselves. Return which mean is the nearest: `argmin`."),
            (squared.min(axis=1), "These are the smallest distances. Return where they are: `argmin`."),
            (squared.argmax(axis=1), "These are the farthest means: take the smallest distance."),
            (squared.argmin(axis=0), "This is the nearest picture to each mean. Look along the other axis."),
            (differences.argmin(axis=1), "Differences of both signs cancel: square them before the sum."),
        ),
    )
    return "A classifier of one line. Whatever comes after it has to beat it."


EXERCISES = (
    Exercise(
        "NN.1",
        "The nearest mean",
        "complete",
        8,
        2,
        hints=(
            "Each picture has a distance to each mean: that is a table of shape (B, K).",
            "`pictures[:, None] - means[None]` has shape (B, K, D). Square it, and sum over the last axis.",
            "`argmin(axis=1)` of that table gives, for each row, the column of the smallest value.",
        ),
        verify=_verify_nearest,
    ),
)
'''

TESTS = '''"""Right answers in several styles are accepted; each typical mistake gets its own message."""

import numpy as np


def table(pictures, means):
    return ((pictures[:, None] - means[None]) ** 2).sum(axis=2)


def by_loop(pictures, means):
    return [min(range(len(means)), key=lambda k: np.linalg.norm(p - means[k])) for p in pictures]


def by_products(pictures, means):
    return (np.square(means).sum(axis=1) - 2 * pictures @ means.T).argmin(axis=1)


RIGHT = {
    "NN.1": [
        lambda pictures, means: table(pictures, means).argmin(axis=1),
        by_loop,
        by_products,
    ],
}

WRONG = {
    "NN.1": [
        (table, "the distances themselves"),
        (lambda pictures, means: table(pictures, means).min(axis=1), "the smallest distances"),
        (lambda pictures, means: table(pictures, means).argmax(axis=1), "the farthest means"),
        (lambda pictures, means: table(pictures, means).argmin(axis=0), "the other axis"),
        (
            lambda pictures, means: (pictures[:, None] - means[None]).sum(axis=2).argmin(axis=1),
            "both signs cancel",
        ),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()
'''
