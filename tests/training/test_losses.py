"""A loss that is not finite ends the run, and says where."""

import pytest
import torch
from small_runs import X, Y, a_model, quiet, same, weights
from torch import nn
from torch.nn import functional as F

from course_lib.errors import CourseError
from course_lib.training.losses import Losses


def test_a_loss_that_is_not_finite_stops_before_its_step():
    batches, kept = [], []

    def loss(outputs, targets):
        batches.append(1)
        if len(batches) == 9:  # the rehearsal, five batches of the first epoch, the third of the second
            kept.extend(weights(model))
            return outputs.sum() * torch.nan
        return F.cross_entropy(outputs, targets)

    model = a_model()
    words = r"nan at step 8 \(epoch 2, batch 3\) with learning rate 0\.02, after a gradient of norm \d"
    with pytest.raises(CourseError, match=words):
        quiet(model, (X, Y), loss=loss, epochs=5, batch_size=16, learning_rate=0.02)
    assert same(kept, weights(model))


def test_a_rate_that_is_too_high_is_said_to_be():
    with pytest.raises(CourseError, match="a tenth of the learning rate"):
        quiet(
            nn.Linear(6, 1),
            (X * 1e3, X[:, :1] * 1e3),
            loss=F.mse_loss,
            epochs=50,
            learning_rate=10.0,
            optimizer="sgd",
        )


def test_rows_that_are_not_finite_are_counted():
    x = X.clone()
    x[5, 2], x[5, 3], x[60, 0] = torch.nan, torch.inf, torch.inf
    with pytest.raises(CourseError, match="2 of 70 rows hold NaN or infinity"):
        quiet(a_model(), (x, Y), loss=F.cross_entropy, epochs=1)


@pytest.mark.parametrize("name", ["AdamW", "Adam", "SGD"])
def test_where_losses_queue_up_no_step_follows_a_bad_one_and_it_is_named_later(name):
    weight = nn.Parameter(torch.ones(3))
    optimizer = getattr(torch.optim, name)([weight], lr=0.1, fused=True)
    source = type("Source", (), {"steps": 4, "rows": 4, "faulty_rows": lambda self: 0})()
    losses = Losses(optimizer, source, is_queued=True)
    losses.begin(3)
    seen = []
    for factor in (1.0, torch.nan, 1.0, 1.0):
        value = (weight * factor).sum()
        losses.add(value, 1)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        seen.append(weight.detach().clone())
    assert not torch.equal(seen[0], torch.ones(3))
    assert torch.equal(seen[1], seen[0])
    assert torch.equal(seen[3], seen[0])
    with pytest.raises(CourseError, match=r"nan at step 10 \(epoch 3, batch 2\)"):
        losses.mean()
