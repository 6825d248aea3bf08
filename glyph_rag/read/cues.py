"""What kind of thing a question asks for, told by its question words."""

from __future__ import annotations

import re

__all__ = ["asks_for_name", "asks_for_number", "asks_for_time", "without_cues"]

# Twelve-odd languages; a language that is missing here only loses the small bonus for a fitting number
# or name.
_NUMBER = (
    "how many|how much|how old|how long|how far|how large|how big|how tall|how high|how fast|how often|"
    "what percent|what percentage|what number|combien|wie viel|wie viele|wieviel|wieviele|wie "
    "hoch|wie lange|wie groß|"
    "wie alt|cuánto|cuánta|cuántos|cuántas|quanto|quanti|quantos|quantas|сколько|kaç|ne kadar|bao "
    "nhiêu|mấy|कितना|"
    "कितनी|कितने|πόσο|πόσα|πόσοι|πόσες|câți|câte|cât|câtă|كم|多少|几|幾|多大|多长|多高|多久|多远|กี่|เท่าไ|いくつ|何人|몇|얼마"
)
_TIME = (
    "when|what year|which year|what date|what day|what month|what century|what decade|quand|wann|"
    "welchem jahr|"
    "welches jahr|cuándo|qué año|qué fecha|когда|каком году|каком веке|ne zaman|hangi yıl|hangi "
    "yılda|khi nào|năm nào|"
    "lúc nào|कब|किस वर्ष|πότε|ποιο έτος|ποια χρονιά|când|ce an|متى|أي عام|أي سنة|أي قرن|"
    "哪年|哪一年|哪天|哪一天|哪个世纪|几年|几月|什么时候|什么时间|何时|何年|เมื่อไ|เมื่อใด|ปีใด|いつ|언제"
)
_NAME = (
    "who|whom|whose|where|wer|wem|wen|wessen|wo|wohin|woher|quién|quiénes|dónde|qui|où|кто|кого|кем|где|куда|откуда|"
    "kim|kimin|nerede|nereye|ai|ở đâu|कौन|किसने|कहाँ|कहां|ποιος|ποιοι|πού|cine|unde|"
    "谁|誰|哪位|哪里|哪儿|何处|什么人|什么地方|哪个城市|哪个国家|أين|من هو|من هي|ใคร|ที่ไหน|누구|어디|どこ"
)
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u9fff\uac00-\ud7af]")


def _pattern(cues: str) -> re.Pattern[str]:
    def one(cue: str) -> str:
        return cue if _UNSPACED.match(cue) else rf"(?<!\w){cue}(?!\w)"

    return re.compile("|".join(one(cue) for cue in sorted(cues.split("|"), key=len, reverse=True)), re.IGNORECASE)


_NUMBER_CUE, _TIME_CUE, _NAME_CUE = _pattern(_NUMBER), _pattern(_TIME), _pattern(_NAME)
_OTHER = "what|which|how|why|什么|什麼|哪些|哪个|哪個|如何|为什么|怎么|怎样|是否|是|的|了|吗|呢"
_ANY_CUE = _pattern("|".join([_NUMBER, _TIME, _NAME, _OTHER]))


def asks_for_number(question: str) -> bool:
    """Tell whether a number would answer the question."""
    return _NUMBER_CUE.search(question) is not None


def asks_for_time(question: str) -> bool:
    """Tell whether a date or a year would answer the question."""
    return _TIME_CUE.search(question) is not None


def asks_for_name(question: str) -> bool:
    """Tell whether the name of a person or a place would answer the question."""
    return _NAME_CUE.search(question) is not None


def without_cues(question: str) -> str:
    """Blank out the question words, which no answer repeats; they stay where nothing else would be left."""
    rest = _ANY_CUE.sub(" ", question)
    return rest if re.search(r"\w", rest) else question
