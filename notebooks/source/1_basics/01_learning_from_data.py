# %% [markdown]
# ## The question
#
# When may a pattern in past data be trusted with the future? A set of slides for biologists says what
# learning is: to "tune a mathematical model using some training data to make predictions on unknown, new
# data", and adds: "You can do (statistical) learning in your head!" (F. Biscarini and N. Nazzicari, *Deep
# learning for biologists*).
#
# We put both sentences on trial, four times: on four points, on a measurement whose future has happened
# since, on handwritten digits, and on 5000 genes that know nothing. Each time the model fits its training
# data well. Each time we ask what that was worth.

# %% [markdown]
# ## Goals
#
# By the end you can
#
# 1. **show** that a perfect fit leaves the future open;
# 2. **make** a forecast that has not seen what it forecasts, and choose between models without looking ahead;
# 3. **say** which future an accuracy speaks about, and what its ± covers;
# 4. **find** and mend a leak that makes a diagnosis out of noise.
#
# Section numbers match the goals; each goal is answered by a claim near the end.

# %% [markdown]
# ## Set-up
#
# The first cell holds what you may change. The second makes it so, and says what it chose and why. The models
# of this lesson are so small that a GPU would only slow them down; "full" means more simulated studies.

# %% tags=["parameters"]
SEED: int = 0  # every random number of this lesson follows from it
PROFILE: str = "auto"  # "quick" (CPU, minutes), "full" (GPU), or "auto"

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.polynomial import Polynomial

import course_lib as cl

profile = cl.pick_profile(PROFILE)
cl.seed_everything(SEED)
device = cl.pick_device("cpu")
cl.plots.use_style()

# %% [markdown]
# ## 1 · Four points
#
# The slide asks:
#
# > - The first edition of this course gets 10 students
# > - The second edition gets 20 students
# > - The third edition gets 40 students
# > - The fourth edition gets 80 students
# > - How many students in the sixth edition?
#
# Put your answer in place of `None`. You need no computer. It is compared with the slide's own answer, since
# nobody can look up the true one.

# %%
MY_GUESS = None  # students in the sixth edition
cl.compare(MY_GUESS, 320, unit="students")

# %% [markdown]
# The slide gives a model, `STUD = 10 × 2 exp(YEAR - 1)`, and its prediction, "STUDENTS IN SIXTH EDITION =
# 320". The four editions are the **training data**: examples with known answers, from which a model's free
# numbers are set. Does the formula, as printed, predict 320?

# %%
editions = np.array([1.0, 2.0, 3.0, 4.0])
students = np.array([10.0, 20.0, 40.0, 80.0])
print(f"10 × 2 exp(6 - 1), read letter by letter: {10 * 2 * np.exp(6 - 1):7.1f} students")
print(f"10 × 2^(6 - 1), as it must be meant:      {10 * 2 ** (6 - 1):7.1f} students")

# %% [markdown]
# So `exp` stands for "to the power of". Whoever read it like that already knew the answer: doubling.
#
# A computer is told nothing of doubling. We give it three kinds of curve, let **least squares** choose the
# coefficients (the smallest sum of squared errors on the four points), and read off edition 6. **Predict
# first:** which of the three has the smallest **training error**, the error on the points that it was fitted
# to?


# %%
def rmse(errors):
    """Return the root mean square of `errors`, in their own unit."""
    return np.sqrt(np.mean(np.square(errors)))


curves = {
    name: Polynomial.fit(editions, students, degree)
    for degree, name in enumerate(("line", "quadratic", "cubic"), 1)
}
for name, curve in curves.items():
    error = rmse(curve(editions) - students)
    print(f"{name:9}  training error {error:4.1f} students   edition 6: {curve(6.0):5.1f} students")

# %% [markdown]
# The cubic passes through all four points: its training error is zero, as it must be with four coefficients
# for four points. It does not predict 320.

# %% [markdown]
# ### Exercise 01.1 · complete · about 4 minutes · difficulty 1 of 5
#
# Teach the computer to double, without telling it the factor two: fit a **straight line to the logarithm** of
# the students, by least squares, and undo the logarithm at the end.
#
# - `editions`, `students`: arrays of shape (B,), one entry for each of B editions; these need not start at 1
#   nor follow each other closely
# - `new_edition`: a number
# - returns: the predicted number of students, a float (keep the fraction)
#
# Example: for the four points of the slide and `new_edition=6` it returns `320.0`.


# %%
# EXERCISE 01.1
def predict_growth(editions, students, new_edition):
    """Return the students expected in `new_edition` by a straight line through the logarithms."""
    ### BEGIN SOLUTION
    line = Polynomial.fit(editions, np.log(students), 1)
    return float(np.exp(line(new_edition)))
    ### END SOLUTION


# %%
cl.check("01.1", predict_growth)

# %%
# cl.hint("01.1")

# %% [markdown]
# ### A network, too
#
# Now a small **neural network**: two layers of 32 units, each unit a weighted sum cut off below zero (a
# **ReLU**, rectified linear unit), and one last sum. Lesson 02 opens the box; here it is one more curve with
# free numbers, set by small corrections instead of a formula. It starts from random numbers, so we train
# five.


# %%
def small_network():
    return torch.nn.Sequential(
        torch.nn.Linear(1, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 1),
    )


x = torch.tensor(editions - 2.5, dtype=torch.float32)[:, None]  # (4, 1), centred on zero
y = torch.tensor(students / 80, dtype=torch.float32)[:, None]  # (4, 1), at most 1
networks = [small_network() for _ in range(5)]
fitting = {"loss": torch.nn.functional.mse_loss, "epochs": 500, "learning_rate": 0.01, "batch_size": 4}
for network in networks:
    cl.fit(network, (x, y), **fitting, device=device, progress=False)

# %% [markdown]
# What do the five say about edition 6, and how well do they fit the four points?


# %%
def ask(network, edition):
    """Return the students that `network` expects in each edition of an array."""
    with torch.no_grad():
        return 80 * network(torch.tensor(edition - 2.5, dtype=torch.float32)[:, None])[:, 0].numpy()


network_errors = [rmse(ask(network, editions) - students) for network in networks]
network_sixth = np.array([ask(network, np.array([6.0]))[0] for network in networks])
print(f"training error: at most {max(network_errors):.2f} students")
spread = network_sixth.std(ddof=1)
print(f"edition 6:      {network_sixth.mean():.0f} ± {spread:.0f} students (sd of 5 starts)")

# %% [markdown]
# All ideas in one picture. The doubling curve is the log-linear fit of exercise 01.1.

# %%
log_line = Polynomial.fit(editions, np.log2(students), 1)
curves["doubling"] = lambda edition: 2 ** log_line(edition)

fig, ax = plt.subplots()
fine = np.linspace(1, 6, 101)
for network in networks:
    ax.plot(fine, ask(network, fine), color=cl.plots.PALETTE[5], linewidth=1)
ax.text(6.08, network_sixth.mean(), "5 networks", color=cl.plots.PALETTE[5], va="center")
for number, (name, curve) in enumerate(curves.items()):
    ax.plot(fine, curve(fine), color=cl.plots.PALETTE[number], linestyle=("-", "--", "-.", ":")[number])
    ax.text(6.08, curve(6.0), f"{name}, {curve(6.0):.4g}", color=cl.plots.PALETTE[number], va="center")
ax.plot(editions, students, "ko", zorder=3)
ax.set(xlabel="edition", ylabel="students", xlim=(0.8, 7.8), xticks=range(1, 7))
cl.show(
    fig,
    alt="Line plot of students against edition: all curves but the line pass close to four training points, "
    f"and they fan out to between {curves['line'](6.0):.0f} and {curves['doubling'](6.0):.0f} students at "
    "edition 6.",
)

# %% [markdown]
# Up to edition 4 all but the line are hard to tell apart; at edition 6 the highest is nearly three times the
# lowest. Cutting sums off below zero makes a curve of straight pieces. Beyond the last kink it goes straight
# on, whatever it has learnt before: that is *this network's* idea of the future. Doubling is another, and it
# came from us. What a model assumes before it sees data is its **inductive bias**. Four points cannot choose
# between them.

# %% [markdown]
# ### As many futures as you like
#
# Add to the doubling curve $c\,(x-1)(x-2)(x-3)(x-4)$. The product is zero at each of the four editions, so
# the training error stays zero for *every* $c$. Move $c$: which value leaves edition 6 empty? The slider only
# comes close; work out the exact value.


# %%
def draw_future(c=-2.0):
    """Draw the curve through all four points that belongs to `c`."""
    ax = plt.subplots()[1]
    extra = c * (fine - 1) * (fine - 2) * (fine - 3) * (fine - 4)
    ax.plot(fine, curves["doubling"](fine), linestyle=":", color=cl.plots.PALETTE[3], label="doubling")
    ax.plot(fine, curves["doubling"](fine) + extra, color=cl.plots.PALETTE[0], label="doubling + c × product")
    ax.plot(editions, students, "ko", zorder=3)
    ax.set(xlabel="edition", ylabel="students", ylim=(-200, 850))
    ax.legend(loc="upper left")
    ax.set_title(f"c = {c:.1f}: training error 0, edition 6 has {320 + 120 * c:.0f} students")
    return ax


cl.slider(
    draw_future,
    c=(-4.0, 4.0, 0.5),
    alt=lambda c: (
        f"Line plot of students against edition: with c = {c:.1f} the curve passes through all four points "
        f"and predicts {320 + 120 * c:.0f} students for edition 6."
    ),
)

# %% [markdown]
# Edition 6 has 320 + 120 c students: for c = −8/3 nobody comes, and the fit is as perfect as before. "It
# passes through all the points" is no reason to believe what comes after them.

# %% [markdown]
# ### Exercise 01.5 · design · about 8 minutes · difficulty 3 of 5
#
# *Optional.* Do it for any data. Return a *function* that passes through every point exactly and predicts
# just what you are told to predict.
#
# - `editions`, `students`: arrays of shape (B,), in any order; `edition`: a number not among the editions
# - `target`: the number of students that your model shall predict for `edition`
# - returns: a function that takes one edition and returns one number of students
#
# Example: `any_future(editions, students, edition=6, target=0)(4)` is `80.0`, and the same function at `6`
# gives `0.0`. There are many right answers, some of them shameless.


# %%
# EXERCISE 01.5
def any_future(editions, students, *, edition, target):
    """Return a model with zero training error that predicts `target` for `edition`."""
    ### BEGIN SOLUTION
    through = Polynomial.fit(editions, students, len(editions) - 1)

    def vanishing(x):
        return np.prod(x - np.asarray(editions))

    c = (target - through(edition)) / vanishing(edition)
    return lambda x: through(x) + c * vanishing(x)
    ### END SOLUTION


# %%
cl.check("01.5", any_future)

# %%
# cl.hint("01.5")

# %% [markdown]
# ## 2 · A future that has happened
#
# ### The data
#
# Since March 1958 the carbon dioxide in the air has been measured on Mauna Loa, Hawaii, in **ppm** (parts per
# million: molecules of CO₂ per million molecules of dry air). This copy ends in 2001. So we can stand in the
# year 1980, forecast the years to 2001, and look up what happened. Every dataset of the course has a
# **card**, which says where it comes from, what is wrong with it, and how it may be cut. (We cut by hand
# here.)

# %%
co2 = cl.load("co2_weekly")
co2.describe()

# %% [markdown]
# Two things are wrong with these data for our purpose. The plants of the northern half of the Earth take up
# CO₂ in summer and give it back in winter, so the values swing within each year. And weeks are missing, also
# in a row: an average over a year that lacks its spring is too low. So we average each twelfth of a year
# first, then the twelve, and keep only years in which all twelve were measured.

# %%
week = co2.inputs[:, 0].astype(float)  # decimal years, (B,)
twelfth, position = np.unique(np.floor(week * 12).astype(int), return_inverse=True)
twelfth_ppm = np.bincount(position, co2.targets) / np.bincount(position)

all_years, twelfths_measured = np.unique(twelfth // 12, return_counts=True)
all_ppm = np.bincount(twelfth // 12 - all_years[0], twelfth_ppm) / twelfths_measured
whole = twelfths_measured == 12
year, ppm = all_years[whole].astype(float), all_ppm[whole]  # (T,), (T,)
swings = [np.ptp(twelfth_ppm[twelfth // 12 == number]) for number in year]  # within each year
print(f"swing within a year: {np.mean(swings):.1f} ppm ({min(swings):.1f} to {max(swings):.1f} ppm)")
print(f"left out, not measured all the year: {', '.join(map(str, all_years[~whole]))}")
print(
    f"{len(year)} annual means, from {ppm[0]:.1f} ppm in {year[0]:.0f} to {ppm[-1]:.1f} ppm in {year[-1]:.0f}"
)

# %%
fig, ax = plt.subplots()
ax.plot(week, co2.targets, ".", markersize=1.5, color="0.6", label="weeks")
ax.plot(year + 0.5, ppm, "o", markersize=4, color=cl.plots.PALETTE[0], label="annual means")  # at mid-year
ax.axvline(1981, color="0.3", linestyle="--", linewidth=1)
ax.text(1980.5, 368, "seen", ha="right")
ax.text(1981.5, 368, "future")
ax.set(xlabel="year", ylabel="CO₂ at Mauna Loa (ppm)")
ax.legend(loc="lower right", markerscale=2)
cl.show(
    fig,
    alt="Scatter plot of carbon dioxide in ppm against year, 1958 to 2001: weekly values swing around annual "
    "means that rise faster and faster, with the training years up to 1980 marked.",
)

# %% [markdown]
# The annual means rise, and the rise grows a little steeper. Left of the dashed line is what a model may see;
# right of it is the **test set**: data kept aside to be predicted, and used for nothing else.

# %% [markdown]
# ### Exercise 01.2 · complete · about 6 minutes · difficulty 2 of 5
#
# Write the forecast. Fit a polynomial by least squares to the years up to and with `last_seen`, predict the
# year `target`, and return **prediction minus measurement** in ppm.
#
# - `years`, `ppm`: arrays of shape (T,), one entry for each of T years, not necessarily in order of time;
#   `target` is one of the years
# - `degree`, `last_seen`, `target`: whole numbers
# - returns: the error in ppm, a float; positive if the forecast is too high
#
# Example: `forecast_error(year, ppm, degree=1, last_seen=1980, target=2001)` returns about `-11.9`: the
# straight line ends 11.9 ppm too low. (`Polynomial.fit` scales the years itself, so that 2001⁵ does no harm.)


# %%
# EXERCISE 01.2
def forecast_error(years, ppm, *, degree, last_seen, target):
    """Return the error in ppm of a forecast for `target`, made at the end of the year `last_seen`."""
    ### BEGIN SOLUTION
    seen = years <= last_seen
    curve = Polynomial.fit(years[seen], ppm[seen], degree)
    measured = ppm[years == target][0]
    return float(curve(target) - measured)
    ### END SOLUTION


# %%
cl.check("01.2", forecast_error)

# %%
# cl.hint("01.2")

# %% [markdown]
# Now all degrees from 0 to 7, fitted to the years up to 1980. **Predict first:** the training error can only
# fall with the degree. Which degree has the smallest error in the years 1981 to 2001?

# %%
MY_DEGREE = None  # a whole number from 0 to 7
past, future = year <= 1980, year > 1980
degrees = np.arange(8)
fits = [Polynomial.fit(year[past], ppm[past], degree) for degree in degrees]
past_error = np.array([rmse(curve(year[past]) - ppm[past]) for curve in fits])
future_error = np.array([rmse(curve(year[future]) - ppm[future]) for curve in fits])
forecast_2001 = np.array([curve(2001.0) for curve in fits])
for degree in degrees:
    row = f"fitted years {past_error[degree]:4.2f} ppm, 1981-2001 {future_error[degree]:6.1f} ppm"
    print(f"degree {degree}: error on {row}; forecast for 2001: {forecast_2001[degree]:7.1f} ppm")
cl.compare(MY_DEGREE, int(future_error.argmin()))

# %%
fig, ax = plt.subplots()
ax.semilogy(degrees, past_error, **cl.plots.TRAIN_STYLE, label="1959–1980, fitted")
ax.semilogy(degrees, future_error, **cl.plots.VALID_STYLE, label="1981–2001, forecast")
ax.set(xlabel="degree of the polynomial", ylabel="root mean square error (ppm)")
ax.legend()
cl.show(
    fig,
    alt="Line plot of error in ppm on a log scale against polynomial degree: the error on fitted years falls "
    f"slowly, the forecast error falls until degree {future_error.argmin()} and then rises more than "
    "a hundredfold.",
)

# %% [markdown]
# The lower curve never rises. The upper one falls, turns, and climbs by orders of magnitude. A low degree
# that misses the bend **underfits**. And degree 5: is it a bad description of the years up to 1980? Leave out
# one of these years at a time, fit the others, and ask for the one left out.

# %%
seen_year, seen_ppm = year[past], ppm[past]
left_out_error = np.empty(len(degrees))
for degree in degrees:
    errors = []
    for row in range(len(seen_year)):
        curve = Polynomial.fit(np.delete(seen_year, row), np.delete(seen_ppm, row), degree)
        errors.append(curve(seen_year[row]) - seen_ppm[row])
    left_out_error[degree] = rmse(errors)
between = int(left_out_error.argmin())
for degree in degrees:
    print(f"degree {degree}: error on the year left out {left_out_error[degree]:.2f} ppm")
print(f"best on years left out: degree {between}, which forecasts {forecast_2001[between]:.0f} ppm for 2001")

# %% [markdown]
# *Between* the years that it saw, degree 5 is as good as any. It fails *outside* them, where nothing holds
# it: that is **extrapolation**. (To follow the accidents of the training data is **overfitting**; section 4
# shows what it can do.) Leaving out years one by one, or at random, asks about gaps in the past. A forecast
# asks something else.

# %% [markdown]
# ### Choosing without looking ahead
#
# Reading the best degree off the figure would be cheating: in 1980 nobody has the upper curve. But the past
# can play the future. Stand in 1970, forecast 1971 to 1980, and take the degree that does best in this
# rehearsal. Data kept aside for choosing are a **validation set**. Then refit on everything up to 1980.
#
# Beside it stand two forecasts that need no choosing, the **baselines**: the value of the last year for ever,
# and a straight line through the last five years.


# %%
def last_value(seen):
    """Return the forecast that the last year's mean stays; `seen` marks the years."""
    return lambda later: np.full(len(later), ppm[seen][-1])


def last_five_years(seen):
    """Return the straight line through the last five years."""
    return Polynomial.fit(year[seen][-5:], ppm[seen][-5:], 1)


early, rehearsal = year <= 1970, (year > 1970) & (year <= 1980)
rehearsal_error = np.array(
    [rmse(Polynomial.fit(year[early], ppm[early], d)(year[rehearsal]) - ppm[rehearsal]) for d in degrees]
)
chosen = int(rehearsal_error.argmin())
forecasts = {
    f"degree {chosen}, chosen": lambda seen: Polynomial.fit(year[seen], ppm[seen], chosen),
    "last five years": last_five_years,
    "last value": last_value,
}
spans = {"1971-80": (early, rehearsal), "1981-90": (past, (year > 1980) & (year <= 1990))}
spans["1991-01"] = past, year > 1990
error = {  # error[forecast][span], ppm
    name: {span: rmse(forecast(seen)(year[rows]) - ppm[rows]) for span, (seen, rows) in spans.items()}
    for name, forecast in forecasts.items()
}
print("error in ppm      rehearsal   " + "   ".join(list(spans)[1:]))
for name, of_name in error.items():
    print(f"{name:18}" + "".join(f"{value:10.1f}" for value in of_name.values()))

# %%
fig, ax = plt.subplots()
ahead, recent = np.linspace(1959, 2001, 200), np.linspace(1976, 2001, 50)
ax.plot(year + 0.5, ppm, "o", markersize=4, color="0.5", label="measured")
ax.plot(ahead + 0.5, fits[chosen](ahead), "--", color=cl.plots.PALETTE[1], label=f"degree {chosen}, chosen")
ax.plot(ahead + 0.5, fits[5](ahead), "-.", color=cl.plots.PALETTE[2], label="degree 5")
ax.plot(recent + 0.5, last_five_years(past)(recent), color=cl.plots.PALETTE[0], label="line, last five years")
ax.plot([1980.5, 2001.5], [ppm[past][-1]] * 2, ":", color=cl.plots.PALETTE[3], label="last value")
ax.axvline(1981, color="0.3", linestyle="--", linewidth=1)
ax.set(xlabel="year", ylabel="CO₂ at Mauna Loa (ppm)", ylim=(310, 400))
ax.legend(loc="upper left")
cl.show(
    fig,
    alt="Line plot of carbon dioxide in ppm against year with four forecasts made in 1980: the line through "
    f"the last five years stays close, degree {chosen} ends too high, the last value stays far below, and "
    "degree 5 leaves the picture before 1990.",
)

# %% [markdown]
# The rehearsal keeps us from the disaster: degree 5 leaves the picture within ten years. In the ten years
# that it rehearsed, the chosen curve is right to about 1 ppm, as promised. In the eleven after, it is not:
# around 1990 the rise stopped growing steeper. **A rehearsal of ten years speaks for ten years.**
#
# The line through five years, which forgets all the rest, did as well in the rehearsal and far better
# afterwards. Could one have known? Here are all rehearsals of ten years that 1980 allows. (The degree was
# chosen in the last of them, which is in its favour.)

# %%
for cut in range(1967, 1971):
    seen, rows = year <= cut, (year > cut) & (year <= cut + 10)
    said = {name: rmse(forecast(seen)(year[rows]) - ppm[rows]) for name, forecast in forecasts.items()}
    print(f"stand in {cut}:  " + ",  ".join(f"{name} {value:.1f} ppm" for name, value in said.items()))

# %% [markdown]
# Three of the four prefer the curve, none by as much as 1 ppm. So no: the past could hardly tell the two
# apart. It could tell that both beat the last value, and that degree 5 is out of the question.

# %% [markdown]
# ## 3 · Ten pictures
#
# To forecast a quantity is **regression**. Now **classification**: which of ten digits is this? The data are
# 1797 handwritten digits of 8 × 8 pixels. A picture is **represented** as 64 numbers, the share of ink in
# each pixel. The model is the simplest one that we know: the mean picture of each digit.

# %%
digits = cl.load("digits")
images, labels = digits.inputs, digits.targets  # (B, 8, 8) ink from 0 to 1, and (B,) digits
train_images, train_labels = digits.split("train")
test_images, test_labels = digits.split("test")
print(digits)

means = np.stack([train_images[train_labels == digit].mean(axis=0) for digit in range(10)])  # (10, 8, 8)
fig = cl.plots.images(means, titles=[str(digit) for digit in range(10)], ncols=5)
cl.show(
    fig,
    alt="Ten grey images of 8 by 8 pixels: the mean training picture of each digit, blurred but readable.",
)

# %% [markdown]
# A blurred but readable alphabet. To read a new picture, compare it with each of the ten: the **squared
# distance** is the sum, over the 64 pixels, of the squared difference in ink. First one picture, in a loop:

# %%
picture = test_images[0]
by_hand = []
for digit in range(10):
    distance = 0.0
    for row in range(8):
        for column in range(8):
            distance += float(picture[row, column] - means[digit, row, column]) ** 2
    by_hand.append(distance)
print("  ".join(f"{digit}: {distance:.1f}" for digit, distance in enumerate(by_hand)))
print(f"nearest mean: {int(np.argmin(by_hand))}, written: {test_labels[0]}")

# %% [markdown]
# Then all test pictures at once, by broadcasting, and then as everybody does it, with scikit-learn's
# `NearestCentroid`. (It warns about pixels that are always blank. Such a pixel adds the same to all ten
# distances, so `VarianceThreshold` may drop it.) All three must agree.

# %% tags=["twin"]
from sklearn.feature_selection import VarianceThreshold
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline

distances = ((test_images[:, None] - means) ** 2).sum(axis=(2, 3))  # (B, 1, 8, 8) - (10, 8, 8) -> (B, 10)
vectorised = distances.argmin(axis=1)
nearest_mean = make_pipeline(VarianceThreshold(), NearestCentroid())
nearest_mean.fit(train_images.reshape(-1, 64), train_labels)
library = nearest_mean.predict(test_images.reshape(-1, 64))

np.testing.assert_allclose(distances[0], by_hand, rtol=1e-5)
np.testing.assert_array_equal(vectorised, library)
print(f"{np.mean(library == test_labels):.3f} of {len(test_labels)} test pictures are read correctly")

# %% [markdown]
# ### Exercise 01.3 · complete · about 7 minutes · difficulty 3 of 5
#
# Put the pieces together for *any* way of cutting the data: means from the training rows, distances and
# accuracy on the test rows.
#
# - `images`: shape (B, H, W); `labels`: shape (B,), whole numbers, not necessarily 0 to 9
# - `train_rows`, `test_rows`: arrays of row numbers; some rows may be in neither, and a class may have no
#   training row (its pictures then count as wrong)
# - returns: the **accuracy** on the test rows, the share of right labels, from 0 to 1
#
# Example: with the training and test rows of the cell above it returns the number printed there.


# %%
# EXERCISE 01.3
def held_out_accuracy(images, labels, *, train_rows, test_rows):
    """Return the accuracy of the nearest class mean on rows that the means have not seen."""
    ### BEGIN SOLUTION
    classes = np.unique(labels[train_rows])
    of_class = [train_rows[labels[train_rows] == kind] for kind in classes]
    class_means = np.stack([images[rows].mean(axis=0) for rows in of_class])  # (K, H, W)
    gaps = images[test_rows][:, None] - class_means  # (B, K, H, W)
    nearest = classes[(gaps**2).sum(axis=(2, 3)).argmin(axis=1)]
    return float(np.mean(nearest == labels[test_rows]))
    ### END SOLUTION


# %%
cl.check("01.3", held_out_accuracy)

# %%
# cl.hint("01.3")

# %% [markdown]
# ### In what order?
#
# Usually one shuffles before cutting. Does the order of this file carry anything? Take two pictures that
# stand $k$ places apart: how often do they show the same digit? By chance, one time in ten.

# %%
gap = np.arange(1, 300)
same = [np.mean(labels[:-k] == labels[k:]) for k in gap]
fig, ax = plt.subplots()
ax.plot(gap, same, color=cl.plots.PALETTE[0])
ax.plot([0, 300], [0.1, 0.1], color="black", linestyle="--", linewidth=1.5, zorder=3)
ax.text(305, 0.1, "chance", va="center")
ax.set(xlabel="distance in the file (pictures)", ylabel="pairs with the same digit (share)", xlim=(0, 345))
cl.show(
    fig,
    alt="Line plot of the share of picture pairs with the same digit against their distance in the file: "
    f"near 0.1 almost everywhere, with a sharp peak of {max(same):.2f} at a distance of "
    f"{gap[np.argmax(same)]} pictures.",
)

# %% [markdown]
# A sharp peak near 130 and one near 260: the same sequence of digits comes back every 130 pictures or so.
# (The small peak at 10 is the sequence's beginning, 0 to 9 and again 0 to 9.) It looks like one form that was
# filled in again and again: fourteen times, the last one not to its end. The card says that 13 people wrote
# this file, so one of them, it seems, filled in two forms; who wrote what was not noted. So neighbours in the
# file are mostly by one hand. That gives two questions: how well do we read new digits of *known* hands, and
# of *new* hands?

# %% [markdown]
# **Cross-validation** cuts the data into five **folds** and lets each be the test set once, so that every
# picture is predicted once by a model that has not seen it. *Random* folds mix all hands. *Consecutive* folds
# keep most hands together. Five models: the nearest mean; the nearest single training picture; and three that
# later lessons open: **logistic regression** (ten weighted sums of the pixels, the largest wins), a small
# **network** (sums of such sums, each cut off below zero), and a **support vector machine** (a weighted vote
# of the training pictures that lie near the borders between digits). The settings of the network are ours,
# chosen by hand; the others come as the library makes them.

# %%
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

pixels = images.reshape(-1, 64)  # (B, 64)
consecutive = list(KFold(5).split(pixels))
shuffles = [list(KFold(5, shuffle=True, random_state=1000 * SEED + k).split(pixels)) for k in range(10)]


def network_predict(inputs, targets, new_inputs):
    """Train a network with one hidden layer of 64 units and return its labels for `new_inputs`."""
    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    fitting = {"loss": torch.nn.functional.cross_entropy, "epochs": 20, "learning_rate": 3e-3}
    cl.fit(network, (inputs, targets), **fitting, device=device, progress=False)
    with torch.no_grad():
        return network(torch.tensor(new_inputs)).argmax(dim=1).numpy()


def library_predict(model):
    """Return a function that fits a scikit-learn model and returns its labels."""
    return lambda inputs, targets, new_inputs: model.fit(inputs, targets).predict(new_inputs)


models = {
    "nearest mean": library_predict(nearest_mean),
    "nearest picture": library_predict(KNeighborsClassifier(1)),
    "logistic regression": library_predict(LogisticRegression(max_iter=1000)),
    "small network": network_predict,
    "support vector machine": library_predict(SVC()),
}

# %% [markdown]
# Each model answers for all 1797 pictures, once under random and once under consecutive folds. **Predict
# first:** of 100 digits, how many fewer does logistic regression read right when the hands are new?


# %%
def read_correctly(predict, folds):
    """Return for every picture whether a model that has not seen its fold reads it: (B,) of 0 and 1."""
    correct = np.empty(len(labels))
    for train, test in folds:
        correct[test] = predict(pixels[train], labels[train], pixels[test]) == labels[test]
    return correct


MY_LOSS = None  # digits, of every 100
random_correct = {name: read_correctly(predict, shuffles[0]) for name, predict in models.items()}
blocks_correct = {name: read_correctly(predict, consecutive) for name, predict in models.items()}
lost = {name: 100 * (random_correct[name].mean() - blocks_correct[name].mean()) for name in models}
for name, digits_lost in sorted(lost.items(), key=lambda pair: pair[1]):
    print(f"{name:24} loses {digits_lost:3.1f} digits of every 100")
cl.compare(MY_LOSS, lost["logistic regression"], unit="digits")

# %%
fig, ax = plt.subplots()
known = [random_correct[name].mean() for name in models]
new = [blocks_correct[name].mean() for name in models]
ax.hlines(range(5), new, known, color="0.7", zorder=1)
ax.plot(new, range(5), "s", color=cl.plots.PALETTE[1], label="new hands")
ax.plot(known, range(5), "o", color=cl.plots.PALETTE[0], label="known hands")
for height in range(5):
    ax.text(new[height] - 0.003, height, f"{new[height]:.3f}", ha="right", va="center")
    ax.text(known[height] + 0.003, height, f"{known[height]:.3f}", va="center")
ax.set(yticks=range(5), yticklabels=list(models), xlim=(0.83, 1.02), ylim=(-0.6, 4.4))
ax.set(xlabel="accuracy on 1797 pictures (share)")
ax.grid(False)
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
cl.show(
    fig,
    alt="Dot plot of accuracy for five models under two kinds of folds: every model is less accurate on "
    "consecutive folds than on random ones.",
)

# %% [markdown]
# Every model is worse on new hands. The support vector machine leads under both kinds of folds, the nearest
# mean is last. And the simplest rule that one can think of, copy the label of the nearest training picture,
# is level with the best.

# %% [markdown]
# ### What ± means
#
# An accuracy needs a ±, and there are several. For logistic regression: the spread over ten ways of
# shuffling; the 95 % interval from drawing the *pictures* anew (**bootstrap**: sample the results with
# replacement, many times, and see how the mean moves); and the same from drawing whole *stretches* of 130
# pictures, about one hand each. (Of many intervals made like this, on many data sets, about 95 in 100 hold
# the true value.)

# %%
name = "logistic regression"
stretch = np.arange(len(labels)) // 130  # (B,)
reshuffled = [read_correctly(models[name], folds).mean() for folds in shuffles]
blocks = blocks_correct[name]
by_picture = cl.metrics.bootstrap_interval(blocks, np.mean, seed=SEED)
by_stretch = cl.metrics.bootstrap_interval(blocks, np.mean, seed=SEED, groups=stretch)
shuffle_sd = np.std(reshuffled, ddof=1)
one_shuffle = random_correct[name]
low, high = cl.metrics.bootstrap_interval(one_shuffle, np.mean, seed=SEED)
print(f"random folds:      {np.mean(reshuffled):.3f} ± {shuffle_sd:.3f} (sd of 10 shuffles)")
print(f"one shuffle:       {one_shuffle.mean():.3f}, by picture {low:.3f} to {high:.3f} (95 %)")
print(f"consecutive folds: {blocks.mean():.3f}, by picture {by_picture[0]:.3f} to {by_picture[1]:.3f} (95 %)")
print(f"                          by stretch {by_stretch[0]:.3f} to {by_stretch[1]:.3f} (95 %)")

# %% [markdown]
# The shuffles hardly differ. Their ± says how much the *cut* matters, and no more: the pictures are the same
# each time. What other pictures would give is the bootstrap's question, and its interval is a good deal
# wider. On consecutive folds, drawing stretches gives a wider one still than drawing pictures: those by one
# hand succeed and fail together, so there are fewer independent cases than pictures.
#
# Two results on the same pictures are compared **paired**: take the difference picture by picture, then its
# interval. What both find hard cancels.

# %%
pairs = {
    "known hands - new hands, logistic regression": random_correct[name] - blocks,
    "network - logistic regression, new hands": blocks_correct["small network"] - blocks,
    "support vector machine - network, new hands": blocks_correct["support vector machine"]
    - blocks_correct["small network"],
}
for what, difference in pairs.items():
    low, high = cl.metrics.bootstrap_interval(difference, np.mean, seed=SEED, groups=stretch)
    verdict = "includes zero" if low <= 0 <= high else "excludes zero"
    print(f"{what:45} {difference.mean():+.3f}, {low:+.3f} to {high:+.3f} (95 %): {verdict}")

# %% [markdown]
# Which of the two accuracies is right? Both: they answer questions about two futures. An interval that
# includes zero does not say that two models are equal, only that these pictures cannot tell them apart. And
# these intervals cover other pictures, not other settings nor other random starts. *Try it yourself:* train
# the network for 50 epochs at a learning rate of 0.01. Does the verdict on network and logistic regression
# stand?

# %% [markdown]
# ### Names are not amounts
#
# *Optional.* One more decision comes before any model: how the *answer* is represented. A digit's label looks
# like a number. Linear regression on the codes 0 to 9, rounded, against the same regression on ten columns
# that hold 1 for the right digit and 0 elsewhere (**one-hot**):


# %%
def code_predict(inputs, targets, new_inputs):
    """Fit the label as if it were an amount, and round."""
    return LinearRegression().fit(inputs, targets).predict(new_inputs).round()


def one_hot_predict(inputs, targets, new_inputs):
    """Fit ten columns of 0 and 1, and take the largest."""
    return LinearRegression().fit(inputs, np.eye(10)[targets]).predict(new_inputs).argmax(axis=1)


codes = read_correctly(code_predict, shuffles[0]).mean()
one_hot = read_correctly(one_hot_predict, shuffles[0]).mean()
print(f"accuracy with integer codes: {codes:.3f}, one-hot: {one_hot:.3f} (random folds)")

# %% [markdown]
# The codes claim that a 3 lies halfway between a 1 and a 5, which no handwriting obeys. Same pictures, same
# method (though ten columns also mean ten times the coefficients): the representation makes the difference.

# %% [markdown]
# ## 4 · A diagnosis from nothing
#
# A study: 50 patients, half of them sick; 5000 genes measured in each. Far too many to look at, so one keeps
# the 20 genes that differ most between sick and healthy and builds a diagnosis on them, with
# cross-validation, of course. These data are simulated, and we know the truth:

# %%
study = cl.simulators.noise_genes(SEED)
print(study)
print(f"genes that know the diagnosis: {study.truth['informative'].sum()}")
print(f"the best possible rule is right for {study.truth['best_accuracy']:.0%} of new patients")

# %% [markdown]
# No gene has anything to do with the disease. Here is the analysis. `f_classif` measures how far the two
# groups lie apart, gene by gene, compared with their spread; `SelectKBest` keeps the best.

# %%
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler


def diagnose(expression, diagnosis, *, folds, keep=20):
    """Return the cross-validated accuracy of a diagnosis from the `keep` best genes."""
    scaled = StandardScaler().fit_transform(expression)  # (B, D), mean 0 and sd 1 in each gene
    best = SelectKBest(f_classif, k=keep).fit_transform(scaled, diagnosis)  # (B, keep)
    scores = []
    for train, test in folds:
        model = LogisticRegression().fit(best[train], diagnosis[train])
        scores.append(model.score(best[test], diagnosis[test]))
    return np.mean(scores)


def five_folds(diagnosis, seed):
    """Cut the patients into five test sets, each half sick and half healthy."""
    cut = StratifiedKFold(5, shuffle=True, random_state=seed)
    return list(cut.split(np.zeros(len(diagnosis)), diagnosis))


# %% [markdown]
# **Predict first:** how large a share of the patients will it diagnose rightly? Tossing a coin gets one half.

# %%
MY_ACCURACY = None  # a share from 0 to 1
folds = five_folds(study.targets, SEED)
found = diagnose(study.inputs, study.targets, folds=folds)
print(f"accuracy on patients held out, 5 folds: {found:.2f}")
cl.compare(MY_ACCURACY, float(found))

# %% [markdown]
# Published like this, it would be a strong result. Nothing is there, the model is scored on held-out patients
# only, and still it is nearly always right. Something must have seen what it should not have.

# %% [markdown]
# ### Exercise 01.4 · leak · about 8 minutes · difficulty 3 of 5
#
# Find the leak and mend it: copy the body of `diagnose` and change it so that everything that is *learnt*
# from data is learnt, in each fold, from that fold's training patients only.
#
# - `expression`: shape (B, D); `diagnosis`: shape (B,) of 0 and 1
# - `folds`: a list of pairs `(train, test)` of row numbers; `keep`: how many genes to choose
# - returns: the mean over the folds of the accuracy on the test rows, from 0 to 1
#
# Scaling may be left out: it hardly matters here. Which line does?
#
# Example: `honest_accuracy(study.inputs, study.targets, folds=folds)` returns a number not far from one half;
# with 50 patients, anything between 0.3 and 0.7 is chance.


# %%
# EXERCISE 01.4
def honest_accuracy(expression, diagnosis, *, folds, keep=20):
    """Return the cross-validated accuracy, in which nothing is learnt from test patients."""
    ### BEGIN SOLUTION
    scores = []
    for train, test in folds:
        scaler = StandardScaler().fit(expression[train])
        chooser = SelectKBest(f_classif, k=keep).fit(scaler.transform(expression[train]), diagnosis[train])
        genes = chooser.transform(scaler.transform(expression))
        model = LogisticRegression().fit(genes[train], diagnosis[train])
        scores.append(model.score(genes[test], diagnosis[test]))
    return float(np.mean(scores))
    ### END SOLUTION


# %%
cl.check("01.4", honest_accuracy)

# %%
# cl.hint("01.4")

# %% [markdown]
# In practice one ties the three steps together with scikit-learn's `make_pipeline`; then whoever
# cross-validates the pipeline cannot forget one. We compare both analyses on many simulated studies.

# %%
from sklearn.model_selection import cross_val_score

studies = {"quick": 20, "full": 100}[profile]
pipeline = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=20), LogisticRegression())
leaky, honest = [], []
for number in range(studies):
    noise = cl.simulators.noise_genes(1000 * SEED + number)
    cut = five_folds(noise.targets, number)
    leaky.append(diagnose(noise.inputs, noise.targets, folds=cut))
    honest.append(cross_val_score(pipeline, noise.inputs, noise.targets, cv=cut).mean())
for name, found in {"on all patients": leaky, "inside each fold": honest}.items():
    print(
        f"genes chosen {name:16} {np.mean(found):.2f} ± {np.std(found, ddof=1):.2f} (sd of {studies} studies)"
    )

# %%
fig, ax = plt.subplots()
aside = np.linspace(-0.15, 0.15, studies)  # so that no dot hides another
for shift, before, after in zip(aside, leaky, honest, strict=True):
    ax.plot([shift, 1 + shift], [before, after], color="0.85", linewidth=1, zorder=1)
ax.plot(aside, leaky, "s", color=cl.plots.PALETTE[1])
ax.plot(1 + aside, honest, "o", color=cl.plots.PALETTE[0])
ax.axhline(0.5, color="0.4", linestyle="--", linewidth=1)
ax.text(-0.45, 0.515, "a coin")
ax.set(xticks=(0, 1), xticklabels=("chosen on\nall patients", "chosen in\neach fold"), xlim=(-0.5, 1.5))
ax.set(ylim=(0, 1.02), ylabel="cross-validated accuracy (share)")
cl.show(
    fig,
    alt=f"Dot plot of cross-validated accuracy in {studies} simulated studies of pure noise: near "
    f"{np.mean(leaky):.2f} when genes are chosen on all patients, scattered widely around 0.5 when they are "
    "chosen inside each fold.",
)

# %% [markdown]
# With 5000 genes, some separate 50 patients well by accident. Choosing them on *all* patients keeps those
# that also separate the later test patients, and cross-validation then finds what was put there. On the right
# the choice never sees the test patients, and the mean falls to the coin's.

# %% [markdown]
# ## Where it fails
#
# Look at the right-hand column once more. Those analyses are honest, and yet they scatter:

# %%
lucky = sum(score >= 0.6 for score in honest)
coin = np.sqrt(0.5 * 0.5 / 50)
print(f"honest accuracies on noise: {min(honest):.2f} to {max(honest):.2f}; {lucky} of {studies} reach 0.60")
print(f"sd over studies {np.std(honest, ddof=1):.2f}; 50 tosses of a coin would give {coin:.2f}")

# %% [markdown]
# They scatter more than the coin. Any two of the five folds share three quarters of their training patients,
# so the genes that mislead in one tend to mislead in the other: the 50 tosses are not independent. An honest
# method protects from a wrong *mean*, not from bad luck. With 50 patients, an accuracy of
# 0.60 is no finding, and whoever runs several such analyses and reports the best one has leaked again, this
# time by hand. Nor does cross-validation know the future: it plays the one that its folds describe, as in
# sections 2 and 3.

# %% [markdown]
# ## Claims
#
# What the lesson concludes, as sentences that are computed. **1 · A perfect fit leaves the future open.** Two
# curves through all four points disagree; networks that fit as well disagree with both.

# %%
perfect = max(rmse(curves[name](editions) - students) for name in ("cubic", "doubling"))
cl.claim(
    "cubic and doubling both have zero training error",
    perfect,
    "<=",
    1e-6,
    because="rounding only",
)
cl.claim(
    "yet they differ at edition 6, in students",
    abs(curves["doubling"](6.0) - curves["cubic"](6.0)),
    ">",
    0,
    margin=50,
    because="50 students are more than the third edition had",
)
cl.claim(
    "every network fits the four points as well, in students",
    max(network_errors),
    "<",
    1,
    because="an error below one student cannot be counted",
)
cl.claim(
    "every network predicts fewer students than doubling does",
    curves["doubling"](6.0),
    ">",
    network_sixth.max(),
    margin=80,
    because="80 students are a whole fourth edition, and far outside the spread of the starts",
)

# %% [markdown]
# **2 · A smaller error on the past can mean a worse forecast**, and a rehearsal speaks for the span that it
# rehearsed.

# %%
cl.claim(
    "the degree that is best on years left out fits 1959-1980 more closely than the one chosen by rehearsal",
    past_error[chosen],
    ">",
    past_error[between],
    because="a higher degree contains the lower one",
)
cl.claim(
    "and its forecast for 2001 is further off, in ppm",
    abs(forecast_2001[between] - ppm[-1]),
    ">",
    abs(forecast_2001[chosen] - ppm[-1]),
    margin=100,
    because="100 ppm are more than all that was added from 1959 to 2001",
)
kept = error[f"degree {chosen}, chosen"]
cl.claim(
    "over 1981-1990 the chosen curve is as wrong as in its rehearsal, to 1 ppm",
    abs(kept["1981-90"] - kept["1971-80"]),
    "<=",
    1,
    because="1 ppm is less than the rise of one year",
)
cl.claim(
    "and so it is over 1991-2001",
    abs(kept["1991-01"] - kept["1971-80"]),
    "<=",
    1,
    expect="fails",
    because="the same 1 ppm, for years that lie further ahead than any that were rehearsed",
)
cl.claim(
    "no polynomial forecasts 1981-2001 better than a line through five years, in ppm",
    future_error.min(),
    ">",
    rmse(last_five_years(past)(year[future]) - ppm[future]),
    margin=1,
    because="1 ppm again",
)

# %% [markdown]
# **3 · "How good?" depends on which future**: for every model, new hands cost more than a new shuffle
# changes.

# %%
smallest_drop = min(random_correct[name].mean() - blocks_correct[name].mean() for name in models)
cl.claim(
    "each of the five models is less accurate on consecutive folds than on random ones",
    smallest_drop,
    ">",
    2 * shuffle_sd,
    margin=0.005,
    because="it must exceed what another shuffle changes for logistic regression (two sd) by half a per cent",
)
cl.claim(
    "one-hot answers are read better than integer codes",
    one_hot,
    ">",
    codes,
    margin=0.5,
    because="the same regression on the same folds; half of all pictures is beyond any luck of the cut",
)

# %% [markdown]
# **4 · A leak makes a diagnosis from nothing.** The first sentence is what the study would have published.

# %%
cl.claim(
    "the 20 best genes diagnose more than 60 in 100 patients rightly",
    np.mean(honest),
    ">",
    0.6,
    expect="fails",
    because="60 in 100 is the least that anybody would call a diagnosis",
)
cl.claim(
    "choosing the genes before cross-validation makes accuracy from noise",
    np.mean(leaky),
    ">",
    np.mean(honest),
    margin=0.3,
    because="30 patients in 100, on the same studies and the same folds",
)
print(f"{np.mean(leaky):.0%} from noise.")

# %% [markdown]
# ## Further reading
#
# - C. Ambroise, G. J. McLachlan, [Selection bias in gene extraction on the basis of microarray
#   gene-expression data](https://doi.org/10.1073/pnas.102102699), PNAS 99, 6562 (2002): section 4 on two real
#   studies whose error of zero did not survive.
# - S. Kapoor, A. Narayanan, [Leakage and the reproducibility crisis in machine-learning-based
#   science](https://doi.org/10.1016/j.patter.2023.100804), Patterns 4, 100804 (2023): eight kinds of leak,
#   counted over 17 fields.
# - T. Hastie, R. Tibshirani, J. Friedman, [The Elements of Statistical
#   Learning](https://hastie.su.domains/ElemStatLearn/) (2009), section 7.10.2: the study of section 4 is
#   theirs, 50 patients and 5000 genes that know nothing.
# - INRIA, [scikit-learn course, "Sample
#   grouping"](https://inria.github.io/scikit-learn-mooc/python_scripts/cross_validation_grouping.html):
#   section 3 with a guess at where one writer ends and the next begins.
# - scikit-learn, [Common pitfalls and recommended
#   practices](https://scikit-learn.org/stable/common_pitfalls.html): leaks and pipelines, with code for both.
