"""A pytest plugin for nbval: a cell that writes to stderr fails, even when nothing is raised.

Warnings, progress bars that do not belong there, errors logged by a widget's callback, and requests to the
network (sitecustomize.py) all end there. Loaded with `-p notebook_guard`, this folder on PYTHONPATH.
"""

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Run the cell, then look at what it left on stderr."""
    result = yield
    written = "".join(
        output.get("text", "")
        for output in getattr(item, "test_outputs", None) or ()
        if output.get("output_type") == "stream" and output.get("name") == "stderr"
    )
    if written:
        item.raise_cell_error("The cell wrote to stderr; a student would see it in red.", written)
    return result
