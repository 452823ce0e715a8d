"""How rows are joined is code, not Cedar: every comparison, limit and choice of it that slips is caught as well."""

import ast
import copy
import itertools
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from deskhand.governance import standing
from deskhand.governance.caps import Caps
from deskhand.governance.permission import guard_rails
from tests.core.governance.policy_cases import Case, generated, oracle

SOURCE = Path(standing.__file__).read_text(encoding="utf-8")
CASES = 12_000
TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
}
RENAMED = {"all": "any", "any": "all", "min": "max"}


@cache
def judged() -> tuple[tuple[Case, tuple[bool, frozenset[str]]], ...]:
    random = Random(11)
    return tuple((case, oracle(case)) for case in (generated(random) for _ in range(CASES)))


Slip = Callable[[Any], object]
"""Changes a node of the tree in place."""


def mutants() -> Iterator[tuple[str, str]]:
    """Change one node of the source at a time; yield the line it stands in and the whole."""
    tree, lines = ast.parse(SOURCE), SOURCE.splitlines()
    for place, node in enumerate(ast.walk(tree)):
        for slip in slips(node):
            whole = copy.deepcopy(tree)
            slip(next(itertools.islice(ast.walk(whole), place, None)))
            yield lines[getattr(node, "lineno", 1) - 1].strip(), ast.unparse(whole)


def slips(node: ast.AST) -> Iterator[Slip]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in TURNED:
            yield lambda each: each.ops.__setitem__(0, TURNED[type(operator)]())
        case ast.BoolOp():
            yield lambda each: setattr(each, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
            yield lambda each: each.values.pop()
        case ast.Name() if node.id in RENAMED:
            yield lambda each: setattr(each, "id", RENAMED[node.id])
        case ast.Set() | ast.Tuple(ctx=ast.Load()) if len(node.elts) > 1 and "..." not in ast.unparse(node):
            for at in range(len(node.elts)):
                yield lambda each, at=at: each.elts.pop(at)  # type: ignore[misc]  # bound here
        case ast.If() | ast.IfExp():
            yield lambda each: setattr(each, "test", ast.Constant(value=True))
            yield lambda each: setattr(each, "test", ast.Constant(value=False))


def decides_otherwise(source: str) -> bool:
    module = ModuleType("deskhand_mutant")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, "standing.py", "exec"), vars(module))  # noqa: S102  # our own module with a slip
        return any(answer(module, case) != expected for case, expected in judged())
    except Exception:  # noqa: BLE001  # a mutant that breaks is caught too
        return True
    finally:
        del sys.modules[module.__name__]


def answer(module: ModuleType, case: Case) -> tuple[bool, frozenset[str]]:
    request = case.request()
    caps = case.caps_allowed()
    rows = module.Table((row.grant() for row in case.rows), None if caps == Caps() else caps)
    decision = guard_rails().ask(case.verb, request, rows.standing(request))
    return decision.is_allowed, frozenset(decision.rules)


def test_every_slip_in_joining_rows_is_caught() -> None:
    assert not decides_otherwise(SOURCE)
    tried = list(mutants())
    assert len(tried) > 60
    assert [line for line, source in tried if not decides_otherwise(source)] == []
