"""A guess at the language of a question, so that an embedder is only asked about languages it knows.

A question may be three keywords, so the rules are few and lean one way: the script decides where it can; in
Latin script, function words and letters that only some languages use; and without any sign the text counts as
known, because names and technical terms look the same everywhere. It is a guess: nothing is refused for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from typing import Final

_LONGEST_LOOK: Final = 2000
"""Characters of a text that are looked at: enough for any question."""

FUNCTION_WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": (
            "the of and to in is was were are be been by for with on at from as that this these those "
            "which what when where who whom whose why how does did do has have had can could would should "
            "many much their his her its an it not or than about into after before during between also "
            "there"
        ),
        "de": (
            "der die das den dem des ein eine einer einem einen und oder ist war waren wird wurde wurden "
            "sind hat haben hatte was wer wie wo wann warum welche welcher welches welchem welchen wessen "
            "wem wen viel viele von vom zu zum zur mit auf aus bei nach nicht im in an am für über durch "
            "es sich kann als auch um nahm gibt"
        ),
        "fr": (
            "le la les un une des du de et ou est sont était été dans par pour sur avec que qui quoi quel "
            "quelle quels quelles où quand comment pourquoi combien au aux ce cette ces il elle ils elles "
            "se son sa ses ne pas en qu"
        ),
        "es": (
            "el la los las un una unos unas es son era fue fueron ha han de del en por para con que qué "
            "quién quiénes cuál cuáles cuándo cuando dónde donde cómo como cuánto cuántos cuántas cuanto "
            "cuantos se su sus al lo está están tiene"
        ),
        "pt": (
            "os as um uma ou é são foi foram era de do da dos das em no na nos nas por para com que qual "
            "quais quem quando onde como quanto quantos quantas se seu sua ao não está tem"
        ),
        "it": (
            "il lo la gli le un una è sono era erano stato di del della dei delle degli in nel nella da "
            "dal dalla con che chi cosa quale quali quando dove come perché quanto quanti quante si su al "
            "alla non ha hanno"
        ),
        "nl": (
            "de het een en of is zijn was waren werd werden van voor met op aan uit bij naar niet dat die "
            "deze dit wat wie waar wanneer waarom hoe welke welk hoeveel door te ten er heeft hebben had "
            "kan"
        ),
        "ro": (
            "un unei unui și si sau este sunt era au fost de din la în in pe cu pentru prin care ce cine "
            "cui când cand unde cum cât câte câți cate cati cat al ale ai lui nu se sa să mai după despre "
            "are avut fi ca"
        ),
        "tr": (
            "ve veya bir bu şu ile için icin ne neyi neden nerede nereye nasıl nasil kim kimin kimi kaç "
            "kac hangi mi mı mu mü da de en çok daha olan olarak olduğu göre sonra zaman nedir kimdir "
            "kadar hangisi"
        ),
        "vi": (
            "là và của cua các cac những nhung một mot có co không khong được duoc đã da cho trong với "
            "voi này nay gì gi nào nao ai đâu dau bao nhiêu nhieu khi để từ ở vào ra về như thế thì người "
            "nguoi"
        ),
        "pl": (
            "na do od po za jest są był była było były jaki jaka jakie kto co gdzie kiedy dlaczego jak "
            "ile który która które się nie to dla przez przy oraz czy"
        ),
        "cs": (
            "ve na do od po za je jsou byl byla bylo byly jaký jaká jaké kdo co kde kdy proč jak kolik "
            "který která které se ne to při nebo"
        ),
        "sv": (
            "och på av för med till från är var som det den ett en de att om inte vad vem när varför hur "
            "vilken vilket vilka många har hade kan eller"
        ),
        "da": (
            "og på af for med til fra er var som det den et en de at om ikke hvad hvem hvor hvornår "
            "hvorfor hvordan hvilken hvilket hvilke mange har havde kan eller"
        ),
        "fi": (
            "ja on oli ovat ei se että mikä mitä missä milloin miksi miten kuka kuinka monta joka tai kun ollut mukaan"
        ),
        "hu": ("az és egy van volt nem hogy mi mit ki kit hol mikor miért hogyan melyik hány vagy meg ez azt"),
        "id": (
            "yang dan di ke dari untuk dengan pada adalah ini itu apa siapa kapan mana mengapa bagaimana "
            "berapa tidak oleh dalam akan telah atau juga"
        ),
    }.items()
}

# Letters that few Latin languages use; each word that holds one speaks for its languages.
_TELLING: Final = {
    "de": "äöüß",
    "fr": "àâçèéêëîïôùûœ",
    "es": "ñáéíóú¿¡",
    "pt": "ãõáâçéêíóú",
    "it": "àèéìòù",
    "ro": "ăâîșțşţ",
    "tr": "ğışçöü",
    "vi": "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹàáãèéìíòóõùúýũĩ",
    "pl": "ąćęłńóśźż",
    "cs": "áčďéěíňóřšťúůýž",
    "sv": "åäö",
    "da": "æøå",
    "fi": "äö",
    "hu": "áéíóöőúüű",
}

# The first word of a letter's Unicode name tells its script; a script that serves several languages names the
# most spoken one.
_BY_SCRIPT: Final = {
    "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "ARABIC": "ar", "HEBREW": "he",
    "CYRILLIC": "ru", "GREEK": "el", "DEVANAGARI": "hi", "BENGALI": "bn", "GURMUKHI": "pa", "GUJARATI": "gu",
    "ORIYA": "or", "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "SINHALA": "si",
    "THAI": "th", "LAO": "lo", "TIBETAN": "bo", "MYANMAR": "my", "GEORGIAN": "ka", "ETHIOPIC": "am",
    "KHMER": "km", "ARMENIAN": "hy", "MONGOLIAN": "mn", "BOPOMOFO": "zh", "THAANA": "dv", "SYRIAC": "syr",
}  # fmt: skip

_LETTERS_OF: Final = {
    "ar": (("ur", "ٹڈڑںےہھ"), ("fa", "پچژگکی")),
    "ru": (("uk", "іїєґ"),),
}

_WORD = re.compile(r"[^\W\d_]+")


def guess_language(text: str) -> str | None:
    """Guesses the language of a question.

    Args:
        text: A question or keywords, in any script. Only its beginning is looked at.

    Returns:
        An ISO 639-1 code, or None where nothing in the text tells.
    """
    text = unicodedata.normalize("NFC", text[:_LONGEST_LOOK]).casefold()
    words = _WORD.findall(text)
    latin = _latin_language(words)
    if text.isascii():
        return latin
    scripts = _other_scripts(text)
    others = scripts.total()
    # A Chinese question may name an English product, and an English one may quote a Greek letter.
    if others >= 2 and (latin != "en" or others > sum(map(len, words)) / 2):
        return _language_of_script(scripts, text)
    return latin


def knows(languages: Collection[str] | None, text: str) -> bool:
    """Whether an embedder for these languages can be trusted with a text. When in doubt, it can.

    Args:
        languages: ISO 639-1 codes; None means any language.
        text: A question or keywords.
    """
    if languages is None:
        return True
    language = guess_language(text)
    return language is None or language in languages


def _other_scripts(text: str) -> Counter[str]:
    """How many letters, other than Latin ones, each script has."""
    return Counter(
        script
        for letter in text
        if letter > "\u02ff" and letter.isalpha()
        if (script := unicodedata.name(letter, "").partition(" ")[0]) in _BY_SCRIPT
    )


def _language_of_script(scripts: Counter[str], text: str) -> str:
    if scripts["CJK"] and scripts["HIRAGANA"] + scripts["KATAKANA"]:
        return "ja"  # Japanese mixes Chinese characters with kana; Chinese never does.
    language = _BY_SCRIPT[max(scripts, key=lambda script: (scripts[script], script))]
    for other, letters in _LETTERS_OF.get(language, ()):
        if not frozenset(letters).isdisjoint(text):
            return other
    return language


def _latin_language(words: list[str]) -> str | None:
    score: Counter[str] = Counter()
    for word in dict.fromkeys(words):
        if len(word) == 1 and word.isascii():
            continue  # As often an initial as a word.
        for language, function_words in FUNCTION_WORDS.items():
            score[language] += 2 * (word in function_words)
        if not word.isascii():
            for language, letters in _TELLING.items():
                score[language] += not frozenset(letters).isdisjoint(word)
    english = score.pop("en", 0)
    language, best = max(score.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    if best > english:
        # One accented name or one word that is also of another language ("cat", "war", "chat") says nothing yet.
        return language if best >= 3 else None
    return "en" if english else None
