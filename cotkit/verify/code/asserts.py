"""Test code read as calls and expected values, so that it need not run at all.

`assert candidate(2, k=3) == [1]` becomes a CallCase. What is more than that stays code (CodeTests.script).
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Sequence
from typing import Any, cast

from cotkit.verify.code.cases import CallCase, CodeTests, Linked, Relation, Tree, Wrap
from cotkit.verify.code.prelude import GIVEN

MAX_SCRIPT = 4_000_000
_MAX_DEPTH = 150  # of brackets: Python's parser recurses
_MAX_KEYS = 5_000

_WRAPS = {"len", "list", "set", "sorted", "tuple"}
_NODES = {"list_node": Linked, "tree_node": Tree}
_SAME = {"is_same_list": "list_node", "is_same_tree": "tree_node"}
# A string is stepped over, closed or not: what it holds nests nothing.
_BRACKET = re.compile(r"""[\[({})\]]|"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?""")


class NotPlain(ValueError):
    """Not a call against an expected value."""


def too_deep(text: str) -> bool:
    """Whether brackets nest deeper than a parser should be asked to follow."""
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += (match[0] in "[({") - (match[0] in "})]")
        if depth > _MAX_DEPTH:
            return True
    return False


def literal(node: ast.expr) -> Any:
    """ast.literal_eval of what is not hashed for long: numbers that hash alike make a large dict or set slow."""
    for part in ast.walk(node):
        if len(part.keys if isinstance(part, ast.Dict) else part.elts if isinstance(part, ast.Set) else ()) > _MAX_KEYS:
            raise NotPlain(f"a dict or set of more than {_MAX_KEYS} items")
    return ast.literal_eval(node)


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        if node.func.id in _NODES:
            values = _value(node.args[0])
            return None if not values else _NODES[node.func.id](tuple(values))
        if node.func.id == "float":
            return float(str(_value(node.args[0])))
    return literal(node)


def _call(node: ast.expr, names: set[str]) -> tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]:
    """(args, kwargs) of a call of one of `names`; what it called is added where `names` is still empty."""
    if not isinstance(node, ast.Call):
        raise NotPlain
    name = _callee(node.func)
    if names and name not in names:
        raise NotPlain
    names.add(name)
    kwargs = tuple((keyword.arg, _value(keyword.value)) for keyword in node.keywords if keyword.arg is not None)
    if len(kwargs) != len(node.keywords):
        raise NotPlain
    return tuple(_value(arg) for arg in node.args), kwargs


def _callee(func: ast.expr) -> str:
    """`f` of f or Solution().f."""
    if isinstance(func, ast.Name) and (func.id == "candidate" or not hasattr(builtins, func.id)):
        return func.id
    if (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Call)
        and isinstance(func.value.func, ast.Name)
        and func.value.func.id == "Solution"
        and not func.value.args
        and not func.value.keywords
    ):
        return func.attr
    raise NotPlain


def _side(node: ast.expr, names: set[str], expected: Any, relation: Relation) -> CallCase:
    wrap: Wrap = ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _WRAPS:
        if len(node.args) != 1 or node.keywords:
            raise NotPlain
        wrap, node = cast(Wrap, node.func.id), node.args[0]
    args, kwargs = _call(node, names)
    return CallCase(args, kwargs, expected, relation, wrap)


def _close(node: ast.Compare, names: set[str]) -> CallCase:
    """abs(f(x) - 0.5) < 1e-6"""
    distance = node.left
    if (
        isinstance(distance, ast.Call)
        and isinstance(distance.func, ast.Name)
        and distance.func.id == "abs"
        and len(distance.args) == 1
        and isinstance(distance.args[0], ast.BinOp)
        and isinstance(distance.args[0].op, ast.Sub)
    ):
        args, kwargs = _call(distance.args[0].left, names)
        expected, tolerance = _value(distance.args[0].right), _value(node.comparators[0])
        if isinstance(expected, int | float) and isinstance(tolerance, int | float):
            return CallCase(args, kwargs, expected, "close", tolerance=float(tolerance))
    raise NotPlain


def _case(test: ast.expr, names: set[str]) -> CallCase:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _side(test.operand, names, None, "false")
    if isinstance(test, ast.Call):
        if isinstance(test.func, ast.Name) and test.func.id in _SAME and len(test.args) == 2 and not test.keywords:
            return _side(test.args[0], names, _value(test.args[1]), "equal")
        return _side(test, names, None, "true")
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        raise NotPlain
    operator, right = test.ops[0], test.comparators[0]
    if isinstance(operator, ast.Lt | ast.LtE):
        return _close(test, names)
    if isinstance(operator, ast.In):
        return _side(test.left, names, _value(right), "member")
    if not isinstance(operator, ast.Eq | ast.Is):
        raise NotPlain
    return _side(test.left, names, _value(right), "equal")


def _is_remark(statement: ast.stmt) -> bool:
    """A docstring, `pass`, or a constant such as METADATA = {}."""
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Constant | ast.Dict)
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _plain(module: ast.Module) -> tuple[str, tuple[CallCase, ...]]:
    """(entry, cases) of `def check(candidate): asserts` with its call, or of bare asserts; else NotPlain."""
    body = [statement for statement in module.body if not _is_remark(statement)]
    names: set[str] = set()
    entry = None
    if len(body) == 2 and isinstance(body[0], ast.FunctionDef) and isinstance(body[1], ast.Expr):
        check, call = body[0], body[1].value
        if not (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == check.name
            and len(call.args) == len(check.args.args) == 1
            and not call.keywords
        ):
            raise NotPlain
        target = call.args[0]
        entry = _callee(target)
        names = {check.args.args[0].arg}
        body = [statement for statement in check.body if not _is_remark(statement)]
    if not all(isinstance(statement, ast.Assert) for statement in body):
        raise NotPlain
    cases = tuple(_case(statement.test, names) for statement in body if isinstance(statement, ast.Assert))
    if not cases:
        raise NotPlain
    return entry or next(iter(names)), cases


def asked(module: ast.Module) -> tuple[str, ...]:
    """Names that test code uses and nothing defines: the program's."""
    stored = {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stored |= {node.arg for node in ast.walk(module) if isinstance(node, ast.arg)}
    loaded: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else stored).add(node.id)
        elif isinstance(node, ast.alias):
            stored.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            stored.add(node.name)
    return tuple(sorted(name for name in loaded - stored - GIVEN if not hasattr(builtins, name)))


def read_asserts(text: str, entry: str | None = None) -> CodeTests:
    """Tests from test code; `entry` names the function that `check` is called with where the code does not."""
    if len(text) > MAX_SCRIPT:
        return CodeTests(unreadable=f"test code of {len(text)} characters")
    if too_deep(text):
        return CodeTests(unreadable=f"test code nests deeper than {_MAX_DEPTH} brackets")
    try:
        module = ast.parse(text)
        calls_check = any(isinstance(s, ast.Expr) and isinstance(s.value, ast.Call) for s in module.body)
        if entry is not None and not calls_check and any(_is_check(s) for s in module.body):
            text = f"{text}\n\ncheck({entry})\n"
            module = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return CodeTests(unreadable=f"test code does not parse: {type(error).__name__}: {str(error)[:100]}")
    try:
        entry, cases = _plain(module)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        names = asked(module)
        if not names:
            return CodeTests(unreadable="test code asks for nothing of the program")
        return CodeTests(script=text, asked=names, entry=_entry(module, names))
    return CodeTests(calls=cases, entry=entry)


def _is_check(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef) and statement.name == "check"


def _entry(module: ast.Module, names: Sequence[str]) -> str:
    """The method of Solution that the code names, else the first name it asks for."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call):
            func = node.value.func
            if isinstance(func, ast.Name) and func.id == "Solution":
                return node.attr
    return names[0]
