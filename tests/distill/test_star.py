"""STaR: who is hinted, what is kept, and that no hint survives."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from construct_parts import asked, construct, problem_table, run_construct
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.curate.select import Select
from cotkit.curate.trace_filters.rationalized import Rationalized
from cotkit.distill.prompt import Prompt
from cotkit.distill.scripted.scenario import Reply
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Case, Played
from cotkit.distill.strategies import Reply as Heard
from cotkit.distill.strategies.shared.leaks import PHRASES, find_leak, from_equation, plain
from cotkit.distill.strategies.star import ASK, MARK, Star, hint_of
from cotkit.records import Problem, Trace, Verdict
from cotkit.steps import StepContext
from cotkit.verify.step import Verify

HINT = "For your eyes only"
# right: at once; hinted: after the hint; cites: says so; never: not even then.
KINDS = ["right"] * 4 + ["hinted"] * 3 + ["cites"] + ["never"] * 2
PROBLEMS = [(f"Case {i} ({kind}): how much is {i} + {i + 70}?", str(2 * i + 70)) for i, kind in enumerate(KINDS)]
STAR = {"by": "star"}


def speak(body: Mapping[str, Any]) -> Reply:
    text = "\n".join(m["content"] for m in body["messages"])
    i = int(text.split("Case ")[1].split()[0])
    kind, hinted = KINDS[i], HINT in text
    good = kind == "right" or (hinted and kind != "never")
    value = 2 * i + 70 if good else 9000 + i
    said = "As the reference answer says, it fits. " if kind == "cites" else ""
    working = f"We add the two numbers one after the other: {i} + {i + 70} = {value}. {said}"
    return Reply(match="", reasoning=working, content=f"So it is \\boxed{{{value}}}.")


def test_ten_problems_give_seven_rows_and_three_drops(tmp_path: Path) -> None:
    table = problem_table(PROBLEMS)
    with ScriptedTeacher(speak=speak) as server:
        output = run_construct(construct(server.url, STAR), table, tmp_path)
        prompts = [messages[-1]["content"] for messages in asked(server)]
    facts = [json.loads(text) for text in output.kept["provenance"]]
    assert output.kept["problem_id"].to_list() == table["problem_id"].to_list()[:7]
    assert [f["rationalized"] for f in facts] == [False] * 4 + [True] * 3
    assert all(f["gold_from_equation"] for f in facts[4:])
    assert output.kept["reasoning_kind"].to_list() == ["raw"] * 4 + ["synthetic"] * 3
    assert output.dropped["reason"].to_list() == ["hint_leak", "unsolved", "unsolved"]
    assert json.loads(output.dropped["evidence"][0]) == {"leak": "cites_hint", "words": "reference answer"}
    labels = {k: output.counters[k] for k in ("solved", "rationalized", "hint_leak", "unsolved")}
    assert labels == {"solved": 4, "rationalized": 3, "hint_leak": 1, "unsolved": 2}
    assert (output.rows_in, output.counters["calls"], len(prompts)) == (10, 16, 16)
    # Those that were solved never saw a hint; the others saw the plain problem first.
    plain_ones, hinted = [p for p in prompts if HINT not in p], [p for p in prompts if HINT in p]
    assert sorted(plain_ones) == sorted(text for text, _ in PROBLEMS)
    assert sorted(p.split("\n\n")[0] for p in hinted) == sorted(text for text, _ in PROBLEMS[4:])


def test_the_saved_prompt_is_the_plain_one_and_hinted_rows_can_be_left_out(tmp_path: Path) -> None:
    table = problem_table(PROBLEMS)
    with ScriptedTeacher(speak=speak) as server:
        traces = run_construct(construct(server.url, STAR), table, tmp_path).kept
    context = StepContext(seed=0, work=tmp_path, run=tmp_path)
    verdicts = Verify(step="verify").run({Trace: traces, Problem: table}, context).kept
    tables = {Trace: traces, Problem: table, Verdict: verdicts}
    examples = Select().run(tables, context).kept
    assert examples["saw_reference"].to_list() == [False] * 4 + [True] * 3
    assert examples["pass_rate"].to_list() == [1.0] * 4 + [None] * 3
    assert [m[0]["content"] for m in examples["messages"]] == [text for text, _ in PROBLEMS[:7]]
    whole = " ".join(json.dumps(row, default=str) for row in examples.iter_rows(named=True))
    assert HINT not in whole
    assert "reference answer" not in whole
    own = Select(filters=(Rationalized(),)).run(tables, context)
    assert own.kept.height == 4
    assert own.dropped["reason"].to_list() == ["rationalized"] * 3


@pytest.mark.parametrize(("share", "kept"), [(1.0, 3), (0.5, 3), (0.4, 2), (0.2, 1), (0.0, 0)])
def test_hinted_rows_stay_below_their_share(tmp_path: Path, share: float, kept: int) -> None:
    with ScriptedTeacher(speak=speak) as server:
        step = construct(server.url, {**STAR, "max_hinted_share": share})
        output = run_construct(step, problem_table(PROBLEMS), tmp_path)
        upside_down = run_construct(step, problem_table(PROBLEMS).reverse(), tmp_path)
    hinted = [json.loads(text)["rationalized"] for text in output.kept["provenance"]]
    assert (hinted.count(False), hinted.count(True)) == (4, kept)
    assert output.dropped.filter(pl.col("reason") == "over_hinted_share").height == 3 - kept
    assert set(upside_down.kept["problem_id"]) == set(output.kept["problem_id"])


def test_as_many_tries_as_told_and_no_more(tmp_path: Path) -> None:
    problems = [*PROBLEMS[:1], *PROBLEMS[8:9], ("No answer", None)]
    with ScriptedTeacher(speak=speak) as server:
        step = construct(server.url, {**STAR, "attempts": 3, "hinted": 2})
        output = run_construct(step, problem_table(problems), tmp_path)
        (count,) = step.strategy.counts()
        assert (count.least, count.most) == (1, 5)
        assert len(server.log.requests) == count.least + count.most
    assert output.secondary["calls"]["purpose"].to_list() == ["plain"] * 4 + ["hinted"] * 2
    assert output.dropped["reason"].to_list() == ["unsolved", "no_reference"]


def test_hints_come_in_three_styles() -> None:
    problem = Problem("p", "Which?", answer="B", solution="It is so.", choices=["red", "blue"])
    assert hint_of(problem, "answer") == "the reference answer is B."
    assert hint_of(problem, "worked_solution") == "a worked solution reads:\nIt is so."
    assert hint_of(problem, "choice_mark") == f"the options are\nA. red\nB. blue{MARK}"
    bare = Problem("p", "Which?", answer="7")
    assert (hint_of(bare, "worked_solution"), hint_of(bare, "choice_mark")) == (None, None)


def test_a_problem_without_such_a_hint_is_not_asked_again(tmp_path: Path) -> None:
    with ScriptedTeacher(speak=speak) as server:
        step = construct(server.url, {**STAR, "hint": "choice_mark"})
        output = run_construct(step, problem_table(PROBLEMS[8:]), tmp_path)
        assert len(server.log.requests) == 2
    assert output.dropped["reason"].to_list() == ["unsolved"] * 2


# rewrite sends the worked solution, as it says.
@pytest.mark.parametrize("strategy", ["self_correct", "reflect", "budget_force", "steps_json", "template"])
def test_no_other_strategy_sends_hints(tmp_path: Path, strategy: str) -> None:
    gold = [(text, f"{answer}.000") for text, answer in PROBLEMS]
    with ScriptedTeacher(speak=speak) as server:
        run_construct(construct(server.url, {"by": strategy}), problem_table(gold), tmp_path)
        sent = json.dumps(asked(server))
    assert HINT not in sent
    assert not any(answer in sent for _, answer in gold)


WORKING = "First 6 x 7 is six sevens, so 6·7 = 42, and that is what was asked for here."


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (WORKING, None),
        ("It is 42. " + WORKING, "gold_first"),
        ("6·7 = 42. It is 42.", None),
        ("The answer is \\boxed{42}.", "gold_first"),
        (WORKING + " This agrees with the *Reference*  Answer.", "cites_hint"),
        (WORKING + " 这与参考答案相同。", "cites_hint"),
        (WORKING + " The ref\u200berence answer.", "cites_hint"),
        ("Take 420 and 1.42 and 42.5: none of them. " + WORKING, None),
    ],
)
def test_signs_of_a_leak(text: str, kind: str | None) -> None:
    leak = find_leak(text, "42", "Six times seven?", ["the reference answer is 42."])
    assert (leak and leak.kind) == kind


@pytest.mark.parametrize(
    ("gold", "text", "leaks"),
    [
        (r"\frac{1}{2}", "The answer is 1/2. As a = b, it holds.", True),
        (r"\frac{1}{2}", r"The answer is $\dfrac{1}{2}$.", True),
        (r"\frac{1}{2}", r"We get \frac12, since a = b.", True),
        (r"\frac{1}{2}", "So 0.5 comes out. As a = b, it holds.", True),
        (r"\frac{1}{2}", "The answer is one half, since a = b.", True),
        (r"\frac{1}{2}", "It must be ½, since a = b.", True),
        (r"\frac{1}{2}", r"We take 3/4 - 1/4 = 2/4, thus \frac{1}{2}.", False),
        ("1,024", "The result: 1024, since 2^{10} = 1024.", True),
        ("1024", "The result is 1,024, since 2^{10} = 1024.", True),
        ("1024", r"As 32 \times 32 = 1024, it is 1,024.", False),
        ("(3, 4)", "The point is (3,4), as x = 3.", True),
        ("(3,4)", "The point is $(3, 4)$, as x = 3.", True),
        ("42", "The number forty-two comes out: 6·7 = 42.", True),
        ("42", "$12+30$ makes 42.", False),
        ("42", "答案是四十二，因为 6·7 = 42。", True),
    ],
)
def test_the_answer_in_other_spellings_is_too_early(gold: str, text: str, leaks: bool) -> None:
    leak = find_leak(text, gold, "How much is it?")
    assert (leak and leak.kind) == ("gold_first" if leaks else None)


def test_a_value_that_the_problem_names_is_no_leak() -> None:
    assert find_leak("Half of it, 0.5, is given. So a = b.", r"\frac{1}{2}", "Start from 1/2 of a cake.") is None


@pytest.mark.parametrize(
    "words",
    [
        "As the remark says, ", "For my eyes only: ", "This agrees with the value I was told: ", "The hints say ",
        "Hinting at it, ", "The result you gave me fits: ", "You told me the answer, ",
        "They have given us the result: ",
        "Knowing the final answer, ", "The option marked as right fits: ", "Checking: check myself against it. ",
        "根据备注，", "你给我的答案正好吻合，", "您事先告诉我的结果是对的，", "这与参考值一致，",
        "我已经知道最后的答案，",
    ],
)  # fmt: skip
def test_the_words_of_the_hint_and_their_forms_are_a_leak(words: str) -> None:
    leak = find_leak(f"6·7 = 42. {words}so it is 42.", "42", "Six times seven?")
    assert leak is not None
    assert leak.kind == "cites_hint"


@pytest.mark.parametrize(
    "said", ["We are told that the cows are six.", "Given the value 6, we multiply.", "已知有六头牛，"]
)
def test_what_solutions_say_anyway_is_no_leak(said: str) -> None:
    assert find_leak(f"6·7 = 42. {said}", "42", "Six times seven?") is None


@pytest.mark.parametrize("piece", ["(", "{", "$", "\\frac{", "1,", "the answer is ", "[(", "一", "half ", "\\("])
def test_a_megabyte_of_one_sign_is_read_in_linear_time(piece: str) -> None:
    find_leak(piece * (1_000_000 // len(piece)), "42", "Six times seven?")


def test_what_the_problem_says_itself_is_no_leak() -> None:
    assert find_leak("42 sheep, we are told; use the hint. 42 = 42.", "42", "Use the hint: there are 42 sheep.") is None


def test_a_copied_solution_is_a_leak_and_a_quoted_problem_is_not() -> None:
    solution = "Multiply the number of cows, six, by the number of legs that a cow has, four, to get 24 legs in all."
    problem = "There are six cows in the meadow behind the old house, each with four legs; how many legs are there?"
    assert find_leak(f"So: {solution.upper()}", "24", problem, [solution]) is not None
    assert find_leak(f"{problem} 6·4 = 24", "24", problem, [solution]) is None


def test_whether_an_equation_makes_the_answer() -> None:
    assert from_equation("x = 3, y = \\boxed{42}", "42")
    assert from_equation("所以 6×7＝42。", "42")
    assert not from_equation("x = 3. It is 42 by luck.", "7")
    assert not from_equation("The answer must be 42", "42")


PIECES = st.sampled_from(
    [
        *PHRASES["en"], *PHRASES["zh"], "42", "it is", "6·7 = 42", "so", "the reference answer is 42.", ASK[:70],
        "我们先算", "=", "\n\n", "therefore we multiply six by seven and see", "\\boxed{42}", "\u200b", "**",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=8), st.lists(PIECES, max_size=4))
def test_no_hint_and_no_early_gold_survives(reasoning: list[str], response: list[str]) -> None:
    """Whatever the hinted reply is: if it is kept, nothing of the hint is in it, and no gold before any working."""
    problem = Problem("p", "Six times seven?", answer="42")
    game = Star(by="star").play(Case(problem, Prompt(), random.Random(0)))
    next(game)
    game.send([Heard("1", "done", None, "\\boxed{1}")])
    said = Heard("2", "done", " ".join(reasoning), " ".join([*response, "\\boxed{42}"]))
    try:
        game.send([said])
        raise AssertionError("one hinted try is all")
    except StopIteration as stop:
        played: Played = stop.value
    (attempt,) = played.attempts
    if attempt.reason is not None:
        return
    text = plain(f"{attempt.reasoning or ''}\n\n{attempt.response}").translate(str.maketrans("", "", "*_`~"))
    assert not any(phrase in text for phrases in PHRASES.values() for phrase in phrases)
    assert plain(ASK[:60]) not in text
    before = text[: text.index("42")]
    assert len(before) >= len(text) // 10 or any(sign in before for sign in "=·")
    assert "hint" not in json.dumps({k: v for k, v in attempt.facts.items() if k != "hint_style"})
