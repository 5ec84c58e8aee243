"""Prices, estimates and budgets: to the cent, dated, and unknown is never free."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from distill_parts import Yes, problems, prompts, run_step, step
from hypothesis import given
from hypothesis import strategies as st

from cotkit.distill.estimate import bill, probe
from cotkit.distill.journal import Entry, Journal
from cotkit.distill.ledger import stats
from cotkit.distill.presets import presets
from cotkit.distill.prices import TABLE, Pricing, Quote, Usage, table_rows
from cotkit.distill.purse import Purse
from cotkit.distill.recording import Recording, import_recording
from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.step import Distill
from cotkit.distill.teacher import Budget, Limits, Sampling, Teacher
from cotkit.distill.traces import Told, distill_prompts
from cotkit.errors import RecipeError

R1 = {"base_url": "https://api.deepseek.com", "model": "deepseek-reasoner"}


def teacher(**keys: Any) -> Teacher:
    return Teacher.model_validate({"base_url": "http://127.0.0.1:1/v1", "model": "m", **keys})


def day(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("when", "usd"),
    [
        (day(2025, 2, 1, 12), "79.494"),  # 1,000 x 4 x (300 in, 9,000 out) at R1's launch prices
        (day(2025, 3, 1, 17), "19.962"),  # the same, off-peak
        (day(2025, 3, 2, 0, 29), "19.962"),  # over midnight
        (day(2025, 3, 2, 0, 30), "79.494"),
        (day(2024, 12, 31), None),  # before there was a price
    ],
)
def test_the_price_of_the_day_and_hour(when: datetime, usd: str | None) -> None:
    found = bill(teacher(**R1).pricing(), 1_200_000, 36_000_000, when)
    # 1.2 M in at 0.55 is 0.66, 36 M out at 2.19 is 78.84.
    wanted = {"79.494": Decimal("79.50"), "19.962": Decimal("19.962")}
    assert found == (None if usd is None else wanted[usd])


def test_peak_hours_are_dearer() -> None:
    pricing = teacher(preset="deepseek", base_url="", model="deepseek-v4-pro").pricing()
    calm, peak = pricing.at(day(2026, 11, 2, 12)), pricing.at(day(2026, 11, 2, 7))
    assert calm is not None
    assert peak is not None
    assert (calm.output, peak.output) == (Decimal("1.98"), Decimal("3.96"))
    assert "table of 2026" in calm.source
    assert "peak" in peak.source


def test_unknown_is_unpriced_and_free_is_free() -> None:
    now = datetime.now(UTC)
    assert teacher().pricing().at(now) is None
    assert teacher().pricing().cost(Usage(10, 10), now) is None
    local = teacher(preset="vllm").pricing()
    assert local.cost(Usage(10, 10), now) == 0
    assert "free" in str(local.at(now))
    own = teacher(preset="vllm", price={"input": 1, "output": 2}).pricing()
    assert own.cost(Usage(1_000_000, 1_000_000), now) == 3
    # OpenRouter tells what it took.
    assert teacher(preset="openrouter", base_url="").pricing().cost(
        Usage(1, 1, charged=Decimal("0.5")), now
    ) == Decimal("0.5")
    batched = teacher(preset="openai-chat", base_url="", model="gpt-4o").pricing()
    assert batched.cost(Usage(0, 1_000_000), now, batch=True) == 5


def test_every_row_of_the_table_is_whole_and_every_provider_is_known() -> None:
    import yaml

    table = yaml.safe_load(TABLE.read_text())
    known = {p.prices for p in presets().values()}
    for row in table["prices"]:
        assert row["provider"] in known
        assert row["source"] in table["sources"]
        for model in row["models"]:
            if "*" not in model:
                quote = Pricing(table_rows(row["provider"], model)).at(day(2030, 1, 1, 12))
                assert quote is not None
                assert quote.output >= quote.input >= (quote.cached_input or 0) >= 0


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 20_000)), max_size=30),
    st.integers(1, 400_000),
)
def test_a_purse_never_promises_more_than_it_holds(answers: list[tuple[int, int]], tokens: int) -> None:
    purse = Purse(Pricing(fixed=Quote(Decimal(1), Decimal(2), None, "")), Budget(tokens=tokens), max_tokens=20_000)
    bought = Entry("h", "{}", b"{}", 200, 0.1, "2026-01-01T00:00:00+00:00", "0.1.0")
    for prompt, completion in answers:
        reserve = purse.expect(prompt * 3)
        if purse.fits(reserve):
            purse.hold(reserve)
            assert purse.tokens + reserve.prompt + reserve.completion <= tokens
            purse.hold(reserve, -1)
            purse.pay(bought, Usage(prompt, completion))


COST = Decimal(300 * 1 + 9000 * 2) / 1_000_000  # of one scripted answer
PRICE = {"price": {"input": 1, "output": 2}}


def ask(server: ScriptedTeacher, n: int, journal: Path, budget: Budget, **limits: Any) -> tuple[list[Told], Any]:
    told: list[Told] = []
    tally = distill_prompts(
        prompts(f"p{i:04d}" for i in range(n)),
        teacher(base_url=server.url, **PRICE),
        Sampling(),
        Limits.model_validate({"timeout_s": 60, **limits}),
        journal,
        told.append,
        budget=budget,
    )
    return told, tally


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_budget_in_dollars_stops_at_the_exact_answer_and_can_be_raised(tmp_path: Path, concurrency: int) -> None:
    scenario = Scenario(prompt_tokens=300, completion_tokens=9000, latency_s=0.01)
    with ScriptedTeacher(scenario) as server:
        told, tally = ask(server, 300, tmp_path / "j", Budget(usd=Decimal("1.00")), concurrency=concurrency)
        bought = int(Decimal("1.00") / COST)
        assert len(server.log.requests) == bought == 54
        failures = [one.failure for one in told if one.failure is not None]
        assert len(told) == 300
        assert {(f.reason, f.passing) for f in failures} == {("over_budget", True)}
        assert tally.over_budget == len(failures) == 300 - bought
        assert "raise the budget" in tally.said[-1]
        usd = sum(Decimal(str(one.trace.cost_usd)) for one in told if one.trace.cost_usd)
        assert usd == bought * COST  # reported = usage x price
        # The same budget again buys nothing more; a larger one goes on where it was.
        again, _ = ask(server, 300, tmp_path / "j", Budget(usd=Decimal("1.00")), concurrency=concurrency)
        assert len(server.log.requests) == bought
        assert len(again) == 300
        ask(server, 300, tmp_path / "j", Budget(usd=Decimal("2.00")), concurrency=concurrency)
        assert len(server.log.requests) == int(Decimal("2.00") / COST)
        assert server.log.as_json()["paid_twice"] == 0


def test_a_budget_in_tokens_stops_within_one_window(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(latency_s=0.01)) as server:
        _, tally = ask(server, 400, tmp_path / "j", Budget(tokens=5000), concurrency=8)
        used = server.log.prompt_tokens + server.log.completion_tokens
        window = 8 * used // len(server.log.requests)
        assert 5000 - window <= used <= 5000 + window
        assert tally.over_budget > 0


def test_answers_without_usage_are_reckoned_by_their_length(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        server.fault("no_usage")
        told, tally = ask(server, 200, tmp_path / "j", Budget(tokens=3000), concurrency=4)
        assert tally.over_budget > 0
        assert all(one.trace.completion_tokens is None for one in told)


def test_a_budget_without_a_price_is_refused_before_any_request() -> None:
    keys = {"step": "distill", "teacher": {"base_url": "http://h", "model": "m"}}
    unpriced = Distill.model_validate({**keys, "budget": {"usd": 5}})
    assert "the price of m is unknown" in " ".join(unpriced.check())
    assert Distill.model_validate({**keys, "budget": {"tokens": 5}}).check() == []


def test_the_step_tells_money_and_the_journal_agrees(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(prompt_tokens=300, completion_tokens=9000)) as server:
        server.fault("length", match="p1")
        user = Yes()
        asking = step(server.url, teacher=PRICE, budget={"usd": float(COST * 5)}, limits={"concurrency": 1})
        output = run_step(asking, problems([f"p{n}" for n in range(9)]), tmp_path, user)
    assert output.counters["usd"] == pytest.approx(float(COST * 5))
    assert output.counters["usd_unfinished"] == pytest.approx(float(COST))
    assert (output.kept.height, output.dropped.height, output.incomplete) == (5, 4, 4)
    assert output.dropped["reason"].unique().to_list() == ["over_budget"]
    assert [note for note in user.notes if "is used up" in note]
    found = stats(tmp_path / "journal.sqlite")
    assert (found.answers, found.completion_tokens, found.unpriced) == (5, 45_000, 5)
    assert dict(found.statuses) == {"done": 4, "length": 1}


def test_estimate_command(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl(
        "problems.jsonl", [{"problem": f"What is {i} + {i + 3}? Tell it.", "answer": str(2 * i + 3)} for i in range(30)]
    )
    recipe = (
        "name: small\nsteps:\n  - step: pull\n    sources: [{kind: file, name: sums, path: problems.jsonl}]\n"
        "  - step: distill\n    teacher: {base_url: URL, model: m, price: {input: 1, output: 2}}\n"
    )
    with ScriptedTeacher(Scenario(prompt_tokens=300, completion_tokens=9000)) as server:
        (tmp_path / "r.yaml").write_text(recipe.replace("URL", server.url))
        by_heart = json.loads(cli("estimate", "r.yaml", "--rows", "1000", "--tokens", "9000", "--json").stdout)
        assert by_heart["requests"] == 1000
        assert by_heart["usd"] == pytest.approx(1000 * (9000 * 2 + 110 * 1) / 1e6, rel=0.05)
        assert len(server.log.requests) == 0
        probed = json.loads(cli("estimate", "r.yaml", "--probe", "5", "--json").stdout)
        assert len(server.log.requests) == 5
        assert (probed["requests"], probed["answered"]) == (30, 5)
        assert probed["usd"] == pytest.approx(float(COST) * 25)
        # What was probed is not asked again.
        assert cli("distill", "r.yaml").returncode == 0
        assert len(server.log.requests) == 30
        told = cli("journal", "stats", "runs/small")
        assert "30" in told.stdout
        # A run that is at work with the journal keeps nobody from reckoning.
        with Journal.open(tmp_path / "runs" / "small" / "journal.sqlite"):
            told = cli("estimate", "r.yaml", "--json")
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["answered"] == 30


def test_an_estimate_counts_features_and_extract_and_asks_nobody(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("problems.jsonl", [{"problem": f"How many? {i}", "solution": "So many as we said."} for i in range(10)])
    with ScriptedTeacher(Scenario(prompt_tokens=300, completion_tokens=50)) as server:
        teacher = f"{{base_url: {server.url}, model: m, price: {{input: 1, output: 2}}}}"
        (tmp_path / "r.yaml").write_text(
            "name: small\nsteps:\n  - step: pull\n    sources: [{kind: file, name: sums, path: problems.jsonl}]\n"
            f"  - step: extract\n    samples: 2\n    teacher: {teacher}\n"
            f"  - step: features\n    difficulty: {{samples: 4, teacher: {teacher}}}\n"
            f"    subject: {{minilm: false, teacher: {teacher}}}\n"
            f"  - step: distill\n    teacher: {teacher}\n"
        )
        told = json.loads(cli("estimate", "r.yaml", "--json").stdout)
        assert len(server.log.requests) == 0
        found = {one["step"]: (one["requests"], one["completion_tokens"]) for one in told["steps"]}
        assert found == {
            "extract": (20, 20 * 200),
            "features: difficulty": (40, 40 * 400),
            "features: subject": (10, 10 * 100),
            "distill": (10, 10 * 9000),
        }
        assert told["total_usd"] == pytest.approx(sum(one["usd"] for one in told["steps"]))
        assert told["requests"] == 10
        made_up = json.loads(cli("estimate", "r.yaml", "--rows", "100", "--json").stdout)
        assert [one["requests"] for one in made_up["steps"]] == [200, 400, 100, 100]
        assert cli("curate", "r.yaml").returncode == 0
        paid = len(server.log.requests)
        assert paid == 70
        told = json.loads(cli("estimate", "r.yaml", "--json").stdout)
        assert len(server.log.requests) == paid
        assert [one["answered"] for one in told["steps"]] == [20, 40, 10, 0]
        assert told["steps"][1]["usd"] == 0


def test_an_estimate_tells_the_least_and_the_most_where_answers_decide(tmp_path: Path, cli: Any) -> None:
    teacher = "{base_url: http://127.0.0.1:9/v1, model: m, price: {input: 1, output: 2}}"
    (tmp_path / "r.yaml").write_text(
        "name: small\nsteps:\n  - step: pull\n    sources: [{kind: file, name: sums, path: problems.jsonl}]\n"
        f"  - step: extract\n    of: [sums]\n    kinds: [needs_judge]\n    samples: 2\n    teacher: {teacher}\n"
        f"  - step: features\n    domains: [science]\n    weak: [{{model: w, teacher: {teacher}, judge: {teacher}}}]\n"
        f"  - step: distill\n    teacher: {teacher}\n    until: {{correct: 1, max: 3}}\n    budget: {{usd: 7}}\n"
        f"  - step: verify\n  - step: judge\n    teacher: {teacher}\n"
        f"  - step: select\n"
    )
    (tmp_path / "problems.jsonl").write_text('{"problem": "p", "answer": "1"}\n')
    done = cli("estimate", "r.yaml", "--rows", "10", "--tokens", "1000", "--json")
    told = json.loads(done.stdout)
    found = {one["step"]: (one.get("least_requests"), one["requests"]) for one in told["steps"]}
    assert found == {
        "extract": (None, 20),
        "features: weak w": (None, 10),
        "features: judge of weak w": (0, 10),
        "distill": (10, 30),
        "judge": (0, 30),
    }
    costs = {one["step"]: (one.get("least_usd", one["usd"]), one["usd"]) for one in told["steps"]}
    assert costs["distill"] == pytest.approx((costs["distill"][1] / 3, 30 * (1000 * 2 + 120) / 1e6), rel=0.05)
    assert costs["judge"][0] == 0 < costs["judge"][1]
    assert told["total_usd"] == pytest.approx(sum(most for _, most in costs.values()))
    assert told["least_total_usd"] == pytest.approx(sum(least for least, _ in costs.values()))
    assert "distill stops by itself at $7.00" in cli("estimate", "r.yaml", "--rows", "10").stdout


@pytest.mark.parametrize(
    ("strategy", "calls", "tokens", "whole"),
    [
        ("by: budget_force, max_tokens: 700, waits: 2", 40, 700, True),
        ("by: steps_json, max_steps: 5, tries: 2, step_tokens: 120", 110, 120, False),
    ],
)
def test_an_estimate_of_a_strategy_keeps_to_its_own_limits(
    tmp_path: Path, cli: Any, strategy: str, calls: int, tokens: int, whole: bool
) -> None:
    (tmp_path / "r.yaml").write_text(
        "name: small\nsteps:\n  - step: pull\n    sources: [{kind: file, name: sums, path: problems.jsonl}]\n"
        f"  - step: construct\n    strategy: {{{strategy}}}\n"
        "    teacher: {base_url: http://127.0.0.1:9/v1, model: m}\n"
    )
    by_itself = json.loads(cli("estimate", "r.yaml", "--rows", "10", "--json").stdout)["steps"][0]
    assert (by_itself["requests"], by_itself["completion_tokens"]) == (calls, calls * tokens)
    assert "--probe" not in by_itself["basis"]  # it asks what distill asks
    by_heart = json.loads(cli("estimate", "r.yaml", "--rows", "10", "--tokens", "800", "--json").stdout)["steps"][0]
    assert by_heart["completion_tokens"] == calls * (800 if whole else tokens)


def test_an_estimate_names_the_hours_at_which_another_price_holds() -> None:
    pricing = Teacher(preset="deepseek", model="deepseek-v4-pro").pricing()
    noon, night = (datetime(2026, 11, 21, hour, tzinfo=UTC) for hour in (12, 2))
    assert [(span, str(quote.output)) for span, quote in pricing.other_hours(noon)] == [
        ("01:00-04:00", "3.96"),
        ("06:00-10:00", "3.96"),
    ]
    assert [span for span, _ in pricing.other_hours(night)] == ["00:00-01:00", "04:00-06:00", "10:00-00:00"]
    assert Teacher(preset="groq", model="qwen/qwen3-32b").pricing().other_hours(noon) == []


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_budget_does_not_depend_on_the_order_of_rows(tmp_path: Path, concurrency: int) -> None:
    """Rows in front of those that are paid for count what those cost."""
    with ScriptedTeacher(Scenario(prompt_tokens=300, completion_tokens=9000)) as server:
        ask(server, 40, tmp_path / "j", Budget(usd=20 * COST), concurrency=1)
        assert len(server.log.requests) == 20
        told: list[Told] = []
        rows = [*(f"new{i}" for i in range(300)), *(f"p{i:04d}" for i in range(40)), "p0000"]
        distill_prompts(
            prompts(rows),
            teacher(base_url=server.url, **PRICE),
            Sampling(),
            Limits.model_validate({"timeout_s": 60, "concurrency": concurrency}),
            tmp_path / "j",
            told.append,
            budget=Budget(usd=30 * COST),
        )
        assert len(server.log.requests) == 30
        assert len(told) == len(rows)


def test_a_probe_keeps_to_the_budget_and_its_settings_are_remembered(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(prompt_tokens=300, completion_tokens=9000)) as server:
        recipe = step(server.url, teacher=PRICE, budget={"usd": float(COST * 3)})
        table = problems([f"p{n}" for n in range(9)])
        told = probe(recipe, list(recipe.prompts(table)), tmp_path / "journal.sqlite", 9)
        assert (len(told), len(server.log.requests)) == (9, 3)
        hot = step(server.url, teacher=PRICE, sampling={"temperature": 0.9})
        with pytest.raises(RecipeError, match=r"temperature: unset → 0.9"):
            run_step(hot, table, tmp_path)


def test_only_a_batchs_own_mark_makes_an_answer_half_price(tmp_path: Path) -> None:
    entry = Entry("h", "{}", b"{}", 200, 0.1, "2026-01-01T00:00:00+00:00", "0.1.0", '{"model":"batchnorm","x":"batch"}')
    assert not entry.batched
    recording = Recording({"h": entry}, {"batch": "a note"})
    import_recording(recording, tmp_path / "j")
    with Journal.open(tmp_path / "j") as journal:
        assert not journal.get_many(["h"])["h"].batched
    assert replace(entry, provenance='{"batch":"batch-1"}').batched


def test_an_estimate_does_not_run_a_decontamination_that_would_pay_its_judge(
    tmp_path: Path, cli: Any, jsonl: Any
) -> None:
    stories = ("bakes 12 loaves and sells 5", "plants 9 rows of 7 trees", "reads 30 pages on each of 4 days")
    jsonl("problems.jsonl", [{"problem": f"A farmer {story}. How many are there?", "answer": "7"} for story in stories])
    jsonl("exam.jsonl", [{"problem": "After 12 loaves left the oven 5 found a buyer; what remains?", "answer": "7"}])
    with ScriptedTeacher(Scenario(prompt_tokens=300, completion_tokens=50)) as server:
        teacher = f"{{base_url: {server.url}, model: m, price: {{input: 1, output: 2}}}}"
        (tmp_path / "r.yaml").write_text(
            "name: small\nsteps:\n  - step: pull\n    sources: [{kind: file, name: sums, path: problems.jsonl}]\n"
            "  - step: decontaminate\n    benchmarks: [{kind: file, name: exam, path: exam.jsonl}]\n"
            f"    judge: {{neighbours: 1, plausible: 0.1, teacher: {teacher}}}\n"
            f"  - step: distill\n    teacher: {teacher}\n"
        )
        told = json.loads(cli("estimate", "r.yaml", "--json").stdout)
        assert len(server.log.requests) == 0
        judge, distill = told["steps"]
        assert (judge["step"], judge["least_requests"], judge["requests"]) == ("decontaminate: judge", 0, 2 * 3)
        assert distill["requests"] == 3
        assert cli("dedup", "r.yaml").returncode == 0
        assert 0 < len(server.log.requests) <= judge["requests"]
