"""A tree to the typed value that it is."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from cotkit.verify.naming import is_derivative, is_name, spelled
from cotkit.verify.points import constant_value
from cotkit.verify.tokens import Unreadable
from cotkit.verify.tree import Call, Node, Num, Sym, exact, fold, heads, rename, symbols, walk
from cotkit.verify.values import (
    INTEGER,
    Alternatives,
    Based,
    Equation,
    Expr,
    FiniteSet,
    Interval,
    Listing,
    Matrix,
    Percent,
    Piecewise,
    Quantity,
    Ratio,
    Rational,
    Readings,
    Tuple,
    Union,
    Value,
)

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_INFINITY = Sym("oo")
_MINUS_INFINITY = Call("neg", (_INFINITY,))


def value_of(node: Node) -> Value:
    """The typed value of a tree. Raises Unreadable where the tree is no answer."""
    if isinstance(node, Num):
        return Rational(node.value, node.decimals)
    if isinstance(node, Sym):
        if node.name in ("ZZ", "NN", "otherwise"):
            raise Unreadable("unparsable")
        return Expr(node)
    head, args = node.head, node.args
    if head.startswith("rel "):
        return _relation(head.split()[1:], args, node)
    if head.startswith("interval "):
        return Interval(value_of(args[0]), value_of(args[1]), head[-2] == "[", head[-1] == "]")
    if head in _STRUCTURES:
        return _structure(head, args)
    if head in ("setminus", "cap", "builder"):
        return _set(head, args)
    if head == "cases":
        return Piecewise(node)
    if head == "apply" and isinstance(args[0], Sym) and args[0].name.isupper() and _tuple_inside(args[1]):
        point = Equation(args[0], value_of(args[1]), args[1], args[0].name)  # the point P(3,-4)
        pair = args[1].args if isinstance(args[1], Call) else ()
        chosen = value_of(Call("binom", pair)) if args[0].name == "C" and len(pair) == 2 else None
        return point if chosen is None else Readings((chosen, point))
    found = heads(node)
    if "matrix" in found or (head == "pow" and isinstance(args[0], Call) and args[0].head == "tuple"):
        return _matrix_arithmetic(node)
    if "pm" in found or "mp" in found:
        return Listing(tuple(value_of(_signed(node, plus=plus)) for plus in (True, False)))
    if any(isinstance(part, Sym) and part.name.startswith("vec ") for part in walk(node)):
        return _vector(node)
    return _number(node)


def _tuple_inside(node: Node) -> bool:
    return isinstance(node, Call) and node.head in ("tuple", "interval ()")


def _number(node: Call) -> Value:
    head, args = node.head, node.args
    value = exact(node)
    if value is not None:
        negated = args[0] if head == "neg" else None
        return Rational(value, negated.decimals if isinstance(negated, Num) else None, node)
    if head in ("percent", "degree"):
        return measured(value_of(args[0]), head)
    if head == "neg" and isinstance(args[0], Call) and args[0].head in ("degree", "percent"):
        return value_of(Call(args[0].head, (Call("neg", args[0].args),)))
    if head == "based":
        return _based(args)
    if (
        heads(node) & _NOT_NUMBERS
        or any(name.startswith("rel ") for name in heads(node))
        or any(isinstance(part, Call) and is_derivative(part) for part in walk(node))
    ):
        raise Unreadable("unparsable")
    return Expr(node)


_STRUCTURES = frozenset({"list", "or", "tuple", "set", "union", "ratio", "matrix"})
_NOT_NUMBERS = frozenset({"tuple", "set", "list", "union", "builder", "or", "setminus", "cap", "row"})


def measured(value: Value, unit: str) -> Value:
    """A value with a unit; raises Unreadable for one that can have none."""
    if isinstance(value, Readings):
        return Readings(tuple(measured(item, unit) for item in value.values))
    if isinstance(value, Equation):
        return Equation(value.left, measured(value.right, unit), value.right_node, value.name)
    if isinstance(value, Listing | Alternatives | FiniteSet | Tuple):
        return type(value)(tuple(measured(item, unit) for item in value.items))
    if not isinstance(value, Rational | Expr):
        raise Unreadable("unit")
    return Percent(value) if unit == "percent" else Quantity(value, unit)


def _structure(head: str, args: tuple[Node, ...]) -> Value:
    if head == "matrix":
        return Matrix(tuple(tuple(map(value_of, row.args)) for row in args if isinstance(row, Call)))
    if head in ("list", "or"):
        args = _any_integer(args) or args
        if len(args) == 1:
            return value_of(args[0])
    condition = _conditional(head, args)
    if condition is not None:
        return condition
    items = tuple(map(value_of, args))
    if head in ("list", "set"):  # plus-minus stands for two answers of the list
        items = tuple(part for item in items for part in (item.items if isinstance(item, Listing) else (item,)))
    if head == "or" and any(_ray(item) for item in items):
        items = tuple(as_interval(item) or item for item in items)
        if all(isinstance(item, Interval | Union | FiniteSet | Rational | Expr | Equation) for item in items):
            points = (
                FiniteSet((rest,)) if isinstance(rest := _unnamed(item), Rational | Expr) else rest for item in items
            )
            return Union(tuple(points))
    if head == "or" and all(isinstance(item, Interval | Union) for item in items):
        return Union(items)
    if head == "list" and len(items) == 2:
        both = _both(args, items)
        if both is not None:
            return both
    if head == "union":  # (1,2) inside a union is an interval, not a point
        return Union(tuple(as_interval(item) or item for item in items))
    kinds: dict[str, Callable[[tuple[Value, ...]], Value]] = {
        "list": Listing,
        "or": Alternatives,
        "tuple": Tuple,
        "set": FiniteSet,
        "ratio": Ratio,
    }
    return kinds[head](items)


def _ray(value: Value) -> bool:
    """An interval, or a pair that has an infinite end and so can be no point."""
    if isinstance(value, Interval):
        return True
    return isinstance(value, Tuple) and len(value.items) == 2 and any(map(_infinite, value.items))


def _unnamed(value: Value) -> Value:
    return value.right if isinstance(value, Equation) and value.name else value


def _conditional(head: str, args: tuple[Node, ...]) -> Piecewise | None:
    """`x^2 + 1, x > 0`: a formula and where it holds."""
    if head != "list" or len(args) != 2:
        return None
    what, condition = args
    if not (isinstance(condition, Call) and condition.head.startswith("rel ") and condition.head != "rel ="):
        return None
    if isinstance(what, Call) and what.head == "rel =" and is_name(what.args[0]):
        what = what.args[1]
    letters = symbols(condition)
    if len(letters) != 1 or not letters <= symbols(what) or isinstance(what, Sym) or "rel" in " ".join(heads(what)):
        return None
    return Piecewise(Call("cases", (Call("row", (what, condition)),)))


def _is_domain(node: Node) -> bool:
    """`k \\in \\mathbb{Z}` beside an answer says where its letter comes from."""
    return (
        isinstance(node, Call)
        and node.head in ("rel in", "rel !=")
        and isinstance(node.args[0], Sym)
        and (node.args[1] in _WHOLE or node.head == "rel !=" or _all_reals(node.args[1]))
    )


_WHOLE = (Sym("ZZ"), Sym("NN"), Sym("Z"), Sym("N"))


def _any_integer(args: tuple[Node, ...]) -> tuple[Node, ...]:
    """The letter of `k \\in \\mathbb{Z}` under one name, whatever letter it is."""
    names = {}
    for arg in args:
        if isinstance(arg, Call) and _is_domain(arg) and arg.args[1] in _WHOLE and isinstance(arg.args[0], Sym):
            names[arg.args[0].name] = INTEGER if arg.args[1] in (Sym("ZZ"), Sym("Z")) else "any natural number"
    return tuple(rename(arg, names) for arg in args if not _is_domain(arg))


def _all_reals(node: Node) -> bool:
    return isinstance(node, Call) and node.args == (_MINUS_INFINITY, _INFINITY)


def _both(args: tuple[Node, ...], items: tuple[Value, ...]) -> Value | None:
    """`x > 3, x < 5` as (3,5); `x < 3, x > 5`, which nothing satisfies at once, as two rays."""
    a, b = items
    if not (isinstance(a, Interval) and isinstance(b, Interval)):
        return None
    if not all(isinstance(arg, Call) and arg.head.startswith("rel ") for arg in args) or symbols(args[0]) != symbols(
        args[1]
    ):
        return None
    low, high = (a, b) if _infinite(b.low) else (b, a)
    if not (_infinite(low.high) and _infinite(high.low)) or _infinite(low.low) or _infinite(high.high):
        return None
    places = [_place(low.low), _place(high.high)]
    if places[0] is None or places[1] is None:
        return None
    if places[0] > places[1]:
        return Union((high, low))
    return Interval(low.low, high.high, low.low_closed, high.high_closed)


def _infinite(value: Value) -> bool:
    return isinstance(value, Expr) and value.node in (_INFINITY, _MINUS_INFINITY)


def _place(value: Value) -> float | None:
    if isinstance(value, Rational):
        return float(value.value) if abs(value.value) < 10**300 else None
    return constant_value(value.node) if isinstance(value, Expr) else None


def as_interval(value: Value) -> Interval | None:
    """(a, b) as an open interval, for when the other side says that intervals are meant."""
    if isinstance(value, Interval):
        return value
    if isinstance(value, Tuple) and len(value.items) == 2:
        return Interval(value.items[0], value.items[1], False, False)
    return None


def _set(head: str, args: tuple[Node, ...]) -> Value:
    if head == "setminus":
        taken = value_of(args[1])
        if isinstance(taken, Interval) and _all_reals(args[0]):
            low, high = (
                Interval(Expr(_MINUS_INFINITY), taken.low, False, not taken.low_closed),
                Interval(taken.high, Expr(_INFINITY), not taken.high_closed, False),
            )
            return Union((low, high))
        points = taken.items if isinstance(taken, FiniteSet) else (taken,)
        found = without(points) if _all_reals(args[0]) else None
        if found is None:
            raise Unreadable("unparsable")
        return found
    if head == "builder":
        what, condition = args
        if isinstance(what, Call) and what.head == "rel in" and _all_reals(what.args[1]):
            what = what.args[0]
        if isinstance(what, Sym):
            found_value = value_of(condition)
            if isinstance(found_value, Interval | Union | FiniteSet):
                return found_value
            if isinstance(found_value, Equation) and found_value.name == what.name:
                return _solutions(found_value.right)
            if isinstance(found_value, Alternatives):
                return FiniteSet(
                    tuple(item.right if isinstance(item, Equation) else item for item in found_value.items)
                )
        elif isinstance(condition, Call) and _is_domain(condition):
            return FiniteSet((value_of(_any_integer((what, condition))[0]),))
    raise Unreadable("unparsable")


def _solutions(value: Value) -> Value:
    return FiniteSet((value,)) if isinstance(value, Rational | Expr) else value


def without(points: tuple[Value, ...]) -> Union | None:
    """All real numbers but some; None where the points cannot be put in order."""
    places = [_place(point) for point in points]
    if not points or any(place is None for place in places):
        return None
    order = sorted(range(len(points)), key=lambda i: places[i] or 0.0)
    ends: list[Value] = [Expr(_MINUS_INFINITY), *(points[i] for i in order), Expr(_INFINITY)]
    return Union(tuple(Interval(low, high, False, False) for low, high in pairwise(ends)))


def _matrix_arithmetic(node: Node) -> Value:
    """A number times a matrix, its negative, a transpose, a sum of matrices."""
    value = _evaluated(node)
    if value is None:
        raise Unreadable("matrix_arithmetic")
    return value


def _evaluated(node: Node) -> Matrix | None:
    if not isinstance(node, Call):
        return None
    if node.head == "matrix":
        found = value_of(node)
        return found if isinstance(found, Matrix) else None
    if node.head == "neg":
        return _scaled(node.args[0], Num(Fraction(-1)))
    if node.head == "div":
        return _scaled(node.args[0], Call("div", (Num(Fraction(1)), node.args[1])))
    if node.head == "mul":
        inner = [arg for arg in node.args if "matrix" in heads(arg)]
        if len(inner) != 1:
            return None
        rest = tuple(arg for arg in node.args if arg is not inner[0])
        return _scaled(inner[0], Call("mul", rest) if len(rest) > 1 else rest[0])
    if node.head == "pow" and node.args[1] in (Sym("T"), Sym("t")):
        base = node.args[0]
        if isinstance(base, Call) and base.head == "tuple":
            return Matrix(tuple((value_of(item),) for item in base.args))
        found_base = _evaluated(base)
        return Matrix(tuple(zip(*found_base.rows, strict=True))) if found_base else None
    return None


def _scaled(node: Node, factor: Node) -> Matrix | None:
    matrix = _evaluated(node)
    if matrix is None:
        return None
    return Matrix(tuple(tuple(value_of(Call("mul", (factor, _node(entry)))) for entry in row) for row in matrix.rows))


def _node(value: Value) -> Node:
    if isinstance(value, Rational):
        return Num(value.value)
    if isinstance(value, Expr):
        return value.node
    raise Unreadable("matrix_arithmetic")


def _vector(node: Node) -> Value:
    """3i + 4j with unit vectors as the tuple of its coefficients."""
    names = [name for name in ("vec i", "vec j", "vec k") if Sym(name) in walk(node)]
    size = 3 if "vec k" in names else 2
    columns = ("vec i", "vec j", "vec k")[:size]
    items = []
    for column in columns:
        filled = _filled(node, {name: Num(Fraction(int(name == column))) for name in columns})
        items.append(value_of(fold(filled)))
    return Tuple(tuple(items))


def _filled(node: Node, values: dict[str, Num]) -> Node:
    if isinstance(node, Call):
        return Call(node.head, tuple(_filled(arg, values) for arg in node.args))
    return values.get(node.name, node) if isinstance(node, Sym) else node


def _based(args: tuple[Node, ...]) -> Value:
    digits, base = (exact(arg) for arg in args)
    if digits is None or base is None or digits.denominator != 1 or not 2 <= base <= 36:
        raise Unreadable("unparsable")
    if any(int(digit) >= base for digit in str(int(digits))):
        raise Unreadable("unparsable")
    return Based(str(int(digits)), int(base))


def _signed(node: Node, *, plus: bool) -> Node:
    def pick(here: Node) -> Node:
        if not isinstance(here, Call):
            return here
        args = tuple(map(pick, here.args))
        if here.head in ("pm", "mp"):
            up = plus == (here.head == "pm")
            if args[0] == Num(Fraction(0)):
                return args[1] if up else Call("neg", (args[1],))
            return Call("add", (args[0], args[1] if up else Call("neg", (args[1],))))
        return Call(here.head, args)

    return pick(node)


def _relation(ops: list[str], sides: tuple[Node, ...], node: Node) -> Value:
    if ops == ["in"]:
        value = value_of(sides[1])
        if isinstance(sides[0], Sym):
            return as_interval(value) or value
    if ops == ["!="] and isinstance(sides[0], Sym) and not symbols(sides[1]):
        outside = without((value_of(sides[1]),))
        if outside is not None:
            return outside
    if "approx" in ops and (ops.index("approx") or not is_name(sides[0])):  # an exact value and its decimals
        cut = ops.index("approx")
        return _relation(ops[:cut], sides[: cut + 1], node) if cut else value_of(sides[0])
    if ops in (["="], ["approx"]):
        left, right = sides
        if is_name(right) and not is_name(left) and not symbols(left):
            left, right = right, left
        name = spelled(left) if is_name(left) else None
        name = "x" if name in ("x_1", "x_2", "x_3", "x_4") else name  # the roots of one equation
        if (
            name is None
            and "set" in heads(right) | {getattr(right, "head", "")}
            and "cap" in heads(left) | heads(Call("x", (left,)))
        ):
            return value_of(right)
        return Equation(left, value_of(right), right, name)
    if len(ops) > 1 and set(ops) <= {"=", "approx"} and not symbols(Call("list", sides[1:])):
        # x = 2/4 = 1/2: the last member is the answer only if the others agree, which compare checks
        name = spelled(sides[0]) if is_name(sides[0]) else "value"
        first = sides[1:] if is_name(sides[0]) or symbols(sides[0]) else sides
        return Equation(sides[0], Tuple(tuple(map(value_of, first))), sides[-1], "=" + name)
    bounds = _bounds(ops, sides)
    if bounds is not None:
        return bounds
    if "=" in ops or "approx" in ops or "in" in ops:
        raise Unreadable("unparsable")
    return Expr(node)


def _bounds(ops: list[str], sides: tuple[Node, ...]) -> Value | None:
    """`a <= x < b`, `x < b`, `a < x`, `|x| < b` as a set of values of x; None for anything else."""
    if any(op not in _FLIPPED for op in ops):
        return None
    if len(ops) == 1:
        (op,), (left, right) = ops, sides
        if not symbols(left):
            left, right, op = right, left, _FLIPPED[op]
        if symbols(right) or not symbols(left):
            return None
        if isinstance(left, Call) and left.head == "abs" and isinstance(left.args[0], Sym):
            return _around_zero(op, right)
        if not isinstance(left, Sym):
            return None
        bound = value_of(right)
        if op in ("<", "<="):
            return Interval(Expr(_MINUS_INFINITY), bound, False, op == "<=")
        return Interval(bound, Expr(_INFINITY), op == ">=", False)
    if len(ops) == 2 and isinstance(sides[1], Sym) and symbols(sides[1]):
        low, _, high = sides
        if ops[0][0] != ops[1][0] or symbols(low) or symbols(high):
            return None
        if ops[0][0] == ">":
            low, high, ops = high, low, [_FLIPPED[ops[1]], _FLIPPED[ops[0]]]
        return Interval(value_of(low), value_of(high), ops[0] == "<=", ops[1] == "<=")
    return None


def _around_zero(op: str, bound: Node) -> Value:
    low, high, closed = value_of(Call("neg", (bound,))), value_of(bound), op.endswith("=")
    if op[0] == "<":
        return Interval(low, high, closed, closed)
    return Union((Interval(Expr(_MINUS_INFINITY), low, False, closed), Interval(high, Expr(_INFINITY), closed, False)))
