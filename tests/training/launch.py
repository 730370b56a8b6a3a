"""Scripts in several processes, as a person starts them."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def torchrun(*command, processes=2):
    """Run a script as `torchrun` does, and return what became of it."""
    environment = {name: value for name, value in os.environ.items() if "COURSE" not in name}
    environment |= {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent.parent}", "OMP_NUM_THREADS": "1"}
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*start, "--nproc-per-node", str(processes), *map(str, command)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
