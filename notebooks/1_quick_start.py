# %% [markdown]
# # Quick start
#
# glyph-rag typesets documents into page images, finds the pages that fit a question, lets a reader look at them, and
# checks every sentence of the answer against the source. This notebook needs no GPU, no network and no key: the
# models that it uses come with the package.
#
# ```console
# $ pip install . jupyter    # in a clone of the repository
# ```

# %%
import os
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

from IPython.display import Image, display

from glyph_rag import Answer, Document, GlyphRAG, Page
from glyph_rag.testing import ScriptedReader
from glyph_rag.typeset.highlight import highlight

# %% [markdown]
# ## A few documents
#
# A handbook in English, a page of it in Chinese, and a piece of code. All of it goes into a temporary folder.

# %%
LEAVE = """\
# Leave

## Annual leave

Everyone has 28 days of annual leave a year, public holidays not counted. Part-time staff have the same share of it
that they have of a full week.

Ask for leave in the people portal. Your team lead answers within three working days; a request that nobody has
answered by then counts as approved. Leave of more than three weeks needs the consent of the department as well.

## Carrying days over

Up to 8 days of unused leave can be carried over into the next year. They lapse on 31 March unless illness or parental
leave kept you from taking them. Days above the limit are lost, not paid out.

## Parental leave

Parents may take up to 16 weeks of paid parental leave within the child's first year, in at most three parts. Tell the
people team six weeks before it starts.

## Sick leave

Call in sick before 9:30 on the first day, by telephone or by a message to your team lead. A doctor's certificate is
needed from the fourth day on. Sick days during annual leave are given back when the certificate covers them.

## Unpaid leave

After two years with us you may take up to six months of unpaid leave. Ask for it three months ahead. Your desk and your
laptop stay yours; the company telephone is handed in.
"""

TRAVEL = """\
# 出差与报销

出差须在出发前五个工作日提出申请，由部门主管批准。国内出差的住宿标准为每晚不超过 480 元，一线城市不超过 650 元。

报销单应在返回后十四天内提交，并附上全部原始发票。超过期限的报销单须由财务总监签字。

乘坐高铁以二等座为准；行程超过六小时的，可以乘坐一等座。
"""

PUMP = '''\
"""The cooling water pump."""

MAX_BAR = 6.5


def check_pressure(bar: float, seconds: float) -> None:
    """Stops the pump when the pressure is wrong for too long."""
    if bar > MAX_BAR and seconds > 20:
        raise PumpError("E-2250-RB: pressure above the limit for more than 20 seconds")
    if bar < 0.4:
        raise PumpError("E-4017-QX: the suction line has run dry")


def reset(key: str) -> None:
    """Starts the pump again, with a key from the service desk."""
    if not is_valid(key):
        raise PumpError("the key is not valid")
    start("pump")
'''

os.chdir(mkdtemp())
documents = Path("documents")
documents.mkdir()
for name, text in {"leave.md": LEAVE, "差旅.md": TRAVEL, "pump.py": PUMP}.items():
    (documents / name).write_text(text, encoding="utf-8")

# %% [markdown]
# ## Index
#
# A store is a folder. Adding a tree of files splits them into passages, typesets these into pages, and indexes the
# words.

# %%
rag = GlyphRAG.open("kb")
report = rag.add_path(documents)
print(report.added, "documents,", len(report.skipped), "skipped;", rag.stats().pages, "pages")

# %% [markdown]
# ## Ask
#
# The embedded reader recognises the lines of the pages that were found and quotes the sentences that answer. It has
# no language model: it quotes, it does not phrase.


# %%
def tell(answer: Answer) -> None:
    """Prints an answer, how far the source supports it, and where that stands."""
    print(answer.text)
    print("supported:", answer.supported)
    for citation in answer.citations:
        print(f"  {citation.where}: {citation.quote!r}")


answer = rag.ask("How many days of unused leave can be carried over?", k=1)
tell(answer)

# %% [markdown]
# ## Look at the page
#
# The place of every character on the page is known, so the cited words can be marked. This is the page with the quote
# in yellow.


# %%
def picture(page: Page, answer: Answer) -> Image:
    """A page with the words that an answer quotes from it."""
    boxes = [box for citation in answer.citations if citation.page_id == page.id for box in citation.boxes]
    file = BytesIO()
    highlight(page, boxes).save(file, "PNG", optimize=True)
    return Image(file.getvalue())


display(picture(rag.page(answer.citations[0].page_id), answer))

# %% [markdown]
# ## Chinese, and an identifier
#
# An identifier in a question is searched for literally.

# %%
answer = rag.ask("报销单应在返回后几天内提交？", k=1)
tell(answer)
display(picture(rag.page(answer.citations[0].page_id), answer))

# %%
answer = rag.ask("Which line has run dry at E-4017-QX?", k=1)
tell(answer)
display(picture(rag.page(answer.citations[0].page_id), answer))

# %% [markdown]
# When the documents do not hold an answer, it says so.

# %%
tell(rag.ask("Who designed the company's logo?"))

# %% [markdown]
# ## What the check is for
#
# Readers misread numbers without noticing. Here is one that always does: it was told to say 9 where the page has 8, to
# give one sentence in other words, and to make one up. The first is corrected to the source, the last is marked.

# %%
misreads = ScriptedReader(
    "Up to 9 days of unused leave can be carried over into the next year. "
    "Days above the limit are lost and not paid out. "
    "The canteen is closed in August."
)
with GlyphRAG.open("kb", reader=misreads) as checked:
    answer = checked.ask("How many days of unused leave can be carried over?", k=1)
    for sentence in answer.sentences:
        print(f"{sentence.support:>11}: {sentence.text}")
        if sentence.support == "corrected":
            print(f"{'read as':>11}: {sentence.read_as}")
    print("the answer is supported:", answer.supported)
    print()
    print("strict:", checked.ask("How many days of unused leave can be carried over?", k=1, strict=True).text)

# %% [markdown]
# ## Fewer documents: filters and namespaces
#
# Documents may carry metadata, and every way to ask takes a filter over it ([search](../docs/search.md)).

# %%
for region, opens in {"north": "6:15", "south": "7:45"}.items():
    words = f"The depot in the {region} opens at {opens}."
    rag.add([Document(region, words, source=f"depots/{region}", metadata={"region": region})])
tell(rag.ask("When does the depot open?", k=1, where={"region": "south"}))

# %% [markdown]
# A namespace keeps whole groups of documents apart. A view of one cannot be widened to another by whoever holds it.

# %%
rag.add([Document("salaries", "The bonus for night shifts is 14 percent.", source="salaries")], namespace="people-team")
tell(rag.ask("How high is the bonus for night shifts?"))
print()
tell(rag.scoped(namespace="people-team").ask("How high is the bonus for night shifts?"))

# %% [markdown]
# ## What it costs
#
# Before anything is read, a plan says what the reader would be shown. The last line compares it with the same pages
# as text.

# %%
question = "When do days that were carried over lapse?"
print(rag.plan(question, k=1))

# %%
usage = rag.ask(question, k=1).usage
saved = 1 - usage.image_tokens / usage.text_tokens
print(f"{usage.image_tokens} image tokens instead of about {usage.text_tokens} tokens of text: {saved:.0%} saved")

# %% [markdown]
# A page with little on it saves little. With `mode="auto"` the plan takes whatever costs least, and for the short notes
# about depots that is the text. How much full pages save, and how small their type may be, is in [choose a
# density](4_density.ipynb).

# %%
for question in ("When do days that were carried over lapse?", "When does the depot in the north open?"):
    plan = rag.plan(question, k=1, mode="auto")
    print(f"{question}\n  {plan.mode} ({plan.reason})")

# %%
rag.close()
