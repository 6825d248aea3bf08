"""GlyphPagePostprocessor: nodes as page images, for the multimodal engines of LlamaIndex itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from glyph_rag.errors import ReaderError
from glyph_rag.passages import Passages, typeset_passages
from glyph_rag.read.plan import PlanPage
from glyph_rag.read.planning.material import Viewer
from glyph_rag.read.prompt import words_of
from glyph_rag.read.reader import Sight
from glyph_rag.typeset.imagetokens import family
from llama_index.core.base.llms.types import BaseContentBlock, ImageBlock
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, QueryBundle, TextNode

from llama_index_glyph_rag.nodes import given_of
from llama_index_glyph_rag.settings import PageSettings

_DEFAULT = PageSettings()


class PageNode(ImageNode):
    """A page image. Its metadata says which nodes stand on it: `pages`, from label to the id of a node.

    The image is there for the model alone: it is left out when a node is written down, as traces and stores do. To a
    synthesizer that wants text it is an error, as otherwise nobody would notice that no image is ever sent.
    """

    image: str | None = Field(default=None, exclude=True, repr=False)
    detail: str | None = None

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "PageNode"

    def get_content(self, metadata_mode: MetadataMode = MetadataMode.NONE) -> str:
        """The words on the page; for a model there are none.

        Raises:
            ReaderError: They are wanted for a prompt.
        """
        if metadata_mode == MetadataMode.LLM:
            raise ReaderError(
                "a page was to be sent as text",
                hint="as_query_engine(multimodal=True, ...) sends it as an image; put GlyphPagePostprocessor last",
            )
        return super().get_content(metadata_mode=metadata_mode)

    def get_content_blocks(self, metadata_mode: MetadataMode = MetadataMode.NONE) -> list[BaseContentBlock]:
        """What a model is shown: the page alone, so that engines which number what they are given number pages.

        Raises:
            ReaderError: The node was written down and read again, so it has no image any more.
        """
        if not self.image:
            raise ReaderError(
                "a page was stored, which leaves out its image", hint="store the nodes that it was made of"
            )
        image = self.image.encode("ascii")
        return [ImageBlock(image=image, image_mimetype=self.image_mimetype, detail=self.detail)]


class GlyphPagePostprocessor(BaseNodePostprocessor):
    """Sets the nodes that were retrieved on pages, as few as they fill. Images among the nodes stay as they are.

    For `as_query_engine(multimodal=True, node_postprocessors=[..., GlyphPagePostprocessor()])` and the multimodal chat
    engines. LlamaIndex then builds the prompt and gets the answer, so nothing checks it; `GlyphSynthesizer` does.
    """

    _settings: PageSettings = PrivateAttr()
    _viewer: Viewer = PrivateAttr()

    def __init__(self, settings: PageSettings = _DEFAULT) -> None:
        """
        Args:
            settings: How nodes are shown. With mode "text" they stay as they are.
        """
        super().__init__()
        self._settings, self._viewer = settings, Viewer("", _sight(settings.family))

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "GlyphPagePostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        words = [found for found in nodes if not isinstance(found.node, ImageNode)]
        question = query_bundle.query_str if query_bundle else ""
        given = [given_of(found.node) for found in words]
        passages = typeset_passages(given, question, settings=self._settings.plan, viewer=self._viewer)
        if passages.plan.mode == "text":
            return nodes
        on_page = {label: words[number] for number, labels in passages.labels.items() for label in labels}
        pages = [_page_node(page, on_page, self._settings.detail) for page in passages.plan.pages]
        return [*pages, *_exact(passages), *(found for found in nodes if isinstance(found.node, ImageNode))]


def _sight(name: str | None) -> Sight:
    known = None if name is None else family(name)
    return Sight() if known is None else Sight(rule=known.rule, max_images=known.max_images)


def _page_node(page: PlanPage, on_page: Mapping[str, NodeWithScore], detail: str | None) -> NodeWithScore:
    shown: Sequence[NodeWithScore] = [on_page[label] for label in page.labels]
    metadata = {"pages": {label: on_page[label].node.node_id for label in page.labels}}
    node = PageNode(
        text="\n\n".join(found.node.get_content() for found in shown),
        image=base64.b64encode(page.png()).decode("ascii"),
        image_mimetype="image/png",
        detail=detail,
        extra_info=metadata,
        excluded_llm_metadata_keys=list(metadata),
        excluded_embed_metadata_keys=list(metadata),
    )
    scores = [found.score for found in shown if found.score is not None]
    return NodeWithScore(node=node, score=max(scores, default=None))


def _exact(passages: Passages) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=words_of(text))) for text in passages.plan.texts]
