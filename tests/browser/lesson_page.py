"""One lesson open in JupyterLab: what a student does there, and what is then on the page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from lab_server import LabServer
from playwright.sync_api import BrowserContext, Locator, Page, expect

_SECONDS = 1000  # playwright counts in milliseconds
_OPENS_WITHIN = 90 * _SECONDS
_RUNS_WITHIN = 400 * _SECONDS  # a whole lesson, on a busy machine
_ANSWERS_WITHIN = 60 * _SECONDS
_TABS = 40  # more than there is in any cell

expect.set_options(timeout=_ANSWERS_WITHIN)

# A command given before the kernel is connected is dropped without a word, so wait for its first answer.
_OPEN = """async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  app.shell.collapseLeft();
  const panel = await app.commands.execute('docmanager:open', {path, factory: 'Notebook'});
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  window.lesson = panel;
  window.red = [];
  panel.sessionContext.iopubMessage.connect((_, message) => {
    const {header, content, parent_header: parent} = message;
    if (header.msg_type === 'error') window.red.push(`${content.ename}: ${content.evalue}`);
    if (header.msg_type !== 'stream' || content.name !== 'stderr') return;
    // Shown nowhere: JupyterLab asks a new kernel for the widgets of an older one, and it says that it has
    // none; and what a kernel says to nobody as it starts, its debugger for example.
    if (content.text.startsWith('No such comm') || !parent.msg_type) return;
    window.red.push(content.text);
  });
}"""
_CELLS = """() => window.lesson.content.widgets.map((cell) => ({
  kind: cell.model.type,
  source: cell.model.sharedModel.getSource(),
  tags: cell.model.getMetadata('tags') || [],
  count: cell.model.executionCount ?? null,
  outputs: cell.model.type === 'code' ? cell.model.outputs.toJSON() : [],
}))"""
_BEGIN = """(command) => {
  window.lessonDone = false;
  window.jupyterapp.commands.execute(command)
    .catch((error) => { window.red.push(`${command}: ${error}`); })
    .finally(() => { window.lessonDone = true; });
}"""
_DONE = """() => window.lessonDone && window.lesson.sessionContext.session?.kernel?.status === 'idle'"""


@dataclass(frozen=True)
class Cell:
    """One cell as the notebook's model has it."""

    index: int
    kind: str
    source: str
    tags: list[str]
    count: int | None
    outputs: list[dict]

    @property
    def exercise(self) -> str | None:
        """The exercise that is answered here."""
        first = self.source.partition("\n")[0]
        return first.removeprefix("# EXERCISE ").strip() if first.startswith("# EXERCISE ") else None


class LessonPage:
    """A page of the browser with one lesson in it, and a record of what should not have happened."""

    def __init__(self, browser: BrowserContext, server: LabServer, notebook: str) -> None:
        self.server, self.notebook = server, notebook
        self._here = urlsplit(server.address).netloc
        self.page: Page = browser.new_page()
        self.page.set_default_timeout(_ANSWERS_WITHIN)
        self.page_errors: list[str] = []
        self.left_the_machine: list[str] = []
        self._red_before: list[str] = []
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        self.page.on("websocket", lambda socket: self._note(socket.url))
        self.page.on("request", lambda request: self._note(request.url))

    # What a student does

    def open(self) -> None:
        """Open the notebook and wait until its kernel answers; opened again, it is as it was saved."""
        if self.page.url != "about:blank":
            self._red_before += self.page.evaluate("window.red")
        self.page.goto(f"{self.server.address}/lab?token={self.server.token}&reset", timeout=_OPENS_WITHIN)
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=_OPENS_WITHIN)
        self.page.evaluate(_OPEN, self.notebook)

    def run_all(self) -> None:
        """Run all cells and wait for the end."""
        self._command("notebook:run-all-cells")

    def restart_and_run_to(self, index: int) -> None:
        """Restart the kernel, say yes to the question, and run every cell down to this one."""
        self._activate(index)
        self.page.evaluate(_BEGIN, "notebook:restart-and-run-to-selected")
        self.page.locator(".jp-Dialog").get_by_role("button", name="Confirm").click()
        self.page.wait_for_function(_DONE, timeout=_RUNS_WITHIN)

    def type_into(self, index: int, text: str) -> None:
        """Click into a cell's editor and put `text` in place of all that stands there."""
        self._click_into(index)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        assert self.cells()[index].source == text, "the editor did not take what was typed"

    def uncomment(self, index: int) -> None:
        """Take away the `# ` that a cell begins with, by the keys that a student presses."""
        before = self.cells()[index].source
        self._click_into(index)
        self.page.keyboard.press("Control+Home")
        self.page.keyboard.press("Delete")
        self.page.keyboard.press("Delete")
        assert self.cells()[index].source == before.removeprefix("# ")

    def run_cell(self, index: int) -> None:
        """Run one cell with Ctrl + Enter and wait for its end."""
        before = self.cells()[index].count
        self._activate(index)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            """([index, before]) => {
              const {model} = window.lesson.content.widgets[index];
              return model.executionCount !== null && model.executionCount !== before;
            }""",
            arg=[index, before],
        )
        self.wait_until_idle()

    def save(self) -> None:
        """Save the notebook."""
        self._command("docmanager:save")

    def reach_by_tab(self, index: int, wanted: Locator) -> None:
        """Go from a cell to something in its output by pressing Tab alone."""
        self._activate(index)
        for _ in range(_TABS):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("(node) => node === document.activeElement"):
                return
        raise AssertionError(f"{_TABS} times Tab do not reach {wanted.evaluate('(node) => node.outerHTML')}")

    def bring_into_view(self, wanted: Locator) -> None:
        """Scroll to something and wait until it is painted; cells out of sight are not."""
        wanted.evaluate("(node) => node.scrollIntoView({block: 'center'})")
        expect(wanted).to_be_in_viewport(ratio=0.9)
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
        )

    def use_theme(self, name: str) -> None:
        """Change JupyterLab's theme."""
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name
        )
        self.page.wait_for_function("(name) => document.body.dataset.jpThemeName === name", arg=name)

    # What is on the page

    def cells(self) -> list[Cell]:
        """Return all cells."""
        return [Cell(index, **cell) for index, cell in enumerate(self.page.evaluate(_CELLS))]

    def cell(self, index: int) -> Locator:
        """Return a cell on the page."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """Return what stands below a cell."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def red(self) -> list[str]:
        """Return all that the kernel has written to stderr or raised, in a cell or in a callback."""
        return self._red_before + self.page.evaluate("window.red")

    def wait_until_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(
            "() => window.lesson.sessionContext.session?.kernel?.status === 'idle'", timeout=_RUNS_WITHIN
        )

    def close(self) -> None:
        """Stop the kernel, so that the next lesson has the machine to itself, and close the page."""
        self.page.evaluate("() => window.lesson?.sessionContext.shutdown()")
        self.page.close()

    def _command(self, name: str) -> None:
        self.page.evaluate(_BEGIN, name)
        self.page.wait_for_function(_DONE, timeout=_RUNS_WITHIN)

    def _activate(self, index: int) -> None:
        """Make a cell the active one, as the arrow keys do, with the focus on it and not in its editor."""
        self.page.evaluate(
            """async (index) => {
              const notebook = window.lesson.content;
              window.jupyterapp.shell.activateById(window.lesson.id);
              notebook.mode = 'command';
              notebook.activeCellIndex = index;
              await notebook.scrollToItem(index, 'center');
              notebook.activate();
            }""",
            index,
        )
        self.page.wait_for_function("() => window.lesson.content.node.contains(document.activeElement)")

    def _click_into(self, index: int) -> None:
        editor = self.cell(index).locator(".cm-content")
        editor.scroll_into_view_if_needed()
        editor.click()
        expect(editor).to_be_focused()

    def _note(self, address: str) -> None:
        """Keep an address that is not the server's. It leads nowhere: no name is looked up (chromium.py)."""
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self._here:
            self.left_the_machine.append(address)
