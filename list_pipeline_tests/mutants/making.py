"""Mutants of a module: every operator at every place, each with the name under which people find it again."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from cosmic_ray.ast import ast_nodes, get_ast
from parso.tree import NodeOrLeaf

from list_pipeline_tests.mutants.operators import operators


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one fault in it.

    ``where`` is the function or class it is in, empty for the module's own statements; ``was`` and ``becomes`` are the lines
    that differ, without indentation. ``lines`` are those of its statement. ``is_inside``: it is in the body of a function, so
    that the function alone differs.
    """

    module: str
    where: str
    operator: str
    was: str
    becomes: str
    source: str
    lines: range
    is_inside: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Its name: the same after other lines of the module changed."""
        return self.module, self.where, self.was, self.becomes


def mutants_of(root: Path, module: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of the operators; of several that read the same, the first.

    Args:
        module: path below ``root``, with slashes.
    """
    source = (root / module).read_text()
    tree, starts, seen = get_ast(source), _line_starts(source), set()
    for name, operator in operators().items():
        for node in ast_nodes(tree):
            for index, (begin, _) in enumerate(operator.mutation_positions(node)):
                at = _leaf_at(node, begin)
                if _says_nothing(at):
                    continue
                changed = _changed(node, operator, index)
                mutated = _spliced(source, starts, _span(node), changed, _WHOLE)
                if mutated in seen or not _compiles(
                    _spliced(source, starts, _span(node), changed, _span(_outermost(node)))
                ):
                    continue
                seen.add(mutated)
                was, becomes = _difference(source, mutated)
                where, is_inside = _enclosing(at)
                yield Mutant(module, where, name, was, becomes, mutated, _statement(at), is_inside)


Position = tuple[int, int]
Span = tuple[Position, Position]
_WHOLE: Final = ((1, 0), None)


def _changed(node: NodeOrLeaf, operator: Any, index: int) -> str:
    """The text of a node's mutant. The node alone is copied: its parent may be asked, and stays."""
    twin = copy.deepcopy(node, {id(node.parent): node.parent})
    return str(operator.mutate(twin, index).get_code())


def _span(node: NodeOrLeaf) -> Span:
    """Where a node stands, with the blanks and comments in front of it."""
    return node.get_start_pos_of_prefix(), node.end_pos


def _outermost(node: NodeOrLeaf) -> NodeOrLeaf:
    """The statement of the module that a node is in: whether it compiles does not depend on the others."""
    while node.parent is not None and node.parent.type != "file_input":
        node = node.parent
    return node


def _spliced(source: str, starts: list[int], place: Span, changed: str, part: tuple[Position, Position | None]) -> str:
    """A part of the module, with another text in one place of it."""

    def at(position: Position) -> int:
        return starts[position[0] - 1] + position[1]

    (begin, end), (first, last) = place, part
    return source[at(first) : at(begin)] + changed + source[at(end) : None if last is None else at(last)]


def _line_starts(source: str) -> list[int]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _difference(source: str, mutated: str) -> tuple[str, str]:
    before, after = source.splitlines(), mutated.splitlines()
    # What is the same at both ends is most of it, and slow to find for the library.
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    lines = list(difflib.unified_diff(before[same:], after[same:], n=0, lineterm=""))[2:]
    was, becomes = (
        " ".join(word for line in lines if line.startswith(sign) for word in line[1:].split()) for sign in "-+"
    )
    return was, becomes


def _leaf_at(node: NodeOrLeaf, position: tuple[int, int]) -> NodeOrLeaf:
    return node.get_leaf_for_position(position, include_prefixes=True) if hasattr(node, "children") else node


def _ancestors(leaf: NodeOrLeaf) -> Iterator[tuple[NodeOrLeaf, NodeOrLeaf]]:
    """Each node above a leaf, with the child through which it is reached."""
    child = leaf
    while child.parent is not None:
        yield child.parent, child
        child = child.parent


def _says_nothing(leaf: NodeOrLeaf) -> bool:
    """Whether a leaf is part of an annotation, of a decorator or of a sentence for people: types are checked elsewhere, no rule
    stands in a decorator, and a sentence decides nothing."""
    for parent, child in _ancestors(leaf):
        if parent.type == "fstring" or (
            parent.type == "expr_stmt" and parent.children[0].get_code().strip() == "words"
        ):
            return True
        if parent.type == "decorator" or (
            child is leaf and parent.type in ("parameters", "param") and leaf.type == "operator"
        ):
            return True
        if parent.type == "annassign" and child is parent.children[1]:
            return True
        if parent.type == "tfpdef" or (parent.type == "funcdef" and child is parent.annotation):
            return True
    return False


def _enclosing(leaf: NodeOrLeaf) -> tuple[str, bool]:
    """The qualified name of what a leaf is in, and whether it is in the body of a function."""
    names, is_inside = [], False
    for parent, child in _ancestors(leaf):
        if parent.type in ("funcdef", "classdef"):
            names.append(parent.name.value)
            # Names of an inner function stay inside the outer one, which is the one that is exchanged.
            is_inside = is_inside or (parent.type == "funcdef" and child is parent.children[-1])
    return ".".join(reversed(names)), is_inside


def _statement(leaf: NodeOrLeaf) -> range:
    """The lines of the statement that a leaf is in."""
    for parent, child in _ancestors(leaf):
        if parent.type in ("suite", "file_input"):
            last = child.end_pos[0] - (child.end_pos[1] == 0)
            return range(child.start_pos[0], last + 1)
    return range(leaf.start_pos[0], leaf.end_pos[0] + 1)
