"""How densely pages are set for a reader: as the user says, as far as it was measured to read that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from glyph_rag.errors import InputError
from glyph_rag.read.plan import Mode
from glyph_rag.read.planning.material import PlanSettings, Viewer
from glyph_rag.read.planning.receipt import Receipts
from glyph_rag.read.planning.sheets import profile_for
from glyph_rag.read.prompt import page_heading
from glyph_rag.read.reader import Sight
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.page import repage
from glyph_rag.typeset.profile import PRESETS, RenderProfile
from glyph_rag.typeset.scripts import scripts_of

_CAREFUL = PRESETS["careful"]
_SIZES = ("latin_px", "cjk_px", "complex_px", "mono_px")
_HARDLY_SMALLER = 0.95


@dataclass(frozen=True)
class Density:
    """How what was found is shown.

    Attributes:
        mode: As images or as text.
        profile: How whole pages are set.
        focus: How the best passages are set once more, because pages may be too dense for the reader; None if not.
        name: What a person calls the profile.
        reason: Why so.
    """

    mode: Literal["image", "text"]
    profile: RenderProfile
    focus: RenderProfile | None
    name: str
    reason: str


def choose_density(hits: Sequence[Hit], settings: PlanSettings, viewer: Viewer) -> Density:
    """How to show hits to a reader.

    As images, pages are set as the user or the store has it, unless a receipt says that the reader does not read that;
    without a receipt the best passages of pages denser than "careful" are shown once more, carefully. In mode "auto"
    it is what costs least: text, "careful", or whatever else a receipt allows.

    Raises:
        InputError: There is no such mode, or the density is neither a name nor a profile.
        ProfileError: There is no preset of that name.
    """
    if settings.mode not in get_args(Mode):
        modes = ", ".join(get_args(Mode))
        raise InputError(f"there is no mode {settings.mode!r}", hint=f"modes are {modes}")
    if not isinstance(settings.density, str | RenderProfile | None):
        raise InputError(f"the density is {settings.density!r:.40}", hint="name a preset, or give a RenderProfile")
    wanted, own = settings.density, hits[0].page.profile if hits else _CAREFUL
    asked = RenderProfile.preset(wanted) if isinstance(wanted, str) else wanted or own
    if settings.mode == "text":
        return Density("text", asked, None, "text", "text was asked for")
    measured = _Measured(viewer.name, frozenset().union(*(_scripts(hit) for hit in hits)), viewer.receipts)
    if settings.mode == "auto":
        return _cheapest(hits, asked, measured, viewer.sight)
    density = _as_images(asked, measured)
    return density if settings.focus else replace(density, focus=None)


@dataclass(frozen=True)
class _Measured:
    """What receipts say of one reader and some scripts."""

    reader: str
    scripts: frozenset[str]
    receipts: Receipts | None

    def allows(self, profile: RenderProfile) -> bool | None:
        if self.receipts is None:
            return None
        return self.receipts.allows(self.reader, profile, self.scripts)


def _as_images(asked: RenderProfile, measured: _Measured) -> Density:
    allowed, name = measured.allows(asked), _name(asked)
    if not _is_denser(asked) or allowed:
        why = f"{measured.reader} was measured to read it" if allowed else "no denser than careful"
        return Density("image", asked, None, name, f"{name}: {why}")
    if allowed is None:
        reason = f"{name}, and the best passages again: there is no receipt for {measured.reader} at this density"
        return Density("image", asked, _careful_like(asked), name, reason)
    looser = [profile for profile in reversed(tuple(PRESETS.values())) if _size(profile) > _size(asked)]
    found = next((_like(asked, profile) for profile in looser if measured.allows(profile)), _careful_like(asked))
    return Density("image", found, None, _name(found), f"{_name(found)}: {measured.reader} does not read {name} well")


def _cheapest(hits: Sequence[Hit], asked: RenderProfile, measured: _Measured, sight: Sight) -> Density:
    candidates = {_name(profile): _like(asked, profile) for profile in PRESETS.values()}
    candidates[_name(asked)] = asked
    allowed = {n: p for n, p in candidates.items() if not _is_denser(p) or measured.allows(p)}
    costs = {name: _image_cost(hits, profile, sight) for name, profile in allowed.items()}
    costs["text"] = sum(sight.count_text(hit.page.text) for hit in hits)
    best = min(costs, key=lambda name: costs[name])
    compared = ", ".join(f"{name} {cost}" for name, cost in costs.items() if name != best)
    reason = f"{best}: {costs[best]} tokens for the whole pages, against {compared}"
    if set(candidates) - set(allowed):
        reason += f"; no receipt of {measured.reader} allows {', '.join(sorted(set(candidates) - set(allowed)))}"
    return Density("text" if best == "text" else "image", allowed.get(best, asked), None, best, reason)


def _image_cost(hits: Sequence[Hit], profile: RenderProfile, sight: Sight) -> int:
    heading, tokens = sight.count_text(page_heading(("P99",))), 0
    for hit in hits:
        layouts = [page.layout for page in repage(hit.page, profile_for(profile, sight.rule))]
        tokens += sum(sight.rule.tokens(layout.width, layout.height) + heading for layout in layouts)
    return tokens


def _scripts(hit: Hit) -> frozenset[str]:
    return scripts_of(hit.page.text, share=0.2)


def _size(profile: RenderProfile) -> float:
    return min(float(getattr(profile, name)) / float(getattr(_CAREFUL, name)) for name in _SIZES)


def _is_denser(profile: RenderProfile) -> bool:
    """Whether a profile is harder to read than "careful" is."""
    return _size(profile) < _HARDLY_SMALLER or profile.horizontal_scale < 100 * _HARDLY_SMALLER


def _careful_like(asked: RenderProfile) -> RenderProfile:
    return _like(asked, _CAREFUL)


def _like(asked: RenderProfile, preset: RenderProfile) -> RenderProfile:
    """A preset with the fonts and colours that were asked for."""
    return replace(preset, fonts=asked.fonts, ink=asked.ink, paper=asked.paper)


def _name(profile: RenderProfile) -> str:
    return next((name for name, preset in PRESETS.items() if _like(profile, preset) == profile), "its own density")
