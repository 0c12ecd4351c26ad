"""The question about a suppression plan: its data, and what the policy says of the plan by itself.

Belongs here: the data of the question, without anything that could identify a contact. Does not belong here: the plan's figures
(``core.suppression.plan_summary``), what can be said of them (``core.suppression.statements``), and what an answer may change
(``optimization``).
"""

from __future__ import annotations

from list_pipeline.core.bounces.smtp_vocabulary import server_words
from list_pipeline.core.statements import Choice
from list_pipeline.core.suppression.plan_summary import BorderlineItem, PlanGroup, PlanSummary
from list_pipeline.core.suppression.statements import CONTACT_FORMS, IMPACT, RATIONALE, plan_statements

_MOST_SENTENCES, _MOST_EFFECTS = 5, 2


def policy_rationale(plan: PlanSummary) -> str:
    """The plan explained by the policy itself; always the same words for the same plan."""
    return rationale_of(plan_statements(plan).unchosen)


def policy_impact(plan: PlanSummary) -> str:
    """The benefit of the plan, in the policy's words."""
    return impact_of(plan_statements(plan).unchosen)


def rationale_of(choice: Choice) -> str:
    """Why the plan is as it is, in the statements of a choice."""
    return " ".join(choice.said(RATIONALE, _MOST_SENTENCES))


def impact_of(choice: Choice) -> str:
    """What the plan is good for, in the statements of a choice."""
    return " ".join(choice.said(IMPACT, _MOST_EFFECTS))


def question_data(plan: PlanSummary) -> dict[str, object]:
    """The data of the question: references, figures and codes."""
    policy = plan.policy
    return {
        "recipients": plan.recipients,
        "breakdown": plan.breakdown(),
        "policy": {
            "soft_failures_in_a_row": policy.soft_attempts,
            "soft_campaigns": policy.soft_campaigns,
            "soft_span_days": policy.soft_span_days,
            "soft_recency_days": policy.soft_recency_days,
            "fewest_campaigns": policy.min_campaigns,
            "second_hit_days": policy.second_hit_days,
        },
        "groups": [
            _of_group(reference, group)
            for reference, group in zip(plan.group_references(), plan.offered_groups, strict=True)
        ],
        "groups_not_listed": len(plan.groups) - len(plan.offered_groups),
        "contacts": [
            _of_contact(reference, item) for reference, item in zip(plan.references(), plan.offered, strict=True)
        ],
        "contacts_not_listed": len(plan.borderline) - len(plan.offered),
        "statements": plan_statements(plan).offered(),
        # Once, not for each contact: which are true of one follows from its figures.
        "reasons": {kind.value: form.sentence for kind, form in CONTACT_FORMS.items()},
    }


def _of_group(reference: str, group: PlanGroup) -> dict[str, object]:
    shown: dict[str, object] = {
        "reference": reference,
        "rule": group.rule,
        "class": group.bounce_class,
        "reason": group.reason,
        "contacts": group.contacts,
        "domains": group.domains,
        "decided_by": "degree" if group.is_borderline else "fact",
        "sorting": group.sorting,
        "confidence": group.confidence,
    }
    if group.is_borderline:
        shown |= {
            "fewest_hits": group.hits[0],
            "most_hits": group.hits[1],
            "least_days_since_last_hit": group.days_since_last_hit[0],
            "most_days_since_last_hit": group.days_since_last_hit[1],
            "delivered_before": group.delivered_before,
            "domain_kinds": dict(sorted(group.domain_kinds.items())),
        }
    return shown


def _of_contact(reference: str, item: BorderlineItem) -> dict[str, object]:
    return {
        "reference": reference,
        "group": f"g{item.group + 1}",
        "hits": item.hits,
        "campaigns": item.campaigns,
        "span_days": item.span_days,
        "days_since_last_hit": item.days_since_last_hit,
        "deliveries_before": item.deliveries_before,
        "days_known": item.days_known,
        "same_reason": item.is_same_reason,
        "domain": item.domain_kind,
        # Once more, so that no caller can put anything else into a prompt.
        "server_words": server_words(item.server_words),
        "sorting": "suppress_now",
        "confidence": item.confidence,
    }
