"""The little words by which a sentence says the opposite, or the same again: small tables for twelve languages.

What belongs where follows Universal Dependencies (the features Polarity=Neg, PronType=Art and PronType=Prs, and
UPOS=AUX; https://universaldependencies.org/u/feat/); the number words are those of CLDR 48 (spell-out rules, Unicode
License v3). The words themselves were written down by hand. For a language that is missing here nothing counts as
harmless, so verification only gets stricter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from glyph_rag.embed.language import guess_language
from glyph_rag.read.verification.fold import fold


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What verification knows of a language. All words are folded as by `fold`.

    Attributes:
        free: Words that may be left out or put in: articles, particles of tense, "also".
        same: For each form of a verb such as "be" the name of that verb: tense is no difference.
        negations: Words that turn a statement round.
        conditions: Words after which a statement is only supposed: "if", "whether".
        negates_behind: Whether a negation may also stand behind what it negates.
        pronouns: Words that stand for a name said before.
        conjunctions: "And".
        copulas: Words between two sides that can change places: "Paris is the capital", "the capital is Paris".
        frames: How an answer begins that adds nothing of its own: "The answer is".
        it_is: As `frames`, for the ones that make a statement: "It was".
        numbers: Number words and their values.
        endings: Groups of endings of verbs and plurals; words that differ in nothing else say the same.
        decimal_comma: Whether the decimal mark is a comma; None where the language is not known.
        merged: Words of several characters, for scripts without spaces.
        article: The article, where it is written as part of the word.
    """

    free: frozenset[str] = frozenset()
    same: dict[str, str] = field(default_factory=dict)
    negations: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    negates_behind: bool = False
    pronouns: frozenset[str] = frozenset()
    conjunctions: frozenset[str] = frozenset()
    copulas: frozenset[str] = frozenset()
    frames: tuple[str, ...] = ()
    it_is: tuple[str, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    endings: tuple[frozenset[str], ...] = ()
    decimal_comma: bool | None = None
    merged: re.Pattern[str] | None = None
    article: str = ""


_FREE = {
    "en": "the a an also however therefore thus indeed",
    "de": "der die das den dem des ein eine einen einem einer eines auch jedoch",
    "es": "el la los las un una unos unas lo también",
    "ro": "un o unei unui niște al a ai ale cel cea cei cele",
    "el": "ο η το οι τα τον την του της των τους τις τη ένας μία μια ένα έναν ενός μιας",
    "ru": "также",
    "tr": "bir",
    "vi": "các những đã đang cũng cái",
    "ar": "قد لقد",
    "hi": "भी",
    "th": "แล้ว ก็ นั้น นี้ ได้แก่",
    "zh": "的 了 着 已 曾 已经 曾经 也",
}

# Forms of one verb are parted by blanks, verbs by "/".
_VERBS = {
    "en": "is are was were am/have has had/do does did/win wins won/lose loses lost/give gives gave given/take takes "
    "took taken/make makes made/become becomes became/begin begins began begun/write writes wrote written/say says "
    "said/hold holds held/lead leads led/build builds built/find finds found/leave leaves left/know knows known knew/"
    "go goes went gone/come comes came/get gets got/see sees saw seen/grow grows grew grown/rise rises rose risen/"
    "fall falls fell fallen/run runs ran/keep keeps kept/send sends sent/meet meets met/bring brings brought/buy buys "
    "bought/sell sells sold/spend spends spent/choose chooses chose chosen/speak speaks spoke spoken/stand stands "
    "stood/teach teaches taught/think thinks thought/tell tells told/wear wears wore worn",
    "de": "ist sind war waren/hat haben hatte hatten/wird werden wurde wurden",
    "es": "es son era eran fue fueron/está están estaba estaban estuvo/ha han había habían/tiene tienen tenía tenían "
    "tuvo tuvieron",
    "ro": "este e sunt era erau/are au avea aveau",
    "el": "είναι ήταν/έχει έχουν είχε είχαν",
    "ru": "был была было были/является являлся являлась являлось являются являлись",
    "ar": "كان كانت يكون تكون",
    "hi": "है हैं था थे थी थीं",
}

_NEGATIONS = {
    "en": "not no never none nobody nothing neither nor without cannot hardly",
    "de": "nicht kein keine keinen keinem keiner keines nie niemals niemand nichts ohne weder",
    "es": "no nunca jamás ningún ninguna ninguno nadie nada sin ni tampoco",
    "ro": "nu n niciodată niciun nicio nimeni nimic fără nici",
    "el": "δεν δε μη μην ποτέ κανείς κανένας καμία κανένα τίποτα χωρίς ούτε όχι",
    "ru": "не ни нет никогда никто ничто ничего без никакой никакие нельзя",
    "tr": "değil yok hiç hiçbir asla",
    "vi": "không chưa chẳng chả đừng",
    "ar": "لا لم لن ليس ليست غير بدون دون",
    "hi": "नहीं न मत ना बिना",
    "th": "ไม่ มิ ไร้ ปราศจาก",
    "zh": "不 没 未 无 非 勿 别 莫 否",
    "ja": "ない ません ず なく",
    "ko": "않 못 없 아니",
}
_BEHIND = frozenset(("de", "tr", "hi", "ja", "ko"))

_PRONOUNS = {
    "en": "he she it they him her them his its their this these",
    "de": "er sie es ihn ihm ihr ihre ihren ihrem ihrer ihres sein seine seinen seinem seiner seines dieser diese "
    "dieses",
    "es": "él ella ellos ellas esto este esta",
    "ro": "el ea ei ele acesta aceasta",
    "el": "αυτός αυτή αυτό αυτοί αυτές αυτά",
    "ru": "он она оно они его её ее их ему им него",
    "tr": "o onlar onun onların",
    "vi": "ông bà anh cô họ nó",
    "ar": "هو هي هم هما",
    "hi": "वह वे यह ये उसने उन्होंने उसका उसकी उसके उनका उनकी उनके इसका इसकी इसके",
    "th": "เขา เธอ มัน พวกเขา",
    "zh": "他 她 它 他们 她们 它们 其 该 该校 该国 该市 该省 该县 该公司 该地",
}

_AND = {
    "en": "and", "de": "und", "es": "y e", "ro": "și şi iar", "ru": "и а", "el": "και", "tr": "ve", "vi": "và",
    "ar": "و", "hi": "और तथा एवं", "th": "และ", "zh": "和 与 及 以及 而且 并且 并 且",
}  # fmt: skip

_COPULAS = {
    "en": "is are was were", "de": "ist sind war waren", "es": "es son era eran fue fueron",
    "ro": "este e sunt era erau", "el": "είναι ήταν", "vi": "là", "zh": "是", "th": "คือ เป็น", "ar": "هو هي",
}  # fmt: skip

_FRAMES = {
    "en": "the answer is/answer/according to the text/according to the document/according to the page",
    "de": "die antwort ist/die antwort lautet/antwort/laut dem text/laut dem dokument",
    "es": "la respuesta es/respuesta/según el texto/según el documento",
    "ro": "răspunsul este/răspuns/conform textului/conform documentului",
    "el": "η απάντηση είναι/απάντηση/σύμφωνα με το κείμενο",
    "ru": "ответ/согласно тексту/согласно документу",
    "tr": "cevap/yanıt/metne göre/belgeye göre",
    "vi": "câu trả lời là/trả lời/đáp án là/theo văn bản/theo tài liệu",
    "ar": "الإجابة هي/الجواب هو/الإجابة/الجواب/وفقا للنص",
    "hi": "उत्तर है/उत्तर/पाठ के अनुसार",
    "th": "คำตอบคือ/คำตอบ/ตามเอกสาร",
    "zh": "答案是/答案为/答案/根据文中/根据原文/根据文件",
}

_IT_IS = {
    "en": "it is/it was/they are/they were/this is/this was/there are/there were/there is/there was",
    "de": "es ist/es war/es sind/es waren/das ist/das war",
    "es": "es/fue/era/son/fueron/eran",
    "ro": "este/sunt/a fost/au fost/era",
    "el": "είναι/ήταν",
    "ru": "это",
    "vi": "đó là/là",
    "ar": "هو/هي/إنه/إنها",
    "hi": "यह/वह",
    "th": "คือ/เป็น",
    "zh": "是",
}

# 2, 3, 4 ... 20, 30, 40 ... 90, 100, 1000; "-" where one word does not say it.
_NUMBERS = {
    "en": "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand",
    "de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien mil",
    "ro": "două trei patru cinci șase șapte opt nouă zece unsprezece douăsprezece treisprezece paisprezece "
    "cincisprezece șaisprezece șaptesprezece optsprezece nouăsprezece douăzeci treizeci patruzeci cincizeci șaizeci "
    "șaptezeci optzeci nouăzeci sută mie",
    "el": "δύο τρία τέσσερα πέντε έξι επτά οκτώ εννέα δέκα έντεκα δώδεκα δεκατρία δεκατέσσερα δεκαπέντε δεκαέξι "
    "δεκαεπτά δεκαοκτώ δεκαεννέα είκοσι τριάντα σαράντα πενήντα εξήντα εβδομήντα ογδόντα εννενήντα εκατό χίλια",
    "ru": "два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать "
    "пятнадцать шестнадцать семнадцать восемнадцать девятнадцать двадцать тридцать сорок пятьдесят шестьдесят "
    "семьдесят восемьдесят девяносто сто тысяча",
    "tr": "iki üç dört beş altı yedi sekiz dokuz on - - - - - - - - - yirmi otuz kırk elli altmış yetmiş seksen "
    "doksan yüz bin",
    "vi": "hai ba bốn năm sáu bảy tám chín mười",
    "ar": "إثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة - - - - - - - - - عشرون ثلاثون أربعون خمسون ستون سبعون "
    "ثمانون تسعون مائة ألف",
    "hi": "दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पन्द्रह सोलह सत्रह अठारह उन्नीस बीस तीस चालीस पचास "
    "साठ "
    "सत्तर अस्सी नब्बे सौ हज़ार",
}
_VALUES = (*range(2, 21), *range(30, 100, 10), 100, 1000)

# Endings that one stem can have; "-" is none. Groups are parted by "/".
_ENDINGS = {
    "en": "- s es ed ing/e es ed ing/y ies ied ying",
    "de": "- e t et te ten en",
    "es": "a an ó aron aba aban ar ará arán/e en ió ieron ía ían er ir erá irá",
    "ro": "ă a au/e esc ește/e ea eau",
    "el": "ει ουν ε αν σε σαν",
    "ru": "л ла ло ли ть ет ют ут/л ла ло ли ть ит ят ат",
}

_CONDITIONS = {
    "en": "if unless whether", "de": "wenn falls ob sofern", "es": "si", "ro": "dacă", "el": "αν εάν", "ru": "если",
    "tr": "eğer", "vi": "nếu", "ar": "إذا لو", "hi": "यदि अगर", "th": "ถ้า หาก", "zh": "若 如果 假如 除非",
}  # fmt: skip

_DECIMAL_COMMA = frozenset(("de", "es", "ro", "el", "ru", "tr", "vi"))
_UNSPACED = frozenset(("zh", "th", "ja"))


@lru_cache(maxsize=256)
def lexicon_for(text: str) -> Lexicon:
    """The lexicon of the language that a text seems to be written in; an empty one where none is known."""
    return _lexicon(guess_language(text) or "")


@lru_cache
def _lexicon(language: str) -> Lexicon:
    words = {
        name: frozenset(fold(word).text for word in table.get(language, "").split())
        for name, table in (("free", _FREE), ("negations", _NEGATIONS), ("pronouns", _PRONOUNS), ("and", _AND),
                            ("copulas", _COPULAS), ("conditions", _CONDITIONS))
    }  # fmt: skip
    verbs = [verb.split() for verb in _VERBS.get(language, "").split("/")]
    endings = [group.split() for group in _ENDINGS.get(language, "").split("/")]
    numbers = zip(_NUMBERS.get(language, "").split(), _VALUES, strict=False)
    several = {word for name in words for word in words[name]}
    merged = sorted((re.escape(word) for word in several if len(word) > 1), key=len, reverse=True)
    return Lexicon(
        free=words["free"],
        same={fold(form).text: f"={forms[0]}" for forms in verbs if forms for form in forms},
        negations=words["negations"],
        conditions=words["conditions"],
        negates_behind=language in _BEHIND,
        pronouns=words["pronouns"],
        conjunctions=words["and"],
        copulas=words["copulas"],
        frames=tuple(_FRAMES.get(language, "").split("/")) if language in _FRAMES else (),
        it_is=tuple(_IT_IS.get(language, "").split("/")) if language in _IT_IS else (),
        numbers={fold(word).text: value for word, value in numbers if word != "-"},
        endings=tuple(frozenset(fold(ending).text.strip("-") for ending in group) for group in endings if group),
        decimal_comma=language in _DECIMAL_COMMA if language in _AND else None,
        merged=re.compile("|".join(merged)) if merged and language in _UNSPACED else None,
        article="ال" if language == "ar" else "",
    )
