"""`fit` and `evaluate`, against loops written by hand."""

import functools
import weakref

import pytest
import torch
from small_runs import a_model, accuracy, by_hand, classes, column, quiet, same, weights
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from course_lib.training import History, evaluate, fit


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


def test_the_graph_of_a_step_is_gone_when_the_next_one_begins():
    x, y = classes()
    model, ends, alive = a_model(), [], []

    def loss(outputs, targets):
        value = F.cross_entropy(outputs, targets)
        if value.requires_grad:
            value.register_hook(end := _End())  # the graph keeps its hooks
            ends.append(weakref.ref(end))
        return value

    model.register_forward_pre_hook(lambda *_: alive.append(sum(end() is not None for end in ends)))
    quiet(model, (x, y), (x, y), loss=loss, epochs=2, batch_size=16)
    assert len(ends) >= 10
    assert set(alive) == {0}


class _End:
    """A hook that does nothing, and can be asked whether it is still there."""

    def __call__(self, gradient):
        return None


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


def test_an_apple_gpu_that_computes_otherwise_is_not_used_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr("course_lib.device._agrees_with_cpu", lambda device: False)
    model = a_model()
    history = fit(model, classes(), loss=F.cross_entropy, epochs=1, device="mps")
    assert len(history) == 1
    assert next(model.parameters()).device.type == "cpu"
    assert "Device: cpu, as one training step on mps did not agree with the CPU." in capsys.readouterr().out
