"""The loops that are compared. Each trains `model` as `case` says and returns its losses, epoch by epoch.

The libraries are used as their documentation shows, with what they print, log and save switched off, and
with torch's optimizer as it is by default; where the documentation leaves a choice, the leaner one is taken.
`order` is a sampler for the rows of an epoch, where a test wants every loop to see them in the same order.
"""

from __future__ import annotations

import logging
import time
import warnings
from contextlib import nullcontext

import torch
from torch.utils.data import DataLoader, Sampler, TensorDataset

from course_lib import training
from course_lib.device import keep_freed_memory


def fit(case, model, train, valid, order=None) -> list[dict]:
    """Train with the library of the course."""
    return training.fit(
        model,
        train,
        valid,
        loss=case.loss,
        epochs=case.epochs,
        learning_rate=case.learning_rate,
        batch_size=case.batch_size,
        seed=0,
        device=case.device,
        precision=case.precision,
        compile=case.compile,
        channels_last=case.channels_last,
        progress=False,
    )


def usual(case, model, train, valid, order=None) -> list[dict]:
    """Train with the loop that tutorials show."""
    train_loader, valid_loader = _loaders(case, train, valid, order)
    optimizer = torch.optim.AdamW(model.parameters(), lr=case.learning_rate)
    history = []
    for _ in range(case.epochs):
        model.train()
        train_loss = 0.0
        for inputs, targets in train_loader:
            loss = case.loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(targets)
        model.eval()
        valid_loss = 0.0
        with torch.no_grad():
            for inputs, targets in valid_loader:
                valid_loss += case.loss(model(inputs), targets).item() * len(targets)
        history.append(_record(train_loss / len(train[0]), valid_loss / len(valid[0])))
    return history


def tuned(case, model, train, valid, order=None, mode="default") -> list[dict]:
    """Train with the fastest loop that we can write for these cases, doing what `fit` does.

    Data on the device from the start, batches that are slices of one shuffled copy, a fused optimizer, large
    batches where nothing is learnt, no graph that outlives its step, and losses that are looked at once in an
    epoch. On a CPU the memory of a step is that of the one before it, as with `fit`.
    """
    keep_freed_memory()
    device, cast = torch.device(case.device), nullcontext()
    if case.precision == "bfloat16":
        cast = torch.autocast(device.type, dtype=torch.bfloat16)
    layout = torch.channels_last if case.channels_last else torch.preserve_format
    model = model.to(device, memory_format=layout)
    forward = torch.compile(model, mode=mode) if case.compile else model
    inputs, targets = (tensor.to(device) for tensor in train)
    valid_inputs, valid_targets = (tensor.to(device) for tensor in valid)
    if case.channels_last:
        inputs, valid_inputs = (
            tensor.contiguous(memory_format=torch.channels_last) for tensor in (inputs, valid_inputs)
        )
    size, large = case.batch_size, 4 * case.batch_size
    rows, valid_rows = (
        torch.tensor([len(part) for part in whole.split(length)], dtype=torch.float64)
        for whole, length in ((targets, size), (valid_targets, large))
    )
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=case.learning_rate, fused=True)
    history = []
    for _ in range(case.epochs):
        started = time.perf_counter()
        shuffled = torch.randperm(len(inputs), generator=generator).to(device)
        model.train()
        losses = []
        for some, wanted in zip(inputs[shuffled].split(size), targets[shuffled].split(size), strict=True):
            with cast:
                loss = case.loss(forward(some), wanted)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.detach())
            del loss  # or its graph is in the way of the next one
        model.eval()
        with torch.no_grad(), cast:
            valid_losses = [
                case.loss(forward(some), wanted)
                for some, wanted in zip(valid_inputs.split(large), valid_targets.split(large), strict=True)
            ]
        train_loss = float(torch.stack(losses).cpu().double() @ rows / rows.sum())
        valid_loss = float(torch.stack(valid_losses).cpu().double() @ valid_rows / valid_rows.sum())
        history.append(_record(train_loss, valid_loss) | {"seconds": time.perf_counter() - started})
    return history


def tuned_graphs(case, model, train, valid, order=None) -> list[dict]:
    """Train with the tuned loop, its forward and backward passes recorded as CUDA graphs."""
    return tuned(case, model, train, valid, order, mode="reduce-overhead")


def lightning(case, model, train, valid, order=None) -> list[dict]:
    """Train with the `Trainer` of Lightning, in the mode that leaves out all that costs time."""
    from lightning import pytorch

    class Module(pytorch.LightningModule):
        def __init__(self):
            super().__init__()
            self.model, self.history, self.sums = model, [], [0.0, 0.0]

        def training_step(self, batch, index):
            inputs, targets = batch
            loss = case.loss(self.model(inputs), targets)
            self.sums[0] += loss.detach() * len(targets)
            return loss

        def validation_step(self, batch, index):
            inputs, targets = batch
            self.sums[1] += case.loss(self.model(inputs), targets) * len(targets)

        def on_train_epoch_end(self):  # it comes after validation
            self.history.append(
                _record(float(self.sums[0]) / len(train[0]), float(self.sums[1]) / len(valid[0]))
            )
            self.sums = [0.0, 0.0]

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), lr=case.learning_rate)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module = Module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice to use more workers
        trainer = pytorch.Trainer(max_epochs=case.epochs, accelerator=case.device, devices=1, barebones=True)
        trainer.fit(module, *_loaders(case, train, valid, order))
    return module.history


def fabric(case, model, train, valid, order=None) -> list[dict]:
    """Train with Lightning Fabric around the usual loop."""
    from lightning.fabric import Fabric

    engine = Fabric(accelerator=case.device, devices=1)
    engine.launch()
    optimizer = torch.optim.AdamW(model.parameters(), lr=case.learning_rate)
    model, optimizer = engine.setup(model, optimizer)
    train_loader, valid_loader = engine.setup_dataloaders(*_loaders(case, train, valid, order))
    return _by_engine(case, engine, model, optimizer, train_loader, valid_loader)


def accelerate(case, model, train, valid, order=None) -> list[dict]:
    """Train with Accelerate around the usual loop."""
    from accelerate import Accelerator

    engine = Accelerator(cpu=case.device == "cpu")
    optimizer = torch.optim.AdamW(model.parameters(), lr=case.learning_rate)
    prepared = engine.prepare(model, optimizer, *_loaders(case, train, valid, order))
    return _by_engine(case, engine, *prepared)


def _by_engine(case, engine, model, optimizer, train_loader, valid_loader) -> list[dict]:
    """Train with the usual loop, where Fabric or Accelerate does the backward pass."""
    rows, valid_rows = len(train_loader.dataset), len(valid_loader.dataset)
    history = []
    for _ in range(case.epochs):
        model.train()
        train_loss = 0.0
        for inputs, targets in train_loader:
            loss = case.loss(model(inputs), targets)
            optimizer.zero_grad()
            engine.backward(loss)
            optimizer.step()
            train_loss += loss.item() * len(targets)
        model.eval()
        valid_loss = 0.0
        with torch.no_grad():
            for inputs, targets in valid_loader:
                valid_loss += case.loss(model(inputs), targets).item() * len(targets)
        history.append(_record(train_loss / rows, valid_loss / valid_rows))
    return history


def ignite(case, model, train, valid, order=None) -> list[dict]:
    """Train with the engines of Ignite."""
    from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
    from ignite.metrics import Loss

    train_loader, valid_loader = _loaders(case, train, valid, order)
    optimizer = torch.optim.AdamW(model.parameters(), lr=case.learning_rate)
    trainer = create_supervised_trainer(
        model,
        optimizer,
        case.loss,
        output_transform=lambda inputs, targets, outputs, loss: loss.item() * len(targets),
    )
    evaluator = create_supervised_evaluator(model, metrics={"loss": Loss(case.loss)})
    history, sums = [], [0.0]

    @trainer.on(Events.ITERATION_COMPLETED)
    def add(engine):
        sums[0] += engine.state.output

    @trainer.on(Events.EPOCH_COMPLETED)
    def measure(engine):
        evaluator.run(valid_loader)
        history.append(_record(sums[0] / len(train[0]), evaluator.state.metrics["loss"]))
        sums[0] = 0.0

    trainer.run(train_loader, max_epochs=case.epochs)
    return history


def skorch(case, model, train, valid, order=None) -> list[dict]:
    """Train with the `NeuralNet` of skorch."""
    from skorch import NeuralNet
    from skorch.helper import predefined_split

    net = NeuralNet(
        model,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=case.learning_rate,
        max_epochs=case.epochs,
        batch_size=case.batch_size,
        iterator_train__shuffle=order is None,
        iterator_train__sampler=order,
        train_split=predefined_split(TensorDataset(*valid)),
        device=case.device,
        verbose=0,
    )
    net.fit(TensorDataset(*train), y=None)
    return [_record(row["train_loss"], row["valid_loss"]) for row in net.history]


def sklearn(case, model, train, valid, order=None) -> list[dict]:
    """Train scikit-learn's own MLP, which knows no other model and measures nothing after an epoch."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    inputs, targets = (tensor.numpy() for tensor in train)
    network = MLPClassifier(
        (64,),
        alpha=0.0,
        batch_size=case.batch_size,
        learning_rate_init=case.learning_rate,
        max_iter=case.epochs,
        n_iter_no_change=case.epochs,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(inputs, targets)
    return [_record(loss, None) for loss in network.loss_curve_]


def _loaders(case, train, valid, order) -> tuple[DataLoader, DataLoader]:
    return (
        DataLoader(TensorDataset(*train), case.batch_size, shuffle=order is None, sampler=order),
        DataLoader(TensorDataset(*valid), case.batch_size),
    )


def _record(train_loss, valid_loss) -> dict:
    return {"train_loss": train_loss, "valid_loss": valid_loss}


class SameOrder(Sampler):
    """The rows of each epoch in the order in which `fit` and the tuned loop see them."""

    def __init__(self, rows: int):
        self.rows, self.generator = rows, torch.Generator().manual_seed(0)

    def __len__(self):
        return self.rows

    def __iter__(self):
        yield from torch.randperm(self.rows, generator=self.generator).tolist()


BY_HAND = {"usual": usual, "tuned": tuned}
FRAMEWORKS = {
    "lightning": lightning,
    "fabric": fabric,
    "accelerate": accelerate,
    "ignite": ignite,
    "skorch": skorch,
}
EVERY = {"fit": fit} | BY_HAND | FRAMEWORKS | {"sklearn": sklearn}
