"""The picture of the house, held against the code: imports run one way, modules stay small, starts stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cotkit.config import PACKAGE
from cotkit.registry import BUILTIN, lookup

# A module may import from its own room and from rooms on lower floors; `verify` and `dedup` are asked by others.
FLOOR = {
    "errors": 0,
    "cores": 0,
    "mean": 0,
    "pile": 1,
    "config": 1,
    "engine": 2,
    "table": 0,
    "records": 1,
    "content": 1,
    "tags": 1,
    "steps": 2,
    "registry": 2,
    "source": 3,
}
ROOM_MAY_ASK = {
    "verify": set(),
    "dedup": set(),
    "distill": {"verify"},
    "curate": {"verify", "dedup"},
    "recipe": set(),
    "run": {"recipe"},
    "cli": {"recipe", "run", "verify", "dedup", "distill", "curate"},
}  # fmt: skip
# These single modules also ask a teacher: paid answers go through the one journal.
MODULE_MAY_ASK = {
    # Templates are found by meaning, with the weights that dedup has.
    "distill/templates.py": {"dedup"},
    "distill/strategies/template.py": {"dedup"},
    "verify/judge.py": {"distill"},
    "verify/scorers/prm_judge.py": {"distill"},
    # It tells an estimate what its scorers would ask.
    "verify/score.py": {"distill"},
    "dedup/adjudicate.py": {"distill"},
    "curate/features.py": {"distill"},
    "curate/extract.py": {"distill"},
    "curate/translate.py": {"distill"},
    # Parts of the features step whose keys name a teacher.
    "curate/direct.py": {"distill"},
    "curate/weak.py": {"distill"},
}
HEAVY = [
    "aiohttp",
    "datasets",
    "faiss",
    "httpx2",
    "huggingface_hub",
    "numpy",
    "openai",
    "polars",
    "pyarrow",
    "sympy",
    "torch",
]


def imports(path: Path) -> set[str]:
    """Top two parts of every cotkit import, wherever it stands in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "cotkit":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("cotkit."):
            found.add(node.module.split(".")[1])
    return found


@pytest.mark.parametrize("room", sorted(ROOM_MAY_ASK))
def test_imports_run_one_way(room: str) -> None:
    allowed = ROOM_MAY_ASK[room] | set(FLOOR) | {room, "__version__"}
    for path in (PACKAGE / room).rglob("*.py"):
        also = MODULE_MAY_ASK.get(path.relative_to(PACKAGE).as_posix(), set())
        assert imports(path) <= allowed | also, path


def test_the_ground_floor_asks_no_room() -> None:
    for name, floor in FLOOR.items():
        lower = {other for other, height in FLOOR.items() if height <= floor} | {"__version__"}
        assert imports(PACKAGE / f"{name}.py") <= lower, name


def test_no_module_is_over_600_lines() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path for path, lines in sizes.items() if lines > 600} == set()
    assert sorted(sizes.values())[len(sizes) // 2] <= 110


def test_reading_any_recipe_loads_no_heavy_library() -> None:
    code = (
        "import sys; from cotkit.recipe.load import load; load('quickstart');"
        "from cotkit.registry import BUILTIN, lookup;"
        "[lookup(group, name) for group, names in BUILTIN.items() for name in names];"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("group", sorted(BUILTIN))
def test_every_registered_class_tells_what_it_is(group: str) -> None:
    for name in BUILTIN[group]:
        cls = lookup(group, name)
        assert (cls.__doc__ or "").strip(), name
        undescribed = [
            key
            for key, field in cls.model_fields.items()  # type: ignore[attr-defined]
            if key not in ("step", "kind", "by", "name") and not field.description
        ]
        assert undescribed in ([], ["columns"]), (name, undescribed)
