"""Process reward models over four wire formats and a judge, and any scorer over HTTP: aligned, or not scored at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prm import FakePrm, keyword_score
from pydantic import ValidationError
from teacher import FakeTeacher

from cotkit.errors import TeacherError
from cotkit.records import Problem, Trace, Verdict, frame, rows, score_of
from cotkit.steps import StepContext, StepOutput
from cotkit.verify.score import ScoreStep
from cotkit.verify.scorers import Attempt
from cotkit.verify.scorers.prm import Prm, correlation
from cotkit.verify.scorers.prm_judge import read_scores
from cotkit.verify.scorers.quoted import QuotedNumbers

STEPS = ["Let x be the number of apples.", "So x = 3, which is wrong.", "In doubt,\nwe go on.", "Hence \\boxed{4}."]
SCORES = [0.9, 0.1, 0.4, 0.9]
PROBLEM = Problem("p", "How many apples?", "4")


def run(tmp_path: Path, traces: list[Trace], **scorer: Any) -> StepOutput:
    step = ScoreStep.model_validate({"step": "score", "name": "score", "scorers": [scorer]})
    step.ready()
    verdicts = [Verdict(t.problem_id, t.sample, "correct", "4", "4", "exact", "") for t in traces]
    tables = {Trace: frame(Trace, traces), Verdict: frame(Verdict, verdicts), Problem: frame(Problem, [PROBLEM])}
    return step.run(tables, StepContext(seed=0, work=tmp_path, run=tmp_path))


def trace(sample: int = 0, steps: list[str] = STEPS) -> Trace:
    return Trace("p", sample, "t", "h", "done", reasoning="\n\n".join(steps[:-1]), response=steps[-1])


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    """Bytes as tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.save(str(tmp_path / "tokenizer.json"))
    return made


@pytest.mark.parametrize("adapter", ["qwen", "shepherd", "skywork", "rlhflow"])
def test_one_score_a_step_on_every_wire(tmp_path: Path, tokenizer: Any, adapter: str) -> None:
    traces = [trace(), trace(1, STEPS[:1]), Trace("p", 2, "t", "h", "empty")]
    keys = {"tokenizer": str(tmp_path / "tokenizer.json")} if adapter == "skywork" else {}
    with FakePrm(decode=tokenizer.decode) as server:
        out = run(tmp_path, traces, by="prm", adapter=adapter, url=f"{server.url}/v1", model="prm-1", of="both", **keys)
        assert all(body["model"] == "prm-1" for _, body, _ in server.calls)
    steps = out.secondary["steps"].rows(named=True)
    assert steps[0]["scores"] == pytest.approx(SCORES)
    assert steps[1]["scores"] == pytest.approx([0.9])
    first = rows(Trace, out.kept)[0].scores
    assert {s["name"]: pytest.approx(s["value"]) for s in first or ()} == {
        "prm_last": 0.9,
        "prm_min": 0.1,
        "prm_mean": sum(SCORES) / 4,
        "prm_prod": 0.9 * 0.1 * 0.4 * 0.9,
        "prm_first_bad": 2,
    }
    assert score_of(rows(Trace, out.kept)[1].scores, "prm_first_bad") is None
    assert out.secondary["unscored"].rows() == [("p", 2, "prm", "no_text", "{}")]
    assert out.kept["scores"].to_list()[2] is None


@pytest.mark.parametrize("adapter", ["qwen", "shepherd", "skywork"])
@pytest.mark.parametrize("change", [lambda scores: scores[:-1], lambda scores: [*scores, scores[0]]])
def test_a_reply_of_another_length_is_no_score(tmp_path: Path, tokenizer: Any, adapter: str, change: Any) -> None:
    keys = {"tokenizer": str(tmp_path / "tokenizer.json")} if adapter == "skywork" else {}
    with FakePrm(decode=tokenizer.decode, change=change) as server:
        out = run(tmp_path, [trace()], by="prm", adapter=adapter, url=server.url, model="m", **keys)
    assert out.secondary["unscored"]["reason"].to_list() == ["prm_misaligned"]
    assert json.loads(out.secondary["unscored"]["evidence"][0])["steps"] == 4
    assert out.kept["scores"].to_list() == [None]
    assert "steps" not in out.secondary


def test_a_step_that_holds_the_models_own_tag_is_no_score(tmp_path: Path) -> None:
    with FakePrm() as server:
        out = run(
            tmp_path, [trace(0, ["Count <extra_0> tags", "ok"])], by="prm", adapter="qwen", url=server.url, model="m"
        )
    assert out.secondary["unscored"]["reason"].to_list() == ["prm_misaligned"]
    assert json.loads(out.secondary["unscored"]["evidence"][0]) == {"steps": 2, "scores": 3}


def test_a_word_that_is_neither_plus_nor_minus_is_no_score(tmp_path: Path) -> None:
    with FakePrm(change=lambda _: [{"token": "yes", "logprob": -0.1}]) as server:
        out = run(tmp_path, [trace()], by="prm", adapter="rlhflow", url=server.url, model="m")
    assert out.secondary["unscored"]["reason"].to_list() == ["prm_misaligned"]


@pytest.mark.parametrize(
    "reply", [b"<html>", [], {"data": []}, {"data": [{"data": [[1], [2], [3], [4]]}]}, {"data": [{"data": "x"}]}]
)
def test_a_reply_that_cannot_be_read_is_no_score(tmp_path: Path, reply: Any) -> None:
    with FakePrm(answer=lambda *_: reply) as server:
        out = run(tmp_path, [trace()], by="prm", adapter="qwen", url=server.url, model="m")
    assert out.secondary["unscored"]["reason"].to_list() == ["scorer_reply_malformed"]
    assert out.incomplete == 0


def test_a_busy_server_is_asked_again_and_a_broken_one_later(tmp_path: Path) -> None:
    with FakePrm() as server:
        server.fail = [503]
        out = run(tmp_path, [trace()], by="prm", adapter="qwen", url=server.url, model="m")
        assert out.incomplete == 0
        assert len(server.calls) == 2
        server.fail = [500, 500]
        out = run(tmp_path, [trace()], by="prm", adapter="qwen", url=server.url, model="m", tries=2)
        assert (out.incomplete, out.secondary["unscored"]["reason"].to_list()) == (1, ["scorer_failed"])
        server.fail = [404]
        with pytest.raises(TeacherError, match=r"answers 404 on /pooling; check url, model and api_key_env"):
            run(tmp_path, [trace()], by="prm", adapter="qwen", url=server.url, model="m")


def test_the_key_is_sent_and_never_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRM_KEY", "sk-secret")
    with FakePrm() as server:
        run(tmp_path, [trace()], by="prm", adapter="qwen", url=server.url, model="m", api_key_env="PRM_KEY")
        assert server.calls[0][2] == "Bearer sk-secret"
    monkeypatch.delenv("PRM_KEY")
    with pytest.raises(TeacherError, match="PRM_KEY is not set"):
        run(tmp_path, [trace()], by="prm", adapter="qwen", url="http://127.0.0.1:9", model="m", api_key_env="PRM_KEY")
    for wrong in ({"api_key_env": "sk-secret-1"}, {"url": "http://me:sk-secret-1@h/"}, {"adapter": "skywork"}):
        with pytest.raises(ValidationError) as error:
            Prm(**{"adapter": "qwen", "url": "http://h", "model": "m", **wrong})
        assert "sk-secret" not in str(error.value)


def test_a_chat_model_rates_the_steps_and_is_paid_once(tmp_path: Path) -> None:
    def reply(asked: str) -> str:
        count = asked.count("BEGIN STEP")
        assert "How many apples?" in asked
        scores = [keyword_score(part) for part in asked.split("BEGIN STEP")[1:]]
        return f"Let me see.\nSCORES: {json.dumps(scores[: count - (count == 2)])}"

    keys = {"by": "prm", "adapter": "llm_judge", "model": "judge-1"}
    with FakeTeacher(replies=reply) as server:
        traces = [trace(), trace(1, ["one", "two"]), trace(2, STEPS[:1])]
        out = run(tmp_path, traces, url=server.url, **keys)
        again = run(tmp_path, traces, url=server.url, **keys)
        assert server.asked == 3
    assert out.kept.equals(again.kept)
    assert out.secondary["steps"]["scores"].to_list() == [SCORES, [0.9]]
    assert out.secondary["unscored"].rows() == [("p", 1, "prm", "prm_misaligned", '{"scores": 1, "steps": 2}')]


@pytest.mark.parametrize(
    ("reply", "scores"),
    [
        ("SCORES: [0.5, 1]", [0.5, 1.0]),
        ("**SCORES: [0.5]**", [0.5]),
        ("SCORES: [1]\nno:\nSCORES: [0]", [0.0]),
        ("SCORES: [2]", None),
        ("SCORES: [-0.1]", None),
        ("SCORES: [true]", None),
        ("scores [1]", None),
        ("SCORES: [" + "1," * 30_000, None),
        ("", None),
    ],
)
def test_what_a_judge_may_write(reply: str, scores: list[float] | None) -> None:
    assert read_scores(reply) == scores


def test_correlation() -> None:
    assert correlation([(1, 2), (2, 4), (3, 6)]) == pytest.approx(1)
    assert correlation([(1, 2), (1, 4), (1, 6)]) is None
    assert correlation([(1, 2)]) is None


@pytest.mark.parametrize(
    ("reply", "scores", "why"),
    [
        (0.25, {"a": 0.25}, None),
        ({"score": 2}, {"a": 2.0}, None),
        ({"scores": {"a": 1, "b": 3, "other": 9}}, {"a": 1.0, "b": 3.0}, None),
        ({"scores": {"b": 3}}, {"b": 3.0}, "scorer_reply_lacks"),
        ({"scores": {}}, None, "scorer_reply_lacks"),
        ({"score": "high"}, None, "scorer_reply_malformed"),
        (b'{"score": NaN}', None, "scorer_reply_malformed"),
        (b"[" * 50_000, None, "scorer_reply_malformed"),
        (True, None, "scorer_reply_malformed"),
    ],
)
def test_any_scorer_over_http(tmp_path: Path, reply: Any, scores: Any, why: str | None) -> None:
    with FakePrm(answer=lambda *_: reply) as server:
        out = run(tmp_path, [trace()], by="http", url=f"{server.url}/judge", gives=["a", "b"])
        ((path, body, _),) = server.calls
    assert path == "/judge"
    assert set(body) == {"problem", "reasoning", "response"}
    found = {s["name"]: s["value"] for s in out.kept["scores"].to_list()[0] or ()} or None
    assert found == scores
    assert [row["reason"] for row in out.secondary.get("unscored", frame(Trace, [])).iter_rows(named=True)] == (
        [why] if why else []
    )


@pytest.mark.parametrize(
    ("problem", "text", "values"),
    [
        ("There are 12 apples.", "We are given 12 apples. So 12 - 5 = 7.", (1, 0)),
        ("There are 12 apples.", "We are given 15 apples, so 15.", (1, 1)),
        ("Three friends share $1,200.", "The problem says 3 friends have 1200 dollars, so each gets 400.", (2, 0)),
        ("There are 12 apples.", "So 15 is right. 99 too.", (0, 0)),
        ("甲有12个苹果,乙有三个。", "题目说甲有12个,乙有3个,所以共有15个。", (2, 0)),
        ("甲有12个苹果。", "已知甲有21个苹果。那么乙有9个。", (1, 1)),
        ("x = 2.50", "Given that x = 2.5, find y", (1, 0)),
        ("", "Given that x = 2.5", None),
    ],
)
def test_numbers_quoted_from_the_problem_stand_in_it(problem: str, text: str, values: Any) -> None:
    (found,) = QuotedNumbers().score([Attempt(problem, text)])
    wanted = {} if values is None else {"quoted_numbers": values[0], "misquoted_numbers": values[1]}
    assert found.values == wanted


def test_a_server_that_is_down_is_told_with_its_address(cli: Any, jsonl: Any, tmp_path: Path) -> None:
    rows = [{"problem": "1+1?", "response": "\\boxed{2}", "verdict": "correct"}]
    keys = ("--key", "url=http://127.0.0.1:9", "--key", "tries=1")
    done = cli("score", jsonl("graded.jsonl", rows), "--by", "http", *keys, "--out", "scored.jsonl")
    assert done.returncode == 6
    assert "http at http://127.0.0.1:9 gave 1 of 1 rows no score (ConnectError)" in done.stderr
    assert "scorer_failed" in (tmp_path / "scored.jsonl").read_text()
    listed = cli("score", "graded.jsonl", "--by", "http", *keys, "--key", "gives=hallu")
    assert listed.returncode == 2
    assert "--key 'http.gives=[hallu]'" in " ".join(listed.stderr.split())


def test_a_scorer_that_reads_a_score_nobody_gives_is_refused(cli: Any, jsonl: Any) -> None:
    row = {"problem": "1+1?", "response": "\\boxed{2}", "verdict": "correct"}
    done = cli("score", jsonl("graded.jsonl", [row]), "--reward", "advantage")
    assert done.returncode == 2
    assert "it reads the score 'reward_total'" in " ".join(done.stderr.split())
    given = [{**row, "scores": [{"name": "reward_total", "value": 1.0}]}]
    assert cli("score", jsonl("given.jsonl", given), "--reward", "advantage").returncode == 0


def test_a_file_is_judged_with_a_journal_of_its_own(cli: Any, jsonl: Any) -> None:
    rows = jsonl("a.jsonl", [{"problem": "How many apples?", "verdict": "correct", "response": "\n\n".join(STEPS)}])
    keys = [f"--key={key}" for key in ("adapter=llm_judge", "model=m", "url=http://127.0.0.1:9")]
    done = cli("score", rows, "--by", "prm", *keys)
    assert (done.returncode, "--key journal=FILE" in done.stderr) == (2, True)
    with FakeTeacher(replies=lambda _: "SCORES: [1, 0.25, 0.5, 1]") as server:
        keys[-1] = f"--key=url={server.url}"
        for _ in range(2):
            done = cli("score", rows, "--by", "prm", *keys, "--key=journal=judge.sqlite", "--flat")
            assert done.returncode == 0, done.stderr
            row = json.loads(done.stdout)
            assert (row["prm_min"], row["prm_first_bad"], row["step_scores"]) == (0.25, 2, [1, 0.25, 0.5, 1])
        assert server.asked == 1
