"""Plain values between this process and a judged one.

The judged process answers in JSON: lists, texts, numbers as they are; {"d": pairs} a dict, {"s": items} a
set, {"i": hex} a long integer, {"l": …} and {"t": …} ListNode and TreeNode values, {"o": name} any other
object. What we send it is `marshal`, which only the far side loads.
"""

from __future__ import annotations

import json
import marshal
from typing import Any

from cotkit.verify.code.cases import Bag, Linked, Opaque, Pairs, Tree

NODE = "\0node"


class BadAnswer(ValueError):
    """The judged process wrote something that is no answer."""


def unpack(line: bytes) -> dict[str, Any]:
    """A line of the judged process: a dict whose `v`, `args` and `kwargs` are values. Raises BadAnswer."""
    try:
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise BadAnswer("not an object")
        for key in ("v", "args", "kwargs"):
            if key in answer:
                answer[key] = _value(answer[key])
    except (ValueError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise BadAnswer(f"{type(error).__name__}: {str(error)[:100]}") from None
    return answer


def _value(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_value(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if len(tree) != 1:
        raise BadAnswer("an object of two tags")
    tag, body = next(iter(tree.items()))
    if tag == "d":
        return Pairs(tuple((_value(key), _value(value)) for key, value in body))
    if tag == "s":
        return Bag(tuple(_value(item) for item in body))
    if tag == "i":
        return int(body, 16)
    if tag == "l":
        return Linked(tuple(_value(body)))
    if tag == "t":
        return Tree(tuple(_value(body)))
    if tag == "o":
        return Opaque(str(body)[:100])
    raise BadAnswer("an unknown tag")


def key_text(value: Any) -> str:
    """A text that two keys share if and only if they are equal; texts hash at random, numbers do not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(key_text, value))}]"
    if isinstance(value, Bag | set | frozenset):
        return f"{{{','.join(sorted(map(key_text, value.items if isinstance(value, Bag) else value)))}}}"
    return repr(value)


def pack(value: Any) -> bytes:
    """What we send, with its length before it (4 bytes, little end first). Raises ValueError where it is too large."""
    body = marshal.dumps(value, 2)
    return len(body).to_bytes(4, "little") + body


def sendable(value: Any) -> Any:
    """A value in which what only the far side can build is a marked dict."""
    if isinstance(value, list):
        return [sendable(item) for item in value]
    if isinstance(value, tuple):
        return tuple(sendable(item) for item in value)
    if isinstance(value, dict):
        return {key: sendable(item) for key, item in value.items()}
    if isinstance(value, Linked | Tree):
        kind = "ListNode" if isinstance(value, Linked) else "TreeNode"
        return {NODE: kind, "values": sendable(list(value.values))}
    if isinstance(value, Pairs | Bag):
        return {NODE: "dict" if isinstance(value, Pairs) else "set", "values": sendable(list(value.items))}
    if isinstance(value, Opaque):
        return {NODE: "Opaque", "values": [value.name]}
    return value


def has_nodes(value: Any) -> bool:
    """Whether `sendable` would change it."""
    if isinstance(value, list | tuple):
        return any(has_nodes(item) for item in value if not isinstance(item, int | str | float))
    if isinstance(value, dict):
        return any(has_nodes(item) for item in value.values())
    return isinstance(value, Linked | Tree | Pairs | Bag | Opaque)
