"""What an answer cost, by the price list of the real package, and without it."""

from __future__ import annotations

import logging
import socket
import sys
from decimal import Decimal

import pytest

from glyph_rag.read.prices import Price, price_of


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real package, and no network."""
    pytest.importorskip("genai_prices", reason="the prices extra is not installed")

    def refuse(*_: object) -> None:
        raise AssertionError("a price was asked of the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("listed")
class TestWithThePackage:
    def test_a_price_is_that_of_the_list(self) -> None:
        import genai_prices

        price = price_of("gpt-4o", 1_000_000, 100_000, "openai")
        # 2.50 and 10 dollars a million tokens since October 2024.
        assert price == Price(Decimal("3.5"), "openai:gpt-4o", f"genai-prices {genai_prices.__version__}")

    @pytest.mark.parametrize(
        "provider", ["openai", " OpenAI", "https://api.openai.com/v1", "https://api.openai.com:443"]
    )
    def test_a_provider_is_known_by_its_name_or_its_address(self, provider: str) -> None:
        assert price_of("gpt-4o", 1000, 10, provider) == price_of("gpt-4o", 1000, 10, "openai")

    def test_each_token_counts(self) -> None:
        prices = [price_of("gpt-4o", *tokens, "openai") for tokens in ((0, 0), (7, 0), (0, 7), (7, 7))]
        nothing, sent, came, both = [price.usd for price in prices if price is not None]
        assert nothing == 0 < sent < came
        assert both == sent + came

    def test_the_model_is_the_one_that_was_matched(self) -> None:
        price = price_of("gpt-4o-2024-11-20", 1000, 10, "openai")
        assert price is not None
        assert price.model == "openai:gpt-4o"

    @pytest.mark.parametrize(
        ("model", "provider"),
        [
            ("gpt-4o", None),
            ("gpt-4o", ""),
            ("gpt-oss-120b", None),
            ("mistral-small-latest", None),
            ("gpt-4o", "http://localhost:8000/v1"),
            ("gpt-4o", "http://127.0.0.1:11434/v1"),
            ("gpt-4o", "https://api.openai.com.example.lan/v1"),
            ("gpt-4o", "https://api.openai.com@localhost/v1"),
            ("gpt-4o", "my-openai-proxy"),
            ("claude-sonnet-4-5", "anthropic-local"),
            ("gpt-4o", "litellm"),
            ("gpt-4o", "nobody"),
        ],
    )
    def test_there_is_none_where_it_is_not_certain_who_served_the_model(self, model: str, provider: str | None) -> None:
        assert price_of(model, 1000, 10, provider) is None

    @pytest.mark.parametrize("model", ["", "gpt-4o-homemade", "zai-org/Glyph", "tts-1", "\n\x00"])
    def test_there_is_none_for_a_model_that_is_unknown_or_not_paid_by_the_token(self, model: str) -> None:
        assert price_of(model, 1000, 10, "openai") is None

    def test_there_is_none_for_less_than_no_tokens(self) -> None:
        assert price_of("gpt-4o", -1, 10, "openai") is None

    def test_the_reason_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG, "glyph_rag.read.prices"):
            price_of("gpt-4o", 1000, 10, "my-openai-proxy")
        assert caplog.messages == ["no price for gpt-4o: my-openai-proxy is only like openai"]


def test_without_the_package_there_is_no_price_and_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with caplog.at_level(logging.DEBUG, "glyph_rag.read.prices"):
        assert price_of("gpt-4o", 1000, 10, "openai") is None
    assert "genai_prices" in caplog.text
    assert all(record.levelno == logging.DEBUG for record in caplog.records)
