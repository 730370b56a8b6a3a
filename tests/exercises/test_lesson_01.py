"""Right answers in several styles and typical wrong ones, for the checks of lesson 01."""

import numpy as np
import torch
from numpy.polynomial import Polynomial
from scipy.optimize import curve_fit
from scipy.stats import theilslopes
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

# ---------------------------------------------------------------------------------------------------------
# 01.1


def growth_by_polynomial(editions, students, new_edition):
    return np.exp(Polynomial.fit(editions, np.log(students), 1)(new_edition))


def growth_by_polyfit_base_two(editions, students, new_edition):
    slope, intercept = np.polyfit(editions - editions[0], np.log2(students), 1)
    return 2 ** (intercept + slope * (new_edition - editions[0]))


def growth_by_sums(editions, students, new_edition):
    logs = [float(np.log10(n)) for n in students]
    mean_x, mean_y = sum(editions) / len(editions), sum(logs) / len(logs)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(editions, logs, strict=True))
    slope = above / sum((x - mean_x) ** 2 for x in editions)
    return 10 ** (mean_y + slope * (new_edition - mean_x))


def growth_by_scikit_learn(editions, students, new_edition):
    model = LinearRegression().fit(editions.reshape(-1, 1), np.log(students))
    return float(np.exp(model.predict([[new_edition]])[0]))


def growth_by_torch(editions, students, new_edition):
    x = torch.tensor(editions - editions[0])
    design = torch.stack([torch.ones_like(x), x], dim=1)
    solved = torch.linalg.lstsq(design, torch.log(torch.tensor(students))[:, None]).solution[:, 0]
    return torch.exp(solved[0] + solved[1] * (new_edition - editions[0]))


def growth_without_logarithm(editions, students, new_edition):
    def curve(edition, start, rate):
        return start * rate ** (edition - editions[0])

    return curve(new_edition, *curve_fit(curve, editions, students, p0=(students[0], 1.0))[0])


def growth_by_middle_slope(editions, students, new_edition):
    fit = theilslopes(np.log(students), editions)
    return np.exp(fit.intercept + fit.slope * new_edition)


def growth_mixing(log, back):
    def mixed(editions, students, new_edition):
        return back(Polynomial.fit(editions, log(students), 1)(new_edition))

    return mixed


def growth_from_scaled_coefficients(editions, students, new_edition):
    start, rate = Polynomial.fit(editions, np.log(students), 1).coef
    return float(np.exp(start + rate * new_edition))


def growth_with_names_swapped(editions, students, new_edition):
    start, rate = np.polyfit(editions, np.log(students), 1)
    return float(np.exp(start + rate * new_edition))


def growth_from_the_ends(editions, students, new_edition):
    yearly = (students[-1] / students[0]) ** (1 / (editions[-1] - editions[0]))
    return students[-1] * yearly ** (new_edition - editions[-1])


def growth_by_mean_step(editions, students, new_edition):
    return students[-1] * np.mean(students[1:] / students[:-1]) ** (new_edition - editions[-1])


def growth_by_position(editions, students, new_edition):
    line = Polynomial.fit(np.arange(len(students)), np.log(students), 1)
    return np.exp(line(len(students) + 1))


def growth_that_prints(editions, students, new_edition):
    print(np.exp(Polynomial.fit(editions, np.log(students), 1)(new_edition)))


# ---------------------------------------------------------------------------------------------------------
# 01.2


def forecast_by_polynomial(years, ppm, *, degree, last_seen, target):
    curve = Polynomial.fit(years[years <= last_seen], ppm[years <= last_seen], degree)
    return curve(target) - ppm[years == target].item()


def forecast_by_centred_polyfit(years, ppm, *, degree, last_seen, target):
    rows = np.flatnonzero(years <= last_seen)
    coefficients = np.polyfit(years[rows] - last_seen, ppm[rows], degree)
    return np.polyval(coefficients, target - last_seen) - ppm[list(years).index(target)]


def forecast_by_scikit_learn(years, ppm, *, degree, last_seen, target):
    model = make_pipeline(StandardScaler(), PolynomialFeatures(degree), LinearRegression())
    seen = years <= last_seen
    model.fit(years[seen, None], ppm[seen])
    return model.predict([[target]])[0] - ppm[years == target][0]


def forecast_by_normal_equations(years, ppm, *, degree, last_seen, target):
    points = [(y - 1970, p) for y, p in zip(years, ppm, strict=True) if y <= last_seen]
    design = np.array([[y**k for k in range(degree + 1)] for y, _ in points])
    weights = np.linalg.lstsq(design, np.array([p for _, p in points]), rcond=None)[0]
    truth = dict(zip(years, ppm, strict=True))[target]
    return float(sum(w * (target - 1970) ** k for k, w in enumerate(weights)) - truth)


def forecast_variant(choose=None, finish=None, degree_used=None):
    """Return a forecast with other training rows, another last line, or a degree of its own."""

    def variant(years, ppm, *, degree, last_seen, target):
        rows = choose(years, last_seen, target) if choose else years <= last_seen
        curve = Polynomial.fit(years[rows], ppm[rows], degree if degree_used is None else degree_used)
        measured = ppm[years == target][0]
        if finish:
            return finish(curve, years, ppm, rows, target, measured)
        return curve(target) - measured

    return variant


def forecast_from_shuffled_years(years, ppm, *, degree, last_seen, target):
    rows = np.random.default_rng().permutation(len(years))[: np.sum(years <= last_seen)]
    return Polynomial.fit(years[rows], ppm[rows], degree)(target) - ppm[years == target][0]


def forecast_from_seeded_shuffle(years, ppm, *, degree, last_seen, target):
    rows = np.random.default_rng(0).permutation(len(years))[: np.sum(years <= last_seen)]
    return Polynomial.fit(years[rows], ppm[rows], degree)(target) - ppm[years == target][0]


def forecast_against_the_last_entry(years, ppm, *, degree, last_seen, target):
    seen = years <= last_seen
    return Polynomial.fit(years[seen], ppm[seen], degree)(target) - ppm[-1]


def forecast_by_slicing(years, ppm, *, degree, last_seen, target):
    count = np.sum(years <= last_seen)
    return Polynomial.fit(years[:count], ppm[:count], degree)(target) - ppm[years == target][0]


# ---------------------------------------------------------------------------------------------------------
# 01.3


def means_by_broadcasting(images, labels, *, train_rows, test_rows):
    classes = np.unique(labels[train_rows])
    x, y = images[train_rows], labels[train_rows]
    means = np.stack([x[y == kind].mean(axis=0) for kind in classes])
    distance = ((images[test_rows][:, None] - means) ** 2).sum(axis=(2, 3))
    return (classes[distance.argmin(axis=1)] == labels[test_rows]).mean()


def means_by_loops(images, labels, *, train_rows, test_rows):
    means = {}
    for kind in sorted(set(labels[train_rows])):
        means[kind] = sum(images[row] for row in train_rows if labels[row] == kind) / sum(
            labels[row] == kind for row in train_rows
        )
    right = 0
    for row in test_rows:
        nearest = min(means, key=lambda kind: np.linalg.norm(images[row] - means[kind]))
        right += int(nearest == labels[row])
    return right / len(test_rows)


def means_by_neighbours(images, labels, *, train_rows, test_rows):
    flat = images.reshape(len(images), -1)
    kinds = np.unique(labels[train_rows])
    means = np.array([flat[train_rows][labels[train_rows] == kind].mean(0) for kind in kinds])
    return KNeighborsClassifier(1).fit(means, kinds).score(flat[test_rows], labels[test_rows])


def means_by_torch(images, labels, *, train_rows, test_rows):
    flat = torch.tensor(images).flatten(1)
    answer = torch.tensor(labels)
    kinds = answer[train_rows].unique()
    means = torch.stack([flat[train_rows][answer[train_rows] == kind].mean(dim=0) for kind in kinds])
    nearest = kinds[torch.cdist(flat[test_rows], means).argmin(dim=1)]
    return (nearest == answer[test_rows]).double().mean()


def means_variant(*, rows="train", score="test", pick=np.argmin, gap=np.square, finish=None, named=True):
    """Return a nearest-mean answer with one slip."""

    def variant(images, labels, *, train_rows, test_rows):
        where = {"train": train_rows, "test": test_rows, "all": np.arange(len(labels))}
        fit, ask = where[rows], where[score]
        classes = np.unique(labels[fit])
        means = np.stack([images[fit][labels[fit] == kind].mean(axis=0) for kind in classes])
        nearest = pick(gap(images[ask][:, None] - means).sum(axis=(2, 3)), axis=1)
        right = (classes[nearest] if named else nearest) == labels[ask]
        return finish(right) if finish else right.mean()

    return variant


def means_without_the_unseen_class(images, labels, *, train_rows, test_rows):
    known = np.isin(labels[test_rows], labels[train_rows])
    return means_by_broadcasting(images, labels, train_rows=train_rows, test_rows=test_rows[known])


def means_of_rows_of_64(images, labels, *, train_rows, test_rows):
    return images.reshape(-1, 64)[train_rows].mean()


def means_of_ten_classes(images, labels, *, train_rows, test_rows):
    x, y = images[train_rows], labels[train_rows]
    means = np.stack([x[y == kind].mean(axis=0) for kind in range(10)])
    distance = ((images[test_rows][:, None] - means) ** 2).sum(axis=(2, 3))
    return (distance.argmin(axis=1) == labels[test_rows]).mean()


def means_of_all_classes(images, labels, *, train_rows, test_rows):
    classes = np.unique(labels)
    x, y = images[train_rows], labels[train_rows]
    means = np.stack([x[y == kind].mean(axis=0) for kind in classes])
    distance = ((images[test_rows][:, None] - means) ** 2).sum(axis=(2, 3))
    return (classes[distance.argmin(axis=1)] == labels[test_rows]).mean()


def means_as_brightness(images, labels, *, train_rows, test_rows):
    classes = np.unique(labels[train_rows])
    x, y = images[train_rows], labels[train_rows]
    means = np.array([x[y == kind].mean() for kind in classes])
    distance = (images[test_rows].mean(axis=(1, 2))[:, None] - means) ** 2
    return (classes[distance.argmin(axis=1)] == labels[test_rows]).mean()


def means_over_the_wrong_axis(images, labels, *, train_rows, test_rows):
    classes = np.unique(labels[train_rows])
    x, y = images[train_rows], labels[train_rows]
    means = np.stack([x[y == kind].mean(axis=0) for kind in classes])
    distance = ((images[test_rows][:, None] - means) ** 2).sum(axis=(1, 2))
    return (classes[distance.argmin(axis=1)] == labels[test_rows]).mean()


def nearest_picture(images, labels, *, train_rows, test_rows):
    flat = images.reshape(len(images), -1)
    model = KNeighborsClassifier(1).fit(flat[train_rows], labels[train_rows])
    return model.score(flat[test_rows], labels[test_rows])


def means_predictions(images, labels, *, train_rows, test_rows):
    classes = np.unique(labels[train_rows])
    x, y = images[train_rows], labels[train_rows]
    means = np.stack([x[y == kind].mean(axis=0) for kind in classes])
    return classes[((images[test_rows][:, None] - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)]


# ---------------------------------------------------------------------------------------------------------
# 01.4


def honest_by_pipeline(expression, diagnosis, *, folds, keep=20):
    model = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=keep), LogisticRegression())
    return cross_val_score(model, expression, diagnosis, cv=folds).mean()


def honest_by_hand(expression, diagnosis, *, folds, keep=20):
    shares = []
    for train, test in folds:
        x, y = expression[train], diagnosis[train]
        mean, sd = x.mean(axis=0), x.std(axis=0)
        ill, healthy = x[y == 1], x[y == 0]
        spread = np.sqrt(ill.var(axis=0, ddof=1) / len(ill) + healthy.var(axis=0, ddof=1) / len(healthy))
        genes = np.argsort(-np.abs(ill.mean(axis=0) - healthy.mean(axis=0)) / spread)[:keep]
        model = LogisticRegression().fit(((x - mean) / sd)[:, genes], y)
        predicted = model.predict(((expression[test] - mean) / sd)[:, genes])
        shares.append(np.mean(predicted == diagnosis[test]))
    return np.mean(shares)


def honest_pooled_by_correlation(expression, diagnosis, *, folds, keep=20):
    right, count = 0, 0
    for train, test in folds:
        z = (expression - expression[train].mean(axis=0)) / expression[train].std(axis=0)
        correlation = z[train].T @ (diagnosis[train] - diagnosis[train].mean())
        genes = np.abs(correlation).argsort()[-keep:]
        model = GaussianNB().fit(z[train][:, genes], diagnosis[train])
        right += int((model.predict(z[test][:, genes]) == diagnosis[test]).sum())
        count += len(test)
    return right / count


def honest_without_scaling(expression, diagnosis, *, folds, keep=20):
    scores = []
    for train, test in folds:
        chooser = SelectKBest(f_classif, k=keep).fit(expression[train], diagnosis[train])
        model = LogisticRegression(max_iter=1000)
        model.fit(chooser.transform(expression[train]), diagnosis[train])
        scores.append(model.score(chooser.transform(expression[test]), diagnosis[test]))
    return float(np.mean(scores))


def leak_unchanged(expression, diagnosis, *, folds, keep=20):
    scaled = StandardScaler().fit_transform(expression)
    best = SelectKBest(f_classif, k=keep).fit_transform(scaled, diagnosis)
    return np.mean(
        [
            LogisticRegression().fit(best[train], diagnosis[train]).score(best[test], diagnosis[test])
            for train, test in folds
        ]
    )


def leak_with_scaling_moved(expression, diagnosis, *, folds, keep=20):
    best = SelectKBest(f_classif, k=keep).fit_transform(expression, diagnosis)
    return cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression()), best, diagnosis, cv=folds
    ).mean()


def leak_with_fewer_genes(expression, diagnosis, *, folds, keep=20):
    return leak_unchanged(expression, diagnosis, folds=folds, keep=5)


def leak_with_another_model(expression, diagnosis, *, folds, keep=20):
    best = SelectKBest(f_classif, k=keep).fit_transform(expression, diagnosis)
    return cross_val_score(GaussianNB(), best, diagnosis, cv=folds).mean()


def leak_chosen_on_the_first_fold(expression, diagnosis, *, folds, keep=20):
    first = folds[0][0]
    chooser = SelectKBest(f_classif, k=keep).fit(expression[first], diagnosis[first])
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return cross_val_score(model, chooser.transform(expression), diagnosis, cv=folds).mean()


def leak_of_scaling_only(expression, diagnosis, *, folds, keep=20):
    scaled = StandardScaler().fit_transform(expression)
    model = make_pipeline(SelectKBest(f_classif, k=keep), LogisticRegression())
    return cross_val_score(model, scaled, diagnosis, cv=folds).mean()


def scored_on_training_rows(expression, diagnosis, *, folds, keep=20):
    scores = []
    for train, _ in folds:
        model = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=keep), LogisticRegression())
        model.fit(expression[train], diagnosis[train])
        scores.append(model.score(expression[train], diagnosis[train]))
    return np.mean(scores)


def shuffled_again(expression, diagnosis, *, folds, keep=20):
    return leak_unchanged(
        expression,
        diagnosis,
        folds=list(StratifiedKFold(5, shuffle=True).split(expression, diagnosis)),
        keep=keep,
    )


def folds_of_its_own(expression, diagnosis, *, folds, keep=20):
    model = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=keep), LogisticRegression())
    cut = KFold(5, shuffle=True, random_state=0)
    return cross_val_score(model, expression, diagnosis, cv=cut).mean()


def shuffled_diagnoses(expression, diagnosis, *, folds, keep=20):
    scores = []
    for train, test in folds:
        model = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=keep), LogisticRegression())
        mixed = np.random.default_rng(0).permutation(diagnosis[train])
        scores.append(model.fit(expression[train], mixed).score(expression[test], diagnosis[test]))
    return np.mean(scores)


def twenty_whatever_is_asked(expression, diagnosis, *, folds, keep=20):
    return honest_by_pipeline(expression, diagnosis, folds=folds, keep=20)


def first_genes(expression, diagnosis, *, folds, keep=20):
    return honest_by_pipeline(expression[:, :keep], diagnosis, folds=folds, keep="all")


def genes_and_model(expression, diagnosis, train, keep):
    chooser = SelectKBest(f_classif, k=keep).fit(expression[train], diagnosis[train])
    return chooser, LogisticRegression().fit(chooser.transform(expression[train]), diagnosis[train])


def each_part_scaled_by_itself(expression, diagnosis, *, folds, keep=20):
    scores = []
    for train, test in folds:
        scaled = np.empty_like(expression)
        for rows in (train, test):
            scaled[rows] = StandardScaler().fit_transform(expression[rows])
        chooser, model = genes_and_model(scaled, diagnosis, train, keep)
        scores.append(model.score(chooser.transform(scaled[test]), diagnosis[test]))
    return np.mean(scores)


def scaled_on_both_parts(expression, diagnosis, *, folds, keep=20):
    scores = []
    for train, test in folds:
        scaler = StandardScaler().fit(expression[np.concatenate([train, test])])
        scaled = scaler.transform(expression)
        chooser, model = genes_and_model(scaled, diagnosis, train, keep)
        scores.append(model.score(chooser.transform(scaled[test]), diagnosis[test]))
    return np.mean(scores)


def best_number_of_genes_by_test_score(expression, diagnosis, *, folds, keep=20):
    tried = [max(keep - 2, 1), max(keep - 1, 1), keep]
    scores = [
        [honest_by_pipeline(expression, diagnosis, folds=[fold], keep=number) for number in tried]
        for fold in folds
    ]
    return np.mean(np.max(scores, axis=1))


def forest_without_a_seed(expression, diagnosis, *, folds, keep=20):
    model = make_pipeline(SelectKBest(f_classif, k=keep), RandomForestClassifier(10))
    return cross_val_score(model, expression, diagnosis, cv=folds).mean()


def drawn_for_one_cut_only(expression, diagnosis, *, folds, keep=20):
    # As a forest does that, by luck, gives the first cut the same accuracy twice.
    luck = np.random.default_rng().random() / 100 if len(folds) == 3 else 0
    return honest_by_pipeline(expression, diagnosis, folds=folds, keep=keep) - luck


def honest_with_another_score(scoring):
    def answer(expression, diagnosis, *, folds, keep=20):
        model = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=keep), LogisticRegression())
        return cross_val_score(model, expression, diagnosis, cv=folds, scoring=scoring).mean()

    return answer


def honest_in_per_cent(expression, diagnosis, *, folds, keep=20):
    return 100 * honest_by_pipeline(expression, diagnosis, folds=folds, keep=keep)


# ---------------------------------------------------------------------------------------------------------
# 01.5


def future_by_interpolation(editions, students, *, edition, target):
    x, y = np.append(editions, edition), np.append(students, target)
    return Polynomial.fit(x, y, len(x) - 1)


def future_by_look_up(editions, students, *, edition, target):
    known = {**dict(zip(editions, students, strict=True)), edition: target}
    return lambda x: known.get(x, 0.0)


def future_by_straight_pieces(editions, students, *, edition, target):
    x, y = np.append(editions, edition), np.append(students, target)
    order = np.argsort(x)
    return lambda new: float(np.interp(new, x[order], y[order]))


def future_by_lagrange(editions, students, *, edition, target):
    points = [*zip(editions, students, strict=True), (edition, target)]

    def model(x):
        total = 0.0
        for a, height in points:
            others = [b for b, _ in points if b != a]
            total += height * np.prod([(x - b) / (a - b) for b in others])
        return total

    return model


def future_as_value(editions, students, *, edition, target):
    return target


def future_constant(editions, students, *, edition, target):
    return lambda x: target


def future_cubic(editions, students, *, edition, target):
    return Polynomial.fit(editions, students, len(editions) - 1)


def future_compromise(editions, students, *, edition, target):
    def model(x):
        return target if x == edition else float(np.mean(students)) + x

    return model


def future_of_the_slide(editions, students, *, edition, target):
    c = (target - 320) / 120
    return lambda x: 10 * 2 ** (x - 1) + c * (x - 1) * (x - 2) * (x - 3) * (x - 4)


def future_with_target_for_c(editions, students, *, edition, target):
    return lambda x: 10 * 2 ** (x - 1) + target * (x - 1) * (x - 2) * (x - 3) * (x - 4)


def future_by_unsorted_interpolation(editions, students, *, edition, target):
    x, y = np.append(editions, edition), np.append(students, target)
    return lambda new: np.interp(new, x, y)


def future_by_line(editions, students, *, edition, target):
    return Polynomial.fit(editions, students, 1)


# ---------------------------------------------------------------------------------------------------------

RIGHT = {
    "01.1": [
        growth_by_polynomial,
        growth_by_polyfit_base_two,
        growth_by_sums,
        growth_by_scikit_learn,
        growth_by_torch,
    ],
    "01.2": [
        forecast_by_polynomial,
        forecast_by_centred_polyfit,
        forecast_by_scikit_learn,
        forecast_by_normal_equations,
    ],
    "01.3": [means_by_broadcasting, means_by_loops, means_by_neighbours, means_by_torch],
    "01.4": [honest_by_pipeline, honest_by_hand, honest_pooled_by_correlation, honest_without_scaling],
    "01.5": [future_by_interpolation, future_by_look_up, future_by_straight_pieces, future_by_lagrange],
}

WRONG = {
    "01.1": [
        (lambda editions, students, new_edition: 10 * 2 * np.exp(new_edition - 1), "letter by letter"),
        (
            lambda editions, students, new_edition: 10 * 2 ** (new_edition - 2),
            "two steps after the last point",
        ),
        (growth_mixing(np.log10, np.exp), "took `log10` and undid it with `exp`"),
        (growth_mixing(np.log2, np.exp), "took `log2` and undid it with `exp`"),
        (growth_mixing(np.log, lambda y: 10**y), "undid it with `10 ** …`"),
        (growth_mixing(np.log, lambda y: 2**y), "undid it with `2 ** …`"),
        (growth_mixing(np.log, float), "That is the logarithm of the answer"),
        (growth_mixing(np.log2, float), "`log2` of the answer"),
        (growth_mixing(np.log10, float), "`log10` of the answer"),
        (
            lambda editions, students, new: Polynomial.fit(editions, students, 1)(new),
            "the straight line through",
        ),
        (lambda editions, students, new: Polynomial.fit(editions, students, 2)(new), "That is the quadratic"),
        (lambda editions, students, new: Polynomial.fit(editions, students, 3)(new), "That is the cubic"),
        (growth_from_scaled_coefficients, "for a scaled axis"),
        (growth_with_names_swapped, "gives the slope first"),
        (lambda editions, students, new: 2.5 * students[-1], "it predicts 200 students in edition 6"),
        (growth_without_logarithm, "It fits the growing curve to the students themselves"),
        (growth_by_middle_slope, "sum of squared errors of the *logarithms*"),
        (lambda editions, students, new_edition: 320.0, "returns 320 whatever the data are"),
        (lambda editions, students, new_edition: 10 * 2.0 ** (new_edition - 1), "`10 * 2 ** (edition - 1)`"),
        (lambda editions, students, new: students[-1] * 2 ** (new - editions[-1]), "It doubles whatever"),
        (growth_from_the_ends, "first and the last edition only"),
        (growth_by_mean_step, "takes every step between two entries"),
        (growth_by_position, "numbers the entries"),
        (lambda *data: round(float(growth_by_polynomial(*data))), "It rounds"),
        (growth_that_prints, "Did you forget `return`"),
    ],
    "01.2": [
        (forecast_variant(lambda years, last_seen, target: years > 0), "fitted to all years"),
        (
            forecast_variant(lambda years, last_seen, target: years <= target),
            "has seen the year that it is asked",
        ),
        (forecast_variant(lambda years, last_seen, target: years < last_seen), "is `<=`"),
        (forecast_variant(finish=lambda curve, *rest: rest[-1] - curve(rest[-2])), "sign is turned round"),
        (forecast_variant(finish=lambda curve, *rest: abs(rest[-1] - curve(rest[-2]))), "sign is lost"),
        (forecast_variant(finish=lambda curve, *rest: (rest[-1] - curve(rest[-2])) ** 2), "squared error"),
        (forecast_variant(finish=lambda curve, *rest: curve(rest[-2])), "That is the prediction"),
        (forecast_variant(finish=lambda curve, *rest: 100 * (curve(rest[-2]) / rest[-1] - 1)), "per cent"),
        (
            forecast_variant(
                finish=lambda curve, years, ppm, rows, *_: np.sqrt(
                    np.mean((curve(years[rows]) - ppm[rows]) ** 2)
                )
            ),
            "error on the years that were fitted",
        ),
        (
            forecast_variant(
                finish=lambda curve, years, ppm, rows, target, measured: (
                    (curve(target) - measured) / ppm[rows].std()
                )
            ),
            "in standard deviations",
        ),
        (forecast_variant(degree_used=2), "polynomial of degree 2 whatever"),
        (forecast_from_shuffled_years, "drawn at random"),
        (forecast_from_seeded_shuffle, "part of the future is in the fit"),
        (forecast_against_the_last_entry, "compared with the last entry"),
        (forecast_by_slicing, "cuts by position"),
    ],
    "01.3": [
        (means_variant(rows="all"), "taken over all rows"),
        (means_variant(rows="test"), "taken over the test rows"),
        (means_variant(score="train"), "scores the rows that the means were made of"),
        (means_variant(score="all"), "It scores all rows"),
        (means_variant(pick=np.argmax), "farthest mean"),
        (means_variant(named=False), "position of a mean, not its label"),
        (means_variant(gap=np.abs), "absolute differences"),
        (means_variant(gap=np.array), "added with their signs"),
        (means_variant(finish=np.sum), "That is a count"),
        (means_variant(finish=lambda right: 100 * right.mean()), "in per cent"),
        (means_variant(finish=lambda right: 1 - right.mean()), "error rate"),
        (means_as_brightness, "mean brightness"),
        (means_of_ten_classes, "Not one picture is read"),
        (means_of_all_classes, "has no training row"),
        (nearest_picture, "nearest training *picture*"),
        (means_over_the_wrong_axis, "stopped with"),
        (means_without_the_unseen_class, "divide by all test rows"),
        (means_of_rows_of_64, "It was called with `images` of shape (240, 6, 6)"),
        (means_predictions, "Expected one number"),
    ],
    "01.4": [
        (leak_unchanged, "still gives what the function above gives"),
        (leak_with_scaling_moved, "Scaling now happens inside the fold"),
        (leak_with_fewer_genes, "Fewer genes, the same leak"),
        (leak_with_another_model, "Choose the genes anew in each fold"),
        (leak_chosen_on_the_first_fold, "chosen once and kept"),
        (leak_of_scaling_only, "scaling is learnt from everybody"),
        (scored_on_training_rows, "score does not come from the test rows"),
        (shuffled_again, "drawn at random inside"),
        (forest_without_a_seed, "give it a `random_state`"),
        (drawn_for_one_cut_only, "give it a `random_state`"),
        (honest_with_another_score("balanced_accuracy"), "One half is a balanced accuracy"),
        (honest_with_another_score("roc_auc"), "an area under a curve"),
        (best_number_of_genes_by_test_score, "turned round"),
        (first_genes, "chosen by how far the groups differ"),
        (each_part_scaled_by_itself, "The test patients influence one another"),
        (scaled_on_both_parts, "The test patients influence one another"),
        (folds_of_its_own, "so they are not used"),
        (lambda expression, diagnosis, *, folds, keep=20: 0.5, "so they are not used"),
        (shuffled_diagnoses, "finds nothing either"),
        (twenty_whatever_is_asked, "no notice of `keep`"),
        (honest_in_per_cent, "a count, or per cent"),
    ],
    "01.5": [
        (future_as_value, "Return a *function*"),
        (future_constant, "A constant meets the target"),
        (future_cubic, "Add something that is zero at every point"),
        (future_compromise, "no longer passes through the points"),
        (future_of_the_slide, "is the model made from the `editions`"),
        (future_by_unsorted_interpolation, "`np.interp`, for one, needs them sorted"),
        (future_with_target_for_c, "takes `target` for c"),
        (future_by_line, "neither passes through the points nor meets the target"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()
