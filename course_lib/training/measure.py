"""Loss and metrics on rows that the model does not learn from."""

from __future__ import annotations

import torch

from course_lib.errors import CourseError
from course_lib.training.batches import join, map_tensors, rows_of
from course_lib.training.losses import mean_over_rows
from course_lib.training.messages import described, first_line


def measure(model, forward, source, loss, metrics, cast, team) -> dict[str, float]:
    """Return the loss over all rows, and the metrics by name."""
    model.eval()
    while True:
        try:
            parts = _parts(forward, source, loss, metrics, cast)
            break
        except torch.OutOfMemoryError:
            pass  # leave this block first: the error holds on to what filled the memory
        # Nothing learns here, and the model is in its mode for use: smaller batches give the same.
        if team.size > 1 or not source.shrink():
            raise CourseError(
                f"The memory is full at a batch of {source.batch_size} rows of `{source.name}`.",
                "Expected a batch that fits, or data whose batches `fit` makes itself, in one process.",
                "Give a smaller `batch_size`, in the `DataLoader` if there is one.",
            )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return team.once(_summary, team.gather(parts), loss, metrics)


def _parts(forward, source, loss, metrics, cast) -> list:
    """Return for each batch its loss and number of rows, and where metrics need them outputs and targets."""
    parts = []
    with torch.no_grad(), cast:
        for inputs, targets, _ in source.batches():
            count = rows_of(targets)
            if not count:  # there are fewer rows than processes
                parts.append(None)
                continue
            outputs = forward(*inputs)
            value = loss(outputs, targets) if loss is not None else None
            # A compiled model may write its next outputs over these.
            kept = map_tensors(lambda t: t.detach().clone(), outputs) if metrics else None
            parts.append((value, count, kept, targets if metrics else None))
    return _on_cpu(parts)


def _on_cpu(parts) -> list:
    """Fetch all losses at once, where each by itself would wait for the GPU."""
    values = [part[0] for part in parts if part is not None and part[0] is not None]
    numbers = iter(torch.stack(values).flatten().tolist() if values else ())
    return [
        part
        and (
            next(numbers) if part[0] is not None else None,
            part[1],
            *(map_tensors(torch.Tensor.cpu, some) for some in part[2:]),
        )
        for part in parts
    ]


def _summary(gathered, loss, metrics) -> dict[str, float]:
    # Batch by batch, and in each the parts of the processes: the rows are in their order again.
    parts = [part for batch in zip(*gathered, strict=True) for part in batch if part is not None]
    values, rows, outputs, targets = zip(*parts, strict=True)
    result = {} if loss is None else {"loss": mean_over_rows(values, rows)}
    if metrics:
        outputs, targets = join(outputs), join(targets)
    for name, metric in (metrics or {}).items():
        try:
            result[name] = float(metric(outputs, targets))
        except Exception as error:
            raise CourseError(
                f"The metric `{name}` failed on outputs of {described(outputs)}: {first_line(error)}",
                "Expected one number from `metric(outputs, targets)`.",
                f"The targets are of {described(targets)}; class numbers are `outputs.argmax(1)`.",
            ) from error
    return result
