"""Every format: what is written comes back the same, tags in the text survive, nothing is bent in silence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from export_rows import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from published_rows import example
from pydantic import TypeAdapter, ValidationError

from cotkit import records
from cotkit.curate.exporters import AnyExporter, Exporter
from cotkit.curate.exporters.shaped import FURTHER
from cotkit.curate.importers import FORMATS, find_format
from cotkit.curate.importing import Defaults, Imported, import_rows
from cotkit.curate.wrappings import OPENTHOUGHTS, R1, R1_ZERO, THOUGHT, Apart, survives, take_apart
from cotkit.errors import RecipeError
from cotkit.records import Example, Message, published_provenance
from cotkit.registry import BUILTIN
from cotkit.source import RawRow

# Every exporter and every key of it that changes the shape of a row.
SHAPES: list[dict[str, Any]] = [
    {"kind": "messages"},
    {"kind": "messages", "system": "Think.", "open_tag": "<Thought>", "close_tag": "</Thought>"},
    {"kind": "prompt_completion"},
    {"kind": "prompt_completion", "turns": False},
    {"kind": "sharegpt"},
    {"kind": "sharegpt", "tags": "think", "roles": "human", "system": "Think."},
    {"kind": "alpaca", "system": "Think."},
    {"kind": "alpaca", "tags": "thought"},
    {"kind": "s1", "system": "Think."},
    {"kind": "r1"},
    {"kind": "r1_zero"},
    {"kind": "still"},
    {"kind": "text"},
    {"kind": "axolotl", "system": "Think."},
]
_exporter: TypeAdapter[Exporter] = TypeAdapter(AnyExporter)


def exporter(**keys: Any) -> Exporter:
    return _exporter.validate_python(keys)


def read_back(table: pl.DataFrame, name: str | None = None) -> Imported:
    """As `cotkit curate import` reads a file of these rows, whose format the columns tell."""
    return _import(table.iter_rows(named=True), name)


def _import(rows: Iterable[Mapping[str, Any]], name: str | None = None) -> Imported:
    listed = [dict(row) for row in rows]
    columns = {name for row in listed for name in row}
    raw = [RawRow(number, f"row {number}", row) for number, row in enumerate(listed)]
    return import_rows(raw, find_format(name, columns)[1], Defaults("set"))


def as_examples(found: Imported) -> list[dict[str, Any]]:
    """The examples that the imported rows once were: text from the trace, the set's own words from provenance."""
    rows = []
    for row in found.attempts.iter_rows(named=True):
        said = json.loads(row["provenance"])["published"]
        asked = said.get("asked", records.question(row["problem"], row["choices"]))
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": row["response"]}]
        made = {"provenance": published_provenance(row["provenance"])}
        made["saw_reference"] = json.loads(made["provenance"]).get("saw_reference")
        values = {**row, "messages": turns, "pass_rate": None, **said, **made}
        rows.append({name: values.get(name) for name in records.schema(Example)})
    return rows


def kept_and_refused(
    shape: Exporter, table: pl.DataFrame
) -> tuple[pl.DataFrame, dict[int, tuple[str, dict[str, Any]]]]:
    refused = dict(shape.refused(table))
    return table[[n for n in range(table.height) if n not in refused]], refused


def all_of(shape: Exporter, table: pl.DataFrame, attempts: pl.DataFrame) -> pl.DataFrame:
    """The rows of a shape that shows every attempt; both tables come in parts of two rows."""
    with TemporaryDirectory() as folder:
        aside = Path(folder) / "rows.pile"
        return pl.concat(shape.export_in(lambda: table.iter_slices(2), lambda: attempts.iter_slices(2), aside))


@pytest.mark.parametrize("keys", SHAPES, ids=str)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_import_of_export_is_the_identity(keys: dict[str, Any], data: st.DataObject) -> None:
    table = data.draw(examples())
    shape = exporter(**keys)
    kept, refused = kept_and_refused(shape, table)
    found = read_back(shape.export(kept)) if kept.height else None
    assert (as_examples(found) if found else []) == kept.to_dicts()
    assert found is None or found.dropped.is_empty()
    assert {reason for reason, _ in refused.values()} <= {
        "ambiguous_tags",
        *(["summary_reasoning"] if keys["kind"] == "r1" else []),
    }
    if keys["kind"] in ("messages", "s1", "text", "axolotl"):
        assert not refused


def test_rows_of_open_o1_come_back_as_they_were() -> None:
    output = "<Thought>\nOne and one.\n</Thought>\n<Output>\nIt is 2.\n</Output>"
    rows = [{"instruction": "1+1?", "output": output}, {"instruction": "Hi?", "output": "Hello."}]
    table = pl.DataFrame(as_examples(_import(rows, "open-o1")), schema=records.schema(Example))
    assert table["reasoning"].to_list() == ["One and one.", None]
    shape = exporter(kind="alpaca", tags="thought", columns=[])
    assert dict(shape.refused(table)) == {}
    assert shape.export(table).select("instruction", "output").to_dicts() == rows


def test_a_summary_of_thinking_is_no_r1_text() -> None:
    kinds = ["raw", "summary", "synthetic"]
    rows = [
        Example(
            "p", [], "1+1?", "2", "x", "2", "correct", "exact", 1.0, 3, "math", "s", 0, None, None, "o3", n, 1, kind
        )
        for n, kind in enumerate(kinds)
    ]
    found = dict(exporter(kind="r1").refused(records.frame(Example, rows)))
    assert found == {1: ("summary_reasoning", {"teacher": "o3"})}


@settings(max_examples=40, deadline=None)
@given(examples(sides=True))
def test_pairs_come_back_as_their_two_attempts(table: pl.DataFrame) -> None:
    shape = exporter(kind="preference", pairs=2)
    kept, refused = kept_and_refused(shape, table)
    assert kept.height + len(refused) == table.height
    exported = shape.export(kept)
    assert exported.height * 2 == kept.height
    assert set(exported["chosen_verdict"]) <= {"correct"}
    assert set(exported["rejected_verdict"]) <= {"incorrect"}
    if kept.height:
        back = [{k: v for k, v in row.items() if k != "side"} for row in as_examples(read_back(exported))]
        assert sorted(back, key=str) == sorted(kept.to_dicts(), key=str)


@settings(max_examples=25, deadline=None)
@given(examples(sides=True))
def test_problems_for_reinforcement_learning_come_back(table: pl.DataFrame) -> None:
    shape = exporter(kind="verl")
    kept, refused = kept_and_refused(shape, table)
    assert kept["problem_id"].is_unique().all()
    assert {r for r, _ in refused.values()} <= {"no_answer", "same_problem"}
    if kept.is_empty():
        return
    found = read_back(shape.export(kept))
    same = ["problem_id", "problem", "answer", "domain", "source", "source_row", "license", "language", "metadata"]
    assert found.problems.select(same).equals(kept.select(same))
    assert found.attempts.is_empty()


@settings(max_examples=40, deadline=None)
@given(examples(sides=True))
def test_all_attempts_at_a_problem_come_back_from_one_row(table: pl.DataFrame) -> None:
    shape = exporter(kind="openr1")
    kept, refused = kept_and_refused(shape, table)
    assert {reason for reason, _ in refused.values()} <= {"ambiguous_tags", "same_problem"}
    assert kept["problem_id"].is_unique().all()
    if kept.is_empty():
        return
    attempts = _attempted(table)
    exported = all_of(shape, kept, attempts)
    assert exported["problem"].to_list() == kept["problem"].to_list()
    lists = ("generations", "teachers", "is_reasoning_complete", "finish_reasons", "verdicts", "verdict_methods")
    assert all(exported[n].list.len().equals(exported["samples"].list.len()) for n in lists)
    found = read_back(exported)
    assert found.dropped.is_empty()
    same = ["problem_id", "problem", "answer", "solution", "metadata"]
    assert (
        found.problems.select(same).to_dicts() == kept.with_columns(solution=pl.lit("because")).select(same).to_dicts()
    )
    back = {(row["problem_id"], row["sample"]): row for row in as_examples(found)}
    unmade = {"strategy": "imported", "provenance": "{}", "saw_reference": None}
    for row in kept.iter_rows(named=True):
        assert back[row["problem_id"], row["sample"]] == {**row, "completion_tokens": None, "scores": None, **unmade}


def _attempted(table: pl.DataFrame) -> pl.DataFrame:
    """The examples as the config all-traces has them."""
    return table.with_columns(
        solution=pl.lit("because"), status=pl.lit("done"), finish_reason=pl.lit("stop"), verdict_reason=pl.lit("")
    )


def test_a_row_of_openr1_shows_attempts_that_were_not_chosen_as_they_ended() -> None:
    kept = records.frame(Example, [example(1, metadata=json.dumps({"problem_type": "Algebra"}))])
    ends = [
        {"sample": 0, "status": "done", "verdict": "correct", "verdict_method": "judge"},
        {"sample": 1, "status": "unclosed", "reasoning": "It goes on", "response": None, "verdict": "undecided"},
        {"sample": 2, "status": "failed", "reasoning": None, "response": None, "verdict": "undecided"},
        {"sample": 4, "status": "done", "reasoning": None, "response": "No.", "verdict": "incorrect"},
    ]
    whole = _attempted(kept).row(0, named=True)
    attempts = pl.DataFrame([{**whole, **end} for end in ends], schema=_attempted(kept).schema)
    row = all_of(exporter(kind="openr1", columns=[]), kept, attempts).row(0, named=True)
    assert row["samples"] == [0, 1, 4]
    assert row["is_reasoning_complete"] == [True, False, True]
    assert row["generations"][1:] == ["<think>\nIt goes on", "No."]
    assert row["verdicts"] == ["correct", "undecided", "incorrect"]
    assert row["verdict_methods"][0] == "judge"
    assert (row["correctness_count"], row["problem_type"], row["question_type"]) == (1, "Algebra", None)
    assert row["messages"][1]["content"] == row["generations"][0]
    statuses = [a["status"] for a in _only(row)]
    assert statuses == ["done", "unclosed", "done"]
    assert "verdict" not in all_of(exporter(kind="openr1"), kept, attempts).columns


TEXT = st.text(max_size=12)


@given(st.sampled_from([R1, R1_ZERO, OPENTHOUGHTS, THOUGHT]), TEXT.filter(bool), TEXT)
def test_plain_text_survives_every_wrapping(wrapping: Any, reasoning: str, response: str) -> None:
    if not set(reasoning + response) & set("<>[]◁"):
        assert survives(wrapping, reasoning, response)


def test_tags_in_the_text_survive_and_only_ambiguous_ones_are_refused() -> None:
    rows = [
        example(1, reasoning="I write </think> here.", response="Use `<|im_end|>` and </think>."),
        example(2, reasoning="One.\n</think>\n\nTwo."),
        example(3, reasoning=None, response="</think> alone."),
    ]
    table = records.frame(Example, rows)
    for kind in ("alpaca", "r1", "prompt_completion"):
        kept, refused = kept_and_refused(exporter(kind=kind), table)
        assert {n: reason for n, (reason, _) in refused.items()} == {1: "ambiguous_tags", 2: "ambiguous_tags"}
        assert "I write </think> here.\n</think>\n\nUse `<|im_end|>` and </think>." in str(
            [*exporter(kind=kind).export(kept).row(0)][1:4]
        ).replace("\\n", "\n")
    assert not exporter(kind="sharegpt").refused(table[:2])


def test_several_user_turns_are_refused_by_formats_of_one_turn() -> None:
    talk = [Message("user", "a"), Message("assistant", "b"), Message("user", "c"), Message("assistant", "d")]
    table = records.frame(Example, [example(1, messages=talk)])
    for kind in set(BUILTIN["exporters"]) - {"messages"}:
        assert exporter(kind=kind).refused(table)[0] == ("several_turns", {"user_turns": 2}), kind


@pytest.mark.parametrize("kind", sorted(set(BUILTIN["exporters"]) - {"messages", "verl", "preference", "openr1"}))
def test_further_columns_are_all_some_or_none(kind: str) -> None:
    table = records.frame(Example, [example(1)])
    own = set(exporter(kind=kind, columns=[]).export(table).columns)
    assert not own & (set(FURTHER) - {"metadata"})
    some = exporter(kind=kind, columns=["verdict", "license"]).export(table)
    assert set(some.columns) == own | {"verdict", "license"}
    everything = exporter(kind=kind).export(table)
    assert set(everything.columns) > set(some.columns)
    assert everything.schema == exporter(kind=kind).export(table.clear()).schema
    with pytest.raises(ValidationError, match="no column 'licence'; take license"):
        exporter(kind=kind, columns=["licence"])


def test_without_further_columns_the_texts_still_come_back() -> None:
    table = records.frame(Example, [example(1), example(2)])
    for kind in set(BUILTIN["exporters"]) - {"messages", "verl", "preference", "openr1"}:
        found = read_back(exporter(kind=kind, columns=[]).export(table)).attempts
        assert found["problem"].to_list() == table["problem"].to_list(), kind
        assert found["reasoning"].to_list() == table["reasoning"].to_list(), kind
        assert found["response"].to_list() == table["response"].to_list(), kind


def test_the_training_text_of_s1() -> None:
    table = records.frame(
        Example, [example(1, reasoning="Add.", response="It is 2."), example(2, response="Answer: 4")]
    )
    first, second = exporter(kind="s1").export(table)["text"].to_list()
    ask = "<|im_start|>user\nWhat is 1 + 1?<|im_end|>\n<|im_start|>assistant\n"
    assert first == f"{ask}<|im_start|>think\nAdd.\n<|im_start|>answer\nAnswer: It is 2.<|im_end|>"
    assert second.endswith("<|im_start|>answer\nAnswer: 4<|im_end|>")


def test_both_traces_of_s1k_1_1_stand_side_by_side() -> None:
    def kept(attempt: str, **more: str) -> str:
        return json.dumps({"thinking_trajectories": ["G.", "H."], "attempt": attempt, **more})

    table = records.frame(
        Example,
        [
            example(1, metadata=kept("\\boxed{2}", solution="Add.", source_type="pool")),
            example(2, metadata=kept("\\boxed{5}"), verdict="undecided"),
            example(3, metadata=kept("I cannot say."), verdict="incorrect"),
            example(4, metadata="{}"),
        ],
    )
    shape = exporter(kind="s1k_1_1")
    kept_rows, refused = kept_and_refused(shape, table)
    assert {n: reason for n, (reason, _) in refused.items()} == {3: "no_earlier_trace"}
    exported = shape.export(kept_rows)
    assert exported["gemini_thinking_trajectory"].to_list() == ["G.\n\nH."] * 3
    assert exported["gemini_grade"].to_list() == ["Yes", "No", None]
    assert exported["deepseek_grade"].to_list() == ["Yes", None, "No"]
    assert exported["solution"].to_list() == ["Add.", "4", "6"]
    assert exported["source_type"].to_list() == ["pool", "sums", "sums"]
    both = [(a["reasoning"], a["response"]) for a in read_back(exported[:1]).attempts.to_dicts()]
    assert both == [("G.\n\nH.", "\\boxed{2}"), (example(1).reasoning, example(1).response)]
    renamed = exporter(kind="s1k_1_1", earlier="qwq", later="r1", trace_from="attempt").export(kept_rows)
    assert renamed["qwq_thinking_trajectory"][0] == "\\boxed{2}"
    with pytest.raises(ValidationError, match="give each its own"):
        exporter(kind="s1k_1_1", later="gemini")


def _only(row: Mapping[str, Any], name: str | None = None) -> list[dict[str, Any]]:
    found = _import([row], name)
    assert found.dropped.is_empty(), found.dropped.to_dicts()
    return found.attempts.to_dicts()


S1 = {"question": "1+1?", "solution": "2", "cot_type": "math", "source_type": "sums", "metadata": "{'a': 1}"}
PUBLISHED: list[tuple[str, dict[str, Any], list[tuple[str | None, str]]]] = [
    ("s1", {**S1, "thinking_trajectories": ["Add."], "attempt": "2"}, [("Add.", "2")]),
    (
        "s1",
        {
            **S1,
            "gemini_thinking_trajectory": "G.",
            "gemini_attempt": "2",
            "gemini_grade": "Yes",
            "deepseek_thinking_trajectory": "D.",
            "deepseek_attempt": "3",
            "deepseek_grade": "No",
        },
        [("G.", "2"), ("D.", "3")],
    ),
    (
        "sharegpt",
        {
            "system": "Long.",
            "conversations": [
                {"from": "user", "value": "1+1?"},
                {
                    "from": "assistant",
                    "value": OPENTHOUGHTS.join("Add.", "2"),
                },
            ],
        },
        [("Add.", "2")],
    ),
    (
        "openthoughts_metadata",
        {
            "problem": "1+1?",
            "deepseek_reasoning": "Add.",
            "deepseek_solution": "2",
            "ground_truth_solution": "\\boxed{2}",
            "domain": "math",
            "source": "sums",
            "test_cases": None,
            "starter_code": None,
        },
        [("Add.", "2")],
    ),
    (
        "openr1",
        {
            "problem": "1+1?",
            "solution": "s",
            "answer": "2",
            "uuid": "u",
            "is_reasoning_complete": [True, False],
            "generations": ["<think>\nAdd.\n</think>\n\n2", "<think>\nHm"],
            "correctness_math_verify": [True, False],
            "finish_reasons": ["stop", "length"],
            "messages": [],
        },
        [("Add.", "2"), ("Hm", "")],
    ),
    (
        "alpaca",
        {"instruction": "1+1?", "response": "<Thought>\nAdd.\n</Thought>\n<Output>\n2\n</Output>"},
        [("Add.", "2")],
    ),
    ("alpaca", {"instruction": "Add.", "input": "1+1", "output": "2"}, [(None, "2")]),
    (
        "still",
        {
            "question": "1+1?",
            "combined_text": "<|begin_of_thought|>Add.<|end_of_thought|> <|begin_of_solution|>2<|end_of_solution|>",
        },
        [("Add.", "2")],
    ),
    (
        "messages",
        {"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]},
        [(None, "2")],
    ),
    ("preference", {"prompt": "1+1?", "chosen": "2", "rejected": "3"}, [(None, "2"), (None, "3")]),
]


@pytest.mark.parametrize(("name", "row", "expected"), PUBLISHED)
def test_published_sets_are_told_by_their_columns(
    name: str, row: dict[str, Any], expected: list[tuple[str | None, str]]
) -> None:
    assert find_format(None, row.keys())[0] == name
    attempts = _only(row)
    assert [(a["reasoning"], a["response"]) for a in attempts] == expected
    assert [a["sample"] for a in attempts] == list(range(len(expected)))


def test_what_a_set_says_of_its_traces_is_kept_but_not_believed() -> None:
    gemini, deepseek = _only(PUBLISHED[1][1])
    assert json.loads(deepseek["provenance"])["published"] == {"deepseek_grade": "No"}
    assert (gemini["teacher"], deepseek["teacher"]) == ("gemini-2.0-flash-thinking-exp", "deepseek-reasoner")
    assert (gemini["answer"], gemini["source"], json.loads(gemini["metadata"])) == (
        "2",
        "sums",
        {"metadata": "{'a': 1}"},
    )
    whole, cut = _only(PUBLISHED[4][1])
    assert (whole["status"], cut["status"], whole["answer"]) == ("done", "unclosed", "2")
    assert json.loads(whole["metadata"]) == {"uuid": "u"}
    assert json.loads(cut["provenance"])["published"]["finish_reasons"] == "length"


def test_columns_that_have_no_place_are_kept_in_metadata() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    row = {"messages": turns, "domain": ["Algebra"], "source": "amc", "teacher": {"id": 1}, "rating": 5, "note": None}
    (found,) = _only(row)
    assert (found["domain"], found["source"], found["teacher"]) == ("math", "amc", "")
    assert json.loads(found["metadata"]) == {"domain": ["Algebra"], "teacher": {"id": 1}, "rating": 5}


def test_limo_is_not_told_by_its_columns() -> None:
    row = {"question": "1+1?", "solution": "Add. So 2.", "answer": 2}
    with pytest.raises(RecipeError, match="name one with --format"):
        find_format(None, row.keys())
    with pytest.raises(RecipeError, match="no such format"):
        find_format("parrot", row.keys())
    (found,) = _only(row, "limo")
    assert (found["response"], found["answer"]) == ("Add. So 2.", "2")


def test_rows_in_another_shape_are_dropped_with_the_reason() -> None:
    rows = [
        {"conversations": [{"from": "user", "value": "a"}]},
        {"conversations": None},
        {"conversations": [{"from": "user", "value": 1}]},
        {"conversations": [{"from": "human", "value": " "}, {"from": "gpt", "value": "b"}]},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b \ud800"}]},
    ]
    found = _import(rows)
    assert found.dropped.height == 4
    assert set(found.dropped["reason"]) == {"unreadable_row"}
    assert found.attempts["response"].to_list() == ["b ?"]


_ASKED, _SAID = {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"conversations": [_SAID, _ASKED]}, "the answer stands before the question"),
        ({"conversations": [_ASKED, {"from": "tool", "value": "obs"}, _SAID]}, "a turn is from 'tool'"),
        ({"conversations": [_ASKED, _SAID, _ASKED, _SAID]}, "one question and one answer are wanted, not 2 and 2"),
        ({"instruction": "a", "input": "", "output": "b", "history": [["x", "y"]]}, "'history' holds earlier turns"),
        ({"problem": "a", "generations": "x"}, "the column 'generations' holds no list"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "a turn of 'messages' has no text, or not only text, under 'content'",
        ),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [{}]}]},
            "a turn of 'messages' calls tools",
        ),
    ],
)
def test_no_turn_is_lost_in_silence(row: dict[str, Any], why: str) -> None:
    found = _import([row])
    assert found.attempts.is_empty()
    assert why in json.loads(found.dropped["evidence"][0])["why"]


def test_parts_that_are_all_text_and_an_empty_history_are_read() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "image_url": None}]
    turns = [{"role": "developer", "content": "s"}, {"role": "user", "content": parts}]
    (found,) = _only(
        {"messages": [*turns, {"role": "assistant", "content": [{"type": "text", "text": "<think>k</think>7"}]}]}
    )
    assert (found["problem"], found["reasoning"], found["response"]) == ("a\nb", "k", "7")
    assert json.loads(found["provenance"])["published"]["system"] == "s"
    (found,) = _only({"instruction": "a", "input": "", "output": "b", "history": []})
    assert (found["problem"], found["metadata"]) == ("a", "{}")
    assert _import([{"problem": "a", "generations": []}]).counters["rows without an attempt"] == 1


def test_attempts_at_one_problem_are_numbered() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    found = _import([{"messages": turns, "answer": "1"}, {"messages": turns, "answer": "2", "sample": 0}])
    assert found.problems.height == 1
    assert found.traces["sample"].to_list() == [0, 1]
    assert found.attempts["answer"].to_list() == ["1", "2"]
    assert found.counters["rows whose answer differs from the first"] == 1


_cells = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "from", "value"]), v),
    max_leaves=6,
)


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_row_breaks_a_reader(name: str, data: st.DataObject) -> None:
    signatures = FORMATS[name].told_by or (frozenset({"question", "solution"}),)
    columns = sorted(data.draw(st.sampled_from(signatures)) | {"metadata", "sample", "source", "answer"})
    row = {column: data.draw(_cells) for column in columns}
    found = _import([row], name)
    assert found.problems.height + found.dropped.height == 1


def test_a_text_without_tags_is_all_response() -> None:
    assert take_apart("No tags at all.") == Apart(None, "No tags at all.")
    assert take_apart("<think>never closed") == Apart("never closed", "", closed=False)
