"""Makes a contract binding: a plugin inherits its tests and can neither replace, remove, skip nor excuse them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from inspect import getattr_static
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest  # a rehearsal runs where pytest is not installed

EXCUSES = frozenset({"skip", "skipif", "xfail"})


class BindingError(TypeError):
    """A test class tried to get out of its contract."""


def _tests(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if name.startswith("test_"))


def _is_inherited(test_class: type, test: str) -> bool:
    return any(test in vars(terms) for terms in test_class.__mro__[1:])


def _refuse_excuse(name: str, attribute: str, value: object) -> None:
    if attribute == "__test__" and not value:
        raise BindingError(f"{name} cannot hide from its contract")
    if attribute == "pytestmark":
        marks = value if isinstance(value, list | tuple) else [value]
        excuses = {getattr(mark, "name", "") for mark in marks} & EXCUSES
        if excuses:
            raise BindingError(f"{name} cannot be excused from its contract by {', '.join(sorted(excuses))}")


class Binding(type):
    """The type of contracts and of the classes bound by them."""

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, object], **options: object) -> None:
        """Refuse a class whose contract tests are not those of its contracts."""
        super().__init__(name, bases, body, **options)
        for terms in cls.__mro__[1:]:
            if isinstance(terms, Binding):
                for test in _tests(vars(terms)):
                    if getattr_static(cls, test, None) is not vars(terms)[test]:
                        raise BindingError(f"{name} replaces the contract's {test}; give your own test another name")
        for attribute, value in body.items():
            _refuse_excuse(name, attribute, value)

    def __setattr__(cls, attribute: str, value: object) -> None:
        """Refuse to replace a test or to excuse the class, also after the fact."""
        if attribute in set(_tests(dir(cls))):
            raise BindingError(f"{cls.__name__}.{attribute} is part of a contract and cannot be replaced")
        _refuse_excuse(cls.__name__, attribute, value)
        super().__setattr__(attribute, value)

    def __delattr__(cls, attribute: str) -> None:
        """Refuse to remove a test."""
        if attribute in set(_tests(dir(cls))):
            raise BindingError(f"{cls.__name__}.{attribute} is part of a contract and cannot be removed")
        super().__delattr__(attribute)


class Contract(metaclass=Binding):
    """Tests that come with a role."""

    def test_no_part_of_the_contract_is_excused(self, request: "pytest.FixtureRequest") -> None:
        """No mark on a test, its class or its module skips a contract's test or lets it fail."""
        for item in request.session.items:
            test_class = getattr(item, "cls", None)
            if isinstance(test_class, Binding) and _is_inherited(test_class, getattr(item, "originalname", "")):
                marks = {mark.name for mark in item.iter_markers()}
                assert not marks & EXCUSES, f"{item.nodeid} is excused from its contract"


@contextmanager
def expected(*errors: type[Exception]) -> Iterator[None]:
    """Pass if the block raises one of these errors, fail if it raises none."""
    try:
        yield
    except errors:
        return
    names = " or ".join(error.__name__ for error in errors)
    raise AssertionError(f"nothing was raised where {names} was due")
