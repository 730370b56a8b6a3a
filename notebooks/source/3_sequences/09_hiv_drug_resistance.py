# %% [markdown]
# ## The question
#
# Can one read from the genotype of a virus whether a drug still works against it? M. C. Steiner, K. M. Gibson
# and K. A. Crandall trained three kinds of networks for 18 HIV-1 drugs and "identified convolutional neural
# networks as the best performing architecture" (Viruses 12, 560, 2020, abstract). F. Biscarini and N.
# Nazzicari show the study in *Deep learning for biologists*: "Multilayer Perceptron", "Bidirectional
# Recurrent", "Convolutional Neural Network", and to interpret them, "permute features".
#
# We go the whole way, from the letters to a number that one may defend. On trial is the word "best", and at
# each step we ask what the number hides.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **turn** a genotype into numbers, and **probe** whether a network sees places;
# 2. **compare** networks with a logistic regression on the same folds;
# 3. **read** an accuracy where resistance is rare;
# 4. **say** which near isolates on both sides of a cut help whom;
# 5. **ask** a model which positions it needs, and say what the answer does not tell;
# 6. **use** the measurement instead of its threshold, and name what the model is not for.
#
# Section numbers match the goals; each goal is answered by a claim near the end.

# %% [markdown]
# ## Set-up
#
# The isolates are real ones where they can be had (bundled in no package: a mirror or a download has them).
# Where they cannot, the lesson goes on with a simulator and says so. `DRUG = ""` asks for the simulator.
# Code that draws a figure may be run unread.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"
DRUG: str = "hiv_resistance/NFV"  # a protease inhibitor, here nelfinavir; "" for simulated isolates
RARE: str = "hiv_resistance/DDI"  # a drug to which few isolates are resistant, here didanosine; or ""
STAND_IN: str = "hiv_isolates"  # the simulator, with planted sites; also where the truth has to be known

# %%
import itertools
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold
from torch import nn
from torch.nn.functional import cross_entropy

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device("cpu" if profile == "quick" else None)
cl.plots.use_style()


# %%
def real_isolates(name):
    """Return the real isolates of a drug, or None where they cannot be had; say so."""
    try:
        return cl.load(name) if name else None
    except cl.CourseError as missing:
        print(missing)


simulated = getattr(cl.simulators, STAND_IN)(SEED)
real = real_isolates(DRUG)
isolates = simulated if real is None else real
source = f"SIMULATED isolates (`{STAND_IN}`), no real patients" if real is None else f"REAL isolates, {DRUG}"
print(f"\nThis run is about {source}.")
print(isolates)

# %% [markdown]
# An **isolate** is the virus from one sample, the **wild type** the unchanged laboratory virus. What was
# measured: the laboratory grows an isolate with the drug and asks how much more of the drug is needed than
# against the wild type. That is the **fold change**. From 3.5 on, the published labels say "resistant". The
# **genotype** is given as the letters of the protein that the drug attacks, the protease: 99 positions, one
# letter of 20 for each, or one of six signs (unknown, not read, inserted or deleted).
#
# Before any model, four isolates as they are. `D30N` says: the usual letter at position 30 is D, here it is
# N. (*Usual* is the commonest among these isolates, and need not be the wild type's.)

# %%
letters = "ACDEFGHIKLMNPQRSTVWYX.#~dl"  # letter of each code; the last six are no amino acids
sequences, resistant = isolates.inputs.astype(np.int64), isolates.targets  # (B, T), (B,)
log_fold = simulated.truth["log_fold"] if real is None else np.log10(real.extras["fold_change"])
count, places = sequences.shape
usual = np.array([np.bincount(column).argmax() for column in sequences.T])  # (T,) the consensus
for row in range(4):
    changed = np.flatnonzero(sequences[row] != usual)
    names = [f"{letters[usual[p]]}{p + 1}{letters[sequences[row, p]]}" for p in changed]
    print(
        f"{isolates.target_names[resistant[row]]:11} fold change {10 ** log_fold[row]:6.1f}  "
        f"{' '.join(names)}"
    )
larger_class = max(resistant.mean(), 1 - resistant.mean())
print(
    f"{resistant.sum()} of {count} are resistant; always the larger class would be right {larger_class:.3f}"
)

# %%
KNOWN_SITES = [23, 24, 30, 32, 33, 46, 47, 48, 50, 53, 54, 73, 76, 82, 84, 88, 90]  # Shafer and Schapiro 2008
known = np.flatnonzero(simulated.truth["effects"]) if real is None else np.array(KNOWN_SITES) - 1
changed = {
    name: (sequences[resistant == code] != usual).mean(axis=0) for code, name in enumerate(("not", "yes"))
}
fig, ax = plt.subplots(figsize=(8, 4))
position = np.arange(1, places + 1)
ax.bar(position, changed["yes"], color=cl.plots.PALETTE[1], width=0.8)
ax.bar(position, -changed["not"], color=cl.plots.PALETTE[0], width=0.8)
ax.plot(known + 1, np.full(len(known), -0.93), "k^", markersize=5)
ax.text(1, 0.86, "resistant", color=cl.plots.PALETTE[1])
ax.text(1, -0.8, "susceptible (downwards)", color=cl.plots.PALETTE[0])
ax.axhline(0, color="0.3", linewidth=1)
ax.set(
    xlabel="position in the protease (triangles: known to resist)",
    ylabel="isolates that differ\nfrom the usual letter (share)",
)
ax.set(ylim=(-1, 1), yticks=[-1, -0.5, 0, 0.5, 1], yticklabels=["1", "0.5", "0", "0.5", "1"])
cl.show(
    fig,
    alt="Bar chart by position of the share of isolates that differ from the usual letter, resistant ones "
    "upwards and susceptible ones downwards: some known sites differ almost only in resistant isolates, and "
    "other positions differ often in both.",
)

# %% [markdown]
# Some sites differ almost only where the virus resists; others differ as often in both and say nothing; 10
# and 71 differ more often where it resists, and have no triangle (section 5). So *which letter stands where*
# is the information. What is wrong with the data stands on the card: repeated sequences, mixtures of which
# one letter was kept, one cut-off for all drugs, and no record of the patient.

# %%
isolates.describe()

# %% [markdown]
# ## 1 · From letters to numbers
#
# A letter's code, 0 to 25, is a name: 3 is no nearer to 4 than to 17. So each position gets one column per
# letter, 1 where the letter stands and 0 elsewhere: **one-hot**. For two isolates of three positions, letters
# A, I, V: in loops, in one line, and by the library.

# %% tags=["twin"]
tiny = np.array([[0, 1, 2], [2, 1, 0]])  # AIV and VIA
by_hand = []
for row in tiny:
    columns = []
    for code in row:
        for letter in range(3):
            columns.append(1 if code == letter else 0)
    by_hand.append(columns)
in_one_line = np.eye(3, dtype=int)[tiny].reshape(2, 9)  # (B, T * K)
by_library = nn.functional.one_hot(torch.tensor(tiny), 3).flatten(1)
np.testing.assert_array_equal(by_hand, in_one_line)
np.testing.assert_array_equal(by_hand, by_library)
print(in_one_line)
print("letters counted:", np.eye(3, dtype=int)[tiny].sum(axis=1).tolist())

# %% [markdown]
# The last line adds up over the positions. AIV and VIA become the same three numbers, and nothing that comes
# later can tell them apart.
#
# The study's "MLP" does just that. Its script
# ([mlp_run_script.R](https://github.com/maggiesteiner/HIV_DeepLearning/tree/master/Test%20Scripts)) has an
# **embedding**, which gives each letter a vector of learnt numbers, then `layer_global_average_pooling_1d`,
# then dense layers. We rebuild it, smaller. The average of the vectors is the letter counts times the table
# of vectors; by hand, by matrix, by the library:


# %%
class Average(nn.Module):
    """Embed each letter, average over the positions, then dense layers: (B, T) codes to (B, 2)."""

    def __init__(self, width=32):
        super().__init__()
        self.embedding = nn.Embedding(len(letters), width)
        self.dense = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, codes):
        return self.dense(self.embedding(codes).mean(dim=1))


# %% tags=["twin"]
average = Average()
table = average.embedding.weight.detach().numpy()  # (K, D): a vector for each letter
codes = sequences[0]
in_a_loop = sum(table[code] for code in codes) / places
by_counts = np.bincount(codes, minlength=len(letters)) @ table / places
by_torch = average.embedding(torch.tensor(codes)).mean(dim=0).detach().numpy()
np.testing.assert_allclose(in_a_loop, by_torch, atol=1e-6)
np.testing.assert_allclose(by_counts, by_torch, atol=1e-6)
print(f"99 vectors averaged = letter counts × table, to {np.abs(by_counts - by_torch).max():.0e}")

# %% [markdown]
# So this network gets 26 counts and no place. That is a statement about *every* setting of its weights, and
# one can test it without reading a script.

# %% [markdown]
# ### Exercise 09.1 · complete · about 8 minutes · difficulty 2 of 5
#
# Write a probe that tells whether a model sees places: shuffle the positions of every sequence, and return
# the largest change of any output.
#
# - `model`: a network of torch, called as `model(codes)` with codes (B, T), gives outputs (B, K); it may have
#   dropout
# - `sequences`: (B, T) whole numbers, a tensor; leave it as it is
# - `seed`: draws the order; the same seed, the same order
# - returns: one number, 0 (to rounding) for a model that sees no places
#
# Example: `change_by_shuffling(average, torch.tensor(sequences[:50]), 0)` returns less than `0.000001`.


# %%
# EXERCISE 09.1
def change_by_shuffling(model, sequences, seed):
    """Return the largest absolute change of the model's outputs when the positions are shuffled."""
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(sequences.shape[1], generator=generator)
    model.eval()
    with torch.no_grad():
        return (model(sequences[:, order]) - model(sequences)).abs().max().item()
    ### END SOLUTION


# %%
cl.check("09.1", change_by_shuffling)

# %%
# cl.hint("09.1")

# %% [markdown]
# What is left without places? **Predict first:** a logistic regression gets the 26 letter counts of an
# isolate, and nothing else. How accurate is it?
#
# All models of this lesson are judged in the same way: five **folds** (no relation to the fold change), each
# predicted by a model that was trained on the other four. Identical sequences stay in one fold (section 4
# asks whether that is enough).

# %%
identical = np.unique(sequences, axis=0, return_inverse=True)[1].ravel()  # (B,) one number per sequence
folds = StratifiedGroupKFold(5, shuffle=True, random_state=SEED)
folds = list(folds.split(sequences, resistant, identical))


def held_out(predict, inputs, targets=resistant, cuts=folds):
    """Return for each isolate what a model says that was trained on the other folds; NaN without a fold."""
    said = np.full(len(targets), np.nan)
    for fit, held in cuts:
        said[held] = predict(inputs[fit], targets[fit], inputs[held])
    return said


def logistic(inputs, targets, new_inputs):
    """Train a logistic regression; return the probability of resistance for new isolates."""
    return (
        LogisticRegression(C=0.3, tol=1e-5, max_iter=2000)
        .fit(inputs, targets)
        .predict_proba(new_inputs)[:, 1]
    )


# %%
MY_COUNTS = None  # a share from 0 to 1
one_hot = np.eye(len(letters), dtype=np.float32)[sequences]  # (B, T, K)
columns = one_hot.reshape(count, -1)
inputs_of = {
    "letter counts": one_hot.sum(axis=1),  # (B, K)
    # Of one spread: the penalty on the weights would be harder on a column of small numbers.
    "codes as numbers": (sequences - sequences.mean(axis=0)) / (sequences.std(axis=0) + 1e-9),  # (B, T)
    "changed or not": (sequences != usual).astype(float),  # (B, T) 1 where it differs from the usual letter
    "one-hot": columns[:, columns.any(axis=0)],  # a letter that nobody has at a place would only cost time
}
probability = {name: held_out(logistic, inputs) for name, inputs in inputs_of.items()}
right = {name: (said > 0.5) == resistant for name, said in probability.items()}
print(f"always the larger class   {larger_class:.3f}")
for name in inputs_of:
    print(f"logistic on {name:17} {right[name].mean():.3f}")
cl.compare(MY_COUNTS, right["letter counts"].mean())

# %% [markdown]
# One method, four ways of writing the same isolates. Counting letters gets some of it, because resistance
# changes what there is to count. Codes as numbers see the places and get most of the way, although they claim
# that C lies between A and D: where a place has two letters, any two numbers tell them apart. One yes or no
# for each place, whether it changed, gets nearly all of the way: on these isolates *where* tells nearly
# everything, and *to what* little. One-hot columns give each letter at each place its own weight, and throw
# nothing away.

# %% [markdown]
# ## 2 · Three networks and a regression
#
# The **convolution** slides a window of nine positions along the sequence, as the study's does; behind it a
# weight for each place. The **recurrent** network reads from both ends, letter by letter, and keeps what it
# has read. Ours is smaller than the study's (which ends in the last state; we take the largest value over the
# places, which learns faster).
#
# The settings of the networks are the best of a small grid on *another* drug, FPV (those of the two
# regressions, `C=0.3` and `Ridge(3.0)`, were not searched for here). That is not as clean as it sounds:
# nearly all isolates of FPV are also isolates of NFV, and four in five have the same label. Another drug is
# another label, and not another sample, so the networks' numbers may be a little high.


# %%
class Convolution(nn.Module):
    """Embedding, windows of nine, the largest of each three, a weight for each place."""

    def __init__(self, width=16, filters=32):
        super().__init__()
        self.embedding = nn.Embedding(len(letters), width)
        self.windows = nn.Sequential(nn.Conv1d(width, filters, 9, padding=4), nn.ReLU(), nn.MaxPool1d(3))
        self.dense = nn.Linear(filters * (places // 3), 2)

    def forward(self, codes):
        vectors = self.embedding(codes).transpose(1, 2)  # (B, D, T)
        return self.dense(self.windows(vectors).flatten(1))


class BothWays(nn.Module):
    """Embedding, a gated recurrent unit from each end, the largest value over the places."""

    def __init__(self, width=16, hidden=24):
        super().__init__()
        self.embedding = nn.Embedding(len(letters), width)
        self.reader = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * hidden, 2)

    def forward(self, codes):
        states, _ = self.reader(self.embedding(codes))  # (B, T, 2 * hidden)
        return self.dense(states.amax(dim=1))


# What does your probe say of this one?
# print(change_by_shuffling(BothWays(), torch.tensor(sequences[:50]), 0))


# %%
def network(make, **settings):
    """Return a `predict` that trains a new network of one kind and gives probabilities of resistance."""

    def predict(inputs, targets, new_inputs):
        torch.manual_seed(SEED)
        model = make()
        cl.fit(
            model, (inputs, targets), loss=cross_entropy, seed=SEED, device=device, progress=False, **settings
        )
        model.eval()
        with torch.no_grad():
            return model(torch.tensor(new_inputs, device=device)).softmax(dim=1)[:, 1].cpu().numpy()

    return predict


networks = {
    "average": network(Average, epochs=80, learning_rate=1e-2),
    "convolution": network(Convolution, epochs=20, learning_rate=3e-3),
    "both ways": network(BothWays, epochs=12, learning_rate=1e-2, batch_size=128),
}

# %% [markdown]
# The recurrent network takes its 99 steps one after the other and costs the most. On a CPU it gets one fold;
# the others are judged there as well, so that all meet the same isolates. Beside the accuracy stands the
# **AUC**: how often a resistant isolate gets a higher score than a susceptible one.

# %%
seconds = {}
for name, predict in networks.items():
    cuts = folds[:1] if name == "both ways" and profile == "quick" else folds
    began = time.perf_counter()
    probability[name] = held_out(predict, sequences, cuts=cuts)
    seconds[name] = (time.perf_counter() - began) / len(cuts)
    right[name] = np.where(np.isnan(probability[name]), np.nan, (probability[name] > 0.5) == resistant)

# %%
first = folds[0][1]  # the isolates of the first fold
models = ["letter counts", "average", "one-hot", "convolution", "both ways"]
print(f"{'':14} all folds: accuracy, AUC   first fold: accuracy ({len(first)} isolates)")
for name in models:
    done = ~np.isnan(probability[name])
    whole = "            –"
    if done.all():
        whole = f"{right[name].mean():.3f}, {roc_auc_score(resistant, probability[name]):.3f}"
    print(f"{name:14} {whole:>26}   {right[name][first].mean():.3f}")

# %% [markdown]
# Accuracies on the same isolates are compared in pairs: per isolate, right or wrong under each model. The
# interval draws the isolates anew, identical ones together. It does not cover other training isolates or
# other random starts.

# %%
lead = right["convolution"].astype(float) - right["one-hot"]
low, high = cl.metrics.bootstrap_interval(lead, np.mean, seed=SEED, groups=identical)
zero = "excludes" if low * high > 0 else "contains"
print(f"convolution minus logistic: {lead.mean():+.3f}, 95 % interval {low:+.3f} to {high:+.3f}, {zero} zero")
behind = right["letter counts"].astype(float) - right["average"]
low_counts, high_counts = cl.metrics.bootstrap_interval(behind, np.mean, seed=SEED, groups=identical)
print(
    f"counts minus average:       {behind.mean():+.3f}, 95 % interval {low_counts:+.3f} to {high_counts:+.3f}"
)
for name in networks:
    print(f"{name:12} {seconds[name]:5.1f} s per fold")

# %%
published = {}
if real is not None and real.extras["published_results"] is not None:
    table = real.extras["published_results"].groupby("architecture")["accuracy"].mean()
    published = {"average": table["MLP"], "convolution": table["CNN"], "both ways": table["BRNN"]}
fig, ax = plt.subplots(figsize=(7.2, 4.2))
for height, name in enumerate(models):
    ours = right[name][~np.isnan(right[name].astype(float))].astype(float)
    low, high = cl.metrics.wilson_interval(int(ours.sum()), len(ours))
    ax.plot([low, high], [height, height], color=cl.plots.PALETTE[0])
    face = cl.plots.PALETTE[0] if len(ours) == count else "white"  # hollow: first fold only
    ax.plot(ours.mean(), height, "o", color=cl.plots.PALETTE[0], markerfacecolor=face)
    if name in published:
        ax.plot(published[name], height + 0.22, "s", color=cl.plots.PALETTE[1], markerfacecolor="none")
if published:
    ax.text(published["average"], 1.36, "the study", color=cl.plots.PALETTE[1], ha="center")
ax.axvline(larger_class, color="0.4", linestyle="--", linewidth=1)
ax.text(larger_class + 0.005, 4.35, "always the larger class", color="0.35")
last = "both ways" if len(ours) == count else "both ways\n(first fold only)"
ax.set(
    yticks=range(5),
    yticklabels=["logistic, letter counts", "average", "logistic, one-hot", "convolution", last],
)
ax.set(xlabel="accuracy (share)", xlim=(None, 1), ylim=(-0.5, 4.7))
cl.show(
    fig,
    alt="Dot plot of the accuracy of five models with intervals: letter counts and the averaging network lie "
    "far below; logistic regression on one-hot letters, the convolution and the recurrent network lie close "
    "together.",
)

# %% [markdown]
# Whether or not this run's interval excludes zero, it is no finding about the convolution. The record of this
# lesson has 20 seeds on the real isolates (other folds, other starts): there the difference is less than
# 0.001 on average, with a standard deviation of 0.005. What the interval leaves out is as large as what it
# shows. So for both ways, which leads in some runs and trails in others: 0.009 behind on average, standard
# deviation 0.014.
#
# Bars in the figure: 95 %, each accuracy for itself. They may overlap where the paired interval excludes
# zero; for a difference, the paired one counts. Squares, where shown, are the study's own means over five
# folds, cut otherwise than ours and with other settings: 500 epochs and class weights.

# %% [markdown]
# That is one drug and one measure. For all 18 drugs (from `benchmarks/hiv_table.md` in the course's folder;
# balanced accuracy: section 3; the better-trained convolution is the course's own):
#
# | mean difference, and how often above | accuracy | balanced accuracy |
# | --- | --- | --- |
# | regression − published convolution | +0.004, 13 of 18 | −0.014, 10 of 18 |
# | better-trained convolution − regression | +0.008, 13 of 18 | +0.023, 15 of 18 |
#
# The published one weighs the classes, which helps balanced accuracy; more than half of the 0.008 is RPV,
# with 181 isolates. So "best of three networks" stands; "better than no network" depends on drug, measure and
# training: not for NFV, a little over all drugs.
#
# ### What does the convolution see?
#
# Windows of nine make sense where neighbours belong together, as in pictures. Do they here? A test: draw
# *one* new order of the 99 positions, rearrange all isolates by it, and train everything again. What stood
# side by side is now scattered. **Predict first:** how much accuracy does each model lose?

# %%
MY_CNN_LOSS = None  # a share from 0 to 1
order = np.random.default_rng(SEED + 1).permutation(places)
moved = sequences[:, order]
moved_logistic = held_out(logistic, np.eye(len(letters), dtype=np.float32)[moved].reshape(count, -1))
moved_cnn = held_out(networks["convolution"], moved, cuts=folds[:3])  # three folds are enough to see
asked = ~np.isnan(moved_cnn)
moved_right = ((moved_cnn > 0.5) == resistant)[asked]
scattered = right["convolution"][asked] - moved_right
low, high = cl.metrics.bootstrap_interval(scattered, np.mean, seed=SEED, groups=identical[asked])
print(
    f"logistic: largest change of a probability {np.abs(moved_logistic - probability['one-hot']).max():.4f}"
)
print(f"convolution: {right['convolution'][asked].mean():.3f} before, {moved_right.mean():.3f} after")
print(f"it loses {scattered.mean():+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")
cl.compare(MY_CNN_LOSS, scattered.mean())

# %% [markdown]
# For logistic regression the order of columns is no information, so nothing may change but rounding: if it
# did, there would be a bug. The convolution *may* change: over the 20 seeds of the record it loses 0.002,
# with a standard deviation of 0.007, nothing that we could tell from chance. (This run's interval leaves out
# the new training.) It lives from what the regression lives from, that each place has weights of its own. The
# one thing that a convolution adds, the neighbours along the chain, is worth little here: in the folded
# protein, who touches whom is another matter.

# %% [markdown]
# ## 3 · An accuracy of 0.959
#
# For didanosine (ddI) the study's convolution has an accuracy of 0.959, the best of its three networks. These
# are the counts of its five folds, from the authors' output file. **Predict first:** what share of the
# resistant isolates does it find?

# %%
MY_FOUND = None  # a share from 0 to 1
DDI = np.array(  # TP, FN, FP, TN of each fold; "positive" means resistant
    [[5, 5, 9, 239], [7, 5, 4, 242], [9, 9, 0, 240], [7, 7, 3, 242], [6, 9, 2, 241]]
)
tp, fn, fp, tn = DDI.sum(axis=0)
print(f"{'':24}called resistant   called susceptible")
print(f"{tp + fn:5} are resistant       {tp:12} {fn:20}")
print(f"{fp + tn:5} are susceptible     {fp:12} {tn:20}")
cl.compare(MY_FOUND, tp / (tp + fn))

# %% [markdown]
# ### Exercise 09.2 · audit · about 8 minutes · difficulty 2 of 5
#
# Read such a table. Return a dictionary of five shares, over all folds together:
#
# - `"accuracy"`, and `"larger_class"`: the accuracy of always answering the class that is more frequent
# - `"sensitivity"`: how many of the resistant isolates are found
# - `"precision"`: how many of those called resistant are so; `nan` if nobody is called resistant
# - `"balanced_accuracy"`: the mean of sensitivity and **specificity**, the share of susceptible isolates that
#   are called so
#
# `counts` has shape (F, 4): TP, FN, FP, TN of each fold. Example: `shares_of(DDI)["accuracy"]` is `0.959`, to
# three digits.


# %%
# EXERCISE 09.2
def shares_of(counts):
    """Return accuracy, larger class, sensitivity, precision and balanced accuracy of a table of counts."""
    ### BEGIN SOLUTION
    tp, fn, fp, tn = counts.sum(axis=0)
    called = tp + fp
    return {
        "accuracy": (tp + tn) / counts.sum(),
        "larger_class": max(tp + fn, fp + tn) / counts.sum(),
        "sensitivity": tp / (tp + fn),
        "precision": tp / called if called else float("nan"),
        "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
    }
    ### END SOLUTION


# %%
cl.check("09.2", shares_of)

# %%
# cl.hint("09.2")

# %% [markdown]
# Half of the resistant isolates are missed, and the accuracy is a point above saying "susceptible" to
# everybody. It is not worth nothing either: who is called resistant mostly is. And the study does not hide
# it: its table gives the true-positive rate beside each accuracy. It is lost when the accuracy is quoted
# alone.
#
# Now ours, on real ddI isolates where they can be had. (Else on simulated ones, with a cut-off so high that
# as few are resistant.) Two logistic regressions: one as before, one that counts each resistant isolate as
# much heavier as they are fewer, `class_weight="balanced"`.

# %%
rare = real_isolates(RARE) if real is not None else None
if rare is None:
    rare_sequences = simulated.inputs
    rare_resistant = (simulated.truth["log_fold"] >= np.quantile(simulated.truth["log_fold"], 0.947)).astype(
        int
    )
    rare_group = simulated.truth["patient"]
    print(f"SIMULATED isolates, cut off so high that {rare_resistant.mean():.1%} are resistant")
else:
    rare_sequences, rare_resistant = rare.inputs.astype(np.int64), rare.targets
    rare_group = np.unique(rare_sequences, axis=0, return_inverse=True)[1].ravel()
rare_one_hot = np.eye(len(letters), dtype=np.float32)[rare_sequences].reshape(len(rare_sequences), -1)
rare_one_hot = rare_one_hot[:, rare_one_hot.any(axis=0)]
rare_folds = StratifiedGroupKFold(5, shuffle=True, random_state=SEED)
rare_folds = list(rare_folds.split(rare_one_hot, rare_resistant, rare_group))


# %%
def weighted(inputs, targets, new_inputs):
    """Train a logistic regression in which both classes weigh the same."""
    model = LogisticRegression(C=0.3, max_iter=2000, class_weight="balanced").fit(inputs, targets)
    return model.predict_proba(new_inputs)[:, 1]


rare_said = {"plain": held_out(logistic, rare_one_hot, rare_resistant, rare_folds)}
rare_said["weighted"] = held_out(weighted, rare_one_hot, rare_resistant, rare_folds)
rare_scores = {}
print(f"{'':10} accuracy   balanced   sensitivity   precision    AUC")
for name, said in rare_said.items():
    called = (said > 0.5).astype(int)
    rare_scores[name] = {
        "accuracy": np.mean(called == rare_resistant),
        "balanced": balanced_accuracy_score(rare_resistant, called),
        "sensitivity": recall_score(rare_resistant, called),
        "precision": precision_score(rare_resistant, called, zero_division=np.nan),
        "AUC": roc_auc_score(rare_resistant, said),
    }
    print(f"{name:10} " + "   ".join(f"{value:8.3f}" for value in rare_scores[name].values()))
print(f"susceptible to all: {1 - rare_resistant.mean():.3f}, balanced 0.500, sensitivity 0")
if rare is not None:
    print(f"the study's convolution on ddI: {(tp + tn) / DDI.sum():.3f}, sensitivity {tp / (tp + fn):.3f}")

# %% [markdown]
# On real isolates the trap catches us, too: by accuracy our plain regression is above the study's convolution
# (other folds), yet it finds fewer of the resistant ones; that one was trained with class weights. By
# accuracy our weighted one *loses*, even against saying "susceptible" to all; by balanced accuracy it is far
# ahead, and by AUC there is little between them. What differs is where the line is drawn, and that can be
# moved afterwards. **Before you drag:** which way must the threshold go to find nine in ten, and what does it
# cost?


# %%
def draw_threshold(threshold=0.5):
    """Draw sensitivity, precision and accuracy of the plain regression against its threshold."""
    said, grid = rare_said["plain"], np.linspace(0.005, 0.95, 190)
    called = said[:, None] >= grid  # (B, thresholds)
    hits = (called & (rare_resistant[:, None] == 1)).sum(axis=0)
    curves = {
        "sensitivity": hits / rare_resistant.sum(),
        "precision": hits / np.maximum(called.sum(axis=0), 1),
        "accuracy": (called == (rare_resistant[:, None] == 1)).mean(axis=0),
    }
    ax = plt.subplots()[1]
    for number, (name, curve) in enumerate(curves.items()):
        shown = called.sum(axis=0) > 0
        ax.plot(
            grid[shown],
            curve[shown],
            label=name,
            color=cl.plots.PALETTE[number],
            linestyle=("-", "--", ":")[number],
        )
    ax.axvline(threshold, color="0.4", linewidth=1)
    now = said >= threshold
    found, false = int(now[rare_resistant == 1].sum()), int(now[rare_resistant == 0].sum())
    ax.set(xlabel="threshold on the predicted probability", ylabel="share", ylim=(0, 1.02), xlim=(0, 0.96))
    ax.set_title(
        f"at {threshold:.2f}: {found} of {rare_resistant.sum()} found, {false} false alarms", fontsize=12
    )
    ax.legend(loc="center right")
    return ax


cl.slider(
    draw_threshold,
    threshold=[0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
    alt=lambda threshold: (
        "Line plot of sensitivity, precision and accuracy against the threshold, which stands at "
        f"{threshold:.2f}: the accuracy is soon flat while sensitivity falls and precision mostly rises."
    ),
)

# %% [markdown]
# For nine in ten the line must go down until the score of the last of them lies above it.

# %%
scores = np.sort(rare_said["plain"][rare_resistant == 1])[::-1]
nine_in_ten = scores[int(np.ceil(0.9 * len(scores))) - 1]
print(f"{'threshold':>10}  found  false alarms  precision  accuracy")
for threshold in (nine_in_ten, 0.2, 0.5, 0.8):
    called = rare_said["plain"] >= threshold
    hits, total = int((called & (rare_resistant == 1)).sum()), int(called.sum())
    print(
        f"{threshold:10.3f} {hits / len(scores):6.2f} {total - hits:13} "
        f"{hits / total if total else np.nan:10.2f} {np.mean(called == rare_resistant):9.3f}"
    )
print(f"susceptible to all: accuracy {1 - rare_resistant.mean():.3f}")

# %% [markdown]
# The price of nine in ten is false alarms. On the real isolates there are several for each that is found, and
# the accuracy falls far below that of saying "susceptible" to all: there it does notice, and calls the most
# careful choice the worst. From 0.2 on the accuracy is nearly flat while the share that is found falls and
# falls: there it takes no notice. (A threshold that is chosen while looking at these isolates is tuned on
# them; a fair number needs others.)

# %% [markdown]
# ## 4 · Near isolates on both sides
#
# Viruses of one patient are nearly the same, and who gave which is not recorded. Lesson 04 cut the isolates
# by chains of near-identical ones; but chains grow large, and then the training set changes with the cut.
# Here a cleaner question: keep the same test isolates, and take out of the *training* set all isolates that
# differ from one of them in at most so many positions. The control takes out as many of each class **at
# random**: on real isolates most of what is near is susceptible. **Predict first:** which isolates help most,
# the identical ones or the near ones?

# %%
differ = np.stack([(sequences != row).sum(axis=1) for row in sequences])  # (B, B) positions that differ
random_folds = list(KFold(5, shuffle=True, random_state=SEED).split(sequences))
LIMITS = [-1, 0, 2, 4]  # -1: nobody is taken out


def nearest(fit, held):
    """Return for each new isolate the label of the training isolate that differs least."""
    return resistant[fit[differ[np.ix_(held, fit)].argmin(axis=1)]]


def regression(fit, held):
    """Return the classes of new isolates by logistic regression."""
    return logistic(inputs_of["one-hot"][fit], resistant[fit], inputs_of["one-hot"][held]) > 0.5


# %%
random = np.random.default_rng(SEED)
purged = {}  # (model, who was taken out) -> (limits, B) right or wrong
left = np.zeros(len(LIMITS))
for number, limit in enumerate(LIMITS):
    for fit, held in random_folds:
        # Read this line; what follows draws the control, and trains on both.
        stay = fit[differ[np.ix_(fit, held)].min(axis=1) > limit]
        left[number] += len(stay) / len(fit) / 5
        of_class = [(fit[resistant[fit] == c], np.sum(resistant[stay] == c)) for c in (0, 1)]
        as_many = np.sort(np.concatenate([random.choice(*one, replace=False) for one in of_class]))
        for who, rows in (("near ones", stay), ("at random", as_many)):
            for name, predict in (("nearest isolate", nearest), ("logistic", regression)):
                table = purged.setdefault((name, who), np.empty((len(LIMITS), count)))
                table[number, held] = predict(rows, held) == resistant[held]
print("training isolates that stay:", "  ".join(f"{share:.0%}" for share in left))

# %%
near = (differ <= LIMITS[-1]).sum(axis=1) - 1  # (B,) how many others are so near
print("isolates with at most four differences, on average:")
print("   ".join(f"{isolates.target_names[c]} {near[resistant == c].mean():.0f}" for c in (0, 1)))
for name in ("nearest isolate", "logistic"):
    for c in (0, 1):
        shares = [purged[name, who][-1, resistant == c].mean() for who in ("at random", "near ones")]
        print(
            f"{name}, {isolates.target_names[c]}: {shares[0]:.2f} control, {shares[1]:.2f} without near ones"
        )
has_copy = np.zeros(count, dtype=bool)  # an identical isolate among those trained on
for fit, held in random_folds:
    has_copy[held] = (differ[np.ix_(fit, held)] == 0).any(axis=0)
kept, taken = (purged["nearest isolate", "near ones"][LIMITS.index(k), has_copy].mean() for k in (-1, 0))
print(f"{has_copy.mean():.0%} have an identical one in training; of them the nearest isolate gets")
print(f"{kept:.2f} right with the copies, {taken:.2f} without")

# %%
fig, ax = plt.subplots()
for (name, who), table in purged.items():
    number = ("nearest isolate", "logistic").index(name)
    style = "-" if who == "near ones" else ":"
    ax.plot(table.mean(axis=1), style, marker="so"[number], color=cl.plots.PALETTE[number])
    if who == "near ones":
        ax.text(3.08, table[-1].mean(), name, color=cl.plots.PALETTE[number], va="center")
labels = [
    "nobody" if limit < 0 else f"≤ {limit}\n{share:.0%} left"
    for limit, share in zip(LIMITS, left, strict=True)
]
ax.set(xticks=range(4), xticklabels=labels, xlim=(-0.2, 4.4), ylabel="accuracy (share)")
ax.set_xlabel(
    "taken out of training: who differs in so many positions\n(dotted: as many of each class, at random)"
)
cl.show(
    fig,
    alt="Line plot of accuracy against how near the isolates are that were taken out of training: the "
    "nearest isolate falls steeply and far below its control, logistic regression stays close to its "
    "control.",
)

# %% [markdown]
# Solid against dotted: the same test isolates, and equally many training isolates of each class.
# **Identical** copies, often named as *the* leak, hardly matter to the mean. Without them the regression is
# as good; the nearest isolate errs more often where a copy was (printed above), but few isolates have one.
# The *near* ones matter, and for whom depends on the model. The nearest isolate lives on them; the
# regression, with a small weight for each letter, loses far less, or nothing. (On the real isolates the
# nearest isolate's whole fall is among the susceptible, see above.)
#
# So how near the training isolates are decides between models, and folds at random keep them nearest. Whether
# that *flatters* is another question. In the simulator near isolates are those of one patient, whom a new
# patient would not have. Real ones are near to strangers as well: close to the unchanged virus all look alike
# (lesson 04), and a susceptible isolate has about a hundred within four differences. A new susceptible
# patient would have them, too. Only patients' numbers could tell.

# %% [markdown]
# ## 5 · Which positions does it need?
#
# The slides say "permute features", the study does it: hand the letters of *one* position round among the
# test isolates, and see how far the accuracy falls. That is the **permutation importance**. It asks a trained
# model, on isolates that it has not seen. (The study measures by the mean absolute error of the probability,
# which we do not: ranks may be compared, sizes not.)

# %% [markdown]
# ### Exercise 09.3 · complete · about 12 minutes · difficulty 3 of 5
#
# Write it for one-hot inputs.
#
# - `score(inputs, targets)`: gives the score of a trained model, larger is better; inputs (B, T, K) one-hot,
#   targets (B,)
# - `train`, `test`: each a pair `(inputs, targets)`; one of them is the right one to ask about
# - `repeats`: how often each position is permuted, each time anew; `seed`: of the orders
# - returns: shape (T,), the score before minus the mean score after
#
# Example: a position at which all isolates have the same letter gets 0, whatever the model.


# %%
# EXERCISE 09.3
def position_importance(score, train, test, *, repeats=5, seed=0):
    """Return how far the score falls, on average, when a position is permuted: (T,)."""
    ### BEGIN SOLUTION
    random = np.random.default_rng(seed)
    inputs, targets = test
    before = score(inputs, targets)
    falls = np.zeros((repeats, inputs.shape[1]))
    for position in range(inputs.shape[1]):
        for repeat in range(repeats):
            other = inputs.copy()
            other[:, position] = inputs[random.permutation(len(inputs)), position]
            falls[repeat, position] = before - score(other, targets)
    return falls.mean(axis=0)
    ### END SOLUTION


# %%
cl.check("09.3", position_importance)

# %%
# cl.hint("09.3")

# %% [markdown]
# The library calls it `permutation_importance`. For a logistic regression there is a shortcut: each position
# adds a term of its own to the sum, so permuting the position exchanges these terms and nothing else. That is
# a hundred times as fast, and the two have to agree, to the luck of the orders.


# %%
def needed_positions(codes, targets, cuts, repeats=10):
    """Return the mean fall of the held-out accuracy when a position is permuted, (T,), by its terms."""
    falls = np.zeros(codes.shape[1])
    table = np.eye(len(letters), dtype=np.float32)[codes].reshape(len(codes), -1)
    draw = np.random.default_rng(SEED)
    for fit, held in cuts:
        model = LogisticRegression(C=0.3, max_iter=2000).fit(table[fit], targets[fit])
        weights = model.coef_.reshape(codes.shape[1], len(letters))
        terms = weights[np.arange(codes.shape[1]), codes[held]]  # (B, T)
        total = terms.sum(axis=1) + model.intercept_
        before = np.mean((total > 0) == targets[held])
        for _ in range(repeats):
            exchanged = total[:, None] - terms + draw.permuted(terms, axis=0)
            falls += before - np.mean((exchanged > 0) == targets[held][:, None], axis=0)
    return falls / (repeats * len(cuts))


# %% tags=["twin"]
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

sim_codes, sim_targets = simulated.inputs.astype(np.int64), simulated.targets
sim_folds = list(GroupKFold(5).split(sim_codes, groups=simulated.truth["patient"]))
fit, held = sim_folds[0]
model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(C=0.3, max_iter=2000))
model.fit(sim_codes[fit], sim_targets[fit])
library = permutation_importance(model, sim_codes[held], sim_targets[held], n_repeats=5, random_state=SEED)
by_terms = needed_positions(sim_codes, sim_targets, sim_folds[:1])
apart = np.abs(library.importances_mean - by_terms)
assert apart.max() < 0.05
print(f"largest importance {by_terms.max():.3f}; the two differ by {apart.mean():.4f} on average")

# %% [markdown]
# First where we know the truth, on the **simulator** (400 patients, folds by patient): eight sites resist.
# Two others, 10 and 71, are **hitch-hikers**: they mutate under treatment and do nothing. **Predict first:**
# at which positions does a mutation go with resistance most closely, and will the model need the
# hitch-hikers?

# %%
HITCH_HIKERS = [10, 71]  # of the simulator: they follow the treatment and do nothing
sim_needed = needed_positions(sim_codes, sim_targets, sim_folds)
sim_mutated = sim_codes != simulated.truth["wild_type"]
together = np.array([abs(np.corrcoef(site, sim_targets)[0, 1]) for site in sim_mutated.T])
sim_sites = np.flatnonzero(simulated.truth["effects"])
top = np.argsort(-sim_needed)[:8]
print(
    "the eight most needed:", sorted((top + 1).tolist()), f"{len(set(top) & set(sim_sites))} of them resist"
)
for site in HITCH_HIKERS:
    ranks = [int((values > values[site - 1]).sum()) + 1 for values in (together, sim_needed)]
    print(f"hitch-hiker {site}: rank {ranks[0]} of 99 by correlation, {ranks[1]} by permutation")

# %%
fig, ax = plt.subplots()
others = np.setdiff1d(np.arange(99), np.r_[sim_sites, np.array(HITCH_HIKERS) - 1])
for sites, marker, color, label in (
    (others, ".", "0.6", "does nothing"),
    (np.array(HITCH_HIKERS) - 1, "^", cl.plots.PALETTE[1], "hitch-hiker"),
    (sim_sites, "o", cl.plots.PALETTE[0], "resists"),
):
    ax.plot(together[sites], sim_needed[sites], marker, color=color, label=label, linestyle="none")
named = np.r_[sim_sites, np.array(HITCH_HIKERS) - 1]
for rank, site in enumerate(named[np.argsort(together[named])]):  # names right and left by turns
    shift = (4, 4) if rank % 2 else (-16, 4)
    ax.annotate(site + 1, (together[site], sim_needed[site]), shift, textcoords="offset points", fontsize=10)
ax.set(
    xlabel="correlation of mutation and resistance (absolute)",
    ylabel="fall of the accuracy (share)\nwhen permuted",
)
ax.legend()
above = np.sum(sim_needed[sim_sites] > sim_needed[np.array(HITCH_HIKERS) - 1].max())
cl.show(
    fig,
    alt="Scatter plot by position of the fall of accuracy under permutation against the correlation of "
    f"mutation and resistance: {above} of the eight resisting sites lie higher than both hitch-hikers, which "
    "have a correlation and nearly no fall.",
)

# %% [markdown]
# Both follow the treatment, so a hitch-hiker's mutations go with resistance; a correlation cannot tell
# follower from cause. The regression sees all positions at once, and the sites explain what the hitch-hikers
# would. It can do so only because the sites are among its columns: had nobody sequenced them, the followers
# would be needed, and would still do nothing. Low does not mean idle, though: 90 resists, but together with
# 30 its effect is taken back, and it may come out no clearer than a hitch-hiker. (Below 0 the accuracy *rose*
# when permuted. The grey points, which do nothing, show how large chance is.)
#
# What the number does not tell, first case: two columns that say the same. We append a *copy* of the most
# needed position, as position 100, and train anew. **Predict first:** how far does the accuracy fall now when
# the position is permuted? (Its fall before is the unit: 1 means as far as before.)

# %%
MY_COPY = None  # a share of the fall before
best = int(sim_needed.argmax())
with_copy = needed_positions(np.hstack([sim_codes, sim_codes[:, [best]]]), sim_targets, sim_folds)
left_over = with_copy[[best, -1]] / sim_needed[best]
print(
    f"position {best + 1}: before {sim_needed[best]:.3f}; with a copy {with_copy[best]:.3f}, "
    f"the copy {with_copy[-1]:.3f}"
)
cl.compare(MY_COPY, left_over[0])

# %% [markdown]
# Not one half, as one might expect of a share in the work, but far less: while one column is permuted the
# other still tells, and half a weight is seldom enough to turn a verdict. Both look as if they hardly
# mattered. So a large importance says "this model needs it", and a small one says little: perhaps somebody
# else stands in.
#
# Now the isolates of this run, our regression, and (with real isolates from a mirror) the study's own
# importances. The list of known sites is that of R. Shafer and J. Schapiro (2008), table 3, for protease
# inhibitors; no model was told it.

# %%
isolate_needed = needed_positions(sequences, resistant, folds)
ranking = np.argsort(-isolate_needed)
print(f"{source}: the ten most needed positions, * known to resist")
print("ours:     ", " ".join(f"{p + 1}{'*' * (p in known)}" for p in ranking[:10]))
shown = None
if real is not None and real.extras["published_importance"] is not None:
    table = real.extras["published_importance"].sort_values("position")
    shown = {
        kind: rows["mean_permutation_importance"].to_numpy() for kind, rows in table.groupby("architecture")
    }
    for kind, values in shown.items():
        print(f"{kind:10}", " ".join(f"{p + 1}{'*' * (p in known)}" for p in np.argsort(-values)[:10]))
go_with = np.array([abs(np.corrcoef(site, resistant)[0, 1]) for site in (sequences != usual).T if site.any()])
varied = np.flatnonzero((sequences != usual).any(axis=0))
by_correlation = varied[np.argsort(-go_with)]
print(
    "closest correlation with resistance:",
    " ".join(f"{p + 1}{'*' * (p in known)}" for p in by_correlation[:10]),
)

# %% [markdown]
# Most of the first ten are on the list: the model has found by itself what took years of laboratory work,
# from data that this work produced. Plain correlation finds them, too, but on the real isolates it puts 10
# and 71 among its first three, where the regression has neither. On them the study's convolution and its
# recurrent network need nearly the same positions as our regression: another sign that all three have learnt
# the same thing. Its averaging network puts 10, 71 and 63 first. It cannot know that anything happened *at*
# 90; it counts letters, and these positions change often. Shafer and Schapiro name all three among the
# *accessory* mutations, which accompany resistance; 10 and 71 are where the simulator puts its hitch-hikers.

# %% [markdown]
# ## 6 · The measurement, not its threshold
#
# A label of "resistant" says that a fold change was 3.5 or more; 3.6 and 300 become the same, and 3.4 its
# opposite. The fold change was measured, so why not predict it? **Ridge** regression (lesson 03) on the log10
# of the fold change, the same one-hot columns, the same folds. Its prediction can be cut at 3.5 afterwards.

# %%
guess = held_out(
    lambda inputs, targets, new: Ridge(3.0).fit(inputs, targets).predict(new), inputs_of["one-hot"], log_fold
)
cut = np.log10(3.5)
right["ridge, then cut"] = (guess >= cut) == resistant
explained = 1 - np.mean((guess - log_fold) ** 2) / log_fold.var()
far = np.abs(log_fold - cut) > np.log10(2)  # more than a factor of two from the cut-off
off = np.sqrt(np.mean((guess - log_fold) ** 2))
print(f"R² {explained:.2f}; predictions are off by {off:.2f} in log10, a factor of {10**off:.1f}")
print(f"{np.mean(~far):.2f} of the isolates lie within a factor of two of the cut-off")
for name in ("one-hot", "convolution", "ridge, then cut"):
    print(
        f"{name:16} accuracy {right[name].mean():.3f}: near {right[name][~far].mean():.3f}, "
        f"far {right[name][far].mean():.3f}; {np.mean(~far[right[name] == 0]):.2f} of its errors are near"
    )

# %%
edges = np.array([-1.2, -0.9, -0.6, -0.3, 0, 0.3, 0.6, 0.9, 1.2, 1.5])
fig, ax = plt.subplots()
for number, (name, style) in enumerate((("one-hot", "-o"), ("ridge, then cut", "--s"))):
    middles, shares = [], []
    for low, high in itertools.pairwise(edges):
        here = (log_fold - cut >= low) & (log_fold - cut < high)
        if here.sum() >= 20:
            middles.append((low + high) / 2 + cut)
            shares.append(right[name][here].mean())
    label = "yes or no" if name == "one-hot" else "fold change"
    ax.plot(10 ** np.array(middles), shares, style, color=cl.plots.PALETTE[number], label=label)
ax.axvline(3.5, color="0.4", linestyle=":")
ax.set(
    xscale="log",
    xlabel="measured fold change (log scale; dotted: 3.5)",
    ylabel="accuracy (share)",
    ylim=(0.4, 1.03),
)
ax.set(xticks=[0.3, 1, 3.5, 10, 30, 100], xticklabels=["0.3", "1", "3.5", "10", "30", "100"])
ax.minorticks_off()
ax.legend(loc="lower right", title="trained on")
cl.show(
    fig,
    alt="Line plot of accuracy against the measured fold change for two models: both are nearly always right "
    "far from the cut-off of 3.5 and fall together near it.",
)

# %% [markdown]
# Both are nearly always right far from the cut-off and fail together beside it; most of the errors are made
# there. Predictions are off by about a factor of two, from noise in the assay and from what the model does
# not know, and only near the cut-off does a factor of two turn the verdict. Cutting afterwards costs nothing:
# a weighted sum for the fold change is as accurate as the convolution on the labels. And it can say more.
# Among isolates that are all called resistant, does the prediction know which resist most? **Rank
# correlation**: 1 for the same order, 0 for none.

# %%
from scipy.stats import spearmanr

who = resistant == 1
order_kept = {
    "ridge": spearmanr(log_fold[who], guess[who]).statistic,
    "logistic": spearmanr(log_fold[who], probability["one-hot"][who]).statistic,
    "convolution": spearmanr(log_fold[who], probability["convolution"][who]).statistic,
}
print("rank correlation with the measured fold change, resistant isolates only:")
print("   ".join(f"{name} {value:.2f}" for name, value in order_kept.items()))
ends = [int(np.sum(log_fold == end)) for end in (log_fold.min(), log_fold.max())]
print(f"isolates at the lowest value: {ends[0]}, at the highest: {ends[1]}")

# %% [markdown]
# On the real isolates the difference is large: a network trained on yes or no was never told that 300 is more
# than 4. (On simulated ones it is small.) (Where several isolates share the highest value, that is the end of
# what the assay can measure: their true fold change is larger.)

# %% [markdown]
# ### Exercise 09.4 · design · optional · about 8 minutes · difficulty 3 of 5
#
# Is more accuracy there to be had? Suppose somebody knew the *true* log10 fold change of every isolate. The
# label comes from a measurement: the truth plus normal noise. How often is the best possible guess right?
#
# - `log_fold`: (B,), the true values, log10
# - `noise_sd`: standard deviation of the assay, in log10 units
# - `cutoff`: a fold change; measured values from it on are labelled resistant
# - returns: the expected accuracy of whoever knows the truth, one number; by a formula or a simulation
#
# Example: at exactly the cut-off it is one half; `best_accuracy(np.array([np.log10(3.5) + 0.3]), 0.3)` is
# about 0.84.


# %%
# EXERCISE 09.4
def best_accuracy(log_fold, noise_sd, cutoff=3.5):
    """Return how often the best guess agrees with the measured label."""
    ### BEGIN SOLUTION
    from scipy.stats import norm

    return norm.cdf(np.abs(log_fold - np.log10(cutoff)) / noise_sd).mean()
    ### END SOLUTION


# %%
cl.check("09.4", best_accuracy)

# %%
# cl.hint("09.4")

# %% [markdown]
# The noise of the real assay is not in the files. So we ask "what if": *if* the ridge predictions were the
# truth, how often could anybody be right? We draw labels with noise of several sizes. (0.3 is what the
# simulator adds.)

# %%
random = np.random.default_rng(SEED)
for noise in (0.05, 0.1, 0.2, 0.3):
    drawn = guess + random.normal(0, noise, size=(200, count))
    ceiling = np.mean((drawn >= cut) == (guess >= cut))
    print(f"noise {noise:.2f} (a factor of {10**noise:.2f}): if so, nobody above {ceiling:.3f}")
print(f"reached: {right['one-hot'].mean():.3f}; by ridge, then cut: {right['ridge, then cut'].mean():.3f}")
# And your own function?
# print(best_accuracy(guess, 0.3))

# %% [markdown]
# Read the other way round: a model that is right more often than a noise allows suggests that the noise is
# smaller.
#
# ## Where it fails
#
# Half of the simulated patients were treated. What if the model is asked about people who were not?

# %%
sim_table = np.eye(20, dtype=np.float32)[sim_codes].reshape(len(sim_codes), -1)
sim_said = held_out(logistic, sim_table, sim_targets, sim_folds) > 0.5
PAIRS = {(82, 84): 0.8, (30, 90): -0.8}  # of the simulator: what two sites add together, in log10
has = sim_codes == simulated.truth["mutants"]  # (B, T)
true_fold = has @ simulated.truth["effects"] + sum(
    extra * (has[:, a - 1] & has[:, b - 1]) for (a, b), extra in PAIRS.items()
)
print(
    f"measured against true: off by {np.std(simulated.truth['log_fold'] - true_fold):.2f}, the assay's noise"
)
treated, found, accurate = simulated.truth["treated"], {}, {}
for name, who in (("all", treated | True), ("treated", treated), ("untreated", ~treated)):
    said, is_resistant = sim_said[who], sim_targets[who] == 1
    found[name], accurate[name] = said[is_resistant].mean(), np.mean(said == is_resistant)
    print(
        f"{name:10} resistant {is_resistant.mean():.2f}, accuracy {accurate[name]:.3f}, "
        f"found {found[name]:.2f}; {is_resistant[said].sum()} of {said.sum()} alarms are right"
    )
    knows = true_fold[who] >= cut
    print(
        f"{'':10} who knows the truth: {np.mean(knows == is_resistant):.3f}, {knows[is_resistant].mean():.2f}"
    )

# %% [markdown]
# The accuracy is *higher* among the untreated, because nearly all of them are susceptible, and of their few
# resistant isolates most are missed: section 3 once more. Not all of that is the model's fault: where hardly
# anybody resists, many labels of "resistant" are the assay's noise, and who knows the true fold change would
# miss those, too. That, and not 1, is the scale to hold the model against, and the accuracy is nearer to it
# among the untreated. Who stands in the real database was tested for a reason, too, and the files do not say
# which. So the model is **not for**
#
# - choosing a treatment: it predicts an assay at one cut-off for all drugs, and not whether a patient gets
#   well;
# - people unlike those sampled: untreated, or with another **subtype** of the virus, which the files do not
#   give: one would have to look the isolates up in the Stanford database;
# - new drugs and new mutations: a letter never seen at a place has no weight;
# - mixtures: where several viruses were found at a position, the files keep one letter.

# %% [markdown]
# ## Claims
#
# **1 · A network that averages over the positions sees no places.**

# %%
probed = torch.tensor(sequences)
with torch.no_grad():
    gap = float((average.cpu()(probed[:, torch.tensor(order)]) - average(probed)).abs().max())
cl.claim(
    "shuffling the positions changes the outputs of the averaging network",
    gap,
    ">",
    1e-5,
    expect="fails",
    because="0.00001 is what rounding can do; weights of any value would give the same",
)
cl.claim(
    "one-hot logistic regression beats the averaging network, in accuracy",
    right["one-hot"].mean(),
    ">",
    right["average"].mean(),
    margin=0.05,
    because="five isolates in a hundred, the same isolates for both",
)
cl.claim(
    "from counting letters to one-hot, the averaging network goes less than half of the way, in accuracy",
    right["average"].mean() - right["letter counts"].mean(),
    "<",
    (right["one-hot"].mean() - right["letter counts"].mean()) / 2,
    because="the counts are all that it gets; its hidden layers may bend them",
)

# %% [markdown]
# **2 · "Best performing" among networks; on NFV a regression does as well.**

# %%
cl.claim(
    "the convolution is clearly more accurate than one-hot logistic regression",
    lead.mean(),
    ">",
    0.01,
    expect="fails",
    because="one isolate in a hundred, about the half-width of the paired interval",
)
cl.claim(
    "the network that reads both ways beats one-hot logistic regression on the same fold",
    right["both ways"][first].mean() - right["one-hot"][first].mean(),
    ">",
    0.04,
    expect="fails",
    because="0.04 is about three standard errors of a paired difference on one fold",
)
cl.claim(
    "one new order of the positions changes nothing for logistic regression, in probability",
    np.abs(moved_logistic - probability["one-hot"]).max(),
    "<",
    0.01,
    because="the solver stops near the same optimum; its steps round differently",
)
cl.claim(
    "scattering all neighbours costs the convolution much",
    scattered.mean(),
    ">",
    0.03,
    expect="fails",
    because="0.03 is a quarter of what it costs to lose the places themselves",
)

# %% [markdown]
# **3 · An accuracy of 0.959 hides half of the resistant isolates.**

# %%
cl.claim(
    "the published accuracy for ddI is less than 0.02 above always saying susceptible",
    (tp + tn) / DDI.sum() - (fp + tn) / DDI.sum(),
    "<",
    0.02,
    because="arithmetic on the authors' counts",
)
cl.claim(
    "it finds most of the resistant isolates",
    tp / (tp + fn),
    ">",
    0.5,
    expect="fails",
    because="arithmetic on the authors' counts; most is more than half",
)
cl.claim(
    "the weighted regression has the better balanced accuracy",
    rare_scores["weighted"]["balanced"],
    ">",
    rare_scores["plain"]["balanced"],
    margin=0.03,
    because="0.03 is one resistant isolate in seventeen more that is found",
)
cl.claim(
    "the accuracy shows it, with a quarter of that gain at least",
    rare_scores["weighted"]["accuracy"] - rare_scores["plain"]["accuracy"],
    ">",
    (rare_scores["weighted"]["balanced"] - rare_scores["plain"]["balanced"]) / 4,
    expect="fails",
    because="what is found weighs little among so many, and false alarms outweigh it",
)

# %% [markdown]
# **4 · Identical copies hardly matter to the mean; near ones do, to whoever remembers.**

# %%
cost = {
    name: purged[name, "at random"].mean(axis=1) - purged[name, "near ones"].mean(axis=1)
    for name in ("nearest isolate", "logistic")
}
cl.claim(
    "without identical copies in the training set logistic regression loses accuracy",
    cost["logistic"][LIMITS.index(0)],
    ">",
    0.01,
    expect="fails",
    because="one isolate in a hundred; the nearest isolate loses about as much",
)
cl.claim(
    "without isolates up to four positions away in training the nearest isolate loses accuracy",
    cost["nearest isolate"][LIMITS.index(4)],
    ">",
    0,
    margin=0.04,
    because="four isolates in a hundred, against as many of each class taken out at random",
)
cl.claim(
    "logistic regression loses less than half as much",
    cost["logistic"][LIMITS.index(4)],
    "<",
    cost["nearest isolate"][LIMITS.index(4)] / 2,
    because="the same isolates taken out, the same test isolates",
)

# %% [markdown]
# **5 · The needed positions are the known ones; needed is not the same as causal.**

# %%
cl.claim(
    "of the eight positions needed most, more are known to resist than by correlation (simulated: as many)",
    len(set(ranking[:8]) & set(known)),
    ">",
    len(set(by_correlation[:8]) & set(known)) - (real is None),
    because=f"correlation is the simplest rival; at random it would be {8 * len(known) / places:.1f}",
)
cl.claim(
    "in the simulator at least six of the eight resisting sites are among the eight most needed",
    len(set(top) & set(sim_sites)),
    ">=",
    6,
    because="two sites act weakly or only in pairs, and may lose to chance",
)
hitch_hikers = np.array(HITCH_HIKERS) - 1
cl.claim(
    "hitch-hikers go with resistance at least a third as closely as the sites that resist",
    together[hitch_hikers].mean(),
    ">",
    together[sim_sites].mean() / 3,
    because="mean correlations; a third is well above what chance gives to the other positions",
)
cl.claim(
    "and the model needs them a third as much",
    sim_needed[hitch_hikers].mean(),
    ">",
    sim_needed[sim_sites].mean() / 3,
    expect="fails",
    because="a third is well above what chance gives to a position that does nothing",
)
cl.claim(
    "a copied position keeps half of its importance",
    left_over.mean(),
    ">=",
    0.5,
    expect="fails",
    because="half would be the fair share of two equal columns",
)

# %% [markdown]
# **6 · Nothing is lost by predicting the measurement; other people are another matter.**

# %%
cl.claim(
    "cut at 3.5, the predicted fold change is as accurate as the convolution, to 0.01",
    right["convolution"].mean() - right["ridge, then cut"].mean(),
    "<=",
    0.01,
    because="one isolate in a hundred; the same folds",
)
cl.claim(
    "a classifier orders the resistant isolates better than the predicted fold change does, by 0.02",
    max(order_kept["logistic"], order_kept["convolution"]) - order_kept["ridge"],
    ">",
    0.02,
    expect="fails",
    because="rank correlation, the same isolates; 0.02 is less than chance does to it",
)
cl.claim(
    "within a factor of two of the cut-off the classifier is less accurate than beyond",
    right["one-hot"][far].mean(),
    ">",
    right["one-hot"][~far].mean(),
    margin=0.1,
    because="one in ten of the isolates near the cut-off",
)

cl.claim(
    "among the untreated of the simulator the model is right more often",
    accurate["untreated"],
    ">",
    accurate["treated"],
    margin=0.05,
    because="the same model; five isolates in a hundred",
)
cl.claim(
    "and so finds more of the resistant isolates there",
    found["untreated"],
    ">",
    found["treated"],
    expect="fails",
    because="sensitivity, which no share of susceptible isolates can flatter",
)

# %% [markdown]
# ## Further reading
#
# - M. C. Steiner, K. M. Gibson, K. A. Crandall, [Drug Resistance Prediction Using Deep Learning Techniques on
#   HIV-1 Sequence Data](https://doi.org/10.3390/v12050560), Viruses 12, 560 (2020): the study, with its
#   scripts and outputs in the open, without which none of this could have been looked at.
# - R. W. Shafer, J. M. Schapiro, [HIV-1 drug resistance mutations: an updated framework for the second decade
#   of HAART](https://pmc.ncbi.nlm.nih.gov/articles/PMC2547476/), AIDS Reviews 10, 67 (2008): table 3, the
#   known sites of the protease, and in its footnote the accessory ones.
# - S.-Y. Rhee and others, [Human immunodeficiency virus reverse transcriptase and protease sequence
#   database](https://doi.org/10.1093/nar/gkg100), Nucleic Acids Research 31, 298 (2003): where the isolates
#   come from.
# - L. Blassel and others, [Using machine learning and big data to explore the drug resistance landscape in
#   HIV](https://doi.org/10.1371/journal.pcbi.1008873), PLoS Computational Biology 17, e1008873 (2021): what a
#   model finds when the known sites are taken away from it.
# - C. Molnar, [Interpretable Machine Learning](https://christophm.github.io/interpretable-ml-book/): the
#   chapter on permutation importance, with more on correlated columns.
