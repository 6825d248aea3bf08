"""What servers mean by an error, and how long one waits for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.read.models.endpoint_faults import LONGEST_WAIT, diagnose, pause, says_it_is_blind

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
chances = st.floats(0, 1)


@given(st.integers(1, 2000), chances)
def test_without_a_word_the_wait_doubles_up_to_a_bound(attempt: int, chance: float) -> None:
    wait = pause(attempt, {"retry-after": "soon"}, NOW, chance)
    full = min(8.0, 0.5 * 2 ** min(attempt - 1, 20))
    assert wait is not None
    assert 0.75 * full <= wait <= full


@given(st.integers(0, 100_000), chances, st.sampled_from(["seconds", "date", "ms"]))
def test_a_stated_wait_is_kept_or_refused(seconds: int, chance: float, form: str) -> None:
    headers = {
        "seconds": {"retry-after": str(seconds)},
        "date": {"retry-after": format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)},
        "ms": {"retry-after-ms": str(seconds * 1000), "retry-after": "1"},
    }
    wait = pause(1, headers[form], NOW, chance)
    if seconds > LONGEST_WAIT:
        assert wait is None
    else:
        assert wait is not None
        assert seconds <= wait <= 1.25 * seconds + 1e-9


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "limit"),
    [
        (400, "400", "Qwen3-8B is not a multimodal model None", "no_eyes", None),
        (500, "500", "image input is not supported - hint: if this is unexpected, provide the mmproj", "no_eyes", None),
        (400, None, "Invalid content type. image_url is only supported by certain models.", "no_eyes", None),
        (500, None, 'Failed to parse messages: Unsupported content part type: "image_url"; m', "no_eyes", None),
        (400, None, "messages[1]: unknown variant `image_url`, expected `text` at line 1", "no_eyes", None),
        (404, "404", "No endpoints found that support image input", "no_eyes", None),
        (400, None, "Model does not support images. Please use a model that does.", "no_eyes", None),
        (400, None, "Image input is not enabled for this model", "no_eyes", None),
        (400, None, "'messages.1' : for 'role:user' the content must be a string", "no_eyes", None),
        (500, None, "this model is missing data required for image input", "no_eyes", None),
        (400, None, "At most 0 image(s) may be provided in one prompt.", "no_eyes", None),
        (400, "400", "At most 1 image(s) may be provided in one request.", "too_many_images", 1),
        (400, None, "You set image=2 (or defaulted to 1) in `--limit-mm-per-prompt`", "too_many_images", 2),
        (400, None, "Too many images provided. This model supports up to 5 images", "too_many_images", 5),
        (400, None, "Too many images in request.", "too_many_images", None),
        (400, None, "messages: too many total images: at most 100 images are allowed", "too_many_images", 100),
        (400, None, "This model's maximum context length is 8192 tokens. However, you requested 9", "too_long", None),
        (400, None, "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context length "
                    "is 1000 tokens and your request has 900 input tokens", "too_long", None),
        (400, "context_length_exceeded", "Too much.", "too_long", None),
        (400, None, "The decoder prompt (length 9) is longer than the maximum model length of 4", "too_long", None),
        (400, None, "The input (9 tokens) is longer than the model's context length (4 tokens)", "too_long", None),
        (400, None, "the request exceeds the available context size, try increasing it", "too_long", None),
        (400, None, "prompt is too long: 210000 tokens > 200000 maximum", "too_long", None),
        (400, None, "The input token count (9) exceeds the maximum number of tokens allowed (4)", "too_long", None),
        (413, None, "Request Entity Too Large", "too_long", None),
        (413, None, "", "too_long", None),
        (429, "rate_limit_exceeded", "Request too large for gpt-4o on tokens per min", "too_long", None),
        (429, "insufficient_quota", "You exceeded your current quota, please check your plan", "no_credit", None),
        (402, None, "Insufficient Balance", "no_credit", None),
        (429, None, "Rate limit reached for requests", "busy", None),
        (401, "invalid_api_key", "Incorrect API key provided", "key", None),
        (403, None, "Project does not have access to model", "forbidden", None),
        (404, "model_not_found", "The model `x` does not exist or you do not have access to it.", "no_model", None),
        (404, None, 'model "x" not found, try pulling it first', "no_model", None),
        (400, None, "model 'x' not found", "no_model", None),
        (404, None, "Not Found", "no_model", None),
        (400, "content_filter", "The response was filtered due to the prompt triggering Azure OpenAI's "
                                "content management policy.", "filtered", None),
        (400, None, "Unsupported image format: image/bmp", "refused", None),
        (400, None, "image format is not supported", "refused", None),
        (400, None, "temperature must be at most 2", "refused", None),
        (500, None, "Internal Server Error", "server", None),
        (None, None, "EngineCore died", "server", None),
    ],
)  # fmt: skip
def test_what_servers_mean_by_an_error(status, code, message: str, kind: str, limit: int | None) -> None:
    fault = diagnose(status, code, message)
    assert (fault.kind, fault.limit) == (kind, limit)
    assert fault.transient == (kind in ("busy", "server"))


@given(st.sampled_from([None, 400, 401, 402, 403, 404, 413, 418, 422, 429, 500, 503]), st.text(), st.text())
def test_every_error_means_something(status: int | None, code: str, message: str) -> None:
    assert diagnose(status, code, message).message == message


@pytest.mark.parametrize(
    "answer",
    [
        "Images are not included in the free plan.",
        "Guests cannot view images.",
        "The report says: I cannot open attachments [P1].",
        "用户无法登录。",
    ],
)
def test_an_answer_about_images_is_an_answer(answer: str) -> None:
    assert not says_it_is_blind(answer)
