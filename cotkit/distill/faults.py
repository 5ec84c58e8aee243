"""Why an attempt gave no answer, as types: what passes, what stays, what ends the run."""

from __future__ import annotations


class Fault(Exception):
    """One attempt failed.

    Attributes:
        reason: short fixed word, the reason of the dropped row.
        message: one line for people; holds no secret.
        status: HTTP status, where one came.
        retry_after: seconds the server asks to wait, where it does.
        attempts: how many were made, once they are over.
    """

    attempts = 1

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
