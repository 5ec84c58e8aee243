"""Pairs out of search trees: at one place the step that leads on, against one that was judged wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cotkit.cli.app import app
from cotkit.curate.branches import Branch, branches, broken_branch
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher


def node(number: int, parent: int | None, text: str, judged: str = "right", **facts: Any) -> dict[str, Any]:
    return {"number": number, "parent": parent, "text": text, "kind": "step", "judged": judged, "why": "", **facts}


ROOT = {"number": 0, "parent": None, "kind": "problem", "text": ""}
TREE = {
    "nodes": [
        ROOT,
        node(1, 0, "A", answer=None),
        node(2, 0, "wrong A", "wrong", why="No."),
        node(3, 0, "who knows", "unclear"),
        node(4, 0, "a way aside", answer=None),
        node(5, 4, "wrong aside", "wrong"),
        node(6, 1, "So 7", answer="7", chosen=True),
        node(7, 1, "So 8", "wrong", answer="8"),
        node(8, 1, "So 9", "wrong", answer="9"),
    ]
}


def test_every_wrong_step_beside_the_way_and_none_aside() -> None:
    assert branches(TREE) == [
        Branch((), "A", "wrong A", 1, 2, "No."),
        Branch(("A",), "So 7", "So 8", 6, 7, ""),
        Branch(("A",), "So 7", "So 9", 6, 8, ""),
    ]


def test_without_a_mark_the_last_right_end_is_the_way() -> None:
    nodes = [ROOT, node(1, 0, "x", "wrong"), node(2, 0, "So 7", answer="7")]
    assert branches({"nodes": nodes}) == [Branch((), "So 7", "x", 2, 1, "")]
    assert branches({"nodes": nodes[:2]}) == []
    assert branches({"nodes": [ROOT, {**nodes[2], "judged": None}]}) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["right", "wrong", "unclear"])), max_size=12))
def test_every_pair_is_two_children_of_one_place(drawn: list[tuple[int, str]]) -> None:
    nodes = [ROOT]
    for number, (parent, judged) in enumerate(drawn, 1):
        nodes.append(node(number, parent % number, f"s{number}", judged, answer="1" if number % 3 == 0 else None))
    found = branches({"nodes": nodes})
    for one in found:
        chosen, rejected = nodes[one.chosen_node], nodes[one.rejected_node]
        assert chosen["parent"] == rejected["parent"]
        assert (chosen["judged"], rejected["judged"]) == ("right", "wrong")
    assert len({(one.chosen_node, one.rejected_node) for one in found}) == len(found)


RECIPE = """\
name: small
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: construct
    strategy: {by: journey, width: 3, depth: 3, judge: {teacher: {base_url: URL, model: judge}}}
    teacher: {base_url: URL, model: m}
    prompt: {user: "{problem}"}
    sampling: {seed: 0}
  - step: verify
"""


def speak(body: Mapping[str, Any]) -> Reply:
    """Two steps to 5, or to 6 for the second problem; every second step is wrong and is judged so."""
    messages, text = body["messages"], str(body["messages"])
    if body["model"] == "judge":
        step = text.split("BEGIN STEP TO CHECK")[1]
        return Reply(match="", content="Not so.\nVERDICT: WRONG" if "badly" in step else "VERDICT: RIGHT")
    if len(messages) == 1:
        return Reply(match="", content=("First we add.", "First we add badly.", "First we add.")[body["seed"]])
    return Reply(match="", content=("So \\boxed{5}.", "So, badly, \\boxed{4}.", "So \\boxed{5}.")[body["seed"]])


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done


def test_pairs_of_a_run(tmp_path: Path, jsonl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(
        "problems.jsonl", [{"problem": "What is 2 + 3?", "answer": "5"}, {"problem": "What is 2 + 4?", "answer": "6"}]
    )
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        (tmp_path / "r.yaml").write_text(RECIPE.replace("URL", server.url))
        run("run", "r.yaml", "--out", "out")
        asked = len(server.log.requests)
        run("pairs", "out", "--by", "branches", "--pairs", "9", "--out", "dpo.jsonl", "--dropped", "alone.jsonl")
        assert len(server.log.requests) == asked
    rows = [json.loads(line) for line in (tmp_path / "dpo.jsonl").read_text().splitlines()]
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows] == [
        ("First we add.", "First we add badly."),
        ("First we add.\n\nSo \\boxed{5}.", "First we add.\n\nSo, badly, \\boxed{4}."),
    ]
    assert [row["shared_prefix"] for row in rows] == [0, len("First we add.\n\n")]
    assert rows[0]["prompt"] == [{"role": "user", "content": "What is 2 + 3?"}]
    assert (rows[0]["why"], rows[0]["rejected_kind"], rows[0]["chosen_verdict"]) == ("Not so.", "wrong_step", "correct")
    (alone,) = [json.loads(line) for line in (tmp_path / "alone.jsonl").read_text().splitlines()]
    assert (alone["problem"], alone["reason"]) == ("What is 2 + 4?", "not_correct")
    run("pairs", "check", "dpo.jsonl", "--by", "branches")
    run("pairs", "out", "--by", "branches", "--out", "one.jsonl")
    assert len((tmp_path / "one.jsonl").read_text().splitlines()) == 1
    refused = CliRunner().invoke(app, ["pairs", "out", "--by", "first"])
    assert "--by branches" in str(refused.exception)
    refused = CliRunner().invoke(app, ["pairs", "problems.jsonl", "--by", "branches"])
    assert "run directory" in str(refused.exception)


GOOD = {
    "chosen": [{"role": "assistant", "content": "A\n\nright"}],
    "rejected": [{"role": "assistant", "content": "A\n\nwrong"}],
    "chosen_length": 8, "rejected_length": 8, "length_unit": "characters",
    "shared_prefix": 3, "rejected_kind": "wrong_step", "chosen_verdict": "correct",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"chosen_verdict": "undecided"}, "the way of the chosen step is not correct"),
        ({"rejected_kind": "longer"}, "the rejected step is called longer"),
        ({"shared_prefix": 4}, "the two do not begin alike as far as they say"),
        ({"rejected": GOOD["chosen"]}, "both are the same"),
        ({"rejected_length": 9}, "a length is not that of its text"),
        ({"chosen": "A"}, "a side is no chat turn"),
    ],
)
def test_a_broken_rule_is_named(change: Mapping[str, Any], rule: str | None) -> None:
    assert broken_branch({**GOOD, **change}) == rule
