"""Forms filled in by a model that nothing but its prompt holds to JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glyph_rag.errors import ReaderError
from glyph_rag.read.models.json_reply import cut_object, join_objects
from glyph_rag.read.models.transformers_model import Reply
from glyph_rag.read.prompt import abstains


def fill_form(
    replies: Sequence[Reply], again: Callable[[int, str], Reply], model: str, max_new_tokens: int
) -> tuple[str, dict[int, Reply], tuple[str, ...]]:
    """The JSON object that replies hold, each from other pages; one that is broken is asked for a second time.

    Args:
        replies: The replies.
        again: Gives a second reply in place of one, by its number, to the model that is told what is wrong.
        model: What a person calls the model.
        max_new_tokens: Longest reply.

    Returns:
        The object, empty where all replies say that the pages do not answer; the second replies; and notices of them.

    Raises:
        ReaderError: A reply was cut off, so that asking again would not help, or the second is no object either.
    """
    objects: list[str] = []
    second: dict[int, Reply] = {}
    notices: list[str] = []
    for at, reply in enumerate(replies):
        data, fault = _object(reply, model, max_new_tokens)
        if fault:
            notices.append(f"The first reply was not the JSON object asked for ({fault}), so it was asked again.")
            second[at] = again(at, fault)
            data, fault = _object(second[at], model, max_new_tokens)
        if fault:
            raise ReaderError(
                f"{model} twice replied with no JSON object: {fault}",
                hint="ask for a smaller form, or take a larger model",
            )
        objects.append(data)
    return join_objects([data for data in objects if data]), second, tuple(notices)


def _object(reply: Reply, model: str, max_new_tokens: int) -> tuple[str, str]:
    if abstains(reply.text):
        return "", ""
    data, fault = cut_object(reply.text)
    if fault and not reply.ended:
        raise ReaderError(
            f"{model} used all {max_new_tokens} tokens before the form was filled in",
            hint="raise max_new_tokens; models that think need some thousands",
        )
    return data, fault
