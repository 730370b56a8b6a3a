"""Customers and vehicles: who buys what, with some customers far busier than others."""

from __future__ import annotations

from course_lib.errors import CourseError
from course_lib.registry import Dataset

TASTES = 3  # how many hidden numbers describe a customer's taste, and a vehicle's character
TEMPERATURE = 0.7  # small: everybody buys a few favourites; large: everybody buys anything
TYPICAL_PURCHASES, SPREAD = 6.0, 1.0  # median, and sd of the logarithm, of the expected number of purchases

_CARD = """# Purchases of vehicles (`purchases`)

{customers} simulated customers and {vehicles} simulated vehicles. A customer's taste and a vehicle's
character are {tastes} hidden numbers each, standard normal. Customer c chooses vehicle v with a probability
proportional to exp(taste · character / {temperature}), the same at every purchase. Customers differ in how
often they buy: 1 + a Poisson number, whose mean is log-normal (median {typical:g}, sd of the logarithm
{spread:g}). So they are **not** equally likely to be the buyer of a vehicle of which nothing else is known.

- **Inputs:** B × 1, the number of the customer, one row per purchase
- **Target:** the number of the vehicle
- **Split:** one purchase in four is kept for the test, drawn by lot
- **Not for:** conclusions about people. Real customers learn, tire and imitate.
"""


def purchases(seed: int, customers: int = 300, *, vehicles: int = 40) -> Dataset:
    """Draw who bought which vehicle.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same customers and purchases.
    customers, vehicles : int
        How many there are of each: at least 2.

    Returns
    -------
    Dataset
        `inputs` (B, 1), the customer of each purchase; `targets` (B,), the vehicle.
        `truth["vehicle_given_customer"]` (customers, vehicles) holds P(V|C), each row of it adding up to 1,
        and `truth["customer"]` (customers,) P(C), the share of all purchases to be expected from each.

    Raises
    ------
    CourseError
        If `seed` is negative, or there are fewer than two customers or vehicles.

    Notes
    -----
    **Source:** standard result: a choice by softmax (Luce 1959, Individual Choice Behavior).
    **Shown in:** lesson 03, "Who bought the vehicle?".
    """
    import numpy as np

    for name, value, least in (("seed", seed, 0), ("customers", customers, 2), ("vehicles", vehicles, 2)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.",
                f"Expected a whole number from {least} on.",
                "Write it as `300`, not `300.0`.",
            )
    random = np.random.default_rng(seed)
    taste = random.standard_normal((customers, TASTES))
    character = random.standard_normal((vehicles, TASTES))
    logits = taste @ character.T / TEMPERATURE  # (C, V)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    activity = random.lognormal(np.log(TYPICAL_PURCHASES), SPREAD, customers)
    counts = 1 + random.poisson(activity)
    buyer = np.repeat(np.arange(customers), counts)
    # One uniform number for each purchase, looked up in its buyer's cumulated chances.
    drawn = random.random(len(buyer))[:, None] > chances.cumsum(axis=1)[buyer]
    bought = np.minimum(drawn.sum(axis=1), vehicles - 1)  # a sum that rounding left below 1
    order = random.permutation(len(buyer))
    kept = len(buyer) // 4
    return Dataset(
        name="purchases",
        inputs=buyer[:, None],
        targets=bought,
        input_names=("customer",),
        target_names=tuple(f"vehicle {number}" for number in range(vehicles)),
        units={"customer": "number of the customer"},
        splits={"random": {"train": np.sort(order[kept:]), "test": np.sort(order[:kept])}},
        card=_CARD.format(
            customers=customers,
            vehicles=vehicles,
            tastes=TASTES,
            temperature=TEMPERATURE,
            typical=TYPICAL_PURCHASES,
            spread=SPREAD,
        ),
        truth={"vehicle_given_customer": chances, "customer": (1 + activity) / np.sum(1 + activity)},
    )
