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
