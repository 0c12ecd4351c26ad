"""What is told of a mail from its text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.validation.mail_body import (
    MOST_COMPARED,
    Link,
    MailBody,
    Unsubscribing,
    content_hash,
    difference,
    hosts_of,
    link_problem,
    placeholders_left,
    unsubscribing,
)

MAIL = """<html><head><title>No line</title><style>p {color: red}</style></head><body>
<h1>Autumn &amp; winter</h1><p>Dear [[data:firstname:""]],<br>
read <a href="https://shop.firm.de/new">what is <b>new</b></a>.</p>
<table><tr><td><img src="x.png" alt="A coat"></td></tr></table><p><a href="[[UNSUB_LINK_DE]]">Abmelden</a></p></body></html>"""


def html(text: str) -> MailBody:
    return MailBody(text, "")


def test_a_reader_sees_lines_without_formatting_and_without_what_is_not_shown() -> None:
    assert html(MAIL).visible_lines == (
        "Autumn & winter",
        'Dear [[data:firstname:""]],',
        "read what is new.",
        "A coat",
        "Abmelden",
    )


def test_a_mail_of_text_alone_is_read_by_its_lines() -> None:
    assert MailBody("  ", "One\n\n  two   words \n").visible_lines == ("One", "two words")


def test_links_come_in_their_order_with_their_words() -> None:
    assert html(MAIL).links == (
        Link("https://shop.firm.de/new", "what is new"),
        Link("[[UNSUB_LINK_DE]]", "Abmelden"),
    )
    assert hosts_of(html(MAIL).links) == {"shop.firm.de"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (html(MAIL), Unsubscribing.MAILJET),
        (html('<a href="{{mj:unsub_link}}">out</a>'), Unsubscribing.MAILJET),
        (html('<a href="[[UNSUB_LINK_LOCALE]]">out</a>'), Unsubscribing.MAILJET),
        (MailBody("", "Unsubscribe: [[UNSUB_LINK_EN]]"), Unsubscribing.MAILJET),
        (html('<a href="https://firm.de/unsubscribe?x=1">here</a>'), Unsubscribing.OWN),
        (html('<a href="https://firm.de/a">Se désinscrire</a>'), Unsubscribing.OWN),
        (html("<p>To unsubscribe, write to us.</p>"), Unsubscribing.NONE),
        # Who reads HTML does not see the text part.
        (MailBody("<p>Hello</p>", "[[UNSUB_LINK_EN]]"), Unsubscribing.NONE),
        (MailBody("", ""), Unsubscribing.NONE),
    ],
)
def test_how_a_reader_unsubscribes(body: MailBody, expected: Unsubscribing) -> None:
    assert unsubscribing(body) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear *|FNAME|*, *|FNAME|*", ("*|FNAME|*",)),
        ("Dear {{contact.FIRSTNAME}}", ("{{contact.FIRSTNAME}}",)),
        ("Dear {$name}, %%name%% and %recipient.name%", ("{$name}", "%%name%%", "%recipient.name%")),
        ("Lorem ipsum dolor. TODO", ("Lorem ipsum", "TODO")),
        ('{{var:name:"you"}} [[data:firstname:""]] {{ data:city }} {% if var:a %}', ()),
        ("50 %% off", ()),
        ("Todo el mundo, todo list", ()),
        ("", ()),
    ],
)
def test_placeholders_that_mailjet_does_not_fill_in_are_found(text: str, expected: tuple[str, ...]) -> None:
    found = placeholders_left(text)
    assert sorted(found, key=str.casefold) == sorted(expected, key=str.casefold)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("https://shop.firm.de/a?b=c#d", ""),
        ("[[PERMALINK]]", ""),
        ('{{var:link:"https://firm.de"}}', ""),
        ("mailto:hello", ""),
        ("tel:+49301234", ""),
        ("", "leads nowhere"),
        ("#", "leads nowhere"),
        ("http://shop.firm.de", "is not encrypted (http)"),
        ("https://", "names no host"),
        ("shop.firm.de/a", "names no host"),
        ("https://shop.firm .de", "is no address of a page"),
        ("https://[::1", "is no address of a page"),
        ("https://firm.de:99999/", "is no address of a page"),
        ("https://example.com/a", "leads to a place that only tests have"),
        ("https://www.yourdomain.com", "leads to a place that only tests have"),
        ("https://localhost:8080/", "leads to a place that only tests have"),
        ("https://192.168.0.4/", "leads to a place that only tests have"),
        ("https://intranet/", "leads to a place that only tests have"),
        ("javascript:alert(1)", "begins with javascript:, which mail programs do not open"),
    ],
)
def test_what_is_wrong_with_a_link(target: str, problem: str) -> None:
    assert link_problem(Link(target, "words")) == problem


def test_a_difference_is_what_a_reader_would_notice() -> None:
    later = (
        MAIL.replace("Autumn", "Spring").replace("shop.firm.de", "shop.other.de").replace("color: red", "color: blue")
    )
    found = difference(html(MAIL), html(later))
    assert (found.added, found.removed, found.new_hosts) == (
        ("Spring & winter",),
        ("Autumn & winter",),
        ("shop.other.de",),
    )
    assert not found.is_partial
    restyled = difference(html(MAIL), html(MAIL.replace("<h1>", '<h1 class="big">').replace("color: red", "x")))
    assert not restyled


def test_a_very_long_mail_is_compared_as_far_as_is_said() -> None:
    long = "".join(f"<p>{n}</p>" for n in range(MOST_COMPARED + 5))
    found = difference(html(long), html(long + "<p>more</p>"))
    assert not found
    assert found.is_partial


@given(st.text(max_size=400), st.text(max_size=400))
def test_any_text_can_be_read_and_differs_from_itself_in_nothing(one: str, other: str) -> None:
    body = MailBody(one, other)
    assert not difference(body, body)
    unsubscribing(body)
    placeholders_left(one)
    for link in body.links:
        link_problem(link)


@given(st.text(max_size=40))
def test_any_target_can_be_judged(target: str) -> None:
    assert isinstance(link_problem(Link(target, "")), str)


def test_the_hash_is_that_of_everything_a_reader_gets() -> None:
    base = content_hash("Subject", "a@firm.de", MailBody("h", "t"))
    assert base == content_hash("Subject", "a@firm.de", MailBody("h", "t"))
    others = [
        content_hash("Subject2", "a@firm.de", MailBody("h", "t")),
        content_hash("Subject", "b@firm.de", MailBody("h", "t")),
        content_hash("Subject", "a@firm.de", MailBody("h2", "t")),
        content_hash("Subject", "a@firm.de", MailBody("h", "t2")),
        content_hash("Subject", "a@firm.de", MailBody("ht", "")),
    ]
    assert len({base, *others}) == 6
