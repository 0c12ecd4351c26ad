"""The keys of messages: each message to people has one, and is written and posted once for it.

Belongs here: one function for each kind of message. Rows of earlier versions are found by these strings, so they never
change (``test_keys`` holds them). Does not belong here: keys of Dagster runs, and of what happened to a list.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NewType

MessageKey = NewType("MessageKey", str)
"""What makes a message one: ``notification.message_key``."""

ThreadKey = NewType("ThreadKey", str)
"""What a message is about: ``notification.thread_key``. The first message about it begins the thread of the others."""


DETAILS = ":details"
"""End of the key of what stands below a message."""


def details(key: MessageKey) -> MessageKey:
    """What whoever wants to know more reads below the message of this key."""
    return MessageKey(f"{key}{DETAILS}")


# Threads


def campaign_thread(campaign_id: int) -> ThreadKey:
    """The thread of all messages about one campaign."""
    return ThreadKey(f"campaign:{campaign_id}")


def campaign_thread_if_any(campaign_id: int | None) -> ThreadKey | None:
    """The thread of a plan's campaign; None for a repair, which belongs to no campaign."""
    return None if campaign_id is None else campaign_thread(campaign_id)


def week_thread(monday: date) -> ThreadKey:
    """The thread of all messages about one week, named by its Monday."""
    return ThreadKey(f"week:{monday.isoformat()}")


# Maintenance


def maintenance_report(log_id: int, status: str, waiting_plan_id: int | None) -> MessageKey:
    """The report of one attempt of a maintenance: one message a status, and one a plan that waits in it.

    Args:
        log_id: row of the ledger.
        status: value of ``RunStatus``.
        waiting_plan_id: the latest plan that waits for a person, if any.
    """
    return MessageKey(f"maintenance:{log_id}:{status}:{waiting_plan_id or 0}")


def past_campaigns(day: date) -> MessageKey:
    """That past campaigns are looked at, once a day in UTC; their reports stand below it."""
    return MessageKey(f"past-campaigns:{day.isoformat()}")


def imbalance(campaign_id: int, sweep: str) -> MessageKey:
    """The alert that the lists were far apart before a maintenance. ``sweep``: value of ``Sweep``."""
    return MessageKey(f"imbalance:{campaign_id}:{sweep}")


def mailed_twice(review_id: int) -> MessageKey:
    """The alert that contacts got a mailing twice, for each finding that names some. Not the word of earlier versions, whose
    keys had the campaign's number."""
    return MessageKey(f"got_twice:{review_id}")


def round_doubt(campaign_id: int) -> MessageKey:
    """The question what a send is that fits no cycle."""
    return MessageKey(f"round_doubt:{campaign_id}")


def odd_send(review_id: int) -> MessageKey:
    """A send went otherwise than scheduled; ``review_id``: the finding that says how."""
    return MessageKey(f"send:{review_id}")


def missing_round(review_id: int) -> MessageKey:
    """A round of the open cycle is missing; ``review_id``: the finding that says which."""
    return MessageKey(f"missing-round:{review_id}")


def cycle_ended(review_id: int) -> MessageKey:
    """A cycle ended without all its rounds, or otherwise than cycles do; ``review_id``: the finding that says how."""
    return MessageKey(f"cycle:{review_id}")


def cycle_closed(closing_id: int, *, is_reopened: bool = False) -> MessageKey:
    """A person closed a cycle without its missing rounds, or opened it again."""
    return MessageKey(f"cycle-closed:{closing_id}{':reopened' if is_reopened else ''}")


def bounce_rate(campaign_id: int, sweep: str) -> MessageKey:
    """The alert that a campaign bounced a lot. ``sweep``: value of ``Sweep``."""
    return MessageKey(f"bounces:{campaign_id}:{sweep}")


# People's decisions


def decision(plan_id: int, status: str) -> MessageKey:
    """A plan was approved or rejected, or lapsed. ``status``: value of ``PlanStatus``."""
    return MessageKey(f"decision:{plan_id}:{status}")


def approval(plan_id: int, number: int) -> MessageKey:
    """One of several people who have to approve a plan did. ``number``: how many did with this one."""
    return MessageKey(f"approval:{plan_id}:{number}")


def gate_alert(plan_id: int) -> MessageKey:
    """The gate found something about a plan that somebody should look at soon."""
    return MessageKey(f"gate:{plan_id}")


def halfway(plan_id: int) -> MessageKey:
    """The reminder that half the time is over in which a plan can be decided."""
    return MessageKey(f"reminder:{plan_id}:half")


def before_send(plan_id: int, campaign_id: int, day: date) -> MessageKey:
    """The reminder that a plan is still waiting shortly before a send: one for each campaign and day of sending."""
    return MessageKey(f"reminder:{plan_id}:send:{campaign_id}:{day.isoformat()}")


def finding_closed(review_id: int) -> MessageKey:
    """A question was closed by a person who looked at a finding, or by its own end."""
    return MessageKey(f"finding-closed:{review_id}")


def expired_questions(plan_id: int, last_review_id: int) -> MessageKey:
    """Questions about single contacts of a plan lapsed; ``last_review_id`` is the latest of them."""
    return MessageKey(f"questions-expired:{plan_id}:{last_review_id}")


def approved_items(plan_id: int, last_review_id: int, count: int) -> MessageKey:
    """Contacts that people approved one by one were changed after the rest of their plan."""
    return MessageKey(f"late:{plan_id}:{last_review_id}:{count}")


def correction_waits(plan_id: int) -> MessageKey:
    """That a correction waits for a list that is being sent: once a correction."""
    return MessageKey(f"correction:{plan_id}:waits")


def correction(plan_id: int, *, is_complete: bool) -> MessageKey:
    """A correction (undo, rollback, repair, reinstating, suppressing by hand) was executed, wholly or in part."""
    return MessageKey(f"correction:{plan_id}:{'done' if is_complete else 'incomplete'}")


# Mass changes


def mass_change(matter: int) -> MessageKey:
    """Others changed much of a list: one message for all that one look found. ``matter``: its number."""
    return MessageKey(f"mass-change:{matter}")


def mass_change_ended(matter: int) -> MessageKey:
    """Nothing of a mass change is open any more: accepted, repaired, or taken back at Mailjet."""
    return MessageKey(f"mass-change:{matter}:ended")


def mass_change_repair(plan_id: int) -> MessageKey:
    """A plan that puts contacts back after a mass change waits for approval."""
    return MessageKey(f"mass-change-repair:{plan_id}")


# Rows that cannot be read


def unreadable_rows(latest: int) -> MessageKey:
    """Rows at Mailjet that cannot be read: one message for each time that there are new ones. ``latest``: the newest one."""
    return MessageKey(f"unreadable_rows:{latest}")


def similar_addresses(review_id: int) -> MessageKey:
    """Contacts may be suppressed persons under another address: one message for each finding."""
    return MessageKey(f"similar_addresses:{review_id}")


def unreadable_ruling(ruling_id: int) -> MessageKey:
    """A person said whether a send or a draft that cannot be read is no round."""
    return MessageKey(f"unreadable_ruling:{ruling_id}")


# The five lists


def lists_wait(confirmation_id: int | None, fingerprint: str) -> MessageKey:
    """The five lists wait for a person: one message for each set of ids and names since the last confirmation."""
    return MessageKey(f"lists:{confirmation_id or 0}:{fingerprint}")


def lists_confirmed(confirmation_id: int) -> MessageKey:
    """A person confirmed the five lists."""
    return MessageKey(f"lists-confirmed:{confirmation_id}")


# Weekly check


def weekly_report(monday: date) -> MessageKey:
    """The report of a week."""
    return MessageKey(f"weekly:{monday.isoformat()}")


def weekly_alert(monday: date) -> MessageKey:
    """The alert below the report of a week in which something is urgent."""
    return MessageKey(f"weekly:{monday.isoformat()}:alert")


def weekly_failure(monday: date, attempt: int) -> MessageKey:
    """One attempt of a weekly check failed."""
    return MessageKey(f"weekly:{monday.isoformat()}:failed:{attempt}")


# Validation


def validation(validation_id: int) -> MessageKey:
    """The findings of a validation before a campaign."""
    return MessageKey(f"validation:{validation_id}")


def validation_not_confirmed(validation_id: int) -> MessageKey:
    """A validation blocks its campaign, and Mailjet has not confirmed yet that it is not sent."""
    return MessageKey(f"validation:{validation_id}:not-confirmed")


def validation_failure(campaign_id: int, scheduled_since: datetime) -> MessageKey:
    """The list of a campaign could not be validated. ``scheduled_since``: since when its present time of sending stands."""
    return MessageKey(f"validation-failed:{campaign_id}:{scheduled_since:%Y%m%dT%H%M%S}")


def override(override_id: int) -> MessageKey:
    """A person let a blocked campaign go."""
    return MessageKey(f"override:{override_id}")


def launch(launch_id: int, state: str) -> MessageKey:
    """A launch change waits, was decided on, or ended. ``state``: value of ``LaunchState``."""
    return MessageKey(f"launch:{launch_id}:{state}")


def launch_thread(launch_id: int) -> ThreadKey:
    """The thread of a launch change whose draft has no campaign yet."""
    return ThreadKey(f"launch:{launch_id}")


def campaign_stage(campaign_id: int, stage: str, launch_at: datetime) -> MessageKey:
    """A stage of a campaign, once for each launch time (UTC). ``stage``: value of ``Stage``."""
    return MessageKey(f"stage:{campaign_id}:{stage}:{launch_at:%Y%m%dT%H%M%S}")


def digest(period: str, due_at: datetime) -> MessageKey:
    """The digest of a day or a week. ``period``: value of ``Period``; ``due_at``: the end of its span (UTC)."""
    return MessageKey(f"digest:{period}:{due_at:%Y%m%dT%H}")


def restored(restoration_id: int, taken_at: datetime) -> MessageKey:
    """A backup was restored. Its number alone would come again, since a restore takes numbers back."""
    return MessageKey(f"restored:{restoration_id}:{taken_at:%Y%m%dT%H%M%S}")


def mode_changed(number: int) -> MessageKey:
    """A person set the operating mode. ``number``: of the change in its history."""
    return MessageKey(f"mode:{number}")


# Monitoring


def reconciliation(reconciliation_id: int) -> MessageKey:
    """The daily reconciliation found drift, or changes are stopped."""
    return MessageKey(f"reconciliation:{reconciliation_id}")


ABOUT_DRIFT = ("reconciliation:%", "correction:%")
"""Patterns for SQL's ``like``: alerts about drift, and what corrections did."""


def run_failure(last_run_id: str) -> MessageKey:
    """Runs of a job failed; ``last_run_id`` is Dagster's of the latest."""
    return MessageKey(f"run-failure:{last_run_id}")


def stuck_session(number: int) -> MessageKey:
    """A session held a lock and did nothing; ``number`` of its row."""
    return MessageKey(f"stuck-session:{number}")


def rollback_trigger(trigger: str, day: date) -> MessageKey:
    """A rollback trigger was hit, once a day in UTC. ``trigger``: value of ``Trigger``."""
    return MessageKey(f"rollback-trigger:{trigger}:{day.isoformat()}")


def overdue(job: str, day: date) -> MessageKey:
    """Scheduled work is overdue, once a day in UTC."""
    return MessageKey(f"overdue:{job}:{day.isoformat()}")


def slow_runs(day: date) -> MessageKey:
    """Runs took long, once a day in UTC."""
    return MessageKey(f"slow:{day.isoformat()}")
