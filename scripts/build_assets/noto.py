"""Fonts: one Noto face for each script that DejaVu and Noto Sans CJK do not set best, and symbols and emoji.

Every face is the regular weight without hints. What was drawn for another script is left out, because another face
of the package is the first choice for it, and so is what an earlier face already draws where that face is a fallback.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.unicodedata import script
from fontTools.varLib.instancer import instantiateVariableFont

from .sources import Source, locate


def _manimgx(name: str, sha256: str) -> Source:
    """A variable font; newer than Debian's, so preferred where there is one."""
    return Source("pypi", "manimgx-fonts", "2026.9.26.post1", f"manimgx_fonts/Noto{name}[wght].ttf", sha256)


def _debian(name: str, sha256: str) -> Source:
    folder = "usr/share/fonts/truetype/noto"
    return Source("debian", "fonts-noto-core", "20201225-1", f"{folder}/Noto{name}-Regular.ttf", sha256)


SCRIPT_FACES = (
    _manimgx("SansArabic", "3fae4d7239d1faa55b234bda8091019a5251ff79df40d5e29367d84bed2a8138"),
    _manimgx("SansHebrew", "9d81d81ad592644487b03843da73a87b99cd28a2c4da4a096e1db8fbd14fda61"),
    _manimgx("SansArmenian", "e979dfaed56ddb4bfd05121958b25425eb7593253d64b6b3654c77c11c5cda94"),
    _manimgx("SansGeorgian", "42f4a8bf4fe0af8afd91ee3c19e81e14f1bc74ddbd9b6a59a4182f67a596adb4"),
    _manimgx("SansDevanagari", "bf99bf762743ff3259e73196852520ab0ffe8d384238bff3e4806a84b981e972"),
    _manimgx("SansBengali", "dc9defe97bb041876b6609e9029d9e1e228a686259acde2fe2a9f99d793ee17d"),
    _manimgx("SansGurmukhi", "8a3096ee2166f6383501e2df7b368fce88cfa4068c8d75bcb6af07da353a00ea"),
    _manimgx("SansGujarati", "83d1bde74d64fb389f97a5e27b2699d8ee8bad4c15a02be347228e6c10011248"),
    _manimgx("SansOriya", "37f482d0179d0a50e3128d004f007ff1c1741ad5f6b0b2bcc7238b257ef1caa0"),
    _manimgx("SansTamil", "37e151cdec4a8cfb15c432f7bb164a83b98df69419d47e50b35aa7073963716b"),
    _manimgx("SansTelugu", "6c06de88b2d420d899543724a13765994191cd29860c6226efca098b51fec64b"),
    _manimgx("SansKannada", "b6b11505d76eddf916667d73adfec19095ec777742444dc662dae81471461f4e"),
    _manimgx("SansMalayalam", "94cddc94a03fa9a5e8d1784090ba97b267def6933d60762081eaa003751142c5"),
    _manimgx("SansSinhala", "3fd7c6a61cb6dfb8a2ca7af5b4078bd24e9c8ad9b55839a0177277db6e4d1326"),
    _manimgx("SansThai", "13f52f79b04f01f2751a81052a5dee2df639fd4e13f4ac30821ab45c8dd5f7e7"),
    _manimgx("SansLao", "fc138d605aa998d8407789ee6a7f5554aae8b54f5cd98d66dd2c33e79d15b67e"),
    _manimgx("SansKhmer", "56f89948a84cc0b01962ed6af573ac4ac885bd7bb6e7e40f9afc72a435728b70"),
    _manimgx("SansMyanmar", "e0b280aa3080aab922800c88fa9a2015a4bec3103bb8b70491a92e4a04f3a3a3"),
    _manimgx("SansEthiopic", "93f223089e300b983dbfd693c7be619e0e76565a70d639e71a4fe0bfd72cf66f"),
    _debian("SerifTibetan", "5893c1e0aefb250bcbeff5c0f8ee4bb27cd3dc19b47d14954b154b094e10ee63"),
    _debian("SansMongolian", "601afb9f08fbbc39f0cf72cb7e11079ada6fa3feed1fadca8e6e5095e7957687"),
    _debian("SansSyriac", "49917b4472e91dfb37291ef4f4821957f4225edaddb6100b1d8736df3910b237"),
    _debian("SansThaana", "241b4be4717d495a72cf7eb8e69891e63a6eb1cc18d98fa357f5af7f58c02446"),
    _debian("SansNKo", "389f4082894bf1833dc5f140a282496114366b410779fbb16b3486f4660e9313"),
    _debian("SansTifinagh", "176233c9dd5649184f3206680debc1a50b411a9229049e0b5d212776af1e2034"),
    _debian("SansCherokee", "bda37783ba22f62d71a647f5ddce6f8e4b4d6959eba3afd5a7eccbcaaa85f72c"),
    _debian("SansCanadianAboriginal", "66b4f453f27d176045bab8e168397ec46322d74306931c807f500eb41c984157"),
    _debian("SansYi", "f621f514dce105a414ef7373a36b54ccc8d760a6319ad7133695fb42a1f02552"),
    _debian("SansJavanese", "faff63a3ea4c5a882508d85935f02e4f80e923551d4716e27706dd3c6cb07d67"),
    _debian("SansBalinese", "97d94b44707d68adde5d0e766536c016e635b64006a4b2dcf4ed79959480f095"),
    _debian("SansSundanese", "eff2b13deacba332b2ddbfebee7dce77cb999d99fb2e342d6027fce71902669b"),
    _debian("SansTaiLe", "a2cde56384066013cf1efafc5d3cfc142b9a0d10c77c7e1f8ee2880cbe121d4c"),
    _debian("SansNewTaiLue", "53005c3e1b61c5d3002510479144867a5a1370a32a78c5cf374f9a6dd576cf9b"),
    _debian("SansTaiTham", "d3065a143eb21f13406307602940b9f7cd20e935a1e20a829f9867b152056714"),
    _debian("SansTaiViet", "b7e6d86488e34d9bbc3c6ba55097d8b1a16325650af50a7242df2c2a4a663ced"),
    _debian("SansCham", "b87ef0181fb1f11da6a36846724a299143d73d8afffd238018fd91291beb87bb"),
    _debian("SansMeeteiMayek", "1e6633879d76284a1fb2e361205341a788313afdd6b1dfb8b7bbe77e27164393"),
    _debian("SansOlChiki", "3dc960a2d687b0e4fe03e5c2eb88be2a3d244c4509029277ca2be248787d33b3"),
    _debian("SansLisu", "243c09079c08619a4b11621f07027c10e5eb067b7e2e217537ae5e01be79e21b"),
    _debian("SansLepcha", "168771a2b64da0214bc92d0b93c20f910685b6b4107405fb57ce7ede438fe9d9"),
    _debian("SansLimbu", "2a7e9f84c1dedb1016a841a81363b2e609090c78799afe01247ccb0f25efd9b0"),
    _debian("SansSylotiNagri", "4ff931e443e1356a1207c12c4e18fff62442bd1d3a653430ac56a4aa0a70021b"),
    _debian("SansVai", "5f58a9c96639c56ea31f85282084dde6d658ede746e3eec64869212fc25a393a"),
    _debian("SansBamum", "5de881d26f4913c63f81db283bcffaafe1f0775d1be8072f39a4f8c0c09b90aa"),
    _debian("SansAdlam", "7360a8023487bff116bfde73a070da0f734f837f3056c81b20791b1f2839b7d3"),
    _debian("SansHanifiRohingya", "abcfae7a163727e1d4507bc2603b2122cc3fbb9d5e14a8f5c11c89222de281f2"),
    _debian("SansOsage", "27d3b1ea74cc799025ed5e8b58d1a33185530c43fbb4119fffbcd161269477d3"),
    _debian("SansChakma", "281bbdb5c31aae460c3a58acd0ba9ed5f92e58ebb03f7614be7c4441520c5525"),
    _debian("SansKayahLi", "24fce18dd43d89de37f1be211ae935d30b2c87e19eece8d52cfc0d9c2ce44806"),
    _debian("SansSaurashtra", "6b5944253e7a33a9336317de9b73bb8a137e7f7795e9f9f2ef82fc13cc665f5c"),
    _debian("SansBuginese", "9572118c512044497fa06cf5ae5209a245295a21746dac2f34ec5fad094f66c0"),
    _debian("SansBatak", "d7913a9681f6bf3f63a3c87f34c87d20bcf8515aceee9c081dc2851292f4efa4"),
    _debian("SansRejang", "929034bf94778de56bcfda14d4099eaf094e472eb4db2b173b6e838ab35d4427"),
    _debian("SansTagalog", "5fe89f89eef4e285575fe1bc5f4340e49cc63a8d43f925bb9af2e78baec6cc96"),
    _debian("SansHanunoo", "63e65378a4f2bbbdeb5f3bf1641baa4d4908a1808390450ec40abff3c94800d9"),
    _debian("SansBuhid", "435cfa275e7ccdff7326430ac498158d0377ac357570efd224f8c2888c8f6b94"),
    _debian("SansTagbanwa", "108c5df5e6913a3b68280963b9ed9c43cadee644b3757e2edd6a969374f95c7c"),
    _debian("SansMiao", "0568835387144b9d03b5b5b3694859766fedd59f7c17b3e1036fa944fc9a9298"),
    _debian("SansMandaic", "a50d69dc52998618f39e490423ab5943d6456f50ade486b54c339e06d53a2c3a"),
    _debian("SansSamaritan", "4878dd9a29f8d24ba1869c85ae5c3b7056e677a14b355135f3359b90b14e1ecc"),
    _debian("SansWancho", "e9840bd886a6133e000474eed786f0985a3cf68d45fa240d38a2a306c6a9965c"),
    _debian("SansSoraSompeng", "3e2bd4f583735c646675e05b4b3a2827015b20ebdfdad73f02c828321255fa23"),
    _debian("SansPahawhHmong", "303dbcc71425c331cc5d293254acfdf15aed04cf5e0075ecba0ed0d8a5d5862b"),
    _debian("SerifNyiakengPuachueHmong", "437324d654ad5d8c0ed9cca7038dbdd62f2f2a3d3584c2dc24611fa36bfbf4fb"),
    _debian("SansMendeKikakui", "732aa89620f926e431f01764362166042cfc309f24272db33fde8aac30911183"),
    _debian("SansWarangCiti", "4d6dff50fd1e5f45eb643ccfc5f67e69bf9425a5e3cd375ddfd64e96ca8a48fb"),
    _debian("SansNewa", "dc8aea050ac05dea01c6a81e6a70d4a7506998a11c6e1ecaaa854b7ff18f9fc6"),
    _debian("SansMro", "6e054fa6b6a160e4ddd41fc9be84d6d62851b75e1e2872dcdfe5fd003958b33f"),
    _debian("SansMasaramGondi", "58fea17ae8fb1d51f647e20d0246ede2b0abca1917f9121a1451488a2295765c"),
    _debian("SansGunjalaGondi", "10b7744bfd151e4ad844155cefd0f60032b005269cf34738fea02b0ff5dacf9c"),
    _debian("SansPauCinHau", "50fd145467b5d971b526643c73784e8530f5571f8192876b8d6654f94bf6d47b"),
    _debian("SansBassaVah", "f00a72b0a05a8bc3da85a07b9a88a77b062737410e319726a0a7b217d8ca8169"),
    _debian("SansMedefaidrin", "508f0e59b886f1ff174ede2d1674bbb09624b37ffb0270b70ba18ef9f89c8dd4"),
    _debian("SerifYezidi", "48e870c0755fea41ff44970fe6c428e8a5a69937835b2016379c8e2d1c229716"),
    _debian("SansOsmanya", "4263abe435e70af98ea372b94d181520bcf6a85f12c2432d2f16448256ceb198"),
    _debian("SansCoptic", "9681bb92c70f4ff74a6a004a139719b6778dfabfcad17cec978a9601d9c69d29"),
    _debian("SansGlagolitic", "5526e640b205befa2f59b3c46513fc94be896a13c4428f84000eb22f8a8f3a32"),
    _debian("SansPhagsPa", "26e1100003585ae36f3e88569626e4e0d99af3f835cb118fe27919d76351047b"),
    _debian("SansRunic", "49e540798dedccf24301437fb5ea5c8a3f42143b1b6c108c1d48c78a41c4ce0f"),
    _debian("SansGothic", "c85e7780c3adda90f56591914d89c3ed4dc9ea1b23d7e3a462fcd39e888ec70f"),
    _debian("SansOldItalic", "732462966b4e78346875e63b78c66094d64bf2a3a9a56d4084f623a542f74904"),
    _debian("SansDeseret", "35a4d331a76073eeff539442b2c3b49efb58baa0d34d1da0f685f6a4b98d1e2f"),
    _debian("SansShavian", "c0135179225f1cd0d25089f5cab2e34d71b43cc1c4c413e153764e8d3ade1a20"),
    _debian("SansUgaritic", "4fe28546a484fbb78df76aa349b99fd73df93bc8e2c486c9906ad0b5e89cb0c8"),
    _debian("SansOldPersian", "cda81a3d030784988209f9fb7cdf9b8a8ced66f3bd59239184d53e2158229893"),
    _debian("SansPhoenician", "a79d2c4f0b4c04cfb8dc97c91145d29dc89965f3afc3985f7c4006ccbde58def"),
    _debian("SansOldTurkic", "7da596306eb88cdab43bb44d45d0b5bb12614488be6e4eec31cc8413c3e18773"),
    _debian("SansBrahmi", "0c9e9d7ebc20b81fff7cf5bcfc4ed5552ad97b3a583c6e33baa2d38952182d05"),
    _debian("SansKaithi", "d217c8bc858594b12e13d0d4accce754284c8f80b5531313ddd1dc2359e03f0f"),
    _debian("SansModi", "54f8107cc084a48aec305329e25487b80887ed873faad3a1eff5e6c1927cbf66"),
    _debian("SansSharada", "d70fdd4d55beb32020d1fecf38ec9dea8304cec2a3098bdf3da70040cc0b2db7"),
    _debian("SansTirhuta", "6c2b525937ea47a0898a2a69675d84673f154f06d36aef5573f767ebdbdfefa0"),
    _debian("SansTamilSupplement", "0fadc30c3c3fd7846e607a3c0eaadcafc7c76579943bc8e7e2856c22d533b680"),
)
"""Faces that are the first choice for a script: all but foreign alphabets is kept."""

LATIN_EXTRA = _manimgx("Sans", "fb53504de62e767a54695416123d68d67f71c9b69722175184ad56e7dd13547b")
"""Latin, Greek and Cyrillic that DejaVu Sans lacks, with what is needed to put its marks on letters."""

EMOJI = _manimgx("Emoji", "de6c18832938afc99caf132b39d6a30a19bac7f2e812e28db2535b4608d27551")

SYMBOL_FACES = (
    _debian("SansMath", "8242bd1e55368b27e32455260754cf9aa58f3ad7ea80664b66c21f1b09910d6c"),
    _manimgx("SansSymbols", "63724daeff6755a45933b9a5e3a3b41df5df8fe925c0f4c991f2f68c08a4182d"),
    _debian("SansSymbols2", "876598db5f1e3bef2bc77c4d94c5b0d5d2c1620be4878a06f18fb5434e331688"),
    _debian("Music", "fdf04893f04fabd36261bc5fb4fb2b0ae4da268286318ab8919f34b3e3458397"),
)
"""Faces that only fill what no other face draws, in order."""

KEPT_NAME_IDS = (0, 1, 2, 3, 4, 5, 6, 13, 14)
UNUSED_TABLES = ("DSIG", "FFTM", "MVAR", "STAT", "VORG", "gasp", "vhea", "vmtx")
ALPHABETS = frozenset({"Latn", "Grek", "Cyrl"})
REGULAR = 400
UNKERNED = frozenset({"NotoSansEthiopic.ttf"})
"""Pair kerning of some hundred syllables among each other takes 0.2 MB and saves two percent of a line."""

BAMUM_SUPPLEMENT = range(0x16800, 0x16A40)
"""569 letters of the stages of 1896 to 1910, nobody's script today and two thirds of that face's bytes."""


def build_noto(covered: Collection[int], folders: Sequence[Path], cache: Path) -> dict[str, bytes]:
    """Every Noto face but the CJK one.

    Args:
        covered: Code points that DejaVu Sans and the CJK face draw.
        folders: Where sources are looked for first.
        cache: Where downloads go.

    Returns:
        Font files by file name. Equal inputs give equal bytes.

    Raises:
        AssetError: A source is missing or is not the pinned one.
    """
    faces: dict[str, bytes] = {}
    for source in SCRIPT_FACES:
        font = _regular(locate(source, folders, cache))
        name = _file_name(source)
        codes = [code for code in font.getBestCmap() if _is_own(code)]
        faces[name] = subset_truetype(font, codes, kerning=name not in UNKERNED)
    emoji = _regular(locate(EMOJI, folders, cache))
    drawn = {*covered, *emoji.getBestCmap()}
    faces[_file_name(EMOJI)] = subset_truetype(emoji, emoji.getBestCmap())
    latin = _regular(locate(LATIN_EXTRA, folders, cache))
    wanted = [code for code in latin.getBestCmap() if code not in drawn or _carries_marks(code)]
    drawn.update(wanted)
    faces[_file_name(LATIN_EXTRA)] = subset_truetype(latin, wanted)
    for source in SYMBOL_FACES:
        font = _regular(locate(source, folders, cache))
        missing = [code for code in font.getBestCmap() if code not in drawn]
        drawn.update(missing)
        faces[_file_name(source)] = subset_truetype(font, missing)
    return faces


def _file_name(source: Source) -> str:
    return Path(source.member).name.replace("[wght]", "").replace("-Regular", "")


def _regular(path: Path) -> TTFont:
    font = TTFont(path, recalcTimestamp=False)
    return instantiateVariableFont(font, {"wght": REGULAR}) if "fvar" in font else font


def _is_own(code: int) -> bool:
    # Marks, digits and punctuation stay: a run keeps them in its own face, so that brackets sit at the height of its
    # letters and a mark has anchors to attach to.
    letter = unicodedata.category(chr(code)).startswith("L")
    foreign = letter and script(chr(code)) in ALPHABETS
    return not foreign and code not in BAMUM_SUPPLEMENT


def _carries_marks(code: int) -> bool:
    # A letter and its marks have to come from one face.
    return chr(code).isascii() or unicodedata.category(chr(code)) == "Mn"


def subset_truetype(font: TTFont, codes: Collection[int], *, kerning: bool = True) -> bytes:
    """The font cut down to `codes` and what they turn into, unhinted.

    Of the layout features fontTools' own list is kept: all that shapers apply unasked, in every script, and few others.

    Args:
        font: The font; it is changed.
        codes: Code points to keep.
        kerning: Whether to keep pair kerning.

    Returns:
        An OpenType font. Equal inputs give equal bytes: no time stamp is written.
    """
    options = subset.Options()
    options.hinting = False  # pages are rendered at a multiple of their size, where hints only distort
    if not kerning:
        options.layout_features = [tag for tag in options.layout_features if tag != "kern"]
    options.name_IDs = list(KEPT_NAME_IDS)
    options.name_languages = [0x409]
    options.notdef_outline = True
    options.glyph_names = False
    options.recalc_timestamp = False
    options.drop_tables += UNUSED_TABLES
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    buffer = BytesIO()
    font.save(buffer)
    return buffer.getvalue()
