"""A course of one tiny lesson, for the tests of what builds, refuses and copies lessons."""

from pathlib import Path

SYLLABUS = """[course]
title = "A tiny course"
repository = ""
branch = "main"

[units]
"" = "Start"
1_basics = "Basics"

[[lesson]]
id = "00_start"
unit = ""
title = "Start"
question = "Does it begin?"
minutes = 5
device = "CPU"
data = []
extras = []
needs = []
covers = []

[[lesson]]
id = "01_means"
unit = "1_basics"
title = "Means"
question = "What is a mean?"
minutes = 10
device = "CPU"
data = ["digits"]
extras = []
needs = ["00_start"]
covers = ["A1"]

# What is to come.
[planned]
02_sums = { unit = "1_basics", title = "Sums" }
"""

START = """# %% [markdown]
# ## The question
#
# Does it begin?

# %% tags=["parameters"]
SEED: int = 0  # unused here but for the print
PROFILE: str = "auto"  # "quick" or "full"

# %%
print(SEED, PROFILE)

# %% [markdown] tags=["syllabus"]
# The table of lessons.
"""

MEANS = '''# %% [markdown]
# ## The question
#
# What is a mean? See [lesson 00](../00_start.ipynb).

# %% tags=["parameters"]
SEED: int = 0  # every random number
PROFILE: str = "auto"  # "quick" or "full"
SIZES: list[int] = [1, 2]  # how many

# %%
import course_lib as cl

print(SEED, PROFILE, SIZES)

# %% [markdown]
# ### Exercise 01.1 · complete · about 5 minutes · difficulty 1 of 5
#
# Return the mean of the squares.

# %%
# EXERCISE 01.1
def mean_square(numbers):
    """Return the mean of the squares."""
    if len(numbers) == 0:
        ### BEGIN SOLUTION
        return float("nan")
        ### END SOLUTION
    ### BEGIN SOLUTION
    return sum(number**2 for number in numbers) / len(numbers)
    ### END SOLUTION


# %%
cl.check("01.1", mean_square)

# %%
# cl.hint("01.1")

# %% [markdown]
# Now a cell that is the same twice.

# %%
print("again")

# %%
print("again")

# %% tags=["solution"]
print("only in the solution")

# %% tags=["raises-exception"]
raise ValueError("meant")
'''

CHECKS = """from course_lib.exercises.answers import call
from course_lib.exercises.catalogue import Exercise, NotYet

def verify(answer):
    if call(answer, [1, 2, 2]) != 3:
        raise NotYet("It is not the mean of the squares.")
    return "Large numbers count most."

EXERCISES = (
    Exercise("01.1", "Mean square", "complete", 5, 1, hints=("Look.", "Try.", "Almost."), verify=verify),
)
"""

TESTS = """RIGHT = {"01.1": [a, b, c]}
WRONG = {"01.1": [(a, "x"), (b, "x"), (c, "x"), (d, "x"), (e, "x")]}
"""

SOURCE = "notebooks/source/1_basics/01_means.py"


def write_course(root: Path, **changed: str) -> Path:
    """Write the course to `root`, each file as it is above unless another text is given for it."""
    texts = {
        "notebooks/source/lessons.toml": changed.get("syllabus", SYLLABUS),
        "notebooks/source/00_start.py": changed.get("start", START),
        SOURCE: changed.get("means", MEANS),
        "course_lib/exercises/lesson_01.py": changed.get("checks", CHECKS),
        "tests/exercises/test_lesson_01.py": changed.get("tests", TESTS),
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return root
