"""The faces that ship with the package, in the order in which they are asked for a glyph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Face:
    """A font file among the package's assets.

    Attributes:
        name: File name.
        sha256: Hex digest of the file; part of every profile's fingerprint.
        kind: Which of a profile's sizes it is set in.
        scripts: ISO 15924 codes of the scripts it is the first choice for. `Zmth`, `Zsym` and `Zsye` stand for
            mathematics, symbols and emoji, which Unicode counts among the common characters.
    """

    name: str
    sha256: str
    kind: Literal["latin", "mono", "cjk", "complex", "symbol", "emoji"]
    scripts: tuple[str, ...]


def _noto(name: str, script: str, sha256: str) -> Face:
    """A Noto face for one script."""
    return Face(f"Noto{name}.ttf", sha256, "complex", (script,) if script else ())


FACES: tuple[Face, ...] = (
    Face(
        "DejaVuSans.ttf",
        "86842ce466ec70a9b52ad692606d11856aaabdec2c5971a2fd9905af9ee998f0",
        "latin",
        ("Latn", "Grek", "Cyrl", "Armn", "Brai", "Ogam", "Tfng"),
    ),
    Face(
        "DejaVuSansMono.ttf",
        "3033bb59ca827c13b145f4e5b0912012bd2955a891f99445a6f388ef838189a0",
        "mono",
        (),
    ),
    Face(
        "NotoSansCJKsc-subset.otf",
        "0355dd589e0ac31dd7b24db78960bf50df4281dd474dc13d19582de5ee43f0ad",
        "cjk",
        ("Hani", "Hira", "Kana", "Hang", "Bopo"),
    ),
    Face(
        "NotoSans.ttf",
        "a6052d5c0746a05142ad50e460c7fa21617af7b7cfb8f49dbd05a9ae4ba56af0",
        "latin",
        (),
    ),
    Face(
        "NotoSansMath.ttf",
        "500cf90f9be6d122cfa3c8938bda63bc73d6c7866e789897725444d5e442df04",
        "symbol",
        ("Zmth",),
    ),
    Face(
        "NotoSansSymbols.ttf",
        "34fff9b7c97ececa742c2472c0cf7d2114cf6ace8829a64a9deaf9a378fcfc0d",
        "symbol",
        ("Zsym",),
    ),
    Face(
        "NotoSansSymbols2.ttf",
        "30cd3d9f0dd66ab3601361a990e6b6cf031a8e443d951b39f6ca986cd775e9bd",
        "symbol",
        (),
    ),
    Face(
        "NotoMusic.ttf",
        "a6d3eb657c1965d25a9771d02dfc49778a7962af172f20d82e3af8bada2651a1",
        "symbol",
        (),
    ),
    Face(
        "NotoEmoji.ttf",
        "4cd3a2408f0ff9199f42c6709f8a48cc798c5354d7ff5033901c9e3d529a15dd",
        "emoji",
        ("Zsye",),
    ),
    _noto("SansArabic", "Arab", "09ea6718f7a01e7638af39d05791ccffa330329efb4c018c51cfc05daa017639"),
    _noto("SansHebrew", "Hebr", "61aa5ab056e672f5c04841836df696a44ee3561e740dd364f21cc603aad55144"),
    _noto("SansArmenian", "", "a6f59b0ca5742fd83b6110df7de01c900ff4568983e33624ebb48159faf8b08a"),
    _noto("SansGeorgian", "Geor", "53fff7d58c32f4b4030e2c8acd6822a82a39c397921e386c011f5ae88b76da6e"),
    _noto("SansDevanagari", "Deva", "a11bca1815f505d17737ab2a109f9bc4f98265b622a82b48ab13f9d2885b200c"),
    _noto("SansBengali", "Beng", "be444f025bc46542e431a6a58cc7766fb6e45db1fa3654f38ecf85999d116c19"),
    _noto("SansGurmukhi", "Guru", "b141e913cf5b2750f9da86d6a3e2aa661248aadaad35dc13002be415cce81fe2"),
    _noto("SansGujarati", "Gujr", "02ca3ed013a35748c7e9bebd18c6847ebb290ae332ed1ec57d09af590f386acd"),
    _noto("SansOriya", "Orya", "a6c40a0e0e24f4b43e179732be8926a8b221c32a055f6ef9cc1ca173a96be383"),
    _noto("SansTamil", "Taml", "1905c0674faa84ec81aa0a10abe6bdef72e68ebe76162af2c49093623ac3896c"),
    _noto("SansTelugu", "Telu", "0b8fbb43123c5de197ce7ee6ad166b768c9144cade10a7296b78224b6077315a"),
    _noto("SansKannada", "Knda", "e57b3ee8c8519af8388e6f050d132173e9cec0e7db30cfb2fb401aa65dca55a4"),
    _noto("SansMalayalam", "Mlym", "d16a516a55bfc4dc2d5a89c339bcb247aa5f54c3b29fac099e3f3767307c369c"),
    _noto("SansSinhala", "Sinh", "e625712e603057ce32fab0ad6d7dcea7841037738506f1ba2e20f131b8c925c3"),
    _noto("SansThai", "Thai", "45a49a5c6314ebd253fb7b3bcbd9bebbc9f1c826086b26da3eb17daefc6ffa0e"),
    _noto("SansLao", "Laoo", "c18458a50c53cb726e56f8ebee6a73eb3f5956fc97ad5e2c25d08742cb57ad56"),
    _noto("SansKhmer", "Khmr", "4771cb5da3dc1d1fbfe8bb1aeb0ebcdcd2ee1c3217fc4b41b528f89dfb835d03"),
    _noto("SansMyanmar", "Mymr", "626b6c24150928efbb76467e652b09aa954da2a54ec3f804dc68559a83914599"),
    _noto("SansEthiopic", "Ethi", "b862234aef63af0da426fcc3f328e419484f245fd32323a252441555d21476df"),
    _noto("SerifTibetan", "Tibt", "cf78de99df4a0e024cc1db23bec9ab10ceae09c443c094880892921ccb2800d3"),
    _noto("SansMongolian", "Mong", "25b3c3cb3113b41a0ee494415159d433c0d9046dbf8cc0a9f50645fe5466134a"),
    _noto("SansSyriac", "Syrc", "9ee7f3048dc6b02551773c4ba9f8e0056069a2ad250864346f7c5646912fc952"),
    _noto("SansThaana", "Thaa", "09554bbb17e0da729672764974507596bc0347be74b25b712f4faad2eef29866"),
    _noto("SansNKo", "Nkoo", "4c991333f315c7ddab05516cc8a38f64b0c7d96f1f01f46142cda83b51c06d3b"),
    _noto("SansTifinagh", "", "13de15fdb5bea5f14f3559c715a3ab8ca56b7967bd634f5e1c457dc4a108c164"),
    _noto("SansCherokee", "Cher", "8783441b5e905b37e5093dff3cbeed7a8343e0d0ec75eb4de3d46d559dc4cfbe"),
    _noto("SansCanadianAboriginal", "Cans", "fc90d259c3f11fd0a59f050de2dd1ef7b2096a34f09dc7111f3c822905b4dafd"),
    _noto("SansYi", "Yiii", "568f177878ade72c9633a886d02ec9397be12d25b540d788f61126764e62877d"),
    _noto("SansJavanese", "Java", "f109548d47348d003a11db95371bfff3e1c1fea83489911d07f92d75115d0bef"),
    _noto("SansBalinese", "Bali", "21951a3704a0d242936dc42dfb1d3b83664e7dd870465d17d915644fb700dde8"),
    _noto("SansSundanese", "Sund", "585c272436ecfc4ef20ec79d4b9d88c0b5b2e80a348bee3937bf01bd2b8ba551"),
    _noto("SansTaiLe", "Tale", "3feb11297140495450c0465761d4f8b6d84a40b476e4165dadf63a37399d4447"),
    _noto("SansNewTaiLue", "Talu", "652b567b2d65b3db52cfc0d8f192cefefd4b42baec3b2c3466a97daa14a65d2a"),
    _noto("SansTaiTham", "Lana", "fbefd7e00d254ae1d7b4ae07cc7eb8a4db7a0b9aabd0ff9592b9aed6cf19483b"),
    _noto("SansTaiViet", "Tavt", "e9e5d44479e6970ae0766e3c158bc55d6bf185eeea21f252af1a826ce4102996"),
    _noto("SansCham", "Cham", "a5a02997ff7729eef2d3526ba3875edf71645b095df0405670dacca9c6e2c354"),
    _noto("SansMeeteiMayek", "Mtei", "cec55b26f249a45a3dee22eaaf0953488d1b0ade0fb11ebbc4b552255aa9a6f7"),
    _noto("SansOlChiki", "Olck", "87bed787263f785b2a37385144f12bddcb9e5f27ba0fd440a3e8a4c84a095551"),
    _noto("SansLisu", "Lisu", "54454310948006c75b78f53d11ccb9047c93a5308272f4491741f879cc6b55c8"),
    _noto("SansLepcha", "Lepc", "887850ced3743ccd5ca667293bf3d662cf23b3efd1842711c3a4df91d551fedf"),
    _noto("SansLimbu", "Limb", "af21ee62baf199b55f220db748a7c83d9e454514e53a9df79c399c80eab48de7"),
    _noto("SansSylotiNagri", "Sylo", "7a37ff66c5fc7321c66e05e8d9411551b7792ba1ae0fb11605614af6a2134a74"),
    _noto("SansVai", "Vaii", "0bb37758170e396d5228f438cdf75952b26de93cb3cb5833efb152ce1900c47e"),
    _noto("SansBamum", "Bamu", "de224a4e061b268590b97b85426fd6653246248899348675f5277a5393d39bb7"),
    _noto("SansAdlam", "Adlm", "61d789bbe28c5fbc7b9ef582baa2f7ec3f5905d65b8205846267398320996fa1"),
    _noto("SansHanifiRohingya", "Rohg", "8e3d2e9dd6ed5765791ecb4314d9f09e9bb16865bbc51a4ebf00115d5c9df3ae"),
    _noto("SansOsage", "Osge", "8e714ad0a7f2ca8ae08fb1af0a887a0f1c5e3e27ae29c717e5bc0b756b63118b"),
    _noto("SansChakma", "Cakm", "425ac282ec2769832d63fc4e38bd082a143634eb1a9fbc1ebe562faafe52a487"),
    _noto("SansKayahLi", "Kali", "9330599bae6501626cde195fa9d4306d8ad9cdbd8115bd513af5d0492d3b282e"),
    _noto("SansSaurashtra", "Saur", "e5ce85a70bd180bf516090bb54160122f74451ba4159b9ff5c6c17c68a0175ee"),
    _noto("SansBuginese", "Bugi", "b1ec5538f5925c6b189208103d00108684877c456202e671012eb70725a0eb84"),
    _noto("SansBatak", "Batk", "39048b43e8ef311c52060291d1d6b0b62aac100209502a8761fa82df97cdcb13"),
    _noto("SansRejang", "Rjng", "872f58eade7bc468811a6116711ecf0e20f3e417634df9c0fad3bd9239a8ec27"),
    _noto("SansTagalog", "Tglg", "f531b5ef65758f3cc8aef3aa1f6830936ab0c72221d539a8141f9348ad8a03d7"),
    _noto("SansHanunoo", "Hano", "bed0964c9889d0e56f158d639220bc999299215819a6c5998a8d962a004d13a7"),
    _noto("SansBuhid", "Buhd", "00c838950bfa0b1a1d4b7c9a6d86147a74f7d8e0d98049643f0c2013a56e130d"),
    _noto("SansTagbanwa", "Tagb", "77ef7df5762c7392c015026cdb3378c168fe3ef74932bd21224fb5980281b044"),
    _noto("SansMiao", "Plrd", "9fbddee31ac04c72a8dcaa832759af5207b2ef7835ad2ccc96f2d07a997a9498"),
    _noto("SansMandaic", "Mand", "0b5006d7099c01480311c6ab95bc087c7f49f025b9bcce303dc37fb5893f8d96"),
    _noto("SansSamaritan", "Samr", "1f9ec413e89c555d1589d904af3b49d345133f45135b06eec3e5991464d8cc22"),
    _noto("SansWancho", "Wcho", "611337f457f8b2113ffe614d5756765e42a08814214cd8ca0dc537390a48d184"),
    _noto("SansSoraSompeng", "Sora", "a9a987e23d313bd24d30791b293bbdb702604e9efdaab2717df8bbcf8f8730fc"),
    _noto("SansPahawhHmong", "Hmng", "9b26ca9bf2f8dbe324e9c751995bbb8efdddb97f3d5f3a03e328b4318fbfe732"),
    _noto("SerifNyiakengPuachueHmong", "Hmnp", "72980f074ae54a3e5636c1d9814af36ab0ff961105473949612a6172f546d1e9"),
    _noto("SansMendeKikakui", "Mend", "a561e2f87226cf2a364f89e959c72bcf55ca8aecd9c8ae07c06340b3f8bfead2"),
    _noto("SansWarangCiti", "Wara", "89594c26d697558769a75c97ddb3b9645d30c827895a439aace47035ac2e689e"),
    _noto("SansNewa", "Newa", "9e2108148623a7ccba1b86a8bb693b91087ba0731d702b916f2eb7e7b246e723"),
    _noto("SansMro", "Mroo", "db9c0008da964ee71395e4269c02e9bd8b75306b5b9b336cbe237ef2c87b1603"),
    _noto("SansMasaramGondi", "Gonm", "a3acaca2d55f6f8c6ad0ed343457803acf9fa77a9eb49ce333184997fdb65b3b"),
    _noto("SansGunjalaGondi", "Gong", "2f04ec6764cb92c15f9f16d24ae76c767a0628ae12c81d58f70ff7f8dfb97a26"),
    _noto("SansPauCinHau", "Pauc", "a030f78d48b13529fffcbec88995d60fa6697e334a1569678673e4b1bd813f2e"),
    _noto("SansBassaVah", "Bass", "94559bc96901195b538ae60f4dcdd802442b9195b6453bf6294c693200ac3dc2"),
    _noto("SansMedefaidrin", "Medf", "62aa5c0d7c9767288063aa8c34148ec47f2943b1175644eb9d3ea4117d0a65e7"),
    _noto("SerifYezidi", "Yezi", "ab58df8ee011ba33c1fe76f9f038c26b3b2434600c03d295473ee682dbf50b42"),
    _noto("SansOsmanya", "Osma", "96888749a70d183df881bc2613107c49ab0ca5d503f52e8376dbe4febdc6110e"),
    _noto("SansCoptic", "Copt", "edce38fc2a1eafeef6bb3be5701776f5ac9697ca2f8d4e4bda7f82578848e7a7"),
    _noto("SansGlagolitic", "Glag", "3f47d0c50470400b9e818e348a478d58eb5fd56a7916b487143a6bf901746784"),
    _noto("SansPhagsPa", "Phag", "e48c43b333117025e5279b7f7799e37fe4b77b6fda191396717357ec5c479458"),
    _noto("SansRunic", "Runr", "1f5d7013c928887a744f3a547da930d2a7d463e501963908c96c71bf4d2b2e20"),
    _noto("SansGothic", "Goth", "24ba4bdd4c59299ffb0af3a07a455c8f2c20422ab3aac023e66377c919a7b1da"),
    _noto("SansOldItalic", "Ital", "31645695a14e8306cb23349e82bc334a08e123aa372da8568dfa809c7209927e"),
    _noto("SansDeseret", "Dsrt", "8d9826e7a0584c214a18fabe07557073a0c441a26bdab7261f0eb38f97d13c00"),
    _noto("SansShavian", "Shaw", "739ab42455a51be9d0c32260f22e72036025a707cc6af8f30a0d0f79c7fe9b25"),
    _noto("SansUgaritic", "Ugar", "90ec06c97e4f4e819e25837595df1e42ae394693cd22b3fd8db12e1f970272e7"),
    _noto("SansOldPersian", "Xpeo", "6c779adb4558e1eef7e790ec73e092bd6a7caada9b5b41a75f2d80fac7562cfc"),
    _noto("SansPhoenician", "Phnx", "e62e16c437adebe49801457c10d1b0c68481488bfb28b5da4ee4f86b2a331d3d"),
    _noto("SansOldTurkic", "Orkh", "840558ab1c6f7de2409972bb36c3e3593844e1a95591e93aaf1be2f4b0e863be"),
    _noto("SansBrahmi", "Brah", "b20195fae3a8e488bf7f6c4bf4b1e56ee32829051fcb6d437149b3911ddf33c2"),
    _noto("SansKaithi", "Kthi", "d0ffcb3ebf6c6af017cb0b256ee4fd4b9ec4786ef6ca45566ea84218d64cd13d"),
    _noto("SansModi", "Modi", "ad30802d342bdb297f29e1dde21ac23de2bb109b2e8f975c086ff115aa089870"),
    _noto("SansSharada", "Shrd", "9c9b6df847dcaa763e50468d7ed444f515efccc0d6be34772063cf1ca9fcdf80"),
    _noto("SansTirhuta", "Tirh", "61804cb0951215949a4c9630b0be1b3d8734691d43430ea3ba521f1380ad86f9"),
    _noto("SansTamilSupplement", "", "ee1867139dae1c0ab9c94b3c6fa5a45374be44ae4157307f824f2b6ea83ed959"),
)
"""Fallback order: faces of many characters go first, so that few files are opened for what no script owns.

DejaVu Sans is the first choice where it has all letters in use and draws them larger than Noto does (Armenian), or less
alike: in Noto Sans Tifinagh yal and yan are two strokes and one. For Arabic, Hebrew, Georgian, Lao, Canadian syllabics
and N'Ko it lacks letters or marks, and a word should not change its face.
"""
