"""Runs a program inside the sandbox. Sent as source: it imports nothing of cotkit, and little else, as every
import is paid for by every test.

Nothing it says is believed beyond the values themselves: the program shares its process and may say the same.
After "ready" every failure is the program's own.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import marshal
import os
import sys
import time
from io import IOBase

try:
    from _json import encode_basestring_ascii as _quote  # the json package imports re: as long as Python's start
except ImportError:
    from json.encoder import py_encode_basestring_ascii as _quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NODE = "\0node"
_LONG = 10_000  # bits; more are sent as hex, which is linear in length
_MAX_NODES = 1_000_000
_MAX_SAID = 4096
SEALED = '{"sealed":1}'
FAILED = '{"failed":1}'


def receive(source: int) -> Any:
    """The next message; leaves the process where there is none."""
    size = int.from_bytes(_exactly(source, 4), "little")
    return marshal.loads(_exactly(source, size))  # noqa: S302 - from the parent


def _exactly(source: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(source, min(size, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def send(sink: int, text: str) -> None:
    """One line."""
    data = memoryview(text.encode("ascii") + b"\n")
    while data:
        data = data[os.write(sink, data) :]


class TooLarge(Exception):
    """A value larger than the policy lets out."""


def encode(value: Any, room: int) -> str:  # noqa: PLR0911 - a table of types
    """JSON of a plain value, with the tags of wire.py, in at most about `room` characters.

    Raises RecursionError, MemoryError, TooLarge.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if str.__len__(value) > room:
            raise TooLarge
        return str(_quote(str.__str__(value)))
    if isinstance(value, int):
        return '{"i":"' + hex(value) + '"}' if int.bit_length(value) > _LONG else int.__repr__(value)
    if isinstance(value, float):
        text = float.__repr__(value)
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)
    if isinstance(value, list | tuple):
        return _items(value, room)
    if isinstance(value, dict):
        return '{"d":' + _items(dict.items(value), room) + "}"
    if isinstance(value, set | frozenset):
        return '{"s":' + _items(value, room) + "}"
    if type(value).__name__ == "ListNode":
        return '{"l":' + _items(_chain(value), room) + "}"
    if type(value).__name__ == "TreeNode":
        return '{"t":' + _items(_levels(value), room) + "}"
    return '{"o":' + str(_quote(type(value).__name__)) + "}"


def _items(values: Any, room: int) -> str:
    parts = []
    for value in values:
        part = encode(value, room)
        room -= len(part)
        if room < 0:
            raise TooLarge
        parts.append(part)
    return "[" + ",".join(parts) + "]"


def _chain(node: Any) -> list[Any]:
    values: list[Any] = []
    while node is not None and len(values) < _MAX_NODES:
        values.append(node.val)
        node = node.next
    return values


def _levels(root: Any) -> list[Any]:
    values: list[Any] = []
    row = [root]
    while row and len(values) < _MAX_NODES:
        values += [None if node is None else node.val for node in row]
        row = [child for node in row if node is not None for child in (node.left, node.right)]
    while values and values[-1] is None:
        values.pop()
    return values


def build(tree: Any, scope: dict[str, Any]) -> Any:
    """Values with marked dicts -> with ListNode and TreeNode objects of the classes in `scope`."""
    if isinstance(tree, list):
        return [build(item, scope) for item in tree]
    if isinstance(tree, tuple):
        return tuple([build(item, scope) for item in tree])
    if isinstance(tree, dict):
        if NODE in tree:
            return _nodes(tree[NODE], tree["values"], scope)
        return {key: build(item, scope) for key, item in tree.items()}
    return tree


def _nodes(kind: str, values: list[Any], scope: dict[str, Any]) -> Any:
    if kind == "Opaque":
        return object()
    if kind == "dict":
        return {_hashable(key): item for key, item in build(values, scope)}
    if kind == "set":
        return {_hashable(item) for item in build(values, scope)}
    if not values:
        return None
    make = scope[kind]
    if kind == "ListNode":
        head = None
        for value in reversed(values):
            node = make(value)
            node.next, head = head, node
        return head
    nodes = [None if value is None else make(value) for value in values]
    children = iter(nodes[1:])
    for node in nodes:
        if node is not None:
            node.left, node.right = next(children, None), next(children, None)
    return nodes[0]


def _hashable(value: Any) -> Any:
    """Lists as tuples, as they were before JSON."""
    if isinstance(value, list):
        return tuple([_hashable(item) for item in value])
    return frozenset(value) if isinstance(value, set) else value


def define_nodes(job: dict[str, Any], scope: dict[str, Any]) -> None:
    """ListNode and TreeNode, where the program does not name them."""
    if "ListNode" not in scope or "TreeNode" not in scope:
        known = dict(scope)
        exec(job["nodes"], scope)  # noqa: S102 - from the parent
        scope.update(known)


def describe(error: BaseException) -> str:
    """`Type: message (line n)`, short, as a JSON text."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<program>":
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = str(error)[:300]
    except BaseException:  # noqa: BLE001 - the message of a hostile error
        text = ""
    return encode(f"{type(error).__name__}: {text} (line {line})", 1000)


def kind_of(error: BaseException) -> str:
    """The reason that an error stands for."""
    if isinstance(error, MemoryError):
        return "memory_limit"
    return "output_limit" if isinstance(error, TooLarge) else "runtime_error"


def limit(limits: dict[str, int]) -> None:
    """Set both limits of each kind; what the system does not know is left out."""
    import resource

    for name, value in limits.items():
        which = getattr(resource, "RLIMIT_" + name, None)
        if which is not None:
            try:
                resource.setrlimit(which, (value, value))
            except (OSError, ValueError):  # the system's own limit is lower
                hard = resource.getrlimit(which)[1]
                if hard == resource.RLIM_INFINITY or hard > value:
                    raise


class Packages:
    """Finds the packages that a program may import besides the standard library."""

    def __init__(self, paths: dict[str, str]) -> None:
        self.paths = paths

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """As importlib asks."""
        if name not in self.paths:
            return None
        from importlib.util import spec_from_file_location

        start = self.paths[name]
        return spec_from_file_location(name, start, submodule_search_locations=[start.rpartition("/")[0]])


def scope_of(job: dict[str, Any]) -> dict[str, Any]:
    """A new module for the program, which finds itself as __main__ wherever it looks."""
    module = type(sys)("__main__")
    module.__dict__["__name__"] = job["name"]
    sys.modules["__main__"] = module
    return module.__dict__


def compiled(job: dict[str, Any], say: Callable[[str], None]) -> Any:
    """The program's code; ends the process where it does not compile."""
    try:
        return compile(job["program"], "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError) as error:
        say('{"e":"compile_error","m":' + describe(error) + "}")
        os._exit(1)


def load(code: Any, job: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Run the program's module; ends the process where it fails."""
    scope = scope_of(job)
    exec(compile(job["prelude"], "<prelude>", "exec"), scope)  # noqa: S102
    try:
        exec(code, scope)  # noqa: S102 - what the sandbox is for
    except BaseException as error:
        if job["mode"] == "stdin" and isinstance(error, SystemExit):
            raise
        say('{"e":"' + kind_of(error) + '","m":' + describe(error) + "}")
        sys.exit(1)
    return scope


def find(scope: dict[str, Any], name: str) -> Any:
    """`name` of a new Solution, or of the module. Raises NameError."""
    solution = scope.get("Solution")
    if isinstance(solution, type) and hasattr(solution, name):
        return getattr(solution(), name)
    if name in scope:
        return scope[name]
    raise NameError(f"the program defines no {name}")


def serve(job: dict[str, Any], ask: int, say: Callable[[str], None]) -> None:
    """Answer calls until the parent hangs up."""
    scope = load(compiled(job, say), job, say)
    say('{"loaded":1}')
    while True:
        name, args, kwargs, nodes = receive(ask)
        start = time.process_time()
        try:
            if nodes:
                define_nodes(job, scope)
                args, kwargs = build(args, scope), build(kwargs, scope)
            value = find(scope, name)(*args, **kwargs)
            text = '{"v":' + encode(value, job["room"])
        except BaseException as error:  # noqa: BLE001
            missing = isinstance(error, NameError) and "the program defines no" in str(error)
            kind = "missing_function" if missing else kind_of(error)
            text = '{"e":"' + kind + '","m":' + describe(error)
        say(text + f',"c":{time.process_time() - start:.6f}' + "}")


class Quiet:
    """contextlib.suppress(BaseException), without its imports."""

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, *_: object) -> bool:
        return True


def leave(job: dict[str, Any], code: Any, tell: int) -> None:
    """Run the program and end the process as Python ends, but without taking it apart, which takes longer than most
    programs. What could tell the difference, a finaliser, is left to Python: then this returns or raises."""

    def say(text: str) -> None:
        send(tell, text)

    if "__del__" in job["program"] or "weakref" in job["program"]:
        load(code, job, say)
        return
    status = 0
    try:
        load(code, job, say)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    if "threading" in sys.modules:
        with Quiet():
            sys.modules["threading"].__dict__["_shutdown"]()
    with Quiet():
        atexit._run_exitfuncs()
    # Of all that can be collected only the program's own: what was there before is frozen.
    for thing in [*gc.get_objects(), sys.stdout, sys.__stdout__]:
        if isinstance(thing, IOBase) or thing is sys.stdout:
            with Quiet():
                thing.flush()
    os._exit(status & 0xFF)


def attend(job: dict[str, Any], ask: int, sink: int, say: Callable[[str], None], seal: Callable[[Any], None]) -> None:
    """Run the program once for every text that comes, each time in a process of its own.

    This process runs nothing of the program. It keeps the channel to the parent to itself, so what it says of
    a process's end is true; what the process says is handed on as `said`.
    """
    code = compiled(job, say)
    gc.freeze()
    say('{"loaded":1}')
    while True:
        text = receive(ask)
        try:
            feed = os.memfd_create("stdin") if hasattr(os, "memfd_create") else _unnamed()
            with open(feed, "wb", closefd=False) as file:
                file.write(text)
            os.lseek(feed, 0, os.SEEK_SET)
            told, tell = os.pipe()
            child = os.fork()
        except OSError:  # no memory or no process to be had: not the program's doing
            say(FAILED)
            os._exit(1)
        if child == 0:
            os.dup2(feed, 0)
            for fd in (feed, told, ask, sink):
                os.close(fd)
            limit(job["limits"])
            seal(job)
            send(tell, SEALED)
            leave(job, code, tell)
            return
        os.close(feed)
        os.close(tell)
        say(_end(child, told, job["scratch"]))


def _end(child: int, told: int, scratch: str) -> str:
    said = b""
    while len(said) < _MAX_SAID and (part := os.read(told, _MAX_SAID)):
        said += part
    os.close(told)
    _, status, usage = os.wait4(child, 0)
    clean = not scratch or not os.listdir(scratch)
    return (
        f'{{"end":{os.waitstatus_to_exitcode(status)},"c":{usage.ru_utime + usage.ru_stime:.6f}'
        f',"clean":{int(clean)},"said":{encode(said.decode("latin-1"), 2 * _MAX_SAID)}}}'
    )


def _unnamed() -> int:
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def main() -> None:
    """argv: the descriptors of the parent's messages and of our answers."""
    ask, sink = int(sys.argv[1]), int(sys.argv[2])

    def say(text: str) -> None:
        send(sink, text)

    job = receive(ask)
    tools = {"job": job}
    if job["confine"]:
        exec(job["confine"], tools)  # noqa: S102 - confine.py, from the parent
    if job["packages"]:
        sys.meta_path.append(Packages(job["packages"]))
    sys.argv = [""]
    builtins.__dict__.update(exit=sys.exit, quit=sys.exit)  # as the site module has it, which is not loaded
    if job["mode"] != "stdin":
        limit(job["limits"])
    say('{"ready":1}')
    if job["mode"] == "stdin":
        attend(job, ask, sink, say, tools["seal"])
        return
    sys.setrecursionlimit(job["recursion_limit"])
    if job["mode"] == "script":
        exec(job["harness"], {"job": job, "ask": ask, "say": say, "runner": globals()})  # noqa: S102
        return
    serve(job, ask, say)


if __name__ == "__main__":
    main()
