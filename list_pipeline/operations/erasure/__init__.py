"""People who are erased from every table.

Belongs here: taking somebody out of the rows, and following erasures that Mailjet shows. Does not belong here: a person who
asks for an erasure (``operations.plans.erasure_by_person``).
"""
