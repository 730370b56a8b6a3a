"""What happened in each epoch of a run."""

from __future__ import annotations

import html


class History(list):
    """A list of records, one plain dict for each epoch, as `fit` returns it.

    `history[-1]["valid_loss"]` is the last validation loss, and `[r["train_loss"] for r in history]` all
    training losses. A notebook shows it as a table.
    """

    def table(self) -> str:
        """Return the records as a text table; of more than twenty, twenty spread over the run.

        Returns
        -------
        str
            A line of names and a line for each epoch.
        """
        rows = self._cells()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        )

    def _cells(self) -> list[list[str]]:
        names = list(dict.fromkeys(name for record in self for name in record))
        shown = self
        if len(self) > 20:
            shown = [self[round(index * (len(self) - 1) / 19)] for index in range(20)]
        cells = [[number(record.get(name)) for name in names] for record in shown]
        return [[name.replace("_", " ") for name in names] or ["no epoch yet"], *cells]

    def _repr_html_(self) -> str:
        head, *rows = (
            "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
            for row, tag in zip(self._cells(), ["th", *["td"] * len(self)], strict=False)
        )
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def number(value) -> str:
    """Return a number as a table shows it."""
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
