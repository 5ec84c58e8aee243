"""Thought templates: the lint, the search, and traces that are planned by them. The model is the real MiniLM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from construct_parts import construct, problem_table, run_construct
from typer.testing import CliRunner

from cotkit.cli.app import app
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies.template import read_plan
from cotkit.distill.templates import SHIPPED, index, library, read_library
from cotkit.errors import InputError

ONE = [("Two positive numbers have the sum 10; how large can their product be?", "25")]
PLAN = [
    {"goal": "bound the product", "method": "arithmetic and geometric mean of positive numbers with a fixed sum"},
    {"goal": "find the \\(n\\)", "method": "cooking rice slowly in a clay pot"},
]


def test_the_shipped_library_is_sound_and_every_template_finds_itself() -> None:
    templates, faults = read_library(SHIPPED)
    assert (len(templates), faults) == (12, [])
    assert [index().search(t.when)[0][1].id for t in templates] == [t.id for t in templates]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("maximise a product given a sum", "amgm-fixed-sum"),
        ("last two digits of a large power", "residue-cycle"),
        ("sum of squares of the roots of a cubic", "vieta"),
        ("how many must be drawn to guarantee that two share a colour", "pigeonhole"),
        ("number of domino tilings of a 2 by n board", "counting-recursion"),
        ("can the process with these moves reach that position", "invariant"),
    ],
)
def test_a_search_finds_the_template_that_fits(query: str, expected: str) -> None:
    assert index().search(query)[0][1].id == expected


def entry(**more: Any) -> dict[str, Any]:
    sound = {"id": "a-b", "title": "A title", "area": "algebra", "tags": ["x"], "when": "Whenever one must do it.",
             "steps": ["One thing.", "Another."]}  # fmt: skip
    return {k: v for k, v in {**sound, **more}.items() if v is not None}


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([entry(steps=None)], "template 1: steps: Field required"),
        ([entry(steps=["One."])], "template 1: steps: Tuple should have at least 2 items"),
        ([entry(), entry(title="Other title", when="When something else is asked.")], "its id is that of 'a-b'"),
        ([entry(), entry(id="c-d", when="When something else is asked.")], "its title is that of 'a-b'"),
        ([entry(colour="red")], "template 1: entry: unknown key 'colour'"),
        (["text"], "template 1: entry"),
        ([entry(id="A B")], "template 1: id"),
    ],
)
def test_the_lint_says_what_is_wrong_where(tmp_path: Path, entries: list[Any], told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(entries))
    _, faults = read_library(path)
    assert any(told in fault for fault in faults), faults
    with pytest.raises(InputError, match=r"mine\.yaml"):
        library(path)


@pytest.mark.parametrize("as_list", [True, False])
def test_the_other_form_is_read_with_lists_or_texts(tmp_path: Path, as_list: bool) -> None:
    flow, tags = ["Do this first.", "Then do that."], ["R^n", "norm"]
    theirs = {
        "template_name": "R substitution",
        "template_type": "algebra",
        "knowledge_tag": tags if as_list else "\n".join(tags),
        "description": "Replaces a radical.",
        "application_scenario": ["For equations", "with roots."] if as_list else "For equations\nwith roots.",
        "reason_flow": flow if as_list else "\n".join(flow),
        "example_application": "x",
    }
    (tmp_path / "theirs.json").write_text(json.dumps([theirs]))
    (template,) = library(tmp_path / "theirs.json")
    assert (template.id, template.steps, template.tags) == ("r-substitution", tuple(flow), tuple(tags))
    assert template.when == "Replaces a radical. For equations\nwith roots."


def speak(body: Mapping[str, Any]) -> Reply:
    text = body["messages"][-1]["content"]
    if "Plan how to solve it" in text:
        return Reply(match="", content=f"```json\n{json.dumps({'plan': PLAN})}\n```")
    if "Now do this part" in text:
        return Reply(match="", content=f"Thinking: {text.split('no more: ')[1].splitlines()[0]}.")
    return Reply(match="", content="It is \\boxed{25}.")


def test_a_plan_is_carried_out_part_by_part(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        step = construct(server.url, {"by": "template"})
        output = run_construct(step, problem_table(ONE), tmp_path)
        sent = [entry["body"] for entry in server.log.requests]
    row = output.kept.row(0, named=True)
    assert row["reasoning"] == "Thinking: bound the product.\n\nThinking: find the \\(n\\)."
    assert (row["response"], row["reasoning_kind"]) == ("It is \\boxed{25}.", "synthetic")
    facts = json.loads(row["provenance"])
    assert facts["template_ids"] == ["amgm-fixed-sum", None]
    assert [row["reasoning"][a:b] for a, b in facts["part_spans"]] == row["reasoning"].split("\n\n")
    assert len(sent) == 4
    assert [b.get("response_format") is not None for b in sent] == [True, False, False, False]
    texts = [b["messages"][-1]["content"] for b in sent]
    assert "Compare the arithmetic with the geometric mean" in texts[1]
    assert "way of thinking" not in texts[2]
    assert "Thinking: bound the product." in texts[2]
    assert set(step.materials({})) == {"templates", "weights"}


def test_a_chinese_problem_is_planned_in_english_and_written_in_chinese(tmp_path: Path) -> None:
    def chinese(body: Mapping[str, Any]) -> Reply:
        text = body["messages"][-1]["content"]
        if "method 请用英文写" in text:
            return Reply(match="", content=json.dumps({"plan": [{**PLAN[0], "goal": "求乘积的最大值"}]}))
        assert "Write" not in text
        assert "What has" not in text
        return Reply(match="", content="想一想。" if "求乘积的最大值" in text else "答案是 \\boxed{25}。")

    problems = [("两个正数的和是 10，它们的乘积最大是多少？", "25")]
    with ScriptedTeacher(Scenario(thinks=False), speak=chinese) as server:
        output = run_construct(construct(server.url, {"by": "template"}), problem_table(problems), tmp_path)
    assert json.loads(output.kept["provenance"][0])["template_ids"] == ["amgm-fixed-sum"]
    assert output.kept["reasoning"].to_list() == ["想一想。"]


def test_a_search_in_chinese_is_warned_of() -> None:
    done = CliRunner().invoke(app, ["templates", "search", "求和一定时乘积的最大值"])
    assert done.exit_code == 0
    assert "reads English alone" in done.output
    assert "English" not in CliRunner().invoke(app, ["templates", "search", "maximise a product"]).output


def test_long_plans_end_at_the_cap_and_bad_ones_are_asked_for_again(tmp_path: Path) -> None:
    def endless(body: Mapping[str, Any]) -> Reply:
        if "Plan how to solve it" in body["messages"][-1]["content"]:
            return Reply(match="", content=json.dumps({"plan": PLAN[:1] * 30}))
        return speak(body)

    with ScriptedTeacher(Scenario(thinks=False), speak=endless) as server:
        output = run_construct(construct(server.url, {"by": "template"}), problem_table(ONE), tmp_path / "a")
        assert len(server.log.requests) == 1 + 10 + 1
    facts = json.loads(output.kept["provenance"][0])
    assert (len(facts["template_ids"]), facts["planned"]) == (10, 30)
    with ScriptedTeacher(speak=lambda _: Reply(match="", content='{"plan": [}')) as server:
        step = construct(server.url, {"by": "template"})
        output = run_construct(step, problem_table(ONE), tmp_path / "b")
        assert len(server.log.requests) == 3
    assert output.dropped["reason"].to_list() == ["malformed_plan"]
    assert [(c.least, c.most) for c in step.strategy.counts()] == [(1, 14)]


def test_another_model_may_write(tmp_path: Path) -> None:
    with (
        ScriptedTeacher(Scenario(thinks=False), speak=speak) as planner,
        ScriptedTeacher(Scenario(thinks=False), speak=speak) as writer,
    ):
        strategy = {"by": "template", "writer": {"teacher": {"base_url": writer.url, "model": "w"}}}
        step = construct(planner.url, strategy)
        output = run_construct(step, problem_table(ONE), tmp_path)
        assert (len(planner.log.requests), len(writer.log.requests)) == (1, 3)
    assert [(c.role, c.least, c.most) for c in step.strategy.counts()] == [("teacher", 1, 3), ("writer", 0, 11)]
    assert (output.counters["calls_teacher"], output.counters["calls_writer"]) == (1, 3)


@pytest.mark.parametrize("kind", ["400_context", "filter"])
def test_a_lost_part_fails_the_attempt(tmp_path: Path, kind: str) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        server.fault(kind, after=2)
        output = run_construct(construct(server.url, {"by": "template"}), problem_table(ONE), tmp_path)
    assert output.dropped["reason"].to_list() == ["part_unfinished"]


@pytest.mark.parametrize(
    "text", ["", "no", "[1]", '{"plan": []}', '{"plan": [{"goal": 1}]}', '{"plan": "x"}', '{"plan": [{"goal": "g"}]}']
)
def test_what_is_no_plan(text: str) -> None:
    assert read_plan(text) is None


def test_the_commands(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump([entry(steps=None)]))
    runner = CliRunner()
    assert runner.invoke(app, ["templates", "lint"]).exit_code == 0
    bad = runner.invoke(app, ["templates", "lint", str(tmp_path / "bad.yaml"), "--json"])
    assert bad.exit_code == 3
    assert json.loads(bad.stdout)["faults"] == ["template 1: steps: Field required"]
    found = runner.invoke(app, ["templates", "search", "maximise a product given a sum", "-n", "1", "--json"])
    assert [one["id"] for one in json.loads(found.stdout)] == ["amgm-fixed-sum"]
    missing = cli("templates", "lint", "nowhere.yaml")
    assert (missing.returncode, "nowhere.yaml" in missing.stderr) == (3, True)
