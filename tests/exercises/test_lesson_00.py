"""Right and wrong answers to the exercises of lesson 00."""

import numpy as np

# --- 00.1: the largest share that is true at every shift up to `reach` -----------------------------


def smallest_of_a_generator(shares, reach):
    return min(shares[shift] for shift in range(-reach, reach + 1))


def loop(shares, reach):
    worst = 1.0
    for shift, share in shares.items():
        if -reach <= shift <= reach and share < worst:
            worst = share
    return worst


def filtered_list(shares, reach):
    near = [share for shift, share in shares.items() if abs(shift) <= reach]
    return sorted(near)[0]


def numpy_mask(shares, reach):
    shifts, values = np.array(list(shares)), np.array(list(shares.values()))
    return values[np.abs(shifts) <= reach].min()


def outwards(shares, reach):
    found = [shares[0]]
    for step in range(1, reach + 1):
        found += [shares[step], shares[-step]]
    return min(found)


def unshifted_only(shares, reach):
    return shares[0]


def mean_over_the_shifts(shares, reach):
    return float(np.mean([shares[shift] for shift in range(-reach, reach + 1)]))


def mean_over_the_table(shares, reach):
    return sum(shares.values()) / len(shares)


def best_shift(shares, reach):
    return max(shares[shift] for shift in range(-reach, reach + 1))


def at_any_shift(shares, reach):
    return min(shares.values())


def smallest_key(shares, reach):
    return min(shares)


def worst_shift_itself(shares, reach):
    return min(range(-reach, reach + 1), key=shares.get)


def read_wrongly(shares, reach):
    return 1 - smallest_of_a_generator(shares, reach)


def per_cent(shares, reach):
    return 100 * smallest_of_a_generator(shares, reach)


def range_stops_early(shares, reach):
    return min(shares[shift] for shift in range(-reach, reach)) if reach else shares[0]


def strictly_inside(shares, reach):
    return min([shares[0], *(share for shift, share in shares.items() if abs(shift) < reach)])


def to_the_right_only(shares, reach):
    return min(shares[shift] for shift in range(reach + 1))


def to_the_left_only(shares, reach):
    return min(shares[-shift] for shift in range(reach + 1))


def both_edges_only(shares, reach):
    return min(shares[-reach], shares[reach])


def right_edge_only(shares, reach):
    return shares[reach]


def by_position(shares, reach):
    values, middle = list(shares.values()), len(shares) // 2
    return min(values[middle - reach : middle + reach + 1])


def rounded(shares, reach):
    return round(smallest_of_a_generator(shares, reach), 2)


def rounded_to_three(shares, reach):
    return round(smallest_of_a_generator(shares, reach), 3)


def shifts_of_the_lesson_only(shares, reach):
    return min(shares[shift] for shift in (-2, -1, 0, 1, 2) if abs(shift) <= reach)


def centre_neighbours_and_edges(shares, reach):
    return min(shares[shift] for shift in {0, min(1, reach), -min(1, reach), reach, -reach})


def training_accuracy(shares, reach):
    return 0.99


def the_notebooks_table(shares, reach):
    table = {-2: 0.2, -1: 0.5, 0: 0.9, 1: 0.6, 2: 0.2}
    return min(table.values())


def starts_at_zero(shares, reach):
    worst = 0
    for shift in range(-reach, reach + 1):
        worst = min(worst, shares[shift])
    return worst


def without_end_to_the_left(shares, reach):
    return min(share for shift, share in shares.items() if shift <= reach)


def range_stops_early_and_finds_nothing(shares, reach):
    return min([shares[shift] for shift in range(reach, reach)])


def prints_it(shares, reach):
    print(smallest_of_a_generator(shares, reach))


def a_sentence(shares, reach):
    return f"at least {smallest_of_a_generator(shares, reach):.2f}"


def all_of_them(shares, reach):
    return np.array([shares[shift] for shift in range(-reach, reach + 1)])


def true_or_false(shares, reach):
    return smallest_of_a_generator(shares, reach) > 0.5


def deletes_the_others(shares, reach):
    for shift in [shift for shift in shares if abs(shift) > reach]:
        del shares[shift]
    return min(shares.values())


def without_reach(shares):
    return min(shares.values())


def half_of_it(shares, reach):
    return smallest_of_a_generator(shares, reach) / 2


RIGHT = {"00.1": [smallest_of_a_generator, loop, filtered_list, numpy_mask, outwards]}

WRONG = {
    "00.1": [
        (unshifted_only, "the accuracy without a shift"),
        (mean_over_the_shifts, "the mean over the shifts"),
        (mean_over_the_table, "the mean over the whole table"),
        (best_shift, "the best case"),
        (at_any_shift, "the worst of the whole table"),
        (smallest_key, "looks at its keys"),
        (worst_shift_itself, "the shift at which it is worst"),
        (read_wrongly, "the share read wrongly"),
        (per_cent, "in per cent"),
        (range_stops_early, "stops one before"),
        (strictly_inside, "The edges belong to it"),
        (to_the_right_only, "to the right only"),
        (to_the_left_only, "to the left only"),
        (both_edges_only, "the two edges only"),
        (right_edge_only, "at one edge"),
        (by_position, "by position"),
        (rounded, "It is rounded"),
        (rounded_to_three, "It is rounded"),
        (shifts_of_the_lesson_only, "hardest to keep"),
        (centre_neighbours_and_edges, "go through all"),
        (training_accuracy, "the same number for two different tables"),
        (the_notebooks_table, "the same number for two different tables"),
        (starts_at_zero, "a start value of 0"),
        (without_end_to_the_left, "goes on to the left"),
        (range_stops_early_and_finds_nothing, "It was called with `shares` of 7 entries, `reach` = `2`"),
        (prints_it, "forget `return`"),
        (a_sentence, "Expected a number"),
        (all_of_them, "Expected one number"),
        (true_or_false, "Expected a number"),
        (deletes_the_others, "in place"),
        (without_reach, "Keep the first line"),
        (half_of_it, "hardest to keep"),
    ]
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()
