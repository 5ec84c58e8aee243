"""The names that LeetCode gives its solutions, imported only where a program uses them.

`from typing import *` alone costs more than starting Python, so annotations get stand-ins.
"""

from __future__ import annotations

import re
from collections.abc import Set

_FROM = {
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "itertools": "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile "
    "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce total_ordering wraps",
    "math": "acos asin atan atan2 ceil comb copysign cos degrees dist exp fabs factorial floor fmod gcd hypot inf "
    "isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 nan perm pi prod radians sin sqrt tan tau trunc",
    "operator": "add and_ attrgetter itemgetter mul or_ sub xor",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits",
    "sortedcontainers": "SortedDict SortedList SortedSet",
    "typing": "Generic NamedTuple Protocol TypeVar",
}
_MODULE_NAMES = (
    "array bisect collections copy datetime decimal fractions functools heapq itertools json math operator queue "
    "random re statistics string sys time typing"
)
_ANNOTATION_NAMES = (
    "Any Callable DefaultDict Deque Dict FrozenSet Generator Iterable Iterator List Literal Mapping Optional Sequence "
    "Set Tuple Type Union"
)
_MODULES = frozenset(_MODULE_NAMES.split())
_ANNOTATIONS = frozenset(_ANNOTATION_NAMES.split())
_BUILTIN = {"Dict": "dict", "FrozenSet": "frozenset", "List": "list", "Set": "set", "Tuple": "tuple", "Type": "type"}

_STAND_IN = """
class _Annotation:
    def __getitem__(self, item): return self
    def __or__(self, other): return self
    __ror__ = __or__
"""
NODES = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next
class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val, self.left, self.right = val, left, right
"""

_WORD = re.compile(r"[A-Za-z_]\w*")
# `bisect` is a module before a dot and a function elsewhere.
_DOTTED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*\.")


def words(program: str) -> frozenset[str]:
    """Every identifier-like word of a text."""
    return frozenset(_WORD.findall(program))


# Names that a program may use although nothing in it defines them.
_NODE_NAMES = "ListNode TreeNode list_node tree_node is_same_list is_same_tree"
GIVEN = _MODULES | _ANNOTATIONS | frozenset(" ".join([_NODE_NAMES, *_FROM.values()]).split())


def prelude(program: str, packages: Set[str]) -> str:
    """Source that defines what the program uses of the declared names; `packages` are those it may import."""
    used = words(program) & GIVEN
    dotted = _MODULES.intersection(_DOTTED.findall(program))
    lines = [
        f"from {module} import {', '.join(found)}"
        for module, names in _FROM.items()
        if (found := [name for name in names.split() if name in used and name not in dotted])
        and (module != "sortedcontainers" or module in packages)
    ]
    lines += [f"import {module}" for module in sorted(dotted)]
    annotations = used & _ANNOTATIONS
    if annotations - _BUILTIN.keys():
        lines.append(_STAND_IN)
    lines += [f"{name} = {_BUILTIN.get(name, '_Annotation()')}" for name in sorted(annotations)]
    if used & {"ListNode", "TreeNode"}:
        lines.append(NODES)
    return "\n".join(lines)
