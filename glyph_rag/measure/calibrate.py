"""Calibration: a reader is asked about pages at several densities, and what it gets right is written on a receipt.

Each probe is one page, shown whole, without search and without anything beside it, so that nothing is measured but
whether the reader can find and read a value on such a page.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from glyph_rag.errors import InputError
from glyph_rag.measure.calibration_log import Header, Key, Log, Outcome, open_log
from glyph_rag.measure.judge import judge
from glyph_rag.measure.probe_words import Language, languages_of
from glyph_rag.measure.probes import Probe, make_probe
from glyph_rag.read.plan import PlanText, ReadingPlan
from glyph_rag.read.planning.receipt import BASELINE, KINDS, TEXT, Kind, MeasuredDensity, Receipt, Tally
from glyph_rag.read.planning.sheets import Sheet, draw_sheets, profile_for
from glyph_rag.read.prompt import page_heading, prompt_texts, words_of
from glyph_rag.read.reader import Reader, Sight
from glyph_rag.typeset.profile import PRESETS, RenderProfile
from glyph_rag.typeset.render import page_label

Progress = Callable[[int, int], object]
"""Called with how many questions have been asked and how many there are to ask."""

_LABEL = "P1"


@dataclass(frozen=True)
class _Job:
    """One probe at one density.

    Attributes:
        density: The density's name.
        profile: How the page is set, on the reader's grid.
        language: The language.
        kind: What is asked for.
        number: Which probe of its kind.
    """

    density: str
    profile: RenderProfile
    language: Language
    kind: Kind
    number: int

    @property
    def key(self) -> Key:
        """What the log knows it by."""
        mode = "text" if self.density == TEXT else "image"
        return f"{mode} {self.profile.fingerprint}", self.language.code, self.kind, self.number


def calibrate(
    reader: Reader,
    scripts: Sequence[str] = ("latin", "han"),
    *,
    densities: Mapping[str, RenderProfile] = PRESETS,
    with_text: bool = False,
    probes: int = 40,
    seed: int = 0,
    partial: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Receipt:
    """Measures a reader.

    Args:
        reader: The reader.
        scripts: Scripts or languages to measure, as in `probe_words.languages_of`. A script of several languages shares
            its probes among them.
        densities: Profiles by name; "careful" has to be among them, since the others are held against it.
        with_text: Give the careful pages as text too, which shows what the reader makes of them when it need not see.
        probes: Questions of each kind for each script and density; `FEWEST` at least for a receipt to permit anything.
        seed: Which probes.
        partial: A file that keeps what was measured. A second call goes on from there, also with more probes, scripts
            or densities; it stays until the caller removes it.
        workers: How many questions are asked at a time.
        progress: Is told how far it is.

    Returns:
        The receipt. Probes are the same for every reader and density.

    Raises:
        InputError: If a name is unknown, a number out of range, or `partial` belongs to another calibration.
        ReaderError: If the reader fails; what was measured is in `partial`.
    """
    _check(densities, probes, workers)
    sight = _sight_of(reader)
    shown = {name: profile_for(profile, sight.rule) for name, profile in densities.items()}
    if with_text:
        shown[TEXT] = shown[BASELINE]
    jobs = _jobs(shown, scripts, probes)
    header = Header(reader.name, sight.model, seed, version("glyph-rag"))
    with open_log(partial, header) as log:
        _ask_all(jobs, log, reader, sight, seed, workers, progress)
        tallies = _tallies(jobs, log)
    return Receipt(
        reader=reader.name,
        model=sight.model,
        provider=_without_secrets(sight.provider),
        version=version("glyph-rag"),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        densities=tuple(_measured(name, densities.get(name), shown[name]) for name in shown),
        tallies=tallies,
    )


def _without_secrets(address: str) -> str:
    """An address without user, password and query; other names as they are."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _check(densities: Mapping[str, RenderProfile], probes: int, workers: int) -> None:
    if BASELINE not in densities:
        raise InputError(f"{BASELINE!r} is not among the densities", hint="the others are held against it")
    if TEXT in densities:
        raise InputError(f"a density is called {TEXT!r}", hint="that is the name for pages given as text")
    if probes < 1 or workers < 1:
        raise InputError(f"{probes} probes and {workers} workers", hint="choose at least 1 of each")


def _measured(name: str, asked: RenderProfile | None, shown: RenderProfile) -> MeasuredDensity:
    if asked is None:
        return MeasuredDensity(name, "", "")
    return MeasuredDensity(name, asked.fingerprint, shown.fingerprint)


def _sight_of(reader: Reader) -> Sight:
    """What a reader can be shown; the default for one that does not say."""
    if not hasattr(reader, "sight"):
        return Sight()
    sight: Sight = reader.sight()
    return sight


def _jobs(shown: Mapping[str, RenderProfile], scripts: Sequence[str], probes: int) -> list[_Job]:
    """Everything to ask, each once: all densities of a probe one after the other."""
    groups = [languages_of(name) for name in scripts]
    if not groups:
        raise InputError("no script to measure", hint="name one, such as latin or han")
    jobs = (
        _Job(density, profile, group[number % len(group)], kind, number)
        for group in groups
        for number in range(probes)
        for kind in KINDS
        for density, profile in shown.items()
    )
    return list({job.key: job for job in jobs}.values())


def _ask_all(
    jobs: Sequence[_Job],
    log: Log,
    reader: Reader,
    sight: Sight,
    seed: int,
    workers: int,
    progress: Progress | None,
) -> None:
    """Asks what is not in the log yet."""
    todo = [job for job in jobs if job.key not in log.outcomes]
    done = len(jobs) - len(todo)
    pool = ThreadPoolExecutor(workers, "probe")
    try:
        for asked in as_completed([pool.submit(_ask, job, reader, sight, seed) for job in todo]):
            log.add(asked.result())
            done += 1
            if progress is not None:
                progress(done, len(jobs))
    finally:
        pool.shutdown(cancel_futures=True)


def _ask(job: _Job, reader: Reader, sight: Sight, seed: int) -> Outcome:
    probe = make_probe(job.language, job.kind, job.number, seed, job.profile)
    plan = plan_probe(probe, sight, as_text=job.density == TEXT)
    started = time.perf_counter()
    reading = reader.read(probe.question, plan)
    seconds = time.perf_counter() - started
    shown, language, kind, number = job.key
    return Outcome(
        shown,
        language,
        kind,
        number,
        *judge(probe, reading.text),
        image_tokens=plan.image_tokens,
        text_tokens=plan.text_tokens,
        prompt_tokens=plan.tokens if reading.tokens is None else reading.tokens,
        output_tokens=reading.output_tokens or 0,
        seconds=round(seconds, 4),
    )


def plan_probe(probe: Probe, sight: Sight, *, as_text: bool = False) -> ReadingPlan:
    """A plan that shows a probe's page and nothing else: as one image, or as text.

    Args:
        probe: The probe.
        sight: What the reader pays.
        as_text: Give the words instead of the image.
    """
    page, count = probe.page, sight.count_text
    sheet = Sheet(_LABEL, page, page, probe.chunks, "a probe")
    words = PlanText("passage", _LABEL, page_label(page), page.text, 0, "a probe")
    fixed = sum(map(count, prompt_texts(probe.question, ())))
    if as_text:
        words = PlanText(words.kind, words.label, words.place, words.text, count(words_of(words)), words.why)
        return ReadingPlan((), count(page.text), (words,), mode="text", reason="calibration", prompt_tokens=fixed)
    image = draw_sheets([sheet], sight.rule.tokens(*sheet.size), None)
    fixed += count(page_heading(image.labels))
    return ReadingPlan((image,), count(page.text), reason="calibration", prompt_tokens=fixed)


def _tallies(jobs: Sequence[_Job], log: Log) -> tuple[Tally, ...]:
    cells: defaultdict[tuple[str, Language, Kind], list[Outcome]] = defaultdict(list)
    for job in jobs:
        cells[job.density, job.language, job.kind].append(log.outcomes[job.key])
    return tuple(_tally(*cell, outcomes) for cell, outcomes in cells.items())


def _tally(density: str, language: Language, kind: Kind, outcomes: Sequence[Outcome]) -> Tally:
    return Tally(
        density=density,
        language=language.code,
        script=language.script,
        kind=kind,
        asked=len(outcomes),
        right=sum(outcome.right for outcome in outcomes),
        verified=sum(outcome.verified for outcome in outcomes),
        abstained=sum(outcome.abstained for outcome in outcomes),
        silent=sum(outcome.silent for outcome in outcomes),
        image_tokens=sum(outcome.image_tokens for outcome in outcomes),
        text_tokens=sum(outcome.text_tokens for outcome in outcomes),
        prompt_tokens=sum(outcome.prompt_tokens for outcome in outcomes),
        output_tokens=sum(outcome.output_tokens for outcome in outcomes),
        seconds=round(sum(outcome.seconds for outcome in outcomes), 3),
    )
