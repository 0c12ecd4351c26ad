"""Mutation testing: small faults are put into the code that decides and executes, one at a time, and the tests of `make test`
have to notice each.

`make mutants` plays all of them, `make mutants SAMPLE=n` some. A survivor is a fault that nobody would notice: it gets a test,
or an answer in ``answered.toml`` that says why it changes nothing.

Belongs here: making mutants, running tests against them, the answers. Does not belong here: the tests themselves.
"""
