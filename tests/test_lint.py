"""Every refusal of the build: a planted fault is named with file, line and remedy; sound lessons pass."""

import pytest
from tiny_course import CHECKS, MEANS, SOURCE, START, SYLLABUS, TESTS, write_course

from course_lib.lessons.lint import problems
from course_lib.lessons.source import read_cells

CHECKS_FILE = "course_lib/exercises/lesson_01.py"
TESTS_FILE = "tests/exercises/test_lesson_01.py"
TOML_FILE = "notebooks/source/lessons.toml"
HEADER = "# ### Exercise 01.1 · complete · about 5 minutes · difficulty 1 of 5"
SOLUTION = "    return sum(number**2 for number in numbers) / len(numbers)\n"
END = '\nraise ValueError("meant")\n'


def found_in(tmp_path, **changed):
    return problems(write_course(tmp_path, **changed))


def code(text):
    """Return a change of the lesson that puts a code cell at its end."""
    return (END, f"{END}\n# %%\n{text}\n")


def prose(text):
    """Return a change of the lesson that puts a prose cell at its end."""
    lines = "\n".join(f"# {line}".rstrip() for line in text.split("\n"))
    return (END, f"{END}\n# %% [markdown]\n{lines}\n")


def exactly_one(found, file, line, *fragments):
    assert len(found) == 1, [str(problem) for problem in found]
    said = str(found[0])
    assert said.startswith(f"{file}:{line}: "), said
    for fragment in fragments:
        assert fragment in said
    assert found[0].suggestion.endswith((".", "?")), said


def test_a_sound_course_is_not_refused(tmp_path):
    assert found_in(tmp_path) == []


# Each entry: what is changed, into what, a piece of the line that must be named, a piece of what is said.
PLANTED = {
    "a marker that is not closed": (
        SOLUTION + "    ### END SOLUTION\n",
        SOLUTION,
        "    ### BEGIN SOLUTION\n    return sum",
        "not closed",
    ),
    "a nested marker": (
        "        return float",
        "        ### BEGIN SOLUTION\n        return float",
        "        ### BEGIN SOLUTION\n        return",
        "inside the one of line",
    ),
    "a marker that closes nothing": (
        "    if len(numbers) == 0:\n",
        "    ### END SOLUTION\n    if len(numbers) == 0:\n",
        "    ### END SOLUTION\n    if",
        "closes nothing",
    ),
    "a misspelt marker": (
        "    ### BEGIN SOLUTION\n    return sum",
        "    ## Begin solution\n    return sum",
        "## Begin solution",
        "is no marker",
    ),
    "a marker in prose": (
        *prose("### BEGIN SOLUTION\nthe model answer\n### END SOLUTION"),
        "# ### BEGIN",
        "tag the cell `solution`",
    ),
    "code under a markdown marker": (
        "# What is a mean? See",
        'print("code")\n# What is a mean? See',
        'print("code")',
        "`[markdown]`",
    ),
    "prose in quotes": (
        "# Now a cell that is the same twice.",
        '"""Now a cell that is the same twice."""',
        '"""Now',
        "`[markdown]`",
    ),
    "text before the first cell": (
        "# %% [markdown]\n# ## The q",
        "x = 1\n# %% [markdown]\n# ## The q",
        "x = 1",
        "begin",
    ),
    "a cell marker inside a string": (*code('x = """\n# %%\n"""'), None, "inside a string"),
    "a raw cell": (END, END + "\n# %% [raw]\n# raw\n", "# raw", "raw cell"),
    "a tag that nobody knows": (
        '# %% tags=["solution"]',
        '# %% tags=["solutions"]',
        "solutions",
        "Did you mean `solution`",
    ),
    "code that does not parse": (*code("x = = 3"), "x = = 3", "does not parse"),
    "a blank that does not parse": (
        "    if len(numbers) == 0:\n        ### BEGIN SOLUTION\n",
        "    ### BEGIN SOLUTION\n    if len(numbers) == 0:\n"
        "        ### END SOLUTION\n        ### BEGIN SOLUTION\n",
        "    ### BEGIN SOLUTION\n    if",
        "blank",
    ),
    "a blank outside a function": (
        "# EXERCISE 01.1\n",
        "# EXERCISE 01.1\n### BEGIN SOLUTION\nfactor = 2\n### END SOLUTION\n",
        "### BEGIN SOLUTION\nfactor",
        "outside a function",
    ),
    "a solution in a cell without exercise": (
        *code("def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"),
        "    ### BEGIN SOLUTION\n    return 1",
        "answers no exercise",
    ),
    "an answer without a blank": (
        MEANS[MEANS.index("    if len(numbers)") : MEANS.index("\n\n# %%\ncl.check")],
        "    return 3\n",
        "# EXERCISE 01.1",
        "no blank",
    ),
    "an answer that the student would not get": (
        "# %%\n# EXERCISE",
        '# %% tags=["solution"]\n# EXERCISE',
        "# EXERCISE 01.1",
        "the student gets no blank",
    ),
    "an exercise of another lesson": (
        *code("# EXERCISE 02.1\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"),
        "# EXERCISE 02.1",
        "no exercise of lesson 01",
    ),
    "a misspelt exercise line": (
        *code("x = 1\n# Exercise 01.2"),
        "# Exercise 01.2",
        "does not name an exercise",
    ),
    "an exercise without check": ('cl.check("01.1", mean_square)', "print(1)", "# EXERCISE 01.1", "no check"),
    "a check of no exercise": (*code('cl.check("01.9", print)'), 'cl.check("01.9"', "Did you mean `01.1`"),
    "a check above the answer": (
        "\nprint(SEED, PROFILE, SIZES)\n",
        '\nprint(SEED, PROFILE, SIZES)\n\n# %%\ncl.check("01.1", mean_square)\n',
        'cl.check("01.1", mean_square)\n\n# %% [m',
        "before the answer",
    ),
    "two checks in one cell": (
        'cl.check("01.1", mean_square)',
        'cl.check("01.1", mean_square); cl.check("01.1", mean_square)',
        'cl.check("01.1"',
        "Two checks",
    ),
    "a check that is given a result": (
        'cl.check("01.1", mean_square)',
        'cl.check("01.1", mean_square([1]))',
        'cl.check("01.1"',
        "not given the answer itself",
    ),
    "an exercise without a hint cell": ('# cl.hint("01.1")', "print(2)", "# EXERCISE 01.1", "no hint"),
    "an exercise without header": (HEADER, "# ### An exercise", "# EXERCISE 01.1", "no header"),
    "a cell that uses the student's answer": (
        *code("print(mean_square([1, 2]))"),
        "print(mean_square",
        "the student's answer to exercise 01.1",
    ),
    "a function that uses the student's answer": (
        *code("def twice(numbers):\n    return 2 * mean_square(numbers)"),
        "    return 2 * mean_square",
        "the student's answer to exercise 01.1",
    ),
    "a cell that needs a name from a solution cell": (
        'print("only in the solution")\n',
        "only = 1\n\n# %%\nprint(only)\n",
        "print(only)",
        "tagged `solution`",
    ),
    "a solution's line in code": (
        *code("numbers = [1]\nx = sum( number**2 for number in numbers ) / len(numbers)"),
        "x = sum(",
        "part of the solution of exercise 01.1",
    ),
    "a solution's value printed elsewhere": (
        *code("numbers = [1]\nprint(sum(number**2 for number in numbers) / len(numbers))"),
        "print(sum(",
        "part of the solution of exercise 01.1",
    ),
    "a solution in a comment": (
        *code("# return sum(number**2 for number in numbers) / len(numbers)\nx = 1"),
        "# return sum(",
        "part of the solution of exercise 01.1",
    ),
    "a solution in a fold-out": (
        *prose("<details>Answer: <code>sum(number**2 for number in numbers) / len(numbers)</code></details>"),
        "# <details>",
        "part of the solution of exercise 01.1",
    ),
    "a number that is the answer": (
        SOLUTION,
        "    return 0.7351\n    ### END SOLUTION\n    # about 0.7351\n    ### BEGIN SOLUTION\n    pass\n",
        "    # about 0.7351",
        "`0.7351`",
    ),
    "a task that was solved before": (
        "\nprint(SEED, PROFILE, SIZES)\n",
        "\nprint(SEED, PROFILE, SIZES)\n\n# %%\nnumbers = [1]\n"
        "print(sum(number**2 for number in numbers) / len(numbers))\n",
        "numbers = [1]",
        "whole solution of exercise 01.1",
    ),
    "plt.show": (*code("import matplotlib.pyplot as plt\nplt.show()"), "plt.show()", "cl.show(fig, alt="),
    "a figure that is not shown": (
        *code("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()"),
        "fig, ax",
        "makes a figure",
    ),
    "a figure by plt.plot": (
        *code("import matplotlib.pyplot as plt\nplt.plot([1, 2])"),
        "plt.plot",
        "makes a figure",
    ),
    "a figure of the library": (*code("cl.plots.history(None)"), "cl.plots.history", "makes a figure"),
    "a figure without alt text": (*code("fig = 1\ncl.show(fig)"), "cl.show(fig)", "no alt text"),
    "a figure with an empty alt text": (
        *code('fig = 1\ncl.show(fig, alt=" ")'),
        "cl.show(fig",
        "no alt text",
    ),
    "a slider without alt text": (*code("cl.slider(print, k=(1, 2))"), "cl.slider", "no alt text"),
    "a picture without alt text": (*prose("Text.\n\n![](https://x.org/a.png)"), "# ![]", "no alt text"),
    "an HTML picture without alt text": (*prose('<img src="https://x.org/a.png">'), "# <img", "no alt text"),
    "a picture that is not there": (
        *prose("![A cell.](cells.png)"),
        "# ![A cell",
        "`cells.png` leads nowhere",
    ),
    "a picture in HTML that is not there": (
        *prose('<img alt="A cell." src="img/cells.png">'),
        "# <img",
        "`img/cells.png` leads nowhere",
    ),
    "a link to a lesson that is not there": (
        *prose("See [lesson 09](../9_x/09_none.ipynb)."),
        "# See [lesson 09]",
        "leads nowhere",
    ),
    "a link out of the notebooks": (
        *prose("See [the checkout](../..)."),
        "# See [the checkout]",
        "leads out of `notebooks/`",
    ),
    "a link into one machine": (*prose("See [it](/home/me/x.md)."), "# See [it]", "a path of one machine"),
    "a link that says nothing": (*prose("Click [here](https://x.org)."), "# Click", "does not say where"),
    "a table with a nameless column": (
        *prose("| | what it is |\n|---|---|\n| a | b |"),
        "# | | what",
        "no word at its head",
    ),
    "an HTML table without heads": (
        *prose("<table><tr><td>a</td><td>b</td></tr></table>"),
        "# <table",
        "no `<th>`",
    ),
    "a first heading that is too small": (
        "# ## The question",
        "# ### The question",
        "# ### The question",
        "from level 1 to level 3",
    ),
    "a heading that skips a level": (
        *prose("## Next\n\n#### Deep"),
        "# #### Deep",
        "from level 2 to level 4",
    ),
    "a title in the source": (
        "# ## The question",
        "# # The question",
        "# # The question",
        "The build writes the title",
    ),
    "no parameters": (
        '# %% tags=["parameters"]\nSEED: int = 0  # every',
        "# %%\nSEED: int = 0  # every",
        "raise Value",
        "No cells",
    ),
    "parameters that come late": (
        '# %% tags=["parameters"]',
        '# %%\nimport math\n\n# %% tags=["parameters"]',
        "SEED: int",
        "not the first code cell",
    ),
    "a parameter that is computed": ("= [1, 2]", "= list((1, 2))", "SIZES: list", "no literal"),
    "a parameter without a type": ("SIZES: list[int] =", "SIZES =", "SIZES = ", "no typed parameter"),
    "a parameter of another type": ("SEED: int = 0", "SEED: int = 0.5", "SEED: int", "declared int"),
    "a parameter without comment": ("  # how many", "", "SIZES: list", "no comment"),
    "a parameter that nothing uses": (
        "print(SEED, PROFILE, SIZES)",
        "print(SEED, PROFILE)",
        "SIZES: list",
        "No cell uses",
    ),
    "a seed that is not used at once": (
        "print(SEED, PROFILE, SIZES)",
        "print(PROFILE, SIZES)\n\n# %%\nprint(SEED)",
        "SEED: int",
        "below the parameters",
    ),
    "a magic": (*code("%matplotlib inline"), "%matplotlib", "magic"),
    "a shell line": (*code("!pip install x"), "!pip", "shell line"),
    "a warning filter": (
        *code("import warnings\nwarnings.filterwarnings('ignore')"),
        "warnings.filter",
        "Mend the cause",
    ),
    "a dataset that the syllabus does not name": (
        *code('cl.load("wine")'),
        'cl.load("wine")',
        "loads `wine`",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_refused_with_its_line(tmp_path, fault):
    old, new, at, said = PLANTED[fault]
    assert MEANS.count(old) == 1, "the change must hit one place"
    means = MEANS.replace(old, new)
    found = found_in(tmp_path, means=means)
    matching = [problem for problem in found if said in str(problem)]
    assert matching, [str(problem) for problem in found]
    problem = matching[0]
    assert problem.file == SOURCE
    if at is not None:
        assert problem.line == line_of(means, at), str(problem)
    assert problem.suggestion.endswith((".", "?"))


@pytest.mark.parametrize(
    "change",
    [
        code("def mean_square(numbers):\n    return 1\n\n\nprint(mean_square([1]))"),
        code("print([mean_square for mean_square in (1, 2)])"),
        code("def f(mean_square):\n    return mean_square"),
        code(
            "import matplotlib.pyplot as plt\n\n\ndef draw(k=1):\n    fig, ax = plt.subplots()\n    return ax"
        ),
        code("print('%matplotlib inline')"),
        code("cl.plots.use_style()"),
        code("# begin with the smallest, end with the largest\nx = 1"),
        prose("## Next\n\n```python\n# no heading\n[a](b)\n```"),
        prose("`![](no picture)` and [the survey](https://arxiv.org/abs/2003.11755), [above](#goals)."),
        prose("See [lesson 00](../00_start.ipynb)."),
        prose("| `name` | what it is |\n|---|:-:|\n| a |  |"),
        prose("```\n| | b |\n|---|---|\n```"),
        prose("<table><tr><th>a</th></tr><tr><td>b</td></tr></table>"),
        (HEADER, HEADER.replace("complete ·", "complete · optional ·")),
        ("[1, 2]", "[\n    1,\n    2,\n]"),
    ],
    ids=lambda change: change[1].strip()[-40:],
)
def test_what_only_looks_like_a_fault_passes(tmp_path, change):
    assert MEANS.count(change[0]) == 1
    assert [str(problem) for problem in found_in(tmp_path, means=MEANS.replace(*change))] == []


def test_what_the_lesson_has_taught_before_the_task_gives_nothing_away(tmp_path):
    taught = (
        "\nprint(SEED, PROFILE, SIZES)\n\n# %%\nnumbers = [1, 2]\nprint(sorted(set(numbers[1:]), key=abs))\n"
    )
    means = MEANS.replace("\nprint(SEED, PROFILE, SIZES)\n", taught)
    means = means.replace(SOLUTION, "    print(sorted(set(numbers[1:]), key=abs))\n" + SOLUTION)
    assert found_in(tmp_path, means=means) == []
    again = means.replace(*code("print(sorted(set(numbers[1:]), key=abs))"))
    assert found_in(tmp_path, means=again) == []


def test_two_answers_to_one_exercise_are_refused(tmp_path):
    answer = MEANS[MEANS.index("# EXERCISE") : MEANS.index("\n\n# %%\ncl.check")]
    means = MEANS.replace(*code(answer))
    exactly_one(
        found_in(tmp_path, means=means),
        SOURCE,
        line_of(means, "# EXERCISE", last=True),
        "01.1",
        "answered in line",
    )


def line_of(text, words, last=False):
    return text.count("\n", 0, text.rindex(words) if last else text.index(words)) + 1


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ('hints=("Look.", "Try.", "Almost.")', 'hints=("Look.", "Try.")', "Exercise(", "has 2 hints"),
        ('hints=("Look.", "Try.", "Almost.")', 'hints=("Look.", "Try.", "")', "Exercise(", "has 2 hints"),
        ('"complete", 5, 1', '"complete", 9, 1', "Exercise(", "minutes"),
        ('"complete", 5, 1', '"debug", 5, 1', "Exercise(", "kind"),
        ("EXERCISES = (", "EXERCISES = (\n    Exercise('01.7'),", "Exercise('01.7'", "not in the lesson"),
        ("def verify(answer):", "def verify(answer:", "def verify", "does not parse"),
    ],
)
def test_a_fault_in_the_exercises_module_is_refused_there(tmp_path, old, new, at, said):
    assert old in CHECKS
    checks = CHECKS.replace(old, new)
    exactly_one(
        found_in(tmp_path, checks=checks), CHECKS_FILE, line_of(checks, at, last=at == "Exercise("), said
    )


def test_an_exercise_without_entry_or_without_module_is_refused(tmp_path):
    found = found_in(tmp_path, checks="EXERCISES = ()\n")
    exactly_one(found, SOURCE, line_of(MEANS, "# EXERCISE"), CHECKS_FILE, "three hints")
    (tmp_path / CHECKS_FILE).unlink()
    exactly_one(problems(tmp_path), CHECKS_FILE, 1, "missing")


@pytest.mark.parametrize(
    ("tests", "line", "said"),
    [
        (TESTS.replace("[a, b, c]", "[a, b]"), 1, "`RIGHT` holds 2 answers"),
        (TESTS.replace(', (e, "x")', ""), 2, "`WRONG` holds 4 answers"),
        (TESTS.replace('RIGHT = {"01.1"', 'RIGHT = {"01.2"'), 1, "`RIGHT` holds 0 answers"),
        (TESTS.replace("a, b, c]", "a, b, c"), 1, "does not parse"),
    ],
)
def test_an_exercise_without_enough_tests_is_refused(tmp_path, tests, line, said):
    exactly_one(found_in(tmp_path, tests=tests), TESTS_FILE, line, said)


def test_an_exercise_without_tests_module_is_refused(tmp_path):
    write_course(tmp_path)
    (tmp_path / TESTS_FILE).unlink()
    exactly_one(problems(tmp_path), TESTS_FILE, 1, "missing")


def test_a_source_without_entry_is_refused(tmp_path):
    write_course(tmp_path)
    stray = tmp_path / "notebooks/source/1_basics/07_stray.py"
    stray.write_text(START, encoding="utf-8")
    exactly_one(problems(tmp_path), "notebooks/source/1_basics/07_stray.py", 1, TOML_FILE)


def test_an_entry_without_source_is_refused(tmp_path):
    write_course(tmp_path)
    (tmp_path / SOURCE).unlink()
    exactly_one(problems(tmp_path), TOML_FILE, line_of(SYLLABUS, '"01_means"'), SOURCE)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('data = ["digits"]', 'data = ["digit"]', "Did you mean `digits`"),
        ('data = ["digits"]', 'data = ["digits", "co2_weekly"]', "extra `statsmodels`"),
    ],
)
def test_an_unknown_dataset_or_a_missing_extra_is_refused(tmp_path, old, new, said):
    syllabus = SYLLABUS.replace(old, new)
    exactly_one(found_in(tmp_path, syllabus=syllabus), TOML_FILE, line_of(syllabus, '"01_means"'), said)


def test_a_source_in_another_encoding_is_refused(tmp_path):
    write_course(tmp_path)
    (tmp_path / SOURCE).write_bytes(MEANS.replace("SIZES", "GRÖSSEN").encode("latin-1"))
    exactly_one(problems(tmp_path), SOURCE, line_of(MEANS, "SIZES"), "UTF-8")


def test_all_problems_of_all_lessons_are_named_at_once(tmp_path):
    found = found_in(tmp_path, start=START.replace("# ## ", "# # "), means=MEANS.replace("# ## ", "# # "))
    assert {problem.file for problem in found} == {"notebooks/source/00_start.py", SOURCE}


def test_a_cell_knows_the_line_that_its_text_begins_in():
    means = MEANS.replace("# %%\nimport", "# %%\n\n\nimport")
    for cell in read_cells(means):
        first = cell.text.split("\n")[0]
        assert means.split("\n")[cell.line - 1].removeprefix("# ") == first.removeprefix("# ")
