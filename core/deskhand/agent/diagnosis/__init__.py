"""Why a run failed, from its record, and what would mend the automation; it proposes and carries nothing out."""
