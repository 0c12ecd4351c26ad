"""Which contacts an outage can strike together, and the counts of a campaign in each group."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.domains import DomainKind, domain_kind
from list_pipeline.core.incidents import operators
from list_pipeline.core.incidents.groups import (
    POOL,
    DomainCount,
    Group,
    GroupCount,
    GroupKind,
    count_groups,
    domain_group,
    operator_group,
)
from list_pipeline.core.incidents.operators import DOMAINS, HOSTS, Operators, operator_of_host
from list_pipeline.core.incidents.policy import INCIDENTS

MICROSOFT = "Microsoft (Outlook.com)"


class TestOperators:
    @pytest.mark.parametrize(
        ("domain", "operator"),
        [
            ("gmail.com", "Google"),
            ("GoogleMail.com", "Google"),
            ("gmail.com.", "Google"),
            ("hotmail.fr", MICROSOFT),
            ("live.co.uk", MICROSOFT),
            ("outlook.com", MICROSOFT),
            ("msn.com", MICROSOFT),
            ("yahoo.com.br", "Yahoo"),
            ("aol.com", "Yahoo"),
            ("gmx.at", "1&1 Mail & Media (GMX, WEB.DE, mail.com)"),
            ("web.de", "1&1 Mail & Media (GMX, WEB.DE, mail.com)"),
            ("yandex.ru", "Yandex"),
            ("t-online.de", "Deutsche Telekom"),
            ("company.example", None),
            ("notgmail.com", None),
            ("mail.gmail.com", None),
            ("gmail", None),
            ("", None),
        ],
    )
    def test_a_domain_has_the_operator_of_the_table(self, domain: str, operator: str | None) -> None:
        assert Operators().of(domain) == operator

    def test_a_custom_domain_has_the_operator_of_its_mail_host_where_that_is_known(self) -> None:
        known = Operators({"company.example": "ASPMX.L.Google.com.", "gmail.com": "mx.elsewhere.example"})
        assert known.of("company.example") == "Google"
        assert known.of("Company.Example.") == "Google"
        assert known.of("other.example") is None
        assert known.of("gmail.com") == "Google"

    @pytest.mark.parametrize(
        ("host", "operator"),
        [
            ("alt1.aspmx.l.google.com", "Google"),
            ("outlook-com.olc.protection.outlook.com", MICROSOFT),
            ("company-com.mail.protection.outlook.com", "Microsoft 365"),
            ("mx00.kundenserver.de", "IONOS"),
            ("google.com", "Google"),
            ("mx1.somehost.example", "somehost.example"),
            ("mx1.mail.somehost.co.uk", "somehost.co.uk"),
            ("mx1.mail.somehost.com.br", "somehost.com.br"),
            ("mx1.co.example", "co.example"),
            ("a.b.de", "b.de"),
            ("mx.co.uk", "mx.co.uk"),
            ("co.uk", "co.uk"),
            ("mx1.net.example", "net.example"),
            ("mx..somehost.example", None),
            ("mx.notgoogle.com", "notgoogle.com"),
            ("localhost", None),
            ("", None),
            ("..", None),
        ],
    )
    def test_a_mail_host_belongs_to_an_operator_or_to_the_domain_it_is_in(
        self, host: str, operator: str | None
    ) -> None:
        assert operator_of_host(host) == operator

    def test_the_table_is_written_in_lower_case(self) -> None:
        for name in (*DOMAINS, *HOSTS):
            assert name == name.casefold().strip(".")
            assert "." in name

    def test_every_freemailer_of_the_table_is_told_to_advisors_as_no_company(self) -> None:
        big = ["gmail.com", "web.de", "icloud.com", "t-online.de", "laposte.net", "proton.me"]
        assert DomainKind.COMPANY not in {domain_kind(name) for name in big}
        assert set(big) <= DOMAINS.keys()

    def test_a_name_under_two_operators_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"mail\.example stands under two operators: One and Two"):
            operators._turned({"One": "mail.example", "Two": "a.example mail.example"})
        assert operators._turned({"One": "a.example a.example"}) == {"a.example": "One"}


class TestGroups:
    def test_a_contact_is_in_its_operator_and_in_its_domain_and_a_custom_one_in_the_pool(self) -> None:
        assert operator_group("gmail.com", Operators()) == Group(GroupKind.OPERATOR, "Google")
        assert operator_group("company.example", Operators()) == POOL
        counts = [DomainCount("gmail.com", 60, 2), DomainCount("googlemail.com", 40, 1), DomainCount("a.example", 3, 3)]
        assert count_groups(counts, Operators(), INCIDENTS) == (
            GroupCount(domain_group("a.example"), 3, 3),
            GroupCount(domain_group("gmail.com"), 60, 2),
            GroupCount(domain_group("googlemail.com"), 40, 1),
            GroupCount(Group(GroupKind.OPERATOR, "Google"), 100, 3),
            GroupCount(POOL, 3, 3),
        )

    @pytest.mark.parametrize(("share", "is_apart"), [(89, True), (90, False), (100, False)])
    def test_a_domain_that_is_nearly_all_of_its_operator_is_counted_once(self, share: int, is_apart: bool) -> None:
        counts = [DomainCount("gmail.com", share, 0), DomainCount("googlemail.com", 100 - share, 0)]
        groups = {one.group for one in count_groups(counts, Operators(), INCIDENTS)}
        assert (domain_group("gmail.com") in groups) is is_apart
        assert domain_group("googlemail.com") in groups

    def test_a_domain_that_is_all_of_the_pool_is_still_a_group_of_its_own(self) -> None:
        counts = count_groups([DomainCount("a.example", 8, 8)], Operators(), INCIDENTS)
        assert {one.group for one in counts} == {domain_group("a.example"), POOL}

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["gmail.com", "googlemail.com", "a.example", "b.example", "web.de"]),
                st.integers(0, 50),
                st.integers(0, 50),
            )
        )
    )
    def test_operators_and_pool_have_every_contact_once(self, rows: list[tuple[str, int, int]]) -> None:
        counts = [DomainCount(name, hard + rest, hard) for name, rest, hard in rows]
        found = count_groups(counts, Operators(), INCIDENTS)
        assert len({one.group for one in found}) == len(found)
        whole = [one for one in found if one.group.kind is not GroupKind.DOMAIN]
        assert sum(one.attempted for one in whole) == sum(one.attempted for one in counts)
        assert sum(one.hard for one in whole) == sum(one.hard for one in counts)
        by_domain = Counter({name: 0 for name, _, _ in rows})
        for name, rest, hard in rows:
            by_domain[name] += rest + hard
        for one in found:
            if one.group.kind is GroupKind.DOMAIN:
                assert one.attempted == by_domain[one.group.name]

    @pytest.mark.parametrize(("attempted", "hard"), [(3, 4), (3, -1)])
    def test_more_bounces_than_contacts_are_refused(self, attempted: int, hard: int) -> None:
        with pytest.raises(ValueError, match="between none and all"):
            DomainCount("a.example", attempted, hard)
