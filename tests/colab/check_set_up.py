"""Run the set-up cells of the lessons as Colab would, and see that nothing Colab has was touched.

`python tests/colab/check_set_up.py PYTHON`, where PYTHON is that of an environment with Colab's versions.
The cell installs the library from this checkout instead of from its address; all else is as a student has it.
"""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

from course_lib.lessons.build import colab_cell
from course_lib.lessons.syllabus import read

ROOT = Path(__file__).resolve().parents[2]


def installed(python):
    """Return name and version of everything that an environment has."""
    command = [python, "-m", "pip", "list", "--format=json"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {package["name"]: package["version"] for package in listed}


def main(python):
    """Run one set-up cell for each list of extras, and stop at the first that changes what was there."""
    syllabus = dataclasses.replace(read(), repository="someone/course")
    address = f"git+https://github.com/{syllabus.repository}@{syllabus.branch}"
    cells = {lesson.extras: colab_cell(lesson, syllabus) for lesson in syllabus.ready}
    for extras, cell in cells.items():
        assert address in cell, cell
        before = installed(python)
        done = subprocess.run(
            [python, "-c", cell.replace(address, ROOT.as_uri())],
            env=os.environ | {"COLAB_RELEASE_TAG": "stand-in"},
            capture_output=True,
            text=True,
        )
        after = installed(python)
        changed = {
            name: f"{version} -> {after.get(name)}"
            for name, version in before.items()
            if name != "course_lib" and after.get(name) != version
        }
        added = sorted(after.keys() - before.keys())
        print(f"extras {list(extras)}: added {', '.join(added) or 'nothing'}; changed {changed or 'nothing'}")
        if "Installed" not in done.stdout or changed:
            sys.exit(f"The set-up cell did not do what it says:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(sys.argv[1])
