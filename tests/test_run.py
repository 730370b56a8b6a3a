"""Running a lesson without a browser: what it leaves, what it reports, and what stops it."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.errors import CourseError
from course_lib.lessons import run, seeds, sweep
from course_lib.lessons.parameters import parse_parameters
from course_lib.lessons.run import run_lesson, run_notebook
from course_lib.lessons.seeds import SeedClaim, SeedReport, recorded_is_current, run_seeds, seed_runs
from course_lib.lessons.sweep import parse_grid, run_sweep

PARAMETERS = """SEED: int = 0  # every number follows from it
PROFILE: str = "auto"  # "quick" or "full"
RATE: float = 0.1  # step size
LOUD: bool = False  # whether it talks
SIZES: list[int] = [8, 16]  # widths"""


def write(path, *cells):
    """Write a notebook: `md:` begins prose, and the first cell with `SEED:` holds the parameters."""
    made = []
    for number, text in enumerate(cells):
        if text.startswith("md:"):
            made.append(new_markdown_cell(text[3:], id=f"md-{number}"))
        else:
            tags = ["parameters"] * ("SEED:" in text) + ["raises-exception"] * ("meant to fail" in text)
            made.append(new_code_cell(text, id=f"code-{number}", metadata={"tags": tags}))
    # A kernel that nobody has: what runs is this interpreter, whatever the notebook names.
    kernel = {"name": "no-such-kernel", "display_name": "?", "language": "python"}
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
    return path


def output(result):
    """Everything that the executed notebook printed."""
    cells = nbformat.read(result.notebook, as_version=4).cells
    outputs = [out for cell in cells if cell.cell_type == "code" for out in cell.outputs]
    return "".join(out.text for out in outputs if out.output_type == "stream")


FIGURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """A small lesson that has one of everything, and its run."""
    folder = tmp_path_factory.mktemp("lesson")
    (folder / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    path = write(
        folder / "77_tiny.ipynb",
        "md:# 77 · Tiny\n\n[before](../00_start_here.ipynb) ![a dot](dot.png) [web](https://example.org)",
        PARAMETERS,
        "md:## Set-up\n```\n# no heading\n```",
        "import os, sys, time\nfrom IPython.display import HTML, display\n"
        "print(sys.executable, os.environ.get('COURSE_PROFILE'), SEED, RATE, LOUD, SIZES)",
        "md:## Data",
        "time.sleep(0.3)",
        f'display(HTML(\'<img alt="A dot." src="{FIGURE}">\'))',
        f"display(HTML('<img src=\"{FIGURE}\">'))",
        "1 / 0  # meant to fail",
        "import ipywidgets\nipywidgets.IntSlider()",
        "md:## Claims",
        "from course_lib import claim\nclaim('More is more', 2 + SEED, '>', 1, margin=0.5)\n"
        "claim('Less is more', 0, '>', 1, expect='fails')",
    )
    out = folder / "build"
    before = path.read_bytes()
    result = run_notebook(
        path, out=out, profile="quick", parameters={"SEED": "3", "RATE": "1", "LOUD": "yes", "SIZES": "[4]"}
    )
    assert path.read_bytes() == before, "the notebook itself is only read"
    assert {file.name for file in folder.iterdir()} == {"77_tiny.ipynb", "dot.png", "build"}
    return result


def test_this_interpreter_runs_with_the_profile_and_the_parameters_typed(lesson):
    assert output(lesson).strip() == f"{sys.executable} quick 3 1.0 True [4]"
    assert "COURSE_PROFILE" not in os.environ


def test_the_results_are_the_executed_notebook_and_a_page(lesson):
    assert lesson.notebook.name == "77_tiny.ipynb"
    assert {file.name for file in lesson.notebook.parent.iterdir()} == {"77_tiny.ipynb", "77_tiny.html"}
    nbformat.validate(nbformat.read(lesson.notebook, as_version=4))


def test_every_cell_has_its_time_and_the_heading_above_it(lesson):
    headings = [cell.heading for cell in lesson.cells]
    assert headings[2:4] == ["Set-up", "Data"]
    slow = next(cell for cell in lesson.cells if "sleep" in cell.line)
    assert 0.3 <= slow.seconds < 2
    assert lesson.seconds >= sum(cell.seconds for cell in lesson.cells)
    assert re.search(r"\[ 4\] +[01]\.\d\d s  time\.sleep", lesson.table())


def test_the_claims_are_read_with_their_numbers(lesson):
    assert [(claim["left"], claim["holds"]) for claim in lesson.claims] == [(5.0, True), (0.0, False)]
    assert lesson.came_out, "a sentence that the lesson refutes comes out when it fails"
    assert "2 of 2 came out as expected" in lesson.table()
    assert "as the lesson shows" in lesson.table()


def test_a_picture_without_alt_text_is_counted(lesson):
    assert lesson.undescribed == 1
    assert "Pictures without alt text: 1" in lesson.table()


def test_the_page_needs_nothing_beside_it(lesson):
    page = lesson.page.read_text(encoding="utf-8")
    assert "<title>77 · Tiny</title>" in page
    assert '<html lang="en">' in page
    asked = re.findall(r"""(?:src|href)=["']([^"']+)|import .*? from ["']([^"']+)""", page)
    asked = {found for pair in asked for found in pair if found and not found.startswith(("data:", "#"))}
    allowed = {"https://example.org"}  # a link of the lesson's own
    assert {found for found in asked if "mathjax" not in found} == allowed | {"../../00_start_here.ipynb"}
    assert 'alt="A dot."' in page
    assert "widget-state" not in page
    assert '<img alt="a dot" src="data:image/png;base64,iVBORw0KGgo="' in page


def test_the_page_ends_with_times_and_claims(lesson):
    page = lesson.page.read_text(encoding="utf-8")
    end = page.partition("This run")[2]
    assert "More is more" in end
    assert "<td" in end
    assert "time.sleep(0.3)" in end


def test_links_lead_to_the_same_files_from_the_new_place(lesson):
    first = nbformat.read(lesson.notebook, as_version=4).cells[0].source
    assert "(../../00_start_here.ipynb)" in first
    assert "(../dot.png)" in first
    assert "(https://example.org)" in first


def stops(path, **settings):
    with pytest.raises(CourseError) as caught:
        run_notebook(path, out=path.parent / "build", **settings)
    return str(caught.value)


def test_a_run_leaves_the_process_in_its_folder(tmp_path, monkeypatch):
    moved = []
    monkeypatch.setattr(os, "chdir", moved.append)
    run_notebook(write(tmp_path / "steady.ipynb", "print('here')"), out=tmp_path / "out")
    assert not moved, "runs side by side would see it, and could leave it elsewhere"


def test_an_error_is_told_with_its_cell_and_heading_and_what_ran_is_kept(tmp_path):
    path = write(
        tmp_path / "77.ipynb",
        "md:# T\n## Data",
        "print('ran')",
        "raise ValueError('a bad value')",
        "print('no')",
    )
    said = stops(path)
    assert 'in cell 2, under "Data": ValueError: a bad value.' in said
    kept = nbformat.read(tmp_path / "build/77.ipynb", as_version=4)
    assert [out.text for out in kept.cells[2].outputs] == ["ran\n"]
    assert "a bad value" in (tmp_path / "build/77.html").read_text(encoding="utf-8")
    last = [cell for cell in kept.cells if cell.cell_type == "code"][-1]
    assert not last.outputs


def test_an_error_in_a_widgets_callback_is_found_although_nothing_is_raised(tmp_path):
    fails = """
import ipywidgets as widgets
out = widgets.Output()
button = widgets.Button()
@out.capture()
def pressed(_):
    1 / 0
button.on_click(pressed)
button.click()
"""
    path = write(
        tmp_path / "77.ipynb", "md:## First", fails, "md:## Shown", "widgets.VBox([widgets.HBox([out])])"
    )
    said = stops(path)
    assert 'in cell 2, under "Shown", in a widget\'s callback: ZeroDivisionError' in said


def test_a_cell_that_takes_too_long_is_stopped_where_it_is(tmp_path):
    path = write(
        tmp_path / "77.ipynb", "x = 1", "import time\nfor _ in range(99):\n    time.sleep(0.5)", "y = 2"
    )
    start = time.perf_counter()
    assert "in cell 2: it took longer than 1 s" in stops(path, cell_timeout=1)
    assert time.perf_counter() - start < 15
    cells = nbformat.read(tmp_path / "build/77.ipynb", as_version=4).cells
    (stopped,) = [out for cell in cells if "sleep" in cell.source for out in cell.get("outputs", ())]
    assert stopped.ename == "KeyboardInterrupt"
    assert "time.sleep" in re.sub(r"\x1b\[[0-9;]*m", "", "".join(stopped.traceback)), "it shows where"


def test_a_cell_that_will_not_be_interrupted_is_stopped_too(tmp_path):
    stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    path = write(tmp_path / "77.ipynb", "md:## Here", stubborn)
    assert 'in cell 1, under "Here": it took longer than 1 s' in stops(path, cell_timeout=1)


def test_a_dead_kernel_is_said_to_be_dead(tmp_path):
    path = write(tmp_path / "77.ipynb", "x = 1", "import os\nos._exit(1)")
    assert "in cell 2: the kernel died" in stops(path)


CLAIM = "from course_lib import claim\nclaim('One is two', 1, '>', 2)"
CHECK = """
from IPython.display import display
record = {"id": "77.1", "outcome": "not yet", "message": "Look again."}
display({"application/vnd.course.check+json": record, "text/plain": "not yet"}, raw=True)"""


@pytest.mark.parametrize(
    "cell",
    [CLAIM, f"try:\n    {CLAIM.splitlines()[0]}\n    claim('One is two', 1, '>', 2)\nexcept Exception: pass"],
)
def test_a_claim_that_does_not_hold_stops_a_strict_run_only(tmp_path, cell):
    path = write(tmp_path / "77.ipynb", cell)
    loose = run_notebook(path, out=tmp_path / "build")
    assert not loose.came_out
    assert "✗ One is two – does not hold" in loose.table()
    assert "One is two" in stops(path, strict=True)


def test_a_check_that_is_not_correct_stops_a_strict_run_only(tmp_path):
    path = write(tmp_path / "77.ipynb", CHECK)
    loose = run_notebook(path, out=tmp_path / "build")
    assert "✗ 77.1 – not yet" in loose.table()
    assert "exercise 77.1 is not yet" in stops(path, strict=True)


def test_what_a_run_solves_is_not_the_callers_progress(tmp_path):
    path = write(tmp_path / "77.ipynb", "import os\nopen(os.environ['COURSE_STATE'], 'w').write('solved')")
    run_notebook(path, out=tmp_path / "build")
    assert not Path(os.environ["COURSE_STATE"]).exists()


@pytest.mark.parametrize(
    ("parameters", "fragments"),
    [
        ({"SEDE": "1"}, ["`SEDE`", "Did you mean `SEED`"]),
        ({"SEED": "many"}, ["`SEED`", "`int`", "`0`"]),
        ({"SEED": "1.5"}, ["`SEED`", "`int`"]),
        ({"SEED": True}, ["`SEED`", "`int`"]),
        ({"RATE": "fast"}, ["`RATE`", "`float`"]),
        ({"LOUD": "perhaps"}, ["`LOUD`", "`bool`"]),
        ({"SIZES": "8"}, ["`SIZES`", "`list[int]`"]),
        ({"SIZES": "[8,"}, ["`SIZES`", "`list[int]`"]),
    ],
)
def test_a_parameter_that_the_lesson_does_not_have_is_refused_before_anything_is_written(
    tmp_path, parameters, fragments
):
    said = stops(write(tmp_path / "77.ipynb", PARAMETERS), parameters=parameters)
    for fragment in fragments:
        assert fragment in said
    assert not (tmp_path / "build").exists()


def test_parameters_are_read_as_name_and_value():
    assert parse_parameters(["SEED=3", "TEXT=a=b"]) == {"SEED": "3", "TEXT": "a=b"}
    for wrong in ("SEED", "=3", "2SEED=3"):
        with pytest.raises(CourseError, match="NAME=VALUE"):
            parse_parameters([wrong])


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_ends_the_kernel_and_is_no_error_of_the_lesson(tmp_path):
    mark = tmp_path / "pid"
    path = write(
        tmp_path / "77.ipynb",
        f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)",
    )
    code = f"""
from course_lib.lessons.run import run_notebook
try:
    run_notebook({str(path)!r}, out={str(tmp_path / "build")!r})
except KeyboardInterrupt:
    print("stopped")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(300):
        if mark.exists() and mark.read_text():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=30)
    assert (said, complained) == ("stopped\n", "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


# --- many seeds ---------------------------------------------------------------------------------------------

SEEDED = """
from course_lib import claim
import os, random
random.seed(SEED)
gap = [0.5, 0.1, -0.2, 0.4][SEED]
claim(f"It wins by {gap}", 1 + gap, ">", 1)
claim("It loses", 1 + gap, ">", 3, expect="fails")
claim("Arithmetic", 2 + 2, "==", 4)
claim("One thread", float(os.environ["OMP_NUM_THREADS"]), "==", 1)
"""


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("seeds") / "77.ipynb", PARAMETERS, SEEDED)
    claims, errors = seed_runs(path, 4)
    assert not errors
    return claims


def test_over_seeds_a_claim_has_count_mean_spread_and_worst(seeded):
    wins, loses, *_ = seeded
    assert (wins.came_out, wins.runs, wins.varies) == (3, 4, True)
    # By hand: the mean of 0.5, 0.1, -0.2, 0.4 is 0.2, the squares about it add up to 0.30.
    assert wins.mean == pytest.approx(0.2)
    assert wins.spread == pytest.approx((0.30 / 3) ** 0.5)
    assert wins.worst == pytest.approx(-0.2)
    # What the lesson refutes is worst where it comes nearest to holding.
    assert loses.came_out == 4
    assert loses.worst == pytest.approx(-1.5)


def test_what_does_not_vary_with_the_seed_is_listed_apart(seeded):
    *_, arithmetic, threads = seeded
    assert not arithmetic.varies
    assert threads.came_out == 4, "each run has one thread"
    shown = SeedReport("77", 4, seeded, {}, {}).table()
    before, after = shown.split("no evidence about seeds")
    assert "It wins" in before
    assert "Arithmetic" in after
    assert "Arithmetic" not in before


def test_a_seed_that_stops_is_reported_and_the_others_count(tmp_path):
    path = write(tmp_path / "77.ipynb", PARAMETERS, "assert SEED != 1", CLAIM)
    claims, errors = seed_runs(path, 3)
    assert list(errors) == [1]
    assert "AssertionError" in errors[1]
    assert claims[0].runs == 2


def claim_over_seeds(came_out, varies=True, runs=20):
    return SeedClaim("s", ">", 0.0, "holds", runs, came_out, varies, 1.0, 0.1, -0.1)


@pytest.mark.parametrize(
    ("claims", "errors", "fine"),
    [
        ([claim_over_seeds(20)], {}, True),
        ([claim_over_seeds(19)], {}, True),
        ([claim_over_seeds(18)], {}, False),
        ([claim_over_seeds(19, varies=False)], {}, False),
        ([claim_over_seeds(19, runs=19)], {7: "stopped"}, False),
    ],
)
def test_nineteen_of_twenty_is_enough_for_what_varies(claims, errors, fine):
    assert SeedReport("77", 20, tuple(claims), errors, {}).came_out is fine


def test_seeds_need_a_seed_that_is_free(tmp_path):
    with pytest.raises(CourseError, match="SEED"):
        seed_runs(write(tmp_path / "77.ipynb", "x = 1"), 2)
    with pytest.raises(CourseError, match="Leave out `SEED`"):
        seed_runs(write(tmp_path / "77.ipynb", PARAMETERS), 2, parameters={"SEED": 1})


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    """A checkout with one lesson, in which the functions of the lesson's number can be tried."""
    lesson = SimpleNamespace(
        id="77_tiny",
        number="77",
        unit="",
        source="notebooks/source/77_tiny.py",
        notebook="77_tiny.ipynb",
        solution="solutions/77_tiny.ipynb",
    )
    (tmp_path / "notebooks/source").mkdir(parents=True)
    (tmp_path / "notebooks/solutions").mkdir()
    (tmp_path / "notebooks/source/77_tiny.py").write_text("# %% [markdown]\n# Prose\n\n# %%\nx = 1\n")
    write(tmp_path / "notebooks/solutions/77_tiny.ipynb", PARAMETERS, "print('the solution')\n" + SEEDED)
    write(tmp_path / "notebooks/77_tiny.ipynb", PARAMETERS, "print('the student')")
    for module in (run, seeds):
        monkeypatch.setattr(module, "find", lambda number: lesson)
        monkeypatch.setattr(module, "checkout_root", lambda: tmp_path)
    real = seeds.code_hash
    monkeypatch.setattr(seeds, "code_hash", lambda lesson, root=None: real(lesson, root or tmp_path))
    monkeypatch.chdir(tmp_path)
    return lesson


def test_a_lesson_runs_as_its_solution_or_as_the_students_notebook(small_course):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    solution = run_lesson("77")
    student = run_lesson("77", student=True)
    assert output(solution) == "the solution\n"
    assert output(student) == "the student\n"
    assert {file.name for file in Path("build").iterdir()} == {
        "77_tiny.ipynb",
        "77_tiny.html",
        "77_tiny_student.ipynb",
        "77_tiny_student.html",
    }


def test_a_record_says_with_what_it_was_made_and_when_it_is_stale(small_course, tmp_path):
    report = run_seeds("77", 3, profile="quick")
    path = report.record(tmp_path)
    assert path == tmp_path / "benchmarks/results/claims_77_tiny.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["seeds"] == 3
    assert kept["profile"] == "quick"
    assert kept["machine"]["cores"] == os.cpu_count()
    assert kept["versions"]["torch"]
    assert [claim["came_out"] for claim in kept["claims"]] == [2, 3, 3, 3]
    assert recorded_is_current(small_course, tmp_path)

    source = tmp_path / small_course.source
    source.write_text(source.read_text().replace("Prose", "Better prose"))
    assert recorded_is_current(small_course, tmp_path), "prose changes no number"
    source.write_text(source.read_text().replace("x = 1", "x = 2"))
    assert not recorded_is_current(small_course, tmp_path)


def test_without_a_record_nothing_is_current(small_course, tmp_path):
    assert not recorded_is_current(small_course, tmp_path)


def test_a_lesson_that_is_not_built_says_how_to_build_it(small_course, tmp_path):
    (tmp_path / "notebooks/77_tiny.ipynb").unlink()
    with pytest.raises(CourseError, match="course build 77"):
        run_lesson("77", student=True)


# --- many settings ------------------------------------------------------------------------------------------

SWEPT = """
from course_lib import claim
import os
assert RATE < 5, "too large a step"
claim("The step is small", RATE, "<", 0.5)
claim("The seed is $\\\\pi$ or less", SEED, "<", 4)
"""


@pytest.fixture
def swept(small_course, monkeypatch):
    monkeypatch.setattr(sweep, "find", lambda number: small_course)
    write(Path("notebooks/solutions/77_tiny.ipynb"), PARAMETERS, SWEPT)
    grid = parse_grid(["SEED=0, 1", "RATE=0.1,1,9"])
    return run_sweep("77", grid, profile="quick", parameters={"LOUD": "yes"})


def test_every_combination_is_run_and_kept(swept):
    assert [tuple(setting.values()) for setting in swept.settings] == [
        (seed, rate) for seed in "01" for rate in ("0.1", "1", "9")
    ]
    run = swept.outcomes[1]
    assert run.notebook.name == "SEED=0_RATE=1.ipynb"
    assert run.page.exists()
    injected = nbformat.read(run.notebook, as_version=4).cells[1].source
    assert "RATE = 1.0" in injected
    assert "LOUD = True" in injected


def test_the_table_says_what_came_out_where(swept):
    shown = swept.table()
    assert re.search(r"0 +0\.1 +\d+ +2 of 2$", shown, re.M)
    assert re.search(r"1 +1 +\d+ +1 of 2$", shown, re.M)
    assert re.search(r"0 +9 +stopped$", shown, re.M)
    assert len(re.findall(r"SEED=[01], RATE=9: .*too large a step", shown)) == 2
    assert "2 of 4  The step is small" in shown
    assert not swept.came_out


def test_the_spreadsheet_has_a_row_per_run_and_claim(swept):
    with swept.csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2 + 2
    small = [row for row in rows if row["claim"] == "The step is small"]
    assert [(row["SEED"], row["left"], row["came_out"]) for row in small] == [
        ("0", "0.1", "True"),
        ("0", "1.0", "False"),
        ("1", "0.1", "True"),
        ("1", "1.0", "False"),
    ]
    assert [row["RATE"] for row in rows if row["stopped"]] == ["9", "9"]


def test_the_picture_is_there(swept):
    from PIL import Image

    with Image.open(swept.picture) as picture:
        assert picture.width > picture.height > 100


@pytest.mark.parametrize("wrong", ["SEED", "=1,2", "SEED=0,,1", "SEED=1,1"])
def test_a_grid_that_says_nothing_is_refused(wrong):
    with pytest.raises(CourseError, match="--over SEED=0,1,2"):
        parse_grid([wrong])


def test_a_wrong_value_is_refused_before_anything_runs(small_course, monkeypatch):
    monkeypatch.setattr(sweep, "find", lambda number: small_course)
    with pytest.raises(CourseError, match="type `float`"):
        run_sweep("77", {"RATE": ["0.1", "fast"]})
    with pytest.raises(CourseError, match="one value and several"):
        run_sweep("77", {"SEED": ["1"]}, parameters={"SEED": "2"})
    assert not Path("build").exists()
