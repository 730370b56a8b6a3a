"""The one line that says how far a run is."""

from __future__ import annotations

import html
import os
import sys
import time

from course_lib.training.history import number


class Bar:
    """One line that says how far a run is: HTML in a notebook, text on a terminal, nothing on request."""

    threads_were_said = False  # once in a session is enough

    def __init__(self, is_wanted, epochs, device, workload):
        self.is_wanted = is_wanted and os.environ.get("COURSE_PROGRESS", "").lower() != "off"
        self.epochs, self.device, self.workload = epochs, device, workload
        self.history, self.rows, self.note, self.handle = [], 0, None, None

    def __enter__(self):
        return self

    def begin(self, history) -> None:
        """Start the clock, and say once how many threads compute."""
        self.history, self.first = history, len(history)
        self.started = time.monotonic()
        self.next = self.started + 0.25
        if self.is_wanted and self.device.type == "cpu" and not Bar.threads_were_said:
            Bar.threads_were_said = True
            several = "one thread" if self.workload == 1 else f"{self.workload} threads"
            print(f"Training on {several}, as suits the size of a step; `OMP_NUM_THREADS` sets the most.")

    def say(self, sentence) -> None:
        """Print what a person should know of this run."""
        if self.is_wanted:
            print(sentence)

    def is_due(self) -> bool:
        """Return True a few times a second."""
        now = time.monotonic()
        if now < self.next:
            return False
        self.next = now + 0.25
        return True

    def show(self, losses, source) -> None:
        """Show the state within an epoch; it waits for a GPU, which is why it is rarely called."""
        train_loss = losses.mean()
        if not self.is_wanted:
            return
        part = len(losses.rows) / source.steps if source.steps else 0
        done = (len(self.history) - self.first + part) / max(1, self.epochs - self.first)
        elapsed = time.monotonic() - self.started
        rows = sum(losses.rows) + (len(self.history) - self.first) * (source.rows or 0)
        words = [f"epoch {len(self.history) + 1} of {self.epochs}", f"train loss {train_loss:.4g}"]
        words += [
            f"{rows / elapsed:,.0f} rows/s",
            *([f"{elapsed / done - elapsed:.0f} s left"] if done else []),
        ]
        self._display((len(self.history) + part) / self.epochs, words)

    def __exit__(self, kind, error, trace) -> None:
        if not self.is_wanted or not hasattr(self, "started"):
            return
        if kind is not None:
            self.note = f"stopped in epoch {len(self.history) + 1}"
        done, new = len(self.history), len(self.history) - self.first
        words = [f"{done} of {self.epochs} epochs", f"{time.monotonic() - self.started:.1f} s"]
        if self.first:
            words[1] = f"{self.first} of them from the checkpoint" if new else "all from the checkpoint"
        if done:
            last = self.history[-1]
            words += [
                f"{name.replace('_', ' ')} {number(last[name])}"
                for name in last
                if name not in ("epoch", "learning_rate", "seconds") and last[name] is not None
            ]
        self._display(done / max(1, self.epochs), [*words, *([self.note] if self.note else [])], is_last=True)

    def _display(self, fraction, words, is_last=False) -> None:
        text = " · ".join(words)
        if not is_in_notebook():
            if sys.stdout.isatty():
                print(f"\r{text:<100}", end="\n" if is_last else "", flush=True)
            elif is_last:
                print(text)
            return
        from IPython.display import display

        bar = f'<progress value="{fraction:.3f}" max="1" aria-label="Training"></progress>'
        bundle = {"text/html": f"<div>{bar} {html.escape(text)}</div>", "text/plain": text}
        if self.handle is None:
            self.handle = display(bundle, raw=True, display_id=True)
        else:
            self.handle.update(bundle, raw=True)


def is_in_notebook() -> bool:
    """Return whether a kernel shows what is displayed."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython() if ipython else None, "kernel")
