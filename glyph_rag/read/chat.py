"""Chat: a conversation over the documents, in which a question may go on from those before it."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, Protocol, Self

from glyph_rag.errors import InputError, LoadError
from glyph_rag.read.answer import Answer
from glyph_rag.read.plan import Turn

VERSION: Final = 1
MOST_TURNS: Final = 200
_MOST_BYTES: Final = 50_000_000
_HINT: Final = "name a file that Chat.save wrote"


class Asks(Protocol):
    """What a conversation asks: a question that goes on from earlier turns."""

    def __call__(self, question: str, history: Sequence[Turn]) -> Answer:
        """Answers a question.

        Args:
            question: The question.
            history: The conversation so far, oldest first.
        """
        ...


class Chat:
    """A conversation. Its memory is bounded: of more turns than it may hold, the oldest are forgotten.

    Not for several threads at a time.
    """

    def __init__(self, asks: Asks, turns: Sequence[Turn] = (), *, most_turns: int = MOST_TURNS) -> None:
        """
        Args:
            asks: Answers each question.
            turns: What was said before, oldest first.
            most_turns: Turns that it remembers at most.

        Raises:
            InputError: `most_turns` is less than 1.
        """
        if most_turns < 1:
            raise InputError(f"most_turns is {most_turns}", hint="a conversation remembers at least one turn")
        self._asks, self._most_turns = asks, most_turns
        self._turns = list(turns)[-most_turns:]

    def __repr__(self) -> str:
        return f"<Chat of {len(self._turns)} turns>"

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What was said so far, oldest first."""
        return tuple(self._turns)

    def ask(self, question: str) -> Answer:
        """Asks the next question.

        Raises:
            InputError: The question is empty.
            ReaderError: The pages cannot be read; the conversation is then as it was before.
        """
        answer = self._asks(question, self.turns)
        self._turns = [*self._turns, Turn(question, answer.text)][-self._most_turns :]
        return answer

    async def aask(self, question: str) -> Answer:
        """As `ask`, in a thread, so that the event loop is not blocked. One question at a time."""
        return await asyncio.to_thread(self.ask, question)

    def forget(self) -> None:
        """Begins anew."""
        self._turns = []

    def save(self, path: str | Path) -> None:
        """Writes the conversation to a JSON file, which is replaced as a whole or not at all.

        Raises:
            InputError: The file cannot be written.
        """
        file = Path(path)
        record = {"glyph_rag_chat": VERSION, "turns": [asdict(turn) for turn in self._turns]}
        try:
            handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    # Escaped, so that a lone surrogate in a question does not stop it.
                    json.dump(record, stream, ensure_ascii=True, indent=1)
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(name).replace(file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            why = f"cannot write the conversation to {str(file)!r}: {error.strerror}"
            raise InputError(why, hint="choose another file") from error

    @classmethod
    def restore(cls, asks: Asks, path: str | Path, *, most_turns: int = MOST_TURNS) -> Self:
        """Goes on with a conversation that was saved.

        Raises:
            LoadError: There is no such file, or it holds no conversation.
        """
        return cls(asks, _load(Path(path)), most_turns=most_turns)


def _load(file: Path) -> list[Turn]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise LoadError(f"{str(file)!r} is too large for a conversation", hint=f"at most {_MOST_BYTES:,} bytes")
        record = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise LoadError(f"cannot read the conversation {str(file)!r}", hint=str(error)) from error
    except (ValueError, RecursionError) as error:
        raise LoadError(
            f"{str(file)!r} holds no conversation: {error}", hint="name a file that Chat.save wrote"
        ) from error
    turns = record.get("turns") if isinstance(record, dict) else None
    if not isinstance(turns, list) or record.get("glyph_rag_chat") != VERSION:
        raise LoadError(f"{str(file)!r} holds no conversation", hint=_HINT)
    return [_turn(entry, file) for entry in turns]


def _turn(entry: object, file: Path) -> Turn:
    if isinstance(entry, dict) and set(entry) == {"question", "answer"}:
        question, answer = entry["question"], entry["answer"]
        if isinstance(question, str) and isinstance(answer, str):
            return Turn(question, answer)
    raise LoadError(f"a turn in {str(file)!r} is {entry!r:.80}", hint='it has the texts "question" and "answer"')
