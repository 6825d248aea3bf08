"""Which script a character belongs to (UAX #24, Unicode 16.0), and which one a shared character is set in."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode.linebreak_rules import members
from glyph_rag.typeset.unicode.runs import last_where
from glyph_rag.typeset.unicode.tables import load

_TAGS = """
Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Bhks Bopo Brah Brai Bugi Buhd Cakm Cans Cari Cham Cher
Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Gara Geor Glag Gong Gonm Goth Gran Grek Gujr
Gukh Guru Hang Hani Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana Kawi Khar Khmr Khoj Kits Knda Krai
Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani Marc Medf Mend Merc Mero Mlym Modi Mong
Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag
Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd Sind Sinh Sogd Sogo Sora Soyo Sund Sunu
Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Todr Toto Tutg Ugar Vaii Vith
Wara Wcho Xpeo Xsux Yezi Yiii Zanb
"""
NAMES: Final = ("Zyyy", "Zinh", "Zzzz", *_TAGS.split())
"""ISO 15924 tags of the scripts, Common, Inherited and Unknown first; the index is what the functions here return."""
INDEX: Final = {name: number for number, name in enumerate(NAMES)}

_SHARED = INDEX["Zinh"]
"""Common and Inherited are the numbers up to this one."""
# Tiled, because the table's values carry two bits above the class.
_LINE_ENDS = np.tile(members("BK CR LF NL"), 4)


def script_of(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """The Script property of each character, as an index into `NAMES`; Common and Inherited are kept.

    Args:
        codes: Code points below 0x110000, shape (n,); lone surrogates included.

    Returns:
        Shape (n,).

    Raises:
        IndexError: If a value is not a code point.
    """
    return load("script")[codes]


def resolve(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """The script each character is set in, so that runs of equal numbers can be shaped as one.

    Common and Inherited characters take the script of what precedes them in their line; at its beginning, of what
    follows. A line without any other character goes with the line before. A closing bracket takes the script of the
    opening one (UAX #24, section 5.1).

    Args:
        codes: Code points of any number of lines, below 0x110000, shape (n,).

    Returns:
        Indices into `NAMES`, shape (n,). Common and Inherited are left only if the text holds nothing else.

    Raises:
        IndexError: If a value is not a code point.
    """
    scripts = script_of(codes)
    own = scripts > _SHARED
    owners = scripts[own]
    if not owners.size:
        return scripts
    if (owners == owners[0]).all():
        return np.full(len(codes), owners[0], dtype=np.uint8)
    source = _owner_of_each(own, _LINE_ENDS[load("linebreak")[codes]])
    resolved = scripts[source]
    closing, opening = _bracket_pairs(codes, ~own)
    resolved[closing] = resolved[opening]
    return resolved


def _owner_of_each(own: npt.NDArray[np.bool_], line_ends: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Index of the character whose script each one takes; both masks and the result have shape (n,)."""
    source = last_where(own)
    starts = np.empty_like(line_ends)
    starts[0] = True
    starts[1:] = line_ends[:-1]
    leading = np.flatnonzero(source < last_where(starts))
    owners = np.append(np.flatnonzero(own), len(own))
    following = owners[np.searchsorted(owners, leading)]
    ends = np.append(np.flatnonzero(line_ends), len(own))
    in_line = following < ends[np.searchsorted(ends, leading)]
    # Before the first owner of the text there is no line to go with.
    taken = in_line | (source[leading] < 0)
    source[leading[taken]] = following[taken]
    return source


def _bracket_pairs(
    codes: npt.NDArray[np.uint32], shared: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Closing brackets and the opening ones they belong to, both shape (k,).

    Brackets of a depth are paired off in order; two that do not fit each other are no pair.
    """
    kinds = np.where(shared, load("brackets")[codes], 0)
    positions = np.flatnonzero(kinds)
    found = kinds[positions]
    closes = (found & 1).astype(np.bool_)
    depth = np.cumsum(np.where(closes, -1, 1)) + closes
    order = np.argsort(depth, kind="stable")
    first, second = order[:-1], order[1:]
    # A kind is twice the number of the pair, plus one for the closing side.
    paired = (depth[first] == depth[second]) & ~closes[first] & (found[second] == found[first] + 1)
    return positions[second[paired]], positions[first[paired]]
