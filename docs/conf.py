"""How Sphinx makes the course's site of what `course book` has laid out."""

import course_lib
from course_lib.lessons.syllabus import course_info

course = course_info()
project, author, version = course.title, "The authors of the course", course_lib.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_mathjax_offline"]
# The students' copies are files to take away, not pages.
exclude_patterns = ["notebooks/[0-9]*"]

nb_execution_mode = "off"  # the lessons have been run, by what runs them everywhere else
nb_ipywidgets_js = {}  # nothing comes from a server
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4

default_role = "code"
autodoc_typehints = "none"  # the docstrings say the types, with their shapes
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "sphinx_book_theme"
html_title = course.title
html_copy_source = True
html_show_sphinx = False
html_theme_options = {"use_download_button": True, "show_navbar_depth": 1}
if course.repository:
    html_theme_options |= {
        "repository_url": f"https://github.com/{course.repository}",
        "repository_branch": course.branch,
        "use_repository_button": True,
    }
