"""The operators: small faults that a person could make, each at every place where it fits.

Most are cosmic-ray's. It has none for what hurts here most, a guard that is not asked, so those few stand here, written against
its interface for operators. Left out of cosmic-ray's: what only makes a program crash (a decorator taken away, a variable
replaced), and comparisons other than the opposite one and the one that moves the limit by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator
from parso.tree import NodeOrLeaf

_COMPARISONS = ("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt", "Eq_NotEq", "NotEq_Eq")
_IDENTITIES = ("Is_IsNot", "IsNot_Is")
_ARITHMETIC = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "BitAnd_BitOr", "BitOr_BitAnd")
_OTHERS = (
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceUnaryOperator_Delete_Not",
    "NumberReplacer",
    "ZeroIterationForLoop",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
)

_UNTOLD = ("log.", "progress(", "self._progress(")
"""Statements that tell people and logs how far something is: leaving them out changes nothing that is done."""


def _code(text: str) -> Any:
    return parso.parse(f" {text}")


class _Own(Operator):
    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class ConditionIgnored(_Own):
    """A guard that is not asked: a condition is always false, or always true. A filter lets everything through."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        for index, _ in self._answers(node):
            condition = node.children[index]
            yield condition.start_pos, condition.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        place, answer = self._answers(node)[index]
        node.children[place] = _code(answer)
        return node

    def _answers(self, node: NodeOrLeaf) -> list[tuple[int, str]]:
        if node.type == "if_stmt":
            places = [n for n, one in enumerate(node.children[:-1]) if getattr(one, "value", "") in ("if", "elif")]
            return [(place + 1, answer) for place in places for answer in ("False", "True")]
        if node.type in ("test", "ternary") and len(node.children) == 5:
            return [(2, "False"), (2, "True")]
        return [(1, "True")] if node.type == "comp_if" else []


class OperandDropped(_Own):
    """One of several conditions is forgotten."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        if node.type in ("and_test", "or_test"):
            for operand in node.children[::2]:
                yield operand.start_pos, operand.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        kept = [one.get_code(include_prefix=False) for n, one in enumerate(node.children[::2]) if n != index]
        return _code(f" {node.children[1].value} ".join(kept))


class StatementDropped(_Own):
    """A call for its effect, a refusal, a deletion or an addition is forgotten."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        if node.type == "simple_stmt" and self._fits(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        prefix = node.children[0].get_first_leaf().prefix
        node.children[0] = parso.parse(f"{prefix}pass")
        return node

    def _fits(self, statement: NodeOrLeaf) -> bool:
        if statement.get_code(include_prefix=False).startswith(_UNTOLD):
            return False
        if statement.type == "expr_stmt":
            return (
                len(statement.children) > 1
                and str(getattr(statement.children[1], "value", "=")).endswith("=")
                and (getattr(statement.children[1], "value", "=") != "=")
            )
        return (
            statement.type in ("atom_expr", "raise_stmt", "del_stmt") or getattr(statement, "value", "") == "continue"
        )


class ElementDropped(_Own):
    """One of several names that count is forgotten: in a set, or on the right of ``in``."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        for element in self._elements(node):
            yield element.start_pos, element.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        kept = [one.get_code(include_prefix=False) for n, one in enumerate(self._elements(node)) if n != index]
        node.children[1] = _code(", ".join(kept) + ",")
        return node

    def _elements(self, node: NodeOrLeaf) -> list[NodeOrLeaf]:
        if node.type != "atom" or len(node.children) != 3 or not hasattr(node.children[1], "children"):
            return []
        opened, inside, _ = node.children
        is_set = opened.value == "{"
        is_choice = node.parent.type == "comparison" and opened.value in ("(", "[")
        parts = [one.type for one in inside.children] + [getattr(one, "value", "") for one in inside.children]
        if not (is_set or is_choice) or inside.type not in ("testlist_comp", "dictorsetmaker"):
            return []
        if any(part in ("comp_for", "sync_comp_for", ":", "**", "argument") for part in parts):
            return []
        elements = [one for one in inside.children if getattr(one, "value", "") != ","]
        return elements if len(elements) > 1 else []


class MembershipNegated(_Own):
    """``in`` and ``not in``, the one instead of the other."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Any, Any]]:
        for place in self._places(node):
            yield node.children[place].start_pos, node.children[place].end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        place = self._places(node)[index]
        node.children[place] = _code("not in" if node.children[place].get_code().strip() == "in" else "in")
        return node

    def _places(self, node: NodeOrLeaf) -> list[int]:
        if node.type != "comparison":
            return []
        return [n for n in range(1, len(node.children), 2) if node.children[n].get_code().split()[-1] == "in"]


def operators() -> Mapping[str, Operator]:
    """Every operator by name, cosmic-ray's and ours, in an order that does not change."""
    names = [
        *(f"ReplaceComparisonOperator_{one}" for one in (*_COMPARISONS, *_IDENTITIES)),
        *(f"ReplaceBinaryOperator_{one}" for one in _ARITHMETIC),
        *_OTHERS,
    ]
    own = (ConditionIgnored, OperandDropped, StatementDropped, ElementDropped, MembershipNegated)
    return {name: get_operator(f"core/{name}")() for name in names} | {one.__name__: one() for one in own}
