"""What kind of program a problem's tests ask for, so that a teacher can be told."""

from __future__ import annotations

from cotkit.verify.code.cases import CodeTests

_PRINTS = "Write a Python 3 program that reads standard input and prints its answer to standard output."
_RETURNS = (
    "Write a Python 3 function named `{name}` that takes the input as its arguments and returns the answer. It is "
    "called as it stands, or as a method of a class `Solution`; it reads no input and prints nothing."
)


def program_form(tests: CodeTests) -> str:
    """One or two sentences: a program on stdin, or a function and its name; empty where the tests do not tell."""
    if tests.stdin:
        return _PRINTS
    name = tests.entry or (tests.asked[0] if len(tests.asked) == 1 else "")
    # The name comes from a data set: only a name goes into a prompt.
    return _RETURNS.replace("{name}", name) if tests.total and name.isidentifier() else ""
