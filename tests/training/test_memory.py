"""A batch that does not fit into memory is cut where that gives the same, and refused where it does not."""

import functools
import re

import pytest
import torch
from small_runs import Rows, X, Y, a_model, accuracy, column, quiet, same, weights
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from course_lib.errors import CourseError
from course_lib.training import evaluate, fit


class Small(nn.Module):
    """A model on a device with room for so many rows at once, from one of its calls on."""

    def __init__(self, most, model=None, from_call=0):
        super().__init__()
        self.model, self.most, self.from_call, self.calls = model or a_model(), most, from_call, []

    def forward(self, x):
        self.calls.append(len(x))
        if len(self.calls) > self.from_call and len(x) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.model(x)


PLAIN = dict(loss=F.cross_entropy, epochs=3, batch_size=32, learning_rate=0.02, seed=0)


@pytest.mark.parametrize("most", [31, 16, 5, 1])
@pytest.mark.parametrize("from_call", [0, 6])
@pytest.mark.parametrize("form", ["tensors", "dataset", "loader"])
def test_pieces_give_the_losses_and_weights_of_whole_batches(most, from_call, form):
    def data():
        loader = DataLoader(Rows(X, Y), batch_size=32, shuffle=True)
        return {"tensors": (X, Y), "dataset": Rows(X, Y), "loader": loader}[form]

    whole, cut = a_model(), Small(most, from_call=from_call)
    settings = PLAIN | {"clip_norm": 0.5}
    expected = quiet(whole, data(), **settings)
    history = quiet(cut, data(), **settings)
    assert column(history, "train_loss") == pytest.approx(column(expected, "train_loss"), rel=1e-5)
    for one, other in zip(weights(cut.model), weights(whole), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    assert max(cut.calls[-4:]) <= most


def test_the_student_is_told_once_and_silence_is_kept(capsys):
    fit(Small(10), (X, Y), **PLAIN)
    said = capsys.readouterr().out
    assert (
        said.count("Memory is full at 32 rows: batches are cut into pieces of 8, to the same gradient.") == 1
    )
    quiet(Small(10), (X, Y), **PLAIN)
    assert capsys.readouterr().out == ""


class Running(nn.Module):
    """A model that keeps a mean over what it has seen."""

    def __init__(self):
        super().__init__()
        self.model = a_model()
        self.register_buffer("mean", torch.zeros(6))

    def forward(self, x):
        self.mean.lerp_(x.mean(0), 0.1)
        return self.model(x)


class Mixing(nn.Module):
    """A model that compares each row with the others of its batch."""

    def __init__(self):
        super().__init__()
        self.model = a_model()

    def forward(self, x):
        return self.model(x - x.mean(0))


def contrast(outputs, targets):
    return -F.log_softmax(outputs @ outputs.T, 0).diagonal().mean()


WHOLE = {
    "batch norm": (
        dict(model=nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))),
        "batch norm computes with the means of a whole batch",
    ),
    "running mean": (dict(model=Running()), "a buffer of `model` changes with each batch"),
    "mixed rows": (dict(model=Mixing()), "`model` mixes the examples of a batch"),
    "class weights": (
        dict(loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 9.0]))),
        "`loss` is not the mean over the examples",
    ),
    "sum": (dict(loss=functools.partial(F.cross_entropy, reduction="sum")), "`loss` is not the mean"),
    "contrast": (dict(loss=contrast), "`loss` is not the mean"),
    "ignored labels": (
        dict(train=(X, torch.cat([Y[:-1], Y.new_tensor([-100])]))),
        "`loss` ignores some examples",
    ),
    "ignored labels of a function": (
        dict(train=(X, Y), loss=functools.partial(F.cross_entropy, ignore_index=2)),
        "`loss` ignores some examples",
    ),
}


@pytest.mark.parametrize("from_call", [0, 6])
@pytest.mark.parametrize("name", WHOLE)
def test_where_pieces_would_give_something_else_the_batch_that_fits_is_named(name, from_call):
    changes, why = WHOLE[name]
    settings = PLAIN | changes
    model = Small(10, settings.pop("model", a_model()), from_call)
    state = torch.get_rng_state()
    with pytest.raises(CourseError) as refusal:
        quiet(model, settings.pop("train", (X, Y)), **settings)
    assert why in str(refusal.value)
    assert refusal.value.suggestion == "Try `batch_size=8`."
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_the_batch_that_is_named_does_fit():
    changes, _ = WHOLE["batch norm"]
    with pytest.raises(CourseError) as refusal:
        quiet(Small(10, changes["model"]), (X, Y), **PLAIN)
    named = int(re.search(r"batch_size=(\d+)", str(refusal.value)).group(1))
    assert len(quiet(Small(10, changes["model"]), (X, Y), **PLAIN | {"batch_size": named})) == 3


def test_a_row_that_does_not_fit_is_said_to_be_too_large():
    with pytest.raises(CourseError, match="too small for one row"):
        quiet(Small(0), (X, Y), **PLAIN)


def test_running_out_leaves_no_trace_in_means_and_random_numbers():
    # Memory ends in the backward pass, when dropout has been drawn.
    class Late(torch.autograd.Function):
        @staticmethod
        def forward(context, x, most):
            context.most = most
            return x.clone()

        @staticmethod
        def backward(context, gradient):
            if len(gradient) > context.most:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
            return gradient, None

    class Net(nn.Module):
        def __init__(self, most):
            super().__init__()
            self.model, self.most = a_model(dropout=0.5), most

        def forward(self, x):
            return Late.apply(self.model(x), self.most)

    runs = []
    for _ in range(2):
        model = Net(10)
        torch.manual_seed(3)
        history = quiet(model, (X, Y), **PLAIN | {"seed": None})
        runs.append((weights(model), column(history, "train_loss")))
    assert same(runs[0][0], runs[1][0])
    # In pieces of eight rows from the start: the rehearsal finds out, and draws nothing that counts.
    model = Net(8)
    torch.manual_seed(3)
    assert column(quiet(model, (X, Y), **PLAIN | {"seed": None}), "train_loss") == runs[0][1]
    assert same(weights(model), runs[0][0])


def test_measuring_takes_smaller_batches_without_a_word(capsys):
    model, settings = Small(9), {"loss": F.cross_entropy, "metrics": {"accuracy": accuracy}}
    expected = evaluate(model.model, (X, Y), **settings)
    for from_call in (0, 1):
        model = Small(9, from_call=from_call)
        measured = evaluate(model, (X, Y), **settings)
        assert measured == {name: pytest.approx(value, rel=1e-5) for name, value in expected.items()}
    history = fit(Small(9), (X, Y), Rows(X, Y), **PLAIN | {"batch_size": 8, "epochs": 1})
    assert history[0]["valid_loss"] > 0
    assert "Memory" not in capsys.readouterr().out


def test_a_loader_whose_batches_cannot_be_measured_is_refused_in_words():
    loader = DataLoader(Rows(X, Y), batch_size=32)
    with pytest.raises(CourseError, match=r"full at a batch of 32 rows of `data`.*`DataLoader`"):
        evaluate(Small(9), loader, loss=F.cross_entropy)
