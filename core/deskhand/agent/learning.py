"""What the agent learns from closed tickets, the engine's worth included."""

from collections.abc import Sequence

from deskhand.agent.consulting import Consultant, Trial
from deskhand.agent.settings import TriageSettings
from deskhand.knowledge.history import History
from deskhand.knowledge.memory import Past
from deskhand.knowledge.training import Lesson, train
from deskhand.llm.engine import Engine

EMBEDDED_TRIALS = 150
"""An embedding costs a few milliseconds: so many past tickets are tried to learn its weight."""


def learn(past: Sequence[Past], engine: Engine, settings: TriageSettings) -> History:
    """Train a history on closed tickets, oldest first, and learn how far this engine is to be trusted beside it.

    Without a model this takes some five seconds for 5,000 tickets. A model is asked about as many past tickets and
    examples as ``settings.model_trial_tickets`` says: that takes as long as the model does.
    """
    trial = Trial(Consultant(engine, settings.model_deadline_seconds), settings.model_trial_tickets, EMBEDDED_TRIALS)
    lesson = Lesson(
        target_precision=settings.target_precision,
        level_precision=settings.level_precision,
        most=settings.history_tickets,
        unset=settings.unset,
        monitoring_sources=settings.monitoring_sources,
        consult=trial.consult,
    )
    return train(past, lesson)
