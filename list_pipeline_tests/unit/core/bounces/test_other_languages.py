"""Refusals in other languages than English: the same few statements, and the sender's side before all of them."""

from __future__ import annotations

import pytest

from list_pipeline.core.bounces.diagnostics import TextEvidence, read_diagnostic

SAID = {
    TextEvidence.NO_SUCH_USER: """
        550 Adresse e-mail inexistante
        550 Cette adresse n'existe pas
        550 L’adresse e-mail n’existe plus
        550 Ce compte a été supprimé
        550 Utilisateur non trouvé
        554 Account inconnu
        550 Empfängeradresse existiert nicht
        550 Kein solcher Benutzer
        550 Konto nicht vorhanden
        554 Die E-Mail-Adresse wurde gelöscht
        550 unbekannter Empfaenger
        550 Usuario no encontrado
        550 La cuenta no existe
        550 no existe esta cuenta
        550 Utente non trovato
        550 Indirizzo email non valido
        550 La casella di posta non esiste
        550 nessun utente con questo nome
        550 Usuário não encontrado
        550 Caixa postal inexistente
        550 Gebruiker niet gevonden
        550 onbekende ontvanger
        550 Użytkownik nie istnieje
        550 Nie ma takiego użytkownika
        550 Uzivatel neexistuje
        550 Mottagaren finns inte
        550 ukendt modtager
        550 tuntematon vastaanottaja
        550 käyttäjää ei löydy
        550 nincs ilyen felhasználó
        550 ismeretlen címzett
        550 Kullanici bulunamadi
        550 geçersiz alıcı
        550 utilizator necunoscut
        550 пользователь не найден
        550 Почтовый ящик не существует
        550 нет такого пользователя
        550 такого адреса не существует
        550 用户不存在
        550 无效的收件人
        550 没有这个用户
        550 ユーザーが存在しません
        550 사용자를 찾을 수 없습니다
    """,
    TextEvidence.MAILBOX_INACTIVE: """
        550 Ce compte est désactivé
        550 Dieses Postfach wurde deaktiviert
        550 Cuenta suspendida
        550 Casella disattivata
        550 Conta desativada
        550 Postvak is opgeheven
        550 Konto nieaktywne
        550 Schránka je zrušena
        550 Аккаунт заблокирован
        550 邮箱已停用
        550 アカウントは停止されています
    """,
    TextEvidence.MAILBOX_FULL: """
        552 La messagerie du destinataire est saturée
        552 espace de stockage insuffisant
        552 Speicherplatz erschöpft
        550 Benutzerquote überschritten
        552 espacio insuficiente
        552 spazio esaurito
        552 limite ultrapassado
        550 Skrzynka jest pełna
        550 schránka je plná
        552 Postkassen er fuld
        552 почтовый ящик переполнен
        550 邮箱已满
        552 メールボックスがいっぱいです
    """,
    TextEvidence.SENDER_SIDE: """
        550 Votre message a été refusé, adresse inconnue
        550 Nachricht abgelehnt, Empfänger unbekannt
        550 El mensaje fue rechazado, usuario desconocido
        550 Messaggio rifiutato, utente sconosciuto
        550 mensagem rejeitada, conta inexistente
        550 bericht geweigerd, gebruiker onbekend
        550 wiadomość została odrzucona, konto nieaktywne
        550 avsändaren: okänd mottagare
        550 письмо похоже на спам, пользователь не найден
        550 垃圾邮件 用户不存在
        550 迷惑メール ユーザーが存在しません
    """,
    None: """
        550 Bonjour le monde
        550 unbekannt
        550 ошибка
        550 服务不可用
    """,
}
EVERY = [(line.strip(), said) for said, texts in SAID.items() for line in texts.strip().splitlines()]


@pytest.mark.parametrize(("text", "said"), EVERY, ids=[text[:60] for text, _ in EVERY])
def test_a_statement_is_recognised_in_its_language(text: str, said: TextEvidence | None) -> None:
    assert read_diagnostic(text) is said


@pytest.mark.parametrize("blame", ["spam", "垃圾邮件", "отправитель неизвестен", "Absender unbekannt"])
@pytest.mark.parametrize("text", [text for text, said in EVERY if said is not None])
def test_the_sender_is_heard_first_in_every_language(text: str, blame: str) -> None:
    assert read_diagnostic(f"{text} {blame}") is TextEvidence.SENDER_SIDE


ACCUSED = """
    550 destinataire inconnu - votre serveur figure sur une liste noire
    550 5.1.1 utilisateur inconnu (mauvaise réputation de votre domaine)
    554 5.7.1 Compte inconnu: message considéré comme pourriel
    550 adresse inexistante ou serveur d'envoi refusé
    550 Empfänger unbekannt, Ihr Server steht auf einer schwarzen Liste
    550 5.1.1 Benutzer unbekannt (schlechter Ruf der sendenden IP)
    550 Adresse ungültig; die IP Ihres Providers ist gesperrt
    550 Unbekannter Empfänger - Verbindung wegen Massenversand abgelehnt
    554 Usuario desconocido: su dominio tiene mala reputación
    550 Buzón no existe: conexión rechazada
    550 Utente sconosciuto: il vostro server è presente in una lista nera
    550 5.1.1 casella inesistente, cattiva reputazione dell'IP
    550 Usuário desconhecido: a reputação do seu servidor é baixa
    550 Caixa postal inexistente - lixo eletrônico
    550 Seu IP está na lista negra; usuário inexistente
    550 Gebruiker onbekend, reputatie van uw server is te laag
    550 Onbekende gebruiker; verbinding geweigerd wegens misbruik
    550 Uw IP-adres staat op een zwarte lijst; gebruiker onbekend
    550 Nieznany użytkownik: serwer na czarnej liście
    550 Uživatel neexistuje; váš server je na černé listině
    550 5.1.1 schránka neexistuje: nevyžádaná pošta
    550 Okänd mottagare, din server är spärrad
    550 Din IP-adress är svartlistad, okänd mottagare
    550 Ukendt modtager, din server er sortlistet
    550 Tuntematon vastaanottaja: palvelimesi on mustalla listalla
    550 Ismeretlen felhasználó: az Ön szervere feketelistán van
    550 Kullanıcı bulunamadı: IP adresiniz kara listede
    550 Destinatar necunoscut: serverul dvs. este pe lista neagră
    550 Пользователь не найден: плохая репутация вашего сервера
    550 Адрес не существует, ваш сервер заблокирован
    550 Пользователь не найден, попробуйте отправить с другого IP
    550 用户不存在: 发信服务器信誉过低
    550 사용자를 찾을 수 없습니다: 블랙리스트에 등록된 서버
    550 Rejet: utilisateur inconnu ou message suspect
    550 Слишком много писем с вашего адреса, получатель не найден
    550 Ihre Mails werden hier nicht angenommen, Benutzer unbekannt
    550 5.1.1 user unknown: your message scored 12.1 points
"""


@pytest.mark.parametrize("text", [line.strip() for line in ACCUSED.strip().splitlines()])
def test_a_text_that_accuses_us_is_about_us_though_it_calls_the_user_unknown(text: str) -> None:
    assert read_diagnostic(text) is TextEvidence.SENDER_SIDE


MORE_DEAD = """
    550 L'adresse e-mail que vous avez indiquée n'existe pas
    550 La cuenta de destino ha sido dada de baja
    550 La dirección no corresponde a ningún usuario
    550 Benutzer hat hier keinen Account
    550 Unter dieser Adresse ist niemand bekannt
    550 Dit e-mailadres is niet bij ons bekend
    550 E-postadressen finns inte längre
    550 收信人不存在
    550 Die angegebene Mailbox gibt es nicht
    550 La mailbox richiesta non esiste
    550 존재하지 않는 사용자입니다
"""


@pytest.mark.parametrize("text", [line.strip() for line in MORE_DEAD.strip().splitlines()])
def test_words_between_the_mailbox_and_what_is_said_of_it_change_nothing(text: str) -> None:
    assert read_diagnostic(text) is TextEvidence.NO_SUCH_USER
