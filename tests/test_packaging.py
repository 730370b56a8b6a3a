"""The files that say what to install agree with one another."""

import re
import tomllib

import pytest

# Where conda's name is another.
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def requirement(text: str) -> tuple[str, str]:
    """Split "numpy>=2.0" into its name and its bound."""
    name, bound = re.fullmatch(r"([\w.-]+(?:\[[\w,]+\])?)\s*(.*)", text).groups()
    return name, bound


def wanted(project: dict) -> dict[str, str]:
    """Return name -> bound of what a student's environment needs: the base and the extra `lab`."""
    extras = project["optional-dependencies"]
    lessons = [
        line for extra in ("attribution", "molecules", "statsmodels", "tables") for line in extras[extra]
    ]
    lines = [*project["dependencies"], *extras["lab"], *lessons]
    return dict(requirement(line) for line in lines if not line.startswith("course_lib"))


@pytest.fixture
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def conda_lines(root) -> dict[str, str]:
    lines = re.findall(r"^ +- ([^\n:]+)$", (root / "environment.yml").read_text(encoding="utf-8"), re.M)
    found = dict(requirement(line) for line in lines)
    for extra in ("conda-forge", "pip", "--editable"):
        found.pop(extra)
    return found


def test_the_conda_environment_asks_for_what_pyproject_asks(root, project):
    conda = conda_lines(root)
    assert conda.pop("python") == project["requires-python"] + ",<3.14"
    assert conda == {CONDA.get(name, name): bound for name, bound in wanted(project).items()}


def test_every_requirement_is_pinned_within_its_bound(root, project):
    from packaging.specifiers import SpecifierSet

    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.lower().split("==") for line in lines if "==" in line)
    everything = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    for name, bound in map(requirement, everything):
        if not name.startswith("course_lib"):
            assert pins[name.lower()] in SpecifierSet(bound), f"{name}{bound} against {pins[name.lower()]}"


def test_requirements_are_lower_bounds_only(project):
    for line in project["dependencies"]:
        assert re.fullmatch(r"[\w-]+>=[\d.]+", line), line


def test_the_citation_names_the_version(root):
    import course_lib

    said = re.search(r"^version: (\S+)$", (root / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    assert said.group(1) == course_lib.__version__
