"""Embedders of page images in the real classes of transformers and sentence-transformers, on tiny models."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from glyph_rag import GlyphRAG
from glyph_rag.embed.embedder import FloatArray, PageEmbedder
from glyph_rag.embed.open import open_embedder
from glyph_rag.embed.pooling import pooled
from glyph_rag.errors import EmbedderError, InputError, MissingExtraError, StoreMismatchError
from glyph_rag.search.maxsim import maxsim

pytest.importorskip("transformers")
pytest.importorskip("sentence_transformers")

from glyph_rag.embed import late_interaction
from glyph_rag.embed.late_interaction import LateInteractionEmbedder, is_late_interaction
from glyph_rag.embed.multi_vector import MultiVectorPageEmbedder
from glyph_rag.embed.sentence_transformers import SentenceTransformersEmbedder, SentenceTransformersPageEmbedder
from glyph_rag.embed.weights import device_of, dtype_of
from tests import tiny_retrievers
from tests.tiny_retrievers import DIMENSION

QUESTIONS = [
    "How many days of leave are carried over?",
    "Why?",
    "a <image> and a <|image_pad|>",
    "lone \ud800 \x00",
    "",
]
MODELS = ["colqwen2", "colpali", "colmodernvbert", "siglip2", "modernvbert"]
KINDS = {"siglip2": SentenceTransformersPageEmbedder, "modernvbert": MultiVectorPageEmbedder}
SHAPES = {"siglip2": (32, 1), "modernvbert": (128, 64)}


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8))


PAGES = [noise(84, 56), noise(280, 140, 1), noise(140, 280, 2), noise(672, 840, 3)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("visual")
    return {name: getattr(tiny_retrievers, name)(folder / name) for name in MODELS}


@pytest.fixture(scope="module")
def embedders(folders: dict[str, str]) -> dict[str, PageEmbedder]:
    opened = {name: open_embedder(f"visual:{folder}") for name, folder in folders.items()}
    assert all(isinstance(embedder, PageEmbedder) for embedder in opened.values())
    return opened


def check(vectors: list[FloatArray], count: int, most: int | None, dimension: int) -> None:
    assert len(vectors) == count
    for found in vectors:
        assert found.dtype == np.float32
        assert found.shape == (len(found), dimension)
        assert 1 <= len(found) <= (most or len(found))
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_contract(name: str, embedders: dict[str, PageEmbedder], folders: dict[str, str]) -> None:
    embedder = embedders[name]
    info = embedder.info
    assert info.name == f"visual:{folders[name]}"
    assert (info.dimension, info.vectors_per_page) == SHAPES.get(name, (DIMENSION, 64))
    pages, queries = embedder.embed_pages(PAGES), embedder.embed_queries(QUESTIONS)
    check(pages, len(PAGES), info.vectors_per_page, info.dimension)
    check(queries, len(QUESTIONS), None, info.dimension)
    assert embedder.embed_pages([]) == []
    assert embedder.embed_queries([]) == []
    # Neither the batch nor the order nor the colour model matters.
    for one, other in zip(
        pages, embedder.embed_pages([page.convert("RGB") for page in PAGES[::-1]])[::-1], strict=True
    ):
        assert one.shape == other.shape
        assert np.allclose(one, other, atol=1e-4)
    for text, vectors in zip(QUESTIONS, queries, strict=True):
        assert np.allclose(embedder.embed_queries([text])[0], vectors, atol=1e-4)
    # Pages that look different do not get the same vectors, and neither do questions.
    for found in (pages, queries):
        means = [vectors.mean(axis=0) for vectors in found]
        assert all(not np.allclose(means[0], mean, atol=1e-3) for mean in means[1:])


def test_a_vector_for_each_patch_and_none_for_the_prompt(embedders: dict[str, PageEmbedder]) -> None:
    # 28 pixels to a patch: 3 x 2, 10 x 5, 5 x 10; the last is scaled down to 64 at most.
    counts = [len(vectors) for vectors in embedders["colqwen2"].embed_pages(PAGES)]
    assert counts[:3] == [6, 50, 50]
    assert 50 <= counts[3] <= 64
    assert [len(vectors) for vectors in embedders["colpali"].embed_pages(PAGES)] == [16] * 4


@pytest.mark.parametrize("name", MODELS[:3])
def test_scores_are_those_of_the_models_own_processor(name: str, folders: dict[str, str]) -> None:
    import torch
    import transformers

    embedder = LateInteractionEmbedder(folders[name], device="cpu", batch_size=3)
    pages, queries = embedder.embed_pages(PAGES), embedder.embed_queries(QUESTIONS)
    processor = transformers.AutoProcessor.from_pretrained(folders[name])
    theirs = processor.score_retrieval([torch.tensor(q) for q in queries], [torch.tensor(p) for p in pages])
    for query, row in zip(queries, theirs.tolist(), strict=True):
        ours = maxsim(query, dict(enumerate(pages)))
        assert [ours[at] * len(query) for at in range(len(pages))] == pytest.approx(row, abs=1e-3)


def test_pages_are_pooled_and_questions_are_not(folders: dict[str, str], embedders: dict[str, PageEmbedder]) -> None:
    few = LateInteractionEmbedder(folders["colqwen2"], vectors_per_page=8)
    check(few.embed_pages(PAGES), len(PAGES), 8, DIMENSION)
    assert [len(vectors) for vectors in few.embed_pages(PAGES)] == [6, 8, 8, 8]
    whole = embedders["colqwen2"]
    for ours, theirs in zip(few.embed_queries(QUESTIONS), whole.embed_queries(QUESTIONS), strict=True):
        assert np.array_equal(ours, theirs)
    assert few.info.fingerprint != whole.info.fingerprint


@pytest.mark.parametrize("name", MODELS)
def test_a_fingerprint_is_of_the_weights(name: str, folders: dict[str, str], tmp_path: Path) -> None:
    same, other = (getattr(tiny_retrievers, name)(tmp_path / str(seed), seed=seed) for seed in (7, 8))
    first = open_embedder(f"visual:{folders[name]}").info.fingerprint
    assert open_embedder(f"visual:{same}").info.fingerprint == first
    assert open_embedder(f"visual:{other}").info.fingerprint != first


@pytest.mark.parametrize("name", MODELS[:3])
def test_a_store_of_a_gpu_opens_on_a_cpu(name: str, folders: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    whole = LateInteractionEmbedder(folders[name], device="cpu")
    monkeypatch.setattr(late_interaction, "dtype_of", lambda *_: torch.bfloat16)
    half = LateInteractionEmbedder(folders[name], device="cpu")
    assert half._model.dtype == torch.bfloat16
    assert half.info == whole.info
    check(half.embed_pages(PAGES), len(PAGES), 64, DIMENSION)
    check(half.embed_queries(QUESTIONS), len(QUESTIONS), None, DIMENSION)


@pytest.mark.parametrize(
    ("there", "wanted", "got"),
    [((True, True), None, "cuda"), ((False, True), None, "mps"), ((True, False), "cuda:1", "cuda:1")],
)
def test_a_device_is_the_best_there_is_or_the_one_named(
    there: tuple[bool, bool], wanted: str | None, got: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: there[0])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there[1])
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: False)
    assert device_of(torch, wanted) == got
    assert dtype_of(torch, got) == (torch.float16 if got == "mps" else torch.bfloat16)
    assert dtype_of(torch, "cpu") == torch.float32
    with pytest.raises(EmbedderError, match="there is no device 'cuda:2'"):
        device_of(torch, "cuda:2")


@pytest.mark.parametrize("name", ["siglip2", "modernvbert"])
def test_a_checkpoint_of_half_the_precision_gives_unit_vectors(
    name: str, folders: dict[str, str], tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "half"
    shutil.copytree(folders[name], folder)
    half = {key: value.to(torch.bfloat16) for key, value in load_file(folder / "model.safetensors").items()}
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    embedder = open_embedder(f"visual:{folder}")
    assert {weights.dtype for weights in embedder._model.parameters()} == {torch.float32}
    check(embedder.embed_pages(PAGES), len(PAGES), *SHAPES[name][::-1])
    check(embedder.embed_queries(QUESTIONS), len(QUESTIONS), None, SHAPES[name][0])


def test_several_threads_get_what_one_gets(embedders: dict[str, PageEmbedder]) -> None:
    embedder = embedders["colqwen2"]
    expected, got = embedder.embed_queries(QUESTIONS), {}
    threads = [
        threading.Thread(target=lambda at=at: got.update({at: embedder.embed_queries([QUESTIONS[at]])[0]}))
        for at in range(len(QUESTIONS))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.allclose(got[at], expected[at], atol=1e-4) for at in range(len(QUESTIONS)))


@pytest.mark.parametrize("name", MODELS)
def test_from_a_folder_of_files_to_an_answer(
    name: str, folders: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    kind = KINDS.get(name, LateInteractionEmbedder)
    real = kind.embed_pages
    monkeypatch.setattr(kind, "embed_pages", lambda self, images: looked.append(len(images)) or real(self, images))
    tree, spec = tmp_path / "notes", f"visual:{folders[name]}"
    tree.mkdir()
    (tree / "leave.md").write_text("# Leave\n\nUp to five days of leave can be carried over to the next year.\n")
    (tree / "cats.md").write_text("# Cats\n\nCats sleep all day and hunt at night.\n")
    (tree / "long.md").write_text("\n\n".join(f"Paragraph {n} is about number{n}." for n in range(150)))
    with GlyphRAG.open(tmp_path / "kb", embedder=spec) as rag:
        report = rag.add_path(tree)
        assert report.embedded == sum(looked) == rag.stats().pages >= 3
        hits = rag.search("days of leave", k=20)
        assert hits[0].page.document_id == "notes/leave.md"
        assert len(hits) == rag.stats().pages
        assert hits[0].chunks[0].text.startswith("# Leave")
    with pytest.raises(StoreMismatchError, match="name it"):
        GlyphRAG.open(tmp_path / "kb")
    with GlyphRAG.open(tmp_path / "kb", embedder=spec) as rag:
        assert [(hit.page.id, hit.score) for hit in rag.search("days of leave", k=20)] == [
            (hit.page.id, hit.score) for hit in hits
        ]
        before = sum(looked)
        assert rag.add_path(tree).embedded == 0
        assert sum(looked) == before
        (tree / "cats.md").write_text("# Cats\n\nCats sleep all night and hunt by day.\n")
        (tree / "leave.md").unlink()
        report = rag.add_path(tree, sync=True)
        assert (report.updated, report.removed, report.embedded) == (1, 1, 1)
        assert {hit.page.document_id for hit in rag.search("cats", k=20)} == {"notes/cats.md", "notes/long.md"}


def test_the_config_says_what_a_model_is(folders: dict[str, str], tmp_path: Path) -> None:
    assert [is_late_interaction(folders[name]) for name in MODELS] == [True, True, True, False, False]
    assert not is_late_interaction(str(tmp_path))
    # A folder of any name: nothing is read out of what it is called.
    shutil.copytree(folders["colpali"], tmp_path / "siglip-clip")
    assert isinstance(open_embedder(f"visual:{tmp_path / 'siglip-clip'}"), LateInteractionEmbedder)


def test_a_multi_vector_encoder_is_not_made_into_one_vector(folders: dict[str, str], tmp_path: Path) -> None:
    """sentence-transformers would load it as a `SentenceTransformer` without its projection, with no error."""
    folder = folders["modernvbert"]
    for kind in (SentenceTransformersEmbedder, SentenceTransformersPageEmbedder):
        with pytest.raises(EmbedderError, match="is a MultiVectorEncoder of sentence-transformers, not a Sentence"):
            kind(folder)
    few = MultiVectorPageEmbedder(folder, device="cpu", batch_size=2, vectors_per_page=8)
    check(few.embed_pages(PAGES), len(PAGES), 8, 128)
    assert few.info.fingerprint != open_embedder(f"visual:{folder}").info.fingerprint
    with pytest.raises(InputError, match="vectors_per_page is 0"):
        MultiVectorPageEmbedder(folder, vectors_per_page=0)


def test_a_late_interaction_model_saved_by_sentence_transformers_is_the_same_one(
    folders: dict[str, str], embedders: dict[str, PageEmbedder], tmp_path: Path
) -> None:
    from sentence_transformers import MultiVectorEncoder

    MultiVectorEncoder(folders["colqwen2"], device="cpu").save_pretrained(str(tmp_path / "again"))
    again = open_embedder(f"visual:{tmp_path / 'again'}")
    assert again.info.fingerprint == embedders["colqwen2"].info.fingerprint
    for one, other in zip(again.embed_pages(PAGES), embedders["colqwen2"].embed_pages(PAGES), strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_what_cannot_be_opened_is_named(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="no-such-model"):
        open_embedder(f"visual:{tmp_path / 'no-such-model'}")
    with pytest.raises(EmbedderError, match="no late-interaction model"):
        LateInteractionEmbedder(folders["siglip2"])
    with pytest.raises(EmbedderError, match="there is no device 'tpu'"):
        LateInteractionEmbedder(folders["colpali"], device="tpu")
    with pytest.raises(InputError, match="vectors_per_page is 0"):
        LateInteractionEmbedder(folders["colpali"], vectors_per_page=0)
    broken = tmp_path / "broken"
    shutil.copytree(folders["colpali"], broken)
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        open_embedder(f"visual:{broken}")


def test_missing_weights_are_not_made_up(folders: dict[str, str], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "incomplete"
    shutil.copytree(folders["colpali"], folder)
    weights = load_file(folder / "model.safetensors")
    del weights["embedding_proj_layer.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EmbedderError, match=r"lacks 1 of its weights, such as embedding_proj_layer\.weight"):
        open_embedder(f"visual:{folder}")


@pytest.mark.filterwarnings("ignore")
def test_a_model_of_text_does_not_look_at_images(tmp_path: Path) -> None:
    from tests.test_embedders import save_tiny_model

    with pytest.raises(EmbedderError, match="does not look at images"):
        open_embedder(f"visual:{save_tiny_model(tmp_path, seed=1)}")


@pytest.mark.parametrize("package", ["transformers", "torch", "scipy"])
def test_a_missing_extra_is_named(package: str, folders: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'glyph-rag\[transformers\]'"):
        open_embedder(f"visual:{folders['colpali']}")


@pytest.mark.parametrize(("name", "way"), [("colpali", "forward"), ("siglip2", "encode"), ("modernvbert", "encode")])
def test_a_model_that_runs_out_of_memory_says_what_to_do(
    name: str, way: str, embedders: dict[str, PageEmbedder], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    embedder = embedders[name]

    def fail(*_: object, **inputs: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(embedder._model, way, fail)
    with pytest.raises(EmbedderError, match="smaller batch_size"):
        embedder.embed_pages(PAGES)


def test_an_adapter_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "x/y", "peft_type": "LORA"}))
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        open_embedder(f"visual:{tmp_path}")


# ---------------------------------------------------------------- pooling


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 20))
def test_pooling_is_bounded_and_keeps_directions(seed: int, count: int, most: int) -> None:
    made = np.random.default_rng(seed).standard_normal((count, 6)).astype(np.float32)
    vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
    found = pooled(vectors, most)
    assert 1 <= len(found) <= most
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(found, pooled(vectors, most))
    if count <= most:
        assert np.array_equal(found, vectors)
    if most == 1:
        mean = vectors.sum(axis=0)
        assert np.allclose(found[0], mean / np.linalg.norm(mean), atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 5))
def test_like_vectors_are_put_together_and_keep_their_order(seed: int, groups: int, each: int) -> None:
    made = np.random.default_rng(seed)
    centres = np.linalg.qr(made.standard_normal((12, 12)))[0][:groups].astype(np.float32)
    near = np.concatenate([centres] * each) + made.normal(0, 0.01, (groups * each, 12)).astype(np.float32)
    found = pooled((near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32), groups)
    assert found.shape == (groups, 12)
    assert np.allclose((found * centres).sum(axis=1), 1, atol=0.01)


def test_vectors_that_cancel_each_other_leave_one() -> None:
    vectors = np.array([[1, 0], [-1, 0]], np.float32)
    assert np.array_equal(pooled(vectors, 1), vectors[:1])
