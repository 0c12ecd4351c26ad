"""The assessment of a wrap-up: four advisors are asked at the same time, then one about the summary. Asked once for a campaign.

Belongs here: whom to ask, in which order, and keeping what came of it. Does not belong here: what is asked (``agents.wrapup``).

The report waits for nobody: what has not answered in time is said by the rules, and an access that cannot be had is none.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog

from list_pipeline.agents.wrapup import SendAssessed, assess_send, summarise
from list_pipeline.core.campaign_stages.assessment import FirstFigures
from list_pipeline.core.campaign_stages.assessment_report import SendReport, policy_report, topics
from list_pipeline.core.campaign_stages.assessment_statements import Topic
from list_pipeline.core.campaign_stages.times import Stage
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.operations.access import Advised
from list_pipeline.operations.advice.advisors import keep_record, model_access
from list_pipeline.operations.stages import carrying_context
from list_pipeline.storage import campaign_stages as stage_rows
from list_pipeline.storage.advice import AdvicePartition

log = structlog.get_logger(__name__)

DEADLINE_S = 12.0
"""Seconds for the four questions, which are asked at the same time, and again for the summary: with both, the report is told
within half a minute."""


def send_report(services: Advised, campaign_id: int, figures: FirstFigures, since: datetime) -> SendReport:
    """The report of a wrap-up, made once and kept. No failure of the advisors is raised.

    Args:
        since: from when on (UTC) what the advisors spent counts towards the budget.
    """
    with services.database.begin() as connection:
        kept = stage_rows.kept_report(connection, campaign_id)
        is_told = stage_rows.is_wrapped_up(connection, campaign_id)
    if kept is not None:
        return kept.report
    if is_told:
        # It was told before reports were kept: nobody is asked about it afterwards.
        return policy_report(figures)
    try:
        report = _asked(services, AdvicePartition(campaign_id, Stage.WRAPUP), figures, since)
    except ListPipelineError as error:
        log.warning("the advisors could not be asked about a wrap-up", campaign=campaign_id, error=str(error))
        report = policy_report(figures)
    with services.database.begin() as connection:
        return stage_rows.keep_report(connection, campaign_id, report, services.clock.now())


def _asked(services: Advised, partition: AdvicePartition, figures: FirstFigures, since: datetime) -> SendReport:
    access = model_access(services, partition, since, deadline_s=DEADLINE_S)

    def ask(topic: Topic) -> SendAssessed:
        return _kept(services, partition, assess_send(access, topic, figures))

    asked = topics(figures)
    with ThreadPoolExecutor(max_workers=len(asked), thread_name_prefix="wrapup") as threads:
        assessed = tuple(threads.map(carrying_context(ask), asked))
    assessments = [each.assessment for each in assessed]
    if all(each.recorded.answer is None for each in assessed):
        # A model that answered none of them is not waited for a second time.
        return policy_report(figures, assessments)
    summarised = summarise(access, figures, assessments)
    keep_record(services, partition, summarised.recorded, {"summary": summarised.report.summary})
    return summarised.report


def _kept(services: Advised, partition: AdvicePartition, made: SendAssessed) -> SendAssessed:
    assessment = made.assessment
    keep_record(services, partition, made.recorded, assessment.as_json(), confidence=assessment.confidence)
    return made
