"""Our WordPiece gives the same tokens as the `tokenizers` package."""

from __future__ import annotations

import unicodedata
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.embed.wordpiece import WordPiece

tokenizers = pytest.importorskip("tokenizers")
VOCABULARY = Path(str(files("glyph_rag") / "assets" / "minilm" / "tokenizer.json"))
OURS = WordPiece.load(VOCABULARY, max_tokens=64)
THEIRS = tokenizers.Tokenizer.from_file(str(VOCABULARY))
THEIRS.no_padding()
THEIRS.enable_truncation(64)

# The two know different versions of Unicode; what has not changed since version 3.2 is the same in both.
assigned = st.characters(exclude_categories=("Cn", "Co", "Cs"), max_codepoint=0xFFFF).filter(
    lambda character: unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character)
)


@given(
    st.one_of(st.text(assigned, max_size=200), st.text(st.sampled_from("aZé你Σς.,_# \t\n\x00\u200bİ'’-9"), max_size=80))
)
def test_any_text(text: str) -> None:
    assert OURS.encode(text) == THEIRS.encode(text).ids


@pytest.mark.parametrize(
    "text",
    [
        "How many days of leave can be carried over?",
        "ERR_CONN_42: Ångström naïve ÜBERMASS résumé",
        "病假从第三天起 needs a certificate",
        "x" * 101 + " y" * 200,
        "",
        "ΑΣ ΣΑΣ ﬁne ½ ™ ㎏ İstanbul",
        "a\u00adb\ufeffc\u2028d\u3000e",
        "मराठी العربية ไทย 한국어",
    ],
)
def test_chosen_texts(text: str) -> None:
    assert OURS.encode(text) == THEIRS.encode(text).ids
