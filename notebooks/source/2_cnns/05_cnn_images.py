# %% [markdown]
# ## The question
#
# Convolutional networks are called "very useful in working with any kind of image data" (M. Raghu and E.
# Schmidt, quoted by B. Dickson in *How Deep Learning Can Help Scientific Research*), and J. Zou
# (*Application and Implementation of different deep learning*) writes: "CNN should be the main method."
# They and others point to medicine: a network that identifies, "with high accuracy, dead neurons in a
# population of live and dead cells"; "signs of COVID-19 infection in chest x-rays"; moles, benign and
# malignant (F. Biscarini and N. Nazzicari, *Deep learning for biologists*).
#
# Two questions to each of them. What did the *convolution* do for it? And when a network reads images well,
# **what in the image has it read?**

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **compute** a convolution by hand, and get the library's numbers;
# 2. **say** what convolution, pooling and augmentation each buy, and when a plainer method is as good;
# 3. **choose** how to spoil training pictures on purpose, and **say** which label a mixture gets;
# 4. **judge** a network by a truth that is not the opinion it learned from;
# 5. **find out** what in a film gave the answer away, and what a second hospital will say;
# 6. **audit** a published table, and tell a moved threshold from a better model.
#
# Section numbers match the goals; each goal is answered by a claim near the end. What is marked *optional*
# would take half an hour more.

# %% [markdown]
# ## Set-up
#
# Cells, films and moles are simulated here, so that we know what is true of them; digits and, where they can
# be had, the chest films of section 5 were measured. "full" means more draws of training pictures.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"
FILMS: str = "pneumoniamnist"  # measured chest films for section 5
STAND_IN: str = "chest_films"  # the simulator that takes their place where they cannot be had

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device()
cl.plots.use_style()
draws = {"quick": 3, "full": 10}[profile]  # of training pictures, in section 2

# %% [markdown]
# ## 1 · What a convolution computes
#
# Take a small picture and a smaller array of weights, the **kernel**. Lay the kernel on the upper left
# corner, multiply what lies on top of each other, add up: one number. Move the kernel one pixel on, and so
# across the whole picture. The numbers form a new picture, the **feature map**. In loops:

# %%
picture = np.zeros((5, 6))
picture[1:4, 3:] = 1  # a bright block on dark ground
kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])  # right column minus left column

by_loops = np.zeros((3, 4))  # a kernel of 3 × 3 finds 3 places down and 4 across
for row in range(3):
    for column in range(4):
        for i in range(3):
            for j in range(3):
                by_loops[row, column] += kernel[i, j] * picture[row + i, column + j]
print(picture)
print(by_loops)

# %% [markdown]
# The map is zero where the picture is even, and large where dark turns to bright from left to right: this
# kernel finds left edges. A network does not get its kernels from us. It *learns* the nine weights.
#
# Now without loops, and then the layer that everybody uses. (In mathematics a *convolution* flips the kernel
# first. Deep learning does not, and keeps the name; as the weights are learned, nobody misses the flip.)

# %% tags=["twin"]
windows = np.lib.stride_tricks.sliding_window_view(picture, (3, 3))  # (3, 4, 3, 3): all places at once
vectorised = (windows * kernel).sum(axis=(2, 3))

layer = nn.Conv2d(1, 1, kernel_size=3, bias=False)
with torch.no_grad():
    layer.weight[:] = torch.tensor(kernel)
    by_torch = layer(torch.tensor(picture, dtype=torch.float32)[None, None])[0, 0].numpy()
np.testing.assert_allclose(by_loops, vectorised)
np.testing.assert_allclose(by_loops, by_torch, atol=1e-5)
print("largest difference between loops and torch:", np.abs(by_loops - by_torch).max())

# %% [markdown]
# Three more words. **Padding** lays a border of zeros around the picture, so that the map need not be
# smaller than the picture. **Stride** 2 moves the kernel by two pixels at a time, so the map is half as
# tall and half as wide. And a picture may have several **channels** (red, green, blue; or the maps of the
# layer before): then a kernel has a sheet of weights for each channel, and *one* number comes out of all of
# them together.

# %% [markdown]
# ### Exercise 05.1 · complete · about 12 minutes · difficulty 3 of 5
#
# Write the whole of it: channels, several kernels, padding and stride. Loops are welcome.
#
# - `image`: shape (C, H, W)
# - `kernels`: shape (K, C, h, w), K kernels of h × w pixels with a sheet for each channel
# - `padding`: zeros on each side; `stride`: pixels from one place to the next
# - returns: shape (K, (H + 2·padding − h) // stride + 1, (W + 2·padding − w) // stride + 1)
#
# Example: for an image of ones (1, 4, 4), one kernel of ones (1, 1, 3, 3), padding 1 and stride 2, it
# returns `[[[4, 6], [6, 9]]]`: at the corner the kernel covers four pixels of the picture and five zeros.


# %%
# EXERCISE 05.1
def convolve(image, kernels, padding=0, stride=1):
    """Return the feature maps of an image, one for each kernel."""
    ### BEGIN SOLUTION
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    tall, wide = kernels.shape[2:]
    down = range(0, padded.shape[1] - tall + 1, stride)
    across = range(0, padded.shape[2] - wide + 1, stride)
    patches = [[padded[:, top : top + tall, left : left + wide] for left in across] for top in down]
    return np.tensordot(kernels, np.array(patches), axes=((1, 2, 3), (2, 3, 4)))
    ### END SOLUTION


# %%
cl.check("05.1", convolve)

# %%
# cl.hint("05.1")

# %% [markdown]
# ### Try kernels
#
# Here is a simulated micrograph of a neuron, which we meet again in section 4. The kernel has three equal
# rows; you set the weights of its left, middle and right column. Three things to find: what blurs, what
# finds edges and on which side, and what finds thin upright lines.

# %%
neurons = cl.simulators.neurons(SEED)
one_neuron = neurons.inputs[np.flatnonzero(neurons.targets == 0)[0]]


def draw_kernel(left=-1, middle=0, right=1):
    """Draw the neuron and its feature map."""
    columns = torch.tensor([left, middle, right], dtype=torch.float32)
    feature_map = nn.functional.conv2d(torch.tensor(one_neuron)[None, None], columns.expand(1, 1, 3, 3))
    fig, (ax, mapped) = plt.subplots(1, 2, figsize=(6.4, 3.4))
    ax.imshow(one_neuron, cmap="gray")
    ax.set_title("picture")
    largest = max(1.0, float(feature_map.abs().max()))
    mapped.imshow(feature_map[0, 0], cmap="RdBu_r", vmin=-largest, vmax=largest)
    mapped.set_title(f"map of [{left}, {middle}, {right}]")
    for part in (ax, mapped):
        part.axis("off")
    return fig


def describe_kernel(left, middle, right):
    """Say in words what `draw_kernel` shows."""
    what = "its edges, one side red and one blue"
    if middle > 0 > max(left, right):
        what = "its thin upright lines"
    elif min(left, middle, right) >= 0:
        what = "a blurred neuron" if max(left, middle, right) else "nothing"
    elif max(left, middle, right) <= 0:
        what = "a blurred neuron, in the colour of what is negative"
    return f"A neuron and its feature map for the kernel columns {left}, {middle}, {right}: {what}."


cl.slider(draw_kernel, alt=describe_kernel, left=[-1, 0, 1], middle=[0, 1, 2], right=[-1, 0, 1])

# %% [markdown]
# (Found? [1, 1, 1] blurs; [−1, 0, 1] has left edges red and right ones blue; [−1, 2, −1] finds thin upright
# lines.)
#
# ### Two properties, and what they cost
#
# The kernel is the same everywhere. So if the picture moves, the map moves with it, unchanged: a
# convolution is **equivariant** to shifts. And the largest value of a map does not care where it stands:
# the maximum over the map (**global max pooling**) is **invariant**. We move a digit by two pixels and
# look.

# %%
digits = cl.load("digits")


def framed(pictures):
    """Put an empty border of two pixels around each picture: (B, 8, 8) becomes (B, 12, 12)."""
    return np.pad(pictures, ((0, 0), (2, 2), (2, 2)))


(train_pictures, train_digits), (test_pictures, test_digits) = digits.split("train"), digits.split("test")
train_pictures, test_pictures = framed(train_pictures), framed(test_pictures)
filters = nn.Conv2d(1, 8, 3, padding=1, padding_mode="circular")  # untrained; what leaves comes in again
digit = torch.tensor(test_pictures[:1, None])
with torch.no_grad():
    maps, maps_of_moved = filters(digit), filters(digit.roll(2, dims=3))
for what, difference in {
    "moved map − map of the moved picture": maps.roll(2, dims=3) - maps_of_moved,
    "largest value of each map": maps.amax((2, 3)) - maps_of_moved.amax((2, 3)),
    "value at the same place": maps - maps_of_moved,
}.items():
    print(f"{what}: differs by up to {difference.abs().max():.1e}")
weights = {"convolution": sum(w.numel() for w in filters.parameters()), "dense": 144 * 8 * 144 + 8 * 144}
print(f"weights for 8 maps of 12 × 12: {weights['convolution']} shared ones, or {weights['dense']} if dense")

# %% [markdown]
# Equivariant and invariant (exactly, because here what leaves on one side comes in on the other; with zeros
# around the picture, in all but the border); and two thousand times fewer weights than a layer in which
# every pixel has its own weight for every value. What of that shows in the accuracy?

# %% [markdown]
# ## 2 · Who bought the robustness?
#
# In lesson 00 a convolutional network read nine digits in ten, and lost most of them when they were moved
# by two pixels. Was that a fault of convolution? We take that network apart: three networks, with and
# without convolutions, with and without pooling. Of the two with convolutions, "CNN, flat" ends in a layer
# with a weight for each place of each map; "CNN, global max" keeps only the largest value of each map. This
# end is called the **head**. Beside them logistic regression and a **support vector machine** (SVM), which
# compares a new picture with the training pictures near the border between two classes. All learn from the
# same 100 labels, ten of each digit; each with and without **augmentation**: copies moved by −2 to 2 pixels
# both ways. Networks make equally many steps either way. Nothing is tuned, so only large differences count.


# %%
def new_network(kind):
    """Return an untrained network: pictures (B, 1, 12, 12) become scores (B, 10)."""
    convolutions = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 32, 3, padding=1), nn.ReLU()]
    layers = {
        "dense network": [nn.Flatten(), nn.Linear(144, 128), nn.ReLU(), nn.Linear(128, 10)],
        "CNN, flat": [*convolutions, nn.Flatten(), nn.Linear(32 * 144, 10)],  # a weight for every place
        "CNN, global max": [*convolutions, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, 10)],
    }
    return nn.Sequential(*layers[kind])


def one_cycle(largest):
    """Return a schedule that climbs to the largest learning rate and falls again, as in lesson 04."""
    return lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=largest, total_steps=steps
    )


def train(network, inputs, targets, epochs, loss=nn.functional.cross_entropy, largest=0.005):
    """Train a network on (B, …) pictures and return it."""
    how = {"batch_size": 32, "schedule": one_cycle(largest), "device": device, "progress": False}
    cl.fit(network, (inputs, targets), loss=loss, epochs=epochs, **how)
    return network


def scores(network, inputs):
    """Return what a network answers to (B, …) pictures, as an array."""
    network.eval()
    with torch.no_grad():
        return network(torch.as_tensor(inputs, device=device)).cpu().numpy()


# %%
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

SHIFTS = [(down, across) for down in range(-2, 3) for across in range(-2, 3)]
MODELS = ("logistic regression", "SVM", "dense network", "CNN, flat", "CNN, global max")


def answers(name, pictures, targets, augment, new):
    """Train a model on pictures (B, 12, 12), and return which digit it reads in each of `new`."""
    shifts = SHIFTS if augment else [(0, 0)] * len(SHIFTS)  # copies, moved or not
    if name in ("logistic regression", "SVM"):
        shifts = SHIFTS if augment else [(0, 0)]  # these gain nothing from seeing a picture twice
    copies = np.concatenate([np.roll(pictures, shift, axis=(1, 2)) for shift in shifts])
    targets = np.tile(targets, len(shifts))
    if name in ("logistic regression", "SVM"):
        model = SVC(C=10) if name == "SVM" else LogisticRegression(max_iter=1000)
        return model.fit(copies.reshape(len(copies), -1), targets).predict(new.reshape(len(new), -1))
    network = train(new_network(name), copies[:, None], targets, epochs=4)
    return scores(network, new[:, None]).argmax(axis=1)


# %% [markdown]
# Three tests: the 359 test digits as they are; each moved to the edge of its frame, two pixels off in at
# least one direction; and, for section 3, each with a square of 4 × 4 pixels blanked. **Predict first:** the
# CNN with a flat head, no augmentation. Of 100 moved digits, how many does it read?

# %%
random = np.random.default_rng(SEED)
edge = [shift for shift in SHIFTS if max(map(abs, shift)) == 2]
moves = random.integers(len(edge), size=len(test_digits))
moved_pictures = np.stack(
    [np.roll(p, edge[k], axis=(0, 1)) for p, k in zip(test_pictures, moves, strict=True)]
)
blanked_pictures = test_pictures.copy()
for blanked, (top, left) in zip(blanked_pictures, random.integers(2, 7, size=(len(moves), 2)), strict=True):
    blanked[top : top + 4, left : left + 4] = 0
tests = np.concatenate([test_pictures, moved_pictures, blanked_pictures])

# %%
right, seconds = {}, dict.fromkeys(MODELS, 0.0)  # right[name, augment]: (draws, 3, B)
of_digit = [np.flatnonzero(train_digits == number) for number in range(10)]
chosen = [np.concatenate([random.choice(r, 10, replace=False) for r in of_digit]) for _ in range(draws)]
for few in chosen:
    for name in MODELS:
        for augment in (False, True):
            start = time.perf_counter()
            found = answers(name, train_pictures[few], train_digits[few], augment, tests)
            seconds[name] += time.perf_counter() - start
            correct = found.reshape(3, -1) == test_digits
            right.setdefault((name, augment), []).append(correct)
right = {row: np.stack(correct) for row, correct in right.items()}

# %%
MY_MOVED = None  # moved digits read right, of 100
accuracy = {row: correct.mean(axis=(0, 2)) for row, correct in right.items()}  # clean, moved, blanked
spread = {row: correct.mean(axis=2).std(axis=0, ddof=1) for row, correct in right.items()}
print(f"mean ± sd of {draws} draws of 100 training pictures      seconds, all runs")
for name in MODELS:
    for augment in (False, True):
        (clean, moved, _), (sd, sd_moved, _) = accuracy[name, augment], spread[name, augment]
        how = "moved copies" if augment else "as they are"
        took = f"{seconds[name]:8.1f}" if augment else ""
        print(f"{name:20} {how:12}  clean {clean:.2f} ± {sd:.2f}  moved {moved:.2f} ± {sd_moved:.2f} {took}")
cl.compare(MY_MOVED, 100 * accuracy["CNN, flat", False][1], unit="digits")

# %%
fig, ax = plt.subplots(figsize=(6.4, 4.4))
for place, name in enumerate(MODELS):
    for augment, offset, marker in ((False, -0.14, "o"), (True, 0.14, "s")):
        clean, moved, _ = accuracy[name, augment]
        color = cl.plots.PALETTE[int(augment)]
        ax.plot([moved, clean], [place + offset] * 2, color=color, linewidth=1.5, alpha=0.6)
        ax.plot(clean, place + offset, marker, color=color, fillstyle="none", markersize=8)
        ax.plot(moved, place + offset, marker, color=color, markersize=8)
ax.plot([], [], "o", color=cl.plots.PALETTE[0], label="trained as they are")
ax.plot([], [], "s", color=cl.plots.PALETTE[1], label="trained on moved copies")
ax.plot([], [], "o", color="0.3", fillstyle="none", label="hollow: clean test; full: moved test")
ax.set(yticks=range(5), yticklabels=MODELS, ylim=(4.6, -0.6), xlim=(0, 1), xlabel="accuracy on test digits")
ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), fontsize=11)
cl.show(
    fig,
    alt="Dumbbell plot of accuracy on clean and moved digits for five models, each trained on digits as they "
    "are and on moved copies: without copies only the CNN with global max pooling keeps its accuracy when "
    "digits move; with copies the SVM and both CNNs keep it, while regression and the dense network lose on "
    "clean digits.",
)

# %% [markdown]
# Read the filled circles from top to bottom. Convolution alone (flat head) hardly helps: the maps move with
# the digit, and the last layer looks for them in the old place. (Where moved copies are shown, it does
# help: compare the squares of the flat CNN and of the dense network.) The pooling head repairs it without a
# single moved picture. Augmentation (squares) repairs the flat CNN as well, *and the SVM*, which has no
# convolution at all. (Guessing has 0.1: where a circle lies there, all is lost.) Logistic regression cannot
# use the copies: one weight per pixel is too little to hold every place. The dense network loses on clean
# digits too; it would need more steps or more weights.
#
# Is that more than luck? Same test digits, so paired differences, bootstrapped over the test digits. (Digits
# by one hand belong together and the writers are not recorded, so the intervals are somewhat too narrow.)

# %%
contrasts = {
    "convolution (flat CNN − dense)": (("CNN, flat", False), ("dense network", False)),
    "pooling (global max − flat)": (("CNN, global max", False), ("CNN, flat", False)),
    "moved copies, for the flat CNN": (("CNN, flat", True), ("CNN, flat", False)),
    "moved copies, for the SVM": (("SVM", True), ("SVM", False)),
    "SVM − flat CNN, both with copies": (("SVM", True), ("CNN, flat", True)),
}
gains = {}
print("gain in accuracy on moved digits (95 % interval over test digits)")
for what, (with_it, without) in contrasts.items():
    per_digit = (right[with_it][:, 1].mean(axis=0)) - right[without][:, 1].mean(axis=0)  # (B,)
    low, high = cl.metrics.bootstrap_interval(per_digit, np.mean, seed=SEED)
    gains[what] = per_digit.mean()
    print(f"{what:34} {gains[what]:+.2f}  ({low:+.2f} to {high:+.2f})")

# %% [markdown]
# ### Exercise 05.2 · design · about 10 minutes · difficulty 3 of 5
#
# A colleague compares the mean of all rows with convolution to the mean of all rows without, and writes:
# "convolution buys robustness". Give the credit fairly: for each factor, the mean gain over all **pairs of
# rows that differ in this factor and in nothing else**.
#
# - `rows`: a list of `(convolution, pooling, augmented, accuracy)`, three booleans and a share, in any
#   order; not every combination need be there
# - returns: a dictionary `{"convolution": …, "pooling": …, "augmentation": …}` of gains, with minus without
#
# Example: for rows `(False, False, False, 0.1)`, `(True, False, False, 0.2)`, `(True, True, False, 0.8)` and
# `(True, True, True, 0.9)` it returns 0.1 for convolution, 0.6 for pooling, 0.1 for augmentation.


# %%
# EXERCISE 05.2
def credit(rows):
    """Return the mean gain of each factor, all else equal."""
    ### BEGIN SOLUTION
    gained = {"convolution": [], "pooling": [], "augmentation": []}
    for *with_it, more in rows:
        for *without, less in rows:
            differ = [number for number in range(3) if with_it[number] != without[number]]
            if len(differ) == 1 and with_it[differ[0]]:
                gained[list(gained)[differ[0]]].append(more - less)
    return {factor: float(np.mean(values)) for factor, values in gained.items()}
    ### END SOLUTION


# %%
cl.check("05.2", credit)

# %%
# cl.hint("05.2")

# %% [markdown]
# Ask your function about the three networks above: `credit(networks)`, in a new cell. (The other two models
# would also be (False, False), and differ from the dense network in more than these three factors.)

# %%
named = {"dense network": (False, False), "CNN, flat": (True, False), "CNN, global max": (True, True)}
networks = [
    (*named[name], augment, accuracy[name, augment][1]) for name in named for augment in (False, True)
]
for row in networks:
    print("convolution {!s:5}  pooling {!s:5}  copies {!s:5}  moved digits {:.2f}".format(*row))
pooled = [
    accuracy["CNN, global max", copies][1] - accuracy["CNN, flat", copies][1] for copies in (False, True)
]
print(f"Pooling should come out as {np.mean(pooled):.3f}, the mean of {pooled[0]:.3f} and {pooled[1]:.3f}.")

# %% [markdown]
# Look at the two pairs: the mean hides that pooling and copies replace each other, so that after the one the
# other buys little.
#
# ### All labels, nothing moved (optional)
#
# A hundred labels and moved digits were made for the CNN's strength. Now the other way round: all 1078
# training digits, and a test in which nothing has moved. **Predict first:** who wins?

# %%
clean_right = {}
for name in MODELS:
    if name in ("logistic regression", "SVM"):
        model = SVC(C=10) if name == "SVM" else LogisticRegression(max_iter=1000)
        model.fit(train_pictures.reshape(-1, 144), train_digits)
        found = model.predict(test_pictures.reshape(-1, 144))
    else:
        network = train(new_network(name), train_pictures[:, None], train_digits, epochs=10)
        found = scores(network, test_pictures[:, None]).argmax(axis=1)
    clean_right[name] = found == test_digits
for name, correct in clean_right.items():
    difference = correct.astype(float) - clean_right["SVM"]
    low, high = cl.metrics.bootstrap_interval(difference, np.mean, seed=SEED)
    print(f"{name:20} {correct.mean():.3f}   minus SVM {difference.mean():+.3f}  ({low:+.3f} to {high:+.3f})")

# %% [markdown]
# On centred digits, and with ten epochs, the flat CNN stays behind the SVM, which has no kernel of 3 × 3.
# (How the other networks stand may depend on how long they learn: ten epochs are few, and nothing here is
# tuned. *Try* forty for the CNN with global max pooling.) "CNN should be the main method" needs its
# condition: *where the thing may lie anywhere in the picture*. Digits on a form do not, cells in a dish do.

# %% [markdown]
# ## 3 · Spoil it on purpose
#
# Zou recommends a collection of image classifiers with "highly popular data augmentation techniques such as
# cutout". Three of them. **Cutout** blanks a square: no single part may be relied on.
# **Mixup** lays one picture over another, with shares λ and 1 − λ, and mixes the labels *with the same
# shares*. **RICAP** fills the four corners of a frame with pieces of four pictures, and mixes their labels
# by area. (Often a border falls on the edge of the frame, and two pieces are left.) Labels are now rows of
# ten shares, which `cross_entropy` takes as well as whole numbers. In the figure, `.3·0+.7·2` means three
# tenths a 0, seven tenths a 2.


# %%
def cutout(pictures, labels, random, size=4):
    """Blank a square of each picture, at a random place that may hang over the edge."""
    count, height, width = pictures.shape
    down = np.arange(height)[:, None] - random.integers(1 - size, height, size=(count, 1, 1))
    across = np.arange(width) - random.integers(1 - size, width, size=(count, 1, 1))
    hidden = (down >= 0) & (down < size) & (across >= 0) & (across < size)  # (B, H, W)
    return np.where(hidden, 0, pictures).astype(pictures.dtype), labels


def mixup(pictures, labels, random, alpha=0.4):
    """Lay a random other picture over each one, and mix the labels with the same shares."""
    share = random.beta(alpha, alpha, size=(len(pictures), 1)).astype(np.float32)  # mostly near 0 or 1
    other = random.permutation(len(pictures))  # one order, for pictures and labels alike
    mixed = share[:, :, None] * pictures + (1 - share[:, :, None]) * pictures[other]
    return mixed, share * labels + (1 - share) * labels[other]


# %% [markdown]
# *(The lines of RICAP are optional reading; what follows needs only the sentence above.)*


# %%
def ricap(pictures, labels, random, beta=0.3):
    """Patch each picture together from pieces of four, and mix the labels by area."""
    count, height, width = pictures.shape
    patched, shares = np.empty_like(pictures), np.zeros_like(labels)
    for row in range(count):
        tall, wide = np.round(random.beta(beta, beta, size=2) * (height, width)).astype(int)
        for top, h in ((0, tall), (tall, height - tall)):
            for left, w in ((0, wide), (wide, width - wide)):
                one = random.integers(count)
                down, across = random.integers(height - h + 1), random.integers(width - w + 1)
                piece = pictures[one, down : down + h, across : across + w]
                patched[row, top : top + h, left : left + w] = piece
                shares[row] += labels[one] * h * w / (height * width)
    return patched, shares


# %%
random = np.random.default_rng(SEED)
one_hot = np.eye(10, dtype=np.float32)
recipes, spoilt = {"cutout": cutout, "mixup": mixup, "RICAP": ricap}, {}
for name, spoil in recipes.items():
    pictures, labels = spoil(train_pictures[:400], one_hot[train_digits[:400]], random)
    assert pictures.shape == (400, 12, 12)
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-5)  # whatever is mixed, shares add up to 1
    spoilt[name] = pictures, labels
halves = mixup(np.stack([np.zeros((2, 2)), np.ones((2, 2))]).astype(np.float32), np.eye(2), random)
np.testing.assert_allclose(
    halves[0].mean(axis=(1, 2)), halves[1][:, 1], rtol=1e-5
)  # as much white as label 1

# %%
shown, titles = [], []
for name, (pictures, labels) in spoilt.items():
    ink_lost = (train_pictures[:400] - pictures).sum(axis=(1, 2))
    two = abs(labels.max(axis=1) - 0.65).argsort()  # first what is about two thirds of one digit
    four = -np.sort(labels, axis=1)[:, -4]  # first what has most of a fourth digit
    telling = {
        "cutout": (-ink_lost).argsort()[:5],
        "mixup": two[:5],
        "RICAP": [*two[:2], *four.argsort()[:3]],
    }
    shown.append(pictures[telling[name]])
    for place, row in enumerate(labels[telling[name]]):
        of_digits = [f"{share:.1f}·{digit}" for digit, share in enumerate(row) if share > 0.05]
        title = "+".join(of_digits).replace("1.0·", "").replace("0.", ".")
        titles.append(title if place else f"{name}: {title}")
fig = cl.plots.images(np.concatenate(shown), titles, ncols=5)
for ax in fig.axes:
    ax.title.set_fontsize(8)
cl.show(
    fig,
    alt="Three rows of five digits: with a square blanked (cutout), two laid over each other (mixup), and "
    "two to four pieces patched together (RICAP), each with its label or its mixture of labels above.",
)

# %% [markdown]
# What do they buy the flat CNN? The same draws of 100 labels, 25 altered copies of each, the same number of
# steps; moved copies from section 2 for comparison. **Predict first:** of 100 digits with a blank square, how
# many does the CNN read that was trained with cutout?

# %%
MY_BLANKED = None  # digits read right, of 100
table = {
    name: right["CNN, flat", name == "moved copies"].mean(axis=2) for name in ("as they are", "moved copies")
}
for name, spoil in recipes.items():
    rows = []
    for few in chosen:
        copies, labels = np.tile(train_pictures[few], (25, 1, 1)), one_hot[np.tile(train_digits[few], 25)]
        copies, labels = spoil(copies, labels, random)
        network = train(new_network("CNN, flat"), copies[:, None], labels, epochs=4)
        found = scores(network, tests[:, None]).argmax(axis=1).reshape(3, -1)
        rows.append((found == test_digits).mean(axis=1))
    table[name] = np.stack(rows)  # (draws, 3)
cl.compare(MY_BLANKED, 100 * table["cutout"].mean(axis=0)[2], unit="digits")
for name, rows in table.items():
    values = zip(("clean", "moved", "blanked"), rows.mean(axis=0), rows.std(axis=0, ddof=1), strict=True)
    print(f"{name:12}" + "".join(f"  {test} {mean:.2f} ± {sd:.2f}" for test, mean, sd in values))

# %% [markdown]
# Each buys what it shows. Cutout buys digits with a blank square, and neither clean nor moved ones. Moved
# copies buy moved digits, and make blanked ones *worse*. Mixup buys nothing here. RICAP surprises: it takes
# its pieces from random places, so it moves strokes as well, and pays even on clean digits, which other
# hands wrote. (*Try* it with all labels, against the SVM.) An augmentation is a statement about what may
# change without changing the answer. The right question is not "which is the best one?" but "what will
# differ when the network is used?"

# %% [markdown]
# ## 4 · Living and dead neurons
#
# "Steve Finkbeiner's lab used a convolutional neural network (CNN) such as this one to identify, with high
# accuracy, dead neurons in a population of live and dead cells" (Zou). Accuracy against what? Labels mostly
# come from a person who looked. Our simulated micrographs come with both: what a **rater** says, and what is
# true.

# %%
cell_rows = {part: neurons.splits["random"][part] for part in ("train", "test")}
cells, alive_or_dead, rater = neurons.inputs, neurons.targets, neurons.extras["rater"]
first = [np.flatnonzero(alive_or_dead == state)[:5] for state in (0, 1)]
fig = cl.plots.images(cells[np.concatenate(first)], ["alive"] * 5 + ["dead"] * 5, ncols=5)
cl.show(
    fig,
    alt="Ten micrographs: five living neurons with a round body and branches, five dead ones in bright "
    "pieces; branches of neighbours and bright debris lie about in all of them.",
)
neurons.describe()

# %% [markdown]
# The baseline first: seven numbers that one would measure by hand (brightness, and the area above a
# threshold; of the picture, and of its middle), and a logistic regression. Then a CNN of three blocks with
# global max pooling: the telling part, a bright piece or a branch, may lie anywhere. Each block is a
# convolution, a **batch norm**, which brings each map to mean 0 and standard deviation 1 over the batch so
# that small networks learn quickly, a ReLU, and a 2 × 2 pooling. Both learn from the labels of the rater;
# of those about one in seven is wrong.

# %%
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def measured(pictures):
    """Return seven features of each micrograph, (B, 7)."""
    middle = pictures[:, 12:36, 12:36]
    of_both = [
        value
        for part in (pictures, middle)
        for value in (part.mean((1, 2)), part.max((1, 2)), (part > 0.35).mean((1, 2)))
    ]
    return np.stack([*of_both, middle.std((1, 2))], axis=1)


def block(channels, maps, pool):
    """Return the layers of one block."""
    return [nn.Conv2d(channels, maps, 3, padding=1), nn.BatchNorm2d(maps), nn.ReLU(), pool]


def new_cell_network():
    """Return an untrained network: micrographs (B, 1, 48, 48) become two scores."""
    return nn.Sequential(
        *block(1, 8, nn.MaxPool2d(2)),  # 24 × 24
        *block(8, 16, nn.MaxPool2d(2)),  # 12 × 12
        *block(16, 32, nn.AdaptiveMaxPool2d(1)),
        *[nn.Flatten(), nn.Linear(32, 2)],
    )


# %% [markdown]
# **Predict first:** the network learns from labels of which 15 % are wrong. How often is it right, by the
# truth? (In brackets will stand Wilson's 95 % interval of a share; unlike the textbook's ± it also works near
# 0 and 1.)

# %%
learn, judge = cell_rows["train"], cell_rows["test"]
regression = make_pipeline(StandardScaler(), LogisticRegression()).fit(measured(cells[learn]), rater[learn])
# 4 · brightness − 1 runs from about −1 to 3
cell_network = train(new_cell_network(), 4 * cells[learn][:, None] - 1, rater[learn], epochs=6)
says = {
    "the truth": alive_or_dead[judge],
    "the rater": rater[judge],
    "seven features": regression.predict(measured(cells[judge])),
    "the network": scores(cell_network, 4 * cells[judge][:, None] - 1).argmax(axis=1),
}

# %%
MY_ACCURACY = None  # a share from 0 to 1
by_truth = {name: np.mean(said == alive_or_dead[judge]) for name, said in says.items()}
by_rater = {name: np.mean(said == rater[judge]) for name, said in says.items()}
for name, said in says.items():
    hits = int(np.sum(said == alive_or_dead[judge]))
    low, high = cl.metrics.wilson_interval(hits, len(judge))
    print(
        f"{name:15} right by the truth {by_truth[name]:.3f} ({low:.3f} to {high:.3f}),"
        f" by the rater {by_rater[name]:.3f}"
    )
cl.compare(MY_ACCURACY, by_truth["the network"])

# %% [markdown]
# By the truth the network is better than the rater who taught it: the rater errs by lot, now on this cell
# and now on that, and what falls by lot holds nothing that carries over to new cells. (A large network can
# memorise it, and then does worse.) By the *rater's* labels (last column) one would never have found
# out: there the truth itself falls short, by all the rater's errors, and the network looks worse still.
#
# The laboratory of the quotation later trained and tested on a biosensor that changes colour in dying
# cells, not on people's labels (J. W. Linsley and others, Science Advances 2021). People's labels take much
# time; and against them alone, "superhuman accuracy" could not have been shown. Our result has a limit that
# the simulator hides: people err on the *hard* cells, and often in the same way. Such errors can be
# learned, and are.

# %% [markdown]
# ## 5 · Chest films
#
# "Scientists are using deep learning algorithms to detect signs of COVID-19 infection in chest x-rays of
# patients (source: COVID-Net)", says Dickson's post. The project's own page gives sensitivities of 94, 94
# and 95 % for healthy, pneumonia and COVID-19, the last from 100 films, and calls itself "by no means a
# production-ready solution". How can a network be that good in the laboratory and not ready?
#
# Our films are simulated: healthy, with a focus in one lung, or with a diffuse haze. A network learns from
# 600 of them, and is tested on 600 others **of the same hospitals**, its **internal** test.

# %%
films = cl.simulators.chest_films(SEED)
train_films, findings = films.split("train")
internal, internal_findings = films.split("test", by="internal")
external, external_findings = films.split("test", by="external")
mean, sd = train_films.mean(), train_films.std()
train_films, internal, external = ((part - mean) / sd for part in (train_films, internal, external))
rows = np.concatenate([np.flatnonzero(findings == finding)[:4] for finding in range(3)])
titles = [films.target_names[finding] for finding in findings[rows]]
fig = cl.plots.images(train_films[rows], titles, ncols=4)
cl.show(
    fig,
    alt="Twelve small chest films, four each healthy, with a focus, diffuse; each has a letter in a corner.",
)


# %%
def new_film_network():
    """Return an untrained network: films (B, 1, 32, 32) become three scores."""
    return nn.Sequential(
        *block(1, 8, nn.MaxPool2d(2)),  # 16 × 16
        *block(8, 16, nn.MaxPool2d(2)),  # 8 × 8
        *block(16, 32, nn.MaxPool2d(2)),  # 4 × 4
        *[nn.Flatten(), nn.Linear(32 * 16, 3)],  # a focus and a letter are told by their place
    )


film_network = train(new_film_network(), train_films[:, None], findings, epochs=12)
internal_found = scores(film_network, internal[:, None]).argmax(axis=1)
print(f"internal test: accuracy {np.mean(internal_found == internal_findings):.3f}")
cl.metrics.per_class_table(internal_findings, internal_found, names=films.target_names)

# %% [markdown]
# Per class, with intervals, as it should be reported; sensitivity is the **recall** of a class. It looks
# ready. Then films arrive from hospitals that had no part in it: the **external** test. **Predict first.**

# %%
MY_EXTERNAL = None  # accuracy, a share from 0 to 1
external_found = scores(film_network, external[:, None]).argmax(axis=1)
internal_accuracy = np.mean(internal_found == internal_findings)
external_accuracy = np.mean(external_found == external_findings)
print(f"accuracy {internal_accuracy:.3f} internal, {external_accuracy:.3f} external")
cl.compare(MY_EXTERNAL, external_accuracy)

# %% [markdown]
# What did it read? Look at the twelve films again, at the upper left corner: each hospital prints its
# letter there. The healthy films came from one of them, mostly, and so did each other class. A letter is
# far easier to see than a haze: a **shortcut**. No internal test can see it, for the letters are as
# faithful there. The other hospitals happen to print the same three letters, each of them on films of every
# finding: there the letter says nothing.
#
# One does not always have a second hospital. Three questions that the films at hand can answer: how far does
# the corner *alone* get? What happens when the corner is covered? And when another letter is pasted in?

# %%
corner = films.truth["corner"]  # (32, 32), True in 8 × 8 pixels


def covered(pictures):
    """Paint the corner of each film in the mean grey."""
    return np.where(corner, np.float32(0), pictures)


def with_corners_of(pictures, others):
    """Paste the corners of other films in."""
    pasted = pictures.copy()
    pasted[:, corner] = others[:, corner]
    return pasted


# %%
corner_alone = LogisticRegression(max_iter=2000).fit(train_films[:, corner], findings)
corner_internal = corner_alone.score(internal[:, corner], internal_findings)
corner_external = corner_alone.score(external[:, corner], external_findings)
print(
    f"64 pixels of the corner alone: accuracy {corner_internal:.3f} internal, {corner_external:.3f} external"
)

was_covered = np.mean(scores(film_network, covered(internal)[:, None]).argmax(axis=1) == internal_findings)
print(f"the network on internal films with the corner covered: {was_covered:.3f}")
order = np.random.default_rng(SEED).permutation(len(internal))
pasted_found = scores(film_network, with_corners_of(internal, internal[order])[:, None]).argmax(axis=1)
other_letter = internal_findings[order] != internal_findings
follows = np.mean(pasted_found[other_letter] == internal_findings[order][other_letter])
print(f"a letter of another class pasted in: the answer follows the letter in {follows:.0%} of the films")

# %% [markdown]
# Sixty-four pixels with next to no lung in them do the internal test (outside, they do about as well as
# guessing). With the corner covered the network falls far below its score: it had learned little else, or
# the grey patch, which it never saw, confuses it. And most answers follow a pasted letter. This question is
# the strongest: it changes *one* thing, and shows nothing that the network has not seen before.
#
# Two repairs. **Cover** the corner, in training and ever after. Or **paste** in training the corners of
# other films at random, so that the letter says nothing: augmentation again, as a statement about what must
# not matter.

# %%
random = np.random.default_rng(SEED)
copies = [with_corners_of(train_films, train_films[random.permutation(len(train_films))]) for _ in range(4)]
repaired = {
    "corner covered": train(new_film_network(), covered(train_films)[:, None], findings, epochs=12),
    "corners exchanged": train(
        new_film_network(), np.concatenate(copies)[:, None], np.tile(findings, 4), epochs=3
    ),
}
film_accuracy = {"as it was": (internal_accuracy, external_accuracy)}
for name, network in repaired.items():
    prepare = covered if name == "corner covered" else np.asarray
    film_accuracy[name] = tuple(
        np.mean(scores(network, prepare(part)[:, None]).argmax(axis=1) == truth)
        for part, truth in ((internal, internal_findings), (external, external_findings))
    )
for name, (inside, outside) in film_accuracy.items():
    print(f"{name:18} internal {inside:.3f}   external {outside:.3f}   gap {inside - outside:+.3f}")

# %%
fig, ax = plt.subplots()
for place, values in enumerate(film_accuracy.values()):
    for part, value, style in (
        ("internal", values[0], cl.plots.TRAIN_STYLE),
        ("external", values[1], cl.plots.VALID_STYLE),
    ):
        offset = -0.08 if part == "internal" else 0.08
        low, high = cl.metrics.wilson_interval(round(value * 600), 600)
        label = part if place == 0 else None
        ax.plot([place + offset] * 2, [low, high], color=style["color"])
        ax.plot(place + offset, value, style["marker"], color=style["color"], label=label, markersize=8)
ax.axhline(1 / 3, color="0.4", linestyle=":")
ax.text(-0.4, 1 / 3 + 0.01, "guessing", va="bottom")
ax.set(xticks=range(3), xticklabels=film_accuracy, xlim=(-0.45, 2.45), ylim=(0.25, 1.02), ylabel="accuracy")
ax.legend(loc=(0.6, 0.35))
cl.show(
    fig,
    alt="Dot plot with intervals of internal and external accuracy: as it was, the network is far better "
    "inside than outside; with the corner covered or exchanged both are alike, below the internal and above "
    "the external accuracy it had.",
)

# %% [markdown]
# The repaired networks are *worse* internally, and that is the honest number. Whoever chooses by the
# internal test chooses the shortcut.

# %% [markdown]
# ### Exercise 05.3 · design · optional · about 8 minutes · difficulty 3 of 5
#
# External films are few. A colleague has sixty: "59 of 60 right inside, 55 of 60 outside: it falls." Does
# it? Put a 95 % interval on the fall. The two sets are independent. The textbook's ± fails near 0 and 1 (60
# of 60 would have no width), so build on Wilson's interval (`cl.metrics.wilson_interval(right, films)`), or
# draw each accuracy from a Beta(right + ½, wrong + ½).
#
# - `inside`, `outside`: `(right, films)` each, whole numbers
# - returns: `(low, high)` of the accuracy inside minus the accuracy outside; 0.03 more or less will do
#
# Two intervals go together as lengths of a right triangle do: with $p$ and Wilson's $(l, u)$ of each,
# $\text{low} = p_1 - p_2 - \sqrt{(p_1 - l_1)^2 + (u_2 - p_2)^2}$, and $\text{high}$ likewise with the other
# arms (Newcombe 1998). Example: `fall((59, 60), (55, 60))` returns about (−0.02, 0.17).


# %%
# EXERCISE 05.3
def fall(inside, outside):
    """Return a 95 % interval of the accuracy inside minus the accuracy outside."""
    ### BEGIN SOLUTION
    rates, arms_down, arms_up = [], [], []
    for right_ones, of_all in (inside, outside):
        low, high = cl.metrics.wilson_interval(right_ones, of_all)
        rates.append(right_ones / of_all)
        arms_down.append(rates[-1] - low)
        arms_up.append(high - rates[-1])
    difference = rates[0] - rates[1]
    return difference - np.hypot(arms_down[0], arms_up[1]), difference + np.hypot(arms_up[0], arms_down[1])
    ### END SOLUTION


# %%
cl.check("05.3", fall)

# %%
# cl.hint("05.3")

# %% [markdown]
# ### Measured films
#
# Now the same suspicion on measured films: chest X-rays of children, healthy or with pneumonia, at 28 × 28
# pixels. No publisher has exactly these bytes, so they come from a mirror only (`COURSE_DATA_MIRROR`). Where
# there is none, the next cell says so and takes simulated films, with other hospitals in the test part.

# %%
try:
    scans = cl.load(FILMS)
    parts = {part: scans.split(part) for part in ("train", "valid", "test")}
    print(f"Measured films: {scans}")
except cl.CourseError as error:
    scans = getattr(cl.simulators, STAND_IN)(SEED + 1000)
    parts = {part: scans.split(part, by="external") for part in ("train", "valid", "test")}
    parts = {part: (pictures, (labels > 0).astype(int)) for part, (pictures, labels) in parts.items()}
    print(f"NOT the measured films: {error.found} What follows is simulated, by `{STAND_IN}`.")
scans.describe()

# %% [markdown]
# The plainest method, logistic regression on the pixels: once on all of them, once on the **frame**, the
# outer four pixels on each side; of so small a picture, that is nearly half. **Predict first:** how well
# can one tell the sick from the frame (its AUC on the validation films)?

# %%
from sklearn.metrics import roc_auc_score

MY_FRAME = None  # AUC of the frame alone on the validation films, 0.5 to 1
frame = np.ones(parts["train"][0].shape[1:], dtype=bool)
frame[4:-4, 4:-4] = False
scan_results = {}
for name, pixels in (("all pixels", np.ones_like(frame)), ("frame alone", frame), ("middle alone", ~frame)):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))  # held back strongly
    model.fit(parts["train"][0][:, pixels], parts["train"][1])
    for part in ("valid", "test"):
        pictures, sick = parts[part]
        score = model.decision_function(pictures[:, pixels])
        specificity = np.mean(score[sick == 0] < 0)
        scan_results[name, part] = roc_auc_score(sick, score), specificity
        print(
            f"{name:12} {part:5}  AUC {scan_results[name, part][0]:.3f}   sensitivity "
            f"{np.mean(score[sick == 1] > 0):.2f}   specificity {specificity:.2f}"
        )
cl.compare(MY_FRAME, scan_results["frame alone", "valid"][0])

# %%
means = [parts[part][0][parts[part][1] == sick].mean(axis=0) for part in ("valid", "test") for sick in (0, 1)]
names = [f"{part},\n{state}" for part in ("valid", "test") for state in ("healthy", "sick")]
fig = cl.plots.images(np.stack(means), names, ncols=4)
for ax in fig.axes:
    height, width = frame.shape
    ax.plot(
        [3.5, width - 4.5, width - 4.5, 3.5, 3.5],
        [3.5, 3.5, height - 4.5, height - 4.5, 3.5],
        color=cl.plots.PALETTE[4],
    )
cl.show(
    fig,
    alt="Mean film of the healthy and of the sick, in the validation and in the test part, with a line that "
    "separates the outer four pixels from the middle.",
)

# %% [markdown]
# The validation score does not survive the test, above all the specificity: healthy children of the test
# part are called sick. The share of the sick differs between the parts too, but a specificity looks at the
# healthy alone, so that cannot be the reason. Two are left. The test images differ; or the validation films
# show children who are in the training part too. (Eight of the measured ones are exact copies of training
# films, and who is on which film is not recorded.)
#
# A frame without the middle of a chest tells much of the diagnosis. What is in it? In the mean films the
# lungs of the sick are greyer than those of the healthy; in the measured ones the frame is greyer too. Arms,
# collars, letters, how tightly the film was cut, how the child was held: all can be in it, and the sides of
# the lungs. Is the frame to blame for the fall? The last two lines of the table: without any frame, the
# *middle alone* falls as well, and on the test it does about as well as the whole film. In the simulated
# films we know why: the letter lies partly in the outer four pixels, partly inside. In the measured ones we
# do not; what differs between the parts is not in the frame only, and whether the frame is a shortcut is
# open. To find out, change the frame alone, or ask the hospital.

# %% [markdown]
# ## 6 · Moles: a table, and a threshold
#
# F. Biscarini and N. Nazzicari (*Deep learning for biologists*) show a bar chart of H. Zunair and A. Ben
# Hamza, *Melanoma Detection using Adversarial Training and Deep Transfer Learning* (2020): "Classification
# performance of MelaNet and the baseline methods using AUC, FN and Sensitivity as evaluation metrics on the
# ISIC-2016 test set." These are its numbers; FN are the malignant lesions that were called benign. The test
# set has 379 images, 75 of them malignant. (Of the rows, VGG-GAP is the baseline; the next two learned from
# altered copies as well; and MelaNet from a training set that was made balanced with *generated* malignant
# pictures, as the authors' public code says.)

# %%
MALIGNANT, BENIGN = 75, 304
PUBLISHED = {  # AUC [%], FN, the column called "Sensitivity" [%]
    "VGG-GAP": (79.08, 55, 84.46),
    "Augment-5x": (78.81, 51, 85.34),
    "Augment-10x": (79.56, 47, 86.09),
    "MelaNet": (81.18, 22, 91.76),
}
print(f"{'':12} {'AUC':>6} {'FN':>4} {'Sensitivity':>12}")
for name, (auc, missed, column) in PUBLISHED.items():
    print(f"{name:12} {auc:6.2f} {missed:4} {column:12.2f}")

# %% [markdown]
# **Sensitivity** is the share of the malignant lesions that are found: (75 − FN) / 75. **Predict first**, in
# your head: what is it in the first row, where 55 of 75 are missed?

# %%
MY_SENSITIVITY = None  # in per cent
found_share = {name: 100 * (1 - missed / MALIGNANT) for name, (_, missed, _) in PUBLISHED.items()}
cl.compare(MY_SENSITIVITY, found_share["VGG-GAP"], unit="%")

# %% [markdown]
# It cannot be 84. So the column is another ratio. Which? There are not many, and each of them needs a
# *whole* number of benign lesions that were rightly called benign (TN), from 0 to 304. Try them all.
#
# ### Exercise 05.4 · audit · about 14 minutes · difficulty 4 of 5
#
# Write the detective. From the sizes, FN and the published column, find the only ratio that a whole TN can
# produce, to the two decimals that are printed. Other tables come too, where it is another ratio.
#
# - `malignant`, `benign`: how many there are; `missed`: FN; `column`: in per cent, rounded to two decimals
# - returns: a dictionary with `"metric"`, one of `"specificity"` TN / benign, `"npv"` TN / (TN + FN),
#   `"ppv"` TP / (TP + FP), `"accuracy"` (TP + TN) / all; `"tn"`, a whole number; and `"sensitivity"`, the
#   true one, as a share
#
# Example: `detect(30, 90, missed=6, column=80.83)` returns
# `{"metric": "accuracy", "tn": 73, "sensitivity": 0.8}`: (24 + 73) / 120 is 80.83 %, and no other ratio of
# whole numbers is.


# %%
# EXERCISE 05.4
def detect(malignant, benign, missed, column):
    """Return which metric a published column is, the TN behind it, and the true sensitivity."""
    ### BEGIN SOLUTION
    hits = malignant - missed
    for correct_benign in range(benign + 1):
        alarms = hits + benign - correct_benign
        candidates = {
            "specificity": (correct_benign, benign),
            "npv": (correct_benign, correct_benign + missed),
            "ppv": (hits, alarms),
            "accuracy": (hits + correct_benign, malignant + benign),
        }
        for metric, (above, below) in candidates.items():
            if below and abs(100 * above / below - column) < 0.00501:
                return {"metric": metric, "tn": correct_benign, "sensitivity": hits / malignant}
    ### END SOLUTION


# %%
cl.check("05.4", detect)

# %%
# cl.hint("05.4")

# %% [markdown]
# For the table at hand, with a line of algebra in place of the search: in all four rows the published
# column equals TN / (TN + FN). That ratio is the **negative predictive value**: of those called benign, how
# many are. The authors' public test notebook agrees: what it prints as the sensitivity is `cm[0,0] /
# (cm[0,0] + cm[1,0])`, the first *column* of the confusion matrix, where the sensitivity is in the second
# *row*.
#
# With TN known, everything else follows. And a yardstick: what would somebody score who calls *every*
# lesion benign?

# %%
audit = {}
for name, (_, missed, column) in [*PUBLISHED.items(), ("all benign", (50, MALIGNANT, 100 * BENIGN / 379))]:
    share = column / 100
    tn = round(missed * share / (1 - share))  # from share = tn / (tn + missed)
    tp = MALIGNANT - missed
    audit[name] = {
        "TN": tn,
        "column": 100 * tn / (tn + missed),
        "sensitivity": 100 * tp / MALIGNANT,
        "specificity": 100 * tn / BENIGN,
        "accuracy": 100 * (tp + tn) / (MALIGNANT + BENIGN),
        "balanced": 50 * (tp / MALIGNANT + tn / BENIGN),  # the mean of sensitivity and specificity
    }
print(f"{'':12}" + "".join(f"{key:>13}" for key in audit["MelaNet"]))
for name, row in audit.items():
    print(f"{name:12}{row['TN']:13}" + "".join(f"{value:13.2f}" for value in list(row.values())[1:]))

# %%
fig, ax = plt.subplots(figsize=(6.4, 4.4))
names = list(audit)
for place, name in enumerate(names):
    row = audit[name]
    ax.bar(place - 0.2, row["column"], 0.4, color=cl.plots.PALETTE[5], hatch="//", edgecolor="white")
    ax.bar(place + 0.2, row["sensitivity"], 0.4, color=cl.plots.PALETTE[1])
    ax.text(place - 0.2, row["column"] + 1, f"{row['column']:.1f}", ha="center", fontsize=10)
    ax.text(place + 0.2, row["sensitivity"] + 1, f"{row['sensitivity']:.1f}", ha="center", fontsize=10)
ax.bar(
    0,
    0,
    color=cl.plots.PALETTE[5],
    hatch="//",
    edgecolor="white",
    label="the published column, TN / (TN + FN)",
)
ax.bar(0, 0, color=cl.plots.PALETTE[1], label="sensitivity, TP / (TP + FN)")
ax.set(xticks=range(5), xticklabels=names, ylim=(0, 118), ylabel="per cent")
ax.tick_params(axis="x", labelsize=11)
ax.legend(loc="upper left", fontsize=11)
cl.show(
    fig,
    alt="Bar chart of the published column beside the true sensitivity: the column runs from 84 to 92 per "
    "cent, the sensitivity from 27 to 71; calling all benign gives 80 in the column and 0 in sensitivity.",
)

# %% [markdown]
# Somebody who finds no melanoma at all scores 80.2 in that column. The true sensitivities are 26.7 to 70.7
# %. MelaNet does find far more than the others. It also raises far more false alarms, and its accuracy
# falls below that of calling everything benign, which says more about accuracy than about MelaNet. How sure
# is it?

# %%
low, high = cl.metrics.wilson_interval(MALIGNANT - 22, MALIGNANT)
print(f"MelaNet's sensitivity: 95 % interval {low:.2f} to {high:.2f}")
print(
    f"false alarms: {BENIGN - audit['VGG-GAP']['TN']} (VGG-GAP), {BENIGN - audit['MelaNet']['TN']} (MelaNet)"
)
auc = 0.8118  # Hanley and McNeil's formula, lesson 03
two_events, two_others = auc / (2 - auc), 2 * auc**2 / (1 + auc)
square = auc * (1 - auc) + (MALIGNANT - 1) * (two_events - auc**2) + (BENIGN - 1) * (two_others - auc**2)
auc_half_width = 100 * 1.96 * np.sqrt(square / (MALIGNANT * BENIGN))
print(f"AUC: {81.18 - 79.08:.1f} points more than VGG-GAP, each ± {auc_half_width:.1f} (unpaired)")

# %% [markdown]
# More found, more false alarms, nearly the same AUC. That is what one sees when a *threshold* is moved. A
# balanced training set does move it: where half of all pictures are malignant, more of them are called so.
# It need not be the whole reason, and from four numbers one cannot know. (Nor how good any of the four is:
# in the authors' public training notebook the test images also choose the epoch that is kept, so all four
# AUCs may flatter. Whether the table came from that version is not recorded.)
#
# On simulated lesions we can know. One in ten is malignant; the best possible score has an AUC of about 0.85.

# %%
lesions = cl.simulators.skin_lesions(SEED)
(photos, malignant), (new_photos, new_malignant) = lesions.split("train"), lesions.split("test")
rows = np.concatenate([np.flatnonzero(malignant == state)[:6] for state in (0, 1)])
fig = cl.plots.images(photos[rows], ["benign"] * 6 + ["malignant"] * 6, ncols=6)
cl.show(
    fig,
    alt="Twelve photographs of moles on skin, six benign and six malignant, hard to tell apart.",
)


# %%
def new_lesion_network():
    """Return an untrained network: photographs (B, 3, 32, 32) become one number each, the log-odds."""
    return nn.Sequential(
        *block(3, 8, nn.MaxPool2d(2)),  # 16 × 16
        *block(8, 16, nn.MaxPool2d(2)),  # 8 × 8
        *block(16, 32, nn.AdaptiveAvgPool2d(1)),  # the mean of each map
        *[nn.Flatten(), nn.Linear(32, 1), nn.Flatten(0)],
    )


def weighted(outputs, targets):
    """Cross-entropy in which a malignant lesion counts nine times, as if there were as many of them."""
    nine = torch.tensor(9.0, device=outputs.device)
    return nn.functional.binary_cross_entropy_with_logits(outputs, targets, pos_weight=nine)


def focal(outputs, targets):
    """Focal loss with γ = 2: the surer a right answer, the less it counts."""
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return ((1 - torch.exp(-cross_entropy)) ** 2 * cross_entropy).mean()


# %% [markdown]
# The same network, from the same start, with three losses: plain cross-entropy; one in which malignant
# lesions count nine times, as if there were as many of them as of the others, which stands for MelaNet's
# balanced training set; and the **focal loss** that MelaNet was trained with (its rows are read in an
# optional part below; leave them till then). **Predict first:** nine-fold weights change how many malignant
# lesions are found. Do they change the AUC?


# %%
losses = {"plain": nn.functional.binary_cross_entropy_with_logits, "weighted": weighted, "focal": focal}
level, sd = (measure(photos, axis=(0, 2, 3), keepdims=True) for measure in (np.mean, np.std))
torch.manual_seed(SEED)
start = new_lesion_network()
log_odds = {}
for name, loss in losses.items():
    network = new_lesion_network()
    network.load_state_dict(start.state_dict())
    network = train(
        network, (photos - level) / sd, malignant.astype(np.float32), epochs=5, loss=loss, largest=0.01
    )
    log_odds[name] = scores(network, (new_photos - level) / sd)
sick = new_malignant == 1
ceiling = roc_auc_score(sick, lesions.truth["features"][lesions.splits["random"]["test"]].sum(axis=1))
lesion_auc = {name: roc_auc_score(sick, odds) for name, odds in log_odds.items()}
print(f"{'':9} {sick.sum()} malignant: missed  {(~sick).sum()} benign: alarms  AUC (possible: {ceiling:.3f})")
for name, odds in log_odds.items():
    print(f"{name:9} {np.sum(odds[sick] < 0):20} {np.sum(odds[~sick] > 0):24} {lesion_auc[name]:9.3f}")

# %% [markdown]
# The plain network misses nearly all: with one in ten malignant, a probability above one half is rarely
# deserved. Nine-fold weights find most of them, with many false alarms, and the AUC is about the same: the
# *order* of the lesions is no better. So the plain network, with another threshold, should do it too. Drag
# it.

# %%
chance = 1 / (1 + np.exp(-log_odds["plain"]))  # the plain network's probabilities


def at_threshold(threshold):
    """Return how many malignant lesions are missed and how many benign ones alarmed."""
    return int(np.sum(chance[sick] < threshold)), int(np.sum(chance[~sick] >= threshold))


def draw_threshold(threshold=0.5):
    """Draw the probabilities of benign and malignant lesions, with the threshold."""
    missed, alarmed = at_threshold(threshold)
    fig, ax = plt.subplots()
    bins = np.linspace(0, 0.6, 31)
    for state, name, style in (
        (~sick, "benign", {"alpha": 0.5}),
        (sick, "malignant", {"hatch": "//", "alpha": 0.7}),
    ):
        heights = np.full(state.sum(), 100 / state.sum())
        color = cl.plots.PALETTE[int(name == "malignant")]
        ax.hist(chance[state], bins, weights=heights, label=name, color=color, edgecolor="white", **style)
    ax.axvline(threshold, color="black")
    ax.set(xlabel="probability of malignant (plain network)", ylabel="share of the class (%)", xlim=(0, 0.6))
    right_ones = 1 - (missed + alarmed) / len(sick)
    ax.set_title(f"missed {missed} of {sick.sum()}, false alarms {alarmed}, accuracy {right_ones:.3f}")
    ax.legend()
    return fig


def describe_threshold(threshold):
    """Say in words what `draw_threshold` shows."""
    missed, alarmed = at_threshold(threshold)
    return f"Histograms of two classes, threshold {threshold:.2f}: {missed} missed, {alarmed} false alarms."


cl.slider(draw_threshold, alt=describe_threshold, threshold=[0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])

# %% [markdown]
# Now exactly: move the plain network's threshold until it raises as many false alarms as the weighted one,
# and count again what is missed. And the probabilities? One in ten lesions is malignant, so a network that
# means what it says gives 0.10 on average. **Predict:** what does the weighted one give?

# %%
MY_MEAN = None  # a probability
alarms = {name: int(np.sum(odds[~sick] > 0)) for name, odds in log_odds.items()}
missed = {name: int(np.sum(odds[sick] < 0)) for name, odds in log_odds.items()}
moved_threshold = np.sort(log_odds["plain"][~sick])[::-1][alarms["weighted"]]
missed_when_moved = int(np.sum(log_odds["plain"][sick] <= moved_threshold))
print(f"missed: plain {missed['plain']}, weighted {missed['weighted']}, plain, moved {missed_when_moved}")

corrected = {**log_odds, "weighted, odds / 9": log_odds["weighted"] - np.log(9)}
mean_chance, log_loss = {}, {}
for name, odds in corrected.items():
    mean_chance[name] = np.mean(1 / (1 + np.exp(-odds)))
    log_loss[name] = np.mean(np.logaddexp(0, np.where(sick, -odds, odds)))
    print(f"{name:19} mean probability {mean_chance[name]:.2f}   log loss {log_loss[name]:.3f}")
cl.compare(MY_MEAN, mean_chance["weighted"])

# %% [markdown]
# Nearly all that the weights gained was a moved threshold. The price: the weighted network says "one in
# three" or more where one in ten is true. There is a remedy in one line: the weights multiply the odds by
# nine, so divide by nine.
#
# If somebody will act on the *probability*, train with the plain loss and move the threshold, by what a
# missed melanoma and a false alarm cost, or on validation data. (Here it was set on the test lesions, only
# to compare at equal alarms.)
#
# ### The focal loss (optional)
#
# The focal loss is no moved threshold: for a lesion that is malignant with a chance of ½ its best answer is
# ½, as that of the plain loss. But it distorts as well (last table, row "focal"): what is rightly sure counts
# little, so nothing is said surely. With γ = 2 this can be undone too, by a longer formula (N. Charoenphakdee
# and others, 2021).

# %% [markdown]
# ### Exercise 05.5 · complete · optional · about 10 minutes · difficulty 3 of 5
#
# Write the focal loss (T.-Y. Lin and others, 2017) so that it survives extreme answers. With $p_t$ the
# probability given to the *true* class, and $\alpha_t$ equal to α for class 1 and 1 − α for class 0:
# $\;-\alpha_t\,(1 - p_t)^\gamma \log p_t$, the mean over the examples.
#
# - `logits`: tensor (B,), log-odds of class 1, anything from −100 to 100; `targets`: tensor (B,), 0.0 or 1.0
# - `gamma`: 0, or from 1 on; `alpha`: from 0 to 1
# - returns: a tensor with one number, whose gradient is finite
#
# Example: `focal_loss(torch.zeros(4), torch.ones(4), gamma=2.0, alpha=0.5)` is ½ · ¼ · log 2 = 0.0866.


# %%
# EXERCISE 05.5
def focal_loss(logits, targets, gamma=2.0, alpha=0.25):
    """Return the mean focal loss of log-odds."""
    ### BEGIN SOLUTION
    signed = (2 * targets - 1) * logits  # the log-odds of the true class
    class_weight = alpha * targets + (1 - alpha) * (1 - targets)
    return -(class_weight * torch.sigmoid(-signed) ** gamma * nn.functional.logsigmoid(signed)).mean()
    ### END SOLUTION


# %%
cl.check("05.5", focal_loss)

# %%
# cl.hint("05.5")

# %% [markdown]
# ## Where it fails
#
# A convolution knows shifts, and nothing else. The CNN with global max pooling, which shifts hardly
# disturbed, now reads digits that were *turned*.

# %%
from scipy.ndimage import rotate

network = train(
    new_network("CNN, global max"),
    np.tile(train_pictures[chosen[0]], (25, 1, 1))[:, None],
    np.tile(train_digits[chosen[0]], 25),
    epochs=4,
)
turned_accuracy = {}
for degrees in (0, 15, 30, 45, 60, 90):
    turned = rotate(test_pictures, degrees, axes=(1, 2), reshape=False, order=1)
    turned_accuracy[degrees] = np.mean(scores(network, turned[:, None]).argmax(axis=1) == test_digits)
    print(f"turned by {degrees:2}°: accuracy {turned_accuracy[degrees]:.2f}")

# %% [markdown]
# Nobody built rotation in, and nobody showed it. (A turned digit can look like *another* one, as a 6 like a
# 9; so accuracy can fall below guessing, and not every change leaves the answer alone.) Symmetries other than
# shifts come back in lesson 11. Three more limits: all networks here are small and start from nothing, where
# practice would start from a trained one (lesson 12); the simulators' pictures are far simpler than any
# microscope's; and of the measured films we know neither the patients nor the hospitals.

# %% [markdown]
# ## Claims
#
# **1 · Loops and library agree.**

# %%
cl.claim(
    "a convolution by loops is torch's, to 0.00001",
    np.abs(by_loops - by_torch).max(),
    "<=",
    1e-5,
    because="torch computes in single precision",
)

# %% [markdown]
# **2 · Pooling and copies buy robustness; convolution alone does not.**

# %%
cl.claim(
    "convolution alone makes a network robust to moved digits",
    gains["convolution (flat CNN − dense)"],
    ">",
    0.3,
    expect="fails",
    because="0.3 is less than half of what a moved digit costs",
)
cl.claim(
    "with the same convolutions, pooling buys at least half of all moved digits",
    gains["pooling (global max − flat)"],
    ">",
    0.5,
    because="no moved picture was shown to either",
)
cl.claim(
    "moved copies buy the same for a support vector machine, which has no convolution",
    gains["moved copies, for the SVM"],
    ">",
    0.5,
    because="the same half of all moved digits",
)
cl.claim(
    "centred digits, all labels: the flat CNN beats the SVM by more than 0.01",
    clean_right["CNN, flat"].mean() - clean_right["SVM"].mean(),
    ">",
    0.01,
    expect="fails",
    because="0.01 is four of 359 test digits",
)

# %% [markdown]
# **3 · An augmentation buys what it shows.**

# %%
gain_of = {name: (rows - table["as they are"]).mean(axis=0) for name, rows in table.items()}
cl.claim(
    "cutout helps where a square is blanked",
    gain_of["cutout"][2],
    ">",
    0,
    margin=0.04,
    because="0.04 is about the spread between draws of training pictures",
)
cl.claim(
    "cutout helps where digits have moved",
    gain_of["cutout"][1],
    ">",
    0.1,
    expect="fails",
    because="moved copies gained several times as much",
)
cl.claim(
    "moved copies help where a square is blanked",
    gain_of["moved copies"][2],
    ">",
    0,
    expect="fails",
    because="any gain would do",
)
cl.claim(
    "RICAP, which takes its pieces from anywhere, helps where digits have moved",
    gain_of["RICAP"][1],
    ">",
    0,
    margin=0.1,
    because="ten digits of a hundred, far beyond the spread between draws",
)
cl.claim(
    "and where they have not: on clean digits by other hands",
    gain_of["RICAP"][0],
    ">",
    0,
    margin=0.02,
    because="0.02 is seven of 359 test digits",
)

# %% [markdown]
# **4 · A network can be better than the labels that it learned from, and only the truth can show it.**

# %%
cl.claim(
    "by the truth the network is right more often than the rater who taught it",
    by_truth["the network"],
    ">",
    by_truth["the rater"],
    margin=0.03,
    because="twice the standard error of an accuracy near 0.9 on 800 cells is 0.02",
)
cl.claim(
    "by the rater's labels one can see that",
    by_rater["the network"],
    ">",
    by_truth["the rater"],
    margin=0.03,
    expect="fails",
    because="the same margin, judged by the labels",
)
cl.claim(
    "the network sees more than seven features do",
    by_truth["the network"],
    ">",
    by_truth["seven features"],
    margin=0.05,
    because="0.05 is three standard errors of the difference",
)

# %% [markdown]
# **5 · An internal test cannot see a shortcut.** (The last claim is about the validation films; guessing
# would have 0.5. On the test films the frame tells less, see the table in section 5.)

# %%
cl.claim(
    "the accuracy in the training hospitals is that in others, to 0.1",
    abs(internal_accuracy - external_accuracy),
    "<=",
    0.1,
    expect="fails",
    because="0.1 is five standard errors of an accuracy near one half on 600 films",
)
cl.claim(
    "64 pixels of the corner do the internal test as well as the whole film, to 0.05",
    corner_internal,
    ">",
    internal_accuracy - 0.05,
    because="the letter is that of the class in 98 % of the films",
)
for repair in repaired:
    cl.claim(
        f"{repair}: better outside than before",
        film_accuracy[repair][1],
        ">",
        external_accuracy,
        margin=0.1,
        because="five standard errors of an accuracy near one half on 600 films",
    )
cl.claim(
    f"the validation score survives the test, in AUC to 0.03 ({scans.name})",
    scan_results["all pixels", "valid"][0] - scan_results["all pixels", "test"][0],
    "<=",
    0.03,
    expect="fails",
    because="0.03 is beyond the luck of either part",
)
cl.claim(
    f"the frame alone tells the sick from the healthy of the validation films, in AUC ({scans.name})",
    scan_results["frame alone", "valid"][0],
    ">",
    0.9,
    because="guessing has 0.5, and the middle, with the heart, is cut out",
)
cl.claim(
    f"it is the frame alone: without it the score survives the test, in AUC to 0.03 ({scans.name})",
    scan_results["middle alone", "valid"][0] - scan_results["middle alone", "test"][0],
    "<=",
    0.03,
    expect="fails",
    because="the same 0.03 as for the whole films",
)

# %% [markdown]
# **6 · A column by its right name, and a threshold by its own.**

# %%
differences = [abs(round(audit[name]["column"], 2) - column) for name, (*_, column) in PUBLISHED.items()]
cl.claim(
    "the published column equals TN / (TN + FN) with a whole TN, in all four rows",
    max(differences),
    "<",
    0.005,
    because="two decimals are printed",
)
cl.claim(
    "MelaNet is right more often than somebody who calls everything benign",
    audit["MelaNet"]["accuracy"],
    ">",
    audit["all benign"]["accuracy"],
    expect="fails",
    because="59 false alarms weigh more than 53 melanomas found, if all errors weigh the same",
)
cl.claim(
    "nine-fold weights give a better order of the lesions, in AUC",
    lesion_auc["weighted"] - lesion_auc["plain"],
    ">",
    0.03,
    expect="fails",
    because="0.03 is one and a half standard errors of such an AUC",
)
cl.claim(
    "moving the plain network's threshold finds most of what the weights found",
    missed["plain"] - missed_when_moved,
    ">",
    0.75 * (missed["plain"] - missed["weighted"]),
    because="most: three quarters at least, with as many false alarms",
)
cl.claim(
    "dividing the weighted network's odds by nine mends its mean probability, to 0.04",
    abs(mean_chance["weighted, odds / 9"] - 0.1),
    "<=",
    0.04,
    because="the weights missed it by several times as much",
)
for name in ("weighted", "focal"):
    cl.claim(
        f"the {name} loss says more than is true, in mean probability",
        mean_chance[name],
        ">",
        0.1,
        margin=0.05,
        because="one in ten is malignant; half as much again is no rounding",
    )

# %% [markdown]
# ## Further reading
#
# - V. Dumoulin, F. Visin, [A guide to convolution arithmetic for deep
#   learning](https://arxiv.org/abs/1603.07285) (2016): padding and stride, drawn.
# - T. DeVries, G. W. Taylor, [Improved Regularization of Convolutional Neural Networks with
#   Cutout](https://arxiv.org/abs/1708.04552) (2017); H. Zhang and others, [mixup: Beyond Empirical Risk
#   Minimization](https://arxiv.org/abs/1710.09412) (2017); R. Takahashi and others, [Data Augmentation using
#   Random Image Cropping and Patching for Deep CNNs](https://arxiv.org/abs/1811.09030) (2018): the three
#   functions of section 3, where they come from.
# - J. W. Linsley and others, [Superhuman cell death detection with biomarker-optimized neural
#   networks](https://doi.org/10.1126/sciadv.abf8142), Science Advances 7, eabf8142 (2021): labels from a
#   biosensor in place of people.
# - J. R. Zech and others, [Variable generalization performance of a deep learning model to detect pneumonia
#   in chest radiographs](https://doi.org/10.1371/journal.pmed.1002683), PLoS Medicine 15, e1002683 (2018):
#   three hospitals, and a network that knows which film is whose.
# - H. Zunair, A. Ben Hamza, [Melanoma Detection using Adversarial Training and Deep Transfer
#   Learning](https://arxiv.org/abs/2004.06824) (2020): the table of section 6, in its place; and [their
#   code](https://github.com/hasibzunair/adversarial-lesions) (commit 0754a62: `others/test_ISIC_2016.ipynb`
#   for the sensitivity, `isic2016_scripts/train_ISIC_2016.ipynb` for the training).
# - T.-Y. Lin and others, [Focal Loss for Dense Object Detection](https://arxiv.org/abs/1708.02002) (2017):
#   made for a hundred thousand easy cases to each hard one.
# - N. Charoenphakdee and others, [On Focal Loss for Class-Posterior Probability Estimation: A Theoretical
#   Perspective](https://arxiv.org/abs/2011.09172), CVPR (2021): why its answers are no probabilities, and how
#   to get these back.
