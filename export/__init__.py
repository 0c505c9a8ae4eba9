"""From trained models to served ones."""
