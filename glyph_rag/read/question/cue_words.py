r"""The words by which questions show what they ask for, in some fifteen languages: data for `cues`.

Tables of words are parted by "|" and stand alone in scripts with spaces; tables called _FORM are regular expressions.
"""

from __future__ import annotations

NUMBER = (
    "how many|how much|how old|how long|how far|how large|how big|how tall|how high|how fast|how often|how deep|"
    "how wide|how heavy|what percent|what percentage|what number|what share|what price|what distance|"
    "combien|quel pourcentage|quel prix|wie viel|wie viele|wieviel|wieviele|wie hoch|wie lange|wie groß|wie alt|"
    "wie weit|wie teuer|wie oft|wie schnell|wie viel prozent|welcher prozentsatz|"
    "cuánto|cuánta|cuántos|cuántas|qué porcentaje|quanto|quanti|quantos|quantas|"
    "сколько|какой процент|насколько|kaç|ne kadar|yüzde kaç|bao nhiêu|mấy|bao lâu|bao xa|कितना|कितनी|कितने|"
    "πόσο|πόσα|πόσοι|πόσες|ποιο ποσοστό|câți|câte|cât|câtă|ce procent|كم|ما عدد|ما هو عدد|ما نسبة|ما هي نسبة|"
    "多少|几|幾|多大|多长|多高|多久|多远|多重|多深|多宽|百分之几|กี่|เท่าไ|เท่าใด|いくつ|いくら|何人|何パーセント|몇|얼마"
)
TIME = (
    "when|what year|which year|what date|what day|what month|what century|what decade|what time|since when|"
    "quand|quelle année|quelle date|à quelle heure|wann|welchem jahr|welches jahr|welchem tag|um wie viel uhr|"
    "cuándo|qué año|qué fecha|qué día|a qué hora|quando|когда|каком году|каком веке|во сколько|ne zaman|hangi yıl|"
    "hangi yılda|hangi tarihte|saat kaçta|khi nào|năm nào|lúc nào|ngày nào|कब|किस वर्ष|किस साल|πότε|ποιο έτος|"
    "ποια χρονιά|când|ce an|în ce an|متى|أي عام|أي سنة|أي قرن|"
    "哪年|哪一年|哪天|哪一天|哪个世纪|几年|几月|几点|几号|什么时候|什么时间|何时|何年|เมื่อไ|เมื่อใด|ปีใด|ปีไหน|いつ|何年|何時|언제"
)
NAME = (
    "who|whom|whose|where|wer|wem|wen|wessen|wo|wohin|woher|quién|quiénes|dónde|qui|où|кто|кого|кем|где|куда|откуда|"
    "kim|kimin|nerede|nereye|ai|ở đâu|कौन|किसने|कहाँ|कहां|ποιος|ποιοι|πού|cine|unde|"
    "谁|誰|哪位|哪里|哪儿|何处|什么人|什么地方|哪个城市|哪个国家|أين|من هو|من هي|ใคร|ที่ไหน|누구|어디|どこ"
)
OTHER = "what|which|how|why|什么|什麼|哪些|哪个|哪個|如何|为什么|怎么|怎样|是否|是|的|了|吗|呢"

LIST = (
    "list|list all|name all|name the|enumerate|what are|which are|what were|which were|what kinds|what types|"
    "what steps|which steps|"
    "nenne|nenne alle|liste|zähle|zähle auf|welche schritte|was sind|énumère|énumérez|quels|quelles|cite|citez|"
    "enumera|enumere|cuáles|qué pasos|quali|quais|elenca|перечисли|перечислите|какие|назовите|"
    "nelerdir|hangileri|listele|liệt kê|những|kể tên|कौन-कौन|सूची|ποια είναι τα|ποιες|ποιοι|απαρίθμησε|"
    "care sunt|enumeră|enumerați|ما هي|ما هم|اذكر|عدد أنواع|عدّد|"
    "哪些|列出|列举|有哪|哪几|分别是|อะไรบ้าง|ใดบ้าง|ไหนบ้าง|แจกแจง|一覧|列挙|どれとどれ|무엇무엇|어떤 것들|나열"
)
# A noun in the plural, and the verb behind it: "which lies" ends like one.
LIST_FORM = (
    r"\bwhich (?:\w+ ){0,2}?\w{3,}s (?:are|were|do|did|have|had|can|could|may|might|must|shall|should|will|would)\b"
    r"|\bwhat (?:\w+ )?\w{3,}s (?:are|were|do|did|should|must|can)\b"
    r"|\bwelche\b|\bqué \w+s\b|\bhangi \w+(?:lar|ler)\b|\bnhững\b.*\bnào\b|किन\b"
)
DECISION_FORM = (
    r"^\W*(?:is|are|was|were|am|do|does|did|can|could|will|would|shall|should|has|have|had|may|must|might|"
    r"isn't|aren't|don't|doesn't|didn't|can't)\b(?!.*\bor\b)"
    r"|^\W*(?:ist|sind|war|waren|hat|haben|hatte|kann|können|darf|dürfen|muss|müssen|wird|werden|wurde|gibt es|soll)\b"
    r"|^\W*(?:est-ce que|est-il|est-elle|sont-|peut-on|faut-il|y a-t-il|a-t-)"
    r"|^\W*(?:es|son|está|están|hay|puede|pueden|fue|tiene|debe|è|sono|può|é|são|pode|este|sunt|poate)\b"
    r"|\w+ ли\b|\b(?:mı|mi|mu|mü)(?:dır|dir|dur|dür)?\W*$|\bcó\b.*\bkhông\b|\bphải không\b|^\W*क्या\b|^\W*هل\s"
    r"|[吗嗎][？?]?\W*$|是否|是不是|有没有|能不能|可不可以|能否|可否|会不会|หรือไม่|ไหม|까\W*$|나요\W*$"
    r"|^(?!.*(?:何|誰|どこ|いつ|どの|どれ|なぜ|どう|いくら)).*(?:です|ます|でした|ました|ません)か\W*$"
)

SUMMARY_FORM = (
    r"\bsummar(?:y|ies|ise|ize|ising|izing)\b|\bsum up\b|\bgist\b|\boverview of\b|\bmain (?:points?|ideas?|topics?)\b"
    r"|\bwhat (?:is|are|does) (?:this|the|these) (?:\w+ )?(?:document|text|page|article|file|section|chapter|report)s?"
    r"(?: mainly)? (?:about|say|cover|discuss|describe)\b|\bkey (?:points?|takeaways?)\b"
    r"|\bfasse?\b.*\bzusammen\b|\bzusammenfass|\bworum geht|\brésum|\bde quoi (?:parle|traite)|\bresum[aei]|\bresúm"
    r"|\bde qué trata|\briassum|\bdi cosa (?:parla|tratta)|\bdo que (?:trata|fala)|\bрезюмир|кратко (?:излож|опиш)"
    r"|\bо чём (?:этот|эта|этом|документ)|\bözet|\btóm tắt|सारांश|संक्षेप|περίληψ|συνόψισ|\brezum|لخ[صّ]|ملخص"
    r"|总结|總結|概括|概述|摘要|归纳|主要内容|主要讲|大意|要約|まとめて|概要|요약|สรุป"
)

SECTION_FORM = (
    r"\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|\d{1,2})(?:st|nd|rd|th)? "
    r"(?:section|chapter|part|paragraph)\b"
    r"|\b(?:section|chapter|part|abschnitt|kapitel|teil|chapitre|partie|sección|capítulo|sezione|capitolo|seção"
    r"|раздел|глава|bölüm|phần|chương|الفصل|القسم) (\d{1,2})\b"
    r"|\b(ersten?|zweiten?|dritten?|vierten?|fünften?|letzten?) (?:abschnitt|kapitel|teil)\w*"
    r"|\b(première?|premier|deuxième|troisième|quatrième|cinquième|dernière?) (?:section|chapitre|partie)\b"
    r"|\b(primera?|segund[ao]|tercera?|cuart[ao]|quint[ao]|últim[ao]) (?:sección|parte|capítulo)\b"
    r"|第([一二三四五六七八九十]|\d{1,2})(?:节|節|章|部分|段|条)|(最后)一?(?:节|章|部分|段)|제\s?(\d{1,2})\s?(?:장|절)"
)
ORDINALS = (
    "first|erste|ersten|première|premier|primera|primer|一",
    "second|zweite|zweiten|deuxième|segunda|segundo|二",
    "third|dritte|dritten|troisième|tercera|tercer|三",
    "fourth|vierte|vierten|quatrième|cuarta|cuarto|四",
    "fifth|fünfte|fünften|cinquième|quinta|quinto|五",
    "sixth|六",
    "seventh|七",
    "eighth|八",
    "ninth|九",
    "tenth|十",
)
LAST = "last|letzte|letzten|dernière|dernier|última|último|最后"

KINDS = (
    (
        "percent|percentage|what share|proportion|prozent|prozentsatz|anteil|pourcentage|porcentaje|percentuale|"
        "процент|yüzde|phần trăm|प्रतिशत|ποσοστό|procent|procentaj|"
        "نسبة|百分|比例|占比|パーセント|割合|เปอร์เซ็นต์|ร้อยละ|퍼센트|비율",
        r"\d\s?[%％٪]|[%٪]\s?\d|百分之|percent|per cent|prozent|pour cent|por ciento|процент|yüzde|phần trăm|प्रतिशत"
        r"|τοις εκατό|la sută|procent|في المئة|بالمئة|パーセント|เปอร์เซ็นต์|ร้อยละ|퍼센트",
    ),
    (
        "price|cost|costs|how expensive|fee|salary|preis|kostet|kosten|prix|coûte|precio|cuesta|prezzo|costa|preço|"
        "цена|стоит|стоимость|fiyat|giá|कीमत|मूल्य|τιμή|κοστίζει|preț|costă|سعر|تكلفة|价格|多少钱|费用|售价|いくら|値段|ราคา|가격",
        r"[$€£¥₹₽₩฿₺]\s?\d|\d[\d.,]*\s?(?:[$€£¥₹₽₩฿₺]|[A-Z]{3}\b|euros?\b|dollars?\b|pounds?\b|cents?\b|million|billion)"
        r"|\d\s?(?:евро|руб|долл|lira|đồng|रुपये|ευρώ|lei\b|دولار|元|美元|块|万|円|บาท|원)",
    ),
)
"""What is asked for, and what an answer to it looks like."""

A_TIME = (
    r"(?<!\d)(?:1\d{3}|20\d{2})(?!\d)|(?<!\d)20\d{6}(?:_\d{2}:\d{2})?(?!\d)|(?<!\d)\d{1,2}:\d{2}(?!\d)|\b\d{1,2}\s?[ap]\.?m\b"
    r"|\d{1,2}\s?[年月日号點点時시월일]|[一二三四五六七八九十]{1,3}[年月日号点]|世纪|世紀"
    r"|\b(?:january|february|april|june|july|august|september|october|november|december|monday|tuesday|wednesday"
    r"|thursday|friday|saturday|sunday|noon|midnight|tomorrow|tonight|yesterday"
    r"|januar|februar|märz|juni|juli|oktober|dezember|janvier|février|avril|juillet|août|octobre|décembre"
    r"|enero|febrero|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
    r"|января|февраля|марта|апреля|июня|июля|августа|сентября|октября|ноября|декабря"
    r"|ocak|şubat|nisan|mayıs|haziran|temmuz|ağustos|eylül|ekim|kasım|aralık)\b"
    r"|\btháng \d|जनवरी|फरवरी|अप्रैल|जुलाई|अगस्त|सितंबर|अक्टूबर|नवंबर|दिसंबर"
    r"|يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر|القرن"
)
