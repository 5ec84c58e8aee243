"""Ctrl-C: what is paid for and on its way is waited for; the second one ends at once.

SIGTERM comes here as a Ctrl-C, too (cotkit.cli.app).
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def first_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C calls `stop` instead of ending the loop; the next one does what it did before.

    Where signals are not ours to take (another thread, Windows, a process that ignores them) nothing changes.
    """
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)

    def restore() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)

    def once() -> None:
        restore()
        stop()

    ours = threading.current_thread() is threading.main_thread() and callable(before)
    try:
        if ours:
            loop.add_signal_handler(signal.SIGINT, once)
    except NotImplementedError:
        ours = False
    try:
        yield
    finally:
        if ours:
            restore()
