"""A sample of some sources, and of each value of a column: the rest stays, nothing is lost."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotkit.curate.sample import Sample
from cotkit.records import Problem, frame, problem_id
from cotkit.steps import NoProgress, StepContext, StepOutput


class Heard(NoProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def problem(source: str, row: int, **metadata: Any) -> Problem:
    text = f"{source} {row}"
    return Problem(problem_id(text), text, source=source, source_row=row, metadata=json.dumps(metadata))


def run(problems: list[Problem], folder: Path, progress: NoProgress | None = None, **keys: Any) -> StepOutput:
    step = Sample.model_validate({"step": "sample", **keys})
    context = StepContext(seed=42, work=folder, run=folder, progress=progress or NoProgress())
    out = step.run({Problem: frame(Problem, problems)}, context)
    assert out.kept.height + out.dropped.height == len(problems)
    return out


def test_two_of_each_topic_and_the_other_sources_as_they_are(tmp_path: Path) -> None:
    physics = [problem("physics", i, sub_topic=t) for i, t in enumerate(["ray", "ray", "ray", "lens", "ray"])]
    biology = [problem("biology", i, sub_topic="ray") for i in range(3)]
    others = [problem("math", i) for i in range(4)]
    out = run([*physics, *others, *biology], tmp_path, rows=2, of=["physics", "biology"], each="sub_topic")
    kept = Counter((s, json.loads(m).get("sub_topic")) for s, m in out.kept.select("source", "metadata").rows())
    assert kept == {("physics", "ray"): 2, ("physics", "lens"): 1, ("biology", "ray"): 2, ("math", None): 4}
    assert out.dropped["reason"].to_list() == ["not_chosen"] * 3
    assert out.kept["source"].to_list() == ["physics"] * 3 + ["math"] * 4 + ["biology"] * 2
    assert out.secondary["chosen"]["why"].to_list().count('{"why": "another source"}') == 4
    again = run([*biology, *physics, *others], tmp_path, rows=2, of=["physics", "biology"], each="sub_topic")
    assert set(again.kept["problem_id"]) == set(out.kept["problem_id"])


def test_a_row_without_the_column_is_dropped_and_a_source_without_rows_is_told(tmp_path: Path) -> None:
    heard = Heard()
    rows = [problem("a", 0, topic="x"), problem("a", 1)]
    out = run(rows, tmp_path, heard, rows=5, of=["a", "gone"], each="topic")
    assert out.dropped["reason"].to_list() == ["no_feature"]
    assert heard.notes == ["sample: no problem is of the source 'gone'"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), max_size=20), st.integers(1, 3))
def test_never_more_than_rows_of_a_value(tmp_path: Path, rows: list[tuple[str, str]], most: int) -> None:
    out = run([problem(s, i, t=t) for i, (s, t) in enumerate(rows)], tmp_path, rows=most, each="t")
    counts = Counter((s, json.loads(m)["t"]) for s, m in out.kept.select("source", "metadata").rows())
    assert counts == {key: min(most, n) for key, n in Counter(rows).items()}
