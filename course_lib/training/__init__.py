"""Train and measure a model: `fit`, `evaluate`, and the `History` of a run.

loop.py holds the loop in one piece; the other modules hold what it calls: settings, batches, the rehearsal
before the first step, the bar, and the checkpoint.
"""

from course_lib.training.history import History
from course_lib.training.loop import evaluate, fit

__all__ = ["History", "evaluate", "fit"]
