"""report.html in headless Chromium, as somebody uses it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Page, browser, program
from report import make_run
from teacher import FakeTeacher

from cotkit.recipe.load import load
from cotkit.run.directory import RunDirectory
from cotkit.run.report import write_report
from cotkit.run.runner import run_recipe

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium on this machine")

RECIPE = """\
name: hostile
steps:
  - step: pull
    sources: [{kind: file, name: "so<b>u</b>rce", path: problems.jsonl}]
  - step: filter
    filters: [{name: length, min_chars: 12, max_chars: 100000}]
  - step: dedup
    embedding: null
  - step: distill
    teacher: {base_url: URL, model: fake}
    samples: 2
  - step: verify
  - step: select
"""
SCRIPT = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'><!-- "
PROBLEMS = [
    r"Find $\frac{1}{2} + \frac{1}{2}$ and \(x^2\), \[\sum_{k=1}^{3} k.\] It costs $5 and $6.",
    SCRIPT + "What is 2 + 2?",
    "\u2028\u202e\u0627\u0644\u0639\u062f\u062f \u4f60\u597d \x01\x1e\x1f What is 3 + 3?",
    r"Bad: $\frac{1$ and $\nosuchmacro{x}$ and $\def\a{\a\a}\a$ and $\href{javascript:window.hacked=3}{x}$ 4?"
    + " $"
    + r"\boxed{" * 100
    + "x"
    + "}" * 100
    + "$",
    "Long: " + "what is 5 + 5, " * 3000,
    "What is  2+3, then?",
    "What is 2 + 3, then?",
    "Too short",
]


def reply(text: str) -> str:
    return f"<think>{SCRIPT} First $x^2$, then {text[:200]}</think>So the answer is \\boxed{{{len(text)}}}."


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    rows = [{"problem": problem, "answer": "5"} for problem in PROBLEMS]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with FakeTeacher(replies=reply) as teacher:
        (folder / "r.yaml").write_text(RECIPE.replace("URL", teacher.url))
        run_recipe(load(str(folder / "r.yaml")).recipe, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browser() as page:
        yield page


@pytest.fixture
def page(tab: Page, hostile: Path) -> Iterator[Page]:
    """The report of a hostile run at desktop width. Whatever a test does, nothing may complain or be fetched."""
    tab.complaints.clear()
    tab.requests.clear()
    tab.size(1400, 900)
    tab.open(hostile / "report.html")
    # Formulas are set when they are seen.
    tab.evaluate("document.getElementById('browser').scrollIntoView()")
    yield tab
    assert tab.evaluate("window.hacked") is None
    assert tab.complaints == []
    assert {address.split("?")[0] for address in tab.requests} == {(hostile / "report.html").as_uri()}


def count(page: Page) -> str:
    return str(page.evaluate("document.getElementById('count').textContent"))


def act(page: Page, script: str) -> None:
    """Do something that filters, and wait for it."""
    before = page.evaluate("performance.getEntriesByName('filter').length")
    page.evaluate(script)
    page.until(f"performance.getEntriesByName('filter').length > {before}")


def choose(page: Page, facet: str, label: str) -> None:
    find = f"[...s.options].findIndex((o) => o.text.startsWith({label!r}))"
    event = "s.dispatchEvent(new Event('change', {bubbles: true}))"
    act(
        page,
        f"(() => {{ const s = document.querySelector('[data-facet={facet}]'); s.selectedIndex = {find}; {event} }})()",
    )


def search(page: Page, text: str) -> None:
    event = "s.dispatchEvent(new Event('input', {bubbles: true}))"
    act(page, f"(() => {{ const s = document.getElementById('search'); s.value = {json.dumps(text)}; {event} }})()")


def detail(page: Page) -> str:
    return str(page.evaluate("document.getElementById('detail').textContent"))


def reasons(folder: Path) -> dict[str, int]:
    steps: list[dict[str, Any]] = json.loads((folder / "funnel.json").read_text())["steps"]
    return {reason: n for line in steps for reason, n in line["reasons"].items()}


def test_it_opens_and_sets_mathematics(page: Page) -> None:
    assert count(page) == "14 rows"  # 6 problems twice, a duplicate, one too short
    assert page.evaluate("document.querySelectorAll('.line').length") == 14
    search(page, "frac")
    page.until("document.querySelectorAll('#detail mfrac').length >= 2")
    assert page.evaluate("document.querySelector('#detail .display math').getAttribute('display')") == "block"
    assert "It costs $5 and $6." in detail(page)
    assert "Reasoning" in detail(page)


def test_filters_count_and_show_what_they_say(page: Page, hostile: Path) -> None:
    for reason, n in reasons(hostile).items():
        choose(page, "reason", reason)
        assert count(page) == f"{n} of 14 rows", reason
    choose(page, "reason", "length")
    assert "Why it was dropped" in detail(page)
    assert "Too short" in detail(page)
    choose(page, "reason", "all")
    choose(page, "step", "dedup")
    assert count(page) == "1 of 14 rows"
    page.until("document.getElementById('detail').textContent.includes('exact_duplicate')")
    act(page, "document.querySelector('#filters [type=reset]').click()")
    assert count(page) == "14 rows"


def test_words_ids_and_places_are_found(page: Page) -> None:
    search(page, "WHAT then")
    assert count(page) == "3 of 14 rows"
    search(page, "so<b>u</b>rce:7")
    assert count(page) == "1 of 14 rows"
    search(page, str(page.evaluate("document.querySelector('#detail dl dd:nth-of-type(2)').textContent")))
    assert count(page) == "1 of 14 rows"
    search(page, "no such words")
    assert count(page) == "0 of 14 rows"
    assert "No row is like this." in detail(page)


def test_numbers_above_lead_to_their_rows(page: Page, hostile: Path) -> None:
    act(page, "document.querySelector('#funnel .chip[data-reason=incorrect]').click()")
    assert count(page) == f"{reasons(hostile)['incorrect']} of 14 rows"
    act(page, "document.querySelector('#reasons .cell[data-reason=length]').click()")
    assert count(page) == "1 of 14 rows"
    page.evaluate("document.querySelector('#examples details').open = true")
    act(page, "document.querySelector('#examples .open').click()")
    page.until("document.getElementById('detail').textContent.includes('Why it was dropped')")


def test_the_keyboard_does_it_all(page: Page) -> None:
    focus = "document.activeElement.id"
    page.press("/")
    assert page.evaluate(focus) == "search"
    before = page.evaluate("performance.getEntriesByName('filter').length")
    page.write("what is")
    page.until(f"performance.getEntriesByName('filter').length > {before}")
    assert page.evaluate("document.getElementById('search').value") == "what is"
    page.press("ArrowDown")
    assert page.evaluate(focus) == "list"
    active = "document.getElementById('list').getAttribute('aria-activedescendant')"
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert page.evaluate(active) == "row-2"
    assert page.evaluate("document.getElementById('row-2').getAttribute('aria-selected')") == "true"
    page.press("End")
    page.press("ArrowUp")
    page.press("Enter")
    assert page.evaluate(focus) == "detail"
    page.press("Escape")
    assert page.evaluate(focus) == "list"
    page.press("Home")
    assert page.evaluate(active) == "row-0"


def test_hostile_text_is_text(page: Page) -> None:
    assert page.evaluate("document.title") == "hostile"
    search(page, "hacked 2")
    page.until("document.getElementById('detail').textContent.includes('First')")
    assert SCRIPT in detail(page)
    search(page, "\u4f60\u597d")
    assert count(page) == "2 of 14 rows"
    page.until("document.getElementById('detail').textContent.includes('\u0627\u0644\u0639\u062f\u062f')")
    assert page.evaluate("document.querySelectorAll('img, iframe, a[href^=javascript]').length") == 0
    assert page.evaluate("document.scripts.length - document.querySelectorAll('[type=\"text/plain\"]').length") == 3


def test_bad_latex_stays_as_it_was_written(page: Page) -> None:
    search(page, "nosuchmacro")
    page.until("document.querySelectorAll('#detail .refused').length >= 5")
    assert r"$\nosuchmacro{x}$" in detail(page)
    assert r"$\def\a{\a\a}\a$" in detail(page)
    assert page.evaluate("document.querySelectorAll('#detail a').length") == 0


def test_an_answer_that_is_one_formula_is_set(page: Page) -> None:
    fill = "Maths.answer(document.querySelector('#detail p, #detail .text'), String.raw`%s`)"
    page.evaluate(fill % r"\dfrac{54}{5}")
    page.until("document.querySelectorAll('#detail mfrac').length")
    page.evaluate(fill % r"C:\path to the file")
    assert r"C:\path to the file" in detail(page)


@pytest.mark.parametrize("text", ["$$ x ", "\\(", "$x", "\\boxed{", "\\begin{align} ", "{", "$\\frac{", "\\[ $", "$$$"])
def test_unclosed_formulas_take_no_time(page: Page, text: str) -> None:
    """Done at all within the time of an answer; a quadratic reading of 2 million characters would not be."""
    script = f"(() => {{ const d = document.createElement('div'); Maths.fill(d, {json.dumps(text)}.repeat(300000)); "
    assert page.evaluate(script + "return d.textContent.length; })()") >= 300_000


def test_a_phone_has_room_for_it(page: Page, hostile: Path) -> None:
    page.size(390, 844)
    page.open(hostile / "report.html")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("document.querySelector('.line').click()")
    page.until("document.querySelector('#detail .close')?.offsetHeight > 20")
    assert page.evaluate("document.getElementById('detail').getBoundingClientRect().width") == 390
    assert page.evaluate("document.getElementById('detail').scrollWidth") <= 390
    page.evaluate("document.querySelector('#detail .close').click()")
    assert page.evaluate("getComputedStyle(document.getElementById('detail')).display") == "none"


def test_it_follows_the_system_into_the_dark(page: Page) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert page.evaluate(paper) == "rgb(20, 23, 26)"
    page.ask("Emulation.setEmulatedMedia", features=[])


def test_a_row_without_its_texts_says_so(tab: Page, tmp_path: Path) -> None:
    make_run(tmp_path / "run", 200, random.Random(2))
    funnel = json.loads((tmp_path / "run" / "funnel.json").read_text())["steps"]
    write_report("large", funnel, RunDirectory(tmp_path / "run"), 1)
    tab.size(1400, 900)
    tab.open(tmp_path / "run" / "report.html")
    act(tab, "document.getElementById('whole').click()")
    with_trace = int(count(tab).split()[0])
    assert 0 < with_trace < 174
    assert f"and {with_trace} of 174 attempts" in tab.evaluate("document.querySelector('#rows p').textContent")
    page_text = "document.getElementById('detail').textContent"
    tab.until(f"{page_text}.includes('Reasoning')")
    act(tab, "document.getElementById('whole').click()")
    tab.evaluate("document.getElementById('list').focus()")
    for _ in range(60):
        if "Its trace is not in this page." in detail(tab):
            break
        tab.press("ArrowDown")
        tab.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert "Its trace is not in this page." in detail(tab)
