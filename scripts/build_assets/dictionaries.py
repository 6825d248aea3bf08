"""The word lists of Thai, Lao, Khmer and Burmese as automata, from the data library of ICU.

ICU keeps its break dictionaries as byte tries inside one shared library. They are read from there, words that can
never be met are dropped, and what is left is written as one array for each script, described at `pack`.
"""

from __future__ import annotations

import lzma
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode import lexicon

from .sources import ASSETS, ICU_DATA, AssetError, locate, write_output

DICTIONARIES = {
    "Thai": "brkitr/thaidict.dict",
    "Laoo": "brkitr/laodict.dict",
    "Khmr": "brkitr/khmerdict.dict",
    "Mymr": "brkitr/burmesedict.dict",
}

EMPTY = 0xFF

Node = tuple[tuple[int, int, bool], ...]
"""The ways on from a state: byte, number of the state it leads to, whether a word ends there."""


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write ``dictionaries/<script>.xz`` for each script.

    Raises:
        AssetError: The source or an output is not the pinned one, or the library is not laid out as expected.
    """
    library = locate(ICU_DATA, folders, cache).read_bytes()
    items = dict(_items(library))
    for script, name in DICTIONARIES.items():
        # A word with a digit or a joiner in it is never met: lines break around those by UAX #14 alone.
        letters = re.compile(f"[{lexicon.SCRIPTS[script].letters}]+")
        words = sorted(_as_bytes(word) for word in set(_words(items[name])) if letters.fullmatch(word))
        table = pack(*minimise(words))
        write_output(f"dictionaries/{script}.xz", _compress(table.astype("<u4").tobytes()), assets)


def minimise(words: Sequence[bytes]) -> tuple[list[Node], int]:
    """The smallest automaton that accepts exactly these words; sorted, no empty one, none twice.

    Returns:
        The states, every one after those it leads to, and the number of the first state.
    """
    nodes: list[Node] = []
    numbers: dict[Node, int] = {}

    def state(low: int, high: int, depth: int) -> int:
        ways = []
        while low < high:
            byte, end = words[low][depth], low
            while end < high and words[end][depth] == byte:
                end += 1
            ends_word = len(words[low]) == depth + 1
            ways.append((byte, state(low + ends_word, end, depth + 1), ends_word))
            low = end
        node = tuple(ways)
        if node not in numbers:
            numbers[node] = len(nodes)
            nodes.append(node)
        return numbers[node]

    return nodes, state(0, len(words), 0)


def pack(nodes: Sequence[Node], root: int) -> npt.NDArray[np.uint32]:
    """The automaton as one array, its states laid over each other where they leave gaps.

    A state is an offset, and no two have the same. Its way on for byte b is the entry at offset + b, if the low eight
    bits of that entry are b. Bit 8 says that a word ends there, and the bits above hold the offset of the next state,
    0 when there is no way on. The first state has offset 1. Unused entries are 0xFF, a byte that no word holds.
    """
    room = 256 + 2 * sum(map(len, nodes))
    used = np.zeros(room + 256, np.bool_)
    taken = np.zeros(room, np.bool_)
    taken[0] = True
    offsets = {root: _place(nodes[root], used, taken, lexicon.ROOT)}
    # Gaps are only ever filled, so a state fits nowhere before the last one with the same bytes.
    earliest: dict[tuple[int, ...], int] = {}
    for number in sorted(range(len(nodes)), key=lambda number: (-len(nodes[number]), number)):
        if number != root and nodes[number]:
            ways_on = tuple(byte for byte, _, _ in nodes[number])
            start = earliest.get(ways_on, lexicon.ROOT)
            offsets[number] = earliest[ways_on] = _place(nodes[number], used, taken, start)
    table = np.full(max(offsets.values()) + 256, EMPTY, np.uint32)
    for number, offset in offsets.items():
        for byte, target, ends_word in nodes[number]:
            table[offset + byte] = byte | ends_word * lexicon.WORD_ENDS | offsets.get(target, 0) << 9
    return table


def _place(node: Node, used: npt.NDArray[np.bool_], taken: npt.NDArray[np.bool_], start: int) -> int:
    """The first offset from `start` where nothing is in the way; marks it and its entries."""
    window = 1 << 12
    while True:
        room = min(window, len(taken) - start)
        clash = taken[start : start + room].copy()
        for byte, _, _ in node:
            clash |= used[start + byte : start + byte + room]
        free = int(clash.argmin())
        if not clash[free]:
            break
        start += room
    offset = start + free
    taken[offset] = True
    for byte, _, _ in node:
        used[offset + byte] = True
    return offset


def _as_bytes(word: str) -> bytes:
    return bytes(lexicon.letter_bytes()[ord(character)] for character in word)


def _compress(data: bytes) -> bytes:
    # Entries are four bytes, which these settings exploit.
    packing = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 1, "lp": 2, "pb": 2}
    return lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=[packing])


def _items(library: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields the files in an ICU data library, without the name of the package in front (`ucmndata.h` of ICU)."""
    base = library.find(b"CmnD") - 12
    if base < 0:
        raise AssetError("this is no ICU data library")
    contents = base + struct.unpack_from("<H", library, base)[0]
    (count,) = struct.unpack_from("<I", library, contents)
    entries = [struct.unpack_from("<II", library, contents + 4 + 8 * index) for index in range(count)]
    ends = [start for _, start in entries[1:]] + [len(library) - contents]
    for (name_at, start), end in zip(entries, ends, strict=True):
        name = library[contents + name_at : library.index(b"\0", contents + name_at)].decode("ascii")
        yield name.partition("/")[2], library[contents + start : contents + end]


def _words(dictionary: bytes) -> Iterable[str]:
    """The words in one compiled dictionary (`dictionarydata.h` of ICU)."""
    header, form = struct.unpack_from("<H10x4s", dictionary)
    trie_at, _, _, _, kind, transform, _, _ = struct.unpack_from("<8i", dictionary, header)
    if form != b"Dict" or kind & 7 != 0 or transform >> 24 != 1:
        raise AssetError("this is no ICU dictionary in a byte trie")
    first = transform & 0x1FFFFF
    joiners = {0xFE: "\u200c", 0xFF: "\u200d"}
    for word in _ByteTrie(dictionary[header + trie_at :]).words(0, b""):
        yield "".join(joiners.get(byte) or chr(first + byte) for byte in word)


class _ByteTrie:
    """Walks ICU's serialised byte trie (`bytestrie.h` of ICU describes the format)."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def words(self, at: int, prefix: bytes) -> Iterator[bytes]:
        """Yields every string below the node at `at`, which is reached by `prefix`."""
        while True:
            lead, at = self._data[at], at + 1
            if lead < 0x10:
                ways = lead or self._data[at]
                yield from self._branch(at + (lead == 0), ways + 1, prefix)
                return
            if lead < 0x20:
                length = lead - 0x0F
                prefix += self._data[at : at + length]
                at += length
                continue
            yield prefix
            if lead & 1:
                return
            _, at = self._number(lead >> 1, at, 0x10, 0x51, 0x6C, 0x7E)

    def _branch(self, at: int, ways: int, prefix: bytes) -> Iterator[bytes]:
        while ways > 5:
            low, at = self._number(self._data[at + 1], at + 2, 0, 0xC0, 0xF0, 0xFE)
            yield from self._branch(at + low, ways >> 1, prefix)
            ways -= ways >> 1
        for _ in range(ways - 1):
            word, lead = prefix + self._data[at : at + 1], self._data[at + 1]
            value, at = self._number(lead >> 1, at + 2, 0x10, 0x51, 0x6C, 0x7E)
            if lead & 1:
                yield word
            else:
                yield from self.words(at + value, word)
        yield from self.words(at + 1, prefix + self._data[at : at + 1])

    def _number(self, lead: int, at: int, one: int, two: int, three: int, four: int) -> tuple[int, int]:
        """A number of up to five bytes that starts with `lead`, and where the bytes after it are."""
        if lead < two:
            return lead - one, at
        extra, high = (1, lead - two) if lead < three else (2, lead - three) if lead < four else (3 + lead - four, 0)
        return high << 8 * extra | int.from_bytes(self._data[at : at + extra], "big"), at + extra
