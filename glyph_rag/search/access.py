"""What a caller may see. It can be narrowed and never widened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from glyph_rag.corpus.document import Document, MetadataValue
from glyph_rag.errors import InputError
from glyph_rag.limits import Limits
from glyph_rag.search.filter_sql import selection
from glyph_rag.search.filters import Condition, Filter, Joined, matches, parse, size
from glyph_rag.store.rows import is_utf8
from glyph_rag.store.scope import Scope
from glyph_rag.typeset.page import Page


@dataclass(frozen=True)
class Access:
    """The documents of one namespace for which a condition holds.

    Attributes:
        namespace: Whose documents. None is "", the documents that were added without naming a namespace, as long as
            nobody has chosen one; whoever is given a narrowed access cannot choose any more.
        condition: What holds for all of them.
    """

    namespace: str | None = None
    condition: Condition | None = None

    def narrowed(self, limits: Limits, *, namespace: str | None = None, where: Filter | None = None) -> Self:
        """Fewer documents: those of this access that are also in a namespace and pass a filter.

        Args:
            limits: Bounds on the filter.
            namespace: Whose documents; as before where None.
            where: A filter, as `filters` describes it.

        Raises:
            InputError: If it is of another namespace already, its name cannot be one, or the filter is wrong.
            LimitError: If the filter or the name is too large.
        """
        if namespace is not None and not (isinstance(namespace, str) and is_utf8(namespace)):
            raise InputError(f"namespace {namespace!r} is not a UTF-8 string", hint="namespaces are named by strings")
        chosen = self.namespace if namespace is None else namespace
        if self.namespace is not None and chosen != self.namespace:
            raise InputError(
                f"this view is of namespace {self.namespace!r} and cannot go on to {namespace!r}",
                hint="make a view of the other namespace from the store itself",
            )
        limits.check("id_chars", len(chosen or ""), f"namespace {(chosen or '')[:40]!r}")
        condition = self.condition if where is None else self._and(parse(where, limits))
        limits.check("filter_values", 0 if condition is None else size(condition), "values in filters")
        return type(self)(chosen or "", condition)

    @cached_property
    def scope(self) -> Scope:
        """The same for a store."""
        return Scope(self.namespace or "", None if self.condition is None else selection(self.condition))

    def admits(self, page: Page) -> bool:
        """Whether the condition holds for a page's document, by what the page itself says of it."""
        return self._admits(page.document_id, page.source, page.metadata)

    def admits_document(self, document: Document) -> bool:
        """Whether the condition holds for a document."""
        return self._admits(document.id, document.source, document.metadata)

    def _admits(self, document_id: str, source: str, metadata: Mapping[str, MetadataValue]) -> bool:
        return self.condition is None or matches(self.condition, metadata, document_id=document_id, source=source)

    def _and(self, condition: Condition) -> Condition:
        # Side by side, not inside each other: SQLite bounds how deep an expression is.
        parts: list[Condition] = []
        for side in (self.condition, condition):
            if isinstance(side, Joined) and side.how == "all":
                parts += side.parts
            elif side is not None:
                parts.append(side)
        return parts[0] if len(parts) == 1 else Joined("all", tuple(parts))


UNNAMED: Final = Access()
"""Everything that was added without naming a namespace."""
