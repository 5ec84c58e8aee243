"""The published folder: what is in it, that it loads, and that nothing of this machine is in it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from published_rows import FUNNEL, HOSTILE, RECIPE, example, publish, table
from pydantic import TypeAdapter, ValidationError

from cotkit import records
from cotkit.curate.exporters.messages import Messages
from cotkit.curate.portable import local_files, portable, portable_recipe, portable_text
from cotkit.curate.publish import Publish
from cotkit.errors import InputError
from cotkit.records import Example, Message, Problem, Trace, Verdict
from cotkit.steps import StepContext


def _contents(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_shards_cover_all_rows_in_order(tmp_path: Path) -> None:
    examples = table(5)
    folder = publish(tmp_path, examples, max_shard_rows=2)
    names = sorted(p.name for p in (folder / "data").iterdir())
    assert names == [f"train-0000{i}-of-00003.parquet" for i in range(3)]
    read = pl.concat([pl.read_parquet(folder / "data" / name) for name in names])
    assert read.equals(Messages().export(examples))


def test_same_input_same_bytes(tmp_path: Path) -> None:
    first = publish(tmp_path / "a", table(7), max_shard_rows=3)
    second = publish(tmp_path / "b", table(7), max_shard_rows=3)
    assert _contents(first) == _contents(second)
    assert set(_contents(first)) > {"README.md", "recipe.yaml"}


def test_publishing_again_leaves_no_old_shards(tmp_path: Path) -> None:
    publish(tmp_path, table(5), max_shard_rows=1)
    folder = publish(tmp_path, table(5))
    assert [p.name for p in (folder / "data").iterdir()] == ["train-00000-of-00001.parquet"]


def test_load_dataset_gives_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = {"license": None, "language": None, "completion_tokens": None, "pass_rate": None}
    rows = [example(n, **nothing) for n in range(3)] + [example(3, problem=HOSTILE, **nothing)]
    examples = records.frame(Example, rows)
    folder = publish(tmp_path / "work", examples, max_shard_rows=3, split="test")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import Value, load_dataset

    loaded = load_dataset(str(folder), split="test", cache_dir=str(tmp_path / "cache"))
    assert loaded.to_list() == Messages().export(examples).to_dicts()
    # An all-null column keeps its type, and texts have the type that everyone else's have.
    assert loaded.features["license"] == Value("string")
    assert loaded.features["completion_tokens"] == Value("int64")
    assert loaded.features["messages"].feature["content"] == Value("string")


def test_recipe_holds_no_folder_no_password_and_no_push(tmp_path: Path) -> None:
    folder = publish(tmp_path, table(2))
    text = (folder / "recipe.yaml").read_text()
    steps = yaml.safe_load(text)["steps"]
    assert [s["step"] for s in steps] == ["pull", "decontaminate", "distill", "select", "publish"]
    assert steps[0]["sources"][0]["path"] == "sums.jsonl"
    assert steps[2]["system"] == "/no_think Is a/b prime?"
    assert steps[2]["url"] == "http://host/v1"
    assert steps[4]["weights"] == "cotkit:recipes/data/x.bin"
    assert "alice" not in text
    assert local_files(RECIPE["steps"][:-1]) == ["sums.jsonl"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data.jsonl", "/data.jsonl"),
        ("/home/a/b c/x.jsonl", "x.jsonl"),
        ("/home/a/folder/", "folder"),
        ("~/x/y.csv", "y.csv"),
        ("file:///home/a/x.csv", "x.csv"),
        ("C:\\Users\\a\\x.csv", "x.csv"),
        ("data/x.csv", "data/x.csv"),
        ("/think", "/think"),
        ("http://127.0.0.1:8011/v1", "http://127.0.0.1:8011/v1"),
        ("line one\n/home/a/b", "line one\n/home/a/b"),
    ],
)
def test_portable_text(text: str, expected: str) -> None:
    assert portable_text(text) == expected


_json = st.recursive(
    st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8
)


@given(_json)
def test_portable_is_done_after_one_pass(value: object) -> None:
    once = portable(value)
    assert local_files(once) == []
    assert portable(once) == once


def test_portable_recipe_without_steps() -> None:
    assert portable_recipe({"name": "x"}) == {"name": "x"}


def test_no_rows_names_the_step_and_the_reason(tmp_path: Path) -> None:
    funnel = (*FUNNEL[:4], {**FUNNEL[4], "kept": 0, "reasons": {"incorrect": 300, "not_chosen": 2062}})
    context = StepContext(seed=0, work=tmp_path, run=tmp_path, funnel=funnel)
    with pytest.raises(InputError, match=r"'select' dropped all 2362 attempts .*'not_chosen' \(2062 of 2362\)"):
        Publish(step="publish").run({Example: table(0)}, context)
    with pytest.raises(InputError, match="table of examples is empty"):
        Publish(step="publish").run({Example: table(0)}, StepContext(seed=0, work=tmp_path, run=tmp_path))
    assert not os.listdir(tmp_path)


def _turns(exported: pl.DataFrame, row: int = 0) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in exported["messages"][row].to_list()]


def test_messages_with_reasoning_and_system() -> None:
    examples = records.frame(
        Example,
        [
            example(1, messages=[Message("system", "old"), Message("user", "As sent"), Message("assistant", "x")]),
            example(2, reasoning=None),
            example(3, messages=[]),
            example(4, reasoning="", response=None),
        ],
    )
    exported = Messages(system="Think.").export(examples)
    answer = "<think>\nAdding 1 twice. A literal </think> stays.\n</think>\n\nThe answer is \\boxed{2}."
    assert _turns(exported) == [("system", "Think."), ("user", "As sent"), ("assistant", answer)]
    assert _turns(exported, 1)[2] == ("assistant", "The answer is \\boxed{4}.")
    assert _turns(exported, 2)[1] == ("user", "What is 3 + 3?")
    assert _turns(exported, 3)[2] == ("assistant", "")
    assert exported.drop("messages").equals(examples.drop("messages"))
    assert exported.schema == records.schema(Example)


def test_messages_keys_each_change_something() -> None:
    plain = _turns(Messages(reasoning=False).export(table(1)))
    assert plain == [("user", "What is 0 + 0?"), ("assistant", "The answer is \\boxed{0}.")]
    tagged = _turns(Messages(open_tag="<Thought>", close_tag="</Thought>").export(table(1)))
    assert tagged[1][1].startswith("<Thought>\nAdding 0")
    assert "\n</Thought>\n\nThe answer" in tagged[1][1]
    assert len({Messages().describe(), Messages(reasoning=False).describe(), Messages(system="s").describe()}) == 3


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5))
def test_messages_keep_every_text(texts: list[tuple[str, str, str]]) -> None:
    rows = [
        example(n, messages=[Message("user", ask)], reasoning=thought, response=said)
        for n, (ask, thought, said) in enumerate(texts)
    ]
    exported = Messages().export(records.frame(Example, rows))
    for row, (ask, thought, said) in enumerate(texts):
        expected = f"<think>\n{thought}\n</think>\n\n{said}" if thought else said
        assert _turns(exported, row) == [("user", ask), ("assistant", expected)]


def test_keys_are_checked() -> None:
    adapter = TypeAdapter(Publish)
    assert isinstance(adapter.validate_python({"step": "publish", "format": {"kind": "messages"}}).format, Messages)
    for wrong in ({"split": "a/b"}, {"max_shard_rows": 0}, {"language": "English"}, {"format": {"kind": "csv"}}):
        with pytest.raises(ValidationError):
            adapter.validate_python({"step": "publish", **wrong})


def test_rows_that_the_format_cannot_hold_are_dropped_with_the_reason(tmp_path: Path) -> None:
    rows = [example(1), example(2, reasoning="One.\n</think>\n\nTwo."), example(3)]
    step = Publish.model_validate({"step": "publish", "format": {"kind": "r1"}})
    context = StepContext(seed=0, work=tmp_path, run=tmp_path, recipe=RECIPE, funnel=FUNNEL)
    output = step.run({Example: records.frame(Example, rows)}, context)
    assert output.kept.height == 2
    assert output.dropped.select("problem_id", "reason").rows() == [(rows[1].problem_id, "ambiguous_tags")]
    assert "ambiguous\\_tags 1" in (tmp_path / "dataset" / "README.md").read_text()
    with pytest.raises(InputError, match=r"'r1' can hold none of 1 examples, mainly for 'ambiguous_tags' \(1\)"):
        step.run({Example: records.frame(Example, rows[1:2])}, context)


def test_notes_and_the_lock_are_attached(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("My own words.\n")
    lock = {"name": "sums", "steps": RECIPE["steps"], "lock": {"pins": {"pull": {"sums": "sha256:ab"}}}}
    (tmp_path / "recipe.lock.yaml").write_text(yaml.safe_dump(lock))
    folder = publish(tmp_path, table(2), notes=str(notes))
    attached = yaml.safe_load((folder / "recipe.lock.yaml").read_text())
    assert attached["lock"] == lock["lock"]
    assert [s["step"] for s in attached["steps"]] == ["pull", "decontaminate", "distill", "select", "publish"]
    card = (folder / "README.md").read_text()
    assert "My own words." in card
    assert "`recipe.lock.yaml` also pins" in card
    assert "alice" not in (folder / "recipe.lock.yaml").read_text()
    step = Publish.model_validate({"step": "publish", "notes": str(notes)})
    before = step.materials({})
    notes.write_text("Other words.\n")
    assert step.materials({}) != before
    notes.unlink()
    with pytest.raises(InputError, match="notes of the card cannot be read"):
        step.materials({})


def _problems() -> pl.DataFrame:
    """Two problems with answers, one without."""
    return records.frame(
        Problem,
        [
            Problem("a", "1+1?", "2", "One and one.", source="sums", source_row=0, license="mit"),
            Problem("b", "Which?", "B", choices=["x", "y"], source="hard", source_row=0, license="mit"),
            Problem("c", "Prove it.", None, source="hard", source_row=1, license="mit"),
        ],
    )


def test_problems_are_published_without_traces(tmp_path: Path) -> None:
    step = Publish.model_validate(
        {"problems": True, "format": {"kind": "verl"}, "configs": ["metadata"], "split": "train"}
    )
    assert step.reads == (Problem,)
    assert not step.check()
    out = step.run({Problem: _problems()}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    assert dict(out.kept.schema) == records.schema(Example)
    assert out.kept["teacher"].null_count() == out.kept["verdict"].null_count() == 2
    assert out.dropped.select("source", "source_row", "reason").rows() == [("hard", 1, "no_answer")]
    (path,) = (tmp_path / "dataset" / "data").iterdir()
    rows = pl.read_parquet(path).to_dicts()
    assert [row["reward_model"]["ground_truth"] for row in rows] == ["2", "B"]
    assert rows[1]["prompt"][0]["content"] == "Which?\n\nA. x\nB. y"
    plain = pl.read_parquet(tmp_path / "dataset" / "metadata" / "*.parquet")
    assert plain["solution"].to_list() == ["One and one.", None]
    card = (tmp_path / "dataset" / "README.md").read_text()
    assert "no teacher has solved them" in card
    for wrong in ("chain-of-thought", "## Teacher", "## Verification", "every step of the reasoning", "plots/length"):
        assert wrong not in card
    assert "a problem and its reference answer, without the trace" in card
    assert "| publish | problems | 3 | 2 | 1 |" in card
    with_card = publish(tmp_path / "traces", table(2))
    assert "chain-of-thought" in (with_card / "README.md").read_text()


def test_problems_need_a_format_without_a_trace() -> None:
    assert "'messages' holds traces" in Publish.model_validate({"problems": True}).check()[0]
    keys = {"problems": True, "format": {"kind": "verl"}, "configs": ["all-traces"]}
    assert "all-traces" in Publish.model_validate(keys).check()[0]


def test_sources_have_splits_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [example(n, source=source) for n, source in enumerate(("one", "two", "one", "three", "two"))]
    folder = publish(
        tmp_path,
        records.frame(Example, rows),
        split="default",
        splits={"extended": ["two", "three"], "none": ["four"]},
        max_shard_rows=2,
        configs=["metadata"],
    )
    names = sorted(p.name for p in (folder / "data").iterdir())
    assert names == [
        "default-00000-of-00001.parquet", "extended-00000-of-00002.parquet", "extended-00001-of-00002.parquet",
    ]  # fmt: skip
    card = (folder / "README.md").read_text()
    assert "| Rows | 5 |" in card
    assert "| Rows of the split extended | 3 |" in card
    assert 'load_dataset("PLACE", split="extended")' in card
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    for config in (None, "default"):
        for split, sources in (("default", ["one", "one"]), ("extended", ["two", "three", "two"])):
            loaded = load_dataset(str(folder), config, split=split, cache_dir=str(tmp_path / "cache"))
            assert loaded["source"] == sources
    plain = publish(tmp_path / "plain", records.frame(Example, rows), splits={"extended": ["two"]})
    loaded = load_dataset(str(plain), cache_dir=str(tmp_path / "cache"))
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 3, "extended": 2}
    for wrong in ({"splits": {"a": ["x"], "b": ["x"]}}, {"splits": {"train": ["x"]}}, {"splits": {"a b": ["x"]}}):
        with pytest.raises(ValidationError):
            Publish.model_validate(wrong)


def test_rows_of_openr1_show_every_attempt_of_the_run(tmp_path: Path) -> None:
    examples = table(2)
    rows = records.rows(Example, examples)
    problems = [Problem(r.problem_id, r.problem, r.answer, "Add.", source=r.source) for r in rows]
    attempts = [(r, sample) for r in rows for sample in (0, 1, 2)]
    ends = ("done", "done", "unclosed")
    traces = [
        Trace(r.problem_id, n, r.teacher, "", ends[n], r.reasoning, r.response if n < 2 else None) for r, n in attempts
    ]
    values = ("correct", "incorrect", "undecided")
    verdicts = [Verdict(r.problem_id, n, values[n], None, r.answer, "judge", "judge") for r, n in attempts]
    tables = {
        Example: examples,
        Problem: records.frame(Problem, problems),
        Trace: records.frame(Trace, traces),
        Verdict: records.frame(Verdict, verdicts),
    }
    folder = publish(tmp_path, tables, format={"kind": "openr1"})
    first, second = pl.read_parquet(folder / "data" / "*.parquet").to_dicts()
    assert first["uuid"] == rows[0].problem_id
    assert second["solution"] == "Add."
    assert first["samples"] == [0, 1, 2]
    assert first["verdicts"] == list(values)
    assert first["is_reasoning_complete"] == [True, True, False]
    assert first["correctness_count"] == 1
    assert len(first["generations"]) == 3
    card = (folder / "README.md").read_text()
    assert "each a problem and all attempts of a teacher model at it" in card
