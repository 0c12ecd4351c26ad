"""What of a group of planned steps is really posted: the last look at our rows right before the request.

Belongs here: which steps are left out of a job and why, which change waits because its contact cannot be read any more, and
which jobs may be in flight at once.
Does not belong here: which steps stand together in a group (``waves``), reading the rows and posting
(``operations.plans.posting``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Generic, Protocol, TypeVar

from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.plans.waves import StepInOrder


class StepOfContact(StepInOrder, Protocol):
    """A step of the journal with its contact."""

    @property
    def contact_id(self) -> int: ...


APosted = TypeVar("APosted", bound=StepOfContact)


@dataclass(frozen=True, slots=True)
class Posting(Generic[APosted]):
    """What becomes of a group of steps.

    Attributes:
        posted: they go into the job.
        absent: removals from a list that the contact is not on; a suppression names all three, since others may have moved the
            contact since.
        gone: nothing can be posted of their contact, and nothing of its change has to be brought to its end.
        there: of ``posted`` the additions that find the contact there already: they change no size, and are not ours to take
            back. What was posted before may have put it there.
        unreadable: changes that were begun, and whose contact cannot be read any more: all of them waits until it can.
    """

    posted: Sequence[APosted]
    absent: Sequence[APosted]
    gone: Sequence[APosted]
    there: Sequence[APosted]
    unreadable: frozenset[int]


def in_flight_together(batches: Sequence[Sequence[APosted]], most: int) -> Sequence[Sequence[APosted]]:
    """The first of the groups, at least one and at most so many, whose jobs may be in flight at once.

    A group that was posted before goes alone: it is looked for first, and something may be wrong with it.
    """
    fresh = takewhile(lambda batch: not any(step.attempts for step in batch), batches)
    return tuple(islice(fresh, most)) or tuple(batches[:1])


def lacking_address(
    steps: Sequence[APosted], is_on_list: Callable[[APosted], bool], addressed: Collection[int]
) -> list[APosted]:
    """The steps that could be made and whose contact has no address that we may use.

    Args:
        addressed: contacts with an address.
    """
    return [step for step in steps if step.contact_id not in addressed and not _is_absent(step, is_on_list)]


def begun_and_unreadable(
    lacking: Sequence[APosted], begun: Collection[int], unreadable: Collection[int]
) -> list[APosted]:
    """The steps without which a contact would stand on two lists: something of the change is done, and what Mailjet shows of
    the contact cannot be read since. Half a suppression is none of them: it mails nobody.

    Args:
        begun: changes of which a job did something, or may have done or still do something.
        unreadable: contacts of which a row cannot be read.
    """
    return [
        step
        for step in lacking
        if step.change_id in begun and step.kind is not ItemAction.SUPPRESS and step.contact_id in unreadable
    ]


def what_is_posted(
    steps: Sequence[APosted],
    is_on_list: Callable[[APosted], bool],
    addressed: Collection[int],
    waiting: Sequence[APosted] = (),
    addressed_all_the_same: Collection[int] = (),
) -> Posting[APosted]:
    """Tell the steps of a group apart.

    Args:
        is_on_list: whether the contact of a step is on its list, as far as we know.
        addressed: contacts with an address that may be used.
        waiting: what ``begun_and_unreadable`` found among those that lack one.
        addressed_all_the_same: contacts of ``waiting`` whose address is known in spite of rows that cannot be read.
    """
    unreadable = frozenset(step.change_id for step in waiting if step.contact_id not in addressed_all_the_same)
    absent = [step for step in steps if _is_absent(step, is_on_list)]
    gone = [step for step in lacking_address(steps, is_on_list, addressed) if step not in waiting]
    left_out = {*absent, *gone}
    posted = [step for step in steps if step not in left_out and step.change_id not in unreadable]
    there = [step for step in posted if step.action is StepAction.ADD and not step.attempts and is_on_list(step)]
    return Posting(posted, absent, gone, there, unreadable)


def _is_absent(step: APosted, is_on_list: Callable[[APosted], bool]) -> bool:
    return step.action is StepAction.REMOVE and not is_on_list(step)
