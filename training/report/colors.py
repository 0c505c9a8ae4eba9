"""Colors of a report's figures."""

INK, MUTED, PAPER = "#222222", "#8a8f98", "#f1f3f6"
TRAIN, VALIDATION, PRIOR = "#9db4d0", "#1f4e8c", "#c23b22"
