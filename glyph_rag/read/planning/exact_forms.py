"""What an exact string looks like: where a text has identifiers, numbers, addresses and rare names.

* An identifier is what verification takes for one (`verification.words.is_identifier`), and besides UUIDs, IP and
  hardware addresses, numbers of bank accounts (IBAN, ISO 13616) and "#4521".
* A hash is eight or more hexadecimal digits with both letters and figures, or twenty or more characters of base64
  whose class (small, capital, figure) changes at more than two of five places; words in camel case change less.
* A day, a word of four letters or more and a year are a date in any language; without the year, or where the word
  comes first, it has to be a month (`_MONTHS`).
* A name is a capitalised word of four letters or more that is rare by its letters: at least a quarter of its pairs of
  neighbouring letters, and two, are none of the common ones (`_COMMON`, counted in the words without capitals of XQuAD
  en, de, es, ro, ru and el, CC BY-SA 4.0, accents left out; 1 to 5 % of these words are rare so). A word with a capital
  inside is a name, too. In kana, a name has a dot between its parts; in Chinese, it is four characters in a row that
  are often used to write foreign names.

Every pattern reads a text once: its repetitions are possessive or bounded, or no match can begin within them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from glyph_rag.read.verification.numerals import HAN_NUMBER, NUMBER
from glyph_rag.read.verification.words import UNSPACED, is_identifier

__all__ = ["ExactString", "Kind", "exact_strings"]

Kind: TypeAlias = Literal["identifier", "hash", "number", "date", "url", "email", "path", "version", "name"]


@dataclass(frozen=True, slots=True)
class ExactString:
    """A string that has to be read letter by letter.

    Attributes:
        text: The string.
        start: Its first character, as an offset into the text it was found in.
        end: One past its last character.
        kind: What it looks like.
    """

    text: str
    start: int
    end: int
    kind: Kind


# Scripts whose words stand right beside an identifier: those without spaces, and Hangul with its particles.
_CLOSE = rf"{UNSPACED}\uac00-\ud7a3"
_W = rf"[^\W{_CLOSE}]"
_LETTER = rf"[^\W\d_{_CLOSE}]"
_BEGIN, _END = rf"(?<!{_W})", rf"(?!{_W})"
_WIDE = r"\u3000-\u303f\uff00-\uffef"
_IN_PATH = rf"[^\s/\\:*?\"'`<>|(){{}}\[\],;{_WIDE}{_CLOSE}]"
_WORD = r"[^\s\d!-/:-@\[-`{-~،、。，\u3040-\u9fff\uac00-\ud7a3]{2,14}+"

_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]{1,15}+://|www\.)"
    rf"[^\s<>\"'`{{}}|\\^\[\]{_WIDE}{_CLOSE}]++"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}+@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)

_ZONE = rf"(?:\s?(?:Z|UTC|GMT)(?:[+-]\d{{1,2}}(?::?\d{{2}})?)?{_END}|[+-]\d{{2}}:?\d{{2}}(?!\d))"
_CLOCK = (
    rf"\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?(?![:\d])"
    rf"(?:\s?[AaPp](?:\.[Mm]\.|[Mm]{_END})|\sUhr{_END}|{_ZONE})?"
)
_HAN_DIGIT = r"[〇零一二三四五六七八九十]"
_DAY_OR_MONTH = rf"(?:\d{{1,2}}|{_HAN_DIGIT}{{1,3}})"
_ERA = r"(?:令和|平成|昭和|大正|明治|民[国國]|公元前?|西[元暦])"
# Looking ahead for what each alternative begins with is quicker than trying them all at every character.
_DATE = re.compile(
    rf"(?=[\dn令平昭大明民公西{_HAN_DIGIT[1:]})(?:{_BEGIN}(?<!\d[.,:/-])"
    rf"(?:\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}(?!\d)(?:[T ]{_CLOCK})?"
    r"|\d{1,2}([./-])\d{1,2}\2\d{4}(?!\d)|\d{1,2}/\d{1,2}/\d{2}(?![\d/])"
    rf"|{_CLOCK}|\d{{1,2}}\s?[ap](?:\.m\.|m{_END})|\d{{1,2}}h\d{{2}}{_END}|\d{{1,2}}\.\d{{2}}\sUhr{_END}"
    r"|(?:ngày\s)?\d{1,2}\stháng\s\d{1,2}(?:,?\snăm\s\d{4})?)"
    rf"|(?:{_ERA}\s?)?(?<![\d〇零一二三四五六七八九十])(?:\d{{1,4}}|{_HAN_DIGIT}{{2,4}})\s?[年년]"
    rf"(?:\s?{_DAY_OR_MONTH}\s?[月월](?:\s?{_DAY_OR_MONTH}\s?[日号號일])?)?"
    rf"|{_BEGIN}\d{{1,2}}\s?[月월]\s?\d{{1,2}}\s?[日号號일]"
    rf"|{_BEGIN}\d{{1,2}}\s?[時时點点시]\s?\d{{1,2}}\s?[分분](?:\s?\d{{1,2}}\s?[秒초])?)"
)
_DAY_FIRST = re.compile(
    rf"{_BEGIN}(?<!\d[.,:/-])\d{{1,2}}(?:st|nd|rd|th|er|º|ª|\.)?\s(?:de\s|of\s|d['’])?(?P<word>{_WORD})"
    r"(?:[.,]?\s(?:de\s|del\s)?(?P<year>\d{4})(?!\d))?"
)
_MONTH_FIRST = re.compile(
    rf"{_BEGIN}(?P<word>{_WORD})\.?,?\s"
    rf"(?:(?:de\s|del\s)?\d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?){_END}"
)

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,}+={0,2}")
_HEX = re.compile(
    r"(?:(?:sha\d{1,3}|md5)[:=-]|0x)?(?=[0-9a-f]{0,99}[a-f])(?=[0-9a-f]{0,99}\d)[0-9a-f]{8,}", re.IGNORECASE
)
_SHAPED = re.compile(
    rf"{_BEGIN}(?:[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}"
    r"|[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?\d{1,3})?|(?<!&)#\d{2,12}"
    r"|(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?!\.\d)"
    rf"|[0-9A-Fa-f]{{2}}(?::[0-9A-Fa-f]{{2}}){{5,31}}){_END}"
)
_PRERELEASE = r"(?:rc|alpha|beta|dev|post|a|b)"
_VERSION = re.compile(
    rf"{_BEGIN}(?<!\d[.,])(?:[vV]\d{{1,6}}(?:\.\d{{1,6}}){{0,4}}|\d{{1,4}}(?:\.\d{{1,6}}){{2,4}}"
    rf"|\d{{1,4}}\.\d{{1,6}}(?=[.-]?{_PRERELEASE}\.?\d))"
    rf"(?:[-+.]?{_PRERELEASE}\.?\d{{0,6}})?(?:[-+][A-Za-z0-9.]{{1,30}})?{_END}"
)
_PATH = re.compile(
    rf"(?<![/.~:\\<-]){_BEGIN}(?:(?:~|\.{{1,2}})?(?:/{_IN_PATH}++)++/?"
    rf"|[A-Za-z]:\\(?:[^\\/:*?\"<>|\n\r]{{1,80}}\\){{0,20}}{_IN_PATH}++|\\\\{_IN_PATH}++(?:\\{_IN_PATH}++)++"
    rf"|[A-Za-z0-9_-][A-Za-z0-9_.-]*+(?:/{_IN_PATH}++)++/?)"
)
_FILE_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}\Z")

_CODES = "USD|EUR|GBP|JPY|CNY|RMB|INR|CHF|RUB|CAD|AUD|BRL|KRW"
_CURRENCY = rf"(?:(?:US|CA|AU|HK|NT|R|C|A)?\$|[€£¥￥₹₽₺฿₩₫]|(?:{_CODES})\s)\s?"
_UNIT = (
    r"[%％‰℃℉$€£¥₹₽₺฿₩₫]|°\s?[CF]?|[kMGTP]i?[Bb](?:ps|/s)?|(?:[µμnmcdk]?m[²³23]?|[µμmk]?g|[µμmcd]?[lL])(?:/\w{1,3})?"
    r"|[kMGT]?(?:Hz|Wh|W|J|V|eV|Pa|Ω)|[mµμk]A|[mµμn]?s|min|h|hrs?|kcal|mmol|mol|hPa|bar|psi|ppm|dB|px|dpi|bits?|bytes?"
    r"|fps|rpm|mph|ft|yd|mi|lbs?|oz|ha|acres?|bn|percent|per\scent|Prozent|por\sciento|la\ssută|процент\w{0,3}"
    rf"|{_CODES}|dollars?|euros?|pounds?|yen|thousand|[mb]illion(?:en|s)?|trillion|Mio|Mrd|млн|млрд|тыс|руб"
    r"|[кмс]?м|[км]?г|м?л|किमी|किग्रा|लाख|करोड़|प्रतिशत|كم|كغ|مليون|مليار|بالمئة|บาท|ล้าน|กิโลเมตร|เปอร์เซ็นต์"
)
_HAN_UNIT = (
    r"[万亿萬億千百]{0,3}(?:[年月日号號时時点點分秒元円圆圓块塊角人个個名位次种種岁歲歳米克吨噸度届屆章节節页頁行倍条條台辆輛家座枚件回番级級%％]"
    r"|公[里斤顷頃升]|[千厘毫][米克升]|平方公?[里米]|立方米|小[时時]|分[钟鐘]|[美欧歐日港]元|명|개|원|세|회|달러|퍼센트)"
)
_GROUPED = (
    r"\d{1,3}(?: \d{3}){1,4}(?![\d.])|\d{4}(?:[ -]\d{4}){2,4}(?!\d)"
    r"|(?<!\d-)(?:\d{2,5}-\d{2,8}|\d{1,5}(?:-\d{1,8}){2,4})(?![\d-])"
    r"|\+\d{1,3}(?:[ ./-]?\(\d{1,4}\))?(?:[ ./-]?\d{2,10}){1,5}+|\(\d{2,5}\)[ -]?\d{3,4}(?:[ -]?\d{3,4})?"
)
_POWER = r"(?:[eE][+-]?\d{1,4}|\s?[×x·]\s?10(?:\^?[-−+]?\d{1,4}|[⁻⁺]?[⁰¹²³⁴-⁹]{1,4}))"
_NUMBER = re.compile(
    rf"(?=[\d$€£¥￥₹₽₺฿₩₫(+±~−－A-Z百{HAN_NUMBER[1:-1]}|-\d)"
    rf"(?:{_BEGIN}(?:{_CURRENCY}|[±~])?(?:{_GROUPED}|{NUMBER}){_POWER}?"
    rf"(?:{_HAN_UNIT}|\s?(?:{_UNIT}){_END}|[A-Za-z]{{1,4}}{_END}|{_END})"
    rf"|百分之(?:{NUMBER}|{HAN_NUMBER}(?:点{HAN_NUMBER})?)"
    rf"|(?<!{HAN_NUMBER[:-1]})(?>{HAN_NUMBER})(?:{_HAN_UNIT}|(?<={HAN_NUMBER[:-1]}{{3}})))"
)
_RUN = re.compile(rf"{_BEGIN}[A-Za-z0-9_]++(?:[._/\\@#~=&?+:-]++[A-Za-z0-9_]++)*+")
_CAPITALISED = re.compile(rf"{_BEGIN}(?:{_LETTER}['’])?{_LETTER}{{4,40}}+(?:['’-]{_LETTER}{{3,40}}+)?{_END}")
_TRANSLITERATED = (
    "[阿艾奥巴贝比彼伯布查达戴德迪蒂杜恩尔法菲费弗福盖戈格古哈海赫亨霍基吉加杰卡凯科克库拉莱兰劳勒雷里利林卢鲁伦罗洛马玛麦曼梅米密姆莫"
    "穆纳内尼诺努帕佩皮普奇乔切琼萨塞桑森沙瑟圣施史斯苏索塔泰汤特提廷托瓦维威韦文沃乌伍西希夏谢辛休雅亚扬伊因尤约扎詹泽翰兹]"
)
_FOREIGN = re.compile(
    r"[\u30a1-\u30fa\u30fc]{2,20}+(?:[・＝][\u30a1-\u30fa\u30fc]{2,20}+)++"
    rf"|{_TRANSLITERATED}{{1,12}}+(?:·{_TRANSLITERATED}{{1,12}}+)++|{_TRANSLITERATED}{{4,12}}+"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Full names, folded; English and German also shortened.
_MONTHS: Final = _words(
    "january february march april may june july august september october november december jan feb mar apr jun "
    "jul aug sep sept oct nov dec januar jänner februar märz mai juni juli oktober dezember mrz okt dez janvier "
    "février mars avril juin juillet août septembre octobre novembre décembre enero febrero marzo abril mayo "
    "junio julio agosto septiembre octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio "
    "settembre ottobre dicembre janeiro fevereiro março maio junho julho setembro outubro novembro dezembro "
    "januari februari maart mei augustus ianuarie februarie martie aprilie iunie iulie septembrie octombrie "
    "noiembrie decembrie stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
    "listopada grudnia ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık января февраля "
    "марта апреля мая июня июля августа сентября октября ноября декабря январь февраль март апрель май июнь июль "
    "август сентябрь октябрь ноябрь декабрь ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου "
    "αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر "
    "أكتوبر نوفمبر ديسمبر जनवरी फ़रवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर सितम्बर अक्टूबर नवंबर नवम्बर "
    "दिसंबर दिसम्बर มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน "
    "ธันวาคม"
)

# Each group is a letter and those that often follow it.
_COMMON: Final = frozenset(
    group[0] + letter
    for group in _words(
        "abcdghilmnprstuvyz baeiloruy caehilortu daeiou eabcdefghiklmnprstuvxz faeioru gaehilortu haeilnort "
        "iacdefghilmnoprstuvz je kaeot ladeilostuy mabeimopu nacdeginostuz oabcdflmnprstuvw paehiloprtu qu "
        "racdeilmnorstuy sacehiopstu taehilorstuyz uabcdefhilmnprst vaeio waehiou zaeituw "
        "абвгдежзиклмнпрстфхцчщюя баеилнорущъы ваеиклнорстушыя гадеилору давеилнорсуы ебвгдежзиклмнопрстхцчш "
        "жадеин завдеилмноруы иабвгдезиклмнопрстхцчюя кавежилорстуц лаежилносуыьюя маеимнопуыя надеикностуцыья "
        "обвгдежзиклмнопрстхцчшя паеилнору равгежимностуыя савеиклмнопстуья тавеикнорсуыья убгдежзклмнпрстчщю "
        "фаеио хао цеи чаеинт шаеикт щаеи ывеилмрстхч ьзкнстшю экт ютчщ явдезлмнтхщю αβγδεζθικλμνξπρστυφχ βαειλορ "
        "γαγεηικμνορχω δαεηιορυω εαγδθικλμνξοπρστυφχω ζεοω ηγθκλμνρστφχ θαεημνορυω ιαβγδεζηθκλμνξοπρστχω "
        "καεηιλορτυω λαεηιλουω μαβεηιμοπφω ναδεηθιοτω ξαεηιου οβγδεηθικλμνξπρστυφχψ παεηιλορτυω ραγεηικμνοτυχω "
        "σαεηθικμοπστυφχω ταεηιμορυω υαβγθκλμνξοπρστφχψ φαεηιουω χαεηινορυω ψεη ωγθμνπρστ"
    )
    for letter in group[1:]
)


def exact_strings(text: str) -> tuple[ExactString, ...]:
    """Every exact string of a text, in time that grows with its length.

    Addresses of the web and of mail are taken first, then the longest match wherever two overlap. An address ends where
    Han, kana, Hangul or Thai begins, because such texts go on without a space.

    Args:
        text: Any text.

    Returns:
        The strings in order of the text, without overlaps; `text[start:end]` is each one's text.
    """
    taken = bytearray(len(text))
    strings: list[ExactString] = []
    for _, _, start, end, kind in sorted(_candidates(text)):
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            strings.append(ExactString(text[start:end], start, end, kind))
    return tuple(sorted(strings, key=lambda string: string.start))


def _candidates(text: str) -> Iterator[tuple[int, int, int, int, Kind]]:
    """What may be an exact string: what it ranks by, the least first, its place among equals, start, end, kind."""
    for place, rule in enumerate(_RULES):
        for match in rule.pattern.finditer(text):
            start = match.start()
            end = start + (_length_of_address(match.group()) if rule.trimmed else len(match.group()))
            if rule.accepts is None or rule.accepts(match):
                first = rule.kind in ("url", "email")
                yield -len(text) if first else start - end, place, start, end, rule.kind


def _length_of_address(address: str) -> int:
    """How long an address is without what the sentence put behind it: punctuation, and a bracket opened before it."""
    depth = 0
    for at, character in enumerate(address):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            address = address[:at]
            break
    return len(address.rstrip(".,;:!?'*\"’”…"))


def _is_date(match: re.Match[str]) -> bool:
    word = match["word"].casefold()
    return word in _MONTHS or (len(word) > 3 and match.groupdict().get("year") is not None)


def _changes_class(match: re.Match[str]) -> bool:
    classes = ["0" if c.isdecimal() else "A" if c.isupper() else "a" for c in match.group() if c.isalnum()]
    changes = sum(one != other for one, other in pairwise(classes))
    return 5 * changes > 2 * len(classes)


def _is_hex(match: re.Match[str]) -> bool:
    return _HEX.fullmatch(match.group()) is not None and _ends(match)


def _is_machine_name(match: re.Match[str]) -> bool:
    run = match.group()
    inner = run.strip("_")  # Markdown's _emphasis_ is none.
    return not inner.isalpha() and any(map(str.isalpha, run)) and is_identifier(inner) and _ends(match)


def _ends(match: re.Match[str]) -> bool:
    return _AFTER_WORD.match(match.string, match.end()) is not None


def _is_path(match: re.Match[str]) -> bool:
    path = match.group().rstrip(".:!?")
    if path[0] in "/~.":
        return path.count("/") > 1 or _FILE_ENDING.search(path) is not None
    return "\\" in path or path.endswith("/") or _FILE_ENDING.search(path) is not None


def _is_rare_name(match: re.Match[str]) -> bool:
    return not match.group().islower() and _looks_rare(match.group())


@lru_cache(maxsize=8192)
def _looks_rare(word: str) -> bool:
    if any(one.islower() and other.isupper() for one, other in pairwise(word)):
        return True
    if not word[0].isupper():
        return False
    bare = "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if c.isalpha())
    uncommon = sum(bare[at : at + 2] not in _COMMON for at in range(len(bare) - 1))
    return uncommon >= 2 and 4 * uncommon >= len(bare)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern, what its matches are, what else they have to be, and whether a sentence may cling to their ends."""

    kind: Kind
    pattern: re.Pattern[str]
    accepts: Callable[[re.Match[str]], bool] | None = None
    trimmed: bool = False


_AFTER_WORD = re.compile(_END)
# Of two matches of one place, the kind that stands first here is taken.
_RULES: Final = (
    _Rule("url", _URL, trimmed=True),
    _Rule("email", _EMAIL),
    _Rule("date", _DATE),
    _Rule("date", _DAY_FIRST, _is_date),
    _Rule("date", _MONTH_FIRST, _is_date),
    _Rule("hash", _RUN, _is_hex),
    _Rule("hash", _BASE64, _changes_class),
    _Rule("identifier", _SHAPED),
    _Rule("version", _VERSION, trimmed=True),
    _Rule("path", _PATH, _is_path, trimmed=True),
    _Rule("number", _NUMBER),
    _Rule("identifier", _RUN, _is_machine_name),
    _Rule("name", _CAPITALISED, _is_rare_name),
    _Rule("name", _FOREIGN),
)
