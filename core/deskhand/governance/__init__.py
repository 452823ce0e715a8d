"""What the agent may do for whom, and how good it is: policy, priority matrix, evaluation."""
