"""What the schema forbids by itself, whatever a program tries: each check of each table has a row that violates it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from list_pipeline.storage.database import Database
from list_pipeline.storage.migrations import migrate

SCHEDULE = """insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
    list_name, list_id, created_at, updated_at{more}) values ('{key}', 'name', {round}, '2026-11-20', '09:00', 'list', 1,
    now(), now(){values})"""
A_CAMPAIGN = SCHEDULE.format(key="2026-11-20-r1-7", round=1, more="", values="")
A_PLAN = f"""insert into plan (campaign_id, kind, sweep, content_hash, policy_version, status, created_at)
    select id, 'suppression', '24h', '{"0" * 64}', 'v', 'planned', now() from campaign_schedule"""
A_CHANGE = "insert into change (plan_id, contact_id, kind, before, created_at) select plan_id, 5, 'move', '{}', now() from plan"
A_FETCH = """insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
    select id, '24h', now(), true, 0 from campaign_schedule"""

A_RECONCILIATION = "insert into reconciliation (started_at) values (now())"


def plan(kind: str = "suppression", sweep: str = "24h", hashed: str = "0" * 64, status: str = "planned") -> str:
    return f"""insert into plan (campaign_id, kind, sweep, content_hash, policy_version, status, created_at)
        select id, '{kind}', '{sweep}', '{hashed}', 'v', '{status}', now() from campaign_schedule"""


def item(
    action: str = "move", from_role: str = "'campaign_1'", to_role: str = "'campaign_2'", more: str = "0.5"
) -> str:
    return f"""insert into plan_item (plan_id, contact_id, action, from_role, to_role, reason, rule, confidence)
        select plan_id, 9, '{action}', {from_role}, {to_role}, 'r', 'r', {more} from plan"""


def step(action: str = "add", role: str = "'master'", state: str = "planned", ordinal: int = 1) -> str:
    return f"""insert into change_step (change_id, ordinal, action, list_role, state, changed_at)
        select change_id, {ordinal}, '{action}', {role}, '{state}', now() from change"""


def metrics(column: str, value: str) -> str:
    numbers = "processed, delivered, bounced, hard_bounces, soft_bounces, blocked, deferred, queued"
    values = dict.fromkeys(numbers.split(", "), "1") | {column: value}
    return f"""insert into campaign_metrics (campaign_schedule_id, sweep, mailjet_campaign_id, collected_at,
        {", ".join(values)}) select id, '24h', 7, now(), {", ".join(values.values())} from campaign_schedule"""


def log(status: str, kind: str = "post_campaign", more: str = "", values: str = "") -> str:
    return f"""insert into list_maintenance_log (maintenance_type, executed_at, touched_at, status{more})
        values ('{kind}', now(), now(), '{status}'{values})"""


def batch(
    number: int = 1,
    role: str = "campaign_1",
    places: str = "1, 400",
    planned: int = 400,
    more: str = "null, null, null",
) -> str:
    return f"""insert into audience_batch (plan_id, number, list_role, first_place, last_place, planned, first_mail_on,
        first_mail_at, campaign_id, enrolled)
        select plan_id, {number}, '{role}', {places}, {planned}, '2026-12-01', {more} from plan limit 1"""


def token(
    hashed: str = "a" * 64,
    name: str = "ada",
    role: str = "reader",
    expires: str = "now() + interval '1 day'",
    more: str = "",
    values: str = "",
) -> str:
    return f"""insert into api_token (token_hash, name, role, created_at, created_by, expires_at{more})
        values ('{hashed}', '{name}', '{role}', now(), 'ada', {expires}{values})"""


def alarm(kind: str = "test", summary: str = "s", more: str = "", values: str = "") -> str:
    return f"""insert into alarm (kind, reference, summary, raised_at{more})
               values ('{kind}', 'r', '{summary}', now(){values})"""


def alarm_delivery(
    receiver: str = "webhook", action: str = "trigger", state: str = "pending", attempts: int = 0
) -> str:
    return f"""with made as (insert into alarm (kind, reference, summary, raised_at) values ('test', 'd', 's', now())
                             returning alarm_id)
               insert into alarm_delivery (alarm_id, receiver, action, state, attempts, created_at)
               select alarm_id, '{receiver}', '{action}', '{state}', {attempts}, now() from made"""


def backup(name: str = "b", size: int = 1, sha256: str = "0" * 64, schema: str = "0073_backups") -> str:
    return f"""insert into backup (name, taken_at, size_bytes, sha256, schema_version)
               values ('{name}', now(), {size}, '{sha256}', '{schema}')"""


def restoration(name: str = "b", by: str = "Ada", reason: str = "a disk broke") -> str:
    return f"""insert into restoration (restored_at, backup_name, taken_at, restored_by, reason)
               values (now(), '{name}', now(), '{by}', '{reason}')"""


def approval(key: str = "grace", person: str = "Grace", way: str = "null") -> str:
    return f"""insert into plan_approval (plan_id, person_key, person, approved_at, way)
        select plan_id, '{key}', '{person}', now(), {way} from plan limit 1"""


def slack_reviewer(user: str = "U0ALICE", team: str = "T0", more: str = "", values: str = "") -> str:
    return f"""insert into slack_reviewer (team, slack_user, name, linked_at, linked_by{more})
        values ('{team}', '{user}', 'Ada', now(), 'ada'{values})"""


def button(about: str) -> str:
    shown = ", shown" if about.count(",") > 1 and about.endswith("''") else ""
    return f"""with n as (insert into notification (message_key, text, blocks, state, created_at)
        values ('a-button', 't', '[]', 'sent', now()) returning notification_id)
        insert into message_button (notification_id, plan_id, review_id{shown}) select notification_id, {about} from n"""


def page_session(hashed: str = "a" * 64, expires: str = "now() + interval '1 hour'", ended: str = "null") -> str:
    return f"""insert into page_session (session_hash, token_id, created_at, expires_at, ended_at)
        values ('{hashed}', 1, now(), {expires}, {ended})"""


def run_request(kind: str = "maintenance", attempt: int = 1, log: str = "null") -> str:
    return f"""insert into run_request (kind, partition_key, attempt, log_id, requested_at, requested_by)
        values ('{kind}', '2026-11-20-r1-7', {attempt}, {log}, now(), 'ada')"""


def wanted(
    kind: str, key: str = "null", sweep: str = "null", contacts: str = "{}", end: str = "null, null, null"
) -> str:
    return f"""insert into run_request (kind, partition_key, sweep, contact_ids, attempt, requested_at, requested_by,
               started_at, ended_at, outcome)
        values ('{kind}', {key}, {sweep}, '{contacts}', 1, now(), 'ada', {end})"""


def edited(by: str = "ada", reason: str = "why", contacts: str = "{7}", before: str = "plan_id - 1") -> str:
    return f"""insert into plan_edit (plan_id, edited_plan_id, edited_by, reason, edited_at, contact_ids)
        select plan_id, {before}, '{by}', '{reason}', now(), '{contacts}' from plan"""


def snapshot(phase: str = "before", role: str = "master", raw: int = 2, mailable: int = 1) -> str:
    return f"""insert into list_snapshot (campaign_id, sweep, phase, list_role, raw_count, mailable_count, taken_at)
        select id, '24h', '{phase}', '{role}', {raw}, {mailable}, now() from campaign_schedule"""


def review(kind: str = "plan", status: str = "open", decided: str = "null") -> str:
    return f"""insert into review_item (kind, summary, status, created_at, decided_at)
        values ('{kind}', 's', '{status}', now(), {decided})"""


def suppressed(reason: str, confidence: str = "null") -> str:
    return f"""insert into contact_suppression_history (contact_id, email, suppressed_at, reason, ai_confidence)
        values (1, 'a@example.com', now(), '{reason}', {confidence})"""


def finding(kind: str = "unknown_to_us", role: str = "master") -> str:
    return f"""insert into reconciliation_finding (reconciliation_id, contact_id, list_role, kind, ours, theirs, explanation)
        select reconciliation_id, 5, '{role}', '{kind}', 'o', 't', 'e' from reconciliation"""


def message(state: str, sent: str = "null") -> str:
    return f"""insert into notification (message_key, text, blocks, state, created_at, sent_at)
        values ('k', 't', '[]', '{state}', now(), {sent})"""


def stuck_session(column: str, value: str) -> str:
    row = {"lock_name": "'x'", "holder": "'x'", "pid": "1", "began_at": "now()", "state": "'idle'", "silent_seconds": "1",
           "was_ended": "true", "noticed_at": "now()", column: value}  # fmt: skip
    return f"insert into stuck_session ({', '.join(row)}) values ({', '.join(row.values())})"


def member(role: str) -> str:
    return f"insert into list_membership (list_role, contact_id, recipient_id, first_seen_at) values ('{role}', 1, 1, now())"


def contact(email: str, column: str = "hard_bounce_count", value: int = 0) -> str:
    return f"""insert into contact_list_membership (contact_id, email, queued_at, last_updated, {column})
        values (1, '{email}', now(), now(), {value})"""


def counted(deliveries: int) -> str:
    return f"""insert into contact_list_membership (contact_id, email, queued_at, last_updated, delivered_count,
        delivered_counted_at) values (1, 'a@example.com', now(), now(), {deliveries}, now())"""


def event(kind: str = "hard", in_log: str = "true", in_messages: str = "true") -> str:
    return f"""insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, in_bounce_log,
        in_message_log) select campaign_id, sweep, 3, now(), '{kind}', 'r', {in_log}, {in_messages} from bounce_fetch"""


def job(state: str = "submitting", count: int = 1) -> str:
    return f"""insert into mailjet_job (plan_id, actions, contact_count, state, fence, submitting_at)
        select plan_id, '{{}}', {count}, '{state}', 1, now() from plan"""


def asked(source: str = "policy", latency: str = "1", outcome: str = "accepted") -> str:
    return f"""insert into agent_record (agent, asked_at, source, prompt_version, prompt_hash, prompt, opinion, verdict,
        latency_ms, outcome) values ('a', now(), '{source}', 'v', 'h', 'p', '{{}}', 'ok', {latency}, '{outcome}')"""


def assessment(
    partition: str = "id, '24h', null::date", role: str = "campaign_1", status: str = "healthy", confidence: str = "0.9"
) -> str:
    return f"""insert into list_health_assessment (campaign_id, sweep, week, list_role, assessed_at, figures, rules_status,
        rules_urgency, status, urgency, reputation_impact, confidence, concerns, risk_factors, rationale, source)
        select {partition}, '{role}', now(), '{{}}', 'healthy', 'low', '{status}', 'low', 'none', {confidence}, '[]', '[]', 'r',
        'policy' from campaign_schedule"""


def health(status: str = "running", column: str = "master_list_size", value: str = "0") -> str:
    return f"insert into list_health_check (executed_at, status, {column}) values (now(), '{status}', {value})"


def validated(verdict: str = "'critical', true") -> str:
    return f"""insert into campaign_validation (campaign_id, list_role, scheduled_at, validated_at, verdict, is_blocking)
        select id, 'campaign_1', now(), now(), {verdict} from campaign_schedule"""


def list_edit(what: str = "'campaign_1', 'left'") -> str:
    return f"insert into list_edit (contact_id, seen_at, list_role, edit) values (1, now(), {what})"


def mass_change(
    what: str = "'campaign_1', 'left'", how: str = "0, 0, 0, 'open', null::timestamptz", matter: int = 1, usual: int = 0
) -> str:
    return f"""insert into mass_change (matter, usual, found_at, seen_at, list_role, kind, contacts, size_before, ordinary,
        status, closed_at) values ({matter}, {usual}, now(), now(), {what}, {how})"""


def unreadable_row(column: str = "kind", value: str = "'contact'") -> str:
    parts = {"kind": "'contact'", "row_id": "5", "problem": "'Email should be a text'"} | {column: value}
    return f"""insert into unreadable_row ({", ".join(parts)}, first_seen_at, last_seen_at)
        values ({", ".join(parts.values())}, now(), now())"""


def unreadable_ruling(kind: str = "campaign", row: str = "-5", by: str = "Ann", note: str = "a survey") -> str:
    return f"""insert into unreadable_ruling (kind, row_id, is_no_round, ruled_at, ruled_by, note)
        values ('{kind}', {row}, true, now(), '{by}', '{note}')"""


def stage(values: str) -> str:
    """A stage of a campaign: its name, state, reason and message."""
    return f"""insert into campaign_stage (campaign_id, launch_at, due_at, noted_at, stage, state, reason, message_key)
        select id, now(), now(), now(), {values} from campaign_schedule limit 1"""


def shadow(
    figures: str = '{"grace_days": "0"}', campaigns: int = 3, by: str = "A. Person", reason: str = "a try",
    ended: str = "null", ended_by: str = "null", why: str = "null",
) -> str:  # fmt: skip
    return f"""insert into shadow_policy (figures, campaigns, started_at, started_by, reason, ended_at, ended_by, ended_why)
        values ('{figures}', {campaigns}, now(), '{by}', '{reason}', {ended}, {ended_by}, {why})"""


def compared(sweep: str = "24h", judged: int = 2) -> str:
    return f"""insert into shadow_comparison (shadow_id, campaign_id, sweep, compared_at, judged)
        select p.shadow_id, s.id, '{sweep}', now(), {judged} from shadow_policy p, campaign_schedule s"""


def differing(contact: int = 1, present: str = "keep", shadow: str = "suppress") -> str:
    return f"""insert into shadow_difference (shadow_id, campaign_id, sweep, contact_id, present_action, present_rule,
            shadow_action, shadow_rule)
        select shadow_id, campaign_id, '24h', {contact}, '{present}', 'r', '{shadow}', 'r' from shadow_comparison"""


def launch(
    action: str = "'schedule'",
    state: str = "'waiting'",
    wanted: str = "now()",
    programmed: str = "null",
    by: str = "'Ada'",
    note: str = "'why'",
    hashed: str = "repeat('a', 64)",
) -> str:
    return (
        "insert into launch_change (mailjet_draft_id, action, state, content_hash, list_role, list_id, subject, sender,"
        " sender_hash, body_hash, programmed_for, wanted_at, asked_by, asked_at, note, expires_at) values (1,"
        f" {action}, {state}, {hashed}, 'campaign_1', 1, 's', 's', 'h', 'h', {programmed}, {wanted}, {by}, now(), {note},"
        " now())"
    )


def incident_count(kind: str = "operator", attempted: int = 3, hard: int = 3) -> str:
    return f"""insert into incident_count (campaign_id, kind, name, attempted, hard)
        select id, '{kind}', 'Google', {attempted}, {hard} from campaign_schedule"""


def contact_history(**parts: str) -> str:
    row = {
        "contact_id": "1", "campaigns": "5", "delivered": "2", "hard": "1", "soft": "1", "other": "1", "gone": "4",
        "first_sent_at": "now()", "last_sent_at": "now()", **parts,
    }  # fmt: skip
    return f"insert into contact_history ({', '.join(row)}) values ({', '.join(row.values())})"


def summarised(*counts: str) -> str:
    recipients, delivered, hard, soft, other = counts
    return f"""insert into summarised_campaign (campaign_id, summarised_at, recipients, delivered, hard, soft, other)
        select id, now(), {recipients}, {delivered}, {hard}, {soft}, {other} from campaign_schedule"""


def quarantined(**parts: str) -> str:
    values = {
        "contact_id": "5",
        "reason": "'incident'",
        "state": "'active'",
        "planned_at": "now()",
        "ends_at": "now() + interval '1 day'",
        "started_at": "now()",
        "ended_at": "null",
    } | parts
    return f"""insert into quarantine (plan_id, {", ".join(values)})
        select plan_id, {", ".join(values.values())} from plan"""


def told_event(**parts: str) -> str:
    row = {"identity": "gen_random_uuid()", "kind": "'unsub'", "occurred_at": "now()", "received_at": "now()", **parts}
    return f"insert into told_event ({', '.join(row)}) values ({', '.join(row.values())})"


A_TOLD_FAILURE = {"kind": "'bounce'", "bounce_class": "'hard'", "reason": "'user_unknown'", "decided_by": "'state'"}


def told_count(**parts: str) -> str:
    row = {"day": "current_date", "kind": "'open'", "outcome": "'kept'", "events": "1", "first_at": "now()",
           "last_at": "now()", **parts}  # fmt: skip
    return f"insert into told_count ({', '.join(row)}) values ({', '.join(row.values())})"


def engagement(**parts: str) -> str:
    row = {"contact_id": "1", "mailjet_campaign_id": "0", "first_open_at": "now()", "last_open_at": "now()", **parts}
    return f"insert into contact_engagement ({', '.join(row)}) values ({', '.join(row.values())})"


def early_look(look: str = "read", why: str = "", requests: int = 12, groups: str = "[{}]") -> str:
    return f"""insert into early_incident_look (campaign_id, looked_at, look, why, requests, groups)
        select id, now(), '{look}', '{why}', {requests}, '{groups}' from campaign_schedule"""


def past_attempt(attempts: int = 1, problem: str = "no counters") -> str:
    return f"""insert into past_metrics_attempt (campaign_id, attempts, tried_at, problem)
        select id, {attempts}, now(), '{problem}' from campaign_schedule"""


def told_reading(is_complete: str = "false") -> str:
    return f"""insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
        select id, 'told', now(), {is_complete}, 0 from campaign_schedule"""


EARLIER = "now() - interval '1 day'"

ALLOWED = [
    plan(), item(), step(), metrics("open_rate", "100"), log("running"), snapshot(), review(), suppressed("manual"),
    message("pending"), message("sent", "now()"), member("master"), contact("a@example.com"), counted(0), event(), job(),
    asked(), health(), step("exclude", "null"), review(status="approved", decided="now()"), finding(), assessment(),
    validated(), list_edit(), list_edit("null, 'excluded'"), mass_change(),
    mass_change(how="0, 0, 0, 'accepted', now()"), unreadable_row(),
    unreadable_ruling(),
    incident_count(), contact_history(), summarised("5", "null", "0", "0", "0"),
    early_look(), early_look("too_few", requests=0, groups="[]"), early_look("unread", "away", groups="[]"),
    past_attempt(),
    told_event(), told_event(**A_TOLD_FAILURE), told_count(), engagement(), told_reading(),
    quarantined(), quarantined(state="'planned'", started_at="null"),
    quarantined(state="'dropped'", started_at="null", ended_at="now()"), quarantined(state="'released'", ended_at="now()"),
    shadow(),
    compared("72h"),
    differing(),
]  # fmt: skip

CLOSING = (
    "insert into cycle_closing (cycle_number, missing_lists, missed_contacts, closed_at, closed_by, note{more})"
    " values ({number}, '{lists}', {missed}, now(), 'ada', 'why'{values})"
)
FORBIDDEN = {
    "a size of a list that is none of the five":
        "insert into list_size_delta (list_role, raw, unsubscribed) values ('sixth', 1, 0)",
    "a cycle without a number": "insert into cycle (number, opened_at) values (0, now())",
    "a cycle closed without a reason": "insert into cycle (number, opened_at, closed_at) values (1, now(), now())",
    "a cycle closed before it opened":
        "insert into cycle (number, opened_at, closed_at, closed_reason)"
        " values (1, now(), now() - interval '1 day', 'complete')",
    "a cycle closed for an unknown reason":
        "insert into cycle (number, opened_at, closed_at, closed_reason) values (1, now(), now(), 'because')",
    "a closing of no cycle": CLOSING.format(number=0, lists="{campaign_3}", missed=1, more="", values=""),
    "a closing of a whole cycle": CLOSING.format(number=1, lists="{}", missed=1, more="", values=""),
    "a closing without a round to master": CLOSING.format(number=1, lists="{master}", missed=1, more="", values=""),
    "a closing that fewer than nobody missed": CLOSING.format(
        number=1, lists="{campaign_3}", missed=-1, more="", values=""),
    "a closing taken back by nobody": CLOSING.format(
        number=1, lists="{campaign_3}", missed=1, more=", reopened_at", values=", now()"),
    "a closing taken back before it was made": CLOSING.format(
        number=1, lists="{campaign_3}", missed=1, more=", reopened_at, reopened_by, reopened_note",
        values=", now() - interval '1 h', 'ada', 'why'"),
    "a key that no tool accepts": SCHEDULE.format(key="Round 1!", round=1, more="", values=""),
    "a round 4": SCHEDULE.format(key="k", round=4, more="", values=""),
    "an unknown status of a campaign": SCHEDULE.format(key="k", round=1, more=", status", values=", 'DONE'"),
    "negative recipients": SCHEDULE.format(key="k", round=1, more=", recipient_count", values=", -1"),
    "a send that ended before it began": SCHEDULE.format(
        key="k", round=1, more=", send_start_at, send_end_at", values=", now(), now() - interval '1 h'"),
    "recipients from nowhere": SCHEDULE.format(
        key="k", round=1, more=", recipients_source, recipients_known_at", values=", 'guess', now()"),
    "recipients proven that are not recorded": SCHEDULE.format(
        key="k", round=1, more=", recipients_proven_at", values=", now()"
    ),
    "recipients known at no time": SCHEDULE.format(key="k", round=1, more=", recipients_source", values=", 'messages'"),
    "an unknown reason for ignoring a send":
        "insert into ignored_send (mailjet_campaign_id, reason, first_seen_at) values (1, 'bored', now())",
    "negative figures": metrics("blocked", "-1"),
    "negative opens": metrics("opened", "-1"),
    "a rate above a hundred percent": metrics("delivery_rate", "100.1"),
    "a negative rate": metrics("bounce_rate", "-0.1"),
    "a contact without an address": contact(""),
    "a negative number of bounces": contact("a@example.com", "hard_bounce_count", -1),
    "a count of deliveries of no moment": contact("a@example.com", "delivered_count", 3),
    "a negative count of deliveries": counted(-1),
    "a place on an unknown list": member("vip"),
    "an unknown list in the state of the sync": "insert into sync_state values ('vip', 0, 0, 0, now(), now())",
    "a negative size in the state of the sync": "insert into sync_state values ('master', -1, 0, 0, now(), now())",
    "lists confirmed by nobody": "insert into list_confirmation (confirmed_at, confirmed_by) values (now(), '')",
    "wrong lists confirmed without a note":
        "insert into list_confirmation (confirmed_at, confirmed_by, despite) values (now(), 'A. Person', '{sizes}')",
    "a confirmed list in no role": "insert into confirmed_list values (1, 'vip', 5, 'VIP', 0, 0, '{}')",
    "a sync of minus one row": "insert into sync_run (started_at, rows_read) values (now(), -1)",
    "a reading in an unknown sweep": A_FETCH.replace("'24h'", "'2d'"),
    "a reading of minus one row": A_FETCH.replace("true, 0", "true, -1").replace("'24h'", "'72h'"),
    "an unknown class of bounces": event("mild"),
    "a bounce that no source showed": event("hard", "false", "false"),
    "an unknown kind of plan": plan(kind="party"),
    "a plan in an unknown sweep": plan(sweep="2d"),
    "a hash that is none": plan(hashed="xyz"),
    "an unknown status of a plan": plan(status="maybe"),
    "a plan decided by nobody": "update plan set decided_at = now()",
    "a plan withdrawn by nobody": "update plan set status = 'withdrawn', withdrawn_at = now()",
    "a plan withdrawn at no time": "update plan set status = 'withdrawn'",
    "a plan withdrawn that is not": "update plan set withdrawn_at = now(), withdrawn_by = 'ada'",
    "a question withdrawn at no time": review(status="withdrawn"),
    "an open question with a decision": review(decided="now()"),
    "an attempt partly rolled back of which nobody knows what is left":
        log("partly_rolled_back", more=", finished_at, execution_time_ms, ai_assessments, before_state, after_state",
            values=", now(), 1, '{}', '{}', '{}'"),
    "a negative number of changes left": log("running", more=", changes_left", values=", -1"),
    "a negative number of changes taken back": log("running", more=", changes_taken_back", values=", -1"),
    "an unknown action": item("delete"),
    "a move from nowhere": item(from_role="null"),
    "a move to nowhere": item(to_role="null"),
    "an item that changes nothing and goes somewhere": item("keep", "null", "'campaign_1'"),
    "a move away from master": item(from_role="'master'"),
    "an enrolment to master": item("enrol", "null", "'master'"),
    "a confidence above one": item(more="1.01"),
    "a job without contacts": job(count=0),
    "an unknown state of a job": job("vanished"),
    "an unsubscription from a list that there is not":
        "with c as (insert into contact_list_membership (contact_id, email, queued_at, last_updated)"
        " values (77, 'x', now(), now()) returning contact_id)"
        " insert into kept_unsubscription (contact_id, list_role, kept_at) select contact_id, 'vip', now() from c",
    "an unsubscription that nobody took back":
        "with c as (insert into contact_list_membership (contact_id, email, queued_at, last_updated)"
        " values (77, 'x', now(), now()) returning contact_id)"
        " insert into kept_unsubscription (contact_id, list_role, kept_at, taken_back_at)"
        " select contact_id, 'master', now(), now() from c",
    "a send that is doubted for no reason that there is": "update campaign_schedule set round_doubt = 'odd'",
    "a ruling on a send by nobody": "update campaign_schedule set round_ruling = 'fits'",
    "an unknown kind of change":
        "insert into change (plan_id, contact_id, kind, before, created_at) select plan_id, 6, 'sell', '{}', now() from plan",
    "an unknown step": step("unsubscribe"),
    "an unknown state of a step": step(state="done"),
    "an exclusion from one list": step("exclude", "'master'"),
    "an addition to no list": step("add", "null"),
    "a step before the first": step(ordinal=0),
    "an unknown kind of review": review("gossip"),
    "an unknown status of a review": review(status="later", decided="now()"),
    "a review that is open and decided": review(decided="now()"),
    "a review that is closed and undecided": review(status="approved"),
    "a snapshot in an unknown phase": snapshot("during"),
    "a snapshot of an unknown list": snapshot(role="vip"),
    "more mailable contacts than there are": snapshot(raw=1, mailable=2),
    "a negative size": snapshot(raw=-1, mailable=-2),
    "an unknown kind of maintenance": log("running", "cleaning"),
    "an unknown status of a maintenance": log("done"),
    "an ended maintenance without its end": log("success"),
    "a negative number of suppressions": log("running", more=", contacts_suppressed", values=", -1"),
    "attempt zero": log("running", more=", attempt", values=", 0"),
    "a negative duration": log("running", more=", execution_time_ms", values=", -1"),
    "a successful health check without its figures": health("success"),
    "an unknown urgency": health(column="urgency", value="'panic'"),
    "an unknown status of a health check": health("done"),
    "a negative list in a health check": health(value="-1"),
    "an unknown reason of a suppression": suppressed("dislike"),
    "a confidence above one in the history": suppressed("manual", "1.5"),
    "an unknown adviser": asked("oracle"),
    "an answer before the question": asked(latency="-1"),
    "an unknown outcome of a question": asked(outcome="ignored"),
    "an assessment of nothing": assessment(partition="null::int, null, null::date"),
    "an assessment of a campaign and a week": assessment(partition="id, '24h', date '2026-11-16'"),
    "an assessment of a list that is not mailed": assessment(role="master"),
    "an unknown health": assessment(status="odd"),
    "an assessment that is surer than sure": assessment(confidence="1.5"),
    "words that no vocabulary holds so many of":
        "insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, in_bounce_log,"
        " in_message_log, server_words) select campaign_id, sweep, 9, now(), 'hard', 'r', true, true, repeat('x', 201)"
        " from bounce_fetch",
    "a failure that the stars decided":
        "insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, in_bounce_log,"
        " in_message_log, decided_by) select campaign_id, sweep, 9, now(), 'hard', 'r', true, true, 'stars'"
        " from bounce_fetch",
    "a week that begins on a Tuesday": "insert into weekly_list_snapshot values ('2026-11-17', 'master', 1, 1, now())",
    "more mailable than entries": "insert into weekly_list_snapshot values ('2026-11-16', 'master', 1, 2, now())",
    "more outcomes than recipients":
        "insert into weekly_list_metrics values ('2026-11-16', 'campaign_1', now(), 1, 0, 1, 1, 1, 1, null, null, null)",
    "more complaints than recipients":
        "insert into weekly_list_metrics values ('2026-11-16', 'campaign_1', now(), 1, 0, 1, 0, 0, 1, null, null, null, 2, 0)",
    "an overdispersion that is no share":
        "insert into weekly_list_metrics values ('2026-11-16', 'campaign_1', now(), 1, 0, 1, 0, 0, 1, null, null, null, 1, 2)",
    "a domain without a name": "insert into mail_host values ('', 'mx.example.com', now())",
    "a total that fell": "insert into monitor_total values ('runs', '{}', '', -1)",
    "a total of nothing": "insert into monitor_total values ('', '{}', '', 1)",
    "a mail host without a name": "insert into mail_host values ('one.example', '', now())",
    "a token kept as it is": token(hashed="lp_secret"),
    "a token of nobody": token(name=""),
    "a token of a role that there is not": token(role="owner"),
    "a token that was never valid": token(expires="now() - interval '1 day'"),
    "a token revoked by nobody": token(more=", revoked_at", values=", now()"),
    "a session kept as it is": page_session(hashed="secret"),
    "a session that was never valid": page_session(expires="now()"),
    "a session that ended before it began": page_session(ended="now() - interval '1 hour'"),
    "a caller without a name": "insert into api_caller values ('', now(), 1)",
    "a caller that asked for nothing": "insert into api_caller values ('token 1', now(), 0)",
    "an approval by nobody": approval(person=""),
    "an approval by nobody who could be compared": approval(key=""),
    "an approval by a way that there is not": approval(way="'pigeon'"),
    "a plan decided by a way that there is not": "update plan set decided_via = 'pigeon'",
    "a question decided by a way that there is not":
        "insert into review_item (kind, summary, status, created_at, decided_at, decided_by, decided_via)"
        " values ('plan', 's', 'rejected', now(), now(), 'ada', 'pigeon')",
    "a Slack user who is no user": slack_reviewer(user="B0BOT"),
    "a Slack user of no workspace": slack_reviewer(team=""),
    "a Slack user unlinked by nobody": slack_reviewer(more=", unlinked_at", values=", now()"),
    "a button about nothing": button("null, null"),
    "a button about two things": button("(select max(plan_id) from plan), (select max(review_id) from review_item)"),
    "a button that shows nothing": button("(select max(plan_id) from plan), null, ''"),
    "an escalation to nobody": "insert into plan_escalation select plan_id, now(), '' from plan limit 1",
    "a request for nothing": run_request(attempt=1),
    "a request for work that there is not": run_request(kind="report"),
    "an edit by nobody": edited(by=""),
    "an edit without a reason": edited(reason=""),
    "an edit that leaves nobody out": edited(contacts="{}"),
    "an edit of a plan into itself": edited(before="plan_id"),
    "an undo of no campaign": wanted("undo", sweep="'24h'"),
    "an undo of no look": wanted("undo", "'2026-11-20-r1-7'"),
    "an undo after a look that there is not": wanted("undo", "'2026-11-20-r1-7'", "'8d'"),
    "a redo of a contact": wanted("redo", "'2026-11-20-r1-7'", "'24h'", "{7}"),
    "a reinstatement of nobody": wanted("reinstate"),
    "a release of a campaign": wanted("release", "'2026-11-20-r1-7'", contacts="{7}"),
    "suppressions after a look": wanted("suppress", sweep="'24h'", contacts="{7}"),
    "a request that ended without an outcome": wanted("release", contacts="{7}", end="now(), now(), null"),
    "a request that ended before it was begun": wanted("release", contacts="{7}", end="null, now(), 'done'"),
    "an outcome of what goes on": wanted("release", contacts="{7}", end="now(), null, 'done'"),
    "an outcome that there is not": wanted("release", contacts="{7}", end="now(), now(), 'odd'"),
    "a request for attempt 0": run_request(attempt=0, log="(select max(id) from list_maintenance_log)"),
    "an answer to what is not told": "insert into api_answer values ('token 1', 'k', 'x', '1', now())",
    "a stage that there is not": stage("'launch', 'told', null, 'k'"),
    "a stage that is told without a message": stage("'wrapup', 'told', null, null"),
    "a stage that is skipped for no reason": stage("'wrapup', 'skipped', '', null"),
    "a stage that waits": stage("'wrapup', 'waits', 'why', null"),
    "a backup without a name": backup(name=""),
    "a backup without a byte": backup(size=0),
    "a backup whose checksum is none": backup(sha256="x"),
    "a backup of no schema": backup(schema=""),
    "an alarm of no kind": alarm(kind="odd"),
    "an alarm about nothing": alarm(summary=""),
    "an alarm that was over before": alarm(more=", resolved_at", values=", now() - interval '1 day'"),
    "something told to a friend": alarm_delivery(receiver="friend"),
    "something told to acknowledge": alarm_delivery(action="acknowledge"),
    "something told in an odd state": alarm_delivery(state="odd"),
    "something told less than never": alarm_delivery(attempts=-1),
    "something told at no time": alarm_delivery(state="sent"),
    "a digest of a month": "insert into digest (period, due_at, made_at) values ('month', now(), now())",
    "a digest sent less than never":
        "insert into digest (period, due_at, made_at, email_attempts) values ('day', now(), now(), -1)",
    "a restore of nothing": restoration(name=""),
    "a restore by nobody": restoration(by=""),
    "a restore without a reason": restoration(reason=""),
    "a fourth range of an audience": batch(number=4),
    "a range that joins the master list": batch(role="master"),
    "a range that begins before the queue": batch(places="0, 399"),
    "a range that ends before it begins": batch(places="400, 1", planned=1),
    "a range with another number of places": batch(planned=399),
    "a scheduled campaign at no time": batch(more="null, (select min(id) from campaign_schedule), null"),
    "more enrolled than a range has": batch(more="null, null, 401"),
    "fewer enrolled than nobody": batch(more="null, null, -1"),
    "a divided audience of a campaign": plan("split"),
    "a list that has no state": "insert into list_state values ('master', 'health', 'healthy', now())",
    "a sweep that there is not":
        "insert into list_state_history (list_role, machine, from_state, to_state, event, event_key, sweep, at, noted_at)"
        " values ('campaign_1', 'health', 'a', 'b', 'c', 'k', '8d', now(), now())",
    "a warning that blocks": validated("'warning', true"),
    "an unknown verdict": validated("'odd', false"),
    "a rule of no severity":
        "insert into campaign_validation_rule (validation_id, rule, severity, words) values (1, 'r', 'odd', 'w')",
    "an override by nobody":
        "insert into campaign_override (campaign_id, scheduled_at, overridden_by, overridden_at, rules)"
        " select id, now(), '', now(), '{}' from campaign_schedule",
    "a test of no content":
        "insert into campaign_test (campaign_id, content_hash, tested_by, tested_at)"
        " select id, 'no hash', 'Ada', now() from campaign_schedule",
    "a schedule settled at no time":
        "insert into schedule_change (campaign_id, mailjet_draft_id, action, scheduled_at, state, created_at)"
        " select id, 1, 'cancel', now(), 'confirmed', now() from campaign_schedule",
    "a launch change of another kind": launch(action="'restore'"),
    "a launch change without an instant": launch(wanted="null"),
    "a cancellation with an instant": launch(action="'cancel'", programmed="now()"),
    "a move of what is not scheduled": launch(action="'move'"),
    "a launch change that nobody asked for": launch(by="''"),
    "a launch change without a reason": launch(note="''"),
    "a launch change of no content": launch(hashed="'no hash'"),
    "a launch change that ended at no time": launch(state="'confirmed'"),
    "a launch change that was posted and never decided": launch(state="'submitting'"),
    "work that ended before it began":
        "insert into work_timing (workflow, stage, run_id, started_at, finished_at, duration_ms, outcome, rate_limit,"
        " pool_limit) values ('w', 's', 'r', now(), now() - interval '1 s', 0, 'done', 300, 10)",
    "a success with an error":
        "insert into job_run (run_id, job, noted_at, status, error) values ('r', 'j', now(), 'success', 'broke')",
    "a second row of the versions": "insert into data_version (is_the_row) values (false)",
    "a version of something else": "insert into data_touched values ('1', 'weather')",
    "a reconciliation of minus one contact":
        "insert into reconciliation (started_at, contacts_compared) values (now(), -1)",
    "a finding of an unknown kind": finding("odd"),
    "a finding on an unknown list": finding(role="vip"),
    "a second row of the mode": "insert into mode_state (only_row, first_started_at) values (false, now())",
    "an unknown mode": "insert into mode_state (first_started_at, set_mode, set_by, set_at) values (now(), 'wild', 'x', now())",
    "a list edit of an unknown kind": list_edit("'campaign_1', 'renamed'"),
    "a list edit of all campaigns that names a list": list_edit("'campaign_1', 'excluded'"),
    "a list edit without a list": list_edit("null, 'left'"),
    "a list edit in no role": list_edit("'vip', 'left'"),
    "a look at operators of no kind": early_look("odd", groups="[]"),
    "operators that were not read without a reason": early_look("unread", groups="[]"),
    "operators that were read, with a reason against it": early_look(why="away"),
    "operators that stand out though nothing was read": early_look("too_few"),
    "a look with fewer requests than none": early_look(requests=-1),
    "figures that were never asked for": past_attempt(0),
    "figures that could not be read for no reason": past_attempt(problem=""),
    "a history without campaigns": contact_history(campaigns="0", delivered="0", hard="0", soft="0", other="0", gone="0"),
    "more ends than mailings": contact_history(other="2"),
    "more mailings gone than there were": contact_history(gone="6"),
    "negative hard bounces in a history": contact_history(hard="-1"),
    "a history that ends before it begins": contact_history(last_sent_at="now() - interval '1 day'"),
    "a summary of minus one recipient": summarised("-1", "null", "0", "0", "0"),
    "a summary of minus one delivery": summarised("5", "-1", "0", "0", "0"),
    "counts of an unknown kind of group": incident_count("segment"),
    "a negative number of attempted contacts": incident_count(attempted=-1, hard=-1),
    "a negative number of hard bounces": incident_count(hard=-1),
    "more hard bounces than attempted contacts": incident_count(hard=4),
    "a shadow policy without a changed figure": shadow(figures="{}", ended="now()"),
    "a shadow policy whose figures are no object": shadow(figures="[1]", ended="now()"),
    "a shadow policy for no campaign": shadow(campaigns=0, ended="now()"),
    "a shadow policy of nobody": shadow(by="", ended="now()"),
    "a shadow policy without a reason": shadow(reason="", ended="now()"),
    "a shadow policy that ended before it began": shadow(ended="now() - interval '1 day'"),
    "a shadow policy that somebody ended and that runs": shadow(ended_by="'A. Person'", why="'enough'"),
    "a shadow policy that nobody ended": shadow(ended="now()", ended_by="''", why="'enough'"),
    "a shadow policy that somebody ended without saying why": shadow(ended="now()", ended_by="'A. Person'"),
    "a shadow policy that was ended for nothing": shadow(ended="now()", ended_by="'A. Person'", why="''"),
    "a comparison of an unknown sweep": compared(sweep="48h"),
    "a comparison of fewer than no verdicts": compared(sweep="7d", judged=-1),
    "a difference between equal actions": differing(contact=2, present="keep", shadow="keep"),
    "a difference with an unknown present action": differing(contact=2, present="move"),
    "a difference with an unknown shadow action": differing(contact=2, shadow="move"),
    "a mass change of an unknown kind": mass_change("'campaign_1', 'renamed'"),
    "a mass change in no role": mass_change("'vip', 'left'"),
    "a mass change of a negative number": mass_change("'campaign_1', 'left'", "-1, 0, 0, 'open', null"),
    "a mass change of a list of a negative size": mass_change("'campaign_1', 'left'", "0, -1, 0, 'open', null"),
    "a mass change beyond a negative number": mass_change("'campaign_1', 'left'", "0, 0, -1, 'open', null"),
    "an unknown state of a mass change": mass_change("'campaign_1', 'left'", "0, 0, 0, 'odd', null"),
    "an open mass change that was closed": mass_change("'campaign_1', 'left'", "0, 0, 0, 'open', now()"),
    "a mass change that was never closed": mass_change("'campaign_1', 'left'", "0, 0, 0, 'accepted', null"),
    "a mass change beyond what is usual below zero": mass_change(usual=-1),
    "a mass change with no number": mass_change("'campaign_1', 'left'", matter=0),
    "a change to an unknown mode": "insert into mode_change (mode, changed_by, changed_at) values ('wild', 'x', now())",
    "an unreadable row of an unknown kind": unreadable_row("kind", "'invoice'"),
    "an unreadable row without a number": unreadable_row("row_id", "0"),
    "an unreadable row of a contact below zero": unreadable_row("contact_id", "-1"),
    "an unreadable row of a campaign below zero": unreadable_row("mailjet_campaign_id", "0"),
    "an unreadable row of a list below zero": unreadable_row("list_id", "-5"),
    "an unreadable row with nothing wrong": unreadable_row("problem", "''"),
    "a ruling on what cannot be a round": unreadable_ruling(kind="contact"),
    "a ruling on no row": unreadable_ruling(row="0"),
    "a ruling of nobody": unreadable_ruling(by=""),
    "a ruling without a reason": unreadable_ruling(note=""),
    "a change of the mode by nobody": "insert into mode_change (mode, changed_by, changed_at) values ('auto', '', now())",
    "a mode set by nobody": "insert into mode_state (first_started_at, set_mode, set_at) values (now(), 'auto', now())",
    "a switch that nobody found off":
        "insert into mode_state (first_started_at, switched_off_at) values (now(), now())",
    "a switch found off by a passer-by":
        "insert into mode_state (first_started_at, switched_off_at, switched_off_by) values (now(), now(), 'x')",
    "a quarantine for an unknown reason": quarantined(reason="'odd'"),
    "a quarantine in an unknown state": quarantined(state="'odd'"),
    "a quarantine that ends before it is planned": quarantined(ends_at=EARLIER),
    "a quarantine that goes on and never began": quarantined(started_at="null"),
    "a planned quarantine that began": quarantined(state="'planned'"),
    "a quarantine that goes on and ended": quarantined(ended_at="now()"),
    "a released quarantine that never ended": quarantined(state="'released'"),
    "a told event of an unknown kind": told_event(kind="'teleported'"),
    "a told event of a campaign below zero": told_event(mailjet_campaign_id="0"),
    "a told event of a list below zero": told_event(mailjet_list_id="-1"),
    "a told failure without a class": told_event(kind="'bounce'"),
    "a told open with a class": told_event(**{**A_TOLD_FAILURE, "kind": "'open'"}),
    "a told failure of an unknown class": told_event(**{**A_TOLD_FAILURE, "bounce_class": "'odd'"}),
    "a told failure without a reason": told_event(**{**A_TOLD_FAILURE, "reason": "null"}),
    "a told failure that nothing decided": told_event(**{**A_TOLD_FAILURE, "decided_by": "null"}),
    "a told failure decided by a passer-by": told_event(**{**A_TOLD_FAILURE, "decided_by": "'x'"}),
    "a count of told events of an unknown kind": told_count(kind="'teleported'"),
    "a count of told events without an outcome": told_count(outcome="''"),
    "a count of no told events": told_count(events="0"),
    "a count of told events that ended before it began": told_count(last_at=EARLIER),
    "a sign of a contact in a campaign below zero": engagement(mailjet_campaign_id="-1"),
    "no sign of a contact": engagement(first_open_at="null", last_open_at="null"),
    "a last open before the first": engagement(last_open_at=EARLIER),
    "a last open without a first": engagement(first_open_at="null", first_click_at="now()", last_click_at="now()"),
    "a first open without a last": engagement(last_open_at="null"),
    "a last click before the first": engagement(first_click_at="now()", last_click_at=EARLIER),
    "a first click without a last": engagement(first_click_at="now()"),
    "a last fetch before the first": engagement(first_prefetch_at="now()", last_prefetch_at=EARLIER),
    "a first fetch without a last": engagement(first_prefetch_at="now()"),
    "a whole reading of what was told": told_reading("true"),
    "a second row of the limiter": "insert into limiter_state (only_row, allowance, refused_at) values (false, 6, now())",
    "an allowance of nothing": "insert into limiter_state (allowance, refused_at) values (0, now())",
    "a second key of erasures":
        "insert into erasure_key (is_the_row, inner_pad, outer_pad) values (false, 'a', 'b')",
    "an erased person under an id of Mailjet's": "insert into erased_person (pseudonym, erased_at) values (7, now())",
    "an erased person kept off for an unknown reason":
        "insert into erased_person (pseudonym, kept_off_because, erased_at) values (-7, '{disliked}', now())",
    "an erasure that is done and still knows the id":
        "insert into erasure (pseudonym, contact_id, requested_at, finished_at) values (-7, 7, now(), now())",
    "a deletion at Mailjet that nobody asked for":
        "insert into erasure (pseudonym, requested_at, state) values (-7, now(), 'planned')",
    "a stuck session of nobody": stuck_session("holder", "''"),
    "a stuck session with no lock": stuck_session("lock_name", "''"),
    "a stuck session that is yet to be silent": stuck_session("silent_seconds", "-1"),
    "an unknown state of a message": message("on its way"),
    "a message sent at no time": message("sent"),
    "a message unsent at some time": message("failed", "now()"),
}  # fmt: skip


@pytest.fixture(scope="module")
def populated(new_database: Callable[[], str]) -> Iterator[psycopg.Connection[Any]]:
    """A migrated database with one campaign, plan, change and reading; nothing in a test is committed."""
    url = new_database()
    database = Database(url)
    migrate(database)
    database.close()
    with psycopg.connect(url, options="-csearch_path=list_pipeline", autocommit=True) as connection:
        for statement in (A_CAMPAIGN, A_PLAN, A_CHANGE, A_FETCH, A_RECONCILIATION, shadow(ended="now()"), compared()):
            connection.execute(statement)
        yield connection


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_schema_forbids(populated: psycopg.Connection[Any], what: str) -> None:
    with pytest.raises(errors.CheckViolation), populated.transaction(force_rollback=True):
        populated.execute(FORBIDDEN[what])


@pytest.mark.parametrize("number", range(len(ALLOWED)))
def test_the_schema_allows_what_the_forbidden_rows_vary(populated: psycopg.Connection[Any], number: int) -> None:
    with populated.transaction(force_rollback=True):
        if ALLOWED[number] == plan():
            populated.execute("delete from change")
            populated.execute("delete from plan")
        assert populated.execute(ALLOWED[number]).rowcount == 1


def test_every_table_with_checks_has_one_that_a_test_violates(populated: psycopg.Connection[Any]) -> None:
    found = populated.execute(
        "select distinct c.relname from pg_constraint k join pg_class c on c.oid = k.conrelid"
        " where k.contype = 'c' and k.connamespace = 'list_pipeline'::regnamespace and c.relname not like '%yoyo%'"
        " and not c.relispartition"
    ).fetchall()
    statements = " ".join(FORBIDDEN.values())
    assert {row[0] for row in found if f" {row[0]} " not in statements} == set()


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        (A_PLAN, errors.UniqueViolation),
        (A_CHANGE, errors.UniqueViolation),
        (A_CAMPAIGN, errors.UniqueViolation),
        # From PostgreSQL 18 on a restriction has an error of its own.
        ("delete from campaign_schedule", psycopg.IntegrityError),
        ("delete from plan", psycopg.IntegrityError),
        ("insert into campaign_recipient values (999, 1)", errors.ForeignKeyViolation),
    ],
)
def test_history_cannot_be_doubled_orphaned_or_deleted(
    populated: psycopg.Connection[Any], statement: str, error: type[psycopg.Error]
) -> None:
    with pytest.raises(error), populated.transaction(force_rollback=True):
        populated.execute(statement)
