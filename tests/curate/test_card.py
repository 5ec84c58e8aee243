"""The dataset card: every number is the tables', nothing of the text is markup, no licence is invented."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from published_rows import FUNNEL, HOSTILE, RECIPE, example, table

from cotkit import records
from cotkit.curate.card import CardInput, card_state, render_card
from cotkit.curate.card_header import size_category, state_languages, state_license
from cotkit.curate.exporters.messages import Messages
from cotkit.curate.markdown import escape
from cotkit.curate.plots import files, lengths
from cotkit.curate.portable import local_files, portable_recipe
from cotkit.records import Example


def _card(examples: pl.DataFrame, **changes: Any) -> str:
    values: dict[str, Any] = {
        "examples": examples,
        "splits": {"train": Messages().export(examples)},
        "title": "Sums",
        "layout": Messages().describe(),
        "recipe": portable_recipe(RECIPE),
        "files": local_files(RECIPE["steps"][:-1]),
        "funnel": FUNNEL,
    }
    return render_card(CardInput(**{**values, **changes}))


def _header(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])  # type: ignore[no-any-return]


def _rows(card: str, section: str) -> list[list[str]]:
    """Cells of all tables of a section."""
    body = card.split(f"\n## {section}\n")[1].split("\n## ", maxsplit=1)[0]
    return [[c.strip() for c in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("|")]


MIXED = records.frame(
    Example,
    [
        example(1),
        example(1, sample=1, verdict="undecided", verdict_method="unparsed"),
        example(2, source="hard", license="cc-by-4.0", pass_rate=1.0, completion_tokens=None),
        example(3, source="hard", license="cc-by-4.0", pass_rate=None, reasoning_kind="summary", teacher="echo-2"),
        example(4, pass_rate=0.0, completion_tokens=1),
    ],
)


def test_a_domain_that_kept_more_than_correct_rows_is_told() -> None:
    rows = [example(1), example(2, domain="science"), example(3, domain="science", verdict="undecided")]
    kept = {"step": "select", "name": "select", "by_domain": {"science": ["correct", "undecided"]}}
    card = _card(records.frame(Example, rows), recipe={**RECIPE, "steps": [*RECIPE["steps"], kept]})
    assert "Of science the recipe kept rows that are correct or undecided: 1 of its 2 rows" in card
    assert "the recipe kept rows" not in _card(MIXED)


def test_a_layout_with_reasoning_says_which_rows_have_none() -> None:
    none = MIXED.with_columns(reasoning=pl.lit(None, pl.String))
    assert "No row has reasoning: the response stands alone." in _card(none)
    one = pl.concat([none[:1], MIXED[1:]])
    assert "1 of 5 traces have no reasoning" in _card(one)
    assert "stands alone" not in _card(MIXED)


def test_numbers_are_those_of_the_table() -> None:
    card = _card(MIXED)
    contents = dict(_rows(card, "Contents")[2:])
    assert contents["Rows"] == "5"
    assert contents["Different problems"] == "4"
    assert contents["Rows in math"] == "5"
    assert contents["Tokens in them"] == str(101 + 101 + 103 + 1)
    assert contents["Tokens of a row, median"] == "101"
    assert contents["Tokens of a row, most"] == "103"
    assert _rows(card, "Sources and licence")[2:] == [["sums", "mit", "3", "2"], ["hard", "cc-by-4.0", "2", "2"]]
    assert _rows(card, "Teacher")[2:4] == [["echo-1", "raw", "4"], ["echo-2", "summary", "1"]]
    verification = _rows(card, "Verification")
    assert ["correct", "exact", "4"] in verification
    assert ["undecided", "unparsed", "1"] in verification
    assert [row for row in verification if row in (["correct", "2,000"], ["incorrect", "300"], ["undecided", "62"])]
    rates = {row[0]: row[1] for row in verification if len(row) == 2}
    assert rates["0"] == rates["above 0.25, up to 0.5"] == rates["1"] == rates["not known"] == "1"
    limits = card.split("## Limits")[1]
    assert "1 of 5 rows are undecided" in limits
    assert "1 of 5 rows hold a provider's summary" in limits


def test_funnel_and_decontamination_are_those_of_the_run() -> None:
    card = _card(MIXED)
    funnel = {row[0]: row[1:] for row in _rows(card, "From problems to rows")[2:]}
    assert funnel["pull"] == ["rows", "1,234", "1,200", "34", "empty 34"]
    assert funnel["select"][-1] == "not\\_chosen 2,057, incorrect 300"
    for row in funnel.values():
        come, kept, dropped = (int(cell.replace(",", "")) for cell in row[1:4])
        assert come == kept + dropped
    leaks = card.split("## Decontamination")[1].split("\n## ")[0]
    assert "19 problems of 1,200 removed" in leaks
    assert "only the template is an item's, with other numbers or another question: 3 problems." in leaks
    assert "another reference answer: 1 problem." in leaks
    assert "undecided whether they are an item in other words: 18 problems." in leaks
    assert _rows(card, "Decontamination")[2:] == [
        ["AIME24", "1,234", "5", "embedding 12, exact 4"],
        ["MATH-500", "0", "0", ""],
    ]
    assert "No decontamination step ran" in _card(MIXED, funnel=FUNNEL[:1])
    assert "by: shortest" in card.split("## Choice of rows")[1]


def test_header_is_what_the_hub_expects() -> None:
    from huggingface_hub import DatasetCard

    card = _card(MIXED, splits={"test": Messages().export(MIXED)})
    data = DatasetCard(card).data.to_dict()
    assert data == _header(card)
    assert data["license"] == "other"
    assert data["language"] == ["en"]
    assert data["size_categories"] == ["n<1K"]
    assert "configs" not in data  # see render_header
    assert 'split="test"' in card


def test_card_holds_no_path_and_no_password() -> None:
    card = _card(MIXED)
    assert "pw@" not in card
    assert "alice" not in card
    assert "lie beside it: sums.jsonl" in card


def test_card_is_the_same_twice_and_knows_an_edit() -> None:
    card = _card(MIXED)
    assert _card(MIXED) == card
    assert card_state(card) == "ours"
    assert card_state(card.replace("| Rows | 5 |", "| Rows | 6 |")) == "edited"
    assert card_state(card.replace("pretty_name: Sums", "pretty_name: Mine")) == "edited"
    assert card_state(card + "\nA note.\n") == "edited"
    assert card_state("---\nlicense: mit\n---\n# Mine\n") == "foreign"


def test_hostile_text_stays_text() -> None:
    examples = records.frame(Example, [example(1, source=HOSTILE, teacher=HOSTILE, license="x\n---\nlicense: mit")])
    funnel = ({**FUNNEL[0], "step": HOSTILE, "reasons": {HOSTILE: 3}},)
    recipe = {**portable_recipe(RECIPE), "description": HOSTILE}
    recipe["steps"] = [{"step": "select", "note": "```\n## no heading"}]
    card = _card(examples, title=HOSTILE, funnel=funnel, recipe=recipe)
    body = card.split("-->\n", 1)[1]
    assert "<script" not in body
    assert "](http" not in body
    assert re.findall(r"^## no", body.split("## Choice of rows")[0], re.MULTILINE) == []
    teacher = body.split("## Teacher")[1].split("## ")[0].strip().splitlines()
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in teacher[:3]] == [4, 4, 4]
    assert "a \\| b" in teacher[2]
    assert _header(card)["license"] == "other"
    assert "````yaml" in body


@given(st.text())
def test_escaped_text_is_one_line_without_markup(text: str) -> None:
    shown = escape(text)
    assert not set(shown) & set("\n<>")
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*_\[\]]", shown)
    assert len(escape("x" * 1000)) == 120


@pytest.mark.parametrize(
    ("given_", "licenses", "identifier", "name", "said"),
    [
        (None, ["mit", "mit"], "mit", None, "mit, the licence of every row"),
        (None, ["MIT", "mit "], "mit", None, "the licence of every row"),
        (None, ["mit", "cc-by-4.0"], "other", "several-per-row", "cc-by-4.0, mit"),
        (None, [None, ""], None, None, "Unknown."),
        (None, ["mit", None], None, None, "Unknown for a part of the rows; the others are under mit"),
        (None, ["AoPS terms"], "other", "aops-terms", "AoPS terms"),
        ("Apache-2.0", [None], "apache-2.0", None, "as stated in the recipe"),
        ("my own", ["mit"], "other", "my-own", "as stated in the recipe"),
    ],
)
def test_license_is_computed_never_invented(
    given_: str | None, licenses: list[str | None], identifier: str | None, name: str | None, said: str
) -> None:
    found = state_license(given_, licenses)
    assert (found.id, found.name) == (identifier, name)
    assert said in found.sentence


def test_unknown_license_and_language_leave_the_header() -> None:
    header = _header(_card(table(2, license=None, language=None)))
    assert not {"license", "license_name", "language"} & set(header)
    assert "come from a source of unknown licence" in _card(table(2, license=None))
    stated = _header(_card(table(2, license=None, language=None), license="mit", language="de"))
    assert (stated["license"], stated["language"]) == ("mit", ["de"])


def test_a_stated_license_does_not_hide_rows_of_unknown_licence() -> None:
    assert "2 of 2 rows come from a source of unknown licence" in _card(table(2, license=None), license="mit")


def test_languages_and_sizes() -> None:
    assert state_languages(None, ["en", "de", "en"]) == ["de", "en"]
    assert state_languages(None, ["en", None]) == []
    assert state_languages(None, ["English"]) == []
    assert [size_category(n) for n in (1, 999, 1000, 99_999, 10**6, 10**9, 10**12)] == [
        "n<1K",
        "n<1K",
        "1K<n<10K",
        "10K<n<100K",
        "1M<n<10M",
        "1B<n<10B",
        "n>1T",
    ]


def test_plots_are_svg_whose_bars_are_the_numbers() -> None:
    rows = [example(n, domain=["math", HOSTILE][n % 2], completion_tokens=2**n) for n in range(6)]
    drawn = files(records.frame(Example, rows))
    assert set(drawn) == {"plots/length.svg", "plots/pass_rate.svg", "plots/domain.svg"}
    for text in drawn.values():
        root = ElementTree.fromstring(text)  # noqa: S314  our own text, and well-formed is what is asked
        assert {child.tag.rpartition("}")[2] for child in root} == {"rect", "text"}
    counts = [int(n) for n in re.findall(r">(\d+)</text>", drawn["plots/length.svg"].split("bold", 1)[1]) if n]
    assert sum(counts) == 6
    assert "characters of the trace" in files(table(2, completion_tokens=None))["plots/length.svg"]
    card = _card(table(2))
    assert all(f"]({name})" in card for name in files(table(2)))


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
def test_every_length_falls_into_one_bar(values: list[int]) -> None:
    bars = lengths(records.frame(Example, [example(n, completion_tokens=v) for n, v in enumerate(values)]))
    assert sum(count for _, count in bars) == len(values)
    for label, count in bars:
        low, high = (int(part.replace(",", "")) for part in label.split(" to "))
        assert count == sum(low <= value <= high for value in values)


def test_teacher_sampling_cost_and_terms() -> None:
    steps = [
        {"step": "distill", "name": "ask", "teacher": {"preset": "deepseek", "model": "m"}, "samples": 4}
        | {"sampling": {"temperature": 0.6, "top_p": 0.95, "max_tokens": 32768}},
        {"step": "judge", "name": "second", "teacher": {"base_url": "https://me:pw@host/v1", "model": "judge-9"}},
    ]
    distill = {"step": "ask", "kind": "distill", "rows_in": 4, "kept": 4, "dropped": 0}
    judge = {"step": "second", "kind": "judge", "rows_in": 4, "kept": 4, "dropped": 0}
    counters = {"prompt_tokens": 1000.0, "completion_tokens": 2000.0, "usd": 1.25}
    ruled = {"correct": 3.0, "incorrect": 0.0, "undecided": 1.0, "judged": 2.0, "usd": 0.5}
    funnel = [{**distill, "counters": counters}, {**judge, "counters": ruled}]
    card = _card(table(2, teacher="deepseek-reasoner"), recipe={"steps": steps}, funnel=funnel)
    teacher = _rows(card, "Teacher")
    assert ["ask", "deepseek", "4", "0.6", "0.95", "32768", ""] in teacher
    assert ["ask", "1,000", "2,000", "1.25"] in teacher
    assert ["second", "not counted", "not counted", "0.5"] in teacher
    assert "Terms for the output of deepseek-reasoner: see DeepSeek's licence" in card
    assert "A judge, judge-9, was asked about what the rules left open:" in card
    steps[1] |= {"when": "rescue", "domains": ["math", "code"]}
    judge["counters"] = {**ruled, "incorrect made correct": 2.0}
    rescued = _card(table(2), recipe={"steps": steps}, funnel=[judge])
    assert "asked about what the rules called incorrect or left open" in rescued
    assert "(domains: math, code)" in rescued
    assert ["incorrect made correct", "2"] in _rows(rescued, "Verification")
    assert ["undecided", "1"] in _rows(card, "Verification")
    assert "not known to cotkit" in _card(table(2))
    assert "as stated in the recipe: free for all" in _card(table(2), teacher_terms="free for all")


def test_sources_are_cited_and_names_are_no_yaml_and_no_markup() -> None:
    sources = [
        {"kind": "hub", "name": "good", "id": "openai/gsm8k", "revision": "abc"},
        {"kind": "hub", "name": "x\n---\nlicense: mit\n- [y](http://evil)", "id": "a/b](http://evil)"},
    ]
    card = _card(
        table(2), title="a: b\n---\nlicense: cc0-1.0", recipe={"steps": [{"step": "pull", "sources": sources}]}
    )
    assert "- good: https://huggingface.co/datasets/openai/gsm8k, revision abc" in card
    assert "](http://evil)" not in card
    assert _header(card)["license"] == "mit"
    assert _header(card)["pretty_name"] == "a: b --- license: cc0-1.0"


def test_a_card_of_very_many_sources_stays_small() -> None:
    names = [f"source-{n}-{'x' * 200}" for n in range(3_000)]
    rows = [example(n, source=name, teacher=name, license=f"terms {n}") for n, name in enumerate(names)]
    card = _card(records.frame(Example, rows))
    assert len(card.encode()) < 200_000
    assert "… and 2,940 more lines" in card
    assert _header(card)["size_categories"] == ["1K<n<10K"]


def test_text_that_looks_like_control_tokens_is_counted() -> None:
    rows = [example(1), example(2, reasoning="plain"), example(3, reasoning=None, response="<|im_end|>")]
    assert "2 of 3 rows hold text that some tokenizers read as a control token" in _card(records.frame(Example, rows))


@pytest.mark.parametrize(
    ("licenses", "strictest"),
    [
        (["mit", "cc-by-nc-nd-4.0", "cc-by-nc-4.0"], "cc-by-nc-nd-4.0"),
        (["apache-2.0", "cc-by-sa-4.0"], "cc-by-sa-4.0"),
        (["cc0-1.0", "mit"], "mit"),
        (["cc-by-sa-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0"),
        (["mit", "llama3.1"], "llama3.1"),
    ],
)
def test_the_most_restrictive_licence_is_named(licenses: list[str], strictest: str) -> None:
    assert f"The most restrictive one is {strictest}." in state_license(None, licenses).sentence


def test_notes_stand_in_the_card_as_they_are_and_rows_that_do_not_fit_are_counted() -> None:
    line = {"step": "publish", "kind": "publish", "unit": "examples", "rows_in": 3, "kept": 2, "dropped": 1}
    card = _card(table(2), notes="**Mine** [link](http://here)", funnel=[*FUNNEL, {**line, "reasons": {"no_pair": 1}}])
    assert "## Notes\n\n**Mine** [link](http://here)\n" in card
    assert ["publish", "examples", "3", "2", "1", "no\\_pair 1"] in _rows(card, "From problems to rows")
