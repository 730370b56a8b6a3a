"""The palette, as people with each kind of colour blindness see it: simulated, and measured by distance."""

from itertools import combinations

import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE
from matplotlib.colors import to_rgb

from course_lib.exercises.display import TONES
from course_lib.plots import PALETTE, TRAIN_STYLE, VALID_STYLE

# Severity 100 of each: no working cones of one kind (Machado, Oliveira and Fernandes, 2009).
BLINDNESSES = ("protanomaly", "deuteranomaly", "tritanomaly")
SIGHTS = ("normal", *BLINDNESSES)


def seen(color, sight):
    """Return a colour as it is seen."""
    rgb = np.array(to_rgb(color))
    if sight == "normal":
        return rgb
    space = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
    return np.clip(cspace_convert(rgb, space, "sRGB1"), 0, 1)


def distance(one, other, sight):
    """Return how different two colours look, in CAM02-UCS: 1 is just about noticed side by side."""
    return float(deltaE(seen(one, sight), seen(other, sight), input_space="sRGB1"))


def nearest(colors, sight):
    """Return the smallest distance between any two of the colours."""
    return min(distance(one, other, sight) for one, other in combinations(colors, 2))


# Ten times what is just noticed side by side: enough for thin lines that lie apart.
@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_colours_of_the_palette_are_told_apart(sight):
    assert nearest(PALETTE, sight) > 10


@pytest.mark.parametrize("sight", SIGHTS)
def test_training_and_validation_and_the_tones_of_a_verdict_are_told_apart_with_ease(sight):
    assert distance(TRAIN_STYLE["color"], VALID_STYLE["color"], sight) > 20
    assert nearest(TONES.values(), sight) > 20


def test_the_distance_sees_what_colour_blindness_takes_away():
    # Matplotlib's own cycle has an orange and a green that look the same without red cones.
    orange, green = "tab:orange", "tab:green"
    assert distance(orange, green, "normal") > 20
    assert distance(orange, green, "protanomaly") < 5
    greys = [cspace_convert(seen(color, "tritanomaly"), "sRGB1", "CAM02-UCS") for color in ("0.2", "0.8")]
    assert np.allclose(np.array(greys)[:, 1:], 0, atol=3)  # a grey stays grey
