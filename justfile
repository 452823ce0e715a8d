# Everything CI runs, in the order CI runs it.
check: format lint types imports test

format:
    uv run --no-sync ruff format --check .

lint:
    uv run --no-sync ruff check .

types:
    uv run --no-sync mypy

imports:
    uv run --no-sync lint-imports

test:
    uv run --no-sync pytest

# Format the code and fix what can be fixed.
fix:
    uv run ruff check --fix .
    uv run ruff format .

# Build every wheel into dist/.
build:
    uv build --all-packages

# Write requirements.lock: every version and hash, no addresses.
lock:
    uv lock
    uv export --all-packages --all-groups --no-emit-workspace --format requirements-txt --no-header --no-annotate -o requirements.lock

# Everything docs/promises.md counts, in full: CI runs a seeded part of the first two and of the crash matrix. Takes half an hour.
prove:
    DESKHAND_PLANNER_WORLDS=100000 uv run --no-sync pytest tests/core/agent/planning/test_adversary.py
    DESKHAND_POLICY_CASES=100000 uv run --no-sync pytest tests/core/governance/test_permission.py
    uv run --no-sync pytest tests/core/records/test_tampering.py tests/core/records/test_power_loss.py tests/core/records/test_killing.py
    DESKHAND_WHOLE_MATRIX=1 uv run --no-sync pytest tests/journeys/test_dying_runs.py
    DESKHAND_EVERY_BOUNDARY=1 uv run --no-sync pytest tests/core/workflow/test_flows.py
    uv run --no-sync python benchmarks/audit.py --entries 1000000
