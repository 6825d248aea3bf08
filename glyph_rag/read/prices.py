"""What an answer cost, where the price of the model is known: by the package `genai-prices`. The `prices` extra.

The package ships its price list, and nothing here makes it fetch a newer one.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Price", "price_of"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Price:
    """An estimate: list price, without discounts, cached tokens or batches.

    Attributes:
        usd: US dollars.
        model: The model in the price list that was taken for the one asked about, with its provider: "openai:gpt-4o".
        source: The price list: "genai-prices 0.2.3".
    """

    usd: Decimal
    model: str
    source: str


def price_of(model: str, input_tokens: int, output_tokens: int, provider: str | None = None) -> Price | None:
    """Estimates what an answer cost.

    A model's name does not tell who served it: Mistral or gpt-oss run anywhere, and local servers call their models
    "gpt-4o" so that clients find them. So there is a price only where the provider is known for certain: by the address
    of the endpoint, or by the very name it has in the price list. Names that `genai-prices` would merely take for one
    ("my-openai-proxy" for "openai") count as unknown.

    Args:
        model: The model's name, as the provider knows it.
        input_tokens: Tokens that were sent, image tokens included.
        output_tokens: Tokens that came back.
        provider: Who served it, as a name in the price list ("openai", "anthropic", "google", "mistral") or as the
            endpoint's URL ("https://api.openai.com/v1").

    Returns:
        None where no provider is named, the provider or the model is unknown or has no price for tokens, a count of
        tokens is negative, or the package is not installed. The reason is logged at debug level.
    """
    try:
        return _look_up(model, input_tokens, output_tokens, provider)
    except (ImportError, LookupError, ValueError) as reason:
        _log.debug("no price for %s: %s", model, reason)
        return None


def _look_up(model: str, input_tokens: int, output_tokens: int, provider: str | None) -> Price:
    if not provider:
        raise LookupError("it is not known who served it")
    import genai_prices

    is_url = "://" in provider
    found = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=input_tokens, output_tokens=output_tokens),
        model,
        provider_id=None if is_url else provider,
        provider_api_url=provider if is_url else None,
    )
    named = found.provider.id
    if not (_is_host(found.provider.api_pattern, provider) if is_url else named == provider.strip().lower()):
        raise LookupError(f"{provider} is only like {named}")
    if found.model_price.input_mtok is None or found.model_price.output_mtok is None:
        raise LookupError("it is not paid by the token")
    return Price(found.total_price, f"{named}:{found.model.id}", f"genai-prices {genai_prices.__version__}")


def _is_host(pattern: str, url: str) -> bool:
    """Whether a provider's pattern takes in the whole host: it also matches the beginning of api.openai.com.lan."""
    match = re.match(pattern, url)
    return match is not None and (match[0][-1:] in ("/", ".") or url[match.end() :][:1] in ("", "/", ":", "?", "#"))
