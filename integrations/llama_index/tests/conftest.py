"""What LlamaIndex leaves open is no fault of these tests, whoever runs them and where."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

_LEFT_OPEN = (
    # asyncio_run makes an event loop where there is none, which Python 3.12 complains of, with a pair of sockets.
    "ignore:There is no current event loop:DeprecationWarning",
    "ignore:unclosed event loop:ResourceWarning",
    "ignore:unclosed <socket.socket .*family=1:ResourceWarning",
    # Memory never closes its database.
    "ignore:<aiosqlite.core.Connection object at .* was deleted before being closed:ResourceWarning",
    # Its thread then reports to the event loop of that moment, which may be closed by the time it does.
    "ignore:Exception in thread .*_connection_worker_thread:pytest.PytestUnhandledThreadExceptionWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    for line in _LEFT_OPEN:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture
def conversation() -> Iterator[None]:
    """For tests of chat engines: their memory goes while its complaint is still filtered, not after the last test."""
    yield
    gc.collect()
