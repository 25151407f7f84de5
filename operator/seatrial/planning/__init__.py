"""From what is wanted and what is seen to one plan: what to do, what to say, when to look again."""
