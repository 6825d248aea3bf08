import json
import lzma
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.typeset.unicode import lexicon, segment
from glyph_rag.typeset.unicode.graphemes import cluster_starts
from scripts.build_assets.dictionaries import minimise, pack

DATA = Path(__file__).parent / "data" / "segment" / "icu78.json.xz"

# Which letters share a line with a neighbour is written down here a second time, apart from the code under test.
CLUSTER = regex.compile(
    r"(?<=[\u0e40-\u0e44\u0ec0-\u0ec4\u17d2\u1039])"  # prefixed vowels of Thai and Lao; coeng; virama
    r"|(?=[\p{M}\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6\u17d7\ua9e6\uaa70])"
    r"|(?=.\u1037?[\u1039\u103a])"  # a closing or stacking consonant of Burmese
)


@cache
def recorded():
    return json.loads(lzma.decompress(DATA.read_bytes()))


@cache
def letters_of(tag):
    return "".join(map(chr, lexicon._members(lexicon.SCRIPTS[tag].letters)))


def codes_of(text):
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def by_arrays(text):
    return np.flatnonzero(segment.word_start_mask(codes_of(text))).tolist()


def cut(text, starts):
    return [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]


tags = st.sampled_from(sorted(segment.SCRIPTS))


@cache
def material(tag):
    """Sentences without spaces, and all letters of a script."""
    letters = letters_of(tag)
    return ["".join(c for c in line if c in letters) for line, _ in recorded()[tag]["udhr"]], letters


@st.composite
def runs(draw, digits=""):
    """Letters of one script in any order, between pieces of its sentences."""
    lines, letters = material(draw(tags))
    random_bits = draw(st.randoms(use_true_random=False))
    pieces = draw(st.lists(st.text(st.sampled_from(letters + digits), max_size=8), max_size=6))
    for at in range(len(pieces)):
        line = random_bits.choice(lines)
        first = random_bits.randrange(len(line) + 1)
        pieces[at] += line[first : first + random_bits.randrange(20)]
    return "".join(pieces)


@pytest.mark.parametrize(
    "words",
    [
        "ภาษา|ไทย|ไม่มี|ช่อง|ว่าง|ระหว่าง|คำ",
        "เด็กๆ|ชอบ|กิน|ขนม|ฯลฯ",
        "ตากลม|นั่ง|ตากลม",
        "ພາສາ|ລາວ|ແມ່ນ|ພາສາ|ທາງການ",
        "ភាសាខ្មែរ|ជា|ភាសាផ្លូវការ",
        "មនុស្ស|ទាំងអស់|កើតមក|មាន|សេរីភាព",
        "ក្មេងៗ|លេង",
        "လူ|တိုင်း|သည်|တူညီ|လွတ်လပ်|သော",
        "ကမ္ဘာ့|ကုလသမဂ္ဂ",
    ],
)
def test_known_sentences(words):
    text = words.replace("|", "")
    assert cut(text, segment.word_starts(text)) == words.split("|")


@pytest.mark.parametrize("tag", sorted(segment.SCRIPTS))
def test_a_whole_text_is_divided_as_icu_divides_it(tag):
    agreed = found = expected = 0
    for line, icu in recorded()[tag]["udhr"]:
        starts = by_arrays(line)
        agreed, found, expected = agreed + len(set(icu) & set(starts)), found + len(starts), expected + len(icu)
        assert starts == [at for at in icu if not CLUSTER.match(line, at)]
    assert 2 * agreed / (found + expected) >= 0.97


@pytest.mark.parametrize("tag", sorted(segment.SCRIPTS))
def test_words_and_nonsense_are_divided_as_icu_divides_them(tag, monkeypatch):
    monkeypatch.setattr(segment, "LONGEST_UNKNOWN", 1000)
    segment._short_word_starts.cache_clear()
    for text, icu in recorded()[tag]["mixed"]:
        assert segment.word_starts(text) == [at for at in icu if not CLUSTER.match(text, at)]
    segment._short_word_starts.cache_clear()


@given(runs(digits="0๓໓៣၃"))
def test_never_inside_a_cluster(text):
    # Not by `regex`, whose Unicode is a newer one: versions differ on what joins Khmer letters.
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    clusters = set(np.flatnonzero(cluster_starts(codes)).tolist())
    starts = segment.word_starts(text)
    assert clusters.issuperset(starts)
    assert not any(CLUSTER.match(text, at) for at in starts)


@given(runs(digits="0๓໓៣၃"))
def test_starts_are_ascending_and_between_two_letters(text):
    starts = segment.word_starts(text)
    assert starts == sorted(set(starts))
    assert all(0 < at < len(text) and not regex.search(r"\d", text[at - 1 : at + 1]) for at in starts)


@given(st.lists(runs(), max_size=4), st.sampled_from([" ", "\n", "abc", "1", "中", "\u200b", "\u200d", "\ud800", "😀"]))
@settings(max_examples=50)
def test_other_characters_divide_a_text_into_independent_runs(parts, between):
    expected, offset = [], 0
    for part in parts:
        expected += [offset + at for at in segment.word_starts(part)]
        offset += len(part) + len(between)
    text = between.join(parts)
    assert segment.word_starts(text) == expected
    assert by_arrays(text) == expected


@settings(max_examples=50)
@given(runs(), runs())
def test_runs_of_different_scripts_do_not_touch_each_other(first, second):
    if {lexicon.letter_scripts()[ord(c)] for c in first[-1:]} != {lexicon.letter_scripts()[ord(c)] for c in second[:1]}:
        expected = segment.word_starts(first) + [len(first) + at for at in segment.word_starts(second)]
        assert segment.word_starts(first + second) == expected
        assert by_arrays(first + second) == expected


@given(runs())
def test_results_are_remembered_but_not_shared(text):
    first = segment.word_starts(text)
    first.append(-1)
    again = segment.word_starts(text)
    segment._short_word_starts.cache_clear()
    assert again == segment.word_starts(text) == first[:-1]


def test_many_short_texts_and_one_long_text_agree():
    lines = [line for script in recorded().values() for line, _ in script["udhr"]]
    random.Random(3).shuffle(lines)
    expected, offset = [], 0
    for line in lines:
        for run in regex.finditer(r"\p{Lb=SA}+", line):
            expected += [offset + run.start() + at for at in segment.word_starts(run.group())]
        offset += len(line) + 1
    assert segment.word_starts("\n".join(lines)) == expected


def test_a_million_characters_without_a_space():
    sentence = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน"
    period = len(sentence)
    starts = np.array(segment.word_starts(sentence * (1_000_000 // period)))
    inner = set(segment.word_starts(sentence))
    assert set((starts % period).tolist()) == inner | {0}
    assert len(starts) == (len(inner) + 1) * (1_000_000 // period) - 1


@pytest.mark.parametrize("unit", ["ກຂຄງຈສຊຍ", "ၵႂ", "កឤខឤ", "ฃฅ"])
def test_the_work_grows_with_the_length_only(unit, monkeypatch):
    looked_up = []
    look_up = segment._Division._look_up
    monkeypatch.setattr(segment._Division, "_look_up", lambda *args: looked_up.append(args[1]) or look_up(*args))
    segment.word_starts(unit * (30_000 // len(unit)))
    assert len(looked_up) <= 2 * 30_000


@pytest.mark.parametrize("length", [150, 5000])
@pytest.mark.parametrize("letter", ["ꩠ", "ꩠၘ", "ꩠၘၙၞ"])
def test_unknown_text_is_cut_between_clusters_when_it_gets_long(letter, length):
    text = (letter * length)[:length]
    pieces = cut(text, segment.word_starts(text))
    assert all(segment.LONGEST_UNKNOWN <= len(piece) < segment.LONGEST_UNKNOWN + 5 for piece in pieces[:-1])
    assert len(pieces) > 2


@pytest.mark.parametrize(
    "text", ["", "ก", "กกก", "hello", "ᥐᥣᥱ", "ᦂᦱᧈ", "ᨠᩣ᩠ᨿ", "๑๒๓", "\u0e31\u0e34\u0e48", "\ud800" * 300]
)
def test_nothing_to_find(text):
    assert segment.word_starts(text) == []
    assert by_arrays(text) == []


def test_scripts():
    assert {"Thai", "Laoo", "Khmr", "Mymr"} == segment.SCRIPTS
    with pytest.raises(KeyError):
        lexicon.lexicon("Latn")


@pytest.mark.parametrize("tag", sorted(segment.SCRIPTS))
def test_no_two_letters_share_a_byte_and_none_is_missing(tag):
    letters = lexicon._members(lexicon.SCRIPTS[tag].letters)
    stand_for = {lexicon.letter_bytes()[code] for code in letters}
    assert len(stand_for) == len(letters)
    assert not stand_for & {lexicon.OUTSIDE, 0xFF}
    script = regex.compile(rf"[\p{{Script={tag}}}&&\p{{Lb=SA}}]", regex.V1)
    assert {code for code in range(lexicon.TOP + 0x80) if script.match(chr(code))} == set(letters)


@pytest.mark.parametrize(
    ("tag", "words", "longest"),
    [("Thai", 26383, 20), ("Laoo", 30550, 32), ("Khmr", 80999, 19), ("Mymr", 41009, 33)],
)
def test_the_dictionaries_are_whole(tag, words, longest):
    table = lexicon.lexicon(tag).table
    every_byte = np.arange(0xFE)

    @cache
    def below(state):
        """How many words end beyond a state, and the length of the longest."""
        count = length = 0
        entries = table[state : state + 0xFE]
        for entry in entries[(entries & 0xFF) == every_byte].tolist():
            more, further = below(entry >> 9) if entry >> 9 else (0, 0)
            count += more + bool(entry & lexicon.WORD_ENDS)
            length = max(length, further + 1)
        return count, length

    assert below(lexicon.ROOT) == (words, longest)
    assert longest < segment._MARGIN


@given(
    st.sets(st.binary(min_size=1, max_size=6).filter(lambda word: max(word) < 0xFE), min_size=1, max_size=60), st.data()
)
def test_a_packed_automaton_accepts_its_words_and_no_others(words, data):
    table = pack(*minimise(sorted(words)))

    def accepts(word):
        state, entry = lexicon.ROOT, 0
        for byte in word:
            entry = int(table[state + byte])
            if not state or entry & 0xFF != byte:
                return False
            state = entry >> 9
        return bool(entry & lexicon.WORD_ENDS)

    assert all(map(accepts, words))
    other = data.draw(st.binary(min_size=1, max_size=6).filter(lambda word: max(word) < 0xFE))
    assert accepts(other) == (other in words)
