# %% [markdown]
# # LlamaIndex
#
# An existing query engine gets eyes: the nodes that it finds reach the model as page images, and every sentence of the
# answer is checked against them. One line changes. This notebook needs no GPU, no network and no key.
#
# ```console
# $ pip install llama-index-glyph-rag jupyter
# ```

# %%
import base64
import os
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

from IPython.display import Image, display
from llama_index.core import Settings, SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import MarkdownNodeParser
from llama_index_glyph_rag import GlyphPagePostprocessor, GlyphQueryEngine, GlyphSynthesizer

from glyph_rag import GlyphRAG
from glyph_rag.embed.open import open_embedder
from glyph_rag.read.open import open_reader
from glyph_rag.testing import ScriptedReader
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.highlight import highlight

# %% [markdown]
# ## An index as one has it
#
# Three Markdown files, split at their headings. LlamaIndex wants a class for embeddings; this one uses the model that
# comes with glyph-rag, so that nothing is downloaded.

# %%
LEAVE = """\
# Leave

## Annual leave

Everyone has 28 days of annual leave a year, public holidays not counted. Ask for leave in the people portal. Your team
lead answers within three working days; a request that nobody has answered by then counts as approved.

## Carrying days over

Up to 8 days of unused leave can be carried over into the next year. They lapse on 31 March unless illness or parental
leave kept you from taking them. Days above the limit are lost, not paid out.

## Sick leave

Call in sick before 9:30 on the first day, by telephone or by a message to your team lead. A doctor's certificate is
needed from the fourth day on.
"""

TRAVEL = """\
# Travel

## Approval

Trips of more than a week are approved by Ines Calloway, shorter ones by the team lead. Ask five working days ahead.

## Trains

Second class up to six hours, first class for longer rides. Night trains count as a hotel and are paid in full.
"""

PUMPS = """\
# Pumps

## Error codes

| code | meaning | what to do |
| --- | --- | --- |
| E-2250-RB | pressure above the limit | open the relief valve |
| E-4017-QX | the suction line has run dry | close inlet 3 and bleed the line |
"""

os.chdir(mkdtemp())
folder = Path("handbook")
folder.mkdir()
for name, text in {"leave.md": LEAVE, "travel.md": TRAVEL, "pumps.md": PUMPS}.items():
    (folder / name).write_text(text, encoding="utf-8")


class MiniLM(BaseEmbedding):
    """The embedder of glyph-rag as one of LlamaIndex."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return embedder.embed_documents([text])[0].tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return embedder.embed_queries([query])[0].tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


embedder = open_embedder("minilm")
Settings.embed_model, Settings.llm = MiniLM(), MockLLM()

documents = SimpleDirectoryReader(folder, file_metadata=lambda path: {"file_name": Path(path).name}).load_data()
nodes = MarkdownNodeParser().get_nodes_from_documents(documents)
index = VectorStoreIndex(nodes)
print(len(documents), "documents,", len(nodes), "nodes")

# %% [markdown]
# ## The line that changes
#
# ```diff
#  engine = index.as_query_engine(
#      similarity_top_k=2,
# +    response_synthesizer=GlyphSynthesizer(llm),
#  )
# ```
#
# `llm` is any chat model of LlamaIndex that takes images. As there is none here, the embedded OCR reader of glyph-rag
# stands in its place: it too sees nothing but the images, and quotes what answers.

# %%
reader = open_reader("ocr", embedder)
engine = index.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(reader))

response = engine.query("How many days of unused leave can be carried over?")
print(response)

# %% [markdown]
# `source_nodes` are the nodes that the index found. The metadata of the response says what is known of the answer.

# %%
known = response.metadata
print("supported:", known["supported"])
for citation in known["citations"]:
    print(f"  {citation['where']}: {citation['quote']!r}")
print([node.metadata["file_name"] for node in response.source_nodes])
usage = known["usage"]
print(usage["image_tokens"], "tokens as images, about", usage["text_tokens"], "as text")

# %% [markdown]
# ## What the model sees
#
# Nodes as small as these take little room. The label stands in the picture itself, because some clients lose the order
# of text and images.

# %%
pages = GlyphPagePostprocessor().postprocess_nodes(response.source_nodes)
for page in pages:
    print(list(page.node.metadata["pages"]))
    display(Image(base64.b64decode(page.node.image)))

# %% [markdown]
# ## What the check is for
#
# Models misread numbers, and do not know that they did. This one was told to. Its first sentence is corrected to the
# node, its last is marked.

# %%
misreads = ScriptedReader(
    "Up to 9 days of unused leave can be carried over into the next year. The canteen is closed in August."
)
engine = index.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(misreads))
response = engine.query("How many days of unused leave can be carried over?")
for sentence in response.metadata["sentences"]:
    print(f"{sentence['support']:>11}: {sentence['text']}")
    if sentence["support"] == "corrected":
        print(f"{'read as':>11}: {sentence['read_as']}")
print("the answer is supported:", response.metadata["supported"])

# %% [markdown]
# ## Streams
#
# Words come as they are; the checked answer follows in the metadata.

# %%
engine = index.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(misreads, streaming=True))
response = engine.query("How many days of unused leave can be carried over?")
for words in response.response_gen:
    print(words, end="|")
print()
print(response.metadata["answer"])

# %% [markdown]
# ## All of glyph-rag as an engine
#
# Here glyph-rag finds the pages as well, by meaning and words, so that an identifier finds the line it stands on. A
# page of the store can be shown with the words that the answer quotes.

# %%
with GlyphRAG.open("kb") as rag:
    rag.add_path(folder)
    engine = GlyphQueryEngine(rag, similarity_top_k=1)
    response = engine.query("What has run dry at E-4017-QX?")
    print(response)
    citation = response.metadata["citations"][0]
    print(citation["where"])
    boxes = [Box(*box) for box in citation["boxes"]]
    file = BytesIO()
    highlight(rag.page(citation["node_id"]), boxes).save(file, "PNG", optimize=True)

display(Image(file.getvalue()))

# %% [markdown]
# More seams, prompts, forms, chat engines and limits are in [the documentation](../docs/llama_index.md).
