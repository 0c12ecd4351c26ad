"""The check-list before going live: observing, each check within a time and none keeping the others from being made.

Belongs here: what is asked of whom. Does not belong here: the verdicts (``core.preflight``). ``list-pipeline health`` says
whether the services answer right now and costs next to nothing, so a monitor asks it all the time; this takes its answers over,
and adds what a person wants to know once before a launch.
"""
