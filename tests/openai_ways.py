"""The four ways to ask an OpenAIReader, and what their tests need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from glyph_rag.errors import ReaderError
from glyph_rag.read.models.openai import OpenAIReader
from glyph_rag.read.plan import PlanPage, PlanText, ReadingPlan
from tests.openai_server import MODEL, OpenAIServer

KEY = "sk-a-key-that-nobody-may-see-0123456789"
LONG = "a longer answer, with a second clause and a third [P1]."


@contextmanager
def server_for_a_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIServer]]:
    """Starts servers that stop at the end, with no key, address or proxy of the machine that runs the tests."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    # Each client would read a megabyte of certificates, and there is nothing to be trusted here.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(__file__).parent / "data"))
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(OpenAIServer(*args, **options).running())


def plan_of(count: int, *, ink: str = "#000000", paper: str = "#ffffff") -> ReadingPlan:
    random = np.random.default_rng(7)
    pages = tuple(
        PlanPage((f"P{n}",), (f"id{n}",), random.integers(0, 16, (280, 140 + 28 * n), np.uint8), ink, paper, (),
                 10 * (5 + n))
        for n in range(1, count + 1)
    )  # fmt: skip
    return ReadingPlan(pages, 3 * sum(page.tokens for page in pages))


def texts_of(count: int) -> ReadingPlan:
    """A plan of passages alone, and of the exact strings on them."""
    passages = tuple(
        PlanText("passage", f"P{n}", f"d.md:{n}-{n}", f"Line {n} says so. " * 40, 170) for n in range(1, count + 1)
    )
    return ReadingPlan((), 170 * count, (*passages, PlanText("exact", "", "", "[P1] ERR_77", 8)), mode="text")


def reader_of(server: OpenAIServer, **options: object) -> OpenAIReader:
    return OpenAIReader(MODEL, base_url=server.base_url, **{"timeout": 20.0, **options})


def joined(reader: OpenAIReader, question: str, plan: ReadingPlan) -> str:
    async def collect() -> str:
        return "".join([words async for words in reader.astream(question, plan)])

    return asyncio.run(collect())


def failure(action: Callable[[], object]) -> ReaderError:
    with pytest.raises(ReaderError) as caught:
        action()
    # Without its frames, which refer to `caught`: clients are to be freed in order, sockets last.
    return caught.value.with_traceback(None)


WAYS: dict[str, Callable[[OpenAIReader, str, ReadingPlan], str]] = {
    "read": lambda reader, question, plan: reader.read(question, plan).text,
    "stream": lambda reader, question, plan: "".join(reader.stream(question, plan)),
    "aread": lambda reader, question, plan: asyncio.run(reader.aread(question, plan)).text,
    "astream": joined,
}
all_ways = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS.keys())
