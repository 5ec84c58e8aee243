"""Exact, independent computations of every quickstart answer, and the stored spellings as values."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from typing import Any

import sympy

X, N, K = sympy.Symbol("x", real=True), sympy.Symbol("n"), sympy.Symbol("k", integer=True)

# ---- small exact tools for the recomputation -------------------------------------------------------------


def only(values: Iterable[Any]) -> Any:
    """The single distinct value; anything else means the problem is not well posed."""
    (value,) = set(values)
    return value


def chance(outcomes: Iterable[Any], event: Callable[[Any], bool]) -> Fraction:
    tally = Counter(bool(event(outcome)) for outcome in outcomes)
    return Fraction(tally[True], tally.total())


def num_plus_den(value: Fraction) -> int:
    return value.numerator + value.denominator


def halves(low: int, high: int) -> Iterable[Fraction]:
    return (Fraction(k, 2) for k in range(2 * low, 2 * high + 1))


def iterate(step: Callable[[Any], Any], value: Any, times: int) -> Any:
    for _ in range(times):
        value = step(value)
    return value


def power_sum(coefficients: list[int], power: int) -> Any:
    """Sum of the powers of a polynomial's roots, as the trace of its companion matrix's power."""
    lead, *rest = coefficients
    size = len(rest)
    rows = [[-c for c in rest], *([int(i == j) for j in range(size)] for i in range(size - 1))]
    assert lead == 1
    return (sympy.Matrix(rows) ** power).trace()


def abs_quadratic_roots(k: int) -> set[Any]:
    """Real solutions of |x^2 - 8x + 7| = k."""
    solutions = {r for s in (k, -k) for r in sympy.roots(X**2 - 8 * X + 7 - s, X) if r.is_real}
    return solutions if k >= 0 else set()


def solution_set(*inequalities: Any) -> Any:
    return sympy.And(*inequalities).as_set()


def coupon_spins(kinds: int) -> Any:
    """Expected draws to see every kind: the sum over t of the chance of not being done after t draws."""
    undone = sum((-1) ** (m + 1) * math.comb(kinds, m) * sympy.Rational(kinds - m, kinds) ** K for m in range(1, kinds))
    return 1 + sympy.summation(undone, (K, 1, sympy.oo))


def seats_apart(seats: int) -> int:
    return sum(abs(a - b) > 1 for a, b in permutations(range(seats), 2))


def has_octagon_diameter(corners: tuple[int, ...]) -> bool:
    return any((b - a) % 8 == 4 for a, b in combinations(corners, 2))


def on_both_lines(x: int, y: int) -> bool:
    return (3 * x + 4 * y, 5 * x - 2 * y) == (10, -18)


def grid_routes(width: int, height: int, blocked: tuple[int, int]) -> int:
    ways = {(0, 0): 1}
    for x, y in product(range(width + 1), range(height + 1)):
        if (x, y) != (0, 0):
            ways[x, y] = 0 if (x, y) == blocked else ways.get((x - 1, y), 0) + ways.get((x, y - 1), 0)
    return ways[width, height]


def domino_tilings(rows: int, columns: int) -> int:
    def fill(free: frozenset[tuple[int, int]]) -> int:
        if not free:
            return 1
        c, r = min(free)
        return sum(fill(free - {(c, r), mate}) for mate in ((c + 1, r), (c, r + 1)) if mate in free)

    return fill(frozenset(product(range(columns), range(rows))))


def shoelace(points: list[tuple[Any, Any]]) -> Any:
    turns = zip(points, points[1:] + points[:1], strict=True)
    return abs(sympy.simplify(sum(a[0] * b[1] - b[0] * a[1] for a, b in turns))) / 2


def heron(a: int, b: int, c: int) -> Any:
    s = sympy.Rational(a + b + c, 2)
    return sympy.sqrt(s * (s - a) * (s - b) * (s - c))


def circumradius(*points: tuple[Any, Any]) -> Any:
    return sympy.Triangle(*map(sympy.Point, points)).circumradius


def cevian(ab: int, ac: int, bd: int, dc: int) -> Any:
    """AD with D on BC, by placing B at the origin and C on the first axis."""
    bc = bd + dc
    x = sympy.Rational(ab**2 - ac**2 + bc**2, 2 * bc)
    return sympy.sqrt((x - bd) ** 2 + ab**2 - x**2)


def rectangle_pd(pa: int, pb: int, pc: int, y: Fraction) -> Any:
    """PD for A=(0,0), B=(w,0), C=(w,h), D=(0,h) and P at height y above AB; the choice of y must not matter."""
    x = sympy.sqrt(pa**2 - y**2)
    to_right = sympy.sqrt(pb**2 - y**2)
    h = y + sympy.sqrt(pc**2 - to_right**2)
    return sympy.sqrt(sympy.simplify(x**2 + (h - y) ** 2))


def tetrahedron_volume(edge: int) -> Any:
    """Four alternate corners of a cube, scaled to the edge; volume from the determinant."""
    corners = sympy.Matrix([[1, 1, 0], [1, 0, 1], [0, 1, 1]]) * edge / sympy.sqrt(2)
    return abs(corners.det()) / 6


def hits_high_first(start: int, high: int) -> Any:
    """Chance that a fair walk from start meets high before 0, from the linear system of its averages."""
    p = sympy.symbols(f"p0:{high + 1}")
    system = [p[0], p[high] - 1, *(p[k] - (p[k - 1] + p[k + 1]) / 2 for k in range(1, high))]
    return sympy.solve(system, p)[p[start]]


# ---- answers that are not plain integers or fractions, spelled as values ---------------------------------

ROOT = sympy.sqrt
LITERALS: dict[str, Any] = {
    r"[-1, 3)": sympy.Interval.Ropen(-1, 3),
    r"\begin{pmatrix} -3 & 10 \\ 15 & -6 \end{pmatrix}": sympy.ImmutableMatrix([[-3, 10], [15, -6]]),
    r"6\sqrt{2}": 6 * ROOT(2),
    r"\frac{5n^2 + 9n}{2}": (5 * N**2 + 9 * N) / 2,
    r"25\%": 25,
    r"3 \times 10^{8}": 3 * 10**8,
    r"\{-1, 9\}": frozenset({-1, 9}),
    "1,209,600": 1_209_600,
    "D": "D",
    "(n-1)(n-2)": (N - 1) * (N - 2),
    r"49\pi": 49 * sympy.pi,
    r"24\sqrt{3}": 24 * ROOT(3),
    r"100\pi": 100 * sympy.pi,
    r"64\pi": 64 * sympy.pi,
    r"\frac{7\sqrt{3}}{3}": 7 * ROOT(3) / 3,
    r"5\pi": 5 * sympy.pi,
    r"2\sqrt{3}": 2 * ROOT(3),
    r"\sqrt{46}": ROOT(46),
    "(-3, 8)": (-3, 8),
    "5.5": Fraction(11, 2),
    "0.45": Fraction(9, 20),
    "0.657": Fraction(657, 1000),
    "(-2, 4)": (-2, 4),
    "2x + 2": 2 * X + 2,
    r"18\sqrt{2}": 18 * ROOT(2),
    r"4\pi": 4 * sympy.pi,
}


def value_of(text: str) -> Any:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if match := re.fullmatch(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}", text):
        sign, top, bottom = match.groups()
        return Fraction(int(sign + top), int(bottom))
    return LITERALS[text]


def final_text(row: dict[str, Any]) -> str:
    """The stored answer, or the one at the end of the reference solution."""
    if "answer" in row:
        return str(row["answer"])
    solution = row["solution"]
    if "####" in solution:
        return str(solution.rpartition("####")[2].strip())
    if match := re.search(r"The answer is (\S+)\.$", solution):
        return match[1]
    start = solution.rindex(r"\boxed{") + len(r"\boxed{")
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(solution[end], 0)
        end += 1
    return str(solution[start : end - 1])


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Fraction | int) and isinstance(b, sympy.Expr):
        a = sympy.Rational(a)
    if isinstance(a, sympy.Expr) and isinstance(b, Fraction | int):
        b = sympy.Rational(b)
    scalars = isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr)
    if scalars and not isinstance(a, sympy.MatrixBase) and not isinstance(b, sympy.MatrixBase):
        return bool(sympy.simplify(a - b) == 0)
    return bool(a == b)


# ---- one independent computation per answer --------------------------------------------------------------

CHECKS: dict[str, Callable[[], Any]] = {
    "qs-001": lambda: power_sum([1, -4, 2, 5], 3),
    "qs-002": lambda: next(n for n in range(1, 999) if (n % 3, n % 5, n % 7) == (1, 2, 3)),
    "qs-003": lambda: len(list(product(range(4), range(6), [None, 1, 2, 3]))),
    "qs-004": lambda: only(w * (w + 3) for w in range(1, 46) if 2 * (w + w + 3) == 46),
    "qs-005": lambda: only(sympy.solve(4 * X - (2 * (1 + X) + (2 + X) + 2), X)),
    "qs-006": lambda: power_sum([1, -6, (36 - 26) // 2, 12], 4),
    "qs-007": lambda: len({x * x - y * y for x in range(1, 152) for y in range(x)} & set(range(1, 301))),
    "qs-008": lambda: len(set(permutations("COFFEE"))),
    "qs-009": lambda: sympy.pi * (14 * sympy.pi / (2 * sympy.pi)) ** 2,
    "qs-010": lambda: Fraction(7, 5 + 7),
    "qs-011": lambda: sympy.summation(7 + 5 * (K - 1), (K, 1, N)),
    "qs-013": lambda: sum(map(int, str(10**40 - 73))),
    "qs-014": lambda: sympy.expand((2 * X - 1) ** 6).coeff(X, 3),
    "qs-015": lambda: circumradius((0, 0), (5, 0), (4, 4 * sympy.sqrt(3))),
    "qs-016": lambda: chance(product(range(1, 7), repeat=2), lambda d: sum(d) >= 10),
    "qs-017": lambda: sum(set(sympy.real_roots((X**2 - 6 * X + 12 - 3) ** 2 + 3 - (X**2 - 6 * X + 12)))),
    "qs-018": lambda: next(n for n in range(2, 9999) if pow(7, n, 1000) == 7),
    "qs-020": lambda: len({min(c[i:] + c[:i] for i in range(6)) for c in product(range(3), repeat=6)}),
    "qs-021": lambda: shoelace([(4 * sympy.cos(k * sympy.pi / 3), 4 * sympy.sin(k * sympy.pi / 3)) for k in range(6)]),
    "qs-022": lambda: chance(range(1, 21), lambda n: n % 3 == 0 or n % 5 == 0),
    "qs-024": lambda: 48 * 60 * 7 * 60,
    "qs-025": lambda: sum(n for n in range(1, 5000) if (n * n + 50) % (n + 6) == 0),
    "qs-026": lambda: sum((b - a) % 14 not in (1, 13) for a, b in combinations(range(14), 2)),
    "qs-027": lambda: Fraction(4 * 6**3, 3) / Fraction(3**2 * 4, 3),
    "qs-028": lambda: 1 - 2 * sympy.integrate(X - sympy.Rational(1, 4), (X, sympy.Rational(1, 4), 1)),
    "qs-029": lambda: (1 - Fraction(125, 100) * Fraction(60, 100)) * 100,
    "qs-030": lambda: only(c for c, n in zip("ABCDE", (119, 133, 143, 157, 161), strict=True) if sympy.isprime(n)),
    "qs-031": lambda: sum(n // 100 < n // 10 % 10 < n % 10 for n in range(100, 1000)),
    "qs-032": lambda: shoelace([(0, 0), (6, 1), (8, 5), (2, 7)]),
    "qs-033": lambda: chance([d for d in product(range(1, 7), repeat=2) if 4 in d], lambda d: sum(d) == 7),
    "qs-034": lambda: frozenset(x for x in halves(-100, 100) if abs(2 * x - 3) == abs(x + 6)),
    "qs-035": lambda: sum(a for a in range(10) for b in range(10) if (6040 + 100 * a + b) % 45 == 0),
    "qs-036": lambda: sum("XX" not in "".join(s) for s in product("XO", repeat=10)),
    "qs-038": lambda: cevian(ab=7, ac=9, bd=3, dc=5),
    "qs-039": lambda: num_plus_den(chance(combinations(range(8), 3), has_octagon_diameter)),
    "qs-040": lambda: sympy.sqrt(50) + sympy.sqrt(98) - sympy.sqrt(72),
    "qs-041": lambda: (2**35 + 3**35) % 10,
    "qs-042": lambda: sum(all(i != x for i, x in enumerate(p)) for p in permutations(range(5))),
    "qs-044": lambda: sympy.pi * 25 * sympy.sqrt(13**2 - 5**2) / 3,
    "qs-045": lambda: Fraction(40 * 5, 40 * 5 + 60 * 2),
    "qs-046": lambda: sum(Fraction(2, k * (k + 2)) for k in range(1, 31)),
    "qs-047": lambda: sum((n * n + 3 * n + 2) % 30 == 0 for n in range(1, 501)),
    "qs-048": lambda: len(list(combinations(range(5), 2))) * len(list(combinations(range(4), 2))),
    "qs-049": lambda: tuple(sympy.Point(7, -2).reflect(sympy.Line((0, 1), (1, 2)))),
    "qs-050": lambda: Fraction(sum(k * k for k in range(1, 7)), 6),
    "qs-051": lambda: only(n for n in range(5, 27) if n - 5 == 3 * (26 - n - 5)),
    "qs-052": lambda: only(b for b in range(5, 99) if b * b + 4 * b + 3 == 99),
    "qs-053": lambda: sum(p[3] % 2 == 0 for p in permutations(range(1, 6), 4)),
    "qs-054": lambda: heron(7, 15, 20) / sympy.Rational(7 + 15 + 20, 2),
    "qs-056": lambda: sympy.summation(sympy.Rational(1, 3) * sympy.Rational(4, 9) ** K, (K, 0, sympy.oo)),
    "qs-057": lambda: (14 * 18 + 5) * 3,
    "qs-058": lambda: math.lcm(12, 18, 20),
    "qs-059": lambda: sum(w.count("a") % 2 == 0 for w in product("abc", repeat=8)),
    "qs-060": lambda: sympy.Plane((6, 0, 0), (0, 6, 0), (0, 0, 6)).distance(sympy.Point(0, 0, 0)),
    "qs-061": lambda: chance(product((0, 1), repeat=4), lambda c: sum(c) >= 3),
    "qs-062": lambda: only((r**2 + 16) / (r + 3) for r in sympy.real_roots(X**2 + 6 * X - 16) if r > -3),
    "qs-063": lambda: sum(12 * x % (x - 12) == 0 for x in range(13, 157)),
    "qs-064": lambda: sum((n % 4 == 0) != (n % 6 == 0) for n in range(1, 601)),
    "qs-065": lambda: sympy.sqrt((4 + 9) ** 2 - (9 - 4) ** 2),
    "qs-067": lambda: chance(product(range(1, 7), repeat=3), lambda d: max(d) == 5),
    "qs-068": lambda: only(2 * r * r for r in range(-50, 50) if r + 2 * r == 9),
    "qs-069": lambda: next(k for k in range(99) if math.factorial(130) % 10 ** (k + 1)),
    "qs-070": lambda: sympy.interpolate([(m, seats_apart(m)) for m in range(2, 8)], N),
    "qs-071": lambda: sympy.pi * circumradius((0, 0), (4, 0), (1, 3)) ** 2,
    "qs-072": lambda: chance(combinations(range(1, 11), 2), lambda s: sum(s) % 2 == 1),
    "qs-074": lambda: Fraction(6 * 10**7) * Fraction("4.5e-3") / Fraction("9e-4"),
    "qs-075": lambda: 5**13 % 7,
    "qs-076": lambda: sum(all(f[f[x]] == f[x] for x in range(5)) for f in product(range(5), repeat=5)),
    "qs-077": lambda: len(list(combinations(range(7), 3))) * len(list(combinations(range(6), 2))),
    "qs-078": lambda: sympy.Line((0, 0), (12, 5)).distance(sympy.Point(0, 12)),
    "qs-079": lambda: chance(combinations("GGGGWWWWWW", 2), lambda s: set(s) == {"G"}),
    "qs-080": lambda: only({p * q for p in range(-99, 99) for q in [7 - p] if p**3 + q**3 == 133}),
    "qs-082": lambda: sum(n % math.isqrt(n) == 0 for n in range(1, 101)),
    "qs-083": lambda: sum(sum(k for k in range(1, 13) if m >> k & 1) % 3 == 0 for m in range(0, 8192, 2)),
    "qs-084": lambda: sympy.Rational(4, 3) * heron(9, 12, 15),
    "qs-086": lambda: hits_high_first(start=2, high=5),
    "qs-087": lambda: sum(len(abs_quadratic_roots(k)) == 4 for k in range(-30, 60)),
    "qs-088": lambda: sum(720 % d == 0 for d in range(1, 721)),
    "qs-089": lambda: grid_routes(5, 4, blocked=(2, 2)),
    "qs-090": lambda: only({rectangle_pd(2, 10, 11, y) for y in (Fraction(1, 2), Fraction(1), Fraction(3, 2))}),
    "qs-091": lambda: chance(combinations(range(1, 6), 3), lambda s: max(s) == 4),
    "qs-092": lambda: sympy.ImmutableMatrix([[2, -1], [0, 3]]) * sympy.ImmutableMatrix([[1, 4], [5, -2]]),
    "qs-093": lambda: (2**100 + 3**100) % 35,
    "qs-094": lambda: sum(sum(t) == 11 for t in product(range(1, 9), repeat=4)),
    "qs-095": lambda: sympy.simplify(sympy.pi * ((X**2 + 8**2) - X**2)),
    "qs-098": lambda: (11 * 24 + 9) * 2,
    "qs-099": lambda: chance(permutations(range(1, 8)), lambda p: all((a * b) % 2 == 0 for a, b in pairwise(p))),
    "qs-100": lambda: math.lcm(8, 15, 25),
    "qs-101": lambda: iterate(lambda a: (a - 1) / (a + 1), Fraction(3), 2026),
    "qs-103": lambda: only(m for m in range(1, 43) if (17 * m - 1) % 43 == 0),
    "qs-105": lambda: sum(all(a // 2 != b // 2 for a, b in pairwise(p)) for p in permutations(range(6))),
    "qs-106": lambda: math.isqrt(25**2 - (math.isqrt(25**2 - 7**2) - 4) ** 2) - 7,
    "qs-109": lambda: coupon_spins(3),
    "qs-110": lambda: 1 / (Fraction(1, 6) + Fraction(1, 9) - Fraction(1, 18)),
    "qs-111": lambda: only(max(x, 2 * x + 10, 3 * x - 10) for x in range(1, 180) if 6 * x == 180),
    "qs-112": lambda: 1 - Fraction(7, 10) ** 3,
    "qs-116": lambda: solution_set(3 - 2 * X > -3, 3 - 2 * X <= 5),
    "qs-117": lambda: only(x * x - x for x in range(-99, 99) if 5 * x - 7 == 2 * x + 26),
    "qb-001": lambda: sum(k * k for k in range(1, 40, 2)),
    "qb-002": lambda: Fraction(9 * math.isqrt(41**2 - 9**2), 41),
    "qb-003": lambda: chance(permutations(range(5)), lambda p: sum(i == x for i, x in enumerate(p)) == 2),
    "qb-004": lambda: sum(5 * a + 10 * b + 20 * c == 50 for a in range(11) for b in range(6) for c in range(3)),
    "qb-005": lambda: only(2**k for k in range(60) if Fraction(k) + Fraction(k, 2) + Fraction(k, 4) == 14),
    "qb-006": lambda: sympy.Abs(sympy.expand((3 + 4 * sympy.I) ** 2 * (1 - sympy.I) ** 4)),
    "qb-007": lambda: math.isqrt(17**2 - 8**2),
    "qb-008": lambda: min(a + 1512 // a for a in range(1, 1513) if 1512 % a == 0 and math.gcd(a, 1512 // a) == 6),
    "qb-009": lambda: sum(math.factorial(12) % (k * k) == 0 for k in range(1, math.isqrt(math.factorial(12)) + 1)),
    "qb-010": lambda: domino_tilings(2, 9),
    "qb-011": lambda: chance(product(range(7), repeat=3), lambda d: len(set(d)) < 3),
    "qb-012": lambda: only(n for n in range(1, 99) if math.comb(n, 2) == 66),
    "qb-013": lambda: sympy.rem(X**50 + 2 * X + 1, X**2 - 1, X),
    "qb-014": lambda: next(n for n in range(1, 99) if math.factorial(n) % 2**20 == 0),
    "qb-015": lambda: chance(product("BBBWWWWW", repeat=3), lambda s: s.count("B") == 1),
    "qb-016": lambda: chance(product(range(1, 9), repeat=2), lambda s: s[0] * s[1] % 2 == 1),
    "qb-017": lambda: only(31 - 2 * a for a in range(1, 16) if a * (31 - a) == 228),
    "qb-018": lambda: only(t for t in product(range(-50, 50), repeat=2) if on_both_lines(*t)),
    "qb-019": lambda: sum(0 in team for team in combinations(range(8), 4)),
    "qb-020": lambda: 2 * sympy.pi * 9 * sympy.Rational(80, 360),
    "qb-021": lambda: max(set(range(500)) - {6 * a + 11 * b for a in range(99) for b in range(99)}),
    "qb-022": lambda: sympy.summation(18 * sympy.Rational(-2, 3) ** K, (K, 0, sympy.oo)),
    "qb-023": lambda: shoelace([(0, 0), (22, 0), (16, sympy.sqrt(100 - 36)), (6, sympy.sqrt(100 - 36))]),
    "qb-024": lambda: tetrahedron_volume(6),
    "qb-025": lambda: sum(d for d in range(1, 361, 2) if 360 % d == 0),
}
