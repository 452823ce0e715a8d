"""The Merkle tree of RFC 9162, section 2.1 (as in RFC 6962): roots that grow, and proofs about them."""

import hashlib
from collections.abc import Iterable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees as their parent."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees a growing tree is made of, largest first: all it takes to go on."""

    __slots__ = ("_roots", "size")

    def __init__(self, size: int = 0, stored: bytes = b"") -> None:
        """Continue a tree of ``size`` leaves. Raises ValueError where the stored roots do not fit the size."""
        if len(stored) != size.bit_count() * HASH_SIZE:
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} roots, not {len(stored)} bytes")
        self.size = size
        self._roots = [stored[start : start + HASH_SIZE] for start in range(0, len(stored), HASH_SIZE)]

    def append(self, leaf: bytes) -> None:
        """Grow by one leaf hash."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            size >>= 1
        self._roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root

    def stored(self) -> bytes:
        """Return the roots as the bytes the constructor takes."""
        return b"".join(self._roots)


class Tree:
    """A whole tree, kept level by level so that any proof costs only its own length; 64 bytes a leaf.

    A node without a sibling is its own parent, which gives the very tree of the RFC.
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self._levels = [b"".join(leaves)]
        while len(self._levels[-1]) > HASH_SIZE:
            self._levels.append(_parents(self._levels[-1]))

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        return self._levels[-1] or EMPTY_ROOT

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Prove that leaf ``index`` is part of the tree (RFC 9162, 2.1.3.1)."""
        siblings = ((level, (index >> height ^ 1) * HASH_SIZE) for height, level in enumerate(self._levels))
        return [level[start : start + HASH_SIZE] for level, start in siblings if start < len(level)]


def _parents(level: bytes) -> bytes:
    pairs = range(0, len(level) - HASH_SIZE, 2 * HASH_SIZE)
    parents = [hashlib.sha256(b"\x01" + level[start : start + 2 * HASH_SIZE]).digest() for start in pairs]
    alone = level[-HASH_SIZE:] if len(level) // HASH_SIZE % 2 else b""
    return b"".join(parents) + alone


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over some leaf hashes, in constant memory."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """Prove that the tree over the first ``size`` leaves (1 or more) grew into the one over all (RFC 9162, 2.1.4.1)."""
    return _subproof(leaves, size, is_whole=True)


def _subproof(leaves: Sequence[bytes], size: int, *, is_whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if is_whole else [root_of(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*_subproof(leaves[:split], size, is_whole=is_whole), root_of(leaves[split:])]
    return [*_subproof(leaves[split:], size - split, is_whole=False), root_of(leaves[:split])]


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Check an inclusion proof (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes((leaf, root, *proof)):
        return False
    position, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(step, found)
            position, last = _climb(position, last)
        else:
            found = node_hash(found, step)
        position, last = position >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(size: int, root: bytes, larger: int, larger_root: bytes, proof: Sequence[bytes]) -> bool:
    """Check a consistency proof between a tree and a larger one (RFC 9162, 2.1.4.2). Empty trees prove nothing."""
    if not 1 <= size <= larger:
        return False
    if size == larger:
        return not proof and root == larger_root
    if not proof or not _are_hashes((root, larger_root, *proof)):
        return False
    steps = [root, *proof] if size & (size - 1) == 0 else list(proof)
    return _walk(size - 1, larger - 1, steps) == (root, larger_root)


def _walk(position: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Rebuild both roots from the steps of a proof, or None where it has too few or too many."""
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            before, after = node_hash(step, before), node_hash(step, after)
            position, last = _climb(position, last)
        else:
            after = node_hash(after, step)
        position, last = position >> 1, last >> 1
    return (before, after) if last == 0 else None


def _climb(position: int, last: int) -> tuple[int, int]:
    """Go up while the position is a left child, as both verification algorithms ask."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
