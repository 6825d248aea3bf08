# %% [markdown]
# # Choose a density
#
# The smaller the type, the fewer tokens a page costs, and the more a reader misreads. How small it may be depends on
# the reader, so it is measured. This notebook looks at the three presets, counts what they cost, measures the
# embedded reader, and shows what plans make of that. It runs on the embedded models: no GPU, no network, no key.

# %%
import os
import re
from dataclasses import replace
from html import escape
from importlib.resources import files
from io import BytesIO
from tempfile import mkdtemp

from IPython.display import SVG, Image, display
from PIL import Image as Picture

from glyph_rag import Document, GlyphRAG, ReceiptBook
from glyph_rag.corpus.split import split
from glyph_rag.embed.open import open_embedder
from glyph_rag.measure.calibrate import calibrate
from glyph_rag.measure.receipt_report import rows_of, svg
from glyph_rag.read.open import open_reader
from glyph_rag.typeset.imagetokens import family
from glyph_rag.typeset.page import make_pages
from glyph_rag.typeset.profile import PRESETS
from glyph_rag.typeset.tokens import estimate_text_tokens

os.chdir(mkdtemp())  # for the store further down

# %% [markdown]
# ## The same text three times
#
# The text is two files of the handbook that `glyph-rag demo` uses, with lines that an editor wrapped joined again.
# Here the pages have one column, so that they fit beside each other.

# %%
handbook = files("glyph_rag") / "demo" / "handbook"
wrapped = "\n".join((handbook / name).read_text("utf-8") for name in ("people/leave.md", "people/onboarding.md"))
text = re.sub(r"(?<=\w|[.,;])\n(?=\w)", " ", wrapped)


def pages(text, profile):
    """The pages of a text under a profile."""
    document = Document("handbook", text)
    return [page for page, _ in make_pages(document, split(document), profile)]


def beside(images, gap=24):
    """Several images in one."""
    whole = Picture.new("L", (sum(i.width + gap for i in images) - gap, max(i.height for i in images)), 255)
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width + gap
    file = BytesIO()
    whole.quantize(16).save(file, "PNG", optimize=True)
    return Image(file.getvalue())


narrow = {name: pages(text, replace(profile, width=336, columns=1)) for name, profile in PRESETS.items()}
display(beside([page.image() for shown in narrow.values() for page in shown]))
for name, shown in narrow.items():
    sizes = ", ".join(f"{page.layout.width} x {page.layout.height} px" for page in shown)
    print(f"{name:<9} {sizes}")

# %% [markdown]
# ## What a page costs
#
# What a page of 672 x 896 pixels costs depends on the reader's rule for images, not on what is on it. The denser the
# type, the more its words would cost as text. To count a full page, the text is repeated until it fills one.

# %%
full = {name: pages((text + "\n") * 10, profile)[0] for name, profile in PRESETS.items()}
as_text = {name: estimate_text_tokens(page.text) for name, page in full.items()}
for name, page in full.items():
    print(f"{name:<9} {len(page.text):>6,} characters on a page, about {as_text[name]:>5,} tokens as text")

# %% [markdown]
# Families of readers charge differently. In the plot a bar is what the page costs as an image, and the lines are what
# its words would cost as text: where a bar ends left of a line, that density saves tokens. A hollow bar means that the
# page is scaled before the model sees it, or that this is not documented; small type may not survive that.

# %%
NAMES = ("qwen3-vl", "glm-4v", "gemma3", "pixtral", "gpt-5", "gpt-5.4", "claude", "gemini-3")
COLOURS = {"careful": "#009e73", "balanced": "#e69f00", "dense": "#d55e00"}


def bars(costs, lines):
    """A bar for each family, and a line for each density, as SVG. Costs are (tokens, whether the page is scaled)."""
    left, row, width = 90, 24, 560
    unit = width / (1.05 * max(*lines.values(), *(tokens for tokens, _ in costs.values())))
    bottom = 52 + row * len(costs)
    parts = [f'<text x="{left}" y="14" font-size="14">tokens of a full page: image (bars) and text (lines)</text>']
    for number, (name, (tokens, scaled)) in enumerate(costs.items()):
        y, fill = 52 + row * number, "#fff" if scaled else "#0072b2"
        parts += [
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{left}" y="{y}" width="{tokens * unit:.1f}" height="16" fill="{fill}" stroke="#0072b2"/>',
            f'<text x="{left + tokens * unit + 5:.1f}" y="{y + 13}">{tokens:,}</text>',
        ]
    for name, tokens in lines.items():
        x, style = left + tokens * unit, f'stroke="{COLOURS[name]}" stroke-width="2" stroke-dasharray="5 3"'
        parts.append(f'<path d="M{x:.1f} 44V{bottom}" {style}/>')
        parts.append(f'<text x="{x:.1f}" y="36" text-anchor="middle">{name}: {tokens:,}</text>')
    size = f'width="{left + width + 60}" height="{bottom + 8}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="#333">'
    return SVG("\n".join([head, f'<rect {size} fill="#fff"/>', *parts, "</svg>"]))


size = PRESETS["careful"].width, PRESETS["careful"].height
costs = {name: (family(name).rule.tokens(*size), family(name).resamples(*size) is not False) for name in NAMES}
display(bars(costs, as_text))
print("family    " + "".join(f"{name:>10}" for name in PRESETS))
for name, (tokens, _) in costs.items():
    print(f"{name:<10}" + "".join(f"{as_text[density] / tokens:>9.1f}x" for density in PRESETS))

# %% [markdown]
# The table says how many times fewer tokens the images cost than the text. Below 1 they cost more.
#
# ## What the reader reads
#
# Calibration shows a reader pages full of invented facts, asks for one of them, and counts what it gets right. A
# measurement that permits anything asks at least fifteen questions of each of five kinds, on full pages, and takes
# minutes:
#
# ```console
# $ glyph-rag calibrate --reader ocr --store ./kb --script en,zh --probes 15 --plot plot.svg
# $ glyph-rag calibrate --reader openai:MODEL@http://localhost:8000/v1 --store ./kb --script en,zh
# ```
#
# Here it is one question of each kind, on pages so small that it takes seconds.

# %%
SMALL = {name: replace(profile, width=280, height=168, columns=1) for name, profile in PRESETS.items()}
reader = open_reader("ocr", open_embedder("minilm"))
receipt = calibrate(reader, ["en", "zh"], densities=SMALL, probes=1)


def table(receipt):
    """What was asked and right at each density, and what the receipt allows."""
    print("script  density    asked  as read  verified  saved  allowed")
    scripts = {"LATIN": "Latin", "CJK": "Han"}
    for row in rows_of(receipt):
        right, script = row.total(lambda tally: tally.right), scripts[row.name]
        allowed = {True: "yes", False: "no", None: "too few questions"}[row.allowed]
        counts = f"{row.asked:>6}{right:>9}{row.verified:>10}{row.saved:>7.0%}"
        print(f"{script:<8}{row.density:<10}{counts}  {allowed}")


table(receipt)
display(SVG(svg(receipt)))

# %% [markdown]
# "As read" is what the reader said, "verified" what is left of it after its answers were checked against the page and
# corrected. The bars in the plot are how far the true share may lie from the measured one, and with five questions
# that is far. So this receipt allows nothing.
#
# [What was measured of this reader in earnest](../docs/calibration.md), with all kinds of questions and more
# languages, is in the documentation.
#
# ## What plans make of it
#
# A store finds its receipts in its folder `receipts/`, where `glyph-rag calibrate` writes them; they can be given by
# hand too. Without a receipt that allows a density, pages that are asked for so are backed by their best passages at
# careful size, and `mode="auto"` does not choose it. "Its own density" is what a plan calls a profile that is no
# preset, such as our small pages.

# %%
question = "How many days of unused leave can be carried over?"


def decide(receipt):
    """What is shown at each density that is asked for, and with mode="auto"."""
    with GlyphRAG.open("kb", profile=SMALL["careful"], reader=reader, receipts=ReceiptBook([receipt])) as rag:
        rag.add([Document("handbook", text, source="handbook.md")])
        for name, profile in SMALL.items():
            plan = rag.plan(question, density=profile)
            print(f"{name:>8}: {plan.tokens} tokens; {plan.reason}")
        plan = rag.plan(question, density=SMALL["dense"], mode="auto")
        print(f"{'auto':>8}: {plan.tokens} tokens; {plan.reason}")


decide(receipt)

# %% [markdown]
# Suppose that the reader had been asked fifteen questions of each kind, and had got all of them right but for one
# about a table at the highest density. These are made up figures, to see what a receipt changes.


# %%
def supposed(tally):
    """A tally of fifteen questions, all of them right, but for one."""
    right = 14 if (tally.density, tally.kind) == ("dense", "table") else 15
    return replace(tally, asked=15, right=right, verified=right, abstained=0, silent=0)


better = replace(receipt, tallies=tuple(map(supposed, receipt.tallies)))
table(better)
decide(better)

# %% [markdown]
# Now the dense pages are shown alone, and `mode="auto"` takes them, since they cost least. Receipts hold for one
# reader, one profile and the scripts that were measured. Whatever else is asked is treated as not measured.
