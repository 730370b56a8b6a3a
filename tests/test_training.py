"""`fit`, `evaluate` and `History`, against loops written by hand."""

import copy
import functools
import os
import random
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from course_lib.errors import CourseError
from course_lib.training import History, evaluate, fit
from course_lib.training.bar import Bar
from course_lib.training.loop import _Losses

quiet = functools.partial(fit, progress=False)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def a_model(inputs=6, outputs=3, dropout=0.0):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, outputs))


def classes(rows=70, inputs=6, outputs=3):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(rows, inputs, generator=generator)
    return x, x[:, :outputs].argmax(1)


def accuracy(outputs, targets):
    return (outputs.argmax(1) == targets).float().mean()


def weights(model):
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(first, second):
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def column(history, name):
    return [record[name] for record in history]


def by_hand(model, x, y, loss, optimizer, epochs, batch_size, generator=None, clip=None, schedule=None):
    """Train as a beginner would write it, and return the mean loss over the rows of each epoch."""
    means = []
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad()
            value = loss(model(x[rows]), y[rows])
            value.backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            if schedule:
                schedule.step()
            total += value.item() * len(rows)
        means.append(total / len(x))
    return means


# --- The loop ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "make"),
    [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)],
)
def test_fit_gives_the_losses_of_a_loop_by_hand_from_the_same_seed(name, make):
    x, y = classes()
    ours, theirs = a_model(dropout=0.3), a_model(dropout=0.3)
    torch.manual_seed(5)
    history = quiet(
        ours, (x, y), loss=F.cross_entropy, epochs=8, learning_rate=0.02, batch_size=16, optimizer=name
    )
    torch.manual_seed(5)
    expected = by_hand(theirs, x, y, F.cross_entropy, make(theirs.parameters(), lr=0.02), 8, 16)
    assert column(history, "train_loss") == pytest.approx(expected, rel=1e-3)
    for one, other in zip(weights(ours), weights(theirs), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def test_a_seed_of_its_own_orders_the_rows_as_a_generator_with_it_does():
    x, y = classes()
    ours, theirs = a_model(), a_model()
    history = quiet(ours, (x, y), loss=F.cross_entropy, epochs=4, batch_size=16, seed=9)
    generator = torch.Generator().manual_seed(9)
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=1e-3)
    expected = by_hand(theirs, x, y, F.cross_entropy, optimizer, 4, 16, generator)
    assert column(history, "train_loss") == pytest.approx(expected, rel=1e-3)


def test_a_seed_fixes_dropout_too_and_leaves_torchs_generator_alone():
    runs = []
    for start in (1, 2):
        model = a_model(dropout=0.5)
        torch.manual_seed(start)
        before = torch.get_rng_state()
        quiet(model, classes(), loss=F.cross_entropy, epochs=2, seed=4)
        assert torch.equal(torch.get_rng_state(), before)
        runs.append(weights(model))
    assert same(*runs)


def test_without_a_seed_the_global_generator_governs_and_moves_on():
    runs = []
    for start in (1, 1, 2):
        model = a_model(dropout=0.5)
        torch.manual_seed(start)
        quiet(model, classes(), loss=F.cross_entropy, epochs=2)
        runs.append(weights(model))
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_clipping_and_a_schedule_act_as_by_hand():
    x, y = classes()
    ours, theirs = a_model(), a_model()
    plan = functools.partial(lr_scheduler.OneCycleLR, max_lr=0.1)
    history = quiet(
        ours,
        (x, y),
        loss=F.cross_entropy,
        epochs=3,
        batch_size=16,
        learning_rate=0.05,
        clip_norm=0.1,
        schedule=lambda optimizer, steps: plan(optimizer, total_steps=steps),
        seed=0,
    )
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.05)
    generator = torch.Generator().manual_seed(0)
    schedule = plan(optimizer, total_steps=15)
    expected = by_hand(theirs, x, y, F.cross_entropy, optimizer, 3, 16, generator, 0.1, schedule)
    assert column(history, "train_loss") == pytest.approx(expected, rel=1e-3)
    rates = plan(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.05), total_steps=15)
    seen = []
    for _ in range(15):
        seen.append(rates.get_last_lr()[0])
        rates.optimizer.step()
        rates.step()
    assert column(history, "learning_rate") == pytest.approx([seen[4], seen[9], seen[14]])


def test_an_optimizer_can_be_a_function_of_the_parameters():
    x, y = classes()
    ours, theirs = a_model(), a_model()
    make = functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9)
    history = quiet(ours, (x, y), loss=F.cross_entropy, epochs=3, optimizer=make, seed=0)
    generator = torch.Generator().manual_seed(0)
    expected = by_hand(theirs, x, y, F.cross_entropy, make(theirs.parameters()), 3, 64, generator)
    assert column(history, "train_loss") == pytest.approx(expected, rel=1e-3)
    assert history[0]["learning_rate"] == 0.1


def test_the_last_short_batch_weighs_as_many_rows_as_it_has():
    # A model that cannot learn: its loss over an epoch is that of all rows at once, however they are cut.
    x, y = torch.randn(70, 2), torch.randn(70, 1)
    model = nn.Linear(2, 1)
    whole = F.mse_loss(model(x), y).item()
    history = quiet(model, (x, y), (x, y), loss=F.mse_loss, epochs=1, batch_size=64, learning_rate=1e-30)
    assert history[0]["train_loss"] == pytest.approx(whole, rel=1e-6)
    assert history[0]["valid_loss"] == pytest.approx(whole, rel=1e-6)
    assert evaluate(model, (x, y), loss=F.mse_loss, batch_size=64)["loss"] == pytest.approx(whole, rel=1e-6)


def test_a_record_has_its_columns_and_evaluate_gives_the_same_numbers():
    model, train, valid = a_model(), classes(), classes(rows=300)
    history = quiet(model, train, valid, loss=F.cross_entropy, epochs=2, metrics={"accuracy": accuracy})
    assert type(history) is History
    assert [type(record) for record in history] == [dict, dict]
    expected = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds", "accuracy"}
    assert set(history[0]) == expected
    assert column(history, "epoch") == [1, 2]
    assert history[1]["seconds"] > 0
    measured = evaluate(model, valid, loss=F.cross_entropy, metrics={"accuracy": accuracy}, batch_size=7)
    assert measured["loss"] == pytest.approx(history[1]["valid_loss"], rel=1e-5)
    assert measured["accuracy"] == history[1]["accuracy"]


def test_metrics_of_scikit_learn_can_be_used_as_they_are():
    from sklearn.metrics import r2_score

    x = torch.randn(50, 2)
    y = x @ torch.tensor([[1.0], [2.0]])
    model = nn.Linear(2, 1)
    quiet(model, (x, y), (x, y), loss=F.mse_loss, epochs=200, learning_rate=0.05, metrics={"r2": r2_score})
    measured = evaluate(model, (x, y), metrics={"r2": lambda outputs, targets: r2_score(targets, outputs)})
    assert measured == {"r2": pytest.approx(1, abs=1e-3)}


def test_no_validation_gives_none_and_no_epochs_an_empty_history():
    model = a_model()
    before = weights(model)
    assert quiet(model, classes(), loss=F.cross_entropy, epochs=0) == []
    assert same(before, weights(model))
    assert quiet(model, classes(), loss=F.cross_entropy, epochs=1)[0]["valid_loss"] is None


def test_frozen_weights_stay_and_the_modes_come_back():
    model = a_model(dropout=0.5)
    model[0].requires_grad_(False)
    model.eval()
    model[3].train()
    before, modes = weights(model), [module.training for module in model.modules()]
    quiet(model, classes(), classes(), loss=F.cross_entropy, epochs=1)
    after = weights(model)
    assert same(before[:2], after[:2])
    assert not same(before[2:], after[2:])
    assert [module.training for module in model.modules()] == modes
    evaluate(model, classes(), loss=F.cross_entropy)
    assert [module.training for module in model.modules()] == modes


def test_validation_does_not_train_and_has_no_dropout():
    x, y = classes()
    model = nn.Sequential(nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3))
    before = weights(model)
    first, second = (evaluate(model, (x, y), loss=F.cross_entropy) for _ in range(2))
    assert first == second
    assert same(before, weights(model))


def test_on_epoch_sees_each_record_and_can_stop():
    seen = []

    def watch(record):
        seen.append(record["epoch"])
        return "stop" if record["epoch"] == 3 else None

    history = quiet(a_model(), classes(), loss=F.cross_entropy, epochs=9, on_epoch=watch)
    assert seen == column(history, "epoch") == [1, 2, 3]


def test_an_interrupt_returns_the_epochs_that_were_finished(capsys):
    batches = []

    def loss(outputs, targets):
        batches.append(1)
        if len(batches) == 12:
            raise KeyboardInterrupt
        return F.cross_entropy(outputs, targets)

    model, threads = a_model(), torch.get_num_threads()
    model.eval()
    # One call is the rehearsal; five batches make an epoch.
    history = fit(model, classes(), loss=loss, epochs=9, batch_size=16)
    assert column(history, "epoch") == [1, 2]
    assert "interrupted in epoch 3" in capsys.readouterr().out
    assert not model.training
    assert torch.get_num_threads() == threads


def test_threads_are_chosen_inside_and_put_back():
    seen = []
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        quiet(
            a_model(),
            classes(),
            loss=F.cross_entropy,
            epochs=1,
            on_epoch=lambda _: seen.append(torch.get_num_threads()),
        )
        evaluate(a_model(), classes(), metrics={"threads": lambda *_: torch.get_num_threads()})
        assert seen == [1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_the_rehearsal_leaves_no_trace():
    x, y = classes()
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))
    before = weights(model)
    state = torch.get_rng_state()
    quiet(model, (x, y), (x, y), loss=F.cross_entropy, epochs=0)
    assert same(before, weights(model))
    assert torch.equal(state, torch.get_rng_state())
    assert all(parameter.grad is None for parameter in model.parameters())


# --- What can be trained on ----------------------------------------------------------------------


class Rows(Dataset):
    """Rows made one by one, with some noise of NumPy's and Python's if asked for."""

    def __init__(self, x, y, noise=0.0):
        self.x, self.y, self.noise = x, y, noise

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        if not self.noise:  # draws nothing, so that it can be compared with rows in memory
            return self.x[index], self.y[index]
        shift = self.noise * (np.random.rand() + random.random() + torch.rand(()).item())
        return self.x[index] + shift, self.y[index]


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

    def compiled(model):
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


# --- What is found before the first step ---------------------------------------------------------

X, Y = classes()
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


# --- A loss that is not finite -------------------------------------------------------------------


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
    losses = _Losses(optimizer, source, is_queued=True)
    losses.begin(3)
    seen = []
    for factor in (1.0, torch.nan, 1.0, 1.0):
        value = (weight * factor).sum()
        losses.add(value, torch.ones(1))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        seen.append(weight.detach().clone())
    assert not torch.equal(seen[0], torch.ones(3))
    assert torch.equal(seen[1], seen[0])
    assert torch.equal(seen[3], seen[0])
    with pytest.raises(CourseError, match=r"nan at step 10 \(epoch 3, batch 2\)"):
        losses.mean()


# --- Checkpoints ---------------------------------------------------------------------------------


class Stop(Exception):
    pass


def stop_after(epoch):
    """Return an `on_epoch` that fails in the epoch after `epoch`, before it is kept."""

    def watch(record):
        if record["epoch"] > epoch:
            raise Stop

    return watch


def long_run(model, path, epochs=6, data=None, on_epoch=None, **changes):
    settings = {
        "loss": F.cross_entropy,
        "batch_size": 16,
        "schedule": lr_scheduler.CosineAnnealingLR,
        "clip_norm": 1.0,
        "learning_rate": 0.02,
    }
    data = (X, Y) if data is None else data
    return quiet(model, data, (X, Y), epochs=epochs, checkpoint=path, on_epoch=on_epoch, **settings | changes)


def without_times(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("form", ["tensors", "dataset", "loader"])
@pytest.mark.parametrize("broken_after", [0, 1, 4])
def test_a_resumed_run_ends_bit_for_bit_like_one_that_was_never_broken(tmp_path, seed, form, broken_after):
    def run(path, on_epoch=None):
        data = {
            "tensors": lambda: (X, Y),
            "dataset": lambda: Rows(X, Y, noise=0.1),
            "loader": lambda: DataLoader(Rows(X, Y, noise=0.1), batch_size=16, shuffle=True),
        }[form]()
        model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 3))
        try:
            history = long_run(model, path, data=data, on_epoch=on_epoch, seed=seed)
        except Stop:
            return None
        return weights(model), without_times(history), torch.rand(3), np.random.rand(3), random.random()

    def start():
        torch.manual_seed(11)
        np.random.seed(11)
        random.seed(11)

    start()
    whole = run(tmp_path / "whole.pt")
    start()
    assert run(tmp_path / "broken.pt", stop_after(broken_after)) is None
    if broken_after:
        torch.manual_seed(99)  # another session: nothing is as it was, apart from the file
        torch.nn.init.normal_(torch.empty(5))
        np.random.seed(99)
        random.seed(99)
    else:
        start()  # nothing was kept: the same start leads to the same end
    again = run(tmp_path / "broken.pt")
    assert same(whole[0], again[0])
    assert whole[1] == again[1]
    if seed is None:
        assert torch.equal(whole[2], again[2])  # also what is drawn next
    assert np.array_equal(whole[3], again[3])
    assert whole[4] == again[4]


def test_a_process_that_is_killed_and_started_again_ends_like_one_that_was_not(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
        import os, signal, sys
        import torch
        from torch import nn
        import course_lib as cl

        path, fatal = sys.argv[1], int(sys.argv[2])
        torch.manual_seed(0)
        x = torch.randn(40, 4); y = x[:, :2].argmax(1)
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 2))
        calls = 0
        def loss(outputs, targets):
            global calls
            calls += 1
            if calls == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return nn.functional.cross_entropy(outputs, targets)
        cl.fit(model, (x, y), loss=loss, epochs=4, batch_size=8, checkpoint=path, progress=False)
        print([parameter.tolist() for parameter in model.parameters()])
        """)
    )

    def run(name, fatal):
        command = [sys.executable, str(script), str(tmp_path / name), str(fatal)]
        return subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    whole = run("whole.pt", 0)
    assert whole.returncode == 0, whole.stderr
    assert run("killed.pt", 9).returncode == -9
    assert run("killed.pt", 0).stdout == whole.stdout


def test_a_finished_run_returns_at_once(tmp_path):
    path = tmp_path / "run.pt"
    first = a_model()
    history = long_run(first, path)
    bytes_before = path.read_bytes()
    again, calls = a_model(), []
    found = long_run(again, path, on_epoch=calls.append)
    assert found == history
    assert type(found) is History
    assert same(weights(first), weights(again))
    assert not calls
    assert path.read_bytes() == bytes_before
    assert list(tmp_path.iterdir()) == [path]  # nothing half-written beside it


def test_more_epochs_continue_a_finished_run(tmp_path):
    steady = {"schedule": None, "seed": 3}
    whole, parts = a_model(), a_model()
    long_run(whole, None, epochs=6, **steady)
    long_run(parts, tmp_path / "run.pt", epochs=2, **steady)
    history = long_run(parts, tmp_path / "run.pt", epochs=6, **steady)
    assert column(history, "epoch") == [1, 2, 3, 4, 5, 6]
    assert same(weights(whole), weights(parts))


def test_a_schedule_is_laid_out_anew_over_more_epochs(tmp_path):
    model = a_model()
    long_run(model, tmp_path / "run.pt", epochs=2)
    history = long_run(model, tmp_path / "run.pt", epochs=8)
    steps = 8 * 5
    # The closed form of the cosine: the rate of the last step of an epoch.
    expected = [0.01 * (1 + np.cos(np.pi * (5 * epoch - 1) / steps)) for epoch in range(3, 9)]
    assert column(history, "learning_rate")[2:] == pytest.approx(expected, rel=1e-3)


def test_a_run_that_was_stopped_is_finished(tmp_path):
    def at_two(record):
        return "stop" if record["epoch"] == 2 else None

    model = a_model()
    assert len(long_run(model, tmp_path / "run.pt", on_epoch=at_two)) == 2
    assert len(long_run(model, tmp_path / "run.pt", on_epoch=at_two)) == 2
    assert len(long_run(model, tmp_path / "run.pt", epochs=7)) == 7


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 8}, "`batch_size` was 16, not 8"),
        ({"seed": 1}, "`seed` was None, not 1"),
        ({"learning_rate": 0.5}, "`optimizer` was"),
        ({"optimizer": "sgd"}, "`optimizer` was"),
        ({"clip_norm": None}, "`clip_norm` was"),
        ({"schedule": None}, "`schedule` was"),
        ({"data": (X[:-1], Y[:-1])}, "`rows` was 70, not 69"),
        ({"loss": nn.CrossEntropyLoss()}, "`loss` was"),
        ({"model": a_model(outputs=4)}, "other weights"),
        ({"epochs": 5}, "has 6 epochs"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_left_alone(tmp_path, changes, words):
    path = tmp_path / "run.pt"
    long_run(a_model(), path)
    before = path.read_bytes()
    changes = dict(changes)
    model = copy.deepcopy(changes.pop("model", a_model()))
    untouched = weights(model)
    with pytest.raises(CourseError, match=words):
        long_run(model, path, **changes)
    assert path.read_bytes() == before
    assert same(untouched, weights(model))


@pytest.mark.parametrize("damage", ["cut", "text", "other", "empty"])
def test_what_is_no_whole_checkpoint_is_refused_and_left_alone(tmp_path, damage):
    path = tmp_path / "run.pt"
    long_run(a_model(), path, epochs=1)
    if damage == "other":
        torch.save({"weights": torch.ones(2)}, path)
    else:
        content = path.read_bytes()
        path.write_bytes({"cut": content[: len(content) // 2], "text": b"my thesis", "empty": b""}[damage])
    before = path.read_bytes()
    with pytest.raises(CourseError, match="half-written, or no checkpoint"):
        long_run(a_model(), path)
    assert path.read_bytes() == before


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    torch.save({"format": "course_lib fit 1", "x": Evil()}, tmp_path / "run.pt")
    with pytest.raises(CourseError, match="half-written, or no checkpoint"):
        long_run(a_model(), tmp_path / "run.pt")
    assert not (tmp_path / "owned").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("in the way")
    model = a_model()
    before = weights(model)
    with pytest.raises(CourseError, match="cannot be written"):
        long_run(model, tmp_path / "file" / "run.pt")
    assert same(before, weights(model))


def test_a_write_that_breaks_leaves_the_checkpoint_before_it(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "run.pt"
    long_run(a_model(), path, epochs=2)
    before = path.read_bytes()

    def full(_state, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CourseError, match="No space left on device"):
        long_run(a_model(), path, epochs=3)
    assert path.read_bytes() == before


# --- What is shown -------------------------------------------------------------------------------


def test_fifty_silent_runs_print_nothing(capfd, monkeypatch):
    for index in range(50):
        if index == 25:
            monkeypatch.setenv("COURSE_PROGRESS", "off")
        fit(a_model(), classes(), loss=F.cross_entropy, epochs=1, progress=index >= 25)
    assert capfd.readouterr() == ("", "")


def test_a_run_ends_with_one_line_and_the_threads_are_said_once(capsys, monkeypatch):
    monkeypatch.setattr(Bar, "threads_were_said", False)
    for _ in range(2):
        fit(a_model(), classes(), classes(), loss=F.cross_entropy, epochs=2, metrics={"accuracy": accuracy})
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("Training on one thread")
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("2 of 2 epochs · ")
        assert "train loss" in line
        assert "accuracy" in line


def test_a_terminal_shows_one_line_that_is_written_over(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(Bar, "is_due", lambda self: True)
    fit(a_model(), classes(), loss=F.cross_entropy, epochs=2, batch_size=16)
    shown = capsys.readouterr().out
    assert shown.count("\n") <= 2  # the threads, and the end
    assert shown.count("\r") == 11
    assert "epoch 1 of 2" in shown
    assert "rows/s" in shown


def test_the_bar_is_due_a_few_times_a_second(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("course_lib.training.bar.time.monotonic", lambda: now[0])
    bar = Bar(False, 1, torch.device("cpu"), 1)
    bar.begin(History())
    due = 0
    for _ in range(1000):
        now[0] += 0.01
        due += bar.is_due()
    assert 30 <= due <= 50  # in ten seconds


def test_a_notebook_keeps_one_bar_with_the_last_state():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    code = """
import torch, course_lib as cl
from course_lib.training.bar import Bar
Bar.is_due = lambda self: True
x = torch.randn(70, 6)
history = cl.fit(torch.nn.Linear(6, 1), (x, x[:, :1]), loss=torch.nn.functional.mse_loss, epochs=3)
"""
    cells = [nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("history")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    said, bar = notebook.cells[0].outputs
    assert said.text.startswith("Training on one thread")
    assert bar.data["text/plain"].startswith("3 of 3 epochs")
    assert '<progress value="1.000" max="1"' in bar.data["text/html"]
    assert "<table>" in notebook.cells[1].outputs[0].data["text/html"]


# --- History -------------------------------------------------------------------------------------


def test_a_history_is_a_list_with_a_table():
    records = [{"epoch": e, "train_loss": 1 / e, "valid_loss": None, "<b>": 1.0} for e in (1, 2, 3)]
    history = History(records)
    assert history == records
    lines = history.table().splitlines()
    assert lines[0].split() == ["epoch", "train", "loss", "valid", "loss", "<b>"]
    assert lines[3].split() == ["3", "0.3333", "–", "1"]
    assert len({len(line) for line in lines}) == 1
    page = history._repr_html_()
    assert page.count("<tr>") == 4
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_long_history_shows_twenty_lines_with_both_ends():
    history = History({"epoch": e} for e in range(1, 501))
    lines = history.table().split()
    assert len(lines) == 21
    assert (lines[1], lines[-1]) == ("1", "500")
    assert History().table() == "no epoch yet"
