"""Readers by name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from glyph_rag.embed.embedder import Embedder
from glyph_rag.errors import InputError
from glyph_rag.read.reader import Reader
from glyph_rag.typeset.imagetokens import family_of

DEFAULT_READER = "ocr"

_ENDPOINT = re.compile(r"(?P<model>.+?)(?:@(?P<url>https?://.+))?")
_ADDRESS = re.compile(r".+@([^@]*[:/][^@]*|localhost|)")
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def open_reader(spec: str, embedder: Embedder) -> Reader:
    """The reader that a text names. Nothing is loaded and nothing sent before the first question.

    Args:
        spec: "ocr", the embedded reader; "transformers:" with the hub id or path of a model on this machine; "openai:"
            with a model behind an endpoint, as the server knows it, and if that is not OpenAI's, "@" and its address:
            "openai:Qwen/Qwen3-VL-8B-Instruct@http://localhost:8000/v1". The key comes from OPENAI_API_KEY.
        embedder: Compares sentences with the question, for the embedded reader.

    Raises:
        InputError: If the text names no reader. The hint says what comes nearest.
        MissingExtraError: If the reader needs an extra that is not installed.
        ReaderError: If there is no key for OpenAI.
    """
    kind, _, rest = spec.strip().partition(":")
    if kind == "ocr" and not rest:
        from glyph_rag.read.ocr.reader import OcrReader

        return OcrReader(embedder)
    if kind == "transformers" and rest:
        from glyph_rag.read.models.transformers import TransformersReader

        return TransformersReader(rest)
    if kind == "openai" and (named := _ENDPOINT.fullmatch(rest)) is not None:
        from glyph_rag.read.models.openai import OpenAIReader

        if named["url"] is None and _ADDRESS.fullmatch(rest):
            raise InputError(f"{rest!r} has an address that is none", hint="it begins with http:// or https://")
        return OpenAIReader(named["model"], base_url=named["url"])
    raise InputError(f"there is no reader {spec!r}", hint=_nearest(spec.strip()))


def _nearest(spec: str) -> str:
    """What may have been meant, in words: a model without its kind, or a kind misspelled."""
    kind, _, rest = spec.partition(":")
    close = get_close_matches(kind.casefold(), ("ocr", "transformers", "openai"), n=1)
    if close and close[0] == "ocr":
        return "did you mean 'ocr'?"
    if close and rest:
        return f"did you mean {f'{close[0]}:{rest}'!r}?"
    if _HUB_ID.fullmatch(spec) or (spec and Path(spec).expanduser().is_dir()):
        return f"did you mean {f'transformers:{spec}'!r}?"
    if family_of(spec) is not None:
        return f"did you mean {f'openai:{spec}'!r}?"
    return "there are ocr, transformers:<hub id or path>, openai:<model> and openai:<model>@<base_url>"
