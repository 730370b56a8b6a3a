"""The weights that travel with the course: untouched, small, and what their script still makes."""

import inspect

import numpy as np
import pytest
import torch

import course_lib as cl
import course_lib.weights as room
from course_lib.errors import CourseError
from course_lib.weights import glyph_body


def few_shot_accuracy(body, seed=31, tasks=20):
    """Return how often the nearest class mean is right: ten glyphs of another alphabet, two pictures each."""
    signs = cl.simulators.glyphs(seed, classes=10 * tasks, images=22, noise=glyph_body.NOISE)
    body.eval()
    with torch.no_grad():
        features = body(torch.tensor(signs.inputs[:, None])).numpy().reshape(tasks, 10, 22, -1)
    means = features[:, :, :2].mean(axis=2)  # (tasks, 10, D)
    distance = ((features[:, :, 2:, None] - means[:, None, None]) ** 2).sum(axis=-1)
    return np.mean(distance.argmin(axis=-1) == np.arange(10)[:, None])


@pytest.fixture(scope="module")
def shipped():
    body = glyph_body.new_body()
    body.load_state_dict(cl.pretrained("glyph_body"))
    return body


def test_the_weights_are_small_and_finite():
    weights = cl.pretrained("glyph_body")
    assert (room._HERE / "glyph_body.pt").stat().st_size < 300_000
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_each_call_gives_weights_of_its_own():
    cl.pretrained("glyph_body")["0.0.weight"].zero_()
    assert cl.pretrained("glyph_body")["0.0.weight"].abs().sum() > 0


def test_the_weights_know_more_than_an_untrained_body(shipped):
    torch.manual_seed(0)
    assert few_shot_accuracy(shipped) > few_shot_accuracy(glyph_body.new_body()) + 0.3


def test_the_script_still_makes_weights_that_are_as_good(shipped):
    again = glyph_body.train()
    assert abs(few_shot_accuracy(again) - few_shot_accuracy(shipped)) < 0.02
    assert again.state_dict().keys() == cl.pretrained("glyph_body").keys()


def test_weights_that_changed_on_the_way_are_refused(tmp_path, monkeypatch):
    changed = bytearray((room._HERE / "glyph_body.pt").read_bytes())
    changed[-100] ^= 1
    (tmp_path / "glyph_body.pt").write_bytes(changed)
    monkeypatch.setattr(room, "_HERE", tmp_path)
    with pytest.raises(CourseError, match="the file has changed since it was made"):
        cl.pretrained("glyph_body")


def test_unknown_weights_get_the_name_that_was_probably_meant():
    with pytest.raises(CourseError, match="Did you mean `glyph_body`"):
        cl.pretrained("glyph_bodies")


def test_the_docstring_tells_the_recipe_of_the_script():
    said = inspect.getdoc(cl.pretrained)
    assert f"{glyph_body.CLASSES} glyphs" in said
