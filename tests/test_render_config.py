"""render_config files in keys of ours, and what the documentation says about them."""

from __future__ import annotations

import inspect
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.config import glyph as glyph_config
from glyph_rag.typeset.config.load import ALIASES, KEYS, load_render_config, to_config
from glyph_rag.typeset.fields import CHOICES, COLOURS, INTEGERS, SIZE_RANGE, SIZE_STEP, SIZES, SWITCHES
from glyph_rag.typeset.profile import PRESETS, RenderProfile, UserFont
from tests.test_profile import FONT, NAMES, REAL_FONTS, profiles

ROOT = Path(__file__).parent.parent


def write(folder: Path, text: str, name: str = "render.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


@given(profiles(REAL_FONTS))
def test_config_round_trip(profile: RenderProfile) -> None:
    text = to_config(profile)
    path = Path(_SCRATCH[0]) / "render.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_render_config(path) == profile
    # A YAML library reads the same, so that nothing here is a dialect.
    assert load_render_config(yaml.safe_load(text)) == profile
    (path := path.with_suffix(".json")).write_text(json.dumps(yaml.safe_load(text), indent="\t"), encoding="utf-8")
    assert load_render_config(path) == profile


_SCRATCH: list[str] = []


@pytest.fixture(autouse=True, scope="module")
def _scratch(tmp_path_factory: pytest.TempPathFactory) -> None:
    _SCRATCH.append(str(tmp_path_factory.mktemp("config")))


@pytest.mark.parametrize("name", ["no.ttf", "1e5", "010", "schön Öl #1.ttf", "a\u2028b.ttf", "\U0001f600.ttf", "true"])
def test_strange_font_names_survive(tmp_path: Path, name: str) -> None:
    shutil.copy(FONT, tmp_path / name)
    profile = RenderProfile(fonts=(UserFont.load(tmp_path / name),))
    assert load_render_config(write(tmp_path, to_config(profile))) == profile
    assert load_render_config(write(tmp_path, yaml.safe_dump({"font-path": name}))) == profile
    assert load_render_config(write(tmp_path, json.dumps({"font-path": name}), "render.json")) == profile


def test_both_spellings_a_preset_and_relative_fonts(tmp_path: Path) -> None:
    (tmp_path / "fonts").mkdir()
    shutil.copy(FONT, tmp_path / "fonts" / "own.ttf")
    path = write(
        tmp_path, "\ufeff# mine\nmargin-x: 10\nmargin_y: 12\npreset: dense\nlatin-px: 8.5\nfonts: [fonts/own.ttf]\n"
    )
    font = UserFont.load(tmp_path / "fonts" / "own.ttf")
    wanted = replace(PRESETS["dense"], margin_x=10, margin_y=12, latin_px=8.5, fonts=(font,))
    assert load_render_config(path) == load_render_config(str(path)) == wanted
    assert load_render_config({"font-path": tmp_path / "fonts" / "own.ttf"}) == RenderProfile(fonts=(font,))
    assert load_render_config({}) == RenderProfile()
    assert load_render_config({"horizontal-scale": 90}) == RenderProfile(horizontal_scale=90)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("margin: 8", r"render.yaml, line 1: there is no key 'margin' \(did you mean 'margin_x' or 'margin_y'\? docs/"),
        ("preset: dense\nlatin-pix: 8", r"line 2: there is no key 'latin-pix' \(did you mean 'latin-px'"),
        ("qqqq: 8", r"there is no key 'qqqq' \(docs/"),
        ("<<: {width: 672}", r"nested"),
        ("preset: densest", r"line 1: there is no preset 'densest' \(did you mean 'dense'"),
        ("preset: [dense]", r"there is no preset"),
        ("width: 12px", r"line 1: width is '12px' \(choose a whole number"),
        ("width: true", r"width is True"),
        ("width: 0672", r"width is '0672'"),
        ("width: 0x2a0", r"width is '0x2a0'"),
        ("width: 11:12", r"width is '11:12'"),
        ("width: 6_72", r"width is '6_72'"),
        ("width: " + "9" * 5000, r"width is '999"),
        ("width: -672", r"width is -672"),
        ("width: 672.0", r"width is 672\.0"),
        ("\n\nlatin-px: .nan", r"line 3: latin_px is '\.nan'"),
        ("latin-px: .inf", r"latin_px is '\.inf'"),
        ("crop_width: no", r"crop_width is 'no' \(choose true or false"),
        ("crop_width: 'true'", r"crop_width is 'true'"),
        ("align: no", r"align is 'no'"),
        ("ink: #000000", r"line 1: ink has no value \(.*a colour goes in quotes"),
        ("ink: 000000", r"ink is '000000'"),
        ("width: 600", r"render.yaml: width 600 is not a multiple"),
        ("latin_line: 9", r"render.yaml: latin_line is 9, less than"),
        ("margin_x: 8\nmargin_x: 9", r"line 2: 'margin_x' is given twice"),
        ("margin_x: 8\nmargin-x: 8", r"line 2: 'margin-x' is given twice \(first as 'margin_x'"),
        ("fonts: []\nfont-path: []", r"line 2: 'font-path' and 'fonts' are the same"),
        ("font-path: nothing.ttf", r"line 1: there is no font file '.*nothing\.ttf' \(.*drop the key"),
        ("font-path: [3]", r"font-path is \[3\] \(choose the path"),
        ("font-path: ''", r"font-path is ''"),
        ("font-path: render.yaml", r"line 1: '.*render\.yaml' is no font"),
        ("a: &a [x, x]\nb: [*a, *a]", r"line 1: anchors and aliases"),
        ("width: *a", r"anchors and aliases"),
        ("width: !!int '672'", r"line 1: tags such as tag:yaml.org,2002:int"),
        ("width: !!python/object/apply:os.system ['true']", r"tags such as"),
        ("width: {a: 1}", r"line 1: the value of 'width' is nested"),
        ("fonts: [[a]]", r"the value of 'fonts' is nested"),
        ("? [a]\n: 1", r"line 1: a key is not a string"),
        ("[" * 100_000, r"this is no mapping"),
        ("a: " + "[" * 100_000, r"nested"),
        ("- width", r"this is no mapping"),
        ("672", r"this is no mapping"),
        ("", r"this is no mapping"),
        ("# nothing", r"this is no mapping"),
        ("width: 672\n---\nwidth: 672", r"several documents"),
        ("width: 672\n\tcolumns: 2", r"line 2: this is no YAML"),
        ("width: 'x", r"this is no YAML"),
        ("width: \x00", r"this is no YAML"),
        ("width: 672\n" + "#" * 1_000_000, r"more than 1000000 bytes"),
    ],
)
def test_mistakes_in_yaml_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message) as caught:
        load_render_config(write(tmp_path, text))
    assert caught.value.hint
    assert str(caught.value).count("render.yaml") <= 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"width": 672,\n "width": 672}', r"line 1: 'width' is given twice"),
        ('{\n"columns": 2,\n"width": 6.5e2}', r"render.json, line 3: width is 650\.0"),
        ('{"latin_px": NaN}', r"NaN is no number"),
        ('{"latin_px": -Infinity}', r"-Infinity is no number"),
        ('{"latin_px": 1e999}', r"latin_px is inf"),
        ('{"width": ' + "9" * 5000 + "}", r"render.json"),
        ('{"width": null}', r"width has no value"),
        ('{"width": {}}', r"nested"),
        ('{"fonts": [[]]}', r"nested"),
        ('{"fonts": [{}]}', r"nested"),
        ("[]", r"no mapping"),
        ("", r"line 1: this is not JSON"),
        ("{'width': 672}", r"line 1: this is not JSON"),
        ('{"a": ' + "[" * 100_000, r"render.json"),
    ],
)
def test_mistakes_in_json_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load_render_config(write(tmp_path, text, "render.json"))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="there is no file"):
        load_render_config(tmp_path / "none.yaml")
    with pytest.raises(ProfileError, match="there is no file"):
        load_render_config(tmp_path)
    (tmp_path / "utf16.yaml").write_bytes("width: 672".encode("utf-16"))
    with pytest.raises(ProfileError, match=r"not UTF-8 \(see the byte at 0\)"):
        load_render_config(tmp_path / "utf16.yaml")


def test_files_that_may_not_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("not yours")

    path = write(tmp_path, "width: 672")
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ProfileError, match=r"cannot read .*not yours"):
        load_render_config(path)
    with pytest.raises(ProfileError, match=r"cannot read the font .*not yours"):
        UserFont.load(path)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({3: 4}, "render_config: the key 3 is not a string"),
        ({"width": None}, "render_config: width has no value"),
        ({"margin-x": 1, "margin_x": 1}, "given twice"),
        ({"width": True}, "render_config: width is True"),
        ({"latin_px": math.nan}, "latin_px is nan"),
        ({"fonts": {"a": 1}}, "choose the path of a font file"),
        ({"ink": "#777"}, "render_config: ink #777777 on paper"),
    ],
)
def test_mistakes_in_mappings_are_named(mapping: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load_render_config(mapping)


@given(st.text() | st.text("abwidthmarginx-_:,[]{}&*!|>'\"#%@ \n\t0123.", min_size=1))
def test_any_text_is_a_profile_or_an_error(text: str) -> None:
    for name in ("any.yaml", "any.json"):
        path = Path(_SCRATCH[0]) / name
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            assert isinstance(load_render_config(path), RenderProfile)
        except ProfileError as error:
            assert error.message and error.hint


# ---------------------------------------------------------------- the documentation


def test_the_tables_of_the_documentation_are_those_of_the_code() -> None:
    for table in (preset_table(), key_table(), glyph_table()):
        assert table in DOCS, f"docs/render-config.md should have\n{table}"
    assert set(ALIASES) == set(re.findall("Also `(.*?)`", key_table()))


DOCS = (ROOT / "docs" / "render-config.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", re.findall("```yaml\n(.*?)```", DOCS, re.DOTALL))
def test_the_examples_of_the_documentation_load(tmp_path: Path, example: str) -> None:
    for found in re.findall("font-path: (.*)", example):
        path = tmp_path / "config" / found
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FONT, path)
    (tmp_path / "config").mkdir(exist_ok=True)
    assert isinstance(load_render_config(write(tmp_path / "config", example)), RenderProfile)


def preset_table() -> str:
    rows = [f"| key | {' | '.join(PRESETS)} |", f"| --- |{' --- |' * len(PRESETS)}"]
    for name in NAMES:
        values = [shown(getattr(profile, name)) for profile in PRESETS.values()]
        if len(set(values)) > 1:
            rows.append(f"| `{name}` | {' | '.join(values)} |")
    return "\n".join(rows)


def key_table() -> str:
    rows = ["| key | default | values | meaning |", "| --- | --- | --- | --- |"]
    rows.append(f"| `preset` | careful | {', '.join(PRESETS)} | Profile whose values the other keys replace. |")
    for name in KEYS[1:]:
        default = shown(getattr(RenderProfile(), name))
        rows.append(f"| `{name}` | {default} | {allowed(name)} | {meanings()[name]} |")
    return "\n".join(rows)


def glyph_table() -> str:
    rows = ["| key | what it means here |", "| --- | --- |"]
    rows += [f"| `{key.replace('_', '-')}` | {meaning} |" for key, meaning in glyph_config.KEYS.items()]
    return "\n".join(rows)


def shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value == () else json.dumps(value) if isinstance(value, bool) else str(value)


def allowed(name: str) -> str:
    if name == "label_px":
        return "0, or 6 to 48"
    if name in INTEGERS:
        return "{} to {}".format(*INTEGERS[name])
    if name in SIZES:
        return f"{SIZE_RANGE[0]:g} to {SIZE_RANGE[1]:g}, in steps of {SIZE_STEP}"
    if name in CHOICES:
        return ", ".join(CHOICES[name])
    if name in SWITCHES:
        return "true, false"
    return '"#rgb", "#rrggbb"' if name in COLOURS else "a path or a list of paths. Also `font_path`"


def meanings() -> dict[str, str]:
    """What the docstring of RenderProfile says about each field."""
    section = inspect.getdoc(RenderProfile).split("Attributes:\n")[1].split("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", meaning) for name, meaning in entries}
