# %% [markdown]
# ## The question
#
# Do you need deep learning for a table of a few hundred patients? "You don't necessarily need to do deep
# learning", says a heading of B. Dickson's post *How Deep Learning Can Help Scientific Research*; and below
# it: "linear and logistic regression algorithms can provide more accurate results when the data is scarce,
# especially if the problem is linear in nature."
#
# We put that sentence on trial, with four neighbours: a formula for who bought a vehicle; "dimensionality
# reduction", said to "find the features that contribute most to outcomes"; "coefficients that explain the
# relevance of each feature"; and a published table that compares a network with five questions to a patient.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **turn** "how likely would you buy it" into "how likely are you the buyer", with unequal customers;
# 2. **say** what a principal component has looked at, and what not;
# 3. **compare** a regression with a network fairly: same rows, same search, a paired interval;
# 4. **tell** a probability from a score, and **move** a threshold and a prevalence;
# 5. **put** an interval on an AUC, and **audit** a published table with it.
#
# Section numbers match the goals; each goal is answered by a claim near the end.

# %% [markdown]
# ## Set-up
#
# The networks of this lesson are so small that a GPU would only slow them down; "full" means more draws of
# training patients.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device("cpu")
cl.plots.use_style()

# %% [markdown]
# ## 1 · Who bought the vehicle?
#
# The copy of Dickson's post that we work from holds a passage on customers $c_1, c_2, c_3$ and a vehicle
# $v_1$. It ends in
#
# > P(C=c1|V=v1) = P(V=v1|C=c1) / (P(V=v1|C=c1) + P(V=v1|C=c2) + P(V=v1|C=c3))
#
# Read $P(A|B)$ as "the share of A among the cases in which B is so". Here are twenty past sales, small enough
# to count. First in loops, for customer 1 and vehicle 1.

# %%
sales = np.array([[6, 2], [3, 1], [2, 6]])  # (C, V): rows customers 1 to 3, columns vehicles 1 and 2
total = of_customer = of_vehicle = 0
for customer in range(3):
    for vehicle in range(2):
        total += sales[customer, vehicle]
        of_customer += sales[customer, vehicle] * (customer == 0)
        of_vehicle += sales[customer, vehicle] * (vehicle == 0)
both = sales[0, 0]
print(f"P(c1) = {of_customer}/{total}    P(v1) = {of_vehicle}/{total}    P(c1 and v1) = {both}/{total}")
print(f"P(v1|c1) = {both}/{of_customer}   P(c1|v1) = {both}/{of_vehicle}")

# %% [markdown]
# Two shares, two denominators. J. Zou (*Application and Implementation of different deep learning*) prints
# both, $P(Y{=}y|X{=}x) = P(X{=}x \cap Y{=}y)/P(X{=}x)$ and the same with X and Y exchanged, under the words
# "Bayes' theorem". They are the *definition* of a conditional probability, once in each direction. The
# theorem is what remains when one takes the joint probability, of both at once, out of the two:
#
# $$P(c|v) = \frac{P(v|c)\,P(c)}{P(v)}, \qquad P(v) = \sum_i P(v|c_i)\,P(c_i).$$
#
# $P(c)$ is the **prior**: who buys how often, before we know the vehicle. $P(v|c)$ is the **likelihood**, and
# the result, $P(c|v)$, the **posterior**. Three ways to it: by the theorem for one customer and vehicle, by
# counting in the whole table, and by the library (**naive Bayes** with one feature is just this).

# %% tags=["twin"]
from sklearn.naive_bayes import CategoricalNB

prior = sales.sum(axis=1) / sales.sum()  # (C,)
likelihood = sales / sales.sum(axis=1, keepdims=True)  # (C, V), each row adds up to 1
by_theorem = likelihood[0, 0] * prior[0] / sum(likelihood[c, 0] * prior[c] for c in range(3))
counted = sales / sales.sum(axis=0)  # (C, V), each column adds up to 1

buyer, vehicle = np.repeat(np.indices(sales.shape).reshape(2, -1), sales.ravel(), axis=1)  # one per sale
library = CategoricalNB(alpha=1e-10).fit(vehicle[:, None], buyer).predict_proba([[0], [1]]).T

np.testing.assert_allclose([by_theorem, counted[0, 0]], both / of_vehicle)
np.testing.assert_allclose(counted, library, rtol=1e-6)
print("P(customer | vehicle 1):", counted[:, 0].round(3))

# %% [markdown]
# Customers 1 and 2 buy vehicle 1 with the same likelihood, three times in four. The printed formula has no
# prior in it. **Predict first:** what does it give for customer 1? (True share in the table: 6 of 11.)

# %%
MY_SHARE = None  # a share from 0 to 1
printed = likelihood / likelihood.sum(axis=0)
print("the printed formula:", printed[:, 0].round(3), "   counted:", counted[:, 0].round(3))
cl.compare(MY_SHARE, printed[0, 0])

# %% [markdown]
# The formula cannot tell customer 1 from customer 2, although customer 1 buys twice as often. The passage
# says why it may leave the prior out: "Assuming no prior knowledge about each customer, their likelihood of
# buying any car should be the same". If all $P(c_i)$ are equal, they cancel, and the formula is Bayes'
# theorem. In any other case it is not.
#
# One more step of the passage: P(V=v1) "should be 1". With all three priors 1/3 that would need

# %%
needed = 1 / (1 / 3)  # P(v1) = (P(v1|c1) + P(v1|c2) + P(v1|c3)) / 3 = 1
print(f"P(v1|c1) + P(v1|c2) + P(v1|c3) = {needed:.0f}: three shares that are each 1")

# %% [markdown]
# So these "likelihoods" can only be read as **propensities**: larger where buying is likelier, on any scale.
# (A factor common to all cancels too.)
#
# The passage makes it plain with a violin in a room with a musician, an athlete and a data scientist: "it is
# much more likely for the violin to belong to the musician". Say that one musician in two owns a violin, and
# one in fifty of the others. Now let the room hold one musician, one athlete and a *hundred* data scientists.
# **Predict first:** how likely is the violin the musician's?

# %%
MY_MUSICIAN = None  # a share from 0 to 1
owns = np.array([0.5, 0.02, 0.02])  # our assumption: P(violin | musician, athlete, data scientist)
for people in (np.array([1, 1, 1]), np.array([1, 1, 100])):
    weight = owns * people
    print(f"{people[2]:3} data scientists: the musician's with probability {weight[0] / weight.sum():.2f}")
crowded = weight[0] / weight.sum()
cl.compare(MY_MUSICIAN, crowded)

# %% [markdown]
# The evidence is the same, the conclusion is turned round. This will come back in section 4 as a medical test
# that is right nearly always and wrong about most people whom it calls sick.

# %% [markdown]
# ### Exercise 03.1 · complete · about 7 minutes · difficulty 2 of 5
#
# Write Bayes' theorem for all customers and vehicles at once. Counting will not do here: only likelihoods and
# priors come in.
#
# - `likelihood`: shape (C, V), row c holds P(v|c), or propensities that are proportional to it by one common
#   factor
# - `prior`: shape (C,), P(c), adding up to 1
# - returns: shape (C, V), P(c|v): in each column, how likely each customer is the buyer of that vehicle
#
# Example: `posterior(likelihood, prior)` for the table above has the column `[0.545, 0.273, 0.182]` for
# vehicle 1.


# %%
# EXERCISE 03.1
def posterior(likelihood, prior):
    """Return P(customer | vehicle), shape (C, V), from P(vehicle | customer) and P(customer)."""
    ### BEGIN SOLUTION
    joint = likelihood * prior[:, None]
    return joint / joint.sum(axis=0)
    ### END SOLUTION


# %%
cl.check("03.1", posterior)

# %%
# cl.hint("03.1")

# %% [markdown]
# ### Does it matter on new sales?
#
# Now 300 simulated customers and 40 vehicles. They were simulated, so we know the true probabilities; the
# methods do not.

# %%
shop = cl.simulators.purchases(SEED)
print(shop)
(buyers, bought), (new_buyers, new_bought) = shop.split("train"), shop.split("test")
buyers, new_buyers = buyers[:, 0], new_buyers[:, 0]
counts = np.zeros((300, 40))
np.add.at(counts, (buyers, bought), 1)  # (C, V)
per_customer = np.sort(counts.sum(axis=1))
print(f"purchases seen per customer: median {np.median(per_customer):.0f}, largest {per_customer[-1]:.0f}")

# %% [markdown]
# Half of the customers have been seen a handful of times, so their own shares are mostly 0 and 1. As in an
# election poll of a small town, one mixes them with what is known of everybody: to each customer we add
# five purchases, spread as the whole shop buys. That is **shrinkage**. (Five is our choice; *try* 1 or 20.
# The prior is shrunk too: everybody is counted once more than seen.)
#
# We score each method on purchases that it has not seen, by the probability that it gave to the true buyer.
# The mean of $-\log_2$ of it is a number of **bits**: how much one still has to be told. Fewer is better;
# someone who knows nothing needs $\log_2 300$.

# %%
popular = counts.sum(axis=0) / counts.sum()  # (V,)
shrunk = (counts + 5 * popular) / (counts.sum(axis=1, keepdims=True) + 5)  # (C, V): P(v|c)
activity = (counts.sum(axis=1) + 1) / (counts.sum() + 300)  # (C,): P(c)


def of_buyers(likelihood, prior):
    """Return P(c|v), (C, V)."""
    weight = np.einsum("cv,c->cv", likelihood, prior)  # the row of customer c times the prior of c
    return weight / weight.sum(axis=0)


guesses = {
    "nothing known": np.full((300, 40), 1 / 300),
    "printed formula": of_buyers(shrunk, np.full(300, 1 / 300)),
    "Bayes, prior counted": of_buyers(shrunk, activity),
    "truth of the simulator": of_buyers(shop.truth["vehicle_given_customer"], shop.truth["customer"]),
}
bits = {name: -np.log2(guess[new_buyers, new_bought]) for name, guess in guesses.items()}  # (B,) each
for name, of_name in bits.items():
    print(f"{name:23} {of_name.mean():.2f} bits per new purchase")

# %% [markdown]
# Is the gain more than luck? Both methods answered for the same purchases, so we take the difference purchase
# by purchase (**paired**, as in lesson 01) and draw the *customers* anew, because purchases of one customer
# are no independent cases.

# %%
saved = bits["printed formula"] - bits["Bayes, prior counted"]
low, high = cl.metrics.bootstrap_interval(saved, np.mean, seed=SEED, groups=new_buyers)
print(f"the prior saves {saved.mean():.2f} bits per purchase, {low:.2f} to {high:.2f} (95 %, by customer)")

# %% [markdown]
# The prior is the cheapest knowledge there is: count who buys. It needed no network.
#
# *Optional, the other way round:* which vehicle does a customer buy next? Recommending is the other
# conditional, $P(v|c)$. The baseline recommends what is popular. **Matrix factorisation** describes customers
# and vehicles by a few numbers each; here by a singular value decomposition of the shrunk table.

# %%
left, strength, right = np.linalg.svd(np.sqrt(shrunk), full_matrices=False)
factorised = ((left[:, :4] * strength[:4]) @ right[:4]) ** 2  # four numbers per customer and vehicle
for name, table in {
    "most popular": np.tile(popular, (300, 1)),
    "own purchases, shrunk": shrunk,
    "matrix factorisation": factorised,
    "truth of the simulator": shop.truth["vehicle_given_customer"],
}.items():
    hits = table.argmax(axis=1)[new_buyers] == new_bought
    print(f"{name:23} first recommendation bought: {hits.mean():.2f} of {len(hits)} new purchases")

# %% [markdown]
# Whoever compares a recommender with popularity alone sees a triumph. Beside the shrunk counts, one line of
# arithmetic, the factorisation has nothing left to win here.

# %% [markdown]
# ## 2 · Fewer columns
#
# "If you want to find the most relevant of a set of chemical characteristics of different substances, you
# might be better off using 'dimensionality reduction,' a technique that can find the features that contribute
# most to outcomes" (Dickson). The best known such technique is **principal component analysis** (PCA): the
# first component is the direction in which the data spread most, the second the next, and so on.
#
# Ten columns and an outcome, simulated; half to train, half to test. **Predict first:** how accurate is a
# logistic regression on the first component?

# %%
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

MY_COMPONENT = None  # a share from 0 to 1
quiet = cl.simulators.quiet_direction(SEED)
train, test = quiet.split("train"), quiet.split("test")
kept = np.arange(1, 11)
by_components = np.array(
    [make_pipeline(PCA(k), LogisticRegression(C=1e3)).fit(*train).score(*test) for k in kept]
)
print(f"accuracy on one component: {by_components[0]:.2f}, on all ten: {by_components[-1]:.2f}")
cl.compare(MY_COMPONENT, by_components[0])

# %%
spread = PCA().fit(train[0]).explained_variance_ratio_.cumsum()
fig, ax = plt.subplots()
ax.plot(kept, spread, color="0.5", linestyle=":", marker="^")
ax.text(4.2, 0.8, "variance kept", color="0.35")
ax.plot(kept, by_components, color=cl.plots.PALETTE[0], marker="o")
ax.text(9.3, 0.7, "accuracy", color=cl.plots.PALETTE[0], ha="right")
ax.axhline(0.5, color="0.4", linestyle="--", linewidth=1)
ax.text(10.1, 0.52, "a coin", va="bottom")
ax.set(xlabel="principal components kept", ylabel="share", ylim=(0, 1.05), xlim=(0.8, 11.4), xticks=kept)
cl.show(
    fig,
    alt="Line plot against the number of principal components kept: nine components hold "
    f"{spread[-2]:.1%} of the variance and predict no better than a coin; the tenth brings the accuracy to "
    f"{by_components[-1]:.2f}.",
)

# %% [markdown]
# Nine components keep nearly all the variance and nothing of the outcome. PCA is given the columns only: it
# *never looks at the outcome*, so it cannot know what contributes to it. Does it help to bring all columns to
# the same spread first? And is a method better off that does look, such as **linear discriminant analysis**
# (LDA), which asks for the direction that parts the classes best for its spread?

# %%
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

one_number = {
    "PCA": make_pipeline(PCA(1), LogisticRegression()),
    "PCA of scaled columns": make_pipeline(StandardScaler(), PCA(1), LogisticRegression()),
    "LDA": make_pipeline(LinearDiscriminantAnalysis(n_components=1), LogisticRegression()),
}
one_accuracy = {name: model.fit(*train).score(*test) for name, model in one_number.items()}
for name, accuracy in one_accuracy.items():
    print(f"one number by {name:22} accuracy {accuracy:.2f}")

# %% [markdown]
# Scaling does not help: the columns are mixtures, and each holds a little of everything. The method that
# looks at the outcome needs one number.

# %% [markdown]
# ### Exercise 03.2 · design · optional · about 8 minutes · difficulty 4 of 5
#
# Find the direction that PCA missed, from the training rows, without calling a classifier's `fit` if you can.
# What parts two classes is the difference of their means *in relation to* the spread in that direction.
#
# - `inputs`: shape (B, D), standard deviations differ; `targets`: shape (B,) of 0 and 1
# - returns: shape (D,), a vector of length 1 that points from class 0 to class 1
#
# Example: for the training rows above it is, up to a few per cent, `quiet.truth["direction"]`.


# %%
# EXERCISE 03.2
def outcome_direction(inputs, targets):
    """Return the unit vector, (D,), along which the two classes differ most for their spread."""
    ### BEGIN SOLUTION
    zeros, ones = inputs[targets == 0], inputs[targets == 1]
    within = np.cov(zeros.T) + np.cov(ones.T)  # (D, D), spread inside the classes
    direction = np.linalg.solve(within, ones.mean(axis=0) - zeros.mean(axis=0))
    return direction / np.linalg.norm(direction)
    ### END SOLUTION


# %%
cl.check("03.2", outcome_direction)

# %%
# cl.hint("03.2")

# %% [markdown]
# The simulator was built to be unkind. On real data large variance and outcome often go together, because
# people measure what they think matters. The digits of lesson 01, hands of the test not seen in training:

# %%
digits = cl.load("digits")
(pixels, digit), (new_pixels, new_digit) = digits.split("train"), digits.split("test")
pixels, new_pixels = pixels.reshape(-1, 64), new_pixels.reshape(-1, 64)
digit_accuracy = {}
for k in (2, 5, 10, 20, 64):
    model = make_pipeline(PCA(k), LogisticRegression(max_iter=2000)).fit(pixels, digit)
    digit_accuracy[k] = model.score(new_pixels, new_digit)
    print(f"{k:2} of 64 components: accuracy {digit_accuracy[k]:.3f} on {len(new_digit)} pictures")

# %% [markdown]
# Twenty numbers do nearly the work of 64. So PCA is a fine way to say the *columns* more briefly, and whether
# the outcome survives it must be measured, with the PCA inside the pipeline as here.

# %% [markdown]
# ## 3 · The same budget
#
# Now two measured tables. First 442 patients with diabetes: ten columns, and how far the disease has
# progressed a year later. Raw rows before any model, and what the card says is wrong with them.

# %%
patients = cl.load("diabetes")
columns, progression = patients.inputs.astype(float), patients.targets.astype(float)
print("  ".join(f"{name:>6}" for name in patients.input_names), "  progression")
for row in range(3):
    print("  ".join(f"{value:6.1f}" for value in columns[row]), f"  {progression[row]:11.0f}")
print(f"progression: {progression.min():.0f} to {progression.max():.0f}, mean {progression.mean():.0f}")
patients.describe()

# %% [markdown]
# ### Linear regression, three times
#
# One column, body mass index, in a loop: the **slope** of the least-squares line is the sum of products of
# deviations over the sum of squared deviations. Then all ten columns and a **ridge** penalty $\lambda$, which
# pulls the coefficients towards zero: $w = (X^\top X + \lambda I)^{-1} X^\top y$, with columns and target
# centred. Then scikit-learn.

# %% tags=["twin"]
from sklearn.linear_model import LinearRegression, Ridge

bmi = columns[:, 2]
above = below = 0.0
for value, target in zip(bmi, progression, strict=True):
    above += (value - bmi.mean()) * (target - progression.mean())
    below += (value - bmi.mean()) ** 2
np.testing.assert_allclose(above / below, LinearRegression().fit(bmi[:, None], progression).coef_[0])

scaled = StandardScaler().fit_transform(columns)  # each column: mean 0, standard deviation 1
centred = progression - progression.mean()
weights = np.linalg.solve(scaled.T @ scaled + 10 * np.eye(10), scaled.T @ centred)  # λ = 10
np.testing.assert_allclose(weights, Ridge(10).fit(scaled, progression).coef_, rtol=1e-6)
print(f"one kg/m² more goes with {above / below:.1f} more progression")

# %% [markdown]
# ### "Coefficients that explain"
#
# "Regression models also provide a clear mathematical equation with coefficients that explain the relevance
# of each feature in the dataset" (Dickson). Here they are, per standard deviation of the column, with 95 %
# intervals from drawing the patients anew, beside the plain correlation with the outcome.

# %%
random = np.random.default_rng(SEED)
coefficients = LinearRegression().fit(scaled, progression).coef_
redrawn = [
    LinearRegression().fit(scaled[rows], progression[rows]).coef_
    for rows in random.integers(442, size=(500, 442))
]
low, high = np.quantile(redrawn, [0.025, 0.975], axis=0)
correlations = [np.corrcoef(column, progression)[0, 1] for column in scaled.T]
fig, ax = plt.subplots(figsize=(6.4, 4.6))
ax.hlines(range(10), low, high, color=cl.plots.PALETTE[0])
ax.plot(coefficients, range(10), "o", color=cl.plots.PALETTE[0])
for place, r in enumerate(correlations):
    ax.text(95, place, f"{r:+.2f}".replace("-", "−"), va="center", ha="right")
ax.text(95, -1, "correlation", va="center", ha="right")
ax.axvline(0, color="0.4", linewidth=1)
ax.set(yticks=range(10), yticklabels=patients.input_names, ylim=(9.6, -1.5), xlim=(-85, 98))
ax.set(xlabel="coefficient (progression per standard deviation)", xticks=range(-75, 76, 25))
ax.grid(axis="y", visible=False)
cl.show(
    fig,
    alt=f"Dot plot of ten coefficients with intervals: {np.sum((low < 0) & (high > 0))} of ten hold zero; "
    f"column s1 correlates {correlations[4]:+.2f} with the outcome and has the coefficient "
    f"{coefficients[4]:.0f}, with the widest interval.",
)

# %% [markdown]
# Body mass index, blood pressure and `s5` hold what they promise. The cholesterol columns do not: `s1` (total
# cholesterol) goes *up* with the disease and has a large *negative* coefficient, with the widest interval of
# all. `s1` and `s2` (its low-density part) say nearly the same, so the model may trade one for
# the other. A coefficient answers "what changes if this column changes and the others stay", and nobody's
# total cholesterol changes alone. It is an equation, and the relevance is not in it.

# %% [markdown]
# ### An accident with units
#
# A colleague trains on a standardised target and forgets to undo it. "The correlation with the truth is 0.7,
# so the predictions are good." **Predict first:** what is $R^2$, the share of the variance that they explain?

# %%
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict

MY_R2 = None  # 1 is perfect, 0 is what the mean explains
standardised = centred / centred.std()
forgotten = cross_val_predict(make_pipeline(StandardScaler(), Ridge(10)), columns, standardised, cv=5)
repaired = forgotten * centred.std() + progression.mean()
tenth = 0.1 * progression  # every prediction a tenth of the truth
for name, predicted in (("forgotten", forgotten), ("repaired", repaired), ("a tenth of the truth", tenth)):
    r = np.corrcoef(predicted, progression)[0, 1]
    print(f"{name}: correlation {r:.3f}, R² {r2_score(progression, predicted):+.2f}")
forgotten_r2 = r2_score(progression, forgotten)
cl.compare(MY_R2, forgotten_r2)

# %% [markdown]
# A correlation does not notice a wrong unit or a wrong zero, $R^2$ does: it is below zero for whatever is
# worse than the mean. Even r = 1 does not help, as the last line shows. We report $R^2$.

# %% [markdown]
# ### A network that learns by heart
#
# The opponent: a network with one hidden layer of 32 units, as in lesson 01, trained by `cl.fit` for 100
# epochs on two thirds of the patients, the last third set aside. Columns and target are scaled with the
# training rows. (`adam` is a way to take the steps; lesson 04 compares such ways.)

# %%
from sklearn.model_selection import train_test_split

rows, test_rows = train_test_split(np.arange(442), test_size=1 / 3, random_state=SEED)
scaler = StandardScaler().fit(columns[rows])
mean, sd = progression[rows].mean(), progression[rows].std()


def ready(rows):
    """Return the scaled columns and target of some patients."""
    inputs = scaler.transform(columns[rows]).astype(np.float32)
    return inputs, ((progression[rows] - mean) / sd).astype(np.float32)[:, None]


network = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
fitting = {"loss": nn.functional.mse_loss, "optimizer": "adam", "learning_rate": 0.01}
by_heart = cl.fit(
    network, ready(rows), ready(test_rows), epochs=100, device=device, progress=False, **fitting
)
ax = cl.plots.history(by_heart)
ax.set(ylabel="loss (share of the variance)")
fig = ax.figure
left_out_loss = [record["valid_loss"] for record in by_heart]
cl.show(
    fig,
    alt="Line plot of loss against epoch: the training loss falls all the way, the loss on patients left out "
    f"is smallest after {np.argmin(left_out_loss) + 1} epochs and ends at {left_out_loss[-1]:.2f}.",
)

# %% [markdown]
# The loss is in units of the variance, so 1 is what the mean gets. On patients left out it falls for a
# handful of epochs, turns, and climbs: **overfitting**. To stop at the turn is **early stopping**. Another
# cure is **regularisation**: add to the loss a *decay* times the sum of the squared weights, the network's
# ridge penalty. (A third, **dropout**, switches units off at random while training.) None of them is an
# option to be left at its default: a network without any is not yet a network that someone has tried to fit.

# %% [markdown]
# ### Eight candidates each
#
# So both families get the same budget: eight candidates, chosen by the same three-fold cross-validation on
# the same training rows. For ridge, eight penalties; for the network, eight decays, the first of them zero.
# (Equal is the number of tries, not the seconds. We train the eight networks side by side in one module. They
# share the batches and nothing else.)

# %%
PENALTIES = (0.1, 1, 3, 10, 30, 100, 300, 1000)
DECAYS = (0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


class Networks(nn.Module):
    """Eight networks with one hidden layer, one for each decay: (B, D) to (B, 8)."""

    def __init__(self, features, hidden=32):
        super().__init__()
        self.first = nn.Parameter(torch.randn(8, features, hidden) * (2 / features) ** 0.5)
        self.shift = nn.Parameter(torch.zeros(8, 1, hidden))
        self.second = nn.Parameter(torch.randn(8, hidden, 1) * (1 / hidden) ** 0.5)
        self.offset = nn.Parameter(torch.zeros(8, 1, 1))

    def forward(self, inputs):
        hidden = torch.relu(inputs @ self.first + self.shift)  # (8, B, hidden)
        return (hidden @ self.second + self.offset)[:, :, 0].T  # (B, 8)

    def penalty(self):
        """Return the sum over the networks of decay × squared weights."""
        squares = self.first.square().sum((1, 2)) + self.second.square().sum((1, 2))
        return (torch.tensor(DECAYS) * squares).sum()


# %% [markdown]
# Each family is a function: training rows in, answers of all eight candidates to new rows out. The scaling is
# learnt inside, from the training rows.


# %%
def networks(inputs, targets, new_inputs, pointwise, steps=150):
    """Train eight networks on scaled columns by a loss of torch and return their answers, (B, 8)."""
    scaler = StandardScaler().fit(inputs)
    inputs, new_inputs = (scaler.transform(part).astype(np.float32) for part in (inputs, new_inputs))
    model = Networks(inputs.shape[1])

    def loss(outputs, answers):
        errors = pointwise(outputs, answers[:, None].expand(-1, 8), reduction="none")
        return errors.mean(0).sum() + model.penalty()

    batches = math.ceil(len(inputs) / 64)  # in each epoch, of up to 64 rows
    epochs = steps // batches  # so the number of steps does not depend on the number of rows
    fitting = {"epochs": epochs, "learning_rate": 0.01, "optimizer": "adam", "device": device}
    cl.fit(model, (inputs, targets.astype(np.float32)), loss=loss, **fitting, progress=False)
    with torch.no_grad():
        return model(torch.tensor(new_inputs)).numpy()


def network_regressions(inputs, targets, new_inputs):
    mean, sd = targets.mean(), targets.std()
    return sd * networks(inputs, (targets - mean) / sd, new_inputs, nn.functional.mse_loss) + mean


def ridge_regressions(inputs, targets, new_inputs):
    models = [make_pipeline(StandardScaler(), Ridge(penalty)) for penalty in PENALTIES]
    return np.stack([model.fit(inputs, targets).predict(new_inputs) for model in models], axis=1)


# %%
def errors_by_decay(answers, rows):
    """Return each candidate's mean squared error as a share of the variance, (8,)."""
    return ((answers - progression[rows, None]) ** 2).mean(axis=0) / progression[rows].var()


both_parts = np.concatenate([rows, test_rows])
answers = network_regressions(columns[rows], progression[rows], columns[both_parts])
train_share = errors_by_decay(answers[: len(rows)], rows)
test_share = errors_by_decay(answers[len(rows) :], test_rows)
fig, ax = plt.subplots()
ax.plot(range(8), train_share, **cl.plots.TRAIN_STYLE, label="patients trained on")
ax.plot(range(8), test_share, **cl.plots.VALID_STYLE, label="patients left out")
ax.axhline(1, color="0.4", linestyle=":")
ax.text(0, 1.02, "the mean", va="bottom")
ax.set(xticks=range(8), xticklabels=[f"{decay:g}" for decay in DECAYS], ylim=(0, 1.2))
ax.set(xlabel="weight decay (each point one network)", ylabel="error (share of variance)")
ax.legend(loc="lower right")
cl.show(
    fig,
    alt="Line plot of error against weight decay: the error on training patients rises with the decay, the "
    f"error on patients left out is a valley with its floor at {DECAYS[test_share.argmin()]:g}.",
)

# %% [markdown]
# A valley: too little decay learns by heart, too much learns nothing. (Its floor was found with patients left
# out, so it may not be reported as a result. Choosing needs patients of its own.)

# %% [markdown]
# ### Exercise 03.3 · complete · about 10 minutes · difficulty 3 of 5
#
# Compare two families fairly. Each was trained on S draws of training patients, with K candidates. For every
# draw, choose *within each family* the candidate with the smallest **validation** error, and take its errors
# on the test cases. Return the paired differences, draw by draw and case by case.
#
# - `valid_a`, `valid_b`: shape (S, K), validation errors; the families need not have equally many candidates
# - `test_a`, `test_b`: shape (S, K, B), the error of each candidate on each of the same B test cases
# - returns: shape (S, B), error of family a minus error of family b
#
# Example: with one draw, two candidates and one case, `valid_a = [[2, 1]]`, `test_a = [[[5], [7]]]`,
# `valid_b = [[1, 3]]`, `test_b = [[[4], [2]]]` (as arrays), it returns `[[3]]`: 7, chosen by validation,
# minus 4.


# %%
# EXERCISE 03.3
def paired_difference(valid_a, test_a, valid_b, test_b):
    """Return the error of family a minus that of family b, each tuned in each draw, shape (S, B)."""
    ### BEGIN SOLUTION
    draws = np.arange(len(valid_a))
    chosen_a = test_a[draws, valid_a.argmin(axis=1)]  # (S, B)
    chosen_b = test_b[draws, valid_b.argmin(axis=1)]
    return chosen_a - chosen_b
    ### END SOLUTION


# %%
cl.check("03.3", paired_difference)

# %%
# cl.hint("03.3")

# %% [markdown]
# Now the experiment. One third of the patients is the test set, the same for all. From the rest we draw 20,
# 60, or nearly all patients to train on, several times, and let both families search.

# %%
from sklearn.model_selection import KFold, StratifiedKFold

more = {"quick": 1, "full": 4}[profile]
sizes = {20: 5 * more, 60: 5 * more, 290: 3 * more}  # training patients, and how many draws of them


def search(family, loss, inputs, targets, new_inputs):
    """Return each candidate's validation error, (8,), and its answers to new rows, (8, B)."""
    cut = StratifiedKFold(3) if targets.dtype.kind == "i" else KFold(3)  # the rows come in random order
    left_out = np.empty((8, len(targets)))
    for fit_rows, rest in cut.split(inputs, targets):
        left_out[:, rest] = family(inputs[fit_rows], targets[fit_rows], inputs[rest]).T
    return loss(left_out, targets).mean(axis=1), family(inputs, targets, new_inputs).T


# %% [markdown]
# Both families see the same test rows and the same draws.


# %%
def learning_curve(families, loss, inputs, targets, sizes):
    """Return found[family][size] = (validation errors (S, 8), answers to the test rows (S, 8, B))."""
    classes = targets if targets.dtype.kind == "i" else None
    pool, test = train_test_split(
        np.arange(len(targets)), test_size=1 / 3, random_state=SEED, stratify=classes
    )
    found = {name: {} for name in families}
    for size in sizes:
        runs = {name: [] for name in families}
        for draw in range(sizes[size]):
            some = {"train_size": size, "random_state": 1000 * SEED + draw}
            rows = train_test_split(pool, **some, stratify=None if classes is None else classes[pool])[0]
            for name, family in families.items():
                runs[name].append(search(family, loss, inputs[rows], targets[rows], inputs[test]))
        for name in families:
            found[name][size] = [np.stack(part) for part in zip(*runs[name], strict=True)]
    return found, test


# %%
def squared(answers, targets):
    """Return squared errors, (…, B), in units of the variance of all patients."""
    return (answers - targets) ** 2 / progression.var()


families = {"ridge": ridge_regressions, "network": network_regressions}
found, test_rows = learning_curve(families, squared, columns, progression, sizes)
truth = progression[test_rows]


def tuned(valid, values):
    """Return of each draw the values of the candidate with the smallest validation error, (S, B)."""
    return np.take_along_axis(values, valid.argmin(axis=1)[:, None, None], axis=1)[:, 0]


# %% [markdown]
# **Predict first:** with 20 patients to learn from, by how much is the network's $R^2$ below that of ridge?

# %%
MY_DEFICIT = None  # a difference of two R²
curve = {"ridge": {}, "network, tuned": {}, "network, no decay": {}}  # errors (S, B) by size
for size in sizes:
    valid, answers = found["ridge"][size]
    curve["ridge"][size] = tuned(valid, squared(answers, truth))
    valid, answers = found["network"][size]
    curve["network, tuned"][size] = tuned(valid, squared(answers, truth))
    curve["network, no decay"][size] = squared(answers, truth)[:, 0]
print("R² on patients left out, mean ± sd of the draws of training patients")
for name, of_name in curve.items():
    r2 = {size: 1 - errors.mean(axis=1) for size, errors in of_name.items()}
    print(f"{name:18}" + "".join(f"  n = {n}: {v.mean():+.2f} ± {v.std(ddof=1):.2f}" for n, v in r2.items()))
both_290 = [tuned(*found[name][290])[0] for name in ("ridge", "network")]  # of the first draw
weighted = LinearRegression().fit(columns[test_rows], both_290[1]).score(columns[test_rows], both_290[1])
print(f"correlation of the answers of ridge and tuned network, n = 290: {np.corrcoef(both_290)[0, 1]:.3f}")
print(f"share of that network's answers (their R²) which a weighted sum can repeat: {weighted:.3f}")
deficit = curve["network, tuned"][20].mean() - curve["ridge"][20].mean()
cl.compare(MY_DEFICIT, deficit)

# %%
fig, ax = plt.subplots()
for number, (name, of_name) in enumerate(curve.items()):
    color, marker = cl.plots.PALETTE[number], "osD"[number]
    r2 = [1 - of_name[size].mean(axis=1) for size in sizes]  # one array (S,) for each size
    style = {"color": color, "linestyle": ("-", "--", ":")[number], "marker": marker}
    places = np.array(list(sizes)) * 1.06 ** (number - 1)  # side by side
    ax.plot(places, [values.mean() for values in r2], label=name, **style)
    for place, values in zip(places, r2, strict=True):
        ax.plot(np.full(len(values), place), values, marker, color=color, alpha=0.3, markersize=4)
ax.axhline(0, color="0.4", linewidth=1)
ax.text(29, -0.02, "the mean", va="top")
ax.set(xscale="log", xticks=list(sizes), xticklabels=list(sizes), xlim=(16, 360), ylim=(None, 0.62))
ax.minorticks_off()
ax.set(xlabel="training patients (log scale)", ylabel="R² on patients left out")
ax.legend(loc="lower right")
cl.show(
    fig,
    alt="Line plot of R² against the number of training patients: ridge and the tuned network rise together, "
    "the network without decay lies below both, far below with few patients.",
)

# %% [markdown]
# Without decay the network does with 20 patients about as well as the mean, or worse, and is still below
# ridge with 290. Whoever stops here has "shown" that networks lose on tables. Tuned with the same budget,
# the network follows the curve of ridge, and with 290 patients it gives nearly the same answers, which a
# weighted sum can nearly repeat: that is what a strong decay leaves of a network.
#
# The same with a second table: 569 breast masses, 30 columns, *benign* or *malignant* (on the card, class 1
# is benign; we ask for malignant ones and turn it round). Logistic regression with eight penalties against
# eight networks. Both answer in **log-odds**, $\log(p/(1-p))$: above zero where malignant is the likelier
# answer. Both are searched by the **log loss**, $-\log$ of the probability given to what was true.

# %%
masses = cl.load("breast_cancer")
measured, malignant = masses.inputs.astype(float), (masses.targets == 0).astype(int)
STRENGTHS = (0.001, 0.01, 0.03, 0.1, 0.3, 1, 10, 100)  # scikit-learn's C: one over the penalty
for row in (0, 19):
    named = list(zip(masses.input_names, measured[row], strict=True))[:4]
    print(", ".join(f"{name} {value:.4g}" for name, value in named), "… malignant" * malignant[row])
print(f"{malignant.sum()} of {len(malignant)} masses are malignant")


def log_loss(answers, targets):
    """Return the log loss of log-odds, (…, B)."""
    return np.logaddexp(0, -answers * (2 * targets - 1))


def network_classifiers(inputs, targets, new_inputs):
    return networks(inputs, targets, new_inputs, nn.functional.binary_cross_entropy_with_logits)


def logistic_regressions(inputs, targets, new_inputs):
    models = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000)) for c in STRENGTHS]
    return np.stack([m.fit(inputs, targets).decision_function(new_inputs) for m in models], axis=1)


# %%
classifiers = {"logistic": logistic_regressions, "network": network_classifiers}
mass_sizes = {20: 5 * more, 60: 5 * more, 370: 3 * more}
found_masses, mass_rows = learning_curve(classifiers, log_loss, measured, malignant, mass_sizes)
sick = malignant[mass_rows]
wrong = {"logistic": {}, "network, tuned": {}, "network, no decay": {}}  # is the answer wrong? (S, B)
for size in mass_sizes:
    valid, answers = found_masses["logistic"][size]
    wrong["logistic"][size] = tuned(valid, (answers > 0) != sick)
    valid, answers = found_masses["network"][size]
    wrong["network, tuned"][size] = tuned(valid, (answers > 0) != sick)
    wrong["network, no decay"][size] = (answers[:, 0] > 0) != sick
for name, of_name in wrong.items():
    print(f"{name:18}" + "".join(f"  n = {n}: accuracy {1 - w.mean():.3f}" for n, w in of_name.items()))

# %% [markdown]
# And now the number that decides: the difference, on the same draws and the same test cases. Its interval
# has to cover two kinds of chance, other patients to *test* on and other patients to *train* on. So we
# bootstrap both at once: draw test cases anew, and draws anew. (The largest draws take nearly all the
# patients there are and so hardly differ: there it covers little more than other test patients.) Above zero
# the regression is better.


# %%
def interval_of_both(difference, resamples=1000):
    """Return the 95 % bootstrap interval of the mean of (S, B), with draws and cases drawn anew."""
    random = np.random.default_rng(SEED)
    draws, cases = difference.shape
    means = np.empty(resamples)
    for number in range(resamples):
        some_draws = random.integers(draws, size=draws)
        some_cases = random.integers(cases, size=cases)
        means[number] = difference[some_draws][:, some_cases].mean()
    return np.quantile(means, [0.025, 0.975])


differences = {}
for size in sizes:
    for name in ("network, no decay", "network, tuned"):
        differences["diabetes, R²", size, name] = curve[name][size] - curve["ridge"][size]
for size in mass_sizes:
    for name in ("network, no decay", "network, tuned"):
        gap = wrong[name][size].astype(float) - wrong["logistic"][size]
        differences["masses, accuracy", size, name] = gap
interval = {key: interval_of_both(difference) for key, difference in differences.items()}

# %%
fig, axes = plt.subplots(2, figsize=(6.4, 5.2))
for ax, data in zip(axes, ("diabetes, R²", "masses, accuracy"), strict=True):
    of_data = [key for key in differences if key[0] == data]
    for place, key in enumerate(of_data):
        number = 2 if key[2].endswith("no decay") else 1
        style = {"color": cl.plots.PALETTE[number], "marker": "osD"[number]}
        ax.plot(interval[key], [place, place], color=style["color"])
        ax.plot(differences[key].mean(), place, linestyle="none", label=key[2] * (place < 2), **style)
    ax.axvline(0, color="0.3", linewidth=1)
    ax.set(yticks=(0.5, 2.5, 4.5), yticklabels=[f"n = {key[1]}" for key in of_data[::2]], ylim=(5.6, -0.6))
    ax.set_title(f"{data}: advantage of the regression")
axes[0].legend(loc="lower right")
cl.show(
    fig,
    alt="Two dot plots of the regression's advantage with 95 % intervals, R² on diabetes and accuracy on the "
    "masses: far above zero for diabetes against the network without decay, close to zero for the tuned "
    "networks and for all comparisons on masses.",
)

# %%
for key, difference in differences.items():
    low, high = interval[key]
    said = "includes zero" if low <= 0 <= high else "excludes zero"
    print(
        f"{key[0]:16} n = {key[1]:3}  {key[2]:17} {difference.mean():+.3f}, {low:+.3f} to {high:+.3f}: {said}"
    )

# %% [markdown]
# So the sentence on trial finds less support here than it seemed to. The large loss belonged to a network
# that nobody had tuned, and on the masses nobody needed to. With 60 patients and more ridge and the tuned
# network cannot be told apart. With 20 ridge may have a lead; it is a small part of what was lost for want
# of tuning, and on five draws it comes and goes with the seed (*try* `SEED = 2`). What speaks for the
# regression is the rest. There are fewer ways to go wrong. (*Try it yourself:* `steps=40` in `networks`.
# With few patients the network falls behind again, this time through our fault.) And there is the time:

# %%
from time import perf_counter

for name, family in families.items():
    begun = perf_counter()
    family(columns[rows], progression[rows], columns[test_rows])
    print(f"{name:7} {perf_counter() - begun:6.3f} s for eight candidates on {len(rows)} patients")

# %% [markdown]
# An interval that includes zero does not make two models equal: its ends say how large a difference could
# hide. And it covers other patients of *these* clinics, not another clinic. (Five draws are few to draw
# from, so the intervals are rather too narrow.)

# %% [markdown]
# ### Two more ways to a number
#
# *Optional.* "The basis of price prediction is probability theory and statistics" (Zou). Taken at its word:
# cut the outcome into five bins, let naive Bayes say how likely each bin is, and predict the mean of the
# bins, weighted by their probabilities. Beside it, ridge, with the same five folds.

# %%
from sklearn.naive_bayes import GaussianNB

binned = np.empty(442)
for fit_rows, rest in KFold(5, shuffle=True, random_state=SEED).split(columns):
    known = progression[fit_rows]
    bins = np.digitize(known, np.quantile(known, [0.2, 0.4, 0.6, 0.8]))  # 0 to 4
    centres = np.array([known[bins == number].mean() for number in range(5)])
    binned[rest] = GaussianNB().fit(columns[fit_rows], bins).predict_proba(columns[rest]) @ centres
ridge_r2 = r2_score(
    progression,
    cross_val_predict(
        make_pipeline(StandardScaler(), Ridge(10)),
        columns,
        progression,
        cv=KFold(5, shuffle=True, random_state=SEED),
    ),
)
print(f"R² by probabilities of bins {r2_score(progression, binned):.2f}, by ridge {ridge_r2:.2f}")

# %% [markdown]
# It works, and not as well. Naive Bayes treats the ten columns as ten independent witnesses, and two of them
# tell nearly the same story; and five bins are fewer than the answers asked for.
#
# *Optional.* "If you make a bunch of random changes to your program until it sort-of works, that's 'hacky'
# and 'bad coding practice'. But if you do it really fast, it's 'machine learning'" (Biscarini and Nazzicari,
# *Deep learning for biologists*). How fast? A least-squares loss is a bowl. We count how often it must be
# looked at until it has fallen to a thousandth: by random changes, each kept if it helps (with a step that
# grows after a success and shrinks after a failure), and by steps down the slope (of the best fixed length,
# which one has to know). The **condition** says how many times steeper the bowl is one way than another.


# %%
def looks_by_chance(steepness, seed):
    """Count the losses computed by random changes until the loss is a thousandth of its start."""
    random = np.random.default_rng(seed)
    place, step, looks = random.normal(size=len(steepness)), 1.0, 0
    loss = start = steepness @ place**2
    while loss > start / 1000:
        tried = place + step * random.normal(size=len(place))
        looks += 1
        if (new := steepness @ tried**2) < loss:
            place, loss, step = tried, new, 1.5 * step
        else:
            step *= 1.5**-0.25
    return looks


def looks_by_slope(steepness, seed):
    """Count the gradients computed until the loss is a thousandth of its start."""
    place, looks = np.random.default_rng(seed).normal(size=len(steepness)), 0
    start = steepness @ place**2
    while steepness @ place**2 > start / 1000:
        place = place - 2 / (steepness.min() + steepness.max()) * steepness * place
        looks += 1
    return looks


looks = {}
for dimensions, condition in ((2, 10), (2, 100), (20, 10)):
    steepness = np.geomspace(1, condition, dimensions)
    tries = range(100 * SEED, 100 * SEED + 41)
    chance, slope = (
        np.median([way(steepness, k) for k in tries]) for way in (looks_by_chance, looks_by_slope)
    )
    looks[dimensions, condition] = chance, slope
    bowl = f"{dimensions:2} numbers, condition {condition:3}"
    print(f"{bowl}: median {chance:4.0f} looks by chance, {slope:4.0f} by slope")

# %% [markdown]
# In two dimensions chance is no bad engineer, and on the narrow bowl it even wins. In twenty it needs about
# ten times as many looks, and the slope no more than before. A network has thousands of dimensions. (And
# least squares has a formula, which needs one look.)

# %% [markdown]
# ## 4 · Probabilities, thresholds, prevalence
#
# A doctor who hears "70 %" expects to be right seven times in ten. If that holds, the probabilities are
# **calibrated**. We ask both families of section 3 whether a diabetes patient's progression is above 200, the
# fastest quarter or so. (To cut a measured quantity in two throws information away; here it gives us a
# question on which nobody can be sure.) Three folds, so that each patient is asked once, by models that have
# seen 100 others.

# %%
fast = (progression > 200).astype(int)
odds = {name: np.empty(442) for name in ("logistic", "network, tuned", "network, no decay")}
for fit_rows, rest in StratifiedKFold(3, shuffle=True, random_state=SEED).split(columns, fast):
    shuffled = np.random.default_rng(SEED).permutation(fit_rows)[:100]
    for name, family in (("logistic", logistic_regressions), ("network, tuned", network_classifiers)):
        valid, answers = search(family, log_loss, columns[shuffled], fast[shuffled], columns[rest])
        odds[name][rest] = answers[valid.argmin()]
        if name.startswith("network"):
            odds["network, no decay"][rest] = answers[0]
chance = {name: 1 / (1 + np.exp(-of_name)) for name, of_name in odds.items()}  # log-odds to probability
print(f"{fast.mean():.0%} of the patients are fast")

# %% [markdown]
# Three scores. Accuracy asks only on which side of one half a probability lies. The **Brier score** is the
# mean squared difference between the probability and what happened (0 or 1); the log loss punishes
# certainty that is wrong. Over many patients both are smallest for the true probabilities. To see whether
# being too sure is the trouble we *halve* the log-odds of the network without decay: no answer changes its
# side, no patient their rank.

# %%
from sklearn.metrics import accuracy_score, brier_score_loss

fast_loss = {}
print("                   accuracy   Brier   log loss   said > 0.9: of them fast")
for name, of_name in {**odds, "no decay, halved": odds["network, no decay"] / 2}.items():
    p = 1 / (1 + np.exp(-of_name))
    brier, sure = brier_score_loss(fast, p), p > 0.9
    fast_loss[name] = log_loss(of_name, fast).mean()
    row = f"{accuracy_score(fast, p > 0.5):.3f}   {brier:7.3f}   {fast_loss[name]:8.3f}"
    print(f"{name:18} {row}   {sure.sum():9}: {fast[sure].sum()}")
share = fast.mean()
fast_loss["share alone"] = -share * np.log(share) - (1 - share) * np.log(1 - share)
row = f"{1 - share:.3f}   {share * (1 - share):7.3f}   {fast_loss['share alone']:8.3f}"
print(f"the share alone    {row}")

# %% [markdown]
# In a picture: put the patients into six groups by the probability that they were given, and compare with the
# share that was really fast. On the diagonal, what is said is what happens.

# %%
from sklearn.calibration import calibration_curve

fig, ax = plt.subplots(figsize=(6.4, 4.8))
ax.plot([0, 1], [0, 1], color="0.4", linestyle="--", linewidth=1)
for number, (name, p) in enumerate(chance.items()):
    share, said = calibration_curve(fast, p, n_bins=6, strategy="quantile")
    style = {
        "color": cl.plots.PALETTE[number],
        "marker": "osD"[number],
        "linestyle": ("-", "--", ":")[number],
    }
    ax.plot(said, share, label=name, **style)
    if number in (0, 2):
        size = len(fast) / 6
        ends = [cl.metrics.wilson_interval(round(s * size), round(size)) for s in share]
        low, high = np.transpose(ends)
        ax.vlines(said, low, high, color=style["color"], alpha=0.4)
ax.set(xlabel="probability that was given", ylabel="share that was fast", xlim=(0, 1), ylim=(0, 1))
ax.legend(loc="upper left")
cl.show(
    fig,
    alt="Reliability plot of the share of fast patients against the probability given, in six "
    "groups: logistic regression and the tuned network stay near the diagonal, the network without decay "
    "gives probabilities that are too extreme.",
)

# %% [markdown]
# The bars are 95 % intervals of each share (Wilson's, drawn for two of the three). The network without decay
# is surer than it may be: above the diagonal on the left, below it on the right. Its accuracy is still better
# than that of the share alone; by log loss one would do better without it, and halving its log-odds repairs
# much of that.

# %% [markdown]
# ### Whom to call sick
#
# To act on a probability one needs a **threshold**. For the breast masses, with the tuned logistic regression
# of section 3 and all training rows: count the four cells of the **confusion matrix**. **Sensitivity** is the
# share of malignant masses that are called so, **specificity** the share of benign ones that are let go. Each
# looks at one column of the matrix below, so neither depends on how many masses are malignant. The **positive
# predictive value** (PPV) is the share of true alarms among the alarms. It looks at a row, and does depend.

# %%
valid, answers = found_masses["logistic"][370]
mass_chance = 1 / (1 + np.exp(-tuned(valid, answers)[0]))  # first draw, (B,)


def rates(threshold):
    """Return sensitivity and specificity on the test masses, and the counts that they come from."""
    called = mass_chance >= threshold
    hits, passes = np.sum(called & (sick == 1)), np.sum(~called & (sick == 0))
    return hits / sick.sum(), passes / np.sum(sick == 0), int(hits), int(passes)


sensitivity, specificity, hits, passes = rates(0.5)
low, high = cl.metrics.wilson_interval(passes, int(np.sum(sick == 0)))
alarms = np.sum(sick == 0) - passes
print("                   malignant   benign")
print(f"called malignant   {hits:9}   {alarms:6}")
print(f"let go             {sick.sum() - hits:9}   {passes:6}")
print(f"sensitivity {sensitivity:.2f}, specificity {specificity:.3f} ({low:.3f} to {high:.3f}, 95 %)")

# %% [markdown]
# In these data 37 % are malignant, because the masses had been found and pricked. In a **screening** of
# healthy people it may be 1 in 200. That share is the **prevalence**, and it is a prior: PPV is Bayes'
# theorem again. **Predict first:** of those called malignant in such a screening, with the threshold at 0.5,
# which share is malignant? (Take specificity at the lower end of its interval.)

# %%
MY_PPV = None  # a share from 0 to 1


def predictive_value(sensitivity, specificity, prevalence):
    """Return the share of true alarms among the alarms, by Bayes' theorem."""
    true_alarms, false_alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return true_alarms / (true_alarms + false_alarms)


here = predictive_value(sensitivity, low, 0.37)
screening = predictive_value(sensitivity, low, 0.005)
print(f"PPV with specificity {low:.3f}: {here:.2f} at 37 %, {screening:.2f} at 0.5 % malignant")
cl.compare(MY_PPV, screening)

# %% [markdown]
# Move both. The bars show what happens to 1000 people: those called malignant above, those let go below.
# *Find:* a threshold at which no malignant mass is missed, and its price; a prevalence at which half of the
# alarms are false. PPV is given as a range, with specificity at the two ends of its interval: "no false alarm
# in 119" is no promise. (NPV, the **negative predictive value**, is the share of benign ones among those let
# go.)


# %%
def draw_screening(threshold=0.5, prevalence=0.37):
    """Draw what happens to 1000 people at a threshold and a prevalence."""
    sensitivity, specificity, hits, passes = rates(threshold)
    ends = cl.metrics.wilson_interval(passes, int(np.sum(sick == 0)))
    worst, best = (predictive_value(sensitivity, end, prevalence) if hits else 0 for end in ends)
    ill = 1000 * prevalence
    dark = np.array([sensitivity * ill, (1 - sensitivity) * ill])
    light = np.array([(1 - specificity) * (1000 - ill), specificity * (1000 - ill)])
    ax = plt.subplots(figsize=(6.4, 3.6))[1]
    ax.barh([0, 1.5], dark, color=cl.plots.PALETTE[1])
    ax.barh([0, 1.5], light, left=dark, color=cl.plots.PALETTE[2], alpha=0.5, hatch="//")
    for place, malignant_ones, benign_ones in zip((0, 1.5), dark, light, strict=True):
        ax.text(0, place - 0.45, f"{malignant_ones:.1f} malignant, {benign_ones:.1f} benign (hatched)")
    ax.set(yticks=(0, 1.5), yticklabels=("called\nmalignant", "let go"), xlim=(0, 1000), ylim=(2, -0.9))
    ax.set_xlabel("people of 1000")
    ax.set_title(
        f"sensitivity {sensitivity:.2f}, specificity {specificity:.3f}\n"
        f"PPV {worst:.2f} to {best:.2f} (95 %), NPV {light[1] / max(light[1] + dark[1], 1e-9):.4f}"
    )
    return ax


cl.slider(
    draw_screening,
    threshold=[0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99],
    prevalence=[0.001, 0.005, 0.02, 0.1, 0.37, 0.6],
    alt=lambda threshold, prevalence: (
        f"Two stacked bars of 1000 people at threshold {threshold:g} and prevalence {prevalence:g}: those "
        f"called malignant and those let go; sensitivity {rates(threshold)[0]:.2f}, specificity "
        f"{rates(threshold)[1]:.3f}."
    ),
)

# %% [markdown]
# We let the test be the same at every prevalence; what an alarm is worth is not. (In truth the test changes
# too: masses found in a screening are smaller and harder to tell.) A PPV that is reported without its
# prevalence says nothing about the next hospital. Nor are probabilities carried over: they were learnt with
# 37 % malignant, and that prior is inside them.

# %% [markdown]
# ## 5 · How sure is a score?
#
# "Retinal images could allow computers to predict a person's risk of an imminent heart attack", says the
# caption of a picture in Zou's post, and this table stands near it. It is by R. Poplin and colleagues (2018).
# "Algorithm" is a network that looks at the back of the eye, SCORE a table that doctors use. How many people
# were tested, and how many of them fell ill, does not stand beside it.

# %%
RETINA = (  # model, AUC, 95 % interval, in the order of the page, which writes SCORE out
    ("Age", 0.66, 0.61, 0.71),
    ("Systolic blood pressure (SBP)", 0.66, 0.61, 0.71),
    ("Body mass index (BMI)", 0.62, 0.56, 0.67),
    ("Gender", 0.57, 0.53, 0.62),
    ("Current smoker", 0.55, 0.52, 0.59),
    ("Algorithm", 0.70, 0.65, 0.74),
    ("Algorithm", 0.70, 0.69, 0.74),
    ("Age + SBP + BMI + gender + current smoker", 0.72, 0.68, 0.76),
    ("Algorithm + age + SBP + BMI + gender + current smoker", 0.73, 0.69, 0.77),
    ("SCORE", 0.72, 0.67, 0.76),
    ("Algorithm + SCORE", 0.72, 0.67, 0.76),
)
for model, auc, low, high in RETINA:
    print(f"{auc:.2f} ({low:.2f}-{high:.2f})  {model}")

# %% [markdown]
# Let the threshold of section 4 fall step by step and plot sensitivity against 1 − specificity: that is the
# **ROC curve**, and the **AUC** is the area under it. It is also the chance that a person with an **event**
# (one who fell ill) has a higher score than one without. Three people with, four without: count the pairs.
# Then all pairs at once, then scikit-learn, which takes the area.

# %% tags=["twin"]
from sklearn.metrics import roc_auc_score

with_event, without = np.array([0.9, 0.4, 0.6]), np.array([0.1, 0.5, 0.3, 0.2])
won = 0
for score in with_event:
    for other in without:
        won += score > other
all_pairs = np.mean(with_event[:, None] > without)  # (3, 4)
library = roc_auc_score([1, 1, 1, 0, 0, 0, 0], [*with_event, *without])
np.testing.assert_allclose([won / 12, all_pairs], library)
each = np.mean(with_event[:, None] > without, axis=1)
print(f"{won} of 12 pairs: AUC {library:.3f}, the mean of {each} over the three with an event")

# %% [markdown]
# The last line is worth a second look: the AUC is a *mean over the people with an event* of the share of
# others that each of them beats. A mean of few numbers is unsure, however many others there are. We simulate:
# a score that is normal, higher by 0.742 for people with an event (AUC 0.70), with the same 105 events among
# ever more people. The interval is bootstrapped from the people.

# %%
half_widths = {}
for people in {"quick": (500, 3000), "full": (500, 3000, 12000)}[profile]:
    event = np.arange(people) < 105
    score = np.random.default_rng(SEED).normal(size=people) + 0.742 * event  # the first 500 stay the same
    low, high = cl.metrics.bootstrap_interval((event, score), roc_auc_score, seed=SEED, resamples=200)
    half_widths[people] = (high - low) / 2
    auc = roc_auc_score(event, score)
    print(f"105 events among {people:5} people: AUC {auc:.2f} ± {half_widths[people]:.3f}")

# %% [markdown]
# Six times as many people, and the interval is a little narrower. Many papers use a formula instead, by J.
# Hanley and B. McNeil (1982), with $A$ the AUC, $n_1$ events and $n_0$ others:
#
# $$\mathrm{SE}^2 = \frac{A(1-A) + (n_1-1)(Q_1-A^2) + (n_0-1)(Q_2-A^2)}{n_1 n_0},\quad
# Q_1=\frac{A}{2-A},\; Q_2=\frac{2A^2}{1+A}$$


# %%
def hanley_mcneil(auc, events, others):
    """Return the half-width of the 95 % interval of an AUC by the formula of Hanley and McNeil."""
    two_events, two_others = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    above = (events - 1) * (two_events - auc**2) + (others - 1) * (two_others - auc**2)
    return 1.96 * np.sqrt((auc * (1 - auc) + above) / (events * others))


for people in half_widths:
    print(f"105 events among {people:5} people: formula ± {hanley_mcneil(0.70, 105, people - 105):.3f}")
print(f"if all 12,000 counted as events:    formula ± {hanley_mcneil(0.70, 12000, 12000):.3f}")

# %% [markdown]
# The formula is somewhat wider: it assumes scores of another shape (exponential), in which the events spread
# more. Both depend on the events. The last line is the mistake to avoid; 12,000 people are *our* choice.

# %% [markdown]
# ### Exercise 03.4 · design · about 8 minutes · difficulty 3 of 5
#
# A paper gives an AUC with its 95 % interval, and not how many events there were. Work it out: how many
# events make an interval of this half-width? Use the formula (search, or solve it), or a simulation.
#
# - `auc`: from 0.5 to 1; `half_width`: half of the width of the 95 % interval
# - `people`: all of them, with and without an event
# - returns: the number of events, less than half of the people; within a third of the formula's answer
#
# Example: `events_behind(0.8, 0.03, people=5000)` returns about 310 by the formula. The bootstrap, with
# normal scores, would give fewer; both are accepted.


# %%
# EXERCISE 03.4
def events_behind(auc, half_width, people):
    """Return how many events give an AUC an interval of this half-width."""
    ### BEGIN SOLUTION
    events = np.arange(2, people // 2)
    widths = hanley_mcneil(auc, events, people - events)
    return int(events[np.abs(widths - half_width).argmin()])
    ### END SOLUTION


# %%
cl.check("03.4", events_behind)

# %%
# cl.hint("03.4")

# %% [markdown]
# Now the published table, in its own order, as dots with their intervals. Beside each, in grey, what the
# formula gives for 165 events among 12,000 people. Both numbers are ours: they make the width that most rows
# have. (Smoking and gender are yes or no, scores full of ties, for which the formula is not made.)

# %%
fig, ax = plt.subplots(figsize=(6.4, 5.4))
for place, (_, auc, low, high) in enumerate(RETINA):
    width = hanley_mcneil(auc, 165, 12000 - 165)
    ax.plot([auc - width, auc + width], [place + 0.22] * 2, color="0.7", linewidth=4)
    ax.plot([low, high], [place, place], color=cl.plots.PALETTE[0])
    ax.plot(auc, place, "o", color=cl.plots.PALETTE[0])
names = [model.replace("Algorithm + age + SBP", "Algorithm + age + SBP\n") for model, *_ in RETINA]
names = [name.replace("Age + SBP + BMI", "Age + SBP + BMI\n") for name in names]
ax.axvline(0.5, color="0.4", linestyle="--", linewidth=1)
ax.set(yticks=range(len(RETINA)), yticklabels=names, ylim=(10.7, -0.6), xlim=(0.48, 0.8))
ax.tick_params(axis="y", labelsize=10)
ax.set_xlabel("AUC, with the published interval (line)\nand the formula's for 165 events (grey)")
cl.show(
    fig,
    alt="Forest plot of eleven published AUCs with intervals: most overlap, the interval of the second row "
    "called Algorithm is lopsided, and the formula's intervals for 165 events are about as wide as those "
    "published.",
)

# %% [markdown]
# The lengths of the lines tell how many events there must have been: one or two hundred, not thousands. With
# so few, what can the table decide? The network ("Algorithm") has 0.70, five questions to the patient 0.72,
# both together 0.73. All were computed on the *same* people. Two scores of the same people go up and down
# together, and how closely they do so decides how sure a *difference* is. We simulate two scores with AUC
# 0.72 and 0.73, 130 events among 12,000, and let the **correlation** of the scores vary.


# %%
def beaten(score, event):
    """Return for each person with an event the share of the others whose score is lower."""
    return np.searchsorted(np.sort(score[~event]), score[event]) / np.sum(~event)


event = np.arange(12000) < 130
gap = {}
for correlation in (0.0, 0.5, 0.9, 0.99, 0.999):
    random = np.random.default_rng(SEED)
    first, fresh = random.normal(size=(2, 12000))
    second = correlation * first + np.sqrt(1 - correlation**2) * fresh
    difference = beaten(second + 0.867 * event, event) - beaten(first + 0.824 * event, event)
    low, high = cl.metrics.bootstrap_interval(difference, np.mean, seed=SEED)
    gap[correlation] = high - low
    print(f"correlation {correlation:5}: gain {difference.mean():+.3f}, {low:+.3f} to {high:+.3f} (95 %)")

# %% [markdown]
# The printed intervals would be the same in all five lines; the answer is not. (We drew the events only; the
# many others add little.) Whether 0.73 is better than 0.72 cannot be read off two intervals: not from "they
# overlap", and not from "0.73 is more". It takes the people, or a **paired** interval in the paper.

# %% [markdown]
# ### Exercise 03.5 · audit · optional · about 8 minutes · difficulty 3 of 5
#
# Audit a table like this one by its arithmetic. Return a dictionary with three entries:
#
# - `"slips"`: the numbers, from 0, of rows whose interval cannot be right. The interval of an AUC in the
#   middle range is about symmetric: with two decimals, let its two arms differ by at most 0.02
# - `"gain"`: the AUC of the model called `combined` minus that of the model called `alone`
# - `"verdict"`: what the two rows say about new people: `"combined is better"`, `"equal"` or `"cannot tell"`
#
# The rows are as in `RETINA`; other tables come too. Example: `audit(RETINA, combined="Algorithm + SCORE",
# alone="SCORE")["gain"]` is `0.0`.


# %%
# EXERCISE 03.5
def audit(rows, combined, alone):
    """Return the slips, the gain and the verdict of a table of (model, AUC, low, high)."""
    ### BEGIN SOLUTION
    slips = [
        number
        for number, (_, auc, low, high) in enumerate(rows)
        if abs((high - auc) - (auc - low)) > 0.02 + 1e-9
    ]
    by_name = {model: auc for model, auc, _, _ in rows}
    return {"slips": slips, "gain": by_name[combined] - by_name[alone], "verdict": "cannot tell"}
    ### END SOLUTION


# %%
cl.check("03.5", audit)

# %%
# cl.hint("03.5")

# %% [markdown]
# Two rows of the table are called "Algorithm", with the same AUC and two intervals. One model on the same
# people has one, by one method. The second, 0.69 to 0.74, reaches 0.01 down and 0.04 up; its lower end is
# that of the row two lines below. We can say what does not add up, not how it came about. (The post's list
# of references does not add up either: numbers 9 and 11 are one paper.)
#
# Later, others rebuilt the image network on the same cohort, with a split of their own (Y. Qian and
# colleagues, BMJ Open 2024, table 3): images alone 0.662 (0.632 to 0.694); logistic regression on ten risk
# factors 0.758 (0.729 to 0.784); a neural network on the same ten 0.763 (0.734 to 0.790). The last two are
# this lesson in one line: the same table, a regression and a network, and a difference of

# %%
print(f"{0.763 - 0.758:.3f}, with intervals of ± {(0.790 - 0.734) / 2:.3f} and ± {(0.784 - 0.729) / 2:.3f}")

# %% [markdown]
# ## Where it fails
#
# "Regression is as good" was found on tables of a few hundred rows, with columns that experts had chosen
# because each says something by itself. Take that away, and the regression is lost, with any amount of data:

# %%
random = np.random.default_rng(SEED)
points = random.uniform(-1, 1, size=(900, 2))
same_sign = (points[:, 0] * points[:, 1] > 0).astype(int)  # the outcome is in neither column alone
crossed = {}
for name, family in classifiers.items():
    valid, answers = search(family, log_loss, points[:600], same_sign[:600], points[600:])
    crossed[name] = np.mean((answers[valid.argmin()] > 0) == same_sign[600:])
    print(f"{name}: accuracy {crossed[name]:.2f} on 300 new points")

# %% [markdown]
# Two columns and a sign: a network learns it, no weighted sum can. (Somebody who knew could hand the
# regression the product as a third column.) Pixels, sequences and graphs are of this kind: the outcome lies
# in arrangements, and nobody can name the columns. That is where this course goes next. And in tables the
# fairest opponents of a network are ensembles of trees, which nobody has asked so far.

# %% [markdown]
# ### Optional: a table on which the regression loses
#
# How much of a substance dissolves in water, for the molecules that J. S. Delaney collected in 2004
# (*ESOL*), and six numbers about each. This table does not come with a package: it is fetched once, from a
# mirror or from its publisher. Where it cannot be had, the next cell says so, and the others of this
# section do nothing.

# %%
try:
    esol = cl.load("esol")
except cl.CourseError as error:
    esol = None
    print(f"This section stays empty. {error}")
else:
    print(f"columns: {', '.join(esol.input_names)}; then solubility in {esol.units['solubility']}")
    for row in (1, 4, 7):
        told = "  ".join(f"{value:6.4g}" for value in (*esol.inputs[row], esol.targets[row]))
        print(f"{esol.extras['names'][row]:20} {told}")
    print(f"{len(esol.targets)} molecules, solubility {esol.targets.min():.1f} to {esol.targets.max():.1f}")

# %% [markdown]
# Ridge and the network search as in section 3. Two opponents more: ridge on the six columns, *their squares
# and products*, a regression that may bend; and a **random forest**, the mean of a hundred decision trees,
# as it comes, without any search. Each molecule is predicted once, in three folds.
#
# Which folds? At random (rows of the same molecule kept together), most molecules have a close relative
# among those trained on. So we ask a second time with whole **scaffolds** kept together: the rings of a
# molecule and what joins them.

# %%
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import PolynomialFeatures


def bending_ridge_regressions(inputs, targets, new_inputs):
    bend = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False))  # 6 columns become 27
    return ridge_regressions(bend.fit_transform(inputs), targets, bend.transform(new_inputs))


def searched(family):
    """Return a function that tunes a family and gives the answers of the candidate that was chosen."""

    def answer(inputs, targets, new_inputs):
        valid, answers = search(family, squared, inputs, targets, new_inputs)
        return answers[valid.argmin()]

    return answer


opponents = {
    "ridge": searched(ridge_regressions),
    "ridge that bends": searched(bending_ridge_regressions),
    "network": searched(network_regressions),
    "forest, no search": lambda known, targets, new: (
        RandomForestRegressor(random_state=SEED).fit(known, targets).predict(new)
    ),
}

# %%
of_molecule = {}  # (what is kept together, opponent): squared errors, one for each molecule
if esol is not None:
    described, solubility = esol.inputs.astype(float), esol.targets.astype(float)
    for kept in ("molecule", "scaffold"):
        folds = GroupKFold(3, shuffle=True, random_state=SEED)
        for fit_rows, rest in folds.split(described, groups=esol.groups[kept]):
            fit_rows = np.random.default_rng(SEED).permutation(fit_rows)
            for name, answer in opponents.items():
                errors = of_molecule.setdefault((kept, name), np.empty(len(solubility)))
                found_here = answer(described[fit_rows], solubility[fit_rows], described[rest])
                errors[rest] = (found_here - solubility[rest]) ** 2
    print("root mean squared error (log10 of mol/L)    new molecules   new scaffolds")
    for name in opponents:
        by_kept = [np.sqrt(of_molecule[kept, name].mean()) for kept in ("molecule", "scaffold")]
        print(f"{name:43} {by_kept[0]:13.2f} {by_kept[1]:15.2f}")
    published = np.sqrt(np.mean((esol.extras["delaney"] - solubility) ** 2))
    print(f"Delaney's own column, fitted to some of them {published:12.2f}")

# %% [markdown]
# The differences, paired molecule by molecule; scaffolds are drawn anew, because molecules of one scaffold
# are no independent cases.

# %%
if esol is not None:
    for first, second in (
        ("ridge", "network"),
        ("ridge that bends", "network"),
        ("network", "forest, no search"),
    ):
        for kept in ("molecule", "scaffold"):
            gain = of_molecule[kept, first] - of_molecule[kept, second]
            low, high = cl.metrics.bootstrap_interval(
                gain, np.mean, seed=SEED, groups=esol.groups["scaffold"], resamples=500
            )
            told = f"{gain.mean():+.2f}, {low:+.2f} to {high:+.2f} (95 %)"
            print(f"{first} minus {second}, new {kept}s: mean squared error {told}")

# %% [markdown]
# Six columns, more rows than before, and the weighted sum loses. Most of the loss is made good by letting
# it bend, without any network. A forest that nobody tuned is no worse than the tuned network, and with new
# scaffolds all of them do worse. Delaney's own model is a regression too: on four columns, of which two are
# not in this table (how a molecule divides itself between octanol and water, calculated, and the aromatic
# share of its atoms). Its number is a little flattered, being fitted to some of the molecules; still,
# better columns may do as much for a regression as a forest does.
#
# "Especially if the problem is linear in nature", said the sentence on trial. A table's size does not tell
# whether it is. A comparison does.

# %%
if esol is not None:
    rmse = {name: np.sqrt(of_molecule["molecule", name].mean()) for name in opponents}
    cl.claim(
        "on new molecules ridge is as good as a network tuned as hard, to 0.1 in log10 of mol/L",
        rmse["ridge"] - rmse["network"],
        "<=",
        0.1,
        expect="fails",
        because="0.1 is a factor of 1.26 in the amount that dissolves, which a chemist would notice",
    )
    cl.claim(
        "most of what ridge loses to the network comes back with squares and products of its columns",
        rmse["ridge"] - rmse["ridge that bends"],
        ">",
        rmse["ridge that bends"] - rmse["network"],
        because="most means more than half",
    )

# %% [markdown]
# ## Claims
#
# **1 · The prior belongs into the formula.**

# %%
equal = np.full(3, 1 / 3)
cl.claim(
    "with equal priors the printed formula is Bayes' theorem",
    np.abs(of_buyers(likelihood, equal) - printed).max(),
    "<=",
    1e-12,
    because="rounding only",
)
cl.claim(
    "on new purchases the printed formula needs no more bits than Bayes with a counted prior",
    bits["printed formula"].mean(),
    "<=",
    bits["Bayes, prior counted"].mean(),
    expect="fails",
    because="the same purchases, the same likelihoods",
)
cl.claim(
    "counting who buys saves, in bits per purchase",
    saved.mean(),
    ">",
    0,
    margin=0.2,
    because="a fifth of a bit is a tenth of what the simulator's truth saves over knowing nothing",
)

# %% [markdown]
# **2 · PCA never looks at the outcome.**

# %%
cl.claim(
    "nine components with nearly all the variance find what contributes to the outcome",
    by_components[8],
    ">",
    0.6,
    expect="fails",
    because="0.6 is the least that one would call a finding on 1000 test rows",
)
cl.claim(
    "one number by LDA beats one component by PCA",
    one_accuracy["LDA"],
    ">",
    max(one_accuracy["PCA"], one_accuracy["PCA of scaled columns"]),
    margin=0.3,
    because="three in ten outcomes, far beyond the luck of 1000 test rows",
)
cl.claim(
    "on the digits twenty components are as good as all 64, to 0.03",
    digit_accuracy[64] - digit_accuracy[20],
    "<=",
    0.03,
    because="about two standard errors of an accuracy near 0.9 on these test pictures",
)

# %% [markdown]
# **3 · The network loses, until somebody tunes it.**

# %%
ridge_60, _, untuned_60 = (of_name[60].mean() for of_name in curve.values())
ridge_290, tuned_290, _ = (of_name[290].mean() for of_name in curve.values())
cl.claim(
    "with 60 patients the network without decay is worse than ridge, in R²",
    untuned_60 - ridge_60,
    ">",
    0,
    margin=0.1,
    because="a tenth of the variance is a fifth of all that ridge explains",
)
loss_20 = curve["network, no decay"][20].mean() - curve["ridge"][20].mean()
cl.claim(
    "with 20 patients most of what the network loses to ridge is lost for want of tuning, in R²",
    loss_20 - deficit,
    ">",
    deficit,
    because="most means more than half",
)
cl.claim(
    "with 290 patients ridge is clearly more accurate than a network tuned as hard, in R²",
    tuned_290 - ridge_290,
    ">",
    0.05,
    expect="fails",
    because="0.05 is about twice what other patients would change (half the width of the interval)",
)
furthest = max(
    abs(cases.mean())
    for (data, _, name), cases in differences.items()
    if data == "masses, accuracy" and name == "network, tuned"
)
cl.claim(
    "on the masses no tuned network is further than 0.03 in accuracy from logistic regression",
    furthest,
    "<=",
    0.03,
    because="0.03 are six of 190 test masses",
)
cl.claim(
    "the sign of a coefficient says how its column goes with the outcome (s1)",
    coefficients[4] * correlations[4],
    ">",
    0,
    expect="fails",
    because="both signs are those of all 442 patients",
)

# %% [markdown]
# **4 · A score is not yet a probability**, and a test is not yet an answer.

# %%
cl.claim(
    "the network without decay pays for being too sure, in log loss",
    fast_loss["network, no decay"],
    ">",
    min(fast_loss["logistic"], fast_loss["network, tuned"]),
    margin=0.03,
    because="a twentieth of what one pays who gives everybody the share alone",
)
cl.claim(
    "it was too sure: with its log-odds halved the same network has a smaller log loss",
    fast_loss["no decay, halved"],
    "<",
    fast_loss["network, no decay"],
    margin=0.03,
    because="the same twentieth; neither the order of the patients nor the side of an answer has changed",
)
cl.claim(
    "the alarm that is mostly right at 37 % is mostly right in a screening",
    screening,
    ">",
    0.5,
    expect="fails",
    because="the same sensitivity and specificity, by Bayes' theorem",
)

# %% [markdown]
# **5 · Events make an AUC sure, and only pairs make a difference sure.**

# %%
fewest, most = min(half_widths), max(half_widths)
cl.claim(
    "six times the people with the same events make the interval half as wide",
    half_widths[most],
    "<",
    0.5 * half_widths[fewest],
    expect="fails",
    because="if people counted as events do, it would be 1/√6 = 0.41 times as wide",
)
cl.claim(
    "counting 12,000 people as events makes the formula's interval too narrow, by a factor",
    hanley_mcneil(0.70, 165, 12000 - 165) / hanley_mcneil(0.70, 12000, 12000),
    ">",
    1,
    margin=4,
    because="five times too narrow turns any difference in the table into a discovery",
)
cl.claim(
    "of two scores of the same people the difference is surer the more alike they are",
    gap[0.0],
    ">",
    5 * gap[0.999],
    because="same AUCs, same events; only the correlation of the scores changes",
)

# %% [markdown]
# ## Further reading
#
# - M. Raghu, E. Schmidt, [A Survey of Deep Learning for Scientific
#   Discovery](https://arxiv.org/abs/2003.11755) (2020), section 2: when to begin with something simpler, in
#   the words that Dickson's post reports.
# - L. Grinsztajn, E. Oyallon, G. Varoquaux, [Why do tree-based models still outperform deep learning on
#   tabular data?](https://arxiv.org/abs/2207.08815) (2022): equal search budgets on 45 tables, with the
#   opponent that is missing here.
# - J. A. Hanley, B. J. McNeil, [The meaning and use of the area under a receiver operating characteristic
#   (ROC) curve](https://doi.org/10.1148/radiology.143.1.7063747), Radiology 143, 29 (1982): the pairs, and
#   the formula.
# - E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, [Comparing the areas under two or more correlated
#   receiver operating characteristic curves](https://doi.org/10.2307/2531595), Biometrics 44, 837 (1988): the
#   paired interval, without a bootstrap.
# - J. S. Delaney, [ESOL: estimating aqueous solubility directly from molecular
#   structure](https://doi.org/10.1021/ci034243x), J. Chem. Inf. Comput. Sci. 44, 1000 (2004): a regression
#   on four columns, chosen by somebody who knew.
# - R. Poplin and others, [Prediction of cardiovascular risk factors from retinal fundus photographs via deep
#   learning](https://doi.org/10.1038/s41551-018-0195-0), Nature Biomedical Engineering 2, 158 (2018): the
#   table of section 5, in its place.
# - Y. Qian and others, [Is cardiovascular risk profiling from UK Biobank retinal images using explicit deep
#   learning estimates of traditional risk factors equivalent to actual risk
#   measurements?](https://bmjopen.bmj.com/content/14/10/e078609), BMJ Open 14, e078609 (2024): images and
#   risk factors, compared on one cohort.
