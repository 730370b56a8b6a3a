"""Right answers in several styles and typical wrong ones, for the checks of lesson 05."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from sklearn.metrics import accuracy_score, precision_score, recall_score
from torch.nn import functional

import course_lib as cl
from course_lib.exercises import lesson_05

# ---------------------------------------------------------------------------------------------------------
# 05.1


def padded_with_zeros(image, padding):
    return np.pad(image, ((0, 0), (padding, padding), (padding, padding)))


def maps_by_loops(image, kernels, padding=0, stride=1):
    image = padded_with_zeros(image, padding)
    number, _, tall, wide = kernels.shape
    rows = (image.shape[1] - tall) // stride + 1
    columns = (image.shape[2] - wide) // stride + 1
    maps = np.zeros((number, rows, columns))
    for k in range(number):
        for row in range(rows):
            for column in range(columns):
                top, left = row * stride, column * stride
                maps[k, row, column] = np.sum(kernels[k] * image[:, top : top + tall, left : left + wide])
    return maps


def maps_by_windows(image, kernels, padding=0, stride=1):
    windows = np.lib.stride_tricks.sliding_window_view(
        padded_with_zeros(image, padding), kernels.shape[2:], axis=(1, 2)
    )
    return np.einsum("crsij,kcij->krs", windows[:, ::stride, ::stride], kernels)


def maps_by_shifts(image, kernels, padding=0, stride=1):
    image = padded_with_zeros(image, padding)
    tall, wide = kernels.shape[2:]
    rows, columns = image.shape[1] - tall + 1, image.shape[2] - wide + 1
    maps = 0
    for i in range(tall):
        for j in range(wide):
            piece = image[:, i : i + rows : stride, j : j + columns : stride]
            maps = maps + np.tensordot(kernels[:, :, i, j], piece, 1)
    return maps


def maps_by_scipy(image, kernels, padding=0, stride=1):
    image = padded_with_zeros(image, padding)
    return np.stack([correlate(image, kernel, mode="valid")[0, ::stride, ::stride] for kernel in kernels])


def maps_by_torch(image, kernels, padding=0, stride=1):
    image, kernels = torch.tensor(image)[None], torch.tensor(kernels)
    return functional.conv2d(image, kernels, padding=padding, stride=stride)[0]


def maps_by_torch_in_single_precision(image, kernels, padding=0, stride=1):
    image, kernels = (torch.tensor(array, dtype=torch.float32) for array in (image[None], kernels))
    return functional.conv2d(image, kernels, padding=padding, stride=stride)[0].numpy()


def maps_with(prepare=lambda image, kernels: (image, kernels), finish=lambda maps: maps, **changed):
    def variant(image, kernels, padding=0, stride=1):
        how = {"padding": padding, "stride": stride} | changed
        return finish(maps_by_loops(*prepare(image, kernels), **how))

    return variant


def maps_with_edges(image, kernels, padding=0, stride=1):
    image = np.pad(image, ((0, 0), (padding, padding), (padding, padding)), mode="edge")
    return maps_by_loops(image, kernels, 0, stride)


def maps_padded_on_one_side(image, kernels, padding=0, stride=1):
    return maps_by_loops(np.pad(image, ((0, 0), (0, padding), (0, padding))), kernels, 0, stride)


def maps_one_place_short(image, kernels, padding=0, stride=1):
    maps = maps_by_loops(image, kernels, padding, stride)
    return maps[:, :-1, :-1]


def maps_as_large_as_the_picture(image, kernels, padding=0, stride=1):
    return np.zeros((len(kernels), *image.shape[1:]))


def maps_of_the_last_channel(image, kernels, padding=0, stride=1):
    return maps_by_loops(image[-1:], kernels[:, -1:], padding, stride)


def maps_of_each_channel(image, kernels, padding=0, stride=1):
    sheets = [
        maps_by_loops(image[c : c + 1], kernels[:, c : c + 1], padding, stride) for c in range(len(image))
    ]
    return np.stack(sheets, axis=1)


def maps_with_stride_from_the_middle(image, kernels, padding=0, stride=1):
    maps = maps_by_loops(image, kernels, padding, 1)
    wanted = maps_by_loops(image, kernels, padding, stride).shape[1:]
    return maps[:, stride - 1 :: stride, stride - 1 :: stride][:, : wanted[0], : wanted[1]]


# ---------------------------------------------------------------------------------------------------------
# 05.2

FACTORS = ("convolution", "pooling", "augmentation")


def credit_by_lookup(rows):
    table = {tuple(row[:3]): row[3] for row in rows}
    gains = {name: [] for name in FACTORS}
    for setting, accuracy in table.items():
        for place, name in enumerate(FACTORS):
            other = list(setting)
            other[place] = False
            if setting[place] and tuple(other) in table:
                gains[name].append(accuracy - table[tuple(other)])
    return {name: sum(values) / len(values) for name, values in gains.items()}


def credit_by_two_loops(rows):
    gains = {}
    for k, name in enumerate(FACTORS):
        differences = []
        for a in rows:
            for b in rows:
                if a[k] and not b[k] and all(a[j] == b[j] for j in range(3) if j != k):
                    differences.append(a[3] - b[3])
        gains[name] = np.mean(differences)
    return gains


def credit_by_arrays(rows):
    settings = np.array([row[:3] for row in rows], dtype=int)
    accuracy = np.array([row[3] for row in rows])
    change = settings[:, None] - settings[None]  # (rows, rows, 3)
    alone = np.abs(change).sum(axis=2) == 1
    gain = accuracy[:, None] - accuracy[None]
    return {name: gain[alone & (change[:, :, k] == 1)].mean() for k, name in enumerate(FACTORS)}


def credit_by_groups(rows):
    gains = {}
    for k, name in enumerate(FACTORS):
        groups = {}
        for row in rows:
            rest = tuple(value for place, value in enumerate(row[:3]) if place != k)
            groups.setdefault(rest, {})[row[k]] = row[3]
        gains[name] = np.mean([g[True] - g[False] for g in groups.values() if len(g) == 2])
    return gains


def credit_with(gain_of):
    """Return an answer in which `gain_of(rows, k)` is the gain of factor k."""

    def variant(rows):
        return {name: gain_of(rows, k) for k, name in enumerate(FACTORS)}

    return variant


def credit_by_all_rows(rows, k):
    has, lacks = ([row[3] for row in rows if bool(row[k]) is there] for there in (True, False))
    return np.mean(has) - np.mean(lacks)


def credit_by_best_rows(rows, k):
    has, lacks = ([row[3] for row in rows if bool(row[k]) is there] for there in (True, False))
    return max(has) - max(lacks)


def credit_alone(rows, k):
    table = {tuple(row[:3]): row[3] for row in rows}
    return table.get(tuple(j == k for j in range(3)), 0.0) - table[False, False, False]


def credit_turned(change):
    def variant(rows):
        return {name: change(value) for name, value in credit_by_lookup(rows).items()}

    return variant


def credit_absolute(rows, k):
    table = {tuple(row[:3]): row[3] for row in rows}
    pairs = [(row, tuple(False if j == k else v for j, v in enumerate(row[:3]))) for row in rows if row[k]]
    return np.mean([abs(row[3] - table[other]) for row, other in pairs if other in table])


def credit_summed(rows, k):
    table = {tuple(row[:3]): row[3] for row in rows}
    pairs = [(row, tuple(False if j == k else v for j, v in enumerate(row[:3]))) for row in rows if row[k]]
    return sum(row[3] - table[other] for row, other in pairs if other in table)


# ---------------------------------------------------------------------------------------------------------
# 05.3


def fall_by_newcombe(inside, outside):
    p, q = inside[0] / inside[1], outside[0] / outside[1]
    l1, u1 = cl.metrics.wilson_interval(*inside)
    l2, u2 = cl.metrics.wilson_interval(*outside)
    low = p - q - math.sqrt((p - l1) ** 2 + (u2 - q) ** 2)
    return low, p - q + math.sqrt((u1 - p) ** 2 + (q - l2) ** 2)


def fall_by_statsmodels(inside, outside):
    from statsmodels.stats.proportion import confint_proportions_2indep

    return confint_proportions_2indep(*inside, *outside, method="newcomb")


def fall_by_drawing(inside, outside):
    random = np.random.default_rng(0)
    draws = [random.beta(k + 0.5, n - k + 0.5, size=100_000) for k, n in (inside, outside)]
    return np.quantile(draws[0] - draws[1], [0.025, 0.975])


def fall_by_drawing_the_films(inside, outside):
    random = np.random.default_rng(0)
    draws = [random.binomial(n, k / n, size=100_000) / n for k, n in (inside, outside)]
    return np.quantile(draws[0] - draws[1], [0.025, 0.975])


def fall_with_added_successes(inside, outside):  # Agresti and Caffo
    (a, n), (b, m) = ((k + 1, n + 2) for k, n in (inside, outside))
    p, q = a / n, b / m
    half = 1.96 * math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    return [p - q - half, p - q + half]


def fall_with(ends):
    """Return an answer from `ends(p, q, (l1, u1), (l2, u2))`."""

    def variant(inside, outside):
        p, q = inside[0] / inside[1], outside[0] / outside[1]
        return ends(p, q, cl.metrics.wilson_interval(*inside), cl.metrics.wilson_interval(*outside))

    return variant


def fall_by_textbook(inside, outside, combine=math.hypot):
    (a, n), (b, m) = inside, outside
    p, q = a / n, b / m
    half = 1.96 * combine(math.sqrt(p * (1 - p) / n), math.sqrt(q * (1 - q) / m))
    return p - q - half, p - q + half


def fall_with_added_errors(inside, outside):
    return fall_by_textbook(inside, outside, combine=lambda a, b: a + b)


# ---------------------------------------------------------------------------------------------------------
# 05.4


def table_of(malignant, benign, missed, tn):
    return malignant - missed, benign - tn, missed, tn  # TP, FP, FN, TN


RATIOS = {
    "specificity": lambda tp, fp, fn, tn: tn / (tn + fp),
    "npv": lambda tp, fp, fn, tn: tn / (tn + fn) if tn + fn else 0.0,
    "ppv": lambda tp, fp, fn, tn: tp / (tp + fp) if tp + fp else 0.0,
    "accuracy": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
}


def fitting(malignant, benign, missed, column, tolerance=0.00501):
    """Return every (metric, TN) that gives the column."""
    return [
        (metric, tn)
        for tn in range(benign + 1)
        for metric, ratio in RATIOS.items()
        if abs(100 * ratio(*table_of(malignant, benign, missed, tn)) - column) < tolerance
    ]


def detect_by_search(malignant, benign, missed, column):
    (metric, tn), *_ = fitting(malignant, benign, missed, column)
    return {"metric": metric, "tn": tn, "sensitivity": 1 - missed / malignant}


def detect_by_rounding(malignant, benign, missed, column):
    tn = np.arange(benign + 1)
    tp = malignant - missed
    with np.errstate(invalid="ignore"):
        ratios = {
            "specificity": tn / benign,
            "npv": tn / (tn + missed),
            "ppv": tp / (tp + benign - tn),
            "accuracy": (tp + tn) / (malignant + benign),
        }
    for metric, values in ratios.items():
        hits = np.flatnonzero(np.abs(np.round(100 * values, 2) - column) < 1e-6)
        if len(hits):
            return {"metric": metric, "tn": hits[0], "sensitivity": tp / malignant}
    return None


def detect_by_algebra(malignant, benign, missed, column):
    share, tp = column / 100, malignant - missed
    guesses = {
        "npv": missed * share / (1 - share),
        "accuracy": share * (malignant + benign) - tp,
        "ppv": benign - (tp / share - tp),
        "specificity": share * benign,
    }
    for metric, guess in guesses.items():
        tn = round(guess)
        if 0 <= tn <= benign:
            value = RATIOS[metric](*table_of(malignant, benign, missed, tn))
            if f"{100 * value:.2f}" == f"{column:.2f}":
                return {"metric": metric, "tn": tn, "sensitivity": tp / malignant}
    return None


def detect_by_scikit_learn(malignant, benign, missed, column):
    truth = np.array([1] * malignant + [0] * benign)
    scores = {
        "specificity": lambda p: recall_score(truth, p, pos_label=0),
        "npv": lambda p: precision_score(truth, p, pos_label=0, zero_division=0),
        "ppv": lambda p: precision_score(truth, p, zero_division=0),
        "accuracy": lambda p: accuracy_score(truth, p),
    }
    likely = {tn for _, tn in fitting(malignant, benign, missed, column, tolerance=0.3)}
    for tn in sorted(likely):
        said = np.array([0] * missed + [1] * (malignant - missed) + [0] * tn + [1] * (benign - tn))
        for metric, score in scores.items():
            if abs(100 * score(said) - column) < 0.00501:
                return {"metric": metric, "tn": tn, "sensitivity": recall_score(truth, said)}
    return None


def detect_with(**changes):
    """Return a right answer in which some entries are computed otherwise, from the right ones."""

    def variant(malignant, benign, missed, column):
        found = detect_by_search(malignant, benign, missed, column)
        counts = {"malignant": malignant, "benign": benign, "missed": missed, "column": column}
        return found | {key: change(found, counts) for key, change in changes.items()}

    return variant


def detect_always(metric):
    def variant(malignant, benign, missed, column):
        values = [RATIOS[metric](*table_of(malignant, benign, missed, tn)) for tn in range(benign + 1)]
        tn = int(np.abs(100 * np.array(values) - column).argmin())
        return {"metric": metric, "tn": tn, "sensitivity": 1 - missed / malignant}

    return variant


def detect_by_exact_equality(malignant, benign, missed, column):
    """Round the share and divide the column: 84.46 / 100 is not 0.8446 to the last bit."""
    for tn in range(benign + 1):
        for metric, ratio in RATIOS.items():
            if round(ratio(*table_of(malignant, benign, missed, tn)), 4) == column / 100:
                return {"metric": metric, "tn": tn, "sensitivity": 1 - missed / malignant}


def detect_without_tn(malignant, benign, missed, column):
    found = detect_by_search(malignant, benign, missed, column)
    return {key: found[key] for key in ("metric", "sensitivity")}


# ---------------------------------------------------------------------------------------------------------
# 05.5


def focal_by_signed_logits(logits, targets, gamma=2.0, alpha=0.25):
    signed = torch.where(targets == 1, logits, -logits)
    weight = torch.where(targets == 1, alpha, 1 - alpha)
    return (-weight * torch.sigmoid(-signed) ** gamma * functional.logsigmoid(signed)).mean()


def focal_by_cross_entropy(logits, targets, gamma=2.0, alpha=0.25):
    loss = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    right = torch.exp(-loss)
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return torch.mean(weight * (1 - right) ** gamma * loss)


def focal_by_softplus(logits, targets, gamma=2.0, alpha=0.25):
    ones = alpha * torch.exp(-gamma * functional.softplus(logits)) * functional.softplus(-logits)
    zeros = (1 - alpha) * torch.exp(-gamma * functional.softplus(-logits)) * functional.softplus(logits)
    return (targets * ones + (1 - targets) * zeros).mean()


def focal_by_softmax(logits, targets, gamma=2.0, alpha=0.25):
    logs = functional.log_softmax(torch.stack([torch.zeros_like(logits), logits], dim=1), dim=1)
    picked = logs.gather(1, targets.long()[:, None])[:, 0]
    weight = torch.tensor([1 - alpha, alpha])[targets.long()]
    return -(weight * (1 - picked.exp()) ** gamma * picked).sum() / len(logits)


def focal_with(weight=None, modulate=None, finish=torch.mean):
    """Return a focal loss with another class weight, another factor, or another last line."""

    def variant(logits, targets, gamma=2.0, alpha=0.25):
        loss = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        right = torch.exp(-loss)
        of_class = alpha * targets + (1 - alpha) * (1 - targets)
        if weight:
            of_class = weight(targets, alpha)
        factor = modulate(right, torch.sigmoid(logits), gamma) if modulate else (1 - right) ** gamma
        return finish(of_class * factor * loss)

    return variant


def focal_divided_by_the_weights(logits, targets, gamma=2.0, alpha=0.25):
    weights = alpha * targets + (1 - alpha) * (1 - targets)
    return focal_by_softplus(logits, targets, gamma, alpha) / weights.mean()


def focal_by_plain_logarithm(logits, targets, gamma=2.0, alpha=0.25):
    p = torch.sigmoid(logits)
    ones = -alpha * (1 - p) ** gamma * torch.log(p)
    zeros = -(1 - alpha) * p**gamma * torch.log(1 - p)
    return (targets * ones + (1 - targets) * zeros).mean()


def focal_by_clamping(logits, targets, gamma=2.0, alpha=0.25):
    """Keep the probability away from 0 and 1, as Keras does."""
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    ones = -alpha * (1 - p) ** gamma * torch.log(p)
    zeros = -(1 - alpha) * p**gamma * torch.log(1 - p)
    return (targets * ones + (1 - targets) * zeros).mean()


def focal_with_where(logits, targets, gamma=2.0, alpha=0.25):
    """Finite itself, but the branch that `where` throws away has a gradient that is not."""
    safe = focal_by_softplus(logits, targets, gamma, alpha)
    p = torch.sigmoid(logits)
    return safe + 0 * torch.where(p < 1, torch.log(1 - p), 0.0).sum()


def focal_of_a_copy(logits, targets, gamma=2.0, alpha=0.25):
    return focal_by_softplus(logits.detach(), targets, gamma, alpha)


def focal_as_a_float(logits, targets, gamma=2.0, alpha=0.25):
    return focal_by_softplus(logits, targets, gamma, alpha).item()


def focal_twice_a_sigmoid(logits, targets, gamma=2.0, alpha=0.25):
    return focal_by_softplus(torch.sigmoid(logits), targets, gamma, alpha)


RIGHT = {
    "05.1": [
        maps_by_loops,
        maps_by_windows,
        maps_by_shifts,
        maps_by_scipy,
        maps_by_torch,
        maps_by_torch_in_single_precision,
    ],
    "05.2": [credit_by_lookup, credit_by_two_loops, credit_by_arrays, credit_by_groups],
    "05.3": [fall_by_newcombe, fall_by_statsmodels, fall_by_drawing, fall_with_added_successes],
    "05.4": [detect_by_search, detect_by_rounding, detect_by_algebra, detect_by_scikit_learn],
    "05.5": [focal_by_signed_logits, focal_by_cross_entropy, focal_by_softplus, focal_by_softmax],
}

WRONG = {
    "05.1": [
        (maps_with(lambda image, kernels: (image, kernels[:, :, ::-1, ::-1])), "You flip the kernel"),
        (maps_one_place_short, "One place too few"),
        (maps_with(padding=0), "The padding is left out"),
        (maps_padded_on_one_side, "on one side only"),
        (maps_with(stride=1), "The stride is left out"),
        (maps_as_large_as_the_picture, "as large as the picture"),
        (maps_with_edges, "repeats the edge"),
        (maps_with(lambda image, kernels: (image[:1], kernels[:, :1])), "Only the first channel"),
        (maps_of_the_last_channel, "Only the last channel"),
        (
            lambda image, kernels, padding=0, stride=1: (
                maps_by_loops(image, kernels, padding, stride) / len(image)
            ),
            "the mean over the channels",
        ),
        (maps_of_each_channel, "Add up over the channels"),
        (maps_with(finish=lambda maps: maps[0]), "the axis of the kernels is missing"),
        (maps_with(finish=lambda maps: maps[None]), "take the axis of the batch away"),
        (maps_with(finish=lambda maps: np.repeat(maps[:1], len(maps), axis=0)), "that of the first kernel"),
        (maps_with(finish=lambda maps: np.maximum(maps, 0)), "That is the ReLU"),
        (maps_with(finish=lambda maps: maps.swapaxes(1, 2)), "have changed places"),
        (maps_with_stride_from_the_middle, "Right for stride 1, but not for stride 2"),
        (
            maps_with(lambda image, kernels: (image, np.broadcast_to([-1, 0, 1], (*kernels.shape[:3], 3)))),
            "is it `kernel` of the notebook",
        ),
        (maps_with(finish=lambda maps: maps + 1), "For one channel, no padding and stride 1"),
    ],
    "05.2": [
        (credit_with(credit_by_all_rows), "the mean of all rows with it"),
        (credit_with(credit_by_best_rows), "the best row with it"),
        (credit_with(lambda rows, k: rows[-1][3] - rows[0][3]), "the last row minus the first"),
        (credit_with(credit_alone), "where both other factors are absent"),
        (credit_turned(lambda value: -value), "The sign is turned round"),
        (credit_turned(lambda value: 100 * value), "in per cent"),
        (credit_with(credit_absolute), "The sign is lost"),
        (credit_with(credit_summed), "the sum over the pairs"),
        (credit_turned(lambda value: round(value, 2)), "is rounded"),
        (credit_turned(lambda value: value + 0.0123), "is not the mean over the"),
        (credit_turned(lambda value: math.nan), "is NaN"),
        (lambda rows: [0.1, 0.2, 0.3], "Return a dictionary"),
        (lambda rows: {"convolution": 0.07, "pooling": 0.4}, "is missing"),
    ],
    "05.3": [
        (fall_by_textbook, "the textbook's ±"),
        (fall_by_drawing_the_films, "Draw the two *accuracies*"),
        (fall_with_added_errors, "are added up"),
        (fall_with(lambda p, q, a, b: (a[0] - b[1], a[1] - b[0])), "the far ends of two intervals"),
        (fall_with(lambda p, q, a, b: (a[0] - b[0], a[1] - b[1])), "adds to it, as squares"),
        (lambda inside, outside: fall_by_newcombe(outside, inside), "The sign is turned round"),
        (lambda inside, outside: fall_by_newcombe(inside, outside)[::-1], "lies above the upper one"),
        (fall_with(lambda p, q, a, b: (p - q, p - q)), "without any width"),
        (fall_with(lambda p, q, a, b: a), "the accuracy inside. The fall needs both"),
        (fall_with(lambda p, q, a, b: b), "the accuracy outside. The fall needs both"),
        (
            lambda inside, outside: [100 * end for end in fall_by_newcombe(inside, outside)],
            "in per cent",
        ),
        (
            fall_with(
                lambda p, q, a, b: (
                    p - q - math.hypot(a[1] - p, q - b[0]),
                    p - q + math.hypot(p - a[0], b[1] - q),
                )
            ),
            "The arms have changed places",
        ),
        (
            fall_with(
                lambda p, q, a, b: (
                    p - q - math.hypot(p - a[0], q - b[0]),
                    p - q + math.hypot(a[1] - p, b[1] - q),
                )
            ),
            "the same arm of both",
        ),
        (
            fall_with(
                lambda p, q, a, b: (
                    p - q - math.hypot(p - a[0], q - b[0]),
                    p - q + math.hypot(p - a[0], q - b[0]),
                )
            ),
            "the same arm of both",
        ),
        (lambda inside, outside: (-0.5, 0.5), "not the ends of a 95 % interval"),
        (lambda inside, outside: 0.07, "has shape"),
    ],
    "05.4": [
        (detect_with(sensitivity=lambda found, n: n["column"] / 100), "That is the published column"),
        (detect_with(sensitivity=lambda found, n: 100 * found["sensitivity"]), "in per cent"),
        (detect_with(sensitivity=lambda found, n: n["missed"] / n["malignant"]), "the share that was missed"),
        (detect_with(sensitivity=lambda found, n: 1 - n["missed"] / n["benign"]), "divide by the benign"),
        (
            detect_with(sensitivity=lambda found, n: 1 - n["missed"] / (n["malignant"] + n["benign"])),
            "divide by all lesions",
        ),
        (
            detect_with(
                sensitivity=lambda found, n: RATIOS["ppv"](
                    *table_of(n["malignant"], n["benign"], n["missed"], found["tn"])
                )
            ),
            "have changed places",
        ),
        (detect_with(metric=lambda found, n: "sensitivity"), "The sensitivity needs no TN"),
        (detect_with(metric=lambda found, n: "recall"), "is none of"),
        (detect_always("specificity"), "Near is not enough"),
        (detect_always("accuracy"), "Near is not enough"),
        (detect_always("npv"), "where the column is another ratio"),
        (
            detect_with(tn=lambda found, n: n["missed"] * n["column"] / (100 - n["column"])),
            "counted whole",
        ),
        (detect_with(tn=lambda found, n: n["benign"] - found["tn"]), "holds the false alarms"),
        (detect_with(tn=lambda found, n: 999), "no table has that"),
        (detect_with(sensitivity=lambda found, n: round(found["sensitivity"], 2)), "is rounded"),
        (detect_by_exact_equality, "your function found nothing"),
        (lambda malignant, benign, missed, column: None, "FN 55, column 84.46 your function found nothing"),
        (detect_without_tn, 'The entry `"tn"` is missing'),
        (lambda malignant, benign, missed, column: ("npv", 245, 0.707), "Return a dictionary"),
    ],
    "05.5": [
        (
            focal_with(weight=lambda targets, alpha: (1 - alpha) * targets + alpha * (1 - targets)),
            "on the wrong class",
        ),
        (focal_with(weight=lambda targets, alpha: alpha * targets + 1 - targets), "should get 1 − α, not 1"),
        (focal_with(weight=lambda targets, alpha: alpha), "Both classes get α"),
        (focal_with(weight=lambda targets, alpha: 1.0), "The class weight α has no part"),
        (focal_with(modulate=lambda right, p, gamma: right**gamma), "then the *sure* answers count"),
        (focal_with(modulate=lambda right, p, gamma: (1 - p) ** gamma), "1 − p for both classes"),
        (focal_with(modulate=lambda right, p, gamma: gamma * (1 - right) + (gamma == 0)), "It is the power"),
        (focal_with(modulate=lambda right, p, gamma: 1.0), "The power γ has no part"),
        (focal_with(modulate=lambda right, p, gamma: (1 - right) ** 2), "Do you use `gamma`"),
        (
            focal_with(lambda targets, alpha: 1.0, lambda right, p, gamma: (1 - right) ** 2),
            "Is it `focal` of the notebook",
        ),
        (focal_divided_by_the_weights, "by the sum of the class weights"),
        (focal_with(finish=lambda each: each.mean(dim=0, keepdim=True)), "no axes"),
        (focal_with(finish=lambda each: -each.mean()), "The sign is missing"),
        (focal_with(finish=torch.sum), "the sum over the examples"),
        (focal_with(finish=lambda each: each), "one number per example"),
        (focal_by_plain_logarithm, "its logarithm breaks"),
        (focal_with_where, "its gradient is not"),
        (focal_by_clamping, "If you clamp the probability"),
        (focal_of_a_copy, "No gradient flows back"),
        (focal_as_a_float, "Return a torch tensor"),
        (focal_twice_a_sigmoid, "A sigmoid is applied twice"),
        (focal_with(finish=lambda each: 1.1 * each.mean()), "It is not the focal loss"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()


@pytest.mark.parametrize("case", lesson_05._COLUMNS)
def test_each_published_column_has_one_answer(case):
    malignant, benign, missed, column, metric, tn = case
    assert fitting(malignant, benign, missed, column) == [(metric, tn)]


def test_the_example_in_the_lesson_has_one_answer():
    assert fitting(30, 90, 6, 80.83) == [("accuracy", 73)]
