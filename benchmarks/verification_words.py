"""Words with which `verification_cases` changes a sentence; none of them come from the package under test.

Pairs are written "one=other" and replaced either way. Months are those of CLDR 48 (Unicode License v3).
"""

from __future__ import annotations


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(one, other) for item in text.split("|") for one, _, other in [item.partition("=")]]


QUANTIFIERS = {
    language: _pairs(text)
    for language, text in {
        "en": "all=some|every=no|many=few|most=some|both=neither|always=sometimes|several=all|any=no|each=one|"
        "only=also|"
        "must=may|can=must|often=rarely|usually=never|at least=at most|none=all",
        "de": "alle=einige|jeder=kein|jede=keine|viele=wenige|meisten=wenigsten|immer=selten|mindestens=höchstens|"
        "oft=selten|"
        "beide=keine|nur=auch|kann=muss|können=müssen",
        "es": "todos=algunos|todas=algunas|muchos=pocos|muchas=pocas|siempre=nunca|todo=nada|ambos=ninguno|cada=ningún|"
        "puede=debe|pueden=deben|mayoría=minoría|solo=también",
        "ro": "toate=unele|toți=unii|multe=puține|mulți=puțini|mereu=rar|întotdeauna=niciodată|fiecare=niciun|"
        "poate=trebuie",
        "el": "όλα=μερικά|όλοι=μερικοί|όλες=μερικές|πολλοί=λίγοι|πολλές=λίγες|πολλά=λίγα|πάντα=ποτέ|κάθε=κανένα",
        "ru": "все=некоторые|всех=некоторых|многие=немногие|многих=немногих|всегда=иногда|часто=редко|оба=ни один|"
        "может=должен|могут=должны|большинство=меньшинство",
        "tr": "tüm=bazı|bütün=bazı|birçok=birkaç|çoğu=azı|her=hiçbir|sadece=ayrıca|genellikle=nadiren",
        "vi": "tất cả=một số|nhiều=ít|luôn=hiếm khi|mọi=một vài|chỉ=cũng|có thể=phải",
        "ar": "جميع=بعض|كل=بعض|معظم=بعض|كثير=قليل|دائما=أحيانا",
        "hi": "सभी=कुछ|सब=कुछ|कई=कुछ|अधिकांश=कुछ|हमेशा=कभी-कभी|हर=कोई",
        "th": "ทั้งหมด=บางส่วน|ทุก=บาง|หลาย=บาง|มักจะ=ไม่ค่อย",
        "zh": "所有=部分|全部=部分|每=某|许多=少数|大部分=小部分|总是=偶尔|都=有的|必须=可以|至少=至多|多数=少数",
    }.items()
}

COMPARISONS = {
    language: _pairs(text)
    for language, text in {
        "en": "more=less|before=after|first=last|largest=smallest|larger=smaller|higher=lower|highest=lowest|"
        "over=under|"
        "increased=decreased|increase=decrease|maximum=minimum|above=below|north=south|northern=southern|east=west|"
        "eastern=western|early=late|earlier=later|best=worst|greater=smaller|up=down|with=without|from=to|"
        "oldest=youngest",
        "de": "mehr=weniger|vor=nach|erste=letzte|ersten=letzten|größte=kleinste|größten=kleinsten|höher=niedriger|"
        "über=unter|"
        "nördlich=südlich|mit=ohne|bis=seit|maximal=minimal|früher=später",
        "es": "más=menos|antes=después|primer=último|primera=última|mayor=menor|norte=sur|este=oeste|con=sin|"
        "sobre=bajo|"
        "hasta=desde|máximo=mínimo|superior=inferior",
        "ro": "înainte=după|prima=ultima|primul=ultimul|mare=mic|nord=sud|est=vest|cu=fără|peste=sub|maxim=minim",
        "el": "πριν=μετά|πρώτη=τελευταία|πρώτο=τελευταίο|μεγαλύτερη=μικρότερη|βόρεια=νότια|με=χωρίς|πάνω=κάτω",
        "ru": "более=менее|больше=меньше|до=после|первый=последний|первая=последняя|крупнейший=мельчайший|выше=ниже|"
        "север=юг|"
        "с=без|раньше=позже|высокий=низкий",
        "tr": "önce=sonra|ilk=son|büyük=küçük|yüksek=düşük|kuzey=güney|doğu=batı|üst=alt|en fazla=en az",
        "vi": "trước=sau|lớn=nhỏ|cao=thấp|hơn=kém|bắc=nam|đông=tây|trên=dưới|đầu tiên=cuối cùng",
        "ar": "قبل=بعد|أكثر=أقل|أكبر=أصغر|شمال=جنوب|شرق=غرب|أول=آخر|فوق=تحت|أعلى=أدنى",
        "hi": "पहले=बाद|अधिक=कम|बड़ा=छोटा|बड़े=छोटे|उत्तर=दक्षिण|पूर्व=पश्चिम|ऊपर=नीचे|ज्यादा=कम",
        "th": "ก่อน=หลัง|มากกว่า=น้อยกว่า|ใหญ่=เล็ก|เหนือ=ใต้|สูง=ต่ำ|แรก=สุดท้าย|ตะวันออก=ตะวันตก",
        "zh": "前=后|大=小|多=少|高=低|上=下|东=西|南=北|增=减|早=晚|长=短|内=外|以上=以下|最大=最小|左=右|升=降|新=旧",
    }.items()
}

UNITS = {
    language: _pairs(text)
    for language, text in {
        "en": "million=billion|thousand=million|miles=kilometres|feet=metres|years=months|days=weeks|percent=points|"
        "hours=minutes|"
        "km=miles|yards=metres|century=decade|acres=hectares|meters=feet|pounds=kilograms|inches=feet|points=goals|"
        "%=‰|$=€",
        "de": "Millionen=Milliarden|Meilen=Kilometer|Jahre=Monate|Jahren=Monaten|Prozent=Promille|Stunden=Minuten|"
        "Tage=Wochen|"
        "Meter=Fuß|km=m|Punkte=Tore|%=‰",
        "es": "millones=miles|años=meses|kilómetros=millas|metros=pies|días=semanas|horas=minutos|puntos=goles|%=‰|"
        "siglo=año",
        "ro": "milioane=miliarde|ani=luni|kilometri=mile|metri=picioare|zile=săptămâni|ore=minute|puncte=goluri|%=‰|"
        "secol=an",
        "el": "εκατομμύρια=δισεκατομμύρια|χρόνια=μήνες|χιλιόμετρα=μίλια|μέτρα=πόδια|ημέρες=εβδομάδες|ώρες=λεπτά|%=‰|"
        "αιώνα=έτος",
        "ru": "миллионов=миллиардов|лет=месяцев|года=месяца|километров=миль|метров=футов|дней=недель|часов=минут|"
        "очков=голов|%=‰",
        "tr": "milyon=milyar|yıl=ay|kilometre=mil|metre=feet|gün=hafta|saat=dakika|sayı=gol|%=‰|yüzyıl=yıl",
        "vi": "triệu=tỷ|năm=tháng|km=dặm|mét=feet|ngày=tuần|giờ=phút|điểm=bàn|%=‰|thế kỷ=thập kỷ",
        "ar": "مليون=مليار|سنة=شهر|عام=شهر|كيلومتر=ميل|متر=قدم|يوم=أسبوع|ساعة=دقيقة|نقطة=هدف",
        "hi": "मिलियन=बिलियन|वर्ष=माह|साल=महीने|किलोमीटर=मील|मीटर=फीट|दिन=सप्ताह|घंटे=मिनट|अंक=गोल|%=‰",
        "th": "ล้าน=พันล้าน|ปี=เดือน|กิโลเมตร=ไมล์|เมตร=ฟุต|วัน=สัปดาห์|ชั่วโมง=นาที|แต้ม=ประตู|%=‰",
        "zh": "万=亿|年=个月|公里=米|米=厘米|天=周|小时=分钟|英里=公里|%=‰|吨=公斤|世纪=年代|人=户|元=角",
    }.items()
}

# The first of each pair is what a sentence has, the second what it becomes.
NEGATED = {
    language: _pairs(text)
    for language, text in {
        "en": "is=is not|was=was not|are=are not|were=were not|has=has not|had=had not|can=cannot|will=will not|"
        "would=would not",
        "de": "ist=ist nicht|war=war nicht|sind=sind nicht|wurde=wurde nicht|hat=hat nicht|ein=kein|eine=keine|"
        "kann=kann nicht",
        "es": "es=no es|fue=no fue|era=no era|son=no son|ha=no ha|tiene=no tiene|puede=no puede|está=no está",
        "ro": "este=nu este|sunt=nu sunt|era=nu era|au=nu au|are=nu are|poate=nu poate",
        "el": "είναι=δεν είναι|ήταν=δεν ήταν|έχει=δεν έχει|μπορεί=δεν μπορεί",
        "ru": "был=не был|была=не была|были=не были|является=не является|может=не может|стал=не стал",
        "tr": "vardır=yoktur|idi=değildi|olan=olmayan|oldu=olmadı|olarak=olmayarak",
        "vi": "là=không phải là|được=không được|có=không có",
        "ar": "كان=لم يكن|كانت=لم تكن|يمكن=لا يمكن|هو=ليس|هي=ليست",
        "hi": "है=नहीं है|थे=नहीं थे|था=नहीं था|थी=नहीं थी|हैं=नहीं हैं",
        "th": "เป็น=ไม่เป็น|ได้=ไม่ได้|มี=ไม่มี|คือ=ไม่ใช่",
        "zh": "是=不是|有=没有|能=不能|可=不可|会=不会|在=不在|为=不为",
    }.items()
}

NEGATIONS = {
    "en": "not never no without", "de": "nicht nie ohne", "es": "no nunca sin", "ro": "nu fără", "el": "δεν χωρίς μην",
    "ru": "не без", "tr": "değil hiç", "vi": "không chưa chẳng", "ar": "لا لم لن ليس", "hi": "नहीं न", "th": "ไม่",
    "zh": "不 没 未 无 非",
}  # fmt: skip

ADDITIONS = {
    "en": ", and later became world champion| in spite of heavy protests|, which cost 14 million dollars| together "
    "with his brother",
    "de": " und wurde später Weltmeister| trotz heftiger Proteste|, was 14 Millionen Euro kostete",
    "es": " y más tarde fue campeón del mundo| a pesar de las fuertes protestas|, lo que costó 14 millones",
    "ro": " și mai târziu a devenit campion mondial| în ciuda protestelor puternice",
    "el": " και αργότερα έγινε παγκόσμιος πρωταθλητής| παρά τις έντονες διαμαρτυρίες",
    "ru": " и позже стал чемпионом мира| несмотря на сильные протесты",
    "tr": " ve daha sonra dünya şampiyonu oldu| yoğun protestolara rağmen",
    "vi": " và sau đó trở thành nhà vô địch thế giới| bất chấp sự phản đối mạnh mẽ",
    "ar": " وأصبح لاحقا بطل العالم| رغم الاحتجاجات الشديدة",
    "hi": " और बाद में विश्व विजेता बने| भारी विरोध के बावजूद",
    "th": " และต่อมากลายเป็นแชมป์โลก| แม้จะมีการประท้วงอย่างหนัก",
    "zh": "，后来成为世界冠军|，尽管遭到强烈抗议|，耗资十四亿元",
}

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "el": "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου "
    "Δεκεμβρίου",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "hi": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
    "th": "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม",
}

ARTICLES = {
    "en": "the a an", "de": "der die das den dem des ein eine einen einem einer", "es": "el la los las un una",
    "ro": "un o al a ai ale", "el": "ο η το οι τα τον την του της των τους τις ένα μια",
}  # fmt: skip

TENSES = {
    language: _pairs(text)
    for language, text in {
        "en": "is=was|are=were|has=had|have=had|was=is|were=are|won=wins|became=becomes|made=makes|took=takes|"
        "used=uses|"
        "began=begins|led=leads|includes=included|called=calls|lived=lives",
        "de": "ist=war|sind=waren|hat=hatte|wird=wurde|war=ist|wurde=wird|wurden=werden",
        "es": "es=era|son=eran|fue=es|era=es|tiene=tenía|está=estaba",
        "ro": "este=era|sunt=erau|era=este|are=avea",
        "el": "είναι=ήταν|ήταν=είναι|έχει=είχε",
        "ru": "является=являлся|был=является|были=являются|являются=были",
        "hi": "है=था|हैं=थे|था=है|थी=है|थे=हैं",
    }.items()
}

PRONOUNS = {
    "en": "He She It They", "de": "Er Sie Es", "es": "Él Ella Ellos", "ro": "El Ea Ei", "el": "Αυτός Αυτή",
    "ru": "Он Она Они",
}  # fmt: skip

AND = {
    "en": " and ", "de": " und ", "es": " y ", "ro": " și ", "el": " και ", "ru": " и ", "tr": " ve ", "vi": " và ",
    "ar": " و", "hi": " और ", "th": " และ ", "zh": "，而且",
}  # fmt: skip

LIST_AND = {**AND, "zh": "和"}

ANSWER_IS = {
    "en": "The answer is {}.|It is {}.|It was {}.|Answer: {}",
    "de": "Die Antwort ist {}.|Es ist {}.|Die Antwort lautet: {}.",
    "es": "La respuesta es {}.|Es {}.|Respuesta: {}", "ro": "Răspunsul este {}.|Este {}.",
    "el": "Η απάντηση είναι {}.|Είναι {}.",
    "ru": "Ответ: {}.|Это {}.", "tr": "Cevap: {}.|Cevap {}.", "vi": "Câu trả lời là {}.|Đó là {}.",
    "ar": "الإجابة هي {}.|الجواب: {}",
    "hi": "उत्तर: {}|उत्तर है {}।", "th": "คำตอบคือ {}|คือ {}", "zh": "答案是{}。|答案：{}。|是{}。",
}  # fmt: skip

COPULAS = {
    "en": "is was are were", "de": "ist war sind waren", "es": "es era son fue", "ro": "este era sunt",
    "el": "είναι ήταν", "vi": "là",
}  # fmt: skip
