"""The pair rules of UAX #14 (Unicode 16.0) as one table from two neighbouring classes to a decision.

Rules that look further than two characters leave a *kind* in the table: the number of the question to be asked.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

CLASSES = (
    *("BK", "CR", "LF", "NL", "SP", "ZW", "WJ", "GL", "CB", "AL", "HL", "NU", "ID", "EB", "EM", "IN", "NS", "EX"),
    *("CL", "CP", "OP", "QU", "BA", "HY", "BB", "B2", "IS", "SY", "PR", "PO", "JL", "JV", "JT", "H2", "H3", "RI"),
    *("AK", "AP", "AS", "VF", "VI"),
    # Parts that a rule names by another property: dotted circle (AL), unassigned Extended_Pictographic (of ID and
    # of AL), U+2010 (BA), East Asian OP and CP, initial and final QU.
    *("DC", "EP", "EL", "HH", "OW", "CW", "QI", "QF"),
    # Marks come last, so that one comparison tells whether a text has any (LB9).
    *("CM", "ZWJ"),
)
"""Line breaking classes after LB1 (AI, SG, SA, XX to AL or CM; CJ to NS), split where rules split them."""
INDEX = {name: number for number, name in enumerate(CLASSES)}

CLASS_BITS = 0x3F
COMPLEX_BIT = 0x40
"""Set for class SA: breaks between words of such a run need a dictionary."""
WIDE_BIT = 0x80
"""Set for East_Asian_Width F, W and H."""

NO, ALLOWED, MANDATORY = 0, 1, 2
(SPACES, CLOSE_QUOTE, POINT, BEFORE_QUOTE, AFTER_QUOTE, BETWEEN_QUOTES, HYPHEN, NUMBER, OPENED, VIRAMA, STACK, FLAG) = (
    range(3, 15)
)
"""Kinds: what decides lies beyond the pair. `linebreak` has a function for each."""

_PARTS = {"AL": "DC EL", "ID": "EP", "BA": "HH", "OP": "OW", "CP": "CW", "QU": "QI QF"}

# (before, after, decision): the first that fits counts. "*" is any class, "^" all but those, "X!" class X without
# its parts. Marks are gone before the table is asked (LB9, LB10), and LB2, LB3 and LB8a are settled elsewhere.
_RULES: tuple[tuple[str, str, int], ...] = (
    ("BK LF NL", "*", MANDATORY),  # LB4, LB5
    ("CR", "LF", NO),
    ("CR", "*", MANDATORY),
    ("*", "BK CR LF NL", NO),  # LB6
    ("ZW OP QI CL CP B2", "SP", SPACES),  # LB8, LB14, LB15a, LB16, LB17
    ("*", "SP ZW", NO),  # LB7
    ("ZW", "*", ALLOWED),  # LB8
    ("*", "WJ", NO),  # LB11
    ("WJ", "*", NO),
    ("GL", "*", NO),  # LB12
    ("^ SP BA HY", "GL", NO),  # LB12a
    ("*", "CL CP EX SY", NO),  # LB13
    ("OP", "*", NO),  # LB14
    ("SP", "QF", CLOSE_QUOTE),  # LB15b; elsewhere LB19 says the same
    ("SP", "IS", POINT),  # LB15c
    ("*", "IS", NO),  # LB15d
    ("CL CP", "NS", NO),  # LB16
    ("B2", "B2", NO),  # LB17
    ("SP", "*", ALLOWED),  # LB18
    ("*", "QU! QF", NO),  # LB19
    ("QU! QI", "*", NO),
    ("QF", "BA HY NS IN", NO),  # LB21 and LB22, whatever LB19a says
    ("BB", "QI", NO),
    ("QF", "QI", BETWEEN_QUOTES),  # LB19a
    ("QF", "*", AFTER_QUOTE),
    ("*", "QI", BEFORE_QUOTE),
    ("*", "CB", ALLOWED),  # LB20
    ("CB", "*", ALLOWED),
    ("*", "BA HY NS", NO),  # LB21
    ("BB", "*", NO),
    ("*", "IN", NO),  # LB22
    ("HY", "NU", NO),  # LB25
    ("HY BA", "*", HYPHEN),  # LB20a, LB21a
    ("SY", "HL", NO),  # LB21b
    ("AL HL", "NU", NO),  # LB23
    ("NU", "AL HL", NO),
    ("PR", "ID EB EM", NO),  # LB23a
    ("ID EB EM", "PO", NO),
    ("PR PO", "AL HL", NO),  # LB24
    ("AL HL", "PR PO", NO),
    ("NU", "PO PR NU", NO),  # LB25
    ("PO PR IS", "NU", NO),
    ("SY", "NU", NUMBER),
    ("CL CP SY IS", "PO PR", NUMBER),
    ("PO PR", "OP", OPENED),
    ("JL", "JL JV H2 H3", NO),  # LB26
    ("JV H2", "JV JT", NO),
    ("JT H3", "JT", NO),
    ("JL JV JT H2 H3", "PO", NO),  # LB27
    ("PR", "JL JV JT H2 H3", NO),
    ("AL HL", "AL HL", NO),  # LB28
    ("AP", "AK DC AS", NO),  # LB28a
    ("AK DC AS", "VF VI", NO),
    ("VI", "AK DC", VIRAMA),
    ("AK DC AS", "AK DC AS", STACK),
    ("IS", "AL HL", NO),  # LB29
    ("AL HL NU", "OP!", NO),  # LB30
    ("CP!", "AL HL NU", NO),
    ("RI", "RI", FLAG),  # LB30a
    ("EB EP EL", "EM", NO),  # LB30b
    ("*", "*", ALLOWED),  # LB31
)


def indices(names: str) -> list[int]:
    """Numbers of the classes that a rule's side names, parts included."""
    if names == "*":
        return list(range(len(CLASSES)))
    if names.startswith("^"):
        left_out = set(indices(names[1:]))
        return [number for number in range(len(CLASSES)) if number not in left_out]
    found = [INDEX[name.rstrip("!")] for name in names.split()]
    return found + [INDEX[part] for name in names.split() for part in _PARTS.get(name, "").split()]


def members(names: str) -> npt.NDArray[np.bool_]:
    """Whether a class is among those named, shape (64,)."""
    mask = np.zeros(CLASS_BITS + 1, dtype=np.bool_)
    mask[indices(names)] = True
    return mask


@cache
def pair_table() -> npt.NDArray[np.uint8]:
    """Decision or kind for (class before, class after) at ``before * 64 + after``: shape (4096,), shared."""
    table = np.zeros((CLASS_BITS + 1, CLASS_BITS + 1), dtype=np.uint8)
    for before, after, decision in reversed(_RULES):
        table[np.ix_(indices(before), indices(after))] = decision
    flat = table.ravel()
    flat.flags.writeable = False
    return flat
