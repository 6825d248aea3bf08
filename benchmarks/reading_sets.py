"""Corpora with questions, gold answers and gold evidence, for `reading`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from glyph_rag import Document

_XQUAD_LANGUAGES = ("en", "zh", "de", "es", "ro", "tr", "vi", "ar", "el", "hi", "ru", "th")
_YES_OR_NO = frozenset({"yes", "no"})


@dataclass(frozen=True)
class Question:
    """A question and what is known of its answer.

    Attributes:
        text: The question.
        golds: Accepted answers, each in parts that all have to be there. Empty where none can be looked for in an
            answer: the gold answer is yes or no, or there is none.
        documents: Ids of the documents that hold the answer or a part of the evidence for it.
        answerable: Whether the corpus answers it at all.
    """

    text: str
    golds: tuple[tuple[str, ...], ...]
    documents: frozenset[str]
    answerable: bool = True


@dataclass(frozen=True)
class Corpus:
    """Documents and questions about them.

    Attributes:
        name: What the tables call it.
        language: ISO 639-1 code of most of it.
        documents: The documents; their ids are unique, and their lines are those that citations count.
        questions: The questions.
    """

    name: str
    language: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]


def sample(questions: Sequence[Question], every: int, most: int) -> list[Question]:
    """Some of the questions, spread evenly and always the same.

    Args:
        questions: The questions.
        every: Take every n-th of those that have an answer; of the others, which are few, all.
        most: How many of each sort at most.
    """
    answerable = [question for question in questions if question.answerable]
    others = [question for question in questions if not question.answerable]
    return [*_spread(answerable, every, most), *_spread(others, 1, most)]


def _spread(questions: Sequence[Question], every: int, most: int) -> Sequence[Question]:
    return questions[:: max(every, -(-len(questions) // most))]


def _squad(file: str, name: str, language: str, data: Path) -> Corpus:
    """A file in SQuAD's format; each paragraph is a document."""
    articles = json.loads((data / file).read_text("utf-8"))["data"]
    documents, questions = [], []
    for number, paragraph in enumerate(p for article in articles for p in article["paragraphs"]):
        document = Document(f"p{number}", paragraph["context"], f"p{number}.txt")
        documents.append(document)
        for item in paragraph["qas"]:
            golds = tuple(dict.fromkeys((answer["text"],) for answer in item["answers"]))
            questions.append(Question(item["question"], golds, frozenset({document.id})))
    return Corpus(name, language, tuple(documents), tuple(questions))


def _hotpotqa(data: Path) -> Corpus:
    """Passages under their titles; the evidence is the passages of the supporting facts."""
    passages = json.loads((data / "hotpotqa/hotpotqa_train_corpus.json").read_text("utf-8"))
    documents = [Document(title, f"{title}\n\n{''.join(text)}", f"{title}.txt") for title, text in passages.items()]
    questions = [
        Question(item["question"], _golds(item["answer"]), frozenset(title for title, _ in item["supporting_facts"]))
        for item in json.loads((data / "hotpotqa/hotpotqa_train.json").read_text("utf-8"))
    ]
    return Corpus("hotpotqa", "en", tuple(documents), tuple(questions))


def _musique(data: Path) -> Corpus:
    """Passages, of which several may have one title; the evidence is those marked as supporting."""
    passages = json.loads((data / "musique/musique_train_corpus.json").read_text("utf-8"))
    ids = {(passage["title"], passage["text"]): f"m{number}" for number, passage in enumerate(passages)}
    documents = [Document(key, f"{title}\n\n{text}", f"{key}.txt") for (title, text), key in ids.items()]
    questions = []
    for item in json.loads((data / "musique/musique_train.json").read_text("utf-8")):
        evidence = [(p["title"], p["paragraph_text"]) for p in item["paragraphs"] if p["is_supporting"]]
        golds = tuple((answer,) for answer in dict.fromkeys([item["answer"], *item["answer_aliases"]]) if answer)
        questions.append(Question(item["question"], golds, frozenset(ids[e] for e in evidence), item["answerable"]))
    return Corpus("musique", "en", tuple(documents), tuple(questions))


def _lihua_world(data: Path) -> Corpus:
    """Chat logs, a file each; the evidence is named by their time stamps."""
    folder = data / "lihua_world"
    documents = []
    with zipfile.ZipFile(folder / "LiHuaWorld.zip") as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".txt")):
            text = archive.read(name).decode("utf-8").replace("\r\n", "\n")
            documents.append(Document(Path(name).stem, text, Path(name).name))
    questions = []
    for item in json.loads((folder / "query_set.json").read_text("utf-8")).values():
        answerable = item["type"] != "Null"
        stamps = item["evidence"].replace("<or>", "<and>").split("<and>") if answerable else []
        evidence = frozenset(stamp.strip().replace(":", "") for stamp in stamps)
        questions.append(Question(item["question"], _golds(item["answer"]) if answerable else (), evidence, answerable))
    return Corpus("lihua_world", "en", tuple(documents), tuple(questions))


def _tatqa(data: Path) -> Corpus:
    """Tables as Markdown with the paragraphs around them; questions whose answer stands there and is not computed."""
    documents, questions = [], []
    for number, item in enumerate(json.loads((data / "tatqa/tatqa_dataset_dev.json").read_text("utf-8"))):
        rows = ["| " + " | ".join(cells) + " |" for cells in item["table"]["table"]]
        rows.insert(1, "|" + " --- |" * len(item["table"]["table"][0]))
        text = "\n".join(rows) + "".join(f"\n\n{paragraph['text']}" for paragraph in item["paragraphs"])
        document = Document(f"t{number}", text, f"t{number}.md", format="markdown")
        documents.append(document)
        for asked in item["questions"]:
            if asked["answer_type"] in ("span", "multi-span"):
                parts = tuple(part for part in map(str, asked["answer"]) if part.strip())
                questions.append(Question(asked["question"], (parts,), frozenset({document.id})))
    return Corpus("tatqa", "en", tuple(documents), tuple(questions))


def _golds(answer: str) -> tuple[tuple[str, ...], ...]:
    return () if answer.strip(". ").casefold() in _YES_OR_NO else ((answer,),)


LOADERS: Mapping[str, Callable[[Path], Corpus]] = MappingProxyType(
    {
        **{f"xquad {tag}": partial(_squad, f"xquad/xquad.{tag}.json", f"xquad {tag}", tag) for tag in _XQUAD_LANGUAGES},
        "cmrc2018": partial(_squad, "cmrc2018/cmrc2018_dev.json", "cmrc2018", "zh"),
        "hotpotqa": _hotpotqa,
        "musique": _musique,
        "lihua_world": _lihua_world,
        "tatqa": _tatqa,
    }
)
"""What reads each set from the folder of the evaluation data."""
