import base64
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.records.audit.merkle import (
    Frontier,
    Tree,
    consistency_proof,
    is_consistent,
    is_included,
    leaf_hash,
    root_of,
)
from tests.repository import SHARED

VECTORS = SHARED / "data" / "rfc6962" / "testdata"
LEAVES = [leaf_hash(bytes([number])) for number in range(40)]


def tree_hash(entries: Sequence[bytes]) -> bytes:
    """The definition in RFC 9162, 2.1.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha256(b"\x01" + tree_hash(entries[:split]) + tree_hash(entries[split:])).digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_growing_root_is_the_definition_at_every_size(entries: list[bytes]) -> None:
    frontier = Frontier()
    assert frontier.root() == tree_hash([])
    for size, entry in enumerate(entries, 1):
        frontier.append(leaf_hash(entry))
        assert frontier.root() == tree_hash(entries[:size])


@given(st.lists(st.binary(max_size=8), max_size=70), st.integers(0, 70))
def test_a_stored_frontier_goes_on_as_if_it_had_never_stopped(entries: list[bytes], stop: int) -> None:
    frontier = Frontier()
    for entry in entries[:stop]:
        frontier.append(leaf_hash(entry))
    resumed = Frontier(frontier.size, frontier.stored())
    for entry in entries[stop:]:
        resumed.append(leaf_hash(entry))
    assert resumed.root() == tree_hash(entries)


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="3 leaves has 2 roots"):
        Frontier(3, bytes(32))


def test_every_leaf_is_proved_in_every_tree_and_nowhere_else() -> None:
    for size in range(1, 41):
        leaves = LEAVES[:size]
        tree, root = Tree(leaves), root_of(leaves)
        assert tree.root == root
        for index in range(size):
            proof = tree.inclusion_proof(index)
            assert is_included(leaves[index], index, size, proof, root)
            assert not is_included(leaves[index], (index + 1) % size, size, proof, root) or size == 1
            assert not is_included(leaf_hash(b"other"), index, size, proof, root)
            assert not is_included(leaves[index], index, size, [*proof, root], root)
            assert not proof or not is_included(leaves[index], index, size, proof[:-1], root)


def test_every_tree_is_proved_to_have_grown_from_every_smaller_one() -> None:
    roots = [root_of(LEAVES[:size]) for size in range(41)]
    for smaller, larger in itertools.combinations_with_replacement(range(1, 41), 2):
        proof = consistency_proof(LEAVES[:larger], smaller)
        assert is_consistent(smaller, roots[smaller], larger, roots[larger], proof)
        assert not is_consistent(smaller, roots[smaller - 1], larger, roots[larger], proof)
        assert not is_consistent(smaller, roots[smaller], larger, roots[larger - 1], proof)
        assert not is_consistent(smaller, roots[smaller], larger, roots[larger], [*proof, roots[1]])


def test_nothing_is_proved_about_an_empty_tree() -> None:
    assert Tree([]).root == root_of([])
    assert not is_consistent(0, root_of([]), 1, root_of(LEAVES[:1]), [])
    assert not is_included(LEAVES[0], 0, 0, [], root_of([]))


def agrees(kind: str, vector: dict[str, Any]) -> bool:
    def bytes_of(name: str) -> bytes:
        return base64.b64decode(vector[name] or "")

    proof = [base64.b64decode(step or "") for step in vector["proof"] or []]
    if kind == "inclusion":
        held = is_included(bytes_of("leafHash"), vector["leafIdx"], vector["treeSize"], proof, bytes_of("root"))
    else:
        held = is_consistent(vector["size1"], bytes_of("root1"), vector["size2"], bytes_of("root2"), proof)
    return held is not vector["wantErr"]


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"the RFC 6962 vectors are not at {VECTORS}")
def test_the_published_vectors_agree() -> None:
    checked: Counter[str] = Counter()
    for kind in ("inclusion", "consistency"):
        for path in (VECTORS / kind).rglob("*.json"):
            assert agrees(kind, json.loads(path.read_text())), path
            checked[kind] += 1
    assert checked.total() == 196, checked
