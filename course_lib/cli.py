"""The `course` command: parse, call, print. The work is done in lessons, doctor and data.holdings."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.resources import checkout_root

_EXAMPLES = """examples:
  course doctor                     is everything here that a lesson needs?
  course lab 01                     open lesson 01 in JupyterLab, on your own copy in work/
  course run 01 --set SEED=3        run lesson 01 without a browser
  course check work                 which exercises are solved?
  course data fetch 03              fetch what lesson 03 loads, before the network is gone
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course",
        description="Open, run, build and check the lessons of the course.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, does: str, action) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=does, description=does[0].upper() + does[1:] + ".")
        sub.set_defaults(action=action)
        return sub

    command("doctor", "say whether this machine can run the lessons, and what to mend", _doctor)
    command("list", "show the syllabus", _list)

    sub = command("lab", "open the course in JupyterLab, on your own copies in work/", _lab)
    sub.add_argument("lesson", nargs="?", default="00", help="the lesson to open, e.g. 01 (default: 00)")

    sub = command("build", "build the students' and the solution notebooks from notebooks/source", _build)
    sub.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="only these lessons, e.g. 01 (default: all)"
    )
    sub.add_argument(
        "--check", action="store_true", help="write nothing; fail where a built notebook is not current"
    )
    sub.add_argument(
        "--nbgrader", type=Path, metavar="DIR", help="also write an nbgrader course folder to DIR"
    )

    sub = command("run", "run lessons without a browser; the results go to build/", _run)
    sub.add_argument("lessons", nargs="+", metavar="LESSON", help="the lessons, e.g. 01 (the solution runs)")
    sub.add_argument(
        "--student", action="store_true", help="run the student's notebook instead of the solution"
    )
    sub.add_argument(
        "--profile", choices=["quick", "full"], help="how much to compute (default: as the lesson says)"
    )
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a parameter of the lesson; repeatable",
    )
    sub.add_argument(
        "--over",
        action="append",
        default=[],
        metavar="NAME=VALUE,VALUE",
        help="run once for each value; repeatable: then for every combination",
    )
    sub.add_argument(
        "--seeds", type=_count, metavar="N", help="run with SEED=0..N-1 and say how often each claim held"
    )
    sub.add_argument(
        "--record", action="store_true", help="with --seeds: keep the result in benchmarks/results/"
    )
    sub.add_argument(
        "--strict", action="store_true", help="fail on a claim or a check that does not come out as it should"
    )
    sub.add_argument(
        "--cell-timeout", type=_count, default=600, metavar="SECONDS", help="per cell (default: 600)"
    )
    sub.add_argument(
        "--out", type=Path, default=Path("build"), metavar="DIR", help="where the results go (default: build)"
    )

    sub = command(
        "book", "run every lesson and make a site of the course, to be read without a network", _book
    )
    sub.add_argument(
        "--out",
        type=Path,
        default=Path("build/book"),
        metavar="DIR",
        help="where it goes (default: build/book)",
    )

    sub = command("new", "write the source of a new lesson, which builds at once", _new)
    sub.add_argument(
        "lesson", metavar="NN_slug", help="two digits and a noun phrase, e.g. 06_dense_prediction"
    )

    _add_data(command("data", "list, fetch and verify the datasets, or make a mirror of them", None))

    sub = command("check", "say which exercises are solved, for one notebook or a class's folder", _check)
    sub.add_argument("path", type=Path, metavar="NOTEBOOK|FOLDER")
    sub.add_argument("--csv", type=Path, metavar="FILE", help="also write a table for a spreadsheet")
    sub.add_argument(
        "--timeout", type=_count, default=300, metavar="SECONDS", help="per notebook (default: 300)"
    )
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    """Add what follows `course data`."""
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)

    def task(name: str, does: str, action) -> argparse.ArgumentParser:
        sub = tasks.add_parser(name, help=does, description=does[0].upper() + does[1:] + ".")
        sub.set_defaults(action=action)
        return sub

    task("list", "show every dataset: size, whether it is here, lessons, licence", _data_list)
    sub = task("fetch", "bring datasets into the cache", _data_fetch)
    sub.add_argument("names", nargs="*", metavar="NAME|LESSON", help="such as esol, or 03 for what it loads")
    sub.add_argument("--all", action="store_true", help="every dataset")
    task("verify", "verify every file in the cache by its sha256", _data_verify)
    sub = task("mirror", "make a mirror for a class: for a stick, or for a web server", _data_mirror)
    sub.add_argument("folder", type=Path, metavar="DIR")
    sub.add_argument("names", nargs="*", metavar="NAME|LESSON", help="only these (default: every dataset)")
    sub = task("card", "show what a dataset is: measured how, known faults, not for what", _data_card)
    sub.add_argument("name", metavar="NAME")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 upwards, found {text!r}")
    return int(text)


def _doctor(arguments) -> int:
    from course_lib.doctor import examine

    findings = examine()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{'ok ' if finding.ok else 'NO '} {finding.name:<{width}}  {finding.said}")
        if finding.remedy:
            print(f"    {'':<{width}}  → {finding.remedy}")
    return 0 if all(finding.ok for finding in findings) else 1


def _list(arguments) -> int:
    from course_lib.lessons.syllabus import table

    print(table())
    return 0


def _lab(arguments) -> int:
    import importlib.util
    import subprocess

    from course_lib.lessons.syllabus import find
    from course_lib.lessons.workspace import lab_command, prepare

    root = checkout_root()
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError(
            "JupyterLab is not installed in this environment.",
            "Expected it beside `course_lib`.",
            "Run `make env`, or `pip install -e '.[lab]'` in the checkout.",
        )
    lesson = find(arguments.lesson)
    work = root / "work"
    for sentence in prepare(root, work):
        print(sentence)
    notebook = work / lesson.unit / f"{lesson.id}.ipynb"
    return subprocess.call([*lab_command(work), str(notebook)])


def _build(arguments) -> int:
    from course_lib.lessons import build

    root = checkout_root()
    if arguments.check:
        problems = build.check_built(root)
        for problem in problems:
            print(problem, file=sys.stderr)
        if not problems:
            print("The built notebooks match their sources.")
        return 1 if problems else 0
    for path in build.build(root, arguments.lessons or None):
        print(f"built {path.relative_to(root)}")
    if arguments.nbgrader:
        for path in build.export_nbgrader(root, arguments.nbgrader, arguments.lessons or None):
            print(f"exported {path}")
    return 0


def _run(arguments) -> int:
    from course_lib.lessons.parameters import parse_parameters
    from course_lib.lessons.run import run_lesson
    from course_lib.lessons.seeds import run_seeds
    from course_lib.lessons.sweep import parse_grid, run_sweep

    if arguments.over and (arguments.seeds or arguments.student):
        raise CourseError(
            "`--over` was given with `--seeds` or `--student`.",
            "Expected solutions, and one way to run them many times.",
            "For seeds, `--over SEED=0,1,2` keeps each run; `--seeds 3` counts how often claims hold.",
        )
    if arguments.record and not arguments.seeds:
        raise CourseError(
            "`--record` was given without `--seeds`.",
            "Only the result over many seeds is recorded.",
            "Try: `course run 01 --seeds 20 --record`.",
        )
    checkout_root()
    came_out = True
    for number in arguments.lessons:
        chosen = {
            "profile": arguments.profile,
            "parameters": parse_parameters(arguments.set),
            "cell_timeout": arguments.cell_timeout,
            "out": arguments.out,
        }
        if arguments.seeds:
            report = run_seeds(number, arguments.seeds, **chosen)
            print(report.table())
            if arguments.record:
                print(f"recorded in {report.record()}")
            came_out &= report.came_out or not arguments.strict
        elif arguments.over:
            report = run_sweep(number, parse_grid(arguments.over), **chosen)
            print(report.table())
            came_out &= report.came_out or not arguments.strict
        else:
            report = run_lesson(number, student=arguments.student, strict=arguments.strict, **chosen)
            print(report.table())
            came_out &= report.came_out or not arguments.strict
    return 0 if came_out else 1


def _book(arguments) -> int:
    from course_lib.lessons.book import make_book

    print(f"Open {make_book(checkout_root(), arguments.out)}")
    return 0


def _new(arguments) -> int:
    from course_lib.lessons.workspace import new_lesson

    for path in new_lesson(checkout_root(), arguments.lesson):
        print(f"wrote {path}")
    print(f"Next: write the lesson, then `course build {arguments.lesson[:2]}`.")
    return 0


def _check(arguments) -> int:
    from course_lib.lessons import grade

    checkout_root()
    print("Answers run with your rights: check those of people you trust, or use a machine set apart for it.")
    results = grade.grade(arguments.path, timeout=arguments.timeout)
    print(grade.table(results))
    if arguments.csv:
        grade.write_csv(results, arguments.csv)
        print(f"wrote {arguments.csv}")
    return 0


def _data_list(arguments) -> int:
    from course_lib.data.holdings import table

    print(table())
    return 0


def _data_fetch(arguments) -> int:
    from course_lib.data.holdings import choose, fetch
    from course_lib.registry import records

    if arguments.all == bool(arguments.names):
        raise CourseError(
            "`--all` was given with names." if arguments.all else "It was not said what to fetch.",
            "Expected names of datasets, lessons, or `--all`.",
            "`course data list` shows what there is.",
        )
    for sentence in fetch(choose(records() if arguments.all else arguments.names)):
        print(sentence, flush=True)
    return 0


def _data_verify(arguments) -> int:
    from course_lib.data.holdings import verify

    lines, is_whole = verify()
    print("\n".join(lines))
    return 0 if is_whole else 1


def _data_mirror(arguments) -> int:
    from course_lib.data.holdings import choose, make_mirror
    from course_lib.registry import records

    for sentence in make_mirror(arguments.folder, choose(arguments.names or records())):
        print(sentence, flush=True)
    return 0


def _data_card(arguments) -> int:
    from course_lib.registry import card

    print(card(arguments.name))
    return 0


def main(words: list[str] | None = None) -> int:
    """Run the `course` command and return its exit code: 0, 1 for a failure, 2 for a wrong call.

    Parameters
    ----------
    words : list of str, optional
        What stands after `course` on the command line; by default what the shell gave.

    Notes
    -----
    **Source:** none; `course --help` says what it does. **Shown in:** the README.
    """
    arguments = _parser().parse_args(words)
    try:
        return arguments.action(arguments)
    except CourseError as error:
        print(f"course {arguments.command}: {error}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader, such as `head`, has gone
        return 0
    except OSError as error:
        # A full disk or a folder that may not be written: the system's own word, and where.
        where = f" ({error.filename})" if error.filename else ""
        print(
            f"course {arguments.command}: {error.strerror or error}{where}. "
            "Expected to read and write there. Check the disk's free space and the folder's rights.",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
