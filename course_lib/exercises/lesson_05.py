"""Checks of lesson 05, "Convolutional networks": a convolution, credit, an interval, an audit, a loss."""

from __future__ import annotations

import math

from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet


def _same(wrong, reference) -> bool:
    """Return whether a slip happens to give the right numbers here, and so is no slip."""
    import numpy as np

    return np.shape(wrong) == np.shape(reference) and np.allclose(wrong, reference)


# ---------------------------------------------------------------------------------------------------------
# 05.1  A convolution

# (channels, height, width), (kernels, height, width), padding, stride: the first is the plainest, the third
# leaves pixels over at the end, the last has neither a square picture nor square kernels.
_SIZES = (
    ((1, 5, 6), (2, 3, 3), 0, 1),
    ((3, 6, 7), (2, 3, 3), 2, 1),
    ((2, 8, 8), (3, 3, 3), 1, 2),
    ((2, 9, 6), (4, 5, 2), 2, 3),
)


def _convolved(image, kernels, padding, stride):
    """Return the maps by torch, in float64."""
    import torch

    maps = torch.nn.functional.conv2d(
        torch.tensor(image)[None], torch.tensor(kernels), padding=padding, stride=stride
    )
    return maps[0].numpy()


def _verify_convolution(answer):
    import numpy as np

    random = np.random.default_rng(51)
    for number, (size, of_kernel, padding, stride) in enumerate(_SIZES):
        image = random.normal(size=size)
        kernels = random.normal(size=(of_kernel[0], size[0], *of_kernel[1:]))
        found = expect_array(
            call(answer, image, kernels, padding=padding, stride=stride), name="the result", kind="any"
        )
        reference = _convolved(image, kernels, padding, stride)
        _expect_shape_of_maps(found, reference, image, kernels, padding, stride)
        flipped = "You flip the kernel before multiplying, as mathematics does. Deep learning does not: lay "
        flipped += "it on as it is, `kernels[k, c, i, j]` on pixel (row + i, column + j)."
        left_edges = np.broadcast_to([-1.0, 0.0, 1.0], kernels.shape).copy() if number == 0 else kernels
        edges = np.pad(image, ((0, 0), (padding,) * 2, (padding,) * 2), mode="edge")
        channels = [
            _convolved(image[c : c + 1], kernels[:, c : c + 1], padding, stride) for c in range(size[0])
        ]
        traps = [
            (_convolved(image, kernels[:, :, ::-1, ::-1].copy(), padding, stride), flipped),
            (_convolved(image, kernels[:, ::-1, ::-1, ::-1].copy(), padding, stride), flipped),
            (
                _convolved(image, left_edges, padding, stride),
                "That is the map of left edges: is it `kernel` of the notebook? Lay on `kernels[k]`.",
            ),
            (
                channels[0],
                "Only the first channel is used. Each kernel has a sheet for every channel; add them up.",
            ),
            (channels[-1], "Only the last channel is left: add up over the channels, do not overwrite."),
            (
                reference / size[0],
                "You take the mean over the channels. One number comes out of all of them: the sum.",
            ),
            (
                np.repeat(reference[:1], len(reference), axis=0),
                "Every map is that of the first kernel. Each kernel makes a map of its own.",
            ),
            (
                np.maximum(reference, 0),
                "What is below zero is cut off. That is the ReLU, a layer of its own.",
            ),
            (
                _convolved(edges, kernels, 0, stride),
                "The border repeats the edge of the picture. Padding here means zeros.",
            ),
        ]
        expect_close(
            found,
            reference,
            name="the result",
            rtol=1e-5,
            atol=1e-5,
            traps=[trap for trap in traps if not _same(trap[0], reference)],
            otherwise=(
                "For one channel, no padding and stride 1 it is not what a convolution gives: multiply the "
                "kernel with the patch below it, and add up.",
                "Right for one channel without padding, but not for three channels with padding 2.",
                "Right for stride 1, but not for stride 2: the place of map pixel (row, column) begins at "
                "picture pixel (row × stride, column × stride), counted with the padding.",
                "Right for square kernels, but not for one of 5 × 2 pixels: keep height and width apart.",
            )[number],
        )
    return (
        "This is all that a convolutional layer computes, apart from a bias. One kernel serves every place; "
        "that is where both the few weights and the equivariance come from."
    )


def _expect_shape_of_maps(found, reference, image, kernels, padding, stride):
    """Say what maps of another size have left out."""
    if found.shape == reference.shape:
        return
    tall, wide = kernels.shape[2:]
    height, width = image.shape[1:]

    def size(padding, stride, one=1, sides=2):
        return tuple(
            (length + sides * padding - k) // stride + one for length, k in ((height, tall), (width, wide))
        )

    told = f"for an image {image.shape}, kernels {kernels.shape}, padding {padding} and stride {stride}"
    if found.shape == reference.shape[1:]:
        raise NotYet(
            f"The result has shape {found.shape} {told}: the axis of the kernels is missing. Return (K, …), "
            "also for a single kernel."
        )
    if len(found.shape) == 4 and found.shape[0] == 1 and found.shape[1:] == reference.shape:
        raise NotYet(f"The result has shape {found.shape}: take the axis of the batch away, `[0]`.")
    if len(found.shape) == 4:
        raise NotYet(
            f"The result has shape {found.shape} {told}. Add up over the channels: (K, rows, columns)."
        )
    here = found.shape[1:]
    for wrong, message in (
        (size(padding, stride, 0), "One place too few each way: the last one counts, so add 1 at the end."),
        (size(padding, stride, 2), "One place too many each way: there the kernel hangs over the edge."),
        (size(0, stride), "The padding is left out."),
        (size(padding, stride, sides=1), "The padding lies on one side only; it is needed on both."),
        (size(padding, 1), "The stride is left out."),
        ((height, width), "The map is as large as the picture, whatever padding and stride say."),
        (reference.shape[:0:-1], "Rows and columns have changed places."),
    ):
        if here == tuple(wrong):
            raise NotYet(f"The result has shape {found.shape} {told}. {message}")
    raise NotYet(f"The result has shape {found.shape} {told}. Expected {reference.shape}.")


# ---------------------------------------------------------------------------------------------------------
# 05.2  Credit

_FACTORS = ("convolution", "pooling", "augmentation")
_TABLES = (
    # As in the lesson: pooling only where there is convolution.
    (
        (False, False, False, 0.09),
        (False, False, True, 0.71),
        (True, False, False, 0.16),
        (True, False, True, 0.84),
        (True, True, False, 0.87),
        (True, True, True, 0.9),
    ),
    # In no order, one combination missing, and one factor that does harm.
    (
        (True, True, True, 0.55),
        (False, True, False, 0.62),
        (True, False, False, 0.31),
        (False, False, True, 0.42),
        (False, False, False, 0.35),
        (True, False, True, 0.47),
        (False, True, True, 0.6),
    ),
    # A chain: one pair for each factor.
    (
        (True, True, True, 0.93),
        (False, False, False, 0.12),
        (True, True, False, 0.88),
        (True, False, False, 0.2),
    ),
)


def _pairs(rows, number):
    """Return (with, without) of all pairs of rows that differ in one factor alone."""
    by_setting = {tuple(row[:3]): row[3] for row in rows}
    found = []
    for setting, accuracy in by_setting.items():
        other = tuple(not value if place == number else value for place, value in enumerate(setting))
        if setting[number] and other in by_setting:
            found.append((accuracy, by_setting[other]))
    return found


def _mean(values):
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def _verify_credit(answer):
    for number, rows in enumerate(_TABLES):
        found = call(answer, list(rows))
        if not isinstance(found, dict):
            raise NotYet(f'Return a dictionary, not a `{type(found).__name__}`: `{{"convolution": …, …}}`.')
        missing = [factor for factor in _FACTORS if factor not in found]
        if missing:
            raise NotYet(f'The entry `"{missing[0]}"` is missing.')
        plain = {tuple(row[:3]): row[3] for row in rows}
        for place, factor in enumerate(_FACTORS):
            value = expect_number(found[factor], name=f'`"{factor}"`')
            pairs = _pairs(rows, place)
            right = _mean(a - b for a, b in pairs)
            if math.isclose(value, right, abs_tol=1e-6):
                continue
            _say_what_credit_was_given(value, right, factor, place, rows, pairs, plain, number)
    return (
        "Compared with nothing else changed, convolution bought little here, pooling and moved copies nearly "
        "all. A mean over all rows with convolution gives it the credit of the pooling that needs it."
    )


def _say_what_credit_was_given(value, right, factor, place, rows, pairs, plain, number):
    """Raise the message of the slip that leads to this gain."""
    has, lacks = ([row[3] for row in rows if bool(row[place]) is there] for there in (True, False))
    alone = plain.get(tuple(k == place for k in range(3)), math.nan) - plain.get((False,) * 3, math.nan)
    traps = [
        (
            _mean(has) - _mean(lacks),
            "You compare the mean of all rows with it to the mean of all rows without. These rows differ in "
            "other factors too, which take the credit along. Compare pairs that differ in this one alone.",
        ),
        (
            max(has) - max(lacks),
            "You compare the best row with it to the best row without, which may differ in other factors.",
        ),
        (
            rows[-1][3] - rows[0][3],
            "That is the last row minus the first: everything has changed between them.",
        ),
        (
            alone,
            "That is the gain where both other factors are absent. Take the mean over all pairs that the "
            "table has.",
        ),
        *((a - b, "That is the gain of one pair only. Take the mean over all pairs.") for a, b in pairs),
        (
            _mean(b - a for a, b in pairs),
            "The sign is turned round: accuracy with the factor minus accuracy without.",
        ),
        (_mean(abs(a - b) for a, b in pairs), "The sign is lost. A factor may do harm, and here one does."),
        (sum(a - b for a, b in pairs), "That is the sum over the pairs. Take their mean."),
        (100 * _mean(a - b for a, b in pairs), "That is in per cent. Return shares, as in the table."),
        (_mean(a / b for a, b in pairs), "You divide. A gain is a difference here: with minus without."),
    ]
    for wrong, message in traps:
        if math.isclose(value, wrong, abs_tol=1e-6):
            raise NotYet(f'`"{factor}"`: {message}')
    if math.isnan(value):
        raise NotYet(f'`"{factor}"` is NaN: no pair was found, and the table has {len(pairs)}.')
    if any(math.isclose(value, round(right, digits), abs_tol=1e-9) for digits in (2, 3, 4)):
        raise NotYet(f'`"{factor}"` is rounded. Return it as it is, please, with all its digits.')
    where = (
        "",
        " This table is in no order, and one combination is missing.",
        " This table is a chain of four.",
    )
    raise NotYet(
        f'`"{factor}"` is not the mean over the {len(pairs)} pairs of rows that differ in it and in nothing '
        f"else.{where[number]}"
    )


# ---------------------------------------------------------------------------------------------------------
# 05.3  Does it fall?


def _wilson(right, films):
    """Return Wilson's 95 % interval, by its formula."""
    z = 1.959964
    centre = (right + z * z / 2) / (films + z * z)
    half = z / (films + z * z) * math.sqrt(right * (films - right) / films + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def _verify_fall(answer):
    cases = (
        ((48, 60), (36, 60)),
        ((59, 60), (55, 60)),
        ((588, 600), (36, 60)),
        ((60, 60), (55, 60)),
        ((60, 60), (60, 60)),
        ((30, 30), (15, 30)),
    )
    for inside, outside in cases:
        told = f"{inside[0]} of {inside[1]} inside, {outside[0]} of {outside[1]} outside"
        found = expect_array(call(answer, inside, outside), name="the interval", kind="any", shape=(2,))
        low, high = (float(end) for end in found)
        if math.isnan(low) or math.isnan(high):
            raise NotYet(f"For {told} an end is NaN: look for the root of a negative number.")
        p, q = inside[0] / inside[1], outside[0] / outside[1]
        (l1, u1), (l2, u2) = _wilson(*inside), _wilson(*outside)
        right = p - q - math.hypot(p - l1, u2 - q), p - q + math.hypot(u1 - p, q - l2)

        def near(ends, tolerance=0.004, low=low, high=high):
            return abs(low - ends[0]) <= tolerance and abs(high - ends[1]) <= tolerance

        if near(right, 0.03):
            continue
        wald = 1.959964 * math.sqrt(p * (1 - p) / inside[1] + q * (1 - q) / outside[1])
        added = 1.959964 * (math.sqrt(p * (1 - p) / inside[1]) + math.sqrt(q * (1 - q) / outside[1]))
        crossed = p - q - math.hypot(u1 - p, q - l2), p - q + math.hypot(p - l1, u2 - q)
        if near([100 * end for end in right], 2.0):
            raise NotYet("That is in per cent. Return shares.")
        for ends, message in (
            (
                (-right[1], -right[0]),
                "The sign is turned round: accuracy inside minus accuracy outside.",
            ),
            (
                (l1 - u2, u1 - l2),
                "You subtract the far ends of two intervals. That supposes both at their worst at once, "
                "so it is too wide: combine the *arms* as sides of a right triangle.",
            ),
            (
                (p - q - wald, p - q + wald),
                "That is the textbook's ±, p(1 − p)/n. Near 0 and 1 it is too narrow (for 60 of 60 it has no "
                "width at all): use Wilson's interval of each. Drawing the films again has the same fault: "
                "60 of 60 draws no error. Draw the two *accuracies*, from a Beta(right + ½, wrong + ½).",
            ),
            (
                (l1 - l2, u1 - u2),
                "You subtract the lower end from the lower and the upper from the upper. Chance in the one "
                "set does not cancel chance in the other; it adds to it, as squares.",
            ),
            ((p - q - added, p - q + added), "The two ± are added up. Independent errors add as squares."),
            (
                crossed,
                "The arms have changed places. The fall is smallest where the inside is lower *and* the "
                "outside higher: p₁ − l₁ goes with u₂ − p₂.",
            ),
            *(
                (
                    (p - q - math.hypot(*down), p - q + math.hypot(*up)),
                    "You take the same arm of both. The fall is smallest where the inside is lower *and* the "
                    "outside higher: p₁ − l₁ goes with u₂ − p₂.",
                )
                for down, up in (
                    ((p - l1, q - l2), (u1 - p, u2 - q)),
                    ((p - l1, q - l2), (p - l1, q - l2)),
                    ((u1 - p, u2 - q), (u1 - p, u2 - q)),
                )
            ),
            ((l1, u1), "That is the interval of the accuracy inside. The fall needs both."),
            ((l2, u2), "That is the interval of the accuracy outside. The fall needs both."),
            ((p - q, p - q), "That is the fall in these films, without any width."),
        ):
            if near(ends):
                raise NotYet(f"{message} (Asked was {told}.)")
        if low > high:
            raise NotYet(f"For {told} the lower end lies above the upper one. Return (low, high).")
        raise NotYet(f"For {told} these are not the ends of a 95 % interval of the fall, to 0.03.")
    return (
        "59 of 60 and 55 of 60: a fall of 0.07, and an interval that holds zero. Sixty films cannot tell. "
        "The same fall with 600 each would be beyond doubt."
    )


# ---------------------------------------------------------------------------------------------------------
# 05.4  The detective

# malignant, benign, missed, published column [%]: the four rows of the lesson, then tables of our own in
# which the column is another ratio. In each exactly one ratio has a whole TN (a test searches).
_COLUMNS = (
    (75, 304, 55, 84.46, "npv", 299),
    (75, 304, 51, 85.34, "npv", 297),
    (75, 304, 47, 86.09, "npv", 291),
    (75, 304, 22, 91.76, "npv", 245),
    (83, 271, 31, 87.82, "specificity", 238),
    (64, 213, 19, 82.67, "accuracy", 184),
    (91, 187, 24, 77.91, "ppv", 168),
)
_METRICS = ("specificity", "npv", "ppv", "accuracy")


def _ratio(metric, malignant, benign, missed, tn):
    """Return a metric in per cent."""
    hits, alarms = malignant - missed, benign - tn
    above, below = {
        "specificity": (tn, benign),
        "npv": (tn, tn + missed),
        "ppv": (hits, hits + alarms),
        "accuracy": (hits + tn, malignant + benign),
    }[metric]
    return 100 * above / below if below else math.nan


def _verify_detective(answer):
    for number, (malignant, benign, missed, column, metric, tn) in enumerate(_COLUMNS):
        told = f"{malignant} malignant, {benign} benign, FN {missed}, column {column}"
        found = _found_anything(answer, malignant, benign, missed, column, told)
        if not isinstance(found, dict):
            raise NotYet(f'Return a dictionary, not a `{type(found).__name__}`: `{{"metric": …, …}}`.')
        missing = [key for key in ("metric", "tn", "sensitivity") if key not in found]
        if missing:
            raise NotYet(f'The entry `"{missing[0]}"` is missing.')
        _expect_sensitivity(found["sensitivity"], malignant, benign, missed, column, tn)
        count = expect_number(found["tn"], name='`"tn"`')
        named = found["metric"]
        if named == metric and count == tn:
            continue
        if named == "sensitivity":
            raise NotYet(
                f"The sensitivity needs no TN: it is (malignant − FN) / malignant = "
                f"{100 * (malignant - missed) / malignant:.2f} %, and {column} is published. ({told}.)"
            )
        if named not in _METRICS:
            raise NotYet(f'`"metric"` is none of {", ".join(f"`{one}`" for one in _METRICS)}.')
        if named == metric and abs(count - tn) < 1:
            raise NotYet(f'`"tn"` is {count:.4g}, and lesions are counted whole: `round(…)`. ({told}.)')
        if named == metric and count == benign - tn:
            raise NotYet(f'`"tn"` holds the false alarms. TN are the benign ones without an alarm. ({told}.)')
        if not 0 <= count <= benign or count != int(count):
            raise NotYet(
                f'`"tn"` is {count:.5g}, and there are {benign} benign lesions: no table has that. ({told}.)'
            )
        gives = _ratio(named, malignant, benign, missed, int(count))
        if number > 3 and named == "npv":
            raise NotYet(
                f"Right for the lesson's table, but not where the column is another ratio. With TN "
                f"{int(count)} the npv is {gives:.2f}. ({told}.)"
            )
        raise NotYet(
            f"With TN {int(count)} the {named} is {gives:.2f}, and {column:.2f} is printed. Near is not "
            f"enough: a whole TN has to give both decimals. ({told}.)"
        )
    return (
        "Four rows, four whole numbers, one ratio: that is no coincidence. The published column equals "
        "TN/(TN+FN), and the true sensitivities are 26.7, 32.0, 37.3 and 70.7 %."
    )


def _found_anything(answer, malignant, benign, missed, column, told):
    """Return what the answer gives; where it is None, say that nothing may have matched."""
    try:
        return call(answer, malignant, benign, missed=missed, column=column)
    except NotYet as nothing:
        if "returned nothing (`None`)" not in str(nothing):
            raise
    raise NotYet(
        f"For {told} your function found nothing and returned `None`. Are all four ratios tried, each in per "
        "cent and then rounded to two decimals, or compared with room for that rounding? (Or is a `return` "
        "missing?)"
    )


def _expect_sensitivity(value, malignant, benign, missed, column, tn):
    """Say what another sensitivity was made of."""
    found = expect_number(value, name='`"sensitivity"`')
    right = (malignant - missed) / malignant
    if math.isclose(found, right, abs_tol=1e-4):
        return
    hits, alarms = malignant - missed, benign - tn
    for wrong, message in (
        (column / 100, f"That is the published column. {missed} of {malignant} were missed: can it be true?"),
        (100 * right, "That is in per cent. Return a share."),
        (missed / malignant, "That is the share that was missed. The sensitivity is the share found."),
        (
            1 - missed / benign,
            "You divide by the benign lesions. Of the *malignant* ones, how many are found?",
        ),
        (
            1 - missed / (malignant + benign),
            "You divide by all lesions. Of the *malignant* ones, how many are found?",
        ),
        (
            hits / (hits + alarms),
            "That is TP / (TP + FP): of the alarms, how many are right. Rows and columns of the confusion "
            "matrix have changed places.",
        ),
        (tn / benign, "That is TN / benign, the specificity: it looks at the benign lesions."),
    ):
        if math.isclose(found, wrong, abs_tol=1e-4):
            raise NotYet(f'`"sensitivity"`: {message}')
    if any(math.isclose(found, round(right, digits), abs_tol=1e-9) for digits in (2, 3)):
        raise NotYet('`"sensitivity"` is rounded. Return it as it is, please, with all its digits.')
    raise NotYet(
        f'`"sensitivity"` is not the share of {malignant} malignant lesions that is found when {missed} are '
        "missed."
    )


# ---------------------------------------------------------------------------------------------------------
# 05.5  Focal loss


def _focal(logits, targets, gamma, alpha):
    """Return the focal loss in float64, from log-probabilities that never overflow."""
    import numpy as np

    signed = np.where(targets > 0.5, logits, -logits)
    log_right, log_wrong = -np.logaddexp(0, -signed), -np.logaddexp(0, signed)
    return -np.where(targets > 0.5, alpha, 1 - alpha) * np.exp(gamma * log_wrong) * log_right


def _verify_focal(answer):
    import numpy as np
    import torch

    random = np.random.default_rng(55)
    usual = random.normal(0, 2, size=40), (random.random(40) < 0.3).astype(float)
    extreme = np.array([90.0, -90.0, 90.0, -90.0, 20.0, -20.0]), np.array([1.0, 0.0, 0.0, 1.0, 0.0, 1.0])
    for (logits, targets), gamma, alpha in (
        (usual, 0.0, 0.25),  # not ½: there a mean weighted by α is the plain mean
        (usual, 2.0, 0.25),
        (usual, 1.5, 0.8),
        (extreme, 2.0, 0.25),
        (extreme, 0.0, 0.5),
    ):
        given = torch.tensor(logits, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
        found = call(answer, *given, gamma=gamma, alpha=alpha)
        each = _focal(logits, targets, gamma, alpha)
        told = f"with γ = {gamma:g} and α = {alpha:g}"
        value = _loss_value(found, each)
        if logits is extreme[0]:
            _expect_finite(answer, value, given, gamma, alpha)
        p = 1 / (1 + np.exp(-logits))
        cross_entropy = _focal(logits, targets, 0, 1) + _focal(logits, targets, 0, 0)
        right = np.where(targets > 0.5, p, 1 - p)
        of_class = np.where(targets > 0.5, alpha, 1 - alpha)
        plain = _focal(logits, targets, gamma, 0.5) / 0.5
        traps = [
            (
                _focal(logits, targets, gamma, 1 - alpha),
                "The weights are on the wrong class: α for class 1, 1 − α for 0.",
            ),
            (
                plain * np.where(targets > 0.5, alpha, 1),
                "Class 1 gets α, and class 0 should get 1 − α, not 1.",
            ),
            (alpha * plain, "Both classes get α. Class 1 gets α, and class 0 gets 1 − α."),
            (plain, "The class weight α has no part in it."),
            (_focal(logits, targets, 2, alpha), "Do you use `gamma`? This is γ = 2, whatever is asked."),
            (
                2 * _focal(logits, targets, 2, 0.5),
                "Is it `focal` of the notebook? There γ is always 2, and α has no part in it.",
            ),
            (
                of_class * right**gamma * cross_entropy,
                "You weight by p_t^γ: then the *sure* answers count. It is (1 − p_t)^γ.",
            ),
            (
                of_class * (1 - p) ** gamma * cross_entropy,
                "You use 1 − p for both classes. For class 0 the true class has probability 1 − p, so there "
                "1 − p_t is p.",
            ),
            (
                of_class * gamma * (1 - right) * cross_entropy,
                "Here γ is a factor. It is the power of 1 − p_t.",
            ),
            (of_class * cross_entropy, "The power γ has no part in it: that is weighted cross-entropy."),
            (-each, "The sign is missing: log p is negative, and a loss is not."),
            (each / np.log(2), "The logarithm has base 2. Use the natural one."),
        ]
        traps = [(wrong.mean(), message) for wrong, message in traps]
        traps.append(
            (
                each.sum() / of_class.sum(),
                "You divide by the sum of the class weights. Divide by the examples.",
            )
        )
        traps.append((each.sum(), "That is the sum over the examples. Take the mean."))
        probability = _focal(p, targets, gamma, alpha).mean()
        traps.append(
            (probability, "A sigmoid is applied twice: `logits` are log-odds, and some functions take those.")
        )
        expect_close(
            value,
            each.mean(),
            name="the loss",
            rtol=1e-4,
            atol=1e-7,
            traps=[trap for trap in traps if not math.isclose(trap[0], each.mean(), rel_tol=1e-3)],
            otherwise=(
                "Right for usual log-odds, but not for ±90. If you clamp the probability: that stops the "
                "loss (a clamp at 1e-7 near 16, where −log p is 90), and its gradient is 0 there. Use "
                "`logsigmoid`."
                if logits is extreme[0]
                else f"It is not the focal loss {told}."
            ),
        )
    return (
        "With γ = 0 and α = ½ it is half the cross-entropy. With γ = 2 an answer that is right with 0.9 "
        "counts a hundredth: good where easy cases drown the hard ones, bad where a probability is to be "
        "believed."
    )


def _loss_value(found, each):
    """Return the loss as a number, or say what shape it has instead."""
    if not hasattr(found, "detach"):
        raise NotYet(
            f"The loss is of type `{type(found).__name__}`. Return a torch tensor, or nothing can be learned "
            "from it: no `.item()`, no NumPy."
        )
    if tuple(found.shape) == each.shape:
        raise NotYet("It returns one number per example. Take the mean.")
    if tuple(found.shape) == (1,):
        raise NotYet(
            "The loss has shape (1,). Expected is a tensor with one number and no axes: `.mean()`, or "
            "`loss[0]`."
        )
    return expect_number(found.detach(), name="the loss")


def _expect_finite(answer, value, given, gamma, alpha):
    """Refuse what breaks where an answer is very sure."""
    import torch

    why = "log-odds of ±90 make a probability of exactly 0 or 1 in float32"
    if not math.isfinite(value):
        raise NotYet(
            f"The loss is {value} for extreme log-odds: {why}, and its logarithm breaks. `logsigmoid` and "
            "`binary_cross_entropy_with_logits` take the log-odds themselves."
        )
    logits = given[0].clone().requires_grad_()
    with torch.enable_grad():
        # A product, not the leaf itself: `call` would hand on a copy of that, and the gradient with it.
        loss = call(answer, 1.0 * logits, given[1], gamma=gamma, alpha=alpha)
    broken = "No gradient flows back to `logits`: look for `.detach()`, `.data`, `no_grad` or NumPy."
    if not loss.requires_grad:
        raise NotYet(broken)
    (gradient,) = torch.autograd.grad(loss, logits, allow_unused=True)
    if gradient is None:
        raise NotYet(broken)
    if not torch.isfinite(gradient).all():
        raise NotYet(
            f"The loss is finite, its gradient is not: {why}. Look for a logarithm or a root of 0, also in a "
            "branch that `where` throws away."
        )


EXERCISES = (
    Exercise(
        id="05.1",
        title="A convolution",
        kind="complete",
        minutes=12,
        difficulty=3,
        hints=(
            "Pad first; then everything happens inside the padded image. Where does the patch of the map's "
            "pixel (row, column) begin?",
            "Loop over the rows and columns of the *map*. The patch is `padded[:, row * stride : row * "
            "stride + h, …]`, shape (C, h, w): multiply it with each kernel and add up everything.",
            "In the innermost loop, with `patch` of shape (C, h, w): `maps[:, row, column] = (kernels * "
            "patch).sum(axis=(1, 2, 3))`. What is missing are the padding (`np.pad` with a pair for each "
            "axis) and the size of `maps`.",
        ),
        verify=_verify_convolution,
    ),
    Exercise(
        id="05.2",
        title="Who deserves the credit?",
        kind="design",
        minutes=10,
        difficulty=3,
        hints=(
            "Which two rows of the table differ in pooling and in nothing else? Their difference is what "
            "pooling bought there.",
            "Two loops over the rows, one inside the other. Keep a pair if the first row has the factor, the "
            "second has not, and the two other booleans agree.",
            "For factor number k of a row: `a[k] and not b[k] and all(a[j] == b[j] for j in range(3) if j != "
            "k)`; then `a[3] - b[3]`, and the mean of all of them.",
        ),
        verify=_verify_credit,
    ),
    Exercise(
        id="05.3",
        title="Does it fall?",
        kind="design",
        minutes=8,
        difficulty=3,
        hints=(
            "Each accuracy has an interval with two arms, one down and one up. Which arm of which set makes "
            "the fall smaller?",
            "The fall is smallest where the inside is lower and the outside higher than they look: `p1 - l1` "
            "and `u2 - p2`. As they are independent, they add as squares: `np.hypot`.",
            "`low = p1 - p2 - np.hypot(p1 - l1, u2 - p2)`; for `high` the two other arms.",
        ),
        verify=_verify_fall,
    ),
    Exercise(
        id="05.4",
        title="The detective",
        kind="audit",
        minutes=14,
        difficulty=4,
        hints=(
            "The sensitivity needs only two of the four inputs. For the rest: which numbers of a 2 × 2 table "
            "do you know already, and which single one is missing?",
            "Go through all whole numbers TN from 0 to `benign`. Each gives four ratios: round each to two "
            "decimals, and compare with the column.",
            "TP is `malignant - missed`, FP is `benign - tn`. For example the npv fits if `abs(100 * tn / "
            "(tn + missed) - column) < 0.00501`; mind a division by zero. Three more ratios like it.",
        ),
        verify=_verify_detective,
    ),
    Exercise(
        id="05.5",
        title="Focal loss",
        kind="complete",
        minutes=10,
        difficulty=3,
        hints=(
            "Begin with the probability of the *true* class. Its log-odds are `logits` where the target is "
            "1, and `-logits` where it is 0.",
            "`binary_cross_entropy_with_logits(logits, targets, reduction='none')` is −log p_t, and safe. "
            "1 − p_t is the sigmoid of minus the log-odds of the true class.",
            "With `signed = (2 * targets - 1) * logits`: 1 − p_t is `torch.sigmoid(-signed)`, log p_t is "
            "`nn.functional.logsigmoid(signed)`. What is missing are α_t, the power, the sign and the mean.",
        ),
        verify=_verify_focal,
    ),
)
