"""What the commands share, free of TensorFlow: how they end, signals, atomic files, tables, specs."""
