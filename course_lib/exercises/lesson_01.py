"""Checks of lesson 01, "Learning from data": forecasts, folds, and a diagnosis from noise."""

from __future__ import annotations

import functools
import itertools
import math

from course_lib.exercises.answers import call, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet

# ---------------------------------------------------------------------------------------------------------
# 01.1  The doubling model


def _straight_line(x, y, new_x):
    """Return the least-squares line through (x, y) at `new_x`, from the textbook sums."""
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    slope /= sum((a - mean_x) ** 2 for a in x)
    return mean_y + slope * (new_x - mean_x)


def _growth_without_logarithm(x, y, new_x):
    """Return the least-squares curve start · rate**(x - first), fitted to `y` itself, at `new_x`."""
    import numpy as np
    from scipy.optimize import curve_fit

    def curve(edition, start, rate):
        return start * rate ** (edition - x[0])

    return float(curve(new_x, *curve_fit(curve, np.array(x, float), np.array(y, float), p0=(y[0], 0.8))[0]))


def _verify_doubling(answer):
    import numpy as np

    def ask(editions, students, edition):
        value = call(answer, np.array(editions, float), np.array(students, float), edition)
        return expect_number(value, name="the prediction")

    logs = math.log(320)
    found = ask([1, 2, 3, 4], [10, 20, 40, 80], 6)
    expect_close(
        found,
        320.0,
        name="the prediction for edition 6",
        rtol=1e-3,
        traps=(
            (
                20 * math.exp(5),
                "You computed `10 * 2 * exp(5)`: that reads the slide's formula letter by letter. There "
                "`exp` means *to the power of*; fit the growth to the data instead of copying a formula.",
            ),
            (
                160.0,
                "160 is the fifth edition. The new edition is the sixth: two steps after the last point.",
            ),
            (
                math.exp(logs / math.log(10)),
                "You took `log10` and undid it with `exp`. The way back has to match the way there: `10 ** "
                "…` after `log10`, `exp` after `log`.",
            ),
            (
                math.exp(logs / math.log(2)),
                "You took `log2` and undid it with `exp`: after `log2` comes `2 ** …`.",
            ),
            (2**logs, "You took the natural `log` and undid it with `2 ** …`: after `log` comes `exp`."),
            (10**logs, "You took the natural `log` and undid it with `10 ** …`: after `log` comes `exp`."),
            (logs, "That is the logarithm of the answer. Undo the `log` at the end to get back to students."),
            (logs / math.log(2), "That is `log2` of the answer. Undo it at the end: `2 ** …`."),
            (logs / math.log(10), "That is `log10` of the answer. Undo it at the end: `10 ** …`."),
            (
                math.exp(math.log(10 * 2**1.5) + 6 * 1.5 * math.log(2)),
                "`Polynomial.fit` keeps its coefficients for a scaled axis, so `.coef` does not belong to "
                "`editions`. Ask the fitted polynomial itself, `line(new_edition)`, or `.convert().coef`.",
            ),
            (
                math.exp(math.log(2) + 6 * math.log(5)),
                "Intercept and slope have changed places: `np.polyfit` gives the slope first.",
            ),
            (118.0, "That is the straight line through the students themselves. Fit it to their logarithms."),
            (260.0, "That is the cubic. The doubling model is a straight line, through the logarithms."),
            (200.5, "That is the quadratic. The doubling model is a straight line, through the logarithms."),
        ),
        otherwise=f"For the four points of the slide it predicts {found:.4g} students in edition 6. A model "
        "that doubles predicts 320.",
    )

    # Shrinking, in uneven steps, and so far from a curve that every other way of fitting one shows.
    later, counts = [3, 4, 6, 9], [90, 71, 25, 14]
    reference = math.exp(_straight_line(later, [math.log(n) for n in counts], 11))
    yearly = (counts[-1] / counts[0]) ** (1 / (later[-1] - later[0]))
    steps = [b / a for a, b in itertools.pairwise(counts)]
    expect_close(
        ask(later, counts, 11),
        reference,
        name="the prediction from other data",
        rtol=1e-3,
        traps=(
            (
                320.0,
                "It returns 320 whatever the data are. The growth has to come from `editions` and "
                "`students`.",
            ),
            (
                10 * 2.0**10,
                "It uses `10 * 2 ** (edition - 1)` whatever the data are. Start and growth have to come from "
                "`editions` and `students`.",
            ),
            (
                counts[-1] * 2.0**2,
                "It doubles whatever the data are: these students became fewer. Read the growth from the "
                "data.",
            ),
            (
                counts[0] * 2.0**8,
                "It doubles whatever the data are: these students became fewer. Read the growth from the "
                "data.",
            ),
            (
                counts[-1] * yearly**2,
                "It uses the first and the last edition only. A fit uses all of them: least squares on the "
                "logs.",
            ),
            (
                counts[0] * yearly**8,
                "It uses the first and the last edition only. A fit uses all of them: least squares on the "
                "logs.",
            ),
            (
                counts[-1] * (sum(steps) / len(steps)) ** 2,
                "It takes every step between two entries for one edition. Here the steps are 1, 2 and 3: "
                "use `editions` as the horizontal axis.",
            ),
            (
                math.exp(_straight_line([1, 2, 3, 4], [math.log(n) for n in counts], 6)),
                "It numbers the entries 1, 2, 3, 4 by itself. Use `editions` as given, also when there are "
                "gaps.",
            ),
            (
                _growth_without_logarithm(later, counts, 11),
                "It fits the growing curve to the students themselves, so the largest numbers decide. Fit a "
                "straight line to their logarithms.",
            ),
            (float(round(reference)), "It rounds. A prediction is an expectation: keep the fraction."),
        ),
        otherwise="Right for the slide's four points, but not for a course that loses students in uneven "
        "steps. What has to be smallest is the sum of squared errors of the *logarithms*.",
    )
    expect_close(
        ask([1, 2, 3], [3, 9, 27], 5),
        243.0,
        name="the prediction for a course that triples",
        rtol=1e-3,
        otherwise="Right for two courses, but not for one that triples: 3, 9, 27, and then edition 5.",
    )
    return (
        "Doubling is a straight line on a logarithmic scale. Nothing in the data asked for the logarithm: it "
        "is what we knew, or believed, beforehand about how courses grow."
    )


# ---------------------------------------------------------------------------------------------------------
# 01.2  A forecast that happened


def _polynomial_at(x, y, degree, new_x):
    """Return the least-squares polynomial of `degree` through (x, y) at `new_x`, by a QR solve."""
    import numpy as np

    centre, width = np.mean(x), np.ptp(x)
    basis = np.vander((x - centre) / width, degree + 1)
    q, r = np.linalg.qr(basis)
    return float(np.vander([(new_x - centre) / width], degree + 1)[0] @ np.linalg.solve(r, q.T @ y))


def _forecast_cases():
    """Yield (years, ppm, degree, last_seen, target): first an error above zero, then unsorted years."""
    import numpy as np

    random = np.random.default_rng(12)
    years = np.arange(1960, 1996, dtype=float)
    bent = 310 + 1.8 * (years - 1960) - 0.02 * (years - 1960) ** 2 + random.normal(0, 0.4, years.size)
    yield years, bent, 1, 1980, 1991
    gaps = random.permutation(np.delete(years, [4, 9, 22]))
    wave = 330 + 6 * np.sin(gaps / 6) + random.normal(0, 0.3, gaps.size)
    yield gaps, wave, 2, 1977, 1985
    fall = 350 - 0.05 * (years - 1960) ** 2 + random.normal(0, 0.4, years.size)
    yield years, fall, 3, 1974, 1983


def _verify_forecast(answer):
    import numpy as np

    def ask(years, ppm, degree, last_seen, target):
        value = call(answer, years, ppm, degree=degree, last_seen=last_seen, target=target)
        return expect_number(value, name="the forecast error")

    for years, ppm, degree, last_seen, target in _forecast_cases():
        found = ask(years, ppm, degree, last_seen, target)
        if found != ask(years, ppm, degree, last_seen, target):
            raise NotYet(
                "The same question got two different answers: something is drawn at random. A forecast "
                "trains on the past and is tested on the future; shuffled years mix the two."
            )
        seen, measured = years <= last_seen, float(ppm[years == target][0])

        def forecast(rows, y=ppm, degree=degree, years=years, target=target):
            return _polynomial_at(years[rows], y[rows], degree, target)

        reference = forecast(seen) - measured
        fitted = np.array([_polynomial_at(years[seen], ppm[seen], degree, year) for year in years[seen]])
        traps = [
            (
                forecast(years > 0) - measured,
                "The polynomial was fitted to all years, the future among them. Fit the years up to "
                "`last_seen` only.",
            ),
            (
                forecast(years <= target) - measured,
                "The polynomial has seen the year that it is asked for. Fit the years up to `last_seen` "
                "only.",
            ),
            (
                forecast(years < last_seen) - measured,
                "The year `last_seen` itself is missing from the fit: *up to and with* is `<=`.",
            ),
            (
                -reference,
                "The sign is turned round. The error is prediction minus measurement: too high is positive."
                if reference > 0
                else "The sign is lost. Keep it: whether a forecast is too high or too low is half of what "
                "it tells.",
            ),
            (reference**2, "That is the squared error, in ppm². Return the error itself, in ppm."),
            (
                reference + measured,
                "That is the prediction. Subtract what was measured in the year `target`.",
            ),
            (100 * reference / measured, "That is the error in per cent. It is asked in ppm."),
            (reference / measured, "That is the error as a share of the measured value. It is asked in ppm."),
            (
                reference / float(np.std(ppm[seen])),
                "That is the error in standard deviations. Undo the scaling: it is asked in ppm.",
            ),
            (
                float(np.sqrt(np.mean((fitted - ppm[seen]) ** 2))),
                "That is the error on the years that were fitted. A forecast is tested on a year not seen.",
            ),
            (
                float(np.mean(np.abs(fitted - ppm[seen]))),
                "That is the error on the years that were fitted. A forecast is tested on a year not seen.",
            ),
        ]
        traps += [
            (
                _polynomial_at(years[seen], ppm[seen], other, target) - measured,
                f"It fits a polynomial of degree {other} whatever `degree` says.",
            )
            for other in range(6)
            if other != degree
        ]
        traps += [
            (
                reference + measured - float(ppm[-1]),
                "The prediction was compared with the last entry. Look up the year `target` by its value: it "
                "need not be the last.",
            ),
            (
                forecast(np.arange(len(years)) < seen.sum()) - measured,
                "It cuts by position, as if the years were sorted. Choose the rows by the value of `years`.",
            ),
        ]
        otherwise = "The error is not that of a least-squares polynomial through the years up to `last_seen`."
        # Change what lay between: an honest forecast cannot notice.
        rewritten = np.where((years > last_seen) & (years != target), ppm + 25, ppm)
        if not math.isclose(
            ask(years, rewritten, degree, last_seen, target), found, rel_tol=1e-6, abs_tol=1e-6
        ):
            otherwise = (
                "When years after `last_seen` are changed, your forecast changes: part of the future is in "
                "the fit. Choose the training rows by the value of the year, `years <= last_seen`: neither "
                "by position, since the years need not be sorted, nor by chance."
            )
        expect_close(
            found,
            reference,
            name="the forecast error",
            rtol=1e-3,
            atol=1e-3,
            traps=tuple(traps),
            otherwise=otherwise,
        )
    return (
        "The target year was never in the fit. That one line, `years <= last_seen`, is what makes it a "
        "forecast."
    )


# ---------------------------------------------------------------------------------------------------------
# 01.3  Nearest mean on rows not seen


def _picture_cases():
    """Yield (images, labels, train_rows, test_rows): plain; then odd shapes, odd labels, one unseen."""
    import numpy as np

    random = np.random.default_rng(5)
    for names, shape, unseen in (((0, 1, 2), (6, 6), None), ((3, 4, 8, 9), (4, 7), 4)):
        centres = random.normal(0, 0.30, (len(names), *shape))
        which = random.integers(len(names), size=240)
        images = centres[which] + random.normal(0, 1, (240, *shape)) + 0.1 * which[:, None, None]
        labels = np.array(names)[which]
        rows = random.permutation(240)
        train_rows, test_rows = rows[:80], rows[80:201]  # 39 rows belong to neither
        if unseen is not None:
            train_rows = train_rows[labels[train_rows] != unseen]
        yield images, labels, train_rows, test_rows


def _nearest_mean_accuracy(images, labels, train_rows, test_rows, *, fit_rows=None, distance="squared"):
    """Return the accuracy of the nearest class mean, or of one of its common slips, one picture at a time."""
    import numpy as np

    fit_rows = train_rows if fit_rows is None else fit_rows
    kinds = sorted(set(labels[fit_rows].tolist()))
    means = [images[[row for row in fit_rows if labels[row] == kind]].mean(axis=0) for kind in kinds]
    measure = {
        "squared": lambda gap: np.sum(gap**2),
        "absolute": lambda gap: np.sum(np.abs(gap)),
        "signed": np.sum,
        "brightness": lambda gap: abs(np.mean(gap)),
    }[distance]
    right = 0
    for row in test_rows:
        gaps = [measure(images[row] - mean) for mean in means]
        right += kinds[int(np.argmin(gaps))] == labels[row]
    return right / len(test_rows)


def _verify_held_out_accuracy(answer):
    import numpy as np

    def ask(images, labels, train_rows, test_rows):
        value = call(answer, images, labels, train_rows=train_rows, test_rows=test_rows)
        return expect_number(value, name="the accuracy")

    for number, (images, labels, train_rows, test_rows) in enumerate(_picture_cases()):
        found = ask(images, labels, train_rows, test_rows)
        reference = _nearest_mean_accuracy(images, labels, train_rows, test_rows)

        def slip(test=test_rows, images=images, labels=labels, train_rows=train_rows, **changes):
            return _nearest_mean_accuracy(images, labels, train_rows, test, **changes)

        flat = images.reshape(len(images), -1)
        kinds = np.unique(labels[train_rows])
        means = np.stack([flat[train_rows[labels[train_rows] == kind]].mean(axis=0) for kind in kinds])
        distances = ((flat[test_rows, None] - means) ** 2).sum(axis=2)
        neighbours = ((flat[test_rows, None] - flat[train_rows]) ** 2).sum(axis=2).argmin(axis=1)
        truth, everything = labels[test_rows], np.arange(len(images))
        all_kinds = np.unique(labels)
        traps = [
            (
                slip(fit_rows=everything),
                "The means are taken over all rows, the test rows among them. A mean may only see "
                "`train_rows`.",
            ),
            (
                slip(fit_rows=test_rows),
                "The means are taken over the test rows, which are the ones to be predicted. Use "
                "`train_rows`.",
            ),
            (
                slip(train_rows),
                "It scores the rows that the means were made of. Predict and count on `test_rows`.",
            ),
            (
                slip(everything),
                "It scores all rows. Count on `test_rows` only: the others were used, or belong to nobody "
                "yet.",
            ),
            (
                float(np.mean(kinds[distances.argmax(axis=1)] == truth)),
                "It picks the farthest mean. The nearest one has the smallest distance: `argmin`, not "
                "`argmax`.",
            ),
            (
                float(np.mean(distances.argmin(axis=1) == truth)),
                "`argmin` gives the position of a mean, not its label. The labels here are "
                f"{', '.join(map(str, kinds))}: look the label up at that position.",
            ),
            (
                slip(distance="signed"),
                "The differences are added with their signs, so that they cancel. Square them first.",
            ),
            (
                slip(distance="brightness"),
                "Only the mean brightness is compared. Keep the pixels apart: square the difference in each "
                "pixel, then add over the pixels of one picture.",
            ),
            (
                slip(distance="absolute"),
                "That is the distance of absolute differences. Here it is the sum of *squared* differences.",
            ),
            (
                float(np.mean(labels[train_rows][neighbours] == truth)),
                "That is the nearest training *picture*. Here each class is represented by one picture, its "
                "mean.",
            ),
            (
                reference * len(test_rows),
                "That is a count. An accuracy is the share of the test rows, from 0 to 1.",
            ),
            (100 * reference, "That is in per cent. An accuracy is a share, from 0 to 1."),
            (
                1 - reference,
                "That is the share of wrong ones, the error rate. Accuracy counts the right ones.",
            ),
        ]
        if number == 0:
            message = (
                "Not one picture is read correctly. If you made ten means: some of these classes do not "
                "occur, a mean over no rows is not a number (NaN), and `argmin` takes NaN for the smallest. "
                "Take the classes from the labels of `train_rows`."
            )
            traps.append((0.0, message))
        else:
            lost = next(kind for kind in all_kinds if kind not in kinds)
            left = truth != lost
            message = (
                f"The pictures of class {lost}, which has no training row, were left out of the count. "
                "Nobody can read them, and so they count as wrong: divide by all test rows."
            )
            traps.append((reference * len(truth) / left.sum(), message))
            message = (
                f"One class, {lost}, has no training row here, and a mean over no rows is not a number. Take "
                "the classes from the labels of `train_rows`; the pictures of that class will count as "
                "wrong."
            )
            traps = [*traps, (float(np.mean(truth == lost)), message), (0.0, message)]
        traps = tuple((value, message) for value, message in traps if not math.isclose(value, reference))
        expect_close(
            found,
            reference,
            name="the accuracy",
            atol=1e-6,
            traps=traps,
            otherwise=(
                "The accuracy differs from that of the nearest class mean."
                if number == 0
                else "Right for three classes named 0, 1, 2 and pictures of 6 × 6, but not for classes named "
                f"{', '.join(map(str, all_kinds))} and pictures of 4 × 7."
            ),
        )
    return (
        "The means saw the training rows only. Which rows those are was left to the caller: the same "
        "function gives a different accuracy for every way of cutting."
    )


# ---------------------------------------------------------------------------------------------------------
# 01.4  A diagnosis from nothing


def _noise(seed, patients=48, genes=1200):
    import numpy as np

    random = np.random.default_rng(seed)
    expression = random.normal(size=(patients, genes))
    return expression, random.permutation(np.arange(patients) % 2)


def _folds(patients, parts, seed):
    import numpy as np

    rows = np.random.default_rng(seed).permutation(patients)
    return [(np.setdiff1d(rows, test), np.sort(test)) for test in np.split(rows, parts)]


def _hard_to_scale():
    """Return studies in which it shows on whom one scales, and how many genes one keeps."""
    studies = []
    for seed in range(20, 26):
        expression, diagnosis = _noise(seed, genes=80)
        folds = _folds(48, 4, seed)
        expression[folds[0][1]] *= 4
        studies.append((expression, diagnosis, folds))
    return studies


def _slipped_accuracy(expression, diagnosis, folds, *, keep=20, scale_inside=False):
    """Return the accuracy with the genes chosen on all patients, as in the lesson."""
    import numpy as np
    from sklearn.feature_selection import f_classif
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    best = np.sort(np.argsort(f_classif(expression, diagnosis)[0])[-keep:])
    chosen = expression[:, best]
    scaled = StandardScaler().fit_transform(chosen)
    scores = []
    for train, test in folds:
        if scale_inside:
            scaled = StandardScaler().fit(chosen[train]).transform(chosen)
        model = LogisticRegression().fit(scaled[train], diagnosis[train])
        scores.append(model.score(scaled[test], diagnosis[test]))
    return float(np.mean(scores))


def _verify_honest_accuracy(answer):
    import numpy as np

    def ask(expression, diagnosis, folds, keep=20):
        value = call(answer, expression, diagnosis, folds=folds, keep=keep)
        value = expect_number(value, name="the accuracy")
        if not 0 <= value <= 1:
            raise NotYet(
                f"An accuracy is a share from 0 to 1, and this one is {value:.4g}. Is it a count, or per "
                "cent?"
            )
        return value

    def agree(left, right):
        return math.isclose(left, right, abs_tol=1e-6)

    # The patients of three cuts: the answer has to depend on them, and be the same when asked again.
    expression, diagnosis = _noise(1)
    cuts = [_folds(48, parts, seed) for parts, seed in ((4, 1), (4, 2), (3, 3), (2, 4))]
    found = [ask(expression, diagnosis, folds) for folds in cuts]
    # An accuracy of 48 patients has so few values that one pair of draws is the same one time in ten.
    if any(ask(expression, diagnosis, folds) != first for folds, first in zip(cuts, found, strict=True)):
        raise NotYet(
            "The same question got two different answers: something is drawn at random inside. If patients "
            "are shuffled, use the `folds` that come in; if the model draws, give it a `random_state`."
        )
    if len(set(found)) == 1 and found[0] < 1:
        raise NotYet(
            "Different `folds` give the same number, so they are not used: cut the patients by the rows that "
            "come in, not by a shuffle of your own."
        )

    # Test patients who are all alike get one and the same prediction: a quarter or three quarters are right.
    train, test = cuts[0][0]
    few = np.concatenate([test[diagnosis[test] == 0][:1], test[diagnosis[test] == 1][:3]])
    alike = expression.copy()
    alike[few] = 0
    on_few = ask(alike, diagnosis, [(train, few)])
    if agree(on_few, 0.5):
        raise NotYet(
            "Four test patients with equal genes, one healthy and three sick, all get the same diagnosis, so "
            "a quarter or three quarters are right. One half is a balanced accuracy, or an area under a "
            "curve. Plain accuracy was asked."
        )
    if not any(agree(on_few, share) for share in (0.25, 0.75)):
        raise NotYet(
            "The score does not come from the test rows: four test patients with equal genes must all get "
            "the same diagnosis, and that cannot give this number. Fit on `train`, score on `test`."
        )

    # Turn the test diagnoses round. What was right is now wrong, if they were not used before.
    def sees_the_test(expression, diagnosis, train, test):
        turned = diagnosis.copy()
        turned[test] = 1 - turned[test]
        fold = [(train, test)]
        return not agree(ask(expression, diagnosis, fold) + ask(expression, turned, fold), 1)

    studies = [(*_noise(seed), fold) for seed in (1, 11, 12) for fold in _folds(48, 4, seed)[:2]]
    if any(
        sees_the_test(*study[:2], *study[2]) for study in [(expression, diagnosis, (train, test)), *studies]
    ):
        hard = _hard_to_scale()
        # Most answers part from a slip in the first study: the others then cost nothing of the time limit.
        given = functools.cache(lambda number: ask(*hard[number]))

        def slip(**changes):
            return all(
                agree(given(number), _slipped_accuracy(*study, **changes))
                for number, study in enumerate(hard)
            )

        if slip():
            raise NotYet(
                "It still gives what the function above gives. Ask of every line: which patients does it "
                "see? One of them sees the diagnoses of all."
            )
        if slip(scale_inside=True):
            raise NotYet(
                "Scaling now happens inside the fold, and hardly matters: it never sees a diagnosis. "
                "Choosing the genes does. Which rows does that line see?"
            )
        if any(slip(keep=few) for few in (1, 2, 3, 5, 10)):
            raise NotYet(
                "Fewer genes, the same leak: they are still chosen with the test patients in sight. Not how "
                "many, but who took part in the choice."
            )
        raise NotYet(
            "When the diagnoses of the test patients are turned round, your model changes with them, so it "
            "has seen them. Choose the genes anew in each fold, from its training rows."
        )

    # Each fold stands alone: together they give the mean of what they give one by one.
    apart = [ask(expression, diagnosis, [fold]) for fold in cuts[0]]
    if not agree(found[0], float(np.mean(apart))):
        raise NotYet(
            "A fold gives another result in company than alone, so something is chosen once and kept. The "
            "training patients of one fold are test patients of the next: choose anew in every fold."
        )

    # Patients who are in neither part must not matter, not even for mean and standard deviation.
    bystanders = np.setdiff1d(np.arange(48), np.concatenate([train[:30], test]))
    changed = []
    for seed in (3, 4, 5):
        wild, labels = _noise(seed)
        calm = ask(wild, labels, [(train[:30], test)])
        wild[bystanders] = 40 * np.random.default_rng(seed).normal(size=(len(bystanders), wild.shape[1]))
        changed.append(not agree(calm, ask(wild, labels, [(train[:30], test)])))
    if any(changed):
        raise NotYet(
            "The genes are now chosen honestly, but patients outside the training rows still move the "
            "result: the scaling is learnt from everybody. Here it does little harm; learn it from the "
            "training rows as well."
        )

    # Nor may the test patients influence one another: a diagnosis is made for each of them alone.
    for seed in range(31, 37):
        crowd, labels = _noise(seed)
        train, test = _folds(48, 3, seed)[0]
        calm, loud = test[:8], test[8:]
        crowd[loud] *= 40
        right = {
            part: ask(crowd, labels, [(train, rows)]) * len(rows)
            for part, rows in {"calm": calm, "loud": loud, "all": test}.items()
        }
        if not agree(right["all"], right["calm"] + right["loud"]):
            raise NotYet(
                "The test patients influence one another: make some of them extreme, and others are "
                "diagnosed differently. Something is learnt from the test rows, the scaling perhaps. Learn "
                "it from the training rows, and apply it to the test rows."
            )

    # What is really there has to be found, wherever it is.
    signal, labels = _noise(6)
    signal[:, np.random.default_rng(6).permutation(signal.shape[1])[:20]] += 2.0 * labels[:, None]
    if ask(signal, labels, _folds(48, 4, 6)) < 0.85:
        raise NotYet(
            "On data in which 20 genes really differ between the groups it finds nothing either. An honest "
            "accuracy is near one half on noise and near one on these. Are the `keep` genes chosen by how "
            "far the groups differ, and do the diagnoses arrive unchanged?"
        )
    studies = [_noise(seed, genes=300) for seed in (7, 8, 9, 10)]
    by_keep = [[ask(*study, cuts[0], keep) for study in studies] for keep in (1, 20)]
    if by_keep[0] == by_keep[1]:
        raise NotYet("It takes no notice of `keep`, the number of genes to choose.")
    return (
        "Everything that is learnt from data, the choice of genes included, is learnt in each fold from its "
        "training patients. What is left of the diagnosis is chance."
    )


# ---------------------------------------------------------------------------------------------------------
# 01.5  Any future you like


def _verify_any_future(answer):
    import numpy as np

    cases = (
        ((1, 2, 3, 4), (10, 20, 40, 80), 6, 0.0),
        ((1, 2, 3, 4), (10, 20, 40, 80), 6, 1000.0),
        ((4, 1.5, 7), (5, 9, 2), 5.25, 33.0),  # unsorted, uneven, and a new point between the old ones
    )
    for number, (editions, students, edition, target) in enumerate(cases):
        model = call(
            answer,
            np.array(editions, float),
            np.array(students, float),
            edition=float(edition),
            target=target,
        )
        if not callable(model):
            raise NotYet(
                "It returns a value. Return a *function*: `def model(x): …` inside, and `return model` at "
                "the end."
            )
        through = [expect_number(call(model, float(x)), name="`model(x)`") for x in editions]
        ahead = expect_number(call(model, float(edition)), name="`model(x)`")
        hits, lands = np.allclose(through, students, atol=1e-3), math.isclose(ahead, target, abs_tol=1e-2)
        if hits and lands:
            continue
        if number == 2:
            raise NotYet(
                "Right for the slide's four points. With three others, unsorted, it misses: is the model "
                "made from the `editions` and `students` that come in, whatever their order? (`np.interp`, "
                "for one, needs them sorted.)"
            )
        if len({round(value, 6) for value in (*through, ahead)}) == 1:
            raise NotYet(
                "A constant meets the target and misses the data. It has to pass through every point first."
            )
        if hits and math.isclose(ahead, 320 + 120 * target, rel_tol=1e-6):
            raise NotYet("It takes `target` for c. Solve 320 + 120 c = target for c first.")
        if hits:
            raise NotYet(
                f"It passes through all points and predicts {ahead:.4g} for the new edition, where "
                f"{target:g} was asked. Add something that is zero at every point and free elsewhere."
            )
        if lands:
            raise NotYet(
                "It meets the target but no longer passes through the points: a compromise between the two. "
                "The training error must stay zero."
            )
        raise NotYet("It neither passes through the points nor meets the target.")
    return (
        "Zero training error, and any prediction that one likes. What fits the past perfectly has, by that "
        "alone, said nothing about the future."
    )


EXERCISES = (
    Exercise(
        id="01.1",
        title="The doubling model",
        kind="complete",
        minutes=4,
        difficulty=1,
        hints=(
            "On which scale do 10, 20, 40, 80 lie on a straight line?",
            "Fit a polynomial of degree 1 to the logarithm of `students`, and undo the logarithm at the end.",
            "`line = np.polynomial.Polynomial.fit(editions, np.log(students), 1)`; what is missing is "
            "`np.exp`.",
        ),
        verify=_verify_doubling,
    ),
    Exercise(
        id="01.2",
        title="A forecast that happened",
        kind="complete",
        minutes=6,
        difficulty=2,
        hints=(
            "Two sets of rows are needed: the years that may be fitted, and the one that is asked for.",
            "`seen = years <= last_seen` is a mask: `years[seen]` and `ppm[seen]` belong together.",
            "`curve = Polynomial.fit(years[seen], ppm[seen], degree)`; then `curve(target)` minus the "
            "measured value, which is where `years == target`.",
        ),
        verify=_verify_forecast,
    ),
    Exercise(
        id="01.3",
        title="Accuracy on rows not seen",
        kind="complete",
        minutes=7,
        difficulty=3,
        hints=(
            "Four steps: which classes are there, one mean for each, distances, the label of the nearest.",
            "Only `train_rows` may enter the means, and `np.unique(labels[train_rows])` names the classes.",
            "With `means` of shape (K, H, W): `((images[test_rows][:, None] - means) ** 2).sum(axis=(2, 3))` "
            "has shape (B, K); `classes[… .argmin(axis=1)]` are the labels.",
        ),
        verify=_verify_held_out_accuracy,
    ),
    Exercise(
        id="01.4",
        title="A diagnosis from nothing",
        kind="leak",
        minutes=8,
        difficulty=3,
        hints=(
            "Go through `diagnose` line by line and ask: the diagnoses of which patients does this line see?",
            "Move the two lines that learn from the data, scaling and choosing, into the loop over the "
            "folds.",
            "Inside the loop: `make_pipeline(StandardScaler(), SelectKBest(f_classif, k=keep), "
            "LogisticRegression())`, fitted on the rows `train`, scored on the rows `test`.",
        ),
        verify=_verify_honest_accuracy,
    ),
    Exercise(
        id="01.5",
        title="Any future you like",
        kind="design",
        minutes=8,
        difficulty=3,
        hints=(
            "How does the slider's c manage to change nothing at editions 1 to 4?",
            "A product of (x - x_i) over all editions x_i is zero at each of them. Any curve through the "
            "points, plus c times that product, still passes through the points.",
            "`curve = Polynomial.fit(editions, students, len(editions) - 1)`; choose c so that "
            "`curve(edition) + c * product(edition)` equals `target`.",
        ),
        verify=_verify_any_future,
    ),
)
