"""Filling an empty account with a past: contacts, lists, three cycles of sends, and the truth about all of it.

Belongs here: rows. Does not belong here: how many of what (``recipe``), who (``people``) and what happened to
them (``past``). The same request gives the same account, row for row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.mailjet.contacts import anonymise
from list_pipeline.sandbox.mailjet.lists import list_address
from list_pipeline.sandbox.mailjet.states import DELIVERED, FAILED, OUTCOMES, MessageEnd, Status
from list_pipeline.sandbox.seed.past import Past, Send
from list_pipeline.sandbox.seed.people import addresses, special_domains
from list_pipeline.sandbox.seed.recipe import CYCLES, DAY, HOUR, SeedRequest
from list_pipeline.sandbox.store import FIRST_NUMBERS
from list_pipeline.sandbox.world import lists as list_sizes

__all__ = ["SeedRequest", "seed"]

_SENDER = ("news@sender.example", "Traction")
_ID_STEP = 4
"""Message ids are this far apart: second bounce rows get the numbers between."""


class _Seeding(Past):
    """One seeding at work: arrays by contact index until everything is written."""

    def __init__(self, account: Account, request: SeedRequest) -> None:
        super().__init__(request, account.now())
        self.store = account.store
        self.delivered = np.zeros(self.people.total, dtype=np.int64)
        self.active_at = np.zeros(self.people.total, dtype=np.int64)
        self.next_message = FIRST_NUMBERS["message"]

    def write(self) -> list[Send]:
        """Write all rows; the sends, oldest first."""
        sends = self.planned_sends()
        for send in sends:
            self._write_messages(send)
        self._write_contacts()
        self._write_lists()
        self._write_members()
        self._write_sends(sends)
        return sends

    def _write_messages(self, send: Send) -> None:
        count = len(send.recipients)
        first = self.next_message
        self.next_message += _ID_STEP * (count + 1)
        send_first = np.arange(count, dtype=np.int64) * _ID_STEP + first
        arrived = send.start + np.arange(count, dtype=np.int64) * (send.end - send.start) // count
        drawn = self.chance.random(count)
        status = np.where(drawn < 0.28, Status.OPENED, np.where(drawn < 0.38, Status.CLICKED, Status.SENT)).astype(
            np.int64
        )
        delay = np.where(status == Status.SENT, 0, self.chance.integers(60, 20 * HOUR, count))
        state: list[int | None] = [None] * count
        place = {contact: position for position, contact in enumerate(send.recipients.tolist())}
        failures: list[tuple[int, int, MessageEnd, int]] = []
        for contact, name in self.outcomes[send.cycle, send.round_index].items():
            position = place.get(contact)
            if position is None:
                continue
            outcome = OUTCOMES[name]
            status[position], state[position] = outcome.status, outcome.state_id
            wait = {Status.SOFT: 12 * HOUR, Status.HARD: 600}.get(outcome.status, 1)
            delay[position] = int(self.chance.integers(1, wait + 1))
            if outcome.status in FAILED:
                failures.append((contact, position, outcome, int(arrived[position] + delay[position])))
        event = arrived + delay
        early = np.where(status == Status.SOFT, Status.DEFERRED, Status.SENT)
        self.store.insert_many(
            "INSERT INTO message (id, campaign_id, contact_id, arrived_at, status, state_id, event_at, early)"
            f" VALUES (?, {send.campaign_id}, ?, ?, ?, ?, ?, ?)",
            zip(
                send_first.tolist(),
                self.contact_ids[send.recipients].tolist(),
                arrived.tolist(),
                status.tolist(),
                state,
                event.tolist(),
                early.tolist(),
                strict=True,
            ),
        )
        reached = np.isin(status, [int(each) for each in DELIVERED])
        self.delivered[send.recipients[reached]] += 1
        lively = (status == Status.OPENED) | (status == Status.CLICKED)
        self.active_at[send.recipients[lively]] = event[lively]
        self._write_bounces(send, first, failures)

    def _write_bounces(self, send: Send, first: int, failures: list[tuple[int, int, MessageEnd, int]]) -> None:
        is_last = send.cycle == CYCLES - 1 and send.round_index == self.request.last_round
        missing, turned = self.contradicting() if is_last else (-1, -1)
        twice = self.with_two_rows() if is_last else {}
        rows: list[tuple[int, int, int, int | None, int, int, int, int]] = []
        for contact, position, outcome, at in failures:
            if contact == missing:
                continue
            shown = OUTCOMES["user_unknown"] if contact == turned else outcome
            message_id, contact_id = first + position * _ID_STEP, self.id_of(contact)
            own = int(shown.status == Status.BLOCKED)
            flags = (int(shown.permanent), int(shown.blocked), at, own)
            rows.append((message_id, send.campaign_id, contact_id, shown.state_id, *flags))
            if contact in twice:
                rows.append((message_id + 1, send.campaign_id, contact_id, twice[contact], 0, 0, at - 1, 0))
        self.store.insert_many(
            "INSERT INTO bounce (id, campaign_id, contact_id, state_id, permanent, blocked, bounced_at, own_block)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _write_contacts(self) -> None:
        total = self.people.total
        special = special_domains(self.people, self.earlier)
        excluded = set(np.concatenate([*self.people.excluded, self.people.suppressed]).tolist())
        excluded |= set(self.people.excluded_newcomers.tolist())
        self.store.insert_many(
            "INSERT INTO contact (id, email, excluded, excluded_at, complaining, created_at, active_at, delivered,"
            " condition, block_state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            zip(
                self.contact_ids.tolist(),
                addresses(self.people, self.chance, special),
                (int(index in excluded) for index in range(total)),
                self.excluded_at.tolist(),
                (int(index in self.complaining) for index in range(total)),
                self.created.tolist(),
                self.active_at.tolist(),
                self.delivered.tolist(),
                (self.condition.get(index) for index in range(total)),
                (self.block.get(index) for index in range(total)),
                strict=True,
            ),
        )

    def _write_lists(self) -> None:
        request = self.request
        named = zip(
            (request.master, *request.campaign_lists, request.suppression),
            ("Master list", "Campaign list 1", "Campaign list 2", "Campaign list 3", "Suppression list"),
            strict=True,
        )
        self.store.insert_many(
            "INSERT INTO list (id, address, name, created_at) VALUES (?, ?, ?, ?)",
            [(list_id, list_address(list_id), name, self.anchor - 950 * DAY) for list_id, name in named],
        )

    def _write_members(self) -> None:
        """Places in the order in which they came to be, so that row ids grow with time as at Mailjet."""
        request, people = self.request, self.people
        everybody = np.setdiff1d(np.arange(people.total), people.ghosts)
        off = np.concatenate([people.suppressed, people.suppressed_newcomers])
        off_at = np.where(self.excluded_at[off] > 0, self.excluded_at[off], self.anchor - 60 * DAY)
        groups = [(request.master, everybody, self.created[everybody]), (request.suppression, off, off_at)]
        groups += list(zip(request.campaign_lists, people.lists, self.joined, strict=True))
        contact = np.concatenate([members for _, members, _ in groups])
        since = np.concatenate([times for _, _, times in groups])
        where = np.concatenate([np.full(len(members), list_id) for list_id, members, _ in groups])
        order = np.lexsort((contact, since))
        contact, since, where = contact[order], since[order], where[order]
        # A person leaves one campaign list by its footer; newcomers of that kind left the master list.
        on_master = np.isin(contact, people.unsubscribed_newcomers)
        left = np.where((where != request.master) | on_master, self.unsubscribed_at[contact], 0)
        ids = FIRST_NUMBERS["member"] + np.cumsum(self.chance.integers(1, 5, len(contact)))
        self.store.insert_many(
            "INSERT INTO member (id, contact_id, list_id, subscribed_at, unsubscribed, unsubscribed_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            zip(
                ids.tolist(),
                self.contact_ids[contact].tolist(),
                where.tolist(),
                since.tolist(),
                (left > 0).astype(np.int64).tolist(),
                left.tolist(),
                strict=True,
            ),
        )
        self._set_next("member", int(ids[-1]) + 1)
        self._set_next("contact", int(self.contact_ids[-1]) + 1)

    def _set_next(self, name: str, value: int) -> None:
        self.store.execute("INSERT OR REPLACE INTO sequence (name, value) VALUES (?, ?)", (name, value))

    def _write_sends(self, sends: list[Send]) -> None:
        lists = self.request.campaign_lists
        first = FIRST_NUMBERS["message"]
        for send in sends:
            subject = f"Client letter {send.cycle + 1}"
            list_id = lists[send.round_index]
            self.store.execute(
                "INSERT INTO campaign (id, custom_value, list_id, draft_id, from_email, from_name, subject, created_at,"
                " send_start_at, send_end_at, first_message_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(send.campaign_id, f"mj.nl={send.draft_id}", list_id, send.draft_id, *_SENDER, subject),
                    *(send.start, send.start, send.end, first),
                ),
            )
            first += _ID_STEP * (len(send.recipients) + 1)
            title = f"{subject}, round {send.round_index + 1}"
            self._write_draft(send.draft_id, list_id, subject, title, send.start, send.campaign_id)
        last = sends[-1]
        self._set_next("message", self.next_message)
        self._set_next("campaign", last.campaign_id + 11)
        self._set_next("draft", last.draft_id + 20)
        if self.request.schedule_next:
            closed = last.round_index == 2
            following, letter = (0, last.cycle + 2) if closed else (last.round_index + 1, last.cycle + 1)
            subject = f"Client letter {letter}"
            title = f"{subject}, round {following + 1}"
            self._write_draft(last.draft_id + 7, lists[following], subject, title, self.anchor + 2 * DAY, None)

    def _write_draft(
        self, draft_id: int, list_id: int, subject: str, title: str, at: int, campaign: int | None
    ) -> None:
        sent = campaign is not None
        self.store.execute(
            "INSERT INTO draft (id, list_id, sender, sender_email, sender_name, subject, title, locale, status,"
            " scheduled_at, created_at, modified_at, delivered_at, campaign_id)"
            " VALUES (?, ?, '46935', ?, ?, ?, ?, 'en_US', ?, ?, ?, ?, ?, ?)",
            (
                *(draft_id, list_id, *_SENDER, subject, title, 2 if sent else 1, at),
                *(at - 4 * DAY, at - 3 * DAY, at if sent else 0, campaign),
            ),
        )

    def anonymise_ghosts(self, account: Account) -> None:
        """The erased: most are off every list; two linger on the master list, as an interrupted erasure leaves them."""
        at = self.anchor - 3 * DAY
        for contact in self.people.ghosts.tolist():
            anonymise(account, self.id_of(contact), at)
        for contact in self.people.ghost_newcomers.tolist():
            place = self.store.row("SELECT * FROM member WHERE contact_id = ?", (self.id_of(contact),))
            anonymise(account, self.id_of(contact), at)
            if place is not None:
                self.store.execute("INSERT INTO member VALUES (?, ?, ?, ?, ?, ?)", tuple(place))


def seed(account: Account, request: SeedRequest) -> dict[str, Any]:
    """Replace the account by a seeded one; its list sizes and the last send.

    Raises:
        ValueError: the request cannot be met.
    """
    work = _Seeding(account, request)
    with account.store.lock:
        account.store.clear()
        work.plan_outcomes()
        try:
            with account.store.bulk_load():
                sends = work.write()
                work.anonymise_ghosts(account)
        except BaseException:
            account.store.clear()  # the load is not journalled: half a past is worse than none
            raise
        answers = work.answers(sends)
        with account.store.transaction():
            account.store.set_note("answers", answers)
            account.store.set_note("seed", {"seed": request.seed, "scenario": request.scenario, "anchor": work.anchor})
        return {
            "scenario": request.scenario,
            "seed": request.seed,
            "lists": list_sizes(account),
            "sends": len(sends),
            "last_campaign_id": answers["last_campaign_id"],
            "last_recipients": answers["last_recipients"],
        }
