"""Runs test code that is more than calls and expected values. Sent as source like runner.py.

It lives in a sandbox of its own, apart from the program: what the test asks of the program goes through the
parent, and plain values come back, so no object of the program reaches an assert.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def check(job: dict[str, Any], ask: int, say: Callable[[str], None], runner: dict[str, Any]) -> None:
    """Run the test code and say how it ended."""
    scope = runner["scope_of"](job)
    runner["define_nodes"](job, scope)
    exec(compile(job["prelude"], "<prelude>", "exec"), scope)  # noqa: S102

    def asker(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            who, given, named = [runner["encode"](part, job["room"]) for part in (name, args, kwargs)]
            say('{"call":' + who + ',"args":' + given + ',"kwargs":' + named + "}")
            value, nodes = runner["receive"](ask)
            return runner["build"](value, scope) if nodes else value

        return call

    class Solution:
        def __getattr__(self, name: str) -> Any:
            return asker(name)

    for kind, name in (("ListNode", "list_node"), ("TreeNode", "tree_node")):
        scope[name] = lambda values, kind=kind: runner["_nodes"](kind, list(values), scope)
    scope["is_same_list"] = lambda a, b: runner["_chain"](a) == runner["_chain"](b)
    scope["is_same_tree"] = lambda a, b: runner["_levels"](a) == runner["_levels"](b)
    for name in job["asked"]:
        scope[name] = Solution if name == "Solution" else asker(name)
    try:
        exec(compile(job["script"], "<program>", "exec", dont_inherit=True), scope)  # noqa: S102
    except BaseException as error:  # noqa: BLE001
        failed = "assert" if isinstance(error, AssertionError) else "error"
        say('{"failed":"' + failed + '","m":' + runner["describe"](error) + "}")
    else:
        say('{"done":1}')


if "job" in globals():
    far = globals()
    check(far["job"], far["ask"], far["say"], far["runner"])
