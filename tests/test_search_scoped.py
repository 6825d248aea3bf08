"""What a caller may see: nothing that a view is asked for leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag import Document, GlyphRAG, Limits
from glyph_rag.errors import GlyphRAGError, InputError
from glyph_rag.index import Indexer
from glyph_rag.search.access import Access
from glyph_rag.search.filters import Filter, matches, parse
from glyph_rag.search.hit import Hit
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder, ScriptedReader
from glyph_rag.view import View

LEVELS = ("public", "inner", "secret")
TENANTS = ("", "north", "south")


def documents(tenant: str) -> list[Document]:
    """The same ids and the same words for each tenant; only who may see them differs."""
    return [
        Document(
            f"d{n}",
            f"The harbour plan number {n} names pier {n % 4}. ERR_{n} is for {LEVELS[n % 3]} eyes." + " More." * n,
            f"plans/{n}.md",
            {"level": LEVELS[n % 3], "n": n, "tenant": tenant, **({"draft": True} if n % 2 else {})},
        )
        for n in range(9)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three tenants."""
    path = tmp_path_factory.mktemp("tenants")
    embedder = HashEmbedder()
    store = Store.open(path, embedder.info)
    for tenant in TENANTS:
        Indexer(store, embedder, Limits(), tenant).add(documents(tenant))
    store.close()
    return path


@pytest.fixture(scope="module")
def rag(folder: Path):
    with GlyphRAG.open(folder, embedder=HashEmbedder(), reader=ScriptedReader("The plan names pier 1.")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page_ids(rag: GlyphRAG) -> dict[str, dict[str, set[str]]]:
    """For each tenant, for each document, the ids of its pages."""
    found: dict[str, dict[str, set[str]]] = {}
    for tenant in TENANTS:
        hits = rag.scoped(namespace=tenant).search("harbour plan", k=100)
        found[tenant] = {}
        for hit in hits:
            found[tenant].setdefault(hit.page.document_id, set()).add(hit.page.id)
        assert len(found[tenant]) == 9
    return found


WHERES = st.sampled_from(
    [
        {"level": "public"}, {"level": {"$ne": "secret"}}, {"n": {"$lt": 4}}, {"n": {"$in": []}},
        {"draft": {"$exists": False}}, {"source": {"$gte": "plans/5.md"}}, {"document_id": {"$in": ["d1", "d2"]}},
        {"$or": [{"level": "inner"}, {"n": 0}]}, {"$not": {"n": {"$gt": 6}}}, {"n": {"$exists": True}},
        {"tenant": "south"}, {"tenant": {"$nin": []}}, {"level": {"$nin": ["public"]}},
    ]
)  # fmt: skip
QUESTIONS = st.sampled_from(
    ["harbour plan", "ERR_5", '"secret eyes"', "which pier?", "zzz", "namespace:south tenant", "'; DROP TABLE pages --"]
) | st.text(min_size=1, max_size=12).filter(str.strip)


def seen(view: View, question: str, where: Filter | None) -> list[Hit]:
    """Everything that a question brings up, also by way of cursors."""
    hits = view.search(question, k=4, where=where)
    while hits and (more := view.search(question, k=4, where=where, after=hits[-1].cursor)):
        hits += more
    return hits


@settings(max_examples=30)
@given(st.sampled_from(TENANTS), WHERES, WHERES | st.none(), QUESTIONS)
def test_nothing_leads_out_of_a_view(
    rag: GlyphRAG,
    page_ids: dict[str, dict[str, set[str]]],
    tenant: str,
    held_to: Filter,
    then: Filter | None,
    question: str,
) -> None:
    view = rag.scoped(namespace=tenant, where=held_to)
    condition = parse(held_to, Limits())
    allowed = {
        document.id
        for document in documents(tenant)
        if matches(condition, document.metadata, document_id=document.id, source=document.source)
    }
    hits = seen(view, question, then)
    assert {hit.page.document_id for hit in hits} <= allowed
    assert all(hit.page.metadata["tenant"] == tenant for hit in hits)
    assert all(chunk.document_id == hit.page.document_id for hit in hits for chunk in hit.chunks)
    pages_of = page_ids[tenant]
    open_pages = {page for document in allowed for page in pages_of[document]}
    for page in {page for tenants in page_ids.values() for pages in tenants.values() for page in pages}:
        if page in open_pages:
            assert view.page(page).metadata["tenant"] == tenant
        else:
            for look in (view.page, view.page_png):
                with pytest.raises(InputError, match="there is no page"):
                    look(page)
    shown = view.plan(question, k=5).pages
    assert {page for part in shown for page in part.page_ids} <= open_pages


def test_a_page_of_another_tenant_is_told_as_one_that_is_not_there(rag: GlyphRAG) -> None:
    north = rag.scoped(namespace="north", where={"level": "public"})
    (secret, *_) = rag.scoped(namespace="north").search("ERR_2", k=1)
    said = []
    for page_id in (secret.page.id, "0" * 32):
        with pytest.raises(InputError) as error:
            north.page_png(page_id)
        said.append(str(error.value).replace(page_id, "ID"))
    assert said[0] == said[1]
    assert rag.scoped(namespace="north").page_png(secret.page.id).startswith(b"\x89PNG")


def test_equal_pages_of_two_tenants_are_each_their_own(rag: GlyphRAG) -> None:
    north, south = (rag.scoped(namespace=tenant).search("ERR_4", k=1)[0].page for tenant in ("north", "south"))
    assert north.id == south.id
    assert rag.scoped(namespace="south").page(north.id).metadata["tenant"] == "south"
    assert rag.page(north.id).metadata["tenant"] == ""


def test_answers_and_citations_stay_inside(rag: GlyphRAG) -> None:
    answer = rag.scoped(namespace="north", where={"n": {"$in": [1, 3]}}).ask("Which pier does the plan name?", k=9)
    assert {citation.document_id for citation in answer.citations} <= {"d1", "d3"}
    assert answer.plan.pages
    nobody = rag.scoped(namespace="nobody").ask("Which pier does the plan name?")
    assert (nobody.citations, nobody.plan.pages) == ((), ())


def test_a_view_has_no_way_to_write_and_makes_only_narrower_views(rag: GlyphRAG) -> None:
    view = rag.scoped(namespace="north", where={"level": "public"})
    assert not isinstance(view, GlyphRAG)
    for name in ("add", "add_path", "delete", "document_ids", "stats", "close"):
        assert not hasattr(view, name)
    narrower = view.scoped(where={"n": {"$gte": 3}})
    assert {hit.page.document_id for hit in narrower.search("plan", k=50)} == {"d3", "d6"}
    for namespace in ("south", ""):
        with pytest.raises(InputError, match="this view is of namespace 'north'"):
            narrower.scoped(namespace=namespace)
    with pytest.raises(InputError, match="there is no operator"):
        view.search("plan", where={"level": {"$any": 1}})


def test_what_one_view_was_given_to_read_is_not_shown_by_another(rag: GlyphRAG) -> None:
    one, other = rag.scoped(where={"n": 1}), rag.scoped(where={"n": 1})
    page = one.read("A letter of one's own.", "Summarise it.").plan.pages[0].page_ids[0]
    assert one.page(page).text == "A letter of one's own."
    for view in (other, rag):
        with pytest.raises(InputError, match="there is no page"):
            view.page(page)


def test_the_default_sees_only_what_has_no_namespace(rag: GlyphRAG) -> None:
    assert {hit.page.metadata["tenant"] for hit in rag.search("harbour plan", k=100)} == {""}
    assert Access().scope.namespace == ""
    assert isinstance(rag.scoped(), View)
    with pytest.raises(GlyphRAGError):
        rag.scoped().scoped(namespace="north")
