"""Write `docs/image-tokens.md` from the registry: ``python -m scripts.image_tokens_doc``."""

from __future__ import annotations

from pathlib import Path

from glyph_rag.typeset.imagetokens import FAMILIES, ModelFamily
from glyph_rag.typeset.tokens import estimate_text_tokens

OUTPUT = Path(__file__).parents[1] / "docs" / "image-tokens.md"
_PROSE = "The quick brown fox jumps over the lazy dog while seven wizards quietly judge its form. "
# Characters of such prose on a full page in the default type, counted on pages that the typesetter made.
_PAGES = {(672, 896): 8_050, (1344, 1792): 32_600}
_HEAD = """# What a page image costs

What a page image costs each model in tokens, and whether the model sees the page at full size. Find your model under
[Sources](#sources), then its family in the table.

- **tokens**: what one page adds to the prompt, wrappers and separators included.
- **as text**: what the words on a full page of English prose in the default type cost as text, by the estimate in
  `typeset/tokens.py` ({texts}), over those tokens. Above 1 the image is cheaper.
- **resampled**: whether the page is scaled before the model sees it, and to what size; `-` if the maker does not say.
- **checked**: *processor*, against the model's own image processor in transformers, over hundreds of sizes without a
  difference; *documented*, against the examples in the maker's documentation or code.

What the table does not say:

- **Whether the model can still read a resampled page.** Text in the default type seldom survives being shrunk.
- **Anything about models that are not listed by name.** For a checkpoint on disk, `family_from_folder` reads the rule
  from its own configuration, which is right even if that was changed after publication.
- **Published settings that were out of reach.** Then they are as public code quotes them: see the sources.
- **What a provider charges tomorrow.** Providers change their rules; what counts is the usage that an answer reports.

Made by `python -m scripts.image_tokens_doc` from `glyph_rag/typeset/imagetokens`; edit the registry, not this file.

"""


def render() -> str:
    """The page, as Markdown."""
    texts = ", ".join(f"{_text_tokens(size):,} tokens at {_size(size)}" for size in _PAGES)
    head = (
        "| family | " + " | ".join(f"{_size(size)}: tokens | as text | resampled" for size in _PAGES) + " | checked |"
    )
    rule = "| --- " + "| ---: | ---: | --- " * len(_PAGES) + "| --- |"
    table = "\n".join((head, rule, *(_row(family) for family in FAMILIES)))
    return _HEAD.format(texts=texts) + table + "\n\n## Sources\n\n" + "\n".join(map(_source, FAMILIES)) + "\n"


def _row(family: ModelFamily) -> str:
    cells = [f"`{family.name}`"]
    for size in _PAGES:
        tokens = family.rule.tokens(*size)
        cells += [f"{tokens:,}", f"{_text_tokens(size) / tokens:.1f}", _resampled(family, size)]
    return "| " + " | ".join((*cells, family.verified)) + " |"


def _resampled(family: ModelFamily, size: tuple[int, int]) -> str:
    """The size that the model sees, or "no"."""
    resamples = family.resamples(*size)
    if resamples is None:
        return "-"
    return f"to {_size(family.rule.resized(*size))}" if resamples else "no"


def _source(family: ModelFamily) -> str:
    models = ", ".join(f"`{model}`" for model in family.models) or "a setting, not a model"
    images = f" At most {family.max_images:,} images in a request." if family.max_images else ""
    notes = f" {family.notes}" if family.notes else ""
    # In code, as some marks look like tags.
    return (
        f"- **{family.name}**: {models}.{notes.replace('<', '`<').replace('>', '>`')}{images} Source: {family.source}."
    )


def _text_tokens(size: tuple[int, int]) -> int:
    characters = _PAGES[size]
    return estimate_text_tokens((_PROSE * (characters // len(_PROSE) + 1))[:characters])


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


if __name__ == "__main__":
    OUTPUT.write_text(render(), encoding="utf-8")
