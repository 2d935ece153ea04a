"""Why a trial stopped, in words and numbers, and how often such a stop is right."""
