"""What cannot train is refused before the first step, with advice."""

import functools
import re

import numpy as np
import pytest
import torch
from small_runs import Rows, X, Y, a_model, accuracy, quiet, same, weights
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_lib.errors import CourseError
from course_lib.training import evaluate, fit

REFUSED = {
    "inputs too wide": (dict(train=(torch.randn(70, 9), Y)), r"\(70, 9\)|\(64, 9\)", r"\(B, 6\)"),
    "flatten": (dict(train=(torch.randn(70, 2, 3), Y)), r"\(64, 2, 3\)", r"inputs\.flatten\(1\)"),
    "doubles": (dict(train=(X.double(), Y)), "float64", r"inputs\.float\(\)"),
    "whole numbers": (dict(train=(X.long(), Y)), "int64", r"inputs\.float\(\)"),
    "valid too wide": (dict(valid=(torch.randn(70, 9), Y)), "`valid`", r"\(B, 6\)"),
    "labels from one": (dict(train=(X, Y + 1)), "from 1 to 3", r"targets - 1"),
    "labels beyond": (dict(train=(X, Y * 5)), "from 0 to 10", "11 outputs"),
    "negative label": (dict(train=(X, Y - 1)), "from -1 to 1", "from 0 to 2"),
    "a late bad label": (dict(train=(X, torch.cat([Y[:-1], Y.new_tensor([7])]))), "to 7", "0 to 2"),
    "labels as column": (dict(train=(X, Y[:, None])), r"\(64, 1\)", r"targets\[:, 0\]"),
    "labels as floats": (dict(train=(X, Y.float())), "float32", r"targets\.long\(\)"),
    "labels as int32": (dict(train=(X, Y.int())), "int32", r"targets\.long\(\)"),
    "more inputs than targets": (dict(train=(X, Y[:-1])), "70 and 69 rows", "as many"),
    "no rows": (dict(train=(X[:0], Y[:0])), "0 and 0 rows", "at least one"),
    "words": (dict(train=(X.numpy(), np.array(["a"] * 70))), "`train` targets", "np.unique"),
    "single number": (dict(train=(X, torch.tensor(1))), "single number", "one row"),
    "no pair": (dict(train=X), "`train` is a `Tensor`", r"\(train, targets\)"),
    "empty dataset": (dict(train=Rows(X[:0], Y[:0])), "no rows", "at least one batch"),
    "triple": (dict(train=TensorDataset(X, X, Y)), "of 3 parts", r"\(\(first, second\), targets\)"),
    "no parameters": (dict(model=nn.Tanh()), "no parameter", "nn.ModuleList"),
    "all frozen": (dict(model=a_model().requires_grad_(False)), "no parameter", "unfreeze"),
    "lazy": (dict(model=nn.LazyLinear(3)), "do not know their size", r"model\(inputs\[:2\]\)"),
    "a class": (dict(model=nn.Linear), "`model` is a `Linear`", "brackets"),
    "no return": (
        dict(model=type("Net", (nn.Linear,), {"forward": lambda s, x: None})(6, 3)),
        "nothing",
        "return",
    ),
    "layers do not fit": (
        dict(model=nn.Sequential(nn.Linear(6, 4), nn.Linear(5, 3))),
        "mat1 and mat2",
        "forward",
    ),
    "detached": (dict(loss=lambda o, y: F.cross_entropy(o.detach(), y)), "does not depend", r"\.detach\(\)"),
    "many losses": (
        dict(loss=functools.partial(F.cross_entropy, reduction="none")),
        r"\(64,\)",
        r"\.mean\(\)",
    ),
    "plain number": (dict(loss=lambda o, y: 1.0), "type `float`", "torch throughout"),
    "loss missing": (dict(loss=None), "`loss` is None", "mse_loss"),
    "epochs": (dict(epochs=2.5), "`epochs` is 2.5", "whole number"),
    "epochs true": (dict(epochs=True), "`epochs` is True", "whole number"),
    "batch size": (dict(batch_size=0), "`batch_size` is 0", "1 or more"),
    "learning rate": (dict(learning_rate=-1), "`learning_rate` is -1", "positive"),
    "clip": (dict(clip_norm=0), "`clip_norm` is 0", "positive"),
    "workers": (dict(workers=-1), "`workers` is -1", "0 or more"),
    "optimizer": (dict(optimizer="adamv"), "'adamv'", "Did you mean `adam"),
    "optimizer's result": (dict(optimizer=lambda p: None), "`NoneType`", "optimizer of torch"),
    "two learning rates": (dict(optimizer=torch.optim.SGD, learning_rate=0.1), "two learning rates", "one"),
    "schedule's result": (dict(schedule=lambda o, s: None), "`schedule` returned", "scheduler"),
    "precision": (dict(precision="float16"), "'float16'", "bfloat16"),
    "device": (dict(device="gpu"), "'gpu'", "cuda"),
    "metrics without valid": (dict(metrics={"accuracy": accuracy}), "no `valid`", "evaluate"),
    "metric's name": (dict(valid=(X, Y), metrics={"epoch": accuracy}), "`epoch`", "name of its own"),
    "metric no function": (dict(valid=(X, Y), metrics={"accuracy": 3}), "no function", "function of"),
    "a last row alone": (
        dict(model=nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)), train=(X[:65], Y[:65])),
        "more than 1 value per channel",
        "forward",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_train_is_refused_before_the_first_step(name, capsys):
    changes, found, advice = REFUSED[name]
    call = {"model": a_model(), "train": (X, Y), "loss": F.cross_entropy, "epochs": 3} | changes
    model, train = call.pop("model"), call.pop("train")
    before = weights(model) if isinstance(model, nn.Module) and name != "lazy" else []
    with pytest.raises(CourseError, match=found) as refusal:
        fit(model, train, **call)
    assert re.search(advice, str(refusal.value)), str(refusal.value)
    if before:
        assert same(before, weights(model))
    assert capsys.readouterr().out == ""


def test_shapes_that_only_fit_by_broadcasting_are_refused():
    model = a_model(outputs=1)
    for targets, advice in ((torch.randn(70), r"targets\[:, None\]"), (torch.randn(70, 1), None)):
        if advice:
            with pytest.raises(CourseError, match=advice):
                quiet(model, (X, targets), loss=F.mse_loss, epochs=1)
        else:
            quiet(model, (X, targets), loss=F.mse_loss, epochs=1)


def test_a_missing_channel_axis_is_named():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))
    with pytest.raises(CourseError, match=r"\(64, 8, 8\).*\(B, 1, H, W\).*inputs\[:, None\]"):
        quiet(model, (torch.randn(70, 8, 8), Y), loss=F.cross_entropy, epochs=1)


def test_whole_numbers_as_a_quantity_are_refused_with_the_type_that_is_needed():
    with pytest.raises(CourseError, match=r"targets\.float\(\)"):
        quiet(a_model(outputs=1), (X, Y[:, None]), loss=F.binary_cross_entropy_with_logits, epochs=1)


def test_labels_that_the_loss_ignores_are_allowed():
    labels = Y.clone()
    labels[::2] = -100
    quiet(a_model(), (X, labels), loss=F.cross_entropy, epochs=1)


def test_a_dataset_of_the_course_is_refused_with_the_call_that_splits_it():
    class Record:
        def split(self, part): ...

    with pytest.raises(CourseError, match=r'train\.split\("train"\)'):
        quiet(a_model(), Record(), loss=F.cross_entropy, epochs=1)


def test_evaluate_refuses_nothing_to_measure_and_a_metric_that_fails():
    with pytest.raises(CourseError, match="neither `loss` nor `metrics`"):
        evaluate(a_model(), (X, Y))
    with pytest.raises(CourseError, match=r"`accuracy` failed on outputs of shape \(70, 3\)"):
        evaluate(a_model(), (X, Y), metrics={"accuracy": lambda o, t: (o == t).float()})
    with pytest.raises(CourseError, match=r"\(B, 6\)"):
        evaluate(a_model(), (X[:, :2], Y), loss=F.cross_entropy)


def test_evaluate_takes_a_model_without_parameters():
    class Mean(nn.Module):
        def forward(self, x):
            return torch.full((len(x), 1), 2.0)

    measured = evaluate(Mean(), (np.zeros((5, 3)), np.full((5, 1), 5.0)), loss=F.l1_loss)
    assert measured == {"loss": 3.0}
