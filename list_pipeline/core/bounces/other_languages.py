"""The statements of a refusal in other languages than English.

Belongs here: the patterns. Does not belong here: their order and what they mean (``diagnostics``).

Each language says the same few things: a noun for the mailbox or its owner, a few words between, and what is said of it. The
nouns and statements are those of the large providers and mail servers in these countries. A language that is not here says
nothing, and the state decides as without words.
"""

from __future__ import annotations

_FEW = r"(?: [\w'-]+){0,5}"


def _said_of(nouns: str, statements: str) -> str:
    return rf"\b(?:{nouns}){_FEW} (?:{statements})"


_FRENCH = r"utilisateur|destinataire|adresse|compte|bo[iî]te|usager|abonn[eé]|messagerie|account|mailbox"
_GERMAN = (
    r"empf(?:ä|ae|a)nger\w*|\w*benutzer(?:konto|name)?|nutzer\w*|postfach|\w*adresse|adressat|teilnehmer"
    r"|\w*konto|mailbox|kunde"
)
_SPANISH = r"usuario|destinatario|cuenta|buz[oó]n|casilla|direcci[oó]n|correo"
_ITALIAN = r"utente|destinatario|casella|indirizzo|account|mailbox"
_PORTUGUESE = r"usu[aá]rio|utilizador|destinat[aá]rio|caixa|conta|endere[cç]o|mailbox"
_DUTCH = r"gebruiker|ontvanger|(?:e-?mail)?adres|postvak|mailbox|account"
_POLISH = r"u[zż]ytkownik|adresat|odbiorca|konto|skrzynka|adres"
_CZECH = r"u[zž]ivatel|p[rř][ií]jemce|schr[aá]nka|adresa|[uú][cč]et"
_NORDIC = (
    r"mottagare\w*|mottaker\w*|modtager\w*|anv[aä]ndare\w*|bruger\w*|bruker\w*|\w*adresse?\w*|\w*konto\w*|postkasse\w*"
    r"|brevl[aå]da\w*"
)
_RUSSIAN = r"пользовател\w*|получател\w*|адрес\w*|ящик\w*|аккаунт\w*|запис[ьи]|абонент\w*"
_CHINESE = r"(?:用[户戶]|收[件信]人|收件者|使用者|[邮郵郵]箱|信箱|[邮郵]件地址|地址|[账帐帳]号|[帳账帐]號)"
_JAPANESE = r"(?:ユーザ|宛先|アドレス|受信者|メールボックス|アカウント)"

NO_SUCH_USER = (
    _said_of(
        _FRENCH,
        r"inconnu|invalide|inexistant|introuvable|n'existe|n'est (?:pas|plus) (?:valide|connu|attribu)"
        r"|n'a pas [eé]t[eé] trouv|non (?:trouv|valide|attribu)|supprim|erron[eé]",
    ),
    _said_of(
        _GERMAN,
        r"unbekannt|ung(?:ü|ue)ltig|existier(?:t|en) nicht|nicht (?:mehr )?(?:bekannt|gefunden|vorhanden|existent"
        r"|g(?:ü|ue)ltig"
        r"|vergeben|existier)|niemand(?:em)? bekannt|gibt es (?:hier )?nicht|gel(?:ö|oe)scht|falsch",
    ),
    r"\b(?:unbekannte|ung(?:ü|ue)ltige)[rns]? (?:empf(?:ä|ae|a)nger|benutzer|adress|e-?mail)",
    r"\bkeine?n? (?:solche[rns]? |g(?:ü|ue)ltige[rns]? )?(?:benutzer|empf(?:ä|ae|a)nger|nutzer|postfach|konto|account)",
    _said_of(
        _SPANISH,
        r"desconocid|inexistente|inv[aá]lid|no (?:es |son )?v[aá]lid|no existe|no (?:\w+ ){0,2}encontrad|no se encuentra"
        r"|no (?:est[aá] )?registrad|eliminad|borrad|dad[oa] de baja|no corresponde",
    ),
    r"\bno existe (?:\w+ ){0,2}(?:persona|usuario|cuenta|buz[oó]n|direcci[oó]n)",
    _said_of(
        _ITALIAN,
        r"sconosciut|inesistente|non (?:[eè] )?(?:pi[uù] )?(?:valid|trovat|esist|presente|registrat|attribuit)"
        r"|eliminat|cancellat",
    ),
    r"\bnessun utente|\butente inesistente",
    _said_of(
        _PORTUGUESE,
        r"desconhecid|inexistente|inv[aá]lid|n[aã]o (?:foi |[eé] )?(?:encontrad|existe|v[aá]lid|registad|registrad|cadastrad)"
        r"|exclu[ií]d|removid|apagad",
    ),
    _said_of(
        _DUTCH,
        r"onbekend|bestaat niet|niet (?:bij ons |hier |meer )?(?:gevonden|bekend|geldig)|ongeldig|verwijderd|bestaan niet",
    ),
    r"\bonbekende? (?:gebruiker|ontvanger)",
    _said_of(_POLISH, r"nie istnieje|nieznan|nie (?:zosta[lł]o? )?znalezion|nieprawid[lł]ow|usuni[eę]t"),
    r"\b(?:nie ma|brak) (?:takiego |takiej )?(?:u[zż]ytkownika|adresata|odbiorcy|konta|skrzynki)",
    _said_of(_CZECH, r"neexistuje|nenalezen|nezn[aá]m|neplatn"),
    _said_of(
        _NORDIC,
        r"finns (?:inte|ej)|find(?:e)?s ikke|finnes ikke|eksisterer ikke|existerar (?:inte|ej)|ok[aä]nd|ukendt|ukjent"
        r"|(?:hittades|kunde) inte|ikke fundet|ikke funnet",
    ),
    r"\b(?:ok[aä]nd|ukendt|ukjent) (?:mottagare|modtager|mottaker|anv[aä]ndare|bruger|bruker|adress)",
    r"\b(?:tuntematon|olematon) (?:k[aä]ytt[aä]j|vastaanottaj)|\b(?:k[aä]ytt[aä]j|vastaanottaj)\w+ ei (?:l[oö]y|ole)",
    r"\bismeretlen (?:felhaszn|c[ií]mzett)|\bnincs ilyen (?:felhaszn|c[ií]m|postafi)|(?:felhaszn|c[ií]mzett)\w* nem l[eé]tez",
    r"kullan[iı]c[iı] (?:bulunamad[iı]|yok|mevcut de[gğ]il|ge[cç]ersiz)|al[iı]c[iı] bulunamad[iı]|ge[cç]ersiz al[iı]c[iı]",
    r"\b(?:utilizator|destinatar)\w*(?: \w+){0,2} (?:necunoscut|inexistent|invalid)",
    rf"\b(?:{_RUSSIAN})(?: \S+){{0,3}} (?:не (?:был[ао]? )?(?:найден|существует|зарегистрирован|обнаружен|определ)"
    rf"|неизвестен|неизвестна"
    r"|удал[её]н)",
    r"\bнет такого (?:\w+ )?(?:пользовател|получател|ящик|адрес)|\bнеизвестный (?:пользовател|получател|адресат)"
    r"|\bтакого (?:пользовател|ящик|адрес)\w* (?:не существует|нет)",
    rf"{_CHINESE}\S{{0,6}}(?:不存在|[无無]效|未找到|[没沒]有找到|找不到)|(?:不存在|[无無]效|未知|找不到)的?{_CHINESE}"
    rf"|[没沒]有(?:这个|此|該|该){_CHINESE}",
    rf"{_JAPANESE}\S{{0,14}}(?:存在し(?:ません|ない)|見つかりません|不明|無効|登録されていません)",
    r"(?:사용자|수신자|계정|메일 ?주소)\S* ?(?:존재하지|찾을 수 없|없습니다)|존재하지 않는 (?:사용자|수신자|계정|메일)",
)

MAILBOX_INACTIVE = (
    _said_of(_FRENCH, r"d[eé]sactiv|suspend|ferm[eé]|bloqu|inacti[fv]|r[eé]sili|cl[oô]tur|expir"),
    _said_of(_GERMAN, r"gesperrt|deaktiviert|geschlossen|stillgelegt|inaktiv|abgelaufen|gek(?:ü|ue)ndigt|abgeschaltet"),
    _said_of(_SPANISH, r"desactivad|deshabilitad|inhabilitad|suspendid|cerrad|bloquead|inactiv|caducad|cancelad"),
    _said_of(_ITALIAN, r"disattivat|disabilitat|sospes|chius|bloccat|inattiv|scadut|non (?:[eè] )?(?:pi[uù] )?attiv"),
    _said_of(_PORTUGUESE, r"desativad|desactivad|desabilitad|suspens|bloquead|inativ|encerrad|cancelad|expirad"),
    _said_of(_DUTCH, r"geblokkeerd|gedeactiveerd|gesloten|opgeheven|inactief|niet (?:meer )?actief"),
    _said_of(_POLISH, r"nieaktywn|zablokowan|zawieszon|wy[lł][aą]czon"),
    _said_of(_CZECH, r"zablokov[aá]n|zru[sš]en|neaktivn"),
    rf"\b(?:{_RUSSIAN})(?: \S+){{0,3}} (?:заблокирован|отключ[её]н|неактив|закрыт|приостановлен)",
    rf"{_CHINESE}\S{{0,4}}(?:停用|禁用|注销|註銷|冻结|凍結|关闭|關閉|停止使用)",
    rf"{_JAPANESE}\S{{0,8}}(?:停止|無効化|解約)",
)

MAILBOX_FULL = (
    r"(?:quote|kontingent|speicherplatz|speicher|postfachgr(?:ö|oe)(?:ß|ss)e)\w* (?:\w+ ){0,2}(?:(?:ü|ue)berschritten"
    r"|ersch(?:ö|oe)pft|aufgebraucht|voll)|nicht gen(?:ü|ue)gend (?:speicher|platz)",
    r"(?:espace|capacit[eé]|stockage)(?: \S+){0,3} (?:d[eé]pass|insuffisant|satur|pleine?)|(?:bo[iî]te"
    r"|messagerie)(?: \S+){0,4}"
    r" (?:pleine|satur)",
    r"(?:espacio|cuota|capacidad)(?: \S+){0,3} (?:excedid|insuficiente|superad|agotad)",
    r"(?:spazio|quota)(?: \S+){0,3} (?:esaurit|insufficiente|superat)",
    r"(?:espa[cç]o|cota|quota|limite)(?: \S+){0,3} (?:excedid|insuficiente|esgotad|ultrapassad)",
    r"skrzynk\w*(?: \S+){0,2} pe[lł]n|przepe[lł]nion|brak miejsca",
    r"schr[aá]nka(?: \S+){0,2} pln|postvak(?: \S+){0,2} vol\b|(?:brevl[aå]da|postkasse|postl[aå]da)\w*(?: \S+){0,2}"
    r" (?:full|fuld)",
    r"(?:ящик|хранилищ|место)\w*(?: \S+){0,3} (?:переполнен|заполнен|закончилось)|переполнен",
    r"(?:[邮郵]箱|信箱|空[间間]|容量)\S{0,6}(?:已[满滿]|不足|[满滿]了|超[过過出])",
    r"(?:メールボックス|容量)\S{0,10}(?:いっぱい|満杯|一杯|超え|超過|オーバー)",
)

_OURS = (
    r"\bv(?:otre|os) (?:\S+ ){0,2}(?:ip|serveurs?|domaine|h[eé]bergeur|fournisseur|r[eé]seau)\b",
    r"\bihre?[rsnm]?s? (?:\S+ )?(?:ip\b|\w*server|dom[aä]ne?\b|domains?\b|providers?\b|netz)",
    r"\bsendende[rnsm]? (?:ip|server|domain)",
    r"\bsus? (?:\S+ )?(?:ip\b|servidor|dominio|proveedor)",
    r"\b(?:suo|vostro|tuo) (?:\S+ )?(?:ip\b|\w*server|dominio|provider)",
    r"\b(?:seu|vosso) (?:\S+ )?(?:ip\b|servidor|dom[ií]nio|provedor)",
    r"\b(?:uw|jouw) (?:\S+ )?(?:ip\b|\w*server|domein|provider|netwerk)",
    r"\b(?:din|ditt|dit|deres|jeres|ert?) (?:\S+ )?(?:ip\b|\w*server|dom[aäæ]n|domene)",
    r"palvelim(?:esi|enne)|ip-osoittee(?:si|nne)|verkkotunnukse(?:si|nne)",
    r"\b(?:tw[oó]j|pa[nń]stwa|wasz) (?:\S+ )?(?:ip\b|serwer|domen)",
    r"\bv[aá][sš] (?:\S+ )?(?:ip\b|server|dom[eé]n)",
    r"\b[oö]n (?:\S+ )?(?:ip\b|\w*szerver|tartom)",
    r"(?:ip adres|sunucu|alan ad)\w*n[iı]z",
    r"\b(?:server|domeni|ip-)ul (?:dvs|dumneavoastr|t[aă]u)",
    r"\bваш\w* (?:\S+ )?(?:ip\b|\w*сервер|домен|хост)",
    r"(?:您|你|贵|貴)\S{0,3}(?:ip|服务器|伺服器|域名)|[发發]信|送信サーバ",
)
"""The server, domain or address of the sender, spoken to. A message of ours is named beside dead mailboxes too."""

_BLOCK_LIST = (
    r"listes? noires?|listes? de blocage|listas? (?:negras?|de bloque)|\blist[ae] ner[ae]|schwarze[nr]? liste|sperrliste"
    r"|zwarte lijst|blokkeerlijst|svart(?:e )?list|sort(?:e )?list|mustal\w* list|musta lista|czarn\w+ li[sś]"
    r"|\b[cč]i?ern\w+ (?:list|seznam|zoznam)|\bcrn\w+ list|kara liste|feketelist|list[aă] neagr|ч[оеё]рн\w+ спис|черен спис"
    r"|μα[υύ]ρη λ[ιί]στα|ブラックリスト|블랙리스트",
)
_CONNECTION = (
    r"(?:connexion|conexi[oó]n|connessione|conex[aã]o|liga[cç][aã]o|verbindung|verbinding|po[lł][aą]czeni\w*|spojen[ií]"
    r"|anslutning\w*|forbindelse\w*|tilkobling\w*)(?: \S+){0,3} (?:refus|rejet|rechaz|rifiut|respint|recus|rejeit|abgelehnt"
    r"|abgewiesen|verweigert|blockiert|geweigerd|odrzuc|odm[ií]t|nekad|n[eæ]gt|avvis)",
    r"(?:соединени|подключени|з'єднанн)\w*(?: \S+){0,3} (?:отклон|отказ|запрещ|разорв|відхил)",
    r"serveur (?:d'(?:envoi|exp[eé]dition)|[eé]metteur)|(?:massen|werbe)versand|envoi en (?:masse|nombre)|env[ií]o masivo"
    r"|missbrauch|misbruik|missbruk|misbru[gk]|nadu[zż]y|zneu[zž]|злоупотреб|друго\w+ ip\b|(?:eine[rn]|andere[rn]) ip\b",
)
"""A refusal to talk to us at all, and what we are accused of."""

_REPUTATION = (r"r[eé]puta[cçtz]|schlechte[rnm]? ruf|репутац|信[誉譽]|レピュテーション|평판",)
_UNWANTED = (
    r"pourriel|correo (?:basura|masivo)|no solicitad|lixo eletr|n[aã]o solicitad|massenmail|skr[aä]ppost|s[oø]ppelpost"
    r"|\bsuspect\b|sospech|sospett|suspeit|verd(?:ä|ae)cht|podejrzan|подозрит|\btrop de |zu viele|demasiad|\btropp[eio] "
    r"|\bte veel |zbyt (?:wiele|du[zż])|слишком (?:много|част)|太多|[过過]多|nicht (?:mehr )?(?:angenommen|akzeptiert)"
    r"|roskaposti|lev[eé]lszem[eé]t|nevy[zž][aá]dan|niechcian|istenmeyen|рассылк|небажан",
)

SENDER_SIDE = (
    *_OURS,
    *_BLOCK_LIST,
    *_CONNECTION,
    *_REPUTATION,
    *_UNWANTED,
    r"(?:message|courriel|e-?mail|mail)(?: \S+){0,3} (?:refus[eé]e?s?\b|rejet[eé]|bloqu[eé])",
    r"(?:nachricht|e-?mail|mail|zustellung)(?: \S+){0,3} (?:abgelehnt|abgewiesen|zur(?:ü|ue)ckgewiesen|verweigert|blockiert)",
    r"(?:mensaje|correo)(?: \S+){0,3} (?:rechazad|bloquead|denegad)",
    r"(?:messaggio|posta|e-?mail)(?: \S+){0,3} (?:rifiutat|respint|bloccat)",
    r"(?:mensagem|e-?mail)(?: \S+){0,3} (?:rejeitad|recusad|bloquead)",
    r"(?:bericht|e-?mail)(?: \S+){0,3} (?:geweigerd|afgewezen|geblokkeerd)",
    r"wiadomo[sś][cć](?: \S+){0,3} odrzucon|odrzucona? wiadomo|nadawc[aęy]|odes[ií]latel"
    r"|odosielate|avs[aä]ndare|avsender|afsender|l[aä]hett[aä]j|verzender|expeditorul"
    r"|g[oö]nderen|felad[oó]",
    r"спам|отправител|відправник|отклонен|ч[её]рн\w+ спис|нежелательн",
    r"垃圾|拒[收絕绝]|黑名[单單]|[发發發]件人|[发發]送方|[频頻]率|反垃圾|スパム|迷惑メール|送信者|送信元|拒否|스팸|차단|발신",
)
