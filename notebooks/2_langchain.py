# %% [markdown]
# # Give a LangChain chain eyes
#
# A chain that you have keeps its retriever, its prompt and its model. One line changes: what the retriever found
# reaches the model as page images, and what the model says of them is checked. This notebook needs no GPU, no network
# and no key.
#
# ```console
# $ pip install langchain-glyph-rag jupyter
# ```

# %%
import base64
import os
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

from IPython.display import Image, display
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_glyph_rag import (
    GlyphEmbeddings,
    GlyphPrompt,
    GlyphRAGChain,
    PageSettings,
    create_glyph_documents_chain,
)

from glyph_rag.typeset.highlight import highlight

# %% [markdown]
# ## Some documents
#
# Three short guides of a bicycle shop.

# %%
GUIDES = {
    "repairs.md": """\
# Repairs

## Prices

A puncture is mended for 14 euros, tube included. A new chain costs 38 euros with fitting, a new cassette 55 euros.
Wheels are trued for 22 euros each. A full service is 95 euros for a city bike and 140 euros for an electric one.

## How long it takes

Punctures are mended while you wait. Everything else is ready after three working days; from March to May it is five.
A bike that is not collected within 30 days after our message is stored for 2 euros a day.

## Guarantee

Repairs have a guarantee of twelve months. It does not cover parts that wear: tyres, pads, chains and cables. Bring the
receipt, or the repair number, which begins with RB and is on the sticker under the saddle.
""",
    "rental.md": """\
# Rental

## What there is

City bikes are 12 euros a day, electric bikes 29 euros, cargo bikes 45 euros. A week costs as much as five days. Helmets
and locks come with the bike; child seats are 4 euros a day.

## Deposit

The deposit is 100 euros for a city bike and 300 euros for all others. It is held on your card and released within
48 hours after the return.

## Late returns

Shops close at 18:30. A bike that comes later counts as one more day. After 24 hours without a word from you we report
it as stolen; call 0512 / 774 180 to extend.
""",
    "batteries.md": """\
# Batteries of electric bikes

## Charging

Charge between 10 and 30 degrees, and never right after a ride in frost. Stop at 80 percent when the bike will stand
for more than two weeks. A full charge takes about four and a half hours with the charger RX-4 and seven with the RX-2.

## Faults

E-09 on the display means that the battery is too hot: let it rest for 20 minutes in the shade. E-14 means that the
contacts are wet. Any other code: bring the bike in, and do not charge it before.

## Disposal

We take batteries back free of charge. They must not go into household waste.
""",
}

os.chdir(mkdtemp())
guides = Path("guides")
guides.mkdir()
for name, text in GUIDES.items():
    (guides / name).write_text(text, encoding="utf-8")

# %% [markdown]
# ## A chain as you may have it
#
# A vector store, a prompt and a model. The embeddings come with glyph-rag and run on this machine. The model is
# scripted, so that the notebook runs anywhere; put your own `ChatOpenAI(...)` or `ChatAnthropic(...)` there. It says
# what models sometimes say of dense pages: one figure is misread.

# %%
store = InMemoryVectorStore(GlyphEmbeddings())
store.add_documents(
    [Document(path.read_text("utf-8"), metadata={"source": str(path)}) for path in sorted(guides.iterdir())]
)
retriever = store.as_retriever(search_kwargs={"k": 2})
prompt = ChatPromptTemplate.from_messages(
    [("system", "Answer from the context, briefly."), ("human", "Context:\n{context}\n\nQuestion: {input}")]
)
llm = FakeListChatModel(responses=["The deposit is 100 euros for a city bike and 800 euros for all others [P1]."])
question = "How high is the deposit for a cargo bike?"

chain = {"context": retriever, "input": RunnablePassthrough()} | prompt | llm | StrOutputParser()
chain.invoke(question)

# %% [markdown]
# ## One line
#
# `prompt` becomes `GlyphPrompt(prompt)`. Streaming, async and batches go on working, as this is still a prompt.

# %%
chain = {"context": retriever, "input": RunnablePassthrough()} | GlyphPrompt(prompt) | llm | StrOutputParser()
for words in chain.stream(question):
    print(words, end="")

# %% [markdown]
# This is what the model is sent now: the instructions and the question as text, and the guides as an image.

# %%
shown = GlyphPrompt(prompt).invoke({"context": retriever.invoke(question), "input": question})
for message in shown.to_messages():
    for block in [message.content] if isinstance(message.content, str) else message.content:
        if isinstance(block, dict) and block["type"] == "image":
            display(Image(base64.b64decode(block["base64"])))
        else:
            print(message.type, "|", block if isinstance(block, str) else block["text"])

# %% [markdown]
# ## An answer that is checked
#
# A prompt does not see the answer. A chain that is given the Documents does: `create_glyph_documents_chain` takes the
# place of `create_stuff_documents_chain`. Each sentence is held against the Documents. The misread figure is put
# right, and the answer says where it stands.

# %%
answers = create_glyph_documents_chain(llm, prompt)
answer = answers.invoke({"context": retriever.invoke(question), "input": question})
print(answer)
print("supported:", answer.supported)
for citation in answer.citations:
    print(citation["title"], "|", citation["cited_text"])
    print("read as:", citation["extras"]["read_as"])

# %% [markdown]
# The answer is a string, so whatever came after the chain goes on working.

# %%
print(isinstance(answer, str), answer.upper()[:20])

# %% [markdown]
# ## What it costs
#
# The tokens go by the image rule of the model where that is known. Full pages save most. `density` sets them smaller,
# for models that were measured to read that ([choose a density](4_density.ipynb)).

# %%
documents = retriever.invoke(question)
for density in ("careful", "balanced", "dense"):
    settings = PageSettings(density=density, family="Qwen/Qwen3-VL-8B-Instruct")
    usage = create_glyph_documents_chain(llm, prompt, settings).invoke({"context": documents, "input": question}).usage
    print(f"{density:>8}: {usage['image_tokens']} image tokens, as text about {usage['text_tokens']}")

# %% [markdown]
# One request can ask for text instead, without another chain.

# %%
as_text = answers.invoke(
    {"context": documents, "input": question}, config={"configurable": {"glyph_mode": "text"}}
)
print(as_text.answer.plan.mode, "|", as_text)

# %% [markdown]
# ## The whole component
#
# `GlyphRAGChain` brings its own store, which finds pages by meaning and by words, and the embedded reader, which reads
# them off the images. It has no language model: it quotes, it does not phrase. With `reader=llm`, your model reads.

# %%
rag = GlyphRAGChain.open("kb", k=2)
rag.rag.add_path(guides)
result = rag.invoke({"input": "What does E-14 on the display mean?"})
print(result["answer"])
print("supported:", result["supported"])
for document in result["context"]:
    print(f"looked at {document.metadata['document_id']}, lines {document.metadata['line_start']}", end="")
    print(f" to {document.metadata['line_end']}, score {document.metadata['score']:.2f}")

# %% [markdown]
# The place of each character on a page is known, so the quoted words can be marked.


# %%
def picture(citation: dict) -> Image:
    """The page of a citation, with its words marked."""
    page = rag.rag.page(citation["extras"]["page_id"])
    cited = page.boxes_of(citation["extras"]["start"], citation["extras"]["end"])
    file = BytesIO()
    highlight(page, cited).save(file, "PNG", optimize=True)
    return Image(file.getvalue())


display(picture(result["citations"][0]))

# %% [markdown]
# A conversation goes on with its history, as in other chains; a stream gives the context first, then words, then the
# checked answer.

# %%
history = [("human", "How much is a city bike a day?"), ("ai", "City bikes are 12 euros a day.")]
for piece in rag.stream({"input": "And how much is an electric one?", "chat_history": history}):
    print(", ".join(piece), "|", piece.get("answer", ""))

# %%
rag.rag.close()

# %% [markdown]
# Agents, your own vector store and everything else are in [the documentation](../docs/langchain.md).
