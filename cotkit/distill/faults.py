"""Why an attempt gave no answer, as types: what passes, what stays, what ends the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotkit.distill.teacher import Teacher


class Fault(Exception):
    """One attempt failed.

    Attributes:
        reason: short fixed word, the reason of the dropped row.
        message: one line for people; holds no secret.
        status: HTTP status, where one came.
        retry_after: seconds the server asks to wait, where it does.
        attempts: how many were made, once they are over.
        begun: (reasoning, response) as far as a stream had come when it broke; None where nothing had.
    """

    attempts = 1
    begun: tuple[str | None, str | None] | None = None

    def __init__(self, reason: str, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = status
        self.retry_after = retry_after


class PassingFault(Fault):
    """Worth another attempt: a rate limit, a server error, a lost connection, a garbled answer."""


class LastingFault(Fault):
    """This request will never be answered; others may."""


class Refusal(Fault):
    """No request will be answered: bad key, empty account, unknown model. The run stops."""


def _span(seconds: float) -> str:
    """A time to wait for people; what is past all sense is not spelled out."""
    if seconds <= 7200:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.0f} h" if seconds < 7 * 86_400 else "more than a week"


def sentence_of(teacher: Teacher, fault: Fault) -> str:
    """Why the run stopped, and what to do."""
    who = f"the teacher {teacher.model} at {teacher.host}"
    later = "what was answered is kept, and running again continues there"
    if fault.reason == "unreachable":
        return f"{who} cannot be reached: {fault.message}; start it or check 'teacher.base_url'; {later}"
    if fault.reason == "long_pause":
        return f"{who} asks to wait {_span(fault.retry_after or 0)} ({fault.message}); run again then; {later}"
    if fault.reason == "no_reasoning":
        return (
            f"{who} should show its thinking (teacher.reasoning is {teacher.reasoning}), but {fault.message}; check "
            f"'teacher.extra_body' or the server's reasoning parser, or set teacher.reasoning to none; {later}"
        )
    if fault.reason == "bad_request":
        return f"{who} refuses every request with {fault.message}; check the recipe's sampling and extra_body; {later}"
    variable = teacher.api_key_env
    key = f"the key in {variable}" if variable else "whether it needs a key ('teacher.api_key_env')"
    advice = {
        400: "check 'teacher.model'",
        401: f"check {key}",
        403: f"check {key} and what its account may use",
        402: "the account is out of money: top it up",
        429: "the account is out of money: top it up",
        404: "check 'teacher.model' and 'teacher.base_url'",
    }.get(fault.status or 0, "check 'teacher.base_url'")
    return f"{who} refuses with {fault.message}; {advice}; {later}"
