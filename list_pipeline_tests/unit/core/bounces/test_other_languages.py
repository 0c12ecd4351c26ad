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
