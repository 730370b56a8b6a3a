"""The forms of data that can be trained on."""

import functools

import numpy as np
import pytest
import torch
from small_runs import Rows, a_model, classes, column, quiet, same, weights
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_lib.errors import CourseError
from course_lib.training import evaluate


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: (x.numpy(), y.numpy()),
        lambda x, y: (x.numpy().astype(">f8"), y.numpy().astype("int32")),
        lambda x, y: [x, y],
        lambda x, y: TensorDataset(x, y),
        lambda x, y: Rows(x, y),
        lambda x, y: ((x,), y),
    ],
    ids=["arrays", "arrays of other types", "list", "TensorDataset", "Dataset", "tuple of inputs"],
)
def test_every_form_of_the_same_data_trains_alike(make):
    x, y = classes()
    reference, model = a_model(dropout=0.2), a_model(dropout=0.2)
    torch.manual_seed(3)
    expected = quiet(reference, (x, y), (x, y), loss=F.cross_entropy, epochs=2, batch_size=16)
    torch.manual_seed(3)
    history = quiet(model, make(x, y), make(x, y), loss=F.cross_entropy, epochs=2, batch_size=16)
    assert column(history, "train_loss") == pytest.approx(column(expected, "train_loss"), rel=1e-6)
    assert column(history, "valid_loss") == pytest.approx(column(expected, "valid_loss"), rel=1e-6)


def test_workers_prepare_the_same_batches():
    x, y = classes()
    runs = []
    for workers in (0, 1):
        model = a_model()
        quiet(model, Rows(x, y), loss=F.cross_entropy, epochs=2, seed=1, workers=workers)
        runs.append(weights(model))
    assert same(*runs)


def test_a_loader_keeps_its_own_batches_and_order():
    x, y = classes()
    model, other = a_model(), a_model()
    history = quiet(model, DataLoader(TensorDataset(x, y), batch_size=16), loss=F.cross_entropy, epochs=2)
    optimizer = torch.optim.AdamW(other.parameters(), lr=1e-3)
    expected = []
    for _ in range(2):
        values = []
        for start in range(0, 70, 16):
            optimizer.zero_grad()
            value = F.cross_entropy(other(x[start : start + 16]), y[start : start + 16])
            value.backward()
            optimizer.step()
            values.append(value.item() * len(x[start : start + 16]))
        expected.append(sum(values) / 70)
    assert column(history, "train_loss") == pytest.approx(expected, rel=1e-3)


def test_a_stream_without_a_length_trains_too_and_cannot_be_scheduled():
    class Stream(IterableDataset):
        def __iter__(self):
            yield from zip(*classes(), strict=True)

    history = quiet(a_model(), Stream(), loss=F.cross_entropy, epochs=3, batch_size=16, learning_rate=0.01)
    assert history[2]["train_loss"] < history[0]["train_loss"]
    with pytest.raises(CourseError, match="does not tell its length"):
        quiet(a_model(), Stream(), loss=F.cross_entropy, epochs=1, schedule=lr_scheduler.CosineAnnealingLR)


def test_several_inputs_and_several_outputs_reach_model_loss_and_metrics():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(2, 1), nn.Linear(3, 1)

        def forward(self, a, b):
            return self.first(a), self.second(b)

    a, b = torch.randn(40, 2), torch.randn(40, 3)
    data = ((a, b), (a.sum(1, keepdim=True), b.sum(1, keepdim=True)))

    def loss(outputs, targets):
        return sum(F.mse_loss(*pair) for pair in zip(outputs, targets, strict=True))

    def worst(outputs, targets):
        return max((o - t).abs().max() for o, t in zip(outputs, targets, strict=True))

    model = Two()
    history = quiet(
        model, data, data, loss=loss, epochs=150, learning_rate=0.05, metrics={"worst": worst}, batch_size=8
    )
    assert history[-1]["worst"] < 0.05
    assert evaluate(model, data, loss=loss)["loss"] == pytest.approx(history[-1]["valid_loss"], rel=1e-4)


def test_arrays_are_not_changed_and_may_be_read_only():
    x, y = (part.numpy().copy() for part in classes())
    x.flags.writeable = y.flags.writeable = False
    before = x.copy()
    quiet(a_model(), (x, y), loss=F.cross_entropy, epochs=1)
    assert np.array_equal(x, before)


def test_a_model_of_doubles_takes_arrays_of_floats():
    x, y = classes()
    quiet(a_model().double(), (x.numpy(), y.numpy()), loss=F.cross_entropy, epochs=1)


def test_bfloat16_computes_in_bfloat16_and_trains():
    seen = []

    def loss(outputs, targets):
        seen.append(outputs.dtype)
        return F.cross_entropy(outputs.float(), targets)

    model = a_model()
    history = quiet(
        model, classes(), classes(), loss=loss, epochs=5, precision="bfloat16", learning_rate=0.01
    )
    assert set(seen) == {torch.bfloat16}
    assert history[-1]["valid_loss"] < history[0]["valid_loss"]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


def test_channels_last_gives_the_same_losses_with_images_laid_out_by_pixel():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.conv, self.head, self.layouts = nn.Conv2d(2, 4, 3), nn.Linear(4, 3), set()

        def forward(self, x):
            self.layouts.add(x.is_contiguous(memory_format=torch.channels_last))
            return self.head(self.conv(x).relu().mean((2, 3)))

    data = torch.randn(40, 2, 6, 6), torch.randint(3, (40,))
    plain, by_pixel = Net(), Net()
    expected = quiet(plain, data, loss=F.cross_entropy, epochs=2, seed=0)
    history = quiet(by_pixel, data, loss=F.cross_entropy, epochs=2, seed=0, channels_last=True)
    assert (plain.layouts, by_pixel.layouts) == ({False}, {True})
    assert column(history, "train_loss") == pytest.approx(column(expected, "train_loss"), rel=1e-4)


@pytest.mark.parametrize("works", [True, False])
def test_a_compiled_model_is_used_or_refused_with_a_reason(works, monkeypatch):
    calls = []

    def compiled(model, mode):
        def forward(*inputs):
            calls.append(1)
            if not works:
                raise RuntimeError("Compiler: c++ is not found\nlong log")
            return model(*inputs)

        return forward

    monkeypatch.setattr(torch, "compile", compiled)
    train = functools.partial(quiet, a_model(), classes(), loss=F.cross_entropy, epochs=2, compile=True)
    if works:
        train(batch_size=70)
        assert len(calls) == 3  # once before, and once in each epoch
    else:
        with pytest.raises(CourseError, match=r"could not be compiled: Compiler: c\+\+ is not found\. "):
            train()
